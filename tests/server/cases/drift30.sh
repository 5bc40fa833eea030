#!/bin/bash
# Dozens of drifts at once, over every kind, in two rounds: each is named with its field, what was found and what is
# wanted; one mend, as the timer runs it, takes all of them back; and nothing else on the server is written to, by the
# digest and the times of every file. With the policies warn and ignore the same drifts are left as they are.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"

boot site
W=/var/www/blog.example.com N=/var/www/news.example.com S=/var/www/shop.example.com D=/var/www/docs.example.com
BLOG=$(site_user blog.example.com) NEWS=$(site_user news.example.com) SHOP=$(site_user shop.example.com) DOCS=$(site_user docs.example.com)
A=/etc/nginx/sites-available E=/etc/nginx/sites-enabled P=/etc/php/8.2/fpm/pool.d T=/etc/citrus/tls

# ------------------------------------------------------------------ what is compared

# Every path of the server but: logs; what MariaDB, systemd and citrus itself keep (the store, undo, the trash, the
# cache of downloads); and what apt, dpkg and PHP's packages write when a removed package is installed again.
put /root/list 755 <<'END2'
#!/bin/bash
# list FILE: type, mode, owner, size, target, times, inode and digest of each path
set -eo pipefail
export LC_ALL=C
skip=(/var/log /var/lib/mysql /var/lib/systemd /var/lib/citrus /var/cache/citrus /var/lib/dpkg /var/lib/apt /var/cache/apt
  /var/cache/debconf /var/cache/ldconfig /var/lib/php/modules /root /tmp /proc /sys /dev /run)
prune=(-false)
for p in "${skip[@]}"; do prune+=(-o -path "$p"); done
for p in /var/www/*/logs; do prune+=(-o -path "$p/*"); done
find / -xdev \( "${prune[@]}" \) -prune -o -printf '%p\t%y\t%m\t%u:%g\t%s\t%l\t%T@ %C@ %i\n' | sort >/root/meta
find / -xdev \( "${prune[@]}" \) -prune -o -type f -print0 | sort -z | xargs -0 -n 500 -P 2 sha256sum | awk '{d = $1; sub(/^[^ ]+  /, ""); print $0 "\t" d}' | sort >/root/sums
join -t $'\t' -a 1 /root/meta /root/sums >"$1"
END2
list() { guest /root/list /root/listed </dev/null; guest cat /root/listed </dev/null >"$TMP/$1"; }

# What the mend may write to: the places of the drifts, what usermod's family and systemctl rewrite, the files of the
# packages that go and come.
guest dpkg -L htop php8.2-gd </dev/null | sort -u >"$TMP/packaged"
TOUCHED="^(/etc/nginx/(nginx.conf|sites-(available|enabled)/.*)|/etc/php/8.2/(fpm|cli)/(conf.d|pool.d)/.*|/etc/mysql/mariadb.conf.d/90-citrus.cnf"
TOUCHED="$TOUCHED|$T/.*|/etc/logrotate.d/citrus-.*|/var/www/[a-z.]*/wp-config.php|/var/www/[a-z.]*(/(tmp|sessions|custom.d|public))?"
TOUCHED="$TOUCHED|$W/public/wp-(includes|admin)(/.*)?|$W/public/[a-z-]*\.(php|html|txt)|$N/public/wp-(includes|admin)(/.*)?|$N/public/[a-z-]*\.(php|html|txt)"
TOUCHED="$TOUCHED|/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?|/etc/systemd/system/.*|/etc/rc[0-9S].d/.*|/var/lib/citrus-acme"
TOUCHED="$TOUCHED|/var/lib/(php|ucf)/.*|/etc/php/8.2/mods-available/gd.ini|/var/cache/man/.*|/etc/.pwd.lock)\$"
untouched() { # untouched NAME BEFORE AFTER: no other path has another time, inode, mode, owner or content; directories but for their times
  local re=$TOUCHED f
  for f in "$2" "$3"; do awk -F'\t' -v re="$re" 'NR == FNR {packaged[$1]; next} $1 in packaged || $1 ~ re {next} $2 == "d" {$5 = $7 = ""} {print}' "$TMP/packaged" "$TMP/$f" >"$TMP/$f.rest"; done
  both "     $CASE: $(wc -l <"$TMP/$3.rest") of $(wc -l <"$TMP/$3") paths are none of the drifts' places"
  is "$1: nothing else was written to" "" "$(diff "$TMP/$2.rest" "$TMP/$3.rest" | head -20 || true)"
}
restored() { # restored NAME: all is as at the beginning, but for times; new certificates have new keys
  local f
  for f in clean mended; do
    awk -F'\t' -v certificates="^$T/" '{$7 = ""} $2 == "d" || $1 ~ certificates {$5 = $8 = ""} $1 ~ "^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$" {next} {print}' "$TMP/$f" >"$TMP/$f.what"
  done
  is "$1: every path is as it was" "" "$(diff "$TMP/clean.what" "$TMP/mended.what" | head -20 || true)"
}

# ------------------------------------------------------------------ what is done by hand

names=() needles=()
drift() { # drift NAME LINES COMMAND: the lines that name it, each `RESOURCE|what is said of it`
  names+=("$1")
  needles+=("$2")
  printf '%s\n' "$3" >>"$TMP/mess"
}
begin() { names=() needles=() && echo 'set -ex' >"$TMP/mess"; }
by_hand() {
  run bash -c "$(cat "$TMP/mess")"
  is "$1: ${#names[@]} drifts by hand" 0 "$RC"
}
named() { # each line of a plan with its resource in front; then each drift's lines are looked for
  local i line
  run citrus drift --detailed-exitcode
  is "$1: there is drift" "$2" "$RC"
  awk '/^  [-~+] / {name = $2 " " $3; print name; next} /^      / && name {sub(/^ */, ""); print name "|" $0}' <<<"$OUT" >"$TMP/said"
  for i in "${!names[@]}"; do
    while IFS= read -r line; do
      grep -qF -- "$line" "$TMP/said" || { fail "$1: ${names[i]}: named" "want: $line"$'\n'"got: $(grep -F "${line%%|*}" "$TMP/said" | head -12)"; continue 2; }
    done <<<"${needles[i]}"
    CHECKS=$((CHECKS + 1))
    echo "named: ${names[i]}"
  done
  is "$1: all ${#names[@]} drifts are named" "${#names[@]}" "$(grep -c . < <(printf '%s\n' "${names[@]}" | sort -u))"
}
mended() {
  exit_is "$1: the timer's command mends" 0 citrus drift --apply --yes
  list mended
  exit_is "$1: no drift is left" 0 citrus drift --detailed-exitcode
  untouched "$1" drifted mended
  restored "$1"
  for s in blog news; do is "$1: $s answers" 200 "$(status_of https://$s.example.com/)"; done
  for s in docs shop; do is "$1: $s answers" "hello $s" "$(fetch https://$s.example.com/hello.html)"; done
}

first_round() {
  begin
  drift "a line in a vhost" "vhost blog.example.com|- # edited by hand" "sed -i '1i # edited by hand' $A/blog.example.com.conf"
  drift "a vhost deleted" "vhost docs.example.com|+     server_name docs.example.com;" "rm $A/docs.example.com.conf"
  drift "a vhost's link deleted" "vhost news.example.com|enabled: false → true" "rm $E/news.example.com.conf"
  drift "a vhost's link elsewhere" "vhost shop.example.com|enabled: false → true" "ln -sfn /dev/null $E/shop.example.com.conf"
  drift "nginx.conf edited" "file /etc/nginx/nginx.conf|-     keepalive_timeout 1s;"$'\n'"file /etc/nginx/nginx.conf|+     keepalive_timeout 65s;" \
    "sed -i 's/keepalive_timeout .*/keepalive_timeout 1s;/' /etc/nginx/nginx.conf"
  drift "the default server's link deleted" "link $E/000-default.conf" "rm $E/000-default.conf"
  drift "an ini's mode" "file /etc/php/8.2/fpm/conf.d/90-citrus.ini|mode: 0600 → 0644" "chmod 600 /etc/php/8.2/fpm/conf.d/90-citrus.ini"
  drift "an ini edited" "file /etc/php/8.2/fpm/conf.d/90-citrus.ini|- display_errors = On" "echo 'display_errors = On' >>/etc/php/8.2/fpm/conf.d/90-citrus.ini"
  drift "a file's owner" "file $P/www.conf|owner: nobody → root" "chown nobody $P/www.conf"
  drift "a file replaced by a link" "file /etc/logrotate.d/citrus-$BLOG|type: link → file" "ln -sf /etc/hostname /etc/logrotate.d/citrus-$BLOG"
  drift "a file replaced by a directory" "file /etc/logrotate.d/citrus-$NEWS|type: directory → file" "rm /etc/logrotate.d/citrus-$NEWS; mkdir /etc/logrotate.d/citrus-$NEWS"
  drift "a file deleted" "file /etc/logrotate.d/citrus-$SHOP" "rm /etc/logrotate.d/citrus-$SHOP"
  drift "a core file altered" "wordpress blog.example.com|core: altered → intact" "sed -i '\$a// altered' $W/public/wp-includes/functions.php"
  drift "a foreign file in the core" "wordpress news.example.com|core: altered → intact" "echo '<?php system(\$_GET[0]);' >$N/public/wp-includes/evil.php"
  drift "wp-config.php edited" "file $W/wp-config.php|- // edited" "echo '// edited' >>$W/wp-config.php"
  drift "wp-config.php's mode" "file $N/wp-config.php|mode: 0644 → 0640" "chmod 644 $N/wp-config.php"
  drift "a pool edited" "php_pool blog.example.com|- pm.max_children = 60"$'\n'"php_pool blog.example.com|+ pm.max_children = 6" "sed -i 's/pm.max_children.*/pm.max_children = 60/' $P/blog.example.com.conf"
  drift "a pool deleted" "php_pool shop.example.com" "rm $P/shop.example.com.conf"
  drift "a service stopped" "service nginx.service|active: false → true" "systemctl stop nginx"
  drift "a service disabled" "service mariadb.service|enabled: false → true" "systemctl -q disable mariadb"
  drift "a service masked" "service php8.2-fpm.service|active: false → true"$'\n'"service php8.2-fpm.service|enabled: false → true" "systemctl -q mask --now php8.2-fpm"
  drift "a package removed" "package htop" "apt-get remove -y -qq htop >/dev/null"
  drift "an account's shell" "account $BLOG|shell: /bin/bash → /usr/sbin/nologin" "chsh -s /bin/bash $BLOG"
  drift "an account's home" "account $NEWS|home: /tmp → $N" "usermod -d /tmp $NEWS"
  drift "the web server out of a group" "account $SHOP|members: [] → [www-data]" "gpasswd -d www-data $SHOP"
  drift "a directory's mode" "directory $W/sessions|mode: 0777 → 0700" "chmod 777 $W/sessions"
  drift "a directory's owner and group" "directory $N/tmp|owner: nobody → $NEWS"$'\n'"directory $N/tmp|group: nogroup → $NEWS" "chown nobody: $N/tmp"
  drift "a directory removed" "directory $S/sessions" "rmdir $S/sessions"
  drift "a privilege revoked" "database_user $BLOG@localhost|privileges: "$'\n'"UPDATE → ALL PRIVILEGES" "mariadb -e 'revoke drop on \`${BLOG//_/\\_}\`.* from \`$BLOG\`@localhost'"
  drift "a password changed" "database_user $BLOG@localhost|password: {secret: (differs)} → {secret: site/blog.example.com/db_password}" "mariadb -e \"alter user \\\`$BLOG\\\`@localhost identified by 'other'\""
  drift "a foreign grant" "database_user $NEWS@localhost|extra: mysql.*: SELECT →" "mariadb -e 'grant select on mysql.* to \`$NEWS\`@localhost'"
  drift "a database's character set" "database $BLOG|charset: latin1 → utf8mb4" "mariadb -e 'alter database \`$BLOG\` character set latin1'"
  drift "a certificate for another name" "certificate blog.example.com|names: [] → [blog.example.com, www.blog.example.com]" \
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=evil -keyout $T/blog.example.com/privkey.pem -out $T/blog.example.com/fullchain.pem 2>/dev/null"
  drift "a certificate deleted" "certificate docs.example.com|state: unreadable → valid" "rm $T/docs.example.com/fullchain.pem"
  drift "a key that all may read" "certificate news.example.com|state: key has mode 0644 of user 0 → valid" "chmod 644 $T/news.example.com/privkey.pem"
}

second_round() { # what services go down for, and what another thing lies in the place of
  begin
  drift "a package that a service needs removed" "package php8.2-gd" "apt-get remove -y -qq php8.2-gd >/dev/null"
  drift "a vhost that nginx refuses" "vhost blog.example.com|- nonsense;" "echo 'nonsense;' >>$A/blog.example.com.conf"
  drift "a service failed over it" "service nginx.service|active: false → true" "! systemctl restart nginx"
  drift "a pool that PHP-FPM refuses" "php_pool shop.example.com|- nonsense = 1" "echo 'nonsense = 1' >>$P/shop.example.com.conf"
  drift "another service failed over it" "service php8.2-fpm.service|active: false → true" "! systemctl restart php8.2-fpm"
  drift "a vhost replaced by a directory" "vhost news.example.com|+     server_name news.example.com;" "rm $A/news.example.com.conf; mkdir $A/news.example.com.conf; touch $A/news.example.com.conf/x"
  drift "a pool replaced by a link" "php_pool news.example.com" "ln -sf /dev/null $P/news.example.com.conf"
  drift "a pool's mode" "php_pool blog.example.com|mode: 0666 → 0644" "chmod 666 $P/blog.example.com.conf"
  drift "wp-config.php replaced by a link" "file $N/wp-config.php|type: link → file" "cp -a $N/wp-config.php /root/elsewhere.php; ln -sf /root/elsewhere.php $N/wp-config.php"
  drift "a directory replaced by a link" "directory $W/tmp|type: link → directory" "mv $W/tmp /root/tmp; ln -s /root/tmp $W/tmp"
  drift "nginx.conf deleted" "file /etc/nginx/nginx.conf" "rm /etc/nginx/nginx.conf"
  drift "Debian's default server back" "link $E/default" "ln -s $A/default $E/default"
  drift "MariaDB's settings" "file /etc/mysql/mariadb.conf.d/90-citrus.cnf|- max_connections = 33" "sed -i 's/^max_connections.*/max_connections = 33/' /etc/mysql/mariadb.conf.d/90-citrus.cnf"
  drift "a database user dropped" "database_user $NEWS@localhost" "mariadb -e 'drop user \`$NEWS\`@localhost'"
  drift "a core file deleted" "wordpress blog.example.com|core: altered → intact" "rm $W/public/wp-admin/index.php"
  drift "an account's group" "account $DOCS|group: users → own" "usermod -g users $DOCS"
  drift "a directory for the operator removed" "directory $D/custom.d" "rmdir $D/custom.d"
  drift "a site's directory given away" "directory $S|owner: nobody → root" "chown nobody $S"
  drift "a set-user-id bit" "directory $S/public|mode: 4755 → 0750" "chmod 4755 $S/public"
  drift "a key that is not the certificate's" "certificate shop.example.com|state: key does not match → valid" "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out $T/shop.example.com/privkey.pem"
}

# ------------------------------------------------------------------ the rounds

step "before"
for s in docs shop; do guest sh -c "echo hello $s >/var/www/$s.example.com/public/hello.html" </dev/null; done
for s in blog news; do for _ in 1 2; do status_of https://$s.example.com/ && status_of https://$s.example.com/wp-cron.php; done; done
exit_is "no drift before" 0 citrus drift --detailed-exitcode
list clean

for round in first second; do
  step "$round round"
  "${round}_round"
  by_hand $round
  list drifted
  named $round 2
  mended $round
done

step "policies"
manifest "$SITE" -e 's/^server:/server:\n  drift: {default_policy: warn}/'
exit_is "warn: apply" 0 citrus apply --yes
first_round
by_hand warn
list drifted
named warn 0
exit_is "warn: the timer's command" 0 citrus drift --apply --yes
manifest "$SITE" -e 's/^server:/server:\n  drift: {default_policy: ignore}/'
exit_is "ignore: apply" 0 citrus apply --yes
exit_is "ignore: the timer's command" 0 citrus drift --apply --yes
exit_is "ignore: drift" 0 citrus drift --detailed-exitcode
has "ignore: it is counted" "ignored" "$OUT"
list mended
sed -i '/^\/etc\/citrus\(\/server.yaml\)\?\t/d' "$TMP/drifted" "$TMP/mended" # the manifest was written between the two
is "warn and ignore: not one path was written to" "" "$(diff "$TMP/drifted" "$TMP/mended" | head -20 || true)"
