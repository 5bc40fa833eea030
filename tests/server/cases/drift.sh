#!/bin/bash
# What someone changes on the server is named by `citrus drift` and mended by `citrus apply`, and nothing
# else is touched: the state afterwards is that of before, byte for byte, with all other times.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"

boot site
W=/var/www/blog.example.com
DB=$(site_user blog.example.com)
is "nothing writes by the clock meanwhile" "" "$(guest systemctl list-timers --no-legend --no-pager </dev/null | grep -v ' 2100-01-01 ' || true)"
exit_is "nothing has drifted" 0 citrus drift
state >"$TMP/before"

drifts() { # drifts NAME NEEDLE TIMES CMD...: after CMD, drift names NEEDLE; times that match TIMES may differ
  local name=$1 needle=$2 times=$3
  shift 3
  step "$name"
  run "$@"
  [ "$RC" = 0 ] || fail "$name: it could not be brought about" "$OUT"
  run citrus drift
  has "$name: drift names it" "$needle" "$OUT"
  exit_is "$name: the plan has it" 2 citrus apply --plan --detailed-exitcode
  has "$name: the plan names it" "$needle" "$OUT"
  has "$name: as drift" drift "$OUT"
  exit_is "$name: apply" 0 citrus apply --yes
  state >"$TMP/after"
  same_state "$name: mended, and nothing else touched" "$TMP/before" "$TMP/after" "$times"
  exit_is "$name: nothing is left" 0 citrus apply --plan --detailed-exitcode
  cp "$TMP/after" "$TMP/before"
}

V=/etc/nginx/sites-available/blog.example.com.conf L=/etc/nginx/sites-enabled/blog.example.com.conf
P=/etc/php/8.2/fpm/pool.d/blog.example.com.conf
drifts "a vhost edited" blog.example.com "^($V|$L)\$" sed -i '1i # edited by hand' $V
drifts "a vhost's link removed" blog.example.com "^($V|$L)\$" rm $L
drifts "a pool file deleted" blog.example.com "^$P\$" rm $P
drifts "a folder's mode and owner changed" $W/sessions "^\$" sh -c "chmod 777 $W/sessions; chown nobody: $W/sessions"
drifts "a service stopped and disabled" nginx "^(nginx|/etc/systemd/system/multi-user.target.wants/nginx.service)\$" systemctl -q disable --now nginx
drifts "a grant revoked" "$DB" "^\$" mariadb -e "revoke insert on \`${DB//_/\\_}\`.* from \`$DB\`@localhost"
drifts "a package removed" htop "^\$" apt-get remove -y -q htop
drifts "wp-config.php edited" wp-config.php "^$W/wp-config.php\$" sh -c "echo '// edited' >>$W/wp-config.php"
drifts "a core file altered" blog.example.com "^$W/public/(wp-includes/functions.php)?" sed -i '$a// altered' $W/public/wp-includes/functions.php

# A core is told by its directories, which a file that is written in place does not move: docs/architecture.md, "A core".
step "a core file written in place"
F=$W/public/wp-includes/functions.php
sleep 1 # what was put back a moment ago is walked each time
exit_is "written in place: nothing is known of it" 0 citrus drift --detailed-exitcode
guest sh -c "echo '// altered' >>$F"
exit_is "written in place: a look that reads all sees it at once" 2 citrus drift --detailed-exitcode --verify
has "written in place: and names it" "core: altered" "$OUT"
exit_is "written in place: what was seen is not forgotten" 2 citrus drift --detailed-exitcode
exit_is "written in place: apply" 0 citrus apply --yes
sleep 1
exit_is "written in place: nothing is left" 0 citrus drift --detailed-exitcode
guest sh -c "echo '// altered' >>$F"
exit_is "written in place again: other looks do not see it" 0 citrus drift --detailed-exitcode
guest python3 -c 'import sqlite3
s = sqlite3.connect("/var/lib/citrus/store.db")
n = s.execute("UPDATE file_cache SET ctime_ns = ctime_ns - 3600 * 1000000000 WHERE path LIKE ?", ["/var/www/%//directories"]).rowcount
s.commit()
assert n == 2, n' </dev/null
exit_is "written in place again: an hour later they do" 2 citrus drift --detailed-exitcode
has "written in place again: and name it" "core: altered" "$OUT"
exit_is "written in place again: apply" 0 citrus apply --yes
exit_is "written in place again: nothing is left" 0 citrus apply --plan --detailed-exitcode

step "the sites"
for s in blog news; do is "$s is served" 200 "$(status_of https://$s.example.com/)"; done
