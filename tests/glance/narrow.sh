#!/bin/bash
# narrow.sh CITRUS: a changed manifest is planned for the sites alone that changed where a look told of the rest, and
# then says and does what a look at everything says and does. A resource that the store has and no manifest means is put
# into it behind citrus's back: who looks at everything takes it for one to be removed, who looks at a part does not.
set -euo pipefail
citrus=$1
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/glance/tree.sh
. "$here/tree.sh"

cat >"$m/server.yaml" <<'Y'
citrus: 1
include: [sites/*.yaml]
server:
  name: narrow
  php: {versions: ["8.2"]}
sites:
  a.example.com:
    type: wordpress
    tls: {issuer: none}
    php: {children: 2}
    wordpress: {version: "7.1.1", title: T, admin: {user: e, email: e@example.com}}
  # a remark
  b.example.com:
    type: php
    tls: {issuer: self-signed}
  c.example.com: {type: html}
  d.example.com: {type: redirect, target: "https://www.example.com", tls: {issuer: none}}
Y
printf 'sites:\n  e.example.com: {type: proxy, upstream: "http://127.0.0.1:81", tls: {issuer: none}}\n' >"$m/sites/e.yaml"
cp -r "$m" "$tmp/first"
begin

mark() { db "INSERT INTO managed (kind, id, site, spec, wanted, rank, generation) VALUES ('link', '/etc/nginx/nobodys', 'b.example.com', '{\"spec\":{\"target\":\"x\"}}', zeroblob(16), 1, 1)"; }
unmark() { db "DELETE FROM managed WHERE id = '/etc/nginx/nobodys'"; }
ln -s x "$root/etc/nginx/nobodys"
# What the next plan may stand on: a look at the first manifest.
settle() {
  rm -rf "$m" && cp -r "$tmp/first" "$m"
  sleep 0.2
  plan >"$tmp/look" 2>&1 || true
  [ "$(db "SELECT count(*) FROM glance WHERE whole IS NOT NULL")" != 0 ] || bad "before \"$1\": a look left nothing to stand on: $(tail -1 "$tmp/look")"
}
# change YES|NO WHAT COMMAND [UNDO]: whether it is planned narrowly; what is said is what is said where nothing was kept
change() {
  local said whole options
  for options in "" --json "-v"; do
    settle "$2"
    eval "$3"
    mark
    # shellcheck disable=SC2086
    said=$(plan $options 2>&1) || true
    unmark
    [ "$1" = YES ] || eval "${4:-:}"
    case $1$said in
    YES*nobodys*) bad "$2: everything was looked at" && continue ;;
    NO*nobodys*) ;;
    NO*) bad "$2: only a part was looked at" && continue ;;
    esac
    [ "$1" = YES ] || { good && continue; }
    # shellcheck disable=SC2086
    whole=$(plan $options --verify 2>&1) || true
    if [ "$said" = "$whole" ]; then good; else bad "$2 $options: $(diff <(echo "$said") <(echo "$whole") | head -5)"; fi
    case $said in *'0 to create, 0 to change, 0 to remove'* | 'Nothing to do'*) bad "$2: nothing is planned" ;; esac
  done
}
edit() { sed -i "$1" "$m/server.yaml"; }

# ------------------------------------------------------------------ what is a site's own
change YES "a limit" "edit 's/php: {children: 2}/php: {children: 2, max_execution_time: 90s}/'"
change YES "another process manager" "edit 's/{children: 2}/{children: 2, process_manager: dynamic}/'"
change YES "a setting of PHP" "edit 's/{children: 2}/{children: 2, ini: {session.name: X}}/'"
change YES "a constant" "edit 's/title: T,/title: T, config: {WP_DEBUG: true},/'"
change YES "a limit of nginx" "edit '/c.example.com/s/type: html/type: html, nginx: {client_max_body_size: 3M}/'"
change YES "a redirect to https" "edit '/type: php/a\\    nginx: {client_max_body_size: 5M}'"
change YES "hsts" "edit 's/{issuer: self-signed}/{issuer: self-signed, hsts: {max_age: 1y}}/'"
change YES "an included file" "sed -i 's/type: proxy/type: proxy, nginx: {client_max_body_size: 7M}/' $m/sites/e.yaml"
change YES "two sites" "edit 's/{children: 2}/{children: 2, max_execution_time: 90s}/; /c.example.com/s/html/html, nginx: {client_max_body_size: 3M}/'"
change YES "lines come and go" "edit '/a remark/d; s/    php: {children: 2}/    # more\\n\\n    php:\\n      children: 2\\n      max_execution_time: 90s/'"

# ------------------------------------------------------------------ what is more
change NO "children, which the memory budget counts" "edit 's/children: 2/children: 3/'"
change NO "memory, which it counts, too" "edit 's/{children: 2}/{children: 2, memory_limit: 512M}/'"
change NO "an alias" "edit '/c.example.com/s/type: html/type: html, aliases: [www.c.example.com]/'"
change NO "a new site" "edit '\$a\\  f.example.com: {type: html}'"
change NO "a site less" "edit '/c.example.com/d'"
change NO "another type" "edit '/c.example.com/s/html/php/'"
change NO "the server" "edit 's/name: narrow/name: other/'"
change NO "a new include" "printf 'sites:\\n  f.example.com: {type: html}\\n' >$m/sites/f.yaml"
change NO "a cache, which is a directory" "edit '/type: php/a\\    cache: fastcgi'"
change NO "a limit, and something on the machine" "edit 's/{children: 2}/{children: 2, max_execution_time: 90s}/'; chmod 0600 $root/etc/nginx/sites-available/c.example.com.conf" \
  "chmod 0644 $root/etc/nginx/sites-available/c.example.com.conf"
change NO "a limit, and a template" "edit 's/{children: 2}/{children: 2, max_execution_time: 90s}/'; echo '# more' >>$share/templates/vhost.mustache" \
  "cp $top/templates/vhost.mustache $share/templates"
change NO "a limit, and the store" "edit 's/{children: 2}/{children: 2, max_execution_time: 90s}/'; run secret set another <<<x >/dev/null 2>&1"

# ------------------------------------------------------------------ errors have their place
settle "an error"
edit 's/{children: 2}/{children: 2, max_execution_time: soon}/'
said=$(plan 2>&1) && bad "an error in a changed site is none"
case $said in *server.yaml:10:*max_execution_time*) good ;; *) bad "an error in a changed site: $said" ;; esac

# ------------------------------------------------------------------ and it is done
tables() { # what the store holds of what was done; a file's number is another each time
  for t in "kind, id, site, spec, wanted, rank, generation, digest FROM managed" "number, rollback_of, files, digest, status FROM generation JOIN bundle ON bundle.id = bundle_id ORDER BY number" \
    "seq, state, kind, id, site, op, spec, before, after FROM action WHERE tx = (SELECT max(id) FROM tx)" "state, why, files, sites, created, changed, removed FROM tx JOIN bundle ON bundle.id = bundle_id ORDER BY tx.id DESC LIMIT 1"; do
    sqlite3 "$1/var/lib/citrus/store.db" "SELECT $t" || return 1
  done
}
tables "$root" >"$tmp/tables" # nothing is the same as nothing: the questions can be asked
for n in managed generation action tx; do [ "$(db "SELECT count(*) FROM $n")" != 0 ] || bad "there is nothing to be compared of $n"; done
settle "an apply"
whole=$tmp/whole
cp -a "$root" "$whole"
sqlite3 "$whole/var/lib/citrus/store.db" "DELETE FROM glance"
edit 's/{children: 2}/{children: 2, max_execution_time: 90s}/'
mark
run apply --yes "$m/server.yaml" >"$tmp/narrow" 2>&1 || bad "a narrow apply fails: $(tail -3 "$tmp/narrow")"
unmark
grep -q nobodys "$tmp/narrow" && bad "an apply looks at everything"
root=$whole run apply --yes "$m/server.yaml" >"$tmp/all" 2>&1
if cmp -s "$tmp/narrow" "$tmp/all"; then good; else bad "an apply says something else: $(diff "$tmp/narrow" "$tmp/all" | head -5)"; fi
if diff <(tables "$root") <(tables "$whole") >"$tmp/diff"; then good; else bad "an apply leaves another store: $(head -5 "$tmp/diff")"; fi
if diff -r --no-dereference -x citrus "$root" "$whole" >"$tmp/diff"; then good; else bad "an apply leaves another tree: $(head -5 "$tmp/diff")"; fi
nothing_left() { # nothing_left WHEN
  local said
  if said=$(plan --detailed-exitcode 2>&1); then good; else bad "something is left to do after $1: $said"; fi
}
nothing_left "a narrow apply"
if said=$(run rollback --yes 2>&1); then good; else bad "a narrow apply is not rolled back: $said"; fi
rm -rf "$m" && cp -r "$tmp/first" "$m"
nothing_left "a rollback"

counted
