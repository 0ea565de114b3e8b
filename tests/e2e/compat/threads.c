/* SPDX-License-Identifier: MIT */
/* Threads call all the while as tools come and go: every answer is one that some set of
 * wrappers gives, each at most once. Then also as tools change places, where a call under
 * way may meet one twice. Afterwards nothing is left. */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "both.h"

static int stop, moving, wrong, wrong_answer, calls;

WRAPPER(a, 10)
WRAPPER(b, 100)

static struct gotcha_binding_t a[] = { { "number", (void *)a_wrapper, &a_handle } };
static struct gotcha_binding_t b[] = { { "number", (void *)b_wrapper, &b_handle } };

/* 1, and the wrappers that were met. */
static void check(int answer, int may_be_replaced)
{
    int most = __atomic_load_n(&moving, __ATOMIC_RELAXED) ? 9 : 1;
    if (answer % 10 == 1 && answer / 10 % 10 <= most && answer / 100 % 10 <= most && answer / 1000 <= may_be_replaced)
        return;
    __atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&wrong_answer, answer, __ATOMIC_RELAXED);
}

static void *call(void *unused)
{
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        check(ask_one(), 1);
        check(ask_two(), 0);
        check(number(), 0);
        __atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
    }
    return unused;
}

static void *prioritise(void *unused)
{
    for (int i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++)
        gotcha_set_priority("A", i & 3);
    return unused;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Tools and a replacement come and go for @seconds; returns how often. */
static int come_and_go(plthook_t *one, double seconds)
{
    int rounds = 0;
    for (double end = now() + seconds; now() < end; rounds++) {
        gotcha_wrap(a, 1, "A");
        plthook_replace(one, "number", (void *)replacement, before ? NULL : (void **)&before);
        gotcha_wrap(b, 1, "B");
        int answer = ask_one();
        check(answer / 1000 == 1 ? answer : 0, 1);
        gotcha_unwrap("A");
        plthook_replace(one, "number", (void *)before, NULL);
        gotcha_unwrap("B");
    }
    return rounds;
}

int main(void)
{
    pthread_t thread[3], mover;
    plthook_t *one;
    if (plthook_open(&one, "libone.so"))
        return printf("%s\n", plthook_error());
    gotcha_set_priority("B", 1);
    for (int i = 0; i < 3; i++)
        pthread_create(&thread[i], NULL, call, NULL);
    int rounds = come_and_go(one, 0.5);
    __atomic_store_n(&moving, 1, __ATOMIC_RELAXED);
    pthread_create(&mover, NULL, prioritise, NULL);
    int moving_rounds = come_and_go(one, 0.5);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    pthread_join(mover, NULL);
    printf("wrong: %d (%d), some rounds: %d %d, some calls: %d\n", wrong, wrong_answer, rounds > 3, moving_rounds > 3,
           calls > 1000);
    printf("left: %d %d %d\n", number(), ask_one(), ask_two());
    return 0;
}
