/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LIVE_LIVE_H
#define GRAFT_LIVE_LIVE_H

/* This process, as a world. */

#include "plan/world.h"

/* What a visitor is told besides the world: how many objects were ever added and
 * removed, which tells whether anything changed since the last visit. */
struct live_counts { unsigned long long adds, subs; };

typedef int live_visitor(struct world *, const struct live_counts *, void *arg);

/* Calls @visit with the world of this process while the loader's lock is held: no
 * object can appear or go. The world is kept until something is loaded or
 * unloaded; the visitor allocates nothing in its arena. It must not call malloc,
 * dlopen, dlsym, dladdr, open files or take locks that are held across those
 * (TRAPS 14). Returns what @visit returned, or a negative
 * code. */
int live_visit(live_visitor *visit, void *arg, struct graft_error *);

/* As live_visit, but where the counts are still *@known nothing was loaded or
 * unloaded since, no world is built, and @visit gets NULL. */
int live_revisit(live_visitor *visit, void *arg, const struct live_counts *known, struct graft_error *);

/* As live_visit without building a world (@visit gets NULL), and without an error
 * of its own: returns what @visit returned. */
int live_hold(live_visitor *visit, void *arg);

/* Only the counts: a cheap test for "nothing changed". */
struct live_counts live_counts(void);

/* From now on symbols have the values that @patches gives them, not those that somebody
 * has written into their tables. The list may change in visits. Before other threads
 * use graft, or in a visit. */
void live_show_patches(const struct elf_patches *patches);

/* No visit is under way while this is held: for fork, whose child would find the
 * loader's lock with a thread that it does not have. */
void live_lock(void);
void live_unlock(void);

#endif
