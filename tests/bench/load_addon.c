/* SPDX-License-Identifier: MIT */
/* An addon of Node as loads are measured with: it takes ten names of Node-API. It calls
 * them only where LOAD_CALLS is set, because linked to a second V8 it would not survive. */

#include <node_api.h>
#include <stdlib.h>

static napi_value add(napi_env env, napi_callback_info info)
{
    napi_value argument[2], result;
    size_t count = 2;
    double a, b;
    if (napi_get_cb_info(env, info, &count, argument, NULL, NULL)
        || napi_get_value_double(env, argument[0], &a) || napi_get_value_double(env, argument[1], &b)
        || napi_create_double(env, a + b, &result)) {
        napi_throw_error(env, NULL, "not two numbers");
        return NULL;
    }
    return result;
}

NAPI_MODULE_EXPORT napi_value napi_register_module_v1(napi_env env, napi_value exports)
{
    napi_value function, text;
    const napi_node_version *version;
    napi_valuetype type;
    if (!getenv("LOAD_CALLS"))
        return exports;
    if (napi_typeof(env, exports, &type) || napi_get_node_version(env, &version)
        || napi_create_string_utf8(env, version->release, NAPI_AUTO_LENGTH, &text)
        || napi_set_named_property(env, exports, "release", text)
        || napi_create_function(env, "add", NAPI_AUTO_LENGTH, add, NULL, &function)
        || napi_set_named_property(env, exports, "add", function))
        return NULL;
    return exports;
}
