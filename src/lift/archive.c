/* SPDX-License-Identifier: MIT */
/* Reads archive indexes with libelf. Invariant: members are not opened; a linker script
 * in an archive's place leads to those that it names. */

#include <errno.h>
#include <fcntl.h>
#include <libelf.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "lift/archive.h"

static int read_index(int file, const char *path, bool (*each)(void *, const char *), void *arg, struct graft_error *error)
{
    size_t count = 0;
    Elf *elf = elf_version(EV_CURRENT) == EV_NONE ? NULL : elf_begin(file, ELF_C_READ_MMAP, NULL);
    bool is_archive = elf && elf_kind(elf) == ELF_K_AR;
    const Elf_Arsym *index = is_archive ? elf_getarsym(elf, &count) : NULL;
    for (size_t i = 0; index && i < count && index[i].as_name; i++)
        if (!each(arg, index[i].as_name))
            break;
    if (elf)
        elf_end(elf);
    return index ? 0 : error_about(error, GRAFT_EFORMAT, path, "", "%s: %s", path,
                                   is_archive ? "no index (ranlib makes one)" : "no archive");
}

/* Debian's libm.a is text: GROUP ( libm-2.36.a libmvec.a ), by absolute paths. */
static int read_script(int file, const char *path, bool (*each)(void *, const char *), void *arg, struct graft_error *error)
{
    char text[4096], *rest = NULL;
    ssize_t size = pread(file, text, sizeof text - 1, 0);
    int result = 0;
    text[size > 0 ? size : 0] = 0;
    char *group = strstr(text, "GROUP");
    for (char *word = strtok_r(group + 5, " ()\n\t", &rest); !result && word; word = strtok_r(NULL, " ()\n\t", &rest)) {
        size_t length = strlen(word);
        if (*word == '/' && length > 2 && !strcmp(word + length - 2, ".a") && strcmp(word, path))
            result = archive_names(word, each, arg, error);
    }
    return result;
}

static bool is_script(int file)
{
    char text[4096];
    ssize_t size = pread(file, text, sizeof text - 1, 0);
    text[size > 0 ? size : 0] = 0;
    return !strncmp(text, "/* GNU ld script", 16) && strstr(text, "GROUP");
}

int archive_names(const char *path, bool (*each)(void *arg, const char *name), void *arg, struct graft_error *error)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return error_about(error, GRAFT_ESYS, path, "", "%s: %s", path, strerror(errno));
    int result = is_script(file) ? read_script(file, path, each, arg, error) : read_index(file, path, each, arg, error);
    close(file);
    return result;
}
