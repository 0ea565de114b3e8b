/* SPDX-License-Identifier: MIT */
/* graft_load in this process: each way reaches the host before any constructor runs, or
 * says why not. */

#include "load_fixture.h"
#include "process.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* A stand-in stays, and takes the place of the duplicate for all that come later: a way
 * gets a process of its own. */
static void in_each_way(void (*test)(const struct graft_load *))
{
    static const enum graft_way ways[] = { GRAFT_WAY_PROVIDER, GRAFT_WAY_REBIND };
    for (size_t i = 0; i < 2; i++)
        loads_in_a_child((void (*)(void *))test, (void *)WISH(.ways = GRAFT_WAY_BIT(ways[i])));
}

static bool is_rebind(const struct graft_load *wish)
{
    return wish->ways == GRAFT_WAY_BIT(GRAFT_WAY_REBIND);
}

/* ---- each way --------------------------------------------------------------------- */

static void expect_bound(void *consumer)
{
    assert_int_equal(loads_ask(consumer, "user_call"), HOST);
    assert_int_equal(loads_ask(consumer, "user_cached"), HOST);
    assert_int_equal(loads_ask(consumer, "user_datum"), HOST);
    assert_int_equal(loads_ask(consumer, "user_cached_datum"), HOST);
    assert_int_equal(loads_ask(consumer, "user_called"), HOST);
    assert_int_equal(loads_ask(consumer, "user_arguments"), 1);
}

static void a_provider_takes_the_duplicates_place(void **state)
{
    (void)state;
    loads_host();
    assert_int_equal(loads_way("libuser.so", RTLD_NOW, NULL), GRAFT_WAY_PROVIDER);
    void *consumer = loads_well("libuser.so", RTLD_NOW, NULL);
    expect_bound(consumer);
    assert_false(loads_is_mapped("librtdup"));
    assert_int_equal(loads_is_listed("graft-provider:librtdup.so"), 1);
    assert_string_equal(loads_notes(), "runtime up 1, libuser up 1");
}

static void slots_lead_to_the_host_before_any_constructor_runs(void **state)
{
    (void)state;
    loads_host();
    void *consumer = loads_well("libuser.so", RTLD_NOW, ONLY(REBIND));
    expect_bound(consumer);
    assert_true(loads_is_mapped("librtdup"));
    assert_string_equal(loads_notes(), "runtime up 1, runtime up 2, libuser up 1");
    assert_int_equal(loads_is_listed("graft-opener"), 0);
    assert_false(loads_is_mapped("graft-opener"));
}

/* The consumer's own references must be bound although they are not resolved yet. */
static void load_lazily(const struct graft_load *wish)
{
    void *host = loads_host(), *consumer = loads_well("libuser_lazy.so", RTLD_LAZY, wish);
    assert_int_equal(loads_ask(consumer, "user_call"), HOST);
    int first = loads_ask(consumer, "user_count");
    assert_int_equal(loads_ask(host, "rt_count"), first + 1);
}

static void lazy_functions_are_bound_too(void **state)
{
    (void)state;
    in_each_way(load_lazily);
}

static void a_host_is_promoted_for_those_who_name_no_library(void **state)
{
    (void)state;
    loads_host();
    assert_null(dlopen(loads_path("libuser_unlinked.so"), RTLD_LAZY));
    assert_int_equal(loads_way("libuser_unlinked.so", RTLD_LAZY, NULL), GRAFT_WAY_PROMOTE);
    expect_bound(loads_well("libuser_unlinked.so", RTLD_LAZY, NULL));
    assert_int_equal(loads_ask(RTLD_DEFAULT, "rt_call"), HOST);
}

static void a_stand_in_does_for_a_promotion_that_is_forbidden(void **state)
{
    (void)state;
    loads_host();
    expect_bound(loads_well("libuser_unlinked.so", RTLD_LAZY, ONLY(PROVIDER)));
    assert_int_equal(loads_is_listed("graft-provider:"), 1);
}

static void what_needs_no_runtime_is_loaded_as_it_is(void **state)
{
    (void)state;
    loads_host();
    assert_int_equal(loads_way("libleaf.so", RTLD_NOW, NULL), GRAFT_WAY_NONE);
    assert_int_equal(loads_ask(loads_well("libleaf.so", RTLD_NOW, NULL), "leaf"), 4000);
    assert_int_equal(loads_is_listed("graft-"), 0);
}

static void without_a_host_the_runtime_comes_as_ever(void **state)
{
    (void)state;
    assert_int_equal(loads_way("libuser.so", RTLD_NOW, NULL), GRAFT_WAY_NONE);
    void *consumer = loads_well("libuser.so", RTLD_NOW, NULL);
    assert_int_equal(loads_ask(consumer, "user_call"), COPY);
    assert_int_equal(loads_ask(consumer, "user_cached"), COPY);
}

static void a_library_that_is_not_there_is_stood_in_for(void **state)
{
    (void)state;
    loads_host();
    assert_null(dlopen(loads_path("libuser_absent.so"), RTLD_LAZY));
    void *consumer = loads_well("libuser_absent.so", RTLD_NOW, NULL);
    assert_int_equal(loads_ask(consumer, "user_call"), HOST);
    assert_int_equal(loads_ask(consumer, "user_more"), 1010);
    assert_int_equal(loads_ask(consumer, "user_datum"), HOST);
}

static void another_version_is_refused_with_both_named_and_nothing_is_loaded(void **state)
{
    struct graft_error error;
    (void)state;
    loads_host();
    assert_int_equal(loads_badly("libuser_51.so", RTLD_NOW, NULL, &error), -GRAFT_EREFUSED);
    assert_non_null(strstr(error.text, "5.1"));
    assert_non_null(strstr(error.text, "5.4"));
    assert_non_null(strstr(error.object, "libuser_51.so"));
    assert_true(error.symbol[0] != '\0');
    assert_false(loads_is_mapped("libuser_51"));
    assert_false(loads_is_mapped("librt51"));
    assert_string_equal(loads_notes(), "runtime up 1");
    void *consumer = loads_well("libuser_51.so", RTLD_NOW, WISH(.flags = GRAFT_ANY_VERSION));
    assert_int_equal(loads_ask(consumer, "user_call"), HOST);
}

static void *tls_of_a_thread(void *consumer)
{
    void *(*address)(void) = (void *(*)(void))dlsym(consumer, "user_tls_address");
    return address();
}

static void thread_local_names_are_bound_by_slots_in_every_thread(void **state)
{
    pthread_t thread;
    void *its;
    (void)state;
    void *host = loads_host();
    assert_int_equal(loads_way("libuser_tls.so", RTLD_NOW, NULL), GRAFT_WAY_REBIND);
    void *consumer = loads_well("libuser_tls.so", RTLD_NOW, NULL);
    expect_bound(consumer);
    assert_int_equal(loads_ask(consumer, "user_tls"), HOST);
    assert_ptr_equal(tls_of_a_thread(consumer), dlsym(host, "rt_tls"));
    assert_int_equal(pthread_create(&thread, NULL, tls_of_a_thread, consumer), 0);
    pthread_join(thread, &its);
    assert_non_null(its);
    assert_ptr_not_equal(its, dlsym(host, "rt_tls"));
}

/* Through a stand-in, too, and the same address for all. */
static void an_indirect_function_is_the_one_that_was_chosen(void **state)
{
    (void)state;
    void *host = loads_host(), *consumer = loads_well("libuser_third.so", RTLD_NOW, NULL);
    void *(*address)(void) = (void *(*)(void))dlsym(consumer, "user_chosen_address");
    assert_int_equal(loads_ask(consumer, "user_chosen"), HOST);
    assert_ptr_equal(address(), dlsym(host, "rt_chosen"));
    assert_false(loads_is_mapped("librtdup"));
}

static void a_plan_changes_nothing(void **state)
{
    static const char *const files[] = { "libuser.so", "libuser_unlinked.so", "libuser_51.so", "libuser_tls.so", "libleaf.so",
                                         "libearly.so", "libuser_absent.so" };
    (void)state;
    loads_host();
    loads_note_state();
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        loads_way(files[i], RTLD_NOW, NULL);
    loads_expect_nothing_left();
    assert_null(dlsym(RTLD_DEFAULT, "rt_call"));
}

/* Fixtures that graft takes for no runtime: named by hand. */
static void a_duplicate_may_be_named_and_so_may_the_host(void **state)
{
    static const enum graft_way ways[] = { GRAFT_WAY_PROVIDER, GRAFT_WAY_REBIND };
    static const char *const probes[] = { "call", "many_got", "many_const_table", "data", "live", "addend", "ifunc",
                                          "ifunc_table", "nosize_data", "weak_both", "versioned_v2", "cached" };
    (void)state;
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    for (size_t w = 0; w < 2; w++) {
        const struct graft_load *wish = WISH(.ways = GRAFT_WAY_BIT(ways[w]), .from = "libfixdup*", .onto = "libfixhost.so",
                                             .flags = GRAFT_PARTIAL);
        struct graft_error error;
        void *consumer = NULL;
        const char *path = fixture_path("libconsumer-bfd-now-plt-full-gnu-ver-norelr-gd.so");
        if (w == 0)                     /* thread-local names: no stand-in serves them */
            assert_int_equal(graft_load(path, RTLD_NOW, wish, &consumer, &error), -GRAFT_EREFUSED);
        else if (graft_load(path, RTLD_NOW, wish, &consumer, &error))
            fail_msg("%s", error.text);
        for (size_t i = 0; w && i < sizeof probes / sizeof *probes; i++) {
            int answer = fixture_ask(consumer, probes[i]), want = strcmp(probes[i], "live") ? PROBE_PROVIDER : PROBE_LIVE;
            if (answer != want)
                fail_msg("%s answers %d, not %d", probes[i], answer, want);
        }
    }
}

/* ---- constructors and destructors ---------------------------------------------------- */

static void load_early(const struct graft_load *wish)
{
    loads_host();
    void *consumer = loads_well("libearly.so", RTLD_NOW, wish);
    assert_string_equal(loads_notes(), is_rebind(wish) ? "runtime up 1, runtime up 2, libuser up 1, early up 1"
                                                       : "runtime up 1, libuser up 1, early up 1");
    assert_int_equal(loads_ask(consumer, "early_seen"), HOST);
    assert_int_equal(loads_ask(consumer, "early_call"), HOST);
    assert_int_equal(loads_ask(consumer, "early_datum"), HOST);
    assert_int_equal(loads_ask(consumer, "early_user"), HOST);
    size_t before = strlen(loads_notes());
    assert_int_equal(dlclose(consumer), 0);
    assert_string_equal(loads_notes() + before, is_rebind(wish) ? ", early down 1, libuser down 0, runtime down 2"
                                                                : ", early down 1, libuser down 0");
    assert_false(loads_is_mapped("libearly"));
    assert_false(loads_is_mapped("librtdup"));
}

static void constructors_run_once_in_dependency_order_and_reach_the_host(void **state)
{
    (void)state;
    in_each_way(load_early);
}

static void what_needs_the_runtime_only_through_another_is_bound_as_well(void **state)
{
    (void)state;
    loads_host();
    void *top = loads_well("libtop.so", RTLD_NOW, NULL);
    assert_int_equal(loads_ask(top, "leaf"), 4000);
    assert_int_equal(loads_ask(top, "user_call"), HOST);
    assert_int_equal(loads_ask(top, "user_cached_datum"), HOST);
    assert_false(loads_is_mapped("librtdup"));
}

static void load_what_opens(const struct graft_load *wish)
{
    loads_host();
    void *consumer = loads_well("libconstructor_opens.so", RTLD_NOW, wish);
    assert_int_equal(loads_ask(consumer, "opened_call"), 4000 + HOST);
    assert_int_equal(loads_noted("opener up"), 1);
    assert_int_equal(dlclose(consumer), 0);
    assert_false(loads_is_mapped("libconstructor_opens"));
}

static void a_constructor_may_open_a_library_itself(void **state)
{
    (void)state;
    in_each_way(load_what_opens);
}

/* Its own graft_load, inside a load that is under way. */
static void load_what_loads(const struct graft_load *wish)
{
    loads_host();
    void *consumer = loads_well("libconstructor_loads.so", RTLD_NOW, wish);
    assert_int_equal(loads_ask(consumer, "opened_call"), HOST + HOST);
    assert_int_equal(loads_noted("libuser up"), 1);
}

static void a_constructor_may_load_through_graft_itself(void **state)
{
    (void)state;
    in_each_way(load_what_loads);
}

/* ---- its own runtime -------------------------------------------------------------------- */

static void a_library_keeps_its_own_runtime_beside_the_hosts(void **state)
{
    (void)state;
    void *host = loads_plainly("librthost.so", RTLD_NOW | RTLD_GLOBAL);
    assert_int_equal(loads_way("libuser_own.so", RTLD_NOW, WISH(.flags = GRAFT_OWN_RUNTIME)), GRAFT_WAY_ISOLATE);
    void *own = loads_well("libuser_own.so", RTLD_NOW, WISH(.flags = GRAFT_OWN_RUNTIME));
    assert_int_equal(loads_ask(own, "user_call"), COPY);
    assert_int_equal(loads_ask(own, "user_cached"), COPY);
    assert_int_equal(loads_ask(own, "user_called"), COPY);
    assert_int_equal(loads_ask(own, "user_cached_datum"), COPY);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(loads_ask(own, "user_count"), 2000 + i);
        assert_int_equal(loads_ask(host, "rt_count"), 1000 + i);
    }
    void *(*mine)(size_t) = (void *(*)(size_t))dlsym(own, "user_alloc"), *(*its)(size_t) = (void *(*)(size_t))dlsym(host, "rt_alloc");
    void (*my_free)(void *) = (void (*)(void *))dlsym(own, "user_free"), (*its_free)(void *) = (void (*)(void *))dlsym(host, "rt_free");
    its_free(memset(mine(1000), 1, 1000));
    my_free(memset(its(1000), 1, 1000));
}

static void captured_without_that_wish(void **state)
{
    (void)state;
    loads_plainly("librthost.so", RTLD_NOW | RTLD_GLOBAL);
    void *consumer = loads_plainly("libuser_own.so", RTLD_NOW);
    assert_int_equal(loads_ask(consumer, "user_call"), HOST);
}

/* ---- wrong calls --------------------------------------------------------------------------------- */

static void wrong_calls_say_what_is_wrong(void **state)
{
    struct graft_error error;
    struct graft_load_plan *plan = NULL;
    void *handle = NULL;
    (void)state;
    assert_int_equal(graft_load(NULL, RTLD_NOW, NULL, &handle, &error), -GRAFT_EINVAL);
    assert_int_equal(graft_load("", RTLD_NOW, NULL, &handle, &error), -GRAFT_EINVAL);
    assert_int_equal(loads_badly("libuser.so", RTLD_NOW, &(struct graft_load){ .size = 8 }, &error), -GRAFT_EINVAL);
    assert_int_equal(loads_badly("libnowhere.so", RTLD_NOW, NULL, &error), -GRAFT_ENOOBJ);
    assert_int_equal(loads_badly("libleaf.so", 0, NULL, &error), -GRAFT_ESYS);
    assert_non_null(strstr(error.text, "mode"));
    assert_int_equal(graft_plan_load(&plan, loads_path("libnowhere.so"), RTLD_NOW, NULL, &error), -GRAFT_ENOOBJ);
    assert_null(plan);
    loads_host();
    assert_int_equal(loads_badly("libuser.so", RTLD_NOW, WISH(.onto = "libnone*"), &error), -GRAFT_ENOHOST);
    assert_int_equal(loads_badly("libuser.so", RTLD_NOW, WISH(.onto = "lib*"), &error), -GRAFT_EAMBIG);
    assert_int_equal(loads_badly("libuser.so", RTLD_NOW, WISH(.table = "nonsense"), &error), -GRAFT_ESYNTAX);
    assert_int_equal(loads_badly("libuser.so", RTLD_NOW, ONLY(PROMOTE), &error), -GRAFT_EREFUSED);
    const char *path = loads_path("libuser.so");
    errno = 4711;
    assert_int_equal(graft_load(path, RTLD_NOW, NULL, &handle, &error), 0);
    assert_int_equal(errno, 4711);
    graft_load_plan_free(NULL);
}

static void a_table_of_another_build_is_refused(void **state)
{
    struct graft_error error;
    (void)state;
    loads_host();
    const char *table = "build-id librthost.so 00112233\nrt_call = librthost.so+0x10\n";
    assert_int_equal(loads_badly("libuser.so", RTLD_NOW, WISH(.table = table), &error), -GRAFT_EBUILDID);
    assert_non_null(strstr(error.object, "librthost.so"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_provider_takes_the_duplicates_place),
        cmocka_unit_test(slots_lead_to_the_host_before_any_constructor_runs),
        cmocka_unit_test(lazy_functions_are_bound_too),
        cmocka_unit_test(a_host_is_promoted_for_those_who_name_no_library),
        cmocka_unit_test(a_stand_in_does_for_a_promotion_that_is_forbidden),
        cmocka_unit_test(what_needs_no_runtime_is_loaded_as_it_is),
        cmocka_unit_test(without_a_host_the_runtime_comes_as_ever),
        cmocka_unit_test(a_library_that_is_not_there_is_stood_in_for),
        cmocka_unit_test(another_version_is_refused_with_both_named_and_nothing_is_loaded),
        cmocka_unit_test(thread_local_names_are_bound_by_slots_in_every_thread),
        cmocka_unit_test(an_indirect_function_is_the_one_that_was_chosen),
        cmocka_unit_test(a_plan_changes_nothing),
        cmocka_unit_test(a_duplicate_may_be_named_and_so_may_the_host),
        cmocka_unit_test(constructors_run_once_in_dependency_order_and_reach_the_host),
        cmocka_unit_test(what_needs_the_runtime_only_through_another_is_bound_as_well),
        cmocka_unit_test(a_constructor_may_open_a_library_itself),
        cmocka_unit_test(a_constructor_may_load_through_graft_itself),
        cmocka_unit_test(a_library_keeps_its_own_runtime_beside_the_hosts),
        cmocka_unit_test(captured_without_that_wish),
        cmocka_unit_test(wrong_calls_say_what_is_wrong),
        cmocka_unit_test(a_table_of_another_build_is_refused),
    };
    return each_in_a_process(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
