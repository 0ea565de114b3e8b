/* SPDX-License-Identifier: MIT */
/* The search for libraries, against ld.so itself: for libraries made to need each other
 * in every way (tests/fixtures/search), and for programs and libraries of this machine.
 * What ld.so answers is what LD_TRACE_LOADED_OBJECTS prints. */

#include "process.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/feature.h"
#include "file/expand.h"
#include "file/files.h"
#include "file/hwcaps.h"
#include "file/search.h"
#include "fuzz/fuzz_file.c"
#include "live/live.h"

enum { FOUND_MAX = 512 };

static char work[] = "/tmp/graft-search-XXXXXX", project[PATH_MAX], loader[PATH_MAX];

/* ---- help ------------------------------------------------------------------ */

/* What one side answers: real paths in the order of loading, without ld.so. */
struct answer {
    char *path[FOUND_MAX];
    size_t count;
    bool misses;
};

static void answer_add(struct answer *answer, const char *path)
{
    char *real = realpath(path, NULL);
    if (!real)
        fail_msg("%s: no such file", path);
    if (!strcmp(real, loader)) {
        free(real);
        return;
    }
    assert_true(answer->count < FOUND_MAX);
    answer->path[answer->count++] = real;
}

static void answer_free(struct answer *answer)
{
    for (size_t i = 0; i < answer->count; i++)
        free(answer->path[i]);
}

/* One line: "\tNAME => PATH (0x..)", "\tNAME => not found", "\tPATH (0x..)". */
static bool read_line(struct answer *answer, char *line)
{
    char *arrow = strstr(line, " => "), *path = arrow ? arrow + 4 : line + strspn(line, " \t");
    char *end = strstr(path, " (0x");
    if (!strncmp(path, "not found", 9)) {
        answer->misses = true;
        return true;
    }
    if (!end)
        return strstr(line, "statically linked");
    *end = '\0';
    if (strncmp(path, "linux-vdso", 10) && strncmp(path, "linux-gate", 10))
        answer_add(answer, path);
    return true;
}

/* False: ld.so refuses the file for another reason. */
static bool ask_loader(const char *file, const char *library_path, struct answer *answer)
{
    char command[3 * PATH_MAX], line[2 * PATH_MAX];
    bool understood = true;
    snprintf(command, sizeof command, "env -u LD_LIBRARY_PATH %s%s%s LD_TRACE_LOADED_OBJECTS=1 %s '%s' 2>&1",
             library_path ? "LD_LIBRARY_PATH='" : "", library_path ? library_path : "", library_path ? "'" : "",
             loader, file);
    FILE *output = popen(command, "r");
    assert_non_null(output);
    *answer = (struct answer){ 0 };
    while (fgets(line, sizeof line, output))
        understood &= read_line(answer, line);
    pclose(output);
    return understood;
}

static void ask_graft(const char *file, const char *library_path, struct answer *answer)
{
    struct world world;
    struct graft_error error = { 0 };
    size_t index, missing;
    *answer = (struct answer){ 0 };
    world_init(&world);
    if (files_add(&world, file, &index, &error))
        fail_msg("%s", error.text);
    files_add_needed(&world, 0, library_path, &missing);
    answer->misses = missing > 0;
    for (size_t i = 1; i < world.objects.count; i++)
        answer_add(answer, world_object(&world, i)->path);
    world_free(&world);
}

static void assert_same(const struct answer *wanted, const struct answer *got, const char *file,
                        const char *library_path)
{
    if (!library_path)
        library_path = "(none)";
    for (size_t i = 0; i < wanted->count || i < got->count; i++)
        if (i >= wanted->count || i >= got->count || strcmp(wanted->path[i], got->path[i]))
            fail_msg("%s, LD_LIBRARY_PATH %s, library %zu: ld.so says %s, graft %s", file, library_path, i,
                     i < wanted->count ? wanted->path[i] : "nothing", i < got->count ? got->path[i] : "nothing");
    if (wanted->misses != got->misses)
        fail_msg("%s, LD_LIBRARY_PATH %s: one side misses a library", file, library_path);
}

/* Whether ld.so had an answer to compare with. */
static bool compare_answers(const char *file, const char *library_path)
{
    struct answer wanted, got;
    bool understood = ask_loader(file, library_path, &wanted);
    if (understood) {
        ask_graft(file, library_path, &got);
        assert_same(&wanted, &got, file, library_path);
        answer_free(&got);
    }
    answer_free(&wanted);
    return understood;
}

static const char *below_work(const char *path)
{
    static char buffer[4][PATH_MAX];
    static unsigned next;
    char *to = buffer[next++ % 4];
    snprintf(to, PATH_MAX, "%s/%s", work, path);
    return to;
}

/* Replaces each @ by the folder of the fixtures. */
static void fill_in(const char *from, char *to, size_t size)
{
    size_t length = 0;
    for (; *from && length + 1 < size; from++)
        if (*from == '@')
            length += (size_t)snprintf(to + length, size - length, "%s", work);
        else
            to[length++] = *from;
    to[length] = '\0';
}

/* ---- against ld.so ----------------------------------------------------------- */

static void each_library_is_found_where_ld_so_finds_it(void **state)
{
    static const char *const paths[] = { NULL, "", "@/two", "@/three:@/two", ":@/none;@/two", ";@/three",
        "$ORIGIN/three", "@/one/:@//two//", "@/levels4", "@/alien:@/narrow:@/three", "@/plain:@/names",
        "${ORIGIN}/of/$LIB", "/", "@/seven:@/one" };
    glob_t tops;
    (void)state;
    assert_int_equal(glob(below_work("top*.so"), 0, NULL, &tops), 0);
    assert_true(tops.gl_pathc > 30);
    for (size_t i = 0; i < tops.gl_pathc; i++)
        for (size_t k = 0; k < sizeof paths / sizeof *paths; k++) {
            char path[2 * PATH_MAX];
            if (paths[k])
                fill_in(paths[k], path, sizeof path);
            if (!compare_answers(tops.gl_pathv[i], paths[k] ? path : NULL))
                fail_msg("ld.so does not list %s", tops.gl_pathv[i]);
        }
    globfree(&tops);
}

static void an_empty_element_is_the_current_folder(void **state)
{
    static const char *const paths[] = { ":", ":/none", "/none:", "/none::", "" };
    (void)state;
    assert_int_equal(chdir(below_work("three")), 0);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_true(compare_answers("../top-rpath.so", paths[i]));
        assert_true(compare_answers("../top-runpath.so", paths[i]));
    }
    assert_int_equal(chdir(work), 0);
}

/* Every n-th file that matches, so that the whole folder is covered and little time; all
 * of them with SOAK=1. */
static size_t compare_some(const char *pattern, size_t most)
{
    glob_t files;
    size_t compared = 0;
    if (glob(pattern, 0, NULL, &files))
        return 0;
    size_t step = files.gl_pathc > most && !is_soak() ? files.gl_pathc / most : 1;
    for (size_t i = 0; i < files.gl_pathc; i += step) {
        char *real = realpath(files.gl_pathv[i], NULL);
        struct mapping mapping;
        struct elf_image image;
        if (real && !mapping_open(&mapping, real, NULL)) {
            bool usable = !elf_image_open_file(&image, mapping.bytes, mapping.size, NULL) && image.dyn.count
                       && image.machine == FEATURE_MACHINE && image.elf_class == FEATURE_CLASS;
            mapping_close(&mapping);
            compared += usable && compare_answers(real, NULL);
        }
        free(real);
    }
    globfree(&files);
    return compared;
}

static void programs_and_libraries_of_this_machine_get_what_ld_so_gives_them(void **state)
{
    char pattern[PATH_MAX];
    Dl_info libc;
    (void)state;
    assert_true(dladdr(dlsym(RTLD_DEFAULT, "qsort"), &libc));
    const char *slash = strrchr(libc.dli_fname, '/');
    size_t compared = compare_some("/usr/bin/python3", 1) + compare_some("/usr/bin/redis-server", 1)
                    + compare_some("/usr/bin/gdb", 1) + compare_some("/usr/bin/[a-z]*", 50);
    assert_true(compared >= 20);
    snprintf(pattern, sizeof pattern, "%.*s/*.so.*", (int)(slash - libc.dli_fname), libc.dli_fname);
    compared = compare_some(pattern, 30);
    assert_true(compared >= 20);
    snprintf(pattern, sizeof pattern, "%.*s/*/*.so", (int)(slash - libc.dli_fname), libc.dli_fname);
    compared += compare_some(pattern, 15);
    print_message("%zu files compared with ld.so\n", compared);
}

/* ---- one step at a time --------------------------------------------------------- */

static void open_image(const char *path, struct mapping *mapping, struct elf_image *image)
{
    assert_int_equal(mapping_open(mapping, path, NULL), 0);
    assert_int_equal(elf_image_open_file(image, mapping->bytes, mapping->size, NULL), 0);
}

static void the_rpath_of_the_program_is_for_objects_that_were_dlopened(void **state)
{
    struct mapping mapping[2];
    struct elf_image image[2];
    struct search search;
    char path[PATH_MAX];
    (void)state;
    open_image(below_work("top-rpath.so"), &mapping[0], &image[0]);
    open_image(below_work("one/libmid.so"), &mapping[1], &image[1]);
    struct search_from program = { .path = below_work("top-rpath.so"), .image = &image[0] };
    struct search_from object = { .path = below_work("one/libmid.so"), .image = &image[1] };
    search_init(&search, NULL);
    assert_false(search_find(&search, &object, "libleaf.so", path));
    search.program = &program;
    assert_true(search_find(&search, &object, "libleaf.so", path));
    assert_string_equal(path, below_work("two/libleaf.so"));
    search_fini(&search);
    mapping_close(&mapping[0]);
    mapping_close(&mapping[1]);
}

/* A cache of two folders of the fixtures, as ldconfig makes it. */
static void open_own_cache(struct search *search)
{
    char command[4 * PATH_MAX];
    snprintf(command, sizeof command, "printf '%s/levels4\n%s/five\n' >conf && "
             "PATH=$PATH:/sbin:/usr/sbin ldconfig -X -f conf -C own-cache 2>/dev/null", work, work);
    assert_int_equal(system(command), 0);
    *search = (struct search){ 0 };
    assert_int_equal(mapping_open(&search->mapped, below_work("own-cache"), NULL), 0);
    assert_true(cache_open(&search->cache, search->mapped.bytes, search->mapped.size));
}

static void the_cache_is_asked_before_the_default_folders(void **state)
{
    struct mapping mapping;
    struct elf_image image;
    struct search search;
    char path[PATH_MAX];
    (void)state;
    open_image(below_work("top-nothing.so"), &mapping, &image);
    struct search_from from = { .path = below_work("top-nothing.so"), .image = &image };
    open_own_cache(&search);
    assert_true(search_find(&search, &from, "libleaf.so", path));
    assert_string_equal(path, below_work("levels4/libleaf.so"));
    assert_true(search_find(&search, &from, "liblinked.so", path));
    assert_string_equal(path, below_work("five/liblinked.so"));
    if (FEATURE_MACHINE == EM_X86_64) {
        search.level = 3;
        assert_true(search_find(&search, &from, "libleaf.so", path));
        assert_string_equal(path, below_work("levels4/glibc-hwcaps/x86-64-v3/libleaf.so"));
    }
    search_fini(&search);
    assert_false(search_find(&search, &from, "libleaf.so", path));
    assert_true(search_find(&search, &from, "libc.so.6", path));        /* no cache, no path: the defaults */
    mapping_close(&mapping);
}

static void a_library_of_another_machine_does_not_serve(void **state)
{
    struct world world;
    size_t index, missing;
    (void)state;
    world_init(&world);
    assert_int_equal(files_add(&world, below_work("alien/libleaf.so"), &index, NULL), 0);
    assert_int_equal(files_add(&world, below_work("top-runpath.so"), &index, NULL), 0);
    files_add_needed(&world, 0, NULL, &missing);
    assert_int_equal(missing, 0);
    assert_int_equal(world.objects.count, 3);
    assert_int_equal(search_loaded_file(&world, 0, below_work("one/libleaf.so")), 2);
    world_free(&world);
}

static void a_file_that_is_no_elf_file_ends_the_search(void **state)
{
    struct mapping mapping;
    struct elf_image image;
    struct search search;
    char path[PATH_MAX];
    (void)state;
    open_image(below_work("top-absolute.so"), &mapping, &image);
    struct search_from from = { .path = below_work("top-absolute.so"), .image = &image };
    assert_int_equal(mkdir(below_work("text"), 0700), 0);
    FILE *file = fopen(below_work("text/libleaf.so"), "w");
    assert_non_null(file);
    fputs("INPUT(other)\n", file);
    fclose(file);
    search_init(&search, below_work("text"));
    errno = 77;
    assert_true(search_find(&search, &from, "libleaf.so", path));
    assert_string_equal(path, below_work("text/libleaf.so"));
    assert_false(search_find(&search, &from, "libno-such.so", path));
    assert_false(search_find(&search, &from, "", path));
    assert_int_equal(errno, 77);
    search_fini(&search);
    mapping_close(&mapping);
}

static void tokens_are_replaced_where_they_stand_alone(void **state)
{
    static const struct { const char *from, *to; } cases[] = {
        { "$ORIGIN", "/a/b" },                 { "${ORIGIN}", "/a/b" },
        { "$ORIGIN/x", "/a/b/x" },             { "x$ORIGIN", "x/a/b" },
        { "$ORIGINS", "$ORIGINS" },            { "$ORIGIN_", "$ORIGIN_" },
        { "$ORIGIN9", "$ORIGIN9" },            { "${ORIGIN", "${ORIGIN" },
        { "$ORIGI", "$ORIGI" },                { "$", "$" },
        { "$$ORIGIN", "$/a/b" },               { "/$LIB/$PLATFORM", "/lib64/cpu" },
        { "${LIB}${PLATFORM}", "lib64cpu" },   { "$LIB$LIBS", "lib64$LIBS" },
        { "${OTHER}/x", "${OTHER}/x" },        { "", "" },
        { "$ORIGIN$ORIGIN", "/a/b/a/b" },      { "${LIBS}", "${LIBS}" },
    };
    struct expand expand = { .object = "/a/b/libc.so", .lib = "lib64", .platform = "cpu" };
    char to[PATH_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!expand_tokens(&expand, cases[i].from, strlen(cases[i].from), to) || strcmp(to, cases[i].to))
            fail_msg("'%s' became '%s', not '%s'", cases[i].from, to, cases[i].to);
        char *cut = malloc(strlen(cases[i].from));          /* nothing behind the text is read */
        for (size_t k = 0; cut && k < strlen(cases[i].from); k++) {
            memcpy(cut + strlen(cases[i].from) - k, cases[i].from, k);
            expand_tokens(&expand, cut + strlen(cases[i].from) - k, k, to);
        }
        free(cut);
    }
}

static void a_token_without_a_value_spoils_its_path(void **state)
{
    struct expand expand = { .object = "/libc.so" };
    char to[PATH_MAX], here[PATH_MAX];
    (void)state;
    assert_false(expand_tokens(&expand, "/x/$LIB", 7, to));
    assert_false(expand_tokens(&expand, "/$PLATFORM", 10, to));
    assert_true(expand_tokens(&expand, "$ORIGIN", 7, to));
    assert_string_equal(to, "/");
    expand.object = "libc.so";
    assert_non_null(getcwd(here, sizeof here));
    assert_true(expand_tokens(&expand, "$ORIGIN", 7, to));
    assert_string_equal(to, here);
}

static void a_path_that_does_not_fit_is_no_path(void **state)
{
    struct expand expand = { .object = "/a/b/libc.so" };
    char *from = malloc(2 * PATH_MAX), to[PATH_MAX];
    (void)state;
    assert_non_null(from);
    memset(from, 'x', 2 * PATH_MAX);
    assert_true(expand_tokens(&expand, from, PATH_MAX - 1, to));
    assert_int_equal(strlen(to), PATH_MAX - 1);
    assert_false(expand_tokens(&expand, from, PATH_MAX, to));
    memcpy(from + PATH_MAX - 10, "$ORIGIN", 7);
    assert_true(expand_tokens(&expand, from, PATH_MAX - 3, to));
    assert_false(expand_tokens(&expand, from, PATH_MAX + 3, to));
    free(from);
}

static void the_level_of_the_cpu_is_what_ld_so_says(void **state)
{
    char command[PATH_MAX + 16], line[256];
    unsigned level = FEATURE_MACHINE == EM_X86_64 ? 1 : 0;
    (void)state;
    snprintf(command, sizeof command, "%s --help", loader);
    FILE *output = popen(command, "r");
    assert_non_null(output);
    while (fgets(line, sizeof line, output)) {
        char *name = line + strspn(line, " ");
        if (!strstr(name, "(supported"))
            continue;
        name[strcspn(name, " ")] = '\0';
        if (hwcaps_level_of(name) > level)
            level = hwcaps_level_of(name);
    }
    pclose(output);
    assert_int_equal(hwcaps_level(), level);
}

/* ---- the cache --------------------------------------------------------------------- */

/* The word of `ldconfig -p` for this machine's libraries. */
static const char *cache_word(void)
{
    return FEATURE_MACHINE == EM_X86_64 ? "(libc6,x86-64" : FEATURE_MACHINE == EM_AARCH64 ? "(libc6,AArch64"
         : FEATURE_MACHINE == EM_RISCV ? "(libc6,double-float" : "(libc6";
}

static void each_name_in_the_cache_of_this_machine_is_found(void **state)
{
    struct search search;
    char line[2 * PATH_MAX], name[PATH_MAX], last[PATH_MAX] = "";
    size_t compared = 0;
    (void)state;
    search_init(&search, NULL);
    assert_true(search.cache.count > 0);
    FILE *output = popen("PATH=$PATH:/sbin:/usr/sbin ldconfig -p", "r");
    assert_non_null(output);
    while (fgets(line, sizeof line, output)) {
        char *arrow = strstr(line, " => ");
        if (!arrow || sscanf(line, " %s", name) != 1 || strstr(line, "hwcap") || !strcmp(name, last)
            || strncmp(strstr(line, " (") + 1, cache_word(), strlen(cache_word())))
            continue;
        arrow[strcspn(arrow, "\n")] = '\0';
        const char *path = cache_find(&search.cache, name, cache_flags(FEATURE_MACHINE, FEATURE_CLASS), 0);
        if (!path || strcmp(path, arrow + 4))
            fail_msg("%s: ldconfig says %s, graft %s", name, arrow + 4, path ? path : "nothing");
        strcpy(last, name);
        compared++;
    }
    pclose(output);
    assert_true(compared > 20);
    assert_null(cache_find(&search.cache, "libno-such.so", 0x303, 4));
    assert_null(cache_find(&search.cache, "", 0x303, 4));
    search_fini(&search);
}

static unsigned char *read_corpus(const char *name, size_t *size)
{
    char path[2 * PATH_MAX];
    snprintf(path, sizeof path, "%s/tests/fuzz/corpus-file/%s", project, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    unsigned char *bytes = malloc(8192);
    assert_non_null(bytes);
    *size = fread(bytes, 1, 8192, file);
    fclose(file);
    return bytes;
}

static const char *const caches[] = { "cache", "cache-compat" };

static void of_several_entries_the_best_for_the_cpu_is_taken(void **state)
{
    static const char *const wanted[] = { "/lib/libleaf.so", "/lib/libleaf.so",
        "/lib/glibc-hwcaps/x86-64-v2/libleaf.so", "/lib/glibc-hwcaps/x86-64-v3/libleaf.so",
        "/lib/glibc-hwcaps/x86-64-v4/libleaf.so" };
    (void)state;
    for (size_t i = 0; i < sizeof caches / sizeof *caches; i++) {
        struct cache cache;
        size_t size;
        unsigned char *bytes = read_corpus(caches[i], &size);
        assert_true(cache_open(&cache, bytes, size));
        for (unsigned level = 0; level <= HWCAPS_LEVEL_MAX; level++)
            assert_string_equal(cache_find(&cache, "libleaf.so", 0x303, level), wanted[level]);
        assert_string_equal(cache_find(&cache, "libfive.so.9", 0x303, 4), "/lib/libfive.so.9");
        assert_string_equal(cache_find(&cache, "libfive.so.10", 0x303, 4), "/lib/libfive.so.10");
        assert_null(cache_find(&cache, "libfive.so.11", 0x303, 4));
        assert_null(cache_find(&cache, "libfive.so", 0x303, 4));
        assert_null(cache_find(&cache, "libleaf.so", 0xa03, 4));
        free(bytes);
    }
}

static void a_cache_cut_anywhere_holds_no_bad_string(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof caches / sizeof *caches; i++) {
        size_t size;
        unsigned char *bytes = read_corpus(caches[i], &size);
        for (size_t cut = 0; cut <= size; cut++)
            LLVMFuzzerTestOneInput(bytes, cut);
        free(bytes);
    }
}

static void any_value_in_any_word_of_the_cache_is_survived(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof caches / sizeof *caches; i++) {
        size_t size;
        unsigned char *bytes = read_corpus(caches[i], &size);
        const uint32_t values[] = { 0, 1, 2, 3, 0x7f, 0xff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
            0x40000000, 0x40000003, 0x303, (uint32_t)size, (uint32_t)size - 1, (uint32_t)size + 1 };
        for (size_t at = 0; at + 4 <= size; at++)
            for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
                uint32_t before;
                memcpy(&before, bytes + at, 4);
                memcpy(bytes + at, &values[k], 4);
                LLVMFuzzerTestOneInput(bytes, size);
                memcpy(bytes + at, &before, 4);
            }
        free(bytes);
    }
}

static void a_cache_of_another_byte_order_is_none(void **state)
{
    struct cache cache;
    size_t size;
    unsigned char *bytes = read_corpus("cache", &size);
    (void)state;
    assert_true(cache_open(&cache, bytes, size));
    bytes[28] = (unsigned char)(bytes[28] ^ 1);
    assert_false(cache_open(&cache, bytes, size));
    assert_int_equal(cache.count, 0);
    free(bytes);
}

/* ---- what is loaded ------------------------------------------------------------------ */

struct question { const char *name; size_t by_name, by_file; char path[PATH_MAX]; };

static int ask_world(struct world *world, const struct live_counts *counts, void *arg)
{
    struct question *question = arg;
    (void)counts;
    question->by_name = search_loaded(world, 0, question->name);
    question->by_file = search_loaded_file(world, 0, question->path);
    return 0;
}

/* RTLD_NOLOAD tells whether ld.so takes the name for something that is loaded. */
static void a_name_means_what_it_means_to_dlopen(void **state)
{
    void *plain = dlopen(below_work("names/libnoname.so"), RTLD_NOW | RTLD_LOCAL);
    void *other = dlopen(below_work("names/libfile.so"), RTLD_NOW | RTLD_LOCAL);
    const char *const names[] = { "libc.so.6", "libcmocka.so.0", "libno-such.so", loader, strrchr(loader, '/') + 1,
        below_work("names/libnoname.so"), "libnoname.so", "libother-name.so", "libfile.so", "libleaf.so",
        below_work("one/libleaf.so"), "names/../names/libfile.so", "libpanel.so.6" };
    (void)state;
    assert_non_null(plain);
    assert_non_null(other);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct question question = { .name = names[i] };
        struct search search;
        struct elf_image image;
        struct mapping mapping;
        open_image("/proc/self/exe", &mapping, &image);
        struct search_from program = { .path = "/proc/self/exe", .image = &image };
        search_init(&search, getenv("LD_LIBRARY_PATH"));
        if (!search_find(&search, &program, names[i], question.path))
            question.path[0] = '\0';
        assert_int_equal(live_visit(ask_world, &question, NULL), 0);
        void *known = dlopen(names[i], RTLD_NOW | RTLD_NOLOAD);
        if ((known != NULL) != (question.by_name != WORLD_NONE || question.by_file != WORLD_NONE))
            fail_msg("%s: dlopen says %s", names[i], known ? "loaded" : "not loaded");
        if (known)
            dlclose(known);
        search_fini(&search);
        mapping_close(&mapping);
    }
    dlclose(plain);
    dlclose(other);
}

static void a_world_of_files_knows_its_objects_by_name(void **state)
{
    struct world world;
    size_t index, missing;
    (void)state;
    world_init(&world);
    assert_int_equal(files_add(&world, below_work("top-no-soname.so"), &index, NULL), 0);
    files_add_needed(&world, 0, NULL, &missing);
    assert_int_equal(world.objects.count, 2);
    assert_int_equal(search_loaded(&world, 0, "libnoname.so"), 1);      /* needed by that name */
    assert_int_equal(search_loaded(&world, 0, "top-no-soname.so"), WORLD_NONE);
    assert_int_equal(search_loaded(&world, 1, "libnoname.so"), WORLD_NONE);
    assert_int_equal(search_loaded(&world, 0, world_object(&world, 0)->path), 0);
    assert_int_equal(search_loaded_file(&world, 0, "names/../names/libnoname.so"), 1);
    assert_int_equal(search_loaded_file(&world, 0, "names/libfile.so"), WORLD_NONE);
    world_object(&world, 1)->is_main = true;                            /* the kernel opened it, not ld.so */
    assert_int_equal(search_loaded_file(&world, 0, "names/libnoname.so"), WORLD_NONE);
    assert_int_equal(search_loaded_file(&world, 0, "names/no-such-file"), WORLD_NONE);
    world_free(&world);
}

/* ---- the fixtures ---------------------------------------------------------------------- */

static int prepare(void **state)
{
    char command[3 * PATH_MAX];
    (void)state;
    for (const struct link_map *map = _r_debug.r_map; map; map = map->l_next)
        if (strstr(map->l_name, "/ld-linux") && !realpath(map->l_name, loader))
            return -1;
    if (!*loader || !getcwd(project, sizeof project) || !mkdtemp(work))
        return -1;
    snprintf(command, sizeof command, "tests/fixtures/search/build.sh %s >&2", work);
    return system(command) || chdir(work);
}

static int clean(void **state)
{
    char command[2 * PATH_MAX];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", work);
    return chdir(project) || system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_library_is_found_where_ld_so_finds_it),
        cmocka_unit_test(an_empty_element_is_the_current_folder),
        cmocka_unit_test(programs_and_libraries_of_this_machine_get_what_ld_so_gives_them),
        cmocka_unit_test(the_rpath_of_the_program_is_for_objects_that_were_dlopened),
        cmocka_unit_test(the_cache_is_asked_before_the_default_folders),
        cmocka_unit_test(a_library_of_another_machine_does_not_serve),
        cmocka_unit_test(a_file_that_is_no_elf_file_ends_the_search),
        cmocka_unit_test(tokens_are_replaced_where_they_stand_alone),
        cmocka_unit_test(a_token_without_a_value_spoils_its_path),
        cmocka_unit_test(a_path_that_does_not_fit_is_no_path),
        cmocka_unit_test(the_level_of_the_cpu_is_what_ld_so_says),
        cmocka_unit_test(each_name_in_the_cache_of_this_machine_is_found),
        cmocka_unit_test(of_several_entries_the_best_for_the_cpu_is_taken),
        cmocka_unit_test(a_cache_cut_anywhere_holds_no_bad_string),
        cmocka_unit_test(any_value_in_any_word_of_the_cache_is_survived),
        cmocka_unit_test(a_cache_of_another_byte_order_is_none),
        cmocka_unit_test(a_name_means_what_it_means_to_dlopen),
        cmocka_unit_test(a_world_of_files_knows_its_objects_by_name),
    };
    return cmocka_run_group_tests(tests, prepare, clean);
}
