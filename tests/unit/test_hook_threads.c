/* SPDX-License-Identifier: MIT */
/* Hooks that come and go while other threads call, fork, resolve their slots, load and
 * unload: every answer is one of the two that it may be, nothing grows, nothing is lost. */

#include "hook_fixture.h"
#include "memory.h"
#include "order.h"
#include "process.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_bool stop;
static atomic_ulong made, wrong;

static int (*next)(void), (*second_next)(void);

static int add_sixteen(void)
{
    return next() + 16;
}

static int add_thirty_two(void)
{
    return second_next() + 32;
}

static bool is_slow(void)
{
    return getenv("GRAFT_SLOW_TOOL") != NULL;
}

/* ---- callers --------------------------------------------------------------------------------- */

static int (*probe[8])(void);

static void find_probes(const char *consumer)
{
    static const char *const names[] = { "call", "many_plt", "many_got", "many_table", "many_const_table", "ifunc",
                                         "nosize", "weak_both" };
    void *library = fixture_open(consumer, RTLD_NOW);
    for (size_t i = 0; i < 8; i++) {
        char name[64];
        snprintf(name, sizeof name, "consumer_%s", names[i]);
        *(void **)&probe[i] = dlsym(library, name);
        assert_int_equal(probe[i](), PROBE_DUPLICATE);
    }
}

static void *call_all_the_time(void *arg)
{
    while (!stop) {
        for (size_t i = 0; i < 800; i++) {
            int answer = probe[i % 8]();
            wrong += answer != PROBE_DUPLICATE && answer != PROBE_DUPLICATE + 16 && answer != PROBE_DUPLICATE + 32
                  && answer != PROBE_DUPLICATE + 48;
        }
        made += 800;
        usleep(200);                            /* there are fewer processors than threads */
    }
    return arg;
}

static void start(pthread_t *thread, size_t count, void *(*function)(void *), void *arg)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, function, arg), 0);
}

static void join(pthread_t *thread, size_t count)
{
    stop = true;
    for (size_t i = 0; i < count; i++)
        pthread_join(thread[i], NULL);
}

/* One function with four slots of different kinds; every turn another way in and out. */
static void turn(int i)
{
    struct graft_hook hook = HOOK("fix_many", add_thirty_two, &second_next, "libfixdup.so");
    switch (i % 3) {
    case 0:
        hook_remove(hook_apply(&hook, 1));
        break;
    case 1:
        hook.priority = i % 5;
        graft_plan_free(hook_apply(&hook, 1));
        assert_int_equal(graft_unhook("fix_many", add_thirty_two), 0);
        break;
    default:
        assert_int_equal(graft_hook("fix_many", add_sixteen, (void **)&next), 0);
        graft_plan_free(hook_apply(&hook, 1));
        assert_int_equal(graft_unhook("fix_many", add_sixteen), 0);
        assert_int_equal(graft_unhook("fix_many", add_thirty_two), 0);
    }
}

static void no_answer_is_wrong_while_hooks_come_and_go_under_eight_calling_threads(void **state)
{
    enum { THREADS = 8, WARM_UP = 600 };
    const int times = is_soak() ? 400000 : is_slow() ? 200 : 30000;
    pthread_t thread[THREADS];
    size_t before = 0;
    (void)state;
    find_probes("libconsumer-bfd-now-plt-full-gnu-ver-norelr-gd.so");
    hook_warm_up();
    struct hook_bytes *bytes = hook_bytes_take();
    start(thread, THREADS, call_all_the_time, NULL);
    for (int i = 0; i < times; i++) {
        turn(i);
        if (i == WARM_UP)
            before = memory_resident();
    }
    size_t grown = before && memory_resident() > before ? memory_resident() - before : 0;
    join(thread, THREADS);
    printf("%lu calls, %lu wrong, grown by %zu bytes\n", made, wrong, grown);
    assert_true(made > 0);
    assert_int_equal(wrong, 0);
    if (!is_slow())
        assert_true(grown < 256 * 1024);
    hook_bytes_same(bytes);
    assert_int_equal(hook_count(), 0);
}

static void disabling_and_enabling_under_eight_calling_threads_makes_no_wrong_answer(void **state)
{
    enum { THREADS = 8 };
    const int times = is_soak() ? 400000 : is_slow() ? 200 : 30000;
    pthread_t thread[THREADS];
    (void)state;
    find_probes("libconsumer-lld-now-plt-full-sysv-ver-relr-gd.so");
    struct graft_hook hooks[2] = { HOOK("fix_many", add_sixteen, &next, "libfixdup.so"),
                                   HOOK("fix_many", add_thirty_two, &second_next, "libfixdup.so") };
    struct graft_plan *plan = hook_apply(hooks, 2);
    start(thread, THREADS, call_all_the_time, NULL);
    unsigned random = 1;
    for (int i = 0; i < times; i++) {
        random = random * 1103515245 + 12345;
        int result = graft_hook_enable("fix_many", random >> 16 & 1 ? add_sixteen : add_thirty_two, random >> 17 & 1);
        assert_int_equal(result, 0);
    }
    join(thread, THREADS);
    hook_remove(plan);
    assert_int_equal(probe[1](), PROBE_DUPLICATE);
    assert_true(made > 0);
    assert_int_equal(wrong, 0);
}

/* ---- hooking in several threads ---------------------------------------------------------------- */

static int (*thread_next[4])(void);
#define THREAD_WRAP(i) static int thread_wrap_##i(void) { return thread_next[i](); }
THREAD_WRAP(0) THREAD_WRAP(1) THREAD_WRAP(2) THREAD_WRAP(3)
static int (*const thread_wrap[4])(void) = { thread_wrap_0, thread_wrap_1, thread_wrap_2, thread_wrap_3 };

static void *hook_all_the_time(void *arg)
{
    size_t i = (size_t)arg;
    while (!stop) {
        int result = graft_hook("fix_many", (void *)thread_wrap[i], (void **)&thread_next[i]);
        wrong += result && result != -GRAFT_ESTALE;     /* overtaken eight times in a row */
        if (!result)
            wrong += graft_unhook("fix_many", (void *)thread_wrap[i]) != 0;
        made++;
    }
    return NULL;
}

static void four_threads_hook_one_function_at_once(void **state)
{
    pthread_t thread[4];
    (void)state;
    find_probes("libconsumer-bfd-now-plt-full-gnu-ver-norelr-gd.so");
    hook_warm_up();
    struct hook_bytes *bytes = hook_bytes_take();
    for (size_t i = 0; i < 4; i++)
        start(&thread[i], 1, hook_all_the_time, (void *)i);
    unsigned long calls = 0;
    for (int i = 0; i < 400; i++) {
        for (int k = 0; k < 500; k++, calls++)
            wrong += probe[k % 8]() != PROBE_DUPLICATE;
        usleep(1000);
    }
    join(thread, 4);
    printf("%lu hooks, %lu calls\n", made, calls);
    assert_true(made > 100 || is_slow());
    assert_int_equal(wrong, 0);
    assert_int_equal(hook_count(), 0);
    hook_bytes_same(bytes);
}

static void fork_in_the_middle_of_hooking_leaves_the_child_usable(void **state)
{
    const int forks = is_slow() ? 10 : 200;
    pthread_t thread[3];
    (void)state;
#ifdef __SANITIZE_THREAD__
    skip();                                     /* its own locks do not survive such a fork */
#endif
    find_probes("libconsumer-bfd-now-plt-full-gnu-ver-norelr-gd.so");
    for (size_t i = 0; i < 3; i++)
        start(&thread[i], 1, hook_all_the_time, (void *)i);
    for (int i = 0; i < forks; i++) {
        int status;
        pid_t child = fork();
        assert_true(child >= 0);
        if (!child) {
            alarm(20);
            int result = graft_hook("fix_call", (void *)thread_wrap[3], (void **)&thread_next[3]);
            if (result || probe[0]() != PROBE_DUPLICATE || graft_unhook("fix_call", (void *)thread_wrap[3]))
                _exit(1);
            _exit(probe[1]() == PROBE_DUPLICATE ? 0 : 2);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    join(thread, 3);
    assert_int_equal(wrong, 0);
}

/* ---- inside the resolver -------------------------------------------------------------------------- */

static atomic_uint turn_of;
static unsigned aim;

/* The functions whose first calls are made, and what hooks them. */
#define LAZY(X) X(call) X(alias) X(aliased) X(nosize) X(notype) X(optional_hidden) X(protected) X(optional)
static const char *const lazy_consumers[] = {
    "libconsumer-bfd-lazy-plt-none-gnu-ver-relr-gd.so", "libconsumer-bfd-lazy-plt-partial-gnu-ver-norelr-desc.so",
    "libconsumer-lld-lazy-plt-partial-gnu-ver-norelr-desc.so", "libconsumer-mold-lazy-plt-none-both-ver-relr-gd.so" };
enum { FUNCTIONS = 8, CONSUMERS = 4, SLOTS = FUNCTIONS * CONSUMERS };

#define LAZY_WRAP(name) \
    static int (*lazy_next_##name)(void); \
    static int lazy_wrap_##name(void) { return lazy_next_##name() + 16; }
LAZY(LAZY_WRAP)
#undef LAZY_WRAP

static const struct function { const char *symbol, *probe; void *wrap, **next; } functions[FUNCTIONS] = {
#define LAZY_ROW(name) { "fix_" #name, "consumer_" #name, (void *)lazy_wrap_##name, (void **)&lazy_next_##name },
    LAZY(LAZY_ROW)
#undef LAZY_ROW
};

static struct lazy {
    uintptr_t slot, stub, wrap;
    int (*call)(void), answer;
} lazy[SLOTS];

/* The first calls of all slots, one after the other. */
static void call_all(void)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        struct lazy *l = &lazy[(turn_of + i) % SLOTS];
        l->answer = l->call();
    }
}

static struct order order = { .calls = call_all };

static struct { unsigned lost, unhooked, broken, left; } totals;

static void find_lazy_slot(struct lazy *l, const char *consumer, const struct function *f, const struct graft_plan *plan)
{
    *(void **)&l->call = dlsym(fixture_open(consumer, RTLD_LAZY), f->probe);
    l->wrap = (uintptr_t)f->wrap;
    for (size_t k = 0; k < graft_plan_count(plan); k++) {
        const struct graft_edit *edit = graft_plan_edit(plan, k);
        if (edit->verdict == GRAFT_VERDICT_LAZY && strstr(edit->object, consumer) && !strcmp(edit->symbol, f->symbol)) {
            l->slot = edit->slot;
            l->stub = edit->old_value;
        }
    }
    if (!l->slot || !l->call)
        fail_msg("%s has no lazy slot in %s", f->symbol, consumer);
}

static bool any_unhooked(void)
{
    for (size_t i = 0; i < SLOTS; i++)
        if (fixture_word(lazy[i].slot) != lazy[i].wrap)
            return true;
    return false;
}

/* The slots are not resolved; their first calls and the hook start together. Once the
 * calls are over the slots lead to the replacements, and after undo no longer. */
static void try_once(const struct graft_hook *hooks, unsigned try)
{
    unsigned early = 0;
    for (size_t i = 0; i < SLOTS; i++)
        *(volatile uintptr_t *)lazy[i].slot = lazy[i].stub;
    struct graft_plan *plan = hook_plan(hooks, FUNCTIONS);
    turn_of = try;
    order_give(&order);
    while (!order.started)
        ;
    fixture_apply(plan);
    for (int i = 0; !order.answered && i < 10000; i++)
        usleep(10);
    for (int i = 0; any_unhooked() && i < 5; i++)
        usleep(1000);
    for (size_t i = 0; i < SLOTS; i++) {
        totals.lost += fixture_word(lazy[i].slot) != lazy[i].wrap;
        early += lazy[i].answer == PROBE_DUPLICATE;
        totals.broken += lazy[i].answer != PROBE_DUPLICATE && lazy[i].answer != PROBE_DUPLICATE + 16;
    }
    totals.unhooked += early;
    /* The calls that came too early wait longer next time, and the other way. */
    aim = early > SLOTS / 2 ? aim + aim / 16 + 200 : aim - aim / 16;
    order.delay = aim + try * 37 % 400;
    fixture_undo(plan);
    for (size_t i = 0; i < SLOTS; i++)
        totals.left += fixture_word(lazy[i].slot) == lazy[i].wrap;
    graft_plan_free(plan);
}

static void no_hook_is_lost_to_the_resolver_in_ten_thousand_first_calls(void **state)
{
    const unsigned tries = is_soak() ? 6250 : is_slow() ? 10 : 313;
    struct graft_hook hooks[FUNCTIONS];
    (void)state;
    for (size_t c = 0; c < CONSUMERS; c++)
        fixture_open(lazy_consumers[c], RTLD_LAZY);
    hook_warm_up();
    for (size_t i = 0; i < FUNCTIONS; i++)
        hooks[i] = (struct graft_hook)HOOK(functions[i].symbol, functions[i].wrap, functions[i].next, "libfixdup.so");
    struct graft_plan *plan = hook_plan(hooks, FUNCTIONS);
    for (size_t i = 0; i < SLOTS; i++)
        find_lazy_slot(&lazy[i], lazy_consumers[i % CONSUMERS], &functions[i / CONSUMERS], plan);
    graft_plan_free(plan);
    order_begin(&order);
    for (unsigned i = 0; i < tries; i++)
        try_once(hooks, i);
    order_end(&order);
    printf("%u first calls: %u before the hook, %u lost, %u left in, %u broken\n", tries * SLOTS, totals.unhooked,
           totals.lost, totals.left, totals.broken);
    assert_int_equal(totals.lost, 0);
    assert_int_equal(totals.left, 0);
    assert_int_equal(totals.broken, 0);
    if (!is_slow())                             /* they did meet */
        assert_in_range(totals.unhooked, 1, tries * SLOTS - 1);
}

/* A slot that only the loader can tell the function of (two definers, one of them opened
 * RTLD_GLOBAL) is bound by it to the replacement, which the symbol table gives: a thread
 * that is in the resolver while the hook goes must not leave it there. */
static void no_hook_stays_behind_in_a_slot_that_the_loader_binds(void **state)
{
    const unsigned tries = is_soak() ? 20000 : is_slow() ? 10 : 150;
    struct graft_hook hook = HOOK("fix_call", add_sixteen, &next, "libfixhost.so");
    unsigned left = 0, early = 0, broken = 0;
    (void)state;
    fixture_provider("libfixhost.so", RTLD_GLOBAL);
    fixture_open(lazy_consumers[0], RTLD_LAZY);
    struct graft_hook own = HOOK("fix_call", add_thirty_two, &second_next, "libfixdup.so");
    struct graft_plan *both = hook_plan((struct graft_hook[]){ hook, own }, 2);
    uintptr_t slot = 0, stub = 0;
    for (size_t k = 0; k < graft_plan_count(both); k++) {
        const struct graft_edit *edit = graft_plan_edit(both, k);
        if (edit->kind == GRAFT_SLOT_JUMP_SLOT && strstr(edit->object, "libconsumer")) {
            slot = edit->slot;
            stub = edit->old_value;
        }
    }
    graft_plan_free(both);
    assert_true(slot && stub);
    for (size_t i = 0; i < SLOTS; i++)
        *(void **)&lazy[i].call = dlsym(fixture_open(lazy_consumers[0], RTLD_LAZY), "consumer_call");
    order_begin(&order);
    for (unsigned i = 0; i < tries; i++) {
        *(volatile uintptr_t *)slot = stub;
        struct graft_plan *plan = hook_apply(&hook, 1);
        order_give(&order);
        while (!order.started)
            ;
        fixture_undo(plan);
        while (!order.answered)
            sched_yield();
        for (int k = 0; fixture_word(slot) == (uintptr_t)add_sixteen && k < 5; k++)
            usleep(1000);
        left += fixture_word(slot) == (uintptr_t)add_sixteen;
        for (size_t k = 0; k < SLOTS; k++) {
            early += lazy[k].answer == PROBE_PROVIDER + 16;
            broken += lazy[k].answer != PROBE_PROVIDER && lazy[k].answer != PROBE_PROVIDER + 16;
        }
        bool hooked_at_last = lazy[(turn_of + SLOTS - 1) % SLOTS].answer != PROBE_PROVIDER;
        aim = hooked_at_last ? aim + aim / 16 + 200 : aim - aim / 16;
        order.delay = aim + i * 37 % 400;
        graft_plan_free(plan);
    }
    order_end(&order);
    printf("%u tries: %u calls hooked, %u slots left, %u broken\n", tries, early, left, broken);
    assert_int_equal(left, 0);
    assert_int_equal(broken, 0);
}

/* ---- libraries come and go ------------------------------------------------------------------------ */

static int (*serve_next)(int), (*serve_second)(int);

static int add_thousand(int x) { return serve_next(x) + 1000; }
static int add_ten_thousand(int x) { return serve_second(x) + 10000; }

static bool is_right(int answer_of_serve)
{
    int rest = answer_of_serve - 21;
    return rest == 0 || rest == 1000 || rest == 10000 || rest == 11000;
}

static void *open_and_close(void *arg)
{
    static const char *const files[] = { "libuser_lazy.so", "libuser_now.so", "libuser_lld.so", "libuser_mold.so" };
    for (unsigned i = (unsigned)(size_t)arg; !stop; i++) {
        void *user = dlopen(hook_path(files[i % 4]), i % 3 ? RTLD_LAZY : RTLD_NOW);
        if (!user) {
            wrong++;
            continue;
        }
        int (*serve)(int) = (int (*)(int))dlsym(user, "user_serve");
        int (*pointer)(int) = (int (*)(int))dlsym(user, "user_pointer");
        for (int k = 0; k < 20; k++)
            wrong += !is_right(serve(2)) || !is_right(pointer(2));
        wrong += dlclose(user) != 0;
        made++;
    }
    return NULL;
}

/* The definer may be gone between plan and apply: then the plan is stale. */
static void storm(bool pinned)
{
    enum { THREADS = 4 };
    const int rounds = is_soak() ? 100000 : is_slow() ? 20 : 400;
    pthread_t thread[THREADS];
    alarm(is_soak() ? 3000 : 100);
    void *user = pinned ? hook_open("libuser_now.so", RTLD_NOW) : NULL;
    hook_warm_up();
    for (size_t i = 0; i < THREADS; i++)
        start(&thread[i], 1, open_and_close, (void *)i);
    for (int i = 0; i < rounds; i++) {
        struct graft_hook hooks[2] = { HOOK("serve", add_thousand, &serve_next, "libserve1.so"),
                                       HOOK("serve", add_ten_thousand, &serve_second, "libserve1.so") };
        struct graft_error error;
        struct graft_plan *plan = NULL;
        hooks[0].flags = hooks[1].flags = GRAFT_HOOK_LATE;
        int result = graft_plan_hook(&plan, hooks, 2, &error);
        if (result)
            fail_msg("%s", error.text);
        result = graft_plan_apply(plan, &error);
        if (result && result != -GRAFT_ESTALE)
            fail_msg("%s", error.text);
        if (!result && user)
            wrong += hook_function(user, "user_serve")(2) != 11021;
        if (!result && i % 4 == 0)
            usleep(500);
        if (!result)
            fixture_undo(plan);
        graft_plan_free(plan);
        if (user)
            wrong += hook_function(user, "user_serve")(2) != 21;
    }
    join(thread, THREADS);
    printf("%lu libraries opened, %lu wrong\n", made, wrong);
    assert_true(made > 20);
    assert_int_equal(wrong, 0);
    assert_int_equal(hook_count(), 0);
    void *last = hook_open("libuser_lazy.so", RTLD_LAZY);
    assert_int_equal(hook_function(last, "user_serve")(2), 21);
}

static void hooks_come_and_go_while_callers_are_loaded_and_unloaded(void **state)
{
    (void)state;
    storm(true);
}

static void hooks_come_and_go_while_their_function_is_loaded_and_unloaded(void **state)
{
    (void)state;
    storm(false);
}

/* A namespace brings a libc of its own, with gates of its own. One at a time: glibc gives
 * static TLS back only where the last that came goes first. */
static int five_thousand(int x) { return x + 5000; }

static void *open_namespaces(void *arg)
{
    const char *file = hook_path("libuser_now.so");
    while (!stop) {
        void *user = dlmopen(LM_ID_NEWLM, file, RTLD_NOW);
        if (!user) {
            wrong++;
            break;
        }
        int (*serve)(int) = (int (*)(int))dlsym(user, "user_serve");
        void *(*lookup)(void *, const char *) = (void *(*)(void *, const char *))dlsym(user, "user_lookup");
        for (int k = 0; k < 10; k++) {
            int (*found)(int) = (int (*)(int))lookup(RTLD_DEFAULT, "serve");
            int one = serve(2), other = found ? found(2) : -1;
            wrong += (one != 21 && one != 5002) || (other != 21 && other != 5002);
        }
        wrong += dlclose(user) != 0;
        made++;
    }
    return arg;
}

static void hooks_come_and_go_while_namespaces_do(void **state)
{
    const int rounds = is_slow() ? 20 : 300;
    pthread_t thread;
    (void)state;
    alarm(100);
    hook_warm_up();
    start(&thread, 1, open_namespaces, NULL);
    for (int i = 0; i < rounds; i++) {
        struct graft_hook hook = HOOK("serve", five_thousand, NULL, NULL);
        hook.flags = GRAFT_HOOK_LATE;
        struct graft_plan *plan = hook_plan(&hook, 1);
        int result = graft_plan_apply(plan, NULL);
        wrong += result && result != -GRAFT_ESTALE;
        usleep(i % 4 * 200);
        if (!result)
            fixture_undo(plan);
        graft_plan_free(plan);
    }
    join(&thread, 1);
    printf("%lu namespaces, %lu wrong\n", made, wrong);
    assert_true(made > 4);
    assert_int_equal(wrong, 0);
    assert_int_equal(hook_count(), 0);
}

/* The hook is for one caller, which is not inside it when its library goes: what a call
 * under way may still be in, nobody can close. */
static void replacements_are_closed_while_libraries_come_and_go(void **state)
{
    const int rounds = is_slow() ? 20 : 300;
    pthread_t thread[2];
    (void)state;
    alarm(100);
    void *user = hook_open("libuser_runpath.so", RTLD_NOW);
    start(thread, 2, open_and_close, NULL);
    for (int i = 0; i < rounds; i++) {
        void *replacing = hook_open("librepl.so", RTLD_NOW);
        void *with = dlsym(replacing, "repl_serve");
        struct graft_hook hook = HOOK("serve", with, dlsym(replacing, "repl_original"), "libserve1.so");
        assert_int_equal(hook_function(user, "user_serve")(2), 21);
        hook.in = "libuser_runpath.so";
        int result = -GRAFT_ESTALE;
        for (int try = 0; try < 50 && result; try++) {
            struct graft_plan *plan = hook_plan(&hook, 1);
            result = graft_plan_apply(plan, NULL);
            graft_plan_free(plan);
        }
        assert_int_equal(result, 0);
        assert_int_equal(hook_function(user, "user_serve")(2), 1021);
        if (i % 2)
            assert_int_equal(graft_hook_enable("serve", with, 0), 0);
        dlclose(replacing);
        assert_int_equal(hook_function(user, "user_serve")(2), 21);
        assert_int_equal(hook_count(), 0);
    }
    join(thread, 2);
    assert_int_equal(wrong, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_answer_is_wrong_while_hooks_come_and_go_under_eight_calling_threads),
        cmocka_unit_test(disabling_and_enabling_under_eight_calling_threads_makes_no_wrong_answer),
        cmocka_unit_test(four_threads_hook_one_function_at_once),
        cmocka_unit_test(fork_in_the_middle_of_hooking_leaves_the_child_usable),
        cmocka_unit_test(no_hook_is_lost_to_the_resolver_in_ten_thousand_first_calls),
        cmocka_unit_test(no_hook_stays_behind_in_a_slot_that_the_loader_binds),
        cmocka_unit_test(hooks_come_and_go_while_callers_are_loaded_and_unloaded),
        cmocka_unit_test(hooks_come_and_go_while_their_function_is_loaded_and_unloaded),
        cmocka_unit_test(hooks_come_and_go_while_namespaces_do),
        cmocka_unit_test(replacements_are_closed_while_libraries_come_and_go),
    };
    return each_in_a_process(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
