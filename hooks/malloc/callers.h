/* SPDX-License-Identifier: MIT */
#ifndef HOOKS_MALLOC_CALLERS_H
#define HOOKS_MALLOC_CALLERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* X(the function, whether it gives memory). */
#define MALLOC_FUNCTIONS(X) \
    X(malloc, 1) X(calloc, 1) X(realloc, 1) X(reallocarray, 1) X(free, 0) X(posix_memalign, 1) \
    X(aligned_alloc, 1) X(memalign, 1) X(valloc, 1) X(pvalloc, 1)

enum function {
#define X(name, gives) FUNCTION_##name,
    MALLOC_FUNCTIONS(X)
#undef X
    FUNCTION_COUNT
};

/* Threads count in different cache lines; the sum is what counts. */
enum { STRIPES = 8, STRIPE_BYTES = 64 };

struct stripe {
    _Atomic size_t calls, bytes;                /* bytes: asked for */
    char apart[STRIPE_BYTES - 2 * sizeof(size_t)];
};

/* One place of the program that calls one of the functions. */
struct caller {
    struct stripe stripes[STRIPES];
    _Atomic(const char *) object;               /* its path; NULL: not looked up yet */
    size_t offset;                              /* in it */
    _Atomic bool stale;                         /* the object was closed since */
    enum function function;
    struct { size_t calls, bytes, live_blocks, live_bytes; } told;     /* of the report's moment */
};

/* Whoever has the return address @address. Never NULL, never locks. */
struct caller *callers_find(const void *address, enum function);

/* Counts a call that asked for @bytes. */
void callers_count(struct caller *, size_t bytes);

/* Objects may have been closed: what is loaded in their place is someone else. */
void callers_refresh(void);

void callers_each(void (*each)(struct caller *, void *arg), void *arg);

/* For a fork's child. */
void callers_zero(void);

#endif
