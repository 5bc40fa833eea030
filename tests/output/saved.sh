#!/bin/bash
# saved.sh CITRUS: `apply --plan --out PATH` replaces regular files alone. A link is followed, and what is no regular
# file stays what it is.
set -euo pipefail
citrus=$1
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/output/small.sh
. "$here/small.sh"

save() { # save PATH: prints the exit status; what is said is in $dir/said. Whoever waits for a fifo is ended.
  local status=0
  timeout 60 "$citrus" apply --plan --root "$root" --out "$1" "$dir/m.yaml" >"$dir/said" 2>&1 || status=$?
  echo $status
}
is_plan() { # is_plan FILE
  head -c 64 "$1" 2>/dev/null | grep -q citrus_plan && echo yes || echo no
}
refusal() { # refusal PATH
  printf 'citrus: %s: the plan cannot be saved: that is no regular file\n  hint: name a regular file' "$1"
}

mkfifo "$dir/fifo"
mkdir "$dir/directory"
ln -s fifo "$dir/to-fifo"
for what in fifo directory to-fifo; do
  is "$what is refused" 1 "$(save "$dir/$what")"
  is "$what is named" "$(refusal "$dir/$what")" "$(cat "$dir/said")"
done
is "a fifo stays one" fifo "$(stat -c %F "$dir/fifo")"
is "nothing was begun before" no "$([ -e "$root/var/lib/citrus" ] && echo yes || echo no)"

mkdir "$dir/plans"
echo old >"$dir/plans/there"
ln -s plans/there "$dir/link"
is "a link is followed" 0 "$(save "$dir/link")"
is "the link is still one" plans/there "$(readlink "$dir/link")"
is "what it leads to is the plan" yes "$(is_plan "$dir/plans/there")"
is "nothing else is left there" there "$(ls -A "$dir/plans")"

ln -s plans/later "$dir/first"
ln -s "$dir/first" "$dir/second"
is "links may lead to what is not there yet" 0 "$(save "$dir/second")"
is "both are still links" "$dir/first plans/later" "$(readlink "$dir/second") $(readlink "$dir/first")"
is "the plan is at their end" yes "$(is_plan "$dir/plans/later")"

ln -s round "$dir/round"
is "links in a circle are refused" 1 "$(save "$dir/round")"

echo old >"$dir/file"
is "a regular file is replaced" 0 "$(save "$dir/file")"
is "by the plan" yes "$(is_plan "$dir/file")"
is "for its owner alone" 600 "$(stat -c %a "$dir/file")"

counted
