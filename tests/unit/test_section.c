/* SPDX-License-Identifier: MIT */
/* Section headers, .symtab and separate debug files: against readelf for the symbols of
 * this program, against objcopy for the links, and over hostile bytes, whose walk is
 * that of the fuzz target. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/debug.h"
#include "fuzz/fuzz_file.c"

/* ---- help ------------------------------------------------------------------ */

static void corpus_open(struct mapping *mapping, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "tests/fuzz/corpus-file/%s", name);
    assert_int_equal(mapping_open(mapping, path, NULL), 0);
}

/* Bytes that may be changed. */
static unsigned char *corpus_copy(const char *name, size_t *size)
{
    struct mapping mapping;
    corpus_open(&mapping, name);
    unsigned char *bytes = malloc(mapping.size);
    assert_non_null(bytes);
    memcpy(bytes, mapping.bytes, mapping.size);
    *size = mapping.size;
    mapping_close(&mapping);
    return bytes;
}

static struct elf_symtab_wanted ask(const struct elf_symtab *symtab, const char *name)
{
    struct elf_symtab_wanted wanted = { .name = name };
    elf_symtab_find(symtab, &wanted, 1);
    return wanted;
}

static void put(unsigned char *at, unsigned size, uint64_t value)
{
    memcpy(at, &value, size);
}

/* Where field @offset of section header @i of a 64-bit file of this byte order is. */
static unsigned char *header_field(unsigned char *bytes, size_t i, size_t offset)
{
    uint64_t headers;
    memcpy(&headers, bytes + offsetof(Elf64_Ehdr, e_shoff), 8);
    return bytes + headers + i * sizeof(Elf64_Shdr) + offset;
}

static size_t section_index(const unsigned char *bytes, size_t size, const char *name)
{
    struct elf_sections sections;
    struct elf_section section;
    size_t i = 0;
    assert_int_equal(elf_sections_open(&sections, bytes, size, NULL), 0);
    while (elf_section_at(&sections, i, &section) && strcmp(section.name, name))
        i++;
    assert_true(i < sections.headers.count);
    return i;
}

/* ---- symbols ----------------------------------------------------------------- */

/* What readelf tells of one name: how many addresses, and one of them. */
struct told {
    char name[256];
    uint64_t address;
    unsigned count;
    bool global;
};

enum { TOLD_MAX = 4096 };

static void tell(struct told *told, size_t *count, const char *name, uint64_t address, bool global)
{
    struct told *t = told;
    while (t < told + *count && strcmp(t->name, name))
        t++;
    if (t == told + *count) {
        assert_true(*count < TOLD_MAX);
        *t = (struct told){ .address = address, .count = 1, .global = global };
        strcpy(t->name, name);
        ++*count;
    } else if (global && !t->global)
        t->address = address, t->count = 1, t->global = true;
    else if (global == t->global && address != t->address)
        t->count = 2;
}

/* Lines of readelf: "  12: 0000000000001139    11 FUNC    LOCAL  DEFAULT   14 name". */
static size_t ask_readelf(const char *file, struct told *told)
{
    char command[2 * PATH_MAX], line[4096], name[256], type[32], bind[32], section[32];
    unsigned long long address;
    size_t count = 0;
    bool in_symtab = false;
    snprintf(command, sizeof command, "readelf -sW '%s'", file);
    FILE *output = popen(command, "r");
    assert_non_null(output);
    while (fgets(line, sizeof line, output)) {
        in_symtab |= !strncmp(line, "Symbol table '.symtab'", 22);
        if (in_symtab && strlen(line) < 300
            && sscanf(line, " %*d: %llx %*s %31s %31s %*s %31s %255s", &address, type, bind, section, name) == 5
            && strcmp(section, "UND") && strcmp(type, "FILE") && strcmp(type, "SECTION") && !strchr(name, '@'))
            tell(told, &count, name, address, strcmp(bind, "LOCAL"));
    }
    pclose(output);
    return count;
}

static void compare_with_readelf(const char *file)
{
    static struct told told[TOLD_MAX];
    static struct elf_symtab_wanted wanted[TOLD_MAX + 1];
    struct mapping mapping;
    struct elf_symtab symtab;
    size_t count = ask_readelf(file, told);
    assert_true(count > 5);
    for (size_t i = 0; i < count; i++)
        wanted[i] = (struct elf_symtab_wanted){ .name = told[i].name };
    wanted[count] = (struct elf_symtab_wanted){ .name = "no such symbol" };
    assert_int_equal(mapping_open(&mapping, file, NULL), 0);
    assert_int_equal(elf_symtab_open(&symtab, NULL, mapping.bytes, mapping.size, NULL), 0);
    elf_symtab_find(&symtab, wanted, count + 1);
    for (size_t i = 0; i < count; i++)
        if (wanted[i].found != told[i].count || wanted[i].symbol.value != told[i].address)
            fail_msg("%s: %s: readelf says %u addresses and %llx, graft %u and %llx", file, told[i].name,
                     told[i].count, (unsigned long long)told[i].address, wanted[i].found,
                     (unsigned long long)wanted[i].symbol.value);
    assert_int_equal(wanted[count].found, 0);
    mapping_close(&mapping);
}

static void symbols_are_those_that_readelf_shows(void **state)
{
    static const char *const files[] = { "symtab.so", "symtab-i386.so", "symtab-powerpc64.o", "symtab.debug" };
    char path[PATH_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "tests/fuzz/corpus-file/%s", files[i]);
        compare_with_readelf(path);
    }
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    assert_true(length > 0);
    path[length] = '\0';
    compare_with_readelf(path);
}

static void two_static_functions_of_one_name_are_ambiguous(void **state)
{
    static const char *const files[] = { "symtab.so", "symtab-i386.so", "symtab.debug" };
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct mapping mapping;
        struct elf_symtab symtab;
        corpus_open(&mapping, files[i]);
        assert_int_equal(elf_symtab_open(&symtab, NULL, mapping.bytes, mapping.size, NULL), 0);
        assert_int_equal(ask(&symtab, "twice").found, 2);
        assert_int_equal(ask(&symtab, "twic").found, 0);
        assert_int_equal(ask(&symtab, "twice2").found, 0);
        assert_int_equal(ask(&symtab, "local_data").found, 1);
        assert_int_equal(ask(&symtab, "local_data").symbol.bind, STB_LOCAL);
        assert_int_equal(ask(&symtab, "graft_weak").symbol.bind, STB_WEAK);
        assert_int_equal(ask(&symtab, "graft_tls").symbol.type, STT_TLS);
        assert_int_equal(ask(&symtab, "one.c").found, 0);
        mapping_close(&mapping);
    }
}

static void a_global_symbol_wins_over_local_ones(void **state)
{
    size_t size;
    unsigned char *bytes = corpus_copy("symtab.so", &size);
    struct elf_symtab symtab;
    struct elf_symbol symbol;
    (void)state;
    assert_int_equal(elf_symtab_open(&symtab, NULL, bytes, size, NULL), 0);
    for (size_t last = 0, i = 0; elf_symtab_at(&symtab, i, &symbol); i++) {
        if (strcmp(symbol.name, "twice"))
            continue;
        unsigned char *entry = bytes + (symtab.symbols.bytes - bytes) + i * sizeof(Elf64_Sym);
        entry[offsetof(Elf64_Sym, st_info)] = ELF64_ST_INFO(last ? STB_LOCAL : STB_GLOBAL, STT_FUNC);
        last = i;
    }
    assert_int_equal(ask(&symtab, "twice").found, 1);
    assert_int_equal(ask(&symtab, "twice").symbol.bind, STB_GLOBAL);
    for (size_t left = 2, i = 0; left && elf_symtab_at(&symtab, i, &symbol); i++) {
        if (strcmp(symbol.name, "twice"))
            continue;                       /* now the other one, which comes later */
        unsigned char *entry = bytes + (symtab.symbols.bytes - bytes) + i * sizeof(Elf64_Sym);
        entry[offsetof(Elf64_Sym, st_info)] = ELF64_ST_INFO(--left ? STB_LOCAL : STB_WEAK, STT_FUNC);
    }
    assert_int_equal(ask(&symtab, "twice").found, 1);
    assert_int_equal(ask(&symtab, "twice").symbol.bind, STB_WEAK);
    free(bytes);
}

static void a_name_finds_its_default_version_only(void **state)
{
    struct mapping mapping;
    struct elf_symtab symtab;
    (void)state;
    corpus_open(&mapping, "symtab.so");
    assert_int_equal(elf_symtab_open(&symtab, NULL, mapping.bytes, mapping.size, NULL), 0);
    assert_int_equal(ask(&symtab, "graft_versioned").found, 1);
    assert_int_equal(ask(&symtab, "graft_versioned").symbol.value, ask(&symtab, "v_two").symbol.value);
    assert_int_equal(ask(&symtab, "graft_versioned@G_1").symbol.value, ask(&symtab, "v_one").symbol.value);
    mapping_close(&mapping);
}

static void a_name_that_is_wanted_twice_is_found_twice(void **state)
{
    struct elf_symtab_wanted wanted[] = { { .name = "graft_answer" }, { .name = "twice" }, { .name = "graft_answer" } };
    struct mapping mapping;
    struct elf_symtab symtab;
    (void)state;
    corpus_open(&mapping, "symtab.so");
    assert_int_equal(elf_symtab_open(&symtab, NULL, mapping.bytes, mapping.size, NULL), 0);
    elf_symtab_find(&symtab, wanted, 3);
    elf_symtab_find(&symtab, wanted, 3);        /* what the first time left does not disturb */
    assert_int_equal(wanted[0].found, 1);
    assert_int_equal(wanted[1].found, 2);
    assert_int_equal(wanted[2].symbol.value, wanted[0].symbol.value);
    elf_symtab_find(&symtab, wanted, 0);
    mapping_close(&mapping);
}

static void a_stripped_file_has_no_symbols_and_that_is_no_error(void **state)
{
    struct mapping mapping;
    struct elf_symtab symtab;
    struct elf_symbol symbol;
    (void)state;
    corpus_open(&mapping, "debuglink.so");
    assert_int_equal(elf_symtab_open(&symtab, NULL, mapping.bytes, mapping.size, NULL), 0);
    assert_int_equal(symtab.symbols.count, 0);
    assert_false(elf_symtab_at(&symtab, 0, &symbol));
    assert_int_equal(ask(&symtab, "graft_answer").found, 0);
    mapping_close(&mapping);
}

static void symbols_of_another_machine_are_refused(void **state)
{
    struct mapping mapping, other;
    struct elf_image image;
    struct elf_symtab symtab;
    struct graft_error error = { 0 };
    (void)state;
    corpus_open(&mapping, "symtab.so");
    corpus_open(&other, "symtab-i386.so");
    assert_int_equal(elf_image_open_file(&image, mapping.bytes, mapping.size, NULL), 0);
    assert_int_equal(elf_symtab_open(&symtab, &image, mapping.bytes, mapping.size, NULL), 0);
    assert_int_equal(elf_symtab_open(&symtab, &image, other.bytes, other.size, &error), -GRAFT_EARCH);
    assert_non_null(strstr(error.text, "e_machine"));
    mapping_close(&mapping);
    mapping_close(&other);
}

/* ---- many sections ------------------------------------------------------------- */

/* An object file whose section numbers do not fit into 16 bits. */
static void make_many_sections(const char *path)
{
    char command[PATH_MAX + 64];
    snprintf(command, sizeof command, "gcc -x assembler -c - -o '%s'", path);
    FILE *input = popen(command, "w");
    assert_non_null(input);
    for (int i = 0; i < 66000; i++)
        fprintf(input, ".section s%d,\"a\"\n.byte 0\n", i);
    fputs(".globl last_one\nlast_one: .byte 1\n.globl first_one\n.text\nfirst_one: .byte 2\n", input);
    assert_int_equal(pclose(input), 0);
}

static void more_sections_than_the_header_can_count_are_read(void **state)
{
    char path[] = "/tmp/graft-section-XXXXXX";
    struct mapping mapping;
    struct elf_symtab symtab;
    struct elf_section section;
    (void)state;
    close(mkstemp(path));
    make_many_sections(path);
    assert_int_equal(mapping_open(&mapping, path, NULL), 0);
    unlink(path);
    assert_int_equal(elf_symtab_open(&symtab, NULL, mapping.bytes, mapping.size, NULL), 0);
    assert_true(symtab.file.headers.count > 66000);
    assert_true(elf_section_find(&symtab.file, "s65999", &section));
    struct elf_symtab_wanted last = ask(&symtab, "last_one"), first = ask(&symtab, "first_one");
    assert_int_equal(last.found, 1);
    assert_int_equal(last.symbol.section, SHN_XINDEX);
    assert_int_equal(last.symbol.value, 1);
    assert_true(first.symbol.section > 0 && first.symbol.section < SHN_LORESERVE);

    unsigned char zero[4] = { 0 }, *changed = malloc(symtab.extended.count * 4);
    assert_non_null(changed);
    memcpy(changed, symtab.extended.bytes, symtab.extended.count * 4);
    memcpy(changed + 4 * last.symbol.index, zero, 4);
    symtab.extended.bytes = changed;
    assert_int_equal(ask(&symtab, "last_one").found, 0);    /* section 0: undefined */
    free(changed);
    mapping_close(&mapping);
}

/* ---- hostile bytes ---------------------------------------------------------------- */

static const char *const files[] = { "symtab.so", "symtab-i386.so", "symtab-powerpc64.o", "symtab.debug",
                                     "debuglink.so" };
enum { FILES = sizeof files / sizeof *files };

static void a_file_cut_at_any_byte_is_survived_and_refused_without_its_headers(void **state)
{
    (void)state;
    for (size_t f = 0; f < FILES; f++) {
        size_t size;
        unsigned char *bytes = corpus_copy(files[f], &size);
        for (size_t cut = 0; cut < size; cut++) {
            struct elf_sections sections;
            LLVMFuzzerTestOneInput(bytes, cut);
            assert_int_equal(elf_sections_open(&sections, bytes, cut, NULL), -GRAFT_EFORMAT);
        }
        free(bytes);
    }
}

static void try_values(unsigned char *bytes, size_t size, size_t at, unsigned width)
{
    const uint64_t values[] = { 0, 1, 2, 7, 0x7f, 0xff, 0xff00, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
        INT64_MAX, UINT64_MAX, UINT64_MAX - 7, size - 1, size, size + 1 };
    unsigned char before[8];
    if (at + width > size)
        return;
    memcpy(before, bytes + at, width);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        uint64_t swapped = __builtin_bswap64(values[i]) >> (64 - 8 * width);
        put(bytes + at, width, values[i]);
        LLVMFuzzerTestOneInput(bytes, size);
        put(bytes + at, width, swapped);
        LLVMFuzzerTestOneInput(bytes, size);
    }
    memcpy(bytes + at, before, width);
}

static void try_fields(unsigned char *bytes, size_t size, size_t from, size_t end)
{
    for (size_t at = from; at < end; at += 2) {
        try_values(bytes, size, at, 2);
        if (at % 4 == 0)
            try_values(bytes, size, at, 4);
        if (at % 8 == 0)
            try_values(bytes, size, at, 8);
    }
}

static void any_value_in_any_field_of_headers_and_symbols_is_survived(void **state)
{
    (void)state;
    for (size_t f = 0; f < FILES; f++) {
        size_t size;
        unsigned char *bytes = corpus_copy(files[f], &size);
        struct elf_symtab symtab;
        assert_int_equal(elf_symtab_open(&symtab, NULL, bytes, size, NULL), 0);
        size_t headers = (size_t)(symtab.file.headers.bytes - bytes);
        try_fields(bytes, size, 0, 64);
        try_fields(bytes, size, headers, headers + symtab.file.headers.count * symtab.file.headers.entry_size);
        if (symtab.symbols.count) {
            size_t symbols = (size_t)(symtab.symbols.bytes - bytes);
            try_fields(bytes, size, symbols, symbols + symtab.symbols.count * symtab.symbols.entry_size);
        }
        free(bytes);
    }
}

static void any_value_in_a_link_to_a_debug_file_is_survived(void **state)
{
    size_t size;
    unsigned char *bytes = corpus_copy("debuglink.so", &size);
    struct elf_sections sections;
    struct elf_section section;
    (void)state;
    assert_int_equal(elf_sections_open(&sections, bytes, size, NULL), 0);
    assert_true(elf_section_find(&sections, ".gnu_debuglink", &section));
    for (size_t at = section.offset; at < section.offset + section.size; at++)
        try_values(bytes, size, at, 1);
    unsigned char *length = header_field(bytes, section_index(bytes, size, ".gnu_debuglink"),
                                         offsetof(Elf64_Shdr, sh_size));
    for (uint64_t cut = 0; cut < section.size; cut++) {
        const char *name;
        uint32_t crc;
        put(length, 8, cut);
        assert_int_equal(elf_sections_open(&sections, bytes, size, NULL), 0);
        assert_false(elf_debuglink(&sections, &name, &crc));
    }
    free(bytes);
}

static void each_field_is_named_when_it_is_wrong(void **state)
{
    size_t size;
    unsigned char *bytes = corpus_copy("symtab.so", &size);
    size_t symtab = section_index(bytes, size, ".symtab"), strtab = section_index(bytes, size, ".strtab");
    const struct { unsigned char *at; unsigned width; uint64_t value; const char *words; } cases[] = {
        { bytes + offsetof(Elf64_Ehdr, e_shentsize), 2, 40, "e_shentsize" },
        { bytes + offsetof(Elf64_Ehdr, e_shoff), 8, UINT64_MAX, "e_shoff" },
        { bytes + offsetof(Elf64_Ehdr, e_shoff), 8, size - 63, "e_shoff" },
        { bytes + offsetof(Elf64_Ehdr, e_shnum), 2, 0xff, "e_shnum" },
        { bytes + offsetof(Elf64_Ehdr, e_shstrndx), 2, 1, "e_shstrndx" },
        { bytes + offsetof(Elf64_Ehdr, e_shstrndx), 2, 0xfe, "e_shstrndx" },
        { header_field(bytes, symtab, offsetof(Elf64_Shdr, sh_entsize)), 8, 16, "sh_entsize" },
        { header_field(bytes, symtab, offsetof(Elf64_Shdr, sh_entsize)), 8, 0, "sh_entsize" },
        { header_field(bytes, symtab, offsetof(Elf64_Shdr, sh_offset)), 8, size, "sh_offset" },
        { header_field(bytes, symtab, offsetof(Elf64_Shdr, sh_size)), 8, UINT64_MAX, "sh_size" },
        { header_field(bytes, symtab, offsetof(Elf64_Shdr, sh_link)), 4, (uint64_t)symtab, "sh_link" },
        { header_field(bytes, symtab, offsetof(Elf64_Shdr, sh_link)), 4, 0xffff, "sh_link" },
        { header_field(bytes, strtab, offsetof(Elf64_Shdr, sh_size)), 8, 0, "sh_link" },
        { header_field(bytes, strtab, offsetof(Elf64_Shdr, sh_size)), 8, 2, "sh_link" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct elf_symtab opened;
        struct graft_error error = { 0 };
        unsigned char before[8];
        memcpy(before, cases[i].at, cases[i].width);
        put(cases[i].at, cases[i].width, cases[i].value);
        int result = elf_symtab_open(&opened, NULL, bytes, size, &error);
        memcpy(cases[i].at, before, cases[i].width);
        if (result != -GRAFT_EFORMAT || !strstr(error.text, cases[i].words))
            fail_msg("wanted '%s', got %d '%s'", cases[i].words, result, error.text);
    }
    free(bytes);
}

/* ---- debug files ------------------------------------------------------------------- */

static char root[] = "/tmp/graft-debug-XXXXXX";

static const char *below_root(const char *path)
{
    static char buffer[PATH_MAX];
    snprintf(buffer, sizeof buffer, "%s%s", root, path);
    return buffer;
}

/* Writes a file and the folders above it. */
static void place(const char *path, const char *from)
{
    char command[3 * PATH_MAX];
    snprintf(command, sizeof command, "mkdir -p \"$(dirname '%s')\" && cp 'tests/fuzz/corpus-file/%s' '%s'",
             below_root(path), from, below_root(path));
    assert_int_equal(system(command), 0);
}

static void take_away(const char *path)
{
    assert_int_equal(unlink(below_root(path)), 0);
}

/* The path that is found for the stripped library in /lib, "" for none. */
static const char *found_debug(const struct elf_image *image, const struct mapping *mapping)
{
    static struct debug_file debug;
    static char path[PATH_MAX];
    struct elf_symtab symtab;
    struct graft_error error = { 0 };
    errno = 77;
    int result = debug_open(&debug, root, "/lib/libx.so", image, mapping->bytes, mapping->size, &error);
    assert_int_equal(errno, 77);
    assert_int_equal(result, error.code);
    strcpy(path, result ? "" : debug.path + strlen(root));
    if (!result) {
        assert_int_equal(elf_symtab_open(&symtab, image, debug.mapping.bytes, debug.mapping.size, NULL), 0);
        assert_int_equal(ask(&symtab, "twice").found, 2);
    } else
        assert_int_equal(result, -GRAFT_ENOOBJ);
    debug_close(&debug);
    assert_null(debug.mapping.bytes);
    return path;
}

/* ROOT/usr/lib/debug/.build-id/xx/rest.debug */
static const char *by_id(const struct elf_image *image)
{
    static char path[PATH_MAX];
    size_t length = (size_t)snprintf(path, sizeof path, "/usr/lib/debug/.build-id/%02x/", image->build_id[0]);
    for (size_t i = 1; i < image->build_id_size; i++)
        length += (size_t)snprintf(path + length, sizeof path - length, "%02x", image->build_id[i]);
    snprintf(path + length, sizeof path - length, ".debug");
    return path;
}

static void a_debug_file_is_found_by_build_id_and_then_by_its_link(void **state)
{
    static const char *const places[] = { "/lib/symtab.debug", "/lib/.debug/symtab.debug",
                                          "/usr/lib/debug/lib/symtab.debug" };
    struct mapping mapping;
    struct elf_image image;
    (void)state;
    corpus_open(&mapping, "debuglink.so");
    assert_int_equal(elf_image_open_file(&image, mapping.bytes, mapping.size, NULL), 0);
    assert_int_equal(image.build_id_size, 20);
    assert_string_equal(found_debug(&image, &mapping), "");
    for (size_t i = 3; i-- > 0;) {              /* each comes before those behind it */
        place(places[i], "symtab.debug");
        assert_string_equal(found_debug(&image, &mapping), places[i]);
    }
    place(by_id(&image), "symtab.debug");
    assert_string_equal(found_debug(&image, &mapping), by_id(&image));
    take_away(by_id(&image));
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(found_debug(&image, &mapping), places[i]);
        place(places[i], "symtab-i386.so");     /* neither the CRC nor the build-id */
    }
    place(by_id(&image), "symtab-i386.so");
    assert_string_equal(found_debug(&image, &mapping), "");
    place(by_id(&image), "cache");
    assert_string_equal(found_debug(&image, &mapping), "");
    mapping_close(&mapping);
}

static void a_link_that_leads_out_of_its_folder_is_not_followed(void **state)
{
    size_t size;
    unsigned char *bytes = corpus_copy("debuglink.so", &size);
    struct elf_sections sections;
    struct elf_section section;
    struct elf_image image;
    (void)state;
    assert_int_equal(elf_sections_open(&sections, bytes, size, NULL), 0);
    assert_true(elf_section_find(&sections, ".gnu_debuglink", &section));
    memcpy(bytes + section.offset, "../x/y.debug", 13);
    place("/x/y.debug", "symtab.debug");
    assert_int_equal(elf_image_open_file(&image, bytes, size, NULL), 0);
    image.build_id_size = 0;
    assert_string_equal(found_debug(&image, &(struct mapping){ bytes, size }), "");
    free(bytes);
}

static void the_crc_is_that_of_ieee_802_3(void **state)
{
    struct mapping stripped, debug;
    struct elf_sections sections;
    const char *name;
    uint32_t crc;
    (void)state;
    assert_int_equal(debug_crc32("123456789", 9), 0xcbf43926);
    assert_int_equal(debug_crc32("", 0), 0);
    corpus_open(&stripped, "debuglink.so");
    corpus_open(&debug, "symtab.debug");
    assert_int_equal(elf_sections_open(&sections, stripped.bytes, stripped.size, NULL), 0);
    assert_true(elf_debuglink(&sections, &name, &crc));
    assert_string_equal(name, "symtab.debug");
    assert_int_equal(crc, debug_crc32(debug.bytes, debug.size));
    mapping_close(&stripped);
    mapping_close(&debug);
}

static void a_debug_file_without_usable_segments_has_its_build_id(void **state)
{
    struct mapping stripped, debug;
    struct elf_image image;
    struct elf_sections sections;
    uint8_t id[ELF_BUILD_ID_MAX];
    (void)state;
    corpus_open(&stripped, "debuglink.so");
    corpus_open(&debug, "symtab.debug");
    assert_int_equal(elf_image_open_file(&image, stripped.bytes, stripped.size, NULL), 0);
    assert_int_equal(elf_sections_open(&sections, debug.bytes, debug.size, NULL), 0);
    assert_int_equal(elf_sections_build_id(&sections, id), image.build_id_size);
    assert_memory_equal(id, image.build_id, image.build_id_size);
    mapping_close(&stripped);
    mapping_close(&debug);
}

static int prepare(void **state)
{
    (void)state;
    return mkdtemp(root) ? 0 : -1;
}

static int clean(void **state)
{
    char command[PATH_MAX];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(symbols_are_those_that_readelf_shows),
        cmocka_unit_test(two_static_functions_of_one_name_are_ambiguous),
        cmocka_unit_test(a_global_symbol_wins_over_local_ones),
        cmocka_unit_test(a_name_finds_its_default_version_only),
        cmocka_unit_test(a_name_that_is_wanted_twice_is_found_twice),
        cmocka_unit_test(a_stripped_file_has_no_symbols_and_that_is_no_error),
        cmocka_unit_test(symbols_of_another_machine_are_refused),
        cmocka_unit_test(more_sections_than_the_header_can_count_are_read),
        cmocka_unit_test(a_file_cut_at_any_byte_is_survived_and_refused_without_its_headers),
        cmocka_unit_test(any_value_in_any_field_of_headers_and_symbols_is_survived),
        cmocka_unit_test(any_value_in_a_link_to_a_debug_file_is_survived),
        cmocka_unit_test(each_field_is_named_when_it_is_wrong),
        cmocka_unit_test(a_debug_file_is_found_by_build_id_and_then_by_its_link),
        cmocka_unit_test(a_link_that_leads_out_of_its_folder_is_not_followed),
        cmocka_unit_test(the_crc_is_that_of_ieee_802_3),
        cmocka_unit_test(a_debug_file_without_usable_segments_has_its_build_id),
    };
    return cmocka_run_group_tests(tests, prepare, clean);
}
