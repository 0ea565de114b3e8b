/* SPDX-License-Identifier: MIT */
/* dlopen and dlclose. Invariant: a module is open with all that it needs or not at all;
 * what fails before its constructors leaves no trace. */

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "registry/state.h"

/* A graft link keeps the distances between a module's segments; another one may not. */
static bool is_laid_out(const struct module *m)
{
    const Elf64_Phdr *headers = m->record->headers ? graft_offset_at(&m->record->headers) : NULL;
    const graft_offset *segment = m->record->segments ? graft_offset_at(&m->record->segments) : NULL;
    for (size_t i = 0; headers && segment && i < m->record->header_count; i++)
        if (headers[i].p_type == PT_LOAD
            && (uintptr_t)graft_offset_at(segment++) != m->map.l_addr + headers[i].p_vaddr)
            return false;
    return true;
}

static bool resolve_needed(struct registry *r, struct module *m)
{
    const char *names = m->record ? graft_offset_at(&m->record->needed) : NULL;
    size_t count = 0;
    if (m->needed)
        return true;
    for (const char *n = names; n && *n; n += strlen(n) + 1)
        count++;
    for (size_t i = 0; m->hand && m->hand->needed && m->hand->needed[i]; i++)
        count++;
    if (!(m->needed = registry_alloc((count + 1) * sizeof *m->needed)))
        return false;
    for (size_t i = 0; i < count; i++) {
        const char *name = m->hand ? m->hand->needed[i] : names;
        struct module *needed = module_find_needed(r, name);
        /* What no module is was linked into the program, or the link would have failed. */
        if (needed && needed != m)
            m->needed[m->needed_count++] = needed;
        if (!m->hand)
            names += strlen(names) + 1;
    }
    return true;
}

struct walk { struct module **list; size_t count, room; };

/* In a cycle the one that was asked for starts last (_dl_sort_maps, force_first). */
static void put_in_order(struct module *m)
{
    size_t first = 0;
    modules_sort(m->scope, m->scope_count, m->order);
    while (m->order[first] != m)
        first++;
    memmove(m->order + 1, m->order, first * sizeof *m->order);
    m->order[0] = m;
}

/* What a module needs is the same as long as the process lives: found once, kept. */
static bool make_scope(struct registry *r, struct module *m)
{
    static struct walk w;
    bool done = true;
    if (m->scope)
        return true;
    w.count = 0;
    m->mark = true;
    done = module_list_add(&w.list, &w.count, &w.room, m);
    for (size_t i = 0; done && i < w.count; i++) {
        done = resolve_needed(r, w.list[i]);
        for (size_t k = 0; done && k < w.list[i]->needed_count; k++) {
            struct module *needed = w.list[i]->needed[k];
            if (!needed->mark) {
                needed->mark = true;
                done = module_list_add(&w.list, &w.count, &w.room, needed);
            }
        }
    }
    for (size_t i = 0; i < w.count; i++)
        w.list[i]->mark = false;
    if (done && (m->scope = registry_alloc(2 * w.count * sizeof *m->scope))) {
        memcpy(m->scope, w.list, w.count * sizeof *m->scope);
        m->scope_count = w.count;
        m->order = m->scope + w.count;
        put_in_order(m);
    }
    if (!m->scope)
        error_say(m->path, "cannot allocate memory");
    return m->scope != NULL;
}

static void chain(struct registry *r, struct module *m)
{
    struct link_map *last = r->opened_count ? &r->opened[r->opened_count - 1]->map : &r->main.map;
    last->l_next = &m->map;
    m->map.l_prev = last;
    m->map.l_next = NULL;
}

static bool begin(struct registry *r, struct module *m, struct module *loader)
{
    if (m->map.l_ld && !is_laid_out(m)) {
        error_say(m->path, "cannot open shared object file: its segments are not where they belong; link with graft link");
        return false;
    }
    int number = m->ever ? module_renew(m) : 0;
    if (number) {
        error_say(m->path, "cannot make its data new: %s", strerror(number));
        return false;
    }
    chain(r, m);
    if (!module_list_add(&r->opened, &r->opened_count, &r->opened_room, m)) {
        error_say(m->path, "cannot allocate memory");
        return false;
    }
    m->open = m->ever = true;
    module_decode(m);
    m->nodelete |= m->record && m->record->flags & GRAFT_RECORD_UNIQUE;
    m->loader = loader;
    r->opens++;
    if (r->debug_libs)
        registry_debug("opening: %s", m->path);
    return true;
}

static void take_back(struct registry *r, size_t from)
{
    while (r->opened_count > from) {
        struct module *m = r->opened[--r->opened_count];
        if (m->map.l_prev)
            m->map.l_prev->l_next = NULL;
        m->map.l_prev = NULL;
        m->open = false;
        m->loader = NULL;
        m->held_count = 0;
        r->closes++;
    }
}

static bool protect(struct module *m)
{
    int number = module_protect(m, true);
    if (number)
        error_say(m->path, "cannot apply additional memory protection after relocation: %s", strerror(number));
    return !number;
}

/* Opens @m and what it needs, breadth first as ld.so maps them. */
static bool open_all(struct registry *r, struct module *m, int flags)
{
    size_t from = r->opened_count;
    bool done = make_scope(r, m) && begin(r, m, NULL);
    for (size_t i = from; done && i < r->opened_count; i++)
        for (size_t k = 0; done && k < r->opened[i]->needed_count; k++) {
            struct module *needed = r->opened[i]->needed[k];
            if (!needed->open)
                done = make_scope(r, needed) && begin(r, needed, r->opened[i]);
        }
    for (size_t i = r->opened_count; done && i-- > from;)
        done = module_relocate(r, r->opened[i], flags) && protect(r->opened[i]);
    if (!done)
        take_back(r, from);
    return done;
}

/* The whole scope, as ld.so does: in a constructor's dlopen some of what is needed may be
 * open and not yet started. */
static void start_scope(struct registry *r, struct module *m)
{
    static bool registered;
    if (!registered) {
        registered = true;
        atexit(registry_at_exit);
    }
    for (size_t i = m->scope_count; i--;)
        module_start(r, m->order[i]);
}

static void make_global(struct registry *r, struct module *m)
{
    for (size_t i = 0; i < m->scope_count; i++)
        if (!m->scope[i]->global) {
            m->scope[i]->global = true;
            module_list_add(&r->globals, &r->globals_count, &r->globals_room, m->scope[i]);
        }
}

static void *open_module(struct registry *r, struct module *m, int flags)
{
    bool is_new = !m->open;
    if (m == &r->main || m == &r->library)
        return &m->map;
    if (is_new && (flags & RTLD_NOLOAD || !open_all(r, m, flags)))
        return NULL;
    m->direct++;
    m->nodelete |= (flags & RTLD_NODELETE) != 0;
    if (flags & RTLD_GLOBAL)
        make_global(r, m);
    if (is_new)
        start_scope(r, m);
    return &m->map;
}

static void *open_missing(struct registry *r, const char *name, int flags)
{
    void *handle = r->fallback ? r->fallback(name, flags, r->fallback_arg) : NULL;
    if (!handle)
        error_say(name, "cannot open shared object file: No such file or directory");
    return handle;
}

EXPORT void *dlopen(const char *name, int flags)
{
    struct registry *r = registry_enter();
    void *handle = NULL;
    bool missing;
    error_none();
    if (!(flags & (RTLD_LAZY | RTLD_NOW))) {
        error_say(name ? name : "", "invalid mode for dlopen(): Invalid argument");
    } else if (!name || !*name) {
        handle = &r->main.map;
    } else {
        struct module *m = module_find(r, name, &missing);
        if (r->debug_libs)
            registry_debug("find library=%s: %s", name, m ? m->path : "not registered");
        handle = m ? open_module(r, m, flags) : missing ? open_missing(r, name, flags) : NULL;
    }
    registry_leave();
    return handle;
}

/* A fallback's handle may be any word: it is compared, never looked into. */
struct module *handle_module(struct registry *r, void *handle)
{
    uintptr_t distance = (uintptr_t)handle - (uintptr_t)r->recorded;
    if (handle == &r->main || handle == &r->library)
        return handle;
    if (distance < r->recorded_count * sizeof *r->recorded)
        return distance % sizeof *r->recorded ? NULL : handle;
    for (size_t i = r->recorded_count; i < r->count; i++)
        if (r->modules[i] == handle)
            return handle;
    return NULL;
}

EXPORT int dlclose(void *handle)
{
    struct registry *r = registry_enter();
    struct module *m = handle_module(r, handle);
    int result = 0;
    error_none();
    bool stays = m == &r->main || m == &r->library || (m && m->open && m->nodelete && !m->direct);
    if (!stays && (!m || !m->open || !m->direct)) {
        error_say("", "shared object not open");
        result = -1;
    } else if (!stays) {
        m->direct--;
        modules_sweep(r);
    }
    registry_leave();
    return result;
}
