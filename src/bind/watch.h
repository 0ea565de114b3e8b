/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_BIND_WATCH_H
#define GRAFT_BIND_WATCH_H

/* The watch over the loader's functions. */

#include "plan/world.h"

struct graft_error;

/* Starts watching dlopen, dlmopen and dlclose, and with @symbols dlsym, dlvsym and dlerror. Does
 * nothing the second time. -GRAFT_ESTATIC and what a plan may fail with. */
int watch_start(bool symbols, struct graft_error *);

/* What a layer above does in place of the loader. @open: true if it has answered, as
 * dlopen would have, dlerror and errno included. @missing: the address of a name that the
 * loader did not find, or 0; then dlerror is as the loader left it. */
struct caller;
struct watch_extension {
    bool (*open)(const struct caller *, const char *file, int mode, void **handle);
    uintptr_t (*missing)(const struct caller *, void *handle, const char *name, const char *version);
    void (*closed)(void);           /* something was unloaded */
};
void watch_extend(const struct watch_extension *);

/* What dlerror tells this thread next, until it uses the loader again; @text lives on. */
void watch_refuse(const char *text);

/* What a dlopen of @caller in the program gives. */
void *watch_dlopen(const struct caller *, const char *file, int mode);

/* The loader's own dlopen for @caller, with hooks and rules told of what came. */
void *watch_open(const struct caller *, const char *file, int mode);

/* Registers what is to be watched in namespaces that are new. In a visit, with the
 * journal's lock. */
void watch_gates(const struct world *);

/* @function is about to be forgotten. With the journal's lock. */
struct function;
void watch_gone(const struct function *);

/* Looks for objects that came. Without locks held. */
void watch_look(void);

#endif
