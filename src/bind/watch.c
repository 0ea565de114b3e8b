/* SPDX-License-Identifier: MIT */
/* Watches dlopen, dlmopen and dlclose. Invariants: the loader sees the caller it
 * would have seen without us; errno and dlerror are what the program's own call
 * left.
 *
 *     caller ─▶ watched_dlopen ─▶ real dlopen (returning through the caller's code)
 *                     └─▶ anything new? ─▶ its own dlopen slots, then the rules (late.c) */

#include <dlfcn.h>
#include <errno.h>

#include "base/error.h"
#include "bind/apply.h"
#include "bind/caller.h"
#include "bind/late.h"

static const char *const watched_name[WATCHED] = { "dlopen", "dlmopen", "dlclose" };

static void *watched_dlopen(const char *, int);
static void *watched_dlmopen(Lmid_t, const char *, int);
static int watched_dlclose(void *);

/* The functions to replace: those of our own libc, and of the libc that came
 * with each other namespace. */
static size_t list_functions(const struct world *world, struct replacement *list, size_t room)
{
    const uintptr_t ours[WATCHED] = { (uintptr_t)watched_dlopen, (uintptr_t)watched_dlmopen,
                                      (uintptr_t)watched_dlclose };
    size_t n = 0;
    for (unsigned w = 0; w < WATCHED; w++)
        list[n++] = (struct replacement){ watched_name[w], caller_real(0, w), ours[w] };
    for (size_t i = 0; i < world->objects.count; i++) {
        const struct world_object *object = world_object(world, i);
        struct elf_symbol symbol;
        struct elf_wanted wanted = { .name = "dlmopen" };
        if (object->broken || object->space == 0 || object->space >= CALLER_SPACES || n + WATCHED > room
            || elf_lookup(&object->image, &wanted, &symbol) != ELF_FOUND)
            continue;
        for (unsigned w = 0; w < WATCHED; w++) {
            wanted = (struct elf_wanted){ .name = watched_name[w] };
            if (elf_lookup(&object->image, &wanted, &symbol) != ELF_FOUND)
                continue;
            uintptr_t address = (uintptr_t)(object->image.bias + symbol.value);
            caller_learn(object->space, w, address);
            list[n++] = (struct replacement){ watched_name[w], address, ours[w] };
        }
    }
    return n;
}

/* After a load: errno and dlerror stay those of the program's own call. Pinning
 * a target may have failed in dlopen, whose message nobody is to read. */
static void after_load(void *handle, unsigned long long adds_before)
{
    int saved = errno;
    unsigned long long adds = handle ? live_counts().adds : 0;
    if (handle && (adds != adds_before || late_is_behind(adds))) {
        bind_verify_lazy();
        late_look(adds != adds_before);
        (void)dlerror();
    }
    errno = saved;
}

static void *watched_dlopen(const char *file, int mode)
{
    unsigned long long adds = live_counts().adds;
    void *handle = (void *)caller_call(__builtin_return_address(0), DLOPEN, (uintptr_t)file,
                                   (uintptr_t)mode, 0);
    after_load(handle, adds);
    return handle;
}

static void *watched_dlmopen(Lmid_t space, const char *file, int mode)
{
    unsigned long long adds = live_counts().adds;
    void *handle = (void *)caller_call(__builtin_return_address(0), DLMOPEN, (uintptr_t)space,
                                   (uintptr_t)file, (uintptr_t)mode);
    after_load(handle, adds);
    return handle;
}

static int watched_dlclose(void *handle)
{
    int result = (int)caller_call(__builtin_return_address(0), DLCLOSE, (uintptr_t)handle, 0, 0), saved = errno;
    if (!result) {
        struct live_counts counts = live_counts();
        late_closed(&counts);
    }
    errno = saved;
    return result;
}

/* ---- the public calls --------------------------------------------------- */

static int nothing(struct world *world, const struct live_counts *counts, void *arg)
{
    (void)world;
    (void)counts;
    (void)arg;
    return 0;
}

int graft_rules_add(const char *text, struct graft_error *error)
{
    error_clear(error);
    if (!text)
        return error_set(error, GRAFT_EINVAL, "no rules were given");
    int result = live_visit(nothing, NULL, error);
    if (!result)
        result = late_add(text, error);
    if (!result)
        late_look(true);
    return result;
}

int graft_watch(struct graft_error *error)
{
    error_clear(error);
    int result = live_visit(nothing, NULL, error);
    if (!result && late_replace(list_functions))
        late_look(false);
    return result;
}
