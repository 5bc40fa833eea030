# shellcheck shell=bash
# What a case sources that puts many WordPress sites on one server, with certificates of their own, and tells what that
# costs. Sites are site00000.example.com and so on (tests/bench/workload.sh).
#   many_sites N           the manifest has N of them
#   told NAME VALUE UNIT   a line for scripts; ./run bench --server makes the table in docs/performance.md of these
#   cost RUNS CMD...       sets cpu, wall (ms) and peak (KiB) of the middle of RUNS runs inside
# The server has a whole disk of its own, an ext4 as servers have it: on an overlay each look at a file costs twice as
# much. LAB_DISK='' leaves it with an overlay.
# shellcheck source=tests/server/case.sh
. "$(dirname "${BASH_SOURCE[0]}")/case.sh"
export LAB_DISK=${LAB_DISK-16G} LAB_WHOLE=1

many_sites() {
  WORKLOAD_TLS=self-signed "$LAB_TOP/tests/bench/workload.sh" "$1" >"$TMP/many.yaml"
  manifest "$TMP/many.yaml"
}
site_name() { printf 'site%05d.example.com' "$1"; }
# shellcheck source=tests/bench/figure.sh
. "$LAB_TOP/tests/bench/figure.sh"
told() {
  local said
  said=$(figure "$@") || exit 1
  both "$said"
}
tool() { # tool NAME: /root/NAME inside is tests/bench/NAME.c
  ! guest test -x "/root/$1" || return 0
  ${CC:-cc} -O2 -std=gnu17 -o "$TMP/$1" "$LAB_TOP/tests/bench/$1.c"
  lab_copy "$HOST" "$TMP/$1" "/root/$1"
}
cost() {
  local said
  tool clock
  said=$(guest /root/clock "$@" </dev/null)
  # shellcheck disable=SC2034 # the cases use them
  read -r cpu wall peak <<<"$said"
}
at_most() { # at_most NAME MOST GOT: of numbers with fractions
  if awk -v most="$2" -v got="$3" 'BEGIN {exit !(got <= most)}'; then pass "$1 ($3 of $2)"; else fail "$1" "want at most $2, got $3; load $(cut -d' ' -f1 /proc/loadavg)"; fi
}
quiet() { awk '$1 >= 2 {exit 1}' /proc/loadavg; } # a time means something
