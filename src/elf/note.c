/* SPDX-License-Identifier: MIT */
/* Notes: the build-id, and others by name. Invariant: every length in a note is checked
 * against what is left of its segment before it is used. */

#include <elf.h>

#include "elf/image.h"

/* gABI, "Note Section": three words, then name and descriptor, each padded to four. */
static const unsigned char *find(const struct elf_image *image, const unsigned char *p, uint64_t size,
                                 const char *wanted, uint32_t wanted_type, size_t *found)
{
    while (size >= 12) {
        uint64_t name = elf_get32(image, p), desc = elf_get32(image, p + 4);
        uint64_t name_padded = (name + 3) & ~3ull, desc_padded = (desc + 3) & ~3ull;
        if (name_padded > size - 12 || desc > size - 12 - name_padded)
            return NULL;
        if (elf_get32(image, p + 8) == wanted_type && name == strlen(wanted) + 1 && !memcmp(p + 12, wanted, name)) {
            *found = desc;
            return p + 12 + name_padded;
        }
        if (desc_padded > size - 12 - name_padded)
            return NULL;
        p += 12 + name_padded + desc_padded;
        size -= 12 + name_padded + desc_padded;
    }
    return NULL;
}

const unsigned char *elf_image_note(const struct elf_image *image, const char *name, uint32_t type, size_t *size)
{
    for (unsigned i = 0; i < image->note_count; i++) {
        const struct elf_segment *s = &image->note[i];
        const unsigned char *p = elf_image_at(image, s->vaddr, s->filesz);
        const unsigned char *note = p ? find(image, p, s->filesz, name, type, size) : NULL;
        if (note)
            return note;
    }
    return NULL;
}

void elf_image_scan_notes(struct elf_image *image)
{
    size_t size = 0;
    const unsigned char *id = image->build_id_size ? NULL : elf_image_note(image, "GNU", NT_GNU_BUILD_ID, &size);
    if (!id || !size || size > ELF_BUILD_ID_MAX)
        return;
    memcpy(image->build_id, id, size);
    image->build_id_size = size;
}
