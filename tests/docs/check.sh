#!/bin/bash
# Holds the manual pages against the program: each command has one, it names the options that --help lists
# and no others, the manifests that are shown are valid, and scdoc makes all pages without a warning.
#   check.sh CITRUS DIRECTORY-OF-PAGES [SCDOC]
set -euo pipefail

citrus=$1 pages=$2 scdoc=${3:-}
passed=0 failed=0
export LC_ALL=C
CITRUS_SHARE=$(cd "$pages/../.." && pwd) # validate asks the templates what they can hold
export CITRUS_SHARE

result() { # result NAME WHAT-IS-WRONG: nothing wrong is a pass
  if [ -z "$2" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAIL %s\n' "$1"
    printf '%s\n' "$2" | sed 's/^/     /'
  fi
}

# The options of a page: what stands bold at the beginning of a line of its section OPTIONS.
options_of_page() {
  awk '/^# / {in_options = $0 == "# OPTIONS"} in_options && /^\*-/' "$1" | grep -oE -- '\*--?[a-z-]+\*' | tr -d '*' | sort -u
}
# Those of the program. The short form of --verbose and --help itself are in no list of it.
options_of_help() {
  "$citrus" "$1" --help | grep -oE -- '^  --[a-z-]+' | tr -d ' ' | sort -u
}

mapfile -t commands < <("$citrus" --help | awk '/^  [a-z]/ {print $1}')
result "the program names its commands" "$([ ${#commands[@]} -ge 10 ] || echo "${#commands[@]} of them")"

for c in "${commands[@]}"; do
  page=$pages/citrus-$c.1.scd
  result "$c has a page" "$([ -s "$page" ] || echo "$page is not there")"
  [ -s "$page" ] || continue
  result "citrus.1 names $c" "$(grep -qF "*citrus-$c*(1)" "$pages/citrus.1.scd" || echo "no *citrus-$c*(1)")"
  result "citrus.1 sends readers on to $c" "$(sed '1,/^# SEE ALSO/d' "$pages/citrus.1.scd" | grep -qF "*citrus-$c*(1)" || echo "SEE ALSO has no *citrus-$c*(1)")"
  help=$(options_of_help "$c" || true)
  written=$(options_of_page "$page" || true)
  result "every option of $c is on its page" "$(comm -23 <(echo "$help") <(echo "$written"))"
  result "the page of $c has no option that it does not take" "$(comm -13 <(echo "$help") <(echo "$written") | grep -vx -- '-v' || true)"
  result "the page of $c has -v if it takes --verbose" \
    "$(diff <(grep -cx -- --verbose <<<"$help") <(grep -cx -- -v <<<"$written") || true)"
  # `citrus secret list | VERB NAME` and `...: list, get, set`: the words that are said as they stand
  result "the page of $c explains every verb of its usage" \
    "$("$citrus" "$c" --help | sed -n "1s/^Usage: citrus $c//p; 3s/.*: \([a-z]*,\)/\1/p" | grep -oE '\b[a-z]+\b' | while read -r verb; do
      grep -qE "^\*$verb\*( |$)" "$page" || echo "$verb"
    done)"
  # what stands in the text counts, too: an option that no command has is a slip of the pen
  result "the page of $c names no unknown option" \
    "$(comm -13 <({ for k in "${commands[@]}"; do options_of_help "$k" || true; done; printf '%s\n' --help --version; } | sort -u) \
      <(grep -oE -- '\*--[a-z-]+\*' "$page" | tr -d '*' | sort -u))"
done

for page in "$pages"/*.scd; do
  name=$(basename "$page" .scd)
  result "$name is titled by its name" "$(head -1 "$page" | grep -qxF "${name%.*}(${name##*.})" || head -1 "$page")"
  c=${name#citrus-}
  c=${c%.1}
  case $name in
  citrus.1 | citrus-manifest.5) ;;
  *) result "$name is the page of a command" "$(grep -qx -- "$c" <<<"$(printf '%s\n' "${commands[@]}")" || echo "no command $c")" ;;
  esac
  result "$name refers to pages that there are" "$(
    grep -oE '\*citrus(-[a-z]+)?\*\([0-9]\)' "$page" | sort -u | sed 's/^\*\(.*\)\*(\(.\))$/\1.\2/' |
      while read -r other; do [ -e "$pages/$other.scd" ] || echo "$other"; done
  )"
  [ -n "$scdoc" ] || continue
  result "$name is made by scdoc without a word" "$("$scdoc" <"$page" 2>&1 >/dev/null || echo "exit $?")"
done
# Manifests that the texts show: every block whose first line is `citrus: 1`.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/sites"
echo 'sites: {}' >"$work/sites/a.yaml" # a pattern that no file fits is a warning
for text in "$pages/citrus-manifest.5.scd" "$pages/../operators-guide.md" "$pages/../../README.md"; do
  rm -f "$work"/*.yaml
  awk -v dir="$work" '/^```/ {inside = !inside; first = 1; next}
    inside && first {n += (yes = $0 == "citrus: 1" || $0 ~ /^citrus: 1 /)}
    inside {first = 0}
    inside && yes {print > (dir "/" n ".yaml")}' "$text"
  result "$(basename "$text") shows a manifest" "$([ -e "$work/1.yaml" ] || echo "none was found")"
  result "the manifests of $(basename "$text") are valid" "$(for m in "$work"/*.yaml; do "$citrus" validate "$m" 2>&1 >/dev/null || true; done)"
done

[ -n "$scdoc" ] || echo "scdoc is not installed: whether the pages can be made was not tested"

echo "$passed passed, $failed failed"
[ $failed = 0 ]
