/* SPDX-License-Identifier: MIT */
/* Names of code addresses. _dl_find_object is what the unwinder uses: no lock, so
 * it may be asked in the middle of anything. A libc without it (glibc < 2.35) gets
 * bare addresses: a lock of the loader's is never taken instead. */

#include "common/place.h"
#include "common/feature.h"

#include <limits.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *place_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Two threads that come first write the same bytes. */
const char *place_program(void)
{
    static char path[PATH_MAX];
    static _Atomic int known;
    int saved = errno;
    if (!atomic_load_explicit(&known, memory_order_acquire)) {
        ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", path, sizeof path - 1);
        if (length <= 0)
            strcpy(path, "main");
        atomic_store_explicit(&known, 1, memory_order_release);
    }
    errno = saved;
    return path;
}

struct place place_find(const void *address)
{
    struct place place = { NULL, (size_t)address };
    const struct link_map *object = feature_object_at(address);
    if (object) {
        place.path = *object->l_name ? object->l_name : place_program();
        place.offset = (size_t)address - object->l_addr;
    }
    return place;
}

void place_name(char *name, size_t size, const void *address)
{
    struct place place = place_find(address);
    if (place.path)
        snprintf(name, size, "%s+0x%zx", place_base(place.path), place.offset);
    else
        snprintf(name, size, "0x%zx", place.offset);
}
