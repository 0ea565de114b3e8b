/* SPDX-License-Identifier: MIT */
/* Hook libraries: descriptors that were started. Invariant: a library's start has
 * returned 0 before any of its hooks is in, and its stop is called once.
 *
 * State: the plans of those that run, under a lock of its own. */

#include "bind/library.h"

#include <pthread.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "bind/bind.h"

struct running { const struct graft_hook_library *library; struct graft_plan *plan; };

static struct {
    pthread_mutex_t lock;
    struct running slot[LIBRARIES_MAX];
} libraries = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* NULL for a free one. */
static struct running *find(const struct graft_hook_library *library)
{
    for (size_t i = 0; i < LIBRARIES_MAX; i++)
        if (libraries.slot[i].library == library)
            return &libraries.slot[i];
    return NULL;
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
    pthread_mutex_lock(&libraries.lock);
    struct running *place = find(library) ? NULL : find(NULL);
    int result = place ? 0 : error_set(error, GRAFT_ESTATE, "%s: it runs already, or %d others do", library->name,
                                       LIBRARIES_MAX);
    struct graft_plan *plan = NULL;
    if (!result)
        result = start(library, arguments, environment, error);
    if (!result && library->count)
        result = put_in(library, &plan, error);
    if (!result)
        *place = (struct running){ library, plan };
    pthread_mutex_unlock(&libraries.lock);
    return result;
}

int bind_hooks_start(const struct graft_hook_library *library, const char *arguments, struct graft_error *error)
{
    return library_start(library, arguments, environ, error);
}

int bind_hooks_stop(const struct graft_hook_library *library, struct graft_error *error)
{
    error_clear(error);
    pthread_mutex_lock(&libraries.lock);
    struct running *place = library ? find(library) : NULL;
    int result = place ? 0 : error_set(error, GRAFT_ESTATE, "the hook library does not run");
    if (place && place->plan) {
        result = bind_plan_undo(place->plan, error);
        bind_plan_free(place->plan);
    }
    if (place && library->stop)
        library->stop();
    if (place)
        *place = (struct running){ NULL, NULL };
    pthread_mutex_unlock(&libraries.lock);
    return result;
}

void library_stop_all(void)
{
    for (size_t i = LIBRARIES_MAX; i-- > 0;) {
        const struct graft_hook_library *library = libraries.slot[i].library;
        libraries.slot[i].library = NULL;
        if (library && library->stop)
            library->stop();
    }
}
