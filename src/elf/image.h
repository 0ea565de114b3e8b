/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_ELF_IMAGE_H
#define GRAFT_ELF_IMAGE_H

/* An ELF image is bytes with bounds, whatever they come from:
 *
 *     file bytes ──────────────┐
 *     this process's memory ───┼──▶ spans (link address → bytes) ──▶ elf_image
 *     another process's memory ┘
 *
 * Every address, count and string in it is untrusted. All addresses here are
 * link addresses ("vaddr"); the run-time address is vaddr + bias. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <graft/graft.h>

#include "elf/arch.h"

enum { ELF_SPANS_MAX = 16, ELF_RELOC_TABLES = 3, ELF_BUILD_ID_MAX = 32 };

/* Symbol values in memory that are not what the loader was given: sorted by where their
 * entries are, with what they were. */
struct elf_patch { const unsigned char *at; uint64_t value; };
struct elf_patches { const struct elf_patch *patch; size_t count; };

/* Readable bytes at a link address. */
struct elf_span {
    uint64_t vaddr, size;
    const unsigned char *bytes;
};

/* One program header that matters, in the host's byte order. */
struct elf_segment {
    uint32_t type, flags;
    uint64_t offset, vaddr, filesz, memsz, align;
};

/* An array in the image, wholly inside one span. */
struct elf_table {
    const unsigned char *bytes;
    size_t count;
    unsigned entry_size;
    bool has_addend;                /* relocation tables: RELA, not REL */
};

struct elf_image {
    const struct elf_arch *arch;    /* NULL: no facts about this machine */
    uint16_t machine, type;         /* e_machine, e_type */
    uint8_t elf_class;
    bool swap;                      /* the other byte order */
    bool relocated;                 /* a loader has filled the slots */
    uint64_t bias;
    uint64_t low, high;             /* link addresses that PT_LOADs cover */

    struct elf_segment segment[ELF_SPANS_MAX];      /* PT_LOADs */
    unsigned segment_count;
    struct elf_span span[ELF_SPANS_MAX];
    unsigned span_count;
    struct elf_segment dynamic, relro, tls;         /* type 0: absent */
    struct elf_segment note[4];
    unsigned note_count;

    uint8_t build_id[ELF_BUILD_ID_MAX];
    size_t build_id_size;

    struct elf_table dyn;                           /* up to DT_NULL */
    struct elf_table symbols;                       /* count: room, not the true count */
    uint64_t symbols_vaddr;
    const struct elf_patches *patches;              /* NULL: none */
    struct elf_table versym;                        /* likewise */
    const char *strings;
    size_t strings_size;                            /* last byte is 0 */
    struct elf_table relocs[ELF_RELOC_TABLES];      /* RELA, REL, PLT */
    uint64_t relr_size;
    uint64_t verdef, verneed;                       /* link addresses, 0: absent */
    uint32_t verdef_count, verneed_count;

    struct { uint32_t buckets, offset, bloom_mask, bloom_shift;
             const unsigned char *bloom, *bucket, *chain; size_t chain_room; } gnu;
    struct { uint32_t buckets, chains; unsigned entry_size;
             const unsigned char *bucket, *chain; } sysv;

    const char *soname, *runpath, *rpath;           /* NULL: none */
    uint64_t flags, flags_1;                        /* DT_FLAGS, DT_FLAGS_1 */
    uint64_t debug;                                 /* DT_DEBUG's value */
    bool symbolic, textrel;
};

/* Opens the @size bytes of a file. The bytes must outlive the image. */
int elf_image_open_file(struct elf_image *, const void *bytes, size_t size, struct graft_error *);

/* The two steps for memory: takes the program headers (as they are in memory, of
 * the given class and byte order) and the bias, then, once the caller has added
 * spans, decodes the dynamic section. elf_image_needs tells which segments hold
 * what decoding will read, from the dynamic section's bytes alone. */
int elf_image_begin(struct elf_image *, uint16_t machine, uint16_t type, uint8_t elf_class, bool swap,
                    const void *headers, size_t count, size_t entry_size, uint64_t bias,
                    struct graft_error *);
int elf_image_add_span(struct elf_image *, uint64_t vaddr, uint64_t size, const void *bytes);
uint32_t elf_image_needs(const struct elf_image *);
int elf_image_decode(struct elf_image *, struct graft_error *);

/* Looks for the build-id in the notes that the spans hold; decoding does so too. */
void elf_image_scan_notes(struct elf_image *);

/* The descriptor of the first note of that name and type, *size bytes in the spans, or
 * NULL. */
const unsigned char *elf_image_note(const struct elf_image *, const char *name, uint32_t type, size_t *size);

/* The header's identity, checked: class, byte order, machine, program headers. */
struct elf_header {
    uint16_t machine, type;
    uint8_t elf_class;
    bool swap;
    uint64_t headers;               /* file offset of the program headers */
    size_t count, entry_size;
    uint64_t entry;
};
int elf_header_read(struct elf_header *, const void *bytes, size_t size, struct graft_error *);

/* @size bytes at link address @vaddr, or NULL unless one span holds them all. */
const unsigned char *elf_image_at(const struct elf_image *, uint64_t vaddr, uint64_t size);

/* The number of bytes readable from @vaddr on. */
uint64_t elf_image_room(const struct elf_image *, uint64_t vaddr);

/* The string at @offset of the dynamic string table, or NULL if outside. */
static inline const char *elf_image_string(const struct elf_image *image, uint64_t offset)
{
    return offset < image->strings_size ? image->strings + offset : NULL;
}

/* The i-th DT_NEEDED string, or NULL past the last. */
const char *elf_image_needed(const struct elf_image *, size_t i);

/* Whether link address @vaddr lies in a segment with all PF_* bits of @flags. */
bool elf_image_covers(const struct elf_image *, uint64_t vaddr, uint32_t flags);

/* Reading words in the image's own byte order and class. */
static inline uint16_t elf_get16(const struct elf_image *image, const void *at)
{
    uint16_t v;
    memcpy(&v, at, sizeof v);
    return image->swap ? __builtin_bswap16(v) : v;
}
static inline uint32_t elf_get32(const struct elf_image *image, const void *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return image->swap ? __builtin_bswap32(v) : v;
}
static inline uint64_t elf_get64(const struct elf_image *image, const void *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return image->swap ? __builtin_bswap64(v) : v;
}
static inline unsigned elf_word_size(const struct elf_image *image)
{
    return image->elf_class == 2 ? 8 : 4;
}
static inline uint64_t elf_get_word(const struct elf_image *image, const void *at)
{
    return image->elf_class == 2 ? elf_get64(image, at) : elf_get32(image, at);
}

#endif
