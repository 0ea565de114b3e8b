/* SPDX-License-Identifier: MIT */
/* Observed protections. Invariant: what is restored after a write is what was
 * seen here, never what it ought to be. */

#include "live/protection.h"

#include <fcntl.h>
#include <linux/ioctl.h>
#include <linux/types.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <graft/graft.h>

/* linux/fs.h of Debian 12 is older than this interface: Documentation/filesystems/
 * proc.rst of Linux 6.11. Flags 1, 2, 4: readable, writable, executable. */
struct map_query {
    __u64 size, query_flags, query_addr, vma_start, vma_end, vma_flags, vma_page_size, vma_offset,
          inode;
    __u32 dev_major, dev_minor, vma_name_size, build_id_size;
    __u64 vma_name_addr, build_id_addr;
};
#define MAP_QUERY _IOWR('f', 17, struct map_query)

static bool ask(int file, uint64_t address, struct region *region)
{
    struct map_query query = { .size = sizeof query, .query_addr = address };
    if (ioctl(file, MAP_QUERY, &query))
        return false;
    region->start = query.vma_start;
    region->end = query.vma_end;
    region->protection = (query.vma_flags & 1 ? PROT_READ : 0) | (query.vma_flags & 2 ? PROT_WRITE : 0)
                       | (query.vma_flags & 4 ? PROT_EXEC : 0);
    return true;
}

static uint64_t hex(const char **p)
{
    uint64_t value = 0;
    for (;; (*p)++) {
        char c = **p;
        if (c >= '0' && c <= '9')
            value = value * 16 + (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value * 16 + (uint64_t)(c - 'a' + 10);
        else
            return value;
    }
}

/* "7f01-7f02 r--p …" */
static struct region parse(const char *line)
{
    struct region region = { .start = hex(&line) };
    line++;
    region.end = hex(&line);
    line++;
    region.protection = (line[0] == 'r' ? PROT_READ : 0) | (line[1] == 'w' ? PROT_WRITE : 0)
                      | (line[2] == 'x' ? PROT_EXEC : 0);
    return region;
}

/* Reads the whole text, in a buffer doubled until it fits. */
static char *read_all(int file, struct arena *arena, size_t *length)
{
    for (size_t size = 64 * 1024;; size *= 2) {
        char *text = arena_alloc(arena, size);
        ssize_t got;
        *length = 0;
        if (!text || lseek(file, 0, SEEK_SET))
            return NULL;
        while (*length < size && (got = read(file, text + *length, size - *length)) > 0)
            *length += (size_t)got;
        if (*length < size)
            return text;
    }
}

static int read_regions(struct protections *p)
{
    struct arena scratch = { 0 };
    size_t length, lines = 0;
    int result = -GRAFT_ESYS;
    const char *text = read_all(p->file, &scratch, &length), *end = text ? text + length : NULL;
    if (!text)
        goto out;
    for (const char *c = text; c < end; c++)
        lines += *c == '\n';
    result = -GRAFT_ENOMEM;
    p->region = arena_array(p->arena, lines, sizeof *p->region);
    if (!p->region)
        goto out;
    for (const char *line = text; line && line < end && p->count < lines;) {
        p->region[p->count++] = parse(line);
        line = memchr(line, '\n', (size_t)(end - line));
        line = line ? line + 1 : NULL;
    }
    result = 0;
out:
    arena_free(&scratch);
    return result;
}

int protections_open(struct protections *p, struct arena *arena)
{
    struct region region;
    *p = (struct protections){ .arena = arena, .file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC) };
    if (p->file < 0)
        return -GRAFT_ESYS;
    p->query = ask(p->file, (uintptr_t)&protections_open, &region);
    return p->query ? 0 : read_regions(p);
}

bool protections_find(const struct protections *p, uint64_t address, struct region *region)
{
    if (p->query)
        return ask(p->file, address, region);
    size_t low = 0, high = p->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (p->region[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == p->count || p->region[low].start > address)
        return false;
    *region = p->region[low];
    return true;
}

void protections_close(struct protections *p)
{
    if (p->file >= 0)
        close(p->file);
}
