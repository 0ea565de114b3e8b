/* SPDX-License-Identifier: MIT */
/* What wants to lie aligned, and three megabytes of nothing. */
_Alignas(64) int aligned_64 = 1;
_Alignas(256) int aligned_bss_256;
_Alignas(4096) int aligned_page = 2;
_Alignas(128) const int aligned_constant = 3;
_Alignas(64) __thread int tls_aligned = 61;
static char big[3 << 20];
int aligned_sum(void) { return aligned_64 + aligned_bss_256 + aligned_page + aligned_constant; }
int big_used(void)
{
    int used = 0;
    for (unsigned i = 0; i < sizeof big; i++)
        used += big[i] != 0;
    return used;
}
int big_fill(void)
{
    for (unsigned i = 0; i < sizeof big; i += 1000)
        big[i] = 1;
    return 0;
}
