#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds the benchmark set and the benchmark, and runs it. BUILD (default: build)
# holds libgraft.a, libgraft-preload.so and the tool. Needs node 20, and Debian's libnode.
#   bench.sh [--json FILE] [--loads]        --loads: only what bench_load.c measures
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
build=$(cd "$root" && cd "${BUILD:-build}" && pwd)
out=$build/bench
: "${CC:=gcc}" "${LIBS:=200}" "${SYMS:=2000}"

graft=${GRAFT:-$build/graft}
node=$("$root/tests/install/node.sh") || { echo "bench.sh: no node 20" >&2; exit 1; }
BUILD=$build "$here/load_gen.sh" "$build" "$out"
case " $* " in *' --loads '*) ;; *) "$here/gen.sh" "$out" "$LIBS" "$SYMS" ;; esac
for side in host duplicate; do
    leaf=1
    [ $side = host ] || leaf=2
    $CC -O2 -fPIC -shared -DLEAF=$leaf -Wl,-soname,libleaf_$side.so -o "$out/libleaf_$side.so" "$here/leaf.c"
done
for depth in 1 3; do
    $CC -O2 -fPIC -shared -DDEPTH=$depth -Wl,-soname,libleaf_chain$depth.so -o "$out/libleaf_chain$depth.so" "$here/leaf_chain.c"
done
$CC -O2 -fPIC -shared -Wl,-soname,libwrap.so -o "$out/libwrap.so" "$here/wrap.c"
for call in direct:host rebound:duplicate chain1:chain1 chain3:chain3; do
    $CC -O2 -fPIC -shared -Wl,-soname,"libcall_${call%:*}.so" -Wl,-z,now -Wl,-rpath,'$ORIGIN' \
        -o "$out/libcall_${call%:*}.so" "$here/call.c" "$out/libleaf_${call#*:}.so"
done
$CC -std=gnu11 -O2 -g -Wall -Wextra -I"$root/include" -o "$out/bench" \
    "$here"/{bench,bench_hook,bench_load,baseline,bench_open,memory}.c "$build/libgraft.a" \
    -Wl,--wrap=mmap -Wl,--wrap=munmap
exec "$out/bench" "$out" "$LIBS" "$build/libgraft-preload.so" "$graft" "$node" "$(cd "$here" && pwd)/load_node.js" "$@"
