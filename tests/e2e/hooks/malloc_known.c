/* SPDX-License-Identifier: MIT */
/* Allocates what each case says, and nothing else: no stdio, so that every number of
 * the report is known beforehand. A case is the name of the function below. Invariant:
 * a case does the same in every run. Compiled with -fno-builtin. */

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void *volatile kept[4096];

static void functions(void)                 /* each function once, all freed but 7 bytes */
{
    void *memory;
    kept[0] = malloc(7);
    free(malloc(100));
    free(calloc(3, 50));
    free(realloc(NULL, 11));
    free(reallocarray(NULL, 4, 9));
    free(posix_memalign(&memory, 64, 200) ? NULL : memory);
    free(aligned_alloc(32, 320));
    free(memalign(128, 33));
    free(valloc(500));
    free(pvalloc(600));
    free(NULL);
}

static void chain(void)                     /* 1, 2, 4 … 65536, then two failures, then nothing */
{
    char *memory = malloc(1);
    for (size_t size = 2; size <= 65536; size *= 2)
        memory = realloc(memory, size);
    kept[1] = realloc(memory, (size_t)PTRDIFF_MAX);
    kept[2] = reallocarray(memory, (size_t)1 << 40, (size_t)1 << 40);
    kept[3] = malloc(10);
    kept[3] = realloc(kept[3], 0);
    kept[4] = memory;
}

static void large(void)                     /* sizes around what a word of the table holds */
{
    for (int i = 0; i < 4; i++)
        kept[i] = malloc(65533 + (size_t)i);
    for (int i = 0; i < 4; i++)
        kept[8 + i] = malloc(((size_t)1 << 32) - 2 + (size_t)i);
    for (int i = 0; i < 3; i++) {
        free(kept[i]);
        free(kept[8 + i]);
    }
}

static pthread_barrier_t all_here;           /* four stacks in use at once, each time */

static void *fill(void *arg)
{
    pthread_barrier_wait(&all_here);
    for (intptr_t i = 0; i < 1000; i++)
        kept[(intptr_t)arg * 1000 + i] = malloc(24);
    return NULL;
}

static void *drain(void *arg)
{
    pthread_barrier_wait(&all_here);
    for (intptr_t i = 0; i < 1000; i++)
        free(kept[(intptr_t)arg * 1000 + i]);
    return NULL;
}

static void run_four(void *(*run)(void *))
{
    pthread_t threads[4];
    pthread_barrier_init(&all_here, NULL, 4);
    for (intptr_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, run, (void *)i);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

static void *rotate(void *arg)              /* four threads exchange blocks of a shared table */
{
    uint32_t state = (uint32_t)(intptr_t)arg + 1;
    pthread_barrier_wait(&all_here);
    for (int i = 0; i < 100000; i++) {
        state = state * 1103515245u + 12345u;
        void *fresh = malloc(16 + state % 1000);
        free(__atomic_exchange_n(&kept[state >> 16 & 255], fresh, __ATOMIC_ACQ_REL));
    }
    return NULL;
}

static void threads(void)                   /* others free what these allocated */
{
    run_four(fill);
    run_four(drain);
}

static void exchange(void)
{
    run_four(rotate);
    for (int i = 0; i < 256; i++)
        free(kept[i]);
}

static void forked(void)                    /* parent: 2 calls, 30 bytes; child: 3 calls, 7 bytes */
{
    kept[0] = malloc(10);
    kept[1] = malloc(20);
    pid_t child = fork();
    if (!child) {
        free(kept[0]);
        kept[2] = malloc(5);
        free(malloc(1));
        kept[3] = malloc(1);
        exit(0);
    }
    waitpid(child, NULL, 0);
}

static void vforked(void)                   /* the child shares all, and must not report */
{
    kept[0] = malloc(10);
    pid_t child = vfork();
    if (!child)
        _exit(0);
    waitpid(child, NULL, 0);
    kept[1] = malloc(20);
}

static void _forked(void)                   /* as forked, by _Fork, which runs no handlers */
{
    kept[0] = malloc(10);
    pid_t child = _Fork();
    if (!child) {
        kept[1] = malloc(5);
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

static volatile sig_atomic_t handled;

static void handler(int number)
{
    (void)number;
    kept[handled] = malloc(40);
    free(malloc(60));
    handled++;
}

static void in_handler(void)                /* 100 signals while nothing else allocates */
{
    struct sigaction action = { .sa_handler = handler };
    sigaction(SIGUSR1, &action, NULL);
    for (int i = 0; i < 100; i++)
        raise(SIGUSR1);
}

/* ---- ways to end ------------------------------------------------------------------ */

static void quick(void)
{
    kept[0] = malloc(9);
    quick_exit(0);
}

static void at_once(void)
{
    kept[0] = malloc(9);
    _exit(0);
}

static void capital(void)
{
    kept[0] = malloc(9);
    _Exit(0);
}

static void closed(void)                    /* as coreutils do at exit */
{
    kept[0] = malloc(9);
    close(2);
    open("/dev/null", O_WRONLY);
}


static void taken(void)                     /* the program's data now has the numbers of the reports */
{
    int data = open("data", O_WRONLY | O_CREAT, 0600);
    for (int i = 2; i < 1100; i++) {
        if (i != data)
            dup2(data, i);
    }
    kept[0] = malloc(9);
}

static void *churn(void *arg)
{
    for (;;)
        free(malloc((size_t)(intptr_t)arg));
    return NULL;
}


static void while_running(void)           /* ends while other threads allocate */
{
    pthread_t thread;
    for (int i = 0; i < 3; i++)
        pthread_create(&thread, NULL, churn, (void *)(intptr_t)(i + 1));
    usleep(20000);
    exit(0);
}

int main(int count, char **arguments)
{
    static const struct { const char *name; void (*run)(void); } cases[] = {
#define CASE(name) { #name, name }
        CASE(functions), CASE(chain), CASE(large), CASE(threads), CASE(exchange), CASE(forked), CASE(vforked),
        CASE(_forked), CASE(in_handler), CASE(quick), CASE(at_once), CASE(capital),
        CASE(closed), CASE(taken), CASE(while_running),
    };
    for (size_t i = 0; count > 1 && i < sizeof cases / sizeof *cases; i++) {
        if (!strcmp(cases[i].name, arguments[1])) {
            cases[i].run();
            return 0;
        }
    }
    return 2;
}
