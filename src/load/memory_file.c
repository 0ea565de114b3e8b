/* SPDX-License-Identifier: MIT */
/* Files for dlopen that are on no disk. Invariants: ld.so never sees the same spelling
 * twice, as it would answer with the object that had it first; the path leads through
 * the process's own number, because a debugger reads "self" as itself.
 *
 * State: how many there were. */

#include "load/memory_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"

enum { NOEXEC_SEAL = 8 };          /* MFD_NOEXEC_SEAL, which Linux has since 6.3 and libc may not name */

/* The process's number as its own /proc counts: another namespace's may be mounted. */
static bool show_path(struct memory_file *f)
{
    static unsigned made;
    char self[32];
    struct stat status, same;
    ssize_t length = readlink("/proc/self", self, sizeof self - 1);
    if (length <= 0)
        return false;
    self[length] = '\0';
    unsigned count = __atomic_fetch_add(&made, 1, __ATOMIC_RELAXED) % 64;
    snprintf(f->path, sizeof f->path, "/proc%.*s/%s/fd/%d", (int)count,
             "////////////////////////////////////////////////////////////////", self, f->file);
    return !stat(f->path, &status) && !fstat(f->file, &same) && status.st_ino == same.st_ino
        && status.st_dev == same.st_dev;
}

/* Nothing in it is executable: what forbids executable memory files does not mind. */
static int open_in_memory(const char *name)
{
    int file = (int)syscall(SYS_memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING | NOEXEC_SEAL);
    if (file < 0 && errno == EINVAL)
        file = (int)syscall(SYS_memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return file;
}

static int open_on_disk(struct memory_file *f, const char *name)
{
    const char *folders[] = { secure_getenv("XDG_RUNTIME_DIR"), "/dev/shm", secure_getenv("TMPDIR"), "/tmp" };
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        if (!folders[i] || *folders[i] != '/' || strlen(folders[i]) > sizeof f->folder - 20)
            continue;
        snprintf(f->folder, sizeof f->folder, "%s/graft-XXXXXX", folders[i]);
        if (!mkdtemp(f->folder))
            continue;
        snprintf(f->path, sizeof f->path, "%s/%.24s", f->folder, name);
        int file = open(f->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (file >= 0)
            return file;
        rmdir(f->folder);
    }
    f->folder[0] = '\0';
    return -1;
}

/* Growing beyond the limit would end the program with SIGXFSZ. */
static bool may_grow(size_t size, struct graft_error *error)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= size)
        return true;
    error_set(error, GRAFT_ESYS, "a stand-in needs a file of %zu bytes, and the limit on file sizes (RLIMIT_FSIZE) is %zu",
              size, (size_t)limit.rlim_cur);
    return false;
}

int memory_file_open(struct memory_file *f, const char *name, size_t size, struct graft_error *error)
{
    *f = (struct memory_file){ .file = open_in_memory(name), .size = size };
    int why = errno;
    if (f->file >= 0 && !show_path(f)) {
        close(f->file);
        f->file = -1;
        why = ENOENT;
    }
    if (f->file < 0)
        f->file = open_on_disk(f, name);
    if (f->file < 0)
        return error_set(error, GRAFT_ESYS, "no file for a stand-in: one in memory: %s; and none can be made in "
                         "XDG_RUNTIME_DIR, /dev/shm, TMPDIR or /tmp", strerror(why));
    if (!may_grow(size, error) || ftruncate(f->file, (off_t)size)
        || (f->bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, f->file, 0)) == MAP_FAILED) {
        error_set(error, GRAFT_ESYS, "%s: %s", f->path, strerror(errno));
        f->bytes = NULL;
        memory_file_close(f);
        return -GRAFT_ESYS;
    }
    return 0;
}

int memory_file_seal(struct memory_file *f, struct graft_error *error)
{
    munmap(f->bytes, f->size);
    f->bytes = NULL;
    if (!f->folder[0] && fcntl(f->file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))
        return error_set(error, GRAFT_ESYS, "%s cannot be sealed: %s", f->path, strerror(errno));
    return 0;
}

void memory_file_close(struct memory_file *f)
{
    if (f->bytes)
        munmap(f->bytes, f->size);
    if (f->folder[0]) {
        unlink(f->path);
        rmdir(f->folder);
    }
    if (f->file >= 0)
        close(f->file);
    *f = (struct memory_file){ .file = -1 };
}
