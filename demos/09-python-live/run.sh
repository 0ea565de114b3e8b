#!/bin/bash
# SPDX-License-Identifier: MIT
# Rebinds a consumer in a live Python from outside, then undoes it, while four
# threads call through the slots. DEMO_SECONDS: for how long, in all.
set -eu
. "$(dirname "$0")/../common.sh"
need_python
need_graft

build_pyloader "$work/libpyloader.so" "$libpython" "$here/hammer.c"
third=$(awk "BEGIN { print ${DEMO_SECONDS:-60} / 3 }")

coproc HOST { exec $python -I "$here/host.py" "$work/libpyloader.so"; }
host=$HOST_PID to=${HOST[1]} from=${HOST[0]}
trap 'kill $host 2>/dev/null || :' EXIT

# Two lines of answers and an empty one; or nothing more, if the host is gone.
watch() {
    local line
    echo "watch $third" >&"$to" || return 0
    while read -r line <&"$from" && [ -n "$line" ]; do
        echo "  $line"
    done
}

before
watch
"$graft" attach "$host" --rebind libpyloader.so >"$work/attach.out"
after
watch
"$graft" undo "$host" >"$work/undo.out"
echo "undone:"
watch

status=0
echo stop >&"$to"
wait "$host" || status=$?
trap - EXIT
[ $status != 0 ] || echo "the host ended well"
ended $status
