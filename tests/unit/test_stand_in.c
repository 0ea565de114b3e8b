/* SPDX-License-Identifier: MIT */
/* The writer of stand-ins: what ld.so, readelf, eu-readelf and gdb make of what it writes,
 * and look-ups beside one that grows. */

#include "process.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "elf/image.h"
#include "elf/symbol.h"
#include "load/stand_in.h"

/* ---- help ------------------------------------------------------------------------------- */

struct made { unsigned char *bytes; struct stand_in_layout layout; };

static struct made make(const struct stand_in *wish)
{
    struct made m;
    assert_true(stand_in_measure(wish, &m.layout));
    assert_int_equal(m.layout.size % sysconf(_SC_PAGESIZE), 0);
    m.bytes = mmap(NULL, m.layout.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(m.bytes != MAP_FAILED);
    stand_in_write(m.bytes, wish, &m.layout);
    return m;
}

static void unmake(struct made *m)
{
    munmap(m->bytes, m->layout.size);
}

/* @count symbols "PREFIX_0"…, with the address base + i. */
static struct stand_in_symbol *many(const char *prefix, size_t count, const char *version, uint64_t base)
{
    struct stand_in_symbol *symbols = calloc(count + 1, sizeof *symbols);
    assert_non_null(symbols);
    for (size_t i = 0; i < count; i++) {
        char *name = malloc(40);
        assert_non_null(name);
        snprintf(name, 40, "%s_%zu", prefix, i);
        symbols[i] = (struct stand_in_symbol){ name, version, base + i, 1, i % 2 ? STT_OBJECT : STT_FUNC, false };
    }
    return symbols;
}

static void no_more(struct stand_in_symbol *symbols)
{
    for (struct stand_in_symbol *s = symbols; s->name; s++)
        free((char *)s->name);
    free(symbols);
}

static void save(const struct made *m, const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0700);
    assert_int_equal(write(file, m->bytes, m->layout.size), m->layout.size);
    close(file);
}

static char folder[] = "/tmp/graft-stand-in-XXXXXX", path[64];

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/made.so", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void *open_made(const struct made *m)
{
    save(m, path);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        fail_msg("%s", dlerror());
    return handle;
}

/* Runs @command on the file, which says nothing of warnings or errors; its output. */
static const char *ask_tool(const char *command)
{
    static char output[1 << 20];
    char line[300];
    snprintf(line, sizeof line, command, path);
    snprintf(line + strlen(line), sizeof line - strlen(line), " 2>&1");
    FILE *pipe = popen(line, "r");
    assert_non_null(pipe);
    output[fread(output, 1, sizeof output - 1, pipe)] = '\0';
    assert_int_equal(pclose(pipe), 0);
    if (strcasestr(output, "warning") || strcasestr(output, "error"))
        fail_msg("%s: %.600s", line, output);
    return output;
}

static const char *const versions[] = { "V_1", "V_2", "V_3" };
static const char *const needed[] = { "libc.so.6" };

static struct stand_in_symbol some[] = {
    { "plain", NULL, 0x1000, 8, STT_FUNC, false }, { "old", "V_1", 0x2000, 0, STT_FUNC, false }, { "twice", "V_1", 0x3000, 4, STT_OBJECT, true },
    { "twice", "V_2", 0x4000, 4, STT_OBJECT, false }, { "untyped", "V_3", 0x5000, 0, STT_NOTYPE, false } };

static const struct stand_in usual = { .soname = "libmade.so.1", .needed = needed, .needed_count = 1, .versions = versions,
                                       .version_count = 3, .symbols = some, .symbol_count = 5, .more = 100 };

/* ---- what it is ------------------------------------------------------------------------------ */

static void the_loader_finds_each_name_in_its_version(void **state)
{
    struct made m = make(&usual);
    (void)state;
    void *handle = open_made(&m);
    assert_ptr_equal(dlsym(handle, "plain"), 0x1000);
    assert_ptr_equal(dlvsym(handle, "old", "V_1"), 0x2000);
    assert_null(dlvsym(handle, "old", "V_2"));
    assert_ptr_equal(dlvsym(handle, "twice", "V_1"), 0x3000);
    assert_ptr_equal(dlvsym(handle, "twice", "V_2"), 0x4000);
    assert_ptr_equal(dlvsym(handle, "untyped", "V_3"), 0x5000);
    assert_ptr_equal(dlsym(handle, "twice"), 0x4000);           /* twice@V_1 is no default */
    assert_null(dlsym(handle, "plain_"));
    assert_null(dlsym(handle, "made"));
    assert_int_equal(dlclose(handle), 0);
    unmake(&m);
}

static void it_is_at_the_address_that_absolute_symbols_are_not_moved_by(void **state)
{
    struct made m = make(&usual);
    struct link_map *map = open_made(&m);
    (void)state;
    assert_true(map->l_addr != 0);
    assert_ptr_equal(dlsym(map, "plain"), 0x1000);
    assert_memory_equal((void *)map->l_addr, ELFMAG, SELFMAG);
    dlclose(map);
    unmake(&m);
}

static size_t counted(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
        count++;
    return count;
}

static void readelf_reads_it_without_a_warning(void **state)
{
    struct made m = make(&usual);
    (void)state;
    save(&m, path);
    const char *text = ask_tool("readelf -W -h -l -d %s");
    assert_non_null(strstr(text, "libmade.so.1"));
    assert_non_null(strstr(text, "[libc.so.6]"));
    assert_non_null(strstr(text, "DYN"));
    assert_null(strstr(text, "RWE"));
    text = ask_tool("readelf -W -D -s %s");     /* --dyn-syms and -V want section headers */
    assert_non_null(strstr(text, "contains 6 entries"));
    for (size_t i = 0; i < 5; i++)
        assert_non_null(strstr(text, some[i].name));
    assert_int_equal(counted(text, "twice@"), 2);
    assert_int_equal(counted(text, "twice@@"), 1);
    assert_int_equal(counted(text, "V_1"), 2);
    assert_int_equal(counted(text, "V_2"), 1);
    ask_tool("readelf -W --dyn-syms -V %s");
    text = ask_tool("readelf -W -n %s");
    assert_non_null(strstr(text, "graft"));
    unmake(&m);
}

/* A tool that is not installed is named, which is a failure in CI. */
static bool have(const char *tool)
{
    char command[100];
    snprintf(command, sizeof command, "command -v %s >/dev/null", tool);
    if (!system(command))
        return true;
    printf("left out: %s is not installed\n", tool);
    return false;
}

static void elfutils_and_gdb_read_it_without_a_warning(void **state)
{
    struct made m = make(&usual);
    (void)state;
    save(&m, path);
    if (have("eu-readelf"))
        assert_non_null(strstr(ask_tool("eu-readelf -d %s"), "libmade.so.1"));
    if (have("gdb"))
        assert_non_null(ask_tool("gdb -nx -batch -ex 'info files' %s"));
    unmake(&m);
}

static void graft_itself_reads_it(void **state)
{
    struct made m = make(&usual);
    struct elf_image image;
    struct elf_symbol found;
    size_t size;
    (void)state;
    assert_int_equal(elf_image_open_file(&image, m.bytes, m.layout.size, NULL), 0);
    assert_string_equal(image.soname, "libmade.so.1");
    assert_string_equal(elf_image_needed(&image, 0), "libc.so.6");
    assert_int_equal(image.verdef_count, 4);
    assert_int_equal(elf_symbol_count(&image), 6);
    for (size_t i = 0; i < 5; i++) {
        struct elf_wanted wanted = { .name = some[i].name, .version = some[i].version };
        assert_int_equal(elf_lookup(&image, &wanted, &found), ELF_FOUND);
        assert_int_equal(found.value, some[i].address);
        assert_int_equal(found.size, some[i].size);
        assert_int_equal(found.type, some[i].type);
        assert_int_equal(found.section, SHN_ABS);
    }
    assert_non_null(elf_image_note(&image, "graft", STAND_IN_NOTE, &size));
    unmake(&m);
}

static void an_empty_one_is_an_object_too(void **state)
{
    const struct stand_in nothing = { .soname = "libnothing.so" };
    struct made m = make(&nothing);
    (void)state;
    void *handle = open_made(&m);
    assert_null(dlsym(handle, "anything"));
    ask_tool("readelf -W -a -D %s");
    dlclose(handle);
    unmake(&m);
}

static void what_cannot_be_is_said_before(void **state)
{
    struct stand_in_layout layout;
    (void)state;
    assert_false(stand_in_measure(&(struct stand_in){ .soname = "x", .more = 1 << 30 }, &layout));
    assert_true(stand_in_measure(&(struct stand_in){ .soname = "x", .more = 1 << 10 }, &layout));
}

static int ran;
static void first(int count, char **arguments, char **environment)
{
    ran += count > 0 && arguments && environment;
}

static void its_function_runs_with_the_programs_arguments(void **state)
{
    const struct stand_in wish = { .soname = "libfirst.so", .first = first };
    struct made m = make(&wish);
    (void)state;
    void *handle = open_made(&m);
    assert_int_equal(ran, 1);
    dlclose(handle);
    assert_int_equal(ran, 1);
    unmake(&m);
}

/* ---- growing ------------------------------------------------------------------------------------ */

static void what_is_added_is_found_and_what_was_there_stays(void **state)
{
    struct stand_in_symbol *old = many("old", 300, NULL, 0x10000), *new = many("new", 900, "V_2", 0x20000);
    struct stand_in wish = usual;
    (void)state;
    wish.symbols = old;
    wish.symbol_count = 300;
    wish.more = 4096 + 900;
    struct made m = make(&wish);
    for (size_t i = 0; i < 900; i++) {
        assert_false(stand_in_has(m.bytes, &m.layout, new[i].name, 1));
        assert_true(stand_in_add(m.bytes, &m.layout, &new[i], 1));
        assert_true(stand_in_has(m.bytes, &m.layout, new[i].name, 1));
        assert_false(stand_in_has(m.bytes, &m.layout, new[i].name, 0));
        assert_false(stand_in_has(m.bytes, &m.layout, new[i].name, -1));
    }
    void *handle = open_made(&m);
    for (size_t i = 0; i < 300; i++)
        assert_ptr_equal(dlsym(handle, old[i].name), old[i].address);
    for (size_t i = 0; i < 900; i++) {
        assert_ptr_equal(dlvsym(handle, new[i].name, "V_2"), new[i].address);
        assert_null(dlvsym(handle, new[i].name, "V_1"));
    }
    ask_tool("readelf -W -d %s");
    dlclose(handle);
    no_more(old);
    no_more(new);
    unmake(&m);
}

static void one_that_is_full_says_so_and_stays_whole(void **state)
{
    struct stand_in_symbol *old = many("old", 20, NULL, 0x10000), *new = many("new", 200, NULL, 0x20000);
    const struct stand_in wish = { .soname = "libfull.so", .symbols = old, .symbol_count = 20, .more = 30 };
    struct made m = make(&wish);
    size_t added = 0;
    (void)state;
    while (added < 200 && stand_in_add(m.bytes, &m.layout, &new[added], -1))
        added++;
    assert_true(added > 0 && added <= 30);
    char *name = malloc(5000);
    memset(name, 'n', 4999);
    name[4999] = '\0';
    assert_false(stand_in_add(m.bytes, &m.layout, &(struct stand_in_symbol){ name, NULL, 1, 1, STT_FUNC, false }, -1));
    void *handle = open_made(&m);
    for (size_t i = 0; i < 20; i++)
        assert_ptr_equal(dlsym(handle, old[i].name), old[i].address);
    for (size_t i = 0; i < added; i++)
        assert_ptr_equal(dlsym(handle, new[i].name), new[i].address);
    assert_null(dlsym(handle, new[added].name));
    dlclose(handle);
    free(name);
    no_more(old);
    no_more(new);
    unmake(&m);
}

/* Names of one bucket that have one hash, all but its lowest bit: "…c" and "…bB" collide
 * in 33 h + c. */
static void names_whose_hashes_collide_are_told_apart(void **state)
{
    struct stand_in_symbol two[] = { { "xac", NULL, 0x100, 1, STT_FUNC, false }, { "xbB", NULL, 0x200, 1, STT_FUNC, false } };
    const struct stand_in wish = { .soname = "libtwo.so", .symbols = two, .symbol_count = 2, .more = 50 };
    (void)state;
    assert_int_equal(elf_hash_gnu("xac"), elf_hash_gnu("xbB"));
    struct made m = make(&wish);
    assert_false(stand_in_has(m.bytes, &m.layout, "ybB", -1));
    assert_true(stand_in_add(m.bytes, &m.layout, &(struct stand_in_symbol){ "yac", NULL, 0x300, 1, STT_FUNC, false }, -1));
    assert_false(stand_in_has(m.bytes, &m.layout, "ybB", -1));
    assert_true(stand_in_add(m.bytes, &m.layout, &(struct stand_in_symbol){ "ybB", NULL, 0x400, 1, STT_FUNC, false }, -1));
    void *handle = open_made(&m);
    assert_ptr_equal(dlsym(handle, "xac"), 0x100);
    assert_ptr_equal(dlsym(handle, "xbB"), 0x200);
    assert_ptr_equal(dlsym(handle, "yac"), 0x300);
    assert_ptr_equal(dlsym(handle, "ybB"), 0x400);
    dlclose(handle);
    unmake(&m);
}

static struct { void *handle; struct stand_in_symbol *old, *new; atomic_size_t added; atomic_bool stop; atomic_ulong asked, wrong; } grow;

enum { OLD = 500, NEW = 3000 };

/* What was there is always found; what is known to be added already, too. */
static void *look_up(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    while (!grow.stop) {
        size_t known = grow.added, i = (size_t)rand_r(&seed);
        grow.wrong += dlsym(grow.handle, grow.old[i % OLD].name) != (void *)grow.old[i % OLD].address;
        if (known)
            grow.wrong += dlsym(grow.handle, grow.new[i % known].name) != (void *)grow.new[i % known].address;
        void *any = dlsym(grow.handle, grow.new[i % NEW].name);
        grow.wrong += any && any != (void *)grow.new[i % NEW].address;
        grow.asked += 3;
    }
    return NULL;
}

static void four_threads_look_names_up_while_it_grows(void **state)
{
    pthread_t thread[4];
    (void)state;
    grow.old = many("old", OLD, NULL, 0x100000);
    grow.new = many("new", NEW, NULL, 0x200000);
    const struct stand_in wish = { .soname = "libgrow.so", .symbols = grow.old, .symbol_count = OLD, .more = 8 * NEW };
    struct made m = make(&wish);
    grow.handle = open_made(&m);
    unsigned char *bytes = (unsigned char *)((struct link_map *)grow.handle)->l_addr;
    assert_int_equal(mprotect(bytes, m.layout.size, PROT_READ | PROT_WRITE), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, look_up, (void *)(i + 1)), 0);
    for (size_t i = 0; i < NEW; i++) {
        assert_true(stand_in_add(bytes, &m.layout, &grow.new[i], -1));
        grow.added = i + 1;
        if (i % 8 == 0)
            usleep(100);                /* there are fewer processors than threads */
    }
    grow.stop = true;
    for (size_t i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(grow.wrong, 0);
    assert_true(grow.asked > 1000);
    dlclose(grow.handle);
    no_more(grow.old);
    no_more(grow.new);
    unmake(&m);
}

/* ---- how long it takes --------------------------------------------------------------------------- */

static double seconds_for(size_t count)
{
    struct stand_in_symbol *symbols = many("a_name_of_usual_length", count, "V_2", 1);
    struct stand_in wish = usual;
    double best = 1e9;
    wish.symbols = symbols;
    wish.symbol_count = count;
    for (int i = 0; i < 7; i++) {
        struct timespec from, to;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
        struct made m = make(&wish);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
        double took = (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
        best = took < best ? took : best;
        unmake(&m);
    }
    no_more(symbols);
    return best;
}

/* Twenty times as many take twenty times as long, and caches that overflow; a quadratic
 * writer would need 400 times. */
static void the_time_is_linear_in_the_number_of_symbols(void **state)
{
    double few = seconds_for(1000), all = seconds_for(20000);
    (void)state;
    if (all > 100 * few)
        fail_msg("1,000 symbols: %.6f s, 20,000: %.6f s", few, all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_loader_finds_each_name_in_its_version),
        cmocka_unit_test(it_is_at_the_address_that_absolute_symbols_are_not_moved_by),
        cmocka_unit_test(readelf_reads_it_without_a_warning),
        cmocka_unit_test(elfutils_and_gdb_read_it_without_a_warning),
        cmocka_unit_test(graft_itself_reads_it),
        cmocka_unit_test(an_empty_one_is_an_object_too),
        cmocka_unit_test(what_cannot_be_is_said_before),
        cmocka_unit_test(its_function_runs_with_the_programs_arguments),
        cmocka_unit_test(what_is_added_is_found_and_what_was_there_stays),
        cmocka_unit_test(one_that_is_full_says_so_and_stays_whole),
        cmocka_unit_test(names_whose_hashes_collide_are_told_apart),
        cmocka_unit_test(four_threads_look_names_up_while_it_grows),
        cmocka_unit_test(the_time_is_linear_in_the_number_of_symbols),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
