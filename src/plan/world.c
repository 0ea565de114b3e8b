/* SPDX-License-Identifier: MIT */
/* Questions about a set of loaded objects: who covers an address, who matches a
 * name, who needs whom. Invariant: answers come from the images alone, so that
 * they are the same for this process, another one and files. */

#include "plan/world.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

void world_init(struct world *world)
{
    memset(world, 0, sizeof *world);
    world->objects.element_size = sizeof(struct world_object);
    world->objects.arena = &world->arena;
    world->main = WORLD_NONE;
}

struct world_object *world_add(struct world *world)
{
    struct world_object *object = arena_list_push(&world->objects);
    if (object)
        object->path = "";
    return object;
}

void world_free(struct world *world)
{
    arena_free(&world->arena);
}

size_t world_find_address(const struct world *world, uint64_t address)
{
    for (size_t i = 0; i < world->objects.count; i++) {
        const struct world_object *o = world_object(world, i);
        if (address - world_start(o) < o->image.high - o->image.low
            && elf_image_covers(&o->image, address - o->image.bias, 0))
            return i;
    }
    return WORLD_NONE;
}

size_t world_find_map(const struct world *world, uint64_t link_map, uint64_t start)
{
    for (size_t i = 0; i < world->objects.count; i++)
        if (world_object(world, i)->link_map == link_map && world_start(world_object(world, i)) == start)
            return i;
    return WORLD_NONE;
}

bool world_matches(const struct world *world, size_t i, const char *pattern)
{
    const struct world_object *o = world_object(world, i);
    if (o->is_main && !strcmp(pattern, "main"))
        return true;
    return text_glob(pattern, o->path) || text_glob(pattern, text_basename(o->path))
        || (o->image.soname && text_glob(pattern, o->image.soname));
}

bool world_matches_list(const struct world *world, size_t i, const char *list)
{
    char pattern[4096];
    while ((list = text_list_next(list, pattern, sizeof pattern))) {
        size_t digits = strspn(pattern, "0123456789");
        bool spaced = digits && pattern[digits] == ':';
        if (spaced && strtol(pattern, NULL, 10) != (long)world_object(world, i)->space)
            continue;
        if (world_matches(world, i, pattern + (spaced ? digits + 1 : 0)))
            return true;
    }
    return false;
}

world_set world_set_new(const struct world *world, struct arena *arena)
{
    return arena_array(arena, world->objects.count + 1, 1);
}

/* ld.so compares the SONAME, and the file name that the object was opened under. */
size_t world_find_needed(const struct world *world, unsigned space, const char *name)
{
    bool is_path = strchr(name, '/') != NULL;
    size_t by_name = WORLD_NONE;
    for (size_t i = 0; i < world->objects.count; i++) {
        const struct world_object *o = world_object(world, i);
        if (o->space != space)
            continue;
        if (o->image.soname && !strcmp(o->image.soname, name))
            return i;
        if (by_name == WORLD_NONE && !strcmp(is_path ? o->path : text_basename(o->path), name))
            by_name = i;
    }
    return by_name;
}

void world_closure(const struct world *world, size_t root, world_set set, size_t *order, size_t *count)
{
    size_t length = 0, done = 0;
    if (!set[root]) {
        set[root] = 1;
        order[length++] = root;
    }
    while (done < length) {
        const struct world_object *o = world_object(world, order[done++]);
        const char *name;
        for (size_t k = 0; (name = elf_image_needed(&o->image, k)); k++) {
            size_t next = world_find_needed(world, o->space, name);
            if (next == WORLD_NONE || set[next])
                continue;
            set[next] = 1;
            order[length++] = next;
        }
    }
    *count = length;
}

int world_brought(const struct world *world, struct arena *arena, size_t root, world_set set,
                  size_t *order, size_t *count)
{
    size_t n = world->objects.count, found = 0;
    world_set shared = world_set_new(world, arena), all = world_set_new(world, arena);
    size_t *every = arena_array(arena, n, sizeof *every), *mains = arena_array(arena, n, sizeof *mains);
    if (!shared || !all || !every || !mains)
        return -GRAFT_ENOMEM;
    if (world->main != WORLD_NONE)
        world_closure(world, world->main, shared, mains, &found);
    world_closure(world, root, all, every, &found);
    *count = 0;
    for (size_t i = 0; i < found; i++)
        if (every[i] == root || !shared[every[i]]) {
            set[every[i]] = 1;
            order[(*count)++] = every[i];
        }
    return 0;
}

size_t world_lookup(const struct world *world, const size_t *order, size_t count,
                    const struct elf_wanted *wanted, struct elf_symbol *out)
{
    for (size_t i = 0; i < count; i++)
        if (elf_lookup(&world_object(world, order[i])->image, wanted, out) == ELF_FOUND)
            return order[i];
    return WORLD_NONE;
}
