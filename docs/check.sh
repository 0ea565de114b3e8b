#!/bin/bash
# SPDX-License-Identifier: MIT
# Checks that the documents agree with the code: options, links, the examples, man
# pages, verdicts, ways, error codes, quoted messages, the list of files. Prints what is
# wrong and a summary; exit 1 if anything.
#   BUILD  build folder (default build)      GRAFT  the tool (default $BUILD/graft)
set -u
cd "$(dirname "$0")/.." || exit
export LC_ALL=C.UTF-8
build=${BUILD:-build}
graft=${GRAFT:-$build/graft}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0 checks=0

for tool in scdoc "${CC:-cc}"; do
    command -v "${tool%% *}" >/dev/null || { echo "SKIP no $tool"; exit 77; }
done

fail() { echo "FAIL $*"; failures=$((failures + 1)); }
# check WHAT COMMAND...: counts, and reports a command that fails.
check() {
    local what=$1
    shift
    checks=$((checks + 1))
    "$@" >"$work/out" 2>&1 || { fail "$what"; head -n 20 "$work/out" | sed 's/^/     /'; }
}

# ---- (a) options: --help and the man page say the same ----------------------
help_options() { "$graft" "$1" --help | grep -oE '^ +(-[a-z], )?--[a-z-]+' | grep -oE -- '--?[a-z][a-z-]*' | sort -u; }
man_options() { grep -E '^\*-' "$1" | grep -oE -- '\*--?[a-z][a-z-]*\*' | tr -d '*' | sort -u; }
same_options() { diff <(help_options "$1") <(man_options "docs/man/graft-$1.1.scd"); }
same_commands() {
    diff <("$graft" --help | sed -n 's/^  \([a-z]*\)  *[a-z].*/\1/p' | grep -v '^graft$' | sort) \
         <(ls docs/man/graft-*.1.scd | sed 's|.*/graft-\(.*\)\.1\.scd|\1|' | sort)
}
if [ -x "$graft" ]; then
    check "a man page for each command" same_commands
    for page in docs/man/graft-*.1.scd; do
        command=${page#docs/man/graft-}
        check "$page: options are those of --help (<)" same_options "${command%.1.scd}"
    done
else
    fail "no $graft: build it first"
fi

has_words() {
    local file=$1 word bad=0
    shift
    for word; do
        grep -qF -- "$word" "$file" || { echo "not in $file: $word"; bad=1; }
    done
    [ $bad = 0 ]
}
lines() { [ -n "$1" ] && mapfile -t list <<< "$1"; }

lines "$(grep -oE '"GRAFT_[A-Z_]+"' src/entry/preload.c | tr -d '"' | sort -u)" \
    && check "variables of the preload library" has_words docs/man/graft-run.1.scd "${list[@]}"
lines "$(grep -oE '"[a-z]+", &rule->|keyed\(word, "[a-z]+"' src/plan/rules.c | grep -oE '"[a-z]+"' | tr -d '"' | sort -u)" \
    && check "keys of rules" has_words docs/man/graft-rules.5.scd "${list[@]}"
lines "$(sed -n '/flags\[\] = {/,/};/s/[^"]*"\([a-z-]*\)"[^"]*/\1\n/gp' src/plan/rules.c | grep .)" \
    && check "words of rules" has_words docs/man/graft-rules.5.scd "${list[@]}"

# ---- (b) links inside the repository ----------------------------------------
# Anchors as a forge makes them: lower case, punctuation dropped, blanks to hyphens.
anchors() {
    sed -n 's/^##* //p' "$1" | tr '[:upper:]' '[:lower:]' | tr -d '`*' | sed 's/[^a-z0-9 _-]//g; s/ /-/g'
}
links_resolve() {
    local file=$1 link path anchor bad=0
    while read -r link; do
        case $link in ''|http:*|https:*|mailto:*) continue ;; esac
        path=${link%%#*} anchor=
        [ "$path" = "$link" ] || anchor=${link#*#}
        path=${path:+$(dirname "$file")/$path}
        path=${path:-$file}
        [ -e "$path" ] || { echo "no such file: $link"; bad=1; continue; }
        [ -z "$anchor" ] || anchors "$path" | grep -qxF "$anchor" || { echo "no such heading: $link"; bad=1; }
    done < <(grep -oE '\]\([^) ]+\)' "$file" | sed 's/^](//; s/)$//')
    [ $bad = 0 ]
}
while read -r file; do
    check "$file: links" links_resolve "$file"
done < <(find README.md docs demos tests -name '*.md' | sort)

# Every page can be reached from its index.
reached() { has_words "$(dirname "$1")/index.md" "($(basename "$1"))"; }
for page in docs/guide/*.md docs/internals/*.md; do
    [ "$(basename "$page")" = index.md ] || check "$page: in the index" reached "$page"
done

# ---- (c) the examples -------------------------------------------------------
compile_example() { # NAME
    # shellcheck disable=SC2086 # CC and CFLAGS are lists of words
    ${CC:-cc} -std=gnu11 ${CFLAGS:--O2} -Wall -Wextra -Werror -Iinclude "docs/guide/$1.c" \
        -o "$work/$1" -L"$build" -lgraft -Wl,-rpath,"$(realpath "$build")"
}
run_example() {
    local fixtures
    fixtures=$(realpath "$build/fixtures")
    "$work/example" "$fixtures/libfixhost.so" "$(ls "$fixtures"/libconsumer-bfd-*-gd.so | head -n 1)" libfixdup.so \
        | grep -x 'undone: every slot holds what it held before'
}
# What the guide shows after a command, up to the next empty line.
shown() { # FILE COMMAND
    awk -v command="    \$ $2" '$0 == command { on = 1; next } on && !NF { exit } on { print substr($0, 5) }' "$1"
}
run_load_example() { # prints what the guide says that it prints
    mkdir "$work/demo" && cp "$build"/fixtures/load/{libuser,librtdup}.so "$work/demo" \
        && cp "$build/fixtures/load/librthost.so" "$work/demo/plugin.so" || return 1
    (cd "$work/demo" && LD_LIBRARY_PATH=$work/demo "$work/load" ./plugin.so ./libuser.so) >"$work/said" || { cat "$work/said"; return 1; }
    shown docs/guide/load.md './load ./plugin.so ./libuser.so' >"$work/shown"
    [ -s "$work/shown" ] && diff "$work/shown" <(sed "s|$work/demo|/tmp/demo|g; s|[^ ]*/libc\.so|/lib/x86_64-linux-gnu/libc.so|" "$work/said")
}
for example in example load; do
    check "docs/guide/$example.c compiles" compile_example $example
done
[ ! -e "$build/fixtures/libfixhost.so" ] || check "docs/guide/example.c runs" run_example
[ ! -e "$build/fixtures/load/libuser.so" ] || check "docs/guide/load.c prints what the guide shows" run_load_example

# ---- (d) man pages ----------------------------------------------------------
page_builds() {
    scdoc <"$1" >"$work/page" 2>"$work/err" && [ ! -s "$work/err" ] || { cat "$work/err"; return 1; }
    command -v groff >/dev/null || return 0
    groff -man -ww -z "$work/page" 2>"$work/err"
    [ ! -s "$work/err" ] || { cat "$work/err"; return 1; }
}
for page in docs/man/*.scd; do
    check "$page builds" page_builds "$page"
done

# ---- (e) verdicts, kinds and error codes, in the header's own words ----------
# rows FILE MACRO: the lines of an X-macro table.
rows() { sed -n "/#define $2(X)/,/[^\\\\]\$/p" "$1" | grep 'X(' | grep -v define; }
explained() { # FILE HEADING TEXT
    grep -qxF "### \`$2\`" "$1" || { echo "no heading for $2"; return 1; }
    tr '\n' ' ' <"$1" | grep -qF "\"$3\"" || { echo "not in the header's words: $3"; return 1; }
}
while IFS='|' read -r word text; do
    check "docs/guide/plans.md: $word" explained docs/guide/plans.md "$word" "$text"
done < <(rows include/graft/plan.h GRAFT_VERDICTS | sed 's/.*X([A-Z_]*, *"\([^"]*\)", *"\([^"]*\)").*/\1|\2/')
while read -r kind; do
    check "docs/guide/plans.md: $kind" has_words docs/guide/plans.md "\`$kind\`"
done < <(rows include/graft/plan.h GRAFT_SLOT_KINDS | sed 's/.*X([A-Z_]*, *"\([^"]*\)").*/\1/')
# The words of a load: rows of a table in the guide.
row_explained() { # FILE WORD TEXT
    grep -qF "| \`$2\` | $3 |" "$1" || { echo "no row in the header's words: $2 | $3"; return 1; }
}
for list in WAYS FATES BINDINGS SOURCES; do
    while IFS='|' read -r word text; do
        check "docs/guide/load.md: $list $word" row_explained docs/guide/load.md "$word" "$text"
        [ $list != WAYS ] || check "docs/man/graft-run.1.scd: $word" has_words docs/man/graft-run.1.scd "*$word*"
    done < <(rows include/graft/load.h GRAFT_$list | sed 's/.*X([A-Z_]*, *"\([^"]*\)", *"\([^"]*\)").*/\1|\2/')
done
lines "$(grep -oE '(member\(out, |\\")[a-z_]+\\?"|member\(out, "[a-z_]+"' src/plan/load_json.c | grep -oE '[a-z_]+\\?"$' | tr -d '\\"' | sort -u)" \
    && check "docs/guide/json.md: fields of a decision" has_words docs/guide/json.md "${list[@]/#/\`}"
# The exit status that src/cli/main.c gives a code.
status_of() {
    local name
    name=$(sed -n '/^static int exit_status/,/^}/p' src/cli/main.c | tr '\n' ' ' | sed 's/;/;\n/g' \
        | grep -E "GRAFT_$1:|default:" | head -n 1 | grep -oE 'EXIT_[A-Z]+')
    case $name in EXIT_NEGATIVE) echo 1 ;; EXIT_USAGE) echo 2 ;; EXIT_REFUSED) echo 3 ;; *) echo 4 ;; esac
}
error_explained() {
    local row
    row=$(grep -F "| \`GRAFT_$1\` | $2 |" docs/guide/c-api.md) || { echo "no row in the header's words: $2"; return 1; }
    [ "$(sed 's/.*| \([0-9]\) |$/\1/' <<< "$row")" = "$(status_of "$1")" ] \
        || { echo "the exit status is $(status_of "$1")"; return 1; }
}
while IFS='|' read -r name text; do
    check "docs/guide/c-api.md: GRAFT_$name" error_explained "$name" "$text"
done < <(rows include/graft/graft.h GRAFT_ERRORS | sed 's/.*X(\([A-Z]*\), *[0-9]*, *"\([^"]*\)").*/\1|\2/')

# ---- (f) what the guide quotes is what the source says -----------------------
# Adjacent strings are joined, and every conversion becomes "…", as in the guide.
cat src/*/*.c include/graft/*.h | tr '\n' ' ' \
    | sed -E 's/" *(PRI[a-zA-Z0-9]+) *"/x/g; s/" *"//g; s/%[-.0-9*]*(zu|lu|ld|llu|lx|[a-z])/…/g' >"$work/source"
quoted() { # every piece between "…" must be there
    local line=$1 piece bad=0
    while read -r piece; do
        [ ${#piece} -lt 4 ] || grep -qF -- "$piece" "$work/source" || { echo "not in the source: $piece"; bad=1; }
    done < <(sed -E "s/…/\n/g; s/'[^']*'/'\n'/g" <<< "$line" | sed 's/^ *//; s/ *$//')
    [ $bad = 0 ]
}
while IFS= read -r line; do
    check "the guide quotes: $line" quoted "$line"
done < <(sed -n 's/^> //p' docs/guide/*.md)

# ---- (g) the list of files --------------------------------------------------
for file in src/*/*.c src/*/*.S; do
    check "docs/internals/layers.md: $file" has_words docs/internals/layers.md "$(basename "$file")"
done
still_there() { compgen -G "src/*/$1" >/dev/null; }
while read -r file; do
    check "docs/internals/layers.md: $file exists" still_there "$file"
done < <(grep '^| [a-z]' docs/internals/layers.md | cut -d'|' -f2 | grep -oE '[a-z0-9_]+\.[chS]\b' | sort -u)

echo "$checks checks, $failures failed"
[ $failures = 0 ]
