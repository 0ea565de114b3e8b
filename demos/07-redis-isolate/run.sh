#!/bin/bash
# SPDX-License-Identifier: MIT
# A module for Lua 5.4 in redis-server, which exports Lua 5.1 without versions.
set -eu
. "$(dirname "$0")/../common.sh"
need_compiler
need_command redis-server redis-server
need_command redis-cli redis-tools
need_file /usr/include/lua5.4/lua.h liblua5.4-dev
need_graft

module=$work/luamodule.so
compile -fPIC -shared -I/usr/include/lua5.4 -o "$module" "$here/luamodule.c" -llua5.4

# A folder of its own, with a short name: a socket's path has 107 bytes at most.
place=$(mktemp -d)
server=
stop() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || :
    rm -rf "$place"
}
trap stop EXIT

# Starts "$@" as the server and waits until it answers.
serve() {
    "$@" --port 0 --unixsocket "$place/socket" --dir "$place" --save '' \
        --logfile "$place/log" --crash-log-enabled no --loadmodule "$module" &
    server=$!
    for _ in $(seq 200); do
        [ "$(redis-cli -s "$place/socket" ping 2>/dev/null)" != PONG ] || return 0
        kill -0 "$server" 2>/dev/null || return 0
        sleep 0.05
    done
}

ask() {
    echo "  $*"
    redis-cli --no-raw -s "$place/socket" "$@" 2>&1 | sed "s|$place/||; s/^/    /"
}

finish() {
    local status=0
    if kill -0 "$server" 2>/dev/null; then
        redis-cli -s "$place/socket" shutdown nosave >/dev/null 2>&1 || :
    fi
    wait "$server" || status=$?
    server=
    ended $status
}

before
serve redis-server
ask eval 'return _VERSION' 0
ask lua54.eval 'return 7 // 2'
finish

after
serve "$graft" run --isolate luamodule.so -- redis-server
ask eval 'return _VERSION' 0
ask lua54.eval 'return _VERSION'
ask lua54.eval 'return 7 // 2'
ask lua54.eval 'local t <const> = {5, 4}; return table.concat(t, ".")'
ask lua54.eval 'return math.type(3), utf8.char(955)'
ask lua54.eval 'error("on purpose")'
ask eval 'return 7 // 2' 0
finish
