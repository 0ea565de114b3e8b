/* SPDX-License-Identifier: MIT */
/* What somebody is told who asks for a hooked function: by dlsym, through a gate of the
 * watch. Invariant: the answer is that of the chain that serves the caller's object. */

#include <errno.h>
#include <string.h>

#include "bind/hooks.h"

struct question { const char *name; uintptr_t address, from; bool next; };

static bool calls(const struct world *world, const struct chain *chain, uintptr_t from)
{
    size_t caller = world_find_address(world, from);
    return chain_is_wide(chain) || (caller != WORLD_NONE && hook_callers_have(&chain->callers, world, caller));
}

/* The function whose address, or whose first replacement, the loader gave. */
static const struct function *asked_for(const struct question *q)
{
    const struct function *f = function_of(q->name, q->address, false);
    for (const struct function *other = f ? NULL : function_first(); other && !f; other = other->next) {
        const struct chain *wide = chain_wide(other);
        if (wide && wide->now == q->address && !strcmp(other->symbol, q->name))
            f = other;
    }
    return f;
}

static const struct hook *first_hook(const struct chain *chain)
{
    const struct link *l = chain->links;
    while (l && l->hook->state != HOOK_ENABLED)
        l = l->next;
    return l ? l->hook : NULL;
}

/* What comes behind @link. */
static uintptr_t behind(const struct link *link)
{
    const struct link *next = link->next;
    while (next && next->hook->state != HOOK_ENABLED)
        next = next->next;
    return next ? (uintptr_t)next->hook->replacement : link->chain->function->from;
}

/* RTLD_NEXT from where a replacement is asks for what comes behind it: behind the one
 * that starts closest before the call, of several in one object. */
static uintptr_t behind_own(const struct world *world, const struct chain *chain, uintptr_t from)
{
    size_t caller = world_find_address(world, from);
    const struct link *own = NULL;
    for (const struct link *l = chain->links; l && caller != WORLD_NONE; l = l->next) {
        uintptr_t start = (uintptr_t)l->hook->replacement;
        if (world_find_address(world, start) == caller
            && (!own || (start <= from && start > (uintptr_t)own->hook->replacement)))
            own = l;
    }
    return own ? behind(own) : 0;
}

static int answer_visit(struct world *world, const struct live_counts *counts, void *arg)
{
    struct question *q = arg;
    const struct function *f = asked_for(q);
    (void)counts;
    for (const struct chain *c = f ? f->chains : NULL; c; c = c->next) {
        const struct hook *hook = first_hook(c);
        uintptr_t own = q->next ? behind_own(world, c, q->from) : 0;
        if (!calls(world, c, q->from))
            continue;
        q->address = f->gate ? f->gate : f->from;
        if (own)
            q->address = own;
        else if (!f->gate && hook && !(hook->flags & GRAFT_HOOK_NO_DLSYM))
            q->address = (uintptr_t)hook->replacement;
        if (own || hook || f->gate)
            return 0;
    }
    if (f)
        q->address = f->from;
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
    (void)counts;
    for (const struct chain *c = e->function->chains; c && !chain_is_wide(c); c = c->next)
        if (first_hook(c) && calls(world, c, e->from)) {
            e->entry = chain_entry(c);
            return 0;
        }
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
