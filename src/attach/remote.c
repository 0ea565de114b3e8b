/* SPDX-License-Identifier: MIT */
/* Turns the loader's list of a target into a world. Invariant: an object that
 * cannot be read is listed as broken, with the reason; it never spoils the rest. */

#include "attach/remote.h"

#include <elf.h>
#include <limits.h>

#include "attach/loader.h"
#include "base/error.h"

struct remote {
    struct world *world;
    const struct process *process;
    const struct loader_list *list;
    enum fetch_depth depth;
};

/* The program that the kernel started. Where that is the loader itself, the main
 * program is an object like the others. */
static bool is_started(const struct remote *r, const struct loader_map *map, const struct fetch_headers *h)
{
    const ElfW(Phdr) *header = h->bytes;
    for (size_t i = 0; i < h->count; i++)
        if (header[i].p_type == PT_DYNAMIC)
            return map->raw.dynamic == r->list->start.entry - r->process->entry + header[i].p_vaddr;
    return false;
}

static int headers_of(const struct remote *r, const struct loader_map *map, bool main, bool *started,
                      struct fetch_headers *headers, struct graft_error *error)
{
    const struct loader_start *start = &r->list->start;
    *headers = (struct fetch_headers){ .address = start->headers, .count = start->header_count,
                                       .entry_size = start->header_size, .type = r->process->type };
    *started = main && !fetch_headers_at(headers, r->process, &r->world->arena, NULL)
            && is_started(r, map, headers);
    if (*started)
        return 0;
    return fetch_headers_of(headers, r->process, &r->world->arena, map->raw.bias, error);
}

static const char *name_of(const struct remote *r, const struct loader_map *map, bool main, bool started)
{
    char name[PATH_MAX];
    if (started)
        return arena_string(&r->world->arena, r->process->program);
    if (!process_read_text(r->process, map->raw.name, name, sizeof name) || !*name)
        return main ? "(main program)" : "(no name)";
    return arena_string(&r->world->arena, name);
}

static int add_map(const struct remote *r, size_t index)
{
    const struct loader_map *map = arena_list_at(&r->list->maps, index);
    struct world_object *object = world_add(r->world);
    struct graft_error failure = { 0 };
    struct fetch_headers headers;
    bool main = index == 0, started;
    if (!object)
        return -GRAFT_ENOMEM;
    object->space = map->space;
    object->link_map = map->address;
    object->is_main = main;
    if (main)
        r->world->main = index;
    int result = headers_of(r, map, main, &started, &headers, &failure);
    object->path = name_of(r, map, main, started);
    object->image.bias = map->raw.bias;
    if (!result)
        result = fetch_image(&object->image, r->process, &r->world->arena, &headers, map->raw.bias, r->depth,
                             &failure);
    if (result)
        object->broken = arena_string(&r->world->arena, failure.text);
    object->is_vdso = !result && world_start(object) == r->list->start.vdso;
    return object->path && (!result || object->broken) ? 0 : -GRAFT_ENOMEM;
}

int remote_world(struct world *world, const struct process *process, enum fetch_depth depth,
                 struct remote_look *look, struct graft_error *error)
{
    struct loader_list list;
    struct remote remote = { world, process, &list, depth };
    world_init(world);
    int result = loader_read(&list, process, error);
    for (size_t i = 0; !result && i < list.maps.count; i++)
        if (add_map(&remote, i))
            result = error_set(error, GRAFT_ENOMEM, "out of memory while reading the target");
    if (!result && look && look->witness && loader_witness(&list, look->witness))
        result = error_set(error, GRAFT_ENOMEM, "out of memory while reading the target");
    if (look)
        look->interpreter = list.start.interpreter ? list.start.interpreter : list.start.entry - process->entry;
    loader_free(&list);
    return result;
}

int remote_witness(const struct world_object *object, struct witness *witness)
{
    const struct elf_image *image = &object->image;
    for (unsigned i = 0; i < image->note_count && image->build_id_size; i++) {
        const struct elf_segment *note = &image->note[i];
        const unsigned char *bytes = elf_image_at(image, note->vaddr, note->filesz);
        if (bytes && memmem(bytes, note->filesz, image->build_id, image->build_id_size))
            return witness_add(witness, image->bias + note->vaddr, bytes, note->filesz);
    }
    return 0;
}
