/* SPDX-License-Identifier: MIT */
/* Chains: who is called first, in every order of coming, going and being switched,
 * against a model that sorts (hook_model.h). After the last one went the very bytes are
 * back. */

#include "hook_fixture.h"
#include "hook_model.h"
#include "process.h"

#include <stdlib.h>

enum { HOOKS = MODEL_HOOKS, ORDERS = 24 };

/* The order of number @n, 0 to 23. */
static void order_of(int n, int *order)
{
    bool used[HOOKS] = { false };
    for (int i = 0, left = 6; i < HOOKS; i++, left = left > 1 ? left / (HOOKS - i) : 1) {
        int skip = n / left;
        n %= left;
        for (int k = 0; k < HOOKS; k++)
            if (!used[k] && skip-- == 0) {
                used[k] = true;
                order[i] = k;
                break;
            }
    }
}

/* ---- order ----------------------------------------------------------------------------------- */

static void orders_are_all_different(void **state)
{
    int seen[ORDERS][HOOKS];
    (void)state;
    for (int n = 0; n < ORDERS; n++) {
        order_of(n, seen[n]);
        for (int k = 0; k < n; k++)
            assert_memory_not_equal(seen[n], seen[k], sizeof seen[n]);
    }
}

static void in_and_out(const int *priority, const int *leaving)
{
    struct hook_bytes *before = hook_bytes_take();
    for (int i = 0; i < HOOKS; i++) {
        model_put_in(i, priority[i]);
        model_check();
    }
    for (int i = 0; i < HOOKS; i++) {
        model_take_out(leaving[i]);
        model_check();
    }
    hook_bytes_same(before);
    assert_int_equal(hook_count(), 0);
}

static int every(int all)
{
    return getenv("GRAFT_SLOW_TOOL") ? 7 * all : all;
}

static void hooks_are_called_by_priority_and_leave_in_every_order(void **state)
{
    int priority[HOOKS], leaving[HOOKS];
    (void)state;
    model_open();
    for (int n = 0; n < ORDERS * ORDERS; n += every(1)) {
        order_of(n / ORDERS, priority);
        order_of(n % ORDERS, leaving);
        in_and_out(priority, leaving);
    }
}

static void of_equal_priorities_the_newest_is_called_first(void **state)
{
    static const int equal[][HOOKS] = { { 0, 0, 0, 0 }, { 1, -1, 1, -1 }, { 0, 5, 5, 0 }, { -3, -3, -3, 0 } };
    int leaving[HOOKS];
    (void)state;
    model_open();
    for (size_t e = 0; e < sizeof equal / sizeof equal[0]; e++)
        for (int n = 0; n < ORDERS; n += every(1)) {
            order_of(n, leaving);
            in_and_out(equal[e], leaving);
        }
}

static void hooks_are_turned_off_and_on_in_every_order(void **state)
{
    static const int priority[HOOKS] = { 1, 0, 2, 0 };
    int off[HOOKS], on[HOOKS];
    (void)state;
    model_open();
    struct hook_bytes *before = hook_bytes_take();
    for (int i = 0; i < HOOKS; i++)
        model_put_in(i, priority[i]);
    for (int n = 0; n < ORDERS * ORDERS; n += every(5)) {
        order_of(n / ORDERS, off);
        order_of(n % ORDERS, on);
        for (int i = 0; i < HOOKS; i++) {
            model_turn(off[i], false);
            model_check();
        }
        for (int i = 0; i < HOOKS; i++) {
            model_turn(on[i], true);
            model_check();
        }
    }
    for (int i = 0; i < HOOKS; i++)
        model_turn(i, false);
    hook_bytes_same(before);            /* nobody is called: nothing is left of them in the slots */
    for (int i = 0; i < HOOKS; i++)
        model_take_out(i);
}

/* All that can be done, in an order that nobody thought of. */
static void whatever_comes_next_the_calls_are_right(void **state)
{
    const int steps = getenv("GRAFT_SLOW_TOOL") ? 300 : 4000;
    unsigned random = 20260;
    (void)state;
    model_open();
    struct hook_bytes *before = hook_bytes_take();
    for (int step = 0; step < steps; step++) {
        int i = (int)((random = random * 1103515245 + 12345) >> 16) % HOOKS, what = (int)(random >> 8 & 3);
        if (!model[i].in)
            model_put_in(i, (int)(random >> 20) % 3);
        else if (what == 0)
            model_take_out(i);
        else
            model_turn(i, what == 1 ? !model[i].on : what == 2);
        model_check();
    }
    for (int i = 0; i < HOOKS; i++)
        if (model[i].in)
            model_take_out(i);
    model_check();
    hook_bytes_same(before);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_are_all_different),
        cmocka_unit_test(hooks_are_called_by_priority_and_leave_in_every_order),
        cmocka_unit_test(of_equal_priorities_the_newest_is_called_first),
        cmocka_unit_test(hooks_are_turned_off_and_on_in_every_order),
        cmocka_unit_test(whatever_comes_next_the_calls_are_right),
    };
    return each_in_a_process(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
