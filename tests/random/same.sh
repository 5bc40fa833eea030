# shellcheck shell=bash
# What of two trees is to be the same. To be sourced.
# Names, kinds, modes, owners, targets and texts of all but citrus's own, and the lock and the copies that shadow's tools
# leave. Passwords are made anew each time: they are left out, and what is hashed of them.
tree() { # tree ROOT
  (
    cd "$1" || exit
    find . -path ./var/lib/citrus -prune -o -path ./etc/.pwd.lock -o -path './etc/*-' -o -printf '%y %m %U %G %p %l\n' | sort
    find etc var/www -type f -not -name .pwd.lock -not -path 'etc/*-' -print0 | sort -z | xargs -0 sed -E \
      "s/('(DB_PASSWORD|[A-Z_]*(KEY|SALT))', *)'[^']*'/\1/; s/BEGIN .*//; s/^[A-Za-z0-9+\/=]{40,}$//"
  )
}
