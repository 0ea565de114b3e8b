/* SPDX-License-Identifier: MIT */
/* Hooks of what everything stands on: malloc, the loader's functions, threads, fork, and
 * thirty-five functions of libc at once under load. Invariant: graft's own code reaches
 * none of them while it works. */

#include "hook_fixture.h"
#include "process.h"

#include <ctype.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

/* ---- malloc ------------------------------------------------------------------------------- */

static void *(*next_malloc)(size_t);
static void (*next_free)(void *);
static void *(*next_calloc)(size_t, size_t);
static atomic_uint mallocs, frees, from_loader, from_libc, from_graft;
static __thread bool in_graft;
static struct { uintptr_t start, end; } loader, libc;

static int find_ranges(struct dl_phdr_info *info, size_t size, void *arg)
{
    bool is_loader = strstr(info->dlpi_name, "ld-linux"), is_libc = strstr(info->dlpi_name, "libc.so");
    (void)size;
    (void)arg;
    for (size_t i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_X)) {
            uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr, end = start + info->dlpi_phdr[i].p_memsz;
            if (is_loader)
                loader.start = start, loader.end = end;
            else if (is_libc)
                libc.start = start, libc.end = end;
        }
    return 0;
}

static bool is_from_loader(uintptr_t caller)
{
    return caller - loader.start < loader.end - loader.start;
}

/* LeakSanitizer leaves out what the loader allocates, which it knows by the caller of
 * malloc: that is a wrapper here. */
static void *no_leak(void *memory, uintptr_t caller)
{
#ifdef __SANITIZE_ADDRESS__
    if (is_from_loader(caller))
        __lsan_ignore_object(memory);
#else
    (void)caller;
#endif
    return memory;
}

static void count_call(uintptr_t caller)
{
    mallocs++;
    from_graft += in_graft;
    from_loader += is_from_loader(caller);
    from_libc += caller - libc.start < libc.end - libc.start;
}

static void *wrap_malloc(size_t size)
{
    uintptr_t caller = (uintptr_t)__builtin_return_address(0);
    count_call(caller);
    return no_leak(next_malloc(size), caller);
}

static void *wrap_calloc(size_t count, size_t size)
{
    uintptr_t caller = (uintptr_t)__builtin_return_address(0);
    count_call(caller);
    return no_leak(next_calloc(count, size), caller);
}

static void wrap_free(void *memory)
{
    frees++;
    from_graft += in_graft;
    next_free(memory);
}

static struct graft_plan *hook_malloc(void)
{
    dl_iterate_phdr(find_ranges, NULL);
    assert_true(loader.start && libc.start);
    struct graft_hook hooks[3] = { HOOK("malloc", wrap_malloc, &next_malloc, NULL),
                                   HOOK("calloc", wrap_calloc, &next_calloc, NULL),
                                   HOOK("free", wrap_free, &next_free, NULL) };
    return hook_apply(hooks, 3);
}

static void calls_of_malloc_from_libc_and_the_loader_are_hooked(void **state)
{
    (void)state;
    void *heavy = hook_open("libheavy.so", RTLD_NOW);
    char *(*copy)(const char *) = (char *(*)(const char *))dlsym(heavy, "heavy_strdup");
    void *(*take)(size_t) = (void *(*)(size_t))dlsym(heavy, "heavy_malloc");
    void (*give)(void *) = (void (*)(void *))dlsym(heavy, "heavy_free");
    struct graft_plan *plan = hook_malloc();
    unsigned before = mallocs, freed = frees;
    void *memory = take(100);
    assert_int_equal(mallocs, before + 1);
    give(memory);
    assert_int_equal(frees, freed + 1);
    before = from_libc;
    char *text = copy("text");
    assert_string_equal(text, "text");
#ifndef __SANITIZE_ADDRESS__                    /* whose strdup takes its memory itself */
    assert_int_equal(from_libc, before + 1);    /* strdup's own call */
#endif
    give(text);
    before = mallocs;
    FILE *file = fopen("/proc/self/maps", "r");
    fclose(file);
#ifndef __SANITIZE_ADDRESS__
    assert_true(mallocs > before);
#endif
    before = from_loader;
    void *user = hook_open("libuser_now.so", RTLD_NOW);
    assert_true(from_loader > before);
    freed = frees;
    dlclose(user);
    assert_true(frees > freed);
    hook_remove(plan);
    before = mallocs;
    freed = frees;
    dlclose(hook_open("libuser_now.so", RTLD_NOW));
    give(copy("text"));
    give(take(10));
    assert_int_equal(mallocs, before);
    assert_int_equal(frees, freed);
}

static int noop_one(int x)
{
    return x;
}

/* Everything that graft offers, with a mark that says that we are inside. */
static void use_graft(void)
{
    struct graft_hook hook = HOOK("getppid", noop_one, NULL, NULL);
    struct graft_plan *plan = NULL;
    struct graft_error error;
    in_graft = true;
    int result = graft_plan_hook(&plan, &hook, 1, &error) || graft_plan_apply(plan, &error)
              || graft_plan_enable(plan, 0, &error) || graft_plan_enable(plan, 1, &error);
    int count = hook_count();
    result = result || graft_plan_undo(plan, &error);
    graft_plan_free(plan);
    hook.symbol = "no_such_function";
    result = result || graft_plan_hook(&plan, &hook, 1, &error) != -GRAFT_ENOFUNC;
    result = result || graft_hook("getppid", noop_one, NULL) || graft_hook_enable("getppid", noop_one, 0)
          || graft_unhook("getppid", noop_one);
    in_graft = false;
    assert_int_equal(result, 0);
    assert_int_equal(count, 4);
}

static void graft_itself_calls_no_hooked_malloc(void **state)
{
    (void)state;
    struct graft_plan *plan = hook_malloc();
    for (int i = 0; i < 50; i++)
        use_graft();
    assert_int_equal(from_graft, 0);
    hook_remove(plan);
}

static atomic_bool stop;
static atomic_ulong made, wrong;

static void *allocate_and_load(void *arg)
{
    for (unsigned i = 0; !stop; i++) {
        free(malloc(i % 1000 + 1));
        char *text = strdup("abc");
        wrong += !text || strcmp(text, "abc");
        free(text);
        if (arg && i % 16 == 0) {
            void *user = dlopen(hook_path("libuser_lazy.so"), RTLD_LAZY);
            wrong += !user;
            if (user)
                dlclose(user);
        }
        made++;
    }
    return NULL;
}

static void *hook_something_else(void *arg)
{
    while (!stop) {
        wrong += graft_hook("getsid", noop_one, NULL) != 0;
        wrong += graft_unhook("getsid", noop_one) != 0;
    }
    return arg;
}

/* Locks of three: malloc's own, the loader's, graft's. */
static void hooked_malloc_works_while_other_threads_hook_and_load(void **state)
{
    const int rounds = getenv("GRAFT_SLOW_TOOL") ? 10 : 200;
    pthread_t thread[4];
    (void)state;
    alarm(100);
    struct graft_plan *plan = hook_malloc();
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, i == 3 ? hook_something_else : allocate_and_load,
                                        i == 1 ? &thread : NULL), 0);
    for (int i = 0; i < rounds; i++) {
        assert_int_equal(graft_plan_enable(plan, i % 2, NULL), 0);
        usleep(2000);
    }
    stop = true;
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    hook_remove(plan);
    assert_true(mallocs > 10 && frees > 10 && from_loader > 0);
    assert_true(made > 10);
    assert_int_equal(wrong, 0);
    assert_int_equal(from_graft, 0);
}

/* ---- the loader's functions ---------------------------------------------------------------------- */

static void *(*next_dlopen)(const char *, int), *(*next_dlsym)(void *, const char *);
static int (*next_dlclose)(void *);
static char opener[512];
static volatile unsigned opens, closes, lookups;

static void *wrap_dlopen(const char *file, int mode)
{
    Dl_info info;
    opens++;
    opener[0] = '\0';
    if (dladdr(__builtin_return_address(0), &info))
        snprintf(opener, sizeof opener, "%s", info.dli_fname);
    void *volatile handle = next_dlopen(file, mode);
    return handle;
}

static void *wrap_dlsym(void *handle, const char *name)
{
    lookups++;
    void *volatile found = next_dlsym(handle, name);
    return found;
}

static int wrap_dlclose(void *handle)
{
    closes++;
    volatile int result = next_dlclose(handle);
    return result;
}

/* RUNPATH is the caller's: neither graft's gate nor the wrapper may stand for it. */
static void a_wrapper_of_dlopen_sees_its_caller_and_so_does_the_loader(void **state)
{
    (void)state;
    void *user = hook_open("libuser_runpath.so", RTLD_NOW), *other = hook_open("libuser_now.so", RTLD_NOW);
    void *(*open)(const char *, int) = (void *(*)(const char *, int))dlsym(user, "user_open");
    void *(*open_elsewhere)(const char *, int) = (void *(*)(const char *, int))dlsym(other, "user_open");
#ifdef __SANITIZE_ADDRESS__                     /* libasan's own dlopen stands for the caller, also without graft */
    const char *file = hook_path("sub/libonly_there.so");
#else
    const char *file = "libonly_there.so";
#endif
    void *plain = open(file, RTLD_NOW);
    assert_non_null(plain);
    assert_null(open_elsewhere("libnowhere.so", RTLD_NOW));
    dlclose(plain);
    for (int hooked_first = 0; hooked_first < 2; hooked_first++) {
        struct graft_hook hooks[3] = { HOOK("dlopen", wrap_dlopen, &next_dlopen, NULL),
                                       HOOK("dlclose", wrap_dlclose, &next_dlclose, NULL),
                                       HOOK("dlsym", wrap_dlsym, &next_dlsym, NULL) };
        struct graft_plan *plan = hook_apply(hooks, 3);
        opens = closes = lookups = 0;
        void *only = open(file, RTLD_NOW);
        assert_non_null(only);
        assert_int_equal(opens, 1);
        assert_non_null(strstr(opener, "libuser_runpath.so"));
        assert_null(open_elsewhere("libonly_there.so_not", RTLD_NOW));
        assert_non_null(strstr(dlerror(), "libonly_there.so_not"));
        assert_non_null(strstr(opener, "libuser_now.so"));
        assert_non_null(dlsym(only, "repl_serve"));
        assert_int_equal(lookups, 1);
        assert_int_equal(dlclose(only), 0);
        assert_int_equal(closes, 1);
        assert_false(hook_is_loaded("sub/libonly_there.so"));
        hook_remove(plan);
        opens = 0;
        only = open(file, RTLD_NOW);
        assert_non_null(only);
        assert_int_equal(opens, 0);
        dlclose(only);
    }
}

static int (*next_serve)(int);

static int add_thousand(int x)
{
    return next_serve(x) + 1000;
}

/* What a wrapper of dlopen loads is covered like what the program loads. */
static void libraries_that_come_through_a_hooked_dlopen_are_hooked(void **state)
{
    (void)state;
    struct graft_hook hooks[2] = { HOOK("dlopen", wrap_dlopen, &next_dlopen, NULL),
                                   HOOK("serve", add_thousand, &next_serve, NULL) };
    hooks[1].flags = GRAFT_HOOK_LATE;
    struct graft_plan *plan = hook_apply(hooks, 2);
    void *user = hook_open("libuser_lazy.so", RTLD_LAZY);
    assert_int_equal(hook_function(user, "user_serve")(2), 1021);
    assert_true(opens > 0);
    hook_remove(plan);
    assert_int_equal(hook_function(user, "user_serve")(2), 21);
}

/* ---- threads and processes ------------------------------------------------------------------------- */

static int (*next_pthread_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
static pid_t (*next_fork)(void);
static atomic_uint created, forked;

static int wrap_pthread_create(pthread_t *id, const pthread_attr_t *attributes, void *(*function)(void *), void *arg)
{
    created++;
    return next_pthread_create(id, attributes, function, arg);
}

static pid_t wrap_fork(void)
{
    forked++;
    return next_fork();
}

static void pthread_create_is_hooked(void **state)
{
    (void)state;
    void *heavy = hook_open("libheavy.so", RTLD_NOW);
    assert_int_equal(graft_hook("pthread_create", wrap_pthread_create, (void **)&next_pthread_create), 0);
    for (int i = 1; i < 20; i++)
        assert_int_equal(hook_function(heavy, "heavy_thread")(i), i);
    assert_int_equal(created, 19);
    assert_int_equal(graft_unhook("pthread_create", wrap_pthread_create), 0);
    assert_int_equal(hook_function(heavy, "heavy_thread")(5), 5);
    assert_int_equal(created, 19);
}

static void fork_is_hooked(void **state)
{
    int status;
    (void)state;
    assert_int_equal(graft_hook("fork", wrap_fork, (void **)&next_fork), 0);
    for (unsigned i = 1; i < 6; i++) {
        pid_t child = fork();
        if (!child)
            _exit(forked == i && !graft_unhook("fork", wrap_fork) ? 0 : 1);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        assert_int_equal(forked, i);
    }
    assert_int_equal(graft_unhook("fork", wrap_fork), 0);
}

/* ---- thirty-five at once ---------------------------------------------------------------------------------- */

/* All take and return words, so that one shape of wrapper serves them. */
#define FUNCTIONS(X) \
    X(getpid) X(getppid) X(getuid) X(geteuid) X(getgid) X(getegid) X(getpgid) X(getpgrp) X(umask) X(access) X(open) \
    X(close) X(read) X(write) X(lseek) X(dup) X(isatty) X(getpagesize) X(sysconf) X(toupper) X(tolower) X(strtol) \
    X(strtoul) X(atoi) X(rand_r) X(bsearch) X(qsort) X(strcspn) X(strspn) X(strpbrk) X(getenv) X(clock) \
    X(pthread_mutex_trylock) X(pthread_mutex_unlock) X(sched_yield)

typedef long word_function(long, long, long, long, long, long);

#define WRAPPERS(name) \
    static word_function *next_##name; \
    static atomic_uint count_##name; \
    static long wrap_##name(long a, long b, long c, long d, long e, long f) \
    { \
        count_##name++; \
        return next_##name(a, b, c, d, e, f); \
    }
FUNCTIONS(WRAPPERS)
#undef WRAPPERS

/* The program's data slots: headers may define some of these inline. */
#define SLOT(name) static void *volatile slot_##name = (void *)name;
FUNCTIONS(SLOT)
#undef SLOT
#define CALL(name) ((__typeof__(&name))slot_##name)

static const struct { const char *symbol; void *wrap; void **next; atomic_uint *count; } functions[] = {
#define ROW(name) { #name, (void *)wrap_##name, (void **)&next_##name, &count_##name },
    FUNCTIONS(ROW)
#undef ROW
};
enum { FUNCTION_COUNT = sizeof functions / sizeof functions[0] };

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static bool all_is_well(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    int numbers[8] = { 5, 3, 8, 1, 9, 2, 7, 4 }, key = 7;
    unsigned seed = 7, again = 7;
    char word[16] = "", *end;
    int zero = CALL(open)("/dev/zero", O_RDWR), copy = CALL(dup)(zero);
    bool well = zero >= 0 && copy >= 0 && CALL(read)(zero, word, 8) == 8 && CALL(write)(copy, "x", 1) == 1;
    well &= CALL(lseek)(zero, 0, SEEK_CUR) >= 0 && !CALL(isatty)(zero) && !CALL(close)(zero) && !CALL(close)(copy);
    well &= CALL(getpid)() == getpid() && CALL(getppid)() == getppid() && CALL(getuid)() == CALL(geteuid)();
    well &= CALL(getgid)() == CALL(getegid)() && CALL(getpgid)(0) == CALL(getpgrp)() && CALL(umask)(022) == 022;
    well &= !CALL(access)("/", R_OK) && CALL(access)("/nowhere", R_OK) == -1;
    well &= CALL(getpagesize)() == CALL(sysconf)(_SC_PAGESIZE) && CALL(toupper)('a') == 'A' && CALL(tolower)('B') == 'b';
    well &= CALL(strtol)("-12x", &end, 10) == -12 && *end == 'x' && CALL(strtoul)("ff", NULL, 16) == 255;
    well &= CALL(atoi)("77") == 77 && CALL(rand_r)(&seed) == rand_r(&again);
    CALL(qsort)(numbers, 8, sizeof numbers[0], compare);
    const int *found = CALL(bsearch)(&key, numbers, 8, sizeof numbers[0], compare);
    well &= numbers[0] == 1 && numbers[7] == 9 && found && *found == 7;
    well &= CALL(strcspn)("abcdef", "dx") == 3 && CALL(strspn)("aabb", "a") == 2 && *CALL(strpbrk)("abcdef", "fd") == 'd';
    well &= !CALL(getenv)("NO SUCH VARIABLE") && CALL(clock)() >= 0 && !CALL(sched_yield)();
    if (!CALL(pthread_mutex_trylock)(&mutex))
        well &= !CALL(pthread_mutex_unlock)(&mutex);
    return well;
}

static void *work(void *arg)
{
    while (!stop) {
        wrong += !all_is_well();
        made++;
    }
    return arg;
}

static void thirty_five_functions_are_hooked_and_unhooked_at_once_under_load(void **state)
{
    const int rounds = is_soak() ? 20000 : getenv("GRAFT_SLOW_TOOL") ? 20 : 300;
    struct graft_hook hooks[FUNCTION_COUNT];
    pthread_t thread[4];
    (void)state;
    umask(022);
    assert_true(FUNCTION_COUNT >= 35);
    for (size_t i = 0; i < FUNCTION_COUNT; i++)
        hooks[i] = (struct graft_hook)HOOK(functions[i].symbol, functions[i].wrap, functions[i].next, NULL);
    hook_warm_up();
    assert_true(all_is_well());
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, work, NULL), 0);
    for (int i = 0; i < rounds; i++) {
        struct graft_plan *plan = hook_apply(hooks, FUNCTION_COUNT);
        if (i % 16 == 0)
            usleep(2000);
        hook_remove(plan);
    }
    struct graft_plan *plan = hook_apply(hooks, FUNCTION_COUNT);
    wrong += !all_is_well();
    hook_remove(plan);
    stop = true;
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    for (size_t i = 0; i < FUNCTION_COUNT; i++)
        if (!*functions[i].count)
            fail_msg("%s was never reached", functions[i].symbol);
    unsigned before = count_getpid;
    assert_true(all_is_well());
    assert_int_equal(count_getpid, before);
    printf("%lu rounds of calls\n", made);
    assert_true(made > 10);
    assert_int_equal(wrong, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_of_malloc_from_libc_and_the_loader_are_hooked),
        cmocka_unit_test(graft_itself_calls_no_hooked_malloc),
        cmocka_unit_test(hooked_malloc_works_while_other_threads_hook_and_load),
        cmocka_unit_test(a_wrapper_of_dlopen_sees_its_caller_and_so_does_the_loader),
        cmocka_unit_test(libraries_that_come_through_a_hooked_dlopen_are_hooked),
        cmocka_unit_test(pthread_create_is_hooked),
        cmocka_unit_test(fork_is_hooked),
        cmocka_unit_test(thirty_five_functions_are_hooked_and_unhooked_at_once_under_load),
    };
    return each_in_a_process(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
