/* SPDX-License-Identifier: MIT */
/* Destructors of thread-local objects. Invariant: a module with one that is still to run
 * stays open, as ld.so's does (glibc stdlib/cxa_thread_atexit_impl.c); it ends with the next
 * dlclose after that. graft lift leads modules here instead of to the C library, which
 * would take all of them for the program's. */

#include <pthread.h>
#include <stdlib.h>

#include "registry/state.h"

typedef void destructor_fn(void *);

struct pending {
    destructor_fn *destructor;
    void *object;
    struct module *module;
    struct pending *next;           /* of the same thread, or unused */
};

int __graft_thread_atexit(destructor_fn *, void *object, void *dso);

/* glibc has it; graft link asks for it there. */
extern int __cxa_thread_atexit_impl(destructor_fn *, void *object, void *dso) __attribute__((weak));

static struct pending *unused;      /* under the registry's lock */
static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

static struct pending *take(destructor_fn *destructor, void *object, const void *dso)
{
    struct registry *r = registry_enter();
    struct pending *p = unused ? unused : registry_alloc(sizeof *p);
    if (p) {
        if (p == unused)
            unused = p->next;
        *p = (struct pending){ destructor, object, module_of(r, dso), NULL };
        p->module->pending++;
    }
    registry_leave();
    return p;
}

static void run(void *arg)
{
    struct pending *p = arg;
    p->destructor(p->object);
    registry_enter();
    p->module->pending--;
    p->next = unused;
    unused = p;
    registry_leave();
}

/* ---- a C library without it -------------------------------------------------------------- */

static void run_all(void *arg)
{
    for (struct pending *p = arg, *next; p; p = next) {
        next = p->next;
        pthread_setspecific(key, next);
        run(p);
    }
}

/* The first thread leaves by exit, which asks for no keys. */
static void run_own(void)
{
    run_all(pthread_getspecific(key));
}

static void make_key(void)
{
    pthread_key_create(&key, run_all);
    atexit(run_own);
}

EXPORT int __graft_thread_atexit(destructor_fn *destructor, void *object, void *dso)
{
    struct pending *p = take(destructor, object, dso);
    if (!p)
        return -1;
    if (__cxa_thread_atexit_impl)
        return __cxa_thread_atexit_impl(run, p, dso);
    pthread_once(&key_once, make_key);
    p->next = pthread_getspecific(key);
    return pthread_setspecific(key, p);
}
