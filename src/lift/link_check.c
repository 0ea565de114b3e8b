/* SPDX-License-Identifier: MIT */
/* Looks at a linked program before it appears. Invariant: what ld and the compiler take
 * without a word, though it could not run or be used, is refused here. */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "elf/image.h"
#include "file/mapping.h"
#include "lift/contents.h"
#include "lift/layout.h"
#include "lift/link_check.h"
#include "lift/sha256.h"

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct contents_module *)a)->path, ((const struct contents_module *)b)->path);
}

/* Whatever they were made of: dlopen could not tell them apart. */
static int check_paths(const char *output, struct graft_error *error)
{
    struct contents contents;
    int result = contents_open(&contents, output, error);
    if (result)
        return result;
    qsort(contents.modules, contents.count, sizeof *contents.modules, by_path);
    for (size_t i = 1; !result && i < contents.count; i++)
        if (!by_path(&contents.modules[i - 1], &contents.modules[i]))
            result = error_about(error, GRAFT_EAMBIG, contents.modules[i].path, "", "%s: two modules have this path",
                                 contents.modules[i].path);
    contents_close(&contents);
    return result;
}

/* The same input gives the same bytes, so other bytes show another input, what the
 * command finds by -l included. */
static int check_digest(const char *output, const uint8_t *expected, const char *name, struct graft_error *error)
{
    struct mapping mapping;
    uint8_t digest[32];
    int result = expected ? mapping_open(&mapping, output, error) : 0;
    if (result || !expected)
        return result;
    sha256(mapping.bytes, mapping.size, digest);
    mapping_close(&mapping);
    return !memcmp(digest, expected, sizeof digest) ? 0
         : error_about(error, GRAFT_EBUILDID, name, "", "%s would be another one than the locked one, though the "
                       "files named are the same: a library of -l, or the compiler, has changed", name);
}

/* ld makes as many segments as it is asked for; a kernel answers "Exec format error". */
static int check_headers(const char *output, size_t modules, const char *name, struct graft_error *error)
{
    struct mapping mapping;
    struct elf_header header;
    int result = mapping_open(&mapping, output, error);
    if (!result)
        result = elf_header_read(&header, mapping.bytes, mapping.size, error);
    mapping_close(&mapping);
    if (!result && !layout_fits_kernel(header.count))
        result = error_about(error, GRAFT_EREFUSED, name, "",
                             "%s: %zu modules make %zu program headers, more than a kernel reads: link fewer", name,
                             modules, header.count);
    return result;
}

int link_check(const char *output, const struct link_job *job, const char *name, struct graft_error *error)
{
    int result = check_headers(output, job->module_count, name, error);
    if (!result)
        result = check_paths(output, error);
    return result ? result : check_digest(output, job->expected, name, error);
}
