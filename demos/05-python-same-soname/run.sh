#!/bin/bash
# SPDX-License-Identifier: MIT
# The host's libpython lies at another path; both have the same SONAME.
set -eu
. "$(dirname "$0")/../common.sh"
need_python
need_graft

# The plugin finds its own libpython; the consumer asks for one by its path,
# which the loader does not compare with the SONAMEs of what is loaded.
mkdir -p "$work/private"
cp "$libpython" "$work/private/$soname"
duplicate=$work/other/$soname
build_nameless "$duplicate"
build_pyloader "$work/libpyloader.so" "$duplicate"
cp "$libpython" "$duplicate"

build_plugin_host "$work/host"
# shellcheck disable=SC2016 # the loader expands $ORIGIN
build_plugin "$work/plugin.so" "$work/private/$soname" -Wl,-rpath,'$ORIGIN/private'
command=("$work/host" local "$work/plugin.so" "$work/libpyloader.so")

before
DEMO_DUPLICATE=$duplicate show "${command[@]}"
after
show "$graft" run --rebind "libpyloader.so=$work/private/*" -- "${command[@]}"
