/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_BIND_CALLER_H
#define GRAFT_BIND_CALLER_H

#include <stdbool.h>
#include <stdint.h>

/* The functions of the loader that are watched. */
enum watched { DLOPEN, DLMOPEN, DLCLOSE, DLSYM, DLVSYM, DLERROR, WATCHED };

enum { CALLER_SPACES = 16 };        /* DL_NNS of glibc */

/* Where a call came from: its object's namespace, and a return instruction there. */
struct caller { uintptr_t address; const void *gadget; unsigned space; };

/* errno is left alone. */
struct caller caller_find(void *from);

/* Calls @function with three arguments as code of the caller's object would. */
uintptr_t caller_call(const struct caller *, uintptr_t function, uintptr_t a, uintptr_t b, uintptr_t c);

/* The real function of a namespace: each has a libc of its own, whose dlerror is to
 * speak of its calls. */
uintptr_t caller_real(unsigned space, enum watched);

/* The loader's own dlopen and dlclose, past all hooks, as code of the caller's object would
 * call them. */
void *caller_open(const struct caller *, const char *path, int mode);
void caller_close(const struct caller *, void *handle);

/* What dlerror says of a load of @path, as -GRAFT_ESYS. */
struct graft_error;
int caller_failed(const char *path, struct graft_error *);

/* Notes the real function of a namespace below CALLER_SPACES. */
void caller_learn(unsigned space, enum watched, uintptr_t address);

/* dlmopen(RTLD_NOLOAD) and dlclose for graft itself, past all hooks. */
void *caller_hold(long space, const char *path);
void caller_unload(void *handle);

#endif
