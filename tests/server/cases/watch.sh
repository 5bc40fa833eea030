#!/bin/bash
# `citrus drift --watch` says what somebody changes when it happens, and with --apply mends it within two seconds.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"

boot site
V=/etc/nginx/sites-available/blog.example.com.conf
LOG=/tmp/watch.log
state >"$TMP/before"

within() { # within NAME SECONDS CMD...: CMD succeeds inside in that time
  local name=$1 most=$2 t0=${EPOCHREALTIME/./} t
  shift 2
  while ! guest "$@" >/dev/null 2>&1 </dev/null; do
    t=$(((${EPOCHREALTIME/./} - t0) / 1000))
    if [ $t -gt $((most * 10000)) ]; then break; fi
    sleep 0.05
  done
  t=$(((${EPOCHREALTIME/./} - t0) / 1000))
  if [ $t -le $((most * 1000)) ]; then pass "$name"; else fail "$name" "it took $t ms; $(guest cat $LOG </dev/null)"; fi
  echo "($t ms)"
}
watching() { background sh -c "exec citrus drift --watch $* >$LOG 2>&1"; }
watched() { guest cat $LOG </dev/null; }

step "watching alone"
watching --json
sleep 2
guest sed -i '1i # edited by hand' $V
within "an edit is said" 2 grep -q '"kind":"vhost","id":"blog.example.com"' $LOG
guest systemctl stop nginx
within "a stopped service is said" 2 grep -q '"kind":"service","id":"nginx.service"' $LOG
is "each line is an object" "" "$(watched | grep -v '^{.*}$' || true)"
exit_is "nothing was changed" 2 citrus drift --detailed-exitcode
end_background

step "mending"
watching --apply
within "what was there before is mended" 10 sh -c "! grep -q edited $V && systemctl is-active nginx"
guest sh -c "echo '# edited again' >>$V"
within "an edit is mended" 2 sh -c "! grep -q edited $V"
guest systemctl stop nginx
within "a stopped service is started" 4 systemctl -q is-active nginx
sleep 2
has "it is said: the vhost" "drift: vhost blog.example.com: content" "$(watched)"
has "it is said: the service" "drift: service nginx.service: active is false" "$(watched)"
has "it is said: mended" "mended: vhost blog.example.com" "$(watched)"
n=$(watched | wc -l)
run citrus drift --detailed-exitcode
is "nothing is left" 0 "$RC"

step "an operator's run is left alone"
run citrus apply --yes
is "apply beside the watch" 0 "$RC"
sleep 2
is "and nothing is said of it" "$n" "$(watched | wc -l)"
rss=$(guest sh -c 'ps -o rss= -p $(pgrep -f "citrus drift --watch" | head -1)' </dev/null | tr -d ' ')
echo "resident: $rss KiB"
if [ "${rss:-999999}" -lt 40000 ]; then pass "it is small"; else fail "it is small" "$rss KiB"; fi
guest systemctl kill -s TERM case-background </dev/null
within "SIGTERM ends it" 2 sh -c "! systemctl -q is-active case-background"
state >"$TMP/after"
same_state "all is as before" "$TMP/before" "$TMP/after" "^($V|/etc/nginx/sites-enabled/blog.example.com.conf|nginx)\$"
