#!/bin/bash
# A bare Debian 12 becomes a served WordPress site by one command, and a second run finds nothing to do.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"

EXAMPLE=$LAB_TOP/examples/wordpress.yaml
SITE_NAME=blog.example.com
title=$(sed -n 's/ *#.*//; s/^.*[{ ]title: *"\{0,1\}\([^,}"]*\).*/\1/p' "$EXAMPLE" | head -1)

boot base
manifest "$EXAMPLE"
diff "$EXAMPLE" "$TMP/manifest" || true # the log shows what was put in
exit_is "the example is valid" 0 citrus validate

state >"$TMP/bare"
exit_is "a plan is pending" 2 citrus apply --plan --detailed-exitcode
has "the plan names the site" "$SITE_NAME" "$OUT"
has "the plan names a package" mariadb-server "$OUT"
state >"$TMP/planned"
same_state "a plan changes nothing" "$TMP/bare" "$TMP/planned"

# Every process that ever runs, while it runs: no secret may show in its arguments or its environment.
background bash -c 'while :; do cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr "\0" "\n" | grep -aE "^.{12,}$" | sort -u; sleep 0.1; done >/run/seen'
t0=$SECONDS
exit_is "apply" 0 citrus apply --yes
echo "apply took $((SECONDS - t0)) s"
applied=$OUT
end_background

step "served"
is "the home page answers" 200 "$(status_of "https://$SITE_NAME/")"
has "with the site's title" "<title>$title" "$(fetch "https://$SITE_NAME/")"
is "its certificate verifies for the name" 0 "$(fetch "https://$SITE_NAME/" -o /dev/null -w '%{ssl_verify_result}')"
cert=$(lab_outside openssl s_client -connect "$(lab_ip "$HOST"):443" -servername "$SITE_NAME" </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName)
has "and names the site" "DNS:$SITE_NAME" "$cert"
for alias in $(sed -n 's/.*aliases: *\[\([^]]*\)\].*/\1/p' "$EXAMPLE" | head -1 | tr , ' '); do
  has "and its alias $alias" "DNS:$alias" "$cert"
done
is "http leads to https" "301 https://$SITE_NAME/" "$(fetch "http://$SITE_NAME/" -o /dev/null -w '%{http_code} %{redirect_url}')"
login=$(fetch "https://$SITE_NAME/wp-login.php")
has "wp-login.php works" 'id="loginform"' "$login"
is "a wrong login is refused, not an error" 200 "$(status_of "https://$SITE_NAME/wp-login.php" -b wordpress_test_cookie=WP%20Cookie%20check -d 'log=nobody&pwd=wrong&testcookie=1')"
has "an address that is no file reaches WordPress" '<title>Blog' "$(fetch "https://$SITE_NAME/no/such/page/")"
is "wp-config.php is not served" "" "$(fetch "https://$SITE_NAME/wp-config.php" | grep -c DB_ | grep -v '^0$' || true)"

step "separated"
user=$(site_user $SITE_NAME)
fetch "https://$SITE_NAME/" -o /dev/null
is "the pool's processes run as the site's user" "$user" "$(guest ps -eo user:64,args | awk -v p="pool $SITE_NAME\$" '$0 ~ p {print $1}' | sort -u)"
is "who is nobody else" 0 "$(guest id -u "$user" | grep -cx 0 || true)"
is "wp-config.php is its own" "640 root:$user" "$(guest stat -c '%a %U:%G' /var/www/$SITE_NAME/wp-config.php)"
exit_is "its user reads it" 0 runuser -u "$user" -- head -c1 /var/www/$SITE_NAME/wp-config.php
exit_is "another user does not" 1 runuser -u nobody -- head -c1 /var/www/$SITE_NAME/wp-config.php
exit_is "its user does not write it" 2 runuser -u "$user" -- sh -c "echo >>/var/www/$SITE_NAME/wp-config.php"

step "secrets"
secret=$(guest sed -n "s/.*DB_PASSWORD'[^']*'\([^']*\)'.*/\1/p" /var/www/$SITE_NAME/wp-config.php)
is "the database's password is long" yes "$([ ${#secret} -ge 22 ] && echo yes || echo "${#secret} characters")"
hasnt "it was not printed" "$secret" "$applied"
is "processes were watched" yes "$(guest sh -c '[ "$(wc -l </run/seen)" -gt 100 ] && echo yes')"
is "it was in no process's arguments or environment" 0 "$(guest grep -acF -- "$secret" /run/seen || true)"
is "it is in no log" "" "$(guest grep -rlaF -- "$secret" /var/log || true)"
is "nor in the journal" 0 "$(guest journalctl --no-pager -q | grep -cF -- "$secret" || true)"

step "the second run"
exit_is "a second plan is empty" 0 citrus apply --plan --detailed-exitcode
state >"$TMP/first"
exit_is "a second apply does nothing" 0 citrus apply --yes
state >"$TMP/second"
same_state "and touches nothing" "$TMP/first" "$TMP/second"
exit_is "nothing has drifted" 0 citrus drift
exit_is "status" 0 citrus status
has "status names the site" $SITE_NAME "$OUT"

step "a reboot"
reboot
is "it is served after a reboot" 200 "$(status_of "https://$SITE_NAME/")"
exit_is "and there is nothing to do" 0 citrus apply --plan --detailed-exitcode
is "nothing has failed to start" "" "$(guest systemctl --failed --no-legend --plain)"
