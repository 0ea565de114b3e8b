#!/bin/bash
# SPDX-License-Identifier: MIT
# Python in a plugin, in hosts that open their plugins RTLD_LOCAL, so that Python's own
# extension modules find none of its names. One plugin in five hosts; then one whose
# Python is linked in and hidden, found by .symtab, by a debug file, by a table, or not.
. "$(dirname "$0")/lib/check.sh"
. "$(dirname "$0")/load/load.sh"
. "$(dirname "$0")/load/pyplugin.sh"
plugin "$work/pyplugin.so"
echo "load $work/pyplugin.so; puts done" >"$work/plugin.tcl"

# Sets $command: the host NAME opens the plugin, which prints what it says.
host() {
    case $1 in
    lua) command=(lua5.4 -e "package.cpath = os.getenv('PLACE') .. '/?.so'; require 'pyplugin'; print('done')") ;;
    tcl) command=(tclsh "$work/plugin.tcl") ;;
    perl) command=(/usr/bin/perl "$load/plugin.pl" "$work/pyplugin.so") ;;
    java) command=(java -Xshare:auto -XX:TieredStopAtLevel=1 "$load/Host.java" "$work/pyplugin.so") ;;
    redis) command=(redis-server --loadmodule "$work/pyplugin.so") ;;
    esac
}
export PLACE=$work

broken='said: ImportError: .*/_ctypes\.cpython.*: undefined symbol: Py.*'
works='said: OpenSSL True \[1, 2, 3\] True True 0\.125'
module='/usr/lib/python3\.11/lib-dynload/_ctypes\.cpython-311-x86_64-linux-gnu\.so'

for name in lua tcl perl java; do
    host $name
    outcome 0 "${command[@]}"
    says "$broken; libpythons: 1" 'done'
    outcome 0 "${run[@]}" '*.cpython-*' -- "${command[@]}"
    says "graft: load $module: (promote|provider): .+" "$works; libpythons: 1" 'done'
done
host redis
outcome 0 "$load/redis.sh" "${command[@]}"
says "$broken; libpythons: 1" 'ended: 0'
outcome 0 "$load/redis.sh" "${run[@]}" '*.cpython-*' -- "${command[@]}"
says "graft: load $module: (promote|provider): .+" "$works; libpythons: 1" 'ended: 0'

# Each way that can do it alone.
host lua
for way in promote provider; do
    outcome 0 "${run[@]}" '*.cpython-*' --way $way -- "${command[@]}"
    says "graft: load $module: $way: .+" "$works; libpythons: 1" 'done'
done

# All that Debian's Python brings, some of which need one another.
EMBED_PROGRAM=$load/embed_all.py
outcome 0 "${command[@]}"
says 'said: ([1-9][0-9]+) of \1 failed .*undefined symbol.*'
outcome 0 "${run[@]}" '*.cpython-*' -- "${command[@]}"
says 'said: 0 of [1-9][0-9]+ failed '
EMBED_PROGRAM=$load/embed.py

# ---- Python hidden inside the plugin ----
# hidden NAME: a folder for one way to know its addresses.
hidden() {
    PLACE=$work/$1
    mkdir "$PLACE"
    cp "$work/hidden.so" "$PLACE/pyplugin.so"
}
refused() {
    says "graft: .*$module.*" "said: ImportError: .*graft refuses $module: .*Py[A-Z_][A-Za-z_]+.*; libpythons: 0" 'done'
    says_not "$works.*"
}
static_plugin "$work/hidden.so"
# Another build, whose data lies elsewhere.
compile -c -o "$work/padding.o" -x c - <<<'__attribute__((used)) static const char padding[40000] = { 1 };'
static_plugin "$work/other.so" "$work/padding.o"

hidden symtab
outcome 0 "${command[@]}"
says "$broken; libpythons: 0" 'done'
outcome 0 "${run[@]}" '*.cpython-*' -- "${command[@]}"
says "graft: load $module: provider: .+" "$works; libpythons: 0" 'done'

EMBED_PROGRAM=$load/embed_all.py
outcome 0 "${run[@]}" '*.cpython-*' -- "${command[@]}"
says 'said: 0 of [1-9][0-9]+ failed '
EMBED_PROGRAM=$load/embed.py

hidden stripped
strip "$PLACE/pyplugin.so"
outcome 0 "$GRAFT" run --load '*.cpython-*' -- "${command[@]}"
refused

for name in hidden other; do
    "$GRAFT" table --name pyplugin.so "$work/$name.so" >"$work/$name.table" 2>"$work/output" ||
        fail "graft table: $(cat "$work/output")"
done
outcome 0 "${run[@]}" '*.cpython-*' --table "$work/hidden.table" -- "${command[@]}"
says "graft: load $module: provider: .+" "$works; libpythons: 0" 'done'
outcome 0 "$GRAFT" run --load '*.cpython-*' --table "$work/other.table" -- "${command[@]}"
says 'graft: .*(build-id|another build).*' 'done'   # addresses of another build are worse than none
says_not "$works.*"

# separate FILE: strips pyplugin.so, and a debug file of FILE lies where gdb looks.
separate() {
    mkdir "$PLACE/.debug"
    objcopy --only-keep-debug "$1" "$PLACE/.debug/pyplugin.so.debug"
    strip "$PLACE/pyplugin.so"
    (cd "$PLACE/.debug" && objcopy --add-gnu-debuglink=pyplugin.so.debug ../pyplugin.so)
}
hidden separate
separate "$work/hidden.so"
outcome 0 "${command[@]}"
says "$broken; libpythons: 0" 'done'
outcome 0 "${run[@]}" '*.cpython-*' -- "${command[@]}"
says "graft: load $module: provider: .+" "$works; libpythons: 0" 'done'

# The checksum in the link is right, and yet it is of another build.
hidden wrong
separate "$work/other.so"
outcome 0 "$GRAFT" run --load '*.cpython-*' -- "${command[@]}"
refused
finish
