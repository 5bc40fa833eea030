# shellcheck shell=bash
# A neighbour who asks this case's server for pages at a steady rate (load.c). Source case.sh first.
#   load RATE [new:]URL...   begins; `new:` has a connection of its own for each request
#   end_load                 ends it, and waits for what is under way: ASKED, REFUSED; the log says which
#   loaded NAME RATE         checks that none was refused, and that there was a load: a tenth of RATE at least
LOAD_PID='' ASKED=0 REFUSED=0 LOAD_MS=0
load() {
  guest sh -c 'cat /etc/citrus/tls/*.*/fullchain.pem' </dev/null >"$TMP/load.pem"
  ip netns exec "$LAB_SWITCH" "$LAB_TOP/build/tests/server/load" "$1" "$(lab_ip "$HOST")" "$TMP/load.pem" "${@:2}" </dev/null >"$TMP/load" 2>&1 &
  LOAD_PID=$!
}
end_load() {
  local bad slowest seconds
  kill -TERM "$LOAD_PID"
  wait "$LOAD_PID" || true
  read -r _ ASKED _ bad _ slowest _ _ seconds _ < <(tail -1 "$TMP/load") || true
  REFUSED=$(grep -c '^BAD' "$TMP/load" || true)
  [ "$REFUSED" = "$bad" ] || fail "the load counted" "$(tail -3 "$TMP/load")"
  LOAD_MS=$(awk -v s="$seconds" 'BEGIN {print int(s * 1000)}')
  both "     $CASE: $ASKED requests in $seconds s ($((ASKED * 1000 / (LOAD_MS + 1))) a second), $REFUSED of them refused, the slowest took $slowest ms; load average $(cut -d' ' -f1 /proc/loadavg)"
  grep '^BAD' "$TMP/load" | head -40 || true
}
loaded() {
  is "$1: no request was refused" "" "$(grep '^BAD' "$TMP/load" || true)"
  # a machine that others keep busy answers fewer, and the figure is printed; a load it must be all the same
  is "$1: there was a load" yes "$([ $((ASKED * 1000)) -ge $(($2 * LOAD_MS / 10)) ] && echo yes || echo "$ASKED in $LOAD_MS ms")"
}
