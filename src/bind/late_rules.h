/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_BIND_LATE_RULES_H
#define GRAFT_BIND_LATE_RULES_H

#include "base/arena.h"

/* The rules that are in force, of struct rule; none is ever taken out. Under the
 * journal's lock. */
extern struct arena_list late_rules __attribute__((visibility("hidden")));

#endif
