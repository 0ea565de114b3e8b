/* SPDX-License-Identifier: MIT */
/* Files and descriptors. Invariant: every function is called with what the program
 * gave, before anything is counted (a close is: the number may be another's the moment
 * it is free); its result and errno are the program's. */
#include "calls.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "common/io_own.h"
#include "moved.h"
#include "names.h"

#define NEXT(name) __typeof__(name) *next_##name;
IO_FILES(NEXT)

int files_opened(const char *call, int at, const char *path, int fd)
{
    char name[NAME_ROOM];
    int saved = errno;
    if ((fd < 0 && errno == EFAULT) || ledger_is_foreign())
        return fd;
    name_path(at, path, name);
    struct account *account = ledger_account(ACCOUNT_FILE, name);
    if (fd < 0)
        ledger_fail(account, errno);
    else if (account)
        ledger_add(&account->counts.opens, 1);
    if (fd >= 0)
        ledger_set(fd, account);
    errno = saved;
    tell_call(call, account, fd);
    return fd;
}

/* A file without a name, in the directory @path. */
static int opened_unnamed(const char *call, int at, const char *path, int fd)
{
    char inside[PATH_MAX];
    if (fd < 0)
        return files_opened(call, at, path, fd);
    snprintf(inside, sizeof inside, "%s/(unnamed)", path);
    return files_opened(call, at, inside, fd);
}

/* ---- opening ---------------------------------------------------------------------- */

static bool is_unnamed(int flags)
{
    return (flags & O_TMPFILE) == O_TMPFILE;
}

/* The mode is there only if a file may be made. */
#define MODE_AFTER(flags) \
    mode_t mode = 0; \
    if (flags & O_CREAT || is_unnamed(flags)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }

#define OPEN(name) \
    int our_##name(const char *path, int flags, ...) \
    { \
        MODE_AFTER(flags) \
        return (is_unnamed(flags) ? opened_unnamed : files_opened)(#name, AT_FDCWD, path, next_##name(path, flags, mode)); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
    int our_##name(int at, const char *path, int flags, ...) \
    { \
        MODE_AFTER(flags) \
        return (is_unnamed(flags) ? opened_unnamed : files_opened)(#name, at, path, next_##name(at, path, flags, mode)); \
    }
OPENAT(openat)
OPENAT(openat64)

#define OPENED(name, at, parameters, arguments) \
    int our_##name parameters { return files_opened(#name, at, path, next_##name arguments); }
OPENED(creat, AT_FDCWD, (const char *path, mode_t mode), (path, mode))
OPENED(creat64, AT_FDCWD, (const char *path, mode_t mode), (path, mode))
OPENED(__open_2, AT_FDCWD, (const char *path, int flags), (path, flags))
OPENED(__open64_2, AT_FDCWD, (const char *path, int flags), (path, flags))
OPENED(__openat_2, at, (int at, const char *path, int flags), (at, path, flags))
OPENED(__openat64_2, at, (int at, const char *path, int flags), (at, path, flags))
OPENED(mkstemp, AT_FDCWD, (char *path), (path))
OPENED(mkstemp64, AT_FDCWD, (char *path), (path))
OPENED(mkostemp, AT_FDCWD, (char *path, int flags), (path, flags))
OPENED(mkostemp64, AT_FDCWD, (char *path, int flags), (path, flags))
OPENED(mkstemps, AT_FDCWD, (char *path, int suffix), (path, suffix))
OPENED(mkstemps64, AT_FDCWD, (char *path, int suffix), (path, suffix))
OPENED(mkostemps, AT_FDCWD, (char *path, int suffix, int flags), (path, suffix, flags))
OPENED(mkostemps64, AT_FDCWD, (char *path, int suffix, int flags), (path, suffix, flags))

int our_shm_open(const char *name, int flags, mode_t mode)
{
    char path[PATH_MAX];
    int fd = next_shm_open(name, flags, mode);
    if (fd < 0 && errno == EFAULT)
        return fd;
    snprintf(path, sizeof path, "/dev/shm/%s", name + strspn(name, "/"));
    return files_opened("shm_open", AT_FDCWD, path, fd);
}

DIR *our_opendir(const char *path)
{
    DIR *directory = next_opendir(path);
    files_opened("opendir", AT_FDCWD, path, directory ? dirfd(directory) : -1);
    return directory;
}

int our_closedir(DIR *directory)
{
    int fd = dirfd(directory);
    ledger_clear((unsigned)fd, (unsigned)fd);
    return next_closedir(directory);
}

/* ---- descriptors ------------------------------------------------------------------- */

int our_close(int fd)
{
    if (fd >= 0)
        ledger_clear((unsigned)fd, (unsigned)fd);
    return next_close(fd);
}

int our_close_range(unsigned first, unsigned last, int flags)
{
    if (!(flags & CLOSE_RANGE_CLOEXEC))
        ledger_clear(first, last);
    return next_close_range(first, last, flags);
}

void our_closefrom(int first)
{
    ledger_clear(first > 0 ? (unsigned)first : 0, UINT_MAX);
    next_closefrom(first);
}

static int duplicated(int fd, int copy)
{
    int saved = errno;
    if (copy >= 0 && copy != fd)
        ledger_set(copy, ledger_of(fd));
    errno = saved;
    return copy;
}

int our_dup(int fd)
{
    return duplicated(fd, next_dup(fd));
}

int our_dup2(int fd, int to)
{
    return duplicated(fd, next_dup2(fd, to));
}

int our_dup3(int fd, int to, int flags)
{
    return duplicated(fd, next_dup3(fd, to, flags));
}

/* One more word is passed on, whatever it is and whether it is there. */
#define FCNTL(name) \
    int our_##name(int fd, int command, ...) \
    { \
        va_list rest; \
        va_start(rest, command); \
        void *argument = va_arg(rest, void *); \
        va_end(rest); \
        int result = next_##name(fd, command, argument); \
        bool copies = command == F_DUPFD || command == F_DUPFD_CLOEXEC; \
        return copies ? duplicated(fd, result) : result; \
    }
FCNTL(fcntl)
FCNTL(fcntl64)

int files_paired(const char *call, const char *name, const int *ends, int result)
{
    if (result || ledger_is_foreign())
        return result;
    struct account *account = ledger_account(ACCOUNT_OTHER, name);
    if (account)
        ledger_add(&account->counts.opens, 1);
    ledger_set(ends[0], account);
    ledger_set(ends[1], account);
    tell_call(call, account, result);
    return result;
}

int our_pipe(int ends[2])
{
    return files_paired("pipe", "pipe", ends, next_pipe(ends));
}

int our_pipe2(int ends[2], int flags)
{
    return files_paired("pipe2", "pipe", ends, next_pipe2(ends, flags));
}

/* ---- bytes --------------------------------------------------------------------------- */

#define READ(name, parameters, arguments) \
    ssize_t our_##name parameters { return moved_in(#name, fd, next_##name arguments); }
READ(read, (int fd, void *bytes, size_t size), (fd, bytes, size))
READ(__read_chk, (int fd, void *bytes, size_t size, size_t room), (fd, bytes, size, room))
READ(pread, (int fd, void *bytes, size_t size, off_t at), (fd, bytes, size, at))
READ(pread64, (int fd, void *bytes, size_t size, off64_t at), (fd, bytes, size, at))
READ(__pread_chk, (int fd, void *bytes, size_t size, off_t at, size_t room), (fd, bytes, size, at, room))
READ(__pread64_chk, (int fd, void *bytes, size_t size, off64_t at, size_t room), (fd, bytes, size, at, room))
READ(readv, (int fd, const struct iovec *parts, int many), (fd, parts, many))
READ(preadv, (int fd, const struct iovec *parts, int many, off_t at), (fd, parts, many, at))
READ(preadv64, (int fd, const struct iovec *parts, int many, off64_t at), (fd, parts, many, at))
READ(preadv2, (int fd, const struct iovec *parts, int many, off_t at, int flags), (fd, parts, many, at, flags))
READ(preadv64v2, (int fd, const struct iovec *parts, int many, off64_t at, int flags), (fd, parts, many, at, flags))

#define WRITE(name, parameters, arguments) \
    ssize_t our_##name parameters { return moved_out(#name, fd, next_##name arguments); }
WRITE(write, (int fd, const void *bytes, size_t size), (fd, bytes, size))
WRITE(pwrite, (int fd, const void *bytes, size_t size, off_t at), (fd, bytes, size, at))
WRITE(pwrite64, (int fd, const void *bytes, size_t size, off64_t at), (fd, bytes, size, at))
WRITE(writev, (int fd, const struct iovec *parts, int many), (fd, parts, many))
WRITE(pwritev, (int fd, const struct iovec *parts, int many, off_t at), (fd, parts, many, at))
WRITE(pwritev64, (int fd, const struct iovec *parts, int many, off64_t at), (fd, parts, many, at))
WRITE(pwritev2, (int fd, const struct iovec *parts, int many, off_t at, int flags), (fd, parts, many, at, flags))
WRITE(pwritev64v2, (int fd, const struct iovec *parts, int many, off64_t at, int flags), (fd, parts, many, at, flags))

/* From one descriptor to another: a read of the one and a write of the other. */
#define COPY(name, parameters, arguments) \
    ssize_t our_##name parameters \
    { \
        ssize_t size = next_##name arguments; \
        moved_in(#name, from, size); \
        return moved_out(#name, to, size); \
    }
COPY(sendfile, (int to, int from, off_t *at, size_t most), (to, from, at, most))
COPY(sendfile64, (int to, int from, off64_t *at, size_t most), (to, from, at, most))
COPY(copy_file_range, (int from, off64_t *at, int to, off64_t *to_at, size_t most, unsigned flags), (from, at, to, to_at, most, flags))
COPY(splice, (int from, off64_t *at, int to, off64_t *to_at, size_t most, unsigned flags), (from, at, to, to_at, most, flags))

static void *mapped(const char *call, int flags, int fd, size_t size, void *memory)
{
    int saved = errno;
    if (flags & MAP_ANONYMOUS || fd < 0 || memory == MAP_FAILED)
        return memory;
    struct account *account = ledger_of(fd);
    if (account) {
        ledger_add(&account->counts.maps, 1);
        ledger_add(&account->counts.mapped_bytes, size);
    }
    errno = saved;
    tell_call(call, account, (long)size);
    return memory;
}

void *our_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    return mapped("mmap", flags, fd, size, next_mmap(at, size, protection, flags, fd, offset));
}

void *our_mmap64(void *at, size_t size, int protection, int flags, int fd, off64_t offset)
{
    return mapped("mmap64", flags, fd, size, next_mmap64(at, size, protection, flags, fd, offset));
}
