/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_PLAN_LOADING_H
#define GRAFT_PLAN_LOADING_H

/* A load while it is being planned: who is in the closure (load_members.c), what each
 * name is served by (load_symbols.c), which way that leaves (load.c). */

#include "plan/load.h"
#include "plan/runtime.h"
#include "plan/target.h"

struct load_member {
    const struct world *world;      /* NULL: absent */
    size_t index;
    const char *name;               /* as it is needed */
    size_t by;                      /* the member that needs it */
    enum graft_fate fate;
    struct graft_runtime runtime;   /* tag NULL: none */
    size_t host;                    /* of a duplicate: index in here */
    bool same_version;              /* as the host: any name will do, not only stable ones */
};

struct loading {
    struct arena arena;             /* freed once the plan is made */
    const struct world *here;
    const struct load_closure *closure;
    const struct load_request *request;
    struct graft_load_plan *plan;
    struct graft_error *error;
    struct arena_list members;      /* of struct load_member; the consumer first */
    size_t *global, global_count;   /* the main program's closure: what is visible to all */
    size_t caller;                  /* index in here, or WORLD_NONE */
    uint32_t *given_first, *given_next, given_mask; /* given addresses by name */
    struct { bool known; size_t host; } hosts[16];  /* by row of the table of runtimes */
    size_t beside;                  /* a member that the host serves too; WORLD_NONE: none known yet */
    bool *is_beside;                /* by index in files */
    size_t flat_host;               /* a host whose names are bound as it is; WORLD_NONE: none */
    size_t unlinked;                /* names that nobody the consumer needs defines, and a host does */
    size_t unlinked_host;           /* that host, or WORLD_NONE */
    bool hidden;                    /* some of them are not in its dynamic symbols */
    bool needs_slots;               /* something that only rewriting can bind */
    size_t lost;                    /* names that must be bound at load and that nobody serves */
    size_t mismatched;              /* of another version than the host's */
    size_t stored;                  /* pointers into the duplicate that code has stored */
};

static inline struct load_member *load_member(const struct loading *l, size_t i)
{
    return arena_list_at(&l->members, i);
}
static inline const struct elf_image *load_image(const struct load_member *m)
{
    return &world_object(m->world, m->index)->image;
}
static inline const char *load_path(const struct load_member *m)
{
    return world_object(m->world, m->index)->path;
}
/* Whether references leave it for the host. */
static inline bool load_is_replaced(const struct load_member *m)
{
    return m->fate == GRAFT_FATE_DUPLICATE || m->fate == GRAFT_FATE_BESIDE;
}
static inline bool load_is_here(const struct loading *l, const struct load_member *m)
{
    return m->world == l->here;
}

/* Finds the members and what each is. 0, -GRAFT_EAMBIG, -GRAFT_ENOHOST, -GRAFT_ENOMEM. */
int load_members(struct loading *);

/* The object here that is the host of @tag; WORLD_NONE with 0: there is none. */
int load_host(struct loading *, const char *tag, size_t *host);

/* The host of row @row of the table of runtimes, WORLD_NONE: none or not one. */
size_t load_host_of_row(struct loading *, size_t row, const char **tag);

/* Finds what serves each name. 0 or -GRAFT_ENOMEM. */
int load_symbols(struct loading *);

/* Looks for pointers into a loaded duplicate that are in no slot. 0 or -GRAFT_ENOMEM. */
int load_stored_pointers(struct loading *);

#endif
