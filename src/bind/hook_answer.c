/* SPDX-License-Identifier: MIT */
/* What somebody is told who asks for a hooked function: by dlsym, through a gate of the
 * watch. Invariant: the answer is that of the chain that serves the caller's object. */

#include <errno.h>

#include "bind/hooks.h"

struct question { const char *name; uintptr_t address, from; bool next; };

/* The replacement that a call from @from in @object is in: of several in one object the
 * one that starts closest before. */
static const struct link *own_link(const struct function *f, const struct world *world, size_t object, uintptr_t from)
{
    const struct link *own = NULL;
    for (const struct chain *c = object == WORLD_NONE ? NULL : f->chains; c; c = c->next)
        for (const struct link *l = c->links; l; l = l->next) {
            uintptr_t start = (uintptr_t)l->hook->replacement;
            if (world_find_address(world, start) == object
                && (!own || (start <= from && start > (uintptr_t)own->hook->replacement)))
                own = l;
        }
    return own;
}

/* RTLD_NEXT from where a replacement is asks for what comes behind it. */
static int answer_visit(struct world *world, const struct live_counts *counts, void *arg)
{
    struct question *q = arg;
    const struct function *f = function_leading_to(q->name, q->address);
    size_t object = world_find_address(world, q->from);
    (void)counts;
    if (!f)
        return 0;
    const struct link *own = q->next ? own_link(f, world, object, q->from) : NULL;
    const struct chain *chain = chain_for(f, world, object);
    const struct hook *hook = chain ? chain_first(chain)->hook : NULL;
    q->address = f->gate ? f->gate : f->from;
    if (own)
        q->address = link_behind(own);
    else if (!f->gate && hook && !(hook->flags & GRAFT_HOOK_NO_DLSYM))
        q->address = (uintptr_t)hook->replacement;
    return 0;
}

uintptr_t hooks_answer(const char *name, uintptr_t address, uintptr_t from, bool next)
{
    struct question question = { name, address, from, next };
    int saved = errno;
    if (!address || !chain_has_name(name))
        return address;
    journal_lock();
    live_visit(answer_visit, &question, NULL);
    journal_unlock();
    errno = saved;
    return question.address;
}

struct entering { const struct function *function; uintptr_t from, entry; };

static int entry_visit(struct world *world, const struct live_counts *counts, void *arg)
{
    struct entering *e = arg;
    const struct chain *chain = chain_for(e->function, world, world_find_address(world, e->from));
    (void)counts;
    if (chain)
        e->entry = chain_entry(chain);
    return 0;
}

uintptr_t hooks_entry(const struct function *function, uintptr_t from)
{
    struct entering entering = { function, from, __atomic_load_n(&function->entry, __ATOMIC_ACQUIRE) };
    const struct chain *first = __atomic_load_n(&function->chains, __ATOMIC_ACQUIRE);
    int saved = errno;
    if (!first || chain_is_wide(first))
        return entering.entry;
    journal_lock();
    live_visit(entry_visit, &entering, NULL);
    journal_unlock();
    errno = saved;
    return entering.entry;
}
