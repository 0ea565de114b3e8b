/* SPDX-License-Identifier: MIT */
/* Isolate: a closure that a global provider captured gets its own definitions back. */

#include "fixture.h"
#include "process.h"

#include <dlfcn.h>
#include <string.h>

static struct graft_plan *isolate(const char *objects, unsigned flags)
{
    struct graft_error error;
    struct graft_plan *plan = NULL;
    if (graft_plan_isolate(&plan, objects, flags, &error))
        fail_msg("isolate: %s", error.text);
    return plan;
}

/* What a probe answers once isolated: its own duplicate's, but what a constructor
 * took while it was captured, and the unique symbol, stay the provider's. */
static int isolated(const struct probe *probe, const struct probe_setting *in)
{
    if (!strcmp(probe->name, "cached") || probe->trait == TRAIT_UNIQUE)
        return PROBE_PROVIDER;
    if (probe->trait == TRAIT_TLS && !strcmp(in->tls, "ie"))
        return PROBE_PROVIDER;
    return (int)probe->before;
}

static void expect_isolated(void *consumer, const struct probe_setting *in)
{
    for (size_t i = 0; i < FIXTURE_PROBE_COUNT; i++) {
        int answer = fixture_ask(consumer, fixture_probes[i].name), want = isolated(&fixture_probes[i], in);
        if (answer != want)
            fail_msg("%s answers %d, not %d", fixture_probes[i].name, answer, want);
    }
}

static void every_captured_closure_is_given_its_own_definitions(void **state)
{
    struct consumer consumers[64];
    size_t count = fixture_consumers(consumers, 64);
    (void)state;
    fixture_provider("libfixhost.so", RTLD_GLOBAL);
    for (size_t i = 0; i < count; i++) {
        struct probe_setting in = { .provider = "full", .linker = consumers[i].linker, .tls = consumers[i].tls,
                                    .versioned = !strcmp(consumers[i].versions, "ver"), .closure = 1 };
        if (!strcmp(in.tls, "ie"))      /* cannot be opened: the provider came too late for it */
            continue;
        void *consumer = fixture_open(consumers[i].file, RTLD_LAZY | RTLD_LOCAL);
        struct graft_plan *plan = isolate(consumers[i].file, GRAFT_CLOSURE | GRAFT_PARTIAL);
        if (strcmp(in.tls, "gd"))       /* words that do not tell whose block they mean */
            in.tls = "ie";
        fixture_apply(plan);                    /* lazy slots are not resolved yet */
        expect_isolated(consumer, &in);
        fixture_undo(plan);
        fixture_expect(consumer, FLAT, &in);
        graft_plan_free(plan);
        plan = isolate(consumers[i].file, GRAFT_CLOSURE | GRAFT_PARTIAL);
        fixture_apply(plan);
        expect_isolated(consumer, &in);
        fixture_undo(plan);
        fixture_expect(consumer, FLAT, &in);
        graft_plan_free(plan);
        dlclose(consumer);
    }
}

static void what_is_not_captured_gives_a_plan_without_edits(void **state)
{
    (void)state;
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    fixture_open("libconsumer-bfd-now-plt-full-gnu-ver-norelr-gd.so", RTLD_NOW | RTLD_LOCAL);
    struct graft_plan *plan = isolate("libconsumer*", GRAFT_CLOSURE);
    for (size_t i = 0; i < graft_plan_count(plan); i++)
        assert_true(graft_plan_edit(plan, i)->verdict >= GRAFT_VERDICT_SAME
                    && graft_plan_edit(plan, i)->verdict <= GRAFT_VERDICT_SHARED);
    fixture_apply(plan);
    graft_plan_free(plan);
}

static void malloc_and_all_that_is_shared_stay_shared(void **state)
{
    (void)state;
    fixture_provider("libfixhost.so", RTLD_GLOBAL);
    fixture_open("libconsumer-bfd-lazy-plt-none-gnu-ver-relr-gd.so", RTLD_LAZY);
    struct graft_plan *plan = isolate("libconsumer*", GRAFT_CLOSURE);
    assert_true(graft_plan_count(plan) > 0);
    for (size_t i = 0; i < graft_plan_count(plan); i++)
        assert_int_equal(strncmp(graft_plan_edit(plan, i)->symbol, "fix_", 4), 0);
    graft_plan_free(plan);
}

static void nothing_that_matches_is_an_error(void **state)
{
    struct graft_plan *plan;
    struct graft_error error;
    (void)state;
    assert_int_equal(graft_plan_isolate(&plan, "nowhere*", 0, &error), -GRAFT_ENOOBJ);
    assert_non_null(strstr(error.text, "nowhere*"));
    assert_int_equal(graft_plan_isolate(&plan, NULL, 0, &error), -GRAFT_EINVAL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_captured_closure_is_given_its_own_definitions),
        cmocka_unit_test(what_is_not_captured_gives_a_plan_without_edits),
        cmocka_unit_test(malloc_and_all_that_is_shared_stay_shared),
        cmocka_unit_test(nothing_that_matches_is_an_error),
    };
    return each_in_a_process(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
