#!/bin/bash
# SPDX-License-Identifier: MIT
# A C host whose interpreter runs in a link-map namespace of its own.
set -eu
. "$(dirname "$0")/../common.sh"
need_python
need_graft

build_plugin_host "$work/host"
build_plugin "$work/plugin.so" "$libpython"
build_pyloader "$work/libpyloader.so"
command=("$work/host" namespace "$work/plugin.so" "$work/libpyloader.so")

before
DEMO_DUPLICATE=$libpython show "${command[@]}"
after
show "$graft" run --rebind libpyloader.so -- "${command[@]}"
