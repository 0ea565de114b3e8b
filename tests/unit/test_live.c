/* SPDX-License-Identifier: MIT */
/* The snapshot of this process: what it lists, and that nothing in it calls what
 * must not be called while the loader's lock is held. */

#include "fixture.h"
#include "process.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "live/live.h"
#include "live/protection.h"

/* ---- malloc, counted ------------------------------------------------------- */

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { COUNTS = 0 };
static __thread unsigned allocations;
#else
enum { COUNTS = 1 };
static __thread unsigned allocations;

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void __libc_free(void *);

void *malloc(size_t size) { allocations++; return __libc_malloc(size); }
void *calloc(size_t n, size_t size) { allocations++; return __libc_calloc(n, size); }
void *realloc(void *p, size_t size) { allocations++; return __libc_realloc(p, size); }
void free(void *p) { allocations++; __libc_free(p); }
#endif

static void planning_never_calls_malloc(void **state)
{
    struct graft_rebind rebind = { .size = sizeof(rebind), .from = "libfixdup*", .onto = "libfixhost.so",
                                   .flags = GRAFT_CLOSURE };
    struct graft_error error;
    struct graft_plan *plan, *inverse;
    struct graft_objects *objects;
    (void)state;
    free(malloc(1));
    assert_int_equal(allocations, 2);           /* it is ours that is called */
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    rebind.handle = fixture_open("libconsumer-bfd-now-plt-full-gnu-ver-norelr-gd.so", RTLD_NOW);
    allocations = 0;
    int planned = graft_plan_rebind(&plan, &rebind, &error);
    int applied = graft_plan_apply(plan, &error);
    int undone = graft_plan_undo(plan, &error);
    int isolated = graft_plan_isolate(&inverse, "libconsumer*", GRAFT_CLOSURE, &error);
    int listed = graft_objects_snapshot(&objects, &error);
    graft_plan_free(plan);
    graft_plan_free(inverse);
    graft_objects_free(objects);
    unsigned made = allocations;
    assert_int_equal(planned | applied | undone | isolated | listed, 0);
    assert_int_equal(made, 0);
}

/* What apply pins it pins with dlopen, which may allocate, outside of all locks. */
static void an_applied_target_that_could_go_is_pinned_outside_the_locks(void **state)
{
    (void)state;
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    fixture_provider("libfixhost_lld.so", RTLD_LOCAL);
    void *consumer = fixture_open("libconsumer-bfd-now-plt-full-gnu-ver-norelr-gd.so", RTLD_NOW);
    struct graft_plan *plan = fixture_plan(consumer, "libfixhost_lld.so", 0, "fix_call");
    fixture_apply(plan);
    fixture_undo(plan);
    graft_plan_free(plan);
}

/* ---- what is listed -------------------------------------------------------- */

static const struct graft_object *find(const struct graft_objects *objects, const char *part)
{
    for (size_t i = 0; i < graft_objects_count(objects); i++)
        if (strstr(graft_objects_get(objects, i)->path, part))
            return graft_objects_get(objects, i);
    return NULL;
}

static int count_object(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)info;
    (void)size;
    ++*(size_t *)arg;
    return 0;
}

static struct graft_objects *snapshot(void)
{
    struct graft_objects *objects = NULL;
    struct graft_error error;
    if (graft_objects_snapshot(&objects, &error))
        fail_msg("%s", error.text);
    return objects;
}

static void every_object_is_listed_once(void **state)
{
    size_t count = 0;
    char program[PATH_MAX];
    (void)state;
    fixture_open("libconsumer-bfd-lazy-plt-none-gnu-ver-relr-gd.so", RTLD_LAZY);
    struct graft_objects *objects = snapshot();
    dl_iterate_phdr(count_object, &count);
    assert_int_equal(graft_objects_count(objects), count);
    assert_null(graft_objects_get(objects, count));
    const struct graft_object *first = graft_objects_get(objects, 0);
    ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
    assert_true(length > 0);
    program[length] = '\0';
    assert_true(first->is_main);
    assert_string_equal(first->path, program);
    assert_true(first->start <= (uintptr_t)&snapshot && (uintptr_t)&snapshot < first->end);
    size_t mains = 0, vdsos = 0;
    for (size_t i = 0; i < count; i++) {
        const struct graft_object *o = graft_objects_get(objects, i);
        mains += o->is_main;
        vdsos += o->is_vdso;
        assert_true(o->path[0] != '\0');
        assert_true(o->start < o->end);
        assert_int_equal(o->size, sizeof(*o));
        assert_int_equal(o->space, 0);
        if (o->is_vdso)
            assert_int_equal(o->start, getauxval(AT_SYSINFO_EHDR));
    }
    assert_int_equal(mains, 1);
    assert_int_equal(vdsos, getauxval(AT_SYSINFO_EHDR) ? 1 : 0);
    const struct graft_object *consumer = find(objects, "libconsumer-bfd-lazy");
    assert_non_null(consumer);
    assert_string_equal(consumer->soname, "libconsumer-bfd-lazy-plt-none-gnu-ver-relr-gd.so");
    assert_int_equal(consumer->build_id_size, 20);
    graft_objects_free(objects);
    graft_objects_free(NULL);
}

static void other_namespaces_are_listed_and_their_objects_rebound(void **state)
{
    (void)state;
    const char *file = "libconsumer-bfd-now-plt-full-gnu-ver-norelr-gd.so";
    void *handle = dlmopen(LM_ID_NEWLM, fixture_path(file), RTLD_NOW);
    assert_non_null(handle);
    assert_non_null(dlmopen(LM_ID_BASE, fixture_path(file), RTLD_NOW));
    struct graft_objects *objects = snapshot();
    size_t here = 0, there = 0, mains = 0;
    for (size_t i = 0; i < graft_objects_count(objects); i++) {
        const struct graft_object *o = graft_objects_get(objects, i);
        mains += o->is_main;
        if (!strstr(o->path, file))
            continue;
        here += o->space == 0;
        there += o->space == 1;
        assert_int_equal(o->build_id_size, 20);
    }
    assert_int_equal(mains, 1);
    assert_int_equal(here, 1);
    assert_int_equal(there, 1);
    graft_objects_free(objects);
}

static atomic_bool stop;

static void *open_and_close(void *arg)
{
    while (!stop) {
        void *handle = dlopen(arg, RTLD_NOW);
        if (handle)
            dlclose(handle);
    }
    return NULL;
}

static void snapshots_are_whole_while_others_load_and_unload(void **state)
{
    pthread_t thread[2];
    (void)state;
    const char *one = fixture_path("libconsumer-lld-now-plt-full-sysv-ver-relr-gd.so");
    const char *two = fixture_path("libconsumer-mold-now-plt-none-gnu-ver-relr-gd.so");
    assert_int_equal(pthread_create(&thread[0], NULL, open_and_close, (void *)one), 0);
    assert_int_equal(pthread_create(&thread[1], NULL, open_and_close, (void *)two), 0);
    for (int i = 0; i < (getenv("GRAFT_SLOW_TOOL") ? 50 : 2000); i++) {
        struct graft_objects *objects = snapshot();
        assert_true(graft_objects_count(objects) >= 4);
        graft_objects_free(objects);
    }
    stop = true;
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
}

/* ---- protections ----------------------------------------------------------- */

static bool without_query;

/* Linux before 6.11 cannot be asked for one mapping. */
int ioctl(int file, unsigned long request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (without_query)
        return -1;
    return (int)syscall(SYS_ioctl, file, request, argument);
}

static void both_ways_to_read_protections_agree(void **state)
{
    struct arena arena = { 0 };
    struct protections asked, read;
    struct region a, b;
    char *line = NULL;
    size_t room = 0, lines = 0;
    (void)state;
    assert_int_equal(protections_open(&asked, &arena), 0);
    without_query = true;
    assert_int_equal(protections_open(&read, &arena), 0);
    without_query = false;
    assert_false(read.query);
    FILE *maps = fopen("/proc/self/maps", "r");
    while (getline(&line, &room, maps) > 0) {
        unsigned long start, end;
        if (strstr(line, "[") || sscanf(line, "%lx-%lx", &start, &end) != 2)
            continue;
        lines++;
        if (!protections_find(&asked, start, &a) || !protections_find(&read, end - 1, &b))
            continue;                           /* mapped since */
        if (strchr(line, '/')) {
            assert_int_equal(a.start, b.start);
            assert_int_equal(a.end, b.end);
            assert_int_equal(a.protection, b.protection);
        }
    }
    fclose(maps);
    free(line);
    assert_true(lines > 10);
    assert_false(protections_find(&asked, 0, &a) || protections_find(&read, 0, &b));
    protections_close(&asked);
    protections_close(&read);
    arena_free(&arena);
}

static void apply_works_where_the_kernel_cannot_be_asked_for_one_mapping(void **state)
{
    (void)state;
    without_query = true;
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    void *consumer = fixture_open("libconsumer-bfd-now-plt-full-gnu-ver-norelr-gd.so", RTLD_NOW);
    struct graft_plan *plan = fixture_plan(consumer, "libfixhost.so", GRAFT_CLOSURE, NULL);
    fixture_apply(plan);
    assert_int_equal(fixture_ask(consumer, "call"), PROBE_PROVIDER);
    fixture_undo(plan);
    assert_int_equal(fixture_ask(consumer, "call"), PROBE_DUPLICATE);
    graft_plan_free(plan);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planning_never_calls_malloc),      /* first: left out where a sanitizer has malloc */
        cmocka_unit_test(an_applied_target_that_could_go_is_pinned_outside_the_locks),
        cmocka_unit_test(every_object_is_listed_once),
        cmocka_unit_test(other_namespaces_are_listed_and_their_objects_rebound),
        cmocka_unit_test(snapshots_are_whole_while_others_load_and_unload),
        cmocka_unit_test(both_ways_to_read_protections_agree),
        cmocka_unit_test(apply_works_where_the_kernel_cannot_be_asked_for_one_mapping),
    };
    const size_t first = COUNTS ? 0 : 1;
    return each_in_a_process(argc, argv, tests + first, sizeof(tests) / sizeof(tests[0]) - first);
}
