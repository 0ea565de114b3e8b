/* SPDX-License-Identifier: MIT */
/* Peak memory, in two ways that do not trust the library: its own calls of mmap,
 * counted by the linker's --wrap, and the kernel's count of anonymous memory. */

#include "memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *__real_mmap(void *, size_t, int, int, int, off_t);
int __real_munmap(void *, size_t);
void *__wrap_mmap(void *, size_t, int, int, int, off_t);
int __wrap_munmap(void *, size_t);

static size_t mapped, mapped_peak, resident_before;

void *__wrap_mmap(void *address, size_t size, int protection, int flags, int file, off_t offset)
{
    void *memory = __real_mmap(address, size, protection, flags, file, offset);
    if (memory != MAP_FAILED)
        mapped += size;
    if (mapped > mapped_peak)
        mapped_peak = mapped;
    return memory;
}

int __wrap_munmap(void *memory, size_t size)
{
    mapped -= size < mapped ? size : mapped;
    return __real_munmap(memory, size);
}

/* Anonymous memory that is really there, in bytes: the sum over all mappings, which
 * unlike the counters in status is exact. */
static size_t anonymous(void)
{
    char text[4096], *line;
    int file = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
    ssize_t got = file < 0 ? 0 : read(file, text, sizeof(text) - 1);
    if (file >= 0)
        close(file);
    text[got > 0 ? got : 0] = '\0';
    line = strstr(text, "\nAnonymous:");
    return line ? strtoul(line + strlen("\nAnonymous:"), NULL, 10) * 1024 : 0;
}

void memory_start(void)
{
    mapped_peak = mapped;                       /* what the library keeps counts too */
    resident_before = anonymous();
}

size_t memory_mapped(void)
{
    return mapped_peak;
}

size_t memory_touched(void)
{
    size_t now = anonymous();
    return now > resident_before ? now - resident_before : 0;
}
