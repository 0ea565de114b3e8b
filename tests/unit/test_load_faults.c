/* SPDX-License-Identifier: MIT */
/* Loads that cannot succeed: files that are no libraries, and a loader that fails late.
 * Nothing has run, nothing is left. */

#include "load_fixture.h"
#include "process.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf_builder.h"

static char folder[] = "/tmp/graft-faults-XXXXXX", file[64];

/* ---- help ------------------------------------------------------------------------- */

static void make_folder(void)
{
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/lib.so", folder);
}

static void remove_folder(void)
{
    unlink(file);
    assert_int_equal(rmdir(folder), 0);         /* nothing else is left in it */
}

static void write_file(const void *bytes, size_t size)
{
    int to = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0700);
    assert_int_equal(write(to, bytes, size), size);
    close(to);
}

static unsigned char *read_fixture(const char *name, size_t *size)
{
    FILE *from = fopen(loads_path(name), "rb");
    assert_non_null(from);
    unsigned char *bytes = malloc(1 << 20);
    assert_non_null(bytes);
    *size = fread(bytes, 1, 1 << 20, from);
    fclose(from);
    return bytes;
}

/* The code with which a file of ours is refused; dlopen must refuse it too. */
static int refusal(struct graft_error *error)
{
    int result = loads_badly(file, RTLD_NOW, NULL, error);
    assert_null(dlopen(file, RTLD_NOW));
    if (!strstr(error->text, "lib.so"))
        fail_msg("'%s' does not name the file", error->text);
    return result;
}

/* ---- files --------------------------------------------------------------------------- */

static void what_is_no_library_is_refused_by_name(void **state)
{
    struct graft_error error;
    (void)state;
    make_folder();
    loads_note_state();
    write_file("", 0);
    assert_int_equal(refusal(&error), -GRAFT_EFORMAT);
    write_file("#!/bin/sh\n", 10);
    assert_int_equal(refusal(&error), -GRAFT_EFORMAT);
    write_file("\177ELF", 4);
    assert_int_equal(refusal(&error), -GRAFT_EFORMAT);
    unlink(file);
    assert_int_equal(mkdir(file, 0700), 0);
    assert_int_equal(refusal(&error), -GRAFT_EFORMAT);
    rmdir(file);
    loads_expect_nothing_left();
    remove_folder();
}

static void a_file_cut_short_is_refused_or_loaded_as_dlopen_does(void **state)
{
    size_t size, loaded = 0;
    unsigned char *bytes = read_fixture("libuser.so", &size);
    (void)state;
    make_folder();
    loads_host();
    for (size_t cut = size - 1; cut > 100; cut -= cut > 100 ? 100 : cut) {
        struct graft_error error = { 0 };
        void *mine = NULL;
        write_file(bytes, cut);
        int result = graft_load(file, RTLD_NOW, NULL, &mine, &error);
        if (result && error.code != result)
            fail_msg("%zu bytes: %d, but the error says %d", cut, result, error.code);
        if (result && result != -GRAFT_EFORMAT && result != -GRAFT_ESYS)
            fail_msg("%zu bytes: %d %s", cut, result, error.text);
        loaded += !result;
        if (!result) {
            assert_int_equal(loads_ask(mine, "user_call"), HOST);
            dlclose(mine);
        }
        unlink(file);                   /* another inode next time */
    }
    assert_true(loaded < size / 200);
    free(bytes);
    remove_folder();
}

static void another_machines_library_is_refused_as_such(void **state)
{
    static const struct { size_t at; unsigned char value; } changes[] = { { EI_CLASS, ELFCLASS32 }, { EI_DATA, ELFDATA2MSB },
                                                                         { 18, EM_AARCH64 }, { 18, 250 } };
    size_t size;
    unsigned char *bytes = read_fixture("libuser.so", &size);
    (void)state;
    make_folder();
    loads_note_state();
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct graft_error error;
        unsigned char kept = bytes[changes[i].at];
        bytes[changes[i].at] = changes[i].value;
        write_file(bytes, size);
        int result = refusal(&error);
        if (i < 2 ? result != -GRAFT_EARCH && result != -GRAFT_EFORMAT : result != -GRAFT_EARCH)
            fail_msg("byte %zu: %d %s", changes[i].at, result, error.text);
        bytes[changes[i].at] = kept;
        unlink(file);
    }
    loads_expect_nothing_left();
    free(bytes);
    remove_folder();
}

static void an_executable_is_refused(void **state)
{
    struct graft_error error;
    (void)state;
    make_folder();
    rmdir(folder);
    snprintf(file, sizeof file, "/proc/self/exe");
    assert_int_equal(loads_badly(file, RTLD_NOW, NULL, &error), -GRAFT_EFORMAT);
    assert_int_equal(loads_badly(fixture_path("host-plain"), RTLD_NOW, NULL, &error), -GRAFT_EFORMAT);
    assert_int_equal(loads_badly(fixture_path("host-nonpie-bfd"), RTLD_NOW, NULL, &error), -GRAFT_EFORMAT);
    assert_int_equal(loads_badly(fixture_path("host-static"), RTLD_NOW, NULL, &error), -GRAFT_EFORMAT);
}

static const struct build small = { .elf_class = ELFCLASS64, .machine = EM_X86_64, .gnu_hash = true, .soname = "lib.so",
    .symbols = { { "name", 0x100, 8, 1, STT_FUNC, STB_GLOBAL, STV_DEFAULT, 2 },
                 { "rt_call", 0, 0, 0, STT_FUNC, STB_GLOBAL, STV_DEFAULT, 3 } },
    .versions = { { NULL, "V_1", 2 }, { "librtdup.so", "RT_9", 3 } }, .needed = { "librtdup.so" },
    .rela = { { 0, "rt_call", R_X86_64_GLOB_DAT, 0 } }, .rela_count = 1 };

/* Chains that lead back, or out of the file: whatever the answer, it comes. */
static void broken_version_chains_end(void **state)
{
    static const uint32_t steps[] = { 0xfffffff0, 0x7fffffff, 1, 3, 0x10000, 16 };
    (void)state;
    make_folder();
    loads_host();
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        for (unsigned chain = 0; chain < 4; chain++) {
            struct graft_load_plan *plan = NULL;
            struct graft_error error = { 0 };
            struct built b;
            build_image(&b, &small);
            built_put(&b, chain < 2 ? b.verdef + (chain ? 16 : 12) : b.verneed + (chain == 2 ? 12 : 8), 4, steps[i]);
            write_file(b.bytes, b.size);
            int result = graft_plan_load(&plan, file, RTLD_NOW, NULL, &error);
            assert_true(result == 0 || result == -GRAFT_EFORMAT);
            graft_load_plan_free(plan);
            built_free(&b);
            unlink(file);
        }
    remove_folder();
}

static void a_library_without_a_dynamic_section_is_refused(void **state)
{
    struct graft_error error;
    struct built b;
    (void)state;
    make_folder();
    build_image(&b, &small);
    built_put(&b, b.headers + 56, 4, PT_NULL);          /* was PT_DYNAMIC */
    write_file(b.bytes, b.size);
    assert_int_equal(loads_badly(file, RTLD_NOW, NULL, &error), -GRAFT_EFORMAT);
    built_free(&b);
    remove_folder();
}

/* ---- the loader fails late --------------------------------------------------------------- */

static void fail_late(const char *consumer, const struct graft_load *wish, const char *says)
{
    struct graft_error error;
    loads_host();
    loads_note_state();
    assert_int_equal(loads_badly(consumer, RTLD_LAZY, wish, &error), -GRAFT_ESYS);
    if (!strstr(error.text, says))
        fail_msg("'%s' does not say '%s'", error.text, says);
    loads_expect_nothing_left();
}

static void a_dependencys_missing_version_fails_the_load_and_leaves_no_stand_in(void **state)
{
    (void)state;
    fail_late("libuser_fails.so", NULL, "version `NEW' not found");
}

static void it_leaves_no_opener_and_no_duplicate_either(void **state)
{
    (void)state;
    fail_late("libuser_fails.so", ONLY(REBIND), "version `NEW' not found");
}

static void thread_local_storage_that_does_not_fit_is_no_different(void **state)
{
    (void)state;
    fail_late("libuser_tls_fails.so", NULL, "static TLS");
}

/* Others use it: a failure takes away no stand-in that was there before. */
static void a_failed_load_leaves_the_stand_in_of_those_that_went_well(void **state)
{
    struct graft_error error;
    (void)state;
    loads_host();
    void *well = loads_well("libuser.so", RTLD_NOW, NULL);
    assert_int_equal(loads_badly("libuser_fails.so", RTLD_LAZY, NULL, &error), -GRAFT_ESYS);
    assert_int_equal(loads_is_listed("graft-provider:"), 1);
    assert_int_equal(loads_ask(well, "user_call"), HOST);
    assert_int_equal(loads_ask(loads_well("libuser_more.so", RTLD_NOW, NULL), "user_more"), 1010);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_library_is_refused_by_name),
        cmocka_unit_test(a_file_cut_short_is_refused_or_loaded_as_dlopen_does),
        cmocka_unit_test(another_machines_library_is_refused_as_such),
        cmocka_unit_test(an_executable_is_refused),
        cmocka_unit_test(broken_version_chains_end),
        cmocka_unit_test(a_library_without_a_dynamic_section_is_refused),
        cmocka_unit_test(a_dependencys_missing_version_fails_the_load_and_leaves_no_stand_in),
        cmocka_unit_test(it_leaves_no_opener_and_no_duplicate_either),
        cmocka_unit_test(thread_local_storage_that_does_not_fit_is_no_different),
        cmocka_unit_test(a_failed_load_leaves_the_stand_in_of_those_that_went_well),
    };
    return each_in_a_process(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
