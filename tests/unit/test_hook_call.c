/* SPDX-License-Identifier: MIT */
/* What passes through a replacement: arguments and results of every class, variadic
 * ones, signals, fork, longjmp, C++ exceptions. A call costs nothing in between, so
 * that nothing can be lost: these tests hold that. */

#include "hook_fixture.h"
#include "process.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixtures/hook/shapes.h"

static volatile unsigned counted;

/* ---- shapes ---------------------------------------------------------------------------- */

#define WRAP(result, name, declare, pass) \
    static __typeof__(&shape_##name) next_##name; \
    static result wrap_##name declare { counted++; return next_##name pass; }

WRAP(struct small, small, (struct small s), (s))
WRAP(struct mixed, mixed, (struct mixed m, int x), (m, x))
WRAP(struct large, large, (struct large l, int x), (l, x))
WRAP(struct vector, vector, (struct vector v), (v))
WRAP(union either, either, (union either e), (e))
WRAP(long double, long_double, (long double a, long double b), (a, b))
WRAP(double complex, complex, (double complex c), (c))
WRAP(double, twelve, (int a, double b, int c, double d, int e, double f, int g, double h, int i, double j, int k, double l,
                      int m, double n, int o, double p, int q, double r, int s, double t, int u, double v, int w, double x),
     (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x))
WRAP(__int128, int128, (__int128 a, __int128 b), (a, b))

/* A variadic one goes on to what takes a va_list, or reads its arguments and makes the
 * call again. */
static int (*next_sum)(int, ...), (*sum_list)(int, va_list);

static int wrap_sum(int count, ...)
{
    va_list list;
    counted++;
    va_start(list, count);
    int sum = sum_list(count, list);
    va_end(list);
    return sum;
}

static double (*next_variadic_double)(int, ...);

static double wrap_variadic_double(int count, ...)
{
    double d[10] = { 0 };
    va_list list;
    counted++;
    va_start(list, count);
    for (int i = 0; i < count && i < 10; i++)
        d[i] = va_arg(list, double);
    va_end(list);
    return next_variadic_double(count, d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7], d[8], d[9]);
}

static const struct { const char *symbol; void *wrap; void **next; } shapes[] = {
#define SHAPE(name) { #name, (void *)wrap_##name, (void **)&next_##name }
    SHAPE(small), SHAPE(mixed), SHAPE(large), SHAPE(vector), SHAPE(either), SHAPE(long_double), SHAPE(complex),
    SHAPE(twelve), SHAPE(int128), SHAPE(sum), SHAPE(variadic_double),
#undef SHAPE
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static void check_shapes(void *user, unsigned times)
{
    for (size_t i = 0; i < SHAPES; i++) {
        char name[64];
        snprintf(name, sizeof name, "user_shape_%s", shapes[i].symbol);
        unsigned before = counted;
        for (int n = -3; n < 1000; n += 77)
            if (!hook_function(user, name)(n))
                fail_msg("%s(%d)", name, n);
        if (!times != (counted == before))
            fail_msg("%s was counted %u times", name, counted - before);
    }
}

static void arguments_and_results_of_every_class_pass_through(void **state)
{
    struct graft_hook hooks[SHAPES];
    char names[SHAPES][64];
    (void)state;
    void *user = hook_open("libshapes_user.so", RTLD_LAZY), *library = hook_open("libshapes.so", RTLD_LAZY);
    *(void **)&sum_list = dlsym(library, "shape_sum_list");
    check_shapes(user, 0);
    for (size_t i = 0; i < SHAPES; i++) {
        snprintf(names[i], sizeof names[i], "shape_%s", shapes[i].symbol);
        hooks[i] = (struct graft_hook)HOOK(names[i], shapes[i].wrap, shapes[i].next, "libshapes.so");
    }
    struct graft_plan *plan = hook_apply(hooks, SHAPES);
    check_shapes(user, 1);
    hook_remove(plan);
    check_shapes(user, 0);
}

static int (*next_snprintf)(char *, size_t, const char *, ...);

static int wrap_snprintf(char *to, size_t size, const char *format, ...)
{
    va_list list;
    counted++;
    va_start(list, format);
    int length = vsnprintf(to, size, format, list);
    va_end(list);
    return length;
}

static void printf_is_hooked_with_all_that_it_prints(void **state)
{
    char text[200];
    (void)state;
    assert_int_equal(graft_hook("snprintf", (void *)wrap_snprintf, (void **)&next_snprintf), 0);
    snprintf(text, sizeof text, "%d %s %.3f %Lg %c %ld %g %g %g %g %g %g %g %g %d %x %llu", 1, "two", 3.0, 4.0L,
             '5', 6L, .7, .8, .9, 1., 1.1, 1.2, 1.3, 1.4, 15, 16, 17ull);
    assert_int_equal(graft_unhook("snprintf", (void *)wrap_snprintf), 0);
    assert_string_equal(text, "1 two 3.000 4 5 6 0.7 0.8 0.9 1 1.1 1.2 1.3 1.4 15 10 17");
    assert_int_equal(counted, 1);
}

/* ---- signals, fork, leaving early ---------------------------------------------------------- */

static int (*next)(int), (*user_serve)(int);

static int add_thousand(int x)
{
    counted++;
    return next(x) + 1000;
}

static void *hook_serve(void)
{
    void *user = hook_open("libuser_lazy.so", RTLD_LAZY);
    user_serve = hook_function(user, "user_serve");
    struct graft_hook hook = HOOK("serve", add_thousand, &next, "libserve1.so");
    graft_plan_free(hook_apply(&hook, 1));
    return user;
}

static volatile sig_atomic_t answer, signals;

static void handle(int signal)
{
    (void)signal;
    answer = user_serve(2);
    signals = signals + 1;
}

static void a_signal_handler_calls_through_the_hook(void **state)
{
    (void)state;
    hook_serve();
    struct sigaction action = { .sa_handler = handle };
    sigaction(SIGUSR1, &action, NULL);
    for (int i = 0; i < 100; i++) {
        answer = 0;
        raise(SIGUSR1);
        assert_int_equal(answer, 1021);
    }
    assert_int_equal(graft_unhook("serve", add_thousand), 0);
    raise(SIGUSR1);
    assert_int_equal(answer, 21);
}

/* Signals arrive while hooks come and go, and inside calls of the replacement. */
static void signals_interrupt_hooking_without_a_wrong_answer(void **state)
{
    int wrong = 0;
    (void)state;
    hook_serve();
    struct sigaction action = { .sa_handler = handle, .sa_flags = SA_RESTART };
    sigaction(SIGALRM, &action, NULL);
    ualarm(200, 200);
    for (int i = 0; i < 2000 || signals < 20; i++) {
        assert_int_equal(graft_unhook("serve", add_thousand), 0);
        wrong += user_serve(2) != 21;
        assert_int_equal(graft_hook("serve", add_thousand, (void **)&next), 0);
        wrong += user_serve(2) != 1021;
        wrong += answer && answer != 21 && answer != 1021;
    }
    ualarm(0, 0);
    assert_int_equal(wrong, 0);
}

static void a_child_of_fork_has_the_hooks_and_may_change_them(void **state)
{
    int status;
    (void)state;
    hook_serve();
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        alarm(20);
        if (user_serve(2) != 1021 || graft_unhook("serve", add_thousand) || user_serve(2) != 21
            || graft_hook("serve", add_thousand, (void **)&next) || user_serve(2) != 1021)
            _exit(1);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(user_serve(2), 1021);
    assert_int_equal(graft_unhook("serve", add_thousand), 0);
    assert_int_equal(user_serve(2), 21);
}

static jmp_buf escape;
static int (*next_bounce)(int, int (*)(int));

static int wrap_bounce(int x, int (*back)(int))
{
    counted++;
    return next_bounce(x, back) + 10000;
}

static int jump(int x)
{
    longjmp(escape, x);
}

static int come_back(int x)
{
    return x * 7;
}

static void longjmp_across_a_replacement_leaves_the_hook_in_order(void **state)
{
    (void)state;
    void *user = hook_open("libuser_now.so", RTLD_NOW);
    int (*bounce)(int, int (*)(int)) = (int (*)(int, int (*)(int)))dlsym(user, "user_bounce");
    struct graft_hook hook = HOOK("bounce", wrap_bounce, &next_bounce, "libserve1.so");
    struct graft_plan *plan = hook_apply(&hook, 1);
    for (volatile int i = 1; i < 50; i++) {
        int jumped = setjmp(escape);
        if (!jumped) {
            bounce(i, jump);
            fail_msg("came back");
        }
        assert_int_equal(jumped, i);
        assert_int_equal(bounce(i, come_back), 7 * i + 1 + 100 + 10000);
    }
    assert_int_equal(counted, 98);
    hook_remove(plan);
    assert_int_equal(bounce(3, come_back), 21 + 1 + 100);
}

/* ---- C++ ------------------------------------------------------------------------------------ */

static void (*next_throw)(void *, void *, void (*)(void *));

static void wrap_throw(void *object, void *type, void (*destructor)(void *))
{
    counted += 100;
    next_throw(object, type, destructor);
}

static void an_exception_crosses_the_replacement(void **state)
{
    (void)state;
    void *catching = hook_open("libcatch.so", RTLD_LAZY);
    int (*catches)(int) = hook_function(catching, "catches");
    assert_int_equal(catches(7), 701);
    struct graft_hook hook = HOOK("throws", add_thousand, &next, "libthrow.so");
    struct graft_plan *plan = hook_apply(&hook, 1);
    assert_int_equal(catches(1), 1002);
    assert_int_equal(catches(7), 703);              /* caught; its scopes were left */
    assert_int_equal(counted, 2);
    hook_remove(plan);
    assert_int_equal(catches(1), 2);
    assert_int_equal(catches(7), 705);
}

static void throwing_itself_is_hooked(void **state)
{
    (void)state;
    void *catching = hook_open("libcatch.so", RTLD_LAZY);
    int (*catches)(int) = hook_function(catching, "catches");
    struct graft_hook hook = HOOK("__cxa_throw", wrap_throw, &next_throw, NULL);
    struct graft_plan *plan = hook_apply(&hook, 1);
    assert_int_equal(catches(7), 701);
    assert_int_equal(counted, 100);
    assert_int_equal(catches(1), 2);
    assert_int_equal(catches(7), 703);
    assert_int_equal(counted, 200);
    hook_remove(plan);
    assert_int_equal(catches(7), 704);
    assert_int_equal(counted, 200);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_and_results_of_every_class_pass_through),
        cmocka_unit_test(printf_is_hooked_with_all_that_it_prints),
        cmocka_unit_test(a_signal_handler_calls_through_the_hook),
        cmocka_unit_test(signals_interrupt_hooking_without_a_wrong_answer),
        cmocka_unit_test(a_child_of_fork_has_the_hooks_and_may_change_them),
        cmocka_unit_test(longjmp_across_a_replacement_leaves_the_hook_in_order),
        cmocka_unit_test(an_exception_crosses_the_replacement),
        cmocka_unit_test(throwing_itself_is_hooked),
    };
    return each_in_a_process(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
