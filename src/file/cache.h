/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_FILE_CACHE_H
#define GRAFT_FILE_CACHE_H

/* /etc/ld.so.cache: names and where their files are, as ldconfig wrote them (glibc:
 * sysdeps/generic/dl-cache.h). The bytes are untrusted. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed: a cache that holds nothing. */
struct cache {
    const unsigned char *bytes;     /* the header of format 1.1; string offsets count from here */
    size_t size;                    /* from there to the end of the file */
    uint32_t count;                 /* entries, all inside */
    const unsigned char *hwcaps;    /* array of string offsets: the glibc-hwcaps subfolders */
    uint32_t hwcaps_count;
};

/* Finds the parts of the @size bytes of a cache of this machine's byte order, alone or
 * behind one of the old format. False: it is none; then @cache holds nothing. */
bool cache_open(struct cache *, const void *bytes, size_t size);

/* What the flags of an entry are for libraries of that machine under glibc; 0: not
 * known. */
uint32_t cache_flags(uint16_t machine, uint8_t elf_class);

/* The path that ld.so would take for @name among entries with those @flags, or NULL.
 * @level is that of the x86-64 CPU (hwcaps_level), 0: no glibc-hwcaps subfolder. The
 * path is inside the bytes and ended there. */
const char *cache_find(const struct cache *, const char *name, uint32_t flags, unsigned level);

#endif
