#!/bin/bash
# Whatever changes the machine passes a fault point: no object of the program but those named here calls a
# function that changes something. mutations.sh SOURCE-ROOT BUILD-ROOT
set -euo pipefail
cd "$1"
build=$2
failed=0

mutating="rename renameat renameat2 unlink unlinkat rmdir remove mkdir mkdirat link linkat symlink symlinkat chmod fchmod
  fchmodat chown lchown fchown fchownat truncate ftruncate copy_file_range sendfile splice fallocate posix_fallocate mknod
  mknodat mkfifo mkfifoat mount umount umount2 pivot_root chroot setxattr lsetxattr fsetxattr removexattr lremovexattr
  fremovexattr utime utimes utimensat futimens futimes lutimes mkstemp mkostemp mkdtemp tmpfile creat write pwrite writev
  pwritev fork vfork clone posix_spawn posix_spawnp execl execlp execv execvp execve execvpe fexecve system popen sethostname
  settimeofday sd_bus_call sd_bus_call_method sd_bus_call_async"
declare -A may=(
  # the fault points themselves
  [host/step.c]="$mutating"
  # inside of an operation, which host.c brackets as a whole: a process, a bus call
  [host/exec.c]="fork write" [host/exec_child.c]="execve mount write"
  [host/units.c]="sd_bus_call sd_bus_call_method"
  # the store's own files, made before anything is managed, and the lock; its changes are commits: below
  [store/statedir.c]="mkdir fchmod" [store/lock.c]="ftruncate pwrite fchmod" [store/store.c]="fchmodat"
  [store/make.c]="fchmod unlinkat renameat" [store/reserve.c]="posix_fallocate unlinkat"
  [store/vault_key.c]="write fchmod unlink rename link"
  # a subscription to signals changes nothing
  [host/watch.c]="sd_bus_call_method"
  # a watch looks and mends in processes of their own, whose changes pass their own fault points
  [cli/apart.c]="fork"
  # a signal handler's line to standard error
  [cli/progress.c]="write"
  # standard output, for whose errors no stream has a reason
  [cli/output.c]="write"
  # what was asked for by name: a saved plan, the manifest itself
  [base/file.c]="fchmod fchown rename unlink write"
)

say() {
  echo "$*"
  failed=1
}

seen=0
while IFS=' ' read -r layer object name; do
  seen=$((seen + 1))
  case " ${may[$layer/$object]:-} " in
  *[[:space:]]"$name"[[:space:]]*) ;;
  *) say "src/$layer/$object calls $name: what changes the machine belongs into host/step.c or behind an operation of host.c" ;;
  esac
done < <(
  for archive in "$build"/src/*/lib*.a; do
    layer=$(basename "$(dirname "$archive")")
    nm -A -u "$archive" 2>/dev/null | sed -nE "s|^.*[:/]([a-z0-9_]+\.c)\.o: +U (__)?([a-z0-9_]+)\$|$layer \1 \3|p"
  done | awk -v names="$mutating" 'BEGIN {n = split(names, a); for (i = 1; i <= n; i++) m[a[i]]} {sub(/64$/, "", $3)} $3 in m' | sort -u
)
[ "$seen" -gt 20 ] || say "only $seen such calls were found: nm does not see this build"

# What names of functions don't show: files made by open(2), streams, statements, and operations called directly.
only() { # only WHAT PATTERN FILE...: the pattern is in no other file of src/
  local what=$1 pattern=$2 f
  shift 2
  while IFS= read -r f; do
    case " $* " in *" ${f#src/} "*) ;; *) say "$f: $what" ;; esac
  done < <(grep -rlE --include='*.c' "$pattern" src)
}
only "makes a file" '\<O_(CREAT|TRUNC|TMPFILE)\>' host/step.c store/lock.c store/make.c store/reserve.c store/vault_key.c base/file.c
only "writes a file that nobody asked for by name" '\<file_(write|replace)\(' base/file.c host/step.c host/http.c cli/run.c cli/adopt.c
only "writes a stream" 'fopen\([^,]*, *"[wa]|fopen\([^,]*, *"r\+' ''
only "commits" '"(COMMIT|END)\>|sqlite3_exec\(' store/db.c store/schema.c store/vault.c
only "calls an operation beside its fault points" 'ops->(unit|units_reload|apt|db_exec|db_dump|db_load|fetch|run)\(' host/host.c
only "names a fault point" 'host_step\(' host/step.c host/host.c cli/session.c

# Each name that a fault point is called with is in the list, and each of the list has a call.
listed=$(sed -n '/host_step_names\[\] = {/,/};/p' src/host/step.c | grep -oE '"[a-z ]+"' | sort -u)
called=$({
  grep -hoE '\<(STEP|MUTATE)\("[a-z ]+"' src/host/step.c src/host/host.c
  sed -n '/steps\[\] = {/,/};/p' src/host/host.c
  grep -hoE 'STEP_BEFORE, "[a-z ]+"' src/cli/session.c src/host/host.c || true
} | grep -oE '"[a-z ]+"' | sort -u)
called=$(printf '%s\n"commit"\n' "$called" | sort -u)
[ "$listed" = "$called" ] || { diff <(echo "$listed") <(echo "$called") || true; say "host_step_names is not what the fault points are called with"; }

[ $failed = 0 ] || exit 1
echo "$seen calls that change something, all between fault points"
