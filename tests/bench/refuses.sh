#!/bin/bash
# What figure.sh makes of what was not measured: nothing, and the script that asked ends.
set -euo pipefail
# shellcheck source=tests/bench/figure.sh
. "$(dirname "$0")/figure.sh"
# shellcheck source=tests/checks.sh
. "$(dirname "$0")/../checks.sh"
said() { { (set -e && "$@" 2>/dev/null) || echo "ended"; } | tr -s ' \n' ' ' | sed 's/ $//'; }

is "a figure that is as it is to be" "noop_ratio_10 1.20 x goal_noop_ratio_10 2 met" "$(said figure noop_ratio_10 1.20 x)"
is "one that is not" "noop_ratio_10 2.01 x goal_noop_ratio_10 2 missed" "$(said figure noop_ratio_10 2.01 x)"
is "one that is to be large, and is" "noop_puppet_ratio_1000 501 x goal_noop_puppet_ratio_1000 500 met" "$(said figure noop_puppet_ratio_1000 501 x)"
is "one that is to be large, and is not" "noop_puppet_ratio_1000 499 x goal_noop_puppet_ratio_1000 500 missed" "$(said figure noop_puppet_ratio_1000 499 x)"
is "one without a goal" "noop_10 1.85 ms CPU" "$(said figure noop_10 1.85 "ms CPU")"
is "one without a goal may be less than nothing" "noop_per_site_100 -0.5 us CPU" "$(said figure noop_per_site_100 -0.5 "us CPU")"
for value in '' nan -nan inf - 1e3 '1 2' 0x1; do
  is "\"$value\" is no figure" ended "$(said figure noop_ratio_10 "$value" x)"
done
is "one with a goal is not less than nothing" "watch_rest_1000 -123.00 ms ended" "$(said figure watch_rest_1000 -123.00 ms)"

is "a ratio" 1.50 "$(said ratio 3 2)"
is "a difference" -1.00 "$(said minus 2 3)"
is "a product" 6.00 "$(said times 2 3)"
is "KiB in MiB" 8.0 "$(said mib 8192)"
is "the middle of three" 2 "$(said middle 10 2 1)"
is "nothing is divided by nothing" ended "$(said ratio 3 0.00)"
is "nor by what was not measured" ended "$(said ratio 3 '')"
is "what was not measured is not divided" ended "$(said ratio '' 2)"
is "nor taken off" ended "$(said minus 3 '')"
is "nor is nan" ended "$(said minus nan 1)"
is "memory that was not measured" ended "$(said mib '')"

is "every goal is a name, a side and a number" "" \
  "$(grep -vE '^#|^$' "$(dirname "$0")/goals.txt" | grep -vE '^[a-z_]+_[0-9]+ (most|least) [0-9.]+$' || true)"

counted
