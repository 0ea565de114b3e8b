/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_HOOK_H
#define GRAFT_HOOK_H

/* Hooks: functions that are called in place of others, wherever a library or the
 * program calls them through a slot, now or later.
 *
 *      caller's slot ──▶ replacement A ──▶ replacement B ──▶ the function itself
 *                        (*A.original)     (*B.original)
 *
 * A call costs one function call for each replacement: nothing lies between. */

#include <stddef.h>
#include <stdint.h>
#include <graft/graft.h>

#ifdef __cplusplus
extern "C" {
#endif

struct graft_plan;
struct link_map;                    /* <link.h> */

enum {
    GRAFT_HOOK_LATE     = 1 << 8,   /* no error if no loaded object defines it yet */
    GRAFT_HOOK_DISABLED = 1 << 9,   /* registered, and not called until it is enabled */
    GRAFT_HOOK_NO_DLSYM = 1 << 10   /* dlsym and dlvsym go on answering the function itself */
};

/* One function to be replaced. Strings are copied. Since 0.1.
 *
 * Which function: @symbol as exported, in @version (NULL: the default one), defined
 * by an object that matches @of. With @original one function only can be meant: of
 * several it is the one that the main program's scope finds; where that finds none
 * of them, -GRAFT_EAMBIG names them. Without @original, all of them.
 *
 * Whose calls: those of objects that match @in, be they loaded now or later; NULL
 * takes all but graft itself. @in and @of are globs for an object's path, file name or
 * SONAME, several with commas between; "main" is the program; "N:GLOB" only matches in
 * link-map namespace N (0 is the base one).
 *
 * A replacement may do what the function may do, and call graft, with one exception: what
 * ld.so itself calls (malloc, calloc, realloc, free) it also calls with its lock held, so
 * that a replacement of those must not call graft, dlopen or dlsym.
 *
 * *@original is set before any slot leads to @replacement, and kept up to date: call
 * through it, each time afresh, for the next replacement or the function itself. It
 * stays readable and right for calls that are under way after the hook was removed.
 *
 * Order: higher @priority is called first; of equal ones the newer. A hook with @in
 * or @takes comes before those without, whatever the priority, because those must also be
 * reached by callers that @in leaves out. Two hooks of one function whose @in (or
 * @takes) differ cannot share a caller's slot: the later one leaves it, which the plan tells. */
struct graft_hook {
    size_t size;                    /* sizeof(struct graft_hook), for growth */
    const char *symbol, *version;
    void *replacement;
    void **original;                /* NULL: not wanted */
    const char *in, *of;            /* callers, definer; NULL: any */
    int priority;
    const char *owner;              /* who asks, for listings; NULL: nobody in particular */
    unsigned flags;                 /* GRAFT_HOOK_… */
    /* Asked about the callers that @in takes, by their struct link_map, when the hook is
     * planned and when an object appears: 0 leaves its calls alone. NULL: all. Locks are
     * held: it must not call graft, malloc, dlopen or dlsym. */
    int (*takes)(const struct link_map *, void *arg);
    void *takes_arg;
};

/* Plans @count hooks at once: one walk over all objects, one opening of each page.
 * Entries of the plan are slots; their new_value is the replacement that will be
 * called first (of an EXPORT less its object's bias). graft_plan_apply puts the hooks in, for objects that are loaded later
 * too; graft_plan_undo takes them out and leaves those of others alone: the last hook
 * of a function gives the very bytes back. Freeing an applied plan leaves its hooks in.
 * -GRAFT_ENOFUNC (nothing exports it: the text says whether it is static or hidden),
 * -GRAFT_ETYPE (it is data), -GRAFT_EAMBIG, -GRAFT_ESTATE (hooked with this
 * replacement already), -GRAFT_EINVAL, -GRAFT_ESTATIC, -GRAFT_ENOMEM. Other threads may run, load and unload meanwhile. Since 0.1. */
GRAFT_API int graft_plan_hook(struct graft_plan **plan, const struct graft_hook *hooks, size_t count,
                              struct graft_error *);

/* Disables or enables the hooks of an applied plan, which keep their places in the
 * chains. -GRAFT_ESTATE: the plan is not applied, or has no hooks. Since 0.1. */
GRAFT_API int graft_plan_enable(struct graft_plan *, int enabled, struct graft_error *);

/* Five lines to first success: all calls of @symbol go to @replacement; *original
 * (NULL is allowed) receives what to call instead. As graft_plan_hook and
 * graft_plan_apply; objects that come later are hooked too. Since 0.1. */
GRAFT_API int graft_hook(const char *symbol, void *replacement, void **original);

/* Takes out the newest hook of @symbol that leads to @replacement, however it was
 * put in; -GRAFT_ESTATE: there is none. Since 0.1. */
GRAFT_API int graft_unhook(const char *symbol, void *replacement);

/* Disables or enables the newest hook of @symbol that leads to @replacement.
 * -GRAFT_ESTATE: there is none. Since 0.1. */
GRAFT_API int graft_hook_enable(const char *symbol, void *replacement, int enabled);

/* One hook in place, as graft_hooks_each tells it. Strings live during the call. */
struct graft_hook_info {
    size_t size;                    /* sizeof, for growth */
    const char *symbol, *version;   /* version: NULL for the default one */
    const char *object;             /* that defines the function; NULL: not loaded yet */
    const char *in, *of, *owner;    /* as given; NULL: not given */
    void *function;                 /* the function itself; NULL: not loaded yet */
    void *replacement;
    int priority, enabled;
    size_t slots;                   /* that lead to the first replacement of its chain */
};

/* Calls @each for every hook, function by function, in the order of calling, until it
 * returns other than 0; returns that. Graft's lock is held: @each must not call
 * graft, dlopen or dlsym. Since 0.1. */
GRAFT_API int graft_hooks_each(int (*each)(const struct graft_hook_info *, void *arg), void *arg);

/* ---- hook libraries --------------------------------------------------------- */

/* What a hook library is: a shared object that exports one symbol of this type,
 * called graft_hook_library, and needs nothing of graft. `graft run --hook` loads it.
 * Since 0.1. */
struct graft_hook_library {
    size_t size;                    /* sizeof(struct graft_hook_library) */
    const char *name, *help;        /* a word; a line */
    const char *arguments;          /* what may stand behind NAME:, a line; NULL: nothing */
    const struct graft_hook *hooks; /* put in once start has returned 0 */
    size_t count;
    /* Called once, before the program's own code and the constructors of libraries, by
     * `graft run` even before libc's: with no stdio, getenv or dlopen; @environment is
     * there for that. @arguments may be "". Other than 0: the reason goes to
     * error->text, and no hook is put in. NULL: nothing to do. */
    int (*start)(const char *arguments, char **environment, struct graft_error *);
    /* Called once at exit, after the program's own destructors, hooks still in; or by
     * graft_hooks_stop, hooks out. NULL: nothing to do. */
    void (*stop)(void);
};

/* For the library itself: static storage, constant. */
extern GRAFT_API const struct graft_hook_library graft_hook_library;

/* Starts a hook library that the caller has loaded, puts its hooks in; and the
 * reverse. The library must stay loaded between. -GRAFT_EREFUSED with start's own
 * text; -GRAFT_ESTATE (started twice, not started); else as graft_plan_hook. Hooks
 * whose function is not loaded wait for it. Since 0.1. */
GRAFT_API int graft_hooks_start(const struct graft_hook_library *, const char *arguments, struct graft_error *);
GRAFT_API int graft_hooks_stop(const struct graft_hook_library *, struct graft_error *);

/* ---- against recursion -------------------------------------------------------- */

/* A replacement that itself calls what is hooked (a malloc hook that prints) asks a
 * guard of its thread; no lock, no call:
 *
 *     static __thread struct graft_guard guard;
 *     if (!graft_guard_enter(&guard))
 *         return next(size);                   // we are inside ourselves
 *     …
 *     graft_guard_leave(&guard);
 *
 * It remembers the frame that entered. One that longjmp or a C++ exception left
 * behind is free again for the next call from that depth of the stack or less; from
 * deeper down, and on another stack of the same thread (sigaltstack, coroutines), it
 * may look taken until then, and the call goes to the next function. Since 0.1. */
struct graft_guard { const char *volatile frame; };

static inline int graft_guard_enter(struct graft_guard *guard)
{
    const char *here = (const char *)__builtin_frame_address(0);
    if (guard->frame > here)
        return 0;
    guard->frame = here;
    return 1;
}

static inline void graft_guard_leave(struct graft_guard *guard)
{
    guard->frame = NULL;
}

#ifdef __cplusplus
}
#endif
#endif
