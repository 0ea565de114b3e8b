/* SPDX-License-Identifier: MIT */
/* Which way a consumer is loaded, and why. Invariants: a way is chosen only if everything
 * that the consumer asks of the runtime is then served by the host; what is chosen says
 * so in one sentence, and a refusal names what is in the way. */

#include "plan/loading.h"

#include <string.h>

enum { REASON_MAX = 1400 };

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

const struct load_member *load_member_with(const struct loading *l, enum graft_fate fate, bool here)
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

const char *load_host_path(const struct loading *l, size_t host)
{
    return world_object(l->here, host)->path;
}

const char *load_host_version(const struct loading *l, const struct load_member *d)
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
    const char *ours = load_host_version(c->l, d);
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
    const char *host = load_host_path(l, d->host);
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
            load_host_path(l, m->host), l->plan->bound, l->plan->bound + l->plan->missing);
    else
        say(c, GRAFT_WAY_REFUSE, "it holds a %s of its own: its references are bound inside it, no slot leads out",
            m->runtime.tag);
}

static void choose_for_loaded(struct choice *c)
{
    const struct loading *l = c->l;
    const struct load_member *d = load_member_with(l, GRAFT_FATE_DUPLICATE, true);
    if (world_object(l->here, load_member(l, 0)->index)->is_stand_in)
        say(c, GRAFT_WAY_NONE, "a stand-in for it is here already");
    else if (load_member(l, 0)->fate == GRAFT_FATE_DUPLICATE)
        say(c, GRAFT_WAY_NONE, "it is loaded already, a second %s beside %s", load_member(l, 0)->runtime.tag,
            load_host_path(l, load_member(l, 0)->host));
    else if (!d)
        say(c, GRAFT_WAY_NONE, "it is loaded already, and no second copy of a runtime with it");
    else if (l->stored && !is_partial(l)) {
        say(c, GRAFT_WAY_REFUSE, "it was loaded before, and its code has stored %zu pointers into %s that no slot holds",
            l->stored, load_path(d));
        add_names(c, GRAFT_BINDING_NOT_CURABLE);
    } else
        say(c, GRAFT_WAY_REBIND, "it is loaded already, bound to %s: its slots go to %s%s", load_path(d),
            load_host_path(l, d->host), l->stored ? "; pointers that its code has stored stay" : "");
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
    const struct load_member *d = load_member_with(l, GRAFT_FATE_DUPLICATE, false);
    if (chosen == GRAFT_WAY_PROMOTE && is_allowed(l, GRAFT_WAY_PROVIDER))
        say(c, GRAFT_WAY_PROVIDER, "asked for: the host %s is not visible to others", load_host_path(l, l->unlinked_host));
    else if (chosen == GRAFT_WAY_PROVIDER && d && !l->hidden && is_allowed(l, GRAFT_WAY_REBIND))
        say(c, GRAFT_WAY_REBIND, "asked for: %s is loaded too, the consumer's slots go to %s", load_path(d),
            load_host_path(l, d->host));
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
    const struct load_member *coming = load_member_with(l, GRAFT_FATE_DUPLICATE, false);
    const struct load_member *loaded = load_member_with(l, GRAFT_FATE_DUPLICATE, true);
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
        choose_for_unlinked(c, load_member_with(l, GRAFT_FATE_ABSENT, false));
    heed_wish(c);
    if (c->way == GRAFT_WAY_REBIND && !l->closure->loaded && (coming = stood_for(l)))
        say(c, GRAFT_WAY_REFUSE, "only slots could bind it, with %s loaded, and a stand-in has its place in this process", coming->name);
}

int load_choose(struct loading *l)
{
    struct choice c = { .l = l };
    c.reason = (struct text_buffer){ c.text, sizeof c.text, 0 };
    choose(&c);
    l->plan->way = c.way;
    l->plan->reason = arena_string(&l->plan->arena, c.text);
    return l->plan->reason ? 0 : -GRAFT_ENOMEM;
}
