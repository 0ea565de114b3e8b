/* SPDX-License-Identifier: MIT */
/* Decides a load from outside. Invariant: as inside, but for what only the process's own
 * loader knows: which libraries were opened RTLD_GLOBAL. */

#include "file/decision.h"

#include <dlfcn.h>
#include <string.h>

#include "base/error.h"
#include "file/addresses.h"
#include "file/closure.h"
#include "plan/runtime.h"

static bool is_loaded(void *arg, const char *name)
{
    const struct world *here = arg;
    size_t i = world_find_needed(here, 0, name);
    return i != WORLD_NONE && !world_object(here, i)->is_stand_in;
}

static bool is_duplicate(void *arg, const struct world *files, size_t index)
{
    return runtime_is_here(arg, files, index);
}

/* The link_map of an object that dlopen(@path) would find loaded; 0: none. */
static uint64_t loaded_as(const struct world *here, const char *path)
{
    size_t i = search_loaded(here, 0, path);
    if (i == WORLD_NONE && strchr(path, '/'))
        i = search_loaded_file(here, 0, path);
    return i == WORLD_NONE ? 0 : world_object(here, i)->link_map;
}

static int take_table(struct addresses *addresses, const struct graft_load *wish, const struct world *here,
                      struct graft_error *error)
{
    struct table table;
    if (!wish->table)
        return 0;
    int result = table_parse(&table, wish->table, error);
    if (!result)
        result = addresses_take_table(addresses, &table, here, error);
    table_free(&table);
    return result;
}

static int make(struct graft_load_plan **plan, const struct world *here, const struct load_closure *closure,
                struct load_request *request, struct graft_error *error)
{
    struct addresses addresses = { .count = 0 };
    int result = take_table(&addresses, request->wish, here, error);
    *plan = NULL;
    for (int round = 0; !result && round < 5; round++) {
        graft_load_plan_free(*plan);
        *plan = NULL;
        request->given = addresses.given;
        request->given_count = addresses.count;
        request->hidden_host = addresses.hidden_host;
        request->hidden_tag = addresses.hidden_tag;
        result = plan_load(plan, here, closure, request, error);
        if (result || !addresses_may_help(&addresses, *plan))
            break;
        result = addresses_list(&addresses, *plan, here, 0);
        if (!result && !addresses_read(&addresses, *plan))
            break;
    }
    addresses_free(&addresses);
    return result;
}

int decision_make(struct graft_load_plan **plan, const struct world *here, const char *path, int dlopen_flags,
                  const struct graft_load *wish, const char *library_path, struct graft_error *error)
{
    static const struct graft_load everything = { .size = sizeof everything };
    const struct world_object *program = here->main == WORLD_NONE ? NULL : world_object(here, here->main);
    const struct search_from from = { .path = program ? program->path : "", .image = program ? &program->image : NULL };
    struct load_closure closure = { .loaded = loaded_as(here, path) };
    struct load_request request = {
        .path = path, .now = (dlopen_flags & RTLD_BINDING_MASK) == RTLD_NOW,
        .deepbind = dlopen_flags & RTLD_DEEPBIND, .wish = wish ? wish : &everything,
        .live = program && program->image.relocated };
    struct search search;
    char file[PATH_MAX];
    int result = 0;
    if (!closure.loaded) {
        search_init(&search, library_path);
        search.program = program ? &from : NULL;
        struct closure_search how = { .search = &search, .caller = program ? &from : NULL,
                                      .is_loaded = is_loaded, .arg = (void *)here };
        if (!request.wish->from && !request.wish->onto && !(request.wish->flags & GRAFT_OWN_RUNTIME))
            how.is_duplicate = is_duplicate;
        result = closure_find(&how, path, file, error);
        if (!result)
            result = closure_open(&closure, &how, file, error);
        search_fini(&search);
    }
    if (!result)
        result = make(plan, here, &closure, &request, error);
    closure_close(&closure);
    return result;
}
