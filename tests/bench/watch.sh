# shellcheck shell=bash
# What `citrus drift --watch` costs while nothing happens, and how soon it says what somebody changed. Source it from
# bench.sh or from a test; watch_begin leaves its process in `watcher` and what it says on descriptor 9. Where peak_of is
# the program of that name, watch_end leaves in `peak` what the largest of its processes came to, in KiB.
# shellcheck disable=SC2154 # they have them
watch_begin() { # watch_begin ROOT: comes back when it watches
  local i
  mkfifo "$dir/said" && exec 9<>"$dir/said"
  if [ -n "${peak_of:-}" ]; then
    rm -f "$dir/peak"
    "$peak_of" "$dir/peak" "$citrus" drift --watch --json --root "$1" >"$dir/said" &
    watch_job=$!
    for ((i = 0; i < 600; i++)); do [ ! -e "$dir/peak" ] || break; sleep 0.01; done
    watcher=$(cat "$dir/peak")
  else
    "$citrus" drift --watch --json --root "$1" >"$dir/said" &
    watch_job=$! watcher=$!
  fi
  for ((i = 0; i < 600; i++)); do # the first look is over when it sleeps, with its watches
    kill -0 "$watcher" || return 1
    ! grep -qs '^inotify wd:' "/proc/$watcher/fdinfo/"* || [ "$(watch_state)" != S ] || [ -n "$(watch_children)" ] || break
    sleep 0.1
  done
  sleep 0.5
}
watch_state() { awk '{sub(/^.*\) /, ""); print $1}' "/proc/$watcher/stat"; }
watch_children() { cat "/proc/$watcher/task/$watcher/children"; }
# CPU time of the process and of those that it waited for, ms; the scheduler counts finer than ticks do
watch_cpu() {
  awk 'NR == 1 {own = $1 / 1e6} NR == 2 {sub(/^.*\) /, ""); printf "%.2f", own + ($14 + $15) * 10}' \
    "/proc/$watcher/schedstat" "/proc/$watcher/stat"
}
watch_notice() { # watch_notice FILE KIND: ms until a change of FILE is said; it is taken back
  local begun line was
  was=$(stat -c %s "$1")
  begun=${EPOCHREALTIME/./}
  echo "# edited" >>"$1"
  while read -r -t 60 -u 9 line; do
    case $line in *'"event":"drift"'*"\"kind\":\"$2\""*) break ;; esac
  done
  [ -n "$line" ] || return 1
  awk -v us=$((${EPOCHREALTIME/./} - begun)) 'BEGIN {printf "%.1f", us / 1000}'
  truncate -s "$was" "$1"
  while read -r -t 60 -u 9 line; do
    case $line in *'"event":"over"'*) return 0 ;; esac
  done
  return 1
}
watch_end() {
  kill "$watcher"
  wait "$watch_job"
  [ -z "${peak_of:-}" ] || peak=$(cat "$dir/peak")
  watcher=''
  exec 9<&-
  rm "$dir/said"
}

watch() { # watch SITES ROOT
  local n=$1 root=$2 before i t all=() used rests
  doing "$n sites: watching, a minute and a half"
  watch_begin "$root"
  before=$(watch_cpu)
  sleep 20
  used=$(watch_cpu)
  say "watch_rest_$n" "$(minus "$used" "$before")" "ms CPU in 20 s"
  sleep 45
  used=$(watch_cpu)
  say "watch_minute_$n" "$(minus "$used" "$before")" "ms CPU in 65 s, with the slow look"
  for i in 1 2 3 4 5; do
    t=$(watch_notice "$root/etc/nginx/sites-available/site00$((i + 100)).example.com.conf" vhost) ||
      { echo "an edit was not noticed in a minute" >&2; exit 1; }
    all+=("$t")
    sleep 0.5
  done
  say "watch_notice_$n" "$(middle "${all[@]}")" "ms"
  say "watch_notice_worst_$n" "$(printf '%s\n' "${all[@]}" | sort -n | tail -1)" "ms"
  rests=$(awk '/VmHWM/ {print $2}' "/proc/$watcher/status")
  watch_end
  say "watch_memory_$n" "$(mib "$rests")" MiB
  say "watch_look_memory_$n" "$(mib "$peak")" "MiB, of a look that it starts"
}
