/* SPDX-License-Identifier: MIT */
/* Libraries that come and go under hooks: functions that are not there yet, constructors,
 * reopened libraries, replacements that go, namespaces, and what dlsym answers. */

#include "hook_serve.h"
#include "process.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void expect_user(void *user, int more)
{
    assert_int_equal(ask(user, "user_serve", 2), 21 + more);
    assert_int_equal(ask(user, "user_pointer", 2), 21 + more);
    assert_int_equal(ask(user, "user_table", 2), 21 + more);
    assert_int_equal(ask(user, "user_twice", 2), (21 + more) * 10 + 1 + more);
    assert_int_equal(ask(user, "user_visit", 2), 25);
}

static const struct { const char *file; int mode; } variants[] = {
    { "libuser_lazy.so", RTLD_LAZY }, { "libuser_lazy.so", RTLD_NOW }, { "libuser_now.so", RTLD_NOW },
    { "libuser_lld.so", RTLD_LAZY }, { "libuser_mold.so", RTLD_LAZY } };
enum { VARIANTS = sizeof variants / sizeof variants[0] };

/* ---- before the function is there ----------------------------------------------------------- */

static void a_hook_waits_for_its_function(void **state)
{
    (void)state;
    for (size_t v = 0; v < VARIANTS; v++) {
        struct graft_hook hook = HOOK("serve", add_thousand, &next, NULL);
        struct graft_error error;
        assert_int_equal(hook_refused(&hook, &error), -GRAFT_ENOFUNC);
        hook.flags = GRAFT_HOOK_LATE;
        next = NULL;
        struct graft_plan *plan = hook_apply(&hook, 1);
        assert_null(next);
        assert_int_equal(hook_count(), 1);
        void *user = hook_open(variants[v].file, variants[v].mode);
        assert_non_null(next);
        expect_user(user, 1000);
        hook_remove(plan);
        expect_user(user, 0);
        dlclose(user);
        assert_false(hook_is_loaded("libserve1.so"));
        assert_int_equal(hook_count(), 0);
    }
}

/* One dlopen brings the function and a constructor that calls it: graft looks when that
 * dlopen is over (hook.h says so). */
static void a_constructor_that_comes_with_the_function_is_too_early_and_later_calls_are_not(void **state)
{
    (void)state;
    for (size_t v = 0; v < VARIANTS; v++) {
        struct graft_hook hook = HOOK("serve", add_thousand, &next, NULL);
        hook.flags = GRAFT_HOOK_LATE;
        struct graft_plan *plan = hook_apply(&hook, 1);
        void *user = hook_open(variants[v].file, variants[v].mode);
        assert_int_equal(ask(user, "user_seen", 0), 51);
        expect_user(user, 1000);
        hook_remove(plan);
        dlclose(user);
        assert_false(hook_is_loaded("libserve1.so"));
    }
}

static void constructors_of_a_late_caller_reach_the_hook(void **state)
{
    (void)state;
    for (size_t v = 0; v < VARIANTS; v++) {
        void *serve = hook_open("libserve1.so", RTLD_LAZY);
        struct graft_hook hook = HOOK("serve", add_thousand, &next, NULL);
        struct graft_plan *plan = hook_apply(&hook, 1);
        void *user = hook_open(variants[v].file, variants[v].mode);
        assert_int_equal(ask(user, "user_seen", 0), 1051);
        expect_user(user, 1000);
        hook_remove(plan);
        expect_user(user, 0);
        dlclose(user);
        dlclose(serve);
        assert_false(hook_is_loaded("libserve1.so"));
    }
}

static void destructors_reach_the_hook(void **state)
{
    int written = 0;
    (void)state;
    void *serve = hook_open("libserve1.so", RTLD_LAZY);
    struct graft_hook hook = HOOK("serve", add_thousand, &next, NULL);
    struct graft_plan *plan = hook_apply(&hook, 1);
    void *user = hook_open("libuser_lazy.so", RTLD_LAZY);
    *(int **)dlsym(user, "user_destructor_writes") = &written;
    dlclose(user);
    assert_int_equal(written, 1061);
    hook_remove(plan);
    dlclose(serve);
}

static void a_hook_that_is_disabled_while_it_waits_is_enabled_later(void **state)
{
    (void)state;
    struct graft_hook hook = HOOK("serve", add_thousand, &next, NULL);
    hook.flags = GRAFT_HOOK_LATE | GRAFT_HOOK_DISABLED;
    struct graft_plan *plan = hook_apply(&hook, 1);
    void *user = hook_open("libuser_lazy.so", RTLD_LAZY);
    expect_user(user, 0);
    assert_int_equal(graft_plan_enable(plan, 1, NULL), 0);
    expect_user(user, 1000);
    assert_int_equal(graft_plan_enable(plan, 0, NULL), 0);
    expect_user(user, 0);
    assert_int_equal(graft_plan_enable(plan, 1, NULL), 0);
    dlclose(user);
    user = hook_open("libuser_now.so", RTLD_NOW);
    expect_user(user, 1000);
    hook_remove(plan);
    expect_user(user, 0);
}

static void the_callers_of_a_waiting_hook_may_be_late_themselves(void **state)
{
    (void)state;
    struct graft_hook hook = HOOK("serve", add_thousand, &next, NULL);
    hook.flags = GRAFT_HOOK_LATE;
    hook.in = "libuser_now.so";
    struct graft_plan *plan = hook_apply(&hook, 1);
    void *other = hook_open("libuser_lazy.so", RTLD_LAZY);
    expect_user(other, 0);
    void *user = hook_open("libuser_now.so", RTLD_NOW);
    assert_int_equal(ask(user, "user_serve", 2), 1021);
    assert_int_equal(ask(user, "user_pointer", 2), 1021);
    assert_int_equal(ask(user, "user_twice", 2), 211);
    expect_user(other, 0);
    dlclose(user);
    user = hook_open("libuser_now.so", RTLD_NOW);
    assert_int_equal(ask(user, "user_serve", 2), 1021);
    hook_remove(plan);
    expect_user(user, 0);
}

/* ---- closed and reopened ------------------------------------------------------------------------ */

/* Every other time something else lies where the libraries lay. */
static void a_definer_that_is_closed_and_reopened_is_hooked_again(void **state)
{
    uintptr_t seen[12];
    (void)state;
    struct graft_hook hooks[2] = { HOOK("serve", add_thousand, &next, NULL),
                                   HOOK("serve", add_ten_thousand, &second_next, NULL) };
    for (int i = 0; i < 2; i++)
        hooks[i].flags = GRAFT_HOOK_LATE;
    struct graft_plan *plan = hook_apply(hooks, 2);
    for (int i = 0; i < 12; i++) {
        struct link_map *map;
        void *user = hook_open(variants[i % VARIANTS].file, variants[i % VARIANTS].mode);
        void *serve = hook_open("libserve1.so", RTLD_NOLOAD | RTLD_LAZY);
        assert_int_equal(dlinfo(serve, RTLD_DI_LINKMAP, &map), 0);
        seen[i] = map->l_addr;
        dlclose(serve);
        expect_user(user, 11000);
        assert_int_equal(next(2), 21);
        dlclose(user);
        assert_false(hook_is_loaded("libserve1.so"));
        assert_int_equal(hook_count(), 2);
        if (i % 2)
            mmap((void *)seen[i], 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    }
    assert_true(seen[0] != seen[2] || seen[2] != seen[4]);          /* at another address at least once */
    hook_remove(plan);
    void *user = hook_open("libuser_now.so", RTLD_NOW);
    expect_user(user, 0);
}

static void a_library_opened_twice_and_closed_once_keeps_its_hooks(void **state)
{
    (void)state;
    void *user = hook_open("libuser_now.so", RTLD_NOW), *again = hook_open("libuser_now.so", RTLD_NOW);
    void *replacing = hook_open("librepl.so", RTLD_NOW), *twice = hook_open("librepl.so", RTLD_NOW);
    struct graft_hook hooks[2] = { HOOK("serve", add_thousand, &next, "libserve1.so"),
                                   HOOK("serve", dlsym(replacing, "repl_serve"), dlsym(replacing, "repl_original"), NULL) };
    struct graft_plan *plan = hook_apply(hooks, 2);
    expect_user(user, 2000);
    dlclose(again);
    dlclose(twice);
    expect_user(user, 2000);
    assert_int_equal(hook_count(), 2);
    hook_remove(plan);
    expect_user(user, 0);
}

/* The plan's memory and the journal outlive the objects. */
static void undo_after_the_libraries_have_gone_is_quiet(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        void *user = hook_open(variants[i % VARIANTS].file, variants[i % VARIANTS].mode);
        struct graft_hook hook = HOOK("serve", add_thousand, &next, NULL);
        struct graft_plan *plan = hook_apply(&hook, 1);
        expect_user(user, 1000);
        dlclose(user);
        if (i % 3)
            user = hook_open(variants[i % VARIANTS].file, variants[i % VARIANTS].mode);
        if (i % 2)
            hook_remove(plan);
        else {
            assert_int_equal(graft_unhook("serve", add_thousand), 0);
            graft_plan_free(plan);
        }
        assert_int_equal(hook_count(), 0);
        if (i % 3) {
            expect_user(user, 0);
            dlclose(user);
        }
    }
}

static void a_plan_of_hooks_for_a_library_that_went_is_stale(void **state)
{
    struct graft_error error;
    (void)state;
    void *user = hook_open("libuser_now.so", RTLD_NOW);
    struct graft_hook hook = HOOK("serve", add_thousand, &next, NULL);
    struct graft_plan *plan = hook_plan(&hook, 1);
    dlclose(user);
    assert_int_equal(graft_plan_apply(plan, &error), -GRAFT_ESTALE);
    graft_plan_free(plan);
    assert_int_equal(hook_count(), 0);
    user = hook_open("libuser_now.so", RTLD_NOW);
    expect_user(user, 0);
}

/* ---- replacements that go -------------------------------------------------------------------------- */

static void a_replacement_is_taken_out_before_its_library_goes(void **state)
{
    (void)state;
    void *user = hook_open("libuser_now.so", RTLD_NOW);
    expect_user(user, 0);
    hook_warm_up();
    struct hook_bytes *before = hook_bytes_take();
    for (int i = 0; i < 6; i++) {
        void *replacing = hook_open("librepl.so", RTLD_NOW);
        struct graft_hook hooks[3] = {
            HOOK("serve", add_thousand, &next, NULL),
            HOOK("serve", dlsym(replacing, "repl_serve"), dlsym(replacing, "repl_original"), NULL),
            HOOK("serve", add_ten_thousand, &second_next, NULL) };
        int first = i % 3 == 0 ? 0 : 1, count = i % 3 == 1 ? 1 : i % 3 == 0 ? 3 : 2;   /* in the middle, alone, last */
        struct graft_plan *plan = hook_apply(&hooks[first], (size_t)count);
        expect_user(user, count == 3 ? 12000 : count == 1 ? 1000 : 11000);
        dlclose(replacing);
        assert_false(hook_is_loaded("librepl.so"));
        expect_user(user, count == 3 ? 11000 : count == 1 ? 0 : 10000);
        assert_int_equal(hook_count(), count - 1);
        hook_remove(plan);
        expect_user(user, 0);
    }
    hook_bytes_same(before);
}

/* dlclose that closes nothing yet: the hook is still called afterwards. */
static void a_replacement_that_something_else_holds_stays_in(void **state)
{
    (void)state;
    void *user = hook_open("libuser_now.so", RTLD_NOW), *replacing = hook_open("librepl.so", RTLD_NOW);
    void *held = hook_open("librepl.so", RTLD_NOW);
    struct graft_hook hook = HOOK("serve", dlsym(replacing, "repl_serve"), dlsym(replacing, "repl_original"), NULL);
    graft_plan_free(hook_apply(&hook, 1));
    for (int i = 0; i < 5; i++) {
        dlclose(hook_open("librepl.so", RTLD_NOW));
        expect_user(user, 1000);
    }
    dlclose(replacing);
    expect_user(user, 1000);
    assert_int_equal(hook_count(), 1);
    dlclose(held);
    expect_user(user, 0);
    assert_int_equal(hook_count(), 0);
}

/* Where graft keeps *original up to date must be there. */
static void a_hook_whose_original_is_in_a_library_that_goes_is_taken_out_with_it(void **state)
{
    (void)state;
    void *user = hook_open("libuser_now.so", RTLD_NOW), *other = hook_open("librepl.so", RTLD_NOW);
    void *serve = hook_open("libserve1.so", RTLD_NOW | RTLD_NOLOAD);
    next = (int (*)(int))dlsym(serve, "serve");
    struct graft_hook hook = HOOK("serve", add_thousand, dlsym(other, "repl_original"), "libserve1.so");
    struct graft_hook more = HOOK("serve", add_ten_thousand, &second_next, "libserve1.so");
    struct graft_plan *plan = hook_apply(&hook, 1);
    expect_user(user, 1000);
    dlclose(other);
    assert_false(hook_is_loaded("librepl.so"));
    expect_user(user, 0);
    struct graft_plan *second = hook_apply(&more, 1);
    expect_user(user, 10000);
    hook_remove(second);
    hook_remove(plan);
    expect_user(user, 0);
}

/* ---- namespaces --------------------------------------------------------------------------------------- */

static void *open_apart(const char *file)
{
    void *user = dlmopen(LM_ID_NEWLM, hook_path(file), RTLD_NOW);
    if (!user)
        fail_msg("%s", dlerror());
    return user;
}

static void a_plugin_in_another_namespace_is_hooked_there_and_only_there(void **state)
{
    (void)state;
    int here = getppid();
    void *user = hook_open("libuser_now.so", RTLD_NOW), *apart = open_apart("libuser_now.so");
    assert_ptr_not_equal(user, apart);
    for (int by_caller = 0; by_caller < 2; by_caller++) {
        struct graft_hook hook = HOOK("getppid", add_thousand, &next, by_caller ? "1:*" : "1:libc.so*");
        hook.in = by_caller ? "1:libuser*" : NULL;
        struct graft_plan *plan = hook_apply(&hook, 1);
        assert_int_equal(ask(apart, "user_getppid", 1), here + 1001);
        assert_int_equal(ask(user, "user_getppid", 1), here + 1);
        assert_int_equal(getppid(), here);
        assert_int_equal(next(0), here);
        hook_remove(plan);
        assert_int_equal(ask(apart, "user_getppid", 1), here + 1);
    }
    struct graft_hook hook = HOOK("serve", add_thousand, &next, "1:*");
    struct graft_plan *plan = hook_apply(&hook, 1);
    expect_user(apart, 1000);
    expect_user(user, 0);
    void *(*lookup)(void *, const char *) = (void *(*)(void *, const char *))dlsym(apart, "user_lookup");
    assert_ptr_equal(lookup(RTLD_DEFAULT, "serve"), add_thousand);
    hook_remove(plan);
    assert_ptr_not_equal(lookup(RTLD_DEFAULT, "serve"), add_thousand);
    hook.of = "0:*";
    plan = hook_apply(&hook, 1);
    expect_user(apart, 0);
    expect_user(user, 1000);
    hook_remove(plan);
    expect_user(apart, 0);
    expect_user(user, 0);
    dlclose(apart);
}

static int constant(int x)
{
    return 5000 + x;
}

static void a_namespace_that_comes_later_is_hooked_where_asked(void **state)
{
    (void)state;
    struct graft_hook hook = HOOK("serve", constant, NULL, NULL);
    hook.flags = GRAFT_HOOK_LATE;
    struct graft_plan *plan = hook_apply(&hook, 1);
    void *apart = open_apart("libuser_lazy.so"), *user = hook_open("libuser_now.so", RTLD_NOW);
    assert_int_equal(ask(apart, "user_serve", 2), 5002);
    assert_int_equal(ask(apart, "user_pointer", 2), 5002);
    assert_int_equal(ask(user, "user_serve", 2), 5002);
    dlclose(apart);
    apart = open_apart("libuser_now.so");
    assert_int_equal(ask(apart, "user_serve", 2), 5002);
    hook_remove(plan);
    expect_user(apart, 0);
    expect_user(user, 0);
    dlclose(apart);
}

/* ---- dlsym ------------------------------------------------------------------------------------------------ */

typedef void *lookup(void *where, const char *name);
typedef void *lookup_version(void *where, const char *name, const char *version);

static void what_dlsym_answers_follows_the_hooks(void **state)
{
    (void)state;
    void *user = hook_open("libuser_now.so", RTLD_NOW | RTLD_GLOBAL), *serve = hook_open("libserve1.so", RTLD_NOW);
    lookup *find = (lookup *)dlsym(user, "user_lookup");
    lookup_version *find_version = (lookup_version *)dlsym(user, "user_lookup_version");
    void *real = dlsym(serve, "serve"), *real_new = dlsym(serve, "serve_version");
    for (int round = 0; round < 3; round++) {
        struct graft_hook hooks[3] = { HOOK("serve", add_thousand, &next, NULL),
                                       HOOK("serve", add_ten_thousand, &second_next, NULL),
                                       HOOK("serve_version", constant, NULL, NULL) };
        hooks[2].version = "SERVE_1";
        struct graft_plan *plan = hook_apply(hooks, 3);
        assert_ptr_equal(dlsym(serve, "serve"), add_ten_thousand);
        assert_ptr_equal(dlsym(user, "serve"), add_ten_thousand);
        assert_ptr_equal(dlsym(RTLD_DEFAULT, "serve"), add_ten_thousand);
        assert_ptr_equal(dlvsym(serve, "serve", "SERVE_1"), add_ten_thousand);
        assert_ptr_equal(find(RTLD_DEFAULT, "serve"), add_ten_thousand);
        assert_ptr_equal(find(serve, "serve"), add_ten_thousand);
        assert_ptr_equal(find(RTLD_NEXT, "serve"), add_ten_thousand);
        assert_ptr_equal(find_version(serve, "serve_version", "SERVE_1"), constant);
        assert_ptr_equal(find_version(serve, "serve_version", "SERVE_2"), real_new);
        assert_ptr_equal(dlsym(serve, "serve_version"), real_new);
        assert_ptr_equal(dlvsym(serve, "serve_version", "SERVE_1"), constant);
        assert_null(dlsym(serve, "serve_nowhere"));
        assert_non_null(dlerror());
        assert_null(dlvsym(serve, "serve_version", "SERVE_9"));
        assert_non_null(dlerror());
        assert_int_equal(graft_hook_enable("serve", add_ten_thousand, 0), 0);
        assert_ptr_equal(dlsym(serve, "serve"), add_thousand);
        assert_int_equal(graft_hook_enable("serve", add_thousand, 0), 0);
        assert_ptr_equal(dlsym(serve, "serve"), real);
        hook_remove(plan);
        assert_ptr_equal(dlsym(serve, "serve"), real);
        assert_ptr_equal(find(RTLD_DEFAULT, "serve"), real);
        assert_null(dlerror());
    }
}

static void a_hook_without_dlsym_leaves_dlsym_alone(void **state)
{
    (void)state;
    void *user = hook_open("libuser_now.so", RTLD_NOW), *serve = hook_open("libserve1.so", RTLD_NOW);
    lookup *find = (lookup *)dlsym(user, "user_lookup");
    lookup_version *find_version = (lookup_version *)dlsym(user, "user_lookup_version");
    void *real = dlsym(serve, "serve");
    struct graft_hook hook = HOOK("serve", add_thousand, &next, NULL);
    hook.flags = GRAFT_HOOK_NO_DLSYM;
    struct graft_plan *plan = hook_apply(&hook, 1);
    expect_user(user, 1000);
    assert_ptr_equal(dlsym(serve, "serve"), real);
    assert_ptr_equal(find(serve, "serve"), real);
    assert_ptr_equal(find_version(serve, "serve", "SERVE_1"), real);
    void *late = hook_open("libuser_lazy.so", RTLD_LAZY);
    expect_user(late, 1000);
    hook_remove(plan);
    expect_user(late, 0);
}

static void dlsym_asks_who_is_calling(void **state)
{
    (void)state;
    void *user = hook_open("libuser_now.so", RTLD_NOW), *other = hook_open("libuser_lazy.so", RTLD_NOW);
    void *serve = hook_open("libserve1.so", RTLD_NOW);
    lookup *find = (lookup *)dlsym(user, "user_lookup"), *find_other = (lookup *)dlsym(other, "user_lookup");
    void *real = dlsym(serve, "serve");
    struct graft_hook hook = HOOK("serve", add_thousand, &next, NULL);
    hook.in = "libuser_now.so";
    struct graft_plan *plan = hook_apply(&hook, 1);
    assert_ptr_equal(find(serve, "serve"), add_thousand);
    assert_ptr_equal(find_other(serve, "serve"), real);
    assert_ptr_equal(dlsym(serve, "serve"), real);
    hook_remove(plan);
    assert_ptr_equal(find(serve, "serve"), real);
    hook.in = "main";
    plan = hook_apply(&hook, 1);
    assert_ptr_equal(find(serve, "serve"), real);
    assert_ptr_equal(dlsym(serve, "serve"), add_thousand);
    hook_remove(plan);
}

/* Runs this test once more with @library preloaded, behind what is (a tool's); whether
 * this is that run. */
static bool is_with(const char *library, const char *test)
{
    const char *already = getenv("LD_PRELOAD");
    if (already && strstr(already, library))
        return true;
    static char self[PATH_MAX];
    assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        char preload[2 * PATH_MAX], *const arguments[] = { self, (char *)test, NULL };
        snprintf(preload, sizeof preload, "%s%s%s", already ? already : "", already && *already ? ":" : "",
                 hook_path(library));
        setenv("LD_PRELOAD", preload, 1);
        setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
        execv(self, arguments);
        _exit(126);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    return false;
}

/* libtop calls libnext's serve, which asks RTLD_NEXT for libserve1's. RTLD_NEXT looks in
 * the main scope: there they must be. */
static void rtld_next_gives_the_next_hooked_where_asked(void **state)
{
    (void)state;
    if (!is_with("libtop.so", __func__))
        return;
    void *top = hook_open("libtop.so", RTLD_NOW);
    assert_int_equal(ask(top, "top_serve", 2), 521);
    struct graft_hook behind = HOOK("serve", add_thousand, &next, "libserve1.so");
    struct graft_hook front = HOOK("serve", add_ten_thousand, &second_next, "libnext.so");
    struct graft_plan *plan = hook_apply(&behind, 1);
    assert_int_equal(ask(top, "top_serve", 2), 1521);
    struct graft_plan *both = hook_apply(&front, 1);
    assert_int_equal(ask(top, "top_serve", 2), 11521);
    hook_remove(plan);
    assert_int_equal(ask(top, "top_serve", 2), 10521);
    hook_remove(both);
    assert_int_equal(ask(top, "top_serve", 2), 521);
    behind.in = "libtop.so";                        /* not who asks */
    plan = hook_apply(&behind, 1);
    assert_int_equal(ask(top, "top_serve", 2), 521);
    hook_remove(plan);
    behind.in = "libnext.so";
    plan = hook_apply(&behind, 1);
    assert_int_equal(ask(top, "top_serve", 2), 1521);
    hook_remove(plan);
    behind.in = NULL;
    behind.flags = GRAFT_HOOK_NO_DLSYM;
    plan = hook_apply(&behind, 1);
    assert_int_equal(ask(top, "top_serve", 2), 521);
    hook_remove(plan);
    assert_int_equal(ask(top, "top_serve", 2), 521);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hook_waits_for_its_function),
        cmocka_unit_test(a_constructor_that_comes_with_the_function_is_too_early_and_later_calls_are_not),
        cmocka_unit_test(constructors_of_a_late_caller_reach_the_hook),
        cmocka_unit_test(destructors_reach_the_hook),
        cmocka_unit_test(a_hook_that_is_disabled_while_it_waits_is_enabled_later),
        cmocka_unit_test(the_callers_of_a_waiting_hook_may_be_late_themselves),
        cmocka_unit_test(a_definer_that_is_closed_and_reopened_is_hooked_again),
        cmocka_unit_test(a_library_opened_twice_and_closed_once_keeps_its_hooks),
        cmocka_unit_test(undo_after_the_libraries_have_gone_is_quiet),
        cmocka_unit_test(a_plan_of_hooks_for_a_library_that_went_is_stale),
        cmocka_unit_test(a_replacement_is_taken_out_before_its_library_goes),
        cmocka_unit_test(a_replacement_that_something_else_holds_stays_in),
        cmocka_unit_test(a_hook_whose_original_is_in_a_library_that_goes_is_taken_out_with_it),
        cmocka_unit_test(a_plugin_in_another_namespace_is_hooked_there_and_only_there),
        cmocka_unit_test(a_namespace_that_comes_later_is_hooked_where_asked),
        cmocka_unit_test(what_dlsym_answers_follows_the_hooks),
        cmocka_unit_test(a_hook_without_dlsym_leaves_dlsym_alone),
        cmocka_unit_test(dlsym_asks_who_is_calling),
        cmocka_unit_test(rtld_next_gives_the_next_hooked_where_asked),
    };
    return each_in_a_process(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
