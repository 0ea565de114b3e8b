/* SPDX-License-Identifier: MIT */
/* Answers the program's dlopen and dlsym where a decision is due: for what globs match,
 * for consumers that were bound to a host, for whatever needs a stand-in that is here.
 * Invariants: all else goes to the loader untouched, after one comparison; a refusal
 * makes dlopen fail with the reason in dlerror; a bound consumer that asks the loader for
 * its runtime's names gets the host's.
 *
 * State: who listens. */

#include "load/answer.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "bind/bind.h"
#include "bind/journal.h"
#include "bind/late.h"
#include "bind/watch.h"
#include "file/mapping.h"
#include "live/live.h"
#include "load/bound.h"
#include "load/load.h"
#include "load/providers.h"
#include "load/sources.h"
#include "plan/target.h"

static struct {
    bool globs;                     /* there are rules about loads */
    load_listener *listener;
    void *listener_arg;
    bool dry_run;
} answering;

/* ---- what is wished of a call ----------------------------------------------------------- */

static int wish_of_rule(const struct rule *rule, struct arena *arena, struct graft_load *wish, struct graft_error *error)
{
    *wish = (struct graft_load){ .size = sizeof *wish, .ways = rule->ways, .from = rule->from, .onto = rule->onto,
                                 .flags = rule->flags | (rule->kind == RULE_OWN ? GRAFT_OWN_RUNTIME : 0) };
    wish->table = rule->table_text;
    return rule->table ? mapping_read_text(&wish->table, arena, rule->table, error) : 0;
}

/* ---- answering for dlopen ----------------------------------------------------------------- */

/* Makes dlopen fail with a text of ours. The loader is made to fail too, for who asks it
 * past the watch: no file has such a name, and with a slash in it it is not searched for. */
static void *fail(const struct caller *caller, const char *format, const char *path, const char *why)
{
    enum { ROOM = 1400 };
    static __thread char *text __attribute__((tls_model("initial-exec")));
    char name[ROOM];
    if (!text)
        text = journal_keep(ROOM);
    snprintf(name, sizeof name - 1, format, path, why);
    if (text)
        strcpy(text, name);
    if (!strchr(name, '/'))
        strcat(name, "/");
    void *handle = caller_open(caller, name, RTLD_LAZY);
    watch_refuse(text);
    return handle;
}

static void tell(const char *path, const struct graft_load_plan *plan, const struct graft_error *error)
{
    if (answering.listener)
        answering.listener(answering.listener_arg, path, plan, error);
}

/* A name that ld.so does not find is its own to complain of. */
static void *answer(const struct caller *caller, const char *file, int mode, const struct graft_load *wish)
{
    struct graft_error error = { 0 };
    struct graft_load_plan *plan = NULL;
    void *handle = NULL;
    int result = answering.dry_run ? load_decide(&plan, caller, file, mode, wish, &error)
                                   : load_open_telling(caller, file, mode, wish, &handle, &plan, &error);
    if (answering.dry_run || (result == -GRAFT_ENOOBJ && !plan))
        handle = watch_open(caller, file, mode);
    else if (result)
        fail(caller, plan && plan->way == GRAFT_WAY_NONE ? "%.0s%s" : result == -GRAFT_ESYS ? "%s: %s"
             : "graft refuses %s: %s", file, error.text);
    if (result != -GRAFT_ENOOBJ || plan)
        tell(file, plan, &error);
    graft_load_plan_free(plan);
    return handle;
}

static bool open_decided(const struct caller *caller, const char *file, int mode, void **handle)
{
    struct arena arena = { 0 };
    struct graft_error error = { 0 };
    struct graft_load wish = { .size = sizeof wish };
    struct bound_to to;
    struct rule rule;
    int saved = errno, result = 0;
    if (!file || !*file)
        return false;
    bool decide = __atomic_load_n(&answering.globs, __ATOMIC_ACQUIRE) && late_find_load_rule(file, &rule);
    if (decide)
        result = wish_of_rule(&rule, &arena, &wish, &error);
    else if ((decide = bound_find(caller->address, NULL, &to)))
        wish = to.wish;
    else
        decide = providers_count() && load_needs_stand_in(caller, file);
    errno = saved;
    if (result) {
        tell(file, NULL, &error);
        *handle = fail(caller, "graft refuses %s: %s", file, error.text);
    } else if (decide)
        *handle = answer(caller, file, mode, &wish);
    arena_free(&arena);
    return decide;
}

/* ---- answering for dlsym --------------------------------------------------------------------- */

struct locating { uint64_t host_map; const char *name, *version; struct load_address found; };

/* As dlsym does: without a version the newest one. */
static void locate_in(struct world *world, size_t host, struct locating *l)
{
    struct target target;
    struct reference reference = { .name = l->name, .version = l->version, .gnu_hash = elf_hash_gnu(l->name),
                                   .class = ELF_RELOC_GLOB_DAT, .live = true };
    const struct elf_wanted newest = { .name = l->name, .gnu_hash = reference.gnu_hash, .newest = true };
    if (!l->version && elf_lookup(&world_object(world, host)->image, &newest, &target.symbol) == ELF_FOUND)
        reference.version = target.symbol.version;
    target_find(world, host, &reference, &target);
    if (target.verdict == GRAFT_VERDICT_EDIT && target.symbol.type != STT_TLS)
        l->found = (struct load_address){ .name = l->name, .version = reference.version, .address = target.value,
            .size = target.symbol.size, .type = target.symbol.type == STT_GNU_IFUNC ? STT_FUNC : target.symbol.type };
}

static int locate(struct world *world, const struct live_counts *counts, void *arg)
{
    struct locating *l = arg;
    (void)counts;
    for (size_t i = 0; i < world->objects.count; i++)
        if (world_object(world, i)->link_map == l->host_map && !world_object(world, i)->broken)
            locate_in(world, i, l);
    return 0;
}

/* A host that hides its names is asked for those that its library would show, and no
 * others: a static function may be called anything. */
static bool locate_hidden(struct locating *l, bool hidden, const char *duplicate)
{
    return hidden && duplicate && sources_exports(duplicate, l->name) && sources_find(l->host_map, l->name, &l->found);
}

static uintptr_t find_missing(const struct caller *caller, void *handle, const char *name, const char *version)
{
    struct locating l = { .name = name, .version = version };
    struct provider_host host;
    struct bound_to to;
    bool of_stand_in = handle && handle != RTLD_NEXT && providers_is(handle, &host);
    if (!of_stand_in) {
        if (handle == RTLD_NEXT || !bound_find(caller->address, handle, &to) || !to.host_map)
            return 0;
        host = (struct provider_host){ to.host_map, to.hidden, to.duplicate };
    }
    l.host_map = host.link_map;
    if (live_visit(locate, &l, NULL) || (!l.found.address && !locate_hidden(&l, host.hidden, host.duplicate)))
        return 0;
    if (of_stand_in)
        providers_add(handle, &l.found);
    (void)dlerror();
    return (uintptr_t)l.found.address;
}

static const struct watch_extension extension = { open_decided, find_missing, bound_forget_closed };

int answer_start(struct graft_error *error)
{
    int result = watch_start(true, error);
    if (!result)
        watch_extend(&extension);
    return result;
}

/* ---- globs ------------------------------------------------------------------------------------------- */

int load_watch(const char *globs, const struct graft_load *wish, struct graft_error *error)
{
    error_clear(error);
    if (!globs || !*globs || (wish && wish->size < sizeof *wish))
        return error_set(error, GRAFT_EINVAL, "a watch over loads names what it is for, and its wish its size");
    struct rule rule = { .kind = wish && wish->flags & GRAFT_OWN_RUNTIME ? RULE_OWN : RULE_LOAD, .consumer = globs };
    if (wish) {
        rule.ways = wish->ways;
        rule.flags = wish->flags & (GRAFT_PARTIAL | GRAFT_ANY_VERSION);
        rule.from = wish->from;
        rule.onto = wish->onto;
        rule.table_text = wish->table;
    }
    int result = late_add_rule(&rule, error);
    if (!result)
        result = answer_start(error);
    if (!result)
        __atomic_store_n(&answering.globs, true, __ATOMIC_RELEASE);
    return result;
}

int load_rules_add(const char *text, struct graft_error *error)
{
    int result = bind_rules_add(text, error);
    if (result || !late_has_load_rules())
        return result;
    result = answer_start(error);
    if (!result)
        __atomic_store_n(&answering.globs, true, __ATOMIC_RELEASE);
    return result;
}

void load_listen(load_listener *listener, void *arg, bool dry_run)
{
    answering.listener = listener;
    answering.listener_arg = arg;
    answering.dry_run = dry_run;
}
