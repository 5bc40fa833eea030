#!/bin/bash
# A site that the manifest no longer names is removed: what serves it goes, its tree and database go to
# the trash for a time.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"

boot site
news=$(site_user news.example.com)
echo precious | put /var/www/news.example.com/public/wp-content/precious.txt
sql "insert into \`$news\`.wp_options (option_name, option_value, autoload) values ('precious_option', 'precious-row', 'no')"
state | grep -v -e news.example.com -e "$news" >"$TMP/before"

manifest "$SITE" -e '/^  news.example.com:/,/^    wordpress:/d'
exit_is "the removal is planned" 2 citrus apply --plan --detailed-exitcode
has "the plan names the site" news.example.com "$OUT"
has "and that it is kept for a time" "to the trash, kept " "$OUT"
hasnt "and no other site" shop.example.com "$OUT"
exit_is "apply" 0 citrus apply --yes

for f in /etc/nginx/sites-available/news.example.com.conf /etc/nginx/sites-enabled/news.example.com.conf \
  /etc/php/8.2/fpm/pool.d/news.example.com.conf /var/www/news.example.com /run/php/news.example.com.sock; do
  exit_is "gone: $f" 1 test -e "$f"
done
is "the database is gone" "" "$(sql "show databases like '$news'")"
is "and its user" "" "$(sql "select user from mysql.user where user = '$news'")"
is "and the account" "" "$(guest getent passwd "$news" || true)"
hasnt "the site is not served" "<title>News" "$(fetch http://news.example.com/ -L -k)"

trash=/var/lib/citrus/trash
exit_is "the tree is in the trash" 0 grep -rqx precious $trash
exit_is "and so is the database" 0 grep -rqa precious-row $trash
is "which only root can open" 700 "$(guest stat -c %a $trash)"

state | grep -v -e news.example.com -e "$news" -e " $trash" >"$TMP/after"
grep -vE '^(content|file) /etc/(passwd|group|shadow|gshadow) ' "$TMP/before" >"$TMP/a"
grep -vE '^(content|file) /etc/(passwd|group|shadow|gshadow) ' "$TMP/after" >"$TMP/b"
same_state "nothing else is touched" "$TMP/a" "$TMP/b" '^/etc/citrus/server.yaml$'
is "blog is served" 200 "$(status_of https://blog.example.com/)"
exit_is "nothing is left to do" 0 citrus apply --plan --detailed-exitcode
