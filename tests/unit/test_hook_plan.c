/* SPDX-License-Identifier: MIT */
/* Plans of hooks: applied, undone in every order, overtaken, freed; over and under plans
 * that rebind; requests that are wrong; lists and hook libraries. */

#include "hook_fixture.h"
#include "hook_model.h"
#include "process.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- plans -------------------------------------------------------------------------------------- */

static void two_plans_on_one_function_are_undone_in_both_orders(void **state)
{
    (void)state;
    model_open();
    for (int first = 0; first < 2; first++) {
        struct hook_bytes *before = hook_bytes_take();
        struct graft_plan *plan[2];
        for (int i = 0; i < 2; i++) {
            struct graft_hook hook = model_hook(i);
            plan[i] = hook_apply(&hook, 1);
            model[i].in = model[i].on = true;
            model[i].age = ++model_now;
        }
        model_check();
        for (int i = 0; i < 2; i++) {
            int which = i ? !first : first;
            hook_remove(plan[which]);
            model[which].in = false;
            model_check();
        }
        hook_bytes_same(before);
    }
}

/* Both were made before either was applied: the second did not see the first. */
static void a_plan_that_another_overtook_is_stale_and_changes_nothing(void **state)
{
    struct graft_error error;
    (void)state;
    model_open();
    struct graft_hook hook[2] = { model_hook(0), model_hook(1) };
    struct hook_bytes *before = hook_bytes_take();
    struct graft_plan *first = hook_plan(&hook[0], 1), *second = hook_plan(&hook[1], 1);
    fixture_apply(first);
    model[0].in = model[0].on = true;
    assert_int_equal(graft_plan_apply(second, &error), -GRAFT_ESTALE);
    assert_int_equal(error.code, -GRAFT_ESTALE);
    assert_true(error.text[0]);
    model_check();
    hook_remove(first);
    model[0].in = false;
    model_check();
    graft_plan_free(second);
    hook_bytes_same(before);
}

static void a_plan_that_is_freed_unapplied_leaves_nothing(void **state)
{
    (void)state;
    model_open();
    struct hook_bytes *before = hook_bytes_take();
    struct graft_hook hook = model_hook(2);
    for (int i = 0; i < 50; i++) {
        struct graft_plan *plan = hook_plan(&hook, 1);
        assert_int_equal(hook_count(), 0);
        assert_true(graft_plan_count(plan) > 0);
        model_check();
        graft_plan_free(plan);
    }
    hook_bytes_same(before);
    graft_plan_free(hook_plan(&hook, 1));
    model_put_in(2, 0);                       /* not "hooked with this replacement already" */
    model_check();
    model_take_out(2);
}

static void a_freed_plan_leaves_its_hooks_in(void **state)
{
    (void)state;
    model_open();
    model_put_in(1, 0);
    model_check();
    assert_int_equal(hook_count(), 1);
    model_take_out(1);
    model_check();
}

static void a_plan_of_hooks_knows_its_state(void **state)
{
    struct graft_error error;
    (void)state;
    model_open();
    struct graft_hook hook = model_hook(0);
    struct graft_plan *plan = hook_plan(&hook, 1);
    assert_int_equal(graft_plan_undo(plan, &error), -GRAFT_ESTATE);
    assert_int_equal(graft_plan_enable(plan, 0, &error), -GRAFT_ESTATE);
    assert_int_equal(graft_unhook("serve", model_wrap[0]), -GRAFT_ESTATE);
    fixture_apply(plan);
    assert_int_equal(graft_plan_apply(plan, &error), -GRAFT_ESTATE);
    model[0].in = true;
    for (int on = 0; on < 4; on++) {
        assert_int_equal(graft_plan_enable(plan, on % 2, &error), 0);
        model[0].on = on % 2;
        model_check();
    }
    fixture_undo(plan);
    model[0].in = false;
    model_check();
    assert_int_equal(graft_plan_undo(plan, &error), -GRAFT_ESTATE);
    assert_int_equal(graft_plan_enable(plan, 1, &error), -GRAFT_ESTATE);
    int again = graft_plan_apply(plan, &error);     /* as an undone rebind plan: again, or told that it cannot */
    model[0].in = !again;
    if (again)
        assert_int_equal(again, -GRAFT_ESTALE);
    model_check();
    if (!again)
        fixture_undo(plan);
    graft_plan_free(plan);
}

/* Its hook was taken out one by one: undo has nothing left to do and says so or not,
 * but breaks nothing. */
static void a_plan_whose_hook_was_unhooked_is_undone_in_peace(void **state)
{
    struct graft_error error;
    (void)state;
    model_open();
    struct hook_bytes *before = hook_bytes_take();
    struct graft_hook hooks[2] = { model_hook(0), model_hook(1) };
    struct graft_plan *plan = hook_apply(hooks, 2);
    model[0].in = model[1].in = model[0].on = model[1].on = true;
    model[1].age = 1;
    model_check();
    model_take_out(0);
    model_check();
    assert_int_equal(graft_plan_undo(plan, &error), 0);
    model[1].in = false;
    model_check();
    graft_plan_free(plan);
    hook_bytes_same(before);
}

static void several_hooks_of_one_plan_go_in_together_newest_first(void **state)
{
    (void)state;
    model_open();
    struct hook_bytes *before = hook_bytes_take();
    struct graft_hook hooks[MODEL_HOOKS];
    for (int i = 0; i < MODEL_HOOKS; i++) {
        model[i].priority = i == 1 ? 3 : 0;
        hooks[i] = model_hook(i);
        hooks[i].flags = i == 2 ? GRAFT_HOOK_DISABLED : 0;
    }
    struct graft_plan *plan = hook_apply(hooks, MODEL_HOOKS);
    for (int i = 0; i < MODEL_HOOKS; i++) {
        model[i].in = true;
        model[i].on = i != 2;
        model[i].age = ++model_now;
    }
    model_check();
    model_turn(2, true);
    model_check();
    hook_remove(plan);
    for (int i = 0; i < MODEL_HOOKS; i++)
        model[i].in = false;
    model_check();
    hook_bytes_same(before);
}

/* ---- a rebind plan on the same slots ------------------------------------------------------------ */

static struct graft_plan *plan_rebind(void *handle)
{
    struct graft_rebind rebind = { .size = sizeof rebind, .handle = handle, .from = "libserve1.so",
                                   .onto = "libserve2.so", .only = "serve" };
    struct graft_plan *plan = NULL;
    struct graft_error error;
    if (graft_plan_rebind(&plan, &rebind, &error))
        fail_msg("rebind: %s", error.text);
    return plan;
}

static int times_called(int (*function)(int), int x, int expected)
{
    model_traced = 0;
    int answer = function(x);
    if (answer != expected)
        fail_msg("answers %d, not %d", answer, expected);
    return (int)model_traced;
}

/* Rebound first: libserve1's serve is called by nobody here any more, and libserve2's
 * is; hooks follow what slots hold. */
static void hooks_over_a_rebound_slot_come_off_in_each_order(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++)
        for (int definer = 0; definer < 2; definer++) {
            void *user = hook_open("libuser_now.so", RTLD_NOW);
            hook_open("libserve2.so", RTLD_NOW);
            int (*serve)(int) = hook_function(user, "user_serve"), (*pointer)(int) = hook_function(user, "user_pointer");
            hook_warm_up();
            struct hook_bytes *before = hook_bytes_take();
            struct graft_plan *rebind = plan_rebind(user);
            fixture_apply(rebind);
            assert_int_equal(times_called(serve, 3, 32), 0);
            struct graft_hook hook = HOOK("serve", model_wrap[0], &model_original[0],
                                           definer ? "libserve2.so" : "libserve1.so");
            struct graft_plan *hooking = hook_apply(&hook, 1);
            assert_int_equal(times_called(serve, 3, 32), definer);
            assert_int_equal(times_called(pointer, 3, 32), definer);
            if (order) {
                hook_remove(hooking);
                assert_int_equal(times_called(serve, 3, 32), 0);
                hook_remove(rebind);
            } else {
                /* the edit below goes, what stands above stays */
                fixture_undo(rebind);
                graft_plan_free(rebind);
                assert_int_equal(times_called(serve, 3, definer ? 32 : 31), 1);
                hook_remove(hooking);
            }
            assert_int_equal(times_called(serve, 3, 31), 0);
            assert_int_equal(times_called(pointer, 3, 31), 0);
            hook_bytes_same(before);
        }
}

/* Hooked first: a plan that moves references from libserve1 finds them though the slots
 * hold the replacement, or leaves them; what it does comes off in both orders. */
static void a_rebind_over_a_hooked_slot_comes_off_in_each_order(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        void *user = hook_open("libuser_now.so", RTLD_NOW);
        hook_open("libserve2.so", RTLD_NOW);
        int (*serve)(int) = hook_function(user, "user_serve"), (*pointer)(int) = hook_function(user, "user_pointer");
        hook_warm_up();
        struct hook_bytes *before = hook_bytes_take();
        struct graft_hook hook = HOOK("serve", model_wrap[0], &model_original[0], "libserve1.so");
        struct graft_plan *hooking = hook_apply(&hook, 1);
        assert_int_equal(times_called(serve, 3, 31), 1);
        struct graft_plan *rebind = plan_rebind(user);
        fixture_apply(rebind);
        int rebound = serve(3) == 32;
        assert_int_equal(times_called(pointer, 3, rebound ? 32 : 31), times_called(serve, 3, rebound ? 32 : 31));
        if (order) {
            hook_remove(hooking);
            assert_int_equal(times_called(serve, 3, rebound ? 32 : 31), 0);
            hook_remove(rebind);
        } else {
            fixture_undo(rebind);
            graft_plan_free(rebind);
            assert_int_equal(times_called(serve, 3, 31), 1);
            hook_remove(hooking);
        }
        assert_int_equal(times_called(serve, 3, 31), 0);
        assert_int_equal(times_called(pointer, 3, 31), 0);
        hook_bytes_same(before);
    }
}

/* ---- requests that are wrong ----------------------------------------------------------------------- */

#define REFUSED(member, value, code) do { \
    struct graft_hook wrong_ = hook; \
    wrong_.member = (value); \
    assert_int_equal(hook_refused(&wrong_, &error), (code)); \
} while (0)

static void wrong_requests_say_what_is_wrong(void **state)
{
    struct graft_error error;
    struct graft_plan *plan = NULL;
    struct graft_hook hook = HOOK("serve", model_wrap[0], &model_original[0], NULL);
    (void)state;
    hook_open("libuser_now.so", RTLD_NOW);
    REFUSED(size, sizeof hook - 1, -GRAFT_EINVAL);
    REFUSED(size, 0, -GRAFT_EINVAL);
    REFUSED(symbol, NULL, -GRAFT_EINVAL);
    REFUSED(symbol, "", -GRAFT_EINVAL);
    REFUSED(replacement, NULL, -GRAFT_EINVAL);
    REFUSED(of, "libnowhere.so", -GRAFT_ENOFUNC);
    assert_non_null(strstr(error.text, "libnowhere.so"));
    REFUSED(symbol, "serve_nowhere", -GRAFT_ENOFUNC);
    assert_non_null(strstr(error.text, "GRAFT_HOOK_LATE"));
    assert_int_equal(graft_plan_hook(NULL, &hook, 1, &error), -GRAFT_EINVAL);
    assert_int_equal(graft_plan_hook(&plan, NULL, 1, &error), -GRAFT_EINVAL);
    assert_int_equal(graft_plan_hook(&plan, &hook, 0, &error), -GRAFT_EINVAL);
    assert_int_equal(graft_hook(NULL, model_wrap[0], NULL), -GRAFT_EINVAL);
    assert_int_equal(graft_hook("serve", NULL, NULL), -GRAFT_EINVAL);
    assert_null(plan);
}

static void what_is_not_hooked_cannot_be_unhooked(void **state)
{
    (void)state;
    model_open();
    assert_int_equal(graft_unhook(NULL, model_wrap[0]), -GRAFT_EINVAL);
    assert_int_equal(graft_unhook("serve", model_wrap[0]), -GRAFT_ESTATE);
    assert_int_equal(graft_unhook("serve_nowhere", model_wrap[0]), -GRAFT_ESTATE);
    assert_int_equal(graft_hook_enable("serve", model_wrap[0], 1), -GRAFT_ESTATE);
    assert_int_equal(graft_hook_enable(NULL, model_wrap[0], 1), -GRAFT_EINVAL);
    model_put_in(0, 0);
    assert_int_equal(graft_unhook("serve", model_wrap[1]), -GRAFT_ESTATE);
    assert_int_equal(graft_unhook("visit", model_wrap[0]), -GRAFT_ESTATE);
    assert_int_equal(graft_unhook("serve", NULL), -GRAFT_ESTATE);
    model_check();
    model_take_out(0);
    assert_int_equal(graft_unhook("serve", model_wrap[0]), -GRAFT_ESTATE);
    model_check();
}

/* A plan holds its place in the chain before it is applied. */
static void a_replacement_that_another_plan_holds_already_is_refused(void **state)
{
    struct graft_error error;
    (void)state;
    model_open();
    struct graft_hook hook = model_hook(0);
    struct graft_plan *plan = hook_plan(&hook, 1);
    assert_int_equal(hook_refused(&hook, &error), -GRAFT_ESTATE);
    graft_plan_free(plan);
    model_put_in(0, 0);
    model_check();
    model_take_out(0);
    model_check();
}

/* Twice the same replacement would call itself for ever. */
static void the_same_replacement_twice_is_refused(void **state)
{
    struct graft_error error;
    (void)state;
    model_open();
    model_put_in(0, 0);
    struct graft_hook hook = model_hook(0);
    assert_int_equal(hook_refused(&hook, &error), -GRAFT_ESTATE);
    model_check();
    assert_int_equal(hook_count(), 1);
    model_take_out(0);
    model_check();
}

/* One bad hook of a plan: none of them. */
static void hooks_of_one_plan_come_all_or_not_at_all(void **state)
{
    struct graft_error error;
    struct graft_plan *plan = NULL;
    (void)state;
    model_open();
    struct hook_bytes *before = hook_bytes_take();
    struct graft_hook hooks[3] = { model_hook(0), model_hook(1), HOOK("serve_data", model_wrap[2], NULL, NULL) };
    assert_int_equal(graft_plan_hook(&plan, hooks, 3, &error), -GRAFT_ETYPE);
    assert_string_equal(error.symbol, "serve_data");
    assert_int_equal(hook_count(), 0);
    model_check();
    hook_bytes_same(before);
}

/* ---- what a plan tells ------------------------------------------------------------------------------ */

static size_t count_edits(const struct graft_plan *plan, enum graft_slot_kind kind, enum graft_verdict verdict)
{
    size_t count = 0;
    for (size_t i = 0; i < graft_plan_count(plan); i++)
        count += graft_plan_edit(plan, i)->kind == kind && graft_plan_edit(plan, i)->verdict == verdict;
    return count;
}

/* Every entry that will be edited holds what it says, and will lead to @first. */
static void expect_edits(const struct graft_plan *plan, uintptr_t first)
{
    for (size_t i = 0; i < graft_plan_count(plan); i++) {
        const struct graft_edit *edit = graft_plan_edit(plan, i);
        assert_string_equal(edit->symbol, "serve");
        if (edit->kind == GRAFT_SLOT_EXPORT || edit->verdict > GRAFT_VERDICT_SAME)
            continue;
        assert_int_equal(fixture_word(edit->slot), edit->old_value);
        assert_int_equal(edit->new_value, first);
        assert_non_null(strstr(edit->old_object, "libserve1.so"));
    }
}

static void a_plan_tells_its_slots_and_what_will_be_called_first(void **state)
{
    (void)state;
    model_open();
    struct graft_hook hook = model_hook(0);
    struct graft_plan *plan = hook_plan(&hook, 1);
    expect_edits(plan, (uintptr_t)model_wrap[0]);
    assert_int_equal(count_edits(plan, GRAFT_SLOT_EXPORT, GRAFT_VERDICT_EDIT), 1);
    assert_true(count_edits(plan, GRAFT_SLOT_SYMBOLIC, GRAFT_VERDICT_EDIT) >= 2 * 4);
    assert_true(count_edits(plan, GRAFT_SLOT_JUMP_SLOT, GRAFT_VERDICT_EDIT) >= 3);
    fixture_apply(plan);
    for (size_t i = 0; i < graft_plan_count(plan); i++)
        if (graft_plan_edit(plan, i)->verdict == GRAFT_VERDICT_EDIT)
            assert_int_equal(fixture_word(graft_plan_edit(plan, i)->slot), graft_plan_edit(plan, i)->new_value);
    model[1].priority = -1;                 /* behind the first: no slot changes */
    hook = model_hook(1);
    struct graft_plan *behind = hook_plan(&hook, 1);
    expect_edits(behind, (uintptr_t)model_wrap[0]);
    assert_int_equal(count_edits(behind, GRAFT_SLOT_JUMP_SLOT, GRAFT_VERDICT_EDIT), 0);
    graft_plan_free(behind);
    model[2].priority = 1;
    hook = model_hook(2);
    struct graft_plan *before = hook_plan(&hook, 1);
    expect_edits(before, (uintptr_t)model_wrap[2]);
    graft_plan_free(before);
    hook_remove(plan);
    model_check();
}

static void nothing(void)
{
}

static void a_plan_tells_of_the_loaders_own_pointers_and_of_exports_that_cannot_lead(void **state)
{
    void (*next)(void);
    (void)state;
    model_open();
    struct graft_hook hook = HOOK("malloc", nothing, &next, "libc.so*");
    struct graft_plan *plan = hook_plan(&hook, 1);
    assert_int_equal(count_edits(plan, GRAFT_SLOT_EXPORT, GRAFT_VERDICT_EDIT), 1);
#ifndef __SANITIZE_ADDRESS__                        /* there ld.so takes libasan's */
    assert_int_equal(count_edits(plan, GRAFT_SLOT_LOADER, GRAFT_VERDICT_EDIT), 1);
#endif
    graft_plan_free(plan);
    hook = (struct graft_hook)HOOK("serve_ifunc", nothing, &next, "libserve1.so");
    plan = hook_plan(&hook, 1);
    assert_int_equal(count_edits(plan, GRAFT_SLOT_EXPORT, GRAFT_VERDICT_LATE), 1);
    graft_plan_free(plan);
    assert_int_equal(hook_count(), 0);
}

/* ---- listing, hook libraries -------------------------------------------------------------------------- */

enum { LISTED_MAX = 8 };

static struct { size_t count, stop_after; struct graft_hook_info info[LISTED_MAX]; char object[LISTED_MAX][64]; } listed;

static int list(const struct graft_hook_info *info, void *arg)
{
    assert_ptr_equal(arg, &listed);
    assert_true(listed.count < LISTED_MAX);
    const char *slash = info->object ? strrchr(info->object, '/') : NULL;
    snprintf(listed.object[listed.count], sizeof listed.object[0], "%s", slash ? slash + 1 : "none");
    listed.info[listed.count++] = *info;
    return listed.stop_after && listed.count == listed.stop_after ? 77 : 0;
}

static void hooks_are_listed_in_the_order_of_calling(void **state)
{
    (void)state;
    model_open();
    void *serve = dlsym(RTLD_DEFAULT, "serve");
    assert_null(serve);
    serve = dlsym(hook_open("libserve1.so", RTLD_NOLOAD | RTLD_NOW), "serve");
    struct graft_hook hooks[4] = { HOOK("serve", model_wrap[0], &model_original[0], "libserve1.so"),
                                   HOOK("serve", model_wrap[1], &model_original[1], "libserve1.so"),
                                   HOOK("serve", model_wrap[2], &model_original[2], "libserve1.so"),
                                   HOOK("serve_nowhere", model_wrap[3], &model_original[3], NULL) };
    hooks[0].priority = 4;
    hooks[0].version = "SERVE_1";
    hooks[1].owner = "tester";
    hooks[2].priority = -4;
    hooks[2].flags = GRAFT_HOOK_DISABLED;
    hooks[3].flags = GRAFT_HOOK_LATE;
    hooks[3].in = "libuser*";
    struct graft_plan *plan = hook_apply(hooks, 4);
    assert_int_equal(graft_hooks_each(list, &listed), 0);
    assert_int_equal(listed.count, 4);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(listed.info[i].size, sizeof(struct graft_hook_info));
        assert_string_equal(listed.info[i].symbol, "serve");
        assert_ptr_equal(listed.info[i].replacement, model_wrap[i]);
        assert_ptr_equal(listed.info[i].function, serve);
        assert_string_equal(listed.info[i].of, "libserve1.so");
        assert_int_equal(listed.info[i].priority, i == 0 ? 4 : i == 1 ? 0 : -4);
        assert_int_equal(listed.info[i].enabled, i < 2);
        assert_string_equal(listed.object[i], "libserve1.so");
        assert_true(listed.info[i].slots >= 4 * 3);
        assert_null(listed.info[i].in);
    }
    assert_string_equal(listed.info[0].version, "SERVE_1");
    assert_null(listed.info[1].version);
    assert_string_equal(listed.info[1].owner, "tester");
    assert_null(listed.info[0].owner);
    assert_string_equal(listed.info[3].symbol, "serve_nowhere");
    assert_null(listed.info[3].function);
    assert_null(listed.info[3].object);
    assert_string_equal(listed.info[3].in, "libuser*");
    listed.count = 0;
    listed.stop_after = 2;
    assert_int_equal(graft_hooks_each(list, &listed), 77);
    assert_int_equal(listed.count, 2);
    hook_remove(plan);
    listed.count = listed.stop_after = 0;
    assert_int_equal(graft_hooks_each(list, &listed), 0);
    assert_int_equal(listed.count, 0);
}

static int starts, stops, refuse;
static char told[32];

static int start_library(const char *arguments, char **environment, struct graft_error *error)
{
    starts++;
    assert_non_null(environment);
    snprintf(told, sizeof told, "%s", arguments);
    if (refuse)
        snprintf(error->text, sizeof error->text, "not today");
    return refuse;
}

static void stop_library(void)
{
    stops++;
}

static void a_hook_library_is_started_and_stopped_once(void **state)
{
    struct graft_error error;
    (void)state;
    model_open();
    struct graft_hook hooks[2] = { model_hook(0), HOOK("serve_nowhere", model_wrap[1], NULL, NULL) };
    struct graft_hook_library library = { .size = sizeof library, .name = "test", .help = "for a test", .hooks = hooks,
                                          .count = 2, .start = start_library, .stop = stop_library }, wrong_size = library;
    struct hook_bytes *before = hook_bytes_take();
    wrong_size.size--;
    assert_int_equal(graft_hooks_start(&wrong_size, "", &error), -GRAFT_EINVAL);
    assert_int_equal(graft_hooks_start(NULL, "", &error), -GRAFT_EINVAL);
    assert_int_equal(graft_hooks_stop(&library, &error), -GRAFT_ESTATE);
    refuse = 1;
    assert_int_equal(graft_hooks_start(&library, "", &error), -GRAFT_EREFUSED);
    assert_non_null(strstr(error.text, "not today"));
    assert_int_equal(hook_count(), 0);
    model_check();
    refuse = 0;
    assert_int_equal(graft_hooks_start(&library, "loud", &error), 0);
    assert_string_equal(told, "loud");
    assert_int_equal(graft_hooks_start(&library, "loud", &error), -GRAFT_ESTATE);
    model[0].in = model[0].on = true;
    model_check();
    assert_int_equal(hook_count(), 2);
    assert_int_equal(graft_hooks_stop(&library, &error), 0);
    model[0].in = false;
    model_check();
    assert_int_equal(hook_count(), 0);
    assert_int_equal(starts, 2);
    assert_int_equal(stops, 1);
    assert_int_equal(graft_hooks_stop(&library, &error), -GRAFT_ESTATE);
    hook_bytes_same(before);
}

static void errno_is_the_callers(void **state)
{
    (void)state;
    model_open();
    struct graft_hook hook = model_hook(0), nowhere = HOOK("serve_nowhere", model_wrap[1], NULL, NULL);
    struct graft_plan *plan = NULL, *none = NULL;
    errno = 4242;
    assert_int_equal(graft_plan_hook(&plan, &hook, 1, NULL), 0);
    assert_int_equal(graft_plan_apply(plan, NULL), 0);
    assert_int_equal(graft_plan_enable(plan, 0, NULL), 0);
    assert_int_equal(graft_plan_hook(&none, &nowhere, 1, NULL), -GRAFT_ENOFUNC);
    assert_int_equal(graft_plan_undo(plan, NULL), 0);
    assert_int_equal(graft_hook("serve", model_wrap[1], NULL), 0);
    assert_int_equal(graft_hook_enable("serve", model_wrap[1], 0), 0);
    assert_int_equal(graft_unhook("serve", model_wrap[1]), 0);
    assert_int_equal(graft_unhook("serve", model_wrap[1]), -GRAFT_ESTATE);
    assert_int_equal(errno, 4242);
    graft_plan_free(plan);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_plans_on_one_function_are_undone_in_both_orders),
        cmocka_unit_test(a_plan_that_another_overtook_is_stale_and_changes_nothing),
        cmocka_unit_test(a_plan_that_is_freed_unapplied_leaves_nothing),
        cmocka_unit_test(a_freed_plan_leaves_its_hooks_in),
        cmocka_unit_test(a_plan_of_hooks_knows_its_state),
        cmocka_unit_test(a_plan_whose_hook_was_unhooked_is_undone_in_peace),
        cmocka_unit_test(several_hooks_of_one_plan_go_in_together_newest_first),
        cmocka_unit_test(hooks_over_a_rebound_slot_come_off_in_each_order),
        cmocka_unit_test(a_rebind_over_a_hooked_slot_comes_off_in_each_order),
        cmocka_unit_test(wrong_requests_say_what_is_wrong),
        cmocka_unit_test(what_is_not_hooked_cannot_be_unhooked),
        cmocka_unit_test(a_replacement_that_another_plan_holds_already_is_refused),
        cmocka_unit_test(the_same_replacement_twice_is_refused),
        cmocka_unit_test(hooks_of_one_plan_come_all_or_not_at_all),
        cmocka_unit_test(a_plan_tells_its_slots_and_what_will_be_called_first),
        cmocka_unit_test(a_plan_tells_of_the_loaders_own_pointers_and_of_exports_that_cannot_lead),
        cmocka_unit_test(hooks_are_listed_in_the_order_of_calling),
        cmocka_unit_test(a_hook_library_is_started_and_stopped_once),
        cmocka_unit_test(errno_is_the_callers),
    };
    return each_in_a_process(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
