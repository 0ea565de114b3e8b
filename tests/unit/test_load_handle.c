/* SPDX-License-Identifier: MIT */
/* Handles of graft_load behave as those of a plain dlopen: what is compared is what the
 * process sees of both, flag by flag. */

#include "load_fixture.h"
#include "process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FLAGS = 12 };
static const int flags[FLAGS] = { RTLD_LAZY, RTLD_NOW, RTLD_LAZY | RTLD_GLOBAL, RTLD_NOW | RTLD_GLOBAL,
    RTLD_NOW | RTLD_NODELETE, RTLD_NOW | RTLD_NODELETE | RTLD_GLOBAL, RTLD_NOW | RTLD_NOLOAD, RTLD_LAZY | RTLD_NOLOAD | RTLD_GLOBAL,
    RTLD_NOW | RTLD_DEEPBIND, RTLD_LAZY | RTLD_DEEPBIND, RTLD_NOW | RTLD_GLOBAL | RTLD_DEEPBIND, 0 };

/* What can be seen of one consumer that is opened with @mode. */
struct seen {
    int opened, same, noload_before, noload_after, global, found, closed, closed_again, mapped_between,
        mapped_after, reopened, reopened_runs, mapped_at_last;
};

struct looking {
    const char *file, *function;
    int mode;
    const struct graft_load *wish;  /* NULL with @plain */
    bool plain;
    struct seen *seen;              /* shared with the parent */
};

static void *open_it(const struct looking *l, int mode)
{
    struct graft_error error;
    void *handle = NULL;
    if (l->plain)
        return dlopen(loads_path(l->file), mode);
    graft_load(loads_path(l->file), mode, l->wish, &handle, &error);
    return handle;
}

static void look(void *arg)
{
    const struct looking *l = arg;
    struct seen *s = l->seen;
    loads_plainly("librthost.so", RTLD_NOW | (l->plain ? RTLD_GLOBAL : RTLD_LOCAL));
    s->noload_before = open_it(l, RTLD_NOW | RTLD_NOLOAD) != NULL;
    void *one = open_it(l, l->mode), *two = open_it(l, l->mode);
    s->opened = one != NULL;
    s->same = one == two;
    s->noload_after = open_it(l, RTLD_NOW | RTLD_NOLOAD) == one;
    if (!one)
        return;
    dlclose(one);                               /* that last one */
    s->found = dlsym(one, l->function) != NULL;
    s->global = dlsym(RTLD_DEFAULT, l->function) != NULL;
    s->closed = dlclose(one);
    s->mapped_between = loads_is_mapped(l->file);
    s->closed_again = dlclose(one);
    s->mapped_after = loads_is_mapped(l->file);
    void *again = open_it(l, l->mode);
    s->reopened = again != NULL;
    s->reopened_runs = again && dlsym(again, l->function) && loads_ask(again, l->function) > 0;
    if (again)
        dlclose(again);
    s->mapped_at_last = loads_is_mapped(l->file);
}

static void expect_the_same(const char *file, const char *function, const struct graft_load *wish)
{
    struct seen *seen = mmap(NULL, 2 * sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(seen != MAP_FAILED);
    for (size_t i = 0; i < FLAGS; i++) {
#ifdef __SANITIZE_ADDRESS__             /* which ends a program that says RTLD_DEEPBIND */
        if (flags[i] & RTLD_DEEPBIND)
            continue;
#endif
        memset(seen, 0, 2 * sizeof *seen);
        loads_in_a_child(look, &(struct looking){ file, function, flags[i], NULL, true, &seen[0] });
        loads_in_a_child(look, &(struct looking){ file, function, flags[i], wish, false, &seen[1] });
        const int *its = (const int *)&seen[0], *mine = (const int *)&seen[1];
        for (size_t k = 0; k < sizeof *seen / sizeof(int); k++)
            if (its[k] != mine[k])
                fail_msg("%s, flags %#x, observation %zu: dlopen %d, graft %d", file, flags[i], k, its[k], mine[k]);
    }
    munmap(seen, 2 * sizeof *seen);
}

static void a_library_without_a_runtime_is_as_dlopened(void **state)
{
    (void)state;
    expect_the_same("libleaf.so", "leaf", NULL);
}

static void a_consumer_of_a_stand_in_is_as_dlopened(void **state)
{
    (void)state;
    expect_the_same("libuser.so", "user_call", NULL);
    expect_the_same("libuser_lazy.so", "user_call", NULL);
}

static void a_rebound_consumer_is_as_dlopened(void **state)
{
    (void)state;
    const struct graft_load *wish = WISH(.ways = GRAFT_WAY_BIT(GRAFT_WAY_REBIND), .onto = "librthost.so");
    expect_the_same("libuser.so", "user_call", wish);
    expect_the_same("libuser_lazy.so", "user_call", wish);
}

static void an_isolated_consumer_is_as_dlopened(void **state)
{
    (void)state;
    expect_the_same("libuser_own.so", "user_call", WISH(.flags = GRAFT_OWN_RUNTIME));
}

static void a_consumer_of_a_promoted_host_is_as_dlopened(void **state)
{
    (void)state;
    expect_the_same("libuser_unlinked.so", "user_call", NULL);
}

static void destructors_run_once_each_time_it_is_unloaded(void **state)
{
    (void)state;
    loads_host();
    for (size_t i = 1; i <= 5; i++) {
        void *one = loads_well("libuser.so", RTLD_NOW, NULL), *two = loads_well("libuser.so", RTLD_NOW, NULL);
        assert_int_equal(dlclose(one), 0);
        assert_int_equal(loads_noted("libuser down"), i - 1);
        assert_int_equal(dlclose(two), 0);
        assert_int_equal(loads_noted("libuser up"), i);
        assert_int_equal(loads_noted("libuser down"), i);
    }
}

/* Its slots were written by the first load; a plain dlopen of it is one more reference. */
static void a_plain_dlopen_of_what_graft_loaded_is_one_more_reference(void **state)
{
    (void)state;
    loads_host();
    void *mine = loads_well("libuser.so", RTLD_NOW, ONLY(REBIND));
    assert_ptr_equal(loads_plainly("libuser.so", RTLD_NOW), mine);
    assert_int_equal(dlclose(mine), 0);
    assert_int_equal(loads_ask(mine, "user_call"), HOST);
    assert_int_equal(dlclose(mine), 0);
    assert_false(loads_is_mapped("libuser.so"));
}

/* One file, by whatever name: dlopen tells by device and inode. */
static void another_name_of_the_same_file_is_the_same_library(void **state)
{
    char folder[] = "/tmp/graft-handle-XXXXXX", name[64], longer[8192];
    struct graft_error error;
    void *by_link = NULL, *by_relative = NULL, *by_name = NULL;
    (void)state;
    loads_host();
    assert_non_null(mkdtemp(folder));
    snprintf(name, sizeof name, "%s/other.so", folder);
    assert_int_equal(symlink(loads_path("libuser.so"), name), 0);
    void *plain = loads_well("libuser.so", RTLD_NOW, NULL);
    assert_int_equal(graft_load(name, RTLD_NOW, NULL, &by_link, &error), 0);
    unlink(name);
    assert_int_equal(chdir(loads_path("")), 0);
    rmdir(folder);
    assert_int_equal(graft_load("./libuser.so", RTLD_NOW, NULL, &by_relative, &error), 0);
    assert_int_equal(graft_load("libuser.so", RTLD_NOW, NULL, &by_name, &error), 0);    /* its SONAME */
    assert_ptr_equal(by_link, plain);
    assert_ptr_equal(by_relative, plain);
    assert_ptr_equal(by_name, plain);
    memset(longer, 'l', sizeof longer - 1);
    longer[0] = '/';
    longer[sizeof longer - 1] = '\0';
    void *none = NULL;
    assert_int_equal(graft_load(longer, RTLD_NOW, NULL, &none, &error), -GRAFT_ENOOBJ);
    assert_null(none);
}

/* A first load by a relative path, and through a link, in each way. */
static void load_by_link(void *arg)
{
    char folder[] = "/tmp/graft-handle-XXXXXX", name[64];
    struct graft_error error;
    void *handle = NULL;
    loads_host();
    assert_non_null(mkdtemp(folder));
    snprintf(name, sizeof name, "%s/load", folder);
    assert_int_equal(symlink(loads_path(""), name), 0);
    assert_int_equal(chdir(folder), 0);
    int result = graft_load("./load/libuser.so", RTLD_NOW, arg, &handle, &error);
    unlink(name);
    rmdir(folder);
    if (result)
        fail_msg("%d %s", result, error.text);
    assert_int_equal(loads_ask(handle, "user_cached"), HOST);
    assert_int_equal(loads_ask(handle, "user_datum"), HOST);
}

static void a_path_with_links_in_it_will_do(void **state)
{
    (void)state;
    loads_in_a_child(load_by_link, (void *)ONLY(PROVIDER));
    loads_in_a_child(load_by_link, (void *)ONLY(REBIND));
}

/* The host's owner closes it while a consumer runs on it. */
static void keep_the_host(void *arg)
{
    void *host = loads_host(), *consumer = loads_well("libuser.so", RTLD_NOW, arg);
    dlclose(host);
    assert_true(loads_is_mapped("librthost.so"));
    assert_int_equal(loads_ask(consumer, "user_call"), HOST);
    assert_int_equal(loads_ask(consumer, "user_cached"), HOST);
    assert_int_equal(loads_ask(consumer, "user_datum"), HOST);
}

static void the_host_stays_as_long_as_somebody_relies_on_it(void **state)
{
    (void)state;
    loads_in_a_child(keep_the_host, (void *)ONLY(PROVIDER));
    loads_in_a_child(keep_the_host, (void *)ONLY(REBIND));
}

static void end_the_program(void *arg)
{
    loads_host();
    loads_well("libearly.so", RTLD_NOW, arg);
    exit(0);
}

static void a_program_that_ends_with_consumers_loaded_ends_well(void **state)
{
    (void)state;
    loads_in_a_child(end_the_program, (void *)ONLY(PROVIDER));
    loads_in_a_child(end_the_program, (void *)ONLY(REBIND));
    loads_in_a_child(end_the_program, (void *)WISH(.flags = GRAFT_OWN_RUNTIME));
}

/* Constructors have run against the duplicate: their pointers cannot be taken back. */
static void what_was_loaded_before_and_stored_a_pointer_is_refused(void **state)
{
    struct graft_error error;
    (void)state;
    void *consumer = loads_plainly("libuser.so", RTLD_NOW);
    loads_host();
    assert_int_equal(loads_ask(consumer, "user_cached"), COPY);
    assert_int_equal(loads_badly("libuser.so", RTLD_NOW, WISH(.onto = "librthost.so"), &error), -GRAFT_EREFUSED);
    assert_non_null(strstr(error.text, "stored"));
    assert_int_equal(loads_ask(consumer, "user_call"), COPY);
    assert_int_equal(dlclose(consumer), 0);
    assert_false(loads_is_mapped("libuser.so"));        /* graft keeps no handle on it */
}

static void bare_names_are_found_as_the_calling_librarys_own_dlopen_finds_them(void **state)
{
    static const char *const names[] = { "libonly_there.so", "libuser_there.so", "$ORIGIN/sub/libonly_there.so",
                                         "libleaf.so", "libnowhere.so" };
    (void)state;
    loads_host();
    void *opener = loads_plainly("libopener.so", RTLD_NOW);
    void *(*plain)(const char *, int) = (void *(*)(const char *, int))dlsym(opener, "opener_plain");
    int (*through)(const char *, int, const struct graft_load *, void **, struct graft_error *) =
        (int (*)(const char *, int, const struct graft_load *, void **, struct graft_error *))dlsym(opener, "opener_graft");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct graft_error error;
        void *mine = NULL, *its = plain(names[i], RTLD_NOW);
        if (its)
            dlclose(its);               /* so that graft must find it itself */
#ifndef __SANITIZE_ADDRESS__            /* whose dlopen calls with an address of its own */
        assert_true(!its == (i > 2));
#endif
        int result = through(names[i], RTLD_NOW, NULL, &mine, &error);
        if (!result != (its != NULL))
            fail_msg("%s: dlopen says %p, graft %d %s", names[i], its, result, error.text);
#ifndef __SANITIZE_ADDRESS__
        if (result)
            assert_int_equal(result, -GRAFT_ENOOBJ);
#endif
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_library_without_a_runtime_is_as_dlopened),
        cmocka_unit_test(a_consumer_of_a_stand_in_is_as_dlopened),
        cmocka_unit_test(a_rebound_consumer_is_as_dlopened),
        cmocka_unit_test(an_isolated_consumer_is_as_dlopened),
        cmocka_unit_test(a_consumer_of_a_promoted_host_is_as_dlopened),
        cmocka_unit_test(destructors_run_once_each_time_it_is_unloaded),
        cmocka_unit_test(a_plain_dlopen_of_what_graft_loaded_is_one_more_reference),
        cmocka_unit_test(another_name_of_the_same_file_is_the_same_library),
        cmocka_unit_test(a_path_with_links_in_it_will_do),
        cmocka_unit_test(the_host_stays_as_long_as_somebody_relies_on_it),
        cmocka_unit_test(a_program_that_ends_with_consumers_loaded_ends_well),
        cmocka_unit_test(what_was_loaded_before_and_stored_a_pointer_is_refused),
        cmocka_unit_test(bare_names_are_found_as_the_calling_librarys_own_dlopen_finds_them),
    };
    return each_in_a_process(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
