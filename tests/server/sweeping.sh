# shellcheck shell=bash
# What sweep.sh and the case `sweep` share: an apply is killed at each of its steps (build-faults), recovered, and the
# whole managed state of the server held against the state before, or after. Source case.sh first.
#   sweep_measure PART         a whole apply of that part on a server of its own; $SWEEP_DATA/PART.steps, .after, .kinds
#   sweep_points PART          which of the steps are points: "N MODE" lines
#   sweep_run PART FILE        the points of FILE, on as few servers as can be; a line each to $SWEEP_RESULTS and to `sweep_tell`
#   sweep_unreached [NAME...]  what these applies and their recovery should have come to and did not; NAMEs are let off
# A line of the results has tabs: part, N, mode, step, side, "yes" when all held, which state, seconds, of them to the
# kill + of recovery + of comparing, the step's object.
# What happens inside is sweep-guest.py's.
# shellcheck source=tests/server/sweep-manifests.sh
. "$(dirname "${BASH_SOURCE[0]}")/sweep-manifests.sh"
# Nothing here survives the machine, so syncs are left out: this sweep is about crashes, powercut.sh about power cuts.
export LAB_OVERLAY=volatile,
SWEEP_DATA=${SWEEP_DATA:-$TMP}
SWEEP_RESULTS=${SWEEP_RESULTS:-$SWEEP_DATA/results}

# Names of steps that neither these applies nor their recovery come to, and why.
declare -A SWEEP_BEYOND=(
  ["apt update"]="only on a machine without package lists, which are no managed state"
  ["apt reinstall"]="only for a package that a killed dpkg left broken (case packages)"
  ["apt configure"]="only for a package that a killed dpkg left broken (case packages)"
  ["xattr"]="only where undo is kept on another file system (unit test host/save)"
  ["timer"]="only of an apply with --confirm (case confirm)"
)
# And of kinds with what can be done to them.
declare -A SWEEP_NEVER=(
  ["service create"]="a unit comes with its package"
  ["service remove"]="a unit goes with its package"
  ["wordpress remove"]="goes with the tree and the database of its site"
)

sweep_cache() { case $sweep_warm in *" $1 "*) echo warm ;; *) echo cold ;; esac; }
sweep_guest() { guest python3 /root/sweep-guest.py "$@"; }

sweep_ready() { # this case's server, ready for the apply of that part
  local part=$1
  boot site
  program build-faults/citrus
  put /root/sweep-guest.py <"$LAB_TOP/tests/server/sweep-guest.py"
  "sweep_$part" >"$TMP/part.yaml"
  lab_manifest "$TMP/part.yaml" >"$TMP/part.full"
  put "/root/$part.yaml" <"$TMP/part.full"
  if declare -F "sweep_drift_$part" >/dev/null; then "sweep_drift_$part" | guest bash -e; fi
}

sweep_measure() {
  local part=$1 f
  sweep_ready "$part"
  run python3 /root/sweep-guest.py measure "/root/$part.yaml" "$(sweep_cache "$part")"
  [ "$RC" = 0 ] || return 1
  for f in steps after kinds; do guest cat "/root/sweep/$f" </dev/null >"$SWEEP_DATA/$part.$f"; done
  if [ "$part" = fetch ]; then # the rest is `make`
    awk -F'\t' '$2 == "commit" && $1 > 0 {exit} {print}' "$SWEEP_DATA/fetch.steps" >"$SWEEP_DATA/fetch.cut"
    mv "$SWEEP_DATA/fetch.cut" "$SWEEP_DATA/fetch.steps"
  fi
}

# The moments between two changes. Right after one step and right before the next is the same moment, for what changes
# something passes a step (tests/layers/mutations.sh), so of these two one is a point, in turn the one and the other.
# Where a tree is copied or removed file by file, 60 and more like steps below one directory, the first and last five
# moments are points, and every 301st. In the middle of a part one is recovered by the same apply, which goes on.
sweep_points() {
  awk -F'\t' '$1 > 0 {
      n = $1; side[n] = $3; what[n] = $2
      split($4, p, "/")
      place = p[2] "/" p[3] "/" p[4] "/" p[5]
      like = ($2 ~ /^(create|copy|chmod|mkdir|unlink|times|chown|link)$/) ? place : "step " n
      if (like != last) run++
      last = like
      r[n] = run
    }
    END {
      split("recover apply recover apply recover apply recover twice", mode, " ")
      for (i = 1; i <= n; i++) {
        # after the last is after a whole apply, which `measure` looks at
        if (i == n || !(side[i] == "before" && side[i + 1] == "after" && what[i] == what[i + 1])) continue
        m++
        at[m] = ((m + int(m / 8)) % 2 && i > 1) ? i - 1 : i
        k[m] = ++len[r[i]]
        run_of[m] = r[i]
      }
      for (i = 1; i <= m; i++)
        if (len[run_of[i]] < 60 || k[i] <= 5 || k[i] > len[run_of[i]] - 5 || k[i] % 301 == 0) point[++points] = at[i]
      for (i = 1; i <= points; i++) print point[i], (i == int(points / 2)) ? "through" : mode[(i + int(i / 8)) % 8 + 1]
    }' "$SWEEP_DATA/$1.steps"
}

sweep_run() {
  local part=$1 line told=0
  cp "$2" "$TMP/left"
  while [ -s "$TMP/left" ]; do
    step "$part: $(wc -l <"$TMP/left") points"
    sweep_ready "$part"
    guest mkdir -p /root/sweep
    put /root/sweep/after <"$SWEEP_DATA/$part.after"
    : >"$TMP/told"
    while IFS= read -r line; do
      printf '%s\t%s\n' "$part" "$line" | tee -a "$SWEEP_RESULTS" >>"$TMP/told"
      sweep_tell "$part"$'\t'"$line"
    done < <(sweep_guest points "/root/$part.yaml" "$(sweep_cache "$part")" <"$TMP/left")
    guest cat /root/sweep/reached </dev/null >>"$SWEEP_DATA/reached" || true
    told=$(wc -l <"$TMP/told")
    if [ "$told" = 0 ]; then # it did not come to a first one: that one has failed
      line=$(head -1 "$TMP/left")
      line="$part"$'\t'"${line% *}"$'\t'"${line#* }"$'\t'$'\t'$'\t'"no"$'\t'"the server was not made ready, see the log"$'\t'0$'\t'$'\t'
      echo "$line" >>"$SWEEP_RESULTS"
      sweep_tell "$line"
      told=1
    fi
    sed -i "1,${told}d" "$TMP/left"
  done
}

sweep_unreached() {
  local name off kind op
  off=$(printf '|%s|' "$@")
  touch "$SWEEP_DATA/reached"
  awk -F'\t' '$1 > 0 {print $2}' "$SWEEP_DATA"/*.steps | sort -u - "$SWEEP_DATA/reached" >"$TMP/came"
  awk -F'\t' '$1 == 0 {print $2}' "$SWEEP_DATA"/*.steps | sort -u >"$TMP/known"
  [ -s "$TMP/known" ] || echo "no step at all"
  while IFS= read -r name; do
    case $off in *"|$name|"*) continue ;; esac
    if ! grep -Fxq "$name" "$TMP/came"; then
      [ -n "${SWEEP_BEYOND[$name]:-}" ] || echo "the step \"$name\" was never reached"
    elif [ -n "${SWEEP_BEYOND[$name]:-}" ]; then
      echo "the step \"$name\" is reached, and stands among those that are not"
    fi
  done <"$TMP/known"
  for name in "${!SWEEP_BEYOND[@]}"; do grep -Fxq "$name" "$TMP/known" || echo "\"$name\", which need not be reached, is no step"; done
  sort -u "$SWEEP_DATA"/*.kinds >"$TMP/kinds"
  while IFS= read -r kind; do
    for op in create update remove; do
      if ! grep -Fxq "$kind $op" "$TMP/kinds"; then
        [ -n "${SWEEP_NEVER[$kind $op]:-}" ] || echo "no $kind had the change \"$op\""
      elif [ -n "${SWEEP_NEVER[$kind $op]:-}" ]; then
        echo "\"$kind $op\" is reached, and stands among what is not"
      fi
    done
  done < <(grep -oE '&[a-z_]+_kind\>' "$LAB_TOP/src/kinds/registry.c" | sed 's/^&//; s/_kind$//')
}
