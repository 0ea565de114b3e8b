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

/* Chooses the way and puts the reason into words, in l->plan. 0 or -GRAFT_ENOMEM. */
int load_choose(struct loading *);

/* The first member but the consumer of that fate, loaded here or coming; NULL: none. */
const struct load_member *load_member_with(const struct loading *, enum graft_fate, bool here);

/* Path of an object here; the version of a duplicate's host, "" if it is not known. */
const char *load_host_path(const struct loading *, size_t host);
const char *load_host_version(const struct loading *, const struct load_member *duplicate);

/* ---- between load_symbols.c and load_stand_ins.c ---- */

/* A name as the consumer, or a library that it brings, asks for it. */
struct load_name {
    struct reference reference;
    unsigned use;
    const struct load_member *owner;        /* the duplicate that defines it, or NULL */
    struct elf_symbol definition;           /* there */
    size_t global;                          /* who is visible to all and defines it, or WORLD_NONE */
};

/* How relocations use a symbol. */
enum { LOAD_LAZY = 1, LOAD_DATA = 2, LOAD_TLS = 4, LOAD_TPOFF = 8 };

/* The host's address of a name, from whatever source tells it. */
bool load_locate(const struct loading *, size_t host, const struct load_name *, struct load_address *,
                 enum graft_source *, enum graft_verdict *);

/* Adds a line to the plan, about a reference of @member; NULL: out of memory. */
struct graft_load_symbol *load_note(struct loading *, const struct load_member *, const struct load_name *,
                                    enum graft_binding, const char *reason);

/* As load_note for a name that no source tells; @must: without it the load fails. */
int load_not_located(struct loading *, const struct load_member *, const struct load_name *, bool must,
                     enum graft_verdict);

/* What stands for @soname gets the symbol that was noted. 0 or -GRAFT_ENOMEM. */
int load_serve(struct loading *, const char *soname, const struct graft_load_symbol *noted,
               const struct load_address *);

/* Every name of @m that the host has: for who asks by name, or, as a consumer, for @m
 * itself. 0 or -GRAFT_ENOMEM. */
int load_whole_interface(struct loading *, const struct load_member *);

/* Each duplicate's place is taken, with its versions. 0 or -GRAFT_ENOMEM. */
int load_take_places(struct loading *);

#endif
