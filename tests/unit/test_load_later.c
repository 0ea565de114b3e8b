/* SPDX-License-Identifier: MIT */
/* After a first load: later consumers of the same runtime, consumers that ask for it by
 * name, and what the watch over dlopen decides. */

#include "load_fixture.h"
#include "process.h"

#include <string.h>


/* A stand-in stays, and takes the place of the duplicate for all that come later: a way
 * gets a process of its own. */
static void in_each_way(void (*test)(const struct graft_load *))
{
    static const enum graft_way ways[] = { GRAFT_WAY_PROVIDER, GRAFT_WAY_REBIND };
    for (size_t i = 0; i < 2; i++)
        loads_in_a_child((void (*)(void *))test, (void *)WISH(.ways = GRAFT_WAY_BIT(ways[i])));
}

static void later_consumers_extend_the_stand_in(void **state)
{
    (void)state;
    loads_host();
    assert_int_equal(loads_ask(loads_well("libuser.so", RTLD_NOW, NULL), "user_cached_datum"), HOST);
    void *more = loads_well("libuser_more.so", RTLD_NOW, NULL);
    assert_int_equal(loads_ask(more, "user_more"), 1010);
    assert_int_equal(loads_ask(more, "user_cached_datum"), HOST);
    assert_int_equal(loads_is_listed("graft-provider:"), 1);
    /* not through graft at all */
    void *third = loads_plainly("libuser_third.so", RTLD_NOW);
    assert_int_equal(loads_ask(third, "user_third"), 100);
    assert_int_equal(loads_ask(third, "user_cached"), HOST);
    assert_int_equal(loads_is_listed("graft-provider:"), 1);
    assert_false(loads_is_mapped("librtdup"));
}

static void later_consumers_extend_it_with_versions_too(void **state)
{
    (void)state;
    loads_plainly("librthost_v.so", RTLD_NOW);
    void *first = loads_well("libuser_v1.so", RTLD_NOW, NULL);
    assert_int_equal(loads_ask(first, "user_versioned"), 11);
    void *second = loads_well("libuser_v2.so", RTLD_NOW, NULL);
    assert_int_equal(loads_ask(second, "user_versioned"), 12);
    assert_int_equal(loads_ask(second, "user_more"), 1010);
    assert_int_equal(loads_ask(first, "user_versioned"), 11);
    assert_int_equal(loads_is_listed("graft-provider:"), 1);
}

/* A stand-in has room for so many more: the second consumer wants 2,500 times as much. */
static void a_stand_in_for_few_names_serves_a_consumer_of_thousands(void **state)
{
    (void)state;
    loads_plainly("librthost_many.so", RTLD_NOW);
    void *few = loads_well("libmany_few.so", RTLD_NOW, NULL);
    assert_int_equal(loads_ask(few, "many_sum"), 2 * HOST);
    void *all = loads_well("libmany_all.so", RTLD_NOW, NULL);
    assert_int_equal(loads_ask(all, "many_count"), 5000);
    assert_int_equal(loads_ask(all, "many_sum"), 5000 * HOST);
    assert_int_equal(loads_ask(few, "many_sum"), 2 * HOST);
    assert_false(loads_is_mapped("librtdup_many"));
}

/* rt_versioned@RT_1 is no default: dlsym takes rt_versioned@@RT_2, as of the duplicate. */
static void an_old_version_in_a_stand_in_is_not_what_dlsym_takes(void **state)
{
    (void)state;
    loads_plainly("librthost_v.so", RTLD_NOW);
    void *first = loads_well("libuser_v1.so", RTLD_NOW, NULL);
    assert_int_equal(loads_ask(first, "rt_versioned"), 12);
    void *second = loads_well("libuser_v2.so", RTLD_NOW, NULL);
    assert_int_equal(loads_ask(second, "rt_versioned"), 12);
    assert_int_equal(loads_ask(first, "rt_versioned"), 12);
}

static int (*next_call)(void);

static int wrapped_call(void)
{
    return next_call() + 7;
}

/* Whatever way it comes: slots that lead to the host are hooked before graft_load returns. */
static void hooks_reach_what_is_loaded(const struct graft_load *wish)
{
    struct graft_error error;
    loads_host();
    const struct graft_hook hook = { .size = sizeof hook, .symbol = "rt_call", .of = "librthost.so",
                                     .replacement = (void *)wrapped_call, .original = (void **)&next_call };
    struct graft_plan *plan;
    assert_int_equal(graft_plan_hook(&plan, &hook, 1, &error), 0);
    assert_int_equal(graft_plan_apply(plan, &error), 0);
    assert_int_equal(loads_ask(loads_well("libuser.so", RTLD_NOW, wish), "user_call"), HOST + 7);
}

static void hooks_reach_what_a_stand_in_serves(void **state)
{
    (void)state;
    hooks_reach_what_is_loaded(ONLY(PROVIDER));
}

static void hooks_reach_what_an_opener_loads(void **state)
{
    (void)state;
    hooks_reach_what_is_loaded(ONLY(REBIND));
}

/* The stand-in has the duplicate's name: ld.so will not load the duplicate beside it. */
static void slots_after_a_stand_in_lead_to_the_host_or_the_load_is_refused(void **state)
{
    struct graft_error error;
    void *second = NULL;
    (void)state;
    loads_host();
    assert_int_equal(loads_ask(loads_well("libuser.so", RTLD_NOW, NULL), "user_cached_datum"), HOST);
    int result = graft_load(loads_path("libuser_own.so"), RTLD_NOW, ONLY(REBIND), &second, &error);
    if (!result)
        assert_int_equal(loads_ask(second, "user_cached"), HOST);
    else {
        assert_int_equal(result, -GRAFT_EREFUSED);
        assert_false(loads_is_mapped("libuser_own"));
        assert_int_equal(loads_noted("libuser_own up"), 0);
    }
}

/* The duplicate is loaded now, but no host. */
static void a_second_consumer_after_a_rebind_is_bound_to_the_same_host(void **state)
{
    (void)state;
    loads_host();
    assert_int_equal(loads_ask(loads_well("libuser.so", RTLD_NOW, ONLY(REBIND)), "user_cached"), HOST);
    void *second = loads_well("libuser_more.so", RTLD_NOW, NULL);
    assert_int_equal(loads_ask(second, "user_cached"), HOST);
    assert_int_equal(loads_ask(second, "user_more"), 1010);
    assert_int_equal(loads_ask(second, "user_cached_datum"), HOST);
}

static void ask_by_name(const struct graft_load *wish)
{
    loads_host();
    void *consumer = loads_well("libuser_opens.so", RTLD_NOW, wish);
    int (*opens)(const char *, int) = (int (*)(const char *, int))dlsym(consumer, "user_opens");
    assert_int_equal(opens("librtdup.so", RTLD_NOW), 100);
    assert_int_equal(opens("librtdup.so", RTLD_NOW | RTLD_NOLOAD), 100);
    assert_int_equal(opens(loads_path("librtdup.so"), RTLD_LAZY), 100);
}

static void a_consumer_that_asks_for_its_runtime_by_name_gets_the_host(void **state)
{
    (void)state;
    in_each_way(ask_by_name);
}

/* load.h: one without DT_NEEDED asks as well. */
static void so_does_one_that_is_linked_to_no_runtime(void **state)
{
    (void)state;
    loads_host();
    void *consumer = loads_well("libuser_unlinked_opens.so", RTLD_LAZY, NULL);
    int (*opens)(const char *, int) = (int (*)(const char *, int))dlsym(consumer, "user_opens");
    assert_int_equal(opens(loads_path("librtdup.so"), RTLD_NOW), 100);
    assert_false(loads_is_mapped("librtdup"));
}

static void a_library_is_watched_for_by_its_name(void **state)
{
    struct graft_error error;
    (void)state;
    loads_host();
    assert_int_equal(graft_load_watch("libuser*.so", NULL, &error), 0);
    assert_int_equal(loads_ask(loads_plainly("libuser.so", RTLD_NOW), "user_cached"), HOST);
    assert_false(loads_is_mapped("librtdup"));
    assert_null(dlopen(loads_path("libuser_51.so"), RTLD_NOW));
    const char *why = dlerror();
    assert_non_null(strstr(why, "graft refuses"));
    assert_non_null(strstr(why, "5.1"));
    assert_null(strstr(why, "No such file"));
    assert_false(loads_is_mapped("libuser_51"));
    assert_non_null(loads_plainly("libleaf.so", RTLD_NOW));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(later_consumers_extend_the_stand_in),
        cmocka_unit_test(later_consumers_extend_it_with_versions_too),
        cmocka_unit_test(a_stand_in_for_few_names_serves_a_consumer_of_thousands),
        cmocka_unit_test(an_old_version_in_a_stand_in_is_not_what_dlsym_takes),
        cmocka_unit_test(slots_after_a_stand_in_lead_to_the_host_or_the_load_is_refused),
        cmocka_unit_test(a_second_consumer_after_a_rebind_is_bound_to_the_same_host),
        cmocka_unit_test(a_consumer_that_asks_for_its_runtime_by_name_gets_the_host),
        cmocka_unit_test(so_does_one_that_is_linked_to_no_runtime),
        cmocka_unit_test(a_library_is_watched_for_by_its_name),
        cmocka_unit_test(hooks_reach_what_a_stand_in_serves),
        cmocka_unit_test(hooks_reach_what_an_opener_loads),
    };
    return each_in_a_process(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
