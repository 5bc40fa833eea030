#!/bin/bash
# glance.sh CITRUS: a look at what nobody touched says what the last full look said, and is taken only then.
# What it kept is given another text in the store: that text comes out where a glance was taken, and nowhere else.
set -euo pipefail
citrus=$1
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/glance/tree.sh
. "$here/tree.sh"

cat >"$m/server.yaml" <<'Y'
citrus: 1
include: [sites/*.yaml]
server:
  name: glance
  php: {versions: ["8.2"]}
Y
site() { # site DOMAIN TYPE TLS
  printf 'sites:\n  %s:\n    type: %s\n    tls: {issuer: %s}\n' "$1" "$2" "$3"
  [ "$2" != wordpress ] || printf '    wordpress: {version: "7.1.1", title: T, admin: {user: e, email: e@example.com}}\n'
}
site a.example.com wordpress none >"$m/sites/a.yaml"
site b.example.com html self-signed >"$m/sites/b.yaml"
begin
drift=''

# What is there is what the last look saw, and what it kept says so.
settle() {
  sleep 0.2
  plan >"$tmp/full" 2>&1 || true
  [ "$(db "SELECT count(*) FROM glance")" != 0 ] || bad "before \"$1\": a full look kept nothing: $(tail -1 "$tmp/full")"
  plan >"$tmp/again"
  cmp -s "$tmp/full" "$tmp/again" || bad "before \"$1\": a glance says something else than the full look"
  db "UPDATE glance SET output = 'GLANCED'"
  [ "$(plan)" = GLANCED ] || bad "before \"$1\": no glance is taken of what nobody touched"
}
# sees WHAT COMMAND UNDO: no glance after COMMAND, with --verify neither; what is said is what is said where nothing was kept;
# where `drift` is yes, there is something to mend
sees() {
  local said read verified
  settle "$1"
  plan --verify >/dev/null
  db "UPDATE glance SET output = 'GLANCED'"
  [ "$(plan --verify)" = GLANCED ] || bad "before \"$1\": --verify looks at all that nobody touched again"
  eval "$2"
  read=$(plan --verify 2>&1) || true
  said=$(plan 2>&1) || true
  db "DELETE FROM glance"
  verified=$(plan --verify 2>&1) || true
  case $drift$read$said in
  *GLANCED*) bad "$1: a glance was taken" ;;
  yes*"Nothing to do"*) bad "$1: nothing is to be mended" ;;
  "$drift$verified$verified") good ;;
  *) bad "$1: $(diff <(printf '%s\n' "$read" "$said") <(printf '%s\n' "$verified" "$verified") | head -5)" ;;
  esac
  eval "$3"
}
# ignores WHAT COMMAND UNDO: still a glance
ignores() {
  settle "$1"
  eval "$2"
  if [ "$(plan)" = GLANCED ]; then good; else bad "$1: no glance"; fi
  eval "$3"
}
# differs ARG...: other options are another question
differs() {
  settle "$*"
  case $(plan "$@" 2>&1) in *GLANCED*) bad "$*: a glance was taken" ;; *) good ;; esac
}
aside() { cp -a "$1" "$tmp/aside"; }
back() { rm -rf "$1" && cp -a "$tmp/aside" "$1" && rm -rf "$tmp/aside"; }

# ------------------------------------------------------------------ how it is asked
differs --json
differs -v
differs --verify
differs --site a.example.com
differs --fresh
differs --out "$tmp/saved"
settle "drift"
case $(run drift) in *GLANCED*) bad "drift takes a glance of a plan" ;; "No drift"*) good ;; *) bad "drift" ;; esac
db "UPDATE glance SET output = 'GLANCED'"
if [ "$(run drift)" = GLANCED ]; then good; else bad "drift takes no glance"; fi
db "DELETE FROM glance"
plan --json >"$tmp/j1"
plan --json >"$tmp/j2"
if cmp -s "$tmp/j1" "$tmp/j2" && plan --json --verify | cmp -s - "$tmp/j2"; then good; else bad "--json"; fi
settle "what was read is not what is read"
plan --verify >/dev/null
db "UPDATE glance SET output = 'GLANCED', contents = CASE WHEN contents = zeroblob(16) THEN contents ELSE randomblob(16) END"
[ "$(plan)" = GLANCED ] || bad "a glance reads contents"
case $(plan --verify) in *GLANCED*) bad "--verify does not hold the contents against what they were" ;; *) good ;; esac

# ------------------------------------------------------------------ what goes in
sees "a value of the manifest" "sed -i 's/title: T/title: U/; s/type: html/type: php/' $m/sites/b.yaml" "site b.example.com html self-signed >$m/sites/b.yaml"
sees "a new include" "site c.example.com html none >$m/sites/c.yaml" "rm $m/sites/c.yaml"
sees "an include that is gone" "mv $m/sites/b.yaml $tmp/b.yaml" "mv $tmp/b.yaml $m/sites/b.yaml"
sees "a manifest with an error" "echo 'nothing: here' >>$m/server.yaml" "sed -i '/nothing: here/d' $m/server.yaml"
ignores "a manifest that was written anew, the same" "cp $m/server.yaml $tmp/s; cat $tmp/s >$m/server.yaml" :
sees "a template of citrus" "echo '# more' >>$share/templates/vhost.mustache" "cp $top/templates/vhost.mustache $share/templates"
sees "a template of the operator" "mkdir -p $root/etc/citrus/templates; { cat $top/templates/vhost.mustache; echo '# own'; } >$root/etc/citrus/templates/vhost.mustache" "rm -r $root/etc/citrus/templates"
sees "templates elsewhere" "cp -r $share $tmp/share2; echo '# more' >>$tmp/share2/templates/vhost.mustache; export CITRUS_SHARE=$tmp/share2" "export CITRUS_SHARE=$share"
settle "another program"
cp "$citrus" "$tmp/other"
case $(citrus=$tmp/other plan) in *GLANCED*) bad "another program takes this one's glance" ;; *) good ;; esac
sees "a secret" "run secret set site.a.example.com.db <<<another >/dev/null 2>&1 || run secret rotate --help >/dev/null" :
settle "the key is gone"
mv "$root/var/lib/citrus/secret.key" "$tmp/key"
case $(plan 2>&1) in *GLANCED*) bad "the key of the secrets is gone: a glance was taken" ;; *secret.key*) good ;; *) bad "the key is gone, and nobody says so" ;; esac
mv "$tmp/key" "$root/var/lib/citrus/secret.key"

# ------------------------------------------------------------------ what lies on the machine
www=$root/var/www/a.example.com vhost=$root/etc/nginx/sites-available/a.example.com.conf
enabled=$root/etc/nginx/sites-enabled/a.example.com.conf
pool=$root/etc/php/8.2/fpm/pool.d/a.example.com.conf
config=$(find "$www" -name wp-config.php)
tls=$root/etc/citrus/tls/b.example.com/fullchain.pem
for f in "$vhost" "$pool" "$config" "$tls"; do
  n=${f#"$root"}
  [ -f "$f" ] || { bad "$n is not there"; continue; }
  [ "$f" != "$tls" ] || drift='' # what stands behind a certificate is no part of it
  sees "$n: a byte" "aside $f; printf x >>$f" "back $f"
  drift=yes
  sees "$n: the same size and mtime" "aside $f; printf x | dd of=$f bs=1 seek=3 conv=notrunc status=none; touch -r $tmp/aside $f" "back $f"
  sees "$n: gone" "aside $f; rm $f" "back $f"
  sees "$n: its mode" "chmod 0606 $f" "chmod $(stat -c %a "$f") $f"
  sees "$n: its owner" "chown 33:33 $f" "chown $(stat -c %u:%g "$f") $f"
  sees "$n: a link" "aside $f; cp -a $f $f.x; ln -sf $f.x $f" "rm $f.x; back $f"
  sees "$n: a directory" "aside $f; rm $f; mkdir $f" "back $f"
done
sees "a vhost's link leads elsewhere" "aside $enabled; ln -sfn /etc/passwd $enabled" "back $enabled"
sees "a vhost's link is gone" "aside $enabled; rm $enabled" "back $enabled"
sees "a directory's mode" "chmod 0777 $www" "chmod $(stat -c %a "$www") $www"
sees "a directory's owner" "chown 33:33 $www" "chown $(stat -c %u:%g "$www") $www"
sees "a site's tree is gone" "mv $www $tmp/www" "mv $tmp/www $www"
sees "a site's tree is a link" "mv $www $www.x; ln -s $www.x $www" "rm $www; mv $www.x $www"
sees "a private key that others read" "chmod 0644 ${tls%/*}/privkey.pem" "chmod 0600 ${tls%/*}/privkey.pem"
sees "a pair's directory that others write" "chmod 0777 ${tls%/*}" "chmod 0755 ${tls%/*}"
sees "an account is gone" "aside $root/etc/passwd; sed -i '\$d' $root/etc/passwd" "back $root/etc/passwd"
drift=''
sees "a group" "aside $root/etc/group; sed -i '\$d' $root/etc/group" "back $root/etc/group"
sees "a package" "aside $root/var/lib/dpkg/status; sed -i '0,/install ok installed/s//deinstall ok config-files/' $root/var/lib/dpkg/status" "back $root/var/lib/dpkg/status"
sees "dpkg was interrupted" "mkdir -p $root/var/lib/dpkg/updates; printf 'Package: bash\nStatus: install ok half-configured\n' >$root/var/lib/dpkg/updates/0001" "rm -r $root/var/lib/dpkg/updates"
ignores "a file of nobody" "echo x >$root/etc/nobodys; echo x >$www/public/upload.jpg; rm -f $root/etc/nobodys" :
ignores "a file of a neighbour" "echo x >$root/etc/nginx/sites-available/own.conf" "rm $root/etc/nginx/sites-available/own.conf"

# ------------------------------------------------------------------ time, and the store
sees "its time is over" "db 'UPDATE glance SET until = 0'" :
sees "a clock that went back" "db 'UPDATE glance SET made = made + 86400, until = until + 86400'" :
sees "other stamps" "db 'UPDATE glance SET stamps = zeroblob(16)'" :
sees "a damaged record" "db \"UPDATE glance SET paths = x'78797a'\"" :
settle "an apply"
run apply --yes "$m/server.yaml" >/dev/null
settle "a restored file is a change that a full look forgives"
cp -a "$vhost" "$tmp/v" && cp -a "$tmp/v" "$vhost"
if [ "$(plan)" = GLANCED ]; then bad "a file that was written anew is not looked at"; else good; fi

# ------------------------------------------------------------------ drift by chance: the same answer as a look that reads all
seed=${GLANCE_SEED:-$RANDOM}
RANDOM=$seed
glances=0 rounds=${GLANCE_ROUNDS:-24}
cp -a "$root" "$tmp/keep"
for ((i = 0; i < rounds; i++)); do
  mapfile -t all < <(cd "$root" && find etc var/www var/lib/dpkg -mindepth 1 | sort)
  f=$root/${all[RANDOM * 32768 % ${#all[@]}]} did=
  [ $((RANDOM % 3)) != 0 ] || f=$root/etc/nobodys-$i
  settle "round $i of seed $seed"
  case $((RANDOM % 9)) in
  0) did="chmod 0700" && [ -e "$f" ] && chmod 0700 "$f" ;;
  1) did="chown" && [ -e "$f" ] && chown -h 33:33 "$f" ;;
  2) did="rm" && rm -rf "$f" ;;
  3) did="append" && [ ! -d "$f" ] && { [ ! -L "$f" ] && echo x >>"$f"; } ;;
  4) did="touch" && touch -h "$f" ;;
  5) did="mv" && [ -e "$f" ] && mv "$f" "$f.moved" ;;
  6) did="link" && rm -rf "$f" && ln -s /etc/passwd "$f" ;;
  7) did="mkdir" && rm -rf "$f" && mkdir "$f" ;;
  8) did="anew" && [ -f "$f" ] && cp -a "$f" "$f.n" && mv "$f.n" "$f" ;;
  esac || true
  a=$(plan 2>&1) || true
  b=$(plan --verify 2>&1) || true
  case $a in
  GLANCED) glances=$((glances + 1)) a=$(cat "$tmp/full") ;;
  esac
  if [ "$a" = "$b" ]; then good; else
    bad "seed $seed, round $i: $did $f: $(diff <(echo "$a") <(echo "$b") | head -5)"
  fi
  rm -rf "$root" && cp -a "$tmp/keep" "$root"
done
echo "seed $seed: a glance after $glances of $rounds drifts"
[ "$rounds" -lt 20 ] || [ "$glances" -gt 3 ] || bad "hardly a glance was taken: nothing is compared"

counted
