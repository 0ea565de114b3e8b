/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LIFT_BINDING_H
#define GRAFT_LIFT_BINDING_H

/* Which definition each reference of a set of modules binds to, as ld.so would bind it
 * when each is opened on its own: its own, then those of the closure of its DT_NEEDED,
 * breadth first, with versions. What is left is the main program's. */

#include "lift/lift.h"

struct binding;

/* @count modules, which must outlive the binding. NULL: out of memory. */
struct binding *binding_new(struct lift_module *const *modules, size_t count);
void binding_free(struct binding *);

/* Leaves a name to dlopen in modules where nothing else defines it; copied. */
int binding_leave(struct binding *, const char *name);

/* The number of modules that refer to @name without having found it; the first one in
 * *@first. */
size_t binding_wanting(const struct binding *, const char *name, const struct lift_module **first);

/* Calls @each for the name of every weak reference that no module serves. */
void binding_weak(const struct binding *, void (*each)(void *arg, const char *name), void *arg);

/* A lift_resolve_fn; @arg is the binding. */
enum lift_where binding_resolve(void *arg, const struct lift_module *, const struct elf_symbol *wanted,
                                struct lift_binding *);

#endif
