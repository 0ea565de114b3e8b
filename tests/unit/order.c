/* SPDX-License-Identifier: MIT */
/* Calls on order. Invariant: the thread spins while it waits; one that slept would
 * come too late for what is measured in nanoseconds. */

#include "order.h"

#include <stddef.h>

#include "process.h"

enum { IDLE, GO, QUIT };

static void spin(unsigned rounds)
{
    for (volatile unsigned i = 0; i < rounds; i++)
        ;
}

static void *call_on_order(void *arg)
{
    struct order *order = arg;
    for (;;) {
        int now;
        while ((now = order->next) == IDLE)
            ;
        if (now == QUIT)
            return NULL;
        order->next = IDLE;
        order->started = 1;
        spin(order->delay);
        order->calls();
        order->answered = 1;
    }
}

void order_begin(struct order *order)
{
    order->next = IDLE;
    assert_int_equal(pthread_create(&order->thread, NULL, call_on_order, order), 0);
}

void order_give(struct order *order)
{
    order->started = order->answered = 0;
    order->next = GO;
}

void order_end(struct order *order)
{
    order->next = QUIT;
    pthread_join(order->thread, NULL);
}
