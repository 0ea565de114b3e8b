/* SPDX-License-Identifier: MIT */
/* Watches dlopen, dlmopen and dlclose, and carries rules out on what they bring.
 * Invariants: the loader sees the caller it would have seen without us; no lock of
 * ours is held while the loader, a plan or a listener runs; errno and dlerror are
 * what the program's own call left.
 *
 *     caller ─▶ watched_dlopen ─▶ real dlopen (returning through the caller's code)
 *                     └─▶ anything new? ─▶ its own dlopen slots, then the rules
 *
 * State: the rules and what was seen, under the journal's lock. */

#include "bind/watch.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "bind/apply.h"
#include "bind/bind.h"
#include "bind/caller.h"
#include "bind/journal.h"
#include "live/live.h"
#include "plan/rebind.h"

/* An object that was looked at: a reopened one may have the same link_map. */
struct seen { uint64_t link_map, start; };

/* A rule that has edited a consumer, or failed with @code. In doubt: something was
 * closed since, and the object may be another one at the same place. */
struct outcome { size_t rule; struct seen object; int code; bool in_doubt; };

static struct {
    struct arena arena;
    struct arena_list rules;
    struct seen *seen;
    size_t seen_count, seen_room;
    struct arena_list outcomes;
    struct live_counts counts;
    unsigned long doubts;           /* how often outcomes were doubted */
    unsigned busy;                  /* threads that carry rules out: others must not pass them */
    bool watching;
    watch_listener *listener;
    void *listener_arg;
    bool dry_run;
} watch;

/* ---- what is new -------------------------------------------------------- */

static const char *const watched_name[WATCHED] = { "dlopen", "dlmopen", "dlclose" };

struct item { size_t rule; struct seen object; };

struct work {
    struct arena arena;
    struct arena_list items;        /* of struct item */
    struct graft_plan *functions;   /* dlopen slots of new objects */
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

static bool is_seen(struct seen object)
{
    for (size_t i = 0; i < watch.seen_count; i++)
        if (same(watch.seen[i], object))
            return true;
    return false;
}

static struct outcome *outcome_of(size_t rule, struct seen object)
{
    for (size_t i = 0; i < watch.outcomes.count; i++) {
        struct outcome *o = arena_list_at(&watch.outcomes, i);
        if (o->rule == rule && same(o->object, object))
            return o;
    }
    return NULL;
}

static void remember(const struct world *world)
{
    size_t n = world->objects.count;
    if (n > watch.seen_room) {
        struct seen *bigger = arena_array(&watch.arena, 2 * n, sizeof *bigger);
        if (!bigger)
            return;                 /* all is looked at again next time */
        watch.seen = bigger;
        watch.seen_room = 2 * n;
    }
    watch.seen_count = 0;
    for (size_t i = 0; i < n; i++)
        if (!world_object(world, i)->broken)
            watch.seen[watch.seen_count++] = seen_of(world_object(world, i));
}

/* Each rule for each object that it matches and has not edited yet. */
static void list_work(const struct world *world, struct work *work)
{
    for (size_t r = 0; r < watch.rules.count; r++) {
        const struct rule *rule = arena_list_at(&watch.rules, r);
        for (size_t i = 0; i < world->objects.count; i++) {
            const struct world_object *object = world_object(world, i);
            struct outcome *outcome;
            struct item *item;
            if (object->broken || !world_matches(world, i, rule->consumer)
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
    __atomic_store_n(&watch.counts.adds, counts->adds, __ATOMIC_RELAXED);
    __atomic_store_n(&watch.counts.subs, counts->subs, __ATOMIC_RELAXED);
}

static void *watched_dlopen(const char *, int);
static void *watched_dlmopen(Lmid_t, const char *, int);
static int watched_dlclose(void *);

/* The functions to replace: those of our own libc, and of the libc that came
 * with each other namespace. */
static size_t list_functions(const struct world *world, struct replacement *list, size_t room)
{
    const uintptr_t ours[WATCHED] = { (uintptr_t)watched_dlopen, (uintptr_t)watched_dlmopen,
                                      (uintptr_t)watched_dlclose };
    size_t n = 0;
    for (unsigned w = 0; w < WATCHED; w++)
        list[n++] = (struct replacement){ watched_name[w], caller_real(0, w), ours[w] };
    for (size_t i = 0; i < world->objects.count; i++) {
        const struct world_object *object = world_object(world, i);
        struct elf_symbol symbol;
        struct elf_wanted wanted = { .name = "dlmopen" };
        if (object->broken || object->space == 0 || object->space >= CALLER_SPACES || n + WATCHED > room
            || elf_lookup(&object->image, &wanted, &symbol) != ELF_FOUND)
            continue;
        for (unsigned w = 0; w < WATCHED; w++) {
            wanted = (struct elf_wanted){ .name = watched_name[w] };
            if (elf_lookup(&object->image, &wanted, &symbol) != ELF_FOUND)
                continue;
            uintptr_t address = (uintptr_t)(object->image.bias + symbol.value);
            caller_learn(object->space, w, address);
            list[n++] = (struct replacement){ watched_name[w], address, ours[w] };
        }
    }
    return n;
}

/* A library that was closed and opened again may lie where it lay, link_map and all:
 * whenever anything was closed, what could be another one is looked at again. */
static void doubt(void)
{
    watch.doubts++;
    for (size_t k = 0; k < watch.outcomes.count; k++)
        ((struct outcome *)arena_list_at(&watch.outcomes, k))->in_doubt = true;
}

static int look(struct world *world, const struct live_counts *counts, void *arg)
{
    struct work *work = arg;
    bool closed = counts->subs != watch.counts.subs;
    struct replacement functions[CALLER_SPACES * WATCHED];
    world_set fresh = world_set_new(world, &work->arena);
    bool any = work->all || __atomic_load_n(&watch.busy, __ATOMIC_RELAXED) > 1, all_loaded = true;
    for (size_t i = 0; fresh && i < world->objects.count; i++) {
        const struct world_object *object = world_object(world, i);
        any |= fresh[i] = !is_seen(seen_of(object)) || (closed && !object->permanent);
        all_loaded &= !object->broken;
    }
    if (closed)
        doubt();
    /* What another thread is still loading has not been looked at: not noted. */
    note_counts(&(struct live_counts){ all_loaded ? counts->adds : 0, counts->subs });
    if (any && fresh && watch.watching)
        (void)plan_replace(&work->functions, world, fresh, functions,
                           list_functions(world, functions, CALLER_SPACES * WATCHED), NULL);
    if (any)
        list_work(world, work);
    remember(world);
    return 0;
}

/* Outcomes of objects that were closed must not hide reopened ones. */
static int prune(struct world *world, const struct live_counts *counts, void *arg)
{
    (void)arg;
    for (size_t k = 0; k < watch.outcomes.count; k++) {
        struct outcome *o = arena_list_at(&watch.outcomes, k);
        bool there = false;
        for (size_t i = 0; i < world->objects.count && !there; i++)
            there = same(seen_of(world_object(world, i)), o->object);
        if (!there)
            o->object = (struct seen){ 0, 0 };
    }
    for (size_t k = 0; k < watch.seen_count;) {
        bool there = false;
        for (size_t i = 0; i < world->objects.count && !there; i++)
            there = same(seen_of(world_object(world, i)), watch.seen[k]) && world_object(world, i)->permanent;
        if (there)
            k++;
        else
            watch.seen[k] = watch.seen[--watch.seen_count];
    }
    doubt();
    note_counts(&(struct live_counts){ watch.counts.adds, counts->subs });
    return 0;
}

/* ---- carrying rules out ------------------------------------------------- */

static void note_outcome(size_t rule, struct seen object, int code, unsigned long doubts)
{
    journal_lock();
    struct outcome *o = outcome_of(rule, object);
    for (size_t i = 0; !o && i < watch.outcomes.count; i++) {
        struct outcome *old = arena_list_at(&watch.outcomes, i);
        if (!old->object.link_map)
            o = old;
    }
    if (!o)
        o = arena_list_push(&watch.outcomes);
    if (o)
        *o = (struct outcome){ rule, object, code, watch.doubts != doubts };
    journal_unlock();
}

/* Whether the object was edited before, by us or another thread, and is still the
 * same one: then there was nothing to do for it now. */
static bool is_done(size_t rule, struct seen object, unsigned long doubts)
{
    journal_lock();
    struct outcome *o = outcome_of(rule, object);
    bool done = o && !o->code;
    if (done && watch.doubts == doubts)
        o->in_doubt = false;
    journal_unlock();
    return done;
}

static void tell(const struct rule *rule, const char *consumer, const struct graft_plan *plan,
                 const struct graft_error *error)
{
    if (watch.listener)
        watch.listener(watch.listener_arg, rule, consumer, plan, error);
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
        if (result || watch.dry_run || plan_edits(*plan) + plan_refusals(*plan) == 0)
            return result;
        result = graft_plan_apply(*plan, error);
        if (result != -GRAFT_ESTALE)
            return result;
        graft_plan_free(*plan);
        *plan = NULL;
    }
    return result;
}

static void do_item(const struct item *item)
{
    struct graft_plan *plan = NULL;
    struct graft_error error = { 0 };
    journal_lock();
    const struct rule *rule = arena_list_at(&watch.rules, item->rule);
    struct outcome *before = outcome_of(item->rule, item->object);
    int code_before = before ? before->code : 0;
    unsigned long doubts = watch.doubts;
    journal_unlock();
    int result = carry_out(rule, item->object.link_map, &plan, &error);
    bool nothing = !result && plan_edits(plan) == 0;
    if (result == -GRAFT_ENOOBJ || result == -GRAFT_EFORMAT
        || (nothing && is_done(item->rule, item->object, doubts))) {
        graft_plan_free(plan);      /* closed meanwhile, still being loaded, or done before */
        return;
    }
    /* "nothing to do yet" is looked at again when more is loaded, and told once */
    if (nothing && !plan_refusals(plan))
        error_set(&error, GRAFT_ENODUP, "nothing of it is bound to the duplicate: left as it is");
    if (!(nothing && code_before == -GRAFT_ENODUP) && (!result || result != code_before))
        tell(rule, rule->consumer, plan, &error);
    note_outcome(item->rule, item->object, nothing ? -GRAFT_ENODUP : result, doubts);
    graft_plan_free(plan);
}

static void process(bool all)
{
    struct work work = { .all = all, .items = { .arena = &work.arena, .element_size = sizeof(struct item) } };
    __atomic_add_fetch(&watch.busy, 1, __ATOMIC_SEQ_CST);
    journal_lock();
    live_visit(look, &work, NULL);
    journal_unlock();
    if (work.functions) {
        if (plan_edits(work.functions))
            (void)graft_plan_apply(work.functions, NULL);
        graft_plan_free(work.functions);
    }
    for (size_t i = 0; i < work.items.count; i++)
        do_item(arena_list_at(&work.items, i));
    __atomic_sub_fetch(&watch.busy, 1, __ATOMIC_SEQ_CST);
    arena_free(&work.arena);
}

/* After a load: errno and dlerror stay those of the program's own call. Pinning
 * a target may have failed in dlopen, whose message nobody is to read. */
static void after_load(void *handle, unsigned long long adds_before)
{
    int saved = errno;
    unsigned long long adds = handle ? live_counts().adds : 0;
    if (handle && (adds != __atomic_load_n(&watch.counts.adds, __ATOMIC_RELAXED) || adds != adds_before
                   || __atomic_load_n(&watch.busy, __ATOMIC_SEQ_CST))) {
        bind_verify_lazy();
        process(adds != adds_before);
        (void)dlerror();
    }
    errno = saved;
}

static void *watched_dlopen(const char *file, int mode)
{
    unsigned long long adds = live_counts().adds;
    void *handle = (void *)caller_call(__builtin_return_address(0), DLOPEN, (uintptr_t)file,
                                   (uintptr_t)mode, 0);
    after_load(handle, adds);
    return handle;
}

static void *watched_dlmopen(Lmid_t space, const char *file, int mode)
{
    unsigned long long adds = live_counts().adds;
    void *handle = (void *)caller_call(__builtin_return_address(0), DLMOPEN, (uintptr_t)space,
                                   (uintptr_t)file, (uintptr_t)mode);
    after_load(handle, adds);
    return handle;
}

static int watched_dlclose(void *handle)
{
    int result = (int)caller_call(__builtin_return_address(0), DLCLOSE, (uintptr_t)handle, 0, 0), saved = errno;
    if (!result && live_counts().subs != __atomic_load_n(&watch.counts.subs, __ATOMIC_RELAXED)) {
        bind_forget_closed();
        journal_lock();
        live_visit(prune, NULL, NULL);
        journal_unlock();
    }
    errno = saved;
    return result;
}

/* ---- the public calls --------------------------------------------------- */

static void init(void)
{
    if (watch.rules.arena)
        return;
    watch.rules = (struct arena_list){ .arena = &watch.arena, .element_size = sizeof(struct rule) };
    watch.outcomes = (struct arena_list){ .arena = &watch.arena, .element_size = sizeof(struct outcome) };
}

void watch_listen(watch_listener *listener, void *arg, int dry_run)
{
    watch.listener = listener;
    watch.listener_arg = arg;
    watch.dry_run = dry_run;
}

static bool is_matched(size_t rule)
{
    for (size_t k = 0; k < watch.outcomes.count; k++)
        if (((struct outcome *)arena_list_at(&watch.outcomes, k))->rule == rule)
            return true;
    return false;
}

void watch_unmatched(void (*each)(const struct rule *))
{
    for (size_t r = 0; r < watch.rules.count; r++)
        if (!is_matched(r))
            each(arena_list_at(&watch.rules, r));
}

static int nothing(struct world *world, const struct live_counts *counts, void *arg)
{
    (void)world;
    (void)counts;
    (void)arg;
    return 0;
}

int graft_rules_add(const char *text, struct graft_error *error)
{
    error_clear(error);
    if (!text)
        return error_set(error, GRAFT_EINVAL, "no rules were given");
    int result = live_visit(nothing, NULL, error);
    if (result)
        return result;
    journal_lock();
    init();
    result = rules_parse(&watch.rules, text, error);
    journal_unlock();
    if (!result)
        process(true);
    return result;
}

int graft_watch(struct graft_error *error)
{
    error_clear(error);
    int impossible = live_visit(nothing, NULL, error);
    if (impossible)
        return impossible;
    journal_lock();
    init();
    bool first = !watch.watching;
    watch.watching = true;
    if (first)
        watch.seen_count = 0;       /* so that every object's dlopen slots are looked at */
    journal_unlock();
    if (first)
        process(false);
    return 0;
}
