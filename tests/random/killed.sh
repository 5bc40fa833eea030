#!/bin/bash
# killed.sh CITRUS: a first apply of many sites on an offline root, where two threads make what a group writes, ended in
# the middle of it: recover leads back to the tree as it was, and the next apply to the tree of one that was not ended.
# CITRUS is a build that ends itself at the step that CITRUS_DIE_AT says.
set -euo pipefail
citrus=$1 sites=40 times=${CITRUS_KILLS:-24}
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/bench/root.sh
. "$top/tests/bench/root.sh"
# shellcheck source=tests/random/same.sh
. "$top/tests/random/same.sh"
[ "$(id -u)" = 0 ] || { echo "not root: files get owners here"; exit 77; }
tmp=$(mktemp -d /var/tmp/citrus-killed.XXXXXX)
trap 'rm -rf "$tmp"' EXIT
export CITRUS_SHARE=$top
"$top/tests/bench/workload.sh" "$sites" >"$tmp/m.yaml"

bare_root "$tmp/whole"
tree "$tmp/whole" >"$tmp/before"
CITRUS_STEPS_LOG=$tmp/steps "$citrus" apply --yes --root "$tmp/whole" "$tmp/m.yaml" >"$tmp/said" 2>&1 || { cat "$tmp/said"; exit 1; }
tree "$tmp/whole" >"$tmp/after"
# the log's first lines, numbered 0, are the names that there are
steps=$(awk '$1 > n {n = $1} END {print n}' "$tmp/steps")
begun=$(awk -F'\t' '$2 == "commit" && $3 == "after" {print $1; exit}' "$tmp/steps")
killed=0 undone=0
failed() {
  echo "FAILED: ended at step $at of $steps: $1"
  tail -5 "$tmp/said"
  exit 1
}
for i in $(seq "$times"); do
  at=$((begun + (steps - begun) * i / (times + 1)))
  root=$tmp/$i
  bare_root "$root"
  rc=0
  CITRUS_DIE_AT=$at "$citrus" apply --yes --root "$root" "$tmp/m.yaml" >"$tmp/said" 2>&1 || rc=$?
  [ "$rc" = 137 ] || failed "it was not killed, but ended with $rc"
  killed=$((killed + 1))
  "$citrus" recover --root "$root" >"$tmp/said" 2>&1 || failed "recover failed"
  tree "$root" >"$tmp/now"
  if cmp -s "$tmp/now" "$tmp/before"; then
    undone=$((undone + 1))
  elif ! cmp -s "$tmp/now" "$tmp/after"; then
    diff "$tmp/before" "$tmp/now" | head -20 || true
    failed "recover did not lead back"
  fi
  "$citrus" apply --yes --root "$root" "$tmp/m.yaml" >"$tmp/said" 2>&1 || failed "the next apply failed"
  tree "$root" >"$tmp/now"
  cmp -s "$tmp/now" "$tmp/after" || {
    diff "$tmp/after" "$tmp/now" | head -20 || true
    failed "the next apply did not come to what another comes to"
  }
  rm -rf "$root"
done
echo "$killed ended of $steps steps, $undone led back to the beginning"
# most of the steps are the group's, which is led back from
[ "$undone" -gt $((times * 3 / 4)) ]
