#!/bin/bash
# SPDX-License-Identifier: MIT
# Watching dlopen: a program sees the same as unwatched (search path of the caller,
# $ORIGIN, namespaces, RTLD_NEXT, errno, dlerror, environment), rules reach what comes
# later, also when it is closed and opened again, from several threads.
set -uo pipefail
cd "$(dirname "$0")/../.."
build=$PWD/${BUILD:-build}
fixtures=$build/fixtures
out=$build/tests/watch
source=tests/e2e/watch
status=0
export LC_ALL=C
rm -rf "$out"
mkdir -p "$out"/{plug,only,early}
tests/fixtures/build.sh "$fixtures"

library() {
    local file=$1 from=$2
    shift 2
    ${CC:-gcc} -O1 -g -fPIC -shared -fasynchronous-unwind-tables -Wl,-soname,"${file##*/}" -o "$out/$file" "$source/$from" "$@" || exit 1
}
library only/libonly.so only.c
library libnext.so next.c
library libbad.so bad.c
library libother.so other.c
library plug/libplug.so plug.c -Wl,--enable-new-dtags,-rpath,'$ORIGIN/../only'
library early/libearly.so early.c -Wl,--enable-new-dtags,-rpath,'$ORIGIN/../only'
mkdir -p "$out/bin"
${CC:-gcc} -O1 -g -o "$out/bin/program" "$source/program.c" -Wl,--no-as-needed \
    "$out/plug/libplug.so" "$out/libnext.so" -Wl,-rpath,'$ORIGIN/../plug:$ORIGIN/..' || exit 1
program=$out/bin/program
preload=$build/libgraft-preload.so
some_rules='rebind nothing-matches-* from=x onto=y; isolate nothing-either-*'

bad() {
    echo "FAIL $*"
    status=1
}

# same NAME EXTRA-PRELOAD: the output with and without watching.
same() {
    local name=$1 extra=$2
    env "SOME=thing" LD_PRELOAD="$extra" "$program" plain "$out" > "$out/$name.plain" 2>&1 || bad "$name: plain run"
    env "SOME=thing" LD_PRELOAD="$extra $preload" GRAFT_RULES="$some_rules" GRAFT_VERBOSE=-1 \
        timeout 60 "$program" plain "$out" > "$out/$name.watched" 2>&1 || bad "$name: watched run: $?"
    diff "$out/$name.plain" "$out/$name.watched" || bad "$name: watching changes what the program sees"
    grep -q "by the caller's RUNPATH: libonly.so in 0" "$out/$name.watched" || bad "$name: RUNPATH"
    grep -q "from inside: libonly.so in 2" "$out/$name.watched" || bad "$name: namespace"
    grep -q "RTLD_NEXT finds next" "$out/$name.watched" || bad "$name: RTLD_NEXT"
}
same alone ""
same with-another "$out/libother.so"
grep -q "getppid other's" "$out/with-another.watched" || bad "another preload is lost"

# Without rules the preload does nothing: the same map of replaced slots, no watch.
env "SOME=thing" LD_PRELOAD="$preload" "$program" plain "$out" > "$out/empty" 2>&1
diff "$out/alone.plain" "$out/empty" || bad "an empty preload changes what the program sees"

rules='rebind libconsumer-* from=libfixdup* onto=libfixhost.so'
consumer=$fixtures/libconsumer-bfd-lazy-plt-none-gnu-ver-relr-gd.so
export PROVIDER=$fixtures/libfixhost.so
"$program" rules "$consumer" 2 20 > /dev/null || bad "the fixture does not answer as it should"
watched=(env LD_PRELOAD="$preload" GRAFT_RULES="$rules" GRAFT_VERBOSE=-1)
"${watched[@]}" timeout 100 "$program" rules "$consumer" 1 "${OPENINGS:-1000}" > "$out/rules" 2>&1 \
    || bad "a rule does not reach every opening: $(cat "$out/rules")"
"${watched[@]}" timeout 100 "$program" storm 1 "$consumer" \
    "$fixtures/libconsumer-lld-now-plt-none-both-ver-norelr-gd.so" \
    "$fixtures/libconsumer-mold-lazy-plt-none-both-ver-relr-gd.so" "$consumer" > "$out/storm" 2>&1
# mold's weak reference is refused: without `partial` all of that consumer stays.
grep -q "wrong 200$" "$out/storm" || bad "a storm of four threads: $(cat "$out/storm")"
watched[2]="GRAFT_RULES=$rules partial"
"${watched[@]}" timeout 100 "$program" storm 1 "$consumer" \
    "$fixtures/libconsumer-lld-now-plt-none-both-ver-norelr-gd.so" \
    "$fixtures/libconsumer-mold-lazy-plt-none-both-ver-relr-gd.so" "$consumer" > "$out/storm" 2>&1 \
    || bad "a storm with a partial rule: $(cat "$out/storm")"
unset PROVIDER

# Children inherit, or not; what the user set stays.
child() { env LD_PRELOAD="$1" GRAFT_RULES="$some_rules" GRAFT_VERBOSE=-1 "${@:2}" /bin/sh -c 'env' 2>&1; }
child "$preload" | grep -q '^GRAFT_RULES=' || bad "children do not inherit"
child "$preload" | grep -q '^LD_PRELOAD=.*libgraft-preload.so$' || bad "children do not inherit the preload"
child "$preload" GRAFT_INHERIT=0 | grep -qE '^(GRAFT_|LD_PRELOAD)' && bad "children inherit though they must not"
child "$out/libother.so:$preload" GRAFT_INHERIT=0 | grep -qx "LD_PRELOAD=$out/libother.so" \
    || bad "another preload is not left to children"
exit $status
