/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_PLAN_LOAD_H
#define GRAFT_PLAN_LOAD_H

/* Decides how a consumer is loaded, before it is:
 *
 *     here (a process, or the files of one)  ┐
 *     coming (the consumer and what it needs │─▶ struct graft_load_plan
 *             and is not here yet, as files) │
 *     what is wished; addresses that were    ┘
 *     found elsewhere (.symtab, a table)
 *
 * PURE: whoever calls has opened the files, and asks again with more addresses where the
 * plan lacks some. */

#include <graft/load.h>

#include "base/arena.h"
#include "base/text.h"
#include "plan/world.h"

/* One DT_NEEDED of a file that comes: another file that comes, or, with NONE, whatever is
 * loaded under that name, or nothing. */
struct load_need {
    size_t by, coming;              /* indexes in files */
    const char *name;
    bool loaded;                    /* it was loaded when the files were opened */
    bool unreadable;                /* there is such a file, but it is none that can be loaded */
};

struct load_closure {
    struct world files;             /* the consumer first; none, if it is loaded */
    struct arena_list needs;        /* of struct load_need, breadth first */
    uint64_t loaded;                /* link_map of a consumer that is loaded; 0: it is not */
};

/* An address that no dynamic symbol tells. */
struct load_given {
    const char *name, *version;     /* version NULL: any */
    uint64_t address, size;
    uint8_t type;
    enum graft_source source;       /* NONE: whatever is visible to all defines it */
};

struct load_request {
    const char *path;               /* as it was given */
    bool now, deepbind;             /* RTLD_NOW, RTLD_DEEPBIND */
    unsigned space;                 /* namespace that it is loaded into */
    uint64_t caller;                /* address of the calling code; 0: not known */
    const struct graft_load *wish;  /* never NULL */
    const struct load_given *given;
    size_t given_count;
    uint64_t hidden_host;           /* link_map of an object that holds a runtime it does not export; 0: none */
    const char *hidden_tag;
    const uint64_t *not_host;       /* link_maps that hold a runtime, known to be no host: graft let them in */
    size_t not_host_count;
    bool is_bound;                  /* the consumer is loaded, as graft decided then */
    bool live;                      /* addresses are run-time ones */
};

/* What takes a duplicate's place. */
struct load_stand_in {
    const char *soname;             /* as it is needed */
    const char *duplicate;          /* the file in whose place it stands; NULL: none */
    const char **versions;
    size_t version_count;
    struct load_address *symbols;
    size_t symbol_count;
    bool global;                    /* for consumers that name no library */
    size_t most_symbols, most_strings; /* that the duplicate could ever be asked for; 0: not known */
};

struct load_address {
    const char *name, *version;
    uint64_t address, size;
    uint8_t type;
    bool hidden;                    /* not the default version */
};

struct graft_load_plan {
    struct arena arena;
    enum graft_way way;
    const char *reason;
    struct arena_list objects;      /* of struct graft_load_object */
    struct arena_list symbols;      /* of struct graft_load_symbol */
    struct arena_list stand_ins;    /* of struct load_stand_in */
    size_t bound, missing, wrong, incurable;   /* symbols */
    size_t unlocated;               /* names that a host would have to serve and no source tells: see given */
    const char *host;               /* path of the object that holds the host; NULL: none */
    uint64_t host_map;
    unsigned host_space;
    bool host_is_main;
    bool hidden;                    /* some addresses come from no dynamic symbol */
    const char *runtime;            /* its tag */
    const char *promote;            /* path of the host's library */
    const char **duplicates;        /* how they are needed, without a folder */
    size_t duplicate_count;
    const char *lone;               /* a runtime that comes and of which no host shows itself: a tag, or NULL */
    bool uses_loader;               /* somebody in the closure calls dlopen or dlsym */
    bool brings_duplicate;          /* without graft a second runtime would be here */
};

/* Plans. 0 also for a refusal; -GRAFT_ESTALE (what the closure counts on is being loaded, or
 * was closed, meanwhile), -GRAFT_EAMBIG, -GRAFT_ENOHOST (the host that was named is
 * none), -GRAFT_ENOMEM. */
int plan_load(struct graft_load_plan **, const struct world *here, const struct load_closure *,
              const struct load_request *, struct graft_error *);

/* The plan as JSON. */
void load_plan_write_json(const struct graft_load_plan *, struct text_buffer *);

/* The refusal as an error: the reason, and what is missing by name. */
int load_plan_refusal(const struct graft_load_plan *, struct graft_error *);

#endif
