/* SPDX-License-Identifier: MIT */
#ifndef FAULT_RULES_H
#define FAULT_RULES_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <graft/hook.h>

#include "common/report.h"

/* X(name, errno): what a rule can name, and why it fails unless the rule says. One
 * name covers the twins of a function: 64, at, _chk, v, and their likes. */
#define FAULT_CALLS(X) \
    X(open, ENOENT) X(fopen, ENOENT) X(opendir, EMFILE) X(mkstemp, ENOSPC) X(stat, ENOENT) X(access, EACCES) \
    X(readlink, ENOENT) X(rename, EACCES) X(unlink, EACCES) X(link, EMLINK) X(mkdir, ENOSPC) X(rmdir, EBUSY) \
    X(chmod, EPERM) X(chdir, ENOENT) X(truncate, ENOSPC) X(close, EIO) X(dup, EMFILE) X(pipe, EMFILE) X(flock, ENOLCK) \
    X(read, EIO) X(pread, EIO) X(write, ENOSPC) X(pwrite, ENOSPC) X(copy, EIO) X(lseek, EIO) X(fsync, EIO) \
    X(socket, EMFILE) X(connect, ECONNREFUSED) X(bind, EADDRINUSE) X(listen, EADDRINUSE) X(accept, ECONNABORTED) \
    X(recv, ECONNRESET) X(send, ECONNRESET) X(poll, EINTR) \
    X(malloc, ENOMEM) X(calloc, ENOMEM) X(realloc, ENOMEM) X(memalign, ENOMEM) X(mmap, ENOMEM) \
    X(fork, EAGAIN) X(exec, ENOENT) X(pthread_create, EAGAIN) X(dlopen, ENOENT) X(getrandom, EAGAIN)

enum fault_call {
#define FAULT_ENUM(name, error) FAULT_##name,
    FAULT_CALLS(FAULT_ENUM)
#undef FAULT_ENUM
    FAULT_COUNT
};

/* Reads "RULE;RULE;...". 0, or -GRAFT_EINVAL with the reason. */
int rules_parse(const char *arguments, struct graft_error *);

/* Which calls any rule is about, by number. */
extern bool rules_cover[FAULT_COUNT];

/* Counts a call, and returns the error it fails with, or 0. @path and @size may be
 * NULL, @fd -1; *@size becomes smaller where a rule says so. Sleeps where one says
 * so. errno stays as it was. */
int rules_judge(enum fault_call, const char *path, int fd, const void *caller, size_t *size);

void rules_report(struct report *);
void rules_reset(void);

#endif
