/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_REGISTRY_H
#define GRAFT_REGISTRY_H

/* Static dlopen: libgraft-registry.a answers dlopen, dlsym, dlvsym, dlclose,
 * dlerror, dladdr, dladdr1, dlinfo and dl_iterate_phdr in a static executable for
 * the modules that are linked into it. What `graft lift` and `graft pack` made
 * registers itself; this header is for modules written by hand, and for what shall
 * happen with names that nobody registered. It includes no other header of graft. */

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One name that dlsym finds. */
struct graft_registry_symbol {
    const char *name;
    void *address;
    size_t size;                    /* 0: not known; dladdr then takes what lies before the next */
};

/* A module written by hand. It and all that it points to must stay; nothing is copied. */
struct graft_registry_module {
    size_t size;                    /* sizeof, for growth */
    const char *path;               /* what dlopen, dladdr and link_map call it; not NULL */
    const char *soname;             /* NULL: none */
    const char *const *needed;      /* sonames or paths, ended by NULL; NULL: none */
    const struct graft_registry_symbol *symbols;
    size_t symbol_count;            /* in any order */
    void (*init)(void);             /* runs in dlopen, after those of what it needs; NULL: none */
    void (*fini)(void);             /* runs at the last dlclose, or at exit; NULL: none */
};

/* Registers @module, which the caller owns and keeps. To be called from a constructor
 * or later, from any thread; never from a signal handler. 0, or -1 with dlerror set:
 * no path, a size that is not known, or a path that another module has. Since 0.2. */
int graft_registry_add(const struct graft_registry_module *module);

/* Asked by dlopen for a name that no module has; returns a handle of its own, or NULL. */
typedef void *graft_registry_fallback(const char *name, int flags, void *arg);

/* Sets what dlopen asks for names that are not registered; NULL: nobody, as it is at
 * first. A handle from there is handed to the caller as it is, and is none of the
 * registry's: dlsym and dlclose refuse it, unless it is a handle of the registry.
 * Since 0.2. */
void graft_registry_set_fallback(graft_registry_fallback *fn, void *arg);

/* Calls @each for all modules in the order in which they were registered, until it
 * returns another value than 0, which is returned. @opened: how often dlopen has handed it
 * out. @each must not call dlopen or dlclose. Since 0.2. */
int graft_registry_each(int (*each)(const char *path, const char *soname, unsigned opened, void *arg), void *arg);

#ifdef __cplusplus
}
#endif

#endif
