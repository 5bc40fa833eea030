#!/bin/bash
# bare_root DIR: what a server has before citrus comes: accounts, the packages' folders, dpkg's status. To be sourced.
bare_root() {
  mkdir -p "$1"/{root,run,tmp,proc,sys,dev,var/www,var/lib/dpkg,usr/share/zoneinfo/Etc} \
    "$1"/etc/{nginx/{sites-available,sites-enabled,conf.d},php/8.2/fpm/{pool.d,conf.d},mysql/mariadb.conf.d,logrotate.d}
  printf '%s\n' root:x:0:0:root:/root:/bin/bash www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin >"$1/etc/passwd"
  printf '%s\n' root:x:0: www-data:x:33: >"$1/etc/group"
  printf '%s\n' 'root:*:19000:0:99999:7:::' 'www-data:*:19000:0:99999:7:::' >"$1/etc/shadow"
  printf '%s\n' 'root:*::' 'www-data:!::' >"$1/etc/gshadow"
  cp /var/lib/dpkg/status "$1/var/lib/dpkg/status"
}
