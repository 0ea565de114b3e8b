/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LOAD_OPENER_H
#define GRAFT_LOAD_OPENER_H

#include "bind/caller.h"

struct graft_error;

/* Runs in dlopen when all is loaded and relocated and no constructor of it has run, with
 * the loader's lock held by this thread. Other than 0: none of them shall run. */
typedef int opener_fn(void *arg);

/* As dlopen(@path, @mode) of @caller, with @fn called before the first constructor. @real
 * is the file that @path means. *handle is dlopen's own. If @fn fails, no constructor
 * runs, what came is unloaded and its code is returned; -GRAFT_ESYS with dlerror's text. */
int opener_open(const struct caller *, const char *path, const char *real, int mode, opener_fn *fn, void *arg,
                void **handle, struct graft_error *);

/* How many loads are between their start and their constructors: what they bring is
 * visible, and not yet what it will be. */
unsigned opener_under_way(void);

/* How many loads ever started. */
unsigned opener_started(void);

#endif
