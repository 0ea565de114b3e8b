/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LOAD_JOB_H
#define GRAFT_LOAD_JOB_H

/* One load while it is under way: decided in decide.c, carried out in load.c. */

#include <limits.h>

#include "bind/caller.h"
#include "file/addresses.h"
#include "file/closure.h"
#include "plan/load.h"

struct provider_hold;

/* From the wish to the handle. */
struct loading_job {
    const struct caller *caller;
    const char *path;
    int mode;
    const struct graft_load *wish;
    struct graft_error *error;
    char real[PATH_MAX];            /* the file that path means; empty: it is loaded */
    void *loaded;                   /* a handle on a consumer that is loaded */
    struct search search;
    struct load_closure closure;
    struct addresses addresses;
    bool asked_loader;
    struct arena arena;
    struct graft_load_plan *plan;
    struct provider_hold *holds;
    const uint64_t *not_host;
    size_t not_host_count;
    bool is_bound;
    unsigned started;               /* loads that had started when this was decided */
    void *promoted;                 /* a handle on the host's library */
};

/* The wish of who has none. */
extern const struct graft_load job_everything __attribute__((visibility("hidden")));

/* Opens the closure and plans; waits for what moves. The caller ends the job. */
int job_decide(struct loading_job *);

/* Frees what it holds but the plan and the handles. */
void job_end(struct loading_job *);

#endif
