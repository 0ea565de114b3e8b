/* SPDX-License-Identifier: MIT */
/* Keeps the stand-ins. Invariants: the registry changes under the journal's lock, which is
 * never held while the loader is called; two threads that need the same stand-in end up
 * with one; a stand-in that is in use never goes.
 *
 * State: the registry. */

#include "load/providers.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "bind/journal.h"
#include "elf/symbol.h"
#include "live/live.h"
#include "load/memory_file.h"
#include "load/stand_in.h"

struct provider {
    const char *soname;
    unsigned space;
    uint64_t host_map;
    void *handle;
    char *loaders_name;             /* what ld.so called it */
    unsigned char *bytes;           /* where it is mapped */
    struct stand_in_layout layout;
    const char **versions;
    size_t version_count;
    void *host;                     /* a handle that keeps the host loaded; NULL: it stays anyway */
    const char *duplicate;          /* the file that it stands in for; NULL: none was found */
    bool hidden;                    /* the host does not show all of its names */
    unsigned holds;                 /* loads under way */
    bool kept, gone;
    struct provider *next;
};

static struct provider *first;
static size_t count;

/* A chain that grows leaves its old copy behind. */
enum { MORE_AT_LEAST = 4096, MORE_TIMES = 3, NAME_ABOUT = 40 };

static struct provider *find(unsigned space, const char *soname)
{
    for (struct provider *p = first; p; p = p->next)
        if (!p->gone && p->space == space && !strcmp(p->soname, soname))
            return p;
    return NULL;
}

static const char *keep_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *kept = journal_keep(size);
    return kept ? memcpy(kept, text, size) : NULL;
}

static int version_of(const struct provider *p, const char *version)
{
    for (size_t i = 0; version && i < p->version_count; i++)
        if (!strcmp(p->versions[i], version))
            return (int)i;
    return -1;
}

/* ---- more symbols for one that is there ------------------------------------------------ */

static int protect(const struct provider *p, int protection)
{
    return mprotect(p->bytes, p->layout.size, protection);
}

static int check_versions(const struct provider *p, const struct load_stand_in *wish, struct graft_error *error)
{
    for (size_t i = 0; p->version_count && i < wish->symbol_count; i++)
        if (wish->symbols[i].version && version_of(p, wish->symbols[i].version) < 0)
            return error_about(error, GRAFT_EREFUSED, p->soname, wish->symbols[i].name,
                               "the stand-in for %s that is loaded has no version %s, and none can be added", p->soname,
                               wish->symbols[i].version);
    if (!p->version_count && wish->version_count && wish->symbol_count && wish->symbols[0].version)
        return error_about(error, GRAFT_EREFUSED, p->soname, "", "the stand-in for %s that is loaded has no versions, "
                           "and none can be added", p->soname);
    return 0;
}

static bool has(const struct provider *p, const struct load_address *symbol)
{
    return stand_in_has(p->bytes, &p->layout, symbol->name, version_of(p, symbol->version));
}

/* Opened once, and only if something is to be written. */
static int extend(struct provider *p, const struct load_stand_in *wish, struct graft_error *error)
{
    int result = check_versions(p, wish, error);
    bool opened = false;
    for (size_t i = 0; i < wish->symbol_count && !result; i++) {
        const struct load_address *s = &wish->symbols[i];
        if (has(p, s))
            continue;
        if (!opened && protect(p, PROT_READ | PROT_WRITE))
            return error_about(error, GRAFT_EPROT, p->soname, "", "the stand-in for %s cannot be opened for writing", p->soname);
        opened = true;
        const struct stand_in_symbol symbol = { s->name, s->version, s->address, s->size, s->type, s->hidden };
        if (!stand_in_add(p->bytes, &p->layout, &symbol, version_of(p, s->version)))
            result = error_about(error, GRAFT_ENOMEM, p->soname, s->name, "the stand-in for %s is full", p->soname);
    }
    if (opened)
        protect(p, PROT_READ);
    return result;
}

/* ---- its name ------------------------------------------------------------------------------- */

/* What debuggers and listings show. ld.so frees its own name when it unloads the object. */
static void name_it(struct provider *p)
{
    char name[300];
    struct link_map *map = p->handle;
    snprintf(name, sizeof name, "graft-provider:%s", p->soname);
    const char *kept = keep_text(name);
    p->loaders_name = map->l_name;
    if (kept)
        map->l_name = (char *)kept;
}

static void unload(struct provider *p)
{
    ((struct link_map *)p->handle)->l_name = p->loaders_name;
    caller_unload(p->handle);
    if (p->host)
        caller_unload(p->host);
}

/* ---- being the first ---- */

/* What this thread is opening. The loader's lock is held while this runs, and whoever
 * comes first stands first in the loader's list, which is what a DT_NEEDED finds. */
static __thread struct provider *opening __attribute__((tls_model("initial-exec")));

static int find_mapped(struct world *world, const struct live_counts *counts, void *arg)
{
    struct provider *p = arg;
    (void)counts;
    for (size_t i = 0; i < world->objects.count; i++) {
        const struct world_object *o = world_object(world, i);
        if (o->is_stand_in && o->space == p->space && o->image.soname && !strcmp(o->image.soname, p->soname)) {
            p->handle = (void *)(uintptr_t)o->link_map;     /* the newest one of that name */
            p->bytes = (unsigned char *)(uintptr_t)o->image.bias;
        }
    }
    return p->handle ? 0 : -GRAFT_ENOOBJ;
}

static void enter(int argument_count, char **arguments, char **environment)
{
    struct provider *p = opening;
    (void)argument_count;
    (void)arguments;
    (void)environment;
    opening = NULL;
    if (!p || live_visit(find_mapped, p, NULL))
        return;
    name_it(p);
    journal_lock();
    if (!find(p->space, p->soname)) {
        p->holds = 1;
        p->next = first;
        __atomic_store_n(&first, p, __ATOMIC_RELEASE);
        __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);
    }
    journal_unlock();
}

/* ---- a new one ------------------------------------------------------------------------------ */

/* Each name once in each version, in time linear in their number. */
static size_t without_repeats(const struct load_stand_in *wish, struct stand_in_symbol *to, struct arena *arena)
{
    size_t slots = 4, n = 0;
    while (slots < 2 * wish->symbol_count)
        slots *= 2;
    uint32_t *seen = arena_array(arena, slots, sizeof *seen);
    for (size_t i = 0; seen && i < wish->symbol_count; i++) {
        const struct load_address *s = &wish->symbols[i];
        size_t at = elf_hash_gnu(s->name) & (slots - 1);
        while (seen[at] && (strcmp(to[seen[at] - 1].name, s->name) || !to[seen[at] - 1].version != !s->version
                            || (s->version && strcmp(to[seen[at] - 1].version, s->version))))
            at = (at + 1) & (slots - 1);
        if (seen[at])
            continue;
        to[n++] = (struct stand_in_symbol){ s->name, s->version, s->address, s->size, s->type, s->hidden };
        seen[at] = (uint32_t)n;
    }
    return n;
}

static int write_file(struct memory_file *file, const struct load_stand_in *wish, const char *runtime,
                      struct stand_in_layout *layout, struct arena *arena, struct graft_error *error)
{
    char name[200];
    struct stand_in_symbol *symbols = arena_array(arena, wish->symbol_count + 1, sizeof *symbols);
    if (!symbols)
        return error_set(error, GRAFT_ENOMEM, "out of memory for a stand-in");
    struct stand_in made = { .soname = wish->soname, .versions = wish->versions, .version_count = wish->version_count,
                             .symbols = symbols, .symbol_count = without_repeats(wish, symbols, arena) };
    made.first = enter;
    made.more = MORE_AT_LEAST + MORE_TIMES * made.symbol_count + 2 * wish->most_symbols;
    made.more_strings = wish->most_strings + (wish->most_strings ? MORE_AT_LEAST : made.more) * NAME_ABOUT;
    snprintf(name, sizeof name, "graft-provider:%s", runtime ? runtime : "host");
    if (!stand_in_measure(&made, layout))
        return error_about(error, GRAFT_ENOMEM, wish->soname, "", "too many symbols for a stand-in: %zu", made.symbol_count);
    int result = memory_file_open(file, name, layout->size, error);
    if (result)
        return result;
    stand_in_write(file->bytes, &made, layout);
    return memory_file_seal(file, error);
}

static struct provider *open_new(const struct graft_load_plan *plan, const struct load_stand_in *wish,
                                 const struct caller *caller, struct arena *arena, struct graft_error *error)
{
    struct memory_file file = { .file = -1 };
    struct provider *p = journal_keep(sizeof *p);
    if (!p || !(p->soname = keep_text(wish->soname))
        || !(p->versions = journal_keep((wish->version_count + 1) * sizeof *p->versions))) {
        error_set(error, GRAFT_ENOMEM, "out of memory for a stand-in");
        return NULL;
    }
    for (; p->version_count < wish->version_count; p->version_count++)
        if (!(p->versions[p->version_count] = keep_text(wish->versions[p->version_count])))
            return NULL;
    p->space = caller->space;
    p->host_map = plan->host_map;
    p->hidden = plan->hidden;
    p->duplicate = wish->duplicate ? keep_text(wish->duplicate) : NULL;
    if (!write_file(&file, wish, plan->runtime, &p->layout, arena, error)) {
        opening = p;
        if (!caller_open(caller, file.path, RTLD_NOW | (wish->global ? RTLD_GLOBAL : RTLD_LOCAL)))
            error_about(error, GRAFT_ESYS, wish->soname, "", "the stand-in for %s: %s", wish->soname, dlerror());
        else if (!p->handle)
            error_about(error, GRAFT_ESYS, wish->soname, "", "the stand-in for %s was not initialised", wish->soname);
        opening = NULL;
    }
    memory_file_close(&file);
    if (p->handle && !plan->host_is_main)
        p->host = caller_hold((long)plan->host_space, plan->host);
    (void)dlerror();
    return p->handle ? p : NULL;
}

/* ---- for loads --------------------------------------------------------------------------------- */

static int hold(struct provider *p, struct arena *arena, struct provider_hold **holds)
{
    struct provider_hold *h = arena_alloc(arena, sizeof *h);
    if (!h)
        return -GRAFT_ENOMEM;
    *h = (struct provider_hold){ p, *holds };
    p->holds++;
    *holds = h;
    return 0;
}

static int ensure(const struct graft_load_plan *plan, const struct load_stand_in *wish, const struct caller *caller,
                  struct arena *arena, struct provider_hold **holds, struct graft_error *error)
{
    const char *soname = *wish->soname ? wish->soname : plan->runtime ? plan->runtime : "host";
    struct load_stand_in named = *wish;
    named.soname = soname;
    journal_lock();
    struct provider *p = find(caller->space, soname), *mine = NULL;
    journal_unlock();
    if (!p && !(mine = open_new(plan, &named, caller, arena, error)))
        return error && error->code ? error->code : -GRAFT_ENOMEM;
    journal_lock();
    p = find(caller->space, soname);
    if (p == mine)
        p->holds--;                 /* its own, from the loader's lock to here */
    int result = hold(p, arena, holds);
    if (!result && p != mine)
        result = p->host_map == plan->host_map ? extend(p, &named, error)
               : error_about(error, GRAFT_EREFUSED, soname, "", "the stand-in for %s that is loaded leads to another host", soname);
    journal_unlock();
    if (mine && p != mine)
        unload(mine);
    return result;
}

int providers_ensure(const struct graft_load_plan *plan, const struct caller *caller, struct arena *arena,
                     struct provider_hold **holds, struct graft_error *error)
{
    int result = 0;
    for (size_t i = 0; i < plan->stand_ins.count && !result; i++)
        result = ensure(plan, arena_list_at(&plan->stand_ins, i), caller, arena, holds, error);
    return result;
}

void providers_keep(struct provider_hold *holds)
{
    journal_lock();
    for (; holds; holds = holds->next) {
        struct provider *p = holds->provider;
        p->holds--;
        p->kept = true;
    }
    journal_unlock();
}

void providers_give_back(struct provider_hold *holds)
{
    for (; holds; holds = holds->next) {
        struct provider *p = holds->provider;
        journal_lock();
        bool last = --p->holds == 0 && !p->kept;
        if (last) {
            struct provider **link = &first;
            while (*link != p)
                link = &(*link)->next;
            *link = p->next;
            p->gone = true;
            __atomic_sub_fetch(&count, 1, __ATOMIC_RELAXED);
        }
        journal_unlock();
        if (last)
            unload(p);
    }
}

bool providers_has(unsigned space, const char *name)
{
    journal_lock();
    bool has_one = find(space, name) != NULL;
    journal_unlock();
    return has_one;
}

static struct provider *by_handle(const void *handle)
{
    struct provider *p = first;
    while (p && p->handle != handle)
        p = p->next;
    return p;
}

bool providers_is(const void *handle, struct provider_host *host)
{
    if (!providers_count())
        return false;
    journal_lock();
    struct provider *p = by_handle(handle);
    if (p)
        *host = (struct provider_host){ p->host_map, p->hidden, p->duplicate };
    journal_unlock();
    return p != NULL;
}

bool providers_add(const void *handle, const struct load_address *symbol)
{
    journal_lock();
    struct provider *p = by_handle(handle);
    const struct load_stand_in wish = { .symbols = (struct load_address *)symbol, .symbol_count = 1 };
    bool added = p && !extend(p, &wish, NULL);
    journal_unlock();
    return added;
}

size_t providers_count(void)
{
    return __atomic_load_n(&count, __ATOMIC_RELAXED);
}
