/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_FILE_SEARCH_H
#define GRAFT_FILE_SEARCH_H

/* Which file the name of a library means, as glibc's ld.so decides it (elf/dl-load.c,
 * _dl_map_object):
 *
 *   a name with a slash ──▶ that file
 *   another ──▶ RPATH of the object, of its loaders, of the program (none of them if
 *               the object has a RUNPATH) ──▶ LD_LIBRARY_PATH ──▶ RUNPATH of the object
 *           ──▶ ld.so.cache ──▶ the default folders (with DF_1_NODEFLIB: not)
 *
 * A folder's glibc-hwcaps/x86-64-vN come before it, as far as the CPU goes. A file that
 * cannot be opened, or is for another machine, is passed over.
 *
 * Left out: the rules for set-user-ID programs, LD_PRELOAD, auditors, GLIBC_TUNABLES,
 * the other subfolders of glibc < 2.37 (tls, haswell, x86_64), DT_FILTER, musl's own
 * rules. $LIB is derived from the folders there are, and $PLATFORM is the kernel's word
 * (glibc says "haswell" or "xeon_phi" on some of Intel's CPUs). Of the default folders
 * that distributions use all are tried. */

#include <limits.h>
#include <stdbool.h>

#include "file/cache.h"
#include "file/mapping.h"
#include "plan/world.h"

/* An object that needs libraries, as ld.so knows it. */
struct search_from {
    const char *path;               /* by which it was found: links in it are not followed */
    const struct elf_image *image;
    const struct search_from *loader; /* which needed it first; NULL: the program, or dlopened */
};

/* What is the same for every name. Filled by search_init; a test may set it itself. */
struct search {
    const char *library_path;       /* LD_LIBRARY_PATH's text; NULL: none */
    const struct search_from *program; /* whose RPATH is for all; NULL: the last of the loaders */
    struct cache cache;             /* of ld.so.cache */
    unsigned level;                 /* hwcaps_level */
    const char *platform;           /* of this machine; NULL: not known */
    struct mapping mapped;          /* the cache's bytes */
};

/* Reads /etc/ld.so.cache, which may be missing, and asks the CPU. @library_path, which
 * may be NULL, must live as long. search_fini unmaps. errno stays. */
void search_init(struct search *, const char *library_path);
void search_fini(struct search *);

/* Writes the path of the file that @from gets by the name @name; errno stays. False:
 * there is none. A file found that is not ELF at all ends ld.so's search with an error:
 * it is the answer here, and opening it tells. Calls no malloc; needs 24 KiB of stack. */
bool search_find(const struct search *, const struct search_from *from, const char *name, char path[PATH_MAX]);

/* Whether object @i of a world is what a loader that holds it takes for @name, without
 * a look at the file system: its path, its SONAME, or the basename by which an object
 * of its namespace needed it (glibc: _dl_name_match_p). */
bool search_means(const struct world *, size_t i, const char *name);

/* The first object of namespace @space that @name means, or WORLD_NONE. Then ld.so
 * looks for a file, and search_loaded_file tells whether that one is loaded by another
 * name: an object without SONAME that was dlopened is found only so. */
size_t search_loaded(const struct world *, unsigned space, const char *name);
size_t search_loaded_file(const struct world *, unsigned space, const char *path);

#endif
