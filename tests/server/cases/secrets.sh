#!/bin/bash
# No secret shows anywhere but where it is used, whatever citrus is told to do; and a password is rotated under load
# with no request refused.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"
# shellcheck source=tests/server/load.sh
. "$(dirname "$0")/../load.sh"

BLOG=blog.example.com
NAME=site/$BLOG/db_password
W=/var/www/$BLOG

boot site
DB=$(site_user $BLOG)

# ------------------------------------------------------------------ a neighbour who asks 30 times a second

# The page takes its password from wp-config.php as WordPress does, without the rest of WordPress.
guest mkdir -p $W/public/probe </dev/null
echo '<?php' | put $W/public/probe/wp-settings.php
put $W/public/probe.php <<'END'
<?php
define('ABSPATH', __DIR__ . '/probe/');
require dirname(__DIR__) . '/wp-config.php';
mysqli_report(MYSQLI_REPORT_OFF);
$db = @new mysqli('localhost', DB_USER, DB_PASSWORD, DB_NAME, 0, '/run/mysqld/mysqld.sock');
if ($db->connect_errno || !$db->query('SELECT option_value FROM wp_options LIMIT 1'))
    http_response_code(500);
END
pages() { # five of the probe for one of WordPress, two of them on connections of their own
  load 30 "https://$BLOG/probe.php?"{1,2,3} "new:https://$BLOG/probe.php?"{4,5} "https://$BLOG/"
}

# ------------------------------------------------------------------ what must not show

needles() { # every value that there is now, and what is derived from it, joins those that were
  local n
  for n in $(guest citrus secret list </dev/null); do guest citrus secret get "$n" </dev/null; done >>"$TMP/needles"
  guest cat /var/www/{blog,news}.example.com/wp-config.php </dev/null | sed -n "s/^define( '[A-Z_]*\(KEY\|SALT\)', '\(.*\)' );/\2/p" >>"$TMP/needles"
  sort -u "$TMP/needles" -o "$TMP/needles"
  awk 'length($0) < 8 {bad = 1} END {exit bad}' "$TMP/needles"
}
say_all() { # a command, shown as a person and as a program would see it: -v says all that is said without it, and more
  local o
  for o in -v --json; do
    # shellcheck disable=SC2086 # no option is no word
    run "$@" $o
    printf '%s\n' "$OUT" >>"$TMP/said"
    case $* in *rotate*) needles ;; esac # each has a value that the next replaces
  done
}

: >"$TMP/needles"
needles
is "there are values to look for" yes "$([ "$(wc -l <"$TMP/needles")" -ge 22 ] && echo yes)"
# What every process is given: each is read for its first seconds, since it may yet become another program, and now and
# then all of them. As a loop of cat and grep this took half of the machine.
put /root/see.py <<'PY'
import os, time
known, born, all_at = set(), {}, 0
with open('/run/seen', 'wb', 0) as out:
    while True:
        now = time.monotonic()
        pids = [p for p in os.listdir('/proc') if p.isdigit()]
        born = {p: born.get(p, now) for p in pids}
        everyone = now >= all_at
        all_at = now + 2 if everyone else all_at
        for p in pids:
            if not everyone and now - born[p] > 3:
                continue
            for name in ('cmdline', 'environ'):
                try:
                    with open('/proc/%s/%s' % (p, name), 'rb') as f:
                        words = f.read().replace(b'\0', b'\n').split(b'\n')
                except OSError:
                    continue
                for word in words:
                    if len(word) >= 8 and word not in known:
                        known.add(word)
                        out.write(word + b'\n')
        time.sleep(0.02)
PY
background python3 /root/see.py

# What the case itself does with a value goes by standard input: its arguments are looked at, too.
own_password() { guest mariadb <<<"alter user '$DB'@localhost identified by 'his-own-password-0123456789'"; }

step "every command"
say_all citrus validate
say_all citrus apply --plan
echo my-own-secret-0123456789 >"$TMP/own"
guest citrus secret set editor-password <"$TMP/own"
needles
# somebody writes a password of his own into the file, and gives it to the database user
echo his-own-password-0123456789 >>"$TMP/needles"
guest sed -i -f /dev/stdin $W/wp-config.php <<<"s/DB_PASSWORD', '.*'/DB_PASSWORD', 'his-own-password-0123456789'/"
own_password
say_all citrus drift
say_all citrus apply --plan --out /root/plan
say_all citrus show /root/plan
say_all citrus apply --yes
is "the site works with its own password again" 200 "$(status_of https://$BLOG/)"
manifest "$SITE" "${PATIENT[@]}" -e 's/present: \[htop\]/present: [htop, no-such-package]/' -e 's/title: Blog, /&config: {WP_MEMORY_LIMIT: 64M}, /'
say_all citrus apply --yes
manifest "$SITE" "${PATIENT[@]}" -e 's/children: 6/children: 5/'
say_all citrus apply --yes
say_all citrus rollback --plan
say_all citrus rollback --yes
say_all citrus secret rotate --plan $NAME
say_all citrus secret rotate --yes site/news.example.com/db_password
say_all citrus secret rotate --yes site/news.example.com/salts
say_all citrus secret rotate --yes site/$BLOG/admin_password
for c in status history show "show 1" recover "secret list"; do
  # shellcheck disable=SC2086 # a command of words
  say_all citrus $c
done

manifest "$SITE" "${PATIENT[@]}"
exit_is "all is as the first manifest says" 0 citrus apply --yes

step "a rotation under load"
old=$(guest citrus secret get $NAME </dev/null)
pages
sleep 2
program build-faults/citrus # which counts its steps, and can be killed at one of them
exit_is "a password is rotated" 0 env CITRUS_STEPS_LOG=/run/steps citrus secret rotate --yes -v $NAME
printf '%s\n' "$OUT" >>"$TMP/said"
sleep 3
end_load
loaded rotation 30
needles
is "the value is another one" yes "$([ "$(guest citrus secret get $NAME </dev/null)" != "$old" ] && echo yes)"
printf '[client]\nuser=%s\npassword=%s\n' "$DB" "$old" | put /run/old.cnf 600
exit_is "the old password is no longer accepted" 1 mariadb --defaults-file=/run/old.cnf -e 'select 1'
printf '[client]\nuser=%s\npassword=%s\n' "$DB" "$(guest citrus secret get $NAME </dev/null)" | put /run/old.cnf 600
exit_is "the new one is" 0 mariadb --defaults-file=/run/old.cnf -e 'select 1'
guest rm /run/old.cnf </dev/null
exit_is "and nothing is left to do" 0 citrus apply --plan --detailed-exitcode

step "a rotation that is killed between its two halves"
pages
# the first commit after the first transaction is over and its undo is swept away
half=$(guest cat /run/steps </dev/null | awk -F'\t' '$2 == "rename" && $4 ~ "wp-config" {new = 1} new && $4 ~ "/undo/" {over = 1} over && $2 == "commit" {print $1; exit}')
exit_is "it dies there" 137 env CITRUS_DIE_AT="$half" citrus secret rotate --yes $NAME
program build/citrus
needles
has "status says that it is pending" "rotation of $NAME is pending" "$(guest citrus status </dev/null)"
exit_is "a plan has nothing to do" 0 citrus apply --plan --detailed-exitcode
exit_is "the next apply ends it" 0 citrus apply --yes
has "and says so" "$NAME is rotated" "$OUT"
printf '%s\n' "$OUT" >>"$TMP/said"
end_load
loaded "a killed rotation" 30
hasnt "status has no rotation any more" pending "$(guest citrus status </dev/null)"
hasnt "the store has no old value any more" previous "$(guest citrus secret list </dev/null)"

step "the load would notice"
pages
sleep 1
own_password
sleep 2
end_load
is "a password changed by hand refuses requests" yes "$([ "$REFUSED" -gt 0 ] && echo yes)"
exit_is "which an apply mends" 0 citrus apply --yes

step "what was said"
guest sh -c 'sleep 0.2' seen-for-a-moment-only </dev/null
end_background
needles
put /run/needles 600 <"$TMP/needles"
is "no output shows a value" "" "$(grep -aoF -f "$TMP/needles" "$TMP/said" | sort -u || true)"
is "a process that lives for a moment is seen" yes "$(guest grep -qaF seen-for-a-moment-only /run/seen </dev/null && echo yes)"
is "no process's arguments or environment do" "" "$(guest env LC_ALL=C grep -aoF -f /run/needles /run/seen </dev/null | sort -u || true)"
step "what lies there"
guest sh -c 'journalctl --no-pager -o export >/run/journal; rm -f /run/seen' </dev/null
is "the search finds what is there" "$W/wp-config.php" "$(guest env LC_ALL=C grep -rlaF -f /run/needles $W </dev/null || true)"
is "no file of the server does but wp-config.php" "/var/www/$BLOG/wp-config.php /var/www/news.example.com/wp-config.php" \
  "$(guest env LC_ALL=C grep -rlaF --exclude=needles -D skip -f /run/needles /etc /var /root /home /tmp /run </dev/null 2>/dev/null | sort | tr '\n' ' ' | sed 's/ $//' || true)"
exit_is "neither does the store's memory of it" 1 grep -qaF -f /run/needles /var/lib/citrus/store.db /var/lib/citrus/store.db-wal
is "the key is for root alone" "600 root" "$(guest stat -c '%a %U' /var/lib/citrus/secret.key </dev/null)"

step "a lost key"
guest mv /var/lib/citrus/secret.key /root/secret.key </dev/null
exit_is "an apply refuses to go on" 1 citrus apply --yes
has "and names the file" /var/lib/citrus/secret.key "$OUT"
exit_is "status still looks" 0 citrus status
guest mv /root/secret.key /var/lib/citrus/secret.key </dev/null
exit_is "it is back" 0 citrus apply --plan --detailed-exitcode
