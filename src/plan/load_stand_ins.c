/* SPDX-License-Identifier: MIT */
/* What stands in a duplicate's place: its names, its versions, its symbols. Invariant:
 * each duplicate's name is taken, also where nobody uses one of its symbols, as otherwise
 * it would be opened. */

#include "plan/loading.h"

#include <elf.h>
#include <string.h>

#include "elf/version.h"

static struct load_stand_in *stand_in_for(struct loading *l, const char *soname)
{
    for (size_t i = 0; i < l->plan->stand_ins.count; i++) {
        struct load_stand_in *s = arena_list_at(&l->plan->stand_ins, i);
        if (!strcmp(s->soname, soname))
            return s;
    }
    struct load_stand_in *s = arena_list_push(&l->plan->stand_ins);
    if (s)
        *s = (struct load_stand_in){ .soname = arena_string(&l->plan->arena, soname) };
    return s && s->soname ? s : NULL;
}

/* Room for one more: the array doubles when its length is a power of two. */
static struct load_address *room_for_symbol(struct loading *l, struct load_stand_in *s)
{
    size_t n = s->symbol_count;
    if ((n & (n - 1)) == 0) {
        struct load_address *more = arena_array(&l->plan->arena, n ? 2 * n : 1, sizeof *more);
        if (!more)
            return NULL;
        if (n)
            memcpy(more, s->symbols, n * sizeof *more);
        s->symbols = more;
    }
    return &s->symbols[s->symbol_count++];
}

int load_serve(struct loading *l, const char *soname, const struct graft_load_symbol *noted,
               const struct load_address *address)
{
    struct load_stand_in *s = stand_in_for(l, soname);
    struct load_address *to = s ? room_for_symbol(l, s) : NULL;
    if (!to)
        return -GRAFT_ENOMEM;
    *to = *address;
    to->name = noted->name;
    to->version = noted->version;
    return 0;
}

/* ---- the runtime's library itself ------------------------------------------------------------------ */

/* Every name of @m that the host has: for who asks by name (dlsym), or for @m itself. */
int load_whole_interface(struct loading *l, const struct load_member *m)
{
    const bool itself = m == load_member(l, 0);
    uint32_t count = elf_symbol_count(load_image(m));
    int result = 0;
    for (uint32_t i = 1; i < count && !result; i++) {
        struct load_name n = { .use = LOAD_DATA, .owner = m, .global = WORLD_NONE };
        struct load_address address;
        enum graft_source source;
        enum graft_verdict verdict;
        if (!reference_of(load_image(m), i, &n.reference, &n.definition) || n.definition.section == SHN_UNDEF
            || n.definition.bind == STB_LOCAL || n.definition.type == STT_TLS || n.definition.version_hidden)
            continue;
        if (m->fate == GRAFT_FATE_DUPLICATE && !m->same_version
            && !runtime_is_stable(m->runtime.tag, n.reference.name)) {
            l->mismatched += itself;
            continue;
        }
        if (!load_locate(l, m->host, &n, &address, &source, &verdict)) {
            if (itself)
                result = load_not_located(l, m, &n, false, verdict);
            continue;
        }
        struct graft_load_symbol scratch = { .name = arena_string(&l->plan->arena, n.reference.name), .version = n.reference.version
            ? arena_string(&l->plan->arena, n.reference.version) : NULL }, *s = &scratch;
        if (itself && (s = load_note(l, m, &n, GRAFT_BINDING_BOUND, NULL))) {
            s->source = source;
            s->address = l->request->live ? (uintptr_t)address.address : 0;
        }
        const char *soname = itself && load_image(m)->soname ? load_image(m)->soname : m->name;
        result = s && s->name ? load_serve(l, soname, s, &address) : -GRAFT_ENOMEM;
    }
    return result;
}

/* The versions that a stand-in defines: all that the duplicate does, and those of its
 * symbols where there is no file of it. */
static int add_version(struct loading *l, struct load_stand_in *s, const char *version, size_t room)
{
    for (size_t i = 0; i < s->version_count; i++)
        if (!strcmp(s->versions[i], version))
            return 0;
    if (!s->versions && !(s->versions = arena_array(&l->plan->arena, room, sizeof *s->versions)))
        return -GRAFT_ENOMEM;
    if (s->version_count < room)
        s->versions[s->version_count++] = arena_string(&l->plan->arena, version);
    return 0;
}

static int list_versions(struct loading *l, struct load_stand_in *s)
{
    const size_t room = ELF_VERSIONS_MAX;
    int result = 0;
    for (size_t i = 0; i < l->members.count; i++) {
        const struct load_member *m = load_member(l, i);
        const struct elf_image *image = m->world ? load_image(m) : NULL;
        if (!image || !load_is_replaced(m) || (strcmp(m->name, s->soname) && (!image->soname || strcmp(image->soname, s->soname))))
            continue;
        for (uint32_t k = 2; k < image->verdef_count + 2 && !result; k++) {
            const char *version = elf_verdef_name(image, (uint16_t)k);
            result = version ? add_version(l, s, version, room) : 0;
        }
    }
    for (size_t i = 0; i < s->symbol_count && !result; i++)
        result = s->symbols[i].version ? add_version(l, s, s->symbols[i].version, room) : 0;
    return result;
}

/* The duplicate's place has to be taken even where nobody uses one of its names. */
int load_take_places(struct loading *l)
{
    int result = 0;
    for (size_t i = 1; i < l->members.count && !result; i++) {
        const struct load_member *m = load_member(l, i);
        if (!load_is_replaced(m) || load_is_here(l, m))
            continue;
        if (!stand_in_for(l, m->name))
            return -GRAFT_ENOMEM;
        if (l->plan->uses_loader && m->fate == GRAFT_FATE_DUPLICATE)
            result = load_whole_interface(l, m);
    }
    for (size_t i = 0; i < l->plan->stand_ins.count && !result; i++)
        result = list_versions(l, arena_list_at(&l->plan->stand_ins, i));
    return result;
}
