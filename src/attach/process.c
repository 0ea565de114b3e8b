/* SPDX-License-Identifier: MIT */
/* Facts about another process. Invariant: everything goes through descriptors
 * that were opened on that very process, so that a number which the kernel gives
 * to a new process in between is never taken for it. Writes nothing.
 *
 * /proc/PID/stat holds the program's name in parentheses, which may itself hold
 * parentheses, blanks and newlines: the fields begin behind the last one. */

#include "attach/process.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/feature.h"
#include "elf/image.h"

enum { BATCH = 512 };               /* iovecs a call; IOV_MAX is 1024 */

ssize_t process_file(const struct process *process, const char *name, void *buffer, size_t size)
{
    char *to = buffer;
    size_t length = 0;
    int file = openat(process->directory, name, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -1;
    ssize_t got;
    while (length < size - 1 && (got = read(file, to + length, size - 1 - length)) != 0) {
        if (got < 0) {
            int cause = errno;
            close(file);
            errno = cause;
            return -1;
        }
        length += (size_t)got;
    }
    close(file);
    to[length] = '\0';
    return (ssize_t)length;
}

/* ---- who it is ---------------------------------------------------------- */

/* State, parent and start time are fields 3, 4 and 22 of stat. */
static bool read_stat(const struct process *process, struct process_look *look)
{
    char text[1024];
    ssize_t length = process_file(process, "stat", text, sizeof text);
    char *fields = length > 0 ? memrchr(text, ')', (size_t)length) : NULL;
    return fields && sscanf(fields, ") %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d"
                            " %*d %*d %" SCNu64, &look->state, &look->parent, &look->start_time) == 3;
}

/* The number behind "\n@key:" of status; 0 if there is none. */
static unsigned long status_field(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    return at ? strtoul(at + strlen(key), NULL, 10) : 0;
}

/* The files of a process tell of its first thread. */
static int is_gone(const struct process *process, const struct process_look *look, struct graft_error *error)
{
    struct stat task;
    if (look->state == 'Z' && !fstatat(process->directory, "task", &task, 0) && task.st_nlink > 3)
        return error_set(error, GRAFT_EGONE, "the first thread of process %d has ended: the others cannot be "
                         "reached through it", process->pid);
    return error_set(error, GRAFT_EGONE, "process %d is gone", process->pid);
}

int process_look(const struct process *process, struct process_look *look, struct graft_error *error)
{
    char text[4096];
    memset(look, 0, sizeof *look);
    if (!read_stat(process, look) || process_file(process, "status", text, sizeof text) <= 0
        || look->state == 'Z' || look->state == 'X')
        return is_gone(process, look, error);
    look->group = (pid_t)status_field(text, "\nTgid:");
    look->tracer = (pid_t)status_field(text, "\nTracerPid:");
    look->uid = (uid_t)status_field(text, "\nUid:");
    return 0;
}

static int traced(const struct process *process, pid_t tracer, struct graft_error *error)
{
    return error_set(error, GRAFT_ETRACED, "process %d is traced by process %d already: end that debugger or "
                     "tracer first", process->pid, tracer);
}

bool process_alive(pid_t pid, uint64_t start_time)
{
    char path[32];
    struct process process = { .pid = pid };
    struct process_look look;
    snprintf(path, sizeof path, "/proc/%d", pid);
    process.directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (process.directory < 0)
        return false;
    bool alive = !process_look(&process, &look, NULL) && look.start_time == start_time;
    close(process.directory);
    return alive;
}

int process_ready(const struct process *process, struct graft_error *error)
{
    struct process_look look;
    int result = process_look(process, &look, error);
    if (result)
        return result;
    if (look.tracer)
        return traced(process, look.tracer, error);
    if (look.state == 'T')
        return error_set(error, GRAFT_ESTOPPED, "process %d is stopped: continue it first (kill -CONT %d)",
                         process->pid, process->pid);
    return 0;
}

/* ---- whether it may be touched ------------------------------------------ */

static long ptrace_scope(void)
{
    char digit = '0';
    int file = open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    if (read(file, &digit, 1) != 1)
        digit = '0';
    close(file);
    return digit - '0';
}

static pid_t tracer_of(const struct process *process, pid_t thread)
{
    char name[64], text[4096];
    snprintf(name, sizeof name, "task/%d/status", thread);
    return process_file(process, name, text, sizeof text) > 0 ? (pid_t)status_field(text, "\nTracerPid:") : 0;
}

/* The files of a process that is not dumpable belong to root (proc(5)). */
int process_forbidden(const struct process *process, pid_t thread, struct graft_error *error)
{
    struct process_look look;
    struct stat owner;
    int pid = process->pid;
    if (process_look(process, &look, error))
        return -GRAFT_EGONE;
    pid_t tracer = tracer_of(process, thread);
    if (tracer)
        return traced(process, tracer, error);
    if (look.uid != geteuid())
        return error_set(error, GRAFT_EPERM, "process %d belongs to user %u: run graft as that user, or "
                         "with CAP_SYS_PTRACE", pid, look.uid);
    if (!fstatat(process->directory, "stat", &owner, 0) && owner.st_uid != look.uid)
        return error_set(error, GRAFT_EPERM, "process %d is not dumpable (it changed its user, or asked for "
                         "it with PR_SET_DUMPABLE): only CAP_SYS_PTRACE may look into it", pid);
    if (ptrace_scope() > 0)
        return error_set(error, GRAFT_EPERM, "the kernel lets a process trace its own children only "
                         "(kernel.yama.ptrace_scope is %ld): use CAP_SYS_PTRACE, or set it to 0", ptrace_scope());
    return error_set(error, GRAFT_EPERM, "the kernel forbids tracing process %d (capabilities, seccomp or a "
                     "security module): use CAP_SYS_PTRACE", pid);
}

static int open_memory(struct process *process, struct graft_error *error)
{
    process->memory = openat(process->directory, "mem", O_RDWR | O_CLOEXEC);
    if (process->memory < 0 && errno == EROFS)
        process->memory = openat(process->directory, "mem", O_RDONLY | O_CLOEXEC);
    if (process->memory >= 0)
        return 0;
    if (errno == EACCES || errno == EPERM)
        return process_forbidden(process, process->pid, error);
    return error_set(error, GRAFT_EGONE, "the memory of process %d cannot be opened: %s", process->pid,
                     strerrordesc_np(errno));
}

/* Children of process 2 are threads of the kernel; others without a program end. */
static int no_program(const struct process *process, struct graft_error *error)
{
    struct process_look look;
    int result = process_look(process, &look, error);
    if (result)
        return result;
    if (process->pid == 2 || look.parent == 2)
        return error_set(error, GRAFT_EFORMAT, "process %d runs no program: it is a part of the kernel",
                         process->pid);
    return error_set(error, GRAFT_EGONE, "process %d is ending", process->pid);
}

/* The program's header, of the file that runs, even if it was deleted. */
static int read_program(struct process *process, struct graft_error *error)
{
    unsigned char bytes[sizeof(Elf64_Ehdr) + 1];
    struct elf_header header;
    ssize_t length = readlinkat(process->directory, "exe", process->program, sizeof process->program - 1);
    if (length < 0 && errno == ENOENT)
        return no_program(process, error);
    if (length >= 0)
        process->program[length] = '\0';
    length = length < 0 ? length : process_file(process, "exe", bytes, sizeof bytes);
    if (length < 0)
        return errno == EACCES || errno == EPERM ? process_forbidden(process, process->pid, error)
             : error_set(error, GRAFT_EGONE, "process %d is gone", process->pid);
    int result = elf_header_read(&header, bytes, (size_t)length, error);
    if (result)
        return error_in(error, result, process->program);
    if (header.machine != FEATURE_MACHINE || header.elf_class != FEATURE_CLASS || header.swap) {
        const char *name = elf_machine_name(header.machine);
        return error_about(error, GRAFT_EARCH, process->program, "", "process %d is a %s-bit %s program: it "
                           "needs a graft built for that", process->pid,
                           header.elf_class == ELFCLASS32 ? "32" : "64", name ? name : "foreign");
    }
    process->type = header.type;
    process->entry = header.entry;
    return 0;
}

static int identify(struct process *process, struct graft_error *error)
{
    struct process_look look;
    int result = process_look(process, &look, error);
    if (result)
        return result;
    if (look.group != process->pid)
        return error_set(error, GRAFT_EINVAL, "%d is a thread of process %d: name the process",
                         process->pid, look.group);
    process->start_time = look.start_time;
    process->own_child = look.parent == getpid();
    result = read_program(process, error);
    return result ? result : open_memory(process, error);
}

int process_open(struct process *process, pid_t pid, struct graft_error *error)
{
    char path[32];
    memset(process, 0, sizeof *process);
    process->pid = pid;
    process->directory = process->memory = -1;
    if (pid <= 0 || pid == getpid())
        return error_set(error, GRAFT_EINVAL, pid == getpid() ? "a process cannot attach to itself"
                         : "a process is named by a positive number");
    snprintf(path, sizeof path, "/proc/%d", pid);
    process->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (process->directory < 0)
        return error_set(error, GRAFT_EGONE, "there is no process %d", pid);
    int result = identify(process, error);
    if (result)
        process_close(process);
    return result;
}

void process_close(struct process *process)
{
    if (process->memory >= 0)
        close(process->memory);
    if (process->directory >= 0)
        close(process->directory);
    process->memory = process->directory = -1;
}

/* ---- its memory --------------------------------------------------------- */

bool process_read(const struct process *process, uint64_t address, void *to, size_t size)
{
    size_t done = 0;
    if (address > INT64_MAX || size > INT64_MAX - address)
        return false;
    while (done < size) {
        ssize_t got = pread(process->memory, (char *)to + done, size - done, (off_t)(address + done));
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

static bool read_batch(const struct process *process, const struct process_bytes *bytes, size_t count)
{
    struct iovec here[BATCH], there[BATCH];
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        here[i] = (struct iovec){ bytes[i].to, bytes[i].size };
        there[i] = (struct iovec){ (void *)(uintptr_t)bytes[i].address, bytes[i].size };
        total += bytes[i].size;
    }
    return process_vm_readv(process->pid, here, count, there, count, 0) == (ssize_t)total;
}

/* process_vm_readv does not get past a page that only FOLL_FORCE opens, and a
 * sandbox may forbid it: then piece by piece. */
bool process_read_all(const struct process *process, const struct process_bytes *bytes, size_t count)
{
    for (size_t done = 0; done < count; done += BATCH) {
        size_t n = count - done < BATCH ? count - done : BATCH;
        if (read_batch(process, bytes + done, n))
            continue;
        for (size_t i = done; i < done + n; i++)
            if (!process_read(process, bytes[i].address, bytes[i].to, bytes[i].size))
                return false;
    }
    return true;
}

bool process_read_text(const struct process *process, uint64_t address, char *to, size_t size)
{
    size_t done = 0;
    while (done < size && address <= INT64_MAX - size) {
        size_t page = 4096 - (address + done) % 4096;       /* never past the page that ends it */
        size_t n = size - done < page ? size - done : page;
        ssize_t got = pread(process->memory, to + done, n, (off_t)(address + done));
        if (got <= 0)
            return false;
        if (memchr(to + done, '\0', (size_t)got))
            return true;
        done += (size_t)got;
    }
    return false;
}
