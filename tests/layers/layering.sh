#!/bin/bash
# Dependencies run one way, and the engine names no kind: no include and no symbol of a layer comes from another than
# those below it, whatever the include paths say. layering.sh SOURCE-ROOT BUILD-ROOT
set -euo pipefail
cd "$1"
build=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# What each layer may use beside itself (docs/architecture.md, Layers). Kinds are given what the store holds.
declare -A below=(
  [base]="" [manifest]="base" [template]="base" [store]="base" [host]="base"
  [kinds]="base manifest template host"
  [catalog]="base manifest template host kinds"
  [engine]="base store host kinds"
  [report]="base store host kinds engine"
  [cli]="base manifest template store host kinds catalog engine report"
)
allowed() { [ "$1" = "$2" ] || case " ${below[$1]} " in *" $2 "*) ;; *) false ;; esac; }

# ------------------------------------------------------------------ what is included

includes() { # includes SRC: what is wrong, a line each
  local src=$1 file name layer of
  declare -A where=()
  for file in "$src"/*/*.h; do
    name=${file##*/} of=${file%/*}
    [ -z "${where[$name]:-}" ] || echo "$file: ${where[$name]} has a header of that name, too: an include cannot say which"
    where[$name]=${of##*/}
  done
  for file in "$src"/*/; do
    of=$(basename "$file")
    [ -n "${below[$of]+x}" ] || echo "$file: no layer is called $of"
  done
  while IFS=: read -r file name; do
    layer=${file%/*} layer=${layer##*/}
    of=${where[$name]:-}
    if [ -z "$of" ]; then
      echo "$file includes \"$name\", which is no layer's header: headers are included by plain name"
    elif [ -n "${below[$layer]+x}" ] && ! allowed "$layer" "$of"; then
      echo "$file includes \"$name\" of $of: $layer sees ${below[$layer]:-no other layer}"
    fi
  done < <(grep -E '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$src"/*/*.[ch] /dev/null | sed -E 's/^([^:]*):[^"]*"([^"]*)".*/\1:\2/')
}

# ------------------------------------------------------------------ what is called

# Whatever was declared by hand: an object of a layer that needs a symbol which only another layer defines.
symbols() { # symbols DEFINED NEEDED: files of `layer symbol` and `layer object symbol`
  local layer object symbol
  while read -r layer object symbol of; do
    allowed "$layer" "$of" || echo "src/$layer/$object needs $symbol of $of: $layer sees ${below[$layer]:-no other layer}"
  done < <(awk 'NR == FNR {if (!($2 in of)) of[$2] = $1; has[$1, $2] = 1; next}
      $3 in of && !(($1, $3) in has) {print $1, $2, $3, of[$3]}' "$1" "$2")
}
defined() {
  for a in "$build"/src/*/lib*.a; do nm --defined-only -g "$a" 2>/dev/null | awk -v l="$(basename "$(dirname "$a")")" 'NF == 3 {print l, $3}'; done
}
needed() { # needed LAYER ARCHIVE
  nm -A -u "$2" 2>/dev/null | sed -nE "s|^.*[:/]([a-z0-9_]+\.c)\.o: +U ([A-Za-z0-9_]+)\$|$1 \1 \2|p"
}

# ------------------------------------------------------------------ what the engine knows of kinds

code() { # the lines of files without their comments, as FILE: TEXT
  perl -0ne 's{("(?:\\.|[^"\\])*"|\x27(?:\\.|[^\x27\\])*\x27)|/\*.*?\*/|//[^\n]*}{$1 // " "}gse; print map {"$ARGV: $_\n"} split /\n/' "$@"
}
names() { # names SRC: where a kind is named in the engine
  local src=$1 list kind pattern=''
  list=$(sed -n '/^const struct kind [a-z_]*_kind = {/,/};/s/^    \.name = "\([a-z_]*\)",$/\1/p' "$src"/kinds/*.c | sort -u)
  [ "$(wc -w <<<"$list")" = "$(grep -o '&[a-z_]*_kind' "$src/kinds/registry.c" | sort -u | wc -l)" ] || echo "$src/kinds: not every registered kind's name was found"
  for kind in $list; do
    case $kind in # words that have another meaning, too: as a name they are a literal, or the name of a struct
    package | file | directory | link | account | service | database | certificate) pattern="$pattern|\"$kind\"|\\<${kind}_(kind|spec)\\>" ;;
    *) pattern="$pattern|\\<$kind\\>|\\<${kind}_" ;;
    esac
  done
  code "$src"/engine/*.[ch] >"$tmp/code"
  grep -E "^[^ ]* .*(${pattern#|})" "$tmp/code" | sed 's/: / names a kind: /' || true
  grep -E '\<kinds\[[0-9]' "$tmp/code" | sed 's/: / takes a kind by its place: /' || true
  grep -F '"specs.h"' "$tmp/code" | sed 's/: / includes what kinds are made of: /' || true
}

# ------------------------------------------------------------------ this house

defined >"$tmp/defined"
for a in "$build"/src/*/lib*.a; do needed "$(basename "$(dirname "$a")")" "$a"; done | sort -u >"$tmp/needed"
{
  includes src
  symbols "$tmp/defined" "$tmp/needed"
  names src
} >"$tmp/wrong"
cat "$tmp/wrong"
seen=$(awk 'NR == FNR {of[$2] = 1; next} $3 in of' "$tmp/defined" "$tmp/needed" | wc -l)
[ "$seen" -gt 500 ] || { echo "only $seen symbols between layers were found: nm does not see this build"; exit 1; }
[ ! -s "$tmp/wrong" ] || exit 1

# ------------------------------------------------------------------ and each rule broken on purpose

missed=0
planted() { # planted FILE LINE EXPECT CHECK: with that line at the file's end, CHECK names EXPECT
  local out
  rm -rf "$tmp/src"
  cp -r src "$tmp/src"
  printf '%s\n' "$2" >>"$tmp/src/$1"
  out=$("$4" "$tmp/src")
  case $out in *"$3"*) ;; *) echo "not noticed: $2 in src/$1"; missed=1 ;; esac
}
planted kinds/file.c '#include "store.h"' 'file.c includes "store.h" of store' includes
planted kinds/file.c '#  include  "engine.h" /* */' 'file.c includes "engine.h" of engine' includes
planted kinds/file.c '#include "../engine/engine.h"' 'headers are included by plain name' includes
planted host/fs.h '#include "kind.h"' 'fs.h includes "kind.h" of kinds' includes
planted store/store.c '#include "host.h"' 'store.c includes "host.h" of host' includes
planted catalog/site.c '#include "engine.h"' 'site.c includes "engine.h" of engine' includes
planted base/store.h '' 'has a header of that name, too' includes
planted engine/plan.c 'static const char *x = "vhost";' 'plan.c names a kind' names
planted engine/plan.c 'static const char *x = "file";' 'plan.c names a kind' names
planted engine/plan.c 'const struct kind *x = &service_kind;' 'plan.c names a kind' names
planted engine/engine.h 'struct php_pool_spec;' 'engine.h names a kind' names
planted engine/plan.c '#include "specs.h"' 'includes what kinds are made of' names
planted engine/plan.c 'const struct kind *x(void) { return kinds[3]; }' 'by its place' names
for line in "kinds file.c store_open store" "host fs.c engine_apply engine" "engine plan.c catalog_build catalog"; do
  read -r layer object symbol of <<<"$line"
  grep -q "^$of $symbol\$" "$tmp/defined" || { echo "src/$of has no $symbol any more"; missed=1; }
  echo "$layer $object $symbol" >"$tmp/planted"
  case $(symbols "$tmp/defined" "$tmp/planted") in *"needs $symbol of $of"*) ;; *) echo "not noticed: $line"; missed=1 ;; esac
done
[ $missed = 0 ] || exit 1
echo "$seen symbols between layers and $(grep -hc '^#include "' src/*/*.[ch] | awk '{n += $1} END {print n}') includes, all downwards"
