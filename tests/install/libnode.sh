#!/bin/bash
# SPDX-License-Identifier: MIT
# Prints the folder in which Debian's libnode.so.108 and its headers are unpacked, as
# apt-get download brings them: beside another nodejs they cannot be installed. What
# libnode itself needs is installed in the ordinary way (demos/deps.txt). Exit 1: no.
#   $(libnode.sh)/lib/libnode.so.108   $(libnode.sh)/include/node_api.h
set -u
build=${BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build}
mkdir -p "$build/libnode" && place=$(cd "$build/libnode" && pwd) || exit 1

if ! [ -e "$place/complete" ]; then
    cd "$place" || exit 1
    apt-get -qq -o APT::Sandbox::User=root download libnode108 libnode-dev >&2 || exit 1
    for package in libnode108_*.deb libnode-dev_*.deb; do
        dpkg -x "$package" tree || exit 1
    done
    ln -sfn "$(echo tree/usr/lib/*-linux-gnu)" lib
    ln -sfn tree/usr/include/nodejs/src include
    touch complete
fi
missing=$(ldd "$place/lib/libnode.so.108" | sed -n 's/^\s*\(.*\) => not found/\1/p' | xargs)
[ -z "$missing" ] || { echo "libnode needs $missing" >&2; exit 1; }
echo "$place"
