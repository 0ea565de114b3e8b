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
#include <fcntl.h>
#include <link.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "bind/bind.h"
#include "bind/journal.h"
#include "bind/watch.h"
#include "file/closure.h"
#include "live/live.h"
#include "load/bound.h"
#include "load/opener.h"
#include "load/providers.h"
#include "load/sources.h"

/* One load, from the wish to the handle. */
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

/* ---- the closure ---------------------------------------------------------------------- */

/* The object that calls, and the program, as the search needs them: their images lie in
 * their own memory, and they are loaded as long as the call lasts. */
struct origins {
    uintptr_t address;
    unsigned space;
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
    struct asked asked = { .name = name, .space = *(const unsigned *)arg };
    live_visit(ask_loaded, &asked, NULL);
    return asked.found;
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

static void *open_as(const struct caller *caller, const char *path, int mode)
{
    return (void *)caller_call(caller, caller_real(caller->space, DLOPEN), (uintptr_t)path, (uintptr_t)mode, 0);
}

static void close_as(const struct caller *caller, void *handle)
{
    (void)caller_call(caller, caller_real(caller->space, DLCLOSE), (uintptr_t)handle, 0, 0);
}

static int open_closure(struct loading_job *job)
{
    struct origins origins = { .address = job->caller->address, .space = job->caller->space };
    unsigned space = job->caller->space;
    int result = live_visit(find_origins, &origins, job->error);
    if (result)
        return result;
    job->loaded = open_as(job->caller, job->path, RTLD_LAZY | RTLD_NOLOAD);
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
                                        .is_loaded = is_loaded, .arg = &space };
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
        .path = job->path, .dlopen_flags = job->mode, .now = (job->mode & RTLD_BINDING_MASK) == RTLD_NOW,
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

static void end(struct loading_job *job)
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
static int decide(struct loading_job *job)
{
    enum { TRIES = 100 };
    for (int try = 0;; try++) {
        int result = decide_once(job);
        if (try == TRIES || !is_moving(job, result))
            return result;
        if (job->loaded)
            close_as(job->caller, job->loaded);
        end(job);
        graft_load_plan_free(job->plan);
        *job = (struct loading_job){ .caller = job->caller, .path = job->path, .mode = job->mode, .wish = job->wish,
                                     .error = job->error };
        error_clear(job->error);
        void *there = open_as(job->caller, job->path, RTLD_LAZY | RTLD_NOLOAD);
        if (there)
            close_as(job->caller, there);
        (void)dlerror();
        sched_yield();
    }
}

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

static int loader_failed(struct loading_job *job)
{
    const char *text = dlerror();
    return error_about(job->error, GRAFT_ESYS, job->path, "", "%s", text ? text : "dlopen failed and said nothing");
}

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
    return *handle ? 0 : loader_failed(job);
}

static int promote(struct loading_job *job, void **handle)
{
    job->promoted = open_as(job->caller, job->plan->promote, RTLD_LAZY | RTLD_NOLOAD | RTLD_GLOBAL);
    return job->promoted ? open_plainly(job, handle) : loader_failed(job);
}

/* The runtime's own library was asked for: its stand-in is the answer. */
static int open_stand_in(struct loading_job *job, void **handle)
{
    const struct load_stand_in *s = arena_list_at(&job->plan->stand_ins, 0);
    *handle = open_as(job->caller, s->soname, job->mode & ~(RTLD_DEEPBIND | RTLD_NOLOAD));
    return *handle ? 0 : loader_failed(job);
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
            close_as(job->caller, job->promoted);
    } else {
        providers_keep(job->holds);
        if (!job->is_bound)
            bound_add(handle, job->plan, job->wish);
    }
    if (job->loaded)
        close_as(job->caller, job->loaded);
}

/* A runtime's library that is asked for, and that only a stand-in can be: the host is here. */
static bool is_stood_for(const struct loading_job *job)
{
    const struct graft_load_object *consumer = arena_list_at(&job->plan->objects, 0);
    return job->plan->way == GRAFT_WAY_PROVIDER && consumer->fate == GRAFT_FATE_DUPLICATE;
}

static const struct graft_load everything = { .size = sizeof everything };

int load_open_telling(const struct caller *caller, const char *path, int mode, const struct graft_load *wish,
                      void **handle, struct graft_load_plan **plan, struct graft_error *error)
{
    struct graft_error own_error = { 0 };
    struct loading_job job = { .caller = caller, .path = path, .mode = mode, .wish = wish ? wish : &everything,
                               .error = error ? error : &own_error };
    int saved = errno;
    int result = decide(&job);
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
    end(&job);
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

int load_decide(struct graft_load_plan **plan, const struct caller *caller, const char *path, int mode,
                const struct graft_load *wish, struct graft_error *error)
{
    struct loading_job job = { .caller = caller, .path = path, .mode = mode, .wish = wish ? wish : &everything,
                               .error = error };
    int saved = errno;
    int result = decide(&job);
    if (job.loaded)
        close_as(caller, job.loaded);
    if (result)
        graft_load_plan_free(job.plan);
    else
        *plan = job.plan;
    end(&job);
    errno = saved;
    return result;
}

bool load_needs_stand_in(const struct caller *caller, const char *path)
{
    struct loading_job job = { .caller = caller, .path = path, .wish = &everything };
    int saved = errno;
    bool needs = false;
    if (!open_closure(&job))
        for (size_t i = 0; i < job.closure.needs.count && !needs; i++) {
            const struct load_need *need = arena_list_at(&job.closure.needs, i);
            needs = providers_find(caller->space, need->name) != NULL;
        }
    if (job.loaded)
        close_as(caller, job.loaded);
    end(&job);
    errno = saved;
    return needs;
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
