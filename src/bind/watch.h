/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_BIND_WATCH_H
#define GRAFT_BIND_WATCH_H

/* The watch over the loader's functions. */

#include "plan/world.h"

struct graft_error;

/* Starts watching dlopen, dlmopen and dlclose, and with @symbols dlsym and dlvsym. Does
 * nothing the second time. -GRAFT_ESTATIC and what a plan may fail with. */
int watch_start(bool symbols, struct graft_error *);

/* Registers what is to be watched in namespaces that are new. In a visit, with the
 * journal's lock. */
void watch_gates(const struct world *);

/* @function is about to be forgotten. With the journal's lock. */
struct function;
void watch_gone(const struct function *);

/* Looks for objects that came. Without locks held. */
void watch_look(void);

#endif
