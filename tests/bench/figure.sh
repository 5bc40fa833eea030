# shellcheck shell=bash
# figure NAME VALUE UNIT: prints the figure, and whether it is as goals.txt says that it is to be.
figure() {
  printf '%-34s %10s %s\n' "$@"
  awk -v name="$1" -v got="$2" '$1 == name {
    met = $2 == "most" ? got + 0 <= $3 + 0 : got + 0 >= $3 + 0
    printf "%-34s %10s %s\n", "goal_" name, $3, met ? "met" : "missed"
  }' "$(dirname "${BASH_SOURCE[0]}")/goals.txt"
}
