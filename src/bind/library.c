/* SPDX-License-Identifier: MIT */
/* Hook libraries: descriptors that were started. Invariants: a library's start has
 * returned 0 before any of its hooks is in, and its stop is called once; no lock is held
 * while it runs.
 *
 * State: the plans of those that run; a place is taken and given up with one
 * compare-and-swap. */

#include "bind/library.h"

#include <stdbool.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "bind/bind.h"

struct running {
    const struct graft_hook_library *library;   /* NULL: free */
    struct graft_plan *plan;
    bool started;                               /* it runs; else it is starting or stopping */
};

static struct running libraries[LIBRARIES_MAX];

static struct running *find(const struct graft_hook_library *library)
{
    for (size_t i = 0; i < LIBRARIES_MAX; i++)
        if (__atomic_load_n(&libraries[i].library, __ATOMIC_ACQUIRE) == library)
            return &libraries[i];
    return NULL;
}

/* A free place, taken; NULL: there is none, or the library has one. */
static struct running *take(const struct graft_hook_library *library)
{
    for (size_t i = 0; i < LIBRARIES_MAX && !find(library); i++) {
        const struct graft_hook_library *none = NULL;
        if (__atomic_compare_exchange_n(&libraries[i].library, &none, library, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            return &libraries[i];
    }
    return NULL;
}

/* Of several who stop a library one does. */
static bool claim(struct running *place)
{
    bool started = true;
    return place && __atomic_compare_exchange_n(&place->started, &started, false, false, __ATOMIC_ACQ_REL,
                                                __ATOMIC_ACQUIRE);
}

static void give_up(struct running *place)
{
    place->plan = NULL;
    __atomic_store_n(&place->library, NULL, __ATOMIC_RELEASE);
}

static int start(const struct graft_hook_library *library, const char *arguments, char **environment,
                 struct graft_error *error)
{
    struct graft_error own = { 0 };
    if (!library->start || !library->start(arguments ? arguments : "", environment, &own))
        return 0;
    return error_set(error, GRAFT_EREFUSED, "%s: %s", library->name, own.text[0] ? own.text : "it did not start");
}

/* Hooks whose function is not there wait for it: libraries name all that may be. */
static int put_in(const struct graft_hook_library *library, struct graft_plan **plan, struct graft_error *error)
{
    struct graft_hook hooks[LIBRARY_HOOKS_MAX];
    for (size_t i = 0; i < library->count; i++) {
        hooks[i] = library->hooks[i];
        hooks[i].flags |= GRAFT_HOOK_LATE;
        if (!hooks[i].owner)
            hooks[i].owner = library->name;
    }
    int result = -GRAFT_ESTALE;
    for (int try = 0; try < 8 && result == -GRAFT_ESTALE; try++) {
        if ((result = bind_plan_hook(plan, hooks, library->count, error)))
            return result;
        if ((result = bind_plan_apply(*plan, error)))
            bind_plan_free(*plan);
    }
    return result;
}

int library_start(const struct graft_hook_library *library, const char *arguments, char **environment,
                  struct graft_error *error)
{
    error_clear(error);
    if (!library || library->size < sizeof *library || !library->name || library->count > LIBRARY_HOOKS_MAX)
        return error_set(error, GRAFT_EINVAL, "the descriptor of the hook library is of another version or damaged");
    struct running *place = take(library);
    if (!place)
        return error_set(error, GRAFT_ESTATE, "%s: it runs already, or %d others do", library->name, LIBRARIES_MAX);
    int result = start(library, arguments, environment, error);
    if (!result && library->count)
        result = put_in(library, &place->plan, error);
    if (result)
        give_up(place);
    else
        __atomic_store_n(&place->started, true, __ATOMIC_RELEASE);
    return result;
}

int bind_hooks_start(const struct graft_hook_library *library, const char *arguments, struct graft_error *error)
{
    return library_start(library, arguments, environ, error);
}

int bind_hooks_stop(const struct graft_hook_library *library, struct graft_error *error)
{
    error_clear(error);
    struct running *place = library ? find(library) : NULL;
    int result = 0;
    if (!claim(place))
        return error_set(error, GRAFT_ESTATE, "the hook library does not run");
    if (place->plan) {
        result = bind_plan_undo(place->plan, error);
        bind_plan_free(place->plan);
    }
    if (library->stop)
        library->stop();
    give_up(place);
    return result;
}

void library_stop_all(void)
{
    for (size_t i = LIBRARIES_MAX; i-- > 0;)
        if (claim(&libraries[i]) && libraries[i].library->stop)
            libraries[i].library->stop();
}
