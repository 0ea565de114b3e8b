/* SPDX-License-Identifier: MIT */
/* Work on several processors. Invariant: which failure is told does not depend on which
 * thread was quicker; without a second thread all is done by the first. */

#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/error.h"
#include "lift/parallel.h"

enum { THREADS = 8 };

struct parallel {
    size_t count, next;
    int (*each)(void *, size_t, struct graft_error *);
    void *arg;
    pthread_mutex_t lock;
    size_t failed;                  /* the lowest so far, count: none */
    int code;
    struct graft_error error;
};

static bool take(struct parallel *p, size_t *i)
{
    pthread_mutex_lock(&p->lock);
    bool more = p->next < p->count && p->next < p->failed;
    *i = more ? p->next++ : 0;
    pthread_mutex_unlock(&p->lock);
    return more;
}

static void *work(void *arg)
{
    struct parallel *p = arg;
    size_t i;
    while (take(p, &i)) {
        struct graft_error error = { 0 };
        int code = p->each(p->arg, i, &error);
        if (!code)
            continue;
        pthread_mutex_lock(&p->lock);
        if (i < p->failed) {
            p->failed = i;
            p->code = code;
            p->error = error;
        }
        pthread_mutex_unlock(&p->lock);
    }
    return NULL;
}

int parallel_each(size_t count, int (*each)(void *arg, size_t i, struct graft_error *), void *arg,
                  struct graft_error *error)
{
    struct parallel p = { .count = count, .each = each, .arg = arg, .failed = count, .lock = PTHREAD_MUTEX_INITIALIZER };
    pthread_t thread[THREADS];
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned started = 0, wanted = processors > THREADS ? THREADS : processors > 1 ? (unsigned)processors : 1;
    while (started + 1 < wanted && started + 1 < count && !pthread_create(&thread[started], NULL, work, &p))
        started++;
    work(&p);
    while (started)
        pthread_join(thread[--started], NULL);
    pthread_mutex_destroy(&p.lock);
    if (p.code && error && !error->code)
        *error = p.error;
    return p.code;
}
