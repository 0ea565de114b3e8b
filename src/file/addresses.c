/* SPDX-License-Identifier: MIT */
/* Finds addresses outside the dynamic symbols: .symtab, a debug file, a user's table.
 * Invariant: an address is taken from a file only if it has the build-id of what is
 * loaded (or neither has one and the headers agree), and only if the name means one
 * thing in it. */

#include "file/addresses.h"

#include <elf.h>
#include <string.h>

#include "base/error.h"
#include "elf/section.h"
#include "file/debug.h"
#include "file/files.h"
#include "plan/runtime.h"

enum { ASKED_HOST = 1, ASKED_ALL = 2 };

/* A loaded object as far as its file can be told to be the same. */
struct addresses_object {
    const char *path;
    uint64_t link_map, bias, low, high;
    uint8_t build_id[ELF_BUILD_ID_MAX];
    size_t build_id_size;
};

static struct load_given *push(struct addresses *s)
{
    if (s->count == s->room) {
        size_t room = s->room ? 2 * s->room : 64;
        struct load_given *more = arena_array(&s->arena, room, sizeof *more);
        if (!more)
            return NULL;
        if (s->count)
            memcpy(more, s->given, s->count * sizeof *more);
        s->given = more;
        s->room = room;
    }
    return &s->given[s->count++];
}

bool addresses_give(struct addresses *s, const struct load_given *given)
{
    const char *name = arena_string(&s->arena, given->name);
    const char *version = given->version ? arena_string(&s->arena, given->version) : NULL;
    struct load_given *kept = name ? push(s) : NULL;
    if (!kept)
        return false;
    *kept = *given;
    kept->name = name;
    kept->version = version;
    return true;
}

/* ---- a table ---------------------------------------------------------------------------- */

struct taking { struct addresses *to; const struct table *table; struct graft_error *error; };

static int take_object(struct taking *t, const struct world_object *loaded, size_t object)
{
    for (size_t i = 0; i < t->table->entries.count; i++) {
        const struct table_entry *e = arena_list_at(&t->table->entries, i);
        if (e->object != object)
            continue;
        if (e->offset < loaded->image.low || e->offset >= loaded->image.high)
            return error_about(t->error, GRAFT_ESYNTAX, loaded->path, e->name,
                               "table: %s lies outside %s", e->name, loaded->path);
        if (!addresses_give(t->to, &(struct load_given){ .name = e->name, .address = loaded->image.bias + e->offset,
                  .size = e->size, .type = e->type, .source = GRAFT_SOURCE_TABLE }))
            return -GRAFT_ENOMEM;
    }
    return 0;
}

/* What runtime the names of one object in the table are, all anchors being there. */
static const char *tag_of_table(const struct table *table, size_t object)
{
    const char *tag, *anchor[3];
    size_t anchors;
    for (size_t row = 0; (anchors = runtime_anchors(row, &tag, anchor)); row++) {
        size_t found = 0;
        for (size_t k = 0; k < anchors; k++)
            for (size_t i = 0; i < table->entries.count; i++) {
                const struct table_entry *e = arena_list_at(&table->entries, i);
                if (e->object == object && !strcmp(e->name, anchor[k])) {
                    found++;
                    break;
                }
            }
        if (found == anchors)
            return tag;
    }
    return NULL;
}

/* The build-id tells which object is meant, whatever it is called here; a name that fits
 * with another build-id is an error. */
static int find_table_object(const struct table_object *named, const struct world *world, size_t *found,
                             struct graft_error *error)
{
    size_t by_name = WORLD_NONE;
    *found = WORLD_NONE;
    for (size_t i = 0; i < world->objects.count && *found == WORLD_NONE; i++) {
        if (world_object(world, i)->broken)
            continue;
        if (table_is_of(named, world_object(world, i)))
            *found = i;
        else if (world_matches(world, i, named->name))
            by_name = i;
    }
    if (*found == WORLD_NONE && by_name != WORLD_NONE)
        return error_about(error, GRAFT_EBUILDID, world_object(world, by_name)->path, "",
                           "the table is of another build of %s than the one that is loaded",
                           world_object(world, by_name)->path);
    return 0;
}

int addresses_take_table(struct addresses *a, const struct table *table, const struct world *world,
                         struct graft_error *error)
{
    struct taking taking = { a, table, error };
    int result = 0;
    for (size_t o = 0; o < table->objects.count && !result; o++) {
        const char *tag = tag_of_table(table, o);
        size_t i;
        result = find_table_object(arena_list_at(&table->objects, o), world, &i, error);
        if (result || i == WORLD_NONE)
            continue;
        result = take_object(&taking, world_object(world, i), o);
        if (tag && !a->hidden_host) {
            a->hidden_host = world_object(world, i)->link_map;
            a->hidden_tag = tag;
        }
    }
    return result;
}

/* ---- files -------------------------------------------------------------------------------- */

/* Whether it is known whose symbols are wanted. */
static bool is_for_host(const struct graft_load_plan *plan)
{
    return plan->host_map && !plan->lone;
}

bool addresses_may_help(const struct addresses *a, const struct graft_load_plan *plan)
{
    if (plan->lone && !(a->asked & ASKED_ALL) && !a->hidden_host)
        return true;
    return plan->missing && !(a->asked & (is_for_host(plan) ? ASKED_HOST : ASKED_ALL));
}

int addresses_list(struct addresses *a, const struct graft_load_plan *plan, const struct world *world, uint64_t caller)
{
    a->object_count = 0;
    a->object = arena_array(&a->arena, world->objects.count + 1, sizeof *a->object);
    if (!a->object)
        return -GRAFT_ENOMEM;
    size_t first = caller ? world_find_address(world, caller) : WORLD_NONE;
    for (size_t k = 0; k <= world->objects.count; k++) {
        size_t i = k ? k - 1 : first;
        if (i == WORLD_NONE || (k && i == first))
            continue;
        const struct world_object *o = world_object(world, i);
        if (o->broken || o->is_vdso || o->is_graft || o->path[0] != '/' || (is_for_host(plan) && o->link_map != plan->host_map))
            continue;
        struct addresses_object *to = &a->object[a->object_count++];
        *to = (struct addresses_object){ .path = arena_string(&a->arena, o->path), .link_map = o->link_map,
            .bias = o->image.bias, .low = o->image.low, .high = o->image.high, .build_id_size = o->image.build_id_size };
        memcpy(to->build_id, o->image.build_id, sizeof to->build_id);
        if (!to->path)
            return -GRAFT_ENOMEM;
    }
    return 0;
}

static bool same_file(const struct addresses_object *o, const struct elf_image *image)
{
    return o->low == image->low && o->high == image->high && o->build_id_size == image->build_id_size
        && !memcmp(o->build_id, image->build_id, o->build_id_size);
}

/* The names that the plan lacks. */
static size_t list_wanted(const struct graft_load_plan *plan, struct elf_symtab_wanted *wanted)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->symbols.count; i++) {
        const struct graft_load_symbol *m = arena_list_at(&plan->symbols, i);
        if (m->binding == GRAFT_BINDING_MISSING)
            wanted[count++] = (struct elf_symtab_wanted){ .name = m->name };
    }
    return count;
}

static bool take_symbols(struct addresses *s, const struct addresses_object *o, const struct elf_symtab *table,
                         const struct graft_load_plan *plan, enum graft_source source)
{
    bool any = false;
    struct elf_symtab_wanted *wanted = arena_array(&s->arena, plan->symbols.count + 1, sizeof *wanted);
    size_t count = wanted ? list_wanted(plan, wanted) : 0;
    elf_symtab_find(table, wanted, count);
    for (size_t i = 0; i < count; i++) {
        const struct elf_symbol *found = &wanted[i].symbol;
        if (wanted[i].found != 1 || (found->type != STT_FUNC && found->type != STT_OBJECT && found->type != STT_NOTYPE)
            || found->value < o->low || found->value >= o->high)
            continue;
        any |= addresses_give(s, &(struct load_given){ .name = wanted[i].name, .address = o->bias + found->value,
                                             .size = found->size, .type = found->type, .source = source });
    }
    return any;
}

/* Which runtime a symbol table holds, all anchors being functions there. */
static const char *tag_of_symbols(const struct elf_symtab *table)
{
    const char *tag, *anchor[3];
    size_t anchors;
    for (size_t row = 0; (anchors = runtime_anchors(row, &tag, anchor)); row++) {
        struct elf_symtab_wanted wanted[3];
        size_t found = 0;
        for (size_t k = 0; k < anchors; k++)
            wanted[k] = (struct elf_symtab_wanted){ .name = anchor[k] };
        elf_symtab_find(table, wanted, anchors);
        for (size_t k = 0; k < anchors; k++)
            found += wanted[k].found == 1 && wanted[k].symbol.type == STT_FUNC;
        if (found == anchors)
            return tag;
    }
    return NULL;
}

/* What one symbol table says: of a known host, or whether its object is one. */
static bool read_table(struct addresses *s, const struct addresses_object *o, const struct elf_symtab *table,
                       const struct graft_load_plan *plan, enum graft_source source)
{
    if (!table->symbols.count)
        return false;
    bool found = false;
    if (!is_for_host(plan) && s->hidden_host != o->link_map) {
        const char *tag = tag_of_symbols(table);
        if (!tag || s->hidden_host || (plan->lone && strcmp(tag, plan->lone)))
            return false;
        s->hidden_host = o->link_map;
        s->hidden_tag = tag;
        found = true;
    }
    return take_symbols(s, o, table, plan, source) || found;
}

static bool read_file(struct addresses *s, const struct addresses_object *o, const struct graft_load_plan *plan)
{
    struct world files;
    struct debug_file debug;
    struct elf_symtab table;
    size_t index;
    bool any = false;
    world_init(&files);
    if (!files_add(&files, o->path, &index, NULL) && same_file(o, &world_object(&files, index)->image)) {
        const struct world_object *file = world_object(&files, index);
        if (!elf_symtab_open(&table, &file->image, file->file, file->file_size, NULL))
            any = read_table(s, o, &table, plan, GRAFT_SOURCE_SYMTAB);
        if (!any && !debug_open(&debug, "", file->path, &file->image, file->file, file->file_size, NULL)) {
            if (!elf_symtab_open(&table, &file->image, debug.mapping.bytes, debug.mapping.size, NULL))
                any = read_table(s, o, &table, plan, GRAFT_SOURCE_DEBUG);
            debug_close(&debug);
        }
    }
    files_close(&files);
    return any;
}

bool addresses_read(struct addresses *a, const struct graft_load_plan *plan)
{
    bool any = false;
    a->asked |= is_for_host(plan) ? ASKED_HOST : ASKED_ALL;
    for (size_t i = 0; i < a->object_count && !any; i++)
        any = read_file(a, &a->object[i], plan);
    return any;
}

void addresses_free(struct addresses *a)
{
    arena_free(&a->arena);
}
