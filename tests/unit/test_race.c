/* SPDX-License-Identifier: MIT */
/* Ten thousand timed tries of a thread that is inside the resolver for the slot
 * that is written: its late store must not win. */

#include "fixture.h"
#include "order.h"
#include "process.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static unsigned aim;
static int (*first_call)(void);
static int answer;

static void call_first(void)
{
    answer = first_call();
}

static struct order order = { .calls = call_first };

struct totals { unsigned resolver_won, called_duplicate, lost; };

/* One try: the slot is not resolved; call and apply start together. The slot holds
 * the host's address once apply has returned and the call is over, or soon after. */
static void try_once(void *consumer, uintptr_t slot, uintptr_t stub, unsigned turn, struct totals *totals)
{
    *(volatile uintptr_t *)slot = stub;
    struct graft_plan *plan = fixture_plan(consumer, "libfixhost.so", 0, "fix_call");
    const struct graft_edit *edit = fixture_edit(plan, "fix_call", GRAFT_SLOT_JUMP_SLOT);
    assert_int_equal(edit->verdict, GRAFT_VERDICT_LAZY);
    uintptr_t wanted = edit->new_value;
    order_give(&order);
    fixture_apply(plan);
    totals->resolver_won += fixture_word(slot) != wanted;
    for (int i = 0; !order.answered && i < 10000; i++)
        usleep(10);
    for (int i = 0; fixture_word(slot) != wanted && i < 5; i++)
        usleep(1000);
    totals->lost += fixture_word(slot) != wanted;
    totals->called_duplicate += answer == PROBE_DUPLICATE;
    /* The call that came too early waits longer next time, and the other way: so the
     * two meet, with some jitter around. */
    aim += answer == PROBE_DUPLICATE ? 200 : aim > 200 ? -200 : 0;
    order.delay = aim + turn * 37 % 400;
    graft_plan_undo(plan, NULL);
    graft_plan_free(plan);
}

static void race(const char *file)
{
    const unsigned tries = is_soak() ? 200000 : getenv("GRAFT_SLOW_TOOL") ? 50 : 10000;
    struct totals totals = { 0, 0, 0 };
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    void *consumer = fixture_open(file, RTLD_LAZY);
    *(void **)&first_call = dlsym(consumer, "consumer_call");
    struct graft_plan *plan = fixture_plan(consumer, "libfixhost.so", 0, "fix_call");
    const struct graft_edit *edit = fixture_edit(plan, "fix_call", GRAFT_SLOT_JUMP_SLOT);
    uintptr_t slot = edit->slot, stub = edit->old_value;
    graft_plan_free(plan);
    order_begin(&order);
    for (unsigned i = 0; i < tries; i++)
        try_once(consumer, slot, stub, i, &totals);
    order_end(&order);
    printf("%u tries: %u calls reached the duplicate, %u slots overwritten when apply returned, %u lost\n",
           tries, totals.called_duplicate, totals.resolver_won, totals.lost);
    assert_int_equal(totals.lost, 0);
}

static void no_edit_is_lost_to_the_resolver(void **state)
{
    (void)state;
    race("libconsumer-bfd-lazy-plt-none-gnu-ver-relr-gd.so");
}

static void no_edit_is_lost_to_the_resolver_of_another_linker(void **state)
{
    (void)state;
    race("libconsumer-lld-lazy-plt-partial-both-unver-norelr-gd.so");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_edit_is_lost_to_the_resolver),
        cmocka_unit_test(no_edit_is_lost_to_the_resolver_of_another_linker),
    };
    return each_in_a_process(argc, argv, tests, is_soak() ? 2 : 1);
}
