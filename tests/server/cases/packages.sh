#!/bin/bash
# dpkg's own words are not enough: a held package, one that was left half-way, one that is gone.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"

boot stack
put /etc/citrus/server.yaml <<END
citrus: 1
server:
  name: web-01
  packages: {present: [htop, rsync], absent: [strace], hold: [rsync]}
sites: {}
END
exit_is "apply" 0 citrus apply --yes
is "htop is there" "ii " "$(guest dpkg-query -W -f '${db:Status-Abbrev}' htop)"
is "rsync is held" "hi " "$(guest dpkg-query -W -f '${db:Status-Abbrev}' rsync)"
is "strace is gone" "" "$(guest dpkg-query -W -f '${db:Status-Abbrev}' strace 2>/dev/null | grep '^i' || true)"
exit_is "nothing is left to do" 0 citrus apply --plan --detailed-exitcode

mends() { # mends NAME PACKAGE WANT CMD...
  local name=$1 package=$2 want=$3
  shift 3
  step "$name"
  exit_is "$name: brought about" 0 "$@"
  run citrus drift
  has "$name: drift names it" "$package" "$OUT"
  exit_is "$name: apply" 0 citrus apply --yes
  is "$name: mended" "$want" "$(guest dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null)"
  exit_is "$name: nothing is left" 0 citrus apply --plan --detailed-exitcode
}
deb='$(find /srv/mirror -name "htop_*.deb")'
mends "a package removed" htop "ii " apt-get remove -y -q htop
mends "a package unpacked and not configured" htop "ii " sh -c "dpkg --unpack $deb && dpkg-query -W -f '\${db:Status-Abbrev}' htop | grep -q iU"
mends "a package that dpkg wants reinstalled" htop "ii " sh -c \
  "sed -i '/^Package: htop\$/,/^\$/s/^Status: .*/Status: install reinstreq half-installed/' /var/lib/dpkg/status"
mends "a hold taken off" rsync "hi " apt-mark unhold rsync
mends "an unwanted package installed" strace "un " sh -c 'apt-get install -y -q strace'

step "a package that no source has"
put /etc/citrus/server.yaml <<END
citrus: 1
server:
  name: web-01
  packages: {present: [htop, rsync, no-such-package], hold: [rsync]}
sites: {}
END
state >"$TMP/a"
run citrus apply --yes
is "it is refused or undone" yes "$([ "$RC" = 1 ] || [ "$RC" = 3 ] && echo yes || echo "exit $RC")"
has "it is named" no-such-package "$OUT"
state >"$TMP/b"
same_state "nothing else was done" "$TMP/a" "$TMP/b"
