# shellcheck shell=bash
# What the same look costs CFEngine, Puppet and Ansible, as far as they are installed (./run bench --peers installs them):
# the trees and policies of peers.py, applied once, held against citrus's tree, then timed doing nothing.
# The trees stay till the end: a first apply right after many deletions is another measurement. Source it from bench.sh,
# after its helpers.
# shellcheck disable=SC2154 # bench.sh has them
declare -A PEER_PROGRAM=([cfengine]=cf-agent [puppet]=puppet [ansible]=ansible-playbook)
# The largest size that is waited for: one run of Ansible with 100 sites takes four minutes, with 1000 forty.
declare -A PEER_MOST=([cfengine]=1000 [puppet]=1000 [ansible]=10)

peers_paths() { (cd "$1" && find etc/nginx etc/php etc/mysql etc/logrotate.d var/www ! -type d | sort); }
peers() { # peers SITES ROOT NOOP VERIFY: citrus's tree, and its CPU time for it, ms
  local n=$1 root=$2 peer at runs different missing
  python3 "$here/peers.py" "$root" "$n" "$dir/peers-$n" >&2
  for peer in cfengine puppet ansible; do
    at=$dir/peers-$n/$peer
    [ "$n" -le "${PEER_MOST[$peer]}" ] || { echo "noop_${peer}_$n is left out: it takes too long" >&2; continue; }
    command -v "${PEER_PROGRAM[$peer]}" >/dev/null || { echo "noop_${peer}_$n is left out: ${PEER_PROGRAM[$peer]} is not installed" >&2; continue; }
    "$at/run" >"$dir/log" 2>&1 || { tail "$dir/log" >&2; exit 1; }
    # all that citrus manages is there, and as citrus has it, but for what is a secret of each site's
    missing=$(diff <(peers_paths "$root") <(peers_paths "$at/root")) ||
      { echo "$peer's tree has other paths:" >&2; head <<<"$missing" >&2; exit 1; }
    different=$(cd "$at/root" && find . ! -type d ! -name wp-config.php -print0 | while IFS= read -r -d '' f; do
      if [ -L "$f" ]; then [ "$(readlink "$f")" = "$(readlink "$root/$f")" ]; else cmp -s "$f" "$root/$f"; fi || echo "$f"
    done | head -3)
    [ -z "$different" ] || { echo "$peer's tree differs: $different" >&2; exit 1; }
    runs=3
    [ "$n" -lt 1000 ] && [ $peer != ansible ] || runs=1
    cost $runs "$at/run" 2>>"$dir/log"
    say "noop_${peer}_$n" "$cpu" "ms CPU"
    say "noop_${peer}_memory_$n" "$(mib "$peak")" MiB
    say "noop_${peer}_ratio_$n" "$(ratio "$cpu" "$3")" "x citrus"
    say "verify_${peer}_ratio_$n" "$(ratio "$cpu" "$4")" "x citrus --verify"
  done
}
