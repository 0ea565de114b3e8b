/* SPDX-License-Identifier: MIT */
/* What plthook's and GOTCHA's interfaces share. Invariants: nothing here calls
 * malloc, which a wrapper may be standing in for; the lock is never held while a
 * wrapper or a filter runs, and fork finds it free. */

#include "compat/compat.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void compat_lock(void)
{
    pthread_mutex_lock(&lock);
}

void compat_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

/* libgraft, which this library needs, has registered before: its locks are taken
 * after this one. */
__attribute__((constructor))
static void survive_fork(void)
{
    pthread_atfork(compat_lock, compat_unlock, compat_unlock);
}

void *compat_keep(size_t size)
{
    enum { CHUNK = 64 * 1024, ALIGN = 16 };
    static char *next;
    static size_t room;
    size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (size > room) {
        size_t chunk = size > CHUNK ? size : CHUNK;
        void *fresh = mmap(NULL, chunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (fresh == MAP_FAILED)
            return NULL;
        next = fresh;
        room = chunk;
    }
    void *place = next;
    next += size;
    room -= size;
    return place;
}

struct text { struct text *next; char text[]; };

const char *compat_intern(const char *wanted)
{
    static struct text *known;
    for (struct text *t = known; t; t = t->next)
        if (!strcmp(t->text, wanted))
            return t->text;
    struct text *t = compat_keep(sizeof *t + strlen(wanted) + 1);
    if (!t)
        return NULL;
    strcpy(t->text, wanted);
    t->next = known;
    known = t;
    return t->text;
}

bool compat_glob(char glob[COMPAT_GLOB_MAX], const struct graft_object *object)
{
    if (object->is_main) {
        strcpy(glob, "main");
        return true;
    }
    if (strlen(object->path) >= PATH_MAX)
        return false;
    char *to = glob + sprintf(glob, "%u:", object->space);
    for (const char *p = object->path; *p; p++) {
        bool special = *p == '*' || *p == '?' || *p == '[';
        if (special)
            *to++ = '[';
        *to++ = *p == ',' ? '?' : *p;
        if (special)
            *to++ = ']';
    }
    *to = '\0';
    return true;
}

static int probe(const struct graft_hook *hook, compat_accepts *accepts, void *arg, struct graft_error *error)
{
    struct graft_hook one = *hook;
    struct graft_plan *plan;
    one.flags &= ~(unsigned)GRAFT_HOOK_LATE;
    int result = graft_plan_hook(&plan, &one, 1, error);
    if (result)
        return result;
    if (accepts && !accepts(plan, arg))
        result = -GRAFT_ENOFUNC;
    graft_plan_free(plan);
    return result;
}

int compat_find(struct graft_hook *hook, char of[COMPAT_GLOB_MAX], compat_accepts *accepts, void *arg,
                struct graft_error *error)
{
    struct graft_objects *objects;
    hook->of = NULL;
    int result = probe(hook, accepts, arg, error);
    if (result != -GRAFT_EAMBIG)
        return result;
    if ((result = graft_objects_snapshot(&objects, error)))
        return result;
    hook->of = of;
    result = -GRAFT_ENOFUNC;
    for (size_t i = 0; result == -GRAFT_ENOFUNC && i < graft_objects_count(objects); i++)
        if (compat_glob(of, graft_objects_get(objects, i)))
            result = probe(hook, accepts, arg, error);
    graft_objects_free(objects);
    return result;
}

int compat_put(struct graft_plan **plan, const struct graft_hook *hooks, size_t count, struct graft_error *error)
{
    int result = -GRAFT_ESTALE;
    for (int tries = 0; result == -GRAFT_ESTALE && tries < 100; tries++) {
        if ((result = graft_plan_hook(plan, hooks, count, error)))
            break;
        if (!(result = graft_plan_apply(*plan, error)))
            return 0;
        graft_plan_free(*plan);
    }
    *plan = NULL;
    return result;
}
