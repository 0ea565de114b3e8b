/* SPDX-License-Identifier: MIT */
/* An addon as loaders of Node have it: it takes Node-API (and with WITH_UV libuv) by
 * name, and the way it is linked is the test's. With WITH_PART all calls of the runtime
 * are in another library, addon_part.c, so that only that one needs libnode. Every
 * answer is computed by the runtime: a second V8, which knows none of the host's
 * handles, cannot give it. */
#include <node_api.h>
#include <stdio.h>
#ifdef WITH_UV
#include <uv.h>
#endif

#ifdef WITH_PART
napi_value part_exports(napi_env, napi_value exports);

NAPI_MODULE_EXPORT napi_value napi_register_module_v1(napi_env env, napi_value exports)
{
    return part_exports(env, exports);
}
#else

/* In a table, so that there is a data slot besides those of calls. */
static napi_status (*volatile const create_double)(napi_env, double, napi_value *) = napi_create_double;

static napi_value add(napi_env env, napi_callback_info info)
{
    napi_value argument[2], result;
    size_t count = 2;
    double a, b;
    if (napi_get_cb_info(env, info, &count, argument, NULL, NULL)
        || napi_get_value_double(env, argument[0], &a) || napi_get_value_double(env, argument[1], &b))
        return NULL;
    return create_double(env, a + b, &result) ? NULL : result;
}

static napi_value fail(napi_env env, napi_callback_info info)
{
    (void)info;
    napi_throw_type_error(env, "E_PURPOSE", "on purpose");
    return NULL;
}

static napi_value sum(napi_env env, napi_callback_info info)
{
    napi_value argument, result;
    size_t count = 1, length;
    void *bytes;
    double total = 0;
    if (napi_get_cb_info(env, info, &count, &argument, NULL, NULL)
        || napi_get_buffer_info(env, argument, &bytes, &length))
        return NULL;
    for (size_t i = 0; i < length; i++)
        total += ((unsigned char *)bytes)[i];
    return create_double(env, total, &result) ? NULL : result;
}

/* An object with the version of Node as the addon sees it. */
static napi_value version(napi_env env, napi_callback_info info)
{
    const napi_node_version *found;
    napi_value object, major;
    (void)info;
    if (napi_get_node_version(env, &found) || napi_create_object(env, &object)
        || napi_create_uint32(env, found->major, &major)
        || napi_set_named_property(env, object, "major", major))
        return NULL;
    return object;
}

#ifdef WITH_UV
/* libuv's version, and the host loop's time, which another libuv reads wrongly or not. */
static napi_value uv(napi_env env, napi_callback_info info)
{
    uv_loop_t *loop;
    napi_value result;
    char text[80];
    (void)info;
    if (napi_get_uv_event_loop(env, &loop))
        return NULL;
    uv_update_time(loop);
    int length = snprintf(text, sizeof text, "%s %d", uv_version_string(), uv_now(loop) > 0);
    return napi_create_string_utf8(env, text, (size_t)length, &result) ? NULL : result;
}
#endif

static const struct export {
    const char *name;
    napi_callback call;
} list[] = {
    { "add", add }, { "fail", fail }, { "sum", sum }, { "version", version },
#ifdef WITH_UV
    { "uv", uv },
#endif
};

#ifdef PART
napi_value part_exports(napi_env env, napi_value exports);
napi_value part_exports(napi_env env, napi_value exports)
#else
NAPI_MODULE_EXPORT napi_value napi_register_module_v1(napi_env env, napi_value exports)
#endif
{
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        napi_value function;
        if (napi_create_function(env, list[i].name, NAPI_AUTO_LENGTH, list[i].call, NULL, &function)
            || napi_set_named_property(env, exports, list[i].name, function))
            return NULL;
    }
    return exports;
}
#endif
