#!/bin/bash
# The crash sweep: for every moment between two changes in applies that make, change and remove every kind, an apply is
# killed there, recovered, and the server held against the state before, or after (sweeping.sh says how).
#   tests/server/sweep.sh [--every N] [--from PART[:STEP]] [--again] [--table] [PART...]
#     PART      packages, server, ...: these only (sweep-manifests.sh has the list)
#     --every N one in N of the points     --from   leaves out what comes before
#     --again   forgets earlier results    --table  runs nothing, writes the table of what there is
# Results are kept in $CITRUS_LAB/sweep as long as the program is the same, so a run that was ended goes on where it was;
# what did not recover is tried again. Prints a line per point, `N points, N recovered`, and writes docs/sweep.md. Ends
# with 1 when one point was not recovered, or one kind or one name of a step was not reached.
export CITRUS_CASE=sweep-whole
export SWEEP_DATA=${CITRUS_LAB:-/var/tmp/citrus-lab}/sweep
[ "${1:-}" = --below ] || exec 3>&1 # the checks are shown; the rest goes to the log
if [ "${1:-}" != --below ]; then # what is shown and the log part here
  mkdir -p "$SWEEP_DATA"
  bash "$0" --below "$@" >"$SWEEP_DATA/log" 2>&1 </dev/null
  exit
fi
shift
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/case.sh"
# shellcheck source=tests/server/sweeping.sh
. "$(dirname "$0")/sweeping.sh"
# shellcheck source=tests/server/sweep-table.sh
. "$(dirname "$0")/sweep-table.sh"
cd "$LAB_TOP"

every=1 from='' again='' table='' parts=()
while [ $# -gt 0 ]; do
  case $1 in
  --every) every=$2 && shift 2 ;;
  --from) from=$2 && shift 2 ;;
  --again) again=yes && shift ;;
  --table) table=yes && shift ;;
  *) parts+=("$1") && shift ;;
  esac
done
[ ${#parts[@]} -gt 0 ] || parts=("${sweep_parts[@]}")

sweep_tell() { # a line of the results, for a person
  CHECKS=$((CHECKS + 1))
  awk -F'\t' '{printf "%s %s/%s %s %s (%s): %s, %s s\n", ($6 == "yes") ? "ok  " : "FAIL", $1, $2, $5, $4, $3, $7, $8}' <<<"$1" >&3
}

if [ -z "$table" ]; then
  # Two runs on one machine would boot hosts of the same names.
  exec 7>"$LAB/run/run.lock"
  flock -n 7 || { lab_say "another run holds this lab; waiting for it"; flock 7; }
  mkdir -p "$TMP" # the end of that run took it along
  tests/server/lab.sh prepare 7>&-
  tests/server/lab.sh layer site 7>&-

  # Numbers of steps are this build's, and what held with another says nothing of it.
  key=$(cat build-faults/citrus tests/server/{sweep-manifests.sh,sweep-guest.py,site.yaml} | sha256sum)
  if [ -n "$again" ]; then rm -f "$SWEEP_DATA"/{results,*.steps}; fi
  if [ "$(cat "$SWEEP_DATA/key" 2>/dev/null)" != "$key" ]; then rm -f "$SWEEP_DATA"/*.{steps,after,kinds} "$SWEEP_DATA"/{reached,results}; fi
  echo "$key" >"$SWEEP_DATA/key"
  sweep_when >"$SWEEP_DATA/when"
  for part in "${sweep_parts[@]}"; do
    [ -s "$SWEEP_DATA/$part.steps" ] && continue
    # these processes hold no lock
    if sweep_measure "$part" 7>&-; then pass "$part: a whole apply, $(awk '$1 > 0' "$SWEEP_DATA/$part.steps" | wc -l) steps"; else fail "$part: the whole apply" "$OUT"; fi
  done
  for part in "${parts[@]}"; do
    [ -s "$SWEEP_DATA/$part.steps" ] || continue
    [ -z "$from" ] || [ "${from%%:*}" = "$part" ] || continue
    sweep_missing "$part" "$every" "$(sed -n 's/^[^:]*://p' <<<"$from")" >"$SWEEP_DATA/todo"
    from=''
    sweep_run "$part" "$SWEEP_DATA/todo" 7>&-
  done
fi

sweep_table >"$SWEEP_DATA/sweep.md"
cp "$SWEEP_DATA/sweep.md" docs/sweep.md
unreached=$(sweep_unreached "")
[ -z "$unreached" ] || fail "what should have been reached" "$unreached"
sweep_lines | awk -F'\t' '$6 != "yes" {print "FAIL", $1 "/" $2, $3, $5, $4, $9 ": " $7}' >&3
grep -E '^\*\*.* points' "$SWEEP_DATA/sweep.md" | tr -d '*' >&3
CHECKS=$((CHECKS + 1))
[ -z "$unreached" ] && sweep_lines | awk -F'\t' '$6 == "yes" {ok++} END {exit !(NR > 0 && ok == NR)}'
