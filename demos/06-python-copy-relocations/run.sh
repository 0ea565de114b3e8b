#!/bin/bash
# SPDX-License-Identifier: MIT
# Hosts with copy relocations: None lives in the executable, not in libpython.
set -eu
. "$(dirname "$0")/../common.sh"
need_python
need_command readelf binutils
need_graft

duplicate=$work/other/$soname
build_nameless "$duplicate"
build_pyloader "$work/libpyloader.so" "$duplicate"
cp "$libpython" "$duplicate"

# GCC for x86-64 reaches data of libraries directly in either kind of program.
build_linked_host "$work/host-no-pie" -fno-pie -no-pie "$libpython"
build_linked_host "$work/host-pie" -fpie -pie "$libpython"

copied() {
    local symbol
    for symbol in _Py_NoneStruct PyLong_Type; do
        readelf -rW "$1" | grep -q "R_X86_64_COPY .* $symbol " && echo "copied here: $symbol"
    done
}

for host in host-no-pie host-pie; do
    echo "$host"
    before
    show copied "$work/$host"
    DEMO_DUPLICATE=$duplicate show "$work/$host" "$work/libpyloader.so"
    after
    show "$graft" run --rebind libpyloader.so -- "$work/$host" "$work/libpyloader.so"
done
