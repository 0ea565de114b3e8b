/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LOAD_LOAD_H
#define GRAFT_LOAD_LOAD_H

/* Loading with a decision, for the public functions and for the watch over dlopen. */

#include "bind/caller.h"
#include "plan/load.h"

/* Told of each load that was decided; @error has a code if it failed or was refused. */
typedef void load_listener(void *arg, const char *path, const struct graft_load_plan *plan,
                           const struct graft_error *error);

/* The decision for dlopen(@path, @mode) of @caller. */
int load_decide(struct graft_load_plan **, const struct caller *caller, const char *path, int mode,
                const struct graft_load *wish, struct graft_error *);

/* Whether the closure of dlopen(@path) of @caller needs a library whose place a stand-in
 * has: only files' needs are read. */
bool load_needs_stand_in(const struct caller *caller, const char *path);

/* As graft_load for @caller. */
int load_open(const struct caller *caller, const char *path, int mode, const struct graft_load *wish, void **handle,
              struct graft_error *);

/* As load_open, and tells what was decided: *plan (NULL: there was none) is the caller's. */
int load_open_telling(const struct caller *caller, const char *path, int mode, const struct graft_load *wish,
                      void **handle, struct graft_load_plan **plan, struct graft_error *);

/* The public functions, once it is settled which copy of graft acts (api/share.h); @from
 * is an address in the code that called. */
int load_plan(struct graft_load_plan **, const char *path, int mode, const struct graft_load *, void *from,
              struct graft_error *);
int load_load(const char *path, int mode, const struct graft_load *, void **handle, void *from, struct graft_error *);
int load_watch(const char *globs, const struct graft_load *, struct graft_error *);
int load_rules_add(const char *text, struct graft_error *);

/* Who is told of loads that the watch decides; before other threads run. With @dry_run
 * nothing but the plan is made. */
void load_listen(load_listener *, void *arg, bool dry_run);

#endif
