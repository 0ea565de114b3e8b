/* SPDX-License-Identifier: MIT */
/* Which hooks there are, and in which order they are called. Invariants: a hook's
 * *original is right before anything leads to its replacement, and stays right for
 * calls under way; nothing here reads or writes a slot.
 *
 * State: the hooks and functions, under the journal's lock, with memory that is used
 * again, so that hooking for ever does not grow. */

#include "bind/chain.h"

#include <string.h>

#include "elf/symbol.h"

enum { BUCKETS = 256 };

struct text { struct text *next; char text[]; };

static struct {
    struct arena arena;
    struct hook *newest, *free_hooks;
    struct link *free_links;
    struct chain *free_chains;
    struct function *functions, *free_functions;
    struct function *bucket[BUCKETS];
    struct text *texts[BUCKETS];
    unsigned long generation, last_age;
    bool put_off;                   /* a function's export is */
    uint64_t names[64];             /* a bit for each name that was ever hooked */
} registry;

unsigned long chain_generation(void)
{
    return registry.generation;
}

void chain_changed(void)
{
    registry.generation++;
}

/* ---- memory ---------------------------------------------------------------- */

/* A zeroed @type from the list of free ones, or a new one. */
#define NEW(type, list, link) ({ \
    struct type *new_ = registry.list; \
    if (new_) { \
        registry.list = new_->link; \
        memset(new_, 0, sizeof *new_); \
    } else \
        new_ = arena_alloc(&registry.arena, sizeof *new_); \
    new_; })

#define FREE(object, list, link) do { \
    (object)->link = registry.list; \
    registry.list = (object); \
} while (0)

/* The same names come again and again: each is kept once, for good. NULL for NULL. */
static bool keep(const char *text, const char **kept)
{
    *kept = NULL;
    if (!text)
        return true;
    struct text **bucket = &registry.texts[elf_hash_gnu(text) % BUCKETS];
    for (struct text *t = *bucket; t && !*kept; t = t->next)
        if (!strcmp(t->text, text))
            *kept = t->text;
    if (*kept)
        return true;
    size_t size = strlen(text) + 1;
    struct text *t = arena_alloc(&registry.arena, sizeof *t + size);
    if (!t)
        return false;
    *kept = memcpy(t->text, text, size);
    t->next = *bucket;
    *bucket = t;
    return true;
}

/* ---- functions and chains ---------------------------------------------------- */

struct function *function_first(void)
{
    return registry.functions;
}

static uint64_t *name_bits(const char *symbol, uint64_t *mask)
{
    uint32_t hash = elf_hash_gnu(symbol);
    *mask = 1ull << (hash >> 6 & 63);
    return &registry.names[hash & 63];
}

bool chain_has_name(const char *symbol)
{
    uint64_t mask, *bits = name_bits(symbol, &mask);
    return __atomic_load_n(bits, __ATOMIC_ACQUIRE) & mask;
}

static struct function **bucket_of(uintptr_t from)
{
    return &registry.bucket[(from >> 4) * 0x9e3779b97f4a7c15ull >> 56];
}

struct function *function_of(const char *symbol, uintptr_t from, bool make)
{
    struct function **bucket = bucket_of(from), *f = *bucket;
    uint64_t mask;
    while (f && (f->from != from || strcmp(f->symbol, symbol)))
        f = f->same_bucket;
    if (f || !make || !(f = NEW(function, free_functions, next)))
        return f;
    if (!keep(symbol, &f->symbol)) {
        FREE(f, free_functions, next);
        return NULL;
    }
    f->from = f->entry = from;
    uint64_t *bits = name_bits(symbol, &mask);
    __atomic_or_fetch(bits, mask, __ATOMIC_RELEASE);
    f->next = registry.functions;
    registry.functions = f;
    f->same_bucket = *bucket;
    *bucket = f;
    return f;
}

bool function_place(struct function *function, const char *object, uint64_t link_map, uint64_t start, uint32_t index)
{
    function->link_map = link_map;
    function->start = start;
    function->index = index;
    return keep(object, &function->object);
}

struct chain *chain_wide(const struct function *function)
{
    struct chain *chain = function->chains;
    while (chain && !chain_is_wide(chain))
        chain = chain->next;
    return chain;
}

/* Equal texts are kept once, so that they can be compared by address. */
struct chain *chain_of(struct function *function, const struct hook_callers *callers, bool make)
{
    struct chain **place = &function->chains;
    for (struct chain *c = function->chains; c; c = c->next)
        if (hook_callers_same(&c->callers, callers))
            return c;
    struct chain *chain = make ? NEW(chain, free_chains, next) : NULL;
    if (!chain)
        return NULL;
    while (*place && !chain_is_wide(*place))
        place = &(*place)->next;
    chain->function = function;
    chain->callers = *callers;
    chain->next = *place;
    *place = chain;
    return chain;
}

bool function_is_put_off(const struct function *function)
{
    const struct chain *wide = chain_wide(function);
    return wide && wide->now && !function->exported;
}

bool functions_put_off(void)
{
    return __atomic_load_n(&registry.put_off, __ATOMIC_RELAXED);
}

void function_settled(void)
{
    bool put_off = false;
    for (struct function *f = registry.functions; f; f = f->next) {
        f->touched = false;
        put_off |= function_is_put_off(f);
    }
    __atomic_store_n(&registry.put_off, put_off, __ATOMIC_RELAXED);
}

static void tidy_chains(struct function *function)
{
    for (struct chain **c = &function->chains; *c;) {
        struct chain *chain = *c;
        if (chain->links || chain->edits || chain->was || (function->gate && chain_is_wide(chain))) {
            c = &chain->next;
            continue;
        }
        *c = chain->next;
        FREE(chain, free_chains, next);
    }
}

void function_tidy(void)
{
    for (struct function **f = &registry.functions; *f;) {
        struct function *function = *f, **b = bucket_of(function->from);
        tidy_chains(function);
        if (function->chains) {
            f = &function->next;
            continue;
        }
        while (*b != function)
            b = &(*b)->same_bucket;
        *b = function->same_bucket;
        *f = function->next;
        FREE(function, free_functions, next);
    }
}

/* ---- hooks --------------------------------------------------------------------- */

struct hook *hook_newest(void)
{
    return registry.newest;
}

struct hook *hook_new(const struct graft_hook *from, struct graft_plan *plan)
{
    struct hook *hook = NEW(hook, free_hooks, older);
    if (!hook)
        return NULL;
    if (!keep(from->symbol, &hook->symbol) || !keep(from->version, &hook->version) || !keep(from->in, &hook->callers.in)
        || !keep(from->of, &hook->of) || !keep(from->owner, &hook->owner)) {
        FREE(hook, free_hooks, older);
        return NULL;
    }
    hook->callers.takes = from->takes;
    hook->callers.arg = from->takes_arg;
    hook->replacement = from->replacement;
    hook->original = from->original;
    hook->priority = from->priority;
    hook->flags = from->flags;
    hook->plan = plan;
    hook->age = ++registry.last_age;
    hook->older = registry.newest;
    if (registry.newest)
        registry.newest->newer = hook;
    registry.newest = hook;
    return hook;
}

static void unlink_one(struct link *link)
{
    struct link **place = &link->chain->links;
    while (*place != link)
        place = &(*place)->next;
    *place = link->next;
    link->chain->function->touched = true;
    FREE(link, free_links, next);
}

static void unlink_all(struct hook *hook)
{
    while (hook->links) {
        struct link *link = hook->links;
        hook->links = link->next_of_hook;
        unlink_one(link);
    }
}

void hook_drop(struct hook *hook)
{
    unlink_all(hook);
    if (hook->newer)
        hook->newer->older = hook->older;
    else
        registry.newest = hook->older;
    if (hook->older)
        hook->older->newer = hook->newer;
    FREE(hook, free_hooks, older);
}

void function_gone(struct function *function)
{
    for (struct chain *chain = function->chains; chain; chain = chain->next)
        while (chain->links) {
            struct link *link = chain->links, **of_hook = &link->hook->links;
            while (*of_hook != link)
                of_hook = &(*of_hook)->next_of_hook;
            *of_hook = link->next_of_hook;
            unlink_one(link);
        }
    function->gate = 0;
}

/* Higher priority first; of equal ones the newer. */
static bool is_before(const struct hook *a, const struct hook *b)
{
    return a->priority != b->priority ? a->priority > b->priority : a->age > b->age;
}

int hook_link(struct hook *hook, struct function *function)
{
    struct chain *chain = chain_of(function, &hook->callers, true);
    if (!chain)
        return -GRAFT_ENOMEM;
    struct link **place = &chain->links;
    for (const struct chain *c = function->chains; c; c = c->next)
        for (const struct link *l = c->links; l; l = l->next)
            if (l->hook->replacement == hook->replacement)
                return l->hook == hook ? 0 : -GRAFT_ESTATE;
    struct link *link = NEW(link, free_links, next);
    if (!link)
        return -GRAFT_ENOMEM;
    while (*place && is_before((*place)->hook, hook))
        place = &(*place)->next;
    *link = (struct link){ hook, chain, *place, hook->links };
    *place = link;
    hook->links = link;
    function->touched = true;
    return 0;
}

/* ---- who calls whom -------------------------------------------------------------- */

static bool is_on(const struct hook *hook, const struct graft_plan *plan)
{
    return hook->state == HOOK_ENABLED
        || (hook->state == HOOK_PLANNED && plan && hook->plan == plan && !(hook->flags & GRAFT_HOOK_DISABLED));
}

static const struct link *first_on(const struct link *link, const struct graft_plan *plan)
{
    while (link && !is_on(link->hook, plan))
        link = link->next;
    return link;
}

uintptr_t chain_target(const struct chain *chain, const struct graft_plan *plan)
{
    const struct link *first = first_on(chain->links, plan);
    const struct chain *wide = chain_wide(chain->function);
    if (chain->function->gate)
        return chain->function->gate;
    if (!first && wide && wide != chain)
        first = first_on(wide->links, plan);
    return first ? (uintptr_t)first->hook->replacement : 0;
}

struct chain *chain_server(struct chain *chain)
{
    struct chain *wide = chain_wide(chain->function);
    if (chain->function->gate)
        return wide;
    if (chain_first(chain))
        return chain;
    return wide && chain_first(wide) ? wide : NULL;
}

static uintptr_t after_all(const struct function *function)
{
    return function->last ? function->last : function->from;
}

/* What is called when @chain has no more to say. */
static uintptr_t behind(const struct chain *chain)
{
    const struct chain *wide = chain_wide(chain->function);
    const struct link *first = wide && wide != chain ? chain_first(wide) : NULL;
    return first ? (uintptr_t)first->hook->replacement : after_all(chain->function);
}

uintptr_t chain_entry(const struct chain *chain)
{
    const struct link *first = chain_first(chain);
    return first ? (uintptr_t)first->hook->replacement : behind(chain);
}

const struct link *chain_first(const struct chain *chain)
{
    return first_on(chain->links, NULL);
}

uintptr_t link_behind(const struct link *link)
{
    const struct link *next = first_on(link->next, NULL);
    return next ? (uintptr_t)next->hook->replacement : behind(link->chain);
}

struct chain *chain_for(const struct function *function, const struct world *world, size_t object)
{
    for (struct chain *c = function->chains; c; c = c->next)
        if (chain_first(c) && (chain_is_wide(c) || (object != WORLD_NONE
                                                    && hook_callers_have(&c->callers, world, object))))
            return c;
    return NULL;
}

const struct function *function_leading_to(const char *symbol, uintptr_t address)
{
    const struct function *f = function_of(symbol, address, false);
    for (const struct function *other = f ? NULL : registry.functions; other && !f; other = other->next) {
        const struct chain *wide = chain_wide(other);
        if (wide && wide->now == address && !strcmp(other->symbol, symbol))
            f = other;
    }
    return f;
}

static void set_from(const struct link *link)
{
    if (!link)
        return;
    set_from(link->next);
    if (link->hook->original)
        __atomic_store_n((uintptr_t *)link->hook->original, link_behind(link), __ATOMIC_RELEASE);
}

void function_set_originals(struct function *function)
{
    struct chain *wide = chain_wide(function);
    if (wide)
        set_from(wide->links);
    for (struct chain *chain = function->chains; chain; chain = chain->next)
        if (chain != wide)
            set_from(chain->links);
    __atomic_store_n(&function->entry, wide ? chain_entry(wide) : after_all(function), __ATOMIC_RELEASE);
}
