#!/bin/bash
# A sample of the crash sweep (./run sweep is the whole): in each of its parts, which together touch every kind,
# three points that move on with the day, one of them near the end, when all of the part was done already.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"
# shellcheck source=tests/server/sweeping.sh
. "$(dirname "$0")/../sweeping.sh"

turn=${CITRUS_SWEEP_TURN:-$(($(date +%s) / 86400))}
for part in "${sweep_parts[@]}"; do
  sweep_measure "$part" || { fail "$part: the whole apply" "$OUT"; continue; }
  mapfile -t points < <(sweep_points "$part")
  n=${#points[@]}
  for i in $((turn * 7 % (n * 2 / 3))) $((turn * 13 % (n * 2 / 3))) $((n * 3 / 4 + turn % (n / 8))); do
    mode=$(sweep_mode $((turn + i)))
    if sweep_point "$part" "${points[i]}" "$mode"; then
      pass "$part dies at step ${points[i]} ($mode): the $SWEEP_WHY state stands"
    else
      fail "$part dies at step ${points[i]} ($mode, CITRUS_SWEEP_TURN=$turn)" "$SWEEP_WHY: $(tail -1 "$SWEEP_RESULTS")"
    fi
  done
done
unreached=$(sweep_unreached)
# a sample need not come to what recovery alone does
for name in load "unit stop" "unit disable" "apt purge" "apt unhold"; do unreached=$(grep -Fxv "$name" <<<"$unreached" || true); done
is "these applies come to every kind of step" "" "$unreached"
