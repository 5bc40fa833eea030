#!/bin/bash
# A neighbour asks three sites for 50 pages a second, one of them a page that takes its second, and not one request
# fails while vhosts, pools and PHP's settings are changed, a secret is rotated, a rotation is undone, and all of it is
# rolled back.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"
# shellcheck source=tests/server/load.sh
. "$(dirname "$0")/../load.sh"

boot site
manifest "$SITE" "${PATIENT[@]}"
exit_is "the health checks are patient" 0 citrus apply --yes
guest sh -c 'echo hello >/var/www/docs.example.com/public/hello.html' </dev/null
put /var/www/shop.example.com/public/fast.php <<<'<?php echo ini_get("memory_limit");'
put /var/www/shop.example.com/public/slow.php <<<'<?php usleep(1000000); echo "done";'
# What WordPress does, without the rest of WordPress, and with a moment between its configuration and its database.
guest mkdir -p /var/www/blog.example.com/public/probe </dev/null
put /var/www/blog.example.com/public/probe/wp-settings.php <<<'<?php'
put /var/www/blog.example.com/public/probe.php <<'END'
<?php
define('ABSPATH', __DIR__ . '/probe/');
require dirname(__DIR__) . '/wp-config.php';
usleep(300000);
mysqli_report(MYSQLI_REPORT_OFF);
$db = @new mysqli('localhost', DB_USER, DB_PASSWORD, DB_NAME, 0, '/run/mysqld/mysqld.sock');
if ($db->connect_errno || !$db->query('SELECT option_value FROM wp_options LIMIT 1'))
    http_response_code(500);
END
for s in blog news; do for _ in 1 2; do status_of https://$s.example.com/ && status_of https://$s.example.com/wp-cron.php; done; done

D=https://docs.example.com/hello.html F=https://shop.example.com/fast.php S=https://shop.example.com/slow.php
B=https://blog.example.com/ P=https://blog.example.com/probe.php
round=() # a second's: two pages of WordPress, one that is slow, and small ones, on connections old and new
for page in "$B" "$S" "$P" "$B" "h2:$P"; do round+=("$D" "$F" "h2:$D" "$F" "new:$D" "h2:$F" "$D" "new:$F" "$F" "$page"); done
visitors() { load 50 "${round[@]}"; }
change() { # change NAME SED...: what the manifest becomes, applied
  local name=$1
  shift
  manifest "$SITE" "$@"
  exit_is "$name" 0 citrus apply --yes
}

step "changes"
visitors
sleep 2
all=("${PATIENT[@]}" -e 's/title: Blog, /&config: {WP_MEMORY_LIMIT: 64M}, /')
all+=(-e 's/^    aliases: .*/&\n    nginx: {client_max_body_size: 64M}/')
change "a vhost's setting" "${all[@]}"
has "it is a reload of nginx" "reload nginx.service" "$OUT"
all+=(-e 's/children: 6, memory_limit: 256M/children: 5, memory_limit: 192M/')
change "a pool's setting" "${all[@]}"
has "it is a reload of PHP-FPM" "reload php8.2-fpm.service" "$OUT"
all+=(-e 's/php: {versions: \["8.2"\]}/php: {versions: ["8.2"], ini: {upload_max_filesize: 48M, memory_limit: 144M}}/')
change "PHP's settings for the whole server" "${all[@]}"
all+=(-e 's/^  name: web-01/&\n  nginx: {keepalive_timeout: 20s, worker_connections: 4096}/')
change "nginx's settings for the whole server" "${all[@]}"
end_load
loaded "changes" 50
is "PHP has its new setting" 144M "$(fetch $F)"

step "a rotation"
program build-faults/citrus # which counts its steps, and can be killed at one of them
rotate=(citrus secret rotate --yes site/blog.example.com/db_password)
visitors
exit_is "a password is rotated" 0 env CITRUS_STEPS_LOG=/run/steps "${rotate[@]}"
end_load
loaded "rotation" 50

step "a rotation that is undone"
written=$(guest cat /run/steps </dev/null | awk -F'\t' '$2 == "rename" && $3 == "after" && $4 ~ "wp-config" {print $1; exit}')
before=$(guest sha256sum /var/www/blog.example.com/wp-config.php </dev/null)
visitors
sleep 1
exit_is "it dies when the new password is written" 137 env CITRUS_DIE_AT="$written" "${rotate[@]}"
isnt() { if [ "$2" != "$3" ]; then pass "$1"; else fail "$1" "both are: $2"; fi; }
isnt "visitors read the new password" "$before" "$(guest sha256sum /var/www/blog.example.com/wp-config.php </dev/null)"
sleep 3 # in which PHP looks at the file again
exit_is "it is undone" 0 citrus recover
is "visitors read the old password" "$before" "$(guest sha256sum /var/www/blog.example.com/wp-config.php </dev/null)"
sleep 1
end_load
loaded "an undone rotation" 50
program build/citrus

step "a rollback"
visitors
exit_is "all of it is rolled back" 0 citrus rollback --yes 2
end_load
loaded "rollback" 50
is "PHP has its old setting" 256M "$(fetch $F)"

step "the counter can fail"
visitors
sleep 2
guest systemctl restart php8.2-fpm </dev/null
sleep 1
end_load
is "a restart by hand fails requests" yes "$([ "$REFUSED" -gt 0 ] && echo yes || echo "$ASKED asked")"
