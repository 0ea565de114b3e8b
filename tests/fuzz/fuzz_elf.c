/* SPDX-License-Identifier: MIT */
/* Fuzz target over src/elf: the input is a file, then the same bytes as the memory
 * of a process. Invariant: every loop here has a limit of its own, so that slow
 * means slow inside src/elf. What must hold beyond "no bad read" is asserted. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "elf/image.h"
#include "elf/reloc.h"
#include "elf/symbol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NEEDED_MAX = 64, SYMBOLS_MAX = 4096, LOOKUPS_MAX = 64, RELOCS_MAX = 8192 };

static volatile uint64_t sink;

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void touch(const char *text)
{
    if (text)
        sink += strlen(text);
}

static void look_up(const struct elf_image *image, const char *name, const char *version)
{
    struct elf_symbol found;
    for (int canonical = 0; canonical < 2; canonical++) {
        struct elf_wanted wanted = { .name = name, .version = version, .canonical = canonical };
        if (elf_lookup(image, &wanted, &found) == ELF_ABSENT)
            continue;
        must(!strcmp(found.name, name));
        must(found.index < image->symbols.count);
        touch(found.version);
    }
}

static void walk_symbols(const struct elf_image *image)
{
    uint32_t count = elf_symbol_count(image);
    struct elf_symbol symbol;
    must(count <= image->symbols.count);
    must(!elf_symbol_at(image, UINT32_MAX, &symbol));
    for (uint32_t i = 0; i < count && i < SYMBOLS_MAX; i++) {
        if (!elf_symbol_at(image, i, &symbol))
            continue;
        must(elf_symbol_name(image, i) == symbol.name);
        elf_symbol_version(image, &symbol);
        if (symbol.version)
            sink += (unsigned char)symbol.version[0];
        if (i < LOOKUPS_MAX) {
            look_up(image, symbol.name, NULL);
            look_up(image, symbol.name, symbol.version);
        }
    }
    look_up(image, "", NULL);
    look_up(image, "graft_answer", NULL);
    look_up(image, "graft_answer", "GRAFT_1");
}

static void walk_relocs(const struct elf_image *image)
{
    const struct elf_span *hint = NULL;
    struct elf_symbol symbol;
    uint64_t word;
    for (unsigned t = 0; t < ELF_RELOC_TABLES; t++)
        for (size_t i = 0; i < image->relocs[t].count && i < RELOCS_MAX; i++) {
            struct elf_reloc reloc = elf_reloc_at(image, &image->relocs[t], i);
            if (image->arch)
                sink += elf_reloc_class(image->arch, reloc.type);
            if (elf_slot_read(image, &hint, reloc.offset, &word))
                sink += word;
            if (elf_symbol_at(image, reloc.symbol, &symbol))
                elf_symbol_version(image, &symbol);
            sink += elf_image_covers(image, reloc.offset, 1);
        }
}

static void walk(const struct elf_image *image)
{
    const char *name;
    for (size_t i = 0; i < NEEDED_MAX && (name = elf_image_needed(image, i)); i++)
        touch(name);
    touch(image->soname);
    touch(image->runpath);
    touch(image->rpath);
    must(image->build_id_size <= ELF_BUILD_ID_MAX);
    for (size_t i = 0; i < image->build_id_size; i++)
        sink += image->build_id[i];
    walk_symbols(image);
    walk_relocs(image);
}

static void check_error(int result, const struct graft_error *error)
{
    must(result < 0 ? result == error->code && error->text[0] : !error->code);
}

static void open_file(const uint8_t *data, size_t size)
{
    struct elf_image image;
    struct graft_error error = { 0 };
    int result = elf_image_open_file(&image, data, size, &error);
    check_error(result, &error);
    if (!result)
        walk(&image);
}

/* A segment's file bytes stand for its memory. */
static void add_span(struct elf_image *image, const struct elf_segment *s, const uint8_t *data, size_t size)
{
    if (s->offset <= size && s->filesz <= size - s->offset)
        elf_image_add_span(image, s->vaddr, s->filesz, data + s->offset);
}

/* As attach does: the dynamic section alone first, then only what it needs. The
 * input's e_entry serves as the bias. */
static void open_memory(const uint8_t *data, size_t size)
{
    struct elf_header header;
    struct elf_image image;
    struct graft_error error = { 0 };
    if (elf_header_read(&header, data, size, NULL))
        return;
    if (header.headers > size || header.count * header.entry_size > size - header.headers)
        return;
    int result = elf_image_begin(&image, header.machine, header.type, header.elf_class, header.swap,
                                 data + header.headers, header.count, header.entry_size,
                                 header.entry, &error);
    check_error(result, &error);
    if (result)
        return;
    struct elf_image first = image;
    add_span(&first, &first.dynamic, data, size);
    uint32_t needs = elf_image_needs(&first);
    for (unsigned i = 0; i < image.segment_count; i++)
        if (needs >> i & 1)
            add_span(&image, &image.segment[i], data, size);
    result = elf_image_decode(&image, &error);
    check_error(result, &error);
    if (!result)
        walk(&image);
}

/* The copy is exactly as large as the input: a read past its end is seen. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        return 0;
    if (size)
        memcpy(copy, data, size);
    open_file(copy, size);
    open_memory(copy, size);
    free(copy);
    return 0;
}
