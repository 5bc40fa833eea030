#!/bin/bash
# A sample of the crash sweep (./run sweep is the whole): in each of its parts, which together touch every kind, two
# points, one of its first half and one of its second. They move on with the day; CITRUS_SWEEP_SEED=N takes those of N.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"
# shellcheck source=tests/server/sweeping.sh
. "$(dirname "$0")/../sweeping.sh"

seed=${CITRUS_SWEEP_SEED:-$(($(date +%s) / 86400))}
both "the sample of CITRUS_SWEEP_SEED=$seed"
sweep_tell() {
  local part n mode what side ok why seconds
  IFS=$'\t' read -r part n mode what side ok why seconds _ <<<"$1"
  if [ "$ok" = yes ]; then
    pass "$part dies at step $n, $side $what ($mode): the $why state stands, $seconds s"
  else
    fail "$part dies at step $n, $side $what ($mode); CITRUS_SWEEP_SEED=$seed does it again" "$why"
  fi
}
for part in "${sweep_parts[@]}"; do
  sweep_measure "$part" || { fail "$part: the whole apply" "$OUT"; continue; }
  mapfile -t points < <(sweep_points "$part")
  half=$((${#points[@]} / 2))
  # 7919 is a prime, so days that follow one another are far apart
  printf '%s\n' "${points[seed * 7919 % half]}" "${points[half + seed * 7919 % (half + ${#points[@]} % 2)]}" >"$TMP/sample"
  sweep_run "$part" "$TMP/sample"
done
# what recovery alone does, a sample need not come to
is "these applies come to every kind and every step" "" "$(sweep_unreached load "unit stop" "unit disable" "apt purge" "apt unhold")"
