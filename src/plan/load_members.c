/* SPDX-License-Identifier: MIT */
/* Who is in a consumer's closure, and what each of them is: the host, a duplicate of it,
 * or neither. Invariant: nothing behind a duplicate is a member, as it is not opened. */

#include "plan/loading.h"

#include <string.h>

#include "base/error.h"

static int no_memory(struct loading *l)
{
    return error_set(l->error, GRAFT_ENOMEM, "out of memory while planning");
}

/* ---- hosts ------------------------------------------------------------------------------ */

/* The one that the calling code is, or needs. */
static size_t host_of_caller(struct loading *l, const char *tag)
{
    size_t count, *order = arena_array(&l->arena, l->here->objects.count, sizeof *order);
    world_set set = world_set_new(l->here, &l->arena);
    struct graft_runtime found;
    if (l->caller == WORLD_NONE || !order || !set)
        return WORLD_NONE;
    world_closure(l->here, l->caller, set, order, &count);
    for (size_t i = 0; i < count; i++)
        if (runtime_find(l->here, order[i], tag, &found))
            return order[i];
    return WORLD_NONE;
}

/* The one object that the glob onto= matches. */
static int named_host(struct loading *l, size_t *host)
{
    const char *onto = l->request->wish->onto;
    size_t count = 0;
    for (size_t i = 0; i < l->here->objects.count; i++)
        if (!world_object(l->here, i)->broken && world_matches(l->here, i, onto) && count++ == 0)
            *host = i;
    if (count == 0)
        return error_about(l->error, GRAFT_ENOHOST, onto, "", "no loaded object matches the host '%s'", onto);
    if (count > 1)
        return error_about(l->error, GRAFT_EAMBIG, onto, "",
                           "%zu objects match the host '%s': name one by its path", count, onto);
    return 0;
}

static int find_host(struct loading *l, const char *tag, size_t *host)
{
    struct graft_runtime found;
    size_t count = 0;
    if (l->request->wish->onto)
        return named_host(l, host);
    world_set except = world_set_new(l->here, &l->arena);
    if (!except)
        return no_memory(l);
    for (size_t i = 0; i < l->here->objects.count; i++)
        for (size_t k = 0; k < l->request->not_host_count && !except[i]; k++)
            except[i] = world_object(l->here, i)->link_map == l->request->not_host[k];
    *host = runtime_host(l->here, tag, except, &count);
    if (count > 1 && (*host = host_of_caller(l, tag)) == WORLD_NONE) {
        if (l->here->main == WORLD_NONE || !runtime_find(l->here, l->here->main, tag, &found))
            return error_set(l->error, GRAFT_EAMBIG, "%zu objects are a %s: say which is the host (onto)", count, tag);
        *host = l->here->main;
    }
    for (size_t i = 0; count == 0 && i < l->here->objects.count; i++)
        if (l->request->hidden_host && world_object(l->here, i)->link_map == l->request->hidden_host
            && !strcmp(l->request->hidden_tag, tag))
            *host = i;
    return 0;
}

int load_host(struct loading *l, const char *tag, size_t *host)
{
    const char *known, *anchor[3];
    size_t row = 0;
    while (runtime_anchors(row, &known, anchor) && strcmp(known, tag))
        row++;
    *host = WORLD_NONE;
    if (l->hosts[row].known)
        *host = l->hosts[row].host;
    else {
        int result = find_host(l, tag, host);
        if (result)
            return result;
        l->hosts[row].known = true;
        l->hosts[row].host = *host;
    }
    return 0;
}

size_t load_host_of_row(struct loading *l, size_t row, const char **tag)
{
    const char *anchor[3];
    struct graft_error *error = l->error;
    size_t host = WORLD_NONE;
    l->error = NULL;                /* several that might be meant are no failure here */
    if (!runtime_anchors(row, tag, anchor))
        *tag = NULL;
    else if (load_host(l, *tag, &host))
        host = WORLD_NONE;
    l->error = error;
    return host;
}

/* ---- what a member is --------------------------------------------------------------------- */

static bool is_named_duplicate(const struct loading *l, const struct load_member *m)
{
    const char *from = l->request->wish->from;
    return from && (world_matches(m->world, m->index, from) || text_glob(from, m->name));
}

/* A library whose file says nothing readable of its version may have it in its name. */
static bool versions_agree(const char *tag, const char *host, const char *wanted, const char *name)
{
    const char *digit = wanted[0] ? wanted : strpbrk(name, "0123456789");
    return runtime_versions_agree(tag, host, digit ? digit : "");
}

static int compare_with_host(struct loading *l, struct load_member *m, const char *tag)
{
    struct graft_runtime host = { .tag = NULL };
    int result = load_host(l, tag, &m->host);
    if (result)
        return result;
    if (m->host == WORLD_NONE) {
        if (!load_is_here(l, m))
            l->plan->lone = m->runtime.tag;
        return 0;
    }
    if (m->world == l->here && m->index == m->host) {
        m->fate = GRAFT_FATE_HOST;
        return 0;
    }
    if (!runtime_find(l->here, m->host, tag, &host))
        host.version[0] = '\0';
    bool hidden = l->request->hidden_host       /* so is its version, which is taken to fit */
               && world_object(l->here, m->host)->link_map == l->request->hidden_host;
    const struct elf_image *mine = load_image(m), *its = &world_object(l->here, m->host)->image;
    bool same_build = mine->build_id_size && mine->build_id_size == its->build_id_size
                   && !memcmp(mine->build_id, its->build_id, mine->build_id_size);
    m->fate = GRAFT_FATE_DUPLICATE;
    m->same_version = same_build || l->request->wish->flags & GRAFT_ANY_VERSION || hidden
                   || versions_agree(tag, host.version, m->runtime.version, m->name);
    return 0;
}

/* A second copy of what is here, unless it is the very object. */
static int classify(struct loading *l, struct load_member *m)
{
    struct graft_runtime found[GRAFT_RUNTIMES_MAX];
    size_t count = l->request->is_bound ? 0 : runtime_scan(m->world, m->index, found);
    m->fate = load_is_here(l, m) ? GRAFT_FATE_LOADED : GRAFT_FATE_COMES;
    m->host = WORLD_NONE;
    if (!load_is_here(l, m) && l->is_beside && l->is_beside[m->index]) {
        m->fate = GRAFT_FATE_BESIDE;
        m->host = l->beside;
        return 0;
    }
    if (count)
        m->runtime = found[0];
    if (is_named_duplicate(l, m) && !count && l->request->wish->onto) {
        m->fate = GRAFT_FATE_DUPLICATE;
        m->same_version = true;
        return named_host(l, &m->host);
    }
    return count && (!l->request->wish->from || is_named_duplicate(l, m))
         ? compare_with_host(l, m, found[0].tag) : 0;
}

/* ---- the closure ---------------------------------------------------------------------------- */

static int add(struct loading *l, const struct load_member *new)
{
    for (size_t i = 0; i < l->members.count; i++) {
        const struct load_member *m = load_member(l, i);
        if (new->world ? m->world == new->world && m->index == new->index : !m->world && !strcmp(m->name, new->name))
            return 0;
    }
    struct load_member *m = arena_list_push(&l->members);
    if (!m)
        return no_memory(l);
    *m = *new;
    return m->world ? classify(l, m) : 0;
}

static int add_needs_of_file(struct loading *l, size_t by)
{
    int result = 0;
    for (size_t k = 0; k < l->closure->needs.count && !result; k++) {
        const struct load_need *need = arena_list_at(&l->closure->needs, k);
        if (need->by != load_member(l, by)->index)
            continue;
        struct load_member new = { .name = need->name, .by = by };
        size_t loaded = world_find_needed(l->here, l->request->space, need->name);
        if (loaded == WORLD_NONE ? need->loaded : world_object(l->here, loaded)->broken != NULL)
            return error_about(l->error, GRAFT_ESTALE, need->name, "", "%s is being loaded or was closed meanwhile", need->name);
        if (loaded != WORLD_NONE && !world_object(l->here, loaded)->is_stand_in) {
            new.world = l->here;
            new.index = loaded;
        } else if (need->coming != WORLD_NONE) {
            new.world = &l->closure->files;
            new.index = need->coming;
        } else
            new.fate = need->unreadable ? GRAFT_FATE_UNREADABLE : GRAFT_FATE_ABSENT;
        result = add(l, &new);
    }
    return result;
}

static int add_needs_of_loaded(struct loading *l, size_t by)
{
    const struct load_member *m = load_member(l, by);
    const char *name;
    int result = 0;
    for (size_t k = 0; (name = elf_image_needed(load_image(m), k)) && !result; k++) {
        size_t i = world_find_needed(l->here, l->request->space, name);
        if (i != WORLD_NONE)
            result = add(l, &(struct load_member){ .world = l->here, .index = i, .name = name, .by = by });
    }
    return result;
}

static int add_all(struct loading *l)
{
    struct load_member consumer = { .name = l->request->path, .by = WORLD_NONE, .world = &l->closure->files };
    if (l->closure->loaded) {
        consumer.world = l->here;
        while (consumer.index < l->here->objects.count
               && world_object(l->here, consumer.index)->link_map != l->closure->loaded)
            consumer.index++;
        if (consumer.index == l->here->objects.count)
            return error_set(l->error, GRAFT_ESTALE, "%s was closed meanwhile", l->request->path);
    }
    l->members.count = 0;
    int result = add(l, &consumer);
    for (size_t i = 0; i < l->members.count && !result; i++) {
        const struct load_member *m = load_member(l, i);
        if (m->world && (i == 0 || !load_is_replaced(m)))
            result = load_is_here(l, m) ? add_needs_of_loaded(l, i) : add_needs_of_file(l, i);
    }
    return result;
}

/* ---- libraries beside the runtime ------------------------------------------------------------- */

/* By name: what only a duplicate needs is not opened. */
static bool needs_it(const struct loading *l, size_t by, const char *name)
{
    for (size_t k = 0; k < l->closure->needs.count; k++) {
        const struct load_need *need = arena_list_at(&l->closure->needs, k);
        if (need->by == by && !strcmp(need->name, name))
            return true;
    }
    return false;
}

/* Whether all that the consumers take from @m is of the runtime's interface, and the host
 * has it. */
static bool host_has_it_all(const struct loading *l, const struct load_member *m, const struct load_member *duplicate)
{
    size_t taken = 0;
    for (size_t i = 0; i < l->members.count; i++) {
        const struct load_member *by = load_member(l, i);
        if (!by->world || load_is_here(l, by) || load_is_replaced(by) || by == m)
            continue;
        uint32_t count = elf_symbol_count(load_image(by));
        struct reference r = { .live = l->request->live };
        struct elf_symbol wish, found;
        for (uint32_t k = 1; reference_of(load_image(by), k, &r, &wish) && (k < count || wish.section == 0); k++) {
            struct elf_wanted wanted = { .name = r.name, .version = r.version, .gnu_hash = r.gnu_hash };
            if (wish.section || elf_lookup(load_image(m), &wanted, &found) != ELF_FOUND)
                continue;
            wanted.version = NULL;
            if (!runtime_is_beside(duplicate->runtime.tag, r.name)
                || elf_lookup(&world_object(l->here, duplicate->host)->image, &wanted, &found) != ELF_FOUND)
                return false;
            taken++;
        }
    }
    return taken > 0;
}

static bool find_beside(struct loading *l)
{
    bool any = false;
    for (size_t d = 1; d < l->members.count; d++) {
        const struct load_member *duplicate = load_member(l, d);
        if (duplicate->fate != GRAFT_FATE_DUPLICATE || load_is_here(l, duplicate) || !duplicate->runtime.tag)
            continue;
        for (size_t i = 1; i < l->members.count; i++) {
            const struct load_member *m = load_member(l, i);
            if (m->fate != GRAFT_FATE_COMES || !needs_it(l, duplicate->index, m->name)
                || !host_has_it_all(l, m, duplicate))
                continue;
            l->is_beside[m->index] = true;
            l->beside = duplicate->host;
            any = true;
        }
    }
    return any;
}

int load_members(struct loading *l)
{
    size_t n = l->here->objects.count;
    world_set seen = world_set_new(l->here, &l->arena);
    l->members = (struct arena_list){ .arena = &l->arena, .element_size = sizeof(struct load_member) };
    l->global = arena_array(&l->arena, n + 1, sizeof *l->global);
    if (!l->global || !seen)
        return no_memory(l);
    l->beside = WORLD_NONE;
    l->caller = l->request->caller ? world_find_address(l->here, l->request->caller) : WORLD_NONE;
    size_t root = l->here->main;
    for (size_t i = 0; l->request->space && i < n; i++)
        if (world_object(l->here, i)->space == l->request->space) {
            root = i;
            break;
        }
    if (root != WORLD_NONE)
        world_closure(l->here, root, seen, l->global, &l->global_count);
    int result = add_all(l);
    if (result || l->closure->loaded)
        return result;
    l->is_beside = arena_array(&l->arena, l->closure->files.objects.count + 1, sizeof *l->is_beside);
    if (!l->is_beside)
        return no_memory(l);
    return find_beside(l) ? add_all(l) : 0;
}
