/* SPDX-License-Identifier: MIT */
/* Notes: the build-id. Invariant: every length in a note is checked against what is
 * left of its segment before it is used. */

#include <elf.h>

#include "elf/image.h"

/* Notes are parsed where they lie; the first GNU build-id wins. gABI, "Note
 * Section": three words, then name and descriptor, each padded to four. */
static void build_id_find(struct elf_image *image, const unsigned char *p, uint64_t size)
{
    while (size >= 12) {
        uint64_t name = elf_get32(image, p), desc = elf_get32(image, p + 4);
        uint32_t type = elf_get32(image, p + 8);
        uint64_t name_padded = (name + 3) & ~3ull, desc_padded = (desc + 3) & ~3ull;
        if (name_padded > size - 12 || desc > size - 12 - name_padded)
            return;
        if (type == NT_GNU_BUILD_ID && name == 4 && !memcmp(p + 12, "GNU", 4)
            && desc && desc <= ELF_BUILD_ID_MAX) {
            memcpy(image->build_id, p + 12 + name_padded, desc);
            image->build_id_size = desc;
            return;
        }
        if (desc_padded > size - 12 - name_padded)
            return;
        p += 12 + name_padded + desc_padded;
        size -= 12 + name_padded + desc_padded;
    }
}

void elf_image_scan_notes(struct elf_image *image)
{
    for (unsigned i = 0; i < image->note_count && !image->build_id_size; i++) {
        const struct elf_segment *s = &image->note[i];
        const unsigned char *p = elf_image_at(image, s->vaddr, s->filesz);
        if (p)
            build_id_find(image, p, s->filesz);
    }
}
