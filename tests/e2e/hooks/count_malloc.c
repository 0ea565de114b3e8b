/* SPDX-License-Identifier: MIT */
/* The judge of hooks/malloc: counts the same calls by another way, interposition, in
 * the same process. Preloaded, its malloc is the one that everybody finds, and what
 * the hooks lead to in the end; so a call that passes a hook by is counted here alone.
 * It is a hook library without hooks as well: start, called when graft puts the
 * hooks in, is where both begin to count; both end with the process.
 *      --hook malloc:json,file=DIR/hook.%p --hook ./count_malloc.so:DIR/count
 * writes "FUNCTION CALLS" lines to DIR/count.PID. Invariant: allocates nothing. */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <graft/hook.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PUBLIC __attribute__((visibility("default")))

#define FUNCTIONS(X) \
    X(malloc) X(calloc) X(realloc) X(reallocarray) X(free) X(posix_memalign) X(aligned_alloc) X(memalign) \
    X(valloc) X(pvalloc)

enum {
#define X(name) COUNT_##name,
    FUNCTIONS(X)
#undef X
    COUNT_ALL
};

void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t), *__libc_valloc(size_t), *__libc_pvalloc(size_t);
void __libc_free(void *);

static struct {
    _Atomic size_t calls[COUNT_ALL];
    pid_t process;
    bool reported;
    char path[4000];
} counted;

#define COUNT(name) atomic_fetch_add(&counted.calls[COUNT_##name], 1)

PUBLIC void *malloc(size_t size)
{
    COUNT(malloc);
    return __libc_malloc(size);
}

PUBLIC void *calloc(size_t members, size_t size)
{
    COUNT(calloc);
    return __libc_calloc(members, size);
}

PUBLIC void *realloc(void *memory, size_t size)
{
    COUNT(realloc);
    return __libc_realloc(memory, size);
}

/* libc's own calls realloc, which must be seen as well. */
PUBLIC void *reallocarray(void *memory, size_t members, size_t size)
{
    static void *(*next)(void *, size_t, size_t);
    COUNT(reallocarray);
    if (!next)
        next = (void *(*)(void *, size_t, size_t))dlsym(RTLD_NEXT, "reallocarray");
    return next(memory, members, size);
}

PUBLIC void free(void *memory)
{
    COUNT(free);
    __libc_free(memory);
}

PUBLIC int posix_memalign(void **memory, size_t alignment, size_t size)
{
    int saved = errno;
    COUNT(posix_memalign);
    if (!alignment || alignment % sizeof(void *) || alignment & (alignment - 1))
        return EINVAL;
    void *given = __libc_memalign(alignment, size);
    errno = saved;
    if (!given)
        return ENOMEM;
    *memory = given;
    return 0;
}

PUBLIC void *aligned_alloc(size_t alignment, size_t size)
{
    COUNT(aligned_alloc);
    return __libc_memalign(alignment, size);
}

PUBLIC void *memalign(size_t alignment, size_t size)
{
    COUNT(memalign);
    return __libc_memalign(alignment, size);
}

PUBLIC void *valloc(size_t size)
{
    COUNT(valloc);
    return __libc_valloc(size);
}

PUBLIC void *pvalloc(size_t size)
{
    COUNT(pvalloc);
    return __libc_pvalloc(size);
}

/* ---- the report -------------------------------------------------------------------- */

static void report(void)
{
    static const char *const names[] = {
#define X(name) #name,
        FUNCTIONS(X)
#undef X
    };
    char path[4100], text[1000];
    int length = 0;
    if (counted.reported || getpid() != counted.process)
        return;
    counted.reported = true;
    for (int i = 0; i < COUNT_ALL; i++)
        length += snprintf(text + length, sizeof text - (size_t)length, "%s %zu\n", names[i], counted.calls[i]);
    snprintf(path, sizeof path, "%s.%d", counted.path, (int)getpid());
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    (void)!syscall(SYS_write, file, text, (size_t)length);
    syscall(SYS_close, file);
}

static void at_end(int status, void *arg)
{
    (void)status;
    (void)arg;
    report();
}

static void child(void)
{
    for (int i = 0; i < COUNT_ALL; i++)
        counted.calls[i] = 0;
    counted.process = getpid();
    counted.reported = false;
}

PUBLIC void _exit(int status)
{
    report();
    syscall(SYS_exit_group, status);
    __builtin_unreachable();
}

PUBLIC void _Exit(int status)
{
    _exit(status);
}

/* Runs no handlers of pthread_atfork. */
PUBLIC pid_t _Fork(void)
{
    pid_t (*next)(void) = (pid_t (*)(void))dlsym(RTLD_NEXT, "_Fork");
    pid_t process = next();
    if (!process)
        child();
    return process;
}

static int start(const char *arguments, char **environment, struct graft_error *error)
{
    (void)environment;
    (void)error;
    if (*arguments != '/' && syscall(SYS_getcwd, counted.path, 3000) > 0)
        strcat(counted.path, "/");
    strncat(counted.path, arguments, 900);
    on_exit(at_end, NULL);
    at_quick_exit(report);
    pthread_atfork(NULL, NULL, child);
    child();
    return 0;
}

const struct graft_hook_library graft_hook_library = {
    .size = sizeof graft_hook_library,
    .name = "count_malloc",
    .help = "count by interposition",
    .arguments = "PATH",
    .start = start,
};
