/* SPDX-License-Identifier: MIT */
/* Turns a world into the public listing. Invariant: the listing holds copies, so
 * it outlives the world and the objects. */

#include "plan/describe.h"

#include <string.h>

#include "base/error.h"
#include "plan/runtime.h"

static bool describe(struct arena *arena, const struct world *world, size_t i, struct graft_object *to)
{
    const struct world_object *from = world_object(world, i);
    *to = (struct graft_object){
        .size = sizeof *to, .space = from->space, .is_main = from->is_main, .is_vdso = from->is_vdso,
        .path = arena_string(arena, from->path), .bias = (uintptr_t)from->image.bias,
        .start = (uintptr_t)world_start(from), .end = (uintptr_t)world_end(from),
        .build_id_size = from->image.build_id_size };
    memcpy(to->build_id, from->image.build_id, to->build_id_size);
    if (from->image.soname && *from->image.soname
        && !(to->soname = arena_string(arena, from->image.soname)))
        return false;
    to->runtime_count = runtime_scan(world, i, to->runtime);
    return to->path != NULL;
}

/* Several objects that define one runtime: the initialised ones are hosts, the
 * others duplicates; where none says so, the first one loaded is taken for it. */
static void mark_duplicates(struct graft_objects *objects)
{
    for (size_t i = 0; i < objects->count; i++)
        for (size_t r = 0; r < objects->object[i].runtime_count; r++) {
            struct graft_runtime *mine = &objects->object[i].runtime[r];
            if (mine->state == GRAFT_STATE_INITIALISED)
                continue;
            for (size_t k = 0; k < objects->count && !mine->duplicate; k++)
                for (size_t q = 0; k != i && q < objects->object[k].runtime_count; q++) {
                    const struct graft_runtime *other = &objects->object[k].runtime[q];
                    if (!strcmp(other->tag, mine->tag)
                        && (other->state == GRAFT_STATE_INITIALISED || k < i))
                        mine->duplicate = 1;
                }
        }
}

int objects_describe(struct graft_objects **out, const struct world *world, struct graft_error *error)
{
    struct arena arena = { 0 };
    struct graft_objects *objects = arena_alloc(&arena, sizeof *objects);
    size_t n = world->objects.count;
    bool ok = objects && (objects->object = arena_array(&arena, n, sizeof *objects->object));
    for (size_t i = 0; ok && i < n; i++)
        ok = describe(&arena, world, i, &objects->object[i]);
    if (!ok) {
        arena_free(&arena);
        return error_set(error, GRAFT_ENOMEM, "out of memory while listing objects");
    }
    objects->count = n;
    objects->arena = arena;
    mark_duplicates(objects);
    *out = objects;
    return 0;
}

size_t graft_objects_count(const struct graft_objects *objects)
{
    return objects->count;
}

const struct graft_object *graft_objects_get(const struct graft_objects *objects, size_t i)
{
    return i < objects->count ? &objects->object[i] : NULL;
}

void graft_objects_free(struct graft_objects *objects)
{
    if (!objects)
        return;
    struct arena arena = objects->arena;
    arena_free(&arena);
}
