/* SPDX-License-Identifier: MIT */
/* Plans a rule where it is asked for. Invariant: one rule means the same in files,
 * in a live process and in a started one. */

#include "cli/site.h"

#include "plan/rebind.h"

int site_plan(const struct site *site, const struct rule *rule, struct graft_plan **plan,
              struct graft_error *error)
{
    struct graft_rebind request = { .size = sizeof request, .consumer = rule->consumer, .from = rule->from,
                                    .onto = rule->onto, .only = rule->only, .flags = rule->flags };
    bool isolate = rule->kind == RULE_ISOLATE;
    if (site->target)
        return isolate ? graft_target_plan_isolate(site->target, plan, rule->consumer, rule->flags, error)
                       : graft_target_plan_rebind(site->target, plan, &request, error);
    return isolate ? plan_isolate(plan, site->world, WORLD_NONE, rule->consumer, rule->flags, error)
                   : plan_rebind(plan, site->world, WORLD_NONE, &request, error);
}
