/* SPDX-License-Identifier: MIT */
/* Another module's variable beside its own. */
extern __thread int tls_value;
static __thread int own = 1000;
__attribute__((noipa)) int tls_bump(void) { return ++tls_value + ++own; }
