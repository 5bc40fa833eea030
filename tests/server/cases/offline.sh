#!/bin/bash
# `--root DIR` writes an offline tree and nothing else; what needs a running system is listed as deferred.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"

boot stack
T=/srv/tree
guest sh -c "mkdir -p $T/root $T/run $T/tmp $T/proc $T/sys $T/dev && cp -a /bin /sbin /lib /lib64 /etc /usr /var $T/"
lab_manifest "$SITE" | put /root/offline.yaml
state >"$TMP/a"
exit_is "apply" 0 citrus apply --yes --root $T /root/offline.yaml
has "what needs the running system is deferred" deferred "$OUT"
for f in etc/nginx/sites-available/docs.example.com.conf etc/php/8.2/fpm/pool.d/shop.example.com.conf var/www/docs.example.com/public; do
  exit_is "made in the tree: $f" 0 test -e "$T/$f"
done
user=$(guest awk -F: '$1 ~ /^docs_example_com_/ {print $1}' $T/etc/passwd)
has "the account is in the tree's passwd" docs_example_com_ "$user"
is "and not in the machine's" "" "$(guest getent passwd "$user" || true)"
is "owned by its number in the tree" "$(guest awk -F: -v u="$user" '$1 == u {print $3}' $T/etc/group)" \
  "$(guest stat -c %g $T/var/www/docs.example.com)"
exit_is "no site was made outside" 1 test -e /var/www/docs.example.com
state >"$TMP/b"
same_state "nothing outside the tree is touched" "$TMP/a" "$TMP/b"
exit_is "a second plan has nothing but what is deferred" 0 citrus apply --plan --detailed-exitcode --root $T /root/offline.yaml
