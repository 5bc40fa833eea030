#!/bin/bash
# The lab itself: what every other case takes for granted.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"

boot base
exit_is "an exit status comes through" 7 sh -c 'exit 7'
is "standard input comes through" "a line" "$(echo "a line" | guest cat)"
LAB_TIMEOUT=1 exit_is "a command that hangs is ended" 124 sleep 30
is "it is Debian 12 with systemd as process 1" "12 systemd" "$(guest sh -c '. /etc/os-release; echo $VERSION_ID $(cat /proc/1/comm)')"
is "nothing has failed to start" "" "$(guest systemctl --failed --no-legend --plain)"

step "the switch"
address() { ip -n "$LAB_SWITCH" -o link show br0 | sed 's/.*link.ether \([^ ]*\).*/\1/'; }
before=$(address)
ip -n "$LAB_SWITCH" link add vlow address 00:00:0a:4d:00:01 type veth peer name wlow # a bridge takes its ports' lowest
ip -n "$LAB_SWITCH" link set vlow master br0 up
after=$(address)
ip -n "$LAB_SWITCH" link del vlow
is "its address stays when a host comes: the servers that are up remember it" "$before" "$after"

step "apt, offline"
hasnt "no route leads out" default "$(guest ip route)"
exit_is "apt verifies the mirror's signature" 0 apt-get update
has "from the three signed suites" "bookworm-security InRelease" "$OUT"
exit_is "apt-get install nginx" 0 apt-get install -y -q nginx
is "nginx serves" 200 "$(status_of http://any.example.com/)"
run apt-get install -y no-such-package
is "a package that is not there is refused" 100 "$RC"

step "the mirror of artifacts"
m() { guest curl -s -o /dev/null -w '%{http_code} %{size_download}' "http://mirror.lab:8080/$1"; }
is "it has WordPress" "200 $(stat -c %s "$LAB/www/wordpress-7.1.1.tar.gz")" "$(m wordpress-7.1.1.tar.gz)"
is "it has WP-CLI" "200 $(stat -c %s "$LAB/www/wp-cli.phar")" "$(m wp-cli.phar)"
is "a version that is not there is a 404" 404 "$(m wordpress-9.9.9.tar.gz | cut -d' ' -f1)"
is "of a core, the top folder is wordpress/" "wordpress/" "$(tar -tzf "$LAB/www/wordpress-7.1.1.tar.gz" | cut -d/ -f1 | sort -u)/"

step "the disk"
state >"$TMP/a"
guest sh -c 'mkdir /etc/citrus; echo kept >/etc/citrus/mark; sync'
state >"$TMP/b"
has "a new file shows in the state" "file /etc/citrus/mark f 644 root:root 5" "$(diff "$TMP/a" "$TMP/b" || true)"
reboot
is "a reboot keeps the disk" kept "$(guest cat /etc/citrus/mark)"
is "and starts what is enabled" 200 "$(status_of http://any.example.com/)"
lab_down "$HOST" keep
lab_up "$HOST"
is "a pulled plug keeps what was synced" kept "$(guest cat /etc/citrus/mark)"
hasnt "a frozen layer is not written to" "mark" "$(ls "$LAB/base/etc/citrus" 2>&1)"
