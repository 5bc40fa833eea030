#!/bin/bash
# full.sh CITRUS: a first apply of many sites on an offline root that something keeps from being whole: a file system
# without inodes, a file that cannot be written. What failed is taken back to the letter, the rest stands, nobody is left
# stuck, and a site that fails costs the others no syncs of their own.
set -euo pipefail
citrus=$1
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/bench/root.sh
. "$top/tests/bench/root.sh"
# shellcheck source=tests/checks.sh
. "$top/tests/checks.sh"
# shellcheck source=tests/random/same.sh
. "$top/tests/random/same.sh"
[ "$(id -u)" = 0 ] || { echo "not root: files get owners here"; exit 77; }
command -v strace >/dev/null || { echo "strace is not installed"; exit 77; }
tmp=$(mktemp -d /var/tmp/citrus-full.XXXXXX)
mounted=''
clean_up() {
  [ -z "$mounted" ] || umount "$mounted"
  rm -rf "$tmp"
}
trap clean_up EXIT
trap 'exit 130' INT TERM
export CITRUS_SHARE=$top
apply() { # apply ROOT MANIFEST ARG...: prints its status
  local rc=0
  "$citrus" apply --yes --root "$1" "${@:3}" "$2" >"$tmp/said" 2>&1 || rc=$?
  echo "$rc"
}
mount_small() { # mount_small DIR INODES
  if ! mount -t tmpfs -o "nr_inodes=$2,mode=0755" tmpfs "$1" 2>"$tmp/said"; then
    echo "no file system can be mounted here: $(cat "$tmp/said")"
    exit 77
  fi
  mounted=$1
}
unmount() { umount "$mounted" && mounted=''; }
site() { printf 'site%05d.example.com' "$1"; }

"$top/tests/bench/workload.sh" 60 >"$tmp/m.yaml"
WORKLOAD_TLS=self-signed "$top/tests/bench/workload.sh" 6 >"$tmp/tls.yaml"
bare_root "$tmp/whole"
is "sixty sites are applied" 0 "$(apply "$tmp/whole" "$tmp/m.yaml")"
tree "$tmp/whole" | sort >"$tmp/after"

# ------------------------------------------------------------------ no inodes are left, at any place of it
mkdir "$tmp/small"
for inodes in 320 400 401 402 403 404 405 406 407 408 409 410 411 412 500 600; do
  mount_small "$tmp/small" "$inodes"
  root=$tmp/small/root
  bare_root "$root"
  is "$inodes inodes: some sites stand" 4 "$(apply "$root" "$tmp/m.yaml")"
  for i in $(seq 0 59); do # a site is there whole, or not at all
    paths=$(find "$root/etc" "$root/var/www" -name "*site$(printf %05d "$i")*" | wc -l)
    accounts=$(grep -c "^site$(printf %05d "$i")_" "$root/etc/passwd" || true)
    case $accounts/$paths in 0/0 | 1/5) ;; *) is "$inodes inodes: $(site "$i")" "whole or not there" "$accounts accounts, $paths paths" ;; esac
  done
  mount -o remount,nr_inodes=100000 "$tmp/small"
  is "$inodes inodes, then more: the rest is applied" 0 "$(apply "$root" "$tmp/m.yaml")"
  tree "$root" | sort >"$tmp/now" # accounts that were made later come later
  is "$inodes inodes, then more: the tree of one that had them" "" "$(diff "$tmp/after" "$tmp/now" | head -3)"
  unmount
done

# ------------------------------------------------------------------ more directories than can be held open
for most in 64 80 100; do
  root=$tmp/open-$most
  bare_root "$root"
  rc=$(ulimit -n "$most" && apply "$root" "$tmp/m.yaml")
  is "$most descriptors: all sites are applied" 0 "$rc"
  tree "$root" | sort >"$tmp/now"
  is "$most descriptors: the tree of one that had more" "" "$(diff "$tmp/after" "$tmp/now" | head -3)"
done

# ------------------------------------------------------------------ what is taken back is as it was
# What comes after the one that failed was begun, too: room was made for a vhost, directories for certificates.
for how in undo-all undo-site; do
  root=$tmp/$how
  bare_root "$root"
  rmdir "$root/etc/logrotate.d"
  for i in 1 3; do
    mkdir "$root/etc/nginx/sites-available/$(site "$i").conf"
    echo mine >"$root/etc/nginx/sites-available/$(site "$i").conf/notes"
  done
  # somebody's directory has the names of the temporary files of two sites
  for i in 1 3; do
    mkdir -p "$root/var/www/$(site "$i")/.wp-config.php.citrus~/in-the-way"
    chmod 0751 "$root/var/www/$(site "$i")"
  done
  tree "$root" | grep -v 'citrus~' >"$tmp/before"
  is "$how: it fails" "$([ $how = undo-all ] && echo 3 || echo 4)" "$(apply "$root" "$tmp/tls.yaml" --on-failure=$how)"
  tree "$root" | grep -v 'citrus~' >"$tmp/now" # a name of citrus's own: what lies there goes
  if [ $how = undo-all ]; then
    is "$how: all is as it was" "" "$(diff "$tmp/before" "$tmp/now" | head -5)"
  else
    is "$how: what is the two sites' is as it was" "" \
      "$(diff <(grep -E 'site0000[13]' "$tmp/before") <(grep -E 'site0000[13]' "$tmp/now") | head -5)"
    is "$how: the others are there" 4 "$(find "$root/etc/nginx/sites-enabled" -mindepth 1 -name 'site*' | wc -l)"
  fi
done

# ------------------------------------------------------------------ one that fails costs the others nothing
root=$tmp/one
bare_root "$root"
mkdir -p "$root/var/www/$(site 3)/.wp-config.php.citrus~/in-the-way"
rc=0
# leaks cannot be looked for below a tracer
ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 strace -f -qq -e trace=syncfs,fsync,fdatasync -o "$tmp/trace" "$citrus" apply --yes --root "$root" "$tmp/m.yaml" >"$tmp/said" 2>&1 || rc=$?
is "one of sixty fails" 4 "$rc"
is "one of sixty fails: the others are there" 59 "$(find "$root/etc/nginx/sites-enabled" -mindepth 1 -name 'site*' | wc -l)"
syncs=$(grep -c 'sync' "$tmp/trace")
is "one of sixty fails: no syncs for each of the others ($syncs)" yes "$([ "$syncs" -le 60 ] && echo yes)"

counted
