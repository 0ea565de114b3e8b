/* SPDX-License-Identifier: MIT */
/* Decides a load in this process. Invariants: nothing is loaded by it; files are read
 * while no lock is held, and the world is looked at while no file is opened; what is on
 * its way while it is looked at is looked at again. */

#include "load/job.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "bind/journal.h"
#include "live/live.h"
#include "load/bound.h"
#include "load/load.h"
#include "load/opener.h"
#include "load/providers.h"
#include "load/sources.h"
#include "plan/runtime.h"

const struct graft_load job_everything = { .size = sizeof job_everything };

/* ---- the closure ---------------------------------------------------------------------- */

/* The object that calls, and the program, as the search needs them: their images lie in
 * their own memory, and they are loaded as long as the call lasts. */
struct origins {
    uintptr_t address;
    struct elf_image caller, program;
    char caller_path[PATH_MAX], program_path[PATH_MAX];
    bool has_caller, has_program;
};

static int find_origins(struct world *world, const struct live_counts *counts, void *arg)
{
    struct origins *o = arg;
    size_t i = world_find_address(world, o->address);
    (void)counts;
    if (i == WORLD_NONE)
        i = world->main;
    if (i != WORLD_NONE && !world_object(world, i)->broken) {
        o->caller = world_object(world, i)->image;
        text_copy(o->caller_path, sizeof o->caller_path, world_object(world, i)->path);
        o->has_caller = true;
    }
    if (world->main != WORLD_NONE && !world_object(world, world->main)->broken) {
        o->program = world_object(world, world->main)->image;
        text_copy(o->program_path, sizeof o->program_path, world_object(world, world->main)->path);
        o->has_program = true;
    }
    return 0;
}

/* What a stand-in has the name of is looked at as if it came: more of it may be needed. */
struct asked { const char *name; unsigned space; bool found; };

static int ask_loaded(struct world *world, const struct live_counts *counts, void *arg)
{
    struct asked *asked = arg;
    (void)counts;
    size_t i = world_find_needed(world, asked->space, asked->name);
    asked->found = i != WORLD_NONE && !world_object(world, i)->is_stand_in;
    return 0;
}

static bool is_loaded(void *arg, const char *name)
{
    const struct loading_job *job = arg;
    struct asked asked = { .name = name, .space = job->caller->space };
    live_visit(ask_loaded, &asked, NULL);
    return asked.found;
}

struct hosting { const struct world *files; size_t index; bool found; };

static int ask_host(struct world *world, const struct live_counts *counts, void *arg)
{
    struct hosting *h = arg;
    (void)counts;
    h->found = runtime_is_here(world, h->files, h->index);
    return 0;
}

/* Not where the wish says itself what counts as a duplicate. */
static bool is_duplicate(void *arg, const struct world *files, size_t index)
{
    const struct loading_job *job = arg;
    struct hosting hosting = { files, index, false };
    if (!job->wish->from && !job->wish->onto && !(job->wish->flags & GRAFT_OWN_RUNTIME))
        live_visit(ask_host, &hosting, NULL);
    return hosting.found;
}

/* LD_LIBRARY_PATH as ld.so read it: what the program has set since does not count. */
static const char *library_path(void)
{
    static const char unset[] = "";
    static const char *known;
    const char *path = __atomic_load_n(&known, __ATOMIC_ACQUIRE);
    if (path)
        return *path ? path : NULL;
    path = unset;
    char *text = journal_keep(256 * 1024);
    int file = text ? open("/proc/self/environ", O_RDONLY | O_CLOEXEC) : -1;
    size_t length = 0;
    ssize_t got;
    while (file >= 0 && length < 256 * 1024 - 1 && (got = read(file, text + length, 256 * 1024 - 1 - length)) > 0)
        length += (size_t)got;
    if (file >= 0)
        close(file);
    for (size_t at = 0; at < length; at += strlen(text + at) + 1)
        if (!strncmp(text + at, "LD_LIBRARY_PATH=", 16))
            path = text + at + 16;
    __atomic_store_n(&known, path, __ATOMIC_RELEASE);
    return *path ? path : NULL;
}

static int open_closure(struct loading_job *job)
{
    struct origins origins = { .address = job->caller->address };
    int result = live_visit(find_origins, &origins, job->error);
    if (result)
        return result;
    job->loaded = caller_open(job->caller, job->path, RTLD_LAZY | RTLD_NOLOAD);
    (void)dlerror();
    if (job->loaded) {
        job->closure.loaded = (uintptr_t)job->loaded;
        return 0;
    }
    const struct search_from program = { .path = origins.program_path, .image = &origins.program };
    const struct search_from caller = { .path = origins.caller_path, .image = &origins.caller };
    search_init(&job->search, library_path());
    job->search.program = origins.has_program ? &program : NULL;
    const struct closure_search how = { .search = &job->search, .caller = origins.has_caller ? &caller : NULL,
                                        .is_loaded = is_loaded, .is_duplicate = is_duplicate, .arg = job };
    result = closure_find(&how, job->path, job->real, job->error);
    if (!result)
        result = closure_open(&job->closure, &how, job->real, job->error);
    search_fini(&job->search);
    return result;
}

/* ---- the plan ---------------------------------------------------------------------------- */

static int plan_visit(struct world *world, const struct live_counts *counts, void *arg)
{
    struct loading_job *job = arg;
    (void)counts;
    const struct load_request request = {
        .not_host = job->not_host, .not_host_count = job->not_host_count, .is_bound = job->is_bound,
        .path = job->path, .now = (job->mode & RTLD_BINDING_MASK) == RTLD_NOW,
        .deepbind = job->mode & RTLD_DEEPBIND, .space = job->caller->space, .caller = job->caller->address,
        .wish = job->wish, .given = job->addresses.given, .given_count = job->addresses.count,
        .hidden_host = job->addresses.hidden_host, .hidden_tag = job->addresses.hidden_tag, .live = true };
    return plan_load(&job->plan, world, &job->closure, &request, job->error);
}

static int make_plan(struct loading_job *job)
{
    int result = job->wish->table ? sources_take_table(&job->addresses, job->wish->table, job->error) : 0;
    for (int round = 0; !result && round < 5; round++) {
        graft_load_plan_free(job->plan);
        job->plan = NULL;
        result = live_visit(plan_visit, job, job->error);
        if (!result && !sources_look(&job->addresses, job->plan, job->caller, &job->asked_loader))
            break;
    }
    return result;
}

static int decide_once(struct loading_job *job)
{
    job->started = opener_started();
    int result = open_closure(job);
    job->not_host = bound_duplicates(&job->arena, &job->not_host_count);
    job->is_bound = job->closure.loaded && bound_is(job->closure.loaded);
    return result ? result : make_plan(job);
}

void job_end(struct loading_job *job)
{
    closure_close(&job->closure);
    addresses_free(&job->addresses);
    arena_free(&job->arena);
}

/* What was looked at is on its way: another thread's load shows before it is settled. */
static bool is_moving(const struct loading_job *job, int result)
{
    if (result == -GRAFT_ESTALE)
        return true;
    return (opener_under_way() || opener_started() != job->started)
        && (result == -GRAFT_EAMBIG
            || (!result && (job->plan->way == GRAFT_WAY_REBIND || job->plan->way == GRAFT_WAY_REFUSE)));
}

/* Asking the loader waits for whoever is inside it. */
int job_decide(struct loading_job *job)
{
    enum { TRIES = 100 };
    for (int try = 0;; try++) {
        int result = decide_once(job);
        if (try == TRIES || !is_moving(job, result))
            return result;
        if (job->loaded)
            caller_close(job->caller, job->loaded);
        job_end(job);
        graft_load_plan_free(job->plan);
        *job = (struct loading_job){ .caller = job->caller, .path = job->path, .mode = job->mode, .wish = job->wish,
                                     .error = job->error };
        error_clear(job->error);
        void *there = caller_open(job->caller, job->path, RTLD_LAZY | RTLD_NOLOAD);
        if (there)
            caller_close(job->caller, there);
        (void)dlerror();
        sched_yield();
    }
}

int load_decide(struct graft_load_plan **plan, const struct caller *caller, const char *path, int mode,
                const struct graft_load *wish, struct graft_error *error)
{
    struct loading_job job = { .caller = caller, .path = path, .mode = mode, .wish = wish ? wish : &job_everything,
                               .error = error };
    int saved = errno;
    int result = job_decide(&job);
    if (job.loaded)
        caller_close(caller, job.loaded);
    if (result)
        graft_load_plan_free(job.plan);
    else
        *plan = job.plan;
    job_end(&job);
    errno = saved;
    return result;
}

bool load_needs_stand_in(const struct caller *caller, const char *path)
{
    struct loading_job job = { .caller = caller, .path = path, .wish = &job_everything };
    int saved = errno;
    bool needs = false;
    if (!open_closure(&job))
        for (size_t i = 0; i < job.closure.needs.count && !needs; i++) {
            const struct load_need *need = arena_list_at(&job.closure.needs, i);
            needs = providers_has(caller->space, need->name);
        }
    if (job.loaded)
        caller_close(caller, job.loaded);
    job_end(&job);
    errno = saved;
    return needs;
}
