/* SPDX-License-Identifier: MIT */
/* Rebinding in this process: which slots move, which are left and why, and that a
 * plan is applied as a whole or not at all. */

#include "fixture.h"
#include "process.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

static const char lazy[] = "libconsumer-bfd-lazy-plt-none-gnu-ver-relr-gd.so";
static const char full_relro[] = "libconsumer-bfd-now-plt-full-gnu-ver-norelr-gd.so";
static const char direct_tls[] = "libconsumer-bfd-now-plt-full-gnu-ver-norelr-ie.so";

static struct probe_setting setting_of(const struct consumer *c)
{
    return (struct probe_setting){ .provider = "full", .linker = c->linker, .tls = c->tls,
                                   .versioned = !strcmp(c->versions, "ver"), .closure = 1 };
}

static const struct probe_setting usual = { .provider = "full", .linker = "bfd", .tls = "gd",
                                            .versioned = 1, .closure = 1 };

static bool is_any_refused(const struct graft_plan *plan)
{
    for (size_t i = 0; i < graft_plan_count(plan); i++)
        if (graft_plan_edit(plan, i)->verdict >= GRAFT_VERDICT_MISSING)
            return true;
    return false;
}

static bool is_refused(const struct graft_plan *plan, const char *symbol)
{
    for (size_t i = 0; i < graft_plan_count(plan); i++)
        if (!strcmp(graft_plan_edit(plan, i)->symbol, symbol)
            && graft_plan_edit(plan, i)->verdict >= GRAFT_VERDICT_MISSING)
            return true;
    return false;
}

/* All of the matrix in one process, one consumer after the other. A TLS descriptor
 * may or may not reach a provider that was not there at start (matrix.sh has those
 * that were); the plan knows. */
static void every_consumer_moves_onto_the_provider_and_back(void **state)
{
    struct consumer consumers[64];
    size_t count = fixture_consumers(consumers, 64);
    (void)state;
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    assert_true(count >= 39);
    for (size_t i = 0; i < count; i++) {
        struct probe_setting setting = setting_of(&consumers[i]);
        void *consumer = fixture_open(consumers[i].file, RTLD_LAZY | RTLD_LOCAL);
        struct graft_plan *plan = fixture_plan(consumer, "libfixhost.so", GRAFT_CLOSURE | GRAFT_PARTIAL, NULL);
        if (!strcmp(setting.tls, "desc") && is_refused(plan, "fix_tls"))
            setting.tls = "ie";
        fixture_apply(plan);
        fixture_expect(consumer, AFTER, &setting);
        fixture_undo(plan);
        fixture_expect(consumer, BEFORE, &setting);
        graft_plan_free(plan);
        dlclose(consumer);
    }
}

static void without_closure_its_dependencies_stay(void **state)
{
    struct probe_setting setting = usual;
    (void)state;
    setting.closure = 0;
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    void *consumer = fixture_open(lazy, RTLD_LAZY);
    fixture_apply(fixture_plan(consumer, "libfixhost.so", 0, NULL));
    fixture_expect(consumer, AFTER, &setting);
}

static void an_addend_is_kept(void **state)
{
    (void)state;
    void *provider = fixture_provider("libfixhost.so", RTLD_LOCAL), *consumer = fixture_open(full_relro, RTLD_NOW);
    uintptr_t array = (uintptr_t)dlsym(provider, "fix_array");
    struct graft_plan *plan = fixture_plan(consumer, "libfixhost.so", 0, "fix_array");
    bool middle = false, end = false;
    for (size_t i = 0; i < graft_plan_count(plan); i++) {
        const struct graft_edit *edit = graft_plan_edit(plan, i);
        if (edit->verdict != GRAFT_VERDICT_EDIT)
            continue;
        middle |= edit->new_value == array + 4 * sizeof(int);
        end |= edit->new_value == array + 8 * sizeof(int);
    }
    assert_true(middle && end);
    graft_plan_free(plan);
}

static void an_ifunc_is_never_its_resolver(void **state)
{
    (void)state;
    void *provider = fixture_provider("libfixhost.so", RTLD_LOCAL), *consumer = fixture_open(full_relro, RTLD_NOW);
    int (*chosen)(void) = (int (*)(void))dlsym(provider, "fix_ifunc");
    struct graft_plan *plan = fixture_plan(consumer, "libfixhost.so", 0, "fix_ifunc");
    const struct graft_edit *edit = fixture_edit(plan, "fix_ifunc", -1);
    assert_int_equal(edit->new_value, (uintptr_t)chosen);
    graft_plan_free(plan);
}

/* A choice that somebody has made already is taken; the resolver does not run again. */
static void an_ifunc_resolver_runs_no_more_than_it_must(void **state)
{
    (void)state;
    void *provider = fixture_provider("libfixhost.so", RTLD_GLOBAL);
    void *captured = fixture_open("libconsumer-bfd-now-plt-none-sysv-ver-relr-gd.so", RTLD_NOW);
    int (*resolutions)(void) = (int (*)(void))dlsym(provider, "fix_ifunc_resolutions");
    struct graft_rebind rebind = { .size = sizeof(rebind), .handle = captured, .from = "libfixhost.so",
                                   .onto = "libfixdup.so", .only = "fix_ifunc" };
    struct graft_plan *away, *back;
    struct graft_error error;
    assert_int_equal(graft_plan_rebind(&away, &rebind, &error), 0);
    int before = resolutions();
    rebind.from = "libfixdup.so";
    rebind.onto = "libfixhost.so";
    assert_int_equal(graft_plan_rebind(&back, &rebind, &error), 0);
    assert_int_equal(resolutions(), before);
    graft_plan_free(away);
    graft_plan_free(back);
}

static void *tls_of_a_thread(void *arg)
{
    const void *(*address)(void) = (const void *(*)(void))dlsym(arg, "consumer_tls_address");
    return (void *)address();
}

static void *tls_of_the_provider(void *arg)
{
    return dlsym(arg, "fix_tls");
}

static void a_thread_local_variable_is_the_providers_in_every_thread(void **state)
{
    pthread_t thread;
    void *mine, *here;
    (void)state;
    void *provider = fixture_provider("libfixhost.so", RTLD_LOCAL), *consumer = fixture_open(lazy, RTLD_LAZY);
    fixture_apply(fixture_plan(consumer, "libfixhost.so", GRAFT_CLOSURE, NULL));
    assert_ptr_equal(tls_of_a_thread(consumer), tls_of_the_provider(provider));
    for (int i = 0; i < 8; i++) {
        assert_int_equal(pthread_create(&thread, NULL, tls_of_a_thread, consumer), 0);
        pthread_join(thread, &mine);
        assert_int_equal(pthread_create(&thread, NULL, tls_of_the_provider, provider), 0);
        pthread_join(thread, &here);
        assert_non_null(mine);
        assert_ptr_not_equal(mine, tls_of_a_thread(consumer));
    }
}

static void directly_accessed_tls_is_refused_by_name_and_nothing_is_written(void **state)
{
    struct probe_setting setting = usual;
    struct graft_error error;
    (void)state;
    setting.tls = "ie";
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    void *consumer = fixture_open(direct_tls, RTLD_NOW);
    struct graft_plan *plan = fixture_plan(consumer, "libfixhost.so", GRAFT_CLOSURE, NULL);
    assert_true(is_any_refused(plan));
    assert_int_equal(graft_plan_apply(plan, &error), -GRAFT_EREFUSED);
    assert_int_equal(error.code, -GRAFT_EREFUSED);
    assert_string_equal(error.symbol, "fix_tls");
    assert_non_null(strstr(error.object, "libconsumer"));
    assert_non_null(strstr(error.text, "TPOFF"));
    fixture_expect(consumer, BEFORE, &setting);
    graft_plan_free(plan);
}

static void a_pointer_that_the_program_changed_is_left(void **state)
{
    (void)state;
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    void *consumer = fixture_open(full_relro, RTLD_NOW);
    void (*set)(int (*)(void)) = (void (*)(int (*)(void)))dlsym(consumer, "consumer_set_pointer");
    set(NULL);
    struct graft_plan *plan = fixture_plan(consumer, "libfixhost.so", GRAFT_CLOSURE, NULL);
    fixture_apply(plan);
    assert_int_equal(fixture_ask(consumer, "pointer"), PROBE_CONSUMER);
    fixture_undo(plan);
    assert_int_equal(fixture_ask(consumer, "pointer"), PROBE_CONSUMER);
    graft_plan_free(plan);
}

/* Another function of the duplicate itself: the address range alone would not tell. */
static void a_pointer_changed_within_the_duplicate_is_left_with_a_reason(void **state)
{
    (void)state;
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    void *consumer = fixture_open(full_relro, RTLD_NOW);
    void *duplicate = fixture_open("libfixdup.so", RTLD_NOLOAD | RTLD_NOW);
    void (*set)(void *) = (void (*)(void *))dlsym(consumer, "consumer_set_pointer");
    set(dlsym(duplicate, "fix_call"));
    struct graft_plan *plan = fixture_plan(consumer, "libfixhost.so", 0, "fix_pointer");
    assert_int_equal(fixture_edit(plan, "fix_pointer", GRAFT_SLOT_SYMBOLIC)->verdict, GRAFT_VERDICT_CHANGED);
    fixture_apply(plan);
    assert_int_equal(fixture_ask(consumer, "pointer"), PROBE_DUPLICATE);
    graft_plan_free(plan);
}

static void a_word_that_changed_since_the_plan_stops_all_of_it(void **state)
{
    struct graft_error error;
    (void)state;
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    void *consumer = fixture_open(full_relro, RTLD_NOW);
    struct graft_plan *plan = fixture_plan(consumer, "libfixhost.so", GRAFT_CLOSURE, NULL);
    void (*set)(int (*)(void)) = (void (*)(int (*)(void)))dlsym(consumer, "consumer_set_pointer");
    set(NULL);
    assert_int_equal(graft_plan_apply(plan, &error), -GRAFT_ESTALE);
    for (size_t i = 0; i < graft_plan_count(plan); i++) {
        const struct graft_edit *edit = graft_plan_edit(plan, i);
        if (strcmp(edit->symbol, "fix_pointer"))
            assert_int_equal(fixture_word(edit->slot), edit->old_value);
    }
    assert_int_equal(fixture_ask(consumer, "pointer"), PROBE_CONSUMER);
    graft_plan_free(plan);
    fixture_apply(fixture_plan(consumer, "libfixhost.so", GRAFT_CLOSURE, NULL));
    assert_int_equal(fixture_ask(consumer, "call"), PROBE_PROVIDER);
}

static void only_the_names_asked_for_move(void **state)
{
    (void)state;
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    void *consumer = fixture_open(lazy, RTLD_LAZY);
    fixture_apply(fixture_plan(consumer, "libfixhost.so", 0, "fix_data,fix_al*"));
    assert_int_equal(fixture_ask(consumer, "data"), PROBE_PROVIDER);
    assert_int_equal(fixture_ask(consumer, "alias"), PROBE_PROVIDER);
    assert_int_equal(fixture_ask(consumer, "aliased"), PROBE_PROVIDER);
    assert_int_equal(fixture_ask(consumer, "call"), PROBE_DUPLICATE);
}

/* What the provider has in another version, or not at all. */
static void refusals_carry_their_reason(void **state)
{
    (void)state;
    fixture_provider("libfixhost_v2only.so", RTLD_LOCAL);
    fixture_provider("libfixhost_missing.so", RTLD_LOCAL);
    void *consumer = fixture_open(lazy, RTLD_LAZY);
    struct graft_plan *v2 = fixture_plan(consumer, "libfixhost_v2only.so", 0, "fix_versioned");
    assert_int_equal(fixture_edit(v2, "fix_versioned", -1)->kind, GRAFT_SLOT_JUMP_SLOT);
    size_t wrong = 0;
    for (size_t i = 0; i < graft_plan_count(v2); i++)
        wrong += graft_plan_edit(v2, i)->verdict == GRAFT_VERDICT_VERSION
              && !strcmp(graft_plan_edit(v2, i)->version, "FIX_1");
    assert_int_equal(wrong, 1);
    graft_plan_free(v2);
    v2 = fixture_plan(consumer, "libfixhost_v2only.so", GRAFT_ANY_VERSION, "fix_versioned");
    assert_false(is_any_refused(v2));
    graft_plan_free(v2);
    struct graft_plan *missing = fixture_plan(consumer, "libfixhost_missing.so", 0, "fix_opt*");
    assert_int_equal(fixture_edit(missing, "fix_optional", -1)->verdict, GRAFT_VERDICT_MISSING);
    assert_true(fixture_edit(missing, "fix_optional_hidden", -1)->verdict == GRAFT_VERDICT_HIDDEN
                || fixture_edit(missing, "fix_optional_hidden", -1)->verdict == GRAFT_VERDICT_MISSING);
    graft_plan_free(missing);
}

static void the_program_can_be_the_host(void **state)
{
    (void)state;
    struct graft_rebind rebind = { .size = sizeof(rebind), .consumer = "libfixdup.so", .from = "libfixdup.so",
                                   .onto = "main" };
    struct graft_plan *plan;
    struct graft_error error;
    fixture_open("libfixdup.so", RTLD_NOW);
    assert_int_equal(graft_plan_rebind(&plan, &rebind, &error), 0);
    assert_int_equal(graft_plan_count(plan), 0);
    fixture_apply(plan);                        /* nothing to do is done */
    fixture_undo(plan);
    graft_plan_free(plan);
}

static int try_rebind(const struct graft_rebind *rebind)
{
    struct graft_plan *plan = NULL;
    struct graft_error error;
    int result = graft_plan_rebind(&plan, rebind, &error);
    assert_true(result < 0);
    assert_int_equal(error.code, result);
    assert_true(error.text[0] != '\0');
    assert_null(plan);
    assert_int_equal(graft_plan_rebind(&plan, rebind, NULL), result);
    return result;
}

static void wrong_requests_say_what_is_wrong(void **state)
{
    (void)state;
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    fixture_provider("libfixhost_lld.so", RTLD_LOCAL);
    void *consumer = fixture_open(lazy, RTLD_LAZY);
    enum { SIZE = sizeof(struct graft_rebind) };
    assert_int_equal(try_rebind(&(struct graft_rebind){ .size = SIZE }), -GRAFT_EINVAL);
    assert_int_equal(try_rebind(&(struct graft_rebind){ .handle = consumer }), -GRAFT_EINVAL);
    assert_int_equal(try_rebind(&(struct graft_rebind){ .size = SIZE, .handle = consumer, .consumer = "x" }),
                     -GRAFT_EINVAL);
    assert_int_equal(try_rebind(&(struct graft_rebind){ .size = SIZE, .consumer = "nowhere*" }), -GRAFT_ENOOBJ);
    assert_int_equal(try_rebind(&(struct graft_rebind){ .size = SIZE, .handle = consumer }), -GRAFT_ENODUP);
    assert_int_equal(try_rebind(&(struct graft_rebind){ .size = SIZE, .handle = consumer, .from = "nowhere*",
                                                        .onto = "libfixhost.so" }), -GRAFT_ENODUP);
    assert_int_equal(try_rebind(&(struct graft_rebind){ .size = SIZE, .handle = consumer, .from = "libfixdup.so",
                                                        .onto = "nowhere*" }), -GRAFT_ENOHOST);
    assert_int_equal(try_rebind(&(struct graft_rebind){ .size = SIZE, .handle = consumer, .from = "libfixdup.so",
                                                        .onto = "libfixhost*" }), -GRAFT_EAMBIG);
    assert_int_equal(try_rebind(&(struct graft_rebind){ .size = SIZE, .handle = &consumer, .from = "libfixdup.so",
                                                        .onto = "libfixhost.so" }), -GRAFT_ENOOBJ);
}

static void a_plan_knows_its_state(void **state)
{
    struct graft_error error;
    (void)state;
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    void *consumer = fixture_open(full_relro, RTLD_NOW);
    struct graft_plan *plan = fixture_plan(consumer, "libfixhost.so", GRAFT_CLOSURE, NULL);
    assert_int_equal(graft_plan_undo(plan, &error), -GRAFT_ESTATE);
    fixture_apply(plan);
    assert_int_equal(graft_plan_apply(plan, &error), -GRAFT_ESTATE);
    fixture_undo(plan);
    assert_int_equal(graft_plan_undo(plan, NULL), -GRAFT_ESTATE);
    fixture_apply(plan);                        /* an undone plan may be applied again */
    assert_int_equal(fixture_ask(consumer, "call"), PROBE_PROVIDER);
    fixture_undo(plan);
    graft_plan_free(plan);
    graft_plan_free(NULL);
}

static void errno_is_the_callers(void **state)
{
    struct graft_error error;
    (void)state;
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    void *consumer = fixture_open(lazy, RTLD_LAZY);
    errno = 4711;
    struct graft_plan *plan = fixture_plan(consumer, "libfixhost.so", GRAFT_CLOSURE, NULL);
    assert_int_equal(graft_plan_apply(plan, &error), 0);
    assert_int_equal(graft_plan_undo(plan, &error), 0);
    assert_int_equal(graft_plan_undo(plan, &error), -GRAFT_ESTATE);
    graft_plan_free(plan);
    assert_int_equal(errno, 4711);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_consumer_moves_onto_the_provider_and_back),
        cmocka_unit_test(without_closure_its_dependencies_stay),
        cmocka_unit_test(an_addend_is_kept),
        cmocka_unit_test(an_ifunc_is_never_its_resolver),
        cmocka_unit_test(an_ifunc_resolver_runs_no_more_than_it_must),
        cmocka_unit_test(a_thread_local_variable_is_the_providers_in_every_thread),
        cmocka_unit_test(directly_accessed_tls_is_refused_by_name_and_nothing_is_written),
        cmocka_unit_test(a_pointer_that_the_program_changed_is_left),
        cmocka_unit_test(a_pointer_changed_within_the_duplicate_is_left_with_a_reason),
        cmocka_unit_test(a_word_that_changed_since_the_plan_stops_all_of_it),
        cmocka_unit_test(only_the_names_asked_for_move),
        cmocka_unit_test(refusals_carry_their_reason),
        cmocka_unit_test(the_program_can_be_the_host),
        cmocka_unit_test(wrong_requests_say_what_is_wrong),
        cmocka_unit_test(a_plan_knows_its_state),
        cmocka_unit_test(errno_is_the_callers),
    };
    return each_in_a_process(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
