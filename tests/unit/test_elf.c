/* SPDX-License-Identifier: MIT */
/* src/elf over good images: system files held against readelf, what linkers make
 * (tests/fuzz/corpus), and images of any class and byte order built by hand. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf/image.h"
#include "elf/reloc.h"
#include "elf/symbol.h"
#include "elf_builder.h"

#define CORPUS "tests/fuzz/corpus/"

/* ---- help ---------------------------------------------------------------- */

struct file {
    void *bytes;
    size_t size;
    struct elf_image image;
};

static bool file_open(struct file *file, const char *path)
{
    struct stat st;
    struct graft_error error = { 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    assert_int_equal(fstat(fd, &st), 0);
    file->size = (size_t)st.st_size;
    file->bytes = mmap(NULL, file->size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    assert_ptr_not_equal(file->bytes, MAP_FAILED);
    int result = elf_image_open_file(&file->image, file->bytes, file->size, &error);
    assert_string_equal(error.text, "");
    assert_int_equal(result, 0);
    return true;
}

static void file_close(struct file *file)
{
    munmap(file->bytes, file->size);
}

static void open_built(struct elf_image *image, struct built *built, const struct build *build)
{
    struct graft_error error = { 0 };
    build_image(built, build);
    int result = elf_image_open_file(image, built->bytes, built->size, &error);
    assert_string_equal(error.text, "");
    assert_int_equal(result, 0);
}

static enum elf_found find(const struct elf_image *image, const char *name, const char *version,
                           struct elf_symbol *out)
{
    struct elf_wanted wanted = { .name = name, .version = version };
    memset(out, 0, sizeof *out);
    return elf_lookup(image, &wanted, out);
}

/* Calls @line for each line that readelf prints; false without readelf. */
static bool readelf(const char *options, const char *path, void (*line)(char *text, void *arg), void *arg)
{
    char command[512], text[8192];
    size_t lines = 0;
    snprintf(command, sizeof command, "LC_ALL=C readelf %s '%s' 2>/dev/null", options, path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    for (; fgets(text, sizeof text, pipe); lines++)
        line(text, arg);
    pclose(pipe);
    return lines > 0;
}

/* ---- system files against readelf ---------------------------------------- */

static const char *const system_files[] = {
    "/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2", "/usr/bin/python3.11",
    "/usr/lib/x86_64-linux-gnu/libstdc++.so.6", "/bin/sh", "/lib/x86_64-linux-gnu/libm.so.6",
};

static void each_system_file(void (*check)(struct file *, const char *path))
{
    size_t seen = 0;
    for (size_t i = 0; i < sizeof system_files / sizeof *system_files; i++) {
        struct file file;
        if (access("/usr/bin/readelf", X_OK) || !file_open(&file, system_files[i]))
            continue;
        check(&file, system_files[i]);
        file_close(&file);
        seen++;
    }
    if (!seen)
        skip();
}

struct symbol_walk {
    const struct elf_image *image;
    size_t entries, defined;
};

static const char *const type_names[] = {
    [STT_NOTYPE] = "NOTYPE", [STT_OBJECT] = "OBJECT", [STT_FUNC] = "FUNC", [STT_SECTION] = "SECTION",
    [STT_TLS] = "TLS", [STT_GNU_IFUNC] = "IFUNC",
};
static const char *const bind_names[] = {
    [STB_LOCAL] = "LOCAL", [STB_GLOBAL] = "GLOBAL", [STB_WEAK] = "WEAK", [STB_GNU_UNIQUE] = "UNIQUE",
};

/* With the version, by each hash table that the image has. */
static void found_by_each_hash(const struct elf_image *image, const struct elf_symbol *symbol)
{
    for (int sysv = 0; sysv < 2; sysv++) {
        struct elf_image one = *image;
        struct elf_symbol found;
        if (sysv)
            one.gnu.buckets = 0;
        if (!one.gnu.buckets && !one.sysv.buckets)
            continue;
        assert_int_equal(find(&one, symbol->name, symbol->version, &found), ELF_FOUND);
        assert_int_equal(found.index, symbol->index);
        assert_int_equal(found.value, symbol->value);
        assert_int_equal(find(&one, symbol->name, "GRAFT_NO_SUCH_VERSION", &found),
                         symbol->version ? ELF_OTHER_VERSION : ELF_FOUND);
    }
}

/* "   Num:    Value          Size Type    Bind   Vis      Ndx Name@@VERSION (n)" */
static void check_symbol(char *text, void *arg)
{
    struct symbol_walk *walk = arg;
    unsigned index;
    unsigned long value;
    char size[32], type[16], bind[16], visibility[16], section[16], name[4096] = "";
    struct elf_symbol symbol;
    if (strstr(text, "Symbol table '.dynsym' contains "))
        walk->entries = strtoul(strstr(text, "contains ") + 9, NULL, 10);
    if (sscanf(text, "%u: %lx %31s %15s %15s %15s %15s %4095s", &index, &value, size, type, bind,
               visibility, section, name) < 7 || index == 0)
        return;
    assert_true(elf_symbol_at(walk->image, index, &symbol));
    elf_symbol_version(walk->image, &symbol);
    char *version = strchr(name, '@');
    bool is_default = version && version[1] == '@';
    if (version)
        *version++ = '\0';
    assert_string_equal(symbol.name, name);
    assert_int_equal(symbol.value, value);
    assert_int_equal(symbol.size, strtoul(size, NULL, 0));
    assert_string_equal(type_names[symbol.type], type);
    assert_string_equal(bind_names[symbol.bind], bind);
    if (version)
        assert_string_equal(symbol.version, version + is_default);
    else if (symbol.version)        /* not shown where a symbol only stands for its version */
        assert_string_equal(symbol.version, symbol.name);
    if (!strcmp(section, "UND") || symbol.bind == STB_LOCAL)
        return;
    if (version && !strstr(text, " ("))         /* "(n)": a copied one, with a needed version */
        assert_int_equal(symbol.version_hidden, !is_default);
    found_by_each_hash(walk->image, &symbol);
    walk->defined++;
}

static void check_symbols(struct file *file, const char *path)
{
    struct symbol_walk walk = { .image = &file->image };
    readelf("--dyn-syms -W", path, check_symbol, &walk);
    assert_true(walk.defined > 0);
    assert_int_equal(elf_symbol_count(&file->image), walk.entries);
}

static void symbols_are_those_that_readelf_shows_and_each_is_found_by_each_hash(void **state)
{
    (void)state;
    each_system_file(check_symbols);
}

struct dynamic_walk {
    const struct elf_image *image;
    size_t needed;
    bool soname;
};

static void check_dynamic_line(char *text, void *arg)
{
    struct dynamic_walk *walk = arg;
    char *name = strchr(text, '[');
    if (!name)
        return;
    name[strcspn(name, "]")] = '\0';
    if (strstr(text, "(NEEDED)")) {
        const char *needed = elf_image_needed(walk->image, walk->needed++);
        assert_non_null(needed);
        assert_string_equal(needed, name + 1);
    }
    if (strstr(text, "(SONAME)")) {
        assert_string_equal(walk->image->soname, name + 1);
        walk->soname = true;
    }
}

static void check_dynamic(struct file *file, const char *path)
{
    struct dynamic_walk walk = { .image = &file->image };
    readelf("-dW", path, check_dynamic_line, &walk);
    assert_null(elf_image_needed(&file->image, walk.needed));
    assert_int_equal(file->image.soname != NULL, walk.soname);
}

static void needed_and_soname_are_those_that_readelf_shows(void **state)
{
    (void)state;
    each_system_file(check_dynamic);
}

static void check_build_id_line(char *text, void *arg)
{
    struct file *file = arg;
    char *id = strstr(text, "Build ID: "), shown[2 * ELF_BUILD_ID_MAX + 1] = "";
    if (!id)
        return;
    id += strlen("Build ID: ");
    id[strcspn(id, "\n")] = '\0';
    for (size_t i = 0; i < file->image.build_id_size; i++)
        sprintf(shown + 2 * i, "%02x", file->image.build_id[i]);
    assert_string_equal(shown, id);
}

static void check_build_id(struct file *file, const char *path)
{
    readelf("-nW", path, check_build_id_line, file);
}

static void the_build_id_is_the_one_that_readelf_shows(void **state)
{
    (void)state;
    each_system_file(check_build_id);
}

enum { TYPES = 64 };

static void count_reloc_line(char *text, void *arg)
{
    size_t *counts = arg;
    unsigned long offset, info;
    char type[32];
    if (sscanf(text, "%lx %lx %31s", &offset, &info, type) == 3 && !strncmp(type, "R_X86_64_", 9))
        counts[(info & 0xffffffff) % TYPES]++;
}

static void check_relocs(struct file *file, const char *path)
{
    size_t shown[TYPES] = { 0 }, counted[TYPES] = { 0 };
    readelf("-rW", path, count_reloc_line, shown);
    for (unsigned t = 0; t < ELF_RELOC_TABLES; t++)
        for (size_t i = 0; i < file->image.relocs[t].count; i++)
            counted[elf_reloc_at(&file->image, &file->image.relocs[t], i).type % TYPES]++;
    assert_memory_equal(shown, counted, sizeof shown);
}

static void relocations_of_each_type_are_as_many_as_readelf_shows(void **state)
{
    (void)state;
    each_system_file(check_relocs);
}

/* ---- what linkers make ---------------------------------------------------- */

static void a_library_without_a_plt_has_its_relocations_found_without_DT_PLTREL(void **state)
{
    (void)state;
    struct file file;
    assert_true(file_open(&file, CORPUS "no-plt.so"));
    size_t glob_dat = 0;
    for (size_t i = 0; i < file.image.relocs[0].count; i++)
        glob_dat += elf_reloc_class(file.image.arch, elf_reloc_at(&file.image, &file.image.relocs[0], i).type)
                  == ELF_RELOC_GLOB_DAT;
    assert_true(glob_dat >= 2);
    assert_int_equal(file.image.relocs[2].count, 0);
    file_close(&file);
}

static void relative_relocations_packed_as_RELR_are_known_and_skipped(void **state)
{
    (void)state;
    static const char *const files[] = { CORPUS "relr.so", CORPUS "mold-relr.so" };
    for (size_t i = 0; i < 2; i++) {
        struct file file;
        assert_true(file_open(&file, files[i]));
        assert_true(file.image.relr_size > 0);
        file_close(&file);
    }
}

static void a_canonical_plt_entry_is_found_only_when_asked_for(void **state)
{
    (void)state;
    static const char *const files[] = { CORPUS "copy", CORPUS "canonical-sysv" };
    for (size_t i = 0; i < 2; i++) {
        struct file file;
        struct elf_symbol found;
        struct elf_wanted wanted = { .name = "graft_import", .canonical = true };
        assert_true(file_open(&file, files[i]));
        assert_int_equal(elf_lookup(&file.image, &wanted, &found), ELF_FOUND);
        assert_int_equal(found.section, SHN_UNDEF);
        assert_true(found.value != 0);
        wanted.canonical = false;
        assert_int_equal(elf_lookup(&file.image, &wanted, &found), ELF_ABSENT);
        file_close(&file);
    }
}

static void a_copied_variable_keeps_the_version_it_was_needed_with(void **state)
{
    (void)state;
    struct file file;
    struct elf_symbol found;
    assert_true(file_open(&file, CORPUS "copy"));
    assert_int_equal(find(&file.image, "graft_data", "DEP_2", &found), ELF_FOUND);
    assert_string_equal(found.version, "DEP_2");
    file_close(&file);
}

static void unsized_and_unique_symbols_are_found(void **state)
{
    (void)state;
    struct file file;
    struct elf_symbol found;
    assert_true(file_open(&file, CORPUS "unique.so"));
    assert_int_equal(find(&file.image, "graft_unsized", NULL, &found), ELF_FOUND);
    assert_int_equal(found.size, 0);
    assert_int_equal(find(&file.image, "graft_unique", NULL, &found), ELF_FOUND);
    assert_int_equal(found.bind, STB_GNU_UNIQUE);
    file_close(&file);
}

static void a_static_executable_opens_and_has_nothing(void **state)
{
    (void)state;
    struct file file;
    struct elf_symbol found;
    assert_true(file_open(&file, CORPUS "static"));
    assert_int_equal(elf_symbol_count(&file.image), 0);
    assert_null(elf_image_needed(&file.image, 0));
    assert_int_equal(find(&file.image, "graft_unsized", NULL, &found), ELF_ABSENT);
    file_close(&file);
}

static void libraries_of_other_machines_are_read(void **state)
{
    (void)state;
    static const struct { const char *file, *machine; bool swap; uint8_t elf_class; } files[] = {
        { CORPUS "aarch64.so", "aarch64", false, 2 }, { CORPUS "riscv64.so", "riscv", false, 2 },
        { CORPUS "armv7.so", "arm", false, 1 },       { CORPUS "i686.so", "i386", false, 1 },
        { CORPUS "powerpc.so", "ppc", true, 1 },      { CORPUS "powerpc64.so", "ppc64", true, 2 },
        { CORPUS "mips.so", "mips", true, 1 },        { CORPUS "mips64.so", "mips", true, 2 },
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct file file;
        struct elf_symbol found;
        assert_true(file_open(&file, files[i].file));
        assert_string_equal(elf_machine_name(file.image.machine), files[i].machine);
        assert_int_equal(file.image.swap, files[i].swap);
        assert_int_equal(file.image.elf_class, files[i].elf_class);
        assert_int_equal(find(&file.image, "graft_answer", "GRAFT_1", &found), ELF_FOUND);
        assert_true(found.version_hidden);
        assert_int_equal(find(&file.image, "graft_answer", "GRAFT_2", &found), ELF_FOUND);
        assert_false(found.version_hidden);
        assert_int_equal(find(&file.image, "graft_other", "GRAFT_1", &found), ELF_FOUND);
        assert_int_equal(find(&file.image, "graft_other", "GRAFT_2", &found), ELF_OTHER_VERSION);
        assert_int_equal(find(&file.image, "graft_import", NULL, &found), ELF_ABSENT);
        file_close(&file);
    }
}

/* ---- images built by hand, of any class and byte order --------------------- */

static const struct { uint8_t elf_class; bool big; uint16_t machine; } machines[] = {
    { ELFCLASS64, false, EM_X86_64 },  { ELFCLASS32, false, EM_386 },
    { ELFCLASS64, false, EM_AARCH64 }, { ELFCLASS64, true, EM_AARCH64 },
    { ELFCLASS64, false, EM_RISCV },   { ELFCLASS32, true, EM_PPC },
    { ELFCLASS64, true, EM_PPC64 },    { ELFCLASS64, true, EM_S390 },
    { ELFCLASS32, true, EM_S390 },     { ELFCLASS64, true, EM_SPARCV9 },
    { ELFCLASS64, false, EM_ALPHA },   { ELFCLASS32, true, EM_68K },
    { ELFCLASS32, false, EM_ARM },     { ELFCLASS64, false, 0xfff0 },
};

enum { FUNC = STT_FUNC, GLOBAL = STB_GLOBAL, HIDDEN_VERSION = 0x8000 };

static struct build sample(void)
{
    return (struct build){
        .elf_class = ELFCLASS64, .machine = EM_X86_64, .base = 0x10000,
        .gnu_hash = true, .sysv_hash = true,
        .soname = "libsample.so.1", .runpath = "/opt/sample", .needed = { "libdep.so.2", "libother.so" },
        .build_id = "\1\2\3\4\5\6\7\10", .build_id_size = 8,
        .symbols = {
            { "import",  0,      0,  0, FUNC, GLOBAL, 0, 5 },
            { "answer",  0x1100, 16, 1, FUNC, GLOBAL, 0, 2 | HIDDEN_VERSION },
            { "answer",  0x1200, 16, 1, FUNC, GLOBAL, 0, 3 },
            { "plain",   0x1300, 0,  1, FUNC, GLOBAL, 0, 1 },
            { "newest",  0x1400, 8,  1, FUNC, GLOBAL, 0, 4 },
            { "retired", 0x1500, 8,  1, FUNC, GLOBAL, 0, 4 | HIDDEN_VERSION },
            { "twice",   0x1600, 8,  1, FUNC, GLOBAL, 0, 3 },
            { "twice",   0x1700, 8,  1, FUNC, GLOBAL, 0, 4 },
            { "private", 0x1800, 8,  1, FUNC, GLOBAL, STV_HIDDEN, 1 },
            { "taken",   0x1900, 0,  0, FUNC, GLOBAL, 0, 1 },
            { "tls",     0,      4,  1, STT_TLS, GLOBAL, 0, 1 },
            { "weak",    0x1a00, 4,  1, STT_OBJECT, STB_WEAK, STV_PROTECTED, 1 },
        },
        .versions = {
            { NULL, "V1", 2 }, { NULL, "V2", 3 }, { NULL, "V3", 4 },
            { "libdep.so.2", "DEP_1", 5 }, { "libdep.so.2", "DEP_2", 6 }, { "libother.so", "O", 7 },
        },
        .rela = { { 0, "import", 6, 0 }, { 1, "answer", 1, -8 }, { 2, NULL, 8, 0x100 } }, .rela_count = 3,
        .plt = { { 3, "import", 7, 0 } }, .plt_count = 1,
    };
}

static void a_built_image_reads_the_same_in_every_class_and_byte_order(void **state)
{
    (void)state;
    for (size_t m = 0; m < sizeof machines / sizeof *machines; m++) {
        struct build build = sample();
        struct built built;
        struct elf_image image;
        build.elf_class = machines[m].elf_class;
        build.big_endian = machines[m].big;
        build.machine = machines[m].machine;
        open_built(&image, &built, &build);
        assert_int_equal(image.machine, build.machine);
        assert_int_equal(image.low, 0x10000);
        assert_int_equal(image.high, 0x10000 + built.size);
        assert_string_equal(image.soname, "libsample.so.1");
        assert_string_equal(image.runpath, "/opt/sample");
        assert_string_equal(elf_image_needed(&image, 1), "libother.so");
        assert_null(elf_image_needed(&image, 2));
        assert_int_equal(image.build_id_size, 8);
        assert_memory_equal(image.build_id, build.build_id, 8);
        assert_int_equal(elf_symbol_count(&image), built.symbol_count);
        for (uint32_t i = 1; i < built.symbol_count; i++) {
            struct elf_symbol symbol;
            assert_true(elf_symbol_at(&image, i, &symbol));
            elf_symbol_version(&image, &symbol);
            if (symbol.section && symbol.visibility != STV_HIDDEN)
                found_by_each_hash(&image, &symbol);
            if (!strcmp(symbol.name, "import"))
                assert_string_equal(symbol.version, "DEP_1");
        }
        built_free(&built);
    }
}

static void relocations_are_read_in_every_class_and_byte_order(void **state)
{
    (void)state;
    for (size_t m = 0; m < sizeof machines / sizeof *machines; m++) {
        struct build build = sample();
        struct built built;
        struct elf_image image;
        struct elf_symbol symbol;
        const struct elf_span *hint = NULL;
        uint64_t word;
        build.elf_class = machines[m].elf_class;
        build.big_endian = machines[m].big;
        build.machine = machines[m].machine;
        open_built(&image, &built, &build);
        built_put(&built, built.slots + built_word(&built), built_word(&built), 0x1234);
        assert_int_equal(image.relocs[0].count, 3);
        assert_true(image.relocs[0].has_addend);
        struct elf_reloc reloc = elf_reloc_at(&image, &image.relocs[0], 1);
        assert_int_equal(reloc.offset, build.base + built.slots + built_word(&built));
        assert_int_equal(reloc.type, 1);
        assert_int_equal(reloc.addend, -8);
        assert_true(elf_symbol_at(&image, reloc.symbol, &symbol));
        assert_string_equal(symbol.name, "answer");
        assert_true(elf_slot_read(&image, &hint, reloc.offset, &word));
        assert_int_equal(word, 0x1234);
        assert_false(elf_slot_read(&image, &hint, image.high - 1, &word));
        assert_int_equal(elf_reloc_at(&image, &image.relocs[2], 0).type, 7);
        built_free(&built);
    }
}

/* ---- hash tables ----------------------------------------------------------- */

static void either_hash_table_alone_is_enough_and_without_one_nothing_is_found(void **state)
{
    (void)state;
    for (int tables = 0; tables < 4; tables++) {
        struct build build = sample();
        struct built built;
        struct elf_image image;
        struct elf_symbol found;
        build.gnu_hash = tables & 1;
        build.sysv_hash = tables & 2;
        open_built(&image, &built, &build);
        assert_int_equal(find(&image, "plain", NULL, &found), tables ? ELF_FOUND : ELF_ABSENT);
        assert_int_equal(find(&image, "import", NULL, &found), ELF_ABSENT);
        assert_int_equal(elf_symbol_count(&image), tables ? built.symbol_count : 0);
        built_free(&built);
    }
}

static void a_symbol_is_found_whatever_the_number_of_buckets(void **state)
{
    (void)state;
    for (uint32_t buckets = 1; buckets < 40; buckets++) {
        struct build build = sample();
        struct built built;
        struct elf_image image;
        struct elf_symbol found;
        build.hash_buckets = buckets;
        open_built(&image, &built, &build);
        assert_int_equal(find(&image, "weak", NULL, &found), ELF_FOUND);
        assert_int_equal(find(&image, "newest", "V3", &found), ELF_FOUND);
        assert_int_equal(find(&image, "newes", NULL, &found), ELF_ABSENT);
        image.gnu.buckets = 0;
        assert_int_equal(find(&image, "weak", NULL, &found), ELF_FOUND);
        assert_int_equal(find(&image, "newest", "V3", &found), ELF_FOUND);
        built_free(&built);
    }
}

static void hashes_are_those_of_the_specifications(void **state)
{
    (void)state;
    assert_int_equal(elf_hash_gnu(""), 5381);
    assert_int_equal(elf_hash_gnu("printf"), 0x156b2bb8);
    assert_int_equal(elf_hash_gnu("syscall"), 0xbac212a0);
    assert_int_equal(elf_hash_sysv("printf"), 0x077905a6);
    assert_int_equal(elf_hash_sysv("syscall"), 0x0b09985c);
    /* the gABI's own code leaves the top bits set where long has 64 */
    assert_true(elf_hash_sysv("\xff\xff\xff\xff\xff\xff\xff\xff\xff") <= 0x0fffffff);
}

/* ---- versions --------------------------------------------------------------- */

static void versions_are_chosen_as_ld_so_chooses(void **state)
{
    (void)state;
    static const struct { const char *name, *version; enum elf_found found; uint64_t value; } cases[] = {
        { "answer",  "V1", ELF_FOUND, 0x1100 },
        { "answer",  "V2", ELF_FOUND, 0x1200 },
        { "answer",  "V3", ELF_OTHER_VERSION, 0 },
        { "answer",  NULL, ELF_FOUND, 0x1100 },         /* the oldest, though hidden */
        { "newest",  NULL, ELF_FOUND, 0x1400 },         /* the only default */
        { "newest",  "V1", ELF_OTHER_VERSION, 0x1400 },
        { "retired", NULL, ELF_OTHER_VERSION, 0x1500 }, /* hidden, and not the oldest */
        { "retired", "V3", ELF_FOUND, 0x1500 },
        { "twice",   NULL, ELF_OTHER_VERSION, 0 },      /* two defaults: no answer */
        { "plain",   "V2", ELF_FOUND, 0x1300 },         /* unversioned serves every version */
        { "plain",   NULL, ELF_FOUND, 0x1300 },
        { "private", NULL, ELF_HIDDEN, 0x1800 },
        { "private", "V1", ELF_HIDDEN, 0x1800 },
        { "tls",     NULL, ELF_FOUND, 0 },
        { "weak",    NULL, ELF_FOUND, 0x1a00 },
        { "taken",   NULL, ELF_ABSENT, 0 },
        { "import",  "DEP_1", ELF_ABSENT, 0 },
    };
    struct build build = sample();
    struct built built;
    struct elf_image image;
    open_built(&image, &built, &build);
    for (int sysv = 0; sysv < 2; sysv++) {
        if (sysv)
            image.gnu.buckets = 0;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            struct elf_symbol found;
            enum elf_found result = find(&image, cases[i].name, cases[i].version, &found);
            if (result != cases[i].found)
                print_message("%s@%s\n", cases[i].name, cases[i].version ? cases[i].version : "");
            assert_int_equal(result, cases[i].found);
            if (cases[i].value)
                assert_int_equal(found.value, cases[i].value);
        }
    }
    built_free(&built);
}

/* glibc's l_versions has no name for such an index, and so takes the symbol. */
static void a_definition_whose_version_has_no_name_satisfies_every_version(void **state)
{
    (void)state;
    static const struct { uint16_t version; enum elf_found found; } cases[] = {
        { 0, ELF_FOUND }, { 1, ELF_FOUND }, { 9, ELF_FOUND }, { 9 | HIDDEN_VERSION, ELF_OTHER_VERSION },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct build build = sample();
        struct built built;
        struct elf_image image;
        struct elf_symbol found;
        build.symbols[3].version = cases[i].version;
        open_built(&image, &built, &build);
        assert_int_equal(find(&image, "plain", "V2", &found), cases[i].found);
        built_free(&built);
    }
}

static void an_image_without_versions_satisfies_every_version(void **state)
{
    (void)state;
    struct build build = sample();
    struct built built;
    struct elf_image image;
    struct elf_symbol found;
    memset(build.versions, 0, sizeof build.versions);
    open_built(&image, &built, &build);
    assert_int_equal(find(&image, "plain", "ANY", &found), ELF_FOUND);
    assert_int_equal(find(&image, "answer", "V9", &found), ELF_FOUND);
    assert_null(found.version);
    built_free(&built);
}

static void a_canonical_symbol_is_found_in_front_of_the_gnu_table(void **state)
{
    (void)state;
    struct build build = sample();
    struct built built;
    struct elf_image image;
    struct elf_symbol found;
    struct elf_wanted wanted = { .name = "taken", .canonical = true };
    open_built(&image, &built, &build);
    assert_int_equal(elf_lookup(&image, &wanted, &found), ELF_FOUND);
    assert_int_equal(found.value, 0x1900);
    image.gnu.buckets = 0;
    assert_int_equal(elf_lookup(&image, &wanted, &found), ELF_FOUND);
    wanted.name = "import";                     /* undefined, without a value */
    assert_int_equal(elf_lookup(&image, &wanted, &found), ELF_ABSENT);
    built_free(&built);
}

static void symbols_that_define_nothing_are_not_found(void **state)
{
    (void)state;
    static const struct { uint8_t type, bind; uint16_t section; uint64_t value; enum elf_found found; } cases[] = {
        { STT_SECTION, GLOBAL, 1, 0x1300, ELF_ABSENT },   { STT_FILE, GLOBAL, 1, 0x1300, ELF_ABSENT },
        { FUNC, STB_LOCAL, 1, 0x1300, ELF_ABSENT },       { FUNC, GLOBAL, 1, 0, ELF_ABSENT },
        { FUNC, GLOBAL, SHN_ABS, 0, ELF_FOUND },          { STT_GNU_IFUNC, GLOBAL, 1, 1, ELF_FOUND },
        { STT_OBJECT, STB_GNU_UNIQUE, 1, 1, ELF_FOUND },  { STT_COMMON, GLOBAL, 1, 1, ELF_FOUND },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct build build = sample();
        struct built built;
        struct elf_image image;
        struct elf_symbol found;
        build.symbols[3] = (struct build_symbol){ "plain", cases[i].value, 0, cases[i].section,
                                                  cases[i].type, cases[i].bind, 0, 1 };
        open_built(&image, &built, &build);
        assert_int_equal(find(&image, "plain", NULL, &found), cases[i].found);
        built_free(&built);
    }
}

/* ---- relocation tables -------------------------------------------------------- */

static void REL_and_RELA_are_found_by_their_own_tags(void **state)
{
    (void)state;
    struct build build = sample();
    struct built built;
    struct elf_image image;
    build.rel[0] = (struct build_reloc){ 4, "answer", 1, 99 };
    build.rel[1] = (struct build_reloc){ 5, NULL, 8, 99 };
    build.rel_count = 2;
    build.plt_is_rel = true;
    open_built(&image, &built, &build);
    assert_int_equal(image.relocs[0].count, 3);
    assert_int_equal(image.relocs[1].count, 2);
    assert_int_equal(image.relocs[2].count, 1);
    assert_true(image.relocs[0].has_addend);
    assert_false(image.relocs[1].has_addend);
    assert_false(image.relocs[2].has_addend);
    assert_int_equal(elf_reloc_at(&image, &image.relocs[1], 0).addend, 0);
    assert_int_equal(elf_reloc_at(&image, &image.relocs[1], 1).type, 8);
    built_free(&built);
}

static void a_plt_table_without_DT_PLTREL_is_of_the_kind_of_the_other_table(void **state)
{
    (void)state;
    for (int rel = 0; rel < 2; rel++) {
        struct build build = sample();
        struct built built;
        struct elf_image image;
        build.no_pltrel = true;
        build.plt_is_rel = rel;
        if (rel) {
            memcpy(build.rel, build.rela, sizeof build.rel);
            build.rel_count = build.rela_count;
            build.rela_count = 0;
        }
        open_built(&image, &built, &build);
        assert_int_equal(image.relocs[2].count, 1);
        assert_int_equal(image.relocs[2].has_addend, !rel);
        built_free(&built);
    }
}

static void a_plt_table_inside_DT_RELASZ_is_not_read_twice(void **state)
{
    (void)state;
    struct build build = sample();
    struct built built;
    struct elf_image image;
    struct graft_error error = { 0 };
    build_image(&built, &build);
    assert_int_equal(built.plt, built.rela + 3 * 24);
    built_put(&built, built_dynamic(&built, DT_RELASZ), 8, 4 * 24);
    assert_int_equal(elf_image_open_file(&image, built.bytes, built.size, &error), 0);
    assert_int_equal(image.relocs[0].count, 3);
    assert_int_equal(image.relocs[2].count, 1);
    built_free(&built);
}

static void RELR_is_measured_in_a_built_image(void **state)
{
    (void)state;
    struct build build = sample();
    struct built built;
    struct elf_image image;
    build.relr_count = 2;
    open_built(&image, &built, &build);
    assert_int_equal(image.relr_size, 16);
    assert_int_equal(image.relocs[0].count, 3);
    built_free(&built);
}

/* ---- memory -------------------------------------------------------------------- */

static void an_image_in_memory_is_read_with_moved_and_with_link_addresses(void **state)
{
    (void)state;
    static const uint64_t tags[] = { DT_STRTAB, DT_SYMTAB, DT_GNU_HASH, DT_HASH, DT_VERSYM, DT_VERDEF,
                                     DT_VERNEED, DT_RELA, DT_JMPREL };
    for (size_t m = 0; m < sizeof machines / sizeof *machines * 2; m++) {
        struct build build = sample();
        struct built built;
        struct elf_header header;
        struct elf_image image, alone;
        struct elf_symbol found;
        struct graft_error error = { 0 };
        bool wide = machines[m / 2].elf_class == ELFCLASS64, moved = m & 1;
        uint64_t bias = wide ? 0x7f0012340000 : 0xd0000000;
        build.base = wide ? 0x10000 : 0x40000000;       /* moved down: the sum wraps at 32 bits */
        build.elf_class = machines[m / 2].elf_class;
        build.big_endian = machines[m / 2].big;
        build.machine = machines[m / 2].machine;
        build_image(&built, &build);
        for (size_t t = 0; moved && t < sizeof tags / sizeof *tags; t++) {
            size_t at = built_dynamic(&built, tags[t]);
            built_put(&built, at, built_word(&built), built_get(&built, at, built_word(&built)) + bias);
        }
        assert_int_equal(elf_header_read(&header, built.bytes, built.size, &error), 0);
        assert_int_equal(elf_image_begin(&image, header.machine, header.type, header.elf_class, header.swap,
                                         built.bytes + header.headers, header.count, header.entry_size,
                                         bias, &error), 0);
        alone = image;
        assert_int_equal(elf_image_needs(&alone), 0);
        elf_image_add_span(&alone, alone.dynamic.vaddr, alone.dynamic.filesz, built.bytes + built.dynamic);
        assert_int_equal(elf_image_needs(&alone), 1);
        elf_image_add_span(&image, image.segment[0].vaddr, image.segment[0].memsz, built.bytes);
        assert_int_equal(elf_image_decode(&image, &error), 0);
        assert_int_equal(find(&image, "answer", "V2", &found), ELF_FOUND);
        assert_int_equal(found.value, 0x1200);
        assert_int_equal(image.relocs[2].count, 1);
        built_free(&built);
    }
}

/* ---- architecture tables --------------------------------------------------------- */

static void every_machine_has_its_relocation_classes(void **state)
{
    (void)state;
    static const struct { uint16_t machine; uint8_t elf_class; uint32_t type; enum elf_reloc_class is; } cases[] = {
        { EM_X86_64, 2, R_X86_64_JUMP_SLOT, ELF_RELOC_JUMP_SLOT },
        { EM_X86_64, 2, R_X86_64_GLOB_DAT, ELF_RELOC_GLOB_DAT },
        { EM_X86_64, 2, R_X86_64_64, ELF_RELOC_SYMBOLIC },
        { EM_X86_64, 2, R_X86_64_COPY, ELF_RELOC_COPY },
        { EM_X86_64, 2, R_X86_64_RELATIVE, ELF_RELOC_RELATIVE },
        { EM_X86_64, 2, R_X86_64_IRELATIVE, ELF_RELOC_IRELATIVE },
        { EM_X86_64, 2, R_X86_64_TPOFF64, ELF_RELOC_TPOFF },
        { EM_X86_64, 2, R_X86_64_TLSDESC, ELF_RELOC_TLSDESC },
        { EM_X86_64, 2, R_X86_64_PC32, ELF_RELOC_OTHER },
        { EM_X86_64, 2, 0, ELF_RELOC_NONE },
        { EM_X86_64, 2, UINT32_MAX, ELF_RELOC_OTHER },
        { EM_386, 1, R_386_JMP_SLOT, ELF_RELOC_JUMP_SLOT },
        { EM_386, 1, R_386_32, ELF_RELOC_SYMBOLIC },
        { EM_386, 1, R_386_PC32, ELF_RELOC_OTHER },
        { EM_AARCH64, 2, R_AARCH64_ABS64, ELF_RELOC_SYMBOLIC },
        { EM_AARCH64, 2, R_AARCH64_JUMP_SLOT, ELF_RELOC_JUMP_SLOT },
        { EM_AARCH64, 2, R_AARCH64_RELATIVE, ELF_RELOC_RELATIVE },
        { EM_AARCH64, 2, 0, ELF_RELOC_NONE },
        { EM_AARCH64, 2, 1, ELF_RELOC_OTHER },
        { EM_RISCV, 2, R_RISCV_64, ELF_RELOC_SYMBOLIC },
        { EM_RISCV, 2, R_RISCV_JUMP_SLOT, ELF_RELOC_JUMP_SLOT },
        { EM_RISCV, 2, R_RISCV_TLS_DTPMOD64, ELF_RELOC_DTPMOD },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct elf_arch *arch = elf_arch_find(cases[i].machine, cases[i].elf_class);
        assert_non_null(arch);
        assert_int_equal(elf_reloc_class(arch, cases[i].type), cases[i].is);
    }
    assert_null(elf_arch_find(EM_X86_64, ELFCLASS32));
    assert_null(elf_arch_find(0xfff0, ELFCLASS64));
    assert_null(elf_machine_name(0xfff0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(symbols_are_those_that_readelf_shows_and_each_is_found_by_each_hash),
        cmocka_unit_test(needed_and_soname_are_those_that_readelf_shows),
        cmocka_unit_test(the_build_id_is_the_one_that_readelf_shows),
        cmocka_unit_test(relocations_of_each_type_are_as_many_as_readelf_shows),
        cmocka_unit_test(a_library_without_a_plt_has_its_relocations_found_without_DT_PLTREL),
        cmocka_unit_test(relative_relocations_packed_as_RELR_are_known_and_skipped),
        cmocka_unit_test(a_canonical_plt_entry_is_found_only_when_asked_for),
        cmocka_unit_test(a_copied_variable_keeps_the_version_it_was_needed_with),
        cmocka_unit_test(unsized_and_unique_symbols_are_found),
        cmocka_unit_test(a_static_executable_opens_and_has_nothing),
        cmocka_unit_test(libraries_of_other_machines_are_read),
        cmocka_unit_test(a_built_image_reads_the_same_in_every_class_and_byte_order),
        cmocka_unit_test(relocations_are_read_in_every_class_and_byte_order),
        cmocka_unit_test(either_hash_table_alone_is_enough_and_without_one_nothing_is_found),
        cmocka_unit_test(a_symbol_is_found_whatever_the_number_of_buckets),
        cmocka_unit_test(hashes_are_those_of_the_specifications),
        cmocka_unit_test(versions_are_chosen_as_ld_so_chooses),
        cmocka_unit_test(a_definition_whose_version_has_no_name_satisfies_every_version),
        cmocka_unit_test(an_image_without_versions_satisfies_every_version),
        cmocka_unit_test(a_canonical_symbol_is_found_in_front_of_the_gnu_table),
        cmocka_unit_test(symbols_that_define_nothing_are_not_found),
        cmocka_unit_test(REL_and_RELA_are_found_by_their_own_tags),
        cmocka_unit_test(a_plt_table_without_DT_PLTREL_is_of_the_kind_of_the_other_table),
        cmocka_unit_test(a_plt_table_inside_DT_RELASZ_is_not_read_twice),
        cmocka_unit_test(RELR_is_measured_in_a_built_image),
        cmocka_unit_test(an_image_in_memory_is_read_with_moved_and_with_link_addresses),
        cmocka_unit_test(every_machine_has_its_relocation_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
