/* SPDX-License-Identifier: MIT */
/* A loader linked to the runtime: one reference of each kind to it, besides libc and a
 * library of its own.
 *   PICK   1: also a name that the runtime defines in two versions
 *   LATE   1: also a datum that exists in a hidden version only
 *   PROUD  1: its constructor aborts where the runtime is not the one it was linked to */

#include <stdlib.h>

int rt_who(void);
int rt_pick(void);
extern int rt_datum;
extern int rt_late_datum;
extern __thread int rt_thread;
int side_call(void);
int loader_answer(void);

static int *const table[] = { &rt_datum };
static int (*volatile pointer)(void) = rt_who;

#if LATE
__asm__(".symver rt_late_datum,rt_late@RT_2");
static int *volatile late[] = { &rt_late_datum };
#endif

#if PROUD
__attribute__((constructor)) static void look(void)
{
    if (rt_who() != 2)
        abort();
}
#endif

/* 1000 for the side, and each digit is the copy that one kind of reference reached. */
int loader_answer(void)
{
    int answer = side_call() + 100 * rt_who() + 10 * *table[0] + pointer();
    if (!getenv("PATH") || rt_thread != rt_who())
        return -1;
#if PICK
    answer += 10000 * rt_pick();
#endif
#if LATE
    answer += 10000 * *late[0];
#endif
    return answer;
}
