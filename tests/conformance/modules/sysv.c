/* SPDX-License-Identifier: MIT */
/* Found through DT_HASH alone. */
int sysv_a(void) { return 31; }
int sysv_b(void) { return 32; }
int sysv_c(void) { return 33; }
