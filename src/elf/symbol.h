/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_ELF_SYMBOL_H
#define GRAFT_ELF_SYMBOL_H

/* Dynamic symbols: by index, by name and version, and all definitions. */

#include "elf/image.h"

struct elf_symbol {
    const char *name;
    const char *version;            /* NULL: none, or the base version */
    uint64_t value, size;           /* link address; a size of 0 is not "absent" */
    uint32_t index;
    uint16_t section;               /* st_shndx */
    uint8_t type, bind, visibility;
    bool version_hidden;            /* foo@V: not the default version */
};

/* Symbol @index without its version, false if it lies outside the image. */
bool elf_symbol_at(const struct elf_image *, uint32_t index, struct elf_symbol *);

/* Only the name of symbol @index, NULL if outside: for quick comparing. */
const char *elf_symbol_name(const struct elf_image *, uint32_t index);

/* Adds the version that .gnu.version gives the symbol, as definition or as
 * reference. */
void elf_symbol_version(const struct elf_image *, struct elf_symbol *);

/* The gABI's and the GNU hash of a name. */
uint32_t elf_hash_sysv(const char *name);
uint32_t elf_hash_gnu(const char *name);

enum elf_found {
    ELF_ABSENT,
    ELF_FOUND,
    ELF_OTHER_VERSION,              /* defined, but not in the version wanted */
    ELF_HIDDEN                      /* in the table, with a visibility that binds locally */
};

/* What to look for. Zeroed but for the name: an unversioned reference. */
struct elf_wanted {
    const char *name;
    const char *version;            /* NULL: unversioned reference */
    uint32_t gnu_hash;              /* 0: computed here */
    bool canonical;                 /* accept an undefined function with a value: the
                                       PLT entry that stands for it in a non-PIE */
    bool newest;                    /* unversioned: the default version, as dlsym takes it */
};

/* Looks a definition up as ld.so would (glibc elf/dl-lookup.c, do_lookup_x and
 * check_match): an unversioned object satisfies every version, an unversioned
 * reference takes the base, the oldest, or the only default definition. @out
 * may hold a symbol also for OTHER_VERSION and HIDDEN. */
enum elf_found elf_lookup(const struct elf_image *, const struct elf_wanted *, struct elf_symbol *out);

/* Whether the GNU hash table's filter says that no symbol of that hash is defined: a look
 * at one word, before elf_lookup. */
static inline bool elf_lookup_excludes(const struct elf_image *image, uint32_t gnu_hash)
{
    unsigned bits = elf_word_size(image) * 8;
    if (!image->gnu.buckets)
        return false;
    uint64_t word = elf_get_word(image, image->gnu.bloom
                                 + (size_t)(gnu_hash / bits & image->gnu.bloom_mask) * (bits / 8));
    return !(word >> (gnu_hash % bits) & word >> ((gnu_hash >> image->gnu.bloom_shift) % bits) & 1);
}

/* The indexes of those of @count hashes that the filter lets through; returns how many. */
size_t elf_lookup_filter(const struct elf_image *, const uint32_t *gnu_hash, size_t count, uint32_t *passed);

/* Asks the cache for what a lookup of that hash will read: first its bucket, then, with
 * @chain, what the bucket leads to. False: the bucket is empty. */
bool elf_lookup_prefetch(const struct elf_image *, uint32_t gnu_hash, bool chain);

/* One past the highest symbol index that a hash table reaches; 0 without one. */
uint32_t elf_symbol_count(const struct elf_image *);

#endif
