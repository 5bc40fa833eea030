# shellcheck shell=bash
# What a case in tests/server/cases/ sources. A case is a program that boots a server, does something to
# it and says what must hold:
#   boot LAYER              boot this case's own server on a frozen disk (base, stack, site), citrus put in
#   guest CMD...            run CMD inside; output, standard input and exit status are its own
#   run CMD...              the same, kept: $OUT has the output, $RC the status; both go to the log
#   manifest FILE [SED-ARG...]  that manifest, edited by sed, with the lab's sources, as /etc/citrus/server.yaml
#   is NAME WANT GOT        equal          has/hasnt NAME NEEDLE TEXT   contained or not
#   exit_is NAME N CMD...   run CMD inside and hold its exit status against N
#   same_state NAME A B [REGEX]     two listings of `state` are equal, but for the times of what matches REGEX
#   fetch URL [CURL-ARG...]  what the server answers a neighbour; state, reboot, crash: see below
# Checks go to file descriptor 3 as `ok   case: name` or `FAIL case: name`, all else to the log.
# shellcheck source=tests/server/lab.sh
. "$(dirname "${BASH_SOURCE[0]}")/lab.sh"
lab_init

CASE=${CITRUS_CASE:-$(basename "$0" .sh)}
HOST=$CASE
LOGS=${CITRUS_TEST_LOGS:-$LAB/log/cases}
TMP=$LAB/run/case-$CASE
OUT='' RC=0 CHECKS=0
export LAB_OWNER=$$
mkdir -p "$LOGS"
rm -rf "$TMP"
mkdir -p "$TMP"
# Run by hand, a case shows its checks and leaves the rest in the log, as under run.sh.
{ true >&3; } 2>/dev/null || exec 3>&1 >"$LOGS/$CASE.log" 2>&1

finish() {
  local rc=$?
  trap - EXIT
  trap '' PIPE TERM INT # whoever read the checks may be gone; the server must go down all the same
  if [ $rc != 0 ]; then
    echo "FAIL $CASE: the case itself ended early with status $rc" >&3
  elif [ $CHECKS = 0 ]; then
    echo "FAIL $CASE: the case checked nothing" >&3
    rc=1
  fi
  if [ -z "${CITRUS_KEEP:-}" ]; then lab_down "$HOST" </dev/null; else echo "$HOST stays up: $(dirname "${BASH_SOURCE[0]}")/lab.sh exec $HOST bash" >&3; fi
  rm -rf "$TMP"
  exit $rc
}
trap finish EXIT
trap 'exit 130' INT TERM

step() { printf '\n=== [%(%T)T] %s\n' -1 "$*"; }
both() { echo "$1"; echo "$1" >&3; } # log and shown
pass() { CHECKS=$((CHECKS + 1)); both "ok   $CASE: $1"; }
fail() { # fail NAME DETAIL: the whole detail is in the log, its beginning is shown at once
  CHECKS=$((CHECKS + 1))
  both "FAIL $CASE: $1"
  printf '%s\n' "$2"
  printf '%s\n' "$2" | sed -n '1,15s/^/       /p' >&3
}

is() { if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "want: $2"$'\n'"got:  $3"; fi; }
has() { case $3 in *"$2"*) pass "$1" ;; *) fail "$1" "want in it: $2"$'\n'"got: $3" ;; esac; }
hasnt() { case $3 in *"$2"*) fail "$1" "must not be in it: $2"$'\n'"got: $3" ;; *) pass "$1" ;; esac; }

boot() {
  step "boot on $1"
  lab_layer "$1"
  lab_down "$HOST"
  lab_up "$HOST" "$1"
  if [ "$CASE" != lab ]; then lab_program "$HOST"; fi
}
program() { lab_program "$HOST" "$LAB_TOP/$1"; } # another build of citrus
reboot() { lab_reboot "$HOST"; }
guest() { lab_exec "$HOST" "$@"; }
run() {
  echo "\$ $*"
  RC=0
  OUT=$(guest "$@" 2>&1 </dev/null) || RC=$?
  printf '%s\n' "$OUT"
  [ $RC = 0 ] || echo "(exit $RC)"
}
background() { guest systemd-run --quiet --collect --unit=case-background "$@"; } # one at a time
end_background() { guest systemctl stop case-background 2>/dev/null || true; }
exit_is() {
  local name=$1 want=$2
  shift 2
  run "$@"
  if [ "$RC" = "$want" ]; then pass "$name"; else fail "$name" "want exit $want, got $RC from: $*"$'\n'"$(printf '%s\n' "$OUT" | tail -14)"; fi
}

put() { # put PATH [MODE]: standard input becomes that file inside
  cat >"$TMP/put"
  chmod "${2:-644}" "$TMP/put"
  lab_copy "$HOST" "$TMP/put" "$1"
}
# shellcheck disable=SC2034 # the cases use it
SITE=$LAB_TOP/tests/server/site.yaml # the manifest of the layer `site`
manifest() {
  local f=$1
  shift
  lab_manifest "$f" >"$TMP/manifest"
  [ $# = 0 ] || sed "$@" -i "$TMP/manifest"
  put /etc/citrus/server.yaml <"$TMP/manifest"
}

fetch() { # every name is this server's; its certificate must be the one that it keeps for that name
  local url=$1 name ca=()
  shift
  name=${url#*://}
  name=${name%%[/:]*}
  if guest cat "/etc/citrus/tls/$name/fullchain.pem" >"$TMP/ca.pem" 2>/dev/null </dev/null; then ca=(--cacert "$TMP/ca.pem"); fi
  lab_outside curl -sS -m 60 "${ca[@]}" --resolve "$name:443:$(lab_ip "$HOST")" --resolve "$name:80:$(lab_ip "$HOST")" "$@" "$url" 2>&1 || echo "curl failed with $?"
}
status_of() { fetch "$1" -o /dev/null -w '%{http_code}' "${@:2}"; }

sql() { guest mariadb -NBe "$1" </dev/null; }
site_user() { guest stat -c %G "/var/www/$1" </dev/null; }

# The managed state of the server, one line a thing, for comparing byte for byte: files with mode, owner,
# time and content; accounts, databases, users and grants, units. What a server writes by living is left
# out: the manifest itself, content of logs, sessions and temporary files, the store (it records that something was tried),
# and the previous copies (passwd-, ...) that the account tools leave beside the files they rewrite; of
# those files, which any account tool replaces whole, and of directories, the time is left out.
state() {
  guest bash -s <<'END'
set -euo pipefail
cd /
export skip='^/(etc/citrus/server\.yaml|etc/(passwd|group|shadow|gshadow|subuid|subgid)-|etc/(\.pwd\.lock|mtab|machine-id|ld\.so\.cache)|var/lib/citrus/(store\.db|lock|store|secret\.key)|var/lib/citrus$)'
export loose='^/etc/(passwd|group|shadow|gshadow|subuid|subgid)$'
trees=(/etc)
for t in /var/www /var/lib/citrus; do [ ! -d $t ] || trees+=($t); done
find "${trees[@]}" \( -path '/var/www/*/logs/*' -o -path '/var/www/*/tmp/*' -o -path '/var/www/*/sessions/*' \) -prune -o -printf '%p\t%y\t%m\t%u:%g\t%s\t%T@\t%l\n' |
  awk -F'\t' '$1 ~ ENVIRON["skip"] {next} $2 == "d" {$5 = "-"; $6 = "-"} $1 ~ ENVIRON["loose"] {$6 = "-"} {print "file", $1, $2, $3, $4, $5, $6, $7}' | sort >/tmp/state.files
find "${trees[@]}" \( -path '/var/www/*/logs/*' -o -path '/var/www/*/tmp/*' -o -path '/var/www/*/sessions/*' \) -prune -o -type f -print0 |
  xargs -0 sha256sum | awk '$2 ~ ENVIRON["skip"] {next} {print "content", $2, $1}' | sort >/tmp/state.content
cat /tmp/state.files /tmp/state.content
rm -f /tmp/state.files /tmp/state.content
getent passwd | sed 's/^/passwd /' | sort
getent group | sed 's/^/group /' | sort
if systemctl is-active -q mariadb; then
  mariadb -NBe 'select "database", schema_name, default_character_set_name, default_collation_name from information_schema.schemata order by 2'
  mariadb -NBe 'select "table", table_schema, table_name from information_schema.tables where table_schema not in ("information_schema", "sys", "performance_schema", "mysql") order by 2, 3'
  mariadb -NBe 'select "user", user, host, plugin, authentication_string from mysql.user order by 2, 3'
  mariadb -NBe 'select concat("show grants for ", quote(user), "@", quote(host)) from mysql.user where user <> "" and is_role = "N" order by user, host' |
    while read -r q; do mariadb -NBe "$q" 2>/dev/null </dev/null | sort | sed 's/^/grant /'; done
fi
systemctl list-unit-files --type=service,timer,socket --no-legend --no-pager | awk '$2 ~ /^(enabled|disabled|masked)$/ {print "unit", $1, $2}' | sort
for u in nginx php8.2-fpm mariadb redis-server fail2ban ssh cron; do
  printf 'running %s %s %s\n' $u "$(systemctl is-active $u || true)" "$(systemctl show -p ActiveEnterTimestampMonotonic --value $u)"
done
dpkg-query -W -f 'package ${Package} ${Version} ${db:Status-Abbrev}\n' | sed 's/ $//'
END
}
same_state() {
  local d
  d='$1 == "file" && $2 ~ ENVIRON["re"] {$7 = "-"} $1 == "running" && $2 ~ ENVIRON["re"] {$4 = "-"} {print}'
  d=$(export re="${4:-^$}"; diff <(awk "$d" "$2") <(awk "$d" "$3") || true)
  if [ ! -s "$2" ] || [ ! -s "$3" ]; then d="a listing is empty: $(wc -l "$2" "$3")"; fi
  if [ -z "$d" ]; then pass "$1"; else fail "$1" "$d"; fi
}
