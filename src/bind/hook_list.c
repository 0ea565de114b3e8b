/* SPDX-License-Identifier: MIT */
/* Lists hooks. Invariant: in the order in which they are called. */

#include "bind/bind.h"
#include "bind/hooks.h"

static size_t count_edits(const struct chain *chain)
{
    size_t n = 0;
    for (const struct journal_edit *e = chain->edits; e; e = e->next_in_chain)
        n++;
    return n;
}

static struct graft_hook_info describe(const struct hook *hook)
{
    return (struct graft_hook_info){
        .size = sizeof(struct graft_hook_info), .symbol = hook->symbol, .version = hook->version, .in = hook->callers.in,
        .of = hook->of, .owner = hook->owner, .replacement = hook->replacement, .priority = hook->priority,
        .enabled = hook->state == HOOK_ENABLED };
}

int bind_hooks_each(int (*each)(const struct graft_hook_info *, void *arg), void *arg)
{
    int result = 0;
    journal_lock();
    for (const struct function *f = function_first(); f && !result; f = f->next)
        for (const struct chain *c = f->chains; c && !result; c = c->next)
            for (const struct link *l = c->links; l && !result; l = l->next) {
                struct graft_hook_info info = describe(l->hook);
                info.object = f->object;
                info.function = (void *)f->from;
                info.slots = count_edits(c);
                if (l->hook->state != HOOK_PLANNED)
                    result = each(&info, arg);
            }
    for (const struct hook *hook = hook_newest(); hook && !result; hook = hook->older) {
        struct graft_hook_info info = describe(hook);
        if (!hook->links && hook->state != HOOK_PLANNED)
            result = each(&info, arg);
    }
    journal_unlock();
    return result;
}
