#!/bin/bash
# SPDX-License-Identifier: MIT
# Modules of Lua that are linked to the library of one version: in the Lua of another it
# is refused, and told which they are; in the same one the host's is taken; one that is
# linked to none is left alone. redis-server has a Lua 5.1 of its own, for which a module
# with Lua 5.4 is none, but which can keep its own.
. "$(dirname "$0")/lib/check.sh"
. "$(dirname "$0")/load/load.sh"

# module FOLDER VERSION ARGUMENT...: headers of that version.
module() {
    mkdir "$work/$1"
    compile -shared -I"/usr/include/lua$2" -o "$work/$1/luamod.so" "$load/luamod.c" "${@:3}"
}
module old 5.3 -llua5.3
module same 5.4 -llua5.4
module unlinked 5.4
works='answer=42 userdata'

# 5.3's userdata in 5.4's heap: it crashes or never ends.
outcome "$crash|124" timeout -k 1 2 lua5.4 "$load/luamod.lua" "$work/old"
says_not "$works"
outcome 0 "$GRAFT" run --load luamod.so -- lua5.4 "$load/luamod.lua" "$work/old"
says "graft: .*$work/old/luamod.so.*" "loaded=.*graft refuses $work/old/luamod.so: .*" copies=
says 'loaded=.*5\.3.*5\.4.*|loaded=.*5\.4.*5\.3.*'
says_not "$works"

outcome 0 lua5.4 "$load/luamod.lua" "$work/same"
says "$works" copies=5.4                        # right, and yet there are two
outcome 0 "${run[@]}" luamod.so -- lua5.4 "$load/luamod.lua" "$work/same"
says "graft: load $work/same/luamod.so: provider: .+" "$works" copies=

outcome 0 "${run[@]}" luamod.so -- lua5.4 "$load/luamod.lua" "$work/unlinked"
says "graft: load $work/unlinked/luamod.so: none: .+" "$works" copies=

demo=$root/demos/07-redis-isolate
compile -shared -I/usr/include/lua5.4 -o "$work/luamodule.so" "$demo/luamodule.c" -llua5.4
export ASK=lua54.eval ARGUMENT='return _VERSION .. " " .. 7 // 2'
server=(redis-server --loadmodule "$work/luamodule.so")
outcome 0 "$load/redis.sh" "${server[@]}"
says "ended: ($crash)"
says_not 'said: Lua 5\.4 3'
outcome 0 "$load/redis.sh" "$GRAFT" run --load luamodule.so -- "${server[@]}"
says "graft: .*$work/luamodule.so.*5\.1.*" ".*graft refuses $work/luamodule.so: .*5\.4.*" 'ended: 1'
says_not 'said: .*'
outcome 0 "$load/redis.sh" "$GRAFT" run -v --own luamodule.so -- "${server[@]}"
says "graft: load $work/luamodule.so: isolate: .+" 'said: Lua 5\.4 3' 'ended: 0'
finish
