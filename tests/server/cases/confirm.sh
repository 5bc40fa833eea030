#!/bin/bash
# apply --confirm: what nobody confirms is undone exactly, by the timer, after a reboot, after the terminal is gone or
# the apply was killed; what is confirmed stays; nothing else is applied meanwhile.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"

boot site
program build-faults/citrus
state >"$TMP/old"
# A boot starts services, and makes a link of PHP's.
BOOTED='^(nginx|php8.2-fpm|mariadb|redis-server|fail2ban|ssh|cron|/etc/alternatives/php-fpm.sock)$'
new() { # new [SED-ARG...]: the manifest with a changed pool, one site more and one alias more
  manifest "$SITE" -e 's/children: 6/children: 3/' -e '$a\  third.example.com: {type: php, tls: {issuer: self-signed}}' \
    -e '/docs.example.com:/a\    aliases: [www.docs.example.com]' "$@"
}
old() { # old NAME: all is as it was before
  state >"$TMP/now"
  same_state "$1: all is as before" "$TMP/old" "$TMP/now" "${2:-}"
  is "$1: the sites are served" "200 403" "$(status_of https://blog.example.com/) $(status_of https://docs.example.com/)"
  manifest "$SITE"
  exit_is "$1: the old manifest's plan is empty" 0 citrus apply --plan --detailed-exitcode
}
awaits() { guest citrus status --json </dev/null | grep -c awaits_confirmation || true; }
wait_until() { # wait_until SECONDS CMD...: inside, until it succeeds
  local i
  for ((i = 0; i < $1 * 5; i++)); do
    ! guest "${@:2}" >/dev/null 2>&1 </dev/null || return 0
    sleep 0.2
  done
  return 1
}
undone() { wait_until 90 sh -c "citrus history | grep -q 'undone: $1'" || fail "it is undone in time" "$(guest citrus history </dev/null)"; }

step "while one awaits"
new
exit_is "apply --confirm" 0 citrus apply --yes --confirm 10m
has "it says how to confirm" "citrus confirm" "$OUT"
is "the new site is there" 403 "$(status_of https://third.example.com/)"
exit_is "a second apply is refused" 7 citrus apply --yes
has "and told what awaits" "awaits confirmation until" "$OUT"
exit_is "a rollback is refused" 7 citrus rollback --yes
guest chmod 600 /etc/nginx/nginx.conf
exit_is "the drift timer's run leaves quietly" 0 citrus drift --apply --yes
is "without a word" "" "$OUT"
is "and mends nothing" 600 "$(guest stat -c %a /etc/nginx/nginx.conf)"
guest chmod 644 /etc/nginx/nginx.conf
run citrus status
has "status says that it awaits" "awaits confirmation until" "$OUT"
run systemctl list-timers --no-pager citrus-confirm.timer
has "the timer is systemd's" "citrus-confirm.timer" "$OUT"
run systemd-analyze verify /lib/systemd/system/citrus-confirm.service
is "the unit is well formed" "" "$(grep citrus <<<"$OUT" | grep -v "Command .man " || true)"
exit_is "taken back at once" 0 citrus confirm --undo
old "taken back"
is "the timer is gone" inactive "$(guest systemctl is-active citrus-confirm.timer </dev/null || true)"

step "nobody confirms"
new
exit_is "apply --confirm 2s" 0 citrus apply --yes --confirm 2s
undone "not confirmed in time"
old "not confirmed"
exit_is "a confirmation that comes too late is an error" 1 citrus confirm
has "and says why" "not confirmed in time" "$OUT"

step "killed in the middle, the timer recovers it"
new
run env CITRUS_DIE_AT=80 citrus apply --yes --confirm 4s
is "it was killed" 137 "$RC"
undone "interrupted by a crash"
old "killed"

step "a reboot in between, with time left"
new
exit_is "apply --confirm 45s" 0 citrus apply --yes --confirm 45s
reboot
is "it still stands" 1 "$(awaits)"
is "somebody waits" active "$(guest systemctl is-active citrus-confirm.service </dev/null)"
[ "$(guest citrus history </dev/null | grep -c 'not confirmed in time')" = 1 ] || fail "it is not yet undone" ""
wait_until 150 sh -c "test \$(citrus history | grep -c 'undone: not confirmed in time') = 2" || fail "it is undone after the reboot" "$(guest citrus history </dev/null)"
old "after a reboot" "$BOOTED"
state >"$TMP/old"

step "the power goes, and its time is over when it comes back"
new
exit_is "apply --confirm 5s" 0 citrus apply --yes --confirm 5s
lab_down "$HOST" keep
sleep 5
lab_up "$HOST"
wait_until 90 sh -c "test \$(citrus history | grep -c 'undone: not confirmed in time') = 3" || fail "it is undone at the boot" "$(guest citrus history </dev/null)"
old "after a power cut" "$BOOTED"

step "the terminal is gone in the middle of the apply; then it is confirmed"
new -e 's/present: \[htop\]/present: [rsync]/' -e 's/^  packages: {/&absent: [htop], /'
guest sh -c 'mkfifo /root/typed; setsid sh -c "script -qefc \"citrus apply --confirm 10m\" /root/shown </root/typed >/dev/null 2>&1" & exec 3>/root/typed
  until grep -q "Apply this" /root/shown; do sleep 0.1; done; echo y >&3
  until pgrep -x apt-get >/dev/null; do sleep 0.05; done; pkill -KILL -x script; cat /root/shown' </dev/null
wait_until 90 sh -c 'citrus status | grep -q "awaits confirmation"' || fail "the apply came to its end" "$(guest citrus history </dev/null)"
is "it was done to its end" 1 "$(awaits)"
exit_is "the package is gone" 1 test -e /usr/bin/htop
guest systemctl start citrus-confirm.service </dev/null # as a boot does: it waits for the rest of the time
is "somebody waits beside the timer" "active active" "$(guest systemctl is-active citrus-confirm.timer citrus-confirm.service </dev/null | tr '\n' ' ' | sed 's/ $//')"
exit_is "confirm" 0 citrus confirm
exit_is "then it is an apply like any other" 0 citrus apply --plan --detailed-exitcode
is "and its pool's setting stands" "pm.max_children = 3" "$(guest grep -E '^pm.max_children' /etc/php/8.2/fpm/pool.d/blog.example.com.conf)"
is "nobody waits" "inactive inactive" "$(guest systemctl is-active citrus-confirm.timer citrus-confirm.service </dev/null | tr '\n' ' ' | sed 's/ $//')"

step "what can shut the operator out asks for it"
guest sed -i 's/absent: \[htop\]/absent: [htop, ufw]/' /etc/citrus/server.yaml
exit_is "refused where nobody is asked" 1 citrus apply --yes
has "with the way to do it" "--confirm 5m" "$OUT"
has "and the plan says which" "asks for confirmation" "$OUT"
exit_is "the package is still there" 0 test -e /usr/sbin/ufw
