/* SPDX-License-Identifier: MIT */
/* The file behind the memory: where it lies, who may use it, when it goes.
 * Invariant: it is read and written under a lock, replaced in one step, and only
 * ever lies in a directory that belongs to this user alone. What it holds is in
 * remember_json.c. */

#include "attach/remember.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "attach/remember_json.h"
#include "base/error.h"

enum { LOCK_TRIES = 500 };

/* ---- the directory ------------------------------------------------------ */

static bool is_ours(int directory, mode_t forbidden)
{
    struct stat s;
    return !fstat(directory, &s) && S_ISDIR(s.st_mode) && s.st_uid == geteuid() && !(s.st_mode & forbidden);
}

/* Opens @name in the directory @base, making it if need be; -1 unless it is ours
 * alone. A link is not followed: anybody may have put it into /tmp. */
static int open_own(int base, const char *name)
{
    if (mkdirat(base, name, 0700) && errno != EEXIST)
        return -1;
    int directory = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory >= 0 && !is_ours(directory, 077)) {
        close(directory);
        directory = -1;
        errno = EPERM;
    }
    return directory;
}

static int open_below(const char *path, const char *name, bool own)
{
    int base = path && *path == '/' ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (base < 0)
        return -1;
    int directory = !own || is_ours(base, 022) ? open_own(base, name) : -1;
    close(base);
    return directory;
}

static int open_directory(struct graft_error *error)
{
    char user[64], shared[64];
    snprintf(user, sizeof user, "/run/user/%u", geteuid());
    snprintf(shared, sizeof shared, "graft-%u", geteuid());
    int directory = open_below(secure_getenv("XDG_RUNTIME_DIR"), "graft", true);
    if (directory < 0)
        directory = open_below(user, "graft", true);
    if (directory < 0)
        directory = open_below("/tmp", shared, false);
    if (directory < 0)
        error_about(error, GRAFT_ESYS, shared, "", "no directory to remember plans in: /tmp/%s cannot be used "
                    "(%s), and XDG_RUNTIME_DIR names none that is yours alone", shared, strerrordesc_np(errno));
    return directory;
}

static int lock(int directory, struct graft_error *error)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (!flock(directory, LOCK_EX | LOCK_NB))
            return 0;
        nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    }
    return error_set(error, GRAFT_EBUSY, "another graft of this user is at work");
}

/* ---- files -------------------------------------------------------------- */

/* The whole file in memory of malloc, or NULL with errno. */
static char *read_file(int directory, const char *name, size_t *size)
{
    struct stat s;
    int file = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0)
        return NULL;
    char *text = NULL;
    if (fstat(file, &s) || !S_ISREG(s.st_mode) || s.st_uid != geteuid() || s.st_size > REMEMBER_SIZE_MAX)
        errno = EPERM;
    else if ((text = malloc((size_t)s.st_size + 1))) {
        ssize_t got = read(file, text, (size_t)s.st_size);
        *size = got < 0 ? 0 : (size_t)got;
        text[*size] = '\0';
    }
    close(file);
    return text;
}

static bool write_file(int directory, const char *name, const char *text, size_t size)
{
    int file = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0)
        return false;
    size_t done = 0;
    while (done < size) {
        ssize_t put = write(file, text + done, size - done);
        if (put < 0)
            break;
        done += (size_t)put;
    }
    return close(file) == 0 && done == size;
}

/* Removes files of processes that are gone. Those of another PID namespace that
 * shares this directory are not ours to judge. */
static void sweep(const struct remembered *remembered)
{
    int copy = dup(remembered->directory);
    DIR *directory = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *entry;
    if (!directory && copy >= 0)
        close(copy);
    while (directory && (entry = readdir(directory))) {
        pid_t pid;
        uint64_t start;
        int end = 0;
        size_t size;
        if (sscanf(entry->d_name, "%d-%" SCNu64 ".json%n", &pid, &start, &end) != 2 || !end
            || entry->d_name[end] || process_alive(pid, start))
            continue;
        char *text = read_file(remembered->directory, entry->d_name, &size);
        if (text && remember_is_from(text, size, remembered->namespace))
            unlinkat(remembered->directory, entry->d_name, 0);
        free(text);
    }
    if (directory)
        closedir(directory);
}

static int load(struct remembered *remembered, const struct process *process, struct graft_error *error)
{
    size_t size = 0;
    char *text = read_file(remembered->directory, remembered->file, &size);
    if (!text && errno == ENOENT)
        return 0;
    if (!text)
        return error_about(error, GRAFT_ESYS, remembered->file, "", "what was applied cannot be read: %s",
                           strerrordesc_np(errno));
    int result = remember_parse(remembered, process, text, size, error);
    free(text);
    return result;
}

int remember_open(struct remembered *remembered, const struct process *process, struct graft_error *error)
{
    memset(remembered, 0, sizeof *remembered);
    remembered->plans = (struct arena_list){ .arena = &remembered->arena,
                                             .element_size = sizeof(struct remembered_plan) };
    remembered->next_id = 1;
    snprintf(remembered->file, sizeof remembered->file, "%d-%" PRIu64 ".json", process->pid, process->start_time);
    ssize_t length = readlink("/proc/self/ns/pid", remembered->namespace, sizeof remembered->namespace - 1);
    if (length < 0)
        remembered->namespace[0] = '\0';
    remembered->directory = open_directory(error);
    if (remembered->directory < 0)
        return -GRAFT_ESYS;
    int result = lock(remembered->directory, error);
    if (result)
        return result;
    sweep(remembered);
    return load(remembered, process, error);
}

void remember_close(struct remembered *remembered)
{
    if (remembered->directory >= 0)
        close(remembered->directory);       /* unlocks too */
    remembered->directory = -1;
    arena_free(&remembered->arena);
}

static bool is_empty(const struct remembered *remembered)
{
    for (size_t i = 0; i < remembered->plans.count; i++)
        if (!remember_plan(remembered, i)->dropped)
            return false;
    return true;
}

int remember_save(const struct remembered *remembered, const struct process *process, struct graft_error *error)
{
    char next[80];
    int directory = remembered->directory;
    if (is_empty(remembered)) {
        unlinkat(directory, remembered->file, 0);
        return 0;
    }
    char *text = remember_print(remembered, process);
    if (!text)
        return error_set(error, GRAFT_ENOMEM, "out of memory while remembering the plan");
    snprintf(next, sizeof next, "%s.new", remembered->file);
    unlinkat(directory, next, 0);
    bool ok = write_file(directory, next, text, strlen(text))
           && !renameat(directory, next, directory, remembered->file);
    int cause = errno;
    free(text);
    if (ok)
        return 0;
    unlinkat(directory, next, 0);
    return error_about(error, GRAFT_ESYS, remembered->file, "", "the plan cannot be remembered: %s",
                       strerrordesc_np(cause));
}

/* ---- plans -------------------------------------------------------------- */

struct remembered_plan *remember_add(struct remembered *remembered, size_t members, size_t slots)
{
    struct remembered_plan *plan = arena_list_push(&remembered->plans);
    if (!plan)
        return NULL;
    plan->label = "";
    plan->member = arena_array(&remembered->arena, members + 1, sizeof *plan->member);
    plan->slot = arena_array(&remembered->arena, slots + 1, sizeof *plan->slot);
    if (!plan->member || !plan->slot) {
        plan->dropped = true;
        return NULL;
    }
    plan->member_count = members;
    plan->count = slots;
    return plan;
}

static int by_address(const void *key, const void *slot)
{
    uint64_t a = *(const uint64_t *)key, b = ((const struct remembered_slot *)slot)->address;
    return (a > b) - (a < b);
}

static struct remembered_slot *find(const struct remembered_plan *plan, uint64_t address)
{
    return plan->dropped ? NULL : bsearch(&address, plan->slot, plan->count, sizeof *plan->slot, by_address);
}

struct remembered_slot *remember_above(const struct remembered *remembered, size_t *i, uint64_t address)
{
    struct remembered_slot *slot = NULL;
    while (!slot && ++*i < remembered->plans.count)
        slot = find(remember_plan(remembered, *i), address);
    return slot;
}

struct remembered_slot *remember_below(const struct remembered *remembered, size_t *i, uint64_t address)
{
    struct remembered_slot *slot = NULL;
    while (!slot && (*i)-- > 0)
        slot = find(remember_plan(remembered, *i), address);
    return slot;
}

void remember_forget(struct remembered_plan *plan, struct remembered_slot *slot)
{
    size_t behind = (size_t)(plan->slot + plan->count - slot) - 1;
    memmove(slot, slot + 1, behind * sizeof *slot);
    plan->dropped = --plan->count == 0;
}

void remember_settle(struct remembered *remembered, const struct process *process)
{
    for (size_t i = 0; i < remembered->plans.count; i++) {
        struct remembered_plan *plan = remember_plan(remembered, i);
        size_t kept = 0;
        for (size_t k = 0; plan->applying && k < plan->count; k++) {
            uint64_t held;
            if (process_read(process, plan->slot[k].address, &held, sizeof held) && held == plan->slot[k].written)
                plan->slot[kept++] = plan->slot[k];
        }
        if (plan->applying)
            plan->count = kept;
        plan->applying = false;
    }
}
