/* SPDX-License-Identifier: MIT */
/* The places that allocate. Invariant: a place is named when it is first seen, while
 * its object is loaded; an entry is never moved or removed, blocks point to it. */

#include "callers.h"

#include <string.h>

#include "common/place.h"
#include "common/table.h"

static struct table callers = TABLE_BY_ADDRESS(struct caller);
static struct table paths = TABLE_BY_TEXT(char);
static struct caller overflow[FUNCTION_COUNT];      /* when there is no memory for more */

static const char *keep(const char *path)
{
    const void *kept = path ? table_at_text(&paths, path, NULL) : NULL;
    return kept ? table_text(kept) : "?";
}

/* Two threads that come first write the same. */
static void name(struct caller *caller, const void *address, enum function function)
{
    struct place place = place_find(address);
    caller->function = function;
    caller->offset = place.offset;
    atomic_store_explicit(&caller->object, keep(place.path), memory_order_release);
}

/* 47 bits of address, 4 of function, 12 of how often another object came there. */
static uintptr_t key_of(const void *address, enum function function, unsigned generation)
{
    return (uintptr_t)address << 16 | (uintptr_t)generation << 4 | (uintptr_t)function;
}

static const void *address_of(uintptr_t key)
{
    return (const void *)(key >> 16);
}

struct caller *callers_find(const void *address, enum function function)
{
    struct caller *caller;
    unsigned generation = 0;
    do {
        caller = table_at(&callers, key_of(address, function, generation), NULL);
        if (!caller)
            return &overflow[function];
        if (!atomic_load_explicit(&caller->object, memory_order_relaxed))
            name(caller, address, function);
    } while (atomic_load_explicit(&caller->stale, memory_order_relaxed) && ++generation < 1 << 12);
    return caller;
}

static unsigned stripe_of_thread(void)
{
    static _Atomic unsigned threads;
    static __thread unsigned mine __attribute__((tls_model("initial-exec")));
    if (!mine)
        mine = 1 + atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) % STRIPES;
    return mine - 1;
}

void callers_count(struct caller *caller, size_t bytes)
{
    struct stripe *stripe = &caller->stripes[stripe_of_thread()];
    atomic_fetch_add_explicit(&stripe->calls, 1, memory_order_relaxed);
    if (bytes)
        atomic_fetch_add_explicit(&stripe->bytes, bytes, memory_order_relaxed);
}

static int compare(uintptr_t key, void *value, void *arg)
{
    (void)arg;
    struct caller *caller = value;
    const char *object = atomic_load_explicit(&caller->object, memory_order_acquire);
    struct place now = place_find(address_of(key));
    if (object && (now.offset != caller->offset || strcmp(object, now.path ? now.path : "?")))
        atomic_store_explicit(&caller->stale, true, memory_order_relaxed);
    return 0;
}

void callers_refresh(void)
{
    table_each(&callers, compare, NULL);
}

struct visit {
    void (*each)(struct caller *, void *arg);
    void *arg;
};

/* One that is being named right now has its function in the key. */
static int visit_one(uintptr_t key, void *value, void *arg)
{
    const struct visit *visit = arg;
    struct caller *caller = value;
    caller->function = key & 15;
    visit->each(caller, visit->arg);
    return 0;
}

void callers_each(void (*each)(struct caller *, void *arg), void *arg)
{
    struct visit visit = { each, arg };
    table_each(&callers, visit_one, &visit);
    for (int i = 0; i < FUNCTION_COUNT; i++) {
        overflow[i].function = (enum function)i;
        each(&overflow[i], arg);
    }
}

static void zero(struct caller *caller, void *arg)
{
    (void)arg;
    memset(caller->stripes, 0, sizeof caller->stripes);
}

void callers_zero(void)
{
    callers_each(zero, NULL);
}
