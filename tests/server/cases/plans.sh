#!/bin/bash
# A saved plan is applied exactly as saved, once, and only to the machine that it was made for.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"

boot site
blog=$(site_user blog.example.com)
P=/etc/php/8.2/fpm/pool.d/blog.example.com.conf

step "saved and applied"
manifest "$SITE" -e 's/children: 6/children: 3/'
exit_is "a plan is saved" 0 citrus apply --plan --out /root/a.plan
exit_is "validate finds nothing wrong" 0 citrus validate
state >"$TMP/a"
exit_is "a plan made later for the same" 0 citrus apply --plan --out /root/b.plan
manifest "$SITE"
exit_is "it is applied, whatever the manifest says by now" 0 citrus apply /root/a.plan --yes
is "as it was saved" "pm.max_children = 3" "$(guest grep -E '^pm.max_children' $P)"
exit_is "a plan is applied once" 6 citrus apply /root/a.plan --yes

step "stale"
state >"$TMP/a"
exit_is "a plan of an earlier generation is refused" 6 citrus apply /root/b.plan --yes
state >"$TMP/b"
same_state "and nothing is touched" "$TMP/a" "$TMP/b"
exit_is "a plan of this generation" 0 citrus apply --plan --out /root/d.plan
guest chmod 600 /etc/nginx/sites-available/docs.example.com.conf # no part of the plan
exit_is "and one that also mends what has drifted" 0 citrus apply --plan --out /root/e.plan
guest sed -i 's/^pm.max_children.*/pm.max_children = 5/' $P
state >"$TMP/a"
exit_is "its target has moved since" 6 citrus apply /root/d.plan --yes
has "the resource is named" "php_pool blog.example.com" "$OUT"
exit_is "so it is with the other" 6 citrus apply /root/e.plan --yes
state >"$TMP/b"
same_state "nothing is touched then" "$TMP/a" "$TMP/b"

step "sealed"
exit_is "back to the manifest" 0 citrus apply --yes
manifest "$SITE" -e 's/children: 6/children: 4/'
exit_is "a third plan" 0 citrus apply --plan --out /root/c.plan
secret=$(guest sed -n "s/.*DB_PASSWORD'[^']*'\([^']*\)'.*/\1/p" /var/www/blog.example.com/wp-config.php)
is "there is a secret" yes "$([ ${#secret} -ge 16 ] && echo yes)"
is "the plan does not hold it" 0 "$(guest grep -cF -- "$secret" /root/c.plan || true)"
guest sed -i 's/blog\.example/evil.example/' /root/c.plan
run citrus apply /root/c.plan --yes
is "a plan that was tampered with is refused" yes "$([ "$RC" = 1 ] || [ "$RC" = 6 ] && echo yes || echo "exit $RC")"
is "and nothing was done" "pm.max_children = 6" "$(guest grep -E '^pm.max_children' $P)"

step "for programs"
exit_is "--json" 0 sh -c 'citrus apply --plan --json 2>/dev/null >/root/plan.json'
guest cat /root/plan.json >"$TMP/plan.json"
is "it is JSON" 0 "$(python3 -m json.tool "$TMP/plan.json" >/dev/null 2>&1; echo $?)"
hasnt "without the secret" "$secret" "$(cat "$TMP/plan.json")"
exit_is "the schema is JSON, too" 0 sh -c 'citrus schema >/root/schema.json'
guest cat /root/schema.json >"$TMP/schema.json"
is "and is the one in the tree" 0 "$(cmp "$TMP/schema.json" "$LAB_TOP/schemas/manifest.schema.json" >&2; echo $?)"

step "one site only"
manifest "$SITE" -e 's/children: 6/children: 4/' -e 's/title: News/&, locale: en_US/' -e '/^  news.example.com:/a\    php: {children: 2}'
exit_is "--site" 0 citrus apply --yes --site news.example.com
is "that site has changed" "pm.max_children = 2" "$(guest grep -E '^pm.max_children' /etc/php/8.2/fpm/pool.d/news.example.com.conf)"
is "the other has not" "pm.max_children = 6" "$(guest grep -E '^pm.max_children' $P)"
exit_is "and is still pending" 2 citrus apply --plan --detailed-exitcode
has "by name" blog.example.com "$OUT"

step "one run at a time"
background flock /var/lib/citrus/lock sleep 60
sleep 1
exit_is "a second run is told" 7 citrus apply --yes
end_background

step "wrong manifests"
manifest "$SITE" -e 's/children: 6/childern: 6/' -e 's/type: html/type: htlm/'
exit_is "errors are exit status 1" 1 citrus apply --yes
has "with the place" "/etc/citrus/server.yaml:" "$OUT"
has "both at once" childern "$OUT"
has "with a hint" "did you mean" "$OUT"
has "the second" htlm "$OUT"
hasnt "$blog: the database user is not in it" "$secret" "$OUT"
is "and nothing was done" "pm.max_children = 6" "$(guest grep -E '^pm.max_children' $P)"
