/* SPDX-License-Identifier: MIT */
/* Part of the consumer: four threads that call through its slots without a
 * pause and count what they are answered. Each asks in two ways, through the
 * lazily bound slot of a call and through a function pointer in a table. The
 * function asked takes no lock and needs no GIL: it reads one word. */
#include <Python.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { THREADS = 4 };

struct tally {
    _Alignas(64) atomic_ulong no, yes;      /* a cache line for each thread */
};

int hammer_start(void);
void hammer_count(unsigned long *no, unsigned long *yes);
void hammer_stop(void);

static int (*volatile is_initialised)(void) = Py_IsInitialized;
static struct tally tallies[THREADS];
static pthread_t threads[THREADS];
static atomic_bool stopping;

static void count(struct tally *tally, int answer)
{
    atomic_fetch_add_explicit(answer ? &tally->yes : &tally->no, 1, memory_order_relaxed);
}

static void *hammer(void *arg)
{
    while (!atomic_load_explicit(&stopping, memory_order_relaxed)) {
        count(arg, Py_IsInitialized());
        count(arg, is_initialised());
    }
    return NULL;
}

int hammer_start(void)
{
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, hammer, &tallies[i]))
            return -1;
    return 0;
}

/* What was answered so far, by all threads together. */
void hammer_count(unsigned long *no, unsigned long *yes)
{
    *no = *yes = 0;
    for (int i = 0; i < THREADS; i++) {
        *no += tallies[i].no;
        *yes += tallies[i].yes;
    }
}

void hammer_stop(void)
{
    stopping = true;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}
