#!/bin/bash
# adopted.sh CITRUS: what `drift --adopt` prints is taken by patch(1), also where no line break ends the manifest; and a
# value that stands for several sites is left to a person.
set -euo pipefail
citrus=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/output/small.sh
. "$here/small.sh"

begin='citrus: 1
server: {name: s1, php: {versions: ["8.2"]}, drift: {default_policy: adopt}}
sites:'
pool() { # pool SITE: its file
  echo "$root/etc/php/8.2/fpm/pool.d/$1.conf"
}
children() { sed -i "s/^pm.max_children = .*/pm.max_children = $2/" "$(pool "$1")"; } # children SITE N
adopt() { (cd "$dir" && "$citrus" drift --root "$root" --adopt m.yaml) >"$dir/adopted" 2>"$dir/said" || true; }

printf '%s\n%s' "$begin" '  a.example.com: {type: php, tls: {issuer: none}, php: {children: 2}}' >"$dir/m.yaml"
"$citrus" apply --yes --root "$root" "$dir/m.yaml" >/dev/null 2>&1
children a.example.com 7
adopt
is "patch takes it" 0 "$(cd "$dir" && patch --quiet -p0 m.yaml <adopted >/dev/null 2>&1; echo $?)"
is "the value is the one that was found" 1 "$(grep -c 'children: 7' "$dir/m.yaml")"
is "and no line break came" 0 "$(tail -c 1 "$dir/m.yaml" | wc -l)"

printf '%s\n%s\n' "$begin" '  a.example.com: {type: php, tls: {issuer: none}, php: &p {children: 2}}' >"$dir/m.yaml"
printf '  b.example.com: {type: php, tls: {issuer: none}, php: *p}\n' >>"$dir/m.yaml"
"$citrus" apply --yes --root "$root" "$dir/m.yaml" >/dev/null 2>&1
children b.example.com 7
adopt
is "a value of two sites is no patch" 0 "$(wc -c <"$dir/adopted")"
is "which is said" 1 "$(grep -c 'php_pool b.example.com: .* stands for other sites as well' "$dir/said")"

counted
