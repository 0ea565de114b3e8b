/* SPDX-License-Identifier: MIT */
/* Variants of hand-made libraries, of each class and byte order: what leaves, what moves,
 * what must stay; the check that reads them back finds every byte that is wrong; and no
 * input, cut or damaged, brings either down. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf/symbol.h"
#include "elf/version.h"
#include "elf_builder.h"
#include "symfile/variant.h"
#include "symfile/variant_walk.h"
#include "symfile/variant_write.h"

enum { TAG_POSFLAG_1 = 0x6ffffdfd, TAG_SYMINFO = 0x6ffffeff };

static const struct { uint8_t elf_class; bool big; uint16_t machine; } kinds[] = {
    { ELFCLASS64, false, EM_X86_64 }, { ELFCLASS32, false, EM_386 }, { ELFCLASS64, true, EM_S390 },
    { ELFCLASS32, true, EM_MIPS }, { ELFCLASS64, true, EM_SPARCV9 }, { ELFCLASS64, false, EM_ALPHA },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* A loader: three needed libraries with versions, of which librt.so.1 is the runtime. */
static const struct build loader = {
    .base = 0x1000, .gnu_hash = true, .sysv_hash = true, .soname = "libloader.so", .runpath = "$ORIGIN",
    .needed = { "liba.so", "librt.so.1", "libz.so" },
    .symbols = {
        { "rt_call",   0,      0, 0, STT_FUNC,   STB_GLOBAL, 0, 5 },
        { "rt_data",   0,      0, 0, STT_OBJECT, STB_GLOBAL, 0, 4 },
        { "a_call",    0,      0, 0, STT_FUNC,   STB_GLOBAL, 0, 3 },
        { "z_call",    0,      0, 0, STT_FUNC,   STB_WEAK,   0, 6 },
        { "own_old",   0x1100, 8, 1, STT_FUNC,   STB_GLOBAL, 0, 0x8002 },
        { "own",       0x1200, 8, 1, STT_FUNC,   STB_GLOBAL, 0, 2 },
        { "plain",     0,      0, 0, STT_NOTYPE, STB_GLOBAL, 0, 1 },
    },
    .versions = { { NULL, "OWN_1", 2 }, { "liba.so", "A_1", 3 }, { "librt.so.1", "RT_1", 4 },
                  { "librt.so.1", "RT_2", 5 }, { "libz.so", "Z_1", 6 } },
    .rela = { { 0, "rt_data", 6, 0 } }, .rela_count = 1,
    .plt = { { 3, "rt_call", 7, 0 }, { 4, "a_call", 7, 0 } }, .plt_count = 2,
    .build_id = "12345678", .build_id_size = 8,
};

static struct build loader_of(size_t kind)
{
    struct build build = loader;
    build.elf_class = kinds[kind].elf_class;
    build.big_endian = kinds[kind].big;
    build.machine = kinds[kind].machine;
    return build;
}

static struct variant_bytes make(const struct built *b, const struct variant_wish *wish)
{
    struct variant_bytes made;
    struct graft_error error = { 0 };
    int result = variant_write(&made, b->bytes, b->size, wish, &error);
    assert_string_equal(error.text, "");
    assert_int_equal(result, 0);
    result = variant_verify(b->bytes, b->size, made.bytes, made.size, wish, &error);
    assert_string_equal(error.text, "");
    assert_int_equal(result, 0);
    return made;
}

static void assert_refused(const struct built *b, const struct variant_wish *wish, int code, const char *words)
{
    struct variant_bytes made;
    struct graft_error error = { 0 };
    assert_int_equal(variant_write(&made, b->bytes, b->size, wish, &error), -code);
    assert_null(made.bytes);
    if (!strstr(error.text, words))
        fail_msg("'%s' does not say '%s'", error.text, words);
}

static struct elf_image open_image(const struct variant_bytes *made)
{
    struct elf_image image;
    struct graft_error error = { 0 };
    int result = elf_image_open_file(&image, made->bytes, made->size, &error);
    assert_string_equal(error.text, "");
    assert_int_equal(result, 0);
    return image;
}

/* What is needed, and the versions with their indexes, in one line. */
static void assert_needs(const struct elf_image *image, const char *wanted)
{
    char text[600] = "";
    const char *name;
    for (size_t i = 0; (name = elf_image_needed(image, i)); i++)
        sprintf(text + strlen(text), "%s ", name);
    strcat(text, "|");
    for (struct walk_file f = walk_files(image); f.at; f = walk_next_file(image, &f)) {
        sprintf(text + strlen(text), " %s", f.name);
        for (struct walk_version v = walk_versions(image, &f); v.at; v = walk_next_version(image, &v))
            sprintf(text + strlen(text), ":%s=%u", v.name, v.index);
    }
    assert_string_equal(text, wanted);
}

static void assert_version(const struct elf_image *image, const char *name, const char *version)
{
    struct elf_symbol symbol;
    uint32_t i = 1, count = elf_symbol_count(image);
    while (i < count && strcmp(elf_symbol_name(image, i), name))
        i++;
    assert_true(i < count && elf_symbol_at(image, i, &symbol));
    elf_symbol_version(image, &symbol);
    if (version)
        assert_string_equal(symbol.version, version);
    else
        assert_null(symbol.version);
}

static uint64_t value_of(const struct elf_image *image, uint64_t tag)
{
    for (size_t i = 0; i < image->dyn.count; i++)
        if (walk_dynamic(image, i).tag == tag)
            return walk_dynamic(image, i).value;
    return UINT64_MAX;
}

/* Gives the first entry with @tag of the built image another one. */
static void retag(struct built *b, uint64_t tag, uint64_t to)
{
    built_put(b, built_dynamic(b, tag) - built_word(b), built_word(b), to);
}

/* ---- leaving out -------------------------------------------------------------- */

static void a_dropped_library_leaves_with_its_versions_whatever_its_place(void **state)
{
    static const struct { const char *drop, *needs; } cases[] = {
        { "liba.so",    "librt.so.1 libz.so | librt.so.1:RT_1=4:RT_2=5 libz.so:Z_1=6" },
        { "librt.so.1", "liba.so libz.so | liba.so:A_1=3 libz.so:Z_1=6" },
        { "libz.so",    "liba.so librt.so.1 | liba.so:A_1=3 librt.so.1:RT_1=4:RT_2=5" },
    };
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            struct built b;
            struct build build = loader_of(kind);
            build_image(&b, &build);
            struct variant_bytes made = make(&b, &(struct variant_wish){ .names = &cases[i].drop, .count = 1 });
            struct elf_image image = open_image(&made);
            assert_needs(&image, cases[i].needs);
            assert_int_equal(made.size, b.size);
            assert_int_equal(value_of(&image, DT_VERNEEDNUM), 2);
            assert_string_equal(image.soname, "libloader.so");
            assert_string_equal(image.runpath, "$ORIGIN");
            assert_memory_equal(image.build_id, "12345678", 8);
            assert_version(&image, "rt_call", i == 1 ? NULL : "RT_2");
            assert_version(&image, "a_call", i == 0 ? NULL : "A_1");
            assert_version(&image, "z_call", i == 2 ? NULL : "Z_1");
            assert_version(&image, "own_old", "OWN_1");
            free(made.bytes);
            built_free(&b);
        }
}

static void several_libraries_leave_at_once(void **state)
{
    const char *const first[] = { "librt.so.1", "liba.so" }, *const last[] = { "libz.so", "librt.so.1" };
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct built b;
        struct build build = loader_of(kind);
        build_image(&b, &build);
        struct variant_bytes made = make(&b, &(struct variant_wish){ first, 2, NULL });
        struct elf_image image = open_image(&made);
        assert_needs(&image, "libz.so | libz.so:Z_1=6");
        assert_int_equal(made.versions, 3);
        assert_int_equal(made.symbols, 3);
        free(made.bytes);
        made = make(&b, &(struct variant_wish){ last, 2, NULL });
        image = open_image(&made);
        assert_needs(&image, "liba.so | liba.so:A_1=3");
        free(made.bytes);
        built_free(&b);
    }
}

/* glibc reads the first entry of DT_VERNEED whatever the count. */
static void the_last_needed_version_takes_its_tags_along(void **state)
{
    const char *const all[] = { "liba.so", "librt.so.1", "libz.so" };
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct built b;
        struct build build = loader_of(kind);
        build_image(&b, &build);
        struct variant_bytes made = make(&b, &(struct variant_wish){ all, 3, NULL });
        struct elf_image image = open_image(&made);
        assert_needs(&image, "|");
        assert_int_equal(value_of(&image, DT_VERNEED), UINT64_MAX);
        assert_int_equal(value_of(&image, DT_VERNEEDNUM), UINT64_MAX);
        assert_int_not_equal(value_of(&image, DT_VERSYM), UINT64_MAX);      /* OWN_1 is defined */
        free(made.bytes);
        built_free(&b);
        build.versions[0] = (struct build_version){ "librt.so.1", "OWN_1", 2 };
        build_image(&b, &build);
        made = make(&b, &(struct variant_wish){ all, 3, NULL });
        image = open_image(&made);
        assert_int_equal(value_of(&image, DT_VERSYM), UINT64_MAX);
        free(made.bytes);
        built_free(&b);
    }
}

static void an_unversioned_loader_loses_one_entry_and_nothing_else(void **state)
{
    const char *const drop[] = { "librt.so.1" };
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct built b;
        struct build build = loader_of(kind);
        memset(build.versions, 0, sizeof build.versions);
        build_image(&b, &build);
        struct variant_bytes made = make(&b, &(struct variant_wish){ drop, 1, NULL });
        struct elf_image image = open_image(&made);
        size_t end = b.dynamic + b.dynamic_count * 2 * built_word(&b);
        assert_needs(&image, "liba.so libz.so |");
        assert_memory_equal(made.bytes, b.bytes, b.dynamic);
        assert_memory_equal(made.bytes + end, b.bytes + end, b.size - end);
        free(made.bytes);
        built_free(&b);
    }
}

static void an_entry_that_counts_from_itself_is_corrected_when_it_moves(void **state)
{
    const char *const drop[] = { "liba.so", "libz.so" };
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct built b;
        struct build build = loader_of(kind);
        build_image(&b, &build);
        retag(&b, DT_SYMENT, DT_MIPS_RLD_MAP_REL);
        built_put(&b, built_dynamic(&b, DT_MIPS_RLD_MAP_REL), built_word(&b), 0x4000);
        struct variant_bytes made = make(&b, &(struct variant_wish){ drop, 2, NULL });
        struct elf_image image = open_image(&made);
        unsigned up = kinds[kind].machine == EM_MIPS ? 2 * 2 * built_word(&b) : 0;
        assert_int_equal(value_of(&image, DT_MIPS_RLD_MAP_REL), 0x4000 + up);
        free(made.bytes);
        built_free(&b);
    }
}

static void flags_of_a_dropped_entry_leave_with_it(void **state)
{
    const char *const second[] = { "librt.so.1" }, *const third[] = { "libz.so" };
    struct built b;
    struct build build = loader_of(0);
    (void)state;
    build_image(&b, &build);
    retag(&b, DT_NEEDED, TAG_POSFLAG_1);
    struct variant_bytes made = make(&b, &(struct variant_wish){ second, 1, NULL });
    struct elf_image image = open_image(&made);
    assert_int_equal(value_of(&image, TAG_POSFLAG_1), UINT64_MAX);
    free(made.bytes);
    made = make(&b, &(struct variant_wish){ third, 1, NULL });
    image = open_image(&made);
    assert_int_not_equal(value_of(&image, TAG_POSFLAG_1), UINT64_MAX);
    free(made.bytes);
    built_free(&b);
}

/* ---- section headers ------------------------------------------------------------- */

enum { DYNSYM = 1, DYNSTR, NEEDS, SECTIONS };

static void put_section(struct built *b, size_t table, size_t i, uint32_t type, size_t offset, size_t size,
                        uint32_t link, uint32_t info)
{
    unsigned word = built_word(b);
    size_t at = table + i * (word == 8 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr));
    built_put(b, at + 4, 4, type);
    built_put(b, at + 8 + word, word, b->from->base + offset);
    built_put(b, at + 8 + 2 * word, word, offset);
    built_put(b, at + 8 + 3 * word, word, size);
    built_put(b, at + 8 + 4 * word, 4, link);
    built_put(b, at + 12 + 4 * word, 4, info);
}

/* Appends headers of .dynsym, .dynstr and .gnu.version_r; returns where they are. */
static size_t add_sections(struct built *b)
{
    unsigned word = built_word(b);
    size_t table = (b->size + 7) & ~(size_t)7, after = 24 + 3 * word + 4;
    built_put(b, 24 + 2 * word, word, table);
    built_put(b, after + 6, 2, word == 8 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr));
    built_put(b, after + 8, 2, SECTIONS);
    put_section(b, table, DYNSYM, SHT_DYNSYM, b->symbols, b->symbol_count * (word == 8 ? 24 : 16), DYNSTR, 1);
    put_section(b, table, DYNSTR, SHT_STRTAB, b->strings, built_get(b, built_dynamic(b, DT_STRSZ), word), 0, 0);
    put_section(b, table, NEEDS, SHT_GNU_verneed, b->verneed, 0x70, DYNSTR, 3);
    b->size = table + SECTIONS * (word == 8 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr));
    return table;
}

static void the_header_of_the_needed_versions_tells_how_many_are_left(void **state)
{
    const char *const drop[] = { "liba.so", "librt.so.1" };
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct built b;
        struct build build = loader_of(kind);
        struct elf_sections sections;
        struct elf_section section;
        build_image(&b, &build);
        add_sections(&b);
        struct variant_bytes made = make(&b, &(struct variant_wish){ drop, 2, NULL });
        assert_int_equal(elf_sections_open(&sections, made.bytes, made.size, NULL), 0);
        assert_true(elf_section_at(&sections, NEEDS, &section));
        assert_int_equal(section.info, 1);
        assert_int_equal(section.vaddr, b.from->base + b.verneed);
        free(made.bytes);
        built_free(&b);
    }
}

/* ---- another library instead --------------------------------------------------------- */

static struct variant_bytes retarget(const struct built *b, const char *onto, enum variant_naming naming)
{
    static const char *const from[] = { "librt.so.1" };
    char wanted[600];
    struct variant_bytes made = make(b, &(struct variant_wish){ from, 1, onto });
    struct elf_image image = open_image(&made);
    assert_int_equal(made.naming, naming);
    snprintf(wanted, sizeof wanted, "liba.so %s libz.so | liba.so:A_1=3 %s:RT_1=4:RT_2=5 libz.so:Z_1=6", onto, onto);
    assert_needs(&image, wanted);
    assert_version(&image, "rt_call", "RT_2");
    assert_version(&image, "z_call", "Z_1");
    assert_string_equal(image.soname, "libloader.so");
    return made;
}

static void another_name_is_taken_from_the_strings_if_it_is_there(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct built b;
        struct build build = loader_of(kind);
        build_image(&b, &build);
        const char *const there[] = { "libloader.so", "loader.so", "so", "RT_2" };
        for (size_t i = 0; i < sizeof there / sizeof *there; i++) {
            struct variant_bytes made = retarget(&b, there[i], VARIANT_NAME_REUSED);
            assert_int_equal(made.size, b.size);
            free(made.bytes);
        }
        built_free(&b);
    }
}

static void a_name_that_is_not_longer_takes_the_old_ones_place(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct built b;
        struct build build = loader_of(kind);
        build_image(&b, &build);
        const char *const fits[] = { "libhost.so", "libhst.so", "h" };
        for (size_t i = 0; i < sizeof fits / sizeof *fits; i++) {
            struct variant_bytes made = retarget(&b, fits[i], VARIANT_NAME_IN_PLACE);
            assert_int_equal(made.size, b.size);
            free(made.bytes);
        }
        built_free(&b);
    }
}

/* Tails are shared: "rt.so.1" may be a symbol's name inside "librt.so.1". */
static void a_name_that_others_share_is_never_overwritten(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++)
        for (int which = 0; which < 5; which++) {
            struct built b;
            struct build build = loader_of(kind);
            build_image(&b, &build);
            unsigned word = built_word(&b);
            size_t needed = built_dynamic(&b, DT_NEEDED) + 2 * word;    /* the second: librt.so.1 */
            uint64_t old = built_get(&b, needed, word);
            assert_string_equal((char *)b.bytes + b.strings + old, "librt.so.1");
            switch (which) {
            case 0: built_put(&b, b.symbols + (word == 8 ? 24 : 16), 4, old + 3); break;
            case 1: built_put(&b, b.verdef + 28 + 20, 4, old + 3); break;      /* OWN_1's vda_name */
            case 2: built_put(&b, b.verneed + 16 + 8, 4, old + 3); break;      /* A_1's vna_name */
            case 3: built_put(&b, built_dynamic(&b, DT_RUNPATH), word, old); break;
            case 4: retag(&b, DT_RUNPATH, DT_FILTER);
                    built_put(&b, built_dynamic(&b, DT_FILTER), word, old + 10); break;
            }
            const char *const from[] = { "librt.so.1" };
            struct variant_bytes made = make(&b, &(struct variant_wish){ from, 1, "libhost.so" });
            assert_int_equal(made.naming, VARIANT_NAME_APPENDED);
            free(made.bytes);
            built_free(&b);
        }
}

/* A string that runs into the old name from in front shares it, too. */
static void a_name_that_is_anothers_tail_is_never_overwritten(void **state)
{
    struct built b;
    struct build build = loader_of(0);
    (void)state;
    build.symbols[6].name = "not_librt.so.1";
    build_image(&b, &build);
    unsigned word = built_word(&b);
    const char *tail = memmem(b.bytes, b.size, "not_librt.so.1", 15);
    assert_non_null(tail);
    uint64_t old = (uint64_t)((unsigned char *)tail + 4 - b.bytes) - b.strings;
    built_put(&b, built_dynamic(&b, DT_NEEDED) + 2 * word, word, old);
    free(retarget(&b, "libhost.so", VARIANT_NAME_APPENDED).bytes);
    built_free(&b);
}

static void a_longer_name_gets_a_new_string_table_and_segment(void **state)
{
    static const char name[] = "libthe_host_has_a_long_name.so.108";
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct built b;
        struct build build = loader_of(kind);
        struct elf_sections sections;
        struct elf_section section;
        build_image(&b, &build);
        add_sections(&b);
        struct variant_bytes made = retarget(&b, name, VARIANT_NAME_APPENDED);
        struct elf_image image = open_image(&made);
        const struct elf_segment *added = &image.segment[1];
        assert_int_equal(image.segment_count, 2);
        assert_int_equal(added->flags, PF_R);
        assert_true(added->vaddr >= b.from->base + b.size && added->align >= 4096);
        assert_int_equal(added->vaddr % added->align, added->offset % added->align);
        assert_int_equal(added->offset + added->filesz, made.size);
        assert_int_equal(elf_sections_open(&sections, made.bytes, made.size, NULL), 0);
        assert_true(elf_section_at(&sections, DYNSTR, &section));
        assert_ptr_equal(section.bytes, image.strings);
        assert_int_equal(section.size, image.strings_size);
        free(made.bytes);
        built_free(&b);
    }
}

/* ---- refusals ------------------------------------------------------------------------- */

static void what_is_no_shared_library_or_not_needed_is_refused(void **state)
{
    const char *const drop[] = { "librt.so.1" }, *const other[] = { "librt.so" };
    const char *const two[] = { "liba.so", "libz.so" };
    const struct variant_wish wish = { drop, 1, NULL };
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct built b;
        struct build build = loader_of(kind);
        build_image(&b, &build);
        assert_refused(&b, &(struct variant_wish){ other, 1, NULL }, GRAFT_ENOOBJ, "librt.so");
        assert_refused(&b, &(struct variant_wish){ two, 2, "libhost.so" }, GRAFT_EINVAL, "one library");
        built_put(&b, 16, 2, ET_EXEC);
        assert_refused(&b, &wish, GRAFT_EFORMAT, "not a shared library");
        built_put(&b, 16, 2, ET_REL);
        assert_refused(&b, &wish, GRAFT_EFORMAT, "not a shared library");
        built_put(&b, 16, 2, ET_DYN);
        retag(&b, DT_RUNPATH, DT_DEBUG);
        assert_refused(&b, &wish, GRAFT_EFORMAT, "a program");
        retag(&b, DT_DEBUG, DT_FLAGS_1);
        built_put(&b, built_dynamic(&b, DT_FLAGS_1), built_word(&b), DF_1_PIE);
        assert_refused(&b, &wish, GRAFT_EFORMAT, "a program");
        retag(&b, DT_FLAGS_1, TAG_SYMINFO);
        assert_refused(&b, &wish, GRAFT_EREFUSED, "DT_SYMINFO");
        retag(&b, TAG_SYMINFO, DT_RUNPATH);
        built_put(&b, built_dynamic(&b, DT_RUNPATH), built_word(&b), 1);
        free(make(&b, &wish).bytes);
        b.bytes[0] = 0;
        assert_refused(&b, &wish, GRAFT_EFORMAT, "ELF");
        built_free(&b);
    }
}

/* ---- choosing --------------------------------------------------------------------------- */

/* Adds an image to a world; the bytes stay with the caller. */
static size_t add(struct world *world, const char *path, struct built *b, const struct build *build)
{
    build_image(b, build);
    struct world_object *object = world_add(world);
    assert_non_null(object);
    object->path = path;
    assert_int_equal(elf_image_open_file(&object->image, b->bytes, b->size, NULL), 0);
    return world->objects.count - 1;
}

static const struct build lua = {
    .elf_class = ELFCLASS64, .machine = EM_X86_64, .base = 0x1000, .gnu_hash = true, .soname = "liblua.so.5",
    .needed = { "libm.so" },
    .symbols = { { "lua_newstate", 0x1100, 8, 1, STT_FUNC, STB_GLOBAL, 0, 2 },
                 { "lua_settop",   0x1110, 8, 1, STT_FUNC, STB_GLOBAL, 0, 0x8002 },
                 { "lua_settop",   0x1120, 8, 1, STT_FUNC, STB_GLOBAL, 0, 3 },
                 { "lua_datum",    0x1130, 8, 1, STT_OBJECT, STB_GLOBAL, 0, 2 },
                 { "lua_thread",   0,      8, 1, STT_TLS, STB_GLOBAL, 0, 2 } },
    .versions = { { NULL, "LUA_1", 2 }, { NULL, "LUA_2", 3 } },
};
static const struct build tcl = {
    .elf_class = ELFCLASS64, .machine = EM_X86_64, .base = 0x1000, .gnu_hash = true, .soname = "libtcl.so",
    .symbols = { { "Tcl_CreateInterp", 0x1100, 8, 1, STT_FUNC, STB_GLOBAL, 0, 0 },
                 { "Tcl_EvalEx",       0x1110, 8, 1, STT_FUNC, STB_GLOBAL, 0, 0 } },
};
static const struct build user = {
    .elf_class = ELFCLASS64, .machine = EM_X86_64, .base = 0x1000, .gnu_hash = true, .soname = "libuser.so",
    .needed = { "liblua.so.5", "libz.so", "libtcl.so" },
    .symbols = { { "lua_newstate", 0, 0, 0, STT_NOTYPE, STB_GLOBAL, 0, 2 },
                 { "lua_settop",   0, 0, 0, STT_NOTYPE, STB_GLOBAL, 0, 3 },
                 { "lua_datum",    0, 0, 0, STT_NOTYPE, STB_GLOBAL, 0, 2 },
                 { "lua_thread",   0, 0, 0, STT_TLS,    STB_GLOBAL, 0, 2 },
                 { "z_call",       0, 0, 0, STT_NOTYPE, STB_GLOBAL, 0, 1 } },
    .versions = { { "liblua.so.5", "LUA_1", 2 }, { "liblua.so.5", "LUA_2", 3 } },
    .rela = { { 0, "lua_datum", R_X86_64_GLOB_DAT, 0 } }, .rela_count = 1,
    .plt = { { 3, "lua_newstate", R_X86_64_JUMP_SLOT, 0 } }, .plt_count = 1,
};

static void the_runtime_is_found_by_what_it_defines(void **state)
{
    struct world world;
    struct built bytes[3];
    struct build build = user;
    struct variant v;
    struct graft_error error = { 0 };
    (void)state;
    build.needed[2] = NULL;
    world_init(&world);
    size_t index = add(&world, "/x/libuser.so", &bytes[0], &build);
    size_t runtime = add(&world, "/x/anything.so", &bytes[1], &lua);
    assert_int_equal(variant_choose(&v, &world, index, NULL, 0, &error), 0);
    assert_int_equal(v.count, 1);
    assert_string_equal(v.library[0].name, "liblua.so.5");
    assert_string_equal(v.library[0].runtime.tag, "lua");
    assert_int_equal(v.library[0].object, runtime);
    assert_int_equal(variant_examine(&v, &world, index, WORLD_NONE, &error), 0);
    assert_int_equal(v.functions, 2);
    assert_int_equal(v.data, 1);
    assert_int_equal(v.tls, 1);
    assert_int_equal(v.at_once, 1);
    assert_int_equal(v.other_version.count, 1);
    assert_string_equal(v.other_version.name[0], "lua_settop");
    assert_string_equal(v.tls_names.name[0], "lua_thread");
    assert_int_equal(v.absent.count, 0);
    size_t poor = add(&world, "/x/poor.so", &bytes[2], &tcl);
    assert_int_equal(variant_choose(&v, &world, index, NULL, 0, &error), 0);
    assert_int_equal(variant_examine(&v, &world, index, poor, &error), 0);
    assert_int_equal(v.absent.count, 4);
    world_free(&world);
    for (size_t i = 0; i < 3; i++)
        built_free(&bytes[i]);
}

static void none_or_several_runtimes_are_refused_by_name(void **state)
{
    struct world world;
    struct built bytes[4];
    struct variant v;
    struct graft_error error = { 0 };
    const char *const glob[] = { "libz*" }, *const nobody[] = { "libq*" }, *const path[] = { "/x/any*" };
    (void)state;
    world_init(&world);
    size_t index = add(&world, "/x/libuser.so", &bytes[0], &user);
    assert_int_equal(variant_choose(&v, &world, index, NULL, 0, &error), -GRAFT_ENODUP);
    assert_non_null(strstr(error.text, "libtcl.so was not found"));
    memset(&error, 0, sizeof error);
    assert_int_equal(variant_choose(&v, &world, index, nobody, 1, &error), -GRAFT_ENOOBJ);
    assert_non_null(strstr(error.text, "liblua.so.5, libz.so, libtcl.so"));
    assert_int_equal(variant_choose(&v, &world, index, glob, 1, NULL), 0);
    assert_string_equal(v.library[0].name, "libz.so");
    assert_int_equal(v.library[0].object, WORLD_NONE);

    add(&world, "/x/anything.so", &bytes[1], &lua);
    add(&world, "/x/libtcl.so", &bytes[2], &tcl);
    memset(&error, 0, sizeof error);
    assert_int_equal(variant_choose(&v, &world, index, NULL, 0, &error), -GRAFT_EAMBIG);
    assert_non_null(strstr(error.text, "liblua.so.5 (lua) and libtcl.so (tcl)"));
    assert_int_equal(variant_choose(&v, &world, index, path, 1, NULL), 0);
    assert_string_equal(v.library[0].name, "liblua.so.5");
    world_free(&world);

    struct build middle = { .elf_class = ELFCLASS64, .machine = EM_X86_64, .base = 0x1000, .gnu_hash = true,
                            .soname = "libz.so", .needed = { "libtcl.so" } };
    struct build indirect = user;
    indirect.needed[0] = "libz.so";
    indirect.needed[1] = NULL;
    built_free(&bytes[0]);
    built_free(&bytes[2]);
    world_init(&world);
    index = add(&world, "/x/libuser.so", &bytes[0], &indirect);
    add(&world, "/x/libtcl.so", &bytes[2], &tcl);
    add(&world, "/x/libz.so", &bytes[3], &middle);
    memset(&error, 0, sizeof error);
    assert_int_equal(variant_choose(&v, &world, index, NULL, 0, &error), -GRAFT_ENODUP);
    assert_non_null(strstr(error.text, "libtcl.so, which another library brings"));
    world_free(&world);
    for (size_t i = 0; i < 4; i++)
        built_free(&bytes[i]);
}

static void a_library_that_brings_the_runtime_back_is_named(void **state)
{
    struct world world;
    struct built bytes[4];
    struct variant v;
    const struct build middle = { .elf_class = ELFCLASS64, .machine = EM_X86_64, .base = 0x1000, .gnu_hash = true,
                                  .soname = "libz.so", .needed = { "libdeep.so" } };
    const struct build deep = { .elf_class = ELFCLASS64, .machine = EM_X86_64, .base = 0x1000, .gnu_hash = true,
                                .soname = "libdeep.so", .needed = { "liblua.so.5" } };
    const char *const one[] = { "liblua*" }, *const both[] = { "liblua*", "libz*" };
    (void)state;
    world_init(&world);
    size_t index = add(&world, "/x/libuser.so", &bytes[0], &user);
    add(&world, "/x/liblua.so", &bytes[1], &lua);
    add(&world, "/x/libz.so", &bytes[2], &middle);
    add(&world, "/x/libdeep.so", &bytes[3], &deep);
    assert_int_equal(variant_choose(&v, &world, index, one, 1, NULL), 0);
    assert_string_equal(v.brings, "libdeep.so");
    assert_string_equal(v.brought, "liblua.so.5");
    assert_int_equal(variant_choose(&v, &world, index, both, 2, NULL), 0);
    assert_int_equal(v.count, 2);
    assert_null(v.brings);
    world_free(&world);
    for (size_t i = 0; i < 4; i++)
        built_free(&bytes[i]);
}

static void a_copied_datum_is_refused(void **state)
{
    struct world world;
    struct built bytes;
    struct build build = user;
    struct variant v;
    struct graft_error error = { 0 };
    const char *const glob[] = { "liblua*" };
    (void)state;
    build.rela[0].type = R_X86_64_COPY;
    world_init(&world);
    size_t index = add(&world, "/x/libuser.so", &bytes, &build);
    assert_int_equal(variant_choose(&v, &world, index, glob, 1, &error), -GRAFT_EREFUSED);
    assert_string_equal(error.symbol, "lua_datum");
    world_free(&world);
    built_free(&bytes);
}

/* ---- reading back, and damage -------------------------------------------------------------- */

/* But in the entry that left: 16 bytes that nothing leads to. */
static void reading_back_finds_every_wrong_byte(void **state)
{
    const char *const drop[] = { "librt.so.1" };
    const struct variant_wish wishes[] = { { drop, 1, NULL }, { drop, 1, "libhost.so" },
                                           { drop, 1, "libhost_with_a_longer_name.so" } };
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++)
        for (size_t w = 0; w < sizeof wishes / sizeof *wishes; w++) {
            struct built b;
            struct build build = loader_of(kind);
            build_image(&b, &build);
            add_sections(&b);
            struct variant_bytes made = make(&b, &wishes[w]);
            size_t unlinked = w == 0 ? b.verneed + 32 : SIZE_MAX;      /* behind liba.so and A_1 */
            for (size_t i = 0; i < made.size; i++) {
                made.bytes[i] ^= 0x41;
                if (!variant_verify(b.bytes, b.size, made.bytes, made.size, &wishes[w], NULL) && i - unlinked >= 16)
                    fail_msg("kind %zu, wish %zu: byte 0x%zx was changed and nobody saw it", kind, w, i);
                made.bytes[i] ^= 0x41;
            }
            free(made.bytes);
            built_free(&b);
        }
}

/* Whatever comes in: an error with its reason, or a variant that can be read. */
static void survive(const unsigned char *bytes, size_t size, const struct variant_wish *wish)
{
    struct variant_bytes made;
    struct graft_error error = { 0 };
    unsigned char *exact = malloc(size ? size : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    if (variant_write(&made, exact, size, wish, &error))
        assert_true(error.text[0] != '\0');
    else
        variant_verify(exact, size, made.bytes, made.size, wish, NULL);
    free(made.bytes);
    free(exact);
}

static void a_library_cut_anywhere_is_survived(void **state)
{
    const char *const drop[] = { "librt.so.1" };
    const struct variant_wish wishes[] = { { drop, 1, NULL }, { drop, 1, "libhost.so" },
                                           { drop, 1, "libhost_with_a_longer_name.so" } };
    (void)state;
    for (size_t kind = 0; kind < 4; kind++) {
        struct built b;
        struct build build = loader_of(kind);
        struct variant_bytes made;
        build_image(&b, &build);
        add_sections(&b);
        for (size_t size = 0; size < b.size; size++) {
            assert_int_equal(variant_write(&made, b.bytes, size, &wishes[0], NULL), -GRAFT_EFORMAT);
            survive(b.bytes, size, &wishes[size % 3]);
        }
        built_free(&b);
    }
}

static void a_library_damaged_anywhere_is_survived(void **state)
{
    static const unsigned char values[] = { 0, 1, 0x7f, 0x80, 0xff };
    const char *const drop[] = { "librt.so.1" };
    const struct variant_wish wishes[] = { { drop, 1, NULL }, { drop, 1, "libhost.so" },
                                           { drop, 1, "libhost_with_a_longer_name.so" } };
    (void)state;
    for (size_t kind = 0; kind < 4; kind++) {
        struct built b;
        struct build build = loader_of(kind);
        build_image(&b, &build);
        add_sections(&b);
        for (size_t i = 0; i < b.size; i++)
            for (size_t v = 0; v < sizeof values; v++) {
                unsigned char was = b.bytes[i];
                b.bytes[i] = values[v];
                survive(b.bytes, b.size, &wishes[(i + v) % 3]);
                b.bytes[i] = was;
            }
        built_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dropped_library_leaves_with_its_versions_whatever_its_place),
        cmocka_unit_test(several_libraries_leave_at_once),
        cmocka_unit_test(the_last_needed_version_takes_its_tags_along),
        cmocka_unit_test(an_unversioned_loader_loses_one_entry_and_nothing_else),
        cmocka_unit_test(an_entry_that_counts_from_itself_is_corrected_when_it_moves),
        cmocka_unit_test(flags_of_a_dropped_entry_leave_with_it),
        cmocka_unit_test(the_header_of_the_needed_versions_tells_how_many_are_left),
        cmocka_unit_test(another_name_is_taken_from_the_strings_if_it_is_there),
        cmocka_unit_test(a_name_that_is_not_longer_takes_the_old_ones_place),
        cmocka_unit_test(a_name_that_others_share_is_never_overwritten),
        cmocka_unit_test(a_name_that_is_anothers_tail_is_never_overwritten),
        cmocka_unit_test(a_longer_name_gets_a_new_string_table_and_segment),
        cmocka_unit_test(what_is_no_shared_library_or_not_needed_is_refused),
        cmocka_unit_test(the_runtime_is_found_by_what_it_defines),
        cmocka_unit_test(none_or_several_runtimes_are_refused_by_name),
        cmocka_unit_test(a_library_that_brings_the_runtime_back_is_named),
        cmocka_unit_test(a_copied_datum_is_refused),
        cmocka_unit_test(reading_back_finds_every_wrong_byte),
        cmocka_unit_test(a_library_cut_anywhere_is_survived),
        cmocka_unit_test(a_library_damaged_anywhere_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
