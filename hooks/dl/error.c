/* SPDX-License-Identifier: MIT */
/* Reads the loader's error text and gives it to the program all the same. Invariant:
 * what a thread's dlerror answers, and when it answers NULL, is as without us. An
 * error that came about out of our sight is newer than the one that is kept. */

#include "error.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

char *(*next_dlerror)(void);

struct kept {
    bool pending;                   /* the program has not asked yet */
    char *text;
};

static pthread_key_t key;

static void drop(void *value)
{
    struct kept *kept = value;
    free(kept->text);
    free(kept);
}

bool error_start(void)
{
    return !pthread_key_create(&key, drop);
}

static struct kept *kept_of_thread(void)
{
    struct kept *kept = pthread_getspecific(key);
    if (kept)
        return kept;
    kept = calloc(1, sizeof *kept);
    if (kept && pthread_setspecific(key, kept)) {
        free(kept);
        kept = NULL;
    }
    return kept;
}

void error_forget(void)
{
    struct kept *kept = pthread_getspecific(key);
    if (kept)
        kept->pending = false;
}

/* Room is made before the loader is asked: without it the text stays there. */
const char *error_look(void)
{
    int saved = errno;
    const char *answer = NULL;
    struct kept *kept = kept_of_thread();
    char *text = kept ? next_dlerror() : NULL;
    char *copy = text ? strdup(text) : NULL;
    if (text) {
        free(kept->text);
        kept->text = copy;
        kept->pending = true;
        answer = copy ? copy : "out of memory";
    }
    errno = saved;
    return answer;
}

char *my_dlerror(void)
{
    struct kept *kept = pthread_getspecific(key);
    char *newer = next_dlerror();
    bool pending = kept && kept->pending;
    if (kept)
        kept->pending = false;
    if (newer || !pending)
        return newer;
    return kept->text ? kept->text : (char *)"out of memory";
}
