#!/bin/bash
# SPDX-License-Identifier: MIT
# A host with Python linked in statically that exports only a subset of it.
set -eu
. "$(dirname "$0")/../common.sh"
need_python
archive=$libpl/libpython${include##*python}.a
need_file "$archive" libpython3-dev
need_graft

# Stripped: what is not exported cannot be found in a symbol table either.
build_linked_host "$work/host" -s -no-pie -Wl,--dynamic-list="$here/exports.list" \
    "$archive" -lz -lexpat -lm
build_pyloader "$work/libsmall.so"
build_pyloader "$work/liblarge.so" "$libpython" "$here/beyond.c"

before
for consumer in libsmall.so liblarge.so; do
    echo "$consumer"
    DEMO_DUPLICATE=$libpython show "$work/host" "$work/$consumer"
done

after
echo "libsmall.so, which uses only what the host exports"
show "$graft" run --rebind libsmall.so -- "$work/host" "$work/libsmall.so"
echo "liblarge.so, which uses more"
show "$graft" run --rebind liblarge.so -- "$work/host" "$work/liblarge.so" 2>"$work/stderr"
cat "$work/stderr" >&2
for symbol in Py_GetVersion PyList_Type; do
    grep -qw "$symbol" "$work/stderr" && echo "  graft names as missing: $symbol"
done
