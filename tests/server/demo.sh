#!/bin/bash
# Shows the whole way on a disposable server: a manifest, its plan, the served site, nothing left to do,
# a drift found and mended, a change and its rollback.
# shellcheck source=tests/server/lab.sh
. "$(dirname "$0")/lab.sh"
lab_init
HOST=demo
export LAB_OWNER=$$
WORK=$LAB/run/demo
SITE=blog.example.com
mkdir -p "$WORK"

end() {
  trap - EXIT
  trap '' PIPE
  if [ -z "${CITRUS_KEEP:-}" ]; then
    lab_down "$HOST"
    lab_net_down
  else
    echo "The server stays: tests/server/lab.sh exec $HOST bash; tests/server/lab.sh down $HOST"
  fi
}
trap end EXIT
trap 'exit 130' INT TERM

B='' D='' N=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then B=$'\e[1m' D=$'\e[2m' N=$'\e[0m'; fi
heading() { printf '\n%s━━ %s%s\n\n' "$B" "$*" "$N"; }
BAD=0
expect() { # expect STATUS CMD...: on the server
  local want=$1 rc=0
  shift
  printf '%s%s# %s%s\n' "$B" "$HOST" "$*" "$N"
  lab_exec "$HOST" "$@" </dev/null || rc=$?
  printf '%s(exit %s)%s\n' "$D" "$rc" "$N"
  [ $rc = "$want" ] || { BAD=$((BAD + 1)); echo "!! exit $want was expected"; }
}
check() { if [[ $3 == *"$2"* ]]; then echo "   $1: $3"; else BAD=$((BAD + 1)); echo "!! $1: $3, where $2 was expected"; fi; }
web() {
  lab_exec "$HOST" cat "/etc/citrus/tls/$SITE/fullchain.pem" >"$WORK/ca.pem" </dev/null
  lab_outside curl -sS -m 60 --cacert "$WORK/ca.pem" --resolve "$SITE:443:$(lab_ip "$HOST")" "$@" 2>&1 || echo "curl failed with $?"
}
show_site() {
  check "https://$SITE/" "200" "HTTP $(web "https://$SITE/" -o "$WORK/page" -w '%{http_code}, %{size_download} bytes in %{time_total} s')"
  check title "<title>" "$(grep -o '<title>[^<]*</title>' "$WORK/page" | sed -n 1p)"
  check login "200" "HTTP $(web "https://$SITE/wp-login.php" -o /dev/null -w '%{http_code}')"
  echo "   certificate:"
  lab_outside openssl s_client -connect "$(lab_ip "$HOST"):443" -servername "$SITE" </dev/null 2>/dev/null |
    openssl x509 -noout -issuer -enddate -ext subjectAltName | sed 's/^/     /'
}

heading "The lab: a Debian 12 image and an offline package mirror (made once, kept in $LAB)"
"$LAB_TOP/tests/server/lab.sh" prepare
lab_down "$HOST"
heading "A fresh server: nothing but Debian and the citrus program"
lab_up "$HOST" base
lab_program "$HOST"
expect 0 sh -c 'dpkg-query -W nginx mariadb-server php8.2-fpm 2>&1; citrus --version'

heading "The manifest: examples/wordpress.yaml"
lab_manifest "$LAB_TOP/examples/wordpress.yaml" >"$WORK/server.yaml"
lab_copy "$HOST" "$WORK/server.yaml" /etc/citrus/server.yaml
cat "$LAB_TOP/examples/wordpress.yaml"
echo "${D}The server has no way out, so for this demo alone the sources are the lab's mirror:"
diff "$LAB_TOP/examples/wordpress.yaml" "$WORK/server.yaml" | grep '^>' || true
printf %s "$N"

heading "What citrus would do"
expect 2 citrus apply --plan --detailed-exitcode
heading "Do it"
t0=$SECONDS
expect 0 citrus apply --yes
echo "   in $((SECONDS - t0)) s"
heading "Served"
show_site

heading "A second plan is empty"
expect 0 citrus apply --plan --detailed-exitcode

heading "Someone changes the server by hand"
expect 0 sed -i 's/listen 443/listen 8443/' "/etc/nginx/sites-available/$SITE.conf"
expect 0 rm "/etc/php/8.2/fpm/pool.d/$SITE.conf"
expect 0 sed -i '$a<?php /* left by a stranger */' "/var/www/$SITE/public/wp-includes/functions.php"
heading "citrus sees it"
expect 0 citrus drift
heading "and mends it"
expect 0 citrus apply --yes
show_site
expect 0 citrus apply --plan --detailed-exitcode

heading "The operator changes the manifest: twice the upload size"
sed '/^server:/a\  nginx: {client_max_body_size: 128M}' "$WORK/server.yaml" >"$WORK/changed.yaml"
lab_copy "$HOST" "$WORK/changed.yaml" /etc/citrus/server.yaml
expect 0 citrus apply --yes
heading "and takes it back"
expect 0 citrus rollback --yes
expect 0 citrus history
show_site
expect 0 citrus status

echo
if [ $BAD = 0 ]; then echo "The demo went as it should."; else echo "$BAD steps did not go as they should."; exit 1; fi
