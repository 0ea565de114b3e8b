/* SPDX-License-Identifier: MIT */
/* Reads ELF files into a world. Invariant: files are mapped read-only and private,
 * and a file that cannot be read or understood is an error with its name. Objects are
 * added breadth-first, as ld.so does it: which object is the loader of another decides
 * whose RPATH counts. */

#include "file/files.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "file/mapping.h"
#include "file/search.h"

enum { OBJECTS_MAX = 4096 };

static size_t find_path(const struct world *world, const char *path)
{
    for (size_t i = 0; i < world->objects.count; i++)
        if (!strcmp(world_object(world, i)->path, path))
            return i;
    return WORLD_NONE;
}

/* glibc's realpath calls malloc only for a path of more than 1 KiB. */
static int real_path(const char *path, char real[PATH_MAX], struct graft_error *error)
{
    int saved = errno, result = 0;
    if (!realpath(path, real)) {
        const char *cause = mapping_cause(errno);
        result = error_about(error, GRAFT_ESYS, path, "", "%s: %s", path, cause ? cause : "cannot be found");
    }
    errno = saved;
    return result;
}

int files_add(struct world *world, const char *path, size_t *index, struct graft_error *error)
{
    char real[PATH_MAX];
    struct mapping mapping;
    struct elf_image image;
    struct graft_error failure = { 0 };
    int result = real_path(path, real, error);
    if (result || (*index = find_path(world, real)) != WORLD_NONE)
        return result;
    if ((result = mapping_open(&mapping, real, error)))
        return result;
    if ((result = elf_image_open_file(&image, mapping.bytes, mapping.size, &failure))) {
        mapping_close(&mapping);
        return error_about(error, -result, path, "", "%s: %s", path, failure.text);
    }
    const char *kept = arena_string(&world->arena, real);
    struct world_object *object = kept ? world_add(world) : NULL;
    if (!object) {
        mapping_close(&mapping);
        return error_set(error, GRAFT_ENOMEM, "out of memory while reading files");
    }
    object->path = kept;
    object->image = image;
    object->file = mapping.bytes;
    object->file_size = mapping.size;
    *index = world->objects.count - 1;
    return 0;
}

void files_close(struct world *world)
{
    for (size_t i = 0; i < world->objects.count; i++) {
        struct world_object *object = world_object(world, i);
        mapping_close(&(struct mapping){ object->file, object->file_size });
    }
    world_free(world);
}

/* ---- what they need ---------------------------------------------------------- */

/* What the world does not keep of an object: how it came. */
struct arrival {
    struct search_from from;
    const char *name;               /* by which it was needed first; NULL: it was given */
};

struct arrivals {
    struct world *world;
    struct search search;
    struct arena arena;
    struct arena_list list;         /* of struct arrival, one for each object */
};

static struct arrival *arrival_at(const struct arrivals *arrivals, size_t i)
{
    return arena_list_at(&arrivals->list, i);
}

/* Makes the list as long as the world; false: out of memory. */
static bool follow(struct arrivals *arrivals, const char *path, const char *name, const struct search_from *loader)
{
    while (arrivals->list.count < arrivals->world->objects.count) {
        struct world_object *object = world_object(arrivals->world, arrivals->list.count);
        struct arrival *arrival = arena_list_push(&arrivals->list);
        const char *found = path ? arena_string(&arrivals->arena, path) : object->path;
        if (!arrival || !found)
            return false;
        *arrival = (struct arrival){ { found, &object->image, loader }, name };
    }
    return true;
}

/* Whether an object of @image's machine is there that a loader takes for @name. */
static bool is_there(const struct arrivals *arrivals, const struct elf_image *image, const char *name)
{
    for (size_t i = 0; i < arrivals->list.count; i++) {
        const struct elf_image *other = arrival_at(arrivals, i)->from.image;
        const char *known = arrival_at(arrivals, i)->name;
        if (other->machine == image->machine && other->elf_class == image->elf_class
            && ((known && !strcmp(known, name)) || search_means(arrivals->world, i, name)))
            return true;
    }
    return false;
}

static bool bring(struct arrivals *arrivals, size_t i, const char *name)
{
    char path[PATH_MAX];
    size_t index;
    const struct search_from *from = &arrival_at(arrivals, i)->from;
    if (is_there(arrivals, from->image, name))
        return true;
    return search_find(&arrivals->search, from, name, path)
        && !files_add(arrivals->world, path, &index, NULL)
        && follow(arrivals, path, name, from);
}

void files_add_needed(struct world *world, size_t first, const char *library_path, size_t *missing)
{
    struct arrivals arrivals = { .world = world };
    const char *name;
    *missing = 0;
    arrivals.list = (struct arena_list){ .arena = &arrivals.arena, .element_size = sizeof(struct arrival) };
    search_init(&arrivals.search, library_path);
    bool room = follow(&arrivals, NULL, NULL, NULL);
    for (size_t i = first; room && i < arrivals.list.count && i < OBJECTS_MAX; i++)
        for (size_t k = 0; (name = elf_image_needed(&world_object(world, i)->image, k)); k++)
            if (!bring(&arrivals, i, name))
                ++*missing;
    search_fini(&arrivals.search);
    arena_free(&arrivals.arena);
}
