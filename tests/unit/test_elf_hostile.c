/* SPDX-License-Identifier: MIT */
/* src/elf over hostile images: no field of them may crash it, read past the bytes,
 * keep it busy, or be refused without a word. Run with the sanitizers to see bad
 * reads. The walk, and what must hold of every result, is that of the fuzz target. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <elf.h>
#include <stdio.h>
#include <time.h>

#include "fuzz/fuzz_elf.c"
#include "elf_builder.h"

/* ---- help ---------------------------------------------------------------- */

/* A refusal says which field it is about. */
static void assert_names_a_field(const struct graft_error *error)
{
    static const char *const fields[] = { "e_", "DT_", "PT_", "p_", "ELF header", "program header" };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strstr(error->text, fields[i]))
            return;
    fail_msg("'%s' names no field", error->text);
}

static int open_bytes(const void *bytes, size_t size, struct graft_error *error)
{
    struct elf_image image;
    memset(error, 0, sizeof *error);
    int result = elf_image_open_file(&image, bytes, size, error);
    if (result)
        assert_names_a_field(error);
    return result;
}

static void survive(const void *bytes, size_t size)
{
    struct graft_error error;
    open_bytes(bytes, size, &error);
    LLVMFuzzerTestOneInput(bytes, size);
}

static const struct build sample = {
    .elf_class = ELFCLASS64, .machine = EM_X86_64, .base = 0x1000, .gnu_hash = true, .sysv_hash = true,
    .soname = "libgraft_seed.so", .runpath = "$ORIGIN", .needed = { "libdep.so" },
    .build_id = "12345678", .build_id_size = 8,
    .symbols = {
        { "graft_import", 0,      0, 0, STT_FUNC, STB_GLOBAL, 0, 4 },
        { "graft_answer", 0x1100, 8, 1, STT_FUNC, STB_GLOBAL, 0, 0x8002 },
        { "graft_answer", 0x1200, 8, 1, STT_FUNC, STB_GLOBAL, 0, 3 },
        { "graft_taken",  0x1300, 0, 0, STT_FUNC, STB_GLOBAL, 0, 1 },
    },
    .versions = { { NULL, "GRAFT_1", 2 }, { NULL, "GRAFT_2", 3 }, { "libdep.so", "DEP_1", 4 },
                  { "libdep.so", "DEP_2", 5 } },
    .rela = { { 0, "graft_import", 6, 0 }, { 1, "graft_answer", 1, 4 } }, .rela_count = 2,
    .rel = { { 2, "graft_answer", 1, 0 } }, .rel_count = 1,
    .plt = { { 3, "graft_import", 7, 0 } }, .plt_count = 1,
};

static const struct { uint8_t elf_class; bool big; } kinds[] = {
    { ELFCLASS64, false }, { ELFCLASS32, false }, { ELFCLASS64, true }, { ELFCLASS32, true },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static struct build sample_of(size_t kind)
{
    struct build build = sample;
    build.elf_class = kinds[kind].elf_class;
    build.big_endian = kinds[kind].big;
    build.machine = build.elf_class == ELFCLASS64 ? EM_X86_64 : EM_386;
    return build;
}

/* ---- every length, every field -------------------------------------------- */

static void a_file_cut_at_any_byte_is_refused_and_the_field_named(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        struct build build = sample_of(k);
        struct built built;
        struct graft_error error;
        build_image(&built, &build);
        assert_int_equal(open_bytes(built.bytes, built.size, &error), 0);
        for (size_t size = 0; size < built.size; size++) {
            assert_int_not_equal(open_bytes(built.bytes, size, &error), 0);
            LLVMFuzzerTestOneInput(built.bytes, size);
        }
        built_free(&built);
    }
}

static void a_library_of_a_linker_cut_at_any_byte_is_refused_and_the_field_named(void **state)
{
    (void)state;
    static const char *const files[] = { "gnu-hash.so", "i386.so", "powerpc64.so", "copy", "mold.so" };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        unsigned char bytes[8192];
        char path[64];
        struct graft_error error;
        snprintf(path, sizeof path, "tests/fuzz/corpus/%s", files[i]);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        size_t whole = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        assert_int_equal(open_bytes(bytes, whole, &error), 0);
        for (size_t size = 0; size < whole; size++) {
            assert_int_not_equal(open_bytes(bytes, size, &error), 0);
            LLVMFuzzerTestOneInput(bytes, size);
        }
    }
}

/* What a field is set to in turn: the ends of its range, and just outside of what
 * it may reach. */
static void try_values(struct built *b, size_t at, unsigned size)
{
    const uint64_t values[] = {
        0, 1, 2, 3, 7, 8, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
        INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX, UINT64_MAX - 7, UINT64_MAX - 0x1000,
        b->size - 1, b->size, b->size + 1, b->size - b->strings, b->from->base - 1, b->from->base,
        b->from->base + 1, b->from->base + b->size - 1, b->from->base + b->size, b->from->base + b->size + 1,
        built_get(b, at, size) - 1, built_get(b, at, size) + 1, built_get(b, at, size) * 2,
    };
    uint64_t before = built_get(b, at, size);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        built_put(b, at, size, values[i]);
        survive(b->bytes, b->size);
    }
    built_put(b, at, size, before);
}

static void any_value_in_any_field_of_the_headers_is_survived(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        struct build build = sample_of(k);
        struct built built;
        build_image(&built, &build);
        for (size_t at = 0; at < EI_NIDENT; at++)
            try_values(&built, at, 1);
        for (size_t at = EI_NIDENT; at < built.dynamic; at += 2) {
            try_values(&built, at, 2);
            if (at % 4 == 0)
                try_values(&built, at, 4);
            if (at % 8 == 0 && build.elf_class == ELFCLASS64)
                try_values(&built, at, 8);
        }
        built_free(&built);
    }
}

static void any_value_in_any_tag_or_value_of_the_dynamic_section_is_survived(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        struct build build = sample_of(k);
        struct built built;
        build_image(&built, &build);
        unsigned word = built_word(&built);
        for (size_t i = 0; i < built.dynamic_count * 2; i++)
            try_values(&built, built.dynamic + i * word, word);
        built_free(&built);
    }
}

static void any_tag_in_place_of_any_other_is_survived(void **state)
{
    (void)state;
    struct build build = sample_of(0);
    struct built built;
    build_image(&built, &build);
    for (size_t i = 0; i < built.dynamic_count; i++) {
        size_t at = built.dynamic + 16 * i;
        uint64_t before = built_get(&built, at, 8);
        for (size_t k = 0; k < built.dynamic_count; k++) {
            built_put(&built, at, 8, built_get(&built, built.dynamic + 16 * k, 8));
            survive(built.bytes, built.size);
        }
        built_put(&built, at, 8, before);
    }
    built_free(&built);
}

/* Notes, strings, symbols, versions, hash tables, relocations. */
static void any_value_in_any_word_of_the_tables_is_survived(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        struct build build = sample_of(k);
        struct built built;
        build_image(&built, &build);
        for (size_t at = built.note; at + 4 <= built.size; at += 2) {
            if (at >= built.slots && built.rela && at < built.rela)
                continue;
            try_values(&built, at, at % 4 ? 2 : 4);
        }
        built_free(&built);
    }
}

/* ---- the error's words ------------------------------------------------------- */

struct spoil {
    size_t at;
    unsigned size;
    uint64_t value;
};

static void assert_refused(struct built *b, struct spoil spoil, const char *words)
{
    struct graft_error error;
    uint64_t before = built_get(b, spoil.at, spoil.size);
    built_put(b, spoil.at, spoil.size, spoil.value);
    int result = open_bytes(b->bytes, b->size, &error);
    built_put(b, spoil.at, spoil.size, before);
    if (!result || !strstr(error.text, words))
        fail_msg("wanted '%s', got %d '%s'", words, result, error.text);
}

static void each_header_field_is_named_when_it_is_wrong(void **state)
{
    (void)state;
    struct build build = sample_of(0);
    struct built b;
    build_image(&b, &build);
    size_t load = b.headers, dynamic = load + sizeof(Elf64_Phdr);
    const struct { struct spoil spoil; const char *words; } cases[] = {
        { { 0, 1, 0 }, "magic" },
        { { EI_CLASS, 1, 3 }, "e_ident[EI_CLASS]" },
        { { EI_DATA, 1, 0 }, "e_ident[EI_DATA]" },
        { { EI_VERSION, 1, 9 }, "e_ident[EI_VERSION]" },
        { { offsetof(Elf64_Ehdr, e_phentsize), 2, 55 }, "e_phentsize" },
        { { offsetof(Elf64_Ehdr, e_phoff), 8, UINT64_MAX }, "e_phoff" },
        { { offsetof(Elf64_Ehdr, e_phoff), 8, b.size - 55 }, "e_phoff" },
        { { offsetof(Elf64_Ehdr, e_phnum), 2, 0xffff }, "e_phnum" },
        { { offsetof(Elf64_Ehdr, e_phnum), 2, 0 }, "e_phnum" },
        { { load + offsetof(Elf64_Phdr, p_offset), 8, 1 }, "p_offset" },
        { { load + offsetof(Elf64_Phdr, p_filesz), 8, b.size + 1 }, "p_filesz" },
        { { load + offsetof(Elf64_Phdr, p_memsz), 8, UINT64_MAX }, "p_memsz" },
        { { load + offsetof(Elf64_Phdr, p_type), 4, PT_NULL }, "PT_LOAD" },
        { { dynamic + offsetof(Elf64_Phdr, p_vaddr), 8, 0 }, "PT_DYNAMIC" },
        { { dynamic + offsetof(Elf64_Phdr, p_filesz), 8, 64 }, "DT_NULL" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(&b, cases[i].spoil, cases[i].words);
    built_free(&b);
}

static void each_dynamic_entry_is_named_when_it_is_wrong(void **state)
{
    (void)state;
    static const struct { uint64_t tag, value; const char *words; } cases[] = {
        { DT_STRTAB, 0, "DT_STRTAB" },           { DT_STRSZ, 0, "DT_STRSZ" },
        { DT_STRSZ, 3, "not ended" },            { DT_STRSZ, UINT64_MAX, "DT_STRSZ" },
        { DT_SYMTAB, 0x10, "DT_SYMTAB" },        { DT_SYMENT, 16, "DT_SYMENT" },
        { DT_SONAME, 0x100000, "DT_SONAME" },    { DT_RUNPATH, UINT64_MAX, "DT_RUNPATH" },
        { DT_VERSYM, 1, "DT_VERSYM" },           { DT_VERDEF, 1, "DT_VERDEF" },
        { DT_VERNEED, 1, "DT_VERNEED" },         { DT_HASH, 1, "DT_HASH" },
        { DT_GNU_HASH, 1, "DT_GNU_HASH" },       { DT_RELA, UINT64_MAX, "DT_RELA" },
        { DT_RELASZ, 1u << 30, "DT_RELA" },      { DT_RELASZ, 25, "DT_RELA" },
        { DT_RELAENT, 12, "DT_RELA" },           { DT_REL, UINT64_MAX, "DT_REL" },
        { DT_RELSZ, 15, "DT_REL" },              { DT_RELENT, 24, "DT_REL" },
        { DT_JMPREL, 0, "DT_JMPREL" },           { DT_PLTRELSZ, 1 << 20, "DT_JMPREL" },
        { DT_PLTREL, 99, "DT_PLTREL" },
    };
    struct build build = sample_of(0);
    struct built b;
    build_image(&b, &build);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(&b, (struct spoil){ built_dynamic(&b, cases[i].tag), 8, cases[i].value }, cases[i].words);
    built_free(&b);
}

static void each_field_of_the_hash_tables_and_version_chains_is_named_when_it_is_wrong(void **state)
{
    (void)state;
    struct build build = sample_of(0);
    struct built b;
    build_image(&b, &build);
    size_t aux = b.verneed + sizeof(Elf64_Verneed);
    const struct { struct spoil spoil; const char *words; } cases[] = {
        { { b.gnu_hash, 4, 0 }, "buckets" },
        { { b.gnu_hash, 4, UINT32_MAX }, "DT_GNU_HASH" },
        { { b.gnu_hash + 8, 4, 3 }, "bloom" },
        { { b.gnu_hash + 8, 4, 0x80000000 }, "DT_GNU_HASH" },
        { { b.sysv_hash, 4, UINT32_MAX }, "DT_HASH" },
        { { b.sysv_hash + 4, 4, UINT32_MAX }, "chains" },
        { { b.verdef + offsetof(Elf64_Verdef, vd_aux), 4, 1 << 20 }, "vd_aux" },
        { { b.verdef + offsetof(Elf64_Verdef, vd_next), 4, 19 }, "vd_next" },
        { { b.verdef + offsetof(Elf64_Verdef, vd_next), 4, 1 << 20 }, "DT_VERDEF: entry 1" },
        { { b.verdef + sizeof(Elf64_Verdef), 4, 1 << 20 }, "vda_name" },
        { { b.verneed + offsetof(Elf64_Verneed, vn_aux), 4, 1 << 20 }, "vn_aux" },
        { { b.verneed + offsetof(Elf64_Verneed, vn_next), 4, 8 }, "vn_next" },
        { { b.verneed + offsetof(Elf64_Verneed, vn_next), 4, 1 << 20 }, "DT_VERNEED: entry 1" },
        { { aux + offsetof(Elf64_Vernaux, vna_name), 4, 1 << 20 }, "vna_name" },
        { { aux + offsetof(Elf64_Vernaux, vna_next), 4, 15 }, "vna_next" },
    };
    built_put(&b, built_dynamic(&b, DT_VERNEEDNUM), 8, 2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(&b, cases[i].spoil, cases[i].words);
    built_free(&b);
}

static void program_headers_of_a_foreign_size_are_refused_also_in_memory(void **state)
{
    (void)state;
    struct elf_image image;
    struct graft_error error = { 0 };
    unsigned char headers[8] = { 1 };
    assert_int_equal(elf_image_begin(&image, EM_X86_64, ET_DYN, ELFCLASS64, false, headers, 1, 8, 0, &error),
                     -GRAFT_EFORMAT);
    assert_non_null(strstr(error.text, "e_phentsize"));
}

static void a_note_of_any_size_is_survived_and_a_large_build_id_ignored(void **state)
{
    (void)state;
    struct build build = sample_of(0);
    struct built built;
    struct elf_image image;
    char id[64] = { 1 };
    build.build_id = id;
    build.build_id_size = sizeof id;
    build_image(&built, &build);
    assert_int_equal(elf_image_open_file(&image, built.bytes, built.size, NULL), 0);
    assert_int_equal(image.build_id_size, 0);
    built_free(&built);
}

static void a_note_that_ends_too_soon_gives_no_build_id(void **state)
{
    (void)state;
    struct build build = sample_of(0);
    for (uint32_t size = 1; size <= ELF_BUILD_ID_MAX; size++)
        for (size_t present = 0; present <= size; present++) {
            struct built b;
            struct elf_image image;
            build_image(&b, &build);
            size_t note = b.size, at = b.headers + 2 * sizeof(Elf64_Phdr);
            built_put(&b, note, 4, 4);
            built_put(&b, note + 4, 4, size);
            built_put(&b, note + 8, 4, NT_GNU_BUILD_ID);
            memcpy(b.bytes + note + 12, "GNU", 4);
            b.size = note + 16 + present;
            built_put(&b, at + offsetof(Elf64_Phdr, p_vaddr), 8, build.base + note);
            built_put(&b, at + offsetof(Elf64_Phdr, p_filesz), 8, 16 + present);
            built_put(&b, b.headers + offsetof(Elf64_Phdr, p_filesz), 8, b.size);
            built_put(&b, b.headers + offsetof(Elf64_Phdr, p_memsz), 8, b.size);
            assert_int_equal(elf_image_open_file(&image, b.bytes, b.size, NULL), 0);
            assert_int_equal(image.build_id_size, present < size ? 0 : size);
            survive(b.bytes, b.size);
            built_free(&b);
        }
}

static void random_bytes_are_survived(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (size_t k = 0; k < KINDS; k++)
        for (int round = 0; round < 3000; round++) {
            struct build build = sample_of(k);
            struct built built;
            build_image(&built, &build);
            for (int spots = 0; spots < 8; spots++) {
                seed = seed * 1664525 + 1013904223;
                built.bytes[(seed >> 8) % built.size] = (unsigned char)(seed >> 24);
            }
            survive(built.bytes, built.size);
            built_free(&built);
        }
}

/* ---- time ---------------------------------------------------------------------- */

#if defined(__SANITIZE_ADDRESS__)
enum { SLOWER = 5 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { SLOWER = 5 };
#else
enum { SLOWER = 1 };
#endif
#else
enum { SLOWER = 1 };
#endif

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static bool in_valgrind(void)
{
    const char *preload = getenv("LD_PRELOAD");
    return preload && strstr(preload, "vgpreload");
}

enum { HOSTILE_SIZE = 64 * 1024, LIMIT_MS = 100 };

static void assert_quick(const struct elf_image *image, const char *name, const char *version)
{
    struct elf_wanted wanted = { .name = name, .version = version };
    struct elf_symbol found;
    double start = now();
    elf_lookup(image, &wanted, &found);
    double took = now() - start;
    if (took > LIMIT_MS * SLOWER && !in_valgrind())
        fail_msg("a lookup took %.0f ms", took);
}

/* An image of 64 KiB whose tables lie behind each other where the test wants them. */
static void hostile_open(struct elf_image *image, struct built *b, struct build *build)
{
    *build = sample_of(0);
    build_image(b, build);
    b->size = HOSTILE_SIZE;
    built_put(b, b->headers + offsetof(Elf64_Phdr, p_filesz), 8, b->size);
    built_put(b, b->headers + offsetof(Elf64_Phdr, p_memsz), 8, b->size);
    memset(image, 0, sizeof *image);
}

static void set_dynamic(struct built *b, uint64_t tag, uint64_t value)
{
    built_put(b, built_dynamic(b, tag), 8, value);
}

static void put_symbol(struct built *b, size_t at, uint32_t name)
{
    built_put(b, at, 4, name);
    built_put(b, at + offsetof(Elf64_Sym, st_info), 1, STB_GLOBAL << 4 | STT_FUNC);
    built_put(b, at + offsetof(Elf64_Sym, st_shndx), 2, 1);
    built_put(b, at + offsetof(Elf64_Sym, st_value), 8, 0x1100);
}

static void a_cyclic_sysv_chain_of_long_names_ends_soon(void **state)
{
    (void)state;
    struct build build;
    struct built b;
    struct elf_image image;
    enum { NAME = 30000, CHAINS = 7000 };
    hostile_open(&image, &b, &build);
    size_t strings = 0x1000, table = strings + NAME + 8;
    memset(b.bytes + strings, 'x', NAME);
    b.bytes[strings + NAME] = '\0';
    set_dynamic(&b, DT_STRTAB, build.base + strings);
    set_dynamic(&b, DT_STRSZ, NAME + 1);
    set_dynamic(&b, DT_SONAME, 0);
    set_dynamic(&b, DT_RUNPATH, 0);
    set_dynamic(&b, DT_VERDEFNUM, 0);
    set_dynamic(&b, DT_VERNEEDNUM, 0);
    set_dynamic(&b, DT_GNU_HASH, 0);
    set_dynamic(&b, DT_HASH, build.base + table);
    built_put(&b, b.symbols + 24, 4, 0);
    built_put(&b, table, 4, 1);
    built_put(&b, table + 4, 4, CHAINS);
    built_put(&b, table + 8, 4, 1);
    built_put(&b, table + 12 + 4, 4, 1);        /* the chain's second entry leads to itself */
    assert_int_equal(elf_image_open_file(&image, b.bytes, b.size, NULL), 0);
    image.gnu.buckets = 0;
    char *name = strdup((char *)b.bytes + strings);
    name[NAME - 1] = 'y';
    assert_quick(&image, name, NULL);
    free(name);
    built_free(&b);
}

/* Every symbol has the wanted name, and the last version of the longest chain. */
static void many_versions_of_one_name_cost_bounded_time(void **state)
{
    (void)state;
    struct build build;
    struct built b;
    struct elf_image image;
    enum { SYMBOLS = 1000, VERSIONS = 1800 };
    hostile_open(&image, &b, &build);
    size_t symbols = 0x1000, versym = symbols + 24 * (SYMBOLS + 1), table = versym + 2 * (SYMBOLS + 2),
           needs = table + 16 + 8 + 4 + 4 * (SYMBOLS + 1);
    uint32_t name = (uint32_t)built_get(&b, b.symbols + 24 * (b.symbol_count - 1), 4);
    const char *wanted = (char *)b.bytes + b.strings + name;
    table = (table + 7) & ~(size_t)7;
    needs = (needs + 15) & ~(size_t)7;
    for (size_t i = 1; i <= SYMBOLS; i++) {
        put_symbol(&b, symbols + 24 * i, name);
        built_put(&b, versym + 2 * i, 2, VERSIONS + 1);
        built_put(&b, table + 28 + 4 * (i - 1), 4, elf_hash_gnu(wanted) & ~1u);
    }
    built_put(&b, table, 4, 1);
    built_put(&b, table + 4, 4, 1);
    built_put(&b, table + 8, 4, 1);
    built_put(&b, table + 16, 8, UINT64_MAX);
    built_put(&b, table + 24, 4, 1);
    built_put(&b, needs, 2, 1);
    built_put(&b, needs + 2, 2, VERSIONS);
    built_put(&b, needs + 8, 4, 16);
    built_put(&b, needs + 12, 4, 0);
    for (size_t i = 0; i < VERSIONS; i++) {
        built_put(&b, needs + 16 + 16 * i + 6, 2, 2 + i);
        built_put(&b, needs + 16 + 16 * i + 8, 4, 1);
        built_put(&b, needs + 16 + 16 * i + 12, 4, i + 1 < VERSIONS ? 16 : 0);
    }
    set_dynamic(&b, DT_SYMTAB, build.base + symbols);
    set_dynamic(&b, DT_VERSYM, build.base + versym);
    set_dynamic(&b, DT_GNU_HASH, build.base + table);
    set_dynamic(&b, DT_VERNEED, build.base + needs);
    set_dynamic(&b, DT_VERNEEDNUM, UINT32_MAX);
    set_dynamic(&b, DT_VERDEFNUM, 0);
    struct graft_error error = { 0 };
    elf_image_open_file(&image, b.bytes, b.size, &error);
    assert_string_equal(error.text, "");
    struct elf_symbol last = { .index = SYMBOLS, .section = 1 };
    elf_symbol_version(&image, &last);
    assert_non_null(last.version);
    assert_quick(&image, wanted, "no such version");
    double start = now();
    LLVMFuzzerTestOneInput(b.bytes, b.size);
    assert_true(now() - start < 1000 * SLOWER || in_valgrind());
    built_free(&b);
}

static void version_chains_that_stand_still_or_run_backwards_are_refused(void **state)
{
    (void)state;
    struct build build = sample_of(0);
    struct built b;
    build_image(&b, &build);
    set_dynamic(&b, DT_VERDEFNUM, UINT32_MAX);
    set_dynamic(&b, DT_VERNEEDNUM, UINT32_MAX);
    assert_refused(&b, (struct spoil){ b.verdef + offsetof(Elf64_Verdef, vd_next), 4, 1 }, "vd_next");
    assert_refused(&b, (struct spoil){ b.verdef + offsetof(Elf64_Verdef, vd_next), 4, (uint32_t)-28 }, "DT_VERDEF");
    assert_refused(&b, (struct spoil){ b.verneed + offsetof(Elf64_Verneed, vn_next), 4, 1 }, "vn_next");
    assert_refused(&b, (struct spoil){ b.verneed + offsetof(Elf64_Verneed, vn_next), 4, (uint32_t)-16 }, "DT_VERNEED");
    built_free(&b);
}

/* Link addresses at the end of the address space: a step forward wraps to the start. */
static void a_version_chain_around_the_end_of_the_address_space_ends(void **state)
{
    (void)state;
    struct build build = sample_of(0);
    struct built b;
    build.base = UINT64_MAX - 0x1fff;
    build_image(&b, &build);
    set_dynamic(&b, DT_VERDEFNUM, UINT32_MAX);
    built_put(&b, b.verdef + offsetof(Elf64_Verdef, vd_next), 4, 0x2000);
    survive(b.bytes, b.size);
    built_free(&b);
}

static void more_versions_than_the_limit_are_refused(void **state)
{
    (void)state;
    struct build build;
    struct built b;
    struct elf_image image;
    struct graft_error error;
    enum { VERSIONS = 2300 };
    hostile_open(&image, &b, &build);
    size_t needs = 0x2000;
    for (int second = 0; second < 2; second++) {
        size_t at = second ? needs + 16 : needs;
        built_put(&b, at, 2, 1);
        built_put(&b, at + 2, 2, VERSIONS);
        built_put(&b, at + 8, 4, 0x1000 - 16 * second);
        built_put(&b, at + 12, 4, second ? 0 : 16);
    }
    for (size_t i = 0; i < VERSIONS; i++)
        built_put(&b, needs + 0x1000 + 16 * i + 12, 4, 16);
    set_dynamic(&b, DT_VERNEED, build.base + needs);
    set_dynamic(&b, DT_VERNEEDNUM, 2);
    assert_int_equal(open_bytes(b.bytes, b.size, &error), -GRAFT_EFORMAT);
    assert_non_null(strstr(error.text, "more than"));
    built_free(&b);
}

static void more_version_definitions_and_files_than_the_limit_are_refused(void **state)
{
    (void)state;
    for (int needs = 0; needs < 2; needs++) {
        struct build build;
        struct built b;
        struct elf_image image;
        struct graft_error error;
        size_t at = 0x800, entry = needs ? sizeof(Elf64_Verneed) : sizeof(Elf64_Verdef);
        hostile_open(&image, &b, &build);
        unsigned char *large = calloc(1, 2 * BUILT_SIZE);
        assert_non_null(large);
        set_dynamic(&b, needs ? DT_VERNEED : DT_VERDEF, build.base + at);
        set_dynamic(&b, needs ? DT_VERNEEDNUM : DT_VERDEFNUM, UINT32_MAX);
        set_dynamic(&b, needs ? DT_VERDEFNUM : DT_VERNEEDNUM, 0);
        built_put(&b, b.headers + offsetof(Elf64_Phdr, p_filesz), 8, 2 * BUILT_SIZE);
        built_put(&b, b.headers + offsetof(Elf64_Phdr, p_memsz), 8, 2 * BUILT_SIZE);
        memcpy(large, b.bytes, BUILT_SIZE);
        for (; at + entry <= 2 * BUILT_SIZE; at += entry)
            large[at + (needs ? offsetof(Elf64_Verneed, vn_next) : offsetof(Elf64_Verdef, vd_next))] =
                (unsigned char)entry;
        assert_int_equal(open_bytes(large, 2 * BUILT_SIZE, &error), -GRAFT_EFORMAT);
        assert_non_null(strstr(error.text, "more than"));
        free(large);
        built_free(&b);
    }
}

static void more_segments_than_the_limit_are_refused(void **state)
{
    (void)state;
    struct build build = sample_of(0);
    struct built b;
    struct graft_error error;
    build_image(&b, &build);
    size_t headers = b.size;
    for (size_t i = 0; i < ELF_SPANS_MAX + 1; i++, b.size += sizeof(Elf64_Phdr))
        memcpy(b.bytes + b.size, b.bytes + b.headers, sizeof(Elf64_Phdr));
    built_put(&b, offsetof(Elf64_Ehdr, e_phoff), 8, headers);
    built_put(&b, offsetof(Elf64_Ehdr, e_phnum), 2, ELF_SPANS_MAX);
    assert_int_equal(open_bytes(b.bytes, b.size, &error), 0);
    built_put(&b, offsetof(Elf64_Ehdr, e_phnum), 2, ELF_SPANS_MAX + 1);
    assert_int_equal(open_bytes(b.bytes, b.size, &error), -GRAFT_EFORMAT);
    assert_non_null(strstr(error.text, "e_phnum"));
    built_free(&b);
}

static void a_gnu_chain_without_an_end_stops_at_the_end_of_the_image(void **state)
{
    (void)state;
    struct build build;
    struct built b;
    struct elf_image image;
    hostile_open(&image, &b, &build);
    size_t table = 0x1000;
    built_put(&b, table, 4, 1);
    built_put(&b, table + 4, 4, 0);
    built_put(&b, table + 8, 4, 1);
    built_put(&b, table + 16, 8, UINT64_MAX);
    for (size_t at = table + 28; at < b.size; at += 4)
        built_put(&b, at, 4, elf_hash_gnu("graft_answer") & ~1u);
    set_dynamic(&b, DT_GNU_HASH, build.base + table);
    set_dynamic(&b, DT_VERNEEDNUM, 0);
    assert_int_equal(elf_image_open_file(&image, b.bytes, b.size, NULL), 0);
    assert_quick(&image, "graft_answer", "GRAFT_9");
    assert_true(elf_symbol_count(&image) <= image.symbols.count);
    survive(b.bytes, b.size);
    built_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_cut_at_any_byte_is_refused_and_the_field_named),
        cmocka_unit_test(a_library_of_a_linker_cut_at_any_byte_is_refused_and_the_field_named),
        cmocka_unit_test(any_value_in_any_field_of_the_headers_is_survived),
        cmocka_unit_test(any_value_in_any_tag_or_value_of_the_dynamic_section_is_survived),
        cmocka_unit_test(any_tag_in_place_of_any_other_is_survived),
        cmocka_unit_test(any_value_in_any_word_of_the_tables_is_survived),
        cmocka_unit_test(each_header_field_is_named_when_it_is_wrong),
        cmocka_unit_test(each_dynamic_entry_is_named_when_it_is_wrong),
        cmocka_unit_test(each_field_of_the_hash_tables_and_version_chains_is_named_when_it_is_wrong),
        cmocka_unit_test(program_headers_of_a_foreign_size_are_refused_also_in_memory),
        cmocka_unit_test(a_note_of_any_size_is_survived_and_a_large_build_id_ignored),
        cmocka_unit_test(a_note_that_ends_too_soon_gives_no_build_id),
        cmocka_unit_test(random_bytes_are_survived),
        cmocka_unit_test(a_cyclic_sysv_chain_of_long_names_ends_soon),
        cmocka_unit_test(many_versions_of_one_name_cost_bounded_time),
        cmocka_unit_test(version_chains_that_stand_still_or_run_backwards_are_refused),
        cmocka_unit_test(a_version_chain_around_the_end_of_the_address_space_ends),
        cmocka_unit_test(more_versions_than_the_limit_are_refused),
        cmocka_unit_test(more_version_definitions_and_files_than_the_limit_are_refused),
        cmocka_unit_test(more_segments_than_the_limit_are_refused),
        cmocka_unit_test(a_gnu_chain_without_an_end_stops_at_the_end_of_the_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
