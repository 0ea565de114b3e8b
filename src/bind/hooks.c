/* SPDX-License-Identifier: MIT */
/* What happens to hooks: put in, taken out, disabled, found again when libraries come
 * and go. Invariants: all of it happens in one visit with all locks held; a hook's
 * replacement is called only while its library is loaded. */

#include "bind/hooks.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "bind/apply.h"
#include "bind/watch.h"

/* ---- objects ------------------------------------------------------------------ */

static size_t object_of(const struct world *world, uint64_t link_map, uint64_t start)
{
    for (size_t i = 0; i < world->objects.count; i++)
        if (world_object(world, i)->link_map == link_map && world_start(world_object(world, i)) == start)
            return i;
    return WORLD_NONE;
}

/* libgraft.so, libgraft-preload.so and the layer over it: not a program or library that
 * holds us. */
static bool is_ours(const struct world_object *object)
{
    uint64_t here = (uint64_t)(uintptr_t)&is_ours;
    if (object->image.soname && !strcmp(object->image.soname, "libgraft-compat.so.0"))
        return true;
    return here - world_start(object) < object->image.high - object->image.low && object->image.soname
        && !strncmp(object->image.soname, "libgraft", strlen("libgraft"));
}

world_set hooks_everybody(const struct world *world, struct arena *arena)
{
    world_set set = world_set_new(world, arena);
    for (size_t i = 0; set && i < world->objects.count; i++)
        set[i] = !is_ours(world_object(world, i));
    return set;
}

/* ---- planning -------------------------------------------------------------------- */

static bool is_asked(const struct chain *chain, const struct graft_plan *plan)
{
    for (const struct link *l = chain->links; l; l = l->next)
        if (l->hook->state == HOOK_PLANNED && l->hook->plan == plan)
            return true;
    return false;
}

static size_t count_chains(bool touched)
{
    size_t n = 0;
    for (const struct function *f = function_first(); f; f = f->next)
        for (const struct chain *c = f->touched || !touched ? f->chains : NULL; c; c = c->next)
            n++;
    return n;
}

int hooks_plan_functions(struct graft_plan *plan, const struct world *world, const unsigned char *set, bool touched)
{
    struct hook_function *function = arena_array(&plan->arena, count_chains(touched), sizeof *function);
    size_t n = 0;
    if (!function && count_chains(touched))
        return -GRAFT_ENOMEM;
    for (const struct function *f = function_first(); f; f = f->next) {
        size_t owner = f->touched || !touched ? object_of(world, f->link_map, f->start) : WORLD_NONE;
        for (struct chain *c = owner != WORLD_NONE ? f->chains : NULL; c; c = c->next) {
            uintptr_t target = chain_target(c, plan);
            if (!target || (f->gate && !chain_is_wide(c)))
                continue;
            function[n++] = (struct hook_function){
                .symbol = f->symbol, .callers = c->callers, .from = f->from, .now = c->now, .to = target, .owner = owner,
                .index = f->index, .exported = chain_is_wide(c), .asked = is_asked(c, plan), .chain = c };
        }
    }
    plan->function = function;
    plan->function_count = n;
    return hook_slots(plan, world, set, function, n);
}

/* ---- which function a hook means -------------------------------------------------- */

static int link_to(struct hook *hook, const struct world *world, const struct hook_definition *d)
{
    const struct world_object *object = world_object(world, d->object);
    struct function *function = function_of(hook->symbol, (uintptr_t)d->address, true);
    if (!function || !function_place(function, object->path, object->link_map, world_start(object), d->symbol.index))
        return -GRAFT_ENOMEM;
    return hook_link(hook, function);
}

static int ambiguous_error(const struct world *world, const struct hook_wanted *wanted, struct graft_error *error)
{
    char names[300];
    struct text_buffer text = { names, sizeof names, 0 };
    for (const struct hook_definition *d = wanted->first; d; d = d->next)
        text_append(&text, "%s%s", d == wanted->first ? "" : ", ", world_object(world, d->object)->path);
    return error_about(error, GRAFT_EAMBIG, world_object(world, wanted->first->object)->path, wanted->symbol,
                       "%s is defined by %s: say of which one", wanted->symbol, names);
}

static int link_found(struct hook *hook, const struct world *world, const struct hook_wanted *wanted,
                      struct graft_error *error)
{
    bool ambiguous = false;
    int result = 0;
    const struct hook_definition *one = hook_choose(world, wanted, &ambiguous);
    if (hook->original && ambiguous)
        return ambiguous_error(world, wanted, error);
    for (const struct hook_definition *d = hook->original ? one : wanted->first; d && !result;
         d = hook->original ? NULL : d->next)
        if (!(result = link_to(hook, world, d)))
            continue;
        else if (result == -GRAFT_ESTATE && !hook->original && d != wanted->first)
            result = 0;             /* another name for the same function */
    if (result == -GRAFT_ESTATE)
        return error_about(error, GRAFT_ESTATE, "", hook->symbol,
                           "%s is hooked with this replacement already: it would call itself", hook->symbol);
    return result ? error_set(error, GRAFT_ENOMEM, "out of memory while hooking") : 0;
}

static void find_holder(struct hook *hook, const struct world *world)
{
    size_t i = world_find_address(world, (uint64_t)(uintptr_t)hook->replacement);
    if (i == WORLD_NONE || world_object(world, i)->permanent)
        return;
    hook->holder.link_map = world_object(world, i)->link_map;
    hook->holder.start = world_start(world_object(world, i));
}

/* ---- graft_plan_hook ---------------------------------------------------------------- */

struct planning {
    struct graft_plan **out;
    const struct graft_hook *hooks;
    size_t count;
    struct graft_error *error;
};

static int link_hooks(const struct planning *p, struct graft_plan *plan, const struct world *world,
                      struct arena *scratch)
{
    struct hook_wanted *wanted = arena_array(scratch, p->count, sizeof *wanted);
    int result = wanted ? 0 : -GRAFT_ENOMEM;
    for (size_t i = 0; !result && i < p->count; i++)
        wanted[i] = (struct hook_wanted){ .symbol = p->hooks[i].symbol, .version = p->hooks[i].version,
                                          .of = p->hooks[i].of, .gnu_hash = elf_hash_gnu(p->hooks[i].symbol) };
    if (!result)
        result = hook_find(world, NULL, wanted, p->count, scratch);
    if (result)
        return error_set(p->error, GRAFT_ENOMEM, "out of memory while hooking");
    for (size_t i = 0; i < p->count; i++) {
        struct hook *hook = hook_new(&p->hooks[i], plan);
        if (!hook)
            return error_set(p->error, GRAFT_ENOMEM, "out of memory while hooking");
        find_holder(hook, world);
        if (!wanted[i].first && !(hook->flags & GRAFT_HOOK_LATE))
            return hook_explain(world, &wanted[i], p->error);
        if ((result = link_found(hook, world, &wanted[i], p->error)))
            return result;
    }
    return 0;
}

static void clear_touched(void)
{
    for (struct function *f = function_first(); f; f = f->next)
        f->touched = false;
}

void hooks_release(struct graft_plan *plan)
{
    for (struct hook *hook = plan->hooks ? hook_newest() : NULL, *older; hook; hook = older) {
        older = hook->older;
        if (hook->plan != plan)
            continue;
        hook->plan = NULL;
        if (hook->state == HOOK_PLANNED)
            hook_drop(hook);
    }
    clear_touched();
    function_tidy();
}

static int plan_visit(struct world *world, const struct live_counts *counts, void *arg)
{
    const struct planning *p = arg;
    struct arena scratch = { 0 };
    struct graft_plan *plan = plan_new(0);
    world_set set = hooks_everybody(world, &scratch);
    int result = plan && set ? 0 : error_set(p->error, GRAFT_ENOMEM, "out of memory while hooking");
    if (!result) {
        plan->hooks = true;
        plan->adds = counts->adds;
        plan->subs = counts->subs;
        plan->generation = chain_generation();
        result = link_hooks(p, plan, world, &scratch);
    }
    if (!result && hooks_plan_functions(plan, world, set, true))
        result = error_set(p->error, GRAFT_ENOMEM, "out of memory while hooking");
    clear_touched();
    arena_free(&scratch);
    if (!result) {
        *p->out = plan;
        return 0;
    }
    if (plan)
        hooks_release(plan);
    plan_free(plan);
    return result;
}

static bool is_whole(const struct graft_hook *hook)
{
    return hook->size >= sizeof *hook && hook->symbol && *hook->symbol && hook->replacement
        && hook->replacement != (void *)hook->original;
}

int graft_plan_hook(struct graft_plan **plan, const struct graft_hook *hooks, size_t count, struct graft_error *error)
{
    struct planning planning = { plan, hooks, count, error };
    int saved = errno;
    error_clear(error);
    if (!plan || !hooks || !count)
        return error_set(error, GRAFT_EINVAL, "a plan of hooks needs at least one");
    for (size_t i = 0; i < count; i++)
        if (!is_whole(&hooks[i]))
            return error_set(error, GRAFT_EINVAL, "hook %zu: it needs its size, a symbol and a replacement", i);
    journal_lock();
    int result = live_visit(plan_visit, &planning, error);
    journal_unlock();
    errno = saved;
    return result;
}

/* ---- states of chosen hooks ------------------------------------------------------------ */

static void touch(const struct hook *hook)
{
    for (struct link *l = hook->links; l; l = l->next_of_hook)
        l->chain->function->touched = true;
}

static void set_state(struct hook *hook, enum hook_state state)
{
    hook->chosen = true;
    hook->before = hook->state;
    hook->state = state;
    touch(hook);
}

static void restore_states(struct hook_job *job)
{
    (void)job;
    for (struct hook *hook = hook_newest(); hook; hook = hook->older)
        if (hook->chosen) {
            hook->state = hook->before;
            hook->chosen = false;
        }
}

static void keep_states(struct hook_job *job)
{
    (void)job;
    for (struct hook *hook = hook_newest(); hook; hook = hook->older)
        hook->chosen = false;
}

static void drop_chosen(struct hook_job *job)
{
    (void)job;
    for (struct hook *hook = hook_newest(), *older; hook; hook = older) {
        older = hook->older;
        if (hook->chosen)
            hook_drop(hook);
    }
}

/* ---- putting in and taking out ----------------------------------------------------------- */

static int prepare_apply(struct hook_job *job, const struct world *world)
{
    struct graft_plan *plan = job->arg;
    if (plan->generation != chain_generation())
        return error_set(job->error, GRAFT_ESTALE, "other hooks came or went since: make the plan again");
    int result = bind_same_objects(world, plan, job->error);
    for (struct hook *hook = result ? NULL : hook_newest(); hook; hook = hook->older)
        if (hook->plan == plan)
            set_state(hook, hook->flags & GRAFT_HOOK_DISABLED ? HOOK_DISABLED : HOOK_ENABLED);
    return result;
}

int hook_plan_apply(struct graft_plan *plan, struct graft_error *error)
{
    struct hook_job job = { .plan = plan, .strict = true, .error = error, .prepare = prepare_apply,
                            .revert = restore_states, .finish = keep_states, .arg = plan };
    struct live_counts known = { plan->adds, plan->subs };
    int result = plan_check(plan, error);
    if (!result)
        result = watch_start(true, error);
    if (!result)
        result = hook_job_run(&job);
    if (result)
        return result;
    plan->state = PLAN_APPLIED;
    if (job.counts.adds != known.adds)
        watch_look();               /* what was loaded since the plan was made */
    return 0;
}

static int prepare_undo(struct hook_job *job, const struct world *world)
{
    (void)world;
    for (struct hook *hook = hook_newest(); hook; hook = hook->older)
        if (hook->plan == job->arg)
            set_state(hook, HOOK_DISABLED);
    return 0;
}

static int report_left(const struct hook_job *job)
{
    if (!job->left)
        return 0;
    return error_set(job->error, GRAFT_ESTALE, "%zu slots were written by somebody else since: left; the rest is "
                     "undone", job->left);
}

int hook_plan_undo(struct graft_plan *plan, struct graft_error *error)
{
    struct hook_job job = { .error = error, .prepare = prepare_undo, .revert = restore_states,
                            .finish = drop_chosen, .arg = plan };
    int result = hook_job_run(&job);
    if (result)
        return result;
    plan->state = PLAN_UNDONE;
    return report_left(&job);
}

/* ---- one hook ------------------------------------------------------------------------------ */

/* Which hook, and what becomes of it. */
struct change {
    const char *symbol;
    const void *replacement;
    const struct graft_plan *plan;  /* instead: all of a plan */
    bool drop;
    enum hook_state state;
};

static bool is_meant(const struct change *change, const struct hook *hook)
{
    if (hook->state == HOOK_PLANNED)
        return false;
    if (change->plan)
        return hook->plan == change->plan;
    return hook->replacement == change->replacement && !strcmp(hook->symbol, change->symbol);
}

static int prepare_change(struct hook_job *job, const struct world *world)
{
    const struct change *change = job->arg;
    bool any = false;
    for (struct hook *hook = hook_newest(); hook && (!any || change->plan); hook = hook->older)
        if (is_meant(change, hook)) {
            set_state(hook, change->drop ? HOOK_DISABLED : change->state);
            any = true;
        }
    if (!any)
        return error_set(job->error, GRAFT_ESTATE, "there is no such hook");
    if (change->drop || change->state == HOOK_DISABLED)
        return 0;
    world_set set = hooks_everybody(world, &job->arena);
    job->plan = set ? plan_new(0) : NULL;
    if (job->plan && !hooks_plan_functions(job->plan, world, set, true))
        return 0;
    restore_states(job);
    return error_set(job->error, GRAFT_ENOMEM, "out of memory while hooking");
}

/* The journal keeps an internal plan while its edits last. */
static void hand_over(struct graft_plan *plan)
{
    if (plan)
        graft_plan_free(plan);
}

static int change_hooks(const struct change *change, struct graft_error *error)
{
    struct hook_job job = { .error = error, .prepare = prepare_change, .revert = restore_states,
                            .finish = change->drop ? drop_chosen : keep_states, .arg = (void *)change };
    int saved = errno;
    int result = hook_job_run(&job);
    hand_over(job.plan);
    if (!result && change->drop)
        result = report_left(&job);
    errno = saved;
    return result;
}

int graft_unhook(const char *symbol, void *replacement)
{
    if (!symbol)
        return -GRAFT_EINVAL;
    return change_hooks(&(struct change){ .symbol = symbol, .replacement = replacement, .drop = true }, NULL);
}

int graft_hook_enable(const char *symbol, void *replacement, int enabled)
{
    if (!symbol)
        return -GRAFT_EINVAL;
    return change_hooks(&(struct change){ .symbol = symbol, .replacement = replacement,
                                          .state = enabled ? HOOK_ENABLED : HOOK_DISABLED }, NULL);
}

int graft_plan_enable(struct graft_plan *plan, int enabled, struct graft_error *error)
{
    error_clear(error);
    if (!plan->hooks || plan->state != PLAN_APPLIED)
        return error_set(error, GRAFT_ESTATE, "the plan has no hooks, or is not applied");
    return change_hooks(&(struct change){ .plan = plan, .state = enabled ? HOOK_ENABLED : HOOK_DISABLED }, error);
}

/* Plans and applies; what another thread overtook is planned again. */
int graft_hook(const char *symbol, void *replacement, void **original)
{
    struct graft_hook hook = { .size = sizeof hook, .symbol = symbol, .replacement = replacement,
                               .original = original };
    int result = -GRAFT_ESTALE;
    for (int try = 0; try < 8 && result == -GRAFT_ESTALE; try++) {
        struct graft_plan *plan;
        if ((result = graft_plan_hook(&plan, &hook, 1, NULL)))
            return result;
        result = graft_plan_apply(plan, NULL);
        graft_plan_free(plan);
    }
    return result;
}

/* ---- libraries come and go -------------------------------------------------------------------- */

struct arrival { bool (*fresh)(const struct world_object *, void *arg); void *arg; };

/* Hooks whose function may be among what came. */
static bool waits(const struct hook *hook)
{
    return hook->state != HOOK_PLANNED && (!hook->links || !hook->original);
}

static int link_waiting(const struct world *world, const unsigned char *fresh, struct arena *scratch)
{
    for (struct hook *hook = hook_newest(); hook; hook = hook->older) {
        struct hook_wanted wanted = { .symbol = hook->symbol, .version = hook->version, .of = hook->of,
                                      .gnu_hash = elf_hash_gnu(hook->symbol) };
        if (!waits(hook))
            continue;
        if (hook_find(world, fresh, &wanted, 1, scratch))
            return -GRAFT_ENOMEM;
        if (wanted.first)
            (void)link_found(hook, world, &wanted, NULL);
    }
    return 0;
}

static bool any_touched(void)
{
    for (const struct function *f = function_first(); f; f = f->next)
        if (f->touched)
            return true;
    return false;
}

static int prepare_late(struct hook_job *job, const struct world *world)
{
    const struct arrival *arrival = job->arg;
    world_set all = hooks_everybody(world, &job->arena), fresh = world_set_new(world, &job->arena);
    if (!all || !fresh || !(job->plan = plan_new(0)))
        return -GRAFT_ENOMEM;
    for (size_t i = 0; i < world->objects.count; i++)
        fresh[i] = all[i] && arrival->fresh(world_object(world, i), arrival->arg);
    watch_gates(world);
    if (link_waiting(world, fresh, &job->arena))
        return -GRAFT_ENOMEM;
    return hooks_plan_functions(job->plan, world, any_touched() ? all : fresh, false);
}

void hooks_late(bool (*fresh)(const struct world_object *, void *arg), void *arg)
{
    struct arrival arrival = { fresh, arg };
    struct hook_job job = { .prepare = prepare_late, .arg = &arrival };
    (void)hook_job_run(&job);
    hand_over(job.plan);
}

void hooks_forget(const struct world *world)
{
    for (struct hook *hook = hook_newest(), *older; hook; hook = older) {
        older = hook->older;
        if (hook->holder.link_map && object_of(world, hook->holder.link_map, hook->holder.start) == WORLD_NONE)
            hook_drop(hook);
    }
    for (struct function *f = function_first(); f; f = f->next)
        if (object_of(world, f->link_map, f->start) == WORLD_NONE) {
            function_gone(f);
            chain_changed();
        } else if (f->touched)
            function_set_originals(f);
    clear_touched();
    hooks_list_exports();
    function_tidy();
}

/* What closing an object may take with it. */
static int prepare_closing(struct hook_job *job, const struct world *world)
{
    const uint64_t *link_map = job->arg;
    size_t *order = arena_array(&job->arena, world->objects.count, sizeof *order), count = 0, root = 0;
    world_set going = world_set_new(world, &job->arena);
    while (root < world->objects.count && world_object(world, root)->link_map != *link_map)
        root++;
    if (!order || !going || root == world->objects.count)
        return -GRAFT_ENOOBJ;
    world_closure(world, root, going, order, &count);
    for (struct hook *hook = hook_newest(); hook; hook = hook->older) {
        size_t holder = hook->holder.link_map ? object_of(world, hook->holder.link_map, hook->holder.start) : WORLD_NONE;
        if (holder == WORLD_NONE || !going[holder] || hook->state == HOOK_PLANNED)
            continue;
        hook->closing++;
        if (hook->state == HOOK_ENABLED) {
            hook->suspended = true;
            set_state(hook, HOOK_DISABLED);
        }
    }
    return 0;
}

static bool any_held(void)
{
    bool any = false;
    journal_lock();
    for (const struct hook *hook = hook_newest(); hook && !any; hook = hook->older)
        any = hook->holder.link_map != 0;
    journal_unlock();
    return any;
}

bool hooks_closing(uint64_t link_map)
{
    struct hook_job job = { .prepare = prepare_closing, .revert = restore_states, .finish = keep_states,
                            .arg = &link_map };
    return any_held() && !hook_job_run(&job);
}

/* What is still there is called again; hooks of what has gone were dropped. */
static int prepare_stayed(struct hook_job *job, const struct world *world)
{
    for (struct hook *hook = hook_newest(); hook; hook = hook->older)
        if (hook->closing && !--hook->closing && hook->suspended) {
            hook->suspended = false;
            set_state(hook, HOOK_ENABLED);
        }
    world_set set = hooks_everybody(world, &job->arena);
    job->plan = set ? plan_new(0) : NULL;
    return job->plan ? hooks_plan_functions(job->plan, world, set, true) : -GRAFT_ENOMEM;
}

void hooks_stayed(void)
{
    struct hook_job job = { .prepare = prepare_stayed, .revert = restore_states, .finish = keep_states };
    (void)hook_job_run(&job);
    hand_over(job.plan);
}

/* ---- answers of dlsym, gates --------------------------------------------------------------------- */

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

/* RTLD_NEXT from where a replacement is asks for what comes behind it. */
static uintptr_t behind_own(const struct world *world, const struct chain *chain, uintptr_t from)
{
    size_t caller = world_find_address(world, from);
    for (const struct link *l = chain->links; l && caller != WORLD_NONE; l = l->next)
        if (world_find_address(world, (uint64_t)(uintptr_t)l->hook->replacement) == caller)
            return l->hook->original ? (uintptr_t)*l->hook->original : chain->function->from;
    return 0;
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

/* ---- listing ------------------------------------------------------------------------------------- */

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

int graft_hooks_each(int (*each)(const struct graft_hook_info *, void *arg), void *arg)
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
