/* SPDX-License-Identifier: MIT */
/* libleaf_chain*.so: bench_leaf as DEPTH wrappers written by hand, each of which calls the
 * next through a pointer: what a chain of hooks is compared with. */

typedef int leaf(void);

int bench_leaf(void);

static int last(void) { return 1; }
leaf *bench_next[DEPTH];            /* exported, so that the compiler cannot see through it */

#define WRAPPER(n) static int wrapper##n(void) { return bench_next[n]() + 0 * n; }
WRAPPER(0)
#if DEPTH > 1
WRAPPER(1)
WRAPPER(2)
#endif

int bench_leaf(void) { return wrapper0(); }

__attribute__((constructor)) static void link_up(void)
{
#if DEPTH > 1
    bench_next[0] = wrapper1;
    bench_next[1] = wrapper2;
#endif
    bench_next[DEPTH - 1] = last;
}
