/* SPDX-License-Identifier: MIT */
/* Counts what malloc and its kin are asked for, by place and in total. Runs inside
 * every allocation of the process: no lock, no allocation, nothing of the loader's
 * but its lock-free lookup. Invariant: a block is entered after the allocator gave
 * it and taken out before the allocator gets it back, so no two threads meet there. */

#include <stdint.h>
#include <string.h>

#include "blocks.h"
#include "callers.h"
#include "common/hook.h"
#include "common/life.h"
#include "common/options.h"
#include "numbers.h"
#include "through.h"

struct numbers numbers;

static struct { unsigned long top; bool leaks; } settings = { .top = 10 };

static void *(*next_malloc)(size_t), *(*next_calloc)(size_t, size_t), *(*next_realloc)(void *, size_t);
static void *(*next_reallocarray)(void *, size_t, size_t);
static void *(*next_aligned_alloc)(size_t, size_t), *(*next_memalign)(size_t, size_t);
static void *(*next_valloc)(size_t), *(*next_pvalloc)(size_t);
static int (*next_posix_memalign)(void **, size_t, size_t);
static void (*next_free)(void *);
static int (*next_dlclose)(void *);

/* libc's reallocarray calls realloc through a slot: that call is counted, but the
 * block is the outer call's. */
static __thread struct graft_guard outer __attribute__((tls_model("initial-exec")));

static void raise_peak(size_t live)
{
    size_t peak = atomic_load_explicit(&numbers.peak, memory_order_relaxed);
    while (live > peak && !atomic_compare_exchange_weak_explicit(&numbers.peak, &peak, live, memory_order_relaxed,
                                                                 memory_order_relaxed))
        ;
}

static struct caller *count(const void *address, enum function function, size_t bytes)
{
    struct caller *caller = callers_find(through_caller(address), function);
    callers_count(caller, bytes);
    return caller;
}

static size_t product(size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? 0 : bytes;
}

static void enter(void *memory, struct caller *caller, size_t size)
{
    struct block old;
    if (!blocks_add(memory, (struct block){ caller, size }, &old)) {
        atomic_fetch_add_explicit(&numbers.untracked, 1, memory_order_relaxed);
        return;
    }
    if (old.caller) {
        atomic_fetch_add_explicit(&numbers.vanished, 1, memory_order_relaxed);
        atomic_fetch_sub_explicit(&numbers.live, old.size, memory_order_relaxed);
    }
    raise_peak(atomic_fetch_add_explicit(&numbers.live, size, memory_order_relaxed) + size);
}

static void *gave(void *memory, struct caller *caller, size_t size)
{
    if (memory)
        enter(memory, caller, size);
    else
        atomic_fetch_add_explicit(&numbers.failed, 1, memory_order_relaxed);
    return memory;
}

static struct block take(void *memory)
{
    struct block block = { NULL, 0 };
    if (!memory)
        return block;
    block = blocks_take(memory);
    if (block.caller)
        atomic_fetch_sub_explicit(&numbers.live, block.size, memory_order_relaxed);
    else
        atomic_fetch_add_explicit(&numbers.unknown, 1, memory_order_relaxed);
    return block;
}

static void *my_malloc(size_t size)
{
    struct caller *caller = count(CALLER, FUNCTION_malloc, size);
    return gave(next_malloc(size), caller, size);
}

static void *my_calloc(size_t members, size_t size)
{
    size_t bytes = product(members, size);
    struct caller *caller = count(CALLER, FUNCTION_calloc, bytes);
    return gave(next_calloc(members, size), caller, bytes);
}

static void my_free(void *memory)
{
    count(CALLER, FUNCTION_free, 0);
    take(memory);
    next_free(memory);
}

/* A realloc that fails leaves the block; one to nothing may free it and return NULL.
 * The peak never holds both, as the allocator's may. */
static void *moved(void *to, void *from, struct block block, struct caller *caller, size_t size)
{
    if (to || (from && !size))
        return to ? gave(to, caller, size) : NULL;
    if (block.caller) {
        struct block old;
        blocks_add(from, block, &old);
        raise_peak(atomic_fetch_add_explicit(&numbers.live, block.size, memory_order_relaxed) + block.size);
    }
    if (!block.caller && from)
        atomic_fetch_sub_explicit(&numbers.unknown, 1, memory_order_relaxed);
    return gave(NULL, caller, size);
}

/* What longjmp left of an outer call does not count. */
static bool is_inside(void)
{
    if (!outer.frame)
        return false;
    if (!graft_guard_enter(&outer))
        return true;
    graft_guard_leave(&outer);
    return false;
}

static void *my_realloc(void *memory, size_t size)
{
    bool is_inner = is_inside();
    struct caller *caller = count(CALLER, FUNCTION_realloc, is_inner ? 0 : size);
    if (is_inner)
        return next_realloc(memory, size);
    struct block block = take(memory);
    return moved(next_realloc(memory, size), memory, block, caller, size);
}

static void *my_reallocarray(void *memory, size_t members, size_t size)
{
    size_t bytes = product(members, size);
    struct caller *caller = count(CALLER, FUNCTION_reallocarray, bytes);
    struct block block = take(memory);
    bool entered = graft_guard_enter(&outer);
    void *to = next_reallocarray(memory, members, size);
    if (entered)
        graft_guard_leave(&outer);
    return moved(to, memory, block, caller, members && size && !bytes ? SIZE_MAX : bytes);
}

static int my_posix_memalign(void **memory, size_t alignment, size_t size)
{
    struct caller *caller = count(CALLER, FUNCTION_posix_memalign, size);
    int code = next_posix_memalign(memory, alignment, size);
    gave(code ? NULL : *memory, caller, size);
    return code;
}

static void *my_aligned_alloc(size_t alignment, size_t size)
{
    struct caller *caller = count(CALLER, FUNCTION_aligned_alloc, size);
    return gave(next_aligned_alloc(alignment, size), caller, size);
}

static void *my_memalign(size_t alignment, size_t size)
{
    struct caller *caller = count(CALLER, FUNCTION_memalign, size);
    return gave(next_memalign(alignment, size), caller, size);
}

static void *my_valloc(size_t size)
{
    struct caller *caller = count(CALLER, FUNCTION_valloc, size);
    return gave(next_valloc(size), caller, size);
}

static void *my_pvalloc(size_t size)
{
    struct caller *caller = count(CALLER, FUNCTION_pvalloc, size);
    return gave(next_pvalloc(size), caller, size);
}

static int my_dlclose(void *handle)
{
    int result = next_dlclose(handle);
    callers_refresh();
    return result;
}

static void report(void)
{
    print_report(settings.top, settings.leaks);
}

static void child(void)
{
    callers_zero();
    blocks_forget();
    memset(&numbers, 0, sizeof numbers);
}

static const struct option options[] = {
    { "top", OPTION_NUMBER, &settings.top, 0, NULL },
    { "leaks", OPTION_FLAG, &settings.leaks, 0, NULL },
};

static int start(const char *arguments, char **environment, struct graft_error *error)
{
    (void)environment;
    int code = options_parse(arguments, options, COUNT_OF(options), error);
    return code ? code : life_start("malloc", report, child, error);
}

static const struct graft_hook hooks[] = {
    LIFE_HOOKS,
#define X(name, gives) HOOK_IF_ANY(#name, my_##name, next_##name),
    MALLOC_FUNCTIONS(X)
#undef X
    THROUGH_HOOKS
    HOOK("dlclose", my_dlclose, next_dlclose),
};

const struct graft_hook_library graft_hook_library = {
    .size = sizeof graft_hook_library,
    .name = "malloc",
    .help = "count allocations by caller; bytes live and at their peak; leaks",
    .arguments = "top=N, leaks, file=PATH, json",
    .hooks = hooks,
    .count = COUNT_OF(hooks),
    .start = start,
    .stop = life_stop,
};
