/* SPDX-License-Identifier: MIT */
/* Carries rules out on objects that come late. Invariants: a rule edits an object
 * once, also if two threads load it or it comes back where it lay; no lock is held
 * while a plan, the loader or a listener runs.
 *
 * State: what was seen and what came of it, under the journal's lock. */

#include "bind/late.h"

#include <dlfcn.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "bind/apply.h"
#include "bind/bind.h"
#include "bind/hooks.h"
#include "bind/journal.h"
#include "bind/late_rules.h"

/* An object that was looked at: a reopened one may have the same link_map. */
struct seen { uint64_t link_map, start; };

/* A rule that has edited a consumer, or failed with @code. In doubt: something was
 * closed since, and the object may be another one at the same place. */
struct outcome { size_t rule; struct seen object; int code; bool in_doubt; };

static struct {
    struct arena arena;
    struct seen *seen;
    size_t seen_count, seen_room;
    struct arena_list outcomes;
    struct live_counts counts;
    unsigned long doubts;           /* how often outcomes were doubted */
    unsigned busy;                  /* threads that carry rules out: others must not pass them */
    late_listener *listener;
    void *listener_arg;
    bool dry_run;
    bool watching;                  /* the loader is watched, hooks reach what comes */
} late;

static void init(void)
{
    if (late.outcomes.arena)
        return;
    late.outcomes = (struct arena_list){ .arena = &late.arena, .element_size = sizeof(struct outcome) };
}

/* ---- what is new -------------------------------------------------------- */

struct item { size_t rule; struct seen object; };

struct work {
    struct arena arena;
    struct arena_list items;        /* of struct item */
    struct arena_list fresh;        /* of struct seen: objects that are new to hooks */
    bool all;                       /* rules were added: look at everything */
};

static struct seen seen_of(const struct world_object *object)
{
    return (struct seen){ object->link_map, world_start(object) };
}

static bool same(struct seen a, struct seen b)
{
    return a.link_map == b.link_map && a.start == b.start;
}

/* Both lists are in the same order, but for what came and went: *next is where the
 * search begins. */
static bool is_seen(struct seen object, size_t *next)
{
    for (size_t k = 0; k < late.seen_count; k++) {
        size_t i = *next + k < late.seen_count ? *next + k : *next + k - late.seen_count;
        if (same(late.seen[i], object)) {
            *next = i + 1 < late.seen_count ? i + 1 : 0;
            return true;
        }
    }
    return false;
}

static struct outcome *outcome_of(size_t rule, struct seen object)
{
    for (size_t i = 0; i < late.outcomes.count; i++) {
        struct outcome *o = arena_list_at(&late.outcomes, i);
        if (o->rule == rule && same(o->object, object))
            return o;
    }
    return NULL;
}

static void remember(const struct world *world)
{
    size_t n = world->objects.count;
    if (n > late.seen_room) {
        struct seen *bigger = arena_array(&late.arena, 2 * n, sizeof *bigger);
        if (!bigger)
            return;                 /* all is looked at again next time */
        late.seen = bigger;
        late.seen_room = 2 * n;
    }
    late.seen_count = 0;
    for (size_t i = 0; i < n; i++)
        if (!world_object(world, i)->broken)
            late.seen[late.seen_count++] = seen_of(world_object(world, i));
}

/* Each rule for each object that it matches and has not edited yet. */
static void list_work(const struct world *world, struct work *work)
{
    for (size_t r = 0; r < late_rules.count; r++) {
        const struct rule *rule = arena_list_at(&late_rules, r);
        for (size_t i = 0; i < world->objects.count; i++) {
            const struct world_object *object = world_object(world, i);
            struct outcome *outcome;
            struct item *item;
            if (!rule_is_late(rule) || object->broken || !world_matches(world, i, rule->consumer)
                || ((outcome = outcome_of(r, seen_of(object))) && !outcome->code && !outcome->in_doubt))
                continue;
            if ((item = arena_list_push(&work->items)))
                *item = (struct item){ r, seen_of(object) };
        }
    }
}

/* The counts are read without the lock: only "different" matters. */
static void note_counts(const struct live_counts *counts)
{
    __atomic_store_n(&late.counts.adds, counts->adds, __ATOMIC_RELAXED);
    __atomic_store_n(&late.counts.subs, counts->subs, __ATOMIC_RELAXED);
}

/* A library that was closed and opened again may lie where it lay, link_map and all:
 * whenever anything was closed, what could be another one is looked at again. */
static void doubt(void)
{
    late.doubts++;
    for (size_t k = 0; k < late.outcomes.count; k++)
        ((struct outcome *)arena_list_at(&late.outcomes, k))->in_doubt = true;
}

static int look(struct world *world, const struct live_counts *counts, void *arg)
{
    struct work *work = arg;
    bool closed = counts->subs != late.counts.subs;
    bool others = __atomic_load_n(&late.busy, __ATOMIC_RELAXED) > 1, any = work->all || others, all_loaded = true;
    size_t next = 0;
    for (size_t i = 0; i < world->objects.count; i++) {
        const struct world_object *object = world_object(world, i);
        bool fresh = !is_seen(seen_of(object), &next) || ((closed || others) && !object->permanent);
        struct seen *place = fresh && !object->broken ? arena_list_push(&work->fresh) : NULL;
        if (place)
            *place = seen_of(object);
        any |= fresh;
        all_loaded &= !object->broken;
    }
    if (closed)
        doubt();
    /* What another thread is still loading has not been looked at: not noted. */
    note_counts(&(struct live_counts){ all_loaded ? counts->adds : 0, counts->subs });
    if (any)
        list_work(world, work);
    remember(world);
    return 0;
}

/* Where it is in the world, which is in the same order but for what came and went. */
static size_t find_seen(const struct world *world, struct seen seen, size_t *next)
{
    size_t i = *next;
    if (i >= world->objects.count || !same(seen_of(world_object(world, i)), seen))
        i = world_find_map(world, seen.link_map, seen.start);
    if (i != WORLD_NONE)
        *next = i + 1;
    return i;
}

/* Outcomes of objects that were closed must not hide reopened ones. If something was
 * loaded meanwhile (@exact false), what seems to be still there may be another one. */
static int prune(struct world *world, const struct live_counts *counts, void *arg)
{
    bool exact = *(const unsigned long long *)arg == counts->adds;
    for (size_t k = 0; k < late.outcomes.count; k++) {
        struct outcome *o = arena_list_at(&late.outcomes, k);
        if (world_find_map(world, o->object.link_map, o->object.start) == WORLD_NONE)
            o->object = (struct seen){ 0, 0 };
    }
    for (size_t k = 0, next = 0; k < late.seen_count;) {
        size_t i = find_seen(world, late.seen[k], &next);
        if (i != WORLD_NONE && (exact || world_object(world, i)->permanent))
            k++;
        else {
            late.seen_count--;
            memmove(&late.seen[k], &late.seen[k + 1], (late.seen_count - k) * sizeof *late.seen);
        }
    }
    late.doubts++;                  /* what is being carried out now may be for one that has gone */
    if (!exact)
        doubt();
    note_counts(&(struct live_counts){ late.counts.adds, counts->subs });
    return 0;
}

/* ---- carrying rules out ------------------------------------------------- */

static void note_outcome(size_t rule, struct seen object, int code, unsigned long doubts)
{
    journal_lock();
    struct outcome *o = outcome_of(rule, object);
    for (size_t i = 0; !o && i < late.outcomes.count; i++) {
        struct outcome *old = arena_list_at(&late.outcomes, i);
        if (!old->object.link_map)
            o = old;
    }
    if (!o)
        o = arena_list_push(&late.outcomes);
    if (o)
        *o = (struct outcome){ rule, object, code, late.doubts != doubts };
    journal_unlock();
}

/* Whether the object was edited before, by us or another thread, and is still the
 * same one: then there was nothing to do for it now. */
static bool is_done(size_t rule, struct seen object, unsigned long doubts)
{
    journal_lock();
    struct outcome *o = outcome_of(rule, object);
    bool done = o && !o->code;
    if (done && late.doubts == doubts)
        o->in_doubt = false;
    journal_unlock();
    return done;
}

static void tell(const struct rule *rule, const char *consumer, const struct graft_plan *plan,
                 const struct graft_error *error)
{
    if (late.listener)
        late.listener(late.listener_arg, rule, consumer, plan, error);
    if (error->code)
        LOG(ERROR, "%s: %s", consumer, error->text);
    else
        LOG(INFO, "%s: %zu slots", consumer, plan_edits(plan));
}

/* Plans and applies; a plan that another thread overtook is made again. */
static int carry_out(const struct rule *rule, uint64_t link_map, struct graft_plan **plan, struct graft_error *error)
{
    int result = 0;
    for (int try = 0; try < 4; try++) {
        error_clear(error);
        result = bind_plan_rule(plan, rule, link_map, error);
        if (result || late.dry_run || plan_edits(*plan) + plan_refusals(*plan) == 0)
            return result;
        result = bind_plan_apply(*plan, error);
        if (result != -GRAFT_ESTALE)
            return result;
        bind_plan_free(*plan);
        *plan = NULL;
    }
    return result;
}

static void do_item(const struct item *item)
{
    struct graft_plan *plan = NULL;
    struct graft_error error = { 0 };
    journal_lock();
    const struct rule *rule = arena_list_at(&late_rules, item->rule);
    struct outcome *before = outcome_of(item->rule, item->object);
    int code_before = before ? before->code : 0;
    unsigned long doubts = late.doubts;
    journal_unlock();
    int result = carry_out(rule, item->object.link_map, &plan, &error);
    bool nothing = !result && plan_edits(plan) == 0;
    if (result == -GRAFT_ENOOBJ || result == -GRAFT_EFORMAT
        || (nothing && is_done(item->rule, item->object, doubts))) {
        bind_plan_free(plan);      /* closed meanwhile, still being loaded, or done before */
        return;
    }
    /* "nothing to do yet" is looked at again when more is loaded, and told once */
    if (nothing && !plan_refusals(plan))
        error_set(&error, GRAFT_ENODUP, "nothing of it is bound to the duplicate: left as it is");
    if (!(nothing && code_before == -GRAFT_ENODUP) && (!result || result != code_before))
        tell(rule, rule->consumer, plan, &error);
    note_outcome(item->rule, item->object, nothing ? -GRAFT_ENODUP : result, doubts);
    bind_plan_free(plan);
}

static bool is_fresh(const struct world_object *object, void *arg)
{
    const struct work *work = arg;
    for (size_t i = 0; i < work->fresh.count; i++)
        if (same(*(const struct seen *)arena_list_at(&work->fresh, i), seen_of(object)))
            return true;
    return false;
}

/* Rules first: a slot that they move is then hooked where it leads. */
void late_look(bool all)
{
    struct work work = { .all = all, .items = { .arena = &work.arena, .element_size = sizeof(struct item) },
                         .fresh = { .arena = &work.arena, .element_size = sizeof(struct seen) } };
    __atomic_add_fetch(&late.busy, 1, __ATOMIC_SEQ_CST);
    journal_lock();
    live_visit(look, &work, NULL);
    journal_unlock();
    for (size_t i = 0; i < work.items.count; i++)
        do_item(arena_list_at(&work.items, i));
    if (late.watching && work.fresh.count)
        hooks_late(is_fresh, &work);
    __atomic_sub_fetch(&late.busy, 1, __ATOMIC_SEQ_CST);
    arena_free(&work.arena);
}

void late_unsee(uint64_t link_map, uint64_t start)
{
    for (size_t i = 0; i < late.seen_count; i++)
        if (same(late.seen[i], (struct seen){ link_map, start })) {
            late.seen_count--;
            memmove(&late.seen[i], &late.seen[i + 1], (late.seen_count - i) * sizeof *late.seen);
            note_counts(&(struct live_counts){ 0, late.counts.subs });
            return;
        }
}

/* ---- for those who watch ------------------------------------------------- */

bool late_is_behind(unsigned long long adds)
{
    return adds != __atomic_load_n(&late.counts.adds, __ATOMIC_RELAXED)
        || __atomic_load_n(&late.busy, __ATOMIC_SEQ_CST);
}

void late_closed(const struct live_counts *counts, unsigned long long adds_before)
{
    if (counts->subs == __atomic_load_n(&late.counts.subs, __ATOMIC_RELAXED))
        return;
    bind_forget_closed();
    journal_lock();
    live_visit(prune, &adds_before, NULL);
    journal_unlock();
}

static int see_all(struct world *world, const struct live_counts *counts, void *arg)
{
    (void)arg;
    remember(world);
    note_counts(counts);
    return 0;
}

void late_start(void)
{
    journal_lock();
    init();
    if (!late.watching)
        live_visit(see_all, NULL, NULL);
    late.watching = true;
    journal_unlock();
}

void late_listen(late_listener *listener, void *arg, int dry_run)
{
    late.listener = listener;
    late.listener_arg = arg;
    late.dry_run = dry_run;
}

static bool is_matched(size_t rule)
{
    const struct rule *r = arena_list_at(&late_rules, rule);
    if (!rule_is_late(r))
        return r->met;
    for (size_t k = 0; k < late.outcomes.count; k++)
        if (((struct outcome *)arena_list_at(&late.outcomes, k))->rule == rule)
            return true;
    return false;
}

void late_unmatched(void (*each)(const struct rule *))
{
    for (size_t r = 0; r < late_rules.count; r++)
        if (!is_matched(r))
            each(arena_list_at(&late_rules, r));
}
