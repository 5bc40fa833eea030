# shellcheck shell=bash
# What powercut.sh and the case `powercut` share. Source case.sh first.
#   cut_some PART K SEED      K power cuts while the apply of that part runs; a line each to $CUTS
#   cut_tell LINE             the caller's: a line of $CUTS, for a person
# A line has tabs: part, when (ms after the start), what the apply was at, "yes" when all held, old or new or what was
# wrong, who recovered, what recovery said.
# The applies are those of the sweep (sweep-manifests.sh), and `install`: MariaDB, PHP and nginx from their packages.
# Recovered is by citrus-recover.service at the boot; where that is switched off, by hand or by the next apply.
# shellcheck source=tests/server/sweep-manifests.sh
. "$(dirname "${BASH_SOURCE[0]}")/sweep-manifests.sh"
CUTS=${CUTS:-$TMP/cuts}
export LAB_DISK=3G
# shellcheck disable=SC2034 # powercut.sh uses it
cut_parts=(install "${sweep_parts[@]}")
# About how long each takes, in ms, on a machine that does nothing else; SLOW says how far this one is from that. Learned
# anew from those that come to an end.
declare -A cut_time=([install]=25000 [packages]=4000 [server]=1800 [mariadb]=1500 [change]=1000 [core]=4000 [fetch]=4000
  [make]=9000 [site]=1000 [remove]=600)

sweep_install() { # on the layer `stack`, with these packages taken off
  sed '/^sites:/,$d' "$SITE"
  printf '  mariadb: {enabled: true, max_connections: 60}\nsites:\n'
  sweep_sites docs
}
sweep_drift_install() { echo 'apt-get purge -y -q mariadb-server mariadb-server-core nginx nginx-common php8.2-fpm redis-server htop; rm -rf /var/lib/mysql'; }

cut_ready() { # this case's server, ready for the apply of that part, its state written down
  local part=$1 t0
  boot "$([ "$part" = install ] && echo stack || echo site)"
  put /root/sweep-guest.py <"$LAB_TOP/tests/server/sweep-guest.py"
  "sweep_$part" >"$TMP/part.yaml"
  lab_manifest "$TMP/part.yaml" >"$TMP/part.full"
  put /root/part.yaml <"$TMP/part.full"
  if declare -F "sweep_drift_$part" >/dev/null; then "sweep_drift_$part" | guest bash -e; fi
  t0=${EPOCHREALTIME/./}
  guest citrus apply --plan /root/part.yaml </dev/null >"$TMP/plan" # the store is made where there is none
  SLOW=$(($(lab_ms "$t0") * 10 / 400 + 1)) # in tenths: 400 ms where nothing else runs
  [ $SLOW -ge 10 ] || SLOW=10
  if [ -s "${SWEEP_DATA:-$TMP}/$part.after" ]; then put /root/sweep/after <"$SWEEP_DATA/$part.after"; fi
  guest python3 /root/sweep-guest.py keep /root/part.yaml - </dev/null
}

# Who is to recover: two in three times the boot.
cut_by() { case $(($1 % 6)) in 0) echo recover ;; 3) echo apply ;; *) echo boot ;; esac; }

cut_now() { # cut_now PART MS BY: the apply, the cut, the boot; $SAID is what recovery said, $AT what the apply was at
  local part=$1 ms=$2 pid t0
  local wants=/lib/systemd/system/multi-user.target.wants/citrus-recover.service
  if [ "$3" = boot ]; then guest ln -sf ../citrus-recover.service $wants; else guest rm -f $wants; fi </dev/null
  guest sync </dev/null
  : >"$TMP/apply"
  guest sh -c 'echo begun; exec citrus apply --yes --no-health /root/part.yaml' </dev/null >"$TMP/apply" 2>&1 &
  pid=$!
  while kill -0 $pid 2>/dev/null && [ ! -s "$TMP/apply" ]; do sleep 0.01; done
  t0=${EPOCHREALTIME/./}
  while kill -0 $pid 2>/dev/null && [ "$(lab_ms "$t0")" -lt "$ms" ]; do sleep 0.01; done
  ENDED=''
  if ! kill -0 $pid 2>/dev/null; then
    wait $pid && ENDED=yes
    cut_time[$part]=$(($(lab_ms "$t0") * 10 / SLOW))
  fi
  lab_cut "$HOST"
  wait $pid || true
  cat "$TMP/apply"
  AT=$(sed -n '/^\[/h; ${x; p}' "$TMP/apply" | cut -c1-60)
  [ -z "$ENDED" ] || AT=ended
  lab_up "$HOST"
  guest bash -c 'for _ in {1..300}; do mariadb -e "select 1" >/dev/null 2>&1 || ! systemctl -q is-enabled mariadb 2>/dev/null && exit; sleep 0.1; done' </dev/null || true
  case $3 in
  boot) run journalctl -b -q --no-pager -o cat -u citrus-recover.service ;;
  recover) run citrus recover ;;
  apply) # of a site that has nothing to be changed
    run citrus apply --yes --no-health --site "$([ "$part" = remove ] && echo blog || echo news).example.com" /etc/citrus/server.yaml ;;
  esac
  SAID=$OUT
}

cut_some() { # cut_some PART K SEED
  local part=$1 k=$2 i ms by ok why stale=yes more
  RANDOM=$3
  for ((i = 0; i < k; i++)); do
    [ -z "$stale" ] || cut_ready "$part"
    stale='' more=''
    by=$(cut_by $((RANDOM + i)))
    if [ "$part" = install ] && [ "$by" = apply ]; then by=recover; fi # there is no manifest of before
    ms=$(((RANDOM * 32768 + RANDOM) % (cut_time[$part] * SLOW / 9) + 1))
    step "$part: the power goes after $ms ms ($by)"
    cut_now "$part" "$ms" "$by"
    run python3 /root/sweep-guest.py look /root/part.yaml "$SAID"
    ok=no why=$(head -1 <<<"$OUT")
    case $RC:$OUT:$ENDED in 0:old:) ok=yes ;; 0:new:*) ok=yes stale=yes ;; 0:old:yes) why="the apply had ended, and is lost" stale=yes ;; *) stale=yes ;; esac
    if [ $ok = yes ] && [ "$why" = old ] && [ "$part" = install ]; then # what was half installed must not be in the way
      run citrus apply --yes --no-health /root/part.yaml
      [ "$RC" = 0 ] || ok=no why="the next apply ended with $RC"
      run citrus apply --plan --detailed-exitcode /root/part.yaml
      [ "$RC" = 0 ] || ok=no why="after the next apply something is left to do"
      run bash -c 'for u in mariadb nginx php8.2-fpm; do systemctl -q is-active $u || exit; done'
      [ "$RC" = 0 ] || ok=no why="after the next apply not all services run"
      stale=yes more=", then new"
    fi
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$part" "$ms" "$AT" "$ok" "$why$more" "$by" "$(sed -n -E '/transaction|Nothing/{p; q}' <<<"$SAID")" >>"$CUTS"
    cut_tell "$(tail -1 "$CUTS")"
  done
}
