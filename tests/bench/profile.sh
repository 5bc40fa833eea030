# shellcheck shell=bash
# Where the time of each command goes: shares by program, library and kernel, and the functions that take most, sampled
# by perf (the CPU clock, which every machine has); instructions by callgrind. Source it from bench.sh.
# shellcheck disable=SC2154 # bench.sh has them
profile() { # profile SITES
  local n=$1 root=$dir/root-$1 a=$dir/$1.yaml b=$dir/$1-changed.yaml
  command -v perf >/dev/null || { echo "perf is not installed (Debian: linux-perf)" >&2; exit 1; }
  "$here/workload.sh" "$n" >"$a"
  "$here/workload.sh" "$n" $((n / 2)) >"$b"
  bare_root "$root"
  profile_one "first apply" 1 apply --yes --root "$root" "$a"
  sleep 1
  profile_one "plan, nothing changed (a glance)" 40 apply --plan --root "$root" "$a"
  profile_one "plan --verify" 10 apply --plan --verify --root "$root" "$a"
  profile_one "plan of a change" 10 apply --plan --root "$root" "$b"
  profile_one "apply of a change" 1 apply --yes --root "$root" "$b"
  sleep 1
  profile_one "drift, nothing changed (a glance)" 40 drift --root "$root"
  profile_one "status" 40 status --root "$root"
  profile_one "history" 40 history --root "$root"
  profile_one "show" 40 show 1 --root "$root"
}
most() { awk -v most="${CITRUS_BENCH_LINES:-14}" 'NR <= most {sub(/ +- +- *$/, ""); print}'; }
profile_one() { # profile_one TITLE RUNS ARG...
  local title=$1 runs=$2
  shift 2
  printf '\n== %s, %d sites: citrus %s\n' "$title" "$n" "$1"
  perf record -q -F 10000 -e cpu-clock -o "$dir/perf" -- "$clock" "$runs" "$citrus" "$@" >/dev/null 2>"$dir/log" ||
    { cat "$dir/log" >&2; exit 1; }
  perf report -i "$dir/perf" --stdio --sort comm,dso -g none 2>/dev/null |
    awk '$2 == "citrus" {sum += $1; share[++n] = $1; where[n] = $3} END {for (i = 1; i <= n; i++) printf "  %.1f%% %s", share[i] * 100 / sum, where[i]; print ""}'
  perf report -i "$dir/perf" --stdio --comm citrus --percentage relative --sort symbol -g none 2>/dev/null | awk '/%/ {print "  " $0}' | most
  rm -f "$dir/perf"
  case $* in
  "apply --yes"*) ;; # another run of it is another thing
  *)
    for _ in 1 2; do # valgrind is another program: no glance of the plain one's is taken
      valgrind --tool=callgrind --callgrind-out-file="$dir/calls" "$citrus" "$@" >/dev/null 2>"$dir/log" || true
    done
    awk '/Collected/ {printf "  %.1f million instructions; of these, with all that is called from there:\n", $NF / 1e6}' "$dir/log"
    callgrind_annotate --inclusive=yes --threshold=97 "$dir/calls" 2>/dev/null | grep -E '\[.*citrus\]' |
      grep -vE 'below main|main\.c:main|cli\.c:(cli_main|run_command)' |
      sed -E 's/^ *//; s/ \[[^]]*\]//; s,[^ ]*/src/,,; s/^/  /' | most
    ;;
  esac
}
