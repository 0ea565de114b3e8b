/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_FILE_DEBUG_H
#define GRAFT_FILE_DEBUG_H

/* The separate debug file of an object, where distributions put it. */

#include <limits.h>

#include "elf/image.h"
#include "file/mapping.h"

struct debug_file {
    struct mapping mapping;
    char path[PATH_MAX];
};

/* Finds and maps the debug file of the object whose file, at @path (absolute), is @bytes
 * and has @image. First by build-id, then by .gnu_debuglink, with a file taken only if its
 * own build-id, or its CRC, is the one wanted:
 *
 *   ROOT/usr/lib/debug/.build-id/xx/rest.debug
 *   FOLDER/LINK   FOLDER/.debug/LINK   ROOT/usr/lib/debug/FOLDER/LINK
 *
 * @root is "" but for tests, and FOLDER is then below it too. The file may need
 * elf_symtab_open, not elf_image_open_file: its segments are empty. errno stays.
 * -GRAFT_ENOOBJ: there is none. The caller closes it. */
int debug_open(struct debug_file *, const char *root, const char *path, const struct elf_image *image,
               const void *bytes, size_t size, struct graft_error *);
void debug_close(struct debug_file *);

/* CRC-32 of IEEE 802.3, as .gnu_debuglink holds it. */
uint32_t debug_crc32(const void *bytes, size_t size);

#endif
