/* SPDX-License-Identifier: MIT */
/* Loads one file before main. Invariant: all that the program is linked to has been
 * initialised by then, as for a dlopen on main's first line, which it looks like.
 *
 *   _start ─▶ __libc_start_main (hooked) ─▶ constructors ─▶ our main ─▶ dlopen ─▶ main
 *
 * State: what is to be loaded. */

#include "entry/load_first.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bind/bind.h"
#include "bind/caller.h"
#include "bind/watch.h"

typedef int main_fn(int, char **, char **);
typedef int start_fn(main_fn *, int, char **, void (*)(void), void (*)(void), void (*)(void), void *);

enum { DONE = 0, NEGATIVE = 1, FAILED = 4 };        /* the tool's exit status */

static struct { const char *path; bool only; main_fn *main; start_fn *start[2]; } first;

/* A refusal is in the report; what the loader says is not. */
static int refused(void)
{
    const char *text = dlerror();
    if (text && !strncmp(text, "graft refuses", 13))
        return NEGATIVE;
    if (text)
        dprintf(STDERR_FILENO, "graft: load: %s\n", text);
    return FAILED;
}

/* Through the watch, whose rule it matches: it decides and tells. */
static int before_main(int count, char **arguments, char **environment)
{
    unsetenv("GRAFT_LOAD");
    unsetenv("GRAFT_LOAD_ONLY");
    const struct caller caller = caller_find((void *)first.main);
    void *handle = watch_dlopen(&caller, first.path, RTLD_NOW);
    if (first.only)
        _exit(handle ? DONE : refused());
    return first.main(count, arguments, environment);
}

static int start_with(size_t version, main_fn *program, int count, char **arguments, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack)
{
    if (program != before_main)     /* both versions may be one function: then one hook calls the other */
        first.main = program;
    return first.start[version](before_main, count, arguments, init, fini, rtld_fini, stack);
}

static int start_new(main_fn *program, int count, char **arguments, void (*init)(void), void (*fini)(void),
                     void (*rtld_fini)(void), void *stack)
{
    return start_with(0, program, count, arguments, init, fini, rtld_fini, stack);
}

static int start_old(main_fn *program, int count, char **arguments, void (*init)(void), void (*fini)(void),
                     void (*rtld_fini)(void), void *stack)
{
    return start_with(1, program, count, arguments, init, fini, rtld_fini, stack);
}

/* glibc has two versions of it since 2.34; a program uses the one that it was linked to. */
int load_first(const char *path, bool only)
{
    static const char *const versions[2] = { "GLIBC_2.34", "GLIBC_2.2.5" };
    static void *const replacements[2] = { (void *)start_new, (void *)start_old };
    int done = -1;
    first.path = path;
    first.only = only;
    for (size_t i = 0; i < 2; i++) {
        const struct graft_hook hook = { .size = sizeof hook, .symbol = "__libc_start_main",
            .version = versions[i], .replacement = replacements[i],
            .original = (void **)&first.start[i], .owner = "graft load" };
        struct graft_plan *plan;
        if (bind_plan_hook(&plan, &hook, 1, NULL))
            continue;
        if (!bind_plan_apply(plan, NULL))
            done = 0;
        bind_plan_free(plan);
    }
    return done;
}
