#!/bin/bash
# A sample of the power cuts (./run powercut is the whole): six, which move on with the day. CITRUS_CUT_SEED=N takes
# those of N. The fast applies are in it in turn, and every third day one of packages.
# shellcheck source=tests/server/case.sh
. "$(dirname "$0")/../case.sh"
# shellcheck source=tests/server/powercuts.sh
. "$(dirname "$0")/../powercuts.sh"

seed=${CITRUS_CUT_SEED:-$(($(date +%s) / 86400))}
both "the sample of CITRUS_CUT_SEED=$seed"
cut_tell() {
  local part ms at ok why by
  IFS=$'\t' read -r part ms at ok why by _ <<<"${1//$'\t\t'/$'\t-\t'}"
  if [ "$ok" = yes ]; then
    pass "$part, cut after $ms ms, at $at: $why, by $by"
  else
    fail "$part, cut after $ms ms, at $at, by $by; CITRUS_CUT_SEED=$seed does it again" "$why"
  fi
}
parts=(packages server core mariadb site change remove make)
for i in 0 3; do cut_some "${parts[(seed + i) % 8]}" 3 $((seed + i)); done
