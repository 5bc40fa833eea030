#!/bin/bash
# A WordPress site that was removed comes back with a rollback: files, owners, rows and logins, by hash. Over its
# time in the trash, the rollback says what cannot come back. Retention removes nothing before.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"

D=/var/www/news.example.com
# What the site is: files with mode, time, content and owners by name; rows; users with their password hashes.
# Left out is what a living site writes: logs, sessions, temporary files, and the rows of its own clockwork.
site_is() {
  guest bash -s <<END
set -euo pipefail
cd $D
find . \( -path ./logs -o -path ./tmp -o -path ./sessions \) -prune -o ! -type d -printf '%p %y %m %u:%g %T@ %l\n' -o -printf '%p %y %m %u:%g\n' | sort
find . \( -path ./logs -o -path ./tmp -o -path ./sessions \) -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
find logs -type f | sort
mariadb-dump --skip-comments --skip-dump-date --order-by-primary --skip-extended-insert \
  --ignore-table=$NEWS.wp_options $NEWS | sha256sum
mariadb -NBe "select option_name, option_value from $NEWS.wp_options where option_name in ('siteurl', 'blogname', 'precious_option', 'admin_email') order by 1"
mariadb -NBe "select user_login, user_pass, user_email from $NEWS.wp_users order by 1"
mariadb -NBe "select user, host, plugin, authentication_string from mysql.user where user = '$NEWS'"
sha256sum /etc/citrus/tls/news.example.com/*.pem
END
}
# A visitor who logs in is sent on to the administration, with a cookie.
login() {
  fetch https://news.example.com/wp-login.php -o /dev/null -w '%{http_code} %{redirect_url}' \
    -d log=reader -d pwd=open-sesame -d wp-submit=Log+In -d testcookie=1 -b 'wordpress_test_cookie=WP+Cookie+check'
}

boot site
NEWS=$(site_user news.example.com)
step "an upload, a post, a reader, a setting of the operator's own"
guest install -d -o "$NEWS" -g "$NEWS" -m 755 $D/public/wp-content/uploads/2026
head -c 300000 /dev/urandom | put $D/public/wp-content/uploads/2026/cat.jpg
guest chown "$NEWS:$NEWS" $D/public/wp-content/uploads/2026/cat.jpg
guest ln -s cat.jpg $D/public/wp-content/uploads/2026/link.jpg
echo '# mine' | put $D/custom.d/own.conf
guest runuser -u "$NEWS" -- php8.2 -r "
  define('WP_INSTALLING', true); \$_SERVER['HTTP_HOST'] = 'news.example.com'; require '$D/public/wp-load.php';
  wp_insert_user(['user_login' => 'reader', 'user_pass' => 'open-sesame', 'user_email' => 'r@example.com', 'role' => 'author']);
  wp_insert_post(['post_title' => 'Precious', 'post_content' => 'a row with ümläuts', 'post_status' => 'publish']);
  update_option('precious_option', 'precious-row', false);"
has "the reader can log in" "302 https://news.example.com/wp-admin/" "$(login)"
uid=$(guest id -u "$NEWS")
site_is >"$TMP/before"
home=$(fetch https://news.example.com/ | sha256sum)

step "removed"
manifest "$SITE" -e '/^  news.example.com:/,/^    wordpress:/d'
exit_is "the site is removed" 0 citrus apply --yes --reason "nobody reads it"
exit_is "its tree is gone" 1 test -e $D
run citrus history --trash
has "the trash has its tree" "directory $D: /var/lib/citrus/trash/" "$OUT"
has "and its database" "database $NEWS: /var/lib/citrus/trash/" "$OUT"
exit_is "pruning is looked at" 0 citrus prune --plan
hasnt "and takes nothing of it" /trash/ "$OUT"

step "somebody else has the account's number by now"
guest useradd --system --uid "$uid" --no-create-home squatter
exit_is "the rollback is looked at" 0 citrus rollback --plan 1
has "it says what comes back" "directory $D (restored from the trash of $(guest date +%F))" "$OUT"
has "with its rows" "database $NEWS (restored from the trash of" "$OUT"
hasnt "nothing is one-way" " one-way " "$(grep '^ ' <<<"$OUT")"
exit_is "looking touched nothing" 1 test -e $D
exit_is "rollback" 0 citrus rollback 1 --yes --reason "they do"
is "the account has another number" yes "$([ "$(guest id -u "$NEWS")" != "$uid" ] && echo yes)"
site_is >"$TMP/after"
is "files, owners, rows, logins and key are as before" "" "$(diff "$TMP/before" "$TMP/after")"
is "the home page is as before" "$home" "$(fetch https://news.example.com/ | sha256sum)"
has "the reader can log in again" "302 https://news.example.com/wp-admin/" "$(login)"
is "the site can write its uploads" 0 "$(guest runuser -u "$NEWS" -- touch $D/public/wp-content/uploads/2026/new >/dev/null 2>&1; echo $?)"
is "nothing of the squatter's" "" "$(guest find $D -uid "$uid")"
exit_is "nothing is left to do" 0 citrus apply --plan --detailed-exitcode --site blog.example.com
run citrus history --trash
is "the trash is empty" "The trash is empty." "$OUT"
run citrus history
has "the history has the reasons" "rollback to 1: they do" "$OUT"
has "of both" "apply: nobody reads it" "$OUT"
guest userdel squatter

step "the same with the manifest put back, and a restore that fails on its way"
guest rm $D/public/wp-content/uploads/2026/new
site_is >"$TMP/before"
exit_is "removed again" 0 citrus apply --yes
manifest "$SITE"
guest bash -c 'for d in /var/lib/citrus/trash/*/custom.d; do echo "no_such_word on;" >"$d/bad.conf"; done'
exit_is "a site that cannot come up is taken back" 4 citrus apply --yes
exit_is "its tree is in the trash again" 0 bash -c 'ls /var/lib/citrus/trash/*/public/wp-content/uploads/2026/cat.jpg /var/lib/citrus/trash/*.sql'
exit_is "and nowhere else" 1 test -e $D
is "nor is its database" "" "$(sql "show databases like '$NEWS'")"
guest bash -c 'rm /var/lib/citrus/trash/*/custom.d/bad.conf'
exit_is "the manifest that names it again" 0 citrus apply --yes
site_is >"$TMP/after"
is "brings it back, too" "" "$(diff "$TMP/before" "$TMP/after")"

step "over its time"
manifest "$SITE" -e '/^  news.example.com:/,/^    wordpress:/d' -e 's/^  name: .*/&\n  retention: {trash: 1s}/'
exit_is "removed, to be kept for a second" 0 citrus apply --yes
guest sleep 2
exit_is "pruning" 0 citrus prune --yes
exit_is "keeps what the newest generation's rollback needs" 0 bash -c 'ls /var/lib/citrus/trash/*.sql'
manifest "$SITE" -e '/^  news.example.com:/,/^    wordpress:/d' -e 's/^  name: .*/&\n  retention: {trash: 1s, cache: 2d}/'
exit_is "a newer generation" 0 citrus apply --yes
is "its trash is empty" "" "$(guest ls /var/lib/citrus/trash)"
exit_is "the rollback is looked at" 0 citrus rollback --plan 1
has "and says what cannot come back" "directory $D (new and empty: the trash of $(guest date +%F) is over)" "$OUT"
has "that it is one-way" "one-way" "$(grep "database $NEWS (new and empty" <<<"$OUT")"
exit_is "it needs a word of its own" 1 citrus rollback 1 --yes
has "and says which" "--allow-one-way" "$OUT"
exit_is "and did nothing" 1 test -e $D
