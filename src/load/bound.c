/* SPDX-License-Identifier: MIT */
/* Decides dlopen calls of the program: of what globs match, of consumers that were bound
 * to a host, and of whatever needs a stand-in that is here. Invariants: what is not
 * matched goes to the loader untouched, with one comparison; a refusal makes dlopen
 * fail with the reason in dlerror; names that a bound consumer asks the loader for are
 * the host's.
 *
 * State: the consumers, under the journal's lock, and who listens. */

#include "load/bound.h"

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
#include "load/load.h"
#include "load/providers.h"
#include "load/sources.h"
#include "plan/target.h"

/* A consumer, its closure counting as it: what it brought asks for it. */
struct consumer {
    uint64_t link_map, start;
    uint64_t host_map;
    unsigned flags, ways;
    const char *onto, *from;
    bool asks;                      /* it uses the loader, which then answers with the host */
    bool is_root;                   /* it was loaded itself, not brought along */
    bool duplicate;                 /* a runtime that was let in beside the host */
    bool gone;
    struct consumer *next;
};

static struct {
    struct consumer *first;
    bool globs;                     /* there are rules about loads */
    load_listener *listener;
    void *listener_arg;
    bool dry_run;
} bound;

/* ---- what is wished of a call ----------------------------------------------------------- */

struct finding { uintptr_t address; const void *handle; uint64_t host_map; struct graft_load wish; bool found; };

static bool is_it(const struct consumer *c, const struct world_object *object)
{
    return !c->gone && c->link_map == object->link_map && c->start == world_start(object);
}

static int find_consumer(struct world *world, const struct live_counts *counts, void *arg)
{
    struct finding *f = arg;
    size_t i = world_find_address(world, f->address);
    (void)counts;
    if (f->handle)
        for (i = 0; i < world->objects.count && world_object(world, i)->link_map != (uintptr_t)f->handle; i++)
            ;
    if (i == world->objects.count)
        return 0;
    for (struct consumer *c = __atomic_load_n(&bound.first, __ATOMIC_ACQUIRE); c && i != WORLD_NONE; c = c->next)
        if ((f->handle ? c->is_root : c->asks) && is_it(c, world_object(world, i))) {
            f->found = true;
            f->host_map = c->host_map;
            f->wish = (struct graft_load){ .size = sizeof f->wish, .ways = c->ways, .flags = c->flags,
                                           .onto = c->onto, .from = c->from };
            break;
        }
    return 0;
}

/* Whether the code that calls, or the object of @handle if there is one, was bound. */
static bool is_bound(const struct caller *caller, const void *handle, struct finding *f)
{
    *f = (struct finding){ .address = caller->address, .handle = handle };
    return __atomic_load_n(&bound.first, __ATOMIC_ACQUIRE) && !live_visit(find_consumer, f, NULL) && f->found;
}

/* The table's text, ended with a zero, which the file's bytes need not be. */
static int read_table(const struct rule *rule, struct arena *arena, const char **text, struct graft_error *error)
{
    struct mapping mapping;
    *text = rule->table_text;
    if (!rule->table)
        return 0;
    struct graft_error why = { 0 };
    int result = mapping_open(&mapping, rule->table, &why);
    if (result)
        return error_about(error, -result, rule->table, "", "the table %s: %s", rule->table,
                           result == -GRAFT_EFORMAT ? "it is empty, or no file" : why.text);
    char *copy = arena_alloc(arena, mapping.size + 1);
    if (copy)
        memcpy(copy, mapping.bytes, mapping.size);
    mapping_close(&mapping);
    *text = copy;
    return copy ? 0 : error_set(error, GRAFT_ENOMEM, "out of memory for a table");
}

static int wish_of_rule(const struct rule *rule, struct arena *arena, struct graft_load *wish, struct graft_error *error)
{
    *wish = (struct graft_load){ .size = sizeof *wish, .ways = rule->ways, .from = rule->from, .onto = rule->onto,
                                 .flags = rule->flags | (rule->kind == RULE_OWN ? GRAFT_OWN_RUNTIME : 0) };
    return read_table(rule, arena, &wish->table, error);
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
    void *handle = (void *)caller_call(caller, caller_real(caller->space, DLOPEN), (uintptr_t)name, RTLD_LAZY, 0);
    watch_refuse(text);
    return handle;
}

static void tell(const char *path, const struct graft_load_plan *plan, const struct graft_error *error)
{
    if (bound.listener)
        bound.listener(bound.listener_arg, path, plan, error);
}

/* Failures that the loader would not report. */
static bool is_about_wish(int result)
{
    return result == -GRAFT_ESYNTAX || result == -GRAFT_EBUILDID || result == -GRAFT_EAMBIG || result == -GRAFT_ENOHOST;
}

/* The runtime's library was asked for by name, and its own copy is loaded (rebind). */
static bool is_loaded_duplicate(const struct graft_load_plan *plan)
{
    const struct graft_load_object *consumer = graft_load_plan_object(plan, 0);
    return plan->way == GRAFT_WAY_NONE && consumer->fate == GRAFT_FATE_DUPLICATE;
}

static void *open_host(const struct caller *caller, const struct graft_load_plan *plan, int mode)
{
    const char *path = plan->host_is_main ? NULL : plan->host;
    return watch_open(caller, path, (mode & ~RTLD_DEEPBIND) | (path ? RTLD_NOLOAD : 0));
}

/* What the program is told: nothing of graft where nothing was asked of the loader but
 * what it does anyway. */
static void *answer(const struct caller *caller, const char *file, int mode, const struct graft_load *wish)
{
    struct graft_error error = { 0 };
    struct graft_load_plan *plan = NULL;
    void *handle = NULL;
    int result = load_decide(&plan, caller, file, mode, wish, &error);
    if (!result && is_loaded_duplicate(plan) && (handle = open_host(caller, plan, mode))) {
        graft_load_plan_free(plan);
        return handle;
    }
    if (result || plan->way == GRAFT_WAY_NONE || bound.dry_run) {
        if (result != -GRAFT_ENOOBJ)            /* ld.so says that itself */
            tell(file, plan, &error);
        handle = is_about_wish(result) ? fail(caller, "graft refuses %s: %s", file, error.text)
                                       : watch_open(caller, file, mode);
        if (handle && plan && !bound.dry_run)
            bound_add(handle, plan, wish);
        graft_load_plan_free(plan);
        return handle;
    }
    graft_load_plan_free(plan);
    result = load_open_telling(caller, file, mode, wish, &handle, &plan, &error);
    tell(file, plan, &error);
    graft_load_plan_free(plan);
    if (result)
        fail(caller, result == -GRAFT_EREFUSED ? "graft refuses %s: %s" : "%s: %s", file, error.text);
    return handle;
}

/* Only whether it is there, or the stand-in that would be. */
static bool answer_whether_there(const struct caller *caller, const char *file, int mode, const struct graft_load *wish,
                                 void **handle)
{
    struct graft_load_plan *plan = NULL;
    if (load_decide(&plan, caller, file, mode & ~RTLD_NOLOAD, wish, NULL)) {
        *handle = watch_open(caller, file, mode);
        return true;
    }
    const struct graft_load_object *consumer = graft_load_plan_object(plan, 0);
    if (consumer->fate == GRAFT_FATE_DUPLICATE && (plan->way == GRAFT_WAY_PROVIDER || is_loaded_duplicate(plan)))
        *handle = answer(caller, file, mode & ~RTLD_NOLOAD, wish);
    else
        *handle = watch_open(caller, file, mode);
    graft_load_plan_free(plan);
    return true;
}

static bool open_decided(const struct caller *caller, const char *file, int mode, void **handle)
{
    struct arena arena = { 0 };
    struct graft_error error = { 0 };
    struct finding f;
    struct rule rule;
    int saved = errno, result = 0;
    if (!file || !*file)
        return false;
    bool decide = __atomic_load_n(&bound.globs, __ATOMIC_ACQUIRE) && late_find_load_rule(file, &rule);
    if (decide)
        result = wish_of_rule(&rule, &arena, &f.wish, &error);
    else
        decide = is_bound(caller, NULL, &f) || (f.wish = (struct graft_load){ .size = sizeof f.wish }, providers_count() && load_needs_stand_in(caller, file));
    errno = saved;
    if (result) {
        tell(file, NULL, &error);
        *handle = fail(caller, "graft refuses %s: %s", file, error.text);
    } else if (decide && mode & RTLD_NOLOAD)
        answer_whether_there(caller, file, mode, &f.wish, handle);
    else if (decide)
        *handle = answer(caller, file, mode, &f.wish);
    arena_free(&arena);
    return decide;
}

/* ---- answering for dlsym --------------------------------------------------------------------- */

struct locating { uint64_t host_map; const char *name, *version; struct load_address found; };

static int locate(struct world *world, const struct live_counts *counts, void *arg)
{
    struct locating *l = arg;
    struct target target;
    struct reference reference = { .name = l->name, .version = l->version, .gnu_hash = elf_hash_gnu(l->name),
                                         .class = ELF_RELOC_GLOB_DAT, .live = true };
    (void)counts;
    for (size_t i = 0; i < world->objects.count; i++) {
        if (world_object(world, i)->link_map != l->host_map || world_object(world, i)->broken)
            continue;
        const struct elf_wanted newest = { .name = l->name, .gnu_hash = reference.gnu_hash, .newest = true };
        if (!l->version && elf_lookup(&world_object(world, i)->image, &newest, &target.symbol) == ELF_FOUND)
            reference.version = target.symbol.version;
        target_find(world, i, &reference, &target);
        if (target.verdict == GRAFT_VERDICT_EDIT && target.symbol.type != STT_TLS)
            l->found = (struct load_address){ .name = l->name, .version = reference.version, .address = target.value, .size = target.symbol.size,
                                              .type = target.symbol.type == STT_GNU_IFUNC ? STT_FUNC : target.symbol.type };
    }
    return 0;
}

static uintptr_t find_missing(const struct caller *caller, void *handle, const char *name, const char *version)
{
    struct locating l = { .name = name, .version = version };
    const char *runtime;
    struct finding f;
    bool of_stand_in = handle && providers_is(handle, &l.host_map, &runtime);
    if (!of_stand_in) {
        if (handle == RTLD_NEXT || !is_bound(caller, handle, &f) || !f.host_map || f.wish.flags & GRAFT_OWN_RUNTIME)
            return 0;
        l.host_map = f.host_map;
    }
    if (live_visit(locate, &l, NULL) || (!l.found.address && !sources_find(l.host_map, name, &l.found)))
        return 0;
    if (of_stand_in)
        providers_add(handle, &l.found);
    (void)dlerror();
    return (uintptr_t)l.found.address;
}

static void something_closed(void);

static const struct watch_extension extension = { open_decided, find_missing, something_closed };

static int start(struct graft_error *error)
{
    int result = watch_start(true, error);
    if (!result)
        watch_extend(&extension);
    return result;
}

/* ---- bound consumers ----------------------------------------------------------------------------- */

static const char *keep_text(const char *text)
{
    char *kept = text ? journal_keep(strlen(text) + 1) : NULL;
    return kept ? strcpy(kept, text) : NULL;
}

/* One that has gone makes room. With the journal's lock. */
static void note(uint64_t link_map, uint64_t start, const struct consumer *as)
{
    struct consumer *c = NULL, *next;
    for (struct consumer *each = bound.first; each; each = each->next) {
        bool same = each->link_map == link_map && each->start == start;
        if (same || (each->gone && !c))
            c = each;
        if (same)
            break;
    }
    struct consumer *to = c ? c : journal_keep(sizeof *to);
    if (!to)
        return;
    if (c && !c->gone && c->duplicate)
        return;                     /* brought along by a consumer, and none itself */
    next = to->next;
    *to = *as;
    to->link_map = link_map;
    to->start = start;
    to->next = c ? next : bound.first;
    if (!c)
        __atomic_store_n(&bound.first, to, __ATOMIC_RELEASE);
}

struct adding { struct consumer as; uint64_t link_map, host_map; bool closure; };

static int add_closure(struct world *world, const struct live_counts *counts, void *arg)
{
    const struct adding *a = arg;
    struct arena scratch = { 0 };
    size_t count = 0, *order = arena_array(&scratch, world->objects.count, sizeof *order);
    world_set set = world_set_new(world, &scratch);
    (void)counts;
    for (size_t i = 0; order && set && i < world->objects.count; i++) {
        if (world_object(world, i)->link_map != a->link_map
            || world_brought(world, &scratch, i, set, order, &count))
            continue;
        for (size_t k = 0; k < count && (k == 0 || a->closure); k++) {
            const struct world_object *object = world_object(world, order[k]);
            struct consumer as = a->as;
            as.is_root = k == 0;
            if (!object->is_graft && object->link_map != a->host_map)
                note(object->link_map, world_start(object), &as);
        }
    }
    arena_free(&scratch);
    return 0;
}

void bound_add(const void *handle, const struct graft_load_plan *plan, const struct graft_load *wish)
{
    const bool own = plan->way == GRAFT_WAY_ISOLATE, asks = plan->uses_loader && !own;
    struct adding adding = { .link_map = (uintptr_t)handle, .host_map = plan->host_map, .closure = asks || own, .as = {
        .host_map = plan->host_map, .flags = wish->flags, .ways = wish->ways, .asks = asks, .duplicate = own } };
    if (plan->way == GRAFT_WAY_NONE && !asks)
        return;
    journal_lock();
    adding.as.onto = keep_text(wish->onto);
    adding.as.from = keep_text(wish->from);
    live_visit(add_closure, &adding, NULL);
    journal_unlock();
    start(NULL);
}

struct matching { uint64_t link_map; bool found; };

static int match(struct world *world, const struct live_counts *counts, void *arg)
{
    struct matching *m = arg;
    (void)counts;
    for (size_t i = 0; i < world->objects.count; i++)
        for (struct consumer *c = bound.first; c && world_object(world, i)->link_map == m->link_map; c = c->next)
            m->found |= c->is_root && is_it(c, world_object(world, i));
    return 0;
}

bool bound_is(uint64_t link_map)
{
    struct matching matching = { .link_map = link_map };
    if (!__atomic_load_n(&bound.first, __ATOMIC_ACQUIRE))
        return false;
    journal_lock();
    live_visit(match, &matching, NULL);
    journal_unlock();
    return matching.found;
}

void bound_add_duplicate(uint64_t link_map, uint64_t start_address)
{
    journal_lock();
    note(link_map, start_address, &(struct consumer){ .duplicate = true });
    journal_unlock();
}

const uint64_t *bound_duplicates(struct arena *arena, size_t *count)
{
    size_t n = 0;
    *count = 0;
    if (!__atomic_load_n(&bound.first, __ATOMIC_ACQUIRE))
        return NULL;
    journal_lock();
    for (struct consumer *c = bound.first; c; c = c->next)
        n += c->duplicate && !c->gone;
    uint64_t *list = arena_array(arena, n + 1, sizeof *list);
    for (struct consumer *c = bound.first; list && c; c = c->next)
        if (c->duplicate && !c->gone)
            list[(*count)++] = c->link_map;
    journal_unlock();
    return list;
}

/* What is not there any more may come back as something else. */
static int forget(struct world *world, const struct live_counts *counts, void *arg)
{
    (void)counts;
    (void)arg;
    for (struct consumer *c = bound.first; c; c = c->next)
        c->gone |= world_find_map(world, c->link_map, c->start) == WORLD_NONE;
    return 0;
}

static void something_closed(void)
{
    if (!__atomic_load_n(&bound.first, __ATOMIC_ACQUIRE))
        return;
    journal_lock();
    live_visit(forget, NULL, NULL);
    journal_unlock();
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
        result = start(error);
    if (!result)
        __atomic_store_n(&bound.globs, true, __ATOMIC_RELEASE);
    return result;
}

int load_rules_add(const char *text, struct graft_error *error)
{
    int result = bind_rules_add(text, error);
    if (result || !late_has_load_rules())
        return result;
    result = start(error);
    if (!result)
        __atomic_store_n(&bound.globs, true, __ATOMIC_RELEASE);
    return result;
}

void load_listen(load_listener *listener, void *arg, bool dry_run)
{
    bound.listener = listener;
    bound.listener_arg = arg;
    bound.dry_run = dry_run;
}
