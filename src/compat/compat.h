/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_COMPAT_COMPAT_H
#define GRAFT_COMPAT_COMPAT_H

/* What both interfaces need: a lock, memory that is not the host's malloc, globs for
 * one object, and a hook whose name may mean several functions. */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include <graft/graft.h>

/* The lock over what was asked for. graft's own locks are taken inside it, never
 * the other way round: no filter and no wrapper runs with it held. */
void compat_lock(void);
void compat_unlock(void);

/* @size zeroed bytes that stay for good, or NULL; needs the lock. */
void *compat_keep(size_t size);

/* The one copy of @text, so that equal texts are equal pointers; NULL: out of
 * memory. Needs the lock. */
const char *compat_intern(const char *text);

/* A glob that matches @object alone: "main", or "N:" and its path with what globs
 * mean escaped. There is no escape for a comma: any character stands for it. */
enum { COMPAT_GLOB_MAX = 3 * PATH_MAX + 16 };
bool compat_glob(char glob[COMPAT_GLOB_MAX], const struct graft_object *object);

/* Whether a plan is the one that is wanted: a name and a version may mean several
 * functions. NULL accepts any. */
typedef bool compat_accepts(const struct graft_plan *, void *arg);

/* Sets hook->of, in the buffer @of if need be, so that the hook means one function: where
 * its name means several, that of the first object in load order with which its plan is
 * accepted. Puts nothing in. Codes of graft_plan_hook; -GRAFT_ENOFUNC also if no plan is
 * accepted. */
int compat_find(struct graft_hook *, char of[COMPAT_GLOB_MAX], compat_accepts *, void *arg, struct graft_error *);

/* Plans and applies, again where other hooks or objects came meanwhile. On an error
 * there is no plan. */
int compat_put(struct graft_plan **, const struct graft_hook *, size_t count, struct graft_error *);

#endif
