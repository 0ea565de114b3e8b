/* SPDX-License-Identifier: MIT */
/* Hooks every function that libgraft.so itself calls, with replacements that ask graft in
 * the middle of it, while the program hooks, loads, closes and looks up in two threads.
 * Invariant: no call comes from graft's own code, which works under its locks.
 * hook_own.sh builds and runs it with the names of those functions:
 *      hook_own LIBRARY ANOTHER NAME... */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <graft/hook.h>
#include <graft/plan.h>

enum { HOOKS_MAX = 72 };         /* numbers 10 to 17, 20 to 27, ... 60 to 67 */

typedef long word_function(long, long, long, long, long, long);

static word_function *next[HOOKS_MAX];
static const char *name[HOOKS_MAX];
static atomic_ulong calls[HOOKS_MAX], from_graft[HOOKS_MAX], asked, wrong;
static uintptr_t graft_start, graft_end;
static atomic_bool stop;
static bool silent[HOOKS_MAX];         /* the loader calls these with its lock held: they must not ask */
static __thread unsigned depth, turn;

static int count_one(const struct graft_hook_info *info, void *arg)
{
    (void)info;
    ++*(int *)arg;
    return 0;
}

/* Every so often, and never in what graft itself calls for that. */
static void ask_graft(void)
{
    int count = 0;
    if (depth || ++turn % 32)
        return;
    depth++;
    graft_hooks_each(count_one, &count);
    asked++;
    depth--;
}

static void note(unsigned i, uintptr_t caller)
{
    calls[i]++;
    from_graft[i] += caller - graft_start < graft_end - graft_start;
    if (!silent[i])
        ask_graft();
}

#define WRAP(i) \
    static long wrap_##i(long a, long b, long c, long d, long e, long f) \
    { \
        note(i, (uintptr_t)__builtin_return_address(0)); \
        volatile long result = next[i](a, b, c, d, e, f); \
        return result; \
    }
#define EIGHT(X, n) X(n##0) X(n##1) X(n##2) X(n##3) X(n##4) X(n##5) X(n##6) X(n##7)
EIGHT(WRAP, 1) EIGHT(WRAP, 2) EIGHT(WRAP, 3) EIGHT(WRAP, 4) EIGHT(WRAP, 5) EIGHT(WRAP, 6)

static word_function *const wrap[HOOKS_MAX] = {
#define ROW(i) [i] = wrap_##i,
    EIGHT(ROW, 1) EIGHT(ROW, 2) EIGHT(ROW, 3) EIGHT(ROW, 4) EIGHT(ROW, 5) EIGHT(ROW, 6)
#undef ROW
};

static int find_graft(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    (void)arg;
    for (size_t i = 0; strstr(info->dlpi_name, "libgraft.so") && i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_X) {
            graft_start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            graft_end = graft_start + info->dlpi_phdr[i].p_memsz;
        }
    return 0;
}

static int (*serve_next)(int);
static int wrap_serve(int x) { return serve_next(x) + 1000; }

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static int no_object(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)info;
    (void)size;
    (void)arg;
    return 0;
}

/* What graft calls, called by somebody else. */
static void call_the_same(void)
{
    char text[256];
    struct timespec now;
    int file = open("/proc/self/maps", O_RDONLY);
    char *volatile memory = malloc(100);
    wrong += file < 0 || read(file, text, sizeof text) <= 0 || close(file);
    wrong += snprintf(text, sizeof text, "%d %s", 12, "three") != 8 || strcmp(text, "12 three");
    void *volatile page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    wrong += mprotect(page, 4096, PROT_READ | PROT_WRITE) || munmap(page, 4096) || clock_gettime(CLOCK_MONOTONIC, &now);
    wrong += pthread_mutex_lock(&mutex) || pthread_mutex_unlock(&mutex) || getpid() <= 0;
    dl_iterate_phdr(no_object, NULL);
    sched_yield();
    free(memory);
}

static void *work(void *arg)
{
    const char *library = arg;
    while (!stop) {
        void *user = dlopen(library, RTLD_LAZY);
        int (*serve)(int) = user ? (int (*)(int))dlsym(user, "user_serve") : NULL;
        int answer = serve ? serve(2) : -1;
        wrong += answer != 21 && answer != 1021;
        call_the_same();
        if (user)
            dlclose(user);
    }
    return NULL;
}

static void use_graft(void *user)
{
    struct graft_hook hook = { .size = sizeof hook, .symbol = "serve", .replacement = (void *)wrap_serve,
                               .original = (void **)&serve_next, .of = "libserve1.so", .in = "libuser*,libserve*" };
    struct graft_plan *plan = NULL;
    int result = graft_plan_hook(&plan, &hook, 1, NULL);
    if (!result && !(result = graft_plan_apply(plan, NULL))) {
        wrong += ((int (*)(int))dlsym(user, "user_serve"))(2) != 1021;
        wrong += graft_plan_enable(plan, 0, NULL) != 0 || graft_plan_enable(plan, 1, NULL) != 0;
        wrong += graft_plan_undo(plan, NULL) != 0;
    }
    wrong += result && result != -GRAFT_ESTALE;
    graft_plan_free(plan);
}

static unsigned long total(const atomic_ulong *counts)
{
    unsigned long sum = 0;
    for (unsigned i = 0; i < HOOKS_MAX; i++)
        sum += counts[i];
    return sum;
}

int main(int argc, char **argv)
{
    struct graft_hook hooks[HOOKS_MAX];
    struct graft_error error;
    struct graft_plan *plan;
    pthread_t thread;
    size_t count = 0;
    alarm(60);
    dl_iterate_phdr(find_graft, NULL);
    for (int i = 3; i < argc && count < 48; i++, count++) {
        unsigned k = (unsigned)(10 + count / 8 * 10 + count % 8);
        name[k] = argv[i];
        silent[k] = strstr("malloc calloc realloc free", argv[i]) != NULL;
        hooks[count] = (struct graft_hook){ .size = sizeof hooks[0], .symbol = argv[i], .replacement = (void *)wrap[k],
                                            .original = (void **)&next[k], .of = "libc.so*" };
    }
    if (!graft_end || !count)
        return fprintf(stderr, "libgraft.so or names are missing\n"), 2;
    void *user = dlopen(argv[1], RTLD_NOW);
    if (!user || graft_plan_hook(&plan, hooks, count, &error) || graft_plan_apply(plan, &error))
        return fprintf(stderr, "%s\n", user ? error.text : dlerror()), 2;
    pthread_create(&thread, NULL, work, argv[2]);
    for (int i = 0; i < 200 || total(calls) < 2000; i++)
        use_graft(user);
    stop = true;
    pthread_join(thread, NULL);
    if (graft_plan_undo(plan, &error))
        return fprintf(stderr, "%s\n", error.text), 2;
    unsigned long all = total(calls), own = total(from_graft);
    for (unsigned i = 0; i < HOOKS_MAX; i++)
        if (from_graft[i])
            printf("%s was called %lu times by graft itself\n", name[i], from_graft[i]);
    printf("%zu functions hooked, %lu calls, %lu from graft, graft asked %lu times, %lu wrong\n", count, all, own, asked,
           wrong);
    return own || wrong || !asked;
}
