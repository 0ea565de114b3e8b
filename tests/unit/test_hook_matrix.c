/* SPDX-License-Identifier: MIT */
/* Hooks over the fixture matrix: every path of every consumer reaches the replacement
 * of the function that it was bound to and no other, and undo leaves no trace. */

#include "hook_fixture.h"
#include "process.h"
#include "fixtures/wrappers.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* ---- what is asked for -------------------------------------------------------------- */

static struct graft_hook hooks[2 * FUNCTIONS_COUNT];
static size_t hook_total;

/* Those of @of that it exports: what cannot be hooked is told, and left out by name
 * here, so that a hook that is refused wrongly fails the test. */
static void ask_for(const char *of, int which, const char *without)
{
    for (size_t i = 0; i < FUNCTIONS_COUNT; i++) {
        struct graft_hook *hook = &hooks[hook_total];
        bool old = !strcmp(functions[i].symbol, "fix_old");
        char name[40];
        snprintf(name, sizeof name, " %s ", functions[i].symbol);
        if (strstr(without, name))
            continue;
        *hook = (struct graft_hook)HOOK(old ? "fix_versioned" : functions[i].symbol, functions[i].wrap[which],
                                        functions[i].original[which], of);
        if (old)
            hook->version = "FIX_1";
        hook_total++;
    }
}

static int expected(const char *probe, int before)
{
    int nested = !strcmp(probe, "nested");
    if (!is_function(probe) || (before != PROBE_PROVIDER && before != PROBE_DUPLICATE))
        return before;
    /* its own call of fix_call is hooked as well, which it tells */
    return (nested ? (int)PROBE_MIXED : before) + (before == PROBE_PROVIDER ? OF_PROVIDER : OF_DUPLICATE);
}

static void expect(void *consumer, const char *file, const int *before, bool hooked)
{
    for (size_t i = 0; i < FIXTURE_PROBE_COUNT; i++) {
        int want = hooked ? expected(fixture_probes[i].name, before[i]) : before[i];
        int answer = fixture_ask(consumer, fixture_probes[i].name);
        if (answer != want)
            fail_msg("%s: %s answers %d, not %d (%d before)", file, fixture_probes[i].name, answer, want, before[i]);
    }
}

/* What the consumer answers unhooked, asked of a process that has not resolved its slots
 * yet: by the table, where that holds. */
static void learn(void *consumer, int *before)
{
    for (size_t i = 0; i < FIXTURE_PROBE_COUNT; i++)
        before[i] = fixture_ask(consumer, fixture_probes[i].name);
}

/* ---- one consumer ---------------------------------------------------------------------- */

/* Hooked before anything was called through it, so that lazy slots are not resolved;
 * then once more after everything was. */
static void check_consumer(const char *file, int mode)
{
    int before[FIXTURE_PROBE_COUNT];
    void *consumer = fixture_open(file, mode);
    struct hook_bytes *cold = hook_bytes_take();
    hook_remove(hook_apply(hooks, hook_total));
    hook_bytes_same(cold);
    struct graft_plan *plan = hook_apply(hooks, hook_total);
    for (size_t i = 0; i < FIXTURE_PROBE_COUNT; i++)
        before[i] = fixture_ask(consumer, fixture_probes[i].name);
    hook_remove(plan);
    int hooked[FIXTURE_PROBE_COUNT];
    memcpy(hooked, before, sizeof hooked);
    learn(consumer, before);
    for (size_t i = 0; i < FIXTURE_PROBE_COUNT; i++)
        if (hooked[i] != expected(fixture_probes[i].name, before[i]))
            fail_msg("%s, lazy: %s answers %d, not %d", file, fixture_probes[i].name, hooked[i],
                     expected(fixture_probes[i].name, before[i]));
    struct hook_bytes *warm = hook_bytes_take();
    plan = hook_apply(hooks, hook_total);
    expect(consumer, file, before, true);
    hook_remove(plan);
    hook_bytes_same(warm);
    expect(consumer, file, before, false);
    dlclose(consumer);
}

/* Those that reach thread-local variables directly come first: a runtime whose block was
 * allocated dynamically cannot serve them any more. */
static void check_all(const char *versions, int mode)
{
    struct consumer consumers[64];
    size_t count = fixture_consumers(consumers, 64), done = 0;
    assert_true(count >= 39);
    hook_warm_up();
    for (size_t i = 0; i < 2 * count; i++) {
        const struct consumer *c = &consumers[i % count];
        if (strcmp(c->versions, versions) || (i < count) != !strcmp(c->tls, "ie"))
            continue;
        check_consumer(c->file, mode);
        done++;
    }
    assert_true(done > 15);
}

/* ---- providers ---------------------------------------------------------------------------- */

static void every_path_of_every_versioned_consumer_reaches_the_hook_of_its_own_runtime(void **state)
{
    (void)state;
    fixture_open("libfixdup.so", RTLD_NOW);
    ask_for("libfixdup.so", 1, "");
    check_all("ver", RTLD_LAZY);
}

static void every_path_of_every_unversioned_consumer_reaches_the_hook_of_its_own_runtime(void **state)
{
    (void)state;
    fixture_open("libfixdup_unversioned.so", RTLD_NOW);
    ask_for("libfixdup_unversioned.so", 1, " fix_old ");
    check_all("unver", RTLD_LAZY);
}

/* The provider is there and hooked too: not what these are bound to. */
static void a_hook_of_one_runtime_leaves_those_who_are_bound_to_the_other(void **state)
{
    int before[FIXTURE_PROBE_COUNT];
    (void)state;
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    void *consumer = fixture_open("libconsumer-bfd-now-plt-full-gnu-ver-norelr-gd.so", RTLD_NOW);
    learn(consumer, before);
    ask_for("libfixhost.so", 0, " fix_weak_only ");
    struct graft_plan *plan = hook_apply(hooks, hook_total);
    expect(consumer, "consumer", before, false);
    hook_total = 0;
    ask_for("libfixdup.so", 1, "");
    struct graft_plan *second = hook_apply(hooks, hook_total);
    expect(consumer, "consumer", before, true);
    hook_remove(plan);
    expect(consumer, "consumer", before, true);
    hook_remove(second);
    expect(consumer, "consumer", before, false);
}

/* Where a provider captured the consumers, its functions and what only the duplicate
 * has are hooked apart from each other. */
static void check_captured(const char *provider, const char *without, int mode)
{
    fixture_provider(provider, RTLD_GLOBAL);
    fixture_open("libfixdup.so", RTLD_NOW);
    fixture_open("libfixdup_unversioned.so", RTLD_NOW);
    ask_for(provider, 0, without);
    ask_for("libfixdup.so", 1, "");
    check_all("ver", mode);
    hook_total = 0;
    ask_for(provider, 0, without);
    ask_for("libfixdup_unversioned.so", 1, " fix_old ");
    check_all("unver", mode);
}

#define CAPTURED(name, provider, without, mode) \
    static void every_path_reaches_the_hook_under_##name(void **state) \
    { \
        (void)state; \
        check_captured(provider, " fix_weak_only " without, mode); \
    }
CAPTURED(a_provider, "libfixhost.so", "", RTLD_LAZY)
CAPTURED(a_provider_resolved_now, "libfixhost.so", "", RTLD_NOW)
CAPTURED(a_provider_with_sysv_hash, "libfixhost_sysv.so", "", RTLD_LAZY)
CAPTURED(a_provider_of_lld, "libfixhost_lld.so", "", RTLD_LAZY)
CAPTURED(a_provider_of_mold, "libfixhost_mold.so", "", RTLD_LAZY)
CAPTURED(a_provider_without_versions, "libfixhost_unversioned.so", " fix_old ", RTLD_LAZY)
CAPTURED(a_provider_of_the_new_version_only, "libfixhost_v2only.so", " fix_old ", RTLD_LAZY)
CAPTURED(a_provider_that_lacks_some, "libfixhost_missing.so", " fix_optional fix_optional_hidden ", RTLD_LAZY)

/* ---- what comes later, what is refused ------------------------------------------------------ */

/* The same hooks, and nothing is done for a consumer that is opened under them: its
 * constructor has taken the replacement's address. */
static void every_consumer_that_comes_later_is_hooked(void **state)
{
    struct consumer consumers[64];
    size_t count = fixture_consumers(consumers, 64);
    (void)state;
    fixture_open("libfixdup.so", RTLD_NOW);
    ask_for("libfixdup.so", 1, "");
    for (size_t i = 0; i < count; i++) {
        int before[FIXTURE_PROBE_COUNT];
        if (strcmp(consumers[i].versions, "ver") || !strcmp(consumers[i].tls, "ie"))
            continue;
        struct graft_plan *plan = hook_apply(hooks, hook_total);
        void *consumer = fixture_open(consumers[i].file, i % 2 ? RTLD_NOW : RTLD_LAZY);
        assert_int_equal(fixture_ask(consumer, "cached"), PROBE_DUPLICATE + OF_DUPLICATE);
        graft_plan_enable(plan, 0, NULL);
        learn(consumer, before);
        graft_plan_enable(plan, 1, NULL);
        for (size_t p = 0; p < FIXTURE_PROBE_COUNT; p++)
            if (!strcmp(fixture_probes[p].name, "cached"))
                before[p] = PROBE_DUPLICATE + OF_DUPLICATE;
        expect(consumer, consumers[i].file, before, true);
        hook_remove(plan);
        dlclose(consumer);
    }
}

static int unused(void)
{
    return PROBE_BROKEN;
}

static void data_and_thread_local_variables_are_refused_by_type(void **state)
{
    static const char *const data[] = { "fix_data", "fix_const_data", "fix_live", "fix_live_weak", "fix_array",
                                        "fix_nosize_data", "fix_protected_data", "fix_unique", "fix_tls" };
    struct graft_error error;
    (void)state;
    fixture_open("libconsumer-bfd-now-plt-full-gnu-ver-norelr-gd.so", RTLD_NOW);
    for (size_t i = 0; i < sizeof data / sizeof data[0]; i++) {
        assert_int_equal(hook_refused(&(struct graft_hook)HOOK(data[i], unused, NULL, NULL), &error), -GRAFT_ETYPE);
        assert_string_equal(error.symbol, data[i]);
        assert_non_null(strstr(error.object, "libfixdup.so"));
        assert_non_null(strstr(error.text, "data"));
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_path_of_every_versioned_consumer_reaches_the_hook_of_its_own_runtime),
        cmocka_unit_test(every_path_of_every_unversioned_consumer_reaches_the_hook_of_its_own_runtime),
        cmocka_unit_test(a_hook_of_one_runtime_leaves_those_who_are_bound_to_the_other),
        cmocka_unit_test(every_path_reaches_the_hook_under_a_provider),
        cmocka_unit_test(every_path_reaches_the_hook_under_a_provider_resolved_now),
        cmocka_unit_test(every_path_reaches_the_hook_under_a_provider_with_sysv_hash),
        cmocka_unit_test(every_path_reaches_the_hook_under_a_provider_of_lld),
        cmocka_unit_test(every_path_reaches_the_hook_under_a_provider_of_mold),
        cmocka_unit_test(every_path_reaches_the_hook_under_a_provider_without_versions),
        cmocka_unit_test(every_path_reaches_the_hook_under_a_provider_of_the_new_version_only),
        cmocka_unit_test(every_path_reaches_the_hook_under_a_provider_that_lacks_some),
        cmocka_unit_test(every_consumer_that_comes_later_is_hooked),
        cmocka_unit_test(data_and_thread_local_variables_are_refused_by_type),
    };
    return each_in_a_process(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
