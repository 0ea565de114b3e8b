/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_SYMFILE_VARIANT_NAME_H
#define GRAFT_SYMFILE_VARIANT_NAME_H

/* A variant while it is written, for the two files that write it. */

#include <elf.h>

#include "symfile/variant_write.h"

enum { VARIANT_INDEXES = 1 << 15 };     /* of versions; the bit above says "hidden" */

struct writing {
    const struct variant_wish *wish;
    const struct elf_image *image;      /* of the original, which is only read */
    const struct elf_sections *sections;
    const unsigned char *file;
    size_t size;
    struct variant_bytes *out;
    size_t files, unlinked;             /* whose versions stay needed, or do not */
    unsigned char retired[VARIANT_INDEXES / 8]; /* version indexes that nothing explains any more */
    uint64_t name;                      /* offset of the new name */
    uint64_t strings, strings_size;     /* the moved string table; 0: where it was */
};

/* Where the copy holds what @original, in the file's bytes, is. */
static inline unsigned char *writing_copy_of(const struct writing *w, const void *original)
{
    return w->out->bytes + ((const unsigned char *)original - w->file);
}

/* Writes in the image's byte order; a word has its class's size. */
static inline void writing_put(const struct writing *w, unsigned char *to, unsigned size, uint64_t value)
{
    bool big = w->image->swap != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
    for (unsigned i = 0; i < size; i++)
        to[big ? size - 1 - i : i] = (unsigned char)(value >> 8 * i);
}
static inline void writing_put_word(const struct writing *w, unsigned char *to, uint64_t value)
{
    writing_put(w, to, elf_word_size(w->image), value);
}

/* Writes a field of the section header that lies at @header; NULL: there is none. */
#define WRITE_SECTION(w, header, field, size, value) \
    do { \
        if (header) \
            writing_put(w, writing_copy_of(w, header) \
                        + ((w)->image->elf_class == ELFCLASS64 ? offsetof(Elf64_Shdr, field) \
                                                               : offsetof(Elf32_Shdr, field)), size, value); \
    } while (0)

/* Whether dynamic entry @i is a DT_NEEDED of the wish. */
bool writing_wished_entry(const struct writing *, size_t i);

/* Gives the wish's new name a place, w->name, with nothing else written yet: the copy
 * may move. -GRAFT_EREFUSED, -GRAFT_EFORMAT, -GRAFT_ENOMEM. */
int writing_name_place(struct writing *, struct graft_error *);

#endif
