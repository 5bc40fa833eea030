#!/bin/bash
# What a look and a change cost, against what the machine needs at least (floor.c), in one run on one machine.
#   bench.sh [--peers] [SITES...]     default: 10 100 1000; 10000 takes minutes
#   --peers     the same no-op by CFEngine, Puppet and Ansible, as far as they are there
# A line `name value unit` for each figure. CPU is user and system time of the middle of RUNS runs.
# The trees are made below CITRUS_BENCH (or /var/tmp): a disk, not a tmpfs, since durable writes are measured.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=tests/bench/root.sh
. "$here/root.sh"
RUNS=${CITRUS_BENCH_RUNS:-11}
peers=''
if [ "${1:-}" = --peers ]; then peers=yes && shift; fi
sizes=("$@")
[ ${#sizes[@]} -gt 0 ] || sizes=(10 100 1000)

dir=$(mktemp -d "${CITRUS_BENCH:-/var/tmp}/citrus-bench.XXXXXX")
trap 'rm -rf "$dir"' EXIT
export CITRUS_SHARE=$top
citrus=$top/build/citrus clock=$dir/clock floor=$dir/floor

${CC:-cc} -O2 -std=gnu17 -o "$clock" "$here/clock.c"
# shellcheck disable=SC2046
${CC:-cc} -O2 -std=gnu17 -o "$floor" "$here/floor.c" "$here/floor_make.c" \
  $(pkg-config --cflags --libs sqlite3 yaml-0.1 libxxhash)

say() { printf '%-34s %10s %s\n' "$@"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", a / b}'; }
minus() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", a - b}'; }
mib() { awk -v k="$1" 'BEGIN {printf "%.1f", k / 1024}'; }

# cost NAME CMD...: sets cpu, wall and peak, of the middle of RUNS runs
cost() {
  read -r cpu wall peak < <("$clock" "$@")
}

bench() {
  local n=$1 root=$dir/root-$1 work=$dir/work-$1 manifest=$dir/$1.yaml noop
  "$here/workload.sh" "$n" >"$manifest"
  "$here/workload.sh" "$n" $((n / 2)) >"$dir/$n-changed.yaml"
  bare_root "$root"

  cost 1 "$citrus" apply --yes --root "$root" "$manifest" 2>"$dir/log" || { tail "$dir/log" >&2; exit 1; }
  say "first_apply_$n" "$wall" "ms wall"
  local first=$wall
  "$floor" prepare "$root" "$manifest" "$work" >&2
  mkdir "$dir/fresh-$n"
  (cd "$root" && find . -type d -print0) | (cd "$dir/fresh-$n" && xargs -0 mkdir -p)
  cost 1 "$floor" write "$dir/fresh-$n" "$manifest" "$work"
  say "first_apply_floor_$n" "$wall" "ms wall"
  say "first_apply_ratio_$n" "$(ratio "$first" "$wall")" x

  sleep 1 # what was written a moment ago is looked at anew: footprint.h
  cost "$RUNS" "$citrus" apply --plan --root "$root" "$manifest"
  noop=$cpu
  say "noop_$n" "$cpu" "ms CPU"
  say "noop_memory_$n" "$(mib "$peak")" MiB
  cost "$RUNS" "$floor" digest "$root" "$manifest" "$work"
  say "noop_floor_$n" "$cpu" "ms CPU"
  say "noop_ratio_$n" "$(ratio "$noop" "$cpu")" x

  cost "$RUNS" "$citrus" apply --plan --verify --root "$root" "$manifest"
  local full=$cpu
  say "verify_$n" "$cpu" "ms CPU"
  say "verify_memory_$n" "$(mib "$peak")" MiB
  cost "$RUNS" "$floor" full "$root" "$manifest" "$work"
  say "verify_floor_$n" "$cpu" "ms CPU"
  say "verify_ratio_$n" "$(ratio "$full" "$cpu")" x
  [ -z "$peers" ] || peers "$n" "$root" "$noop" "$full"

  cost 1 "$citrus" apply --yes --root "$root" "$dir/$n-changed.yaml" 2>"$dir/log" || { tail "$dir/log" >&2; exit 1; }
  say "change_$n" "$(minus "$cpu" "$noop")" "ms CPU over the no-op"
  say "change_wall_$n" "$wall" "ms wall"
}

# shellcheck source=tests/bench/peers.sh
. "$here/peers.sh"
for n in "${sizes[@]}"; do bench "$n"; done
