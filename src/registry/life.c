/* SPDX-License-Identifier: MIT */
/* Constructors and destructors. Invariant: what a module needs starts before it and ends
 * after it, in the order that ld.so gives (glibc elf/dl-sort-maps.c, the depth-first one),
 * each once between an opening and the end of it. */

#include "registry/state.h"

extern char **environ;

struct sorting { struct module **out; size_t left; };

static void visit(struct sorting *s, struct module *m)
{
    m->mark = true;
    for (size_t i = 0; i < m->needed_count; i++)
        if (!m->needed[i]->mark)
            visit(s, m->needed[i]);
    s->out[--s->left] = m;
}

/* Fills @sorted so that each stands before what it needs. */
void modules_sort(struct module **list, size_t count, struct module **sorted)
{
    struct sorting s = { sorted, count };
    /* What is not in the list is marked, so that it is not visited. */
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < list[i]->needed_count; k++)
            list[i]->needed[k]->mark = true;
    for (size_t i = 0; i < count; i++)
        list[i]->mark = false;
    for (size_t i = count; i--;)
        if (!list[i]->mark)
            visit(&s, list[i]);
    for (size_t i = 0; i < count; i++) {
        list[i]->mark = false;
        for (size_t k = 0; k < list[i]->needed_count; k++)
            list[i]->needed[k]->mark = false;
    }
}

typedef void start_fn(int, char **, char **);
typedef void end_fn(void);

struct arrays { uintptr_t init, fini, init_array, fini_array; size_t inits, finis; };

static struct arrays arrays_of(const struct module *m)
{
    struct arrays a = { 0 };
    for (const Elf64_Dyn *d = m->map.l_ld; d && d->d_tag != DT_NULL; d++)
        switch (d->d_tag) {
        case DT_INIT:         a.init = d->d_un.d_ptr; break;
        case DT_FINI:         a.fini = d->d_un.d_ptr; break;
        case DT_INIT_ARRAY:   a.init_array = d->d_un.d_ptr; break;
        case DT_FINI_ARRAY:   a.fini_array = d->d_un.d_ptr; break;
        case DT_INIT_ARRAYSZ: a.inits = d->d_un.d_val / sizeof(void *); break;
        case DT_FINI_ARRAYSZ: a.finis = d->d_un.d_val / sizeof(void *); break;
        default:              break;
        }
    return a;
}

static void start_image(struct registry *r, struct module *m)
{
    struct arrays a = arrays_of(m);
    start_fn **array = (start_fn **)(m->map.l_addr + a.init_array);
    if (a.init)
        ((start_fn *)(m->map.l_addr + a.init))(r->argc, r->argv, environ);
    for (size_t i = 0; a.init_array && i < a.inits; i++)
        if (array[i] && array[i] != (start_fn *)-1)
            array[i](r->argc, r->argv, environ);
}

static void start_packed(struct registry *r, struct module *m)
{
    const graft_offset *init = graft_offset_at(&m->record->init);
    for (size_t i = 0; i < m->record->init_count; i++)
        ((start_fn *)graft_offset_at(&init[i]))(r->argc, r->argv, environ);
}

void module_start(struct registry *r, struct module *m)
{
    if (m->started)
        return;
    m->started = true;
    if (r->debug_libs)
        registry_debug("calling init: %s", m->path);
    if (m->hand && m->hand->init)
        m->hand->init();
    else if (m->record && m->record->flags & GRAFT_RECORD_IMAGE)
        start_image(r, m);
    else if (m->record)
        start_packed(r, m);
}

static void end(struct registry *r, struct module *m)
{
    if (!m->started)
        return;
    m->started = false;
    if (r->debug_libs)
        registry_debug("calling fini: %s", m->path);
    if (m->hand && m->hand->fini) {
        m->hand->fini();
    } else if (m->record && m->record->flags & GRAFT_RECORD_IMAGE) {
        struct arrays a = arrays_of(m);
        end_fn **array = (end_fn **)(m->map.l_addr + a.fini_array);
        for (size_t i = a.fini_array ? a.finis : 0; i--;)
            if (array[i] && array[i] != (end_fn *)-1)
                array[i]();
        if (a.fini)
            ((end_fn *)(m->map.l_addr + a.fini))();
    } else if (m->record) {
        const graft_offset *fini = graft_offset_at(&m->record->fini);
        for (size_t i = m->record->fini_count; i--;)
            ((end_fn *)graft_offset_at(&fini[i]))();
    }
}

static void keep(struct module *m)
{
    if (m->mark)
        return;
    m->mark = true;
    for (size_t i = 0; i < m->needed_count; i++)
        keep(m->needed[i]);
    for (size_t i = 0; i < m->held_count; i++)
        keep(m->held[i]);
}

static void forget(struct registry *r, struct module *m)
{
    struct link_map *map = &m->map;
    if (map->l_prev)
        map->l_prev->l_next = map->l_next;
    if (map->l_next)
        map->l_next->l_prev = map->l_prev;
    map->l_prev = map->l_next = NULL;
    module_list_remove(r->opened, &r->opened_count, m);
    module_list_remove(r->globals, &r->globals_count, m);
    m->open = m->global = false;
    m->loader = NULL;
    m->held_count = 0;
    r->closes++;
}

/* Room for a sweep, of which there is one at a time. */
static struct module **scratch(size_t count)
{
    static struct module **room;
    static size_t size;
    if (count > size) {
        room = registry_alloc(2 * count * sizeof *room);
        size = room ? 2 * count : 0;
    }
    return count ? room : NULL;
}

/* Ends what no dlopen holds any more. A destructor may close others: then it is looked
 * once more. */
void modules_sweep(struct registry *r)
{
    static bool busy, again;
    again = true;
    if (busy)
        return;
    busy = true;
    while (again) {
        again = false;
        size_t count = r->opened_count, gone = 0;
        struct module **sorted = scratch(2 * count), **ended;
        if (!sorted)
            break;
        ended = sorted + count;
        for (size_t i = 0; i < count; i++)
            if (r->opened[i]->direct || r->opened[i]->nodelete || r->opened[i]->pending)
                keep(r->opened[i]);
        for (size_t i = 0; i < r->main.held_count; i++)
            keep(r->main.held[i]);
        for (size_t i = 0; i < count; i++)
            if (!r->opened[i]->mark)
                ended[gone++] = r->opened[i];
        for (size_t i = 0; i < count; i++)
            r->opened[i]->mark = false;
        modules_sort(ended, gone, sorted);
        for (size_t i = 0; i < gone; i++)
            end(r, sorted[i]);
        for (size_t i = 0; i < gone; i++)
            if (!sorted[i]->direct)
                forget(r, sorted[i]);
    }
    busy = false;
}

/* At exit all that is still open ends, what depends on others first. */
void registry_at_exit(void)
{
    struct registry *r = registry_enter();
    size_t count = r->opened_count;
    struct module **sorted = count ? registry_alloc(count * sizeof *sorted) : NULL;
    if (sorted) {
        modules_sort(r->opened, count, sorted);
        for (size_t i = 0; i < count; i++)
            end(r, sorted[i]);
    }
    registry_leave();
}
