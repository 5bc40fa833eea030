#!/bin/bash
# unwritable.sh CITRUS: standard output that cannot be written is said, and is an error of whoever only looks. What
# changes the machine does so all the same, and keeps its status.
set -euo pipefail
citrus=$1
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/output/small.sh
. "$here/small.sh"
touch "$dir/empty"

# Each prints the exit status and the last line of what was said.
closed() { # closed ARG...: >&-
  local status=0
  "$citrus" "$@" >&- 2>"$dir/said" || status=$?
  echo "$status $(tail -n 1 "$dir/said")"
}
for_reading() { # for_reading ARG...: a descriptor that is none to write to
  local status=0
  "$citrus" "$@" 1<"$dir/empty" 2>"$dir/said" || status=$?
  echo "$status $(tail -n 1 "$dir/said")"
}
full() { # full ARG...: a file that may not grow beyond a kilobyte
  local status=0
  (
    trap '' XFSZ
    ulimit -f 1
    exec "$citrus" "$@" >"$dir/full"
  ) 2>"$dir/said" || status=$?
  echo "$status $(tail -n 1 "$dir/said")"
}
no_descriptor="citrus: standard output: Bad file descriptor"

is "schema, closed" "1 $no_descriptor" "$(closed schema)"
is "schema, for reading" "1 $no_descriptor" "$(for_reading schema)"
is "schema, full" "1 citrus: standard output: File too large" "$(full schema)"
is "what fits is there" 1024 "$(stat -c %s "$dir/full")"
is "a plan" "1 $no_descriptor" "$(closed apply --plan --root "$root" "$dir/m.yaml")"
is "a plan with changes" "1 $no_descriptor" \
  "$(closed apply --plan --detailed-exitcode --root "$root" "$dir/m.yaml")"

is "an apply is done, and says it" "0 $no_descriptor" "$(closed apply --yes --root "$root" "$dir/m.yaml")"
is "and is all there" 0 "$("$citrus" drift --detailed-exitcode --root "$root" >/dev/null && echo 0)"
printf 'citrus: 1\nserver:\n  name: web-02\n' >"$dir/m.yaml"
status=0
"$citrus" apply --yes --root "$root" "$dir/m.yaml" <&- >&- 2>&- || status=$?
is "an apply with no descriptor at all" 0 "$status"
is "and is generation 2" 0 "$("$citrus" show 2 --root "$root" >/dev/null && echo 0)"
echo sesame | "$citrus" secret set door --root "$root"
is "a secret" "1 $no_descriptor" "$(closed secret get door --root "$root")"
is "the list of them" "1 $no_descriptor" "$(for_reading secret list --root "$root")"

# Where a session is open, a pipe without a reader is an errno and no signal.
set +e +o pipefail
"$citrus" history --root "$root" 2>"$dir/said" | true
is "a reader that goes away is no error" 0 "${PIPESTATUS[0]}"
is "and nothing to speak of" "" "$(cat "$dir/said")"

counted
