/* SPDX-License-Identifier: MIT */
/* Maps files. Invariant: a mapping is of a regular file that is not empty, and no
 * descriptor stays open. Nothing here calls malloc: libc's strerror may, where the
 * program has a locale. */

#include "file/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

const char *mapping_cause(int number)
{
    switch (number) {
    case ENOENT:       return "No such file or directory";
    case EACCES:       return "Permission denied";
    case ENOTDIR:      return "Not a directory";
    case EISDIR:       return "Is a directory";
    case ELOOP:        return "Too many levels of symbolic links";
    case ENAMETOOLONG: return "File name too long";
    case EMFILE:       return "Too many open files";
    case ENOMEM:       return "Cannot allocate memory";
    default:           return NULL;
    }
}

static int failed(const char *path, int number, struct graft_error *error)
{
    const char *cause = mapping_cause(number);
    if (cause)
        return error_about(error, GRAFT_ESYS, path, "", "%s: %s", path, cause);
    return error_about(error, GRAFT_ESYS, path, "", "%s: error %d", path, number);
}

static int map(struct mapping *mapping, int file, const char *path, struct graft_error *error)
{
    struct stat status;
    if (file < 0 || fstat(file, &status))
        return failed(path, errno, error);
    if (!S_ISREG(status.st_mode))
        return error_about(error, GRAFT_EFORMAT, path, "", "%s: not a regular file", path);
    if (status.st_size == 0)
        return error_about(error, GRAFT_EFORMAT, path, "", "%s: the file is empty", path);
    void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED)
        return failed(path, errno, error);
    *mapping = (struct mapping){ bytes, (size_t)status.st_size };
    return 0;
}

int mapping_open(struct mapping *mapping, const char *path, struct graft_error *error)
{
    int saved = errno, file = open(path, O_RDONLY | O_CLOEXEC);
    *mapping = (struct mapping){ 0 };
    int result = map(mapping, file, path, error);
    if (file >= 0)
        close(file);
    errno = saved;
    return result;
}

int mapping_read_text(const char **text, struct arena *arena, const char *path, struct graft_error *error)
{
    struct mapping mapping;
    int result = mapping_open(&mapping, path, error);
    if (result)
        return result;
    char *copy = arena_alloc(arena, mapping.size + 1);
    if (copy)
        memcpy(copy, mapping.bytes, mapping.size);
    mapping_close(&mapping);
    *text = copy;
    return copy ? 0 : error_about(error, GRAFT_ENOMEM, path, "", "%s: out of memory", path);
}

void mapping_close(struct mapping *mapping)
{
    if (mapping->bytes)
        munmap((void *)mapping->bytes, mapping->size);
    *mapping = (struct mapping){ 0 };
}
