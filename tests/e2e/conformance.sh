#!/bin/bash
# SPDX-License-Identifier: MIT
# The registry against ld.so: one program with the same modules, opened by ld.so and lifted
# into static executables, prints the same, but for what tests/conformance/differences.txt
# names; and what is named there does differ.
. "$(dirname "$0")/lib/check.sh"
export BUILD GRAFT
here=$root/tests/conformance
dir=$work/conformance
mkdir "$dir"

section() {                             # section FILE CASE: what the case printed
    awk -v name="$2" '/^== / { on = ($2 == name || $2 == name ":") } on' "$1"
}

# reason CASE KIND: why the case differs; nothing if it does not.
reason() {
    sed -n "s/^$1\( $2\)\?: *//p" "$here/differences.txt"
}

compare() {                             # compare KIND
    local kind=$1 name why
    "$dir/$kind" >"$dir/$kind.txt" 2>"$dir/$kind.err" </dev/null
    cases=$((cases + 1))
    [ -s "$dir/$kind.err" ] && fail "$kind wrote on stderr: $(head -3 "$dir/$kind.err")"
    while read -r name; do
        cases=$((cases + 1))
        section "$dir/expected.txt" "$name" >"$work/wanted"
        section "$dir/$kind.txt" "$name" >"$work/got"
        why=$(reason "$name" "$kind")
        if cmp -s "$work/wanted" "$work/got"; then
            [ -z "$why" ] || fail "$kind: $name does not differ any more: $why"
        elif [ -z "$why" ]; then
            fail "$kind: $name differs (< ld.so, > the registry):"
            diff "$work/wanted" "$work/got" | grep '^[<>]' | head -20
        fi
    done < <("$dir/$kind" --list)
}

"$here/build.sh" "$dir" >"$dir/modules.txt" || fail "building the modules"
"$dir/dynamic" >"$dir/expected.txt" 2>"$dir/dynamic.err" </dev/null
"$dir/dynamic" 2>/dev/null </dev/null | cmp -s - "$dir/expected.txt" || fail "ld.so's side is not the same twice"
cases=$((cases + 1))
[ "$(grep -c '^== [a-z_]*$' "$dir/expected.txt")" = "$("$dir/dynamic" --list | wc -l)" ] ||
    fail "a case is missing from ld.so's side"
# What is meant to end so, ends so.
badly=$(grep '^== .*:' "$dir/expected.txt")
[ "$badly" = "== open_undefined_called: exit 127" ] || fail "a case of ld.so's side ends badly: $badly"
while read -r name _; do
    grep -qx -- "${name%:}" <("$dir/dynamic" --list) || fail "differences.txt names $name, which is no case"
done < <(grep -v '^#' "$here/differences.txt")

for kind in static static-pie musl; do
    if [ $kind = musl ] && ! command -v musl-gcc >/dev/null; then
        echo "left out: musl (no musl-gcc)"
        continue
    fi
    cases=$((cases + 1))
    if "$here/link.sh" "$dir" $kind >"$work/link.txt" 2>&1; then
        compare $kind
    else
        fail "linking $kind: $(head -c 1500 "$work/link.txt")"
    fi
done
finish
