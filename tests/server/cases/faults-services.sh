#!/bin/bash
# What citrus needs fails it: MariaDB, nginx, PHP-FPM, the store, a signal, somebody else's edit. Each time the message
# names the thing and what to do, the exit status says what became of it, the server is as it was (or as it is to be),
# and once the fault is gone the next apply just works. (Disks, apt and downloads: the case faults-disk.)
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"

boot site
B=/etc/php/8.2/fpm/pool.d/blog.example.com.conf
blog=$(site_user blog.example.com)
FAULTS=0 HELD=0 BAD=0 NAME=''

# fault NAME: a group of checks begins; the one before counts as held when none of its checks failed
over() { if [ -n "$NAME" ]; then FAULTS=$((FAULTS + 1)); [ "$BAD" != 0 ] || HELD=$((HELD + 1)); fi; }
fault() {
  over
  NAME=$1 BAD=0
  step "$NAME"
}
eval "$(declare -f fail | sed '1s/fail/failed_check/')"
fail() {
  BAD=$((BAD + 1))
  failed_check "$@"
}
says() { local word; for word in "$@"; do has "$NAME: says \"$word\"" "$word" "$OUT"; done; }
# quick_state: what these faults could touch; the whole `state` is taken once more at the end
quick_state() {
  guest bash -s <<'IN'
cd /
find etc/nginx etc/php etc/mysql etc/citrus etc/logrotate.d var/www -path '*/wp-*' -prune -o \( -path '*/logs/*' -o -path '*/tmp/*' -o -path '*/sessions/*' \) -prune -o -type f -print0 | xargs -0 sha256sum | sort -k2 | grep -v etc/citrus/server.yaml
stat -c '%n %a %U:%G' var/www/*/ var/www/*/* etc/citrus/tls/*/*
getent passwd | cut -d: -f1,6,7
mariadb -NBe 'select schema_name from information_schema.schemata order by 1; select user, host, authentication_string from mysql.user order by 1' 2>/dev/null || true
systemctl is-enabled nginx php8.2-fpm mariadb
IN
}
kept() { # kept BEFORE: nothing of it was touched
  quick_state >"$TMP/now"
  is "$NAME: the server is as it was" "" "$(diff "$1" "$TMP/now" || true)"
}
wait_for() { # wait_for SECONDS CMD...: until it succeeds inside
  guest timeout "$1" sh -c 'until "$@" >/dev/null 2>&1; do sleep 0.2; done' sh "${@:2}" </dev/null || {
    echo "waited in vain for: ${*:2}; the apply in the background said"
    guest cat /root/out </dev/null || true
  }
}
more() { manifest "$SITE" -e '$a\  third.example.com: {type: wordpress, tls: {issuer: self-signed}, wordpress: {version: "7.1.1", title: Third, admin: {user: editor, email: me@example.com}}}'; }
children() { manifest "$SITE" -e "s/children: 6/children: $1/"; }
mended() { # mended: the fault is gone; the next apply does it, and nothing is left
  exit_is "$NAME: then the next apply works" 0 citrus apply --yes
  exit_is "$NAME: and leaves nothing to do" 0 citrus apply --plan --detailed-exitcode
}
# DDL waits (CREATE DATABASE), visitors do not
hold_ddl() {
  # the last one's: MariaDB looks every five seconds whether who sleeps still has a client
  wait_for 60 sh -c '! mariadb -NBe "select 1 from information_schema.processlist where info like \"select sleep%\"" | grep -q 1'
  background mariadb -e 'backup stage start; backup stage flush; backup stage block_ddl; select sleep(600)'
  wait_for 60 sh -c 'mariadb -NBe "select 1 from information_schema.processlist where info like \"select sleep%\"" | grep -q 1'
}
in_statement() { wait_for 120 sh -c 'mariadb -NBe "select 1 from information_schema.processlist where info like \"CREATE DATABASE%\"" | grep -q 1'; }
begin_apply() { # in the background, its output to /root/out
  guest sh -c 'rm -f /root/rc /root/out; (citrus apply --yes >/root/out 2>&1; echo $? >/root/rc) & ' </dev/null
}
ended() { # RC and OUT of it
  wait_for "${1:-120}" test -s /root/rc
  RC=$(guest cat /root/rc </dev/null || echo none)
  OUT=$(guest cat /root/out </dev/null || true)
  printf '%s\n' "$OUT"
}
citrus_pid() { guest pgrep -x citrus </dev/null; }

drop_in() { # drop_in SERVICE LINES: how it is started, until drop_out
  guest bash -ec 'mkdir -p "/run/systemd/system/$1.service.d"; printf "[Service]\n$2\n" >"/run/systemd/system/$1.service.d/fault.conf"; systemctl daemon-reload' sh "$1" "$2" </dev/null
}
drop_out() { guest bash -ec 'rm -r "/run/systemd/system/$1.service.d"; systemctl daemon-reload; systemctl reset-failed "$1" || true' sh "$1" </dev/null; }

quick_state >"$TMP/good"

# ------------------------------------------------------------------ MariaDB

fault "MariaDB stopped"
more
guest systemctl stop mariadb
exit_is "$NAME: a plan starts it" 2 citrus apply --plan --detailed-exitcode
says "service mariadb.service" "active: false → true"
drop_in mariadb 'ExecStart=\nExecStart=/bin/false'
exit_is "$NAME: where it cannot be started" 3 citrus apply --yes
says "service mariadb.service" 'the start ended as "failed"' "journalctl -u mariadb.service" "Failed and undone"
drop_out mariadb
guest systemctl start mariadb
kept "$TMP/good"

fault "MariaDB stopped between plan and apply"
children 3
exit_is "$NAME: a plan" 0 citrus apply --plan --out /root/m.plan
guest systemctl stop mariadb
exit_is "$NAME: it is stale" 6 citrus apply --yes /root/m.plan
says "mariadb.service"
guest systemctl start mariadb
kept "$TMP/good"
mended
manifest "$SITE"
run citrus apply --yes

fault "MariaDB killed in mid-statement"
more
hold_ddl
begin_apply
in_statement
guest pkill -9 -x mariadbd
ended
is "$NAME: that site is undone" 4 "$RC"
says "third.example.com: database" "CREATE DATABASE" "MariaDB ended before it answered" "journalctl -u mariadb"
end_background
wait_for 60 mariadb -e 'select 1'
kept "$TMP/good"
manifest "$SITE"
mended

fault "MariaDB hangs"
guest sh -c 'kill -STOP $(pgrep -x mariadbd)'
children 4
t0=$SECONDS
exit_is "$NAME: refused in time" 1 citrus apply --yes
is "$NAME: within a minute" yes "$([ $((SECONDS - t0)) -lt 60 ] && echo yes || echo $((SECONDS - t0)) s)"
says /run/mysqld/mysqld.sock "no answer in 10 seconds" "SHOW PROCESSLIST"
guest sh -c 'kill -CONT $(pgrep -x mariadbd)'
kept "$TMP/good"

fault "MariaDB has no connection left"
guest bash -c 'mariadb -e "set global max_connections = 10"
  for i in $(seq 13); do systemd-run --quiet --collect --unit=taken-$i mariadb -e "select sleep(600)"; done
  for i in $(seq 100); do mariadb -e "select 1" 2>&1 | grep -q "Too many" && break; sleep 0.1; done'
exit_is "$NAME: refused" 1 citrus apply --yes
says "Too many connections" max_connections "SHOW PROCESSLIST"
guest bash -c 'systemctl stop "taken-*"; for i in $(seq 100); do mariadb -e "set global max_connections = 100" 2>/dev/null && break; sleep 0.2; done'
kept "$TMP/good"
mended
manifest "$SITE"
run citrus apply --yes

# ------------------------------------------------------------------ a configuration that is refused

refused() { # refused EXIT WORDS...: nothing was told, the old one stands, and the workers are the same
  local want=$1
  shift
  exit_is "$NAME: exit status" "$want" citrus apply --yes
  says "$@"
  guest rm -rf /etc/citrus/templates
  kept "$TMP/good"
  is "$NAME: nothing was reloaded" "$WORKERS" "$(workers)"
  exit_is "$NAME: without it nothing is left to do" 0 citrus apply --plan --detailed-exitcode
}
workers() { guest sh -c 'pgrep -x nginx; pgrep php-fpm8.2 | head -1' </dev/null | sort | tr '\n' ' '; }
override() { guest sh -c 'mkdir -p /etc/citrus/templates; sed "$1" "$2" >"/etc/citrus/templates/$(basename "$2")"' sh "$1" "$2"; }
sleep 1 # workers of the last reload
WORKERS=$(workers)

fault "nginx refuses a site's template"
override 's/server_name/no_such_directive on; server_name/' /usr/share/citrus/templates/vhost.mustache
refused 4 'unknown directive "no_such_directive" in /etc/nginx/sites-enabled/blog.example.com.conf:'

fault "nginx refuses the server's configuration"
override 's/^events/no_such_directive on;\n&/' /usr/share/citrus/configs/nginx.conf
refused 3 "file /etc/nginx/nginx.conf" 'unknown directive "no_such_directive" in /etc/nginx/nginx.conf:'

fault "PHP-FPM refuses a pool"
override 's/^pm *=.*/pm = nonsense/' /usr/share/citrus/templates/pool.mustache
refused 4 "php_pool blog.example.com" "[$B:" "invalid process manager"

fault "MariaDB refuses a setting"
manifest "$SITE" -e '/^  php:/a\  mariadb: {settings: {no_such_setting: "1"}}'
exit_is "$NAME: undone" 3 citrus apply --yes
says "unknown variable 'no_such_setting=1'" /etc/mysql/mariadb.conf.d/90-citrus.cnf
kept "$TMP/good"
manifest "$SITE"

fault "a service that starts and dies two seconds later"
guest systemctl stop php8.2-fpm
drop_in php8.2-fpm 'Type=simple\nExecStart=\nExecStart=/bin/sh -c "sleep 2; echo no more; exit 3"'
exit_is "$NAME: is not called done" 3 citrus apply --yes --no-health
says "php8.2-fpm.service was started and ended by itself" "journalctl -u php8.2-fpm.service"
drop_out php8.2-fpm
kept "$TMP/good"
mended

# ------------------------------------------------------------------ the store

store() { guest bash -ec "cd /var/lib/citrus; $1" </dev/null; }
put_aside() { store 'rm -rf /root/store; mkdir /root/store; cp -a store.db* secret.key /root/store/'; }
put_back() { store 'rm -f store.db*; cp -a /root/store/* .'; }
store_sum() { store 'cat store.db store.db-wal secret.key 2>/dev/null | sha256sum'; }
children 5
bad_store() { # bad_store NAME CMD WORDS...: refused with these words, and it stays as it is
  fault "$1"
  put_aside
  store "$2"
  local sums
  sums=$(store_sum)
  exit_is "$NAME: refused" 1 citrus apply --yes
  shift 2
  says "$@"
  is "$NAME: it is left as it is" "$sums" "$(store_sum)"
  put_back
  kept "$TMP/good"
  exit_is "$NAME: with the right one there is a plan" 2 citrus apply --plan --detailed-exitcode
}
fold() { store "python3 -c 'import sqlite3; c = sqlite3.connect(\"store.db\"); c.execute(\"pragma wal_checkpoint(truncate)\"); c.close()'; rm -f store.db-wal store.db-shm"; }

fold
bad_store "a store cut short" 'truncate -s 20000 store.db' /var/lib/citrus/store.db damaged backup
fold
bad_store "a store with garbage in its pages" 'head -c 60000 /dev/zero | tr "\0" "x" | dd of=store.db bs=1 seek=4096 conv=notrunc status=none' \
  /var/lib/citrus/store.db damaged backup
run citrus apply --plan
bad_store "a store of length zero beside its log" ': >store.db' /var/lib/citrus/store.db-wal "without its store.db" backup
run citrus apply --plan
bad_store "a log with garbage" 'head -c 40000 /dev/zero | tr "\0" "x" >store.db-wal' /var/lib/citrus/store.db-wal "is damaged" backup
fold
bad_store "a store of a newer citrus" \
  "python3 -c 'import sqlite3; c = sqlite3.connect(\"store.db\"); c.execute(\"pragma user_version = 99\"); c.commit()'; rm -f store.db-wal store.db-shm" \
  "newer citrus" "schema 99" "nothing was changed"
bad_store "the key of the secrets lost" 'rm secret.key' /var/lib/citrus/secret.key backup "citrus secret forget"

fault "a state directory of somebody else"
guest chown 1000 /var/lib/citrus
exit_is "$NAME: refused" 1 citrus apply --yes
says /var/lib/citrus "belongs to user 1000"
guest chown 0 /var/lib/citrus
kept "$TMP/good"

fault "a store that another program holds"
cat >"$TMP/hold.py" <<'END_PY'
import sqlite3, time
c = sqlite3.connect('/var/lib/citrus/store.db', isolation_level=None, timeout=60)
c.execute('begin exclusive')
open('/run/held', 'w')
time.sleep(600)
END_PY
put /root/hold.py <"$TMP/hold.py"
background python3 /root/hold.py
wait_for 60 test -e /run/held
exit_is "$NAME: refused after a while" 1 citrus apply --yes
says /var/lib/citrus/store.db "database is locked" "another process holds the store"
end_background
kept "$TMP/good"
mended
manifest "$SITE"
run citrus apply --yes
kept "$TMP/good"

fault "a store that another program holds in mid-apply"
sed -i 's/begin exclusive/begin immediate/' "$TMP/hold.py"
put /root/hold.py <"$TMP/hold.py"
guest rm -f /run/held
more
hold_ddl
begin_apply
in_statement
guest systemd-run --quiet --collect --unit=holds python3 /root/hold.py
wait_for 60 test -e /run/held
end_background
ended 300
is "$NAME: it is taken back, and a person is told" 5 "$RC"
says /var/lib/citrus/store.db "database is locked" "another process holds the store" "citrus recover"
kept "$TMP/good"
guest systemctl stop holds
exit_is "$NAME: recover closes it" 0 citrus recover
kept "$TMP/good"
manifest "$SITE"
mended

# ------------------------------------------------------------------ two at once, signals

fault "two applies at once"
more
hold_ddl
begin_apply
in_statement
pid=$(citrus_pid)
exit_is "$NAME: the second is refused" 7 citrus apply --yes
says "process $pid" /var/lib/citrus/lock "wait until it ends"
exit_is "$NAME: the timer's run gives way" 0 citrus drift --apply --yes

fault "SIGINT in the middle of a change" # of the same apply
guest kill -INT "$pid"
wait_for 30 grep -q 'second signal' /root/out
is "$NAME: the statement at hand goes on" "$pid" "$(citrus_pid)"
end_background # and ends
ended
is "$NAME: undone" 3 "$RC"
says "The action at hand ends, and all is taken back" "interrupted by a signal" "Failed and undone"
kept "$TMP/good"

fault "a second SIGTERM"
hold_ddl
begin_apply
in_statement
pid=$(citrus_pid)
guest kill -TERM "$pid"
wait_for 30 grep -q 'second signal' /root/out
guest kill -TERM "$pid"
ended 30
is "$NAME: it ends at once" 143 "$RC"
says "ended at once" "citrus recover"
run citrus status
says "was interrupted"
end_background
exit_is "$NAME: recover" 0 citrus recover
says "is undone: the old state stands"
kept "$TMP/good"

fault "SIGTERM in the middle of apt"
guest dpkg --purge strace
manifest "$SITE" -e 's/present: \[htop\]/present: [htop, strace]/' -e 's/children: 6/children: 3/'
guest sh -c 'touch /run/wait; echo "DPkg::Pre-Install-Pkgs {\"touch /run/in-apt; while test -e /run/wait; do sleep 0.2; done\";};" >/etc/apt/apt.conf.d/99wait'
begin_apply
wait_for 120 test -e /run/in-apt
apt=$(guest pgrep -x apt-get)
guest sh -c 'kill -TERM $(pgrep -x citrus)'
wait_for 30 grep -q 'second signal' /root/out
is "$NAME: apt goes on" "$apt" "$(guest pgrep -x apt-get)"
guest rm /run/wait /etc/apt/apt.conf.d/99wait
ended
is "$NAME: undone" 3 "$RC"
says "The action at hand ends, and all is taken back" "interrupted by a signal" "Failed and undone"
has "$NAME: apt had its end" "+ package strace" "$OUT"
is "$NAME: and the package went again" "un" "$(guest dpkg-query -W -f '${db:Status-Abbrev}' strace | tr -d ' ')"
is "$NAME: with its files" 1 "$(guest test -e /usr/bin/strace; echo $?)"
is "$NAME: dpkg is in order" "" "$(guest dpkg --audit)"
kept "$TMP/good"

fault "the terminal lost"
more
hold_ddl
begin_apply
in_statement
guest sh -c 'kill -HUP $(pgrep -x citrus)'
wait_for 30 grep -q 'second signal' /root/out
end_background
ended
is "$NAME: undone" 3 "$RC"
kept "$TMP/good"

fault "a signal during a download"
guest rm -rf /var/cache/citrus
put <<'END_PY' /root/slow.py
import socket, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('127.0.0.1', 8099)); s.listen(5)
open('/run/slow', 'w')
while True:
    c, _ = s.accept()
    c.recv(4096)
    c.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n')
    open('/run/asked', 'w')
    for _ in range(600):
        c.sendall(b'x' * 4000); time.sleep(0.5)
END_PY
background python3 /root/slow.py
wait_for 60 test -e /run/slow
more
guest sed -i 's,http://mirror.lab:8080/wordpress-{version},http://127.0.0.1:8099/wordpress-{version},' /etc/citrus/server.yaml
begin_apply
wait_for 60 test -e /run/asked
guest sh -c 'kill -INT $(pgrep -x citrus)'
t0=$SECONDS
ended 60
is "$NAME: ends promptly" yes "$([ $((SECONDS - t0)) -lt 20 ] && echo yes || echo $((SECONDS - t0)) s)"
is "$NAME: nothing was changed" 1 "$RC"
says 127.0.0.1:8099 interrupted "Nothing was changed"
end_background
kept "$TMP/good"

# ------------------------------------------------------------------ somebody else's edits

fault "an edit between plan and apply"
children 3
exit_is "$NAME: a plan" 0 citrus apply --plan --out /root/e.plan
guest sed -i 's/^pm.max_children.*/pm.max_children = 9/' "$B"
exit_is "$NAME: stale" 6 citrus apply --yes /root/e.plan
says "php_pool blog.example.com" digest "Nothing was changed"
is "$NAME: the edit stands" "pm.max_children = 9" "$(guest grep ^pm.max_children "$B")"
guest sed -i 's/^pm.max_children.*/pm.max_children = 6/' "$B"
kept "$TMP/good"

fault "an edit of what comes later, while it runs"
more
guest sed -i 's/children: 6/children: 3/' /etc/citrus/server.yaml
# blog's own changes come first; third's database is where it waits, and zed's vhost comes after that
guest sed -i '$a\  zed.example.com: {type: html, tls: {issuer: none}}' /etc/citrus/server.yaml
hold_ddl
begin_apply
in_statement
guest sh -c 'echo "# mine" >>/etc/php/8.2/fpm/pool.d/blog.example.com.conf; mkdir -p /etc/nginx/sites-available; echo "# mine, too" >/etc/nginx/sites-available/zed.example.com.conf'
guest sh -c 'kill -INT $(pgrep -x citrus)'
wait_for 30 grep -q 'second signal' /root/out
end_background
ended
is "$NAME: undone" 3 "$RC"
says "somebody wrote $B meanwhile" "what it held is kept as /var/lib/citrus/trash/"
has "$NAME: what was written over the change is kept" "# mine" "$(guest sh -c 'cat /var/lib/citrus/trash/*blog.example.com.conf')"
is "$NAME: what was not come to is left" "# mine, too" "$(guest cat /etc/nginx/sites-available/zed.example.com.conf)"
guest rm /etc/nginx/sites-available/zed.example.com.conf
kept "$TMP/good"
manifest "$SITE"
exit_is "$NAME: nothing is left to do" 0 citrus apply --plan --detailed-exitcode

# ------------------------------------------------------------------ the store lost

fault "the store deleted"
put_aside
store 'rm -f store.db*'
exit_is "$NAME: status says so" 1 citrus status
says "store.db is missing, though citrus has been here" backup
guest touch /etc/nginx/sites-available/mine.conf
run citrus apply --plan
says "its secrets are lost" "removes nothing"
says "0 to remove" "database_user $blog" "password: {secret: (differs)}"
exit_is "$NAME: the next apply takes over what is there" 0 citrus apply --yes
exit_is "$NAME: and leaves nothing to do" 0 citrus apply --plan --detailed-exitcode
hasnt "$NAME: then it is no longer said" "lost" "$OUT"
has "$NAME: blog is served with its content" "<title>Blog" "$(fetch https://blog.example.com/)"
is "$NAME: nobody's file went" 0 "$(guest sh -c 'test -e /etc/nginx/sites-available/mine.conf; echo $?')"

over
both "$FAULTS faults, $HELD held"
