#!/bin/bash
# Runs the cases of tests/server/cases/ (or those named), two at a time, each on a server of its own.
#   tests/server/run.sh [--prepare] [NAME...]     --prepare: only build the layers the cases boot from
# A line per check as it passes or fails, the log of each case that failed, then `N passed, N failed`.
# CITRUS_FAILURES names a file for what failed. CITRUS_KEEP=1 leaves the servers up to look around in.
# shellcheck source=tests/server/lab.sh
. "$(dirname "$0")/lab.sh"
lab_init
export LAB_OWNER=$$
cd "$(dirname "$0")"
export CITRUS_TEST_LOGS=${CITRUS_TEST_LOGS:-$LAB/log/cases}
JOBS=${CITRUS_TEST_JOBS:-2}
BY_NAME=""
mkdir -p "$CITRUS_TEST_LOGS"

# Two runs on one machine would boot hosts of the same names.
exec 7>"$LAB/run/run.lock"
flock -n 7 || { lab_say "another run holds this lab; waiting for it"; flock 7; }

if [ "${1:-}" = --prepare ]; then ./lab.sh prepare 7>&-; exit; fi

names=("$@")
if [ ${#names[@]} = 0 ]; then
  # the long ones first, so that the end of the run is not one case alone
  for f in random sweep fresh drift30 faults-services confirm crash cases/*.sh; do
    n=$(basename "$f" .sh)
    case " ${names[*]} " in *" $n "*) continue ;; esac
    # By name only (`./run server NAME`), until they were seen to hold on a quiet machine, all of them, in time.
    case " $BY_NAME " in *" $n "*)
      [ -n "${CITRUS_ALL_CASES:-}" ] || { echo "$n: not in this run, it was not seen to hold everywhere yet; ./run server $n does it"; continue; } ;;
    esac
    names+=("$n")
  done
fi
for n in "${names[@]}"; do [ -e "cases/$n.sh" ] || lab_die "no case is called $n"; done

pids=()
stop() { # each case takes its own server down when it is told to end
  trap - INT TERM
  for p in "${pids[@]}"; do kill -TERM "$p" 2>/dev/null || true; done
  wait
  lab_net_down
  exit 130
}
trap stop INT TERM

./lab.sh prepare 7>&- || { echo "FAIL lab: the layers could not be made"; echo "0 passed, 1 failed"; exit 1; }

t0=$SECONDS
checks=$LAB/run/checks
rm -rf "$checks"
mkdir "$checks"
for n in "${names[@]}"; do
  while [ "$(jobs -pr | wc -l)" -ge "$JOBS" ]; do wait -n || true; done
  (
    t1=$SECONDS rc=0
    timeout -k 30 "${CITRUS_CASE_TIMEOUT:-1800}" bash "cases/$n.sh" 3> >(tee "$checks/$n") >"$CITRUS_TEST_LOGS/$n.log" 2>&1 </dev/null &
    trap 'kill -TERM $!; wait $!; exit 130' TERM
    wait $! || rc=$?
    # 124: over the time limit; a case that was ended so may not have said anything
    [ $rc = 0 ] || grep -q '^FAIL' "$checks/$n" || echo "FAIL $n: the case ended with status $rc" | tee -a "$checks/$n"
    echo "---- $n took $((SECONDS - t1)) s"
  ) 7>&- &
  pids+=($!)
done
wait
lab_net_down

for n in "${names[@]}"; do
  grep -Eq '^(ok|FAIL) ' "$checks/$n" || echo "FAIL $n: no check was made" >>"$checks/$n"
  if grep -q '^FAIL' "$checks/$n"; then
    echo "==== the end of $CITRUS_TEST_LOGS/$n.log"
    tail -n "${CITRUS_TEST_TAIL:-80}" "$CITRUS_TEST_LOGS/$n.log"
  fi
done
passed=$(cat "$checks"/* | grep -c '^ok ' || true)
failed=$(cat "$checks"/* | grep -c '^FAIL ' || true)
# What failed once more, with what was seen: whoever has only the end of a long output needs no second run.
awk '/^FAIL / {shown = 1} !/^(FAIL |       )/ {shown = 0} shown' "$checks"/* | tee "${CITRUS_FAILURES:-/dev/null}"
echo "server tests: $((SECONDS - t0)) s"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
