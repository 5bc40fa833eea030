#!/bin/bash
# citrus-drift.timer: kept by the manifest, mends under its hardening, gives way to an operator's run, gives up after
# three failures and says so.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"

boot site
V=/etc/nginx/sites-available/blog.example.com.conf
W=/var/www/blog.example.com
once() { # systemd refuses a unit that is started five times in ten seconds, which no timer does
  guest systemctl reset-failed citrus-drift.service >/dev/null 2>&1 </dev/null || true
  run systemctl start citrus-drift.service
}

next_elapse() { guest systemctl show -p NextElapseUSecMonotonic --value citrus-drift.timer </dev/null; }
fires() { # fires NAME: the timer knows its next time, also where its service never ran
  case $(next_elapse) in '' | 0 | infinity) fail "$1" "$(guest systemctl show citrus-drift.timer </dev/null)" ;; *) pass "$1" ;; esac
}

step "it fires as it is brought along"
run systemctl start citrus-drift.timer
fires "the timer has a next time"
run systemctl stop citrus-drift.timer

step "the timer is the manifest's"
manifest "$SITE" -e 's/^server:/server:\n  drift: {interval: 10m}/'
exit_is "apply" 0 citrus apply --yes
is "it is enabled" enabled "$(guest systemctl is-enabled citrus-drift.timer </dev/null)"
is "it runs" active "$(guest systemctl is-active citrus-drift.timer </dev/null)"
has "at the manifest's interval" "OnUnitActiveUSec=10min" "$(guest systemctl show -p TimersMonotonic citrus-drift.timer </dev/null)"
fires "for a first time, too"
is "at its own place" yes "$(guest systemctl show -p FixedRandomDelay --value citrus-drift.timer </dev/null)"
run systemd-analyze security --no-pager citrus-drift.service
run systemd-analyze verify /lib/systemd/system/citrus-drift.service
is "the unit is well formed" "" "$(grep citrus <<<"$OUT" | grep -v "Command .man " || true)"
run systemctl stop citrus-drift.timer
while guest systemctl is-active -q citrus-drift.service </dev/null; do sleep 0.2; done

step "it mends, hardened"
run citrus drift --detailed-exitcode
guest systemctl start citrus-drift.timer
guest sed -i '1i # edited by hand' $V
guest sh -c "sed -i '\$a// altered' $W/public/wp-includes/functions.php; chmod 777 $W/sessions; userdel \$(stat -c %U $W/sessions) || true"
guest apt-get remove -y -q htop
guest systemctl stop nginx
once
is "the service ends well" 0 "$RC"
run journalctl -u citrus-drift --no-pager -o cat
exit_is "nothing is left" 0 citrus drift --detailed-exitcode
is "the site is served" 200 "$(status_of https://blog.example.com/)"
run citrus history
n=$(guest citrus history --json </dev/null | grep -c '"generation"' || true)
echo "generations: $n"

step "it gives way"
guest sed -i '1i # edited by hand' $V
background flock /var/lib/citrus/lock sleep 30
sleep 1
once
is "it ends well beside another run" 0 "$RC"
exit_is "and did nothing" 2 citrus drift --detailed-exitcode
end_background
once
exit_is "the next one mends" 0 citrus drift --detailed-exitcode

step "it gives up"
guest systemctl restart citrus-drift.timer # its five minutes begin anew: none of its own starts counts below
guest sh -c "sed -i '1i # edited by hand' $V; echo 'nonsense;' >/etc/nginx/conf.d/broken.conf"
guest systemctl stop nginx
for i in 1 2 3; do
  once
  [ "$RC" != 0 ] || fail "failure $i is one" "$OUT"
done
run citrus status
has "status says so" "it is not tried again for this generation" "$OUT"
once
run journalctl -u citrus-drift --no-pager -o cat -n 40
has "it is not tried again" "is not tried again" "$OUT"
guest rm /etc/nginx/conf.d/broken.conf
exit_is "--retry makes a new start" 0 citrus drift --retry
once
is "and mends" 0 "$RC"
exit_is "nothing is left over" 0 citrus drift --detailed-exitcode
run citrus status
hasnt "status forgets" "mending drift failed" "$OUT"

step "without an interval there is no timer"
manifest "$SITE"
exit_is "apply without it" 0 citrus apply --yes
is "it is off" inactive "$(guest systemctl is-active citrus-drift.timer </dev/null || true)"
