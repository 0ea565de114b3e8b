/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_BIND_WATCH_H
#define GRAFT_BIND_WATCH_H

#include "plan/plan.h"
#include "plan/rules.h"

/* Told of every rule that was carried out or failed on an object. @plan is NULL
 * where none could be made; @error tells why. Called without locks held. */
typedef void watch_listener(void *arg, const struct rule *rule, const char *consumer,
                            const struct graft_plan *plan, const struct graft_error *error);

/* Sets the listener; with @dry_run, plans are shown to it and not applied. Before
 * other threads use graft. */
void watch_listen(watch_listener *, void *arg, int dry_run);

/* Calls @each for every rule that no loaded object ever matched. */
void watch_unmatched(void (*each)(const struct rule *));

#endif
