#!/bin/bash
# Disposable Debian 12 servers: systemd-nspawn boots an overlay of frozen disk layers in a network
# namespace of its own. Source it for the lab_* functions, or call it:
#   lab.sh prepare               base image, package mirror, artifacts and the layer `stack`
#   lab.sh layer NAME            build that frozen disk (base, stack, site) if its inputs have changed
#   lab.sh up NAME [LAYER]       boot NAME on LAYER (default base); a host that was kept boots again from its disk.
#                                LAB_DISK=SIZE: a disk of its own, an ext4; LAB_WHOLE=1: all of it, without an overlay
#   lab.sh exec NAME CMD...      run CMD inside as the guest's root: its output, its exit status
#   lab.sh copy NAME SRC DST     a file, or the content of a directory
#   lab.sh down NAME [keep]      pull the plug; `keep` leaves the disk for the next up
#   lab.sh cut NAME              the same, and what was not synced is lost (a host that came up with LAB_DISK set)
#   lab.sh reboot NAME           shut down cleanly, boot again
#   lab.sh status | clean        what is up; end everything of this lab (the downloads stay)
# Everything lives below $CITRUS_LAB. All that is ever ended is a process whose number and start time
# were written down here when it was started; the machine's own network is never touched.
set -euo pipefail

LAB=${CITRUS_LAB:-/var/tmp/citrus-lab}
LAB_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
LAB_SUITE=bookworm
LAB_NET=10.77.0
LAB_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# Two labs (two values of CITRUS_LAB) may run on one machine, so the names outside carry the lab's own mark.
LAB_MARK=$(printf %s "$LAB" | cksum | cut -d' ' -f1)
LAB_SWITCH=citrus-sw-$LAB_MARK

# What a bare VPS has, and the libraries the citrus package will depend on.
LAB_BASE="systemd systemd-sysv dbus udev ca-certificates iproute2 procps iputils-ping curl netbase sudo
  cron logrotate openssh-server libyaml-0-2 libsqlite3-0 libmariadb3 libcurl4 libxxhash0 libssl3
  libjansson4 libsystemd0"
# Its timers, and those of what is installed, that would write in the midst of a test.
LAB_CLOCK="certbot logrotate phpsessionclean systemd-tmpfiles-clean"
# What can be installed inside.
LAB_STACK="nginx mariadb-server mariadb-client php8.2-fpm php8.2-cli php8.2-mysql php8.2-curl php8.2-gd
  php8.2-mbstring php8.2-xml php8.2-zip php8.2-intl php8.2-opcache redis-server php-redis certbot ufw
  iptables nftables fail2ban python3-systemd unattended-upgrades htop rsync strace"
# An npm package that carries WordPress and WP-CLI; npm checks the digest of what it fetches against
# the registry's, and we against the one seen when this was written.
LAB_STUDIO=wp-studio@1.22.0
LAB_STUDIO_SHA512=boMtahkhgWDKKyNTBA1uTK5ghnAmxXhDY6KeQCO9FmcI3/o+YOSq8JwYW5ZYnxHCxH14Jf/mD6CJTBvTWl2Ytw==

LAB_CGROUPS=()
for lab_d in /sys/fs/cgroup/{systemd,unified,memory}; do [ ! -d "$lab_d" ] || LAB_CGROUPS+=("$lab_d"); done
[ ${#LAB_CGROUPS[@]} -gt 0 ] || LAB_CGROUPS=(/sys/fs/cgroup)
LAB_CGROUP2=/sys/fs/cgroup/unified # the hybrid hierarchy's v2 tree, or the only tree there is
[ -d "$LAB_CGROUP2" ] || LAB_CGROUP2=/sys/fs/cgroup

lab_say() { printf '[%(%T)T] %s\n' -1 "$*" >&2; }
lab_die() { lab_say "lab: $*"; exit 1; }
lab_key() { sha256sum | cut -c1-16; }
lab_built() { [ "$(cat "$LAB/stamp/$1" 2>/dev/null)" = "$2" ]; }
lab_stamp() { echo "$2" >"$LAB/stamp/$1.part" && mv "$LAB/stamp/$1.part" "$LAB/stamp/$1"; }
lab_ms() { echo $(((${EPOCHREALTIME/./} - $1) / 1000)); }

lab_init() {
  [ "$(id -u)" = 0 ] || lab_die "must run as root"
  mkdir -p "$LAB"/{stamp,layers,hosts,log,run}
  chmod 755 "$LAB"
}

# ------------------------------------------------------------------ processes, by number and start time

lab_started() { # when process $1 started, in ticks since boot: with the number, an identity
  local s
  s=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  s=${s##*) }
  # shellcheck disable=SC2086 # the fields after the name are numbers and one letter
  set -- $s
  echo "${20}"
}
lab_note() { echo "$2 $(lab_started "$2")" >"$1"; } # lab_note FILE PID
lab_pid() { # lab_pid FILE: the process noted there, if it is still that one
  local pid t
  read -r pid t 2>/dev/null <"$1" || return 1
  [ -n "$pid" ] && [ "$(lab_started "$pid")" = "$t" ] && echo "$pid"
}
lab_end() { # lab_end FILE [SIGNAL]: end the process noted there and wait until it is gone
  local pid i
  pid=$(lab_pid "$1") || { rm -f "$1"; return 0; }
  kill -s "${2:-TERM}" "$pid" 2>/dev/null || true
  for ((i = 0; i < 100; i++)); do lab_pid "$1" >/dev/null || break; sleep 0.05; done
  if lab_pid "$1" >/dev/null; then kill -s KILL "$pid" 2>/dev/null || true; sleep 0.2; fi
  rm -f "$1"
}

# ------------------------------------------------------------------ the base image

lab_base_key() { printf '%s\n' "$LAB_SUITE $LAB_BASE $LAB_CLOCK" 4 | lab_key; }
lab_base() {
  local t key t0=${EPOCHREALTIME/./}
  key=$(lab_base_key)
  lab_built base "$key" && return
  lab_say "base image: mmdebstrap $LAB_SUITE"
  rm -rf "$LAB/base" "$LAB/stamp/base"
  # shellcheck disable=SC2086
  mmdebstrap --quiet --variant=minbase --include="$(echo $LAB_BASE | tr ' ' ,)" "$LAB_SUITE" "$LAB/base"
  rm -f "$LAB/base/etc/resolv.conf" "$LAB/base/etc/hostname"
  : >"$LAB/base/etc/machine-id" # empty, not absent: a boot makes an id, yet does not preset all units
  # A test must not meet the distribution's own nightly upgrade.
  rm -f "$LAB"/base/etc/systemd/system/timers.target.wants/{apt-daily,apt-daily-upgrade,dpkg-db-backup,e2scrub_all,fstrim}.timer
  # Nor what else runs by the clock, and writes when it likes: certbot's renewal makes directories below /etc at a
  # random moment of half a day. Enabled as ever, these wait for a day that no test sees; the empty line takes all times
  # that the package gave (systemd.timer(5)).
  for t in $LAB_CLOCK; do
    mkdir -p "$LAB/base/etc/systemd/system/$t.timer.d"
    printf '%s\n' '[Timer]' OnBootSec= OnCalendar=2100-01-01 Persistent=no RandomizedDelaySec=0 >"$LAB/base/etc/systemd/system/$t.timer.d/lab.conf"
  done
  lab_stamp base "$key"
  lab_say "base image: done in $(lab_ms "$t0") ms, $(du -sm "$LAB/base" | cut -f1) MB"
}

# ------------------------------------------------------------------ the package mirror

# The archive's own signed InRelease and Packages, with only those pool files that $LAB_STACK needs on
# top of the base. apt inside verifies it as it would the whole archive.
lab_mirror_key() { { lab_base_key; echo "$LAB_STACK" 2; } | lab_key; }
lab_mirror() {
  local key d=$LAB/run/scratch t0=${EPOCHREALTIME/./}
  key=$(lab_mirror_key)
  lab_built mirror "$key" && return
  lab_say "package mirror: fetching"
  lab_unmount "$d/root"
  rm -rf "$d" "$LAB/mirror" "$LAB/stamp/mirror"
  mkdir -p "$d"/{up,work,root} "$LAB/mirror"
  mount -t overlay overlay -o "lowerdir=$LAB/base,upperdir=$d/up,workdir=$d/work" "$d/root"
  cat /etc/resolv.conf >"$d/root/etc/resolv.conf"
  mkdir "$d/root/m"
  mount --bind "$LAB/mirror" "$d/root/m"
  cat >"$d/root/fetch.sh" <<'END'
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive APT_CONFIG=/apt.conf
echo 'Acquire::Languages "none"; APT::Sandbox::User "root"; Acquire::Retries "3";' >/apt.conf
apt-get update -qq
apt-get indextargets --format '$(CREATED_BY)|$(URI)|$(FILENAME)' | grep '^Packages|' | while IFS='|' read -r _ uri file; do
  path=${uri#*://*/} dist=${uri#*://*/}
  dist=/m/${dist%%/main/*}
  mkdir -p "/m/${path%/*}"
  /usr/lib/apt/apt-helper -qq download-file "$uri.xz" "/m/$path.xz" >/dev/null
  cp "${file%%_main_*}_InRelease" "$dist/InRelease"
  # the archive may have moved on between the two downloads; apt inside would refuse the pair
  grep -q "$(sha256sum <"/m/$path.xz" | cut -d' ' -f1)" "$dist/InRelease" || { echo "$path.xz is not the one that InRelease signs" >&2; exit 1; }
done
# All together and each alone, with and without what is recommended: an alternative in a dependency
# may be resolved otherwise, and the file must be there all the same.
: >/uris
for r in true false; do
  apt-get install -qq -y -o APT::Install-Recommends=$r --print-uris $PKGS >>/uris
  for p in $PKGS; do apt-get install -qq -y -o APT::Install-Recommends=$r --print-uris $p >>/uris; done
done
sort -u -k1,2 /uris -o /uris
names=$(cut -d' ' -f2 /uris | sed 's/_\([^_]*\)_[^_]*\.deb$/=\1/; s/%3a/:/')
cd /var/cache/apt/archives
apt-get download -qq $names
while read -r uri name _; do
  path=${uri#*://*/}
  path=${path%\'}
  path=$(printf %b "${path//%/\\x}")
  mkdir -p "/m/${path%/*}"
  mv "$name" "/m/$path"
done </uris
END
  local rc=0
  PKGS=$LAB_STACK chroot "$d/root" bash /fetch.sh >&2 || rc=$?
  chmod -R a+rX "$LAB/mirror"
  umount "$d/root/m" "$d/root"
  rm -rf "$d"
  [ $rc = 0 ] || lab_die "the package mirror could not be made (exit $rc)"
  lab_stamp mirror "$key"
  lab_say "package mirror: done in $(lab_ms "$t0") ms, $(find "$LAB/mirror" -name '*.deb' | wc -l) packages, $(du -sm "$LAB/mirror" | cut -f1) MB"
}

# ------------------------------------------------------------------ WordPress and WP-CLI

lab_pack() { # lab_pack DIR: DIR/wordpress as a tar that is the same bytes on every machine
  local v
  v=$(sed -n "s/^\$wp_version *= *'\([^']*\)'.*/\1/p" "$1/wordpress/wp-includes/version.php")
  [ -n "$v" ] || lab_die "no version in $1"
  tar -C "$1" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX -cf - wordpress |
    gzip -n6 >"$LAB/www/wordpress-$v.tar.gz"
  lab_say "artifacts: WordPress $v"
}
lab_apt_private() { # lab_apt_private SUITE CMD...: apt-get with lists of its own; the machine's are left alone
  local d=$LAB/run/apt-$1 suite=$1
  shift
  mkdir -p "$d"/{lists/partial,cache/archives/partial}
  : >"$d/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $suite main" >"$d/sources.list"
  apt-get -qq -o Dir::Etc::sourcelist="$d/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$d/lists" \
    -o Dir::State::status="$d/status" -o Dir::Cache="$d/cache" -o APT::Sandbox::User=root -o Acquire::Languages=none "$@"
}
lab_debian_wordpress() { # lab_debian_wordpress SUITE THEME [PACKAGE]: Debian's package with what it links to put in its place
  local d=$LAB/run/wp-$1 f
  rm -rf "$d"
  mkdir -p "$d"/{debs,root}
  lab_apt_private "$1" update
  # shellcheck disable=SC2086 # no third argument is no word
  (cd "$d/debs" && lab_apt_private "$1" download wordpress "$2" libjs-cropper libjs-underscore ${3:-} php-getid3)
  for f in "$d"/debs/*.deb; do dpkg -x "$f" "$d/root"; done
  mv "$d/root/usr/share/wordpress" "$d/root/usr/share/wp"
  # Debian's own configuration and links to /etc are no part of a core
  rm -f "$d/root/usr/share/wp"/{wp-config.php,.htaccess}
  ln -sfn /etc/ssl/certs/ca-certificates.crt "$d/root/usr/share/wp/wp-includes/certificates/ca-bundle.crt"
  cp -rL "$d/root/usr/share/wp" "$d/root/usr/share/wordpress"
  mkdir -p "$d/root/usr/share/wordpress/wp-content/themes"
  for f in "$d"/root/var/lib/wordpress/wp-content/themes/*; do
    [ ! -d "$f" ] || cp -rL "$f" "$d/root/usr/share/wordpress/wp-content/themes/"
  done
  lab_pack "$d/root/usr/share"
  rm -rf "$d" "$LAB/run/apt-$1"
}
lab_artifacts_key() { echo "$LAB_STUDIO_SHA512" 2 | lab_key; }
lab_artifacts() {
  local key d=$LAB/run/studio t0=${EPOCHREALTIME/./} got
  key=$(lab_artifacts_key)
  lab_built artifacts "$key" && return
  lab_say "artifacts: WordPress and WP-CLI from the npm package $LAB_STUDIO"
  rm -rf "$d" "$LAB/stamp/artifacts"
  mkdir -p "$d" "$LAB/www"
  rm -f "$LAB"/www/* # the folder stays: the web server that is up stands in it
  # node has authorities of its own; a site's proxy may be known to this machine's store alone
  (cd "$d" && NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt} npm pack --loglevel=error "$LAB_STUDIO" >/dev/null)
  got=$(openssl dgst -sha512 -binary "$d"/wp-studio-*.tgz | base64 -w0)
  [ "$got" = "$LAB_STUDIO_SHA512" ] || lab_die "$LAB_STUDIO has the digest $got, not the known one"
  tar -C "$d" -xzf "$d"/wp-studio-*.tgz --strip-components=4 package/dist/cli/wp-files/wp-cli/wp-cli.phar package/dist/cli/wp-files/latest/wordpress
  install -m 644 "$d/wp-cli/wp-cli.phar" "$LAB/www/wp-cli.phar"
  lab_pack "$d/latest"
  lab_debian_wordpress bookworm wordpress-theme-twentytwentythree
  lab_debian_wordpress trixie wordpress-theme-twentytwentyfive libjs-lodash
  rm -rf "$d"
  (cd "$LAB/www" && sha256sum -- * >SHA256SUMS)
  lab_stamp artifacts "$key"
  lab_say "artifacts: done in $(lab_ms "$t0") ms"
}
# The other WordPress that is served. It is what Debian has of that branch on the day the lab is made.
lab_wordpress_other() {
  local v
  v=$(sed -n 's/.*  wordpress-\(6\.8\.*[0-9.]*\)\.tar\.gz$/\1/p' "$LAB/www/SHA256SUMS")
  [ -n "$v" ] || lab_die "no WordPress 6.8 in $LAB/www"
  echo "$v"
}
lab_sha256() { sed -n "s/^\([0-9a-f]*\)  $1\$/\1/p" "$LAB/www/SHA256SUMS"; }

# ------------------------------------------------------------------ the network

# One switch in a network namespace of its own, with a web server for the artifacts. No route leads out.
lab_net() {
  (
    flock 9
    if [ ! -e "/run/netns/$LAB_SWITCH" ]; then
      ip netns add "$LAB_SWITCH"
      ip -n "$LAB_SWITCH" link set lo up
      # an address of its own: else it is the lowest of its ports', another one whenever a host comes or goes, and
      # the servers that are up send to the old one until their neighbour tables give it up, after half a minute
      ip -n "$LAB_SWITCH" link add br0 address 02:00:0a:4d:00:01 type bridge
      ip -n "$LAB_SWITCH" addr add "$LAB_NET.1/24" dev br0
      ip -n "$LAB_SWITCH" link set br0 up
    fi
    lab_pid "$LAB/run/httpd" >/dev/null && exit
    mkdir -p "$LAB/www"
    setsid ip netns exec "$LAB_SWITCH" busybox httpd -f -p "$LAB_NET.1:8080" -h "$LAB/www" </dev/null >>"$LAB/log/httpd" 2>&1 9>&- &
    lab_note "$LAB/run/httpd" $!
    for _ in {1..100}; do
      ! ip netns exec "$LAB_SWITCH" curl -sf -o /dev/null "http://$LAB_NET.1:8080/SHA256SUMS" || break
      sleep 0.02
    done
  ) 9>"$LAB/run/net.lock"
}
lab_net_down() { # when the last host is gone
  (
    flock 9
    for f in "$LAB"/hosts/*/leader; do ! lab_pid "$f" >/dev/null || exit 0; done
    lab_end "$LAB/run/httpd"
    ip netns del "$LAB_SWITCH" 2>/dev/null || true
  ) 9>"$LAB/run/net.lock"
}
lab_nic() { # lab_nic NAME N: a fresh namespace at every boot; a kept one would still have the last boot's firewall
  local ns
  ns=$(lab_ns "$1")
  ip netns del "$ns" 2>/dev/null || true
  ip -n "$LAB_SWITCH" link del "v$2" 2>/dev/null || true # the kernel takes a dead namespace down in its own time
  ip netns add "$ns"
  ip -n "$ns" link set lo up
  ip -n "$LAB_SWITCH" link add "v$2" type veth peer name eth0 netns "$ns"
  ip -n "$LAB_SWITCH" link set "v$2" master br0 up
  # the neighbours remember it over a boot; with another one each time they would send to nobody for a minute
  ip -n "$ns" link set eth0 address "$(printf '02:00:0a:4d:00:%02x' "$2")"
  ip -n "$ns" addr add "$LAB_NET.$2/24" dev eth0
  ip -n "$ns" link set eth0 up
}
lab_ns() { echo "citrus-$LAB_MARK-$1"; }
lab_ip() { echo "$LAB_NET.$(cat "$LAB/hosts/$1/ip")"; }
lab_outside() { ip netns exec "$LAB_SWITCH" "$@"; } # run CMD as a neighbour on the servers' network

# ------------------------------------------------------------------ hosts

lab_unmount() { while mountpoint -q "$1/m" 2>/dev/null; do umount -l "$1/m"; done; while mountpoint -q "$1" 2>/dev/null; do umount -l "$1"; done; }
lab_leader() { lab_pid "$LAB/hosts/$1/leader" || lab_die "$1 is not up"; }
lab_enter() { # for the harness's own errands: nsenter keeps all capabilities of this root, so nothing under test runs so
  local l
  l=$(lab_leader "$1")
  shift
  nsenter -t "$l" -a env -i PATH=$LAB_PATH HOME=/root LANG=C.UTF-8 "$@"
}
lab_lower() { # lab_lower LAYER: the frozen disks below a host on LAYER, topmost first
  if [ "$1" = base ]; then echo "$LAB/base"; else echo "$LAB/layers/$1/up:$(lab_lower "$(cat "$LAB/layers/$1/on")")"; fi
}

# A host whose LAB_DISK (a size) is set when it is made has a disk of its own, an ext4 in a file, which can lose what
# was not synced. Others write into a directory of this machine, where nothing that a host wrote is ever lost. With
# LAB_WHOLE set, too, all that the host has lies on that disk, copied there, and no overlay is between: what a look at
# a file costs is then what it costs on a server.
lab_disk() {
  mkdir -p "$1/disk"
  if [ -n "${LAB_DISK:-}" ] && [ ! -e "$1/disk.img" ] && [ ! -e "$1/seeded" ]; then
    truncate -s "$LAB_DISK" "$1/disk.img"
    mkfs.ext4 -q -F -E lazy_itable_init=1,lazy_journal_init=1 "$1/disk.img"
  fi
  [ -e "$1/disk.img" ] || return 0
  # another host that was booted meanwhile has this machine's mounts in its own name space, and keeps the dead one
  if [ -n "$(losetup -j "$1/disk.img")" ]; then
    cp --sparse=always "$1/disk.img" "$1/disk.new"
    mv "$1/disk.new" "$1/disk.img"
  fi
  mount -o loop,noinit_itable "$1/disk.img" "$1/disk"
  mkdir -p "$1/disk"/{up,work}
}
lab_whole() { # lab_whole DIR: what is mounted at DIR/root, on the disk
  local t0=${EPOCHREALTIME/./}
  rm -rf "$1/disk/part"
  mkdir "$1/disk/part"
  cp -a "$1/root/." "$1/disk/part"
  mv "$1/disk/part" "$1/disk/whole"
  lab_unmount "$1/root"
  lab_say "$(basename "$1"): copied to a disk of its own in $(lab_ms "$t0") ms"
}
# The ext4 ends as at a loss of power: EXT4_IOC_SHUTDOWN, _IOR('X', 125, __u32), with EXT4_GOING_FLAGS_NOLOGFLUSH (2),
# fs/ext4/ext4.h. It is unmounted then, and its journal is what the next mount finds.
lab_cut() {
  local d=$LAB/hosts/$1
  [ -e "$d/disk.img" ] || lab_die "$1 has no disk of its own: LAB_DISK=2G lab.sh up $1"
  perl -e '$how = pack("L", 2); open(F, "<", $ARGV[0]) && defined ioctl(F, 0x8004587D, $how) or die "$ARGV[0]: $!\n"' "$d/disk"
  lab_halt "$1" KILL
}

lab_up() { # lab_up NAME [LAYER]
  local n=$1 layer=${2:-base} d=$LAB/hosts/$1 t0=${EPOCHREALTIME/./} i l s c
  ! lab_pid "$d/leader" >/dev/null || lab_die "$n is already up"
  lab_net
  (
    flock 9
    mkdir -p "$d"/{up,work,root}
    if [ ! -s "$d/ip" ]; then
      for i in {11..250}; do grep -qxs "$i" "$LAB"/hosts/*/ip || break; done
      echo "$i" >"$d/ip"
      echo "$layer" >"$d/layer"
    fi
    lab_nic "$n" "$(cat "$d/ip")"
  ) 9>"$LAB/run/net.lock"
  i=$(cat "$d/ip")
  layer=$(cat "$d/layer")
  lab_unmount "$d/root"
  lab_disk "$d"
  # redirect_dir: rename(2) of a directory works as on a real disk, also when it comes from a frozen layer
  s=$d c=
  # xino: numbers of files stay what they are over a boot, as on one file system
  [ ! -e "$d/disk.img" ] || { s=$d/disk c=xino=on,; }
  if [ ! -d "$d/disk/whole" ]; then
    mount -t overlay overlay -o "${LAB_OVERLAY:-}${c}redirect_dir=on,lowerdir=$(lab_lower "$layer"),upperdir=$s/up,workdir=$s/work" "$d/root"
    [ -z "${LAB_WHOLE:-}" ] || [ ! -e "$d/disk.img" ] || lab_whole "$d"
  fi
  [ ! -d "$d/disk/whole" ] || mount --bind "$d/disk/whole" "$d/root"
  if [ ! -e "$d/seeded" ]; then
    echo "$n" >"$d/root/etc/hostname"
    : >"$d/root/etc/machine-id"
    rm -f "$d/root/etc/resolv.conf"
    echo "nameserver $LAB_NET.1" >"$d/root/etc/resolv.conf" # nobody answers there, at once
    printf '127.0.0.1 localhost\n127.0.1.1 %s\n%s.1 mirror.lab\n' "$n" "$LAB_NET" >"$d/root/etc/hosts"
    sed -E -i 's#https?://[^/]+/#file:/srv/mirror/#' "$d/root/etc/apt/sources.list"
    printf 'Acquire::Languages "none";\nAcquire::Check-Valid-Until "false";\n' >"$d/root/etc/apt/apt.conf.d/99lab"
    # Debian 12 logs to the journal alone, and fail2ban's jail of sshd, which Debian turns on, looks for a file and ends
    if [ -d "$d/root/etc/fail2ban/jail.d" ]; then
      printf '[sshd]\nbackend = systemd\n' >"$d/root/etc/fail2ban/jail.d/lab.local"
    fi
    touch "$d/seeded"
  fi
  for l in "${LAB_CGROUPS[@]}"; do mkdir -p "$l/citrus-$LAB_MARK/$n"; done
  mkdir -p "$LAB/mirror"
  lab_note "$d/owner" "${LAB_OWNER:-$$}"
  ( # a control group of its own first: with --keep-unit two hosts would share the caller's
    for l in "${LAB_CGROUPS[@]}"; do echo "$BASHPID" >"$l/citrus-$LAB_MARK/$n/cgroup.procs"; done
    exec env -i PATH=$LAB_PATH LANG=C.UTF-8 SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 setsid systemd-nspawn --quiet --boot \
      --directory="$d/root" --machine="$n" --register=no --keep-unit --private-network \
      --network-namespace-path="/run/netns/$(lab_ns "$n")" --resolv-conf=off --timezone=off --link-journal=no --console=pipe \
      --bind-ro="$LAB/mirror:/srv/mirror"
  ) </dev/null >"$d/console" 2>&1 3>&- 9>&- &
  lab_note "$d/nspawn" $!
  for ((s = 0; s < 1500; s++)); do
    l=$(pgrep -P "$(cut -d' ' -f1 "$d/nspawn")" | head -1) || true
    if [ -n "$l" ] && [ "$(cat "/proc/$l/comm" 2>/dev/null)" = systemd ]; then lab_note "$d/leader" "$l"; break; fi
    lab_pid "$d/nspawn" >/dev/null || { cat "$d/console" >&2; lab_die "$n: systemd-nspawn ended"; }
    sleep 0.02
  done
  for ((s = 0; s < 1500; s++)); do
    l=$(lab_enter "$n" systemctl is-system-running 2>/dev/null) || true
    case $l in running | degraded) break ;; esac
    sleep 0.04
  done
  case $l in running | degraded) ;; *) lab_die "$n did not come up in a minute: $l; see $d/console" ;; esac
  lab_say "$n ($LAB_NET.$i, on $layer) $l after $(lab_ms "$t0") ms"
}

lab_exec() ( # as the guest's own root would: its capability set, a control group that can be ended whole, a time limit
  n=$1 drop='' rc=0
  shift
  l=$(lab_leader "$n")
  b=$((16#$(awk '/^CapBnd/ {print $2}' "/proc/$l/status")))
  for ((i = 0; i <= $(cat /proc/sys/kernel/cap_last_cap); i++)); do ((b >> i & 1)) || drop=$drop,-cap_$i; done
  g=$LAB_CGROUP2/citrus-$LAB_MARK/$n/payload/x$BASHPID
  mkdir -p "$g"
  trap 'echo 1 >"$g/cgroup.kill"' INT TERM HUP # ending nsenter alone would leave the command running inside
  (
    for i in "${LAB_CGROUPS[@]}"; do
      [ ! -e "$i/citrus-$LAB_MARK/$n/memory.usage_in_bytes" ] || echo "$BASHPID" >"$i/citrus-$LAB_MARK/$n/cgroup.procs"
    done
    echo "$BASHPID" >"$g/cgroup.procs"
    exec setpriv --bounding-set "${drop#,}" nsenter -t "$l" -a env -i PATH=$LAB_PATH HOME=/root LANG=C.UTF-8 \
      DEBIAN_FRONTEND=noninteractive timeout -k 5 "${LAB_TIMEOUT:-900}" "$@" 3>&- 9>&-
  ) <&0 &
  { wait $! || rc=$?; } 2>/dev/null
  rmdir "$g" 2>/dev/null || true
  exit $rc
)

lab_copy() { # by a pipe into the guest's own view: through /proc/PID/root its absolute links would lead to this machine's files
  if [ -d "$2" ]; then
    tar -C "$2" --owner=0 --group=0 --mode=u=rwX,go=rX -cf - . | lab_enter "$1" sh -c 'mkdir -p "$1" && tar -C "$1" -xf -' - "$3"
  else
    # shellcheck disable=SC2094
    lab_enter "$1" sh -c 'mkdir -p "${1%/*}" && cat >"$1.part" && chmod "$2" "$1.part" && mv -f "$1.part" "$1"' - "$3" "$(stat -c %a "$2")" <"$2"
  fi
}

lab_halt() { # lab_halt NAME SIGNAL: KILL is a pulled plug for what runs, RTMIN+4 a clean power-off
  local n=$1 d=$LAB/hosts/$1 l i c
  if l=$(lab_pid "$d/leader"); then kill -s "$2" "$l" 2>/dev/null || true; fi
  for ((i = 0; i < 1200; i++)); do
    lab_pid "$d/leader" >/dev/null || lab_pid "$d/nspawn" >/dev/null || break
    sleep 0.05
  done
  ! lab_pid "$d/leader" >/dev/null || lab_end "$d/leader" KILL
  lab_end "$d/nspawn" KILL
  if mountpoint -q "$d/disk" 2>/dev/null; then sync -f "$d/disk" 2>/dev/null || true; fi # one that was cut refuses
  lab_unmount "$d/root"
  lab_unmount "$d/disk"
  ip netns del "$(lab_ns "$n")" 2>/dev/null || true
  rm -f "$d/leader" "$d/nspawn"
  for c in "${LAB_CGROUPS[@]}"; do
    [ ! -d "$c/citrus-$LAB_MARK/$n" ] || find "$c/citrus-$LAB_MARK/$n" -depth -type d -exec rmdir {} \; 2>/dev/null || true
  done
}
lab_down() {
  [ -d "$LAB/hosts/$1" ] || return 0
  lab_halt "$1" KILL
  [ "${2:-}" = keep ] || rm -rf "${LAB:?}/hosts/$1"
}
lab_reboot() {
  lab_halt "$1" RTMIN+4
  lab_up "$1"
}
lab_freeze() { # lab_freeze NAME LAYER KEY: shut NAME down, keep its disk as LAYER
  local d=$LAB/hosts/$1
  lab_halt "$1" RTMIN+4
  : >"$d/up/etc/machine-id"
  rm -rf "${LAB:?}/layers/$2" "$LAB/stamp/$2"
  mkdir -p "$LAB/layers/$2"
  mv "$d/up" "$LAB/layers/$2/up"
  mv "$d/layer" "$LAB/layers/$2/on"
  rm -rf "$d"
  lab_stamp "$2" "$3"
}
lab_sweep() { # what a run that was killed left behind: hosts whose owner is gone
  local d
  for d in "$LAB"/hosts/*/; do
    [ -d "$d" ] || continue
    lab_pid "${d}owner" >/dev/null || { lab_say "sweeping ${d%/}: its run is gone"; lab_down "$(basename "$d")"; }
  done
  lab_unmount "$LAB/run/scratch/root"
}

# ------------------------------------------------------------------ layers

lab_program() { # lab_program HOST [BINARY]: citrus as its package would install it
  local b=${2:-$LAB_TOP/build/citrus}
  [ -x "$b" ] || lab_die "$b is not built"
  lab_copy "$1" "$b" /usr/bin/citrus
  lab_copy "$1" "$LAB_TOP/templates" /usr/share/citrus/templates
  local f unit=$LAB/run/unit.$BASHPID
  for f in "$LAB_TOP"/systemd/*.service.in; do
    sed 's,@bindir@,/usr/bin,' "$f" >"$unit"
    lab_copy "$1" "$unit" "/lib/systemd/system/$(basename "$f" .in)"
  done
  rm -f "$unit"
  lab_copy "$1" "$LAB_TOP/systemd/citrus-drift.timer" /lib/systemd/system/citrus-drift.timer
  lab_enter "$1" sh -c 'mkdir -p /lib/systemd/system/multi-user.target.wants &&
    ln -sf ../citrus-recover.service ../citrus-confirm.service /lib/systemd/system/multi-user.target.wants/'
  [ ! -d "$LAB_TOP/configs" ] || lab_copy "$1" "$LAB_TOP/configs" /usr/share/citrus/configs
}
lab_sources() { # the part of `server:` that points citrus at this lab's mirror
  printf '  sources:\n    wordpress: "http://mirror.lab:8080/wordpress-{version}.tar.gz"\n'
  printf '    wp_cli: {url: "http://mirror.lab:8080/wp-cli.phar", sha256: %s}\n' "$(lab_sha256 wp-cli.phar)"
}
lab_manifest() { # lab_manifest FILE: a manifest with nothing but the lab's sources put in
  local f=$1
  ! grep -q '^  sources:' "$f" || lab_die "$f already has sources: the lab's cannot be put in"
  lab_sources >"$LAB/run/sources.$BASHPID"
  sed "/^server:/r $LAB/run/sources.$BASHPID" "$f"
  rm -f "$LAB/run/sources.$BASHPID"
}

lab_layer_key() {
  case $1 in
  base) lab_base_key ;;
  stack) { lab_mirror_key; echo 2; } | lab_key ;;
  site) { lab_layer_key stack; lab_artifacts_key; cd "$LAB_TOP"; cat build/citrus tests/server/site.yaml; find templates configs -type f -exec sha256sum {} + 2>/dev/null | sort; } | lab_key ;;
  *) lab_die "no layer is called $1" ;;
  esac
}
lab_layer() ( # lab_layer NAME: build it, unless it is there; one at a time
  unset LAB_DISK LAB_WHOLE # a layer is a tree, whatever the host is to have that waits for it
  exec 8>"$LAB/run/layer-$1.lock"
  flock 8
  local key t0=${EPOCHREALTIME/./} h=make-$1
  key=$(lab_layer_key "$1")
  ! lab_built "$1" "$key" || exit 0
  # what failed once fails again with the same inputs; a run says so instead of trying for every test
  [ "$(cat "$LAB/run/$1.failed" 2>/dev/null)" != "$key" ] || lab_die "layer $1 could not be made in this run, see $LAB/log/layer-$1"
  echo "$key" >"$LAB/run/$1.failed"
  case $1 in
  base) lab_base ;;
  stack)
    lab_base
    lab_mirror
    lab_say "layer stack: installing the packages"
    lab_down "$h"
    lab_up "$h" base 8>&-
    # shellcheck disable=SC2086
    if ! (lab_exec "$h" apt-get update -q && lab_exec "$h" apt-get install -y -q $LAB_STACK) </dev/null >"$LAB/log/layer-stack" 2>&1 8>&-; then
      tail -30 "$LAB/log/layer-stack" >&2
      lab_die "layer stack: apt-get install failed"
    fi
    lab_exec "$h" apt-get clean
    lab_freeze "$h" stack "$key"
    ;;
  site)
    lab_layer stack
    lab_say "layer site: citrus apply tests/server/site.yaml"
    lab_down "$h"
    lab_up "$h" stack 8>&-
    lab_program "$h"
    lab_manifest "$LAB_TOP/tests/server/site.yaml" >"$LAB/run/site.yaml"
    lab_copy "$h" "$LAB/run/site.yaml" /etc/citrus/server.yaml
    if ! lab_exec "$h" citrus apply --yes </dev/null >"$LAB/log/layer-site" 2>&1 8>&-; then
      tail -60 "$LAB/log/layer-site" >&2
      lab_down "$h"
      lab_die "layer site: citrus apply failed"
    fi
    lab_freeze "$h" site "$key"
    ;;
  esac
  rm -f "$LAB/run/$1.failed"
  lab_say "layer $1: done in $(lab_ms "$t0") ms"
)

# Always a process of its own: behind `||` in another script bash would go on after an error in here.
lab_prepare() {
  local pid
  rm -f "$LAB"/run/*.failed
  lab_sweep
  lab_layer base
  (
    flock 8
    lab_artifacts
  ) 8>"$LAB/run/artifacts.lock" &
  pid=$!
  lab_layer stack
  wait $pid
}

lab_clean() {
  local d pids=()
  for d in "$LAB"/hosts/*/; do
    [ -d "$d" ] || continue
    lab_down "$(basename "$d")" &
    pids+=($!)
  done
  [ ${#pids[@]} = 0 ] || wait "${pids[@]}"
  lab_unmount "$LAB/run/scratch/root"
  lab_net_down
  for d in "${LAB_CGROUPS[@]}"; do rmdir "$d/citrus-$LAB_MARK" 2>/dev/null || true; done
}
lab_status() {
  local d
  for d in "$LAB"/hosts/*/; do
    [ ! -d "$d" ] || echo "$(basename "$d") $LAB_NET.$(cat "${d}ip") on $(cat "${d}layer") $(lab_pid "${d}leader" >/dev/null && echo up || echo down)"
  done
  for d in "$LAB"/stamp/*; do [ ! -f "$d" ] || echo "built: $(basename "$d") $(cat "$d")"; done
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  lab_init
  # a host that a person boots belongs to nobody's run; it stays until `down` or `clean`
  export LAB_OWNER=${LAB_OWNER:-1}
  lab_cmd=${1:-help}
  [ $# = 0 ] || shift
  case $lab_cmd in
  prepare | layer | up | exec | copy | down | cut | reboot | status | clean) "lab_$lab_cmd" "$@" ;;
  *) sed -n '2,17p' "$0" ;;
  esac
fi
