/* SPDX-License-Identifier: MIT */
/* The sources of addresses inside a process. Invariant: the world is visited while no
 * file is open, and files are read while no lock is held. */

#include "load/sources.h"

#include <dlfcn.h>

#include "base/error.h"
#include "file/files.h"
#include "live/live.h"

struct taking { struct addresses *addresses; const struct table *table; struct graft_error *error; };

static int take(struct world *world, const struct live_counts *counts, void *arg)
{
    const struct taking *t = arg;
    (void)counts;
    return addresses_take_table(t->addresses, t->table, world, t->error);
}

int sources_take_table(struct addresses *addresses, const char *text, struct graft_error *error)
{
    struct table table;
    struct taking taking = { addresses, &table, error };
    int result = table_parse(&table, text, error);
    if (!result)
        result = live_visit(take, &taking, error);
    table_free(&table);
    return result == -GRAFT_ENOMEM ? error_set(error, GRAFT_ENOMEM, "out of memory while reading a table") : result;
}

/* As the main program asks: a library that was opened RTLD_GLOBAL is in no image. */
static bool ask_loader(struct addresses *addresses, const struct graft_load_plan *plan)
{
    bool any = false;
    for (size_t i = 0; i < plan->symbols.count; i++) {
        const struct graft_load_symbol *m = arena_list_at(&plan->symbols, i);
        if (m->binding != GRAFT_BINDING_MISSING)
            continue;
        uintptr_t (*real)(void *, const char *, const char *) = (void *)caller_real(0, m->version ? DLVSYM : DLSYM);
        uintptr_t address = real(RTLD_DEFAULT, m->name, m->version);
        if (address)
            any |= addresses_give(addresses, &(struct load_given){ .name = m->name, .version = m->version,
                                  .address = address, .source = GRAFT_SOURCE_NONE });
    }
    (void)dlerror();
    return any;
}

struct listing { struct addresses *addresses; const struct graft_load_plan *plan; uintptr_t caller; };

static int list(struct world *world, const struct live_counts *counts, void *arg)
{
    const struct listing *l = arg;
    (void)counts;
    return addresses_list(l->addresses, l->plan, world, l->caller);
}

bool sources_look(struct addresses *addresses, const struct graft_load_plan *plan, const struct caller *caller,
                  bool *asked_loader)
{
    struct listing listing = { addresses, plan, caller->address };
    if (plan->missing && !*asked_loader) {
        *asked_loader = true;
        if (!plan->brings_duplicate && ask_loader(addresses, plan))
            return true;
    }
    return addresses_may_help(addresses, plan) && !live_visit(list, &listing, NULL)
        && addresses_read(addresses, plan);
}

/* As for a plan that lacks this name alone. */
bool sources_find(uint64_t host, const char *name, struct load_address *found)
{
    struct addresses addresses = { .count = 0 };
    struct graft_load_plan plan = { .host_map = host, .missing = 1 };
    struct listing listing = { &addresses, &plan, 0 };
    plan.symbols = (struct arena_list){ .arena = &plan.arena, .element_size = sizeof(struct graft_load_symbol) };
    struct graft_load_symbol *wanted = arena_list_push(&plan.symbols);
    bool any = false;
    if (wanted) {
        *wanted = (struct graft_load_symbol){ .name = name, .binding = GRAFT_BINDING_MISSING };
        any = !live_visit(list, &listing, NULL) && addresses_read(&addresses, &plan) && addresses.count;
    }
    if (any) {
        const struct load_given *given = &addresses.given[0];
        *found = (struct load_address){ .name = name, .address = given->address, .size = given->size, .type = given->type };
    }
    addresses_free(&addresses);
    arena_free(&plan.arena);
    return any;
}

bool sources_exports(const char *path, const char *name)
{
    const struct elf_wanted wanted = { .name = name };
    struct elf_symbol symbol;
    struct world files;
    size_t index;
    world_init(&files);
    bool exports = !files_add(&files, path, &index, NULL)
                && elf_lookup(&world_object(&files, index)->image, &wanted, &symbol) == ELF_FOUND;
    files_close(&files);
    return exports;
}
