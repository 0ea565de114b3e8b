/* SPDX-License-Identifier: MIT */
/* Fuzz target over what else is read of files: the input is an ld.so.cache, then the
 * sections of an ELF file. What must hold beyond "no bad read" is asserted: strings end
 * inside the input, and each answer is one that the input supports. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "elf/section.h"
#include "file/cache.h"
#include "file/hwcaps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WALK_MAX = 4096, WANTED = 5 };

static volatile uint64_t file_sink;

static void file_must(bool holds)
{
    if (!holds)
        abort();
}

static void must_be_inside(const char *text, const uint8_t *data, size_t size)
{
    const uint8_t *p = (const uint8_t *)text;
    file_must(p >= data && p < data + size && memchr(p, 0, (size_t)(data + size - p)));
}

/* ---- the cache --------------------------------------------------------------- */

static void ask_cache(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "libleaf.so", "liblinked.so.9", "libfive.so.10", "", "lib9.so", "~" };
    struct cache cache;
    if (!cache_open(&cache, data, size)) {
        file_must(!cache.bytes && !cache.count && !cache_find(&cache, "libleaf.so", 0x303, 1));
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (unsigned level = 0; level <= HWCAPS_LEVEL_MAX; level++) {
            const char *path = cache_find(&cache, names[i], 0x303, level);
            if (path)
                must_be_inside(path, data, size);
        }
    file_must(!cache_find(&cache, "libleaf.so", 0, 4));
}

/* ---- sections ---------------------------------------------------------------- */

static void walk_sections(const struct elf_sections *sections, const uint8_t *data, size_t size)
{
    struct elf_section section;
    uint8_t id[ELF_BUILD_ID_MAX];
    const char *link;
    uint32_t crc;
    for (size_t i = 0; i < WALK_MAX && elf_section_at(sections, i, &section); i++) {
        file_sink += strlen(section.name);
        if (!section.bytes || !section.size)
            continue;
        file_must(section.bytes >= data && section.size <= size - (size_t)(section.bytes - data));
        file_sink += section.bytes[0] + section.bytes[section.size - 1];
    }
    file_must(!elf_section_at(sections, SIZE_MAX, &section));
    if (elf_debuglink(sections, &link, &crc))
        must_be_inside(link, data, size);
    file_must(elf_sections_build_id(sections, id) <= ELF_BUILD_ID_MAX);
}

/* The first names of the table itself, looked for in it. */
static void look_for_names(const struct elf_symtab *symtab)
{
    struct elf_symtab_wanted wanted[WANTED] = { { .name = "graft_answer" }, { .name = "" } };
    struct elf_symbol symbol;
    size_t count = 2;
    for (size_t i = 0; i < WALK_MAX && elf_symtab_at(symtab, i, &symbol); i++) {
        file_sink += strlen(symbol.name) + symbol.value + symbol.section;
        if (symbol.section && symbol.type != 3 && symbol.type != 4 && count < WANTED && !strchr(symbol.name, '@'))
            wanted[count++].name = symbol.name;
    }
    file_must(!elf_symtab_at(symtab, SIZE_MAX, &symbol));
    elf_symtab_find(symtab, wanted, count);
    for (size_t i = 0; i < count; i++) {
        file_must(wanted[i].found <= 2 && (i < 2 || wanted[i].found));
        file_must(!wanted[i].found || !strncmp(wanted[i].symbol.name, wanted[i].name, strlen(wanted[i].name)));
    }
}

static void read_elf(const uint8_t *data, size_t size)
{
    struct elf_sections sections;
    struct elf_symtab symtab;
    struct graft_error error = { 0 };
    int result = elf_sections_open(&sections, data, size, &error);
    file_must(result < 0 ? result == error.code && error.text[0] : !error.code);
    if (result)
        return;
    walk_sections(&sections, data, size);
    result = elf_symtab_open(&symtab, NULL, data, size, &error);
    file_must(result < 0 ? result == error.code && error.text[0] : !error.code);
    if (!result)
        look_for_names(&symtab);
}

/* The copy is exactly as large as the input: a read past its end is seen. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        return 0;
    if (size)
        memcpy(copy, data, size);
    ask_cache(copy, size);
    read_elf(copy, size);
    free(copy);
    return 0;
}
