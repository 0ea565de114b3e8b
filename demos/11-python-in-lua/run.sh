#!/bin/bash
# SPDX-License-Identifier: MIT
# Python inside a module of Lua, and Python's own extension modules inside that.
set -eu
. "$(dirname "$0")/../common.sh"
need_python
need_command lua5.4 lua5.4
need_file /usr/include/lua5.4/lua.h liblua5.4-dev
need_graft

compile -fPIC -shared -I"$include" -I/usr/include/lua5.4 -o "$work/python.so" "$here/python.c" "$libpython"
export LUA_CPATH=$work/?.so

before
show lua5.4 "$here/host.lua"
after
show "$graft" run --load '*.cpython-*' -- lua5.4 "$here/host.lua"
