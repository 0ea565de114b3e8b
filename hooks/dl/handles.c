/* SPDX-License-Identifier: MIT */
/* Names of handles. Invariant: only a handle that the loader has just returned is
 * given to the loader; all others are found by their value alone. */

#include "handles.h"

#include <link.h>
#include <stdint.h>
#include <stdio.h>

#include "common/place.h"
#include "common/table.h"

int (*next_dlinfo)(void *, int, void *);

static struct table handles = TABLE_BY_ADDRESS(const char *);
static struct table paths = TABLE_BY_TEXT(char);

static const char *keep(void *handle, const char *path)
{
    _Atomic(const char *) *place = table_at(&handles, (uintptr_t)handle, NULL);
    const void *kept = table_at_text(&paths, path, NULL);
    if (place && kept)
        *place = table_text(kept);
    return kept ? table_text(kept) : "?";
}

const char *handles_opened(void *handle, Lmid_t *space)
{
    struct link_map *map;
    if (next_dlinfo(handle, RTLD_DI_LMID, space) || next_dlinfo(handle, RTLD_DI_LINKMAP, &map))
        return "?";
    return keep(handle, *map->l_name ? map->l_name : place_program());
}

void handles_name(char *name, size_t size, void *handle)
{
    _Atomic(const char *) *known = handle == RTLD_NEXT ? NULL : table_find(&handles, (uintptr_t)handle);
    if (handle == RTLD_DEFAULT)
        snprintf(name, size, "RTLD_DEFAULT");
    else if (handle == RTLD_NEXT)
        snprintf(name, size, "RTLD_NEXT");
    else if (known && *known)
        snprintf(name, size, "%s", *known);
    else
        snprintf(name, size, "%p", handle);
}
