/* SPDX-License-Identifier: MIT */
/* A model of the chain of one function: who is in, who is on, in which order they are
 * called. Invariant: model_check asks every kind of slot of libraries of every linker, and
 * compares who was called, and in which order, with what sorting says. */

#include "hook_model.h"

#include <dlfcn.h>
#include <string.h>

#include "hook_fixture.h"
#include "process.h"

enum { USERS = 4 };

static const char *const users[USERS] = { "libuser_lazy.so", "libuser_now.so", "libuser_lld.so", "libuser_mold.so" };

/* ---- four wrappers that say that they were called ----------------------------------------- */

static char trace[64];
size_t model_traced;
int (*model_original[MODEL_HOOKS])(int);

static int call_traced(int i, int x)
{
    trace[model_traced++ % (sizeof trace - 1)] = (char)('a' + i);
    return model_original[i](x);
}

static int wrap_a(int x) { return call_traced(0, x); }
static int wrap_b(int x) { return call_traced(1, x); }
static int wrap_c(int x) { return call_traced(2, x); }
static int wrap_d(int x) { return call_traced(3, x); }

int (*const model_wrap[MODEL_HOOKS])(int) = { wrap_a, wrap_b, wrap_c, wrap_d };

/* ---- the model ------------------------------------------------------------------------------- */

struct model model[MODEL_HOOKS];
unsigned model_now;

static bool is_before(int i, int k)
{
    return model[i].priority != model[k].priority ? model[i].priority > model[k].priority : model[i].age > model[k].age;
}

static void expected_trace(char *text)
{
    for (int rank = 0; rank < MODEL_HOOKS; rank++)
        for (int i = 0; i < MODEL_HOOKS; i++) {
            int before = 0;
            for (int k = 0; k < MODEL_HOOKS; k++)
                before += model[k].in && model[k].on && k != i && is_before(k, i);
            if (model[i].in && model[i].on && before == rank)
                *text++ = (char)('a' + i);
        }
    *text = '\0';
}

struct call { int (*function)(int); int x, answer, times; };

static struct call calls[5 * USERS + 1];
static size_t call_count;

/* Calls of @library through each kind of slot, with the answers of model_now. */
static void know_calls(void *library)
{
    static const struct { const char *name; int times; } paths[] = {
        { "user_serve", 1 }, { "user_pointer", 1 }, { "user_table", 1 }, { "user_twice", 2 }, { "user_visit", 0 } };
    for (size_t i = 0; i < 5; i++) {
        struct call *call = &calls[call_count++];
        *call = (struct call){ hook_function(library, paths[i].name), 2, 0, paths[i].times };
        call->answer = call->function(call->x);
    }
}

void model_check(void)
{
    char one[MODEL_HOOKS + 1], expected[2 * MODEL_HOOKS + 1];
    expected_trace(one);
    for (size_t i = 0; i < call_count; i++) {
        model_traced = 0;
        memset(trace, 0, sizeof trace);
        assert_int_equal(calls[i].function(calls[i].x), calls[i].answer);
        expected[0] = '\0';
        for (int k = 0; k < calls[i].times; k++)
            strcat(expected, one);
        assert_string_equal(trace, expected);
    }
}

void model_open(void)
{
    for (int i = 0; i < USERS; i++)
        know_calls(hook_open(users[i], i % 2 ? RTLD_NOW : RTLD_LAZY));
    hook_warm_up();
}

struct graft_hook model_hook(int i)
{
    struct graft_hook hook = HOOK("serve", model_wrap[i], &model_original[i], "libserve1.so");
    hook.priority = model[i].priority;
    return hook;
}

void model_put_in(int i, int priority)
{
    model[i].priority = priority;
    model[i].in = model[i].on = true;
    model[i].age = ++model_now;
    struct graft_hook hook = model_hook(i);
    graft_plan_free(hook_apply(&hook, 1));
}

void model_take_out(int i)
{
    model[i].in = false;
    assert_int_equal(graft_unhook("serve", model_wrap[i]), 0);
}

void model_turn(int i, bool on)
{
    model[i].on = on;
    assert_int_equal(graft_hook_enable("serve", model_wrap[i], on), 0);
}
