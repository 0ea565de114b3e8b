/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_ATTACH_RECHECK_H
#define GRAFT_ATTACH_RECHECK_H

/* Writing into a target that is still the one that the plan saw. */

#include "attach/remember.h"
#include "attach/words.h"
#include "plan/world.h"

/* What a change cost, all tries together. */
struct recheck_cost { uint64_t nanoseconds; size_t threads; unsigned stops; };

/* The object of @world that @member describes, WORLD_NONE if it is gone. */
size_t recheck_member(const struct world *, const struct remembered_member *);

/* -GRAFT_EBUILDID where another build of @member lies in its place. */
int recheck_build_id(const struct world *, const struct remembered_member *, struct graft_error *);

/* One change of a target: the caller's part of it. */
struct recheck {
    const struct process *process;
    const struct remembered_member *member;
    size_t member_count;
    bool outside_loader;            /* no thread may stand in the loader: lazy slots */
    /* Fills @words for the world as it is now, in words->arena; called again for
     * each try. */
    int (*collect)(struct words *, const struct world *, void *arg, struct graft_error *);
    /* Decides with the target held, once found is filled in; may set skip. */
    int (*decide)(struct words *, void *arg, struct graft_error *);
    /* Told what was written, with the target running again. */
    void (*done)(const struct words *, void *arg);
    void *arg;
};

/* Looks, stops, looks again, writes, lets go: as often as the target changes in
 * between, for up to two seconds. -GRAFT_EBUSY, -GRAFT_ESTALE, -GRAFT_EPROT and
 * those of stop_visit and remote_world; the target is then as it was. */
int recheck_write(const struct recheck *, struct recheck_cost *, struct graft_error *);

#endif
