/* SPDX-License-Identifier: MIT */
#ifndef DEMO_NODE_API_H
#define DEMO_NODE_API_H

/* The little of Node-API that the demo's addon needs, after Node's reference. */

#include <stddef.h>
#include <stdint.h>

typedef struct napi_env__ *napi_env;
typedef struct napi_value__ *napi_value;
typedef struct napi_callback_info__ *napi_callback_info;
typedef int napi_status;                /* napi_ok is 0 */
typedef napi_value napi_callback(napi_env, napi_callback_info);

#define NAPI_AUTO_LENGTH SIZE_MAX

struct napi_node_version {
    uint32_t major, minor, patch;
    const char *release;
};

napi_status napi_get_node_version(napi_env, const struct napi_node_version **);
napi_status napi_create_function(napi_env, const char *name, size_t length, napi_callback *,
                                 void *data, napi_value *result);
napi_status napi_create_uint32(napi_env, uint32_t value, napi_value *result);
napi_status napi_create_string_utf8(napi_env, const char *text, size_t length, napi_value *result);
napi_status napi_run_script(napi_env, napi_value source, napi_value *result);
napi_status napi_set_named_property(napi_env, napi_value object, const char *name, napi_value);

/* What Node finds by name in an addon and calls once it is loaded. */
napi_value napi_register_module_v1(napi_env, napi_value exports);

#endif
