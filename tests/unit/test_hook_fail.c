/* SPDX-License-Identifier: MIT */
/* Hooks and page protections: what was observed comes back, and when the kernel refuses
 * a page, everything is as it was: slots, hooks, *original and the answers. */

#include "hook_fixture.h"
#include "memory.h"
#include "process.h"
#include "protect.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- what is hooked ------------------------------------------------------------------------ */

static int (*next_serve)(int), (*next_bare)(int), (*next_ppid)(int), (*next_visit)(int);

static int wrap_serve(int x) { return next_serve(x) + 1000; }
static int wrap_bare(int x) { return next_bare(x) + 1000; }
static int wrap_ppid(int x) { return next_ppid(x) + 1000; }
static int wrap_visit(int x) { return next_visit(x) + 10000; }

enum { HOOKS = 3 };

static void *user, *other;
static int here;

static struct graft_hook *hooks(void)
{
    static struct graft_hook all[HOOKS];
    all[0] = (struct graft_hook)HOOK("serve", wrap_serve, &next_serve, "libserve1.so");
    all[1] = (struct graft_hook)HOOK("serve_bare", wrap_bare, &next_bare, "libserve1.so");
    all[2] = (struct graft_hook)HOOK("getppid", wrap_ppid, &next_ppid, NULL);
    return all;
}

static void expect(int more)
{
    assert_int_equal(hook_function(user, "user_serve")(2), 21 + more);
    assert_int_equal(hook_function(user, "user_pointer")(2), 21 + more);
    assert_int_equal(hook_function(other, "user_serve")(2), 21 + more);
    assert_int_equal(hook_function(user, "user_bare")(2), 4 + more);
    assert_int_equal(hook_function(other, "user_getppid")(2), here + 2 + more);
    assert_int_equal(getppid(), here + more);
}

static void open_users(void)
{
    here = getppid();
    user = hook_open("libuser_now.so", RTLD_NOW);
    other = hook_open("libuser_lld.so", RTLD_LAZY);
    hook_warm_up();
    hook_remove(hook_apply(hooks(), HOOKS));            /* the kernel may split mappings once */
    expect(0);
}

/* ---- protections ------------------------------------------------------------------------------ */

static int (*next_call)(void), (*next_many)(void), (*next_ifunc)(void);

static int wrap_call(void) { return next_call() + 16; }
static int wrap_many(void) { return next_many() + 16; }
static int wrap_ifunc(void) { return next_ifunc() + 16; }

static void protections_are_as_before_when_hooks_are_in_and_when_they_are_out(void **state)
{
    struct consumer consumers[64];
    size_t count = fixture_consumers(consumers, 64);
    struct graft_hook asked[3] = { HOOK("fix_call", wrap_call, &next_call, "libfixdup.so"),
                                   HOOK("fix_many", wrap_many, &next_many, "libfixdup.so"),
                                   HOOK("fix_ifunc", wrap_ifunc, &next_ifunc, "libfixdup.so") };
    (void)state;
    fixture_open("libconsumer-bfd-now-plt-full-gnu-ver-norelr-ie.so", RTLD_NOW);
    hook_warm_up();
    for (size_t i = 0; i < count; i++) {
        if (strcmp(consumers[i].versions, "ver") || !strcmp(consumers[i].tls, "ie"))
            continue;
        void *consumer = fixture_open(consumers[i].file, RTLD_LAZY);
        hook_remove(hook_apply(asked, 3));
        const char *before = memory_maps();
        struct graft_plan *plan = hook_apply(asked, 3);
        assert_string_equal(before, memory_maps());
        assert_int_equal(graft_plan_enable(plan, 0, NULL), 0);
        assert_string_equal(before, memory_maps());
        hook_remove(plan);
        assert_string_equal(before, memory_maps());
        dlclose(consumer);
    }
}

static void a_page_is_opened_once_for_all_hooks_and_never_writable_and_executable(void **state)
{
    (void)state;
    open_users();
    call_count = 0;
    struct graft_plan *plan = hook_apply(hooks(), HOOKS);
    expect_opened_once(call_count);
    expect(1000);
    hook_remove(plan);
    expect(0);
}

/* ---- refused pages --------------------------------------------------------------------------------- */

/* How many regions an operation opened, which it does before it writes any. */
static int regions(void)
{
    int opened = 0;
    while (opened < (int)call_count && calls[opened].protection & PROT_WRITE)
        opened++;
    return opened;
}

static void a_page_that_cannot_be_opened_leaves_everything_unhooked(void **state)
{
    struct graft_error error;
    (void)state;
    open_users();
    const char *before = memory_maps();
    struct hook_bytes *bytes = hook_bytes_take();
    call_count = 0;
    struct graft_plan *plan = hook_apply(hooks(), HOOKS);
    int opened = regions();
    hook_remove(plan);
    assert_true(opened >= 3);
    for (int i = 0; i < opened; i++) {
        plan = hook_plan(hooks(), HOOKS);
        call_count = 0;
        fail_at = i;
        assert_int_equal(graft_plan_apply(plan, &error), -GRAFT_EPROT);
        fail_at = -1;
        assert_int_equal(error.code, -GRAFT_EPROT);
        assert_int_equal(hook_count(), 0);
        expect(0);
        assert_string_equal(before, memory_maps());
        if (i % 2) {                                    /* the same plan once more */
            fixture_apply(plan);
            expect(1000);
            fixture_undo(plan);
        }
        graft_plan_free(plan);
        expect(0);
    }
    call_count = 0;
    fail_at = 0;
    assert_int_equal(graft_hook("serve", wrap_serve, (void **)&next_serve), -GRAFT_EPROT);
    fail_at = -1;
    assert_int_equal(hook_count(), 0);
    hook_bytes_same(bytes);
}

static void a_page_that_cannot_be_opened_leaves_everything_hooked(void **state)
{
    struct graft_error error;
    (void)state;
    open_users();
    const char *before = memory_maps();
    struct hook_bytes *bytes = hook_bytes_take();
    struct graft_plan *plan = hook_apply(hooks(), HOOKS);
    call_count = 0;
    assert_int_equal(graft_plan_enable(plan, 0, NULL), 0);
    int opened = regions();
    assert_int_equal(graft_plan_enable(plan, 1, NULL), 0);
    assert_true(opened >= 3);
    for (int i = 0; i < opened; i++) {
        call_count = 0;
        fail_at = i;
        assert_int_equal(graft_plan_undo(plan, &error), -GRAFT_EPROT);
        expect(1000);
        call_count = 0;
        assert_int_equal(graft_plan_enable(plan, 0, &error), -GRAFT_EPROT);
        fail_at = -1;
        expect(1000);
        assert_int_equal(hook_count(), HOOKS);
        assert_string_equal(before, memory_maps());
    }
    call_count = 0;
    fail_at = 0;
    assert_int_equal(graft_unhook("serve", wrap_serve), -GRAFT_EPROT);
    call_count = 0;
    assert_int_equal(graft_hook_enable("serve", wrap_serve, 0), -GRAFT_EPROT);
    fail_at = -1;
    expect(1000);
    assert_int_equal(graft_plan_enable(plan, 0, NULL), 0);
    call_count = 0;
    assert_int_equal(graft_plan_enable(plan, 1, NULL), 0);
    opened = regions();
    assert_int_equal(graft_plan_enable(plan, 0, NULL), 0);
    assert_true(opened >= 3);
    expect(0);
    for (int i = 0; i < opened; i++) {
        call_count = 0;
        fail_at = i;
        assert_int_equal(graft_plan_enable(plan, 1, &error), -GRAFT_EPROT);
        fail_at = -1;
        expect(0);
    }
    hook_remove(plan);
    expect(0);
    hook_bytes_same(bytes);
}

/* A second hook in front of the first: when it cannot come, the first is called as before
 * and its *original is what it was. */
static void a_second_hook_that_fails_leaves_the_first_in_order(void **state)
{
    struct graft_error error;
    static int (*second)(int);
    (void)state;
    open_users();
    struct graft_plan *plan = hook_apply(hooks(), HOOKS);
    struct graft_hook more = HOOK("serve", wrap_visit, &second, "libserve1.so");
    next_visit = next_serve;
    for (int priority = -1; priority <= 1; priority += 2) {
        more.priority = priority;
        struct graft_plan *another = hook_plan(&more, 1);
        call_count = 0;
        fail_at = 0;
        int result = graft_plan_apply(another, &error);
        fail_at = -1;
        if (result) {                                   /* behind the first no slot changes: no page is opened */
            assert_int_equal(result, -GRAFT_EPROT);
            assert_int_equal(hook_count(), HOOKS);
            expect(1000);
        } else {
            assert_int_equal(priority, -1);
            assert_ptr_equal(next_serve, wrap_visit);
            fixture_undo(another);
        }
        assert_int_equal(next_serve(2), 21);
        graft_plan_free(another);
        expect(1000);
    }
    hook_remove(plan);
    expect(0);
}

/* A page that cannot be opened while a library comes: it is loaded all the same, unhooked,
 * and the next look hooks it or the hook leaves; nothing hangs or crashes. */
static void a_library_that_cannot_be_hooked_is_loaded_all_the_same(void **state)
{
    (void)state;
    open_users();
    struct graft_plan *plan = hook_apply(hooks(), HOOKS);
    void *late = NULL;
    for (int i = 0; i < 4; i++) {
        call_count = 0;
        fail_at = i;
        late = dlopen(hook_path("libuser_mold.so"), RTLD_NOW);
        fail_at = -1;
        if (!late) {                                    /* the loader's own mprotect is not ours */
            fail_msg("%s", dlerror());
            return;
        }
        int answer = hook_function(late, "user_serve")(2);
        assert_true(answer == 21 || answer == 1021);
        dlclose(late);
        expect(1000);
    }
    late = hook_open("libuser_mold.so", RTLD_NOW);
    assert_int_equal(hook_function(late, "user_serve")(2), 1021);
    hook_remove(plan);
    assert_int_equal(hook_function(late, "user_serve")(2), 21);
    expect(0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(protections_are_as_before_when_hooks_are_in_and_when_they_are_out),
        cmocka_unit_test(a_page_is_opened_once_for_all_hooks_and_never_writable_and_executable),
        cmocka_unit_test(a_page_that_cannot_be_opened_leaves_everything_unhooked),
        cmocka_unit_test(a_page_that_cannot_be_opened_leaves_everything_hooked),
        cmocka_unit_test(a_second_hook_that_fails_leaves_the_first_in_order),
        cmocka_unit_test(a_library_that_cannot_be_hooked_is_loaded_all_the_same),
    };
    return each_in_a_process(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
