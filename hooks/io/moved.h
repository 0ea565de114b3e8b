/* SPDX-License-Identifier: MIT */
#ifndef IO_MOVED_H
#define IO_MOVED_H

/* What the replacements say about a call that has returned; each gives its result back,
 * and leaves errno as the call left it. */

#include <sys/types.h>

#include "ledger.h"
#include "tell.h"

/* @path was opened as @fd, relative to the directory @at; or was not: -1 with errno. */
int files_opened(const char *call, int at, const char *path, int fd);

/* Two ends of something called @name. */
int files_paired(const char *call, const char *name, const int *ends, int result);

/* A call counts if it succeeded, with 0 bytes too: that is how an end is told. */
static inline void moved_by(const char *call, struct account *account, bool out, ssize_t size)
{
    if (account && size >= 0) {
        struct counts *counts = &account->counts;
        ledger_add(out ? &counts->writes : &counts->reads, 1);
        ledger_add(out ? &counts->written_bytes : &counts->read_bytes, (unsigned long)size);
    }
    if (__builtin_expect(tell_settings.log, 0))
        tell_call(call, account, size);
}

static inline ssize_t moved_in(const char *call, int fd, ssize_t size)
{
    if (size >= 0 || tell_settings.log)
        moved_by(call, ledger_of(fd), false, size);
    return size;
}

static inline ssize_t moved_out(const char *call, int fd, ssize_t size)
{
    if (size >= 0 || tell_settings.log)
        moved_by(call, ledger_of(fd), true, size);
    return size;
}

#endif
