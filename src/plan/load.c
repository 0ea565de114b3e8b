/* SPDX-License-Identifier: MIT */
/* The decision as a value. Invariant: it owns every string in it, so that it outlives the
 * files and the objects that it speaks of. */

#include "plan/load.h"

#include <string.h>

#include "base/error.h"
#include "plan/loading.h"

static const char way_names[][12] = {
#define GRAFT_X(name, word, text) word,
    GRAFT_WAYS(GRAFT_X)
#undef GRAFT_X
};
static const char way_texts[][128] = {
#define GRAFT_X(name, word, text) text,
    GRAFT_WAYS(GRAFT_X)
#undef GRAFT_X
};
enum { WAYS = sizeof way_names / sizeof *way_names };

const char *graft_way_name(enum graft_way way)
{
    return (unsigned)way < WAYS ? way_names[way] : "?";
}

const char *graft_way_text(enum graft_way way)
{
    return (unsigned)way < WAYS ? way_texts[way] : "?";
}

/* ---- the plan --------------------------------------------------------------------------- */

static void name_host(struct loading *l, size_t host, const char *tag)
{
    l->plan->host = arena_string(&l->plan->arena, load_host_path(l, host));
    l->plan->host_map = world_object(l->here, host)->link_map;
    l->plan->host_space = world_object(l->here, host)->space;
    l->plan->host_is_main = world_object(l->here, host)->is_main;
    l->plan->runtime = tag;
}

static int list_object(struct loading *l, size_t i)
{
    struct graft_load_plan *plan = l->plan;
    const struct load_member *m = load_member(l, i), *by = m->by == WORLD_NONE ? NULL : load_member(l, m->by);
    if (by && load_is_here(l, by) && !load_is_replaced(m))
        return 0;                   /* what loaded objects need is loaded: no news */
    struct graft_load_object *o = arena_list_push(&plan->objects);
    if (!o)
        return -GRAFT_ENOMEM;
    *o = (struct graft_load_object){ .size = sizeof *o, .fate = m->fate, .name = arena_string(&plan->arena, m->name),
        .path = m->world ? arena_string(&plan->arena, load_path(m)) : NULL,
        .needed_by = by ? arena_string(&plan->arena, load_path(by)) : NULL,
        .runtime = m->runtime.tag,
        .version = m->runtime.tag && m->runtime.version[0] ? arena_string(&plan->arena, m->runtime.version) : NULL };
    if (m->fate == GRAFT_FATE_DUPLICATE || m->fate == GRAFT_FATE_BESIDE) {
        o->host = arena_string(&plan->arena, load_host_path(l, m->host));
        o->host_version = m->runtime.tag ? load_host_version(l, m) : NULL;
        if (!plan->host || !plan->runtime)
            name_host(l, m->host, m->runtime.tag);
        plan->brings_duplicate |= m->fate == GRAFT_FATE_DUPLICATE;
    }
    o->opened = load_is_here(l, m) || (m->world && plan->way != GRAFT_WAY_REFUSE
              && (!load_is_replaced(m) || plan->way == GRAFT_WAY_REBIND || plan->way == GRAFT_WAY_ISOLATE));
    return 0;
}

static int list_duplicates(struct loading *l)
{
    struct graft_load_plan *plan = l->plan;
    plan->duplicates = arena_array(&plan->arena, l->members.count + 1, sizeof *plan->duplicates);
    for (size_t i = 0; plan->duplicates && i < l->members.count; i++) {
        const struct load_member *m = load_member(l, i);
        if (m->fate == GRAFT_FATE_DUPLICATE)
            plan->duplicates[plan->duplicate_count++] = arena_string(&plan->arena, text_basename(m->name));
    }
    return plan->duplicates ? 0 : -GRAFT_ENOMEM;
}

/* What stands in for no library in particular must be visible to all; for a library that
 * is not there, it takes its name. */
static void name_stand_ins(struct loading *l)
{
    for (size_t i = 0; i < l->plan->stand_ins.count; i++)
        for (size_t k = 0; k < l->members.count; k++) {
            struct load_stand_in *s = arena_list_at(&l->plan->stand_ins, i);
            const struct load_member *m = load_member(l, k);
            if (load_is_replaced(m) && !load_is_here(l, m)
                && (!strcmp(m->name, s->soname) || (load_image(m)->soname && !strcmp(load_image(m)->soname, s->soname)))) {
                s->duplicate = arena_string(&l->plan->arena, load_path(m));
                s->most_symbols = elf_symbol_count(load_image(m));
                s->most_strings = load_image(m)->strings_size;
            }
        }
    const struct load_member *absent = load_member_with(l, GRAFT_FATE_ABSENT, false);
    for (size_t i = 0; i < l->plan->stand_ins.count; i++) {
        struct load_stand_in *s = arena_list_at(&l->plan->stand_ins, i);
        if (*s->soname)
            continue;
        s->global = !absent;
        if (absent)
            s->soname = arena_string(&l->plan->arena, absent->name);
    }
}

static int finish(struct loading *l)
{
    struct graft_load_plan *plan = l->plan;
    int result = load_choose(l);
    plan->hidden = l->hidden;
    for (size_t i = 0; i < l->members.count && !result; i++)
        result = list_object(l, i);
    struct graft_runtime found[GRAFT_RUNTIMES_MAX];
    size_t host = l->unlinked ? l->unlinked_host : l->closure->loaded ? WORLD_NONE : l->flat_host;
    if (host != WORLD_NONE && !plan->host)
        name_host(l, host, runtime_scan(l->here, host, found) ? found[0].tag : NULL);
    if (plan->way == GRAFT_WAY_PROMOTE)
        plan->promote = plan->host;
    name_stand_ins(l);
    return result ? result : list_duplicates(l);
}

static struct graft_load_plan *new_plan(void)
{
    struct arena arena = { 0 };
    struct graft_load_plan *plan = arena_alloc(&arena, sizeof *plan);
    if (!plan)
        return NULL;
    plan->arena = arena;
    plan->objects = (struct arena_list){ .arena = &plan->arena, .element_size = sizeof(struct graft_load_object) };
    plan->symbols = (struct arena_list){ .arena = &plan->arena, .element_size = sizeof(struct graft_load_symbol) };
    plan->stand_ins = (struct arena_list){ .arena = &plan->arena, .element_size = sizeof(struct load_stand_in) };
    return plan;
}

int plan_load(struct graft_load_plan **out, const struct world *here, const struct load_closure *closure,
              const struct load_request *request, struct graft_error *error)
{
    struct loading l = { .here = here, .closure = closure, .request = request, .error = error, .plan = new_plan() };
    int result = l.plan ? load_members(&l) : -GRAFT_ENOMEM;
    if (!result)
        result = closure->loaded ? load_stored_pointers(&l) : load_symbols(&l);
    if (!result)
        result = finish(&l);
    arena_free(&l.arena);
    if (!result) {
        *out = l.plan;
        return 0;
    }
    graft_load_plan_free(l.plan);
    return result == -GRAFT_ENOMEM ? error_set(error, GRAFT_ENOMEM, "out of memory while planning") : result;
}

int load_plan_refusal(const struct graft_load_plan *plan, struct graft_error *error)
{
    const struct graft_load_object *consumer = arena_list_at(&plan->objects, 0);
    const char *symbol = "";
    for (size_t i = plan->symbols.count; i-- > 0;) {
        const struct graft_load_symbol *s = arena_list_at(&plan->symbols, i);
        if (s->binding != GRAFT_BINDING_BOUND)
            symbol = s->name;
    }
    return error_about(error, GRAFT_EREFUSED, consumer->path ? consumer->path : consumer->name, symbol, "%s", plan->reason);
}

/* ---- reading it ---------------------------------------------------------------------------- */

enum graft_way graft_load_plan_way(const struct graft_load_plan *plan)
{
    return plan->way;
}

const char *graft_load_plan_reason(const struct graft_load_plan *plan)
{
    return plan->reason;
}

const struct graft_load_object *graft_load_plan_object(const struct graft_load_plan *plan, size_t i)
{
    return i < plan->objects.count ? arena_list_at(&plan->objects, i) : NULL;
}

const struct graft_load_symbol *graft_load_plan_symbol(const struct graft_load_plan *plan, size_t i)
{
    return i < plan->symbols.count ? arena_list_at(&plan->symbols, i) : NULL;
}

void graft_load_plan_free(struct graft_load_plan *plan)
{
    if (!plan)
        return;
    struct arena arena = plan->arena;
    arena_free(&arena);
}
