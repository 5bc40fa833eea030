# shellcheck shell=bash
# What the journal costs: a hundred files (vhost and pool of fifty sites, one value in each) applied, against the same
# files written as durably by a program that keeps no journal (floor replace: temporaries, syncfs, renames, syncfs). Of
# both what is no writing is taken off: of the apply what a look at the same change takes (`--plan`), of the floor what it
# takes to start and to read the same files (floor listed). Source it from bench.sh.
# shellcheck disable=SC2154 # bench.sh has them
journal() { # journal SITES ROOT MANIFEST: there and back, six times
  local n=$1 root=$2 manifest=$3 other=$dir/$1-half.yaml m whole=() look=() bare=() read=() beyond write
  doing "$n sites: a change of $n files"
  "$here/workload.sh" "$n" 0 $((n / 2)) >"$other"
  look_around "$root" "$manifest"
  for _ in 1 2 3 4 5 6; do
    for m in "$other" "$manifest"; do
      sync -f "$dir"
      cost 1 "$citrus" apply --plan --root "$root" "$m" # once, as the apply is: the second of a row is cheaper
      look+=("$wall")
      touch "$dir/before" && sleep 0.05
      apply "$root" "$m"
      whole+=("$wall")
      find "$root" -path "$root/var/lib/citrus" -prune -o -type f -newer "$dir/before" -print >"$dir/written"
      [ "$(wc -l <"$dir/written")" = "$n" ] || { echo "not $n files were written: $(wc -l <"$dir/written")" >&2; exit 1; }
      sync -f "$dir"
      cost 1 "$floor" listed "$root" "$dir/written" -
      read+=("$wall")
      cost 1 "$floor" replace "$root" "$dir/written" -
      bare+=("$wall")
      look_around "$root" "$m"
    done
  done
  beyond=$(minus "$(middle "${whole[@]}")" "$(middle "${look[@]}")")
  write=$(minus "$(middle "${bare[@]}")" "$(middle "${read[@]}")")
  say "journal_apply_$n" "$(middle "${whole[@]}")" "ms wall"
  say "journal_look_$n" "$(middle "${look[@]}")" "ms wall"
  say "journal_floor_$n" "$(middle "${bare[@]}")" "ms wall"
  say "journal_floor_read_$n" "$(middle "${read[@]}")" "ms wall"
  say "journal_ratio_$n" "$(ratio "$beyond" "$write")" x
}
