#!/bin/bash
# Installing WordPress sites on a server that has what they need, beside a bare shell script that takes the same steps
# (tests/server/bare.sh), in the same run on the same server. CITRUS_INSTALL="1 20" takes other numbers of sites at once.
# shellcheck source=tests/server/many.sh
. "$(dirname "$0")/../many.sh"
read -r -a sizes <<<"${CITRUS_INSTALL:-1 4}"
TRIES=${CITRUS_INSTALL_TRIES:-2}
LIMIT=1.3 # times the script's

timed() { # timed CMD...: sets took and cpu, in ms; nothing that was written before is still on its way to the disk
  local said
  sync
  # shellcheck disable=SC2016
  said=$(guest bash -c 'TIMEFORMAT="%R %U %S"; { time "$@" >/root/said 2>&1 </dev/null; } 2>&1 || exit 1' - "$@" </dev/null) ||
    { guest tail -30 /root/said </dev/null; fail "$*" "it ended with an error; the log has its last lines"; exit 1; }
  read -r took cpu < <(awk '{printf "%d %d\n", $1 * 1000, ($2 + $3) * 1000}' <<<"$said")
}
less() { [ -n "$1" ] && [ "$1" -le "$2" ] && echo "$1" || echo "$2"; }

boot stack
lab_copy "$HOST" "$LAB_TOP/tests/server/bare.sh" /root/bare.sh
# WordPress asks a new site for a page; where no name server answers the script would wait five seconds for that
guest bash -c 'for i in {0..99}; do printf "127.0.0.1 site%05d.example.com bare%05d.example.com\n" $i $i; done >>/etc/hosts' </dev/null
sites=1 bare=0
many_sites $sites
exit_is "the server has what sites need" 0 citrus apply --yes
model=$(site_name 0)

for n in "${sizes[@]}"; do
  step "$n at once"
  ours='' theirs='' our_cpu='' their_cpu='' load=$(cut -d' ' -f1 /proc/loadavg)
  for ((try = 0; try < TRIES; try++)); do
    names=()
    for ((i = 0; i < n; i++)); do names+=("$(printf 'bare%05d.example.com' $((bare + i)))"); done
    bare=$((bare + n))
    timed bash /root/bare.sh "$model" "$(nproc)" "${names[@]}"
    theirs=$(less "$theirs" "$took")
    their_cpu=$(less "$their_cpu" "$cpu")
    sites=$((sites + n))
    many_sites $sites
    timed citrus apply --yes --no-health # which the script does not ask either
    ours=$(less "$ours" "$took")
    our_cpu=$(less "$our_cpu" "$cpu")
    is "$n at once: nothing is left to do" 0 "$(guest citrus apply --plan --detailed-exitcode >/dev/null </dev/null && echo 0 || echo $?)"
  done
  is "$n at once: citrus's last site answers" 200 "$(status_of "https://$(site_name $((sites - 1)))/")"
  is "$n at once: the script's last site answers" 200 "$(status_of "https://${names[-1]}/" -k)"
  ratio=$(awk -v a="$ours" -v b="$theirs" 'BEGIN {printf "%.2f", a / b}')
  told "server_install_$n" "$ours" "ms wall"
  told "server_install_script_$n" "$theirs" "ms wall"
  told "server_install_ratio_$n" "$ratio" x
  echo "load $load before, $(cut -d' ' -f1 /proc/loadavg) after"
  told "server_install_cpu_$n" "$our_cpu" "ms CPU"
  told "server_install_script_cpu_$n" "$their_cpu" "ms CPU"
  at_most "$n at once: the processor's time is within $LIMIT times of the script's" "$(awk -v l=$LIMIT -v t="$their_cpu" 'BEGIN {printf "%d", l * t}')" "$our_cpu"
  # What else runs takes its share of both, but not the same one.
  if [ "$n" = 1 ] && quiet; then at_most "$n at once: within $LIMIT times of the script" $LIMIT "$ratio"; fi

  # The gate asks every site of the server, whose pages PHP has in no cache after its reload, with a time limit for each.
  if [ "$n" = 1 ] || quiet; then
    sites=$((sites + n))
    many_sites $sites
    timed citrus apply --yes
    told "server_install_asked_$n" "$took" "ms wall, with the health gate"
  fi
done
