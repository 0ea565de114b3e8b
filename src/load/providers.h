/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LOAD_PROVIDERS_H
#define GRAFT_LOAD_PROVIDERS_H

/* The stand-ins of this process: one for each duplicate's name in a namespace, for good
 * once something was loaded with it. */

#include "bind/caller.h"
#include "plan/load.h"

struct provider;

/* What one load has taken hold of, to be given back if it fails. */
struct provider_hold { struct provider *provider; struct provider_hold *next; };

/* Makes sure that the stand-ins of @plan are there with all its symbols, in the namespace
 * of @caller. Adds to *holds (in @arena) also on failure. -GRAFT_ESYS, -GRAFT_ENOMEM,
 * -GRAFT_EREFUSED (one that is there lacks a version, which cannot be added). Without
 * locks held. */
int providers_ensure(const struct graft_load_plan *plan, const struct caller *caller, struct arena *arena,
                     struct provider_hold **holds, struct graft_error *);

/* They stay. */
void providers_keep(struct provider_hold *);

/* Those that were made for a load that failed, and that nobody else has taken, go. */
void providers_give_back(struct provider_hold *);

/* Whether there is one for @name. */
bool providers_has(unsigned space, const char *name);

/* Who serves a name that a stand-in does not have yet. */
struct provider_host {
    uint64_t link_map;
    bool hidden;                    /* not all of its names are dynamic symbols */
    const char *duplicate;          /* the file that tells which names there are; NULL: none */
};

/* Whether @handle is one, and who serves it. */
bool providers_is(const void *handle, struct provider_host *);

/* Adds one symbol to the stand-in with that handle. false: there is no room. */
bool providers_add(const void *handle, const struct load_address *);

/* How many there are. */
size_t providers_count(void);

#endif
