# shellcheck shell=bash
# The applies that the sweep kills, each on a server that site.yaml was applied to, and then drifted a little
# (sweeping.sh). Together they make, change and remove every kind.
# shellcheck disable=SC2034 # who sources this uses it
sweep_parts=(server change make remove)

sweep_server() { # what belongs to the machine
  cat <<'END'
citrus: 1
server:
  name: web-01
  timezone: Europe/Berlin
  packages: {present: [strace], absent: [htop], hold: [strace]}
  nginx: {worker_connections: 2048}
  php: {versions: ["8.2"], ini: {upload_max_filesize: 48M}}
  mariadb: {max_connections: 60, settings: {long_query_time: 3}}
sites:
END
  sweep_sites blog docs news shop
}
sweep_change() { # what belongs to sites, changed
  sweep_server_same
  cat <<'END'
sites:
  blog.example.com:
    type: wordpress
    aliases: [blog.example.org]
    php: {children: 3, memory_limit: 192M, ini: {max_input_vars: "2000"}}
    nginx: {client_max_body_size: 16M}
    tls: {issuer: self-signed, hsts: {max_age: 1d}}
    wordpress: {version: "6.8.7", title: Blog, admin: {user: editor, email: me@example.com}, config: {WP_POST_REVISIONS: 3}}
  shop.example.com: {type: php, tls: {issuer: none}}
END
  sweep_sites docs news
}
sweep_make() { # two new sites
  sweep_server_same
  echo sites:
  sweep_sites blog docs news shop
  cat <<'END'
  journal.example.com:
    type: wordpress
    wordpress: {version: "7.1.1", title: Journal, admin: {user: editor, email: me@example.com}}
  tools.example.com: {type: php}
END
}
sweep_remove() { # two sites gone
  sweep_server_same
  echo sites:
  sweep_sites blog shop
}

sweep_server_same() { sed '/^sites:/,$d' "$SITE"; }
sweep_sites() { # sweep_sites NAME...: these of site.yaml as they are
  awk -v names=" $* " '/^sites:/ {on = 1; next}
    /^  [a-z]/ {split($1, a, "."); take = index(names, " " a[1] " ")}
    on && take' "$SITE"
}
