/* SPDX-License-Identifier: MIT */
#ifndef TESTS_ORDER_H
#define TESTS_ORDER_H

#include <pthread.h>
#include <stdatomic.h>

/* A thread that stands ready: at an order it waits for @delay turns of an empty loop and
 * makes its calls, so that they fall into what the test does meanwhile. */
struct order {
    void (*calls)(void);
    atomic_uint delay;
    atomic_int started, answered;       /* since the last order */
    atomic_int next;                    /* the thread's own, as is what follows */
    pthread_t thread;
};

void order_begin(struct order *);
/* Returns at once. */
void order_give(struct order *);
void order_end(struct order *);

#endif
