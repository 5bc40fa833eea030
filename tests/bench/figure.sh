# shellcheck shell=bash
# figure NAME VALUE UNIT: prints the figure, and whether it is as goals.txt says that it is to be. What is no number was
# not measured, and ends the script: nothing is "met" by it. Only a figure without a goal can be below zero.
figure() {
  if ! [[ $2 =~ ^-?[0-9]+(\.[0-9]+)?$ ]]; then
    echo "figure $1: \"$2\" is no number; what it was to be taken from failed" >&2
    exit 1
  fi
  printf '%-34s %10s %s\n' "$@"
  awk -v name="$1" -v got="$2" '$1 == name {
    if (got < 0) {
      print "figure " name ": " got " is less than nothing" >"/dev/stderr"
      exit 1
    }
    met = $2 == "most" ? got + 0 <= $3 + 0 : got + 0 >= $3 + 0
    printf "%-34s %10s %s\n", "goal_" name, $3, met ? "met" : "missed"
  }' "$(dirname "${BASH_SOURCE[0]}")/goals.txt"
}

# Of what is no number, or nothing to divide by, nothing is made: figure.sh refuses that.
of_two() { awk -v a="$1" -v op="$2" -v b="$3" -v form="${4:-%.2f}" 'BEGIN {
  if (a !~ /^-?[0-9.]+$/ || b !~ /^-?[0-9.]+$/ || (op == "/" && b + 0 <= 0)) exit 1
  printf form, op == "/" ? a / b : op == "*" ? a * b : a - b
}'; }
ratio() { of_two "$1" / "$2"; }
minus() { of_two "$1" - "$2"; }
times() { of_two "$1" '*' "$2"; }
mib() { of_two "$1" / 1024 %.1f; }
middle() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }
