/* SPDX-License-Identifier: MIT */
/* Symbols of every kind, for dladdr. */
int addr_data = 3, addr_bss;
const int addr_constant = 4;
char addr_array[4096] = { 1 };
__attribute__((noipa)) int addr_function(int x) { return x * addr_data + addr_bss; }
__attribute__((noipa)) static int addr_static(int x) { return x * 5; }
void *addr_of_static(void) { return (void *)addr_static; }
