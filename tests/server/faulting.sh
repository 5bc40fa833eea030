# shellcheck shell=bash
# What cases of faults share. Source case.sh first. A fault is brought about, an apply meets it, and:
#   fault NAME EXIT TEXT HINT [VAR=VALUE...]   `citrus apply --yes` ends with EXIT, says TEXT and, as what to do next,
#                       HINT; the server's whole state is then what `before` kept. Without the fault:
#   stuck NAME WORDS...     what was done cannot be taken back: it ends with 5 and says these; a recover, too, as long as
#                       the fault is there; unstuck: then `citrus recover` brings back what `before` kept
#   planned NAME        the plan is the one that `before_plan` kept: nothing has to be recovered
#   mended NAME         the next apply succeeds, has nothing to recover, and leaves nothing to do
#   faults_told         the closing line: N faults, N held
# A fault held when none of its checks failed, those of planned and mended after it included.
FAULTS=0 HELD=0 BROKEN=''
eval "plain_$(declare -f fail)"
fail() {
  BROKEN=yes
  plain_fail "$@"
}

# Like `state`, for which there is no time twice a fault: content below /var/www by size and time alone, MariaDB in one
# question. Not what a run keeps for the next one (downloads, trash), nor since when services run: a run that is taken
# back restarts some.
fault_state() {
  guest bash -s <<'END'
set -euo pipefail
export skip='^/(etc/citrus/server\.yaml|etc/(passwd|group|shadow|gshadow|subuid|subgid)-|etc/(\.pwd\.lock|mtab|ld\.so\.cache)|var/lib/citrus/(store\.db|lock|secret\.key|artifacts|trash|undo|filler)|var/lib/citrus$)'
export loose='^/etc/((passwd|group|shadow|gshadow|subuid|subgid)$|rc[0-9S]\.d/|systemd/system/)'
find /etc /var/www /var/lib/citrus \( -path '/var/www/*/logs/*' -o -path '/var/www/*/tmp/*' -o -path '/var/www/*/sessions/*' \) -prune -o -printf '%p\t%y\t%m\t%u:%g\t%s\t%T@\t%l\n' |
  awk -F'\t' '$1 ~ ENVIRON["skip"] {next} $2 == "d" {$5 = "-"; $6 = "-"} $1 ~ ENVIRON["loose"] {$6 = "-"} {print "file", $1, $2, $3, $4, $5, $6, $7}' | sort
find /etc -type f -print0 | xargs -0 sha256sum | awk '$2 ~ ENVIRON["skip"] || $2 ~ ENVIRON["loose"] {next} {print "content", $2, $1}' | sort -k2
sort /etc/passwd /etc/group /etc/shadow /etc/gshadow | sed 's/^/account /'
dpkg-query -W -f 'package ${Package} ${Version} ${db:Status-Abbrev}\n'
systemctl list-unit-files --type=service,timer,socket --no-legend --no-pager | awk '$2 ~ /^(enabled|disabled|masked)$/ {print "unit", $1, $2}' | sort
echo "active $(systemctl is-active nginx php8.2-fpm mariadb | tr '\n' ' ')"
mariadb -NBe 'select "database", schema_name, default_character_set_name from information_schema.schemata order by 2;
  select "table", table_schema, table_name from information_schema.tables where table_schema not in ("information_schema", "sys", "performance_schema", "mysql") order by 2, 3;
  select "user", user, host, authentication_string from mysql.user order by 2, 3; select "grant", d.* from mysql.db d order by 2, 3, 4'
find /var/cache/citrus \( -name '*~' -o -name '*.new' -o -name '*.part' \) 2>/dev/null || true
END
}
before() { fault_state >"$TMP/before"; }
before_plan() {
  run citrus apply --plan
  printf '%s\n' "$OUT" >"$TMP/plan"
}
fault_over() {
  [ "$FAULTS" = 0 ] || [ -n "$BROKEN" ] || HELD=$((HELD + 1))
  BROKEN=''
}
fault() {
  local name=$1 want=$2 text=$3 hint=$4
  shift 4
  fault_over
  FAULTS=$((FAULTS + 1))
  step "$name"
  exit_is "$name: exit status" "$want" env "$@" citrus apply --yes
  has "$name: it says what it met" "$text" "$OUT"
  has "$name: and what to do next" "$hint" "$(printf '%s\n' "$OUT" | grep hint: || true)"
  fault_state >"$TMP/now"
  same_state "$name: all is as before" "$TMP/before" "$TMP/now"
}
stuck() { # stuck NAME WORDS... [-- VAR=VALUE...]
  local words=()
  fault_over
  FAULTS=$((FAULTS + 1)) STUCK=$1
  shift
  step "$STUCK"
  while [ $# -gt 0 ] && [ "$1" != -- ]; do words+=("$1"); shift; done
  [ $# = 0 ] || shift
  exit_is "$STUCK: exit status" 5 env "$@" citrus apply --yes
  for w in "${words[@]}"; do has "$STUCK: says \"$w\"" "$w" "$OUT"; done
  exit_is "$STUCK: a recover is, too" 5 env "$@" citrus recover
}
unstuck() {
  exit_is "$STUCK: without the fault recover takes it back" 0 citrus recover
  fault_state >"$TMP/now"
  same_state "$STUCK: all is as before" "$TMP/before" "$TMP/now"
}
planned() {
  run citrus apply --plan
  is "$1: the next plan is the same" "$(cat "$TMP/plan")" "$OUT"
}
mended() {
  exit_is "$1: without the fault the next apply succeeds" 0 citrus apply --yes
  hasnt "$1: and had nothing to recover" "interrupted" "$OUT"
  exit_is "$1: nothing is left to do" 0 citrus apply --plan --detailed-exitcode
}
faults_told() {
  fault_over
  both "     $FAULTS faults, $HELD held"
  [ "$FAULTS" = "$HELD" ]
}
