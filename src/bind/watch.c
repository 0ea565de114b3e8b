/* SPDX-License-Identifier: MIT */
/* Watches dlopen, dlmopen, dlclose, dlsym, dlvsym and dlerror. Invariants: the loader sees the
 * caller it would have seen without us, also behind the program's own hooks of these
 * functions; errno and dlerror are what the program's own call left.
 *
 *     caller ─▶ gate ─▶ hooks of the program ─▶ last ─▶ real function
 *               notes the caller               (as the noted caller)
 *                                               └─▶ anything new? anything gone? (late.c) */

#include "bind/watch.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>

#include "base/error.h"
#include "bind/apply.h"
#include "bind/bind.h"
#include "bind/caller.h"
#include "bind/hooks.h"
#include "bind/late.h"

static const char watched_name[WATCHED][8] = { "dlopen", "dlmopen", "dlclose", "dlsym", "dlvsym", "dlerror" };

/* What was watched in each namespace, and how far we got. */
static struct {
    struct function *function[CALLER_SPACES][WATCHED];
    bool started, symbols;
    const struct watch_extension *extension;
} watch;

/* The caller of the gate that this thread is in. */
static __thread struct { struct caller caller; bool inside; } noted __attribute__((tls_model("initial-exec")));

/* What dlerror tells this thread next, in place of the loader: why a load was refused. */
static __thread const char *refusal __attribute__((tls_model("initial-exec")));

/* ---- gates: what slots of the watched functions hold ------------------------------- */

static uintptr_t gate(enum watched which, void *from, uintptr_t a, uintptr_t b, uintptr_t c)
{
    struct caller outer = noted.caller, caller = caller_find(from);
    bool was_inside = noted.inside;
    unsigned space = caller.space < CALLER_SPACES ? caller.space : 0;
    const struct function *function = __atomic_load_n(&watch.function[space][which], __ATOMIC_ACQUIRE);
    noted.caller = caller;
    noted.inside = true;
    uintptr_t entry = function ? hooks_entry(function, caller.address) : caller_real(space, which);
    uintptr_t result = caller_call(&caller, entry, a, b, c);
    noted.caller = outer;
    noted.inside = was_inside;
    return result;
}

static void *gate_dlopen(const char *file, int mode)
{
    return (void *)gate(DLOPEN, __builtin_return_address(0), (uintptr_t)file, (uintptr_t)mode, 0);
}

static void *gate_dlmopen(Lmid_t space, const char *file, int mode)
{
    return (void *)gate(DLMOPEN, __builtin_return_address(0), (uintptr_t)space, (uintptr_t)file, (uintptr_t)mode);
}

static int gate_dlclose(void *handle)
{
    return (int)gate(DLCLOSE, __builtin_return_address(0), (uintptr_t)handle, 0, 0);
}

static void *gate_dlsym(void *handle, const char *name)
{
    return (void *)gate(DLSYM, __builtin_return_address(0), (uintptr_t)handle, (uintptr_t)name, 0);
}

static void *gate_dlvsym(void *handle, const char *name, const char *version)
{
    return (void *)gate(DLVSYM, __builtin_return_address(0), (uintptr_t)handle, (uintptr_t)name, (uintptr_t)version);
}

static char *gate_dlerror(void)
{
    return (char *)gate(DLERROR, __builtin_return_address(0), 0, 0, 0);
}

/* ---- last: what is called behind the program's own hooks ------------------------------ */

static struct caller caller_now(void *from)
{
    return noted.inside ? noted.caller : caller_find(from);
}

static uintptr_t call_real(const struct caller *caller, enum watched which, uintptr_t a, uintptr_t b, uintptr_t c)
{
    return caller_call(caller, caller_real(caller->space, which), a, b, c);
}

/* After a load: errno and dlerror stay those of the program's own call. Pinning
 * a target may have failed in dlopen, whose message nobody is to read. */
static void after_load(void *handle, unsigned long long adds_before)
{
    int saved = errno;
    unsigned long long adds = handle ? live_counts().adds : 0;
    if (handle && (adds != adds_before || late_is_behind(adds))) {
        bind_verify_lazy();
        late_look(adds != adds_before);
        (void)dlerror();
    }
    errno = saved;
}

/* How many objects were ever loaded, all hooks being ready for more. */
static unsigned long long before_load(void)
{
    int saved = errno;
    hooks_export();
    errno = saved;
    return live_counts().adds;
}

void *watch_open(const struct caller *caller, const char *file, int mode)
{
    unsigned long long adds = before_load();
    void *handle = (void *)call_real(caller, DLOPEN, (uintptr_t)file, (uintptr_t)mode, 0);
    after_load(handle, adds);
    return handle;
}

void *watch_dlopen(const struct caller *caller, const char *file, int mode)
{
    const struct watch_extension *extension = __atomic_load_n(&watch.extension, __ATOMIC_ACQUIRE);
    void *handle;
    refusal = NULL;
    if (extension && extension->open(caller, file, mode, &handle))
        return handle;
    return watch_open(caller, file, mode);
}

static void *last_dlopen(const char *file, int mode)
{
    struct caller caller = caller_now(__builtin_return_address(0));
    return watch_dlopen(&caller, file, mode);
}

static void *last_dlmopen(Lmid_t space, const char *file, int mode)
{
    refusal = NULL;
    struct caller caller = caller_now(__builtin_return_address(0));
    unsigned long long adds = before_load();
    void *handle = (void *)call_real(&caller, DLMOPEN, (uintptr_t)space, (uintptr_t)file, (uintptr_t)mode);
    after_load(handle, adds);
    return handle;
}

/* A handle of glibc is the address of the link_map. */
static int last_dlclose(void *handle)
{
    refusal = NULL;
    struct caller caller = caller_now(__builtin_return_address(0));
    int saved = errno;
    struct hooks_closing closing = { .link_map = (uintptr_t)handle };
    hooks_closing(&closing);
    unsigned long long adds = live_counts().adds;
    errno = saved;
    int result = (int)call_real(&caller, DLCLOSE, (uintptr_t)handle, 0, 0);
    saved = errno;
    if (!result) {
        struct live_counts counts = live_counts();
        late_closed(&counts, adds);
        const struct watch_extension *extension = __atomic_load_n(&watch.extension, __ATOMIC_ACQUIRE);
        if (extension)
            extension->closed();
    }
    hooks_stayed(&closing);
    errno = saved;
    return result;
}

static uintptr_t find_missing(const struct caller *caller, void *handle, const char *name, const char *version)
{
    const struct watch_extension *extension = __atomic_load_n(&watch.extension, __ATOMIC_ACQUIRE);
    return extension ? extension->missing(caller, handle, name, version) : 0;
}

static void *last_dlsym(void *handle, const char *name)
{
    refusal = NULL;
    struct caller caller = caller_now(__builtin_return_address(0));
    uintptr_t address = call_real(&caller, DLSYM, (uintptr_t)handle, (uintptr_t)name, 0);
    if (!address)
        address = find_missing(&caller, handle, name, NULL);
    return (void *)hooks_answer(name, address, caller.address, handle == RTLD_NEXT);
}

static void *last_dlvsym(void *handle, const char *name, const char *version)
{
    refusal = NULL;
    struct caller caller = caller_now(__builtin_return_address(0));
    uintptr_t address = call_real(&caller, DLVSYM, (uintptr_t)handle, (uintptr_t)name, (uintptr_t)version);
    if (!address)
        address = find_missing(&caller, handle, name, version);
    return (void *)hooks_answer(name, address, caller.address, handle == RTLD_NEXT);
}

/* Once, as the loader tells its own failures. */
static char *last_dlerror(void)
{
    struct caller caller = caller_now(__builtin_return_address(0));
    const char *text = refusal;
    char *loaders = (char *)call_real(&caller, DLERROR, 0, 0, 0);
    refusal = NULL;
    return text ? (char *)text : loaders;
}

void watch_refuse(const char *text)
{
    refusal = text;
}

/* ---- which functions --------------------------------------------------------------------- */

static bool watch_one(const struct world *world, size_t i, enum watched which)
{
    static void *const gates[WATCHED] = { gate_dlopen, gate_dlmopen, gate_dlclose, gate_dlsym, gate_dlvsym,
                                          gate_dlerror };
    static void *const lasts[WATCHED] = { last_dlopen, last_dlmopen, last_dlclose, last_dlsym, last_dlvsym,
                                          last_dlerror };
    const struct world_object *object = world_object(world, i);
    struct elf_wanted wanted = { .name = watched_name[which], .newest = true };
    struct elf_symbol symbol;
    if (elf_lookup(&object->image, &wanted, &symbol) != ELF_FOUND)
        return true;
    uintptr_t address = (uintptr_t)(object->image.bias + symbol.value);
    struct function *function = function_of(watched_name[which], address, true);
    if (!function || !function_place(function, object->path, object->link_map, world_start(object), symbol.index)
        || !chain_of(function, &(struct hook_callers){ NULL, NULL, NULL }, true))
        return false;
    function->gate = (uintptr_t)gates[which];
    function->last = (uintptr_t)lasts[which];
    function->touched = true;
    function_set_originals(function);
    caller_learn(object->space, which, address);
    __atomic_store_n(&watch.function[object->space][which], function, __ATOMIC_RELEASE);
    return true;
}

static bool is_watched(const struct world *world, unsigned space, enum watched which)
{
    const struct function *function = watch.function[space][which];
    return function && world_find_map(world, function->link_map, function->start) != WORLD_NONE;
}

void watch_gone(const struct function *function)
{
    for (unsigned space = 0; space < CALLER_SPACES; space++)
        for (unsigned w = 0; w < WATCHED; w++)
            if (watch.function[space][w] == function) {
                __atomic_store_n(&watch.function[space][w], NULL, __ATOMIC_RELEASE);
                caller_learn(space, w, 0);
            }
}

/* The definition that a namespace's objects are bound to: the first one there, which may
 * be that of a preloaded library and not libc's. */
static size_t find_definer(const struct world *world, unsigned space, enum watched which)
{
    struct elf_wanted wanted = { .name = watched_name[which], .newest = true };
    struct elf_symbol symbol;
    for (size_t i = 0; i < world->objects.count; i++) {
        const struct world_object *object = world_object(world, i);
        if (object->space == space && !object->broken && !object->is_vdso
            && elf_lookup(&object->image, &wanted, &symbol) == ELF_FOUND)
            return i;
    }
    return WORLD_NONE;
}

void watch_gates(const struct world *world)
{
    const struct world_object *last = world_object(world, world->objects.count - 1);
    for (unsigned space = 0; watch.started && space <= last->space && space < CALLER_SPACES; space++)
        for (unsigned w = 0; w < (watch.symbols ? WATCHED : DLSYM); w++) {
            size_t definer = is_watched(world, space, w) ? WORLD_NONE : find_definer(world, space, w);
            if (definer != WORLD_NONE && !watch_one(world, definer, w))
                return;
        }
}

/* ---- starting ------------------------------------------------------------------------------ */

static int prepare_start(struct hook_job *job, const struct world *world)
{
    watch.started = true;
    watch.symbols |= job->arg != NULL;
    watch_gates(world);
    return hooks_cover_touched(job, world);
}

int watch_start(bool symbols, struct graft_error *error)
{
    struct hook_job job = { .prepare = prepare_start, .quiet = true, .error = error,
                            .arg = symbols ? &watch : NULL };
    journal_lock();
    bool done = watch.started && (watch.symbols || !symbols);
    journal_unlock();
    if (done)
        return 0;
    int result = hook_job_run(&job);
    bind_plan_free(job.plan);
    if (!result)
        late_start();
    return result;
}

void watch_extend(const struct watch_extension *extension)
{
    __atomic_store_n(&watch.extension, extension, __ATOMIC_RELEASE);
}

void watch_look(void)
{
    late_look(false);
}

/* ---- the public calls --------------------------------------------------------------------- */

static int nothing(struct world *world, const struct live_counts *counts, void *arg)
{
    (void)world;
    (void)counts;
    (void)arg;
    return 0;
}

int bind_rules_add(const char *text, struct graft_error *error)
{
    error_clear(error);
    if (!text)
        return error_set(error, GRAFT_EINVAL, "no rules were given");
    int result = live_visit(nothing, NULL, error);
    if (!result)
        result = late_add(text, error);
    if (!result)
        late_look(true);
    return result;
}

int bind_watch(struct graft_error *error)
{
    error_clear(error);
    return watch_start(false, error);
}
