/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_BIND_LATE_H
#define GRAFT_BIND_LATE_H

/* Rules, and the objects that were loaded after them. */

#include <stdbool.h>

#include "live/live.h"
#include "plan/plan.h"
#include "plan/rules.h"

/* Told of every rule that was carried out or failed on an object. @plan is NULL
 * where none could be made; @error tells why. Called without locks held. */
typedef void late_listener(void *arg, const struct rule *rule, const char *consumer,
                           const struct graft_plan *plan, const struct graft_error *error);

/* Sets the listener; with @dry_run, plans are shown to it and not applied. Before
 * other threads use graft. */
void late_listen(late_listener *, void *arg, int dry_run);

/* Calls @each for every rule that no loaded object ever matched. */
void late_unmatched(void (*each)(const struct rule *));

/* Adds rules; late_look carries them out. -GRAFT_ESYNTAX. */
int late_add(const char *rules, struct graft_error *);

/* Adds a rule that is a copy of @rule, strings included. -GRAFT_ENOMEM. */
int late_add_rule(const struct rule *, struct graft_error *);

/* Rules about loads are only kept here. The one that the file or name @file matches. */
bool late_find_load_rule(const char *file, struct rule *found);
bool late_has_load_rules(void);

/* The loader is watched: what is loaded now is covered by hooks, what comes is new. */
void late_start(void);

/* Looks at what is new, or with @all at everything, and carries the rules out. */
void late_look(bool all);

/* An object was not ready when it was looked at: it is new again. With the journal's lock. */
void late_unsee(uint64_t link_map, uint64_t start);

/* Whether something was loaded that was not looked at, or is being looked at. */
bool late_is_behind(unsigned long long adds);

/* Something may have been closed: forgets what lay in it. @adds_before: how many objects
 * had ever been loaded before the close. */
void late_closed(const struct live_counts *, unsigned long long adds_before);

#endif
