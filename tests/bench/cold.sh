# shellcheck shell=bash
# What looks cost when nothing is in memory, against lstat of every path under the same circumstance: wall time, since
# it is the disk that is waited for. The kernel drops its caches before each run; the programs and their libraries are
# brought back first (`--version`), for what is measured is the tree and the store. Source it from bench.sh.
# shellcheck disable=SC2154 # bench.sh has them
cold() { # cold SITES ROOT MANIFEST WORK
  local n=$1 root=$2 manifest=$3 work=$4 bare=() glance=() full=()
  if ! { echo 3 >/proc/sys/vm/drop_caches; } 2>/dev/null; then
    doing "cold_$n is left out: /proc/sys/vm/drop_caches cannot be written here"
    return
  fi
  doing "$n sites: a cold cache"
  for _ in 1 2 3 4 5; do
    drop
    cost 1 "$floor" stat "$root" "$manifest" "$work"
    bare+=("$wall")
    drop
    cost 1 "${idle[@]}" --root "$root" "$manifest"
    glance+=("$wall")
    drop
    cost 1 "${idle[@]}" --verify --root "$root" "$manifest"
    full+=("$wall")
  done
  say "cold_floor_$n" "$(middle "${bare[@]}")" "ms wall"
  say "cold_$n" "$(middle "${glance[@]}")" "ms wall"
  say "cold_ratio_$n" "$(ratio "$(middle "${glance[@]}")" "$(middle "${bare[@]}")")" x
  say "cold_verify_$n" "$(middle "${full[@]}")" "ms wall"
  say "cold_verify_ratio_$n" "$(ratio "$(middle "${full[@]}")" "$(middle "${bare[@]}")")" x
}
drop() {
  sync -f "$dir"
  echo 3 >/proc/sys/vm/drop_caches
  "$citrus" --version >/dev/null
  "$floor" nothing - - -
  "$clock" 1 true >/dev/null
}
