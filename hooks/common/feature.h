/* SPDX-License-Identifier: MIT */
#ifndef HOOKS_COMMON_FEATURE_H
#define HOOKS_COMMON_FEATURE_H

/* What the C library may lack, asked here and nowhere else: who has it not gets the answer
 * that says so. */

#include <dlfcn.h>
#include <link.h>
#include <stddef.h>

/* The object that holds a code address. _dl_find_object, which takes no lock, is there
 * since glibc 2.35; a binary that was built there may meet an older one. NULL: unknown. */
#ifdef DLFO_STRUCT_HAS_EH_DBASE
#pragma weak _dl_find_object
static inline const struct link_map *feature_object_at(const void *address)
{
    struct dl_find_object found;
    return _dl_find_object && !_dl_find_object((void *)address, &found) ? found.dlfo_link_map : NULL;
}
#else
static inline const struct link_map *feature_object_at(const void *address)
{
    (void)address;
    return NULL;
}
#endif

/* The list of the namespace after this one. glibc since 2.35 chains them; an older one
 * shows the first alone. */
#if __GLIBC_PREREQ(2, 35)
static inline const struct r_debug *feature_next_space(const struct r_debug *space)
{
    return space->r_version > 1 ? (const struct r_debug *)((const struct r_debug_extended *)space)->r_next : NULL;
}
#else
static inline const struct r_debug *feature_next_space(const struct r_debug *space)
{
    (void)space;
    return NULL;
}
#endif

#endif
