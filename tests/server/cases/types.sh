#!/bin/bash
# Every type of site in one manifest, each apart from the others.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"

boot site
exit_is "nothing is left to do" 0 citrus apply --plan --detailed-exitcode
lab_copy "$HOST" "$LAB_TOP/examples" /root/examples
for f in "$LAB_TOP"/examples/*.yaml; do
  exit_is "the example $(basename "$f") is valid" 0 citrus validate "/root/examples/$(basename "$f")"
done
exit_is "nor with every file read again" 0 citrus apply --plan --detailed-exitcode --verify
has "blog is WordPress" "<title>Blog" "$(fetch https://blog.example.com/)"
has "news is another" "<title>News" "$(fetch https://news.example.com/)"
is "an alias is served or led to the name" yes "$(fetch https://blog.example.com/ -o /dev/null --connect-to "::$(lab_ip "$HOST"):" -H 'Host: www.blog.example.com' -w '%{http_code} %{redirect_url}' | grep -qE '^(200|301 https://blog\.example\.com/)' && echo yes)"

echo '<h1>docs by hand</h1>' | put /var/www/docs.example.com/public/index.html
has "docs serves files" "docs by hand" "$(fetch https://docs.example.com/)"
echo '<?php echo "not run";' | put /var/www/docs.example.com/public/x.php
hasnt "and gives no PHP source away" "<?php" "$(fetch https://docs.example.com/x.php)"

put /var/www/shop.example.com/public/index.php <<'END'
<?php
$u = posix_getpwuid(posix_geteuid());
echo "as {$u['name']}\n";
foreach (['/var/www/blog.example.com/wp-config.php', '/etc/citrus/tls/blog.example.com/privkey.pem', '/var/lib/citrus/store.db', '/var/lib/citrus/secret.key'] as $f)
    echo @file_get_contents($f) === false ? "cannot read\n" : "READ $f\n";
echo session_start() ? "session\n" : "no session\n";
echo @file_put_contents(sys_get_temp_dir() . '/probe', 'x') === 1 ? "tmp " . sys_get_temp_dir() . "\n" : "no tmp\n";
END
shop=$(site_user shop.example.com)
out=$(fetch https://shop.example.com/)
has "shop runs PHP as its own user" "as $shop" "$out"
hasnt "which reads nothing of the others or of citrus" READ "$out"
is "each of them" 4 "$(grep -c 'cannot read' <<<"$out")"
has "its sessions work" session "$(grep -v 'no session' <<<"$out")"
has "its temporary files are its own" "tmp /var/www/shop.example.com/tmp" "$out"

step "one user, pool and database user each"
blog=$(site_user blog.example.com) news=$(site_user news.example.com)
is "the users differ" 3 "$(printf '%s\n' "$blog" "$news" "$shop" | sort -u | wc -l)"
exit_is "news cannot read blog's wp-config.php" 1 runuser -u "$news" -- head -c1 /var/www/blog.example.com/wp-config.php
exit_is "nor list its folder" 2 runuser -u "$news" -- ls /var/www/blog.example.com
exit_is "nor connect to its pool" 1 runuser -u "$news" -- php8.2 -r 'exit(@stream_socket_client("unix:///run/php/blog.example.com.sock") ? 0 : 1);'
p=$(guest sed -n "s/.*DB_PASSWORD'[^']*'\([^']*\)'.*/\1/p" /var/www/news.example.com/wp-config.php)
guest sh -c 'umask 077; cat >/root/news.cnf' <<<"[client]
user=$news
password=$p"
exit_is "news reaches its database" 0 mariadb --defaults-file=/root/news.cnf "$news" -e 'select 1'
exit_is "but not blog's" 1 mariadb --defaults-file=/root/news.cnf "$blog" -e 'select 1'
has "for it is denied" "Access denied" "$OUT"

step "an unknown name"
hasnt "gets no site's content" "<title>" "$(fetch http://unknown.example.org/)"

step "the files that people put there are theirs"
exit_is "there is still nothing to do" 0 citrus apply --plan --detailed-exitcode
