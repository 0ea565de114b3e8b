#!/bin/bash
# SPDX-License-Identifier: MIT
# A C host whose interpreter is embedded in a plugin, opened RTLD_LOCAL.
set -eu
. "$(dirname "$0")/../common.sh"
need_python
archive=$libpl/libpython${include##*python}-pic.a
need_file "$archive" libpython3-dev
need_graft

build_plugin_host "$work/host"
build_plugin "$work/plugin.so" -Wl,--whole-archive "$archive" -Wl,--no-whole-archive \
    -lz -lexpat -lm
build_pyloader "$work/libpyloader.so"
command=("$work/host" local "$work/plugin.so" "$work/libpyloader.so")

before
DEMO_DUPLICATE=$libpython show "${command[@]}"
after
show "$graft" run --rebind libpyloader.so -- "${command[@]}"
