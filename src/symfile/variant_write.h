/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_SYMFILE_VARIANT_WRITE_H
#define GRAFT_SYMFILE_VARIANT_WRITE_H

/* The bytes of a library's variant: PURE, any class, byte order and machine. */

#include "elf/section.h"

struct variant_wish {
    const char *const *names;       /* of needed libraries, as DT_NEEDED spells them */
    size_t count;
    const char *onto;               /* what is needed in place of the one name; NULL: nothing */
};

/* How the new name came into the string table: X(name, word). */
#define VARIANT_NAMINGS(X) \
    X(NONE,     "none") \
    X(REUSED,   "reused") \
    X(IN_PLACE, "in-place") \
    X(APPENDED, "appended")

enum variant_naming {
#define GRAFT_X(name, word) VARIANT_NAME_##name,
    VARIANT_NAMINGS(GRAFT_X)
#undef GRAFT_X
};

struct variant_bytes {
    unsigned char *bytes;           /* malloc'd, the caller frees it */
    size_t size;
    size_t versions;                /* that were needed of the named libraries */
    size_t symbols;                 /* whose references have no version any more */
    enum variant_naming naming;
};

/* Makes the variant of the @size bytes of @file. -GRAFT_EFORMAT (no shared library, or
 * one that contradicts itself), -GRAFT_ENOOBJ (a name is not needed), -GRAFT_EREFUSED,
 * -GRAFT_EINVAL, -GRAFT_ENOMEM. On failure out->bytes is NULL. */
int variant_write(struct variant_bytes *out, const void *file, size_t size, const struct variant_wish *,
                 struct graft_error *);

/* Reads @after with src/elf and compares it with @before: the needs and the versions are
 * as wished, all else is the same, byte for byte. -GRAFT_EFORMAT says what is not. */
int variant_verify(const void *before, size_t before_size, const void *after, size_t after_size,
                   const struct variant_wish *, struct graft_error *);

/* Whether @name is one of the wish's. */
bool variant_wished(const struct variant_wish *, const char *name);

/* -GRAFT_EFORMAT unless the image is a shared library: no program, no object file. */
int variant_library_check(const struct elf_image *, struct graft_error *);

/* One past the highest symbol that a hash table, a relocation or (where @sections is not
 * NULL) a section header tells of. A GNU table alone does not count undefined ones. */
uint32_t variant_symbol_count(const struct elf_image *, const struct elf_sections *);

#endif
