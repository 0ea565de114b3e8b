/* SPDX-License-Identifier: MIT */
/* Visits of this process's world. Invariants: a visitor runs with the loader's lock held,
 * one at a time; the world that it sees is that of this moment, kept from the visit before
 * as far as nothing came or went.
 *
 * State: that world. */

#include "live/live.h"

#include <pthread.h>

#include "base/error.h"
#include "live/snapshot.h"

struct visit {
    live_visitor *visitor;
    void *arg;
    struct graft_error *error;
    struct live_counts counts;
    const struct live_counts *known;
    int result;
};

/* The world that was built last: good until something is loaded or unloaded.
 * Touched by a visit only, and there is one at a time. */
static struct { struct world world; struct live_counts counts; size_t dropped; bool valid; } kept;

static const struct elf_patches *live_patches;

void live_show_patches(const struct elf_patches *patches)
{
    live_patches = patches;
    kept.valid = false;
}

static uint64_t resolve_ifunc(uint64_t resolver)
{
    return (uint64_t)(uintptr_t)((void *(*)(void))(uintptr_t)resolver)();
}

static pthread_mutex_t visiting = PTHREAD_MUTEX_INITIALIZER;

void live_lock(void)
{
    pthread_mutex_lock(&visiting);
}

void live_unlock(void)
{
    pthread_mutex_unlock(&visiting);
}

static bool same_counts(const struct live_counts *a, const struct live_counts *b)
{
    return a->adds && a->adds == b->adds && a->subs == b->subs;
}

static bool is_at(const struct world_object *object, const struct walk *w)
{
    return object->link_map == (uintptr_t)w->map && object->space == w->space;
}

/* Only loaded since: what came stands behind all others, or the world is built again.
 * What is kept was read when it was loaded, and is the same. */
static bool extend(struct snapshot *s)
{
    size_t known = kept.world.objects.count, i = 0;
    for (struct walk w = walk_start(s); w.map; walk_next(&w), i++)
        if (i < known ? !is_at(world_object(&kept.world, i), &w) : snapshot_add(s, &w) != 0)
            return false;
    return i == kept.world.objects.count;
}

/* Only unloaded since: what is still there is the same, and moves up. */
static bool shrink(const struct snapshot *s)
{
    size_t n = kept.world.objects.count, to = 0, from = 0;
    for (struct walk w = walk_start(s); w.map; walk_next(&w), to++, from++) {
        while (from < n && !is_at(world_object(&kept.world, from), &w))
            from++;
        if (from == n)
            return false;
        if (to != from)
            *world_object(&kept.world, to) = *world_object(&kept.world, from);
    }
    kept.dropped += n - to;
    kept.world.objects.count = to;
    return true;
}

/* Strings of what has gone stay in the arena: now and then all is built again. */
enum { DROPPED_MAX = 4096 };

static bool update(struct snapshot *s, const struct live_counts *counts)
{
    if (!kept.valid || !kept.counts.adds || kept.dropped > DROPPED_MAX)
        return false;
    return kept.counts.subs == counts->subs ? extend(s) : kept.counts.adds == counts->adds && shrink(s);
}

static int build(struct snapshot *s, struct graft_error *error)
{
    kept.dropped = 0;
    world_free(&kept.world);
    world_init(&kept.world);
    kept.world.can.resolve_ifunc = resolve_ifunc;
    s->in_motion = false;
    return snapshot_build(s, error);
}

/* The lock is recursive: the inner walk collects, and the outer one, still in its
 * first callback, holds it until the visitor is done. */
static int refresh(const struct visit *v)
{
    struct snapshot s = { .world = &kept.world, .patches = live_patches };
    snapshot_begin(&s);
    int result = snapshot_collect(&s) ? error_set(v->error, GRAFT_ENOMEM, "out of memory while listing objects") : 0;
    if (!result && !update(&s, &v->counts))
        result = build(&s, v->error);
    snapshot_end(&s);
    kept.counts = v->counts;
    kept.valid = !result && !s.in_motion;
    return result;
}

static int locked(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct visit *v = arg;
    if (size > offsetof(struct dl_phdr_info, dlpi_subs))
        v->counts = (struct live_counts){ info->dlpi_adds, info->dlpi_subs };
    if (v->known && same_counts(v->known, &v->counts)) {
        v->result = v->visitor(NULL, &v->counts, v->arg);
        return 1;
    }
    v->result = kept.valid && same_counts(&kept.counts, &v->counts) ? 0 : refresh(v);
    if (!v->result)
        v->result = v->visitor(&kept.world, &v->counts, v->arg);
    return 1;
}

int live_visit(live_visitor *visitor, void *arg, struct graft_error *error)
{
    return live_revisit(visitor, arg, NULL, error);
}

int live_revisit(live_visitor *visitor, void *arg, const struct live_counts *known, struct graft_error *error)
{
    struct visit v = { .visitor = visitor, .arg = arg, .error = error, .known = known, .result = 1 };
    live_lock();
    dl_iterate_phdr(locked, &v);
    live_unlock();
    return v.result;
}

struct hold { live_visitor *visitor; void *arg; int result; };

static int held(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct hold *hold = arg;
    struct live_counts counts = { 0, 0 };
    if (size > offsetof(struct dl_phdr_info, dlpi_subs))
        counts = (struct live_counts){ info->dlpi_adds, info->dlpi_subs };
    hold->result = hold->visitor(NULL, &counts, hold->arg);
    return 1;
}

int live_hold(live_visitor *visitor, void *arg)
{
    struct hold hold = { visitor, arg, 0 };
    live_lock();
    dl_iterate_phdr(held, &hold);
    live_unlock();
    return hold.result;
}

static int copy_counts(struct world *world, const struct live_counts *counts, void *arg)
{
    (void)world;
    *(struct live_counts *)arg = *counts;
    return 0;
}

struct live_counts live_counts(void)
{
    struct live_counts counts = { 0, 0 };
    live_hold(copy_counts, &counts);
    return counts;
}
