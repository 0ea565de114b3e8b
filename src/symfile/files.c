/* SPDX-License-Identifier: MIT */
/* Reads ELF files into a world. Invariant: files are mapped read-only and private,
 * and a file that cannot be read or understood is an error with its name. */

#include "symfile/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

static int map_file(const char *path, const void **bytes, size_t *size, struct graft_error *error)
{
    struct stat status;
    int result = 0, file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status))
        result = error_about(error, GRAFT_ESYS, path, "", "%s: %s", path, strerror(errno));
    else if (!S_ISREG(status.st_mode))
        result = error_about(error, GRAFT_EFORMAT, path, "", "%s: not a regular file", path);
    else if (status.st_size == 0)
        result = error_about(error, GRAFT_EFORMAT, path, "", "%s: ELF header: the file is empty", path);
    else {
        *size = (size_t)status.st_size;
        *bytes = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, file, 0);
        if (*bytes == MAP_FAILED)
            result = error_about(error, GRAFT_ESYS, path, "", "%s: %s", path, strerror(errno));
    }
    if (file >= 0)
        close(file);
    return result;
}

static size_t find_path(const struct world *world, const char *path)
{
    for (size_t i = 0; i < world->objects.count; i++)
        if (!strcmp(world_object(world, i)->path, path))
            return i;
    return WORLD_NONE;
}

int files_add(struct world *world, const char *path, size_t *index, struct graft_error *error)
{
    char real[PATH_MAX];
    const void *bytes = NULL;
    size_t size = 0;
    struct elf_image image;
    struct graft_error failure = { 0 };
    if (!realpath(path, real))
        return error_about(error, GRAFT_ESYS, path, "", "%s: %s", path, strerror(errno));
    if ((*index = find_path(world, real)) != WORLD_NONE)
        return 0;
    int result = map_file(real, &bytes, &size, error);
    if (result)
        return result;
    if ((result = elf_image_open_file(&image, bytes, size, &failure))) {
        munmap((void *)bytes, size);
        return error_about(error, -result, path, "", "%s: %s", path, failure.text);
    }
    struct world_object *object = world_add(world);
    if (!object || !(object->path = arena_string(&world->arena, real)))
        return error_set(error, GRAFT_ENOMEM, "out of memory while reading files");
    object->image = image;
    *index = world->objects.count - 1;
    return 0;
}

/* Replaces $ORIGIN and ${ORIGIN} in a search path by the folder of @object. */
static void expand_origin(const char *from, size_t length, const char *object, char to[PATH_MAX])
{
    const char *slash = strrchr(object, '/');
    size_t out = 0;
    for (size_t i = 0; i < length && out < PATH_MAX - 1;) {
        size_t skip = !strncmp(from + i, "$ORIGIN", 7) ? 7 : !strncmp(from + i, "${ORIGIN}", 9) ? 9 : 0;
        if (!skip || i + skip > length) {
            to[out++] = from[i++];
            continue;
        }
        int wrote = snprintf(to + out, PATH_MAX - out, "%.*s", (int)(slash ? slash - object : 0), object);
        out = wrote < 0 || out + (size_t)wrote >= PATH_MAX ? PATH_MAX - 1 : out + (size_t)wrote;
        i += skip;
    }
    to[out] = '\0';
}

/* Tries @name in each folder of @path; a file of another machine is passed over. */
static bool search(struct world *world, const struct world_object *for_object, const char *path,
                   const char *name, size_t *index)
{
    while (path && *path) {
        size_t length = strcspn(path, ":");
        char folder[PATH_MAX], file[PATH_MAX + 256];
        expand_origin(path, length, for_object->path, folder);
        snprintf(file, sizeof file, "%s/%s", folder, name);
        if (*folder && access(file, R_OK) == 0 && !files_add(world, file, index, NULL)
            && world_object(world, *index)->image.machine == for_object->image.machine
            && world_object(world, *index)->image.elf_class == for_object->image.elf_class)
            return true;
        path += length + (path[length] == ':');
    }
    return false;
}

static bool is_there(const struct world *world, const char *name)
{
    for (size_t i = 0; i < world->objects.count; i++) {
        const char *soname = world_object(world, i)->image.soname;
        if (soname && !strcmp(soname, name))
            return true;
    }
    return false;
}

static bool find_needed(struct world *world, size_t i, const char *name, const char *library_path)
{
    struct world_object object = *world_object(world, i);
    size_t index;
    if (strchr(name, '/'))
        return !files_add(world, name, &index, NULL);
    return is_there(world, name)
        || (!object.image.runpath && search(world, &object, object.image.rpath, name, &index))
        || search(world, &object, library_path, name, &index)
        || search(world, &object, object.image.runpath, name, &index)
        || (object.image.arch && search(world, &object, object.image.arch->library_dirs, name, &index));
}

void files_add_needed(struct world *world, size_t first, const char *library_path, size_t *missing)
{
    const char *name;
    *missing = 0;
    for (size_t i = first; i < world->objects.count && i < 4096; i++)
        for (size_t k = 0; (name = elf_image_needed(&world_object(world, i)->image, k)); k++)
            if (!find_needed(world, i, name, library_path))
                ++*missing;
}
