/* SPDX-License-Identifier: MIT */
/* An addon linked to libnode, as a loader of Node is that also serves programs
 * without one. Inside node it must use the V8 that runs: its exports are made
 * in there, and libnode's other V8 knows nothing of them. */
#include <stdbool.h>
#include "node-api.h"

/* In a table, so that there is a data slot besides those of calls. */
static napi_status (*volatile const run_script)(napi_env, napi_value, napi_value *) = napi_run_script;

static napi_value evaluate(napi_env env, napi_callback_info info)
{
    napi_value source, result;

    (void) info;
    if (napi_create_string_utf8(env, "x + 1", NAPI_AUTO_LENGTH, &source))
        return NULL;
    return run_script(env, source, &result) ? NULL : result;
}

static bool set_major_version(napi_env env, napi_value exports)
{
    const struct napi_node_version *version;
    napi_value major;

    return !napi_get_node_version(env, &version) &&
           !napi_create_uint32(env, version->major, &major) &&
           !napi_set_named_property(env, exports, "major", major);
}

static bool set_evaluate(napi_env env, napi_value exports)
{
    napi_value function;

    return !napi_create_function(env, "evaluate", NAPI_AUTO_LENGTH, evaluate, NULL, &function) &&
           !napi_set_named_property(env, exports, "evaluate", function);
}

napi_value napi_register_module_v1(napi_env env, napi_value exports)
{
    return set_major_version(env, exports) && set_evaluate(env, exports) ? exports : NULL;
}
