/* SPDX-License-Identifier: MIT */
#ifndef ATTACH_SHARED_H
#define ATTACH_SHARED_H

/* What a target tells its test: a page that both map (descriptor 3 of the
 * target). */

#include <stdatomic.h>
#include <stdint.h>

enum { SHARED_DESCRIPTOR = 3, SLOTS = 1000, DUPLICATE = 2, HOST = 1 };

struct shared {
    _Atomic int ready;              /* everything is loaded, all threads run */
    _Atomic uint64_t calls;         /* of the whole consumer, all threads */
    _Atomic uint32_t sum;           /* of the last one: SLOTS × HOST or SLOTS × DUPLICATE */
    _Atomic uint64_t signals;       /* SIGUSR1 handled */
    _Atomic uint64_t interrupted;   /* calls that failed with EINTR */
    _Atomic uint64_t blocked_calls; /* that ended as they should */
    _Atomic uint64_t started;       /* short-lived threads */
    _Atomic int call_lazily;        /* the target resolves its lazy slots when this is set */
    _Atomic int semaphore;          /* its number + 1: outlives the target, so the test removes it */
    _Atomic int exit_now;
};

#endif
