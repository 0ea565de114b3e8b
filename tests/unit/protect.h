/* SPDX-License-Identifier: MIT */
#ifndef TESTS_PROTECT_H
#define TESTS_PROTECT_H

/* Every mprotect of a test program passes here, is noted, and fails if the test wants it
 * to. It defines mprotect: only the file whose program shall be so includes it. */

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process.h"

enum { CALLS_MAX = 4096 };

static struct { uintptr_t start; size_t size; int protection; } calls[CALLS_MAX];
static atomic_size_t call_count;
static int fail_at = -1;                /* the number of the call; none if negative */

int mprotect(void *start, size_t size, int protection)
{
    size_t i = atomic_fetch_add(&call_count, 1) % CALLS_MAX;
    calls[i].start = (uintptr_t)start;
    calls[i].size = size;
    calls[i].protection = protection;
    if ((int)i == fail_at)
        return errno = ENOMEM, -1;
    return (int)syscall(SYS_mprotect, start, size, protection);
}

/* The test fails unless the first @count calls are of regions that were each opened once
 * and closed once, none of them writable and executable. */
static void expect_opened_once(size_t count)
{
    assert_true(count >= 2 && count % 2 == 0);
    for (size_t i = 0; i < count; i++) {
        size_t same = 0;
        assert_false((calls[i].protection & PROT_WRITE) && (calls[i].protection & PROT_EXEC));
        for (size_t k = 0; k < count; k++)
            same += calls[k].start < calls[i].start + calls[i].size && calls[i].start < calls[k].start + calls[k].size;
        assert_int_equal(same, 2);
    }
}

#endif
