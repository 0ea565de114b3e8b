#!/bin/bash
# SPDX-License-Identifier: MIT
# What the hook libraries share, by itself, with both compilers and the sanitizers; and
# that no hook library exports more than its one name or needs more than libc and its loader.
. "$(dirname "$0")/lib/check.sh"
cd "$work" && mkdir reports || exit 1

for compiler in gcc clang "gcc -fsanitize=address,undefined -fno-sanitize-recover=all" "gcc -fsanitize=thread"; do
    rm -f reports/*
    # shellcheck disable=SC2086
    $compiler -std=gnu11 -D_GNU_SOURCE -O1 -g -w -I"$root/include" -I"$root/hooks" -o common_check \
        "$root/tests/e2e/hooks/common_check.c" "$root"/hooks/common/*.c -lpthread || fail "$compiler"
    expect 0 '' ./common_check
    [ -s "$work/output" ] && fail "$compiler: $(head -c 600 "$work/output")"
    # shellcheck disable=SC2012
    [ "$(cat reports/*% | wc -c)" -gt 5000 ] || fail "$compiler: the report is in $(ls reports)"
done

# Started and stopped by a program, in the middle of its life.
gcc -w -O1 -fno-builtin -D_GNU_SOURCE -I"$root/include" -o start_stop "$root/tests/e2e/hooks/start_stop.c" \
    -L"$BUILD" -lgraft -Wl,-rpath,"$BUILD" || fail "start_stop.c"
expect 0 '' ./start_stop "$BUILD/hooks/malloc.so" leaks
sed -n 's/^graft malloc\[[0-9]*\]: \(malloc: .*\|peak.*\)/\1/p' "$work/output" | diff - <(
    printf '%s\n' 'malloc: 1 call, 1001 bytes asked' 'peak: 1001 bytes; at the end: 1001 bytes in 1 block' \
        'malloc: 1 call, 1002 bytes asked' 'peak: 1002 bytes; at the end: 1002 bytes in 1 block') >differences ||
    fail "started twice: $(cat differences)"
for library in "$BUILD"/hooks/*.so; do
    cases=$((cases + 1))
    names=$(nm -D --defined-only "$library" | awk '{ print $3 }' | tr '\n' ' ')
    [ "$names" = "graft_hook_library " ] || fail "$library exports $names"
    needed=$(readelf -d "$library" | sed -n '/ld-linux/d; s/.*NEEDED.*\[\(.*\)\]/\1/p')
    [ "$needed" = libc.so.6 ] || fail "$library needs $needed"
    readelf -d "$library" | grep -q 'FLAGS.*TEXTREL' && fail "$library has text relocations"
done
finish
