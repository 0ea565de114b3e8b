/* SPDX-License-Identifier: MIT */
/* Protected, hidden, static and absolute names. */
__attribute__((visibility("protected"), noipa)) int vis_protected(void) { return 21; }
__attribute__((visibility("hidden"), noipa)) int vis_hidden(void) { return 22; }
__attribute__((noipa)) static int vis_static(void) { return 23; }
int call_protected(void) { return vis_protected(); }
int call_hidden(void) { return vis_hidden() + 0 * vis_static(); }
__asm__(".globl vis_absolute\n vis_absolute = 4660\n .globl vis_null\n vis_null = 0");
