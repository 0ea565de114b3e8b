/* SPDX-License-Identifier: MIT */
/* Which way a consumer is loaded, and why. Invariants: a way is chosen only if everything
 * that the consumer asks of the runtime is then served by the host; what is chosen says
 * so in one sentence, and a refusal names what is in the way. */

#include "plan/load.h"

#include <string.h>

#include "base/error.h"
#include "plan/loading.h"

static const char *const way_names[] = {
#define GRAFT_X(name, word, text) word,
    GRAFT_WAYS(GRAFT_X)
#undef GRAFT_X
};
static const char *const way_texts[] = {
#define GRAFT_X(name, word, text) text,
    GRAFT_WAYS(GRAFT_X)
#undef GRAFT_X
};
enum { WAYS = sizeof way_names / sizeof *way_names, REASON_MAX = 1400 };

const char *graft_way_name(enum graft_way way)
{
    return (unsigned)way < WAYS ? way_names[way] : "?";
}

const char *graft_way_text(enum graft_way way)
{
    return (unsigned)way < WAYS ? way_texts[way] : "?";
}

/* ---- the decision ---------------------------------------------------------------------- */

/* A way with its reason, while it is being put into words. */
struct choice {
    const struct loading *l;
    enum graft_way way;
    char text[REASON_MAX];
    struct text_buffer reason;
};

static void say(struct choice *c, enum graft_way way, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct choice *c, enum graft_way way, const char *format, ...)
{
    va_list arguments;
    c->way = way;
    c->reason.length = 0;
    va_start(arguments, format);
    text_append_arguments(&c->reason, format, arguments);
    va_end(arguments);
}

/* The first few of them by name; all are in the plan. */
static void add_names(struct choice *c, enum graft_binding binding)
{
    const struct graft_load_plan *plan = c->l->plan;
    size_t told = 0, count = 0;
    for (size_t i = 0; i < plan->symbols.count; i++) {
        const struct graft_load_symbol *s = arena_list_at(&plan->symbols, i);
        if (s->binding != binding || count++ >= 6)
            continue;
        text_append(&c->reason, "%s%s%s%s", told++ ? ", " : ": ", s->name, s->version ? "@" : "", s->version ? s->version : "");
    }
    if (count > told)
        text_append(&c->reason, " and %zu more", count - told);
}

static const struct load_member *first_of(const struct loading *l, enum graft_fate fate, bool here)
{
    for (size_t i = 1; i < l->members.count; i++) {
        const struct load_member *m = load_member(l, i);
        if (m->fate == fate && (m->world == l->here) == here)
            return m;
    }
    return NULL;
}

static size_t count_of(const struct loading *l, enum graft_fate fate)
{
    size_t count = 0;
    for (size_t i = 1; i < l->members.count; i++)
        count += load_member(l, i)->fate == fate;
    return count;
}

static const char *host_path(const struct loading *l, size_t host)
{
    return world_object(l->here, host)->path;
}

static const char *host_version(const struct loading *l, const struct load_member *d)
{
    static const char none[] = "";
    const char *kept = none;
    struct graft_runtime found;
    if (d->runtime.tag && runtime_find(l->here, d->host, d->runtime.tag, &found))
        kept = arena_string(&l->plan->arena, found.version);
    return kept ? kept : none;
}

static void refuse_version(struct choice *c, const struct load_member *d)
{
    const char *theirs = d->runtime.version[0] ? d->runtime.version : "of an unknown version";
    const char *ours = host_version(c->l, d);
    say(c, GRAFT_WAY_REFUSE, "it wants %s %s (%s), the host is %s %s: the same names mean other things there",
        d->runtime.tag, theirs, d->name, d->runtime.tag, *ours ? ours : "of an unknown version");
    add_names(c, GRAFT_BINDING_NOT_CURABLE);
}

static bool is_partial(const struct loading *l)
{
    return l->request->wish->flags & GRAFT_PARTIAL;
}

/* A duplicate would come, or is here. */
static void choose_for_duplicate(struct choice *c, const struct load_member *d, bool loaded)
{
    const struct loading *l = c->l;
    const struct graft_load_plan *plan = l->plan;
    const char *host = host_path(l, d->host);
    size_t left = is_partial(l) ? l->lost + plan->incurable : 0;
    if (l->mismatched && !is_partial(l))
        refuse_version(c, d);
    else if (l->lost && !is_partial(l)) {
        say(c, GRAFT_WAY_REFUSE, "the host %s does not show %zu names that it takes from %s%s", host, plan->missing, d->name,
            plan->unlocated ? " (a table of addresses would help)" : "");
        add_names(c, GRAFT_BINDING_MISSING);
    } else if (plan->incurable && !is_partial(l)) {
        say(c, GRAFT_WAY_REFUSE, "%zu references cannot be bound to the host %s", plan->incurable, host);
        add_names(c, GRAFT_BINDING_NOT_CURABLE);
    } else if (loaded)
        say(c, GRAFT_WAY_REBIND, "the duplicate %s is loaded already; the consumer's references go to %s", load_path(d), host);
    else if ((l->needs_slots || left) && l->hidden)
        say(c, GRAFT_WAY_REFUSE, "some of it only slots could bind, and the host %s hides what they would hold", host);
    else if (l->needs_slots || left)
        say(c, GRAFT_WAY_REBIND, left ? "%zu names stay with the duplicate, the rest goes to %s"
            : "%zu names are other objects' or thread-local, which no stand-in can serve; slots go to %s",
            left ? left : plan->wrong, host);
    else
        say(c, GRAFT_WAY_PROVIDER, "%s would be a second %s beside %s, which serves all %zu names", d->name,
            d->runtime.tag ? d->runtime.tag : "copy", host, plan->bound);
}

/* The consumer is itself the runtime's library, or holds one. */
static void choose_for_runtime(struct choice *c)
{
    const struct loading *l = c->l;
    const struct load_member *m = load_member(l, 0);
    if (l->mismatched && l->mismatched > l->plan->bound)
        refuse_version(c, m);
    else if (l->plan->bound >= 9 * l->plan->missing)
        say(c, GRAFT_WAY_PROVIDER, "it is a second %s beside %s, which serves %zu of its %zu names", m->runtime.tag,
            host_path(l, m->host), l->plan->bound, l->plan->bound + l->plan->missing);
    else
        say(c, GRAFT_WAY_REFUSE, "it holds a %s of its own: its references are bound inside it, no slot leads out",
            m->runtime.tag);
}

static void choose_for_loaded(struct choice *c)
{
    const struct loading *l = c->l;
    const struct load_member *d = first_of(l, GRAFT_FATE_DUPLICATE, true);
    if (world_object(l->here, load_member(l, 0)->index)->is_stand_in)
        say(c, GRAFT_WAY_NONE, "a stand-in for it is here already");
    else if (load_member(l, 0)->fate == GRAFT_FATE_DUPLICATE)
        say(c, GRAFT_WAY_NONE, "it is loaded already, a second %s beside %s", load_member(l, 0)->runtime.tag,
            host_path(l, load_member(l, 0)->host));
    else if (!d)
        say(c, GRAFT_WAY_NONE, "it is loaded already, and no second copy of a runtime with it");
    else if (l->stored && !is_partial(l)) {
        say(c, GRAFT_WAY_REFUSE, "it was loaded before, and its code has stored %zu pointers into %s that no slot holds",
            l->stored, load_path(d));
        add_names(c, GRAFT_BINDING_NOT_CURABLE);
    } else
        say(c, GRAFT_WAY_REBIND, "it is loaded already, bound to %s: its slots go to %s%s", load_path(d),
            host_path(l, d->host), l->stored ? "; pointers that its code has stored stay" : "");
}

/* No duplicate in sight: names that only a host defines, or nobody. */
static void choose_for_unlinked(struct choice *c, const struct load_member *absent)
{
    const struct loading *l = c->l;
    const struct world_object *host = l->unlinked ? world_object(l->here, l->unlinked_host) : NULL;
    if (l->lost) {
        say(c, GRAFT_WAY_REFUSE, "%zu names that it needs are defined by nobody here%s", l->plan->missing,
            host ? "" : " (a host that hides them needs a table of addresses)");
        add_names(c, GRAFT_BINDING_MISSING);
    } else if (!l->unlinked)
        say(c, GRAFT_WAY_NONE, "everything binds as it is: no second copy of a runtime comes with it");
    else if (absent && count_of(l, GRAFT_FATE_ABSENT) > 1)
        say(c, GRAFT_WAY_REFUSE, "%s is not found, nor are others that it needs: a stand-in can take the place of one", absent->name);
    else if (absent)
        say(c, GRAFT_WAY_PROVIDER, "%s is not found; the host %s serves all %zu names", absent->name, host->path, l->unlinked);
    else if (l->hidden || host->is_main || host->space != l->request->space)
        say(c, GRAFT_WAY_PROVIDER, "the host %s does not show the %zu names that it needs", host->path, l->unlinked);
    else
        say(c, GRAFT_WAY_PROMOTE, "the host %s is not visible to others (RTLD_LOCAL) and defines %zu names that it needs",
            host->path, l->unlinked);
}

static bool is_allowed(const struct loading *l, enum graft_way way)
{
    unsigned ways = l->request->wish->ways;
    return !ways || way == GRAFT_WAY_NONE || way == GRAFT_WAY_REFUSE || ways & GRAFT_WAY_BIT(way);
}

/* What would do as well: a stand-in for a promotion, slots for a stand-in. */
static void heed_wish(struct choice *c)
{
    const struct loading *l = c->l;
    enum graft_way chosen = c->way;
    if (is_allowed(l, chosen))
        return;
    const struct load_member *d = first_of(l, GRAFT_FATE_DUPLICATE, false);
    if (chosen == GRAFT_WAY_PROMOTE && is_allowed(l, GRAFT_WAY_PROVIDER))
        say(c, GRAFT_WAY_PROVIDER, "asked for: the host %s is not visible to others", host_path(l, l->unlinked_host));
    else if (chosen == GRAFT_WAY_PROVIDER && d && !l->hidden && is_allowed(l, GRAFT_WAY_REBIND))
        say(c, GRAFT_WAY_REBIND, "asked for: %s is loaded too, the consumer's slots go to %s", load_path(d),
            host_path(l, d->host));
    else {
        char wanted[64];
        text_copy(wanted, sizeof wanted, graft_way_name(chosen));
        say(c, GRAFT_WAY_REFUSE, "only the way '%s' would do, and it is not allowed", wanted);
    }
}

/* A duplicate that cannot come any more, as a stand-in answers to its name. */
static const struct load_member *stood_for(const struct loading *l)
{
    for (size_t i = 1; i < l->members.count; i++) {
        const struct load_member *m = load_member(l, i);
        size_t there = m->fate == GRAFT_FATE_DUPLICATE && !load_is_here(l, m)
                     ? world_find_needed(l->here, l->request->space, m->name) : WORLD_NONE;
        if (there != WORLD_NONE && world_object(l->here, there)->is_stand_in)
            return m;
    }
    return NULL;
}

static void choose(struct choice *c)
{
    if (c->l->request->is_bound) {
        say(c, GRAFT_WAY_NONE, "it is loaded already, as graft decided then");
        return;
    }
    const struct loading *l = c->l;
    const struct load_member *coming = first_of(l, GRAFT_FATE_DUPLICATE, false);
    const struct load_member *loaded = first_of(l, GRAFT_FATE_DUPLICATE, true);
    if (l->request->wish->flags & GRAFT_OWN_RUNTIME) {
        if (l->closure->loaded)
            say(c, GRAFT_WAY_REFUSE, "it is loaded already: its constructors have run among others' definitions");
        else
            say(c, GRAFT_WAY_ISOLATE, "as asked: what it brings along uses its own definitions (malloc's and unique "
                "symbols, and what the program itself needs, stay shared)");
        return;
    }
    if (l->closure->loaded)
        choose_for_loaded(c);
    else if (load_member(l, 0)->fate == GRAFT_FATE_DUPLICATE)
        choose_for_runtime(c);
    else if (coming || loaded)
        choose_for_duplicate(c, coming ? coming : loaded, !coming);
    else
        choose_for_unlinked(c, first_of(l, GRAFT_FATE_ABSENT, false));
    heed_wish(c);
    if (c->way == GRAFT_WAY_REBIND && !l->closure->loaded && (coming = stood_for(l)))
        say(c, GRAFT_WAY_REFUSE, "only slots could bind it, with %s loaded, and a stand-in has its place in this process", coming->name);
}

/* ---- the plan --------------------------------------------------------------------------- */

static void name_host(struct loading *l, size_t host, const char *tag)
{
    l->plan->host = arena_string(&l->plan->arena, host_path(l, host));
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
        o->host = arena_string(&plan->arena, host_path(l, m->host));
        o->host_version = m->runtime.tag ? host_version(l, m) : NULL;
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
                && (!strcmp(m->name, s->soname) || (load_image(m)->soname && !strcmp(load_image(m)->soname, s->soname))))
                s->duplicate = arena_string(&l->plan->arena, load_path(m));
        }
    const struct load_member *absent = first_of(l, GRAFT_FATE_ABSENT, false);
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
    struct choice c = { .l = l };
    c.reason = (struct text_buffer){ c.text, sizeof c.text, 0 };
    choose(&c);
    plan->way = c.way;
    plan->hidden = l->hidden;
    plan->reason = arena_string(&plan->arena, c.text);
    int result = plan->reason ? 0 : -GRAFT_ENOMEM;
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
