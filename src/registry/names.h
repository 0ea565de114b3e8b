/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_REGISTRY_NAMES_H
#define GRAFT_REGISTRY_NAMES_H

/* What is done with names everywhere. */

#include <stdint.h>
#include <string.h>

/* The hash of DT_GNU_HASH, which serves the registry's own tables as well. */
static inline uint32_t name_hash(const char *name)
{
    uint32_t h = 5381;
    for (const unsigned char *c = (const unsigned char *)name; *c; c++)
        h = h * 33 + *c;
    return h;
}

static inline const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

#endif
