# shellcheck shell=bash
# How a test that is a script counts its checks. Source it; end with `counted`.
#   is WHAT WANTED GOT
#   good; bad WHAT           one that was found otherwise
#   counted                  the closing line; its status is the test's
passed=0 failed=0
good() { passed=$((passed + 1)); }
bad() {
  failed=$((failed + 1))
  printf 'FAILED: %s\n' "$1"
}
is() { if [ "$2" = "$3" ]; then good; else bad "$1: \"$3\", and not \"$2\""; fi; }
counted() {
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ]
}
