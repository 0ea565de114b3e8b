/* SPDX-License-Identifier: MIT */
#ifndef DEMO_MODULE_API_H
#define DEMO_MODULE_API_H

/* The little of Redis' module API that the demo's module needs, after Redis'
 * reference of that API. The server passes RedisModule_OnLoad a context, whose
 * first word is the function that finds all others by name. */

#include <stddef.h>

enum { REDISMODULE_OK = 0, REDISMODULE_ERR = 1, REDISMODULE_API_VERSION = 1 };

struct redis_context;
struct redis_string;

typedef int redis_get_api_fn(const char *name, void **function);
typedef int redis_command_fn(struct redis_context *, struct redis_string **args, int count);

struct redis_api {
    void (*SetModuleAttribs)(struct redis_context *, const char *name, int version, int api);
    int (*CreateCommand)(struct redis_context *, const char *name, redis_command_fn *,
                         const char *flags, int first_key, int last_key, int step);
    const char *(*StringPtrLen)(const struct redis_string *, size_t *length);
    int (*WrongArity)(struct redis_context *);
    int (*ReplyWithError)(struct redis_context *, const char *text);
    int (*ReplyWithCString)(struct redis_context *, const char *text);
};

/* Fills @api; REDISMODULE_ERR if the server lacks one of the functions. */
static inline int redis_api_get(struct redis_context *context, struct redis_api *api)
{
    redis_get_api_fn *get = *(redis_get_api_fn **) context;

#define GET(name) \
    if (get("RedisModule_" #name, (void **) &api->name) != REDISMODULE_OK) \
        return REDISMODULE_ERR
    GET(SetModuleAttribs);
    GET(CreateCommand);
    GET(StringPtrLen);
    GET(WrongArity);
    GET(ReplyWithError);
    GET(ReplyWithCString);
#undef GET
    return REDISMODULE_OK;
}

#endif
