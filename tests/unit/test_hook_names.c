/* SPDX-License-Identifier: MIT */
/* Which function is meant, and whose calls: definers, versions, callers, symbols of odd
 * kinds; replacements that call what they replace. */

#include "hook_serve.h"
#include "process.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int seven_hundred(int x)
{
    counted++;
    return 700 + x;
}

/* The program's own, before all libraries in the main scope. */
int visit(int);
__attribute__((visibility("default"))) int visit(int x) { return x * 10 + 3; }

static void *user, *other;

/* libuser_lazy.so calls libserve1.so; libserve2.so calls itself. */
static void open_both(void)
{
    user = hook_open("libuser_lazy.so", RTLD_LAZY);
    other = hook_open("libserve2.so", RTLD_NOW);
    hook_warm_up();
}

static void expect_unhooked(void)
{
    assert_int_equal(ask(user, "user_serve", 2), 21);
    assert_int_equal(ask(user, "user_pointer", 2), 21);
    assert_int_equal(ask(user, "user_table", 2), 21);
    assert_int_equal(ask(user, "user_twice", 2), 211);
    assert_int_equal(ask(other, "twice", 2), 222);
    assert_int_equal(ask(user, "user_visit", 2), 23);
    assert_int_equal(ask(user, "user_new", 2), 28);
    assert_int_equal(ask(user, "user_old", 2), 27);
    assert_int_equal(ask(user, "user_ifunc", 2), 2001);
    assert_int_equal(ask(user, "user_bare", 2), 4);
    assert_int_equal(ask(user, "user_protected", 2), 201);
    assert_int_equal(ask(user, "user_inside", 2), 3 + 1 + 201);
}

/* ---- definers ----------------------------------------------------------------------------- */

static void of_two_definers_the_named_one_is_hooked_and_the_other_left(void **state)
{
    (void)state;
    for (int which = 1; which <= 2; which++) {
        open_both();
        expect_unhooked();
        struct hook_bytes *before = hook_bytes_take();
        struct graft_hook hook = HOOK("serve", add_thousand, &next, which == 1 ? "libserve1.so" : "*/libserve2.so");
        struct graft_plan *plan = hook_apply(&hook, 1);
        assert_int_equal(ask(user, "user_serve", 2), which == 1 ? 1021 : 21);
        assert_int_equal(ask(user, "user_pointer", 2), which == 1 ? 1021 : 21);
        assert_int_equal(ask(user, "user_twice", 2), which == 1 ? 11211 : 211);
        assert_int_equal(ask(other, "twice", 2), which == 1 ? 222 : 11222);
        hook_remove(plan);
        expect_unhooked();
        hook_bytes_same(before);
    }
}

static void of_two_definers_neither_is_guessed_when_the_original_is_wanted(void **state)
{
    struct graft_error error;
    (void)state;
    open_both();
    struct graft_hook hook = HOOK("serve", add_thousand, &next, NULL);
    assert_int_equal(hook_refused(&hook, &error), -GRAFT_EAMBIG);
    assert_non_null(strstr(error.text, "libserve1.so"));
    assert_non_null(strstr(error.text, "libserve2.so"));
    assert_string_equal(error.symbol, "serve");
    hook.of = "libserve*.so";
    assert_int_equal(hook_refused(&hook, &error), -GRAFT_EAMBIG);
    assert_int_equal(graft_hook("serve", add_thousand, (void **)&next), -GRAFT_EAMBIG);
    expect_unhooked();
}

static void the_main_scopes_definer_is_taken_before_others(void **state)
{
    (void)state;
    open_both();
    assert_int_equal(graft_hook("visit", add_thousand, (void **)&next), 0);
    assert_ptr_equal(next, visit);
    assert_int_equal(ask(user, "user_visit", 2), 1023);
    assert_int_equal(ask(user, "user_table", 3), 1033);
    assert_int_equal(((int (*)(int))dlsym(other, "visit"))(2), 26);     /* libserve2.so's own: not hooked */
    assert_int_equal(graft_unhook("visit", add_thousand), 0);
    expect_unhooked();
}

static void without_an_original_all_definers_are_hooked_also_one_that_comes_later(void **state)
{
    (void)state;
    user = hook_open("libuser_lazy.so", RTLD_LAZY);
    assert_int_equal(graft_hook("serve", seven_hundred, NULL), 0);
    other = hook_open("libserve2.so", RTLD_NOW);
    assert_int_equal(ask(user, "user_serve", 2), 702);
    assert_int_equal(ask(user, "user_pointer", 2), 702);
    assert_int_equal(ask(user, "user_twice", 2), 1402);
    assert_int_equal(ask(other, "twice", 2), 1402);
    assert_int_equal(hook_count(), 2);              /* listed for each function */
    assert_int_equal(graft_unhook("serve", seven_hundred), 0);
    expect_unhooked();
    assert_int_equal(hook_count(), 0);
}

static void a_function_of_libc_is_hooked_for_everybody_the_program_too(void **state)
{
    (void)state;
    open_both();
    int here = getppid();
    int (*volatile pointer)(void) = getppid;
    assert_int_equal(graft_hook("getppid", add_thousand, (void **)&next), 0);
    assert_int_equal(getppid(), here + 1000);
    assert_int_equal(pointer(), here);              /* taken before: a local variable is no slot */
    assert_int_equal(((int (*volatile)(void))getppid)(), here + 1000);
    assert_int_equal(ask(user, "user_getppid", 1), here + 1001);
    assert_int_equal(graft_unhook("getppid", add_thousand), 0);
    assert_int_equal(getppid(), here);
    assert_int_equal(ask(user, "user_getppid", 1), here + 1);
}

/* ---- callers -------------------------------------------------------------------------------- */

/* Not resolved yet, and captured by a library that was opened RTLD_GLOBAL: where it will
 * lead only the loader knows. */
static void a_captured_lazy_caller_reaches_the_hook_of_its_captor_and_no_other(void **state)
{
    (void)state;
    for (int mode = 0; mode < 4; mode++) {
        int narrow = mode & 1, wrong_one = mode & 2;
        hook_open("libserve2.so", RTLD_NOW | RTLD_GLOBAL);
        user = hook_open("libuser_lazy.so", RTLD_LAZY);
        struct graft_hook hook = HOOK("serve_protected", add_thousand, &next, wrong_one ? "libserve1.so" : "libserve2.so");
        hook.in = narrow ? "libuser_lazy.so" : NULL;
        struct graft_plan *plan = hook_apply(&hook, 1);
        assert_int_equal(ask(user, "user_protected", 2), wrong_one ? 202 : 1202);
        assert_int_equal(ask(user, "user_protected", 2), wrong_one ? 202 : 1202);
        assert_int_equal(ask(user, "user_protected", 2), wrong_one ? 202 : 1202);
        hook_remove(plan);
        assert_int_equal(ask(user, "user_protected", 2), 202);
        assert_int_equal(ask(user, "user_protected", 2), 202);
        dlclose(user);
        assert_false(hook_is_loaded("libuser_lazy.so"));
    }
}

static void only_calls_of_the_named_callers_are_hooked(void **state)
{
    (void)state;
    open_both();
    void *resolved = hook_open("libuser_now.so", RTLD_NOW), *late = NULL;
    expect_unhooked();
    struct hook_bytes *before = hook_bytes_take();
    struct graft_hook hook = HOOK("serve", add_thousand, &next, "libserve1.so");
    hook.in = "libuser_now.so";
    struct graft_plan *plan = hook_apply(&hook, 1);
    assert_int_equal(ask(user, "user_serve", 2), 21);
    assert_int_equal(ask(user, "user_pointer", 2), 21);
    assert_int_equal(ask(user, "user_twice", 2), 211);
    assert_int_equal(ask(resolved, "user_serve", 2), 1021);
    assert_int_equal(ask(resolved, "user_table", 2), 1021);
    assert_int_equal(ask(resolved, "user_twice", 2), 211);      /* libserve1.so's own calls */
    late = hook_open("libuser_mold.so", RTLD_NOW);
    assert_int_equal(ask(late, "user_serve", 2), 21);
    hook_remove(plan);
    assert_int_equal(ask(resolved, "user_serve", 2), 21);
    expect_unhooked();
    hook.in = "libuser_mold.so,libserve1.so";
    plan = hook_apply(&hook, 1);
    assert_int_equal(ask(late, "user_serve", 2), 1021);
    assert_int_equal(ask(late, "user_twice", 2), 11211);
    assert_int_equal(ask(resolved, "user_serve", 2), 21);
    hook_remove(plan);
    expect_unhooked();
    hook_bytes_same(before);
}

static void the_programs_calls_alone_are_hooked(void **state)
{
    (void)state;
    open_both();
    int here = getppid();
    struct graft_hook hook = HOOK("getppid", add_thousand, &next, NULL);
    hook.in = "main";
    struct graft_plan *plan = hook_apply(&hook, 1);
    assert_int_equal(getppid(), here + 1000);
    assert_int_equal(ask(user, "user_getppid", 1), here + 1);
    hook_remove(plan);
    hook.in = "libuser_lazy.so";
    plan = hook_apply(&hook, 1);
    assert_int_equal(getppid(), here);
    assert_int_equal(ask(user, "user_getppid", 1), here + 1001);
    hook_remove(plan);
}

static int takes_this(const struct link_map *map, void *arg)
{
    return map == arg;
}

static void a_function_of_the_tool_chooses_the_callers(void **state)
{
    (void)state;
    open_both();
    void *resolved = hook_open("libuser_now.so", RTLD_NOW);
    struct link_map *map = NULL;
    assert_int_equal(dlinfo(resolved, RTLD_DI_LINKMAP, &map), 0);
    struct graft_hook hook = HOOK("serve", add_thousand, &next, "libserve1.so");
    hook.takes = takes_this;
    hook.takes_arg = map;
    struct graft_plan *plan = hook_apply(&hook, 1);
    assert_int_equal(ask(user, "user_serve", 2), 21);
    assert_int_equal(ask(resolved, "user_serve", 2), 1021);
    assert_int_equal(ask(resolved, "user_twice", 2), 211);
    hook_remove(plan);
    assert_int_equal(ask(resolved, "user_serve", 2), 21);
    expect_unhooked();
}

/* Whatever its priority is: those without must serve callers that it leaves out. */
static void a_hook_for_some_callers_comes_before_those_for_all(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        open_both();
        void *resolved = hook_open("libuser_now.so", RTLD_NOW);
        struct graft_hook some = HOOK("serve", add_thousand, &next, "libserve1.so");
        struct graft_hook all = HOOK("serve", add_ten_thousand, &second_next, "libserve1.so");
        some.in = "libuser_now.so";
        some.priority = -5;
        all.priority = 5;
        struct graft_plan *first = hook_apply(order ? &some : &all, 1), *second = hook_apply(order ? &all : &some, 1);
        assert_int_equal(ask(resolved, "user_serve", 2), 11021);
        assert_ptr_equal(next, add_ten_thousand);
        assert_int_equal(ask(user, "user_serve", 2), 10021);
        hook_remove(first);
        assert_int_equal(ask(resolved, "user_serve", 2), order ? 10021 : 1021);
        assert_int_equal(ask(user, "user_serve", 2), order ? 10021 : 21);
        hook_remove(second);
        assert_int_equal(ask(resolved, "user_serve", 2), 21);
        expect_unhooked();
    }
}

static void a_slot_that_two_sets_of_callers_claim_stays_with_the_first_and_the_plan_tells(void **state)
{
    (void)state;
    open_both();
    void *resolved = hook_open("libuser_now.so", RTLD_NOW);
    struct graft_hook hook = HOOK("serve", add_thousand, &next, "libserve1.so");
    struct graft_hook later = HOOK("serve", add_ten_thousand, &second_next, "libserve1.so");
    hook.in = "libuser_now.so";
    later.in = "libuser_*.so";
    struct graft_plan *first = hook_apply(&hook, 1), *second = hook_plan(&later, 1);
    size_t told = 0;
    for (size_t i = 0; i < graft_plan_count(second); i++)
        told += graft_plan_edit(second, i)->verdict == GRAFT_VERDICT_OVERLAP
             && strstr(graft_plan_edit(second, i)->object, "libuser_now.so");
    assert_true(told >= 2);
    fixture_apply(second);
    assert_int_equal(ask(resolved, "user_serve", 2), 1021);
    assert_int_equal(ask(user, "user_serve", 2), 10021);
    hook_remove(second);
    assert_int_equal(ask(resolved, "user_serve", 2), 1021);
    assert_int_equal(ask(user, "user_serve", 2), 21);
    hook_remove(first);
    assert_int_equal(ask(resolved, "user_serve", 2), 21);
    expect_unhooked();
}

/* ---- versions and odd symbols ------------------------------------------------------------------ */

static void each_version_is_a_function_of_its_own(void **state)
{
    struct graft_error error;
    (void)state;
    open_both();
    expect_unhooked();                              /* all slots are resolved now */
    struct hook_bytes *before = hook_bytes_take();
    struct graft_hook new = HOOK("serve_version", add_thousand, &next, "libserve1.so");
    struct graft_hook old = HOOK("serve_version", add_ten_thousand, &second_next, "libserve1.so");
    old.version = "SERVE_1";
    struct graft_plan *first = hook_apply(&new, 1);
    assert_int_equal(ask(user, "user_new", 2), 1028);
    assert_int_equal(ask(user, "user_old", 2), 27);
    struct graft_plan *second = hook_apply(&old, 1);
    assert_int_equal(ask(user, "user_new", 2), 1028);
    assert_int_equal(ask(user, "user_old", 2), 10027);
    assert_int_equal(next(2), 28);
    assert_int_equal(second_next(2), 27);
    hook_remove(first);
    assert_int_equal(ask(user, "user_new", 2), 28);
    assert_int_equal(ask(user, "user_old", 2), 10027);
    hook_remove(second);
    expect_unhooked();
    new.version = "SERVE_2";
    first = hook_apply(&new, 1);
    assert_int_equal(ask(user, "user_new", 2), 1028);
    assert_int_equal(ask(user, "user_old", 2), 27);
    hook_remove(first);
    new.version = "SERVE_9";
    assert_int_equal(hook_refused(&new, &error), -GRAFT_ENOFUNC);
    assert_non_null(strstr(error.text, "SERVE_9"));
    hook_bytes_same(before);
}

/* Not resolved yet, or resolved: the original is what the caller would have reached. */
static void the_original_is_the_function_that_would_have_run(void **state)
{
    static const struct { const char *symbol, *call; int answer; } kinds[] = {
        { "serve", "user_serve", 21 }, { "serve_ifunc", "user_ifunc", 2001 }, { "serve_bare", "user_bare", 4 },
        { "serve_protected", "user_protected", 201 } };
    (void)state;
    for (int warm = 0; warm < 2; warm++)
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
            user = hook_open("libuser_lazy.so", RTLD_LAZY);
            hook_warm_up();
            struct hook_bytes *before = hook_bytes_take();
            struct graft_hook hook = HOOK(kinds[i].symbol, add_thousand, &next, "libserve1.so");
            struct graft_plan *plan = hook_apply(&hook, 1);
            assert_int_equal(next(2), kinds[i].answer);
            if (warm)
                assert_int_equal(ask(user, kinds[i].call, 2), kinds[i].answer + 1000);
            assert_int_equal(next(2), kinds[i].answer);
            hook_remove(plan);
            if (!warm)
                hook_bytes_same(before);
            assert_int_equal(ask(user, kinds[i].call, 2), kinds[i].answer);
            assert_int_equal(next(2), kinds[i].answer);         /* for calls under way it stays right */
            dlclose(user);
            assert_false(hook_is_loaded("libuser_lazy.so"));
        }
}

static void what_has_no_slots_is_refused_with_the_reason(void **state)
{
    struct graft_error error;
    (void)state;
    open_both();
    struct graft_hook hook = HOOK("serve_hidden", add_thousand, &next, "libserve1.so");
    assert_int_equal(hook_refused(&hook, &error), -GRAFT_ENOFUNC);
    assert_non_null(strstr(error.text, "hidden"));
    assert_string_equal(error.symbol, "serve_hidden");
    hook.symbol = "serve_static";
    assert_int_equal(hook_refused(&hook, &error), -GRAFT_ENOFUNC);
    assert_non_null(strstr(error.text, "static"));
    hook.symbol = "serve_data";
    assert_int_equal(hook_refused(&hook, &error), -GRAFT_ETYPE);
    assert_non_null(strstr(error.text, "data"));
    hook.symbol = "errno";
    hook.of = NULL;
    assert_true(hook_refused(&hook, &error) == -GRAFT_ETYPE || error.code == -GRAFT_ENOFUNC);
    hook.symbol = "environ";
    assert_int_equal(hook_refused(&hook, &error), -GRAFT_ETYPE);
    assert_int_equal(graft_hook("environ", add_thousand, NULL), -GRAFT_ETYPE);
    expect_unhooked();
}

static void a_protected_function_is_hooked_for_callers_outside(void **state)
{
    (void)state;
    open_both();
    struct graft_hook hook = HOOK("serve_protected", add_thousand, &next, "libserve1.so");
    struct graft_plan *plan = hook_apply(&hook, 1);
    assert_int_equal(ask(user, "user_protected", 2), 1201);
    assert_int_equal(ask(user, "user_inside", 2), 3 + 1 + 201);     /* its own call is direct */
    hook_remove(plan);
    expect_unhooked();
}

static void *(*next_copy)(void *, const void *, size_t);
static time_t (*next_time)(time_t *);

static void *wrap_memcpy(void *to, const void *from, size_t size)
{
    counted++;
    return next_copy(to, from, size);
}

static time_t wrap_time(time_t *to)
{
    counted += 100;
    return next_time(to);
}

/* glibc's IFUNCs choose the same code for both: an address alone does not tell the name. */
static void two_names_of_one_code_are_hooked_apart(void **state)
{
    (void)state;
    void *heavy = hook_open("libheavy.so", RTLD_NOW);
    int here = getppid();
    struct graft_hook hook = HOOK("memcpy", wrap_memcpy, &next_copy, NULL);
    hook.in = "libheavy.so";
    struct graft_plan *plan = hook_apply(&hook, 1);
    assert_int_equal(hook_function(heavy, "heavy_memcpy")(7), '6');
    assert_int_equal(counted, 1);
    assert_int_equal(hook_function(heavy, "heavy_memmove")(7), '6');
    assert_int_equal(counted, 1);
    hook_remove(plan);
    hook.symbol = "memmove";
    plan = hook_apply(&hook, 1);
    assert_int_equal(hook_function(heavy, "heavy_memcpy")(7), '6');
    assert_int_equal(counted, 1);
    assert_int_equal(hook_function(heavy, "heavy_memmove")(7), '6');
    assert_int_equal(counted, 2);
    hook_remove(plan);
    assert_int_equal(hook_function(heavy, "heavy_memcpy")(7), '6');
    assert_int_equal(hook_function(heavy, "heavy_memmove")(7), '6');
    assert_int_equal(counted, 2);
    assert_int_equal(getppid(), here);
}

/* libc's time is an IFUNC that chooses a function of the kernel's object. */
static void a_function_of_the_vdso_is_hooked(void **state)
{
    (void)state;
    void *heavy = hook_open("libheavy.so", RTLD_NOW);
    assert_int_equal(graft_hook("time", (void *)wrap_time, (void **)&next_time), 0);
    assert_int_equal(hook_function(heavy, "heavy_time")(5), 5);
    assert_int_equal(counted, 100);
    assert_int_equal(graft_unhook("time", (void *)wrap_time), 0);
    assert_int_equal(hook_function(heavy, "heavy_time")(5), 5);
    assert_int_equal(counted, 100);
}

/* More than graft notes the exports of at once. */
static int add_to(int n)
{
    (void)n;
    counted++;
    return 5;
}

static void three_hundred_functions_are_hooked_by_one_plan(void **state)
{
    enum { MANY = 300 };
    static struct graft_hook hooks[MANY];
    static char names[MANY][16];
    (void)state;
    void *library = hook_open("libmany.so", RTLD_LAZY);
    void *early = hook_open("libmany_user.so", RTLD_LAZY);
    assert_int_equal(*(int *)dlsym(early, "many_sum"), (100 + 399) * 150);
    dlclose(early);
    hook_warm_up();
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "many_%d", 100 + i);
        hooks[i] = (struct graft_hook)HOOK(names[i], add_to, NULL, NULL);
    }
    for (int round = 0; round < 2; round++) {       /* what was put off once is put off again */
        struct hook_bytes *before = hook_bytes_take();
        struct graft_plan *plan = hook_apply(hooks, MANY);
        void *late = hook_open("libmany_user.so", RTLD_LAZY);
        int (*call)(int) = hook_function(late, "many_call");
        assert_int_equal(*(int *)dlsym(late, "many_sum"), 5 * MANY);
        counted = 0;
        for (int n = 100; n < 400; n++) {
            assert_int_equal(call(n), 5);
            assert_int_equal(call(n + 1000), 5);
        }
        assert_int_equal(counted, 2 * MANY);
        hook_remove(plan);
        for (int n = 100; n < 400; n++) {
            assert_int_equal(call(n), n);
            assert_int_equal(call(n + 1000), n);
        }
        assert_int_equal(counted, 2 * MANY);
        hook_bytes_same(before);
        dlclose(late);
    }
    dlclose(library);
}

/* ---- around in circles --------------------------------------------------------------------------- */

static void two_functions_are_swapped(void **state)
{
    (void)state;
    for (int mode = 0; mode < 3; mode++) {
        user = hook_open("libuser_now.so", RTLD_NOW);
        void *library = hook_open("libserve1.so", RTLD_NOW | RTLD_NOLOAD);
        void *serve = dlsym(library, "serve"), *bare = dlsym(library, "serve_bare");
        hook_warm_up();
        struct hook_bytes *before = hook_bytes_take();
        struct graft_hook hooks[2] = { HOOK("serve", bare, &next, "libserve1.so"),
                                       HOOK("serve_bare", serve, &second_next, "libserve1.so") };
        struct graft_plan *plan[2] = { hook_apply(hooks, mode ? 1 : 2), mode ? hook_apply(&hooks[1], 1) : NULL };
        assert_int_equal(ask(user, "user_serve", 4), 8);
        assert_int_equal(ask(user, "user_pointer", 4), 8);
        assert_int_equal(ask(user, "user_twice", 4), 16);
        assert_int_equal(ask(user, "user_bare", 4), 41);
        assert_int_equal(next(4), 41);
        assert_int_equal(second_next(4), 8);
        if (mode) {
            hook_remove(plan[mode - 1]);
            assert_int_equal(ask(user, "user_serve", 4), mode == 1 ? 41 : 8);
            assert_int_equal(ask(user, "user_bare", 4), mode == 1 ? 41 : 8);
            hook_remove(plan[2 - mode]);
        } else
            hook_remove(plan[0]);
        assert_int_equal(ask(user, "user_serve", 4), 41);
        assert_int_equal(ask(user, "user_bare", 4), 8);
        hook_bytes_same(before);
    }
}

/* Wrappers written for LD_PRELOAD: what comes next is asked for by name, each time. */
static int asks_for_the_next(int x)
{
    int (*volatile real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "getppid");
    counted++;
    return real(x) + 1000;
}

static int asks_as_well(int x)
{
    int (*volatile real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "getppid");
    counted++;
    return real(x) + 10000;
}

static void a_replacement_that_asks_rtld_next_gets_what_is_behind_it(void **state)
{
    (void)state;
    int here = getppid();
    for (int original = 0; original < 2; original++) {
        counted = 0;
        assert_int_equal(graft_hook("getppid", asks_for_the_next, original ? (void **)&next : NULL), 0);
        assert_int_equal(getppid(), here + 1000);
        assert_int_equal(counted, 1);
        assert_int_equal(graft_unhook("getppid", asks_for_the_next), 0);
        assert_int_equal(getppid(), here);
    }
}

static int asks_nobody(int x)
{
    (void)x;
    return 7;
}

/* Two of them in one library: who asks is told by the function, not by the library. */
static void two_replacements_of_one_library_that_ask_rtld_next_are_called_once_each(void **state)
{
    (void)state;
    int here = getppid();
    assert_int_equal(graft_hook("getppid", asks_for_the_next, (void **)&next), 0);
    assert_int_equal(graft_hook("getppid", asks_as_well, (void **)&second_next), 0);
    assert_int_equal(getppid(), here + 11000);
    assert_int_equal(counted, 2);
    assert_int_equal(graft_unhook("getppid", asks_for_the_next), 0);
    assert_int_equal(getppid(), here + 10000);
    assert_int_equal(graft_unhook("getppid", asks_as_well), 0);
}

/* In a chain for some callers the last one is followed by what all others meet first; the
 * library that asks need not be one of those callers. */
static void a_replacement_for_some_callers_that_asks_rtld_next_gets_the_one_for_all(void **state)
{
    struct graft_hook some = HOOK("serve", NULL, NULL, "libserve1.so"), all = HOOK("serve", NULL, NULL, "libserve1.so");
    (void)state;
    void *library = hook_open("libuser_now.so", RTLD_NOW), *asking = hook_open("libasks.so", RTLD_NOW | RTLD_GLOBAL);
    int (*serve)(int) = hook_function(library, "user_serve");
    int plain = serve(2);
    some.replacement = dlsym(asking, "asks_serve");
    all.replacement = (void *)asks_nobody;
    for (int asks_too = 0; asks_too < 2; asks_too++) {
        some.in = asks_too ? "libuser_now.so, libasks.so" : "libuser_now.so";
        struct graft_plan *narrow = hook_apply(&some, 1), *wide = hook_apply(&all, 1);
        assert_int_equal(serve(2), 7 + 1000);
        hook_remove(wide);
        assert_int_equal(serve(2), plain + 1000);
        hook_remove(narrow);
        assert_int_equal(serve(2), plain);
    }
}

static __thread struct graft_guard guard;
static volatile unsigned depth, deepest;
static void *escape[5];

static int calls_what_it_replaces(int x)
{
    if (!graft_guard_enter(&guard))
        return next(x);
    counted++;
    deepest = ++depth > deepest ? depth : deepest;
    int here = getppid() + getppid();               /* through the program's own slot: to here again */
    depth--;
    graft_guard_leave(&guard);
    return here;
}

static void a_replacement_may_call_the_hooked_name_behind_a_guard(void **state)
{
    (void)state;
    int here = getppid();
    assert_int_equal(graft_hook("getppid", calls_what_it_replaces, (void **)&next), 0);
    for (unsigned i = 1; i <= 10; i++) {
        assert_int_equal(getppid(), 2 * here);
        assert_int_equal(counted, i);
    }
    assert_int_equal(deepest, 1);
    assert_int_equal(graft_unhook("getppid", calls_what_it_replaces), 0);
    assert_int_equal(getppid(), here);
}

static int leaves_by_longjmp(int x)
{
    if (!graft_guard_enter(&guard))
        return next(x);
    counted++;
    __builtin_longjmp(escape, 1);
}

__attribute__((noinline)) static int jump_out(void)
{
    if (__builtin_setjmp(escape))
        return 1;
    (void)getppid();
    return 0;
}

static void a_guard_that_longjmp_left_taken_is_free_again(void **state)
{
    (void)state;
    assert_int_equal(graft_hook("getppid", leaves_by_longjmp, (void **)&next), 0);
    for (unsigned i = 1; i <= 5; i++) {
        assert_int_equal(jump_out(), 1);
        assert_int_equal(counted, i);
    }
    assert_int_equal(graft_unhook("getppid", leaves_by_longjmp), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_two_definers_the_named_one_is_hooked_and_the_other_left),
        cmocka_unit_test(of_two_definers_neither_is_guessed_when_the_original_is_wanted),
        cmocka_unit_test(the_main_scopes_definer_is_taken_before_others),
        cmocka_unit_test(without_an_original_all_definers_are_hooked_also_one_that_comes_later),
        cmocka_unit_test(a_function_of_libc_is_hooked_for_everybody_the_program_too),
        cmocka_unit_test(a_captured_lazy_caller_reaches_the_hook_of_its_captor_and_no_other),
        cmocka_unit_test(only_calls_of_the_named_callers_are_hooked),
        cmocka_unit_test(the_programs_calls_alone_are_hooked),
        cmocka_unit_test(a_function_of_the_tool_chooses_the_callers),
        cmocka_unit_test(a_hook_for_some_callers_comes_before_those_for_all),
        cmocka_unit_test(a_slot_that_two_sets_of_callers_claim_stays_with_the_first_and_the_plan_tells),
        cmocka_unit_test(each_version_is_a_function_of_its_own),
        cmocka_unit_test(the_original_is_the_function_that_would_have_run),
        cmocka_unit_test(what_has_no_slots_is_refused_with_the_reason),
        cmocka_unit_test(a_protected_function_is_hooked_for_callers_outside),
        cmocka_unit_test(two_names_of_one_code_are_hooked_apart),
        cmocka_unit_test(a_function_of_the_vdso_is_hooked),
        cmocka_unit_test(three_hundred_functions_are_hooked_by_one_plan),
        cmocka_unit_test(a_replacement_that_asks_rtld_next_gets_what_is_behind_it),
        cmocka_unit_test(two_replacements_of_one_library_that_ask_rtld_next_are_called_once_each),
        cmocka_unit_test(a_replacement_for_some_callers_that_asks_rtld_next_gets_the_one_for_all),
        cmocka_unit_test(two_functions_are_swapped),
        cmocka_unit_test(a_replacement_may_call_the_hooked_name_behind_a_guard),
        cmocka_unit_test(a_guard_that_longjmp_left_taken_is_free_again),
    };
    return each_in_a_process(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
