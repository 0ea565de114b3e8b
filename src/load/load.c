/* SPDX-License-Identifier: MIT */
/* Loads a consumer the way that was decided. Invariants: no lock is held while the loader
 * is called; what was prepared for a load that fails is taken back; the loader sees the
 * program's own caller.
 *
 *     find file ─▶ closure ─▶ plan ─▶ more addresses? plan again ─▶ prepare ─▶ dlopen
 *                                                                  (stand-ins,  (opener:
 *                                                                   promotion)   slots) */

#include "load/load.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <string.h>

#include "base/error.h"
#include "bind/bind.h"
#include "bind/journal.h"
#include "bind/watch.h"
#include "live/live.h"
#include "load/bound.h"
#include "load/job.h"
#include "load/opener.h"
#include "load/providers.h"

/* ---- slots before constructors ---------------------------------------------------------------- */

/* Applied for as long as its objects are loaded. Objects of this load are not pinned: a
 * dlopen for that would run their constructors now, and they hold each other. */
static int apply(struct graft_plan *plan, bool unpinned, struct graft_error *error)
{
    plan->unpinned = unpinned;
    int result = bind_plan_apply(plan, error);
    bind_plan_free(plan);
    return result;
}

static int isolate(const char *glob, struct graft_error *error)
{
    struct graft_plan *plan;
    int result = graft_plan_isolate(&plan, glob, GRAFT_CLOSURE | GRAFT_PARTIAL, error);
    return result ? result : apply(plan, true, error);
}

/* A loaded object by the name it was needed by, as a glob that matches its path alone. */
struct naming { struct loading_job *job; const char *name; char glob[2 * PATH_MAX]; uint64_t link_map, start; };

static void glob_of(const char *path, char *glob, size_t size)
{
    struct text_buffer out = { glob, size, 0 };
    for (; *path; path++)
        text_append(&out, strchr("*?[", *path) ? "[%c]" : "%c", *path);
}

static int name_duplicate(struct world *world, const struct live_counts *counts, void *arg)
{
    struct naming *n = arg;
    (void)counts;
    for (size_t i = world->objects.count; i-- > 0;) {
        const struct world_object *o = world_object(world, i);
        if (o->space == n->job->caller->space && !o->is_graft && o->link_map != n->job->plan->host_map
            && world_matches(world, i, n->name)) {
            glob_of(o->path, n->glob, sizeof n->glob);
            n->link_map = o->link_map;
            n->start = world_start(o);
            return 0;
        }
    }
    return error_about(n->job->error, GRAFT_ENODUP, n->name, "", "%s was not loaded", n->name);
}

/* One after the other: a closure may reach several. A duplicate whose own references lead
 * into the host would ruin it with its constructors (TRAPS 22): first it is made whole. */
static int rebind_from(struct loading_job *job, const char *duplicate)
{
    struct naming naming = { .job = job, .name = duplicate };
    char consumer[2 * PATH_MAX], host[2 * PATH_MAX];
    struct graft_plan *plan;
    glob_of(job->real, consumer, sizeof consumer);
    glob_of(job->plan->host, host, sizeof host);
    const struct graft_rebind wish = { .size = sizeof wish, .consumer = job->loaded ? NULL : consumer,
        .handle = job->loaded, .from = naming.glob, .onto = host,
        .flags = GRAFT_CLOSURE | (job->wish->flags & (GRAFT_PARTIAL | GRAFT_ANY_VERSION)) };
    int result = live_visit(name_duplicate, &naming, job->error);
    if (!result && !job->loaded)
        result = isolate(naming.glob, job->error);
    if (!result)
        result = graft_plan_rebind(&plan, &wish, job->error);
    if (!result)
        result = apply(plan, false, job->error);
    if (!result)
        bound_add_duplicate(naming.link_map, naming.start);
    return result;
}

static int rebind(void *arg)
{
    struct loading_job *job = arg;
    int result = 0;
    for (size_t i = 0; i < job->plan->duplicate_count && !result; i++)
        result = rebind_from(job, job->plan->duplicates[i]);
    return result;
}

static int own(void *arg)
{
    struct loading_job *job = arg;
    char consumer[2 * PATH_MAX];
    glob_of(job->real, consumer, sizeof consumer);
    return isolate(consumer, job->error);
}

/* ---- carrying it out ------------------------------------------------------------------------------ */

/* What the program asks for by name is the runtime, and a copy that was let in beside the
 * host bears that name: the host is the answer. */
static bool means_host(const struct loading_job *job)
{
    const struct graft_load_object *consumer = arena_list_at(&job->plan->objects, 0);
    return job->loaded && job->plan->host && consumer->fate == GRAFT_FATE_DUPLICATE;
}

static int open_plainly(struct loading_job *job, void **handle)
{
    const char *host = job->plan->host_is_main ? NULL : job->plan->host;
    if (means_host(job))
        *handle = watch_open(job->caller, host, (job->mode & ~RTLD_DEEPBIND) | (host ? RTLD_NOLOAD : 0));
    else
        *handle = watch_open(job->caller, job->path, job->mode);
    return *handle ? 0 : caller_failed(job->path, job->error);
}

static int promote(struct loading_job *job, void **handle)
{
    job->promoted = caller_open(job->caller, job->plan->promote, RTLD_LAZY | RTLD_NOLOAD | RTLD_GLOBAL);
    return job->promoted ? open_plainly(job, handle) : caller_failed(job->path, job->error);
}

/* The runtime's own library was asked for: its stand-in is the answer. */
static int open_stand_in(struct loading_job *job, void **handle)
{
    const struct load_stand_in *s = arena_list_at(&job->plan->stand_ins, 0);
    *handle = caller_open(job->caller, s->soname, job->mode & ~(RTLD_DEEPBIND | RTLD_NOLOAD));
    return *handle ? 0 : caller_failed(job->path, job->error);
}

static int provide(struct loading_job *job, void **handle)
{
    const struct graft_load_object *consumer = arena_list_at(&job->plan->objects, 0);
    int result = providers_ensure(job->plan, job->caller, &job->arena, &job->holds, job->error);
    if (result)
        return result;
    return consumer->fate == GRAFT_FATE_DUPLICATE ? open_stand_in(job, handle) : open_plainly(job, handle);
}

static int open_before_constructors(struct loading_job *job, opener_fn *fn, void **handle)
{
    if (job->loaded) {
        int result = fn(job);
        return result ? result : open_plainly(job, handle);
    }
    return opener_open(job->caller, job->path, job->real, job->mode, fn, job, handle, job->error);
}

static int carry_out(struct loading_job *job, void **handle)
{
    switch (job->plan->way) {
    case GRAFT_WAY_NONE:     return open_plainly(job, handle);
    case GRAFT_WAY_PROMOTE:  return promote(job, handle);
    case GRAFT_WAY_PROVIDER: return provide(job, handle);
    case GRAFT_WAY_REBIND:   return open_before_constructors(job, rebind, handle);
    case GRAFT_WAY_ISOLATE:  return open_before_constructors(job, own, handle);
    default:                 return load_plan_refusal(job->plan, job->error);
    }
}

/* Handles on objects are kept that the consumer now relies on. */
static void settle(struct loading_job *job, int result, void *handle)
{
    if (result) {
        providers_give_back(job->holds);
        if (job->promoted)
            caller_close(job->caller, job->promoted);
    } else {
        providers_keep(job->holds);
        if (!job->is_bound)
            bound_add(handle, job->plan, job->wish);
    }
    if (job->loaded)
        caller_close(job->caller, job->loaded);
}

/* A runtime's library that is asked for, and that only a stand-in can be: the host is here. */
static bool is_stood_for(const struct loading_job *job)
{
    const struct graft_load_object *consumer = arena_list_at(&job->plan->objects, 0);
    return job->plan->way == GRAFT_WAY_PROVIDER && consumer->fate == GRAFT_FATE_DUPLICATE;
}

int load_open_telling(const struct caller *caller, const char *path, int mode, const struct graft_load *wish,
                      void **handle, struct graft_load_plan **plan, struct graft_error *error)
{
    struct graft_error own_error = { 0 };
    struct loading_job job = { .caller = caller, .path = path, .mode = mode, .wish = wish ? wish : &job_everything,
                               .error = error ? error : &own_error };
    int saved = errno;
    int result = job_decide(&job);
    *handle = NULL;
    if (!result && mode & RTLD_NOLOAD && !job.loaded && !is_stood_for(&job))
        result = error_about(job.error, GRAFT_ENOOBJ, path, "", "%s is not loaded (RTLD_NOLOAD)", path);
    else if (!result) {
        errno = saved;
        result = carry_out(&job, handle);
        saved = errno;
    }
    if (job.plan && (job.loaded || !(mode & RTLD_NOLOAD) || job.holds))
        settle(&job, result, *handle);
    job_end(&job);
    *plan = job.plan;
    errno = saved;
    return result;
}

int load_open(const struct caller *caller, const char *path, int mode, const struct graft_load *wish, void **handle,
              struct graft_error *error)
{
    struct graft_load_plan *plan;
    int result = load_open_telling(caller, path, mode, wish, handle, &plan, error);
    graft_load_plan_free(plan);
    return result;
}

/* ---- the public functions ---------------------------------------------------------------------- */

static int check(const char *path, const struct graft_load *wish, struct graft_error *error)
{
    error_clear(error);
    if (!path || !*path)
        return error_set(error, GRAFT_EINVAL, "a load names a file");
    if (wish && wish->size < sizeof *wish)
        return error_set(error, GRAFT_EINVAL, "struct graft_load says its size");
    return 0;
}

int load_plan(struct graft_load_plan **plan, const char *path, int mode, const struct graft_load *wish, void *from,
              struct graft_error *error)
{
    int result = check(path, wish, error);
    if (result)
        return result;
    const struct caller caller = caller_find(from);
    return load_decide(plan, &caller, path, mode, wish, error);
}

int load_load(const char *path, int mode, const struct graft_load *wish, void **handle, void *from,
              struct graft_error *error)
{
    int result = check(path, wish, error);
    if (result)
        return result;
    const struct caller caller = caller_find(from);
    return load_open(&caller, path, mode, wish, handle, error);
}
