#!/bin/bash
# A neighbour asks three sites for 50 pages a second, one of them a page that takes its second, and not one request
# fails while vhosts, pools and PHP's settings are changed, a secret is rotated and all of it is rolled back.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"
# shellcheck source=tests/server/load.sh
. "$(dirname "$0")/../load.sh"

boot site
# What a busy machine needs longer for is nobody's fault here.
patient=(-e 's/^    tls: {issuer: self-signed}/&\n    health: {timeout: 60s}/')
manifest "$SITE" "${patient[@]}"
exit_is "the health checks are patient" 0 citrus apply --yes
guest sh -c 'echo hello >/var/www/docs.example.com/public/hello.html' </dev/null
put /var/www/shop.example.com/public/fast.php <<<'<?php echo ini_get("memory_limit");'
put /var/www/shop.example.com/public/slow.php <<<'<?php usleep(1000000); echo "done";'
for s in blog news; do for _ in 1 2; do status_of https://$s.example.com/ && status_of https://$s.example.com/wp-cron.php; done; done

D=https://docs.example.com/hello.html F=https://shop.example.com/fast.php S=https://shop.example.com/slow.php B=https://blog.example.com/
round=()
for _ in 1 2 3 4 5; do round+=("$D" "$F" "new:$D" "$F" "$D" "new:$F" "$D" "$F" "$B" "$F"); done
round[4]=$S
visitors() { load 50 "${round[@]}"; }
change() { # change NAME SED...: what the manifest becomes, applied
  local name=$1
  shift
  manifest "$SITE" "$@"
  exit_is "$name" 0 citrus apply --yes
}

step "changes"
visitors
sleep 3
all=("${patient[@]}" -e 's/title: Blog, /&config: {WP_MEMORY_LIMIT: 64M}, /')
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
visitors
exit_is "a password is rotated" 0 citrus secret rotate --yes site/blog.example.com/db_password
end_load
loaded "rotation" 50

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
