#!/bin/bash
# `citrus rollback` brings a changed vhost, pool and PHP setting back, as a new generation.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"

P=/etc/php/8.2/fpm/pool.d/blog.example.com.conf V=/etc/nginx/sites-available/blog.example.com.conf
put_probe() { echo '<?php echo ini_get("upload_max_filesize");' | put /var/www/shop.example.com/public/ini.php; }

boot site
put_probe
state >"$TMP/first"
ini=$(fetch https://shop.example.com/ini.php)
manifest "$SITE" -e 's/children: 6/children: 3/' -e 's/versions: \["8.2"\]/&, ini: {upload_max_filesize: 77M}/' \
  -e '/^  blog.example.com:/a\    nginx: {client_max_body_size: 99M}'
exit_is "the changed manifest applies" 0 citrus apply --yes
has "the pool changed" "3" "$(guest grep -E '^pm.max_children' $P)"
has "the vhost changed" client_max_body_size "$(guest grep -iE '99m|103809024' $V)"
is "the PHP setting is in force" 77M "$(fetch https://shop.example.com/ini.php)"

exit_is "history" 0 citrus history
printf '%s\n' "$OUT" >"$TMP/history"
exit_is "rollback" 0 citrus rollback --yes
state >"$TMP/back"
same_state "all is as in the first generation" "$TMP/first" "$TMP/back" '^/etc/|^/var/www/[^/]*$'
is "the PHP setting, too, in the running pools" "$ini" "$(fetch https://shop.example.com/ini.php)"
run citrus history
has "it is a third generation" 3 "$(grep -oE '\b3\b' <<<"$OUT" | head -1)"
is "the history has grown" yes "$([ "$(wc -l <<<"$OUT")" -gt "$(wc -l <"$TMP/history")" ] && echo yes)"
has "blog is served" "<title>Blog" "$(fetch https://blog.example.com/)"

exit_is "rollback to a number" 0 citrus rollback 2 --yes
is "brings the second back" 77M "$(fetch https://shop.example.com/ini.php)"
exit_is "its manifest has nothing to do" 0 citrus apply --plan --detailed-exitcode
run citrus rollback 99 --yes
is "a generation that is not there is an error" 1 "$RC"
