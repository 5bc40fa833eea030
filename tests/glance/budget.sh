#!/bin/bash
# budget.sh CITRUS: what a look that changes nothing may cost, at a hundred sites on an offline root, in what can be
# counted on any machine, however loaded: system calls, and instructions.
#
# A budget is what was counted when it was recorded, and a tenth more. Where a change makes a look dearer this test fails;
# raise the budget in that change, with its reason in the commit's message, when the look does more for it. Where a
# change makes it cheaper, lower the budget to what is printed, so that it stays so.
set -euo pipefail
citrus=$1
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/bench/root.sh
. "$top/tests/bench/root.sh"
# shellcheck source=tests/checks.sh
. "$top/tests/checks.sh"
for tool in strace valgrind sqlite3; do
  command -v "$tool" >/dev/null || { echo "$tool is not installed"; exit 77; }
done
[ "$(id -u)" = 0 ] || { echo "not root: files get owners here"; exit 77; }

# What each is: a look at what nobody touched; the same with --verify; one for which nothing was kept; the plan of a
# value of one site after a look; that change applied, likewise; a first apply.
#       what          glance  --verify     whole    change     first   applied
read -r -d '' budget <<'B' || true
calls                   1810      4150      3765      2560     17130      2850
opens                    163       635       800       218      2930       273
instructions         3950000   5750000  72000000  11750000 172000000  13600000
syncs                      -         -         -         -         9         5
transactions               -         -         -         -         5         5
B
# Of syncs and of the store's transactions there are as many as are written down, or fewer.
# Instructions were counted with the libraries and the compiler of Debian 12; with others they are only shown.
recorded_on() { [ "$(sed -nE 's/^(ID|VERSION_ID)="?([^"]*)"?$/\2/p' /etc/os-release | sort | tr -d '\n')" = 12debian ]; }

tmp=$(mktemp -d /var/tmp/citrus-budget.XXXXXX)
trap 'rm -rf "$tmp"' EXIT
export CITRUS_SHARE=$top
unset MALLOC_PERTURB_ # meson's, which has the C library fill all memory
root=$tmp/root trace=$tmp/trace
for r in "$root" "$tmp/another"; do
  bare_root "$r"
  for i in $(seq 500); do # the same everywhere: what this machine has installed is no matter of citrus
    printf 'Package: package%d\nStatus: install ok installed\nArchitecture: all\nVersion: %d.0-1\nDescription: x\n\n' "$i" "$i"
  done >"$r/var/lib/dpkg/status"
done
"$top/tests/bench/workload.sh" 100 >"$tmp/m.yaml"

holds() { # holds NAME COLUMN WHAT COUNT
  local most
  most=$(awk -v w="$3" -v c="$2" '$1 == w {print $c}' <<<"$budget")
  printf '%-10s %-14s %10d of %d\n' "$1" "$3" "$4" "$most"
  if [ "$4" -le "$most" ] || { [ "$3" = instructions ] && ! recorded_on; }; then good; else
    bad "$1: $4 $3 are more than the budget of $most; the head of tests/glance/budget.sh says what to do"
  fi
}

some() { # some NAME COLUMN WHAT COUNT: none at all would be a trace that is not understood
  is "$1: $3 are in the trace" yes "$([ "$4" -gt 0 ] && echo yes || echo no)"
  holds "$@"
}

starts_nothing() { # starts_nothing NAME
  is "$1: programs" 1 "$(grep -c ' execve(' "$trace")"
  is "$1: processes and threads" 0 "$(grep -cE ' (fork|vfork|clone|clone3)\(' "$trace" || true)"
  is "$1: connections" 0 "$(grep -cE ' (socket|connect)\(' "$trace" || true)"
  is "$1: files outside the store that are written to" 0 \
    "$(grep -E ' open(at|at2)?\(' "$trace" | grep -E 'O_WRONLY|O_RDWR|O_CREAT' | grep -vcE '/var/lib/citrus/' || true)"
  is "$1: syncs" 0 "$(grep -cE ' (fsync|fdatasync|syncfs|sync)\(' "$trace" || true)"
}

# Told so as soon as it has grown (huge_pages.h); an arena's pages of its own are mapped, not grown.
heap_is_huge() { # heap_is_huge NAME
  is "$1: the heap in huge pages" 1 "$(awk '/ madvise\(.*MADV_HUGEPAGE/ && grown {n++} {grown = / brk\(/} END {print n + 0}' "$trace")"
}

writes() { # writes NAME COLUMN ROOT MANIFEST: applied and durable
  strace -f -qq -o "$trace" "$citrus" apply --yes --root "$3" "$4" >"$tmp/log" 2>&1 || { cat "$tmp/log"; exit 1; }
  heap_is_huge "$1"
  # of two threads one's call can end on a line of its own
  holds "$1" "$2" calls "$(grep -vcF '<... ' "$trace")"
  holds "$1" "$2" opens "$(grep -cE ' open(at|at2)?\(' "$trace")"
  some "$1" "$2" syncs "$(grep -cE ' (fsync|fdatasync|syncfs|sync)\(' "$trace")"
  # who writes to a log takes the first of the locks that lie behind its index (sqlite.org/walformat.html, 2.3)
  some "$1" "$2" transactions "$(grep -cE ' fcntl\(.*F_WRLCK.*l_start=120,' "$trace")"
}
# In the other tree: what is looked at by a program under valgrind is no glance of the plain one's.
instructions() { # instructions NAME COLUMN ARG...
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$citrus" "${@:3}" >/dev/null 2>"$tmp/callgrind"
  holds "$1" "$2" instructions "$(awk '/Collected/ {print $NF}' "$tmp/callgrind")"
}
# What is looked at first under valgrind is looked at by another program, which takes no glance of what the plain one kept.
count() { # count NAME COLUMN WANTED MANIFEST ARG...
  local name=$1 column=$2 wanted=$3 m=$4
  shift 4
  # Now and then a look brings a log that has grown long into the store, and who begins the next log syncs its head.
  sqlite3 "$root/var/lib/citrus/store.db" "PRAGMA wal_checkpoint(TRUNCATE)" >/dev/null
  "$citrus" apply --plan --root "$root" "$@" "$tmp/m.yaml" >/dev/null
  strace -f -qq -o "$trace" "$citrus" apply --plan --root "$root" "$@" "$m" >"$tmp/said"
  is "$name says what the full look said" yes "$(cmp -s "$tmp/said" "$wanted" && echo yes || echo no)"
  starts_nothing "$name"
  holds "$name" "$column" calls "$(wc -l <"$trace")"
  holds "$name" "$column" opens "$(grep -cE ' open(at|at2)?\(' "$trace")"
  for m in "$tmp/m.yaml" "$m"; do
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$citrus" apply --plan --root "$root" "$@" "$m" \
      >/dev/null 2>"$tmp/callgrind"
  done
  holds "$name" "$column" instructions "$(awk '/Collected/ {print $NF}' "$tmp/callgrind")"
}

writes first 6 "$root" "$tmp/m.yaml"
instructions first 6 apply --yes --root "$tmp/another" "$tmp/m.yaml"
sleep 1
"$citrus" apply --plan --root "$root" "$tmp/m.yaml" >"$tmp/full"
"$top/tests/bench/workload.sh" 100 50 >"$tmp/changed.yaml"
"$citrus" apply --plan --fresh --root "$root" "$tmp/changed.yaml" >"$tmp/changed"

count glance 2 "$tmp/full" "$tmp/m.yaml"
is "libcrypto and libsystemd are not loaded by a glance" "" "$(grep -oE 'lib(crypto|systemd|curl|mariadb)[^"]*' "$trace" | sort -u)"
count --verify 3 "$tmp/full" "$tmp/m.yaml" --verify
is "libcrypto is not loaded by a second --verify" "" "$(grep -oE 'lib(crypto|systemd|curl|mariadb)[^"]*' "$trace" | sort -u)"
count whole 4 "$tmp/full" "$tmp/m.yaml" --fresh --verify # --fresh takes no glance, and leaves none
heap_is_huge whole
is "libsystemd is not loaded for an offline root" "" "$(grep -oE 'lib(systemd|curl|mariadb)[^"]*' "$trace" | sort -u)"
count change 5 "$tmp/changed" "$tmp/changed.yaml"

for r in "$root" "$tmp/another"; do # as in count
  sqlite3 "$r/var/lib/citrus/store.db" "PRAGMA wal_checkpoint(TRUNCATE)" >/dev/null
done
"$citrus" apply --plan --root "$root" "$tmp/m.yaml" >/dev/null
writes applied 7 "$root" "$tmp/changed.yaml"
valgrind --tool=callgrind --callgrind-out-file=/dev/null "$citrus" apply --plan --root "$tmp/another" "$tmp/m.yaml" >/dev/null 2>&1
instructions applied 7 apply --yes --root "$tmp/another" "$tmp/changed.yaml"

counted
