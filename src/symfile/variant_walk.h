/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_SYMFILE_VARIANT_WALK_H
#define GRAFT_SYMFILE_VARIANT_WALK_H

/* The tables that a variant changes, read one entry after another. The image was opened,
 * so that both chains of versions were checked (elf/version.h): a step that leads
 * nowhere is the end. */

#include <elf.h>

#include "elf/section.h"

struct walk_entry { uint64_t tag, value; };

/* Entry @i of the dynamic section, below image->dyn.count or, for what lies behind the
 * end, below the segment's size. */
static inline struct walk_entry walk_dynamic(const struct elf_image *image, size_t i)
{
    const unsigned char *p = image->dyn.bytes + i * image->dyn.entry_size;
    return (struct walk_entry){ elf_get_word(image, p), elf_get_word(image, p + elf_word_size(image)) };
}

/* A file of which versions are needed. */
struct walk_file {
    uint64_t at;                    /* link address; 0: past the last */
    const unsigned char *bytes;
    const char *name;
    uint32_t offset, next;          /* vn_file, vn_next */
    uint16_t versions;
    unsigned index;                 /* in the chain */
};

/* A version needed of it. */
struct walk_version {
    uint64_t at;                    /* 0: past the last */
    const char *name;
    uint32_t hash, offset, next;
    uint16_t flags, index;
    unsigned left;
};

static inline struct walk_file walk_file_at(const struct elf_image *image, uint64_t at, unsigned index)
{
    bool more = at && index < image->verneed_count;
    const unsigned char *p = more ? elf_image_at(image, at, sizeof(Elf64_Verneed)) : NULL;
    if (!p)
        return (struct walk_file){ 0 };
    uint32_t offset = elf_get32(image, p + offsetof(Elf64_Verneed, vn_file));
    const char *name = elf_image_string(image, offset);
    return (struct walk_file){ .at = at, .bytes = p, .name = name ? name : "", .offset = offset, .index = index,
                               .next = elf_get32(image, p + offsetof(Elf64_Verneed, vn_next)),
                               .versions = elf_get16(image, p + offsetof(Elf64_Verneed, vn_cnt)) };
}

static inline struct walk_file walk_files(const struct elf_image *image)
{
    return walk_file_at(image, image->verneed, 0);
}

static inline struct walk_file walk_next_file(const struct elf_image *image, const struct walk_file *file)
{
    return walk_file_at(image, file->next ? file->at + file->next : 0, file->index + 1);
}

static inline struct walk_version walk_version_at(const struct elf_image *image, uint64_t at, unsigned left)
{
    const unsigned char *p = at && left ? elf_image_at(image, at, sizeof(Elf64_Vernaux)) : NULL;
    if (!p)
        return (struct walk_version){ 0 };
    uint32_t offset = elf_get32(image, p + offsetof(Elf64_Vernaux, vna_name));
    const char *name = elf_image_string(image, offset);
    return (struct walk_version){ .at = at, .left = left, .name = name ? name : "", .offset = offset,
                                  .hash = elf_get32(image, p + offsetof(Elf64_Vernaux, vna_hash)),
                                  .next = elf_get32(image, p + offsetof(Elf64_Vernaux, vna_next)),
                                  .flags = elf_get16(image, p + offsetof(Elf64_Vernaux, vna_flags)),
                                  .index = elf_get16(image, p + offsetof(Elf64_Vernaux, vna_other)) & 0x7fff };
}

static inline struct walk_version walk_versions(const struct elf_image *image, const struct walk_file *file)
{
    uint32_t aux = elf_get32(image, file->bytes + offsetof(Elf64_Verneed, vn_aux));
    return walk_version_at(image, file->at + aux, file->versions);
}

static inline struct walk_version walk_next_version(const struct elf_image *image, const struct walk_version *version)
{
    return walk_version_at(image, version->next ? version->at + version->next : 0, version->left - 1);
}

/* The header of the first section of that type at that link address, in the file's bytes;
 * NULL: none. */
static inline const unsigned char *walk_section(const struct elf_sections *sections, uint32_t type, uint64_t vaddr,
                                                struct elf_section *section)
{
    for (size_t i = 0; elf_section_at(sections, i, section); i++)
        if (section->type == type && section->vaddr == vaddr)
            return sections->headers.bytes + i * sections->headers.entry_size;
    return NULL;
}

#endif
