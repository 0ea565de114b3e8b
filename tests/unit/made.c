/* SPDX-License-Identifier: MIT */
/* Makes stand-ins for tests. */

#include "made.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "process.h"

static const char *const versions[] = { "V_1", "V_2", "V_3" };
static const char *const needed[] = { "libc.so.6" };

const struct stand_in_symbol some[5] = {
    { "plain", NULL, 0x1000, 8, STT_FUNC, false }, { "old", "V_1", 0x2000, 0, STT_FUNC, false }, { "twice", "V_1", 0x3000, 4, STT_OBJECT, true },
    { "twice", "V_2", 0x4000, 4, STT_OBJECT, false }, { "untyped", "V_3", 0x5000, 0, STT_NOTYPE, false } };

const struct stand_in usual = { .soname = "libmade.so.1", .needed = needed, .needed_count = 1, .versions = versions,
                                       .version_count = 3, .symbols = some, .symbol_count = 5, .more = 100, .more_strings = 4000 };

struct made make(const struct stand_in *wish)
{
    struct made m;
    assert_true(stand_in_measure(wish, &m.layout));
    assert_int_equal(m.layout.size % sysconf(_SC_PAGESIZE), 0);
    m.bytes = mmap(NULL, m.layout.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(m.bytes != MAP_FAILED);
    stand_in_write(m.bytes, wish, &m.layout);
    return m;
}

void unmake(struct made *m)
{
    munmap(m->bytes, m->layout.size);
}

struct stand_in_symbol *many(const char *prefix, size_t count, const char *version, uint64_t base)
{
    struct stand_in_symbol *symbols = calloc(count + 1, sizeof *symbols);
    assert_non_null(symbols);
    for (size_t i = 0; i < count; i++) {
        char *name = malloc(40);
        assert_non_null(name);
        snprintf(name, 40, "%s_%zu", prefix, i);
        symbols[i] = (struct stand_in_symbol){ name, version, base + i, 1, i % 2 ? STT_OBJECT : STT_FUNC, false };
    }
    return symbols;
}

void no_more(struct stand_in_symbol *symbols)
{
    for (struct stand_in_symbol *s = symbols; s->name; s++)
        free((char *)s->name);
    free(symbols);
}

void save(const struct made *m)
{
    int file = open(made_path, O_WRONLY | O_CREAT | O_TRUNC, 0700);
    assert_int_equal(write(file, m->bytes, m->layout.size), m->layout.size);
    close(file);
}

static char folder[] = "/tmp/graft-stand-in-XXXXXX";
char made_path[64];

int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(made_path, sizeof made_path, "%s/made.so", folder);
    return 0;
}

int remove_folder(void **state)
{
    (void)state;
    unlink(made_path);
    return rmdir(folder);
}

void *open_made(const struct made *m)
{
    save(m);
    void *handle = dlopen(made_path, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        fail_msg("%s", dlerror());
    return handle;
}
