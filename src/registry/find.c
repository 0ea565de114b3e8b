/* SPDX-License-Identifier: MIT */
/* Which module a name means. Invariant: a path finds the module of that path before
 * anything else, and two modules that fit equally well are both refused. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registry/names.h"
#include "registry/state.h"

static size_t bucket_of(const struct registry *r, const char *name)
{
    return name_hash(name) & (r->buckets - 1);
}

/* What a static program has in itself, whatever the C library is. */
static bool is_program_library(const char *name)
{
    static const char *const names[] = {
        "libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1", "libmvec.so.1",
        "ld-linux-x86-64.so.2", "libc.musl-x86_64.so.1", "ld-musl-x86_64.so.1", "libresolv.so.2", "libanl.so.1",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(base_name(name), names[i]))
            return true;
    return false;
}

static struct module *by_path(const struct registry *r, const char *path)
{
    struct module *m = r->path_bucket[bucket_of(r, path)];
    while (m && strcmp(m->path, path))
        m = m->by_path;
    return m;
}

static struct module *by_soname(const struct registry *r, const char *soname)
{
    struct module *m = r->soname_bucket[bucket_of(r, soname)];
    while (m && strcmp(m->soname, soname))
        m = m->by_soname;
    return m;
}

/* The number of path components that two paths have in common at their ends. */
static unsigned common_tail(const char *a, const char *b)
{
    const char *x = a + strlen(a), *y = b + strlen(b);
    unsigned components = 0;
    for (;;) {
        const char *p = x, *q = y;
        while (p > a && p[-1] != '/')
            p--;
        while (q > b && q[-1] != '/')
            q--;
        if (x - p != y - q || memcmp(p, q, (size_t)(x - p)))
            return components;
        components++;
        if (p == a || q == b)
            return components;
        x = p - 1;
        y = q - 1;
    }
}

static struct module *by_tail(const struct registry *r, const char *name, bool *ambiguous)
{
    struct module *best = NULL, *other = NULL;
    unsigned longest = 0;
    for (struct module *m = r->base_bucket[bucket_of(r, base_name(name))]; m; m = m->by_base) {
        unsigned length = common_tail(m->path, name);
        if (length > longest)
            best = m, other = NULL, longest = length;
        else if (length && length == longest)
            other = m;
    }
    *ambiguous = other != NULL;
    if (other) {
        error_say(name, "cannot open shared object file: both %s and %s fit", best->path, other->path);
        return NULL;
    }
    return best;
}

static bool same_hex(const char *text, const uint8_t *bytes, size_t count)
{
    char hex[3];
    for (size_t i = 0; i < count; i++) {
        snprintf(hex, sizeof hex, "%02x", bytes[i]);
        if (strncmp(text + i * 2, hex, 2))
            return false;
    }
    return count && !text[count * 2];
}

static struct module *by_identity(const struct registry *r, const char *name)
{
    static const char digest[] = "sha256:", build_id[] = "build-id:";
    bool is_digest = !strncmp(name, digest, sizeof digest - 1);
    if (!is_digest && strncmp(name, build_id, sizeof build_id - 1))
        return NULL;
    for (size_t i = 0; i < r->count; i++) {
        const struct graft_record *record = r->modules[i]->record;
        if (record && (is_digest ? same_hex(name + sizeof digest - 1, record->digest, 32)
                                 : same_hex(name + sizeof build_id - 1, record->build_id, record->build_id_size)))
            return r->modules[i];
    }
    return NULL;
}

static struct module *in_library_path(const struct registry *r, const char *name)
{
    char path[4096];
    const char *folder = r->library_path;
    while (folder && *folder) {
        size_t length = strcspn(folder, ":;");
        struct module *m = NULL;
        if (length && (size_t)snprintf(path, sizeof path, "%.*s/%s", (int)length, folder, name) < sizeof path)
            m = by_path(r, path);
        if (m)
            return m;
        folder += length + (folder[length] != 0);
    }
    return NULL;
}

struct module *module_find(struct registry *r, const char *name, bool *missing)
{
    char real[4096];
    struct module *m = by_path(r, name);
    *missing = false;
    if (!m && !strchr(name, '/'))
        m = in_library_path(r, name);
    if (!m && strchr(name, '/') && realpath(name, real))
        m = by_path(r, real);
    if (!m)
        m = by_soname(r, name);
    if (!m && is_program_library(name))
        m = &r->library;
    if (!m)
        m = by_identity(r, name);
    if (m)
        return m;
    bool ambiguous;
    m = by_tail(r, name, &ambiguous);
    *missing = !m && !ambiguous;
    return m;
}

struct module *module_find_needed(struct registry *r, const char *name)
{
    struct module *m = by_soname(r, name);
    if (!m)
        m = by_path(r, name);
    for (struct module *b = m || strchr(name, '/') ? NULL : r->base_bucket[bucket_of(r, name)]; b && !m; b = b->by_base)
        if (!strcmp(base_name(b->path), name))
            m = b;
    return m;
}
