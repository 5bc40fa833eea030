#!/bin/bash
# What a look and a change cost, against what the machine needs at least (floor.c), in one run on one machine.
#   bench.sh [--peers] [SITES...]     default: 10 100 1000; 10000 takes minutes
#   bench.sh --profile [SITES]        where the time of each command goes (profile.sh); default: 100
#     --peers   the same no-op by CFEngine, Puppet and Ansible, as far as they are there
# A line `name value unit` for each figure, and `goal_NAME value met|missed` after it where goals.txt has one for it.
# CPU is user and system time of the middle of RUNS runs. What it does meanwhile is on stderr.
# The trees are made below CITRUS_BENCH (or /var/tmp): a disk, not a tmpfs, since durable writes are measured.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=tests/bench/root.sh
. "$here/root.sh"
RUNS=${CITRUS_BENCH_RUNS:-11}
peers='' profile=''
case "${1:-}" in
--peers) peers=yes && shift ;;
--profile) profile=yes && shift ;;
esac
for n in "$@"; do
  [[ $n =~ ^[1-9][0-9]*$ ]] || { echo "\"$n\" is no number of sites: bench.sh [--peers | --profile] [SITES...]" >&2; exit 2; }
done
sizes=("$@")

dir=$(mktemp -d "${CITRUS_BENCH:-/var/tmp}/citrus-bench.XXXXXX")
watcher=''
clean_up() {
  [ -z "$watcher" ] || kill "$watcher" 2>/dev/null || true
  rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 130' INT TERM
export CITRUS_SHARE=$top
citrus=$top/build/citrus clock=$dir/clock floor=$dir/floor peak_of=$dir/peak_of

${CC:-cc} -O2 -std=gnu17 -o "$clock" "$here/clock.c"
# shellcheck disable=SC2046
${CC:-cc} -O2 -std=gnu17 -o "$floor" "$here/floor.c" "$here/floor_make.c" "$here/floor_write.c" \
  $(pkg-config --cflags --libs sqlite3 yaml-0.1)
${CC:-cc} -O2 -std=gnu17 -o "$peak_of" "$here/peak_of.c"

doing() { printf '[%(%T)T] %s\n' -1 "$*" >&2; }
# shellcheck source=tests/bench/figure.sh
. "$here/figure.sh"
say() { figure "$@" | tee -a "$dir/figures"; }

# A look at what is as it should be: with anything else to do its status is 2, and the measurement ends.
idle=("$citrus" apply --plan --detailed-exitcode)

# cost RUNS CMD...: sets cpu, wall and peak, of the middle of RUNS runs
cost() {
  cpu='' wall='' peak=''
  read -r cpu wall peak < <("$clock" "$@")
}
# pair RUNS CMD... -- FLOOR...: the same of two that take turns; the second's is other_cpu
pair() {
  cpu='' wall='' peak='' other_cpu=''
  { read -r cpu wall peak && read -r other_cpu _; } < <("$clock" "$@")
}
apply() { # apply ROOT MANIFEST: timed, once; what it says is shown where it fails
  sync -f "$dir" # what others left to be written is not this one's
  cost 1 "$citrus" apply --yes --root "$@" 2>"$dir/log" || { tail "$dir/log" >&2; exit 1; }
}

# What the floor wrote is what the sites are made of: names, kinds, modes and sizes. (Owners are the first site's.)
same_sites() { # same_sites ROOT FRESH
  local d
  for d in "$1" "$2"; do
    (cd "$d" && find var/www etc/nginx etc/php/8.2/fpm/pool.d etc/logrotate.d -path '*site[0-9]*' \
      \( -type d -printf '%y %m %H/%P\n' -o -printf '%y %m %s %H/%P %l\n' \) | sort) >"$d.sites"
  done
  cmp -s "$1.sites" "$2.sites" || {
    echo "bench.sh: the floor wrote other sites than citrus:" >&2
    diff "$1.sites" "$2.sites" | head >&2
    exit 1
  }
}

# Fresh trees each time: ext4 avoids inodes that were freed lately, and is many times slower then. The three take
# turns; once is enough of what takes long.
first_apply() { # first_apply SITES ROOT MANIFEST WORK: the tree is made, and stays
  local n=$1 root=$2 manifest=$3 work=$4 own=() bare=() files=() cpus=() most=0 rounds=9 i
  for ((i = 1; i <= rounds; i++)); do
    apply "$root" "$manifest"
    own+=("$wall") cpus+=("$cpu")
    [ "$peak" -le "$most" ] || most=$peak
    [ "${wall%.*}" -lt 500 ] || rounds=3
    [ "${wall%.*}" -lt 5000 ] || rounds=1
    [ "$i" -gt 1 ] || "$floor" prepare "$root" "$manifest" "$work" >&2
    mkdir "$dir/fresh-$n-$i" "$dir/files-$n-$i"
    (cd "$2" && find . -type d -not -path './var/lib/citrus*' -not -path './var/www/*' -print0) |
      (cd "$dir/fresh-$n-$i" && xargs -0 mkdir -p)
    (cd "$2" && find . -type d -not -path './var/lib/citrus*' -print0) | (cd "$dir/files-$n-$i" && xargs -0 mkdir -p)
    sync -f "$dir"
    cost 1 "$floor" write "$dir/fresh-$n-$i" "$manifest" "$work"
    bare+=("$wall")
    [ "$i" -gt 1 ] || same_sites "$2" "$dir/fresh-$n-$i"
    sync -f "$dir"
    cost 1 "$floor" files "$dir/files-$n-$i" "$manifest" "$work"
    files+=("$wall")
    root=$dir/again-$n-$i
    [ "$i" = "$rounds" ] || bare_root "$root"
  done
  say "first_apply_$n" "$(middle "${own[@]}")" "ms wall"
  say "first_apply_cpu_$n" "$(middle "${cpus[@]}")" "ms CPU"
  say "first_apply_memory_$n" "$(mib "$most")" MiB
  say "first_apply_floor_$n" "$(middle "${bare[@]}")" "ms wall"
  say "first_apply_ratio_$n" "$(ratio "$(middle "${own[@]}")" "$(middle "${bare[@]}")")" x
  say "first_apply_files_$n" "$(middle "${files[@]}")" "ms wall"
  say "first_apply_files_ratio_$n" "$(ratio "$(middle "${own[@]}")" "$(middle "${files[@]}")")" x
}

# What the timer's next look does: it leaves what a glance, and the plan of some sites, stand on.
look_around() { # look_around ROOT MANIFEST
  sleep 0.3 # what was written a moment ago is looked at anew: footprint.h
  "${idle[@]}" --root "$1" "$2" >/dev/null
}

# What the floor's full model took, in ms CPU, on the machine on which the goals that are milliseconds were set. Machines
# differ by more than those goals: what a figure would be there is told beside it, by the floor of this run.
declare -A goals_machine=([10]=2.4 [100]=4.3 [1000]=27)

has_value() { # has_value ROOT SITES MANIFEST: the site whose value changes has what this one says
  local wanted
  wanted=$(grep -A3 "$(printf '^  site%05d' $(($2 / 2)))" "$3" | sed -n 's/.*client_max_body_size: \(.*\)}/\1/p')
  grep -q "client_max_body_size $wanted;" "$(printf '%s/etc/nginx/sites-available/site%05d.example.com.conf' "$1" $(($2 / 2)))" ||
    { echo "bench.sh: a change was not made: $wanted is not in $1" >&2; exit 1; }
}

# One value of one site, there and back. CPU that is more than the look's is the change's: each look is timed when the
# machine did what it does before a change, and not in a row of looks, which is cheaper. Between two changes there is a
# look, as there is on a server whose timer runs; without one, all has to be looked at, which is told beside it.
change() { # change SITES ROOT MANIFEST
  local n=$1 root=$2 manifest=$3 cpus=() walls=() looks=() again=() m i noop most=0
  "$here/workload.sh" "$n" $((n / 2)) >"$dir/$n-changed.yaml"
  look_around "$root" "$manifest"
  for i in 1 2 3; do
    for m in "$dir/$n-changed.yaml" "$manifest"; do
      apply "$root" "$m"
      cpus+=("$cpu") walls+=("$wall")
      [ "$peak" -le "$most" ] || most=$peak
      has_value "$root" "$n" "$m"
      look_around "$root" "$m"
      sleep 0.3
      sync -f "$dir"
      cost 1 "${idle[@]}" --root "$root" "$m"
      looks+=("$cpu")
    done
  done
  noop=$(middle "${looks[@]}")
  say "change_$n" "$(minus "$(middle "${cpus[@]}")" "$noop")" "ms CPU over the no-op"
  [ -z "${goals_machine[$n]:-}" ] ||
    say "change_scaled_$n" "$(times "$(minus "$(middle "${cpus[@]}")" "$noop")" "$(ratio "${goals_machine[$n]}" "$full")")" "ms CPU, by the floor"
  say "change_wall_$n" "$(middle "${walls[@]}")" "ms wall"
  say "change_memory_$n" "$(mib "$most")" MiB
  say "change_look_$n" "$noop" "ms CPU of the no-op then"
  for i in 1 2 3; do
    for m in "$dir/$n-changed.yaml" "$manifest"; do
      apply "$root" "$m"
      again+=("$cpu")
      has_value "$root" "$n" "$m"
    done
  done
  say "change_again_$n" "$(minus "$(middle "${again[@]}")" "$noop")" "ms CPU over the no-op"
}

# step NAME SITES VALUE: sets step to what a further site costs, and grown to that by what one cost between the two
# sizes before; empty where there are no such sizes, or where they lie so close that noise is more than a site costs
declare -A last_n last_value last_step
step() {
  step='' grown=''
  if [ -n "${last_n[$1]:-}" ]; then
    step=$(awk -v a="$3" -v b="${last_value[$1]}" -v n="$2" -v m="${last_n[$1]}" 'BEGIN {printf "%.3f", 1000 * (a - b) / (n - m)}')
    grown=$(awk -v a="$step" -v b="${last_step[$1]:-0}" 'BEGIN {if (a > 0 && b > 0) printf "%.4f", a / b}')
    last_step[$1]=$step
  fi
  last_n[$1]=$2 last_value[$1]=$3
}
growth() { # growth NAME SITES VALUE FLOOR
  local step grown own
  step "$1" "$2" "$3"
  own=$grown
  [ -z "$step" ] || say "$1_per_site_$2" "$step" "us CPU"
  step "$1_floor" "$2" "$4"
  [ -z "$step" ] || say "$1_floor_per_site_$2" "$step" "us CPU"
  [ -z "$own" ] || [ -z "$grown" ] || say "$1_growth_$2" "$(ratio "$own" "$grown")" "x that of the floor"
}

looks() { # looks SITES ROOT MANIFEST WORK: sets noop, verify and full
  local n=$1
  sleep 1 # what was written a moment ago is looked at anew: footprint.h
  pair "$RUNS" "${idle[@]}" --root "$2" "$3" -- "$floor" digest "$2" "$3" "$4"
  noop=$cpu
  say "noop_$n" "$cpu" "ms CPU"
  say "noop_memory_$n" "$(mib "$peak")" MiB
  say "noop_floor_$n" "$other_cpu" "ms CPU"
  say "noop_ratio_$n" "$(ratio "$noop" "$other_cpu")" x
  growth noop "$n" "$noop" "$other_cpu"

  pair "$RUNS" "${idle[@]}" --verify --root "$2" "$3" -- "$floor" full "$2" "$3" "$4"
  verify=$cpu
  say "verify_$n" "$cpu" "ms CPU"
  say "verify_memory_$n" "$(mib "$peak")" MiB
  full=$other_cpu
  say "verify_floor_$n" "$full" "ms CPU"
  say "verify_ratio_$n" "$(ratio "$verify" "$other_cpu")" x
  growth verify "$n" "$verify" "$full"

  # --fresh takes no glance, and leaves none: all is parsed, rendered and compared, and what has its stamp is believed.
  pair "$RUNS" "${idle[@]}" --fresh --root "$2" "$3" -- "$floor" full "$2" "$3" "$4"
  say "whole_$n" "$cpu" "ms CPU"
  say "whole_memory_$n" "$(mib "$peak")" MiB
  say "whole_floor_$n" "$other_cpu" "ms CPU"
  say "whole_ratio_$n" "$(ratio "$cpu" "$other_cpu")" x
  cost "$RUNS" "${idle[@]}" --fresh --verify --root "$2" "$3"
  say "whole_read_$n" "$cpu" "ms CPU"
  say "whole_read_memory_$n" "$(mib "$peak")" MiB
}

bench() { # bench SITES
  local n=$1 root=$dir/root-$1 work=$dir/work-$1 manifest=$dir/$1.yaml noop verify full
  "$here/workload.sh" "$n" >"$manifest"
  bare_root "$root"
  doing "$n sites: first apply"
  first_apply "$n" "$root" "$manifest" "$work"
  doing "$n sites: looks"
  looks "$n" "$root" "$manifest" "$work"
  if [ "$n" -ge 1000 ] && [ -z "${CITRUS_BENCH_BRIEF:-}" ]; then # =1: without what takes minutes of waiting
    cold "$n" "$root" "$manifest" "$work"
    watch "$n" "$root"
  fi
  [ -z "$peers" ] || peers "$n" "$root" "$noop" "$verify"
  doing "$n sites: a change"
  change "$n" "$root" "$manifest"
  [ "$n" != 100 ] || journal "$n" "$root" "$manifest"
}

# shellcheck source=tests/bench/peers.sh
. "$here/peers.sh"
# shellcheck source=tests/bench/cold.sh
. "$here/cold.sh"
# shellcheck source=tests/bench/journal.sh
. "$here/journal.sh"
# shellcheck source=tests/bench/watch.sh
. "$here/watch.sh"
# shellcheck source=tests/bench/profile.sh
. "$here/profile.sh"
if [ -n "$profile" ]; then
  [ ${#sizes[@]} -gt 0 ] || sizes=(100)
  for n in "${sizes[@]}"; do profile "$n"; done
  exit 0
fi
[ ${#sizes[@]} -gt 0 ] || sizes=(10 100 1000)
for n in "${sizes[@]}"; do bench "$n"; done
doing "$(awk '/^goal_/ {n[$3]++} END {printf "%d goals met, %d missed", n["met"], n["missed"]}' "$dir/figures") in $SECONDS s"
awk '/^goal_/ && $3 == "missed" {print "  missed: " substr($1, 6)}' "$dir/figures" >&2
