# shellcheck shell=bash
# What scripts share that look at one command's output: an offline root (`root`) with a small manifest beside it, in a
# directory of their own (`dir`). Source it with `here` set; end with `counted`.
# shellcheck disable=SC2034,SC2154 # they have them, and use them
top=$(cd "$here/../.." && pwd)
# shellcheck source=tests/bench/root.sh
. "$top/tests/bench/root.sh"
# shellcheck source=tests/checks.sh
. "$top/tests/checks.sh"
[ "$(id -u)" = 0 ] || { echo "not root: files get owners here"; exit 77; }

dir=$(mktemp -d /var/tmp/citrus-output.XXXXXX)
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
export CITRUS_SHARE=$top
root=$dir/root
bare_root "$root"
printf 'citrus: 1\nserver:\n  name: web-01\n' >"$dir/m.yaml"
