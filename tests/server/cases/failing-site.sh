#!/bin/bash
# A site that cannot be made leaves no trace; the others go on, and the exit status says so.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"

boot site

# fails NAME GOOD WHY MANIFEST-LINE: a manifest with one more good site and the bad one
more=()
fails() {
  local name=$1 good=$2 why=$3 bad=$4
  step "$name"
  state >"$TMP/before"
  more+=(-e "\$a\\  $good.example.com: {type: html, tls: {issuer: self-signed}}")
  manifest "$SITE" "${more[@]}" -e "\$a\\  bad.example.com: $bad"
  exit_is "$name: exit status" 4 citrus apply --yes
  has "$name: names the site" bad.example.com "$OUT"
  has "$name: says why" "$why" "$OUT"
  state | grep -v -e "$good.example.com" -e "${good}_example_com" >"$TMP/after.all" || true
  # the other new site is a member of two files' text; the rest must be as before
  grep -vE '^(content|file) /etc/(passwd|group|shadow|gshadow)' "$TMP/before" >"$TMP/a"
  grep -vE '^(content|file) /etc/(passwd|group|shadow|gshadow)' "$TMP/after.all" >"$TMP/b"
  same_state "$name: no trace of it" "$TMP/a" "$TMP/b"
  is "$name: no line names it" "" "$(grep -E 'bad[._]example[._]com' "$TMP/after.all" | grep -vFxf "$TMP/before" || true)"
  is "$name: nor do the accounts" "" "$(guest grep -h bad_example /etc/passwd /etc/group /etc/shadow /etc/gshadow || true)"
  exit_is "$name: nginx is sound" 0 nginx -t
  is "$name: blog is served" 200 "$(status_of https://blog.example.com/)"
  is "$name: the good new site is, too" yes "$(status_of "https://$good.example.com/" | grep -qE '^(200|403|404)$' && guest test -e "/etc/nginx/sites-enabled/$good.example.com.conf" && echo yes)"
  run citrus history
  exit_is "$name: it is still pending" 2 citrus apply --plan --detailed-exitcode
  has "$name: and named" bad.example.com "$OUT"
}

fails "WordPress's source answers 404" good 404 \
  '{type: wordpress, tls: {issuer: self-signed}, wordpress: {version: "9.9.9", title: Bad, admin: {user: editor, email: me@example.com}}}'

guest mkdir -p /var/www/bad.example.com/custom.d
echo 'no_such_directive on;' | put /var/www/bad.example.com/custom.d/bad.conf
fails "a bad snippet in custom.d" fine no_such_directive '{type: php, tls: {issuer: self-signed}}'

step "a good site whose change fails keeps what it has"
manifest "$SITE" "${more[@]}"
exit_is "without the bad one all is well" 0 citrus apply --yes
state >"$TMP/before"
manifest "$SITE" "${more[@]}" -e 's/children: 6/children: 3/' -e '0,/version: "7.1.1"/s//version: "9.9.9"/'
exit_is "exit status says that nothing was changed" 1 citrus apply --yes
has "names the site" blog.example.com "$OUT"
state >"$TMP/after"
same_state "all is as before" "$TMP/before" "$TMP/after"
has "it is served" "<title>Blog" "$(fetch https://blog.example.com/)"
