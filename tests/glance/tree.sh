# shellcheck shell=bash
# What looks at a tree share: a bare root with templates of its own (`share`), a place for its manifest (`m`), the store
# beside citrus's back, and how checks are counted. Source it with `citrus` and `here` set; end with `counted`.
# shellcheck disable=SC2034,SC2154 # they have them, and use them
top=$(cd "$here/../.." && pwd)
# shellcheck source=tests/bench/root.sh
. "$top/tests/bench/root.sh"
# shellcheck source=tests/checks.sh
. "$top/tests/checks.sh"
command -v sqlite3 >/dev/null || { echo "sqlite3 is not installed"; exit 77; }
[ "$(id -u)" = 0 ] || { echo "not root: files get owners here"; exit 77; }

tmp=$(mktemp -d /var/tmp/citrus-tree.XXXXXX)
trap 'rm -rf "$tmp"' EXIT
root=$tmp/root m=$tmp/m share=$tmp/share
export CITRUS_SHARE=$share
db() { sqlite3 -cmd '.timeout 10000' "$root/var/lib/citrus/store.db" "$1"; }

mkdir -p "$root" "$m/sites" "$share"
cp -r "$top/templates" "$top/configs" "$share"
bare_root "$root"
run() { "$citrus" "$@" --root "$root"; }
plan() { run apply --plan "$@" "$m/server.yaml"; }
begin() { run apply --yes "$m/server.yaml" >"$tmp/log" 2>&1 || { cat "$tmp/log"; exit 1; }; } # the first apply

