# shellcheck shell=bash
# The results of the sweep as docs/sweep.md has them. For sweep.sh; source sweeping.sh first.
#   sweep_lines                        the last result of each point there is
#   sweep_missing PART EVERY [STEP]    its points without a good result, from step STEP on
#   sweep_table                        the page: of the sweep, and of the power cuts (powercut.sh), of what was run

# shellcheck disable=SC2154 # sweep_parts is of sweep-manifests.sh
sweep_measured() { for part in "${sweep_parts[@]}"; do [ ! -s "$SWEEP_DATA/$part.steps" ] || echo "$part"; done; }

# A result belongs to a point when part and number are the same; its step is what was found there when it was killed.
sweep_expected() { # sweep_expected PART: part, N, mode, step, side of each of its points
  sweep_points "$1" | awk -v part="$1" -v OFS='\t' 'FILENAME == ARGV[1] {split($0, f, "\t"); if (f[1] > 0) {what[f[1]] = f[2]; side[f[1]] = f[3]}; next}
    {print part, $1, $2, what[$1], side[$1]}' "$SWEEP_DATA/$1.steps" -
}
sweep_lines() {
  local part
  touch "$SWEEP_RESULTS"
  while read -r part; do sweep_expected "$part"; done < <(sweep_measured) |
    awk -F'\t' 'FILENAME == ARGV[1] {line[$1, $2] = $0; next} ($1, $2) in line {print line[$1, $2]}' "$SWEEP_RESULTS" -
}
sweep_missing() {
  touch "$SWEEP_RESULTS"
  sweep_expected "$1" | awk -F'\t' -v every="$2" -v from="${3:-0}" '
    FILENAME == ARGV[1] {good[$1, $2] = $6 == "yes"; next}
    FNR % every == 0 && $2 >= from && !good[$1, $2] {print $2, $3}' "$SWEEP_RESULTS" -
}

sweep_row() { echo "| $1 | $(wc -l <"$TMP/row") | $(grep -c $'\tyes\told\t' "$TMP/row" || true) | $(grep -c $'\tyes\tnew\t' "$TMP/row" || true) | $(awk -F'\t' '$6 != "yes"' "$TMP/row" | wc -l) |"; }

# When, with which source and on what: kept beside results, which may be older than their table.
sweep_when() {
  echo "Run on $(date -u +%F) with $(git -C "$LAB_TOP" log -1 --format=%h 2>/dev/null || echo 'an exported tree') on $(nproc) processors ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)), Linux $(uname -r | cut -d- -f1)."
}

cut_row() { # cut_row NAME FIELD VALUE
  awk -F'\t' -v name="$1" -v f="$2" -v v="$3" '$f == v {n++; if ($4 != "yes") bad++; else if ($5 ~ /^old/) old++; else new++}
    END {if (n) printf "| %s | %d | %d | %d | %d |\n", name, n, old, new, bad}' "$SWEEP_DATA/cuts"
}
cut_table() {
  local name
  [ -s "$SWEEP_DATA/cuts" ] || return 0
  cat <<'PAGE'

## Power cuts

An apply runs on a server with a disk of its own (ext4). At a random moment the disk takes nothing any more, as at a
loss of power: what was not synced is lost. The machine is gone, and boots from what the disk holds. What brings it
back is citrus-recover.service at the boot, or, with that switched off, `citrus recover` or the next apply. Then the
state is held against that before, as above; where it is not that, the plan has to be empty, and where the apply had
ended before the cut, it must be new. `install` is of MariaDB, PHP and nginx on a server without them: what dpkg was
at is taken back, and the apply that follows has to come to its end, with all services up.

PAGE
  cat "$SWEEP_DATA/cuts-when"
  echo
  printf '| what is applied | cuts | old | new | not recovered |\n|---|---|---|---|---|\n'
  while IFS= read -r name; do cut_row "$name" 1 "$name"; done < <(cut -f1 "$SWEEP_DATA/cuts" | awk '!seen[$0]++')
  printf '\n| recovered by | cuts | old | new | not recovered |\n|---|---|---|---|---|\n'
  cut_row "the boot" 6 boot
  cut_row "citrus recover" 6 recover
  cut_row "the next apply" 6 apply
  printf '\n%s of them found a transaction open.\n' "$(grep -c 'transaction.*interrupted' "$SWEEP_DATA/cuts" || true)"
  awk -F'\t' '$4 == "yes" {ok++} END {printf "\n**%d cuts, %d recovered.**\n", NR, ok}' "$SWEEP_DATA/cuts"
}

sweep_table() {
  local part name points all good
  sweep_lines >"$TMP/lines"
  all=$(while read -r part; do sweep_points "$part"; done < <(sweep_measured) | wc -l)
  points=$(wc -l <"$TMP/lines")
  good=$(awk -F'\t' '$6 == "yes"' "$TMP/lines" | wc -l)
  cat <<'PAGE'
# The crash sweep

<!-- Written by ./run sweep; do not edit. -->

An apply is killed (SIGKILL) at each moment between two changes that it makes: file operations, SQL statements,
processes, units, packages, commits of the journal. Right after one change and right before the next is one moment,
since all that changes something is counted as a step (a test holds that); in turn it is the one or the other that
kills. Where files are copied or removed one by one, 60 and more below one directory, the first and last five moments
are taken, and every 301st.

Then `citrus recover` runs, or the next apply, which recovers by itself; or a recover that is killed as well, and a
second one. After that the whole managed state is held, line by line, against that from before: files with mode,
owner, time, content and links, accounts, schemas, rows, users and grants, packages, units, the store. The next plan
has to be the first one again. At the end of an apply, or where the next apply goes on, the new state is held against
that of a whole apply (without what is random), and the next plan has to be empty. Which of the two it is, `recover`
has said.

PAGE
  cat "$SWEEP_DATA/when"
  if [ "$points" = "$all" ]; then echo "All points were run."; else echo "$points of $all points were run."; fi
  printf '\n| what is applied | steps | moments taken | run | old | new | not recovered |\n|---|---|---|---|---|---|---|\n'
  while read -r part; do
    awk -F'\t' -v p="$part" '$1 == p' "$TMP/lines" >"$TMP/row"
    echo "| $part | $(awk '$1 > 0' "$SWEEP_DATA/$part.steps" | wc -l) | $(sweep_points "$part" | wc -l) $(sweep_row '' | sed 's/^| *//; s/^|/|/')"
  done < <(sweep_measured)
  printf '\n| killed at | points | old | new | not recovered |\n|---|---|---|---|---|\n'
  while IFS= read -r name; do
    awk -F'\t' -v n="$name" '$4 == n' "$TMP/lines" >"$TMP/row"
    sweep_row "$name"
  done < <(cut -f4 "$TMP/lines" | sort -u)
  printf '\n| recovered by | points | old | new | not recovered |\n|---|---|---|---|---|\n'
  for name in recover apply twice through; do
    awk -F'\t' -v n="$name" '$3 == n' "$TMP/lines" >"$TMP/row"
    sweep_row "$name"
  done
  printf '\nKinds and what was done to them: %s.\n' "$(sort "$SWEEP_DATA"/*.kinds | awk '{if ($1 != last) {printf "%s%s", last ? "; " : "", $1; last = $1; sep = " "} if (!seen[$0]++) {printf "%s%s", sep, $2; sep = ", "}}')"
  printf '\nNot reached by these applies and their recovery:\n\n'
  for name in "${!SWEEP_BEYOND[@]}"; do echo "- \`$name\`: ${SWEEP_BEYOND[$name]}"; done | sort
  for name in "${!SWEEP_NEVER[@]}"; do echo "- $name: ${SWEEP_NEVER[$name]}"; done | sort
  awk -F'\t' '{s += $8} END {if (NR) printf "\n%.1f s a point.\n", s / NR}' "$TMP/lines"
  printf '\n**%s points, %s recovered.**\n' "$points" "$good"
  cut_table
}
