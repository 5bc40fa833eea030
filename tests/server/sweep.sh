#!/bin/bash
# The crash sweep: for every step n of applies that make, change and remove every kind, an apply is killed there,
# recovered, and the server held against the state before, or after (sweeping.sh says how).
#   tests/server/sweep.sh [--every N] [--jobs J] [PART...]    parts: server change make remove; each Nth point
# Prints a line per point, `N points, N recovered`, and writes docs/sweep.md. Ends with 1 when one point was
# not recovered or one name of a step was not reached.
# shellcheck source=tests/server/lab.sh
. "$(dirname "$0")/lab.sh"
lab_init
cd "$LAB_TOP"

if [ "${1:-}" = --worker ]; then # one part, or every jobs-th of its points, on a server of its own
  worker=$2 part=$3
  export CITRUS_CASE=sweep-$worker
  # shellcheck source=tests/server/case.sh
  . tests/server/case.sh
  # shellcheck source=tests/server/sweeping.sh
  . tests/server/sweeping.sh
  if [ "$4" = measure ]; then
    sweep_measure "$part"
    pass "measured $part"
    exit
  fi
  while read -r i n; do
    CHECKS=$((CHECKS + 1))
    sweep_point "$part" "$n" "$(sweep_mode "$i")" || true
    tail -1 "$SWEEP_RESULTS" | awk -F'\t' '{printf "%s %s/%s %s %s (%s): %s, %s s\n", ($6 == "yes") ? "ok  " : "FAIL", $1, $2, $4, $5, $3, $7, $8}' >&3
  done <"$4"
  exit
fi

every=1 jobs=2 parts=()
while [ $# -gt 0 ]; do
  case $1 in
  --every) every=$2 && shift 2 ;;
  --jobs) jobs=$2 && shift 2 ;;
  *) parts+=("$1") && shift ;;
  esac
done
# shellcheck source=tests/server/sweep-manifests.sh
. tests/server/sweep-manifests.sh
[ ${#parts[@]} -gt 0 ] || parts=("${sweep_parts[@]}")

# Two runs on one machine would boot hosts of the same names.
exec 7>"$LAB/run/run.lock"
flock -n 7 || { lab_say "another run holds this lab; waiting for it"; flock 7; }
tests/server/lab.sh prepare 7>&-
tests/server/lab.sh layer site 7>&-

export SWEEP_DATA=$LAB/run/sweep CITRUS_TEST_LOGS=$LAB/log/sweep
rm -rf "$SWEEP_DATA"
mkdir -p "$SWEEP_DATA" "$CITRUS_TEST_LOGS"
stop() {
  trap - INT TERM
  for p in $(jobs -pr); do kill -TERM "$p" 2>/dev/null || true; done
  wait
  lab_net_down
  exit 130
}
trap stop INT TERM

worker() { # worker NAME PART WHAT
  SWEEP_RESULTS=$SWEEP_DATA/results.$1 SWEEP_REACHED=$SWEEP_DATA/reached.$1 bash tests/server/sweep.sh --worker "$@" \
    3>&1 >>"$CITRUS_TEST_LOGS/$1-$2.out" 2>&1 7>&- </dev/null &
}
for part in "${parts[@]}"; do
  while [ "$(jobs -pr | wc -l)" -ge "$jobs" ]; do wait -n || true; done
  worker "$part" "$part" measure
done
wait
failed=0
for part in "${parts[@]}"; do
  [ -s "$SWEEP_DATA/after.$part" ] || { echo "FAIL $part: its whole apply did not come to an end, see $CITRUS_TEST_LOGS"; failed=1; }
done
[ $failed = 0 ] || exit 1

# shellcheck disable=SC2034 # sweeping.sh takes it where no case is
TMP=$SWEEP_DATA
# shellcheck source=tests/server/sweeping.sh
. tests/server/sweeping.sh
for part in "${parts[@]}"; do
  sweep_points "$part" | awk -v every="$every" 'NR % every == 0 {print NR / every, $0}' >"$SWEEP_DATA/points.$part"
  for ((j = 0; j < jobs; j++)); do
    awk -v j="$j" -v jobs="$jobs" 'NR % jobs == j' "$SWEEP_DATA/points.$part" >"$SWEEP_DATA/points.$part.$j"
    worker "$j" "$part" "$SWEEP_DATA/points.$part.$j"
  done
  wait
done
lab_net_down

cat "$SWEEP_DATA"/results.* >"$SWEEP_DATA/all"
cat "$SWEEP_DATA"/reached.* >"$SWEEP_DATA/reached"
SWEEP_REACHED=$SWEEP_DATA/reached
points=$(cat "$SWEEP_DATA"/points.{server,change,make,remove} 2>/dev/null | wc -l)
recovered=$(awk -F'\t' '$6 == "yes"' "$SWEEP_DATA/all" | wc -l)
unreached=$(if [ "${#parts[@]}" = "${#sweep_parts[@]}" ]; then sweep_unreached; fi)
{
  echo "# The crash sweep"
  echo
  echo "<!-- Written by ./run sweep; do not edit. -->"
  echo
  echo "An apply is killed (SIGKILL) right before and right after each thing that it changes: a file operation, an SQL"
  echo "statement, a process, a unit, a package, a commit of the journal. Then \`citrus recover\` runs, or the next apply, or a"
  echo "recover that is killed as well and a second one; and the whole managed state is held against the one before, or"
  echo "after: files with mode, owner, times and links, accounts, schemas, rows, users and grants, packages, units, the"
  echo "store. The next plan has to be the first one again, or empty. Of a tree that is copied file by file the first and"
  echo "last ten steps are points, and every 601st."
  echo
  if [ "$every" = 1 ]; then echo "Last run: $(date -u +%F), all points."; else echo "Last run: $(date -u +%F), one in $every of the points."; fi
  echo
  echo "| part | steps | points | recovered |"
  echo "|---|---|---|---|"
  for part in "${parts[@]}"; do
    echo "| $part | $(awk '$1 > 0' "$SWEEP_DATA/steps.$part" | wc -l) | $(wc -l <"$SWEEP_DATA/points.$part") | $(awk -F'\t' -v p="$part" '$1 == p && $6 == "yes"' "$SWEEP_DATA/all" | wc -l) |"
  done
  echo
  echo "| step | points | recovered | the old state | the new |"
  echo "|---|---|---|---|---|"
  awk -F'\t' '{n[$4]++; if ($6 == "yes") {ok[$4]++; if ($7 == "old") o[$4]++; else w[$4]++}}
    END {for (k in n) printf "| %s | %d | %d | %d | %d |\n", k, n[k], ok[k], o[k], w[k]}' "$SWEEP_DATA/all" | sort
  echo
  echo "Not reached by these applies and their recovery:"
  echo
  for name in "${!SWEEP_BEYOND[@]}"; do echo "- \`$name\`: ${SWEEP_BEYOND[$name]}"; done | sort
  echo
  echo "**$points points, $recovered recovered.**"
} >"$SWEEP_DATA/sweep.md"
[ "${#parts[@]}" != "${#sweep_parts[@]}" ] || cp "$SWEEP_DATA/sweep.md" docs/sweep.md
[ -z "$unreached" ] || echo "FAIL never reached: $unreached"
awk -F'\t' '$6 != "yes" {print "FAIL", $1, $2, $3, $4, $5, $9 ": " $7}' "$SWEEP_DATA/all"
echo "$points points, $recovered recovered"
[ "$points" -gt 0 ] && [ "$points" = "$recovered" ] && [ -z "$unreached" ]
