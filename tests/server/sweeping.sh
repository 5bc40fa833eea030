# shellcheck shell=bash
# What sweep.sh and the case `sweep` share: one apply is killed at its step n (build-faults), recovered, and the
# whole managed state of the server held against the state before, or after. Source case.sh first.
#   sweep_ready PART            this case's server, ready for the apply of that part; its state is kept
#   sweep_measure PART          a whole apply there: $TMP/steps.PART, and what the server is then: $TMP/after.PART
#   sweep_points PART           which of the steps are points (reads steps.PART)
#   sweep_point PART N MODE     one point; a line with its result to $SWEEP_RESULTS; status 0 when all held
# Modes: recover (`citrus recover`), apply (the next apply recovers by itself), twice (recover is killed as
# well), through (the next apply recovers and goes on to the end: the server is of no more use then).
# shellcheck source=tests/server/sweep-manifests.sh
. "$(dirname "${BASH_SOURCE[0]}")/sweep-manifests.sh"
# Nothing here survives the machine, so syncs are left out: this sweep is about crashes, not power cuts.
export LAB_OVERLAY=volatile,
SWEEP_RESULTS=${SWEEP_RESULTS:-$TMP/results}
SWEEP_REACHED=${SWEEP_REACHED:-$TMP/reached}
SWEEP_DATA=${SWEEP_DATA:-$TMP}
SWEEP_WHY='' SWEEP_STALE=yes

# Names of steps that none of these applies, nor their recovery, comes to, and why.
declare -A SWEEP_BEYOND=(
  ["apt update"]="only on a machine without package lists, which are no managed state"
  ["apt reinstall"]="only for a package that a killed dpkg left broken (case packages)"
  ["apt configure"]="the same"
  ["times"]="only where an old file is not the same inode any more (unit test host/save)"
  ["xattr"]="only where undo is kept on another file system (unit test host/save)"
  ["timer"]="only of an apply with --confirm (case confirm)"
)

sweep_ready() {
  local part site
  part=$1
  boot site
  program build-faults/citrus
  "sweep_$part" >"$TMP/part.yaml"
  lab_manifest "$TMP/part.yaml" >"$TMP/part.full"
  put "/root/$part.yaml" <"$TMP/part.full"
  case $part in
  server) # something to install, a service to enable and start
    guest bash -ec 'dpkg --purge strace; systemctl disable --now php8.2-fpm' </dev/null
    ;;
  change) # what only drift changes: a grant, a character set, the mode of a directory
    guest bash -ec 'u=$(mariadb -NBe "select user from mysql.user where user like \"blog%\"")
      mariadb -e "revoke drop on \`${u//_/\\_}\`.* from \`$u\`@localhost; alter database \`$u\` character set latin1"
      chmod 700 /var/www/blog.example.com/logs' </dev/null
    ;;
  esac
  # the first visits make WordPress write what it has not yet; the health gate visits, too
  for _ in 1 2; do for site in blog news; do status_of "https://$site.example.com/" && status_of "https://$site.example.com/wp-cron.php"; done; done || true
  sweep_fresh
  run citrus apply --plan "/root/$part.yaml"
  printf '%s\n' "$OUT" >"$TMP/plan.$part"
  sweep_state >"$TMP/before"
  SWEEP_STALE=
}
# Downloads are fetched anew each time, or the numbers of the steps would move.
sweep_fresh() { guest rm -rf /var/cache/citrus /root/steps </dev/null; }

# `state` and more: the rows of all databases, the store. Not the secrets and the digests of downloads, which are
# kept once they are made, nor the history; nor times of what apt and systemctl rewrite as they undo.
sweep_state() {
  state | awk '$1 == "content" && $2 ~ "^/etc/(passwd|group|shadow|gshadow)$" {next}
    $2 ~ "^/var/lib/citrus/(artifacts/|trash$)" {next}
    $1 == "running" {NF = 3} $2 ~ "^/etc/(rc[0-9S]\\.d|systemd/system|alternatives)/" {$7 = "-"} {print}'
  # WordPress keeps its timetable and what it remembers for a while as it likes, whenever somebody visits
  guest bash -ec 'for d in $(mariadb -NBe "select schema_name from information_schema.schemata where schema_name like \"%\_example\_%\""); do
      echo "rows $d $(mariadb-dump --skip-dump-date --skip-comments --single-transaction --ignore-table="$d.wp_options" "$d" | sha256sum)"
      echo "rows $d options $(mariadb -NBe "select option_name, option_value, autoload from \`$d\`.wp_options
        where option_name <> \"cron\" and option_name not like \"%\_transient\_%\" and option_name not like \"%lock%\" order by 1" | sha256sum)"
    done' </dev/null
  # a line that went and came is at the end now
  guest bash -c 'for f in passwd group shadow gshadow; do sort /etc/$f | sed "s/^/$f /"; done' </dev/null
  rm -rf "$TMP/db"
  mkdir "$TMP/db"
  guest bash -c 'cd /var/lib/citrus && tar -cf - store.db*' </dev/null | tar -C "$TMP/db" -xf -
  sqlite3 "$TMP/db/store.db" "select 'store', 'managed', kind, id, site, spec, hex(wanted), rank, generation from managed;
    select 'store', 'generation', number, tx, digest, status from generation;
    select 'store', 'open', id, state from tx where state not in ('done', 'undone', 'partial')"
}
# What both ways to the new state have in common: names, types, modes, owners, packages, units, accounts.
# Contents, keys and passwords are made anew each time.
sweep_outline() {
  awk '$1 == "content" || $1 == "rows" || /^store\|generation/ {next}
    $1 == "file" && $2 ~ "^/var/lib/citrus/" {next}
    $1 == "file" {$6 = $7 = "-"} $1 == "user" || $1 == "grant" {NF = 3} $1 == "shadow" {next}
    /^store\|managed/ {split($0, f, "|"); $0 = "managed " f[3] " " f[4]} {print}' "$1"
}

sweep_measure() {
  local part
  part=$1
  sweep_ready "$part"
  run env CITRUS_STEPS_LOG=/root/steps citrus apply --yes "/root/$part.yaml"
  [ "$RC" = 0 ] || return 1
  guest cat /root/steps </dev/null >"$SWEEP_DATA/steps.$part"
  sweep_state >"$TMP/after"
  sweep_outline "$TMP/after" >"$SWEEP_DATA/after.$part"
  SWEEP_STALE=yes
}

# Every step is a point, but for a tree that is copied or removed file by file: of such a run of like steps below
# one tree, its first and last ten and every 600th are.
sweep_points() {
  awk -F'\t' '$1 > 0 {
      split($4, p, "/")
      place = p[2] "/" p[3] "/" p[4]
      like = ($2 ~ /^(create|copy|chmod|mkdir|unlink|times|chown|link)$/) ? place : "step " $1
      if (like != last) run++
      last = like
      r[$1] = run; len[run]++; at[$1] = len[run]
      n = $1
    }
    END { for (i = 1; i <= n; i++) if (len[r[i]] < 60 || at[i] <= 10 || at[i] > len[r[i]] - 10 || at[i] % 601 == 0) print i }' "$SWEEP_DATA/steps.$1"
}

sweep_same() { # nothing to be said when $TMP/now is as before
  [ -s "$TMP/now" ] && [ -s "$TMP/before" ] && diff "$TMP/before" "$TMP/now" >"$TMP/diff"
}
sweep_new() { # or as the apply wanted it
  sweep_outline "$TMP/now" >"$TMP/outline"
  diff "$SWEEP_DATA/after.$1" "$TMP/outline" >"$TMP/diff.new"
}
sweep_bad() {
  SWEEP_WHY=$1
  echo "SWEEP: $1"
  head -60 "$TMP/diff" 2>/dev/null || true
  printf '%s\n' "$OUT" | tail -20
  return 1
}

sweep_mode() { # sweep_mode I: what comes after the kill, in turn
  case $(($1 % 8)) in 0 | 2 | 4 | 6) echo recover ;; 1 | 3 | 5) echo apply ;; 7) echo twice ;; esac
}
sweep_unreached() { # names that no log has, beside those that can't be had here
  local name
  touch "$SWEEP_REACHED"
  awk -F'\t' '$1 > 0 {print $2}' "$SWEEP_DATA"/steps.* | sort -u - "$SWEEP_REACHED" >"$TMP/came"
  awk -F'\t' '$1 == 0 {print $2}' "$SWEEP_DATA"/steps.* | sort -u >"$TMP/known"
  comm -23 "$TMP/known" "$TMP/came" | while IFS= read -r name; do
    [ -n "${SWEEP_BEYOND[$name]:-}" ] || echo "$name"
  done
}

sweep_die() { # sweep_die N CMD...: killed at its step N, or not when it has fewer; the step is in $TMP/died
  local n=$1
  shift
  guest rm -f /root/steps </dev/null
  run env CITRUS_STEPS_LOG=/root/steps CITRUS_DIE_AT="$n" "$@"
  guest cat /root/steps </dev/null >"$TMP/steps" 2>/dev/null || : >"$TMP/steps"
  awk -F'\t' '$1 > 0 {print $2}' "$TMP/steps" | sort -u >>"$SWEEP_REACHED"
  tail -1 "$TMP/steps" >"$TMP/died"
}

sweep_recovered() { # sweep_recovered PART N MODE: brings the server out of it
  local part=$1 n=$2
  case $3 in
  twice)
    sweep_die $((n % 37 + 1)) citrus recover
    [ "$RC" = 137 ] || [ "$RC" = 0 ] || { sweep_bad "recover, to be killed, ended with $RC"; return 1; }
    run citrus recover
    ;;
  recover)
    sweep_die 0 citrus recover
    ;;
  apply) # a site that this apply has nothing to change at
    run citrus apply --yes --site news.example.com /etc/citrus/server.yaml
    ;;
  through) run citrus apply --yes "/root/$part.yaml" ;;
  esac
  [ "$RC" = 0 ] || { sweep_bad "$3 ended with $RC"; return 1; }
}

sweep_judge() { # after recovery: old or new, as was said, and the next plan is right
  local part=$1 mode=$2 said=$OUT
  sweep_state >"$TMP/now"
  if [ "$mode" != through ] && sweep_same; then
    case $said in *"the new state stands"*) sweep_bad "the old state is called new"; return 1 ;; esac
    SWEEP_WHY=old
    run citrus apply --plan "/root/$part.yaml"
    diff "$TMP/plan.$part" <(printf '%s\n' "$OUT") >"$TMP/diff" || { sweep_bad "the next plan is another"; return 1; }
    return 0
  fi
  [ "$mode" = through ] || case $said in *"old state stands"*) sweep_bad "the old state does not stand"; return 1 ;; esac
  sweep_new "$part" || { echo "from the new:"; head -30 "$TMP/diff.new"; echo "from the old:"; sweep_bad "neither the old state nor the new"; return 1; }
  SWEEP_WHY=new SWEEP_STALE=yes
  run citrus apply --plan --detailed-exitcode "/root/$part.yaml"
  [ "$RC" = 0 ] || { sweep_bad "the state is new and the plan is not empty"; return 1; }
}

sweep_point() {
  local part=$1 n=$2 mode=$3 ok=yes t0=$SECONDS what side object
  step "$part $n $mode"
  SWEEP_WHY=''
  : >"$TMP/diff"
  [ -z "$SWEEP_STALE" ] || sweep_ready "$part"
  sweep_fresh
  sweep_die "$n" citrus apply --yes "/root/$part.yaml"
  IFS=$'\t' read -r _ what side object <"$TMP/died" || true
  if [ "$RC" != 137 ]; then
    sweep_bad "it was not killed at step $n: exit $RC" || ok=no
  else
    { sweep_recovered "$part" "$n" "$mode" && sweep_judge "$part" "$mode"; } || ok=no
  fi
  printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$part" "$n" "$mode" "$what" "$side" "$ok" "$SWEEP_WHY" $((SECONDS - t0)) "$object" >>"$SWEEP_RESULTS"
  # what did not recover, or is at the end already, is no place for the next point
  if [ $ok = no ] || [ "$mode" = through ]; then SWEEP_STALE=yes; fi
  [ $ok = yes ]
}
