/* SPDX-License-Identifier: MIT */
/* Where reports go. Everything is a raw system call: the library's own slots may
 * lead to hooks of write or open. Invariant: a report reaches the file that was
 * standard error at the start, or the one that was named, or nothing: descriptors
 * that the program closed and took again for its own data are not written to. */

#include "common/report.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct report_settings report_settings;

/* A descriptor and which file it was when we got it. */
struct target {
    int fd;
    uint64_t inode;
    uint32_t major, minor;
};

static struct {
    const char *name;
    struct target error;            /* standard error as it was at the start */
    struct target copy;             /* of it: programs close theirs in an exit handler */
    struct target file;
} out = { .error.fd = -1, .copy.fd = -1, .file.fd = -1 };

static bool identify(int fd, struct target *target)
{
    struct statx now;
    if (fd < 0 || syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_INO, &now))
        return false;
    *target = (struct target){ fd, now.stx_ino, now.stx_dev_major, now.stx_dev_minor };
    return true;
}

static bool is_still(const struct target *target)
{
    struct target now;
    return identify(target->fd, &now) && now.inode == target->inode && now.major == target->major &&
           now.minor == target->minor;
}

static void give_back(struct target *target)
{
    if (is_still(target))
        syscall(SYS_close, target->fd);
    target->fd = -1;
}

/* A number that programs do not count on. */
static int high_copy(int fd)
{
    for (int lowest = 1000; lowest >= 10; lowest /= 10) {
        int copy = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, lowest);
        if (copy >= 0)
            return copy;
    }
    return -1;
}

/* %p becomes the pid, %% a percent sign. */
static void expand(const char *path, char *to, size_t size)
{
    size_t length = 0;
    for (; *path && length + 1 < size; path++) {
        if (path[0] == '%' && path[1] == 'p') {
            length += (size_t)snprintf(to + length, size - length, "%d", (int)getpid());
            path++;
        } else {
            to[length++] = *path;
            path += path[0] == '%' && path[1] == '%';
        }
    }
    to[length < size ? length : size - 1] = '\0';
}

static int open_file(void)
{
    char path[PATH_MAX];
    expand(report_settings.file, path, sizeof path);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return -1;
    int high = high_copy(fd);
    if (high >= 0)
        syscall(SYS_close, fd);
    identify(high >= 0 ? high : fd, &out.file);
    return 0;
}

/* The program may change its directory before it forks or closes the file. */
static bool make_absolute(void)
{
    char path[PATH_MAX], directory[PATH_MAX];
    if (*report_settings.file == '/')
        return true;
    if (syscall(SYS_getcwd, directory, sizeof directory) < 0)
        return false;
    int length = snprintf(path, sizeof path, "%s/%s", directory, report_settings.file);
    if (length < 0 || (size_t)length >= sizeof path)
        return false;
    strcpy(report_settings.file, path);
    return true;
}

int report_start(const char *name, struct graft_error *error)
{
    out.name = name;
    identify(STDERR_FILENO, &out.error);
    give_back(&out.copy);
    give_back(&out.file);
    if (!*report_settings.file) {
        identify(high_copy(STDERR_FILENO), &out.copy);
        return 0;
    }
    if (make_absolute() && !open_file())
        return 0;
    if (error) {
        error->code = -GRAFT_ESYS;
        snprintf(error->text, sizeof error->text, "cannot open %.300s: %s", report_settings.file, strerror(errno));
    }
    return -GRAFT_ESYS;
}

/* A daemon's child that kept a pipe open would keep its reader waiting. */
void report_child(void)
{
    give_back(&out.copy);
    if (strstr(report_settings.file, "%p"))
        give_back(&out.file);
}

static int choose(void)
{
    if (*report_settings.file && (is_still(&out.file) || !open_file()))
        return out.file.fd;
    if (is_still(&out.copy))
        return out.copy.fd;
    return is_still(&out.error) ? out.error.fd : -1;
}

/* Who reads our reports may be gone: the program is not to die of that. The kernel's
 * signal sets are 64 bits wide. */
static ssize_t write_quietly(int fd, const char *text, size_t length)
{
    uint64_t pipe = UINT64_C(1) << (SIGPIPE - 1), pending = 0, before;
    struct timespec at_once = { 0, 0 };
    syscall(SYS_rt_sigpending, &pending, sizeof pending);
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &pipe, &before, sizeof before);
    ssize_t wrote = syscall(SYS_write, fd, text, length);
    int code = errno;
    if (wrote < 0 && code == EPIPE && !(pending & pipe))
        syscall(SYS_rt_sigtimedwait, &pipe, NULL, &at_once, sizeof pipe);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
    errno = code;
    return wrote;
}

/* The program may have made the file non-blocking, for its copies too. */
static bool wait_for_room(int fd)
{
    struct pollfd poll = { .fd = fd, .events = POLLOUT };
    struct timespec second = { 1, 0 };
    return syscall(SYS_ppoll, &poll, 1, &second, NULL, 0) > 0;
}

static void write_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t wrote = write_quietly(fd, text, length);
        if (wrote < 0 && (errno == EINTR || (errno == EAGAIN && wait_for_room(fd))))
            continue;
        if (wrote <= 0)
            return;
        text += wrote;
        length -= (size_t)wrote;
    }
}

void report_begin(struct report *report)
{
    report->text = report->own;
    report->size = sizeof report->own;
    report->length = 0;
}

static bool grow(struct report *report, size_t need)
{
    size_t size = report->size;
    while (size < need)
        size *= 4;
    char *text = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (text == MAP_FAILED)
        return false;
    memcpy(text, report->text, report->length);
    if (report->text != report->own)
        munmap(report->text, report->size);
    report->text = text;
    report->size = size;
    return true;
}

static void add(struct report *report, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    size_t room = report->size - report->length;
    int length = vsnprintf(report->text + report->length, room, format, arguments);
    if (length >= 0 && (size_t)length >= room && grow(report, report->length + (size_t)length + 1))
        vsnprintf(report->text + report->length, (size_t)length + 1, format, again);
    va_end(again);
    if (length > 0 && report->length + (size_t)length < report->size)
        report->length += (size_t)length;
}

void report_add(struct report *report, const char *format, ...)
{
    int saved = errno;
    va_list arguments;
    va_start(arguments, format);
    add(report, format, arguments);
    va_end(arguments);
    errno = saved;
}

void report_prefix(struct report *report)
{
    report_add(report, "graft %s[%d]: ", out.name, (int)getpid());
}

void report_line(struct report *report, const char *format, ...)
{
    int saved = errno;
    va_list arguments;
    report_prefix(report);
    va_start(arguments, format);
    add(report, format, arguments);
    va_end(arguments);
    report_add(report, "\n");
    errno = saved;
}

/* Bytes of the valid UTF-8 sequence at @text, or 0: no overlong form, no surrogate. */
static size_t sequence(const unsigned char *text)
{
    static const struct { unsigned char mask, lead, lowest, highest; size_t length; } forms[] = {
        { 0xff, 0xe0, 0xa0, 0xbf, 3 }, { 0xff, 0xed, 0x80, 0x9f, 3 }, { 0xff, 0xf0, 0x90, 0xbf, 4 },
        { 0xff, 0xf4, 0x80, 0x8f, 4 }, { 0xe0, 0xc0, 0x80, 0xbf, 2 }, { 0xf0, 0xe0, 0x80, 0xbf, 3 },
        { 0xfc, 0xf0, 0x80, 0xbf, 4 },
    };
    if (*text < 0x80)
        return 1;
    if (*text == 0xc0 || *text == 0xc1)
        return 0;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if ((*text & forms[i].mask) != forms[i].lead)
            continue;
        if (text[1] < forms[i].lowest || text[1] > forms[i].highest)
            return 0;
        for (size_t k = 2; k < forms[i].length; k++) {
            if ((text[k] & 0xc0) != 0x80)
                return 0;
        }
        return forms[i].length;
    }
    return 0;
}

void report_json_begin(struct report *report)
{
    report_add(report, "{\"hook\":\"%s\",\"pid\":%d,", out.name, (int)getpid());
}

void report_json(struct report *report, const char *text)
{
    if (!text) {
        report_add(report, "null");
        return;
    }
    report_add(report, "\"");
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        size_t length = sequence(at);
        if (!length)
            report_add(report, "\\ufffd");
        else if (*at == '"' || *at == '\\')
            report_add(report, "\\%c", *at);
        else if (*at < 0x20 || *at == 0x7f)
            report_add(report, "\\u%04x", *at);
        else
            report_add(report, "%.*s", (int)length, (const char *)at);
        at += length ? length : 1;
    }
    report_add(report, "\"");
}

void report_send(struct report *report)
{
    int saved = errno;
    int fd = choose();
    if (fd >= 0)
        write_all(fd, report->text, report->length);
    if (report->text != report->own)
        munmap(report->text, report->size);
    report_begin(report);
    errno = saved;
}

unsigned long long report_clock(void)
{
    struct timespec now;
    int saved = errno;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    errno = saved;
    return (unsigned long long)now.tv_sec * 1000000000ULL + (unsigned long long)now.tv_nsec;
}
