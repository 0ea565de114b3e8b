/* SPDX-License-Identifier: MIT */
/* A Redis module with the command LUA54.EVAL, linked to liblua5.4. It is right
 * in itself: whether it works depends on whose Lua its slots, and liblua5.4's
 * own, lead to, for redis-server exports all of Lua 5.1 under the same names. */
#include <lua.h>
#include <lualib.h>
#include <lauxlib.h>
#include <stdio.h>
#include "module-api.h"

int RedisModule_OnLoad(struct redis_context *, struct redis_string **args, int count);

static struct redis_api redis;

static int reply(struct redis_context *context, lua_State *lua, const char *code)
{
    char text[256];

    if (luaL_loadstring(lua, code) || lua_pcall(lua, 0, 1, 0)) {
        snprintf(text, sizeof text, "ERR %s", lua_tostring(lua, -1));
        return redis.ReplyWithError(context, text);
    }
    snprintf(text, sizeof text, "%s", luaL_tolstring(lua, -1, NULL));
    return redis.ReplyWithCString(context, text);
}

static int eval(struct redis_context *context, struct redis_string **args, int count)
{
    if (count != 2)
        return redis.WrongArity(context);

    lua_State *lua = luaL_newstate();
    if (!lua)
        return redis.ReplyWithError(context, "ERR no memory for Lua");
    luaL_openlibs(lua);
    int status = reply(context, lua, redis.StringPtrLen(args[1], NULL));
    lua_close(lua);
    return status;
}

int RedisModule_OnLoad(struct redis_context *context, struct redis_string **args, int count)
{
    (void) args, (void) count;
    if (redis_api_get(context, &redis) != REDISMODULE_OK)
        return REDISMODULE_ERR;
    redis.SetModuleAttribs(context, "lua54", 1, REDISMODULE_API_VERSION);
    return redis.CreateCommand(context, "lua54.eval", eval, "", 0, 0, 0);
}
