/* SPDX-License-Identifier: MIT */
/* libcall_*.so: calls an import over and over. Linked once to the real thing, and
 * once to the duplicate that it is then rebound from. */

int bench_leaf(void);
long call_loop(long times);

long call_loop(long times)
{
    long sum = 0;
    while (times-- > 0)
        sum += bench_leaf();
    return sum;
}
