#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds the benchmark set into OUTDIR: libbench_000.so … and libbench_host.so, the
# twin of number 0, libbench_small.so and its twin libbench_smallhost.so. What is in them: gen.c. Parallel and incremental. CC, CFLAGS
# and JOBS may be set.
set -euo pipefail

if [ $# -lt 1 ] || [ $# -gt 3 ]; then
    echo "usage: gen.sh OUTDIR [LIBS=200] [SYMS=2000]" >&2
    exit 2
fi
libs=${2:-200} syms=${3:-2000}
if [ "$libs" -lt 1 ] || [ "$libs" -gt 1000 ] || [ "$syms" -lt 1 ] || [ "$syms" -gt 10000 ]; then
    echo "gen.sh: LIBS is 1 to 1000, SYMS 1 to 10000" >&2
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
: "${CC:=gcc}" "${CFLAGS:=-g -O2 -Wall -Wextra}" "${JOBS:=$(nproc)}"
stamp="$libs $syms $CC $(cat "$here/gen.c" "$here/gen.sh" "$here/../fixtures/mark_bind_now.c" | cksum)"

cd "$out"
[ "$(cat stamp 2> /dev/null || true)" != "$stamp" ] || exit 0
rm -f stamp libbench_*.so libbench_*.s libbench_*.o
# shellcheck disable=SC2086
$CC $CFLAGS -o gen "$here/gen.c"
# shellcheck disable=SC2086
$CC $CFLAGS -o mark_bind_now "$here/../fixtures/mark_bind_now.c"

# Even numbers: full RELRO. Odd: partial, and still bound at once, which linkers
# do not offer.
recipe() {
    local name=$1 number=$2 needs=$3 flags='-Wl,-z,now' after=
    [ $((10#$number % 2)) = 0 ] || flags='-Wl,-z,lazy -Wl,-z,origin' after=' && ./mark_bind_now $@'
    printf '%s: %s\n\tas -o %s.o %s.s\n' "$name.so" "$needs" "$name" "$name"
    printf '\t%s -shared -nostdlib -o $@ %s.o %s -Wl,-z,relro %s -Wl,--hash-style=gnu%s%s\n' \
        "$CC" "$name" "$needs" "$flags" " -Wl,--build-id=sha1 -Wl,-soname,\$@ -Wl,-rpath,'\$\$ORIGIN'" "$after"
    printf '\trm %s.o %s.s\n' "$name" "$name"
    printf 'all: %s.so\n' "$name"
}

{
    echo 'all:'
    ./gen 0 "$syms" 1 > libbench_host.s
    recipe libbench_host 000 ""
    ./gen small "$syms" 0 > libbench_small.s
    recipe libbench_small 000 ""
    ./gen small "$syms" 1 > libbench_smallhost.s
    recipe libbench_smallhost 000 ""
    for ((i = 0; i < libs; i++)); do
        number=$(printf %03d $i)
        ./gen $i "$syms" 0 > libbench_$number.s
        read -r _ _ needed < libbench_$number.s || true
        needs=
        [ -z "$needed" ] || needs=" libbench_small.so"
        for n in $needed; do needs+=" libbench_$n.so"; done
        recipe libbench_$number $number "$needs"
    done
    echo '.DELETE_ON_ERROR:'
} > build.mk
make -s --no-print-directory -j"$JOBS" -f build.mk all
echo "$stamp" > stamp
