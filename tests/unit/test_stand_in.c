/* SPDX-License-Identifier: MIT */
/* The writer of stand-ins: what ld.so, readelf, eu-readelf and gdb make of what it writes. */

#include "made.h"
#include "process.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf/image.h"
#include "elf/symbol.h"

/* Runs @command on the file, which says nothing of warnings or errors; its output. */
static const char *ask_tool(const char *command)
{
    static char output[1 << 20];
    char line[300];
    snprintf(line, sizeof line, command, made_path);
    snprintf(line + strlen(line), sizeof line - strlen(line), " 2>&1");
    FILE *pipe = popen(line, "r");
    assert_non_null(pipe);
    output[fread(output, 1, sizeof output - 1, pipe)] = '\0';
    assert_int_equal(pclose(pipe), 0);
    if (strcasestr(output, "warning") || strcasestr(output, "error"))
        fail_msg("%s: %.600s", line, output);
    return output;
}

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
    save(&m);
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
    save(&m);
    if (have("eu-readelf"))
        assert_non_null(strstr(ask_tool("eu-readelf --use-dynamic -d %s"), "libmade.so.1"));
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
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
