#!/bin/bash
# helgrind.sh TEST: the test below valgrind's helgrind, which finds what two threads touch without a lock.
set -euo pipefail
command -v valgrind >/dev/null || { echo "valgrind is not installed"; exit 77; }
exec valgrind --tool=helgrind --quiet --error-exitcode=99 "$1"
