/* SPDX-License-Identifier: MIT */
/* Apply and undo: protections as observed, plans undone in every order, objects
 * that are closed meanwhile, threads that call and fork meanwhile. */

#include "fixture.h"
#include "memory.h"
#include "process.h"
#include "protect.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char lazy[] = "libconsumer-bfd-lazy-plt-none-gnu-ver-relr-gd.so";
static const char full_relro[] = "libconsumer-bfd-now-plt-full-gnu-ver-norelr-gd.so";
static const char descriptors[] = "libconsumer-bfd-lazy-plt-partial-gnu-ver-norelr-desc.so";
static const struct probe_setting usual = { .provider = "full", .linker = "bfd", .tls = "gd",
                                            .versioned = 1, .closure = 1 };

static void protections_are_as_before_after_apply_and_after_undo(void **state)
{
    struct consumer consumers[64];
    size_t count = fixture_consumers(consumers, 64);
    (void)state;
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    for (size_t i = 0; i < count; i++) {
        void *consumer = fixture_open(consumers[i].file, RTLD_LAZY);
        struct graft_plan *plan = fixture_plan(consumer, "libfixhost.so", GRAFT_CLOSURE | GRAFT_PARTIAL, NULL);
        fixture_apply(plan);                    /* the kernel may split mappings once */
        fixture_undo(plan);
        const char *before = memory_maps();
        fixture_apply(plan);
        assert_string_equal(before, memory_maps());
        fixture_undo(plan);
        assert_string_equal(before, memory_maps());
        graft_plan_free(plan);
    }
}

static void a_region_is_opened_once_and_never_writable_and_executable(void **state)
{
    (void)state;
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    void *consumer = fixture_open(full_relro, RTLD_NOW);
    struct graft_plan *plan = fixture_plan(consumer, "libfixhost.so", GRAFT_CLOSURE, NULL);
    call_count = 0;
    fixture_apply(plan);
    size_t n = call_count, pairs = 0;
    expect_opened_once(n);
    for (size_t i = 0; i < n; i++)
        pairs += calls[i].protection & PROT_WRITE ? 1 : 0;
    assert_int_equal(pairs, n / 2);
}

static void a_failing_mprotect_leaves_everything_as_it_was(void **state)
{
    struct graft_error error;
    (void)state;
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    void *consumer = fixture_open(full_relro, RTLD_NOW);
    struct graft_plan *plan = fixture_plan(consumer, "libfixhost.so", GRAFT_CLOSURE, NULL);
    fixture_apply(plan);
    fixture_undo(plan);
    const char *before = memory_maps();
    call_count = 0;
    fixture_apply(plan);
    int opened = (int)call_count / 2;
    fixture_undo(plan);
    assert_true(opened >= 1);
    for (int i = 0; i < opened; i++) {
        call_count = 0;
        fail_at = i;
        assert_int_equal(graft_plan_apply(plan, &error), -GRAFT_EPROT);
        fail_at = -1;
        assert_string_equal(before, memory_maps());
        fixture_expect(consumer, BEFORE, &usual);
    }
    fixture_apply(plan);
    fixture_expect(consumer, AFTER, &usual);
}

/* What the host has made read-only itself stays so. */
static void an_unusual_protection_is_restored_as_observed(void **state)
{
    (void)state;
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    void *consumer = fixture_open("libconsumer-bfd-now-plt-none-sysv-ver-relr-gd.so", RTLD_NOW);
    struct graft_plan *plan = fixture_plan(consumer, "libfixhost.so", 0, "fix_call");
    uintptr_t slot = fixture_edit(plan, "fix_call", -1)->slot, page = slot & -(uintptr_t)sysconf(_SC_PAGESIZE);
    assert_int_equal(mprotect((void *)page, 1, PROT_READ), 0);
    const char *before = memory_maps();
    fixture_apply(plan);
    assert_string_equal(before, memory_maps());
    assert_int_equal(fixture_ask(consumer, "call"), PROBE_PROVIDER);
    assert_int_equal(mprotect((void *)page, 1, PROT_READ | PROT_WRITE), 0);
}

/* ---- several plans on the same slots --------------------------------------- */

enum { PLANS = 3 };

static const char *const providers[PLANS] = { "libfixhost.so", "libfixhost_lld.so", "libfixhost_mold.so" };

struct stack { void *consumer; struct graft_plan *plan[PLANS]; uintptr_t value[PLANS + 1], slot; };

/* Plan i moves fix_many from where plan i - 1 had put it. */
static void stack_up(struct stack *s)
{
    struct graft_error error;
    for (int i = 0; i < PLANS; i++) {
        struct graft_rebind rebind = { .size = sizeof(rebind), .handle = s->consumer, .onto = providers[i],
                                       .from = i ? providers[i - 1] : "libfixdup.so", .only = "fix_many,fix_data" };
        assert_int_equal(graft_plan_rebind(&s->plan[i], &rebind, &error), 0);
        const struct graft_edit *edit = fixture_edit(s->plan[i], "fix_many", -1);
        assert_int_equal(edit->verdict, GRAFT_VERDICT_EDIT);
        s->slot = edit->slot;
        s->value[i] = edit->old_value;
        s->value[i + 1] = edit->new_value;
        fixture_apply(s->plan[i]);
        assert_int_equal(fixture_word(s->slot), s->value[i + 1]);
    }
}

static void undo_in_order(struct stack *s, const int *order)
{
    bool applied[PLANS] = { true, true, true };
    stack_up(s);
    for (int k = 0; k < PLANS; k++) {
        fixture_undo(s->plan[order[k]]);
        applied[order[k]] = false;
        int top = PLANS - 1;
        while (top >= 0 && !applied[top])
            top--;
        assert_int_equal(fixture_word(s->slot), s->value[top + 1]);
    }
    for (int i = 0; i < PLANS; i++)
        graft_plan_free(s->plan[i]);
}

static void plans_are_undone_in_every_order(void **state)
{
    static const int orders[][PLANS] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    (void)state;
    for (int i = 0; i < PLANS; i++)
        fixture_provider(providers[i], RTLD_LOCAL);
    struct stack s = { .consumer = fixture_open(full_relro, RTLD_NOW) };
    for (size_t k = 0; k < sizeof(orders) / sizeof(orders[0]); k++) {
        undo_in_order(&s, orders[k]);
        fixture_expect(s.consumer, BEFORE, &usual);
    }
}

static void a_word_that_somebody_else_wrote_is_left_by_undo(void **state)
{
    struct graft_error error;
    (void)state;
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    void *consumer = fixture_open(full_relro, RTLD_NOW);
    struct graft_plan *plan = fixture_plan(consumer, "libfixhost.so", GRAFT_CLOSURE, NULL);
    void (*set)(int (*)(void)) = (void (*)(int (*)(void)))dlsym(consumer, "consumer_set_pointer");
    fixture_apply(plan);
    set(NULL);
    assert_int_equal(graft_plan_undo(plan, &error), -GRAFT_ESTALE);
    assert_int_equal(fixture_ask(consumer, "pointer"), PROBE_CONSUMER);
    assert_int_equal(fixture_ask(consumer, "call"), PROBE_DUPLICATE);
    assert_int_equal(fixture_ask(consumer, "data"), PROBE_DUPLICATE);
    graft_plan_free(plan);
}

/* ---- objects that go ------------------------------------------------------- */

static bool is_loaded(const char *file)
{
    void *handle = dlopen(fixture_path(file), RTLD_LAZY | RTLD_NOLOAD);
    if (handle)
        dlclose(handle);
    return handle != NULL;
}

static void a_target_stays_loaded_until_undo(void **state)
{
    (void)state;
    fixture_provider("libfixhost.so", RTLD_LOCAL);      /* has the unique symbol: can never go */
    void *provider = fixture_provider("libfixhost_lld.so", RTLD_LOCAL), *consumer = fixture_open(full_relro, RTLD_NOW);
    struct graft_plan *plan = fixture_plan(consumer, "libfixhost_lld.so", GRAFT_CLOSURE, "fix_call,fix_data");
    fixture_apply(plan);
    dlclose(provider);
    assert_true(is_loaded("libfixhost_lld.so"));
    assert_int_equal(fixture_ask(consumer, "call"), PROBE_PROVIDER);
    fixture_undo(plan);
    assert_false(is_loaded("libfixhost_lld.so"));
    assert_int_equal(fixture_ask(consumer, "call"), PROBE_DUPLICATE);
    graft_plan_free(plan);
}

static void a_consumer_closed_with_edits_in_it_is_survived(void **state)
{
    struct graft_error error;
    (void)state;
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    for (int i = 0; i < 50; i++) {
        void *consumer = fixture_open(i % 2 ? full_relro : lazy, RTLD_LAZY);
        struct graft_plan *plan = fixture_plan(consumer, "libfixhost.so", GRAFT_CLOSURE, "fix_[a-t]*");
        fixture_apply(plan);
        dlclose(consumer);
        assert_false(is_loaded(i % 2 ? full_relro : lazy));
        if (i % 3 == 0)                         /* reopened, most likely at the same place */
            consumer = fixture_open(i % 2 ? full_relro : lazy, RTLD_LAZY);
        int result = i % 5 ? graft_plan_undo(plan, &error) : 0;
        assert_true(result == 0 || (result == -GRAFT_ESTALE && i % 3 == 0));
        graft_plan_free(plan);
        if (i % 3 == 0) {
            fixture_expect(consumer, BEFORE, &usual);
            dlclose(consumer);
        }
    }
}

static void a_plan_for_a_library_that_was_reopened_is_stale_or_right(void **state)
{
    struct graft_error error;
    (void)state;
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    void *consumer = fixture_open(full_relro, RTLD_NOW);
    struct graft_plan *plan = fixture_plan(consumer, "libfixhost.so", GRAFT_CLOSURE, NULL);
    dlclose(consumer);
    assert_int_equal(graft_plan_apply(plan, &error), -GRAFT_ESTALE);
    consumer = fixture_open(full_relro, RTLD_NOW);
    int result = graft_plan_apply(plan, &error);
    fixture_expect(consumer, result ? BEFORE : AFTER, &usual);
    graft_plan_free(plan);
}

static void a_freed_plan_stays_applied(void **state)
{
    (void)state;
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    void *consumer = fixture_open(lazy, RTLD_LAZY);
    struct graft_plan *plan = fixture_plan(consumer, "libfixhost.so", GRAFT_CLOSURE, NULL);
    fixture_apply(plan);
    graft_plan_free(plan);
    fixture_expect(consumer, AFTER, &usual);
}

/* ---- threads --------------------------------------------------------------- */

static void *crowd_consumer;
static atomic_bool stop;
static atomic_ulong made, wrong;

/* Calls through slots of every kind; each answer is one of the two. */
static void *call_all_the_time(void *arg)
{
    static const char *const probes[] = { "call", "many_plt", "data", "addend", "ifunc", "nosize", "many_const_table" };
    int (*function[7])(void);
    for (size_t i = 0; i < 7; i++) {
        char name[64];
        snprintf(name, sizeof(name), "consumer_%s", probes[i]);
        *(void **)&function[i] = dlsym(crowd_consumer, name);
    }
    while (!stop) {
        for (size_t i = 0; i < 700; i++) {
            int answer = function[i % 7]();
            wrong += answer != PROBE_PROVIDER && answer != PROBE_DUPLICATE;
        }
        made += 700;
        usleep(200);                            /* there are fewer processors than threads */
    }
    return arg;
}

static void a_hundred_thousand_times_under_eight_calling_threads(void **state)
{
    enum { THREADS = 8, WARM_UP = 1000 };
    const int times = is_soak() ? 1000000 : getenv("GRAFT_SLOW_TOOL") ? 300 : 100000;
    pthread_t thread[THREADS];
    size_t before = 0;
    (void)state;
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    crowd_consumer = fixture_open(full_relro, RTLD_NOW);
    struct graft_plan *plan = fixture_plan(crowd_consumer, "libfixhost.so", GRAFT_CLOSURE, NULL);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, call_all_the_time, NULL), 0);
    for (int i = 0; i < times; i++) {
        fixture_apply(plan);
        fixture_undo(plan);
        if (i == WARM_UP)
            before = memory_resident();
    }
    size_t grown = before && memory_resident() > before ? memory_resident() - before : 0;
    stop = true;
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    printf("%lu calls, %lu wrong, grown by %zu bytes\n", made, wrong, grown);
    assert_true(made > 0);
    assert_int_equal(wrong, 0);
    if (!getenv("GRAFT_SLOW_TOOL"))
        assert_true(grown < 256 * 1024);
    fixture_expect(crowd_consumer, BEFORE, &usual);
}

/* Another thread may have moved the same slots since the plan was made. */
static void *apply_all_the_time(void *arg)
{
    while (!stop) {
        struct graft_plan *plan = fixture_plan(arg, "libfixhost.so", GRAFT_PARTIAL, "fix_call,fix_data,fix_tls");
        int result = graft_plan_apply(plan, NULL);
        wrong += result && result != -GRAFT_ESTALE;
        if (!result)
            fixture_undo(plan);
        graft_plan_free(plan);
        made++;
    }
    return NULL;
}

/* A consumer whose TLS descriptors name a block that was allocated when it was first
 * used: rebinding them takes memory that stays. */
static void *open_with_descriptors(void)
{
    assert_int_equal(fixture_ask(fixture_open(full_relro, RTLD_NOW), "tls"), PROBE_DUPLICATE);
    void *consumer = fixture_open(descriptors, RTLD_NOW);
    struct graft_plan *plan = fixture_plan(consumer, "libfixhost.so", 0, "fix_tls");
    assert_int_equal(fixture_edit(plan, "fix_tls", GRAFT_SLOT_TLSDESC_ARG)->verdict, GRAFT_VERDICT_EDIT);
    graft_plan_free(plan);
    return consumer;
}

/* Different plans, different threads. */
static void plans_are_made_and_applied_in_several_threads_at_once(void **state)
{
    pthread_t thread[4];
    (void)state;
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    void *with_descriptors = open_with_descriptors();
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, apply_all_the_time,
                                        i % 2 ? with_descriptors : fixture_open(full_relro, RTLD_NOW)), 0);
    sleep(2);
    stop = true;
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    assert_true(made > 100 || getenv("GRAFT_SLOW_TOOL"));
    assert_int_equal(wrong, 0);
}

/* In a child of fork every lock must be free: the journal's and the loader's. */
static int use_everything(void *consumer)
{
    struct graft_error error;
    struct graft_plan *plan;
    struct graft_rebind rebind = { .size = sizeof(rebind), .handle = consumer, .from = "libfixdup.so",
                                   .onto = "libfixhost.so", .only = "fix_many" };
    alarm(20);
    if (graft_plan_rebind(&plan, &rebind, &error) || graft_plan_apply(plan, &error)
        || fixture_ask(consumer, "many_plt") != PROBE_PROVIDER || graft_plan_undo(plan, &error)
        || fixture_ask(consumer, "many_plt") != PROBE_DUPLICATE)
        return 1;
    graft_plan_free(plan);
    return 0;
}

static void fork_in_the_middle_leaves_the_child_usable(void **state)
{
    const int forks = getenv("GRAFT_SLOW_TOOL") ? 10 : 300;
    pthread_t thread[3];
    (void)state;
#ifdef __SANITIZE_THREAD__
    skip();                                     /* its own locks do not survive such a fork */
#endif
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    void *consumer = fixture_open(full_relro, RTLD_NOW), *with_descriptors = open_with_descriptors();
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, apply_all_the_time, i ? consumer : with_descriptors), 0);
    for (int i = 0; i < forks; i++) {
        int status;
        pid_t child = fork();
        assert_true(child >= 0);
        if (!child)
            _exit(use_everything(consumer));
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    stop = true;
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(protections_are_as_before_after_apply_and_after_undo),
        cmocka_unit_test(a_region_is_opened_once_and_never_writable_and_executable),
        cmocka_unit_test(a_failing_mprotect_leaves_everything_as_it_was),
        cmocka_unit_test(an_unusual_protection_is_restored_as_observed),
        cmocka_unit_test(plans_are_undone_in_every_order),
        cmocka_unit_test(a_word_that_somebody_else_wrote_is_left_by_undo),
        cmocka_unit_test(a_target_stays_loaded_until_undo),
        cmocka_unit_test(a_consumer_closed_with_edits_in_it_is_survived),
        cmocka_unit_test(a_plan_for_a_library_that_was_reopened_is_stale_or_right),
        cmocka_unit_test(a_freed_plan_stays_applied),
        cmocka_unit_test(a_hundred_thousand_times_under_eight_calling_threads),
        cmocka_unit_test(plans_are_made_and_applied_in_several_threads_at_once),
        cmocka_unit_test(fork_in_the_middle_leaves_the_child_usable),
    };
    return each_in_a_process(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
