#!/bin/bash
# Disks that are full or read-only, in each place that an apply writes to.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"
# shellcheck source=tests/server/faulting.sh
. "$(dirname "$0")/../faulting.sh"

boot site
guest dpkg --purge strace </dev/null
guest sed -i 's#file:/#copy:/#' /etc/apt/sources.list </dev/null # what is there as a file is not downloaded
ground() { # ground DIR KB: DIR as it is, on a file system of its own with so much left
  guest bash -ec 'mkdir -p "$1" /run/ground
    mount -t tmpfs -o "mode=$(stat -c %a "$1"),size=1g" ground /run/ground
    cp -a "$1/." /run/ground
    mount --bind /run/ground "$1"
    umount /run/ground' - "$1" </dev/null
  room "$@"
}
room() { # room DIR KB: so much is left there from now on
  guest bash -ec 'mount -o "remount,size=$(($(df -k --output=used "$1" | tail -1) + $2))k" "$1"' - "$@" </dev/null
}
firm() { guest umount -l "$1" </dev/null; } # what was changed on the small one is gone with it
read_only() { guest sh -c 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"' - "$1" </dev/null; }

step "read-only"
manifest "$SITE" -e 's/children: 6/children: 3/' -e 's/^  php:/  nginx: {worker_connections: 2048}\n&/'
before
before_plan
read_only /etc
fault "/etc is read-only" 1 "cannot be changed: Read-only file system" "remount,rw"
firm /etc
planned "/etc is read-only"
read_only /var/lib/citrus
fault "the state directory is read-only" 1 "/var/lib/citrus/lock: Read-only file system" "remount,rw"
exit_is "looking works all the same" 0 citrus apply --plan
firm /var/lib/citrus
planned "the state directory is read-only"

step "full while files are written"
ground /etc 0
fault "/etc is full" 3 "No space left on device" "make room"
firm /etc
planned "/etc is full"
mended "/etc was full"

step "a new site"
manifest "$SITE" -e 's/children: 6/children: 3/' -e 's/^  php:/  nginx: {worker_connections: 2048}\n&/' -e '$a\  tools.example.com: {type: php, tls: {issuer: self-signed}}'
before
before_plan
read_only /var/www
fault "the web root is read-only" 1 "/var/www/tools.example.com cannot be changed: Read-only file system" "remount,rw"
firm /var/www
planned "the web root is read-only"
mended "a new site"

step "the store"
manifest "$SITE" -e 's/children: 6/children: 4/' -e 's/present: \[htop\]/present: [htop, strace]/'
before
before_plan
ground /var/lib/citrus 500
fault "no room in the state directory" 1 "/var/lib/citrus/store.db: cannot set" "make room"
room /var/lib/citrus 30000
planned "no room in the state directory"
guest sh -c 'printf "%s\n" "DPkg::Pre-Install-Pkgs {\"test -e /var/lib/citrus/filler || dd if=/dev/zero of=/var/lib/citrus/filler bs=4k 2>/dev/null || true\";};" >/etc/apt/apt.conf.d/99fill' </dev/null
before
before_plan
fault "the state directory fills up in the middle" 3 "No space left" "make room"
guest rm -f /var/lib/citrus/filler /etc/apt/apt.conf.d/99fill </dev/null
mended "the state directory had filled up"

step "packages"
manifest "$SITE" -e 's/children: 6/children: 4/'
exit_is "the package goes again" 0 citrus apply --yes
guest sh -c 'dpkg --purge strace; apt-get clean' </dev/null
manifest "$SITE" -e 's/children: 6/children: 4/' -e 's/present: \[htop\]/present: [htop, strace]/'
before
before_plan
ground /var/cache/apt/archives 100
fault "no room for the download of a package" 1 "/var/cache/apt/archives" "make room"
firm /var/cache/apt/archives
ground /usr/share/man/man1 0
fault "the disk is full while a package is unpacked" 3 "No space left on device" "make room"
firm /usr/share/man/man1
mended "packages"

step "packages that are taken back"
override() { guest sh -c 'mkdir -p /etc/citrus/templates; sed "$1" "$2" >"/etc/citrus/templates/$(basename "$2")"' - "$1" "$2" </dev/null; }
manifest "$SITE" -e 's/children: 6/children: 4/' -e 's/present: \[htop\]/present: [htop]/'
exit_is "the package goes" 0 citrus apply --yes
manifest "$SITE" -e 's/children: 6/children: 4/' -e 's/present: \[htop\]/present: [htop, strace]/' -e 's/^  php:/  nginx: {worker_connections: 1024}\n&/'
override 's/^events/no_such_directive on;\n&/' /usr/share/citrus/configs/nginx.conf
before
ground /var/lib/dpkg 40000
guest sh -c 'echo "DPkg::Post-Invoke {\"dd if=/dev/zero of=/var/lib/dpkg/filler bs=4k 2>/dev/null || true\";};" >/etc/apt/apt.conf.d/99fill' </dev/null
stuck "dpkg's directory fills up before a package is taken back" "undoing package strace" "No space left on device" "make room" "citrus recover"
guest rm -f /var/lib/dpkg/filler /etc/apt/apt.conf.d/99fill </dev/null
unstuck
guest rm -rf /etc/citrus/templates </dev/null
manifest "$SITE" -e 's/children: 6/children: 4/' -e 's/present: \[htop\]/present: [htop, strace]/'
mended "packages that were taken back"

step "WordPress"
other=$(lab_wordpress_other)
manifest "$SITE" -e 's/children: 6/children: 4/' -e 's/present: \[htop\]/present: [htop, strace]/' -e '/  news.example.com:/,/shop/s/version: "7.1.1"/version: "'"$other"'"/'
guest rm -rf /var/cache/citrus </dev/null
before
before_plan
ground /var/cache/citrus/artifacts 1000
fault "no room for a download" 1 "wordpress-$other.tar.gz needs" "make room"
firm /var/cache/citrus/artifacts
ground /var/cache/citrus/core 10000
fault "no room to unpack" 1 "unpacking WordPress $other needs" "make room"
firm /var/cache/citrus/core
ground /var/www/news.example.com 10000
fault "no room for the core in the site" 1 "a copy of the core needs" "make room"
firm /var/www/news.example.com
sql 'use news_example_com_9bf793; create table filler as select repeat("x", 1000000) as x from seq_1_to_30'
before
before_plan
room /var/lib/citrus 12000
fault "no room for the dump that undo needs" 4 "dumping the database" "make room"
room /var/lib/citrus 200000
mended "WordPress"
faults_told
