#!/bin/bash
# kill -9 in the middle of an apply, then `citrus recover`: all is as before, or all is new.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"

boot site
program build-faults/citrus
state >"$TMP/old"
manifest "$SITE" -e 's/children: 6/children: 3/' -e 's/present: \[htop\]/present: []/' \
  -e '$a\  third.example.com: {type: php, tls: {issuer: self-signed}}'

crash_at() { # crash_at N: ended with SIGKILL at its Nth step
  step "the end at step $1"
  run env CITRUS_DIE_AT="$1" citrus apply --yes
  [ "$RC" = 137 ] || [ "$RC" = 0 ] || echo "exit $RC"
}

# How many steps an apply takes is found by going up; three points are tried in the run of it.
for n in 6 40 90; do
  crash_at $n
  is "step $n: it was killed" 137 "$RC"
  is "step $n: the sites are served meanwhile" 200 "$(status_of https://blog.example.com/)"
  exit_is "step $n: recover" 0 citrus recover
  exit_is "step $n: a second recover has nothing to do" 0 citrus recover
  state >"$TMP/now"
  same_state "step $n: all is as before" "$TMP/old" "$TMP/now" '^/etc/|^/var/www/|^(nginx|php8.2-fpm)$'
  exit_is "step $n: nginx is sound" 0 nginx -t
  exit_is "step $n: php-fpm is sound" 0 php-fpm8.2 -t
  exit_is "step $n: the plan has it all again" 2 citrus apply --plan --detailed-exitcode
  has "step $n: and names it" third.example.com "$OUT"
done

crash_at 60
is "again: it was killed" 137 "$RC"
exit_is "the next apply recovers by itself and goes on" 0 citrus apply --yes
exit_is "then nothing is left" 0 citrus apply --plan --detailed-exitcode
is "the new pool's setting" "pm.max_children = 3" "$(guest grep -E '^pm.max_children' /etc/php/8.2/fpm/pool.d/blog.example.com.conf)"
is "blog is served" 200 "$(status_of https://blog.example.com/)"
exit_is "the new site is there" 0 test -e /etc/nginx/sites-enabled/third.example.com.conf
