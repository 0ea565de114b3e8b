/* SPDX-License-Identifier: MIT */
/* What the kernel says of this process's memory. Invariant: what is returned needs no
 * freeing, so that the next look is not changed by it. */

#include "memory.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "process.h"

const char *memory_maps(void)
{
    static char buffer[2][1 << 18];
    static unsigned which;
    char *text = buffer[which++ % 2], *to = text, line[4096];
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps))
        if (strchr(line, '/') && to + strlen(line) < text + sizeof buffer[0])
            to = stpcpy(to, line);
    *to = '\0';
    fclose(maps);
    return text;
}

size_t memory_resident(void)
{
    unsigned long size = 0, pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    assert_non_null(statm);
    assert_int_equal(fscanf(statm, "%lu %lu", &size, &pages), 2);
    fclose(statm);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}
