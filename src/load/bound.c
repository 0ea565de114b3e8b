/* SPDX-License-Identifier: MIT */
/* Consumers that were loaded by a decision, and runtimes that were let in beside a host.
 * Invariant: an entry is that of the object that was loaded then: what is closed is
 * forgotten before anything can come back in its place.
 *
 * State: the list and its texts, under the journal's lock; entries are never freed, so that a look
 * without it sees true ones. */

#include "load/bound.h"

#include <string.h>

#include "bind/journal.h"
#include "live/live.h"
#include "load/answer.h"

/* A consumer, its closure counting as it: what it brought asks for it. */
struct consumer {
    uint64_t link_map, start;
    struct bound_to to;
    bool asks;                      /* it uses the loader, which then answers with the host */
    bool is_root;                   /* it was loaded itself, not brought along */
    bool duplicate;                 /* a runtime that was let in beside the host */
    bool gone;
    struct consumer *next;
};

static struct consumer *first;

static bool is_it(const struct consumer *c, const struct world_object *object)
{
    return !c->gone && c->link_map == object->link_map && c->start == world_start(object);
}

static struct consumer *first_one(void)
{
    return __atomic_load_n(&first, __ATOMIC_ACQUIRE);
}

/* ---- who it is -------------------------------------------------------------------------- */

struct finding { uintptr_t address; const void *handle; struct bound_to to; bool found; };

static int find(struct world *world, const struct live_counts *counts, void *arg)
{
    struct finding *f = arg;
    size_t i = f->handle ? 0 : world_find_address(world, f->address);
    (void)counts;
    while (f->handle && i < world->objects.count && world_object(world, i)->link_map != (uintptr_t)f->handle)
        i++;
    for (struct consumer *c = first_one(); c && i < world->objects.count; c = c->next)
        if ((f->handle ? c->is_root : c->asks) && is_it(c, world_object(world, i))) {
            f->found = true;
            f->to = c->to;
            break;
        }
    return 0;
}

bool bound_find(uintptr_t address, const void *handle, struct bound_to *to)
{
    struct finding f = { .address = address, .handle = handle };
    if (!first_one() || live_visit(find, &f, NULL) || !f.found)
        return false;
    *to = f.to;
    return true;
}

/* ---- adding ------------------------------------------------------------------------------- */

/* Each text once, however often it is wished for. With the journal's lock. */
static const char *keep_text(const char *text)
{
    static struct kept { struct kept *next; char text[]; } *all;
    struct kept *k = all;
    while (k && text && strcmp(k->text, text))
        k = k->next;
    if (k || !text)
        return text ? k->text : NULL;
    if (!(k = journal_keep(sizeof *k + strlen(text) + 1)))
        return NULL;
    strcpy(k->text, text);
    k->next = all;
    all = k;
    return k->text;
}

/* One that has gone makes room. With the journal's lock. */
static void note(uint64_t link_map, uint64_t start, const struct consumer *as)
{
    struct consumer *c = NULL, *next;
    for (struct consumer *each = first; each; each = each->next) {
        bool same = each->link_map == link_map && each->start == start;
        if (same || (each->gone && !c))
            c = each;
        if (same)
            break;
    }
    struct consumer *to = c ? c : journal_keep(sizeof *to);
    if (!to)
        return;
    if (c && !c->gone && c->duplicate)
        return;                     /* brought along by a consumer, and none itself */
    next = to->next;
    *to = *as;
    to->link_map = link_map;
    to->start = start;
    to->next = c ? next : first;
    if (!c)
        __atomic_store_n(&first, to, __ATOMIC_RELEASE);
}

struct adding { struct consumer as; uint64_t link_map, host_map; bool closure; };

static int add_closure(struct world *world, const struct live_counts *counts, void *arg)
{
    const struct adding *a = arg;
    struct arena scratch = { 0 };
    size_t count = 0, *order = arena_array(&scratch, world->objects.count, sizeof *order);
    world_set set = world_set_new(world, &scratch);
    (void)counts;
    for (size_t i = 0; order && set && i < world->objects.count; i++) {
        if (world_object(world, i)->link_map != a->link_map
            || world_brought(world, &scratch, i, set, order, &count))
            continue;
        for (size_t k = 0; k < count && (k == 0 || a->closure); k++) {
            const struct world_object *object = world_object(world, order[k]);
            struct consumer as = a->as;
            as.is_root = k == 0;
            if (!object->is_graft && object->link_map != a->host_map)
                note(object->link_map, world_start(object), &as);
        }
    }
    arena_free(&scratch);
    return 0;
}

void bound_add(const void *handle, const struct graft_load_plan *plan, const struct graft_load *wish)
{
    const bool own = plan->way == GRAFT_WAY_ISOLATE, asks = plan->uses_loader && !own;
    struct adding adding = { .link_map = (uintptr_t)handle, .host_map = plan->host_map, .closure = asks || own, .as = {
        .asks = asks, .duplicate = own, .to = { .host_map = own ? 0 : plan->host_map, .hidden = plan->hidden } } };
    struct bound_to *to = &adding.as.to;
    if (plan->way == GRAFT_WAY_NONE && !asks)
        return;
    journal_lock();
    to->wish = (struct graft_load){ .size = sizeof to->wish, .flags = wish->flags, .ways = wish->ways,
                                    .onto = keep_text(wish->onto), .from = keep_text(wish->from) };
    for (size_t i = 0; i < plan->stand_ins.count && !to->duplicate; i++)
        to->duplicate = keep_text(((struct load_stand_in *)arena_list_at(&plan->stand_ins, i))->duplicate);
    live_visit(add_closure, &adding, NULL);
    journal_unlock();
    answer_start(NULL);
}

struct matching { uint64_t link_map; bool found; };

static int match(struct world *world, const struct live_counts *counts, void *arg)
{
    struct matching *m = arg;
    (void)counts;
    for (size_t i = 0; i < world->objects.count; i++)
        for (struct consumer *c = first; c && world_object(world, i)->link_map == m->link_map; c = c->next)
            m->found |= c->is_root && is_it(c, world_object(world, i));
    return 0;
}

bool bound_is(uint64_t link_map)
{
    struct matching matching = { .link_map = link_map };
    if (!first_one())
        return false;
    journal_lock();
    live_visit(match, &matching, NULL);
    journal_unlock();
    return matching.found;
}

void bound_add_duplicate(uint64_t link_map, uint64_t start_address)
{
    journal_lock();
    note(link_map, start_address, &(struct consumer){ .duplicate = true });
    journal_unlock();
}

const uint64_t *bound_duplicates(struct arena *arena, size_t *count)
{
    size_t n = 0;
    *count = 0;
    if (!first_one())
        return NULL;
    journal_lock();
    for (struct consumer *c = first; c; c = c->next)
        n += c->duplicate && !c->gone;
    uint64_t *list = arena_array(arena, n + 1, sizeof *list);
    for (struct consumer *c = first; list && c; c = c->next)
        if (c->duplicate && !c->gone)
            list[(*count)++] = c->link_map;
    journal_unlock();
    return list;
}

/* What is not there any more may come back as something else. */
static int forget(struct world *world, const struct live_counts *counts, void *arg)
{
    (void)counts;
    (void)arg;
    for (struct consumer *c = first; c; c = c->next)
        c->gone |= world_find_map(world, c->link_map, c->start) == WORLD_NONE;
    return 0;
}

void bound_forget_closed(void)
{
    if (!first_one())
        return;
    journal_lock();
    live_visit(forget, NULL, NULL);
    journal_unlock();
}
