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
for tool in strace valgrind; do
  command -v "$tool" >/dev/null || { echo "$tool is not installed"; exit 77; }
done
[ "$(id -u)" = 0 ] || { echo "not root: files get owners here"; exit 77; }

#       what          glance  --verify
read -r -d '' budget <<'B' || true
calls                   2270      4520
opens                    161       860
instructions         4050000  89200000
B
# Instructions were counted with the libraries and the compiler of Debian 12; with others they are only shown.
recorded_on() { [ "$(sed -nE 's/^(ID|VERSION_ID)="?([^"]*)"?$/\2/p' /etc/os-release | sort | tr -d '\n')" = 12debian ]; }

tmp=$(mktemp -d /var/tmp/citrus-budget.XXXXXX)
trap 'rm -rf "$tmp"' EXIT
export CITRUS_SHARE=$top
unset MALLOC_PERTURB_ # meson's, which has the C library fill all memory
root=$tmp/root
bare_root "$root"
for i in $(seq 500); do # the same everywhere: what this machine has installed is no matter of citrus
  printf 'Package: package%d\nStatus: install ok installed\nArchitecture: all\nVersion: %d.0-1\nDescription: x\n\n' "$i" "$i"
done >"$root/var/lib/dpkg/status"
"$top/tests/bench/workload.sh" 100 >"$tmp/m.yaml"
"$citrus" apply --yes --root "$root" "$tmp/m.yaml" >"$tmp/log" 2>&1 || { cat "$tmp/log"; exit 1; }
sleep 1
"$citrus" apply --plan --root "$root" "$tmp/m.yaml" >"$tmp/full"
passed=0 failed=0

is() { # is WHAT WANTED GOT
  if [ "$2" = "$3" ]; then passed=$((passed + 1)); else
    failed=$((failed + 1))
    echo "FAILED: $1: $3, and not $2"
  fi
}
holds() { # holds NAME COLUMN WHAT COUNT
  local most
  most=$(awk -v w="$3" -v c="$2" '$1 == w {print $c}' <<<"$budget")
  printf '%-10s %-14s %10d of %d\n' "$1" "$3" "$4" "$most"
  if [ "$4" -le "$most" ] || { [ "$3" = instructions ] && ! recorded_on; }; then passed=$((passed + 1)); else
    failed=$((failed + 1))
    echo "FAILED: $1: $4 $3 are more than the budget of $most; the head of tests/glance/budget.sh says what to do"
  fi
}

count() { # count NAME COLUMN ARG...
  local name=$1 column=$2 trace=$tmp/trace
  shift 2
  strace -f -qq -o "$trace" "$citrus" apply --plan --root "$root" "$@" "$tmp/m.yaml" >"$tmp/said"
  is "$name says what the full look said" yes "$(cmp -s "$tmp/said" "$tmp/full" && echo yes || echo no)"
  is "$name: programs" 1 "$(grep -c ' execve(' "$trace")"
  is "$name: processes and threads" 0 "$(grep -cE ' (fork|vfork|clone|clone3)\(' "$trace" || true)"
  is "$name: connections" 0 "$(grep -cE ' (socket|connect)\(' "$trace" || true)"
  is "$name: files outside the store that are written to" 0 \
    "$(grep -E ' open(at|at2)?\(' "$trace" | grep -E 'O_WRONLY|O_RDWR|O_CREAT' | grep -vcE '/var/lib/citrus/' || true)"
  is "$name: syncs" 0 "$(grep -cE ' (fsync|fdatasync|syncfs|sync)\(' "$trace" || true)"
  holds "$name" "$column" calls "$(wc -l <"$trace")"
  holds "$name" "$column" opens "$(grep -cE ' open(at|at2)?\(' "$trace")"
  # Twice: valgrind is another program, which takes no glance of what the plain one kept.
  for _ in 1 2; do
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$citrus" apply --plan --root "$root" "$@" "$tmp/m.yaml" \
      >/dev/null 2>"$tmp/callgrind"
  done
  holds "$name" "$column" instructions "$(awk '/Collected/ {print $NF}' "$tmp/callgrind")"
}

count glance 2
is "libcrypto and libsystemd are not loaded by a glance" "" "$(grep -oE 'lib(crypto|systemd|curl|mariadb)[^"]*' "$tmp/trace" | sort -u)"
count --verify 3 --verify
is "libsystemd is not loaded for an offline root" "" "$(grep -oE 'lib(systemd|curl|mariadb)[^"]*' "$tmp/trace" | sort -u)"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
