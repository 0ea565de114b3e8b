/* SPDX-License-Identifier: MIT */
/* Opens what a dlopen would bring. Invariants: nothing is loaded, only read; a file is
 * there once, whatever names lead to it; the files are mapped until the closure is
 * closed. */

#include "file/closure.h"

#include <elf.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/feature.h"
#include "file/files.h"

enum { FILES_MAX = 4096 };

struct opening {
    struct load_closure *closure;
    const struct closure_search *how;
    struct arena_list from;         /* of struct search_from: how each file came */
};

int closure_find(const struct closure_search *how, const char *name, char path[PATH_MAX], struct graft_error *error)
{
    static const struct elf_image nothing = { .machine = FEATURE_MACHINE, .elf_class = FEATURE_CLASS };
    const struct search_from nobody = { .path = "", .image = how->caller ? how->caller->image : &nothing };
    if (strchr(name, '/') && strlen(name) < PATH_MAX && !access(name, F_OK)) {
        strcpy(path, name);         /* whatever it is: opening it tells */
        return 0;
    }
    if (search_find(how->search, how->caller ? how->caller : &nobody, name, path))
        return 0;
    return error_about(error, GRAFT_ENOOBJ, name, "", "%s: no such library where the loader would look", name);
}

static int come(struct opening *o, size_t index, const char *path, size_t loader)
{
    if (index < o->from.count)
        return 0;
    struct search_from *from = arena_list_push(&o->from);
    const char *kept = arena_string(&o->closure->files.arena, path);
    if (!from || !kept)
        return -GRAFT_ENOMEM;
    *from = (struct search_from){ kept, &world_object(&o->closure->files, index)->image,
                                  loader == WORLD_NONE ? NULL : arena_list_at(&o->from, loader) };
    return 0;
}

static bool fits(const struct world *files, size_t index)
{
    const struct elf_image *first = &world_object(files, 0)->image, *image = &world_object(files, index)->image;
    return image->machine == first->machine && image->elf_class == first->elf_class && image->type == ET_DYN;
}

/* The file that the name meant before, or WORLD_NONE. */
static size_t find_known(const struct load_closure *closure, const char *name)
{
    for (size_t i = 0; i < closure->needs.count; i++) {
        const struct load_need *need = arena_list_at(&closure->needs, i);
        if (need->coming != WORLD_NONE && !strcmp(need->name, name))
            return need->coming;
    }
    return WORLD_NONE;
}

static int bring(struct opening *o, size_t by, const char *name, bool only_known)
{
    struct world *files = &o->closure->files;
    char path[PATH_MAX];
    struct load_need *need = arena_list_push(&o->closure->needs);
    if (!need)
        return -GRAFT_ENOMEM;
    *need = (struct load_need){ .by = by, .name = name, .coming = WORLD_NONE };
    need->loaded = o->how->is_loaded && o->how->is_loaded(o->how->arg, name);
    if (need->loaded)
        return 0;
    need->coming = find_known(o->closure, name);
    if (need->coming != WORLD_NONE || only_known)
        return 0;
    if (files->objects.count >= FILES_MAX || !search_find(o->how->search, arena_list_at(&o->from, by), name, path))
        return 0;
    size_t index;
    int result = files_add(files, path, &index, NULL);
    if (result == -GRAFT_ENOMEM || (!result && (result = come(o, index, path, by))))
        return result;
    need->unreadable = result || !fits(files, index);
    need->coming = need->unreadable ? WORLD_NONE : index;
    return 0;
}

static int check(const struct world_object *file, struct graft_error *error)
{
    if (file->image.machine != FEATURE_MACHINE || file->image.elf_class != FEATURE_CLASS)
        return error_about(error, GRAFT_EARCH, file->path, "", "%s: it is for another machine", file->path);
    if (file->image.type != ET_DYN || file->image.flags_1 & DF_1_PIE)
        return error_about(error, GRAFT_EFORMAT, file->path, "", "%s: not a shared library", file->path);
    if (!file->image.dyn.count)
        return error_about(error, GRAFT_EFORMAT, file->path, "", "%s: it has no dynamic section", file->path);
    return 0;
}

int closure_open(struct load_closure *closure, const struct closure_search *how, const char *path,
                 struct graft_error *error)
{
    struct opening o = { .closure = closure, .how = how };
    size_t index;
    const char *name;
    *closure = (struct load_closure){ .loaded = 0 };
    world_init(&closure->files);
    closure->needs = (struct arena_list){ .arena = &closure->files.arena, .element_size = sizeof(struct load_need) };
    o.from = (struct arena_list){ .arena = &closure->files.arena, .element_size = sizeof(struct search_from) };
    int result = files_add(&closure->files, path, &index, error);
    if (!result)
        result = check(world_object(&closure->files, 0), error);
    if (!result)
        result = come(&o, 0, path, WORLD_NONE);
    for (size_t i = 0; !result && i < closure->files.objects.count; i++) {
        bool only_known = i && how->is_duplicate && how->is_duplicate(how->arg, &closure->files, i);
        for (size_t k = 0; !result && fits(&closure->files, i)
             && (name = elf_image_needed(&world_object(&closure->files, i)->image, k)); k++)
            result = bring(&o, i, name, only_known);
    }
    return result == -GRAFT_ENOMEM ? error_set(error, GRAFT_ENOMEM, "out of memory while reading files") : result;
}

void closure_close(struct load_closure *closure)
{
    files_close(&closure->files);
}
