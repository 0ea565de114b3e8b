/* SPDX-License-Identifier: MIT */
/* One variable per thread; how it is reached, the compiler's options say. */
#ifdef LOCAL
static __thread int tls_value = 100, tls_zero;
#else
__thread int tls_value = 100, tls_zero;
#endif
__attribute__((noipa)) int tls_bump(void) { return ++tls_value + 10 * ++tls_zero; }
