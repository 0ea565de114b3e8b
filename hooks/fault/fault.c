/* SPDX-License-Identifier: MIT */
/* The hook library `fault`. The replacements: each asks the rules and then either is the function, or fails as
 * the function does: its value, errno, and nothing else touched. Invariant: a call
 * that no rule is about costs one load and a branch. stdio's reads and writes are not
 * here: a FILE's error mark cannot be set from outside. */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/hook.h"
#include "common/io_own.h"
#include "common/life.h"
#include "fault/calls.h"
#include "rules.h"

#define NO_FD -1
#define ERROR_OF(call, path, fd, size) \
    (__builtin_expect(rules_cover[FAULT_##call], 0) ? rules_judge(FAULT_##call, path, fd, CALLER, size) : 0)

static inline int fails(int error)
{
    if (error)
        errno = error;
    return error;
}
#define FAILS(call, path, fd, size) fails(ERROR_OF(call, path, fd, size))

#define DEFINE_PLAIN(type, failure, call, path, fd, size, name, parameters, arguments) \
    static type (*next_##name) parameters; \
    static type our_##name parameters { return FAILS(call, path, fd, size) ? failure : next_##name arguments; }
PLAIN(DEFINE_PLAIN)

#define DEFINE_RETURNING(call, name, parameters, arguments) \
    static int (*next_##name) parameters; \
    static int our_##name parameters \
    { \
        int error = ERROR_OF(call, NULL, NO_FD, NULL); \
        return error ? error : next_##name arguments; \
    }
RETURNING(DEFINE_RETURNING)

/* ---- the mode is there only if a file may be made --------------------------------- */

#define DEFINE_OPENING(name, parameters, arguments) \
    static int (*next_##name) parameters; \
    static int our_##name parameters \
    { \
        mode_t mode = 0; \
        if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE) { \
            va_list rest; \
            va_start(rest, flags); \
            mode = va_arg(rest, mode_t); \
            va_end(rest); \
        } \
        return FAILS(open, path, NO_FD, NULL) ? -1 : next_##name arguments; \
    }
OPENING(DEFINE_OPENING)

/* ---- several buffers: the first bytes of them -------------------------------------- */

static size_t length_of(const struct iovec *parts, int many)
{
    size_t length = 0;
    for (int i = 0; i < many; i++)
        length += parts[i].iov_len;
    return length;
}

/* Copies the parts that hold the first @length bytes; how many. */
static int cut(struct iovec *to, const struct iovec *parts, int many, size_t length)
{
    int used = 0;
    for (; used < many && (length || !used); used++) {
        to[used] = parts[used];
        if (to[used].iov_len > length)
            to[used].iov_len = length;
        length -= to[used].iov_len;
    }
    return used;
}

#define DEFINE_VECTORED(call, name, parameters, arguments) \
    static ssize_t (*next_##name) parameters; \
    static ssize_t our_##name parameters \
    { \
        bool whole = !rules_cover[FAULT_##call] || many <= 0 || many > IOV_MAX; \
        size_t length = whole ? 0 : length_of(parts, many), wanted = length; \
        if (FAILS(call, NULL, fd, &wanted)) \
            return -1; \
        struct iovec some[wanted < length ? many : 1]; \
        if (wanted < length) { \
            many = cut(some, parts, many, wanted); \
            parts = some; \
        } \
        return next_##name arguments; \
    }
VECTORED(DEFINE_VECTORED)

static ssize_t (*next_sendmsg)(int, const struct msghdr *, int);
static ssize_t our_sendmsg(int fd, const struct msghdr *message, int flags)
{
    size_t length = rules_cover[FAULT_send] ? length_of(message->msg_iov, (int)message->msg_iovlen) : 0, wanted = length;
    if (FAILS(send, NULL, fd, &wanted))
        return -1;
    if (wanted == length || message->msg_iovlen > IOV_MAX)
        return next_sendmsg(fd, message, flags);
    struct iovec some[message->msg_iovlen];
    struct msghdr less = *message;
    less.msg_iovlen = (size_t)cut(some, message->msg_iov, (int)message->msg_iovlen, wanted);
    less.msg_iov = some;
    return next_sendmsg(fd, &less, flags);
}

static ssize_t (*next_recvmsg)(int, struct msghdr *, int);
static ssize_t our_recvmsg(int fd, struct msghdr *message, int flags)
{
    size_t length = rules_cover[FAULT_recv] ? length_of(message->msg_iov, (int)message->msg_iovlen) : 0, wanted = length;
    if (FAILS(recv, NULL, fd, &wanted))
        return -1;
    if (wanted == length || message->msg_iovlen > IOV_MAX)
        return next_recvmsg(fd, message, flags);
    struct iovec some[message->msg_iovlen], *all = message->msg_iov;
    size_t many = message->msg_iovlen;
    struct msghdr less = *message;
    less.msg_iovlen = (size_t)cut(some, all, (int)many, wanted);
    less.msg_iov = some;
    ssize_t got = next_recvmsg(fd, &less, flags);
    *message = less;
    message->msg_iov = all;
    message->msg_iovlen = many;
    return got;
}

/* ---- what is more than a value and errno -------------------------------------------- */

/* A descriptor whose close failed is closed nevertheless. */
static int (*next_close)(int);
static int our_close(int fd)
{
    int error = ERROR_OF(close, NULL, fd, NULL), result = next_close(fd);
    if (result || !error)
        return result;
    errno = error;
    return -1;
}

/* Whose caller matters: dlopen looks where its caller's object says, vfork returns to
 * it twice. So a stub (enter_x86_64.S) asks, and jumps on from the caller's own frame. */
void *(*next_dlopen)(const char *, int);
pid_t (*next_vfork)(void);
void *our_dlopen(const char *, int);
const char *fault_dlopen(const char *path, const void *caller);
int fault_vfork(const void *caller);
pid_t our_vfork(void);

/* A real failure, and dlerror's text with it: no library has a name that ends in a
 * slash. The name must outlive the call that it is jumped to with: a ring, longer than
 * threads will stand in failing dlopens at once. */
const char *fault_dlopen(const char *path, const void *caller)
{
    static char ring[64][PATH_MAX + 1];
    static _Atomic unsigned next;
    if (!rules_cover[FAULT_dlopen] || !path || strlen(path) >= PATH_MAX)
        return path;
    if (!rules_judge(FAULT_dlopen, path, NO_FD, caller, NULL))
        return path;
    char *missing = ring[next++ % COUNT_OF(ring)];
    return strcat(strcpy(missing, path), "/");
}

int fault_vfork(const void *caller)
{
    return rules_cover[FAULT_fork] ? fails(rules_judge(FAULT_fork, NULL, NO_FD, caller, NULL)) : 0;
}

/* ---- the library ----------------------------------------------------------------------- */

#define ROW(call, name, ...) { .size = sizeof(struct graft_hook), .symbol = #name, .replacement = (void *)our_##name, \
                          .original = (void **)&next_##name, .flags = GRAFT_HOOK_LATE },
#define ROW_PLAIN(type, failure, call, path, fd, size, name, ...) ROW(call, name)
#define ROW_OPENING(name, ...) ROW(open, name)

#define CALL(call, ...) FAULT_##call,
#define CALL_PLAIN(type, failure, call, ...) FAULT_##call,
#define CALL_OPENING(...) FAULT_open,

static struct graft_hook hooks[] = {
    PLAIN(ROW_PLAIN) RETURNING(ROW) OPENING(ROW_OPENING) VECTORED(ROW)
    ROW(send, sendmsg) ROW(recv, recvmsg) ROW(close, close) ROW(dlopen, dlopen) ROW(fork, vfork)
    LIFE_HOOKS
};
static const unsigned char call_of[] = {
    PLAIN(CALL_PLAIN) RETURNING(CALL) OPENING(CALL_OPENING) VECTORED(CALL)
    FAULT_send, FAULT_recv, FAULT_close, FAULT_dlopen, FAULT_fork
};

static void report(void)
{
    struct report out;
    report_begin(&out);
    rules_report(&out);
    report_send(&out);
}

static int start(const char *arguments, char **environment, struct graft_error *error)
{
    (void)environment;
    int code = rules_parse(arguments, error);
    if (code)
        return code;
    for (size_t i = 0; i < COUNT_OF(call_of); i++)      /* what no rule is about is left as it is */
        if (!rules_cover[call_of[i]])
            hooks[i].flags |= GRAFT_HOOK_DISABLED;
    return life_start("fault", report, rules_reset, error);
}

GRAFT_API const struct graft_hook_library graft_hook_library = {
    .size = sizeof(struct graft_hook_library),
    .name = "fault",
    .help = "calls fail as the rules say: the n-th open, every third read, one malloc in a thousand",
    .arguments = "call=NAME[+NAME],nth=N|every=N|rate=1/N,from=N,to=N,times=N,path=GLOB,fd=N|KIND,in=GLOB,"
                 "errno=NAME|short=BYTES,delay=MS[;RULE...], file=PATH, json",
    .hooks = hooks,
    .count = COUNT_OF(hooks),
    .start = start,
    .stop = life_stop,
};
