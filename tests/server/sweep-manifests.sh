# shellcheck shell=bash
# The applies that the sweep kills, each on a server that site.yaml was applied to, and then drifted a little.
# Together they make, change and remove every kind. Small ones, because a point costs half of an apply and half of
# taking it back.
#   sweep_PART          prints the manifest of that part
#   sweep_drift_PART    what is done to the server before, as a script for its shell
# shellcheck disable=SC2034 # who sources this uses it
sweep_parts=(packages server mariadb change core fetch make site remove)
# These find their downloads in the cache; what fetching them changes is `fetch`.
sweep_warm=" core make "

sweep_packages() { # packages to install, to hold, to remove
  cat <<'YAML'
citrus: 1
server:
  name: web-01
  packages: {present: [strace, rsync], absent: [htop], hold: [strace, rsync]}
  php: {versions: ["8.2"]}
YAML
  sweep_all_sites
}
sweep_drift_packages() { echo 'dpkg --purge strace'; }

sweep_server() { # settings of the server, a service that was switched off
  cat <<'YAML'
citrus: 1
server:
  name: web-01
  timezone: Europe/Berlin
  packages: {present: [htop]}
  nginx: {worker_connections: 2048}
  php: {versions: ["8.2"], ini: {upload_max_filesize: 48M}}
YAML
  sweep_all_sites
}
sweep_drift_server() { echo 'systemctl disable --now php8.2-fpm'; }

sweep_mariadb() { # settings that need a restart
  sweep_server_same
  printf '  timezone: Europe/Berlin\n  mariadb: {max_connections: 60, settings: {long_query_time: 3}}\n'
  sweep_all_sites
}
sweep_drift_mariadb() { echo 'rm /etc/localtime'; }

sweep_change() { # what belongs to sites, changed; and what only drift changes: a grant, a character set, a mode
  sweep_server_same
  cat <<'YAML'
sites:
  blog.example.com:
    type: wordpress
    aliases: [blog.example.org]
    php: {children: 3, memory_limit: 192M, ini: {max_input_vars: "2000"}}
    nginx: {client_max_body_size: 16M}
    tls: {issuer: self-signed, hsts: {max_age: 1d}}
    wordpress: {version: "7.1.1", title: Blog, admin: {user: editor, email: me@example.com}, config: {WP_POST_REVISIONS: 3}}
  shop.example.com: {type: php, tls: {issuer: none}}
YAML
  sweep_sites docs news
}
sweep_drift_change() {
  cat <<'BASH'
u=$(mariadb -NBe 'select user from mysql.user where user like "blog%"')
mariadb -e "revoke drop on \`${u//_/\\_}\`.* from \`$u\`@localhost; alter database \`$u\` character set latin1"
chmod 700 /var/www/blog.example.com/logs
ln -s /dev/null /etc/nginx/sites-enabled/default
usermod -s /bin/sh "$(stat -c %G /var/www/blog.example.com)"
BASH
}

sweep_core() { # another version of WordPress
  sweep_server_same
  sweep_all_sites | sed "/Blog/s/7\.1\.1/$(lab_wordpress_other)/"
}
sweep_make() { # a new site with a database
  sweep_server_same
  sweep_all_sites
  cat <<'YAML'
  journal.example.com:
    type: wordpress
    tls: {issuer: none}
    wordpress: {version: "7.1.1", title: Journal, admin: {user: editor, email: me@example.com}}
YAML
}
sweep_fetch() { sweep_make; } # the same without what the cache has, up to its first change of the server
sweep_site() { # one without
  sweep_server_same
  sweep_all_sites
  printf '  tools.example.com: {type: php, tls: {issuer: self-signed}}\n'
}
sweep_remove() { # two sites gone
  sweep_server_same
  echo sites:
  sweep_sites blog shop
}

sweep_server_same() { sed '/^sites:/,$d' "$SITE"; }
sweep_all_sites() { sed -n '/^sites:/,$p' "$SITE"; }
sweep_sites() { # sweep_sites NAME...: these of site.yaml as they are
  awk -v names=" $* " '/^sites:/ {on = 1; next}
    /^  [a-z]/ {split($1, a, "."); take = index(names, " " a[1] " ")}
    on && take' "$SITE"
}
