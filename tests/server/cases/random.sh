#!/bin/bash
# Random manifests on a real server (tests/random): each is applied, its plan is empty and all its sites answer; and
# after the rollback the server is what it was. CITRUS_RANDOM_SEED=N takes other manifests, CITRUS_RANDOM_STEPS=N
# another number of them, CITRUS_RANDOM_SECONDS=N more time; a failure prints the seed, the manifests and the difference.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"
export LAB_OVERLAY=volatile, # nothing here survives the machine

seed=${CITRUS_RANDOM_SEED:-1} steps=${CITRUS_RANDOM_STEPS:-30}
M=$TMP/manifests

certificates() { # what `tls: {issuer: files}` names, as an authority of the operator's own would issue it
  local which d=$TMP/pem
  mkdir -p "$d"
  openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=Test authority" -keyout "$d/ca.key" -out "$d/ca.pem" 2>/dev/null
  sed 's/^/DNS:/' "$M/names" | sort -u | paste -sd, | sed 's/^/subjectAltName=/' >"$d/names"
  for which in one two; do
    openssl req -newkey rsa:2048 -nodes -subj "/CN=$which" -keyout "$d/key" -out "$d/csr" 2>/dev/null
    openssl x509 -req -in "$d/csr" -CA "$d/ca.pem" -CAkey "$d/ca.key" -CAcreateserial -days 30 -extfile "$d/names" -out "$d/cert" 2>/dev/null
    guest mkdir -p "/etc/ssl/random/$which" </dev/null
    put "/etc/ssl/random/$which/cert.pem" <"$d/cert"
    put "/etc/ssl/random/$which/key.pem" 600 <"$d/key"
  done
}

# `state`, less what is made anew and need not be the same: times of files and of restarts, numbers of accounts, and a
# self-signed certificate, of which the names count. Not citrus's own memory either: it remembers both ways. With the
# rows of all databases, but for what WordPress writes by itself when somebody visits.
random_state() {
  state | awk '$2 ~ "^/var/lib/citrus/" {next} $2 ~ "^/etc/(passwd|group|shadow|gshadow)$" {next}
    $2 ~ "^/etc/citrus/tls/.*[.]pem$" {if ($1 == "content") next; $6 = "-"}
    $1 == "file" {$7 = "-"} $1 == "running" {NF = 3}
    $1 == "passwd" || $1 == "group" {gsub(/:[0-9]+:[0-9]*:?/, ":#:")} {print}'
  guest bash -s <<'END'
for c in /etc/citrus/tls/*/fullchain.pem; do
  [ -e "$c" ] || continue
  key=$(openssl pkey -in "${c%/*}/privkey.pem" -pubout | cmp -s - <(openssl x509 -in "$c" -noout -pubkey) && echo its key || echo another key)
  if openssl x509 -in "$c" -noout -issuer | grep -q authority; then id=$(openssl x509 -in "$c" -noout -fingerprint); else id=self-signed; fi
  echo "certificate ${c#/etc/citrus/tls/} $id $key $(openssl x509 -in "$c" -noout -ext subjectAltName | tail -1)"
done
for d in $(mariadb -NBe 'select table_schema from information_schema.tables where table_name = "wp_options"'); do
  tables=$(mariadb -NBe "select group_concat('\`', table_schema, '\`.\`', table_name, '\`') from information_schema.tables
    where table_schema = '$d' and table_name <> 'wp_options'")
  mariadb -NBe "checksum table $tables" | sort | sed 's/^/rows /'
  mariadb -NBe "select 'rows $d', option_name, md5(option_value), autoload from \`$d\`.wp_options where option_name <> 'cron'
    and option_name not like '%\_transient\_%' and option_name not like '%lock%' order by 2"
done
END
}

addresses() { # addresses MANIFEST: a URL a line of each name that it serves
  awk '/^sites:/ {on = 1; next} !on {next}
    function tell(  i) {for (i = 1; i <= n; i++) print scheme "://" names[i] "/"}
    /^  [^ ]/ {tell(); n = 1; names[1] = substr($1, 1, length($1) - 1); scheme = "https"}
    /^    aliases:/ {gsub(/[][,]/, " "); for (i = 2; i <= NF; i++) names[++n] = $i}
    /^      issuer: none/ {scheme = "http"}
    END {tell()}' "$1"
}

# One curl for all: a line with the status of each. A name that no site serves is answered with a closed connection.
visit() {
  local url name ip
  ip=$(lab_ip "$HOST")
  while read -r url; do
    name=${url#*://}
    name=${name%%/*}
    printf 'url = "%s"\noutput = /dev/null\nresolve = "%s:443:%s"\nresolve = "%s:80:%s"\n' "$url" "$name" "$ip" "$name" "$ip"
  done >"$TMP/visits"
  [ ! -s "$TMP/visits" ] || lab_outside curl -sk -m 60 -w '%{http_code} %{url_effective}\n' -K "$TMP/visits" || true
}

tell() { # tell NAME DETAIL: a check that failed, with all that is needed to see it again
  fail "$1" "CITRUS_RANDOM_SEED=$seed CITRUS_RANDOM_STEPS=$steps ./run server random
$2
--- the manifest before ($base)
$(cat "$M/$base.yaml")
--- and after ($i)
$(diff "$M/$base.yaml" "$M/$i.yaml")"
}
ran() { [ "$RC" = 0 ] || { tell "$1" "exit $RC: $(printf '%s\n' "$OUT" | tail -20)"; return 1; }; }
settle() { # the first visits make WordPress write what it has not yet
  local _
  for _ in 1 2; do addresses "$M/$1.yaml" | awk '{print; print $1 "wp-cron.php"}' | visit >/dev/null; done
  random_state >"$TMP/state.$1"
}
newest() { guest citrus history --json </dev/null | sed -n 's/.*"number": \([0-9]*\).*/\1/p' | head -1; }

go_on() { # step I from the manifest `base`: there, and back
  local bad
  manifest "$M/$i.yaml"
  run citrus apply --yes
  ran "manifest $i applies" || return 1
  run citrus apply --plan --detailed-exitcode
  ran "the plan of manifest $i is empty" || return 1
  addresses "$M/$i.yaml" | visit >"$TMP/answers"
  bad=$(awk '$1 !~ /^(200|301|302|403|404)$/' "$TMP/answers")
  [ -z "$bad" ] || { tell "all sites of manifest $i answer" "$bad"; return 1; }
  visited=$((visited + $(wc -l <"$TMP/answers")))
  generation=$(newest)
  [ $((i % 3)) != 0 ] || settle "$i"
  run citrus rollback --yes
  ran "the rollback from manifest $i" || return 1
  same "$base"
}
same() {
  local d
  random_state >"$TMP/now"
  d=$(diff "$TMP/state.$1" "$TMP/now" || true)
  [ -z "$d" ] || { tell "the rollback to manifest $1 brings the server back" "$d"; return 1; }
  manifest "$M/$1.yaml"
  run citrus apply --plan --detailed-exitcode
  ran "the plan of manifest $1 is empty after the rollback to it"
}

boot stack
mkdir "$M"
"$LAB_TOP/build/tests/random/random_manifest" "$seed" $((steps + 1)) "$M"
certificates
background php8.2 -S 127.0.0.1:8080 -t /srv
i=1 base=1 done=0 visited=0 t0=$SECONDS limit=${CITRUS_RANDOM_SECONDS:-600}
manifest "$M/1.yaml"
exit_is "the first manifest of seed $seed applies" 0 citrus apply --yes
settle 1
for ((i = 2; i <= steps + 1; i++)); do
  # on a machine that is busy with other things, fewer are told of, not failed
  if [ $((SECONDS - t0)) -gt "$limit" ] && [ $done -ge 10 ]; then
    both "     $limit s are over: $done manifests of $steps"
    steps=$done
    break
  fi
  step "manifest $i from $base"
  go_on || break
  done=$((done + 1))
  # now and then on from there: that is a rollback, too, to a later generation
  [ $((i % 3)) = 0 ] || continue
  run citrus rollback "$generation" --yes
  ran "the rollback forward to manifest $i" || break
  base=$i
  same "$i" || break
done
is "seed $seed: manifests that were applied, answered and were rolled back" "$steps" "$done"
both "     $visited answers of sites in $((SECONDS - t0)) s"
