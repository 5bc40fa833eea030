# shellcheck shell=bash
# A neighbour who asks this case's server for pages at a steady rate (load.c). Source case.sh first.
#   load RATE [new:|h2:]URL...   begins; `new:` has a connection of its own for each request, `h2:` too, and speaks HTTP/2
#   end_load                     ends it, and waits for what is under way: ASKED, REFUSED; the log says which
#   loaded NAME RATE             checks that each was answered, and that they came at that rate, or as fast as the server
#                                answered, where that was less
# A manifest is `manifest FILE "${PATIENT[@]}"` with it: what a busy machine needs longer for is nobody's fault here.
# shellcheck disable=SC2034
PATIENT=(-e 's/^    tls: {issuer: self-signed}/&\n    health: {timeout: 60s}/')
LOAD_PID='' ASKED=0 REFUSED=0 HELD=0 LOAD_MS=0
load() {
  guest sh -c 'cat /etc/citrus/tls/*.*/fullchain.pem' </dev/null >"$TMP/load.pem"
  ip netns exec "$LAB_SWITCH" "$LAB_TOP/build/tests/server/load" "$1" "$(lab_ip "$HOST")" "$TMP/load.pem" "${@:2}" </dev/null >"$TMP/load" 2>&1 &
  LOAD_PID=$!
}
end_load() {
  local answered again p50 p99 slowest seconds
  kill -TERM "$LOAD_PID"
  wait "$LOAD_PID" || true
  read -r _ ASKED _ answered _ REFUSED _ again _ HELD _ p50 _ _ p99 _ _ slowest _ _ seconds _ < <(tail -1 "$TMP/load") || true
  if [ $((answered + REFUSED)) != "$ASKED" ] || [ "$(grep -c '^BAD' "$TMP/load" || true)" != "$REFUSED" ]; then fail "the load counted" "$(tail -3 "$TMP/load")"; fi
  LOAD_MS=$(awk -v s="$seconds" 'BEGIN {print int(s * 1000)}')
  both "     $CASE: $ASKED requests in $seconds s, $answered answered, $REFUSED refused, $again asked again, $HELD held back; half within $p50 ms, 99 of 100 within $p99 ms, the slowest in $slowest ms; load average $(cut -d' ' -f1 /proc/loadavg)"
  grep '^BAD' "$TMP/load" | head -40 || true
}
loaded() {
  is "$1: no request was refused" "" "$(grep '^BAD' "$TMP/load" || true)"
  # the clock asks, not the server; where the machine has more to do than it can, one in fifty may come too late
  is "$1: $2 a second were asked" yes "$([ $(((ASKED + HELD + 2) * 1000 * 50)) -ge $(($2 * LOAD_MS * 49)) ] && [ "$ASKED" -gt 0 ] && echo yes || echo "$ASKED and $HELD in $LOAD_MS ms")"
}
