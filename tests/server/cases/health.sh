#!/bin/bash
# The health gate: a change that a service takes and that breaks sites all the same is taken back.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"

boot site
put /var/www/shop.example.com/public/index.php <<<'<?php echo "<title>Shop</title>";'
put /var/www/docs.example.com/public/index.html <<<'<title>Docs</title>'
all=(blog news shop docs)
served() { # served NAME: all four answer as they did
  local s got=''
  for s in "${all[@]}"; do got+=" $s=$(status_of "https://$s.example.com/")"; done
  is "$1: all sites are served" " blog=200 news=200 shop=200 docs=200" "$got"
}
served "before"

step "a template that answers 500 for one site"
state >"$TMP/before"
guest mkdir -p /etc/citrus/templates
guest sh -c 'sed "s,^    server_name {{domain}};,&\n    {{#wordpress}}if (\$host = blog.example.com) { return 500; }{{/wordpress}}," /usr/share/citrus/templates/vhost.mustache >/etc/citrus/templates/vhost.mustache'
manifest "$SITE" -e '/^  shop.example.com:/a\    nginx: {client_max_body_size: 99M}'
exit_is "the bad vhost: exit status" 4 citrus apply --yes
has "it names the site and what became worse" 'blog.example.com: health check: worse than before: HTTP 200' "$OUT"
has "and the status" 'HTTP 500' "$OUT"
served "the bad vhost"
is "blog's vhost is as it was" "$(grep '^content /etc/nginx/sites-available/blog' "$TMP/before")" "$(state | grep '^content /etc/nginx/sites-available/blog')"
has "the other site's change stands" 99M "$(guest grep client_max_body_size /etc/nginx/sites-available/shop.example.com.conf)"
exit_is "the same for programs" 4 citrus apply --yes --json
has "names each site's state" '"state": "fine"' "$OUT"
guest rm -r /etc/citrus/templates
exit_is "without it all is well" 0 citrus apply --yes

step "a new site that answers 500"
guest mkdir -p /var/www/bad.example.com/custom.d
put /var/www/bad.example.com/custom.d/bad.conf <<<'return 500;'
manifest "$SITE" -e '$a\  bad.example.com: {type: html, tls: {issuer: self-signed}}' -e '$a\  good.example.com: {type: html, tls: {issuer: self-signed}}'
exit_is "the new site: exit status" 4 citrus apply --yes
has "it says why" 'bad.example.com: health check: it does not work: HTTP 500' "$OUT"
exit_is "it is gone" 1 test -e /etc/nginx/sites-enabled/bad.example.com.conf
is "the other new one stands" 403 "$(status_of https://good.example.com/)"
guest rm -r /var/www/bad.example.com

step "a PHP setting that breaks every page"
manifest "$SITE"
exit_is "back to four sites" 0 citrus apply --yes
state >"$TMP/before"
manifest "$SITE" -e 's/versions: \["8.2"\]/&, ini: {auto_prepend_file: \/nonexistent.php}/' -e 's/children: 6/children: 5/'
exit_is "the setting: exit status" 3 citrus apply --yes
has "it says that the server did it" 'server: health check:' "$OUT"
served "the setting"
state >"$TMP/after"
same_state "all is as before" "$TMP/before" "$TMP/after" '^/etc/|php|nginx|^/var/www/[^/]*$'
exit_is "--no-health lets it through" 0 citrus apply --yes --no-health
is "and it breaks" 500 "$(status_of https://blog.example.com/)"
manifest "$SITE"
exit_is "what was broken before hinders nobody" 0 citrus apply --yes
served "mended"

step "what was broken before"
put /var/www/news.example.com/public/wp-content/mu-plugins/broken.php <<<'<?php no_such_function();' ||
  { guest mkdir -p /var/www/news.example.com/public/wp-content/mu-plugins; put /var/www/news.example.com/public/wp-content/mu-plugins/broken.php <<<'<?php no_such_function();'; }
is "news is broken by somebody" 500 "$(status_of https://news.example.com/)"
manifest "$SITE" -e 's/children: 6/children: 4/'
exit_is "is nobody's failure" 0 citrus apply --yes
has "and named" 'news.example.com: was broken before this run, and is: HTTP 500' "$OUT"
guest rm /var/www/news.example.com/public/wp-content/mu-plugins/broken.php

step "a site that is slow is not broken"
# what its page takes is the setting, in seconds; it is to answer within 3
put /var/www/shop.example.com/public/index.php <<<'<?php sleep((int)ini_get("precision")); echo "<title>Shop</title>";'
slow() { # slow SECONDS: of every page of the shop, by a change of its own
  manifest "$SITE" -e 's/children: 6/children: 4/' -e "/^  shop.example.com:/a\\    php: {ini: {precision: \"$1\"}}" -e '/^  shop.example.com:/a\    health: {timeout: 3s}'
}
slow 2
exit_is "a page that takes 2 s" 0 citrus apply --yes
slow 25
exit_is "one that takes longer than it may is taken back" 4 citrus apply --yes -v
has "with its time named" 'shop.example.com: health check: worse than before: HTTP 200 -> no whole answer within' "$OUT"
slow 5
exit_is "one that takes longer than its time, and less than three times as long as before, is left" 0 citrus apply --yes -v
has "and asked until it answered" 'shop.example.com: HTTP 200' "$OUT"
put /var/www/shop.example.com/public/index.php <<<'<?php echo "<title>Shop</title>";'

step "a healthy change, and what asking costs"
manifest "$SITE" -e 's/children: 6/children: 3/'
t0=$(date +%s%N)
exit_is "a healthy change passes" 0 citrus apply --yes -v
t1=$(date +%s%N)
has "each site is named" 'blog.example.com: HTTP 200' "$OUT"
manifest "$SITE" -e 's/children: 6/children: 2/'
exit_is "the same without asking" 0 citrus apply --yes --no-health
t2=$(date +%s%N)
both "     health: a change with 4 sites asked took $(((t1 - t0) / 1000000)) ms, without asking $(((t2 - t1) / 1000000)) ms"
guest sh -c 'wc -l </var/www/docs.example.com/logs/access.log' >"$TMP/lines"
exit_is "a run that changes nothing" 0 citrus apply --yes
is "asks nobody" "$(cat "$TMP/lines")" "$(guest sh -c 'wc -l </var/www/docs.example.com/logs/access.log')"

step "a new certificate is the one that is served"
manifest "$SITE" -e 's/children: 6/children: 2/' -e 's/^    aliases: \[www.blog.example.com\]/    aliases: [www.blog.example.com, w2.blog.example.com]/'
exit_is "it is changed and asked for" 0 citrus apply --yes
served "the new certificate"
