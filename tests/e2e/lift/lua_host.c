/* SPDX-License-Identifier: MIT */
/* A Lua that runs one script: the part of lua.c that a plugin host has. */
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    if (count < 2 || luaL_dofile(L, arguments[1])) {
        fprintf(stderr, "%s\n", count < 2 ? "which script?" : lua_tostring(L, -1));
        return 1;
    }
    lua_close(L);
    return 0;
}
