/* SPDX-License-Identifier: MIT */
/* Opens an image: headers and segments. Invariant: what it stores was checked, so
 * that readers need only ask for bytes at an address. Offsets are added through
 * checked helpers, never plainly. */

#include "elf/image.h"

#include <elf.h>
#include <inttypes.h>

#include "base/error.h"

#define BAD(error, ...) error_set(error, GRAFT_EFORMAT, __VA_ARGS__)

/* ---- bytes with bounds -------------------------------------------------- */

static const struct elf_span *span_of(const struct elf_image *image, uint64_t vaddr)
{
    for (unsigned i = 0; i < image->span_count; i++)
        if (vaddr - image->span[i].vaddr < image->span[i].size)
            return &image->span[i];
    return NULL;
}

uint64_t elf_image_room(const struct elf_image *image, uint64_t vaddr)
{
    const struct elf_span *span = span_of(image, vaddr);
    return span ? span->size - (vaddr - span->vaddr) : 0;
}

const unsigned char *elf_image_at(const struct elf_image *image, uint64_t vaddr, uint64_t size)
{
    const struct elf_span *span = span_of(image, vaddr);
    if (!span || span->size - (vaddr - span->vaddr) < size)
        return NULL;
    return span->bytes + (vaddr - span->vaddr);
}

bool elf_image_covers(const struct elf_image *image, uint64_t vaddr, uint32_t flags)
{
    for (unsigned i = 0; i < image->segment_count; i++)
        if (vaddr - image->segment[i].vaddr < image->segment[i].memsz)
            return (image->segment[i].flags & flags) == flags;
    return false;
}

int elf_image_add_span(struct elf_image *image, uint64_t vaddr, uint64_t size, const void *bytes)
{
    uint64_t end;
    if (image->span_count == ELF_SPANS_MAX || __builtin_add_overflow(vaddr, size, &end))
        return -GRAFT_EFORMAT;
    if (size)
        image->span[image->span_count++] = (struct elf_span){ vaddr, size, bytes };
    return 0;
}

/* ---- headers ------------------------------------------------------------ */

int elf_header_read(struct elf_header *header, const void *bytes, size_t size,
                    struct graft_error *error)
{
    const unsigned char *p = bytes;
    memset(header, 0, sizeof *header);
    if (size < sizeof(Elf32_Ehdr))
        return BAD(error, "ELF header: the file has only %zu bytes", size);
    if (memcmp(p, ELFMAG, SELFMAG))
        return BAD(error, "e_ident: no ELF magic, this is not an ELF file");
    if (p[EI_CLASS] != ELFCLASS32 && p[EI_CLASS] != ELFCLASS64)
        return BAD(error, "e_ident[EI_CLASS]: unknown class %u", p[EI_CLASS]);
    if (p[EI_DATA] != ELFDATA2LSB && p[EI_DATA] != ELFDATA2MSB)
        return BAD(error, "e_ident[EI_DATA]: unknown byte order %u", p[EI_DATA]);
    if (p[EI_VERSION] != EV_CURRENT)
        return BAD(error, "e_ident[EI_VERSION]: unknown version %u", p[EI_VERSION]);
    bool wide = p[EI_CLASS] == ELFCLASS64;
    if (wide && size < sizeof(Elf64_Ehdr))
        return BAD(error, "ELF header: the file has only %zu bytes", size);

    header->elf_class = p[EI_CLASS];
    header->swap = (p[EI_DATA] == ELFDATA2MSB) != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
    struct elf_image reader = { .elf_class = header->elf_class, .swap = header->swap };
    header->type = elf_get16(&reader, p + offsetof(Elf64_Ehdr, e_type));
    header->machine = elf_get16(&reader, p + offsetof(Elf64_Ehdr, e_machine));
    header->entry = elf_get_word(&reader, p + 24);
    header->headers = elf_get_word(&reader, p + (wide ? offsetof(Elf64_Ehdr, e_phoff)
                                                      : offsetof(Elf32_Ehdr, e_phoff)));
    header->entry_size = elf_get16(&reader, p + (wide ? offsetof(Elf64_Ehdr, e_phentsize)
                                                      : offsetof(Elf32_Ehdr, e_phentsize)));
    header->count = elf_get16(&reader, p + (wide ? offsetof(Elf64_Ehdr, e_phnum)
                                                 : offsetof(Elf32_Ehdr, e_phnum)));
    size_t expected = wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    if (header->count && header->entry_size != expected)
        return BAD(error, "e_phentsize: %zu, expected %zu", header->entry_size, expected);
    return 0;
}

static struct elf_segment segment_read(const struct elf_image *image, const unsigned char *p)
{
    if (image->elf_class == ELFCLASS64)
        return (struct elf_segment){
            .type   = elf_get32(image, p + offsetof(Elf64_Phdr, p_type)),
            .flags  = elf_get32(image, p + offsetof(Elf64_Phdr, p_flags)),
            .offset = elf_get64(image, p + offsetof(Elf64_Phdr, p_offset)),
            .vaddr  = elf_get64(image, p + offsetof(Elf64_Phdr, p_vaddr)),
            .filesz = elf_get64(image, p + offsetof(Elf64_Phdr, p_filesz)),
            .memsz  = elf_get64(image, p + offsetof(Elf64_Phdr, p_memsz)),
            .align  = elf_get64(image, p + offsetof(Elf64_Phdr, p_align)) };
    return (struct elf_segment){
        .type   = elf_get32(image, p + offsetof(Elf32_Phdr, p_type)),
        .flags  = elf_get32(image, p + offsetof(Elf32_Phdr, p_flags)),
        .offset = elf_get32(image, p + offsetof(Elf32_Phdr, p_offset)),
        .vaddr  = elf_get32(image, p + offsetof(Elf32_Phdr, p_vaddr)),
        .filesz = elf_get32(image, p + offsetof(Elf32_Phdr, p_filesz)),
        .memsz  = elf_get32(image, p + offsetof(Elf32_Phdr, p_memsz)),
        .align  = elf_get32(image, p + offsetof(Elf32_Phdr, p_align)) };
}

static int load_add(struct elf_image *image, const struct elf_segment *s, size_t i,
                    struct graft_error *error)
{
    uint64_t end;
    if (__builtin_add_overflow(s->vaddr, s->memsz, &end) || s->filesz > s->memsz)
        return BAD(error, "program header %zu: p_vaddr, p_filesz and p_memsz contradict", i);
    if (image->segment_count == ELF_SPANS_MAX)
        return BAD(error, "e_phnum: more than %d PT_LOAD segments", ELF_SPANS_MAX);
    if (s->memsz == 0)
        return 0;
    if (image->segment_count == 0 || s->vaddr < image->low)
        image->low = s->vaddr;
    if (image->segment_count == 0 || end > image->high)
        image->high = end;
    image->segment[image->segment_count++] = *s;
    return 0;
}

int elf_image_begin(struct elf_image *image, uint16_t machine, uint16_t type, uint8_t elf_class,
                    bool swap, const void *headers, size_t count, size_t entry_size,
                    uint64_t bias, struct graft_error *error)
{
    memset(image, 0, sizeof *image);
    image->arch = elf_arch_find(machine, elf_class);
    image->machine = machine;
    image->type = type;
    image->elf_class = elf_class;
    image->swap = swap;
    image->bias = bias;
    size_t expected = elf_class == ELFCLASS64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    if (count && entry_size != expected)
        return BAD(error, "e_phentsize: %zu, expected %zu", entry_size, expected);
    for (size_t i = 0; i < count; i++) {
        struct elf_segment s = segment_read(image, (const unsigned char *)headers + i * entry_size);
        switch (s.type) {
        case PT_LOAD: {
            int bad = load_add(image, &s, i, error);
            if (bad)
                return bad;
            break;
        }
        case PT_DYNAMIC:   image->dynamic = s; break;
        case PT_GNU_RELRO: image->relro = s; break;
        case PT_TLS:       image->tls = s; break;
        case PT_NOTE:
            if (image->note_count < sizeof image->note / sizeof *image->note)
                image->note[image->note_count++] = s;
            break;
        default: break;
        }
    }
    if (image->segment_count == 0)
        return BAD(error, "e_phnum: no PT_LOAD segment, nothing of this would be loaded");
    return 0;
}

/* ---- a file ------------------------------------------------------------- */

int elf_image_open_file(struct elf_image *image, const void *bytes, size_t size,
                        struct graft_error *error)
{
    struct elf_header header;
    int result = elf_header_read(&header, bytes, size, error);
    if (result)
        return result;
    const unsigned char *file = bytes;
    uint64_t headers_size = header.count * header.entry_size;
    if (header.headers > size || headers_size > size - header.headers)
        return BAD(error, "e_phoff/e_phnum: the program headers end outside the file");
    const unsigned char *headers = file + header.headers;
    result = elf_image_begin(image, header.machine, header.type, header.elf_class, header.swap,
                             headers, header.count, header.entry_size, 0, error);
    if (result)
        return result;
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct elf_segment *s = &image->segment[i];
        if (s->offset > size || s->filesz > size - s->offset)
            return BAD(error, "PT_LOAD %u: p_offset+p_filesz 0x%" PRIx64 "+0x%" PRIx64
                       " lies outside the file of 0x%zx bytes", i, s->offset, s->filesz, size);
        elf_image_add_span(image, s->vaddr, s->filesz, file + s->offset);
    }
    return elf_image_decode(image, error);
}
