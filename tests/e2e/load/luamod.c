/* SPDX-License-Identifier: MIT */
/* A module of Lua, in the words that Lua 5.3 and 5.4 share; which of them its macros and
 * its library mean is the test's. It keeps a block in a full userdata: what makes one has
 * another name in each version, so that a module of 5.3 gets it from its own library. */
#include <lauxlib.h>
#include <lua.h>

static int answer(lua_State *L)
{
    int *block = lua_newuserdata(L, sizeof *block);
    *block = (int)luaL_checkinteger(L, 1) * 6;
    lua_pushfstring(L, "%d %s", *block, luaL_typename(L, -1));
    return 1;
}

int luaopen_luamod(lua_State *L);

/* No luaL_newlib, which would ask which Lua this is. */
int luaopen_luamod(lua_State *L)
{
    lua_newtable(L);
    lua_pushcfunction(L, answer);
    lua_setfield(L, -2, "answer");
    return 1;
}
