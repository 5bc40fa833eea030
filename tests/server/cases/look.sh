#!/bin/bash
# What looking at a server costs that has many WordPress sites, with their databases, grants, certificates and units: no
# process is started, and the processor's time grows with the sites and no faster. CITRUS_SITES="1 10 50" takes
# other numbers of sites.
# shellcheck source=tests/server/many.sh
. "$(dirname "$0")/../many.sh"
read -r -a sizes <<<"${CITRUS_SITES:-1 5}"

# What a look may cost, in ms CPU on the slowest machine that was seen, of which most is the lstat of each of the 411
# directories of a site's core; and how many paths it may look at. All of a core's 3,300 files would be beyond both.
BASE=120 EACH=12
# What an lstat took on the machine on which the goal for a look was set, in us: 6.2 ms for 9,009 paths.
GOALS_LSTAT=0.69
PATHS=2000 PATHS_EACH=600

traced() { # traced NAME CMD...: nothing is started, nothing is asked of the network; sets started
  local name=$1 programs others
  shift
  guest strace -f -qq -o /root/trace -e trace=%process,%network,openat,openat2 "$@" >"$TMP/said" </dev/null
  guest cat /root/trace </dev/null >"$TMP/trace"
  is "$name: the watching works" yes "$([ "$(wc -l <"$TMP/trace")" -gt 20 ] && echo yes)"
  programs=$(grep -cE ' execve(at)?\(' "$TMP/trace") # its own is one
  others=$(grep -cE ' (fork|vfork|clone|clone3)\(' "$TMP/trace" || true)
  is "$name: no process and no thread is started" "1 program, 0 others" "$programs program, $others others"
  started=$((programs - 1 + others))
  is "$name: no connection leaves the machine" "" "$(grep -E 'connect\(.*AF_INET' "$TMP/trace" || true)"
  has "$name: finds nothing to do" "Nothing to do" "$(cat "$TMP/said")"
}

boot stack
for n in "${sizes[@]}"; do
  step "$n sites"
  many_sites "$n"
  exit_is "$n sites are installed" 0 citrus apply --yes
  exit_is "$n sites: nothing is left to do" 0 citrus apply --plan --detailed-exitcode
  sleep 1 # what was written a moment ago is looked at anew: footprint.h
  guest citrus apply --plan </dev/null >"$TMP/first"

  traced "$n sites, a glance" citrus apply --plan
  is "$n sites, a glance: nothing is rendered anew" "" "$(grep -E 'share/citrus/(templates|configs)/[a-z]' "$TMP/trace" || true)"
  traced "$n sites, a full look" citrus apply --plan --fresh
  told "server_look_processes_$n" "$started" "besides its own"
  traced "$n sites, everything read" citrus apply --plan --verify

  cost 9 citrus apply --plan
  told "server_glance_$n" "$cpu" "ms CPU"
  told "server_glance_wall_$n" "$wall" "ms wall"
  at_most "$n sites: a glance" $((BASE + EACH * n)) "$cpu"
  guest strace -f -c -U calls,name -e trace=newfstatat,statx -o /root/count citrus apply --plan --fresh >/dev/null </dev/null
  at_most "$n sites: paths that a full look looks at" $((PATHS + PATHS_EACH * n)) "$(guest awk '$2 ~ /^(newfstatat|statx)$/ {n += $1} END {print n + 0}' /root/count </dev/null)"
  cost 5 citrus apply --plan --fresh
  look=$cpu
  told "server_look_$n" "$look" "ms CPU"
  told "server_look_wall_$n" "$wall" "ms wall"
  told "server_look_memory_$n" "$(awk -v k="$peak" 'BEGIN {printf "%.1f", k / 1024}')" MiB
  at_most "$n sites: a full look" $((BASE + EACH * n)) "$cpu"
  tool walk
  cost 5 bash -c '/root/walk /var/www/*/public/wp-admin /var/www/*/public/wp-includes'
  told "server_walk_$n" "$cpu" "ms CPU"
  lstat=$(guest bash -c '/root/walk -e /var/www/*/public/wp-admin /var/www/*/public/wp-includes' </dev/null)
  told "server_lstat_$n" "$lstat" "us CPU"
  told "server_look_scaled_$n" "$(awk -v ms="$look" -v us="$lstat" -v there="$GOALS_LSTAT" 'BEGIN {printf "%.2f", ms * there / us}')" "ms CPU, by that"
  cost 3 citrus apply --plan --verify
  told "server_verify_$n" "$cpu" "ms CPU"

  # One value of one site: planned for that site alone, and said and done as by a look at everything.
  guest citrus apply --plan </dev/null >"$TMP/first"
  WORKLOAD_TLS=self-signed "$LAB_TOP/tests/bench/workload.sh" "$n" $((n / 2)) >"$TMP/changed.yaml"
  manifest "$TMP/changed.yaml"
  guest strace -qq -o /root/trace -e trace=openat,openat2,newfstatat citrus apply --plan </dev/null >"$TMP/narrow"
  guest citrus apply --plan --verify </dev/null >"$TMP/whole"
  is "$n sites, one value: the plan is that of a look at everything" "" "$(diff "$TMP/narrow" "$TMP/whole")"
  has "$n sites, one value: nginx is reloaded, which all feel" "reload nginx.service" "$(cat "$TMP/narrow")"
  is "$n sites, one value: nothing of the server is rendered" 0 "$(guest grep -c 'share/citrus/configs/nginx.conf"' /root/trace </dev/null || true)"
  exit_is "$n sites, one value: it is applied" 0 citrus apply --yes
  is "$n sites, one value: nginx has it" 1 "$(guest nginx -T 2>/dev/null </dev/null | grep -c 'client_max_body_size 48M')"
  exit_is "$n sites, one value: nothing is left to do" 0 citrus apply --plan --detailed-exitcode
done
