/* SPDX-License-Identifier: MIT */
/* Support of the hook tests. Invariant: what compares bytes takes no memory of malloc
 * and calls nothing that a test may have hooked but mmap. */

#include "hook_fixture.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "process.h"

const char *hook_path(const char *file)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;    /* fixture_path has few buffers */
    static __thread char paths[4][PATH_MAX];
    static __thread unsigned next;
    char name[256], *path = paths[next++ % 4];
    snprintf(name, sizeof name, "hook/%s", file);
    pthread_mutex_lock(&lock);
    strcpy(path, fixture_path(name));
    pthread_mutex_unlock(&lock);
    return path;
}

void *hook_open(const char *file, int flags)
{
    void *handle = dlopen(hook_path(file), flags);
    if (!handle)
        fail_msg("%s", dlerror());
    return handle;
}

bool hook_is_loaded(const char *file)
{
    void *handle = dlopen(hook_path(file), RTLD_LAZY | RTLD_NOLOAD);
    if (handle)
        dlclose(handle);
    return handle != NULL;
}

int (*hook_function(void *library, const char *name))(int)
{
    int (*function)(int);
    *(void **)&function = dlsym(library, name);
    if (!function)
        fail_msg("no %s", name);
    return function;
}

/* ---- plans ---------------------------------------------------------------------- */

struct graft_plan *hook_plan(const struct graft_hook *hooks, size_t count)
{
    struct graft_error error;
    struct graft_plan *plan = NULL;
    if (graft_plan_hook(&plan, hooks, count, &error))
        fail_msg("plan: %s", error.text);
    return plan;
}

struct graft_plan *hook_apply(const struct graft_hook *hooks, size_t count)
{
    struct graft_plan *plan = hook_plan(hooks, count);
    fixture_apply(plan);
    return plan;
}

void hook_remove(struct graft_plan *plan)
{
    fixture_undo(plan);
    graft_plan_free(plan);
}

int hook_refused(const struct graft_hook *hook, struct graft_error *error)
{
    struct graft_plan *plan = NULL;
    int before = hook_count(), result = graft_plan_hook(&plan, hook, 1, error);
    assert_true(result < 0);
    assert_null(plan);
    assert_int_equal(error->code, result);
    assert_true(error->text[0] != '\0');
    assert_int_equal(graft_plan_hook(&plan, hook, 1, NULL), result);
    assert_int_equal(hook_count(), before);
    return result;
}

static int count_one(const struct graft_hook_info *info, void *arg)
{
    (void)info;
    ++*(int *)arg;
    return 0;
}

int hook_count(void)
{
    int count = 0;
    assert_int_equal(graft_hooks_each(count_one, &count), 0);
    return count;
}

static long no_pid(void)
{
    return -1;
}

void hook_warm_up(void)
{
    assert_int_equal(graft_hook("getsid", no_pid, NULL), 0);
    assert_int_equal(graft_unhook("getsid", no_pid), 0);
}

/* ---- bytes ------------------------------------------------------------------------- */

enum { RANGES_MAX = 1024 };

struct range { uintptr_t start; size_t size; unsigned char *copy; char object[48]; };

struct hook_bytes { struct range range[RANGES_MAX]; size_t count; };

/* Redzones between variables are bytes like any others here. */
#define RAW __attribute__((no_sanitize("address", "undefined")))

/* The first difference, or @size; with @copy there is none. By words where there are some. */
RAW static size_t walk(const volatile unsigned char *from, volatile unsigned char *to, size_t size, bool copy)
{
    size_t i = 0;
    for (; i + 8 <= size; i += 8)
        if (copy)
            *(volatile uint64_t *)(to + i) = *(const volatile uint64_t *)(from + i);
        else if (*(volatile uint64_t *)(to + i) != *(const volatile uint64_t *)(from + i))
            break;
    for (; i < size; i++)
        if (copy)
            to[i] = from[i];
        else if (to[i] != from[i])
            break;
    return i;
}

static void take_range(struct hook_bytes *bytes, uintptr_t start, size_t size, const char *object)
{
    struct range *range = &bytes->range[bytes->count];
    if (!size)
        return;
    assert_true(bytes->count++ < RANGES_MAX);
    void *copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(copy, MAP_FAILED);
    const char *slash = strrchr(object, '/');
    walk((void *)start, copy, size, true);
    *range = (struct range){ start, size, copy, "" };
    strncpy(range->object, slash ? slash + 1 : object, sizeof range->object - 1);
}

/* A RELRO segment of lld and mold may reach beyond what the file fills. */
static int take_object(struct dl_phdr_info *info, size_t size, void *arg)
{
    bool fixture = strstr(info->dlpi_name, "/fixtures/") != NULL;
    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum && !strstr(info->dlpi_name, "vdso"); i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type == PT_LOAD && (p->p_flags & PF_R) && (fixture || !(p->p_flags & PF_W)))
            take_range(arg, info->dlpi_addr + p->p_vaddr, p->p_filesz, info->dlpi_name);
        else if (p->p_type == PT_GNU_RELRO && !fixture)
            take_range(arg, info->dlpi_addr + p->p_vaddr, p->p_filesz, info->dlpi_name);
    }
    return 0;
}

struct hook_bytes *hook_bytes_take(void)
{
    struct hook_bytes *bytes = mmap(NULL, sizeof *bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(bytes, MAP_FAILED);
    dl_iterate_phdr(take_object, bytes);
    assert_true(bytes->count > 4);
    return bytes;
}

struct lookup { uintptr_t start; bool found; };

static int is_it_loaded(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct lookup *lookup = arg;
    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum; i++)
        lookup->found |= lookup->start - (info->dlpi_addr + info->dlpi_phdr[i].p_vaddr) < info->dlpi_phdr[i].p_memsz;
    return 0;
}

void hook_bytes_same(struct hook_bytes *bytes)
{
    for (size_t i = 0; i < bytes->count; i++) {
        const struct range *range = &bytes->range[i];
        struct lookup lookup = { range->start, false };
        dl_iterate_phdr(is_it_loaded, &lookup);
        size_t at = lookup.found ? walk((void *)range->start, range->copy, range->size, false) : range->size;
        if (at < range->size)
            fail_msg("%s differs at 0x%zx of a range (address 0x%lx): is 0x%x, was 0x%x", range->object, at,
                     range->start + at, *(unsigned char *)(range->start + at), range->copy[at]);
    }
    for (size_t i = 0; i < bytes->count; i++)
        munmap(bytes->range[i].copy, bytes->range[i].size);
    munmap(bytes, sizeof *bytes);
}
