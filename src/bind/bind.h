/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_BIND_BIND_H
#define GRAFT_BIND_BIND_H

/* What the public functions of this process do once it is settled which copy of graft
 * acts here (share.h), and plans for the layers above. */

#include <graft/hook.h>

#include "plan/plan.h"
#include "plan/rules.h"

/* The plan of one rule for the object with that link_map (0: whatever the rule's
 * glob matches). */
int bind_plan_rule(struct graft_plan **, const struct rule *, uint64_t link_map, struct graft_error *);

int bind_plan_apply(struct graft_plan *, struct graft_error *);
int bind_plan_undo(struct graft_plan *, struct graft_error *);
void bind_plan_free(struct graft_plan *);
int bind_rules_add(const char *text, struct graft_error *);
int bind_watch(struct graft_error *);
int bind_plan_hook(struct graft_plan **, const struct graft_hook *, size_t count, struct graft_error *);
int bind_plan_enable(struct graft_plan *, int enabled, struct graft_error *);
int bind_hook(const char *symbol, void *replacement, void **original);
int bind_unhook(const char *symbol, void *replacement);
int bind_hook_enable(const char *symbol, void *replacement, int enabled);
int bind_hooks_each(int (*each)(const struct graft_hook_info *, void *arg), void *arg);
int bind_hooks_start(const struct graft_hook_library *, const char *arguments, struct graft_error *);
int bind_hooks_stop(const struct graft_hook_library *, struct graft_error *);

#endif
