#!/bin/bash
# Power cuts: an apply runs, at a random moment the disk stops taking anything (what was not synced is lost), the machine
# is gone, and boots again from that disk. citrus-recover.service, or the next command, has to bring it to the state
# before, or that after (powercuts.sh says how).
#   tests/server/powercut.sh [N [PART...]]     N cuts (50), spread over the applies, or over those named
# A line per cut, then `N cuts, N recovered`; the table goes into docs/sweep.md. CITRUS_CUT_SEED=N takes the moments of N.
export CITRUS_CASE=powercut-whole
export SWEEP_DATA=${CITRUS_LAB:-/var/tmp/citrus-lab}/sweep
if [ "${1:-}" != --below ]; then # what is shown and the log part here
  mkdir -p "$SWEEP_DATA"
  bash "$0" --below "$@" 3>&1 >"$SWEEP_DATA/powercut.log" 2>&1 </dev/null
  exit
fi
shift
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/case.sh"
CUTS=$SWEEP_DATA/cuts
# shellcheck source=tests/server/powercuts.sh
. "$(dirname "$0")/powercuts.sh"
# shellcheck source=tests/server/sweeping.sh
. "$(dirname "$0")/sweeping.sh"
# shellcheck source=tests/server/sweep-table.sh
. "$(dirname "$0")/sweep-table.sh"
export LAB_OVERLAY='' # here every sync counts
cd "$LAB_TOP"

cuts=${1:-50}
[ $# = 0 ] || shift
parts=("$@")
[ $# -gt 0 ] || parts=("${cut_parts[@]}")
seed=${CITRUS_CUT_SEED:-$(date +%s)}
cut_tell() {
  CHECKS=$((CHECKS + 1))
  awk -F'\t' '{printf "%s %s, cut after %d ms%s: %s, by %s\n", ($4 == "yes") ? "ok  " : "FAIL", $1, $2, $3 ? ", at " $3 : "", $5, $6}' <<<"$1" >&3
}

# Two runs on one machine would boot hosts of the same names.
exec 7>"$LAB/run/run.lock"
flock -n 7 || { lab_say "another run holds this lab; waiting for it"; flock 7; }
mkdir -p "$TMP" # the end of that run took it along
tests/server/lab.sh prepare 7>&-
echo "CITRUS_CUT_SEED=$seed" >&3
: >"$CUTS"
sweep_when >"$SWEEP_DATA/cuts-when"
for i in "${!parts[@]}"; do
  # those that are left, shared out among the parts that are left
  k=$(((cuts + ${#parts[@]} - i - 1) / (${#parts[@]} - i)))
  cuts=$((cuts - k))
  [ $k = 0 ] || cut_some "${parts[i]}" $k $((seed + i)) 7>&-
done
sweep_table >"$SWEEP_DATA/sweep.md"
cp "$SWEEP_DATA/sweep.md" docs/sweep.md
awk -F'\t' '$4 == "yes" {ok++} END {printf "%d cuts, %d recovered\n", NR, ok; exit !(NR > 0 && ok == NR)}' "$CUTS" >&3
