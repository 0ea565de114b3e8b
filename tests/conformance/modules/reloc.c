/* SPDX-License-Identifier: MIT */
/* Every kind of word: into another's array, past its end, into its own strings, functions. */
#include "module.h"
#include <stdio.h>
#include <string.h>
extern int reloc_array[10];
int reloc_other(void);
int reloc_own(void) { return 51; }
int *into_array[] = { reloc_array, reloc_array + 4, &reloc_array[9] };
int *behind_array = reloc_array + 10;
static const char whole[] = "not this: this";
const char *into_string = whole + 10;
void *const function_table[] = { (void *)reloc_own, (void *)reloc_other, (void *)main_value, (void *)strlen };
const char *const constant_names[] = { "alpha", "beta", "gamma", 0 };
static const char *const *const tables[] = { constant_names, constant_names + 1, constant_names + 2 };
int *main_data_pointer = &main_data;
FILE **pointer_to_stderr = &stderr;
int table_of_tables(void) { return strcmp(*tables[0], "alpha") + strcmp(*tables[1], "beta") + strcmp(*tables[2], "gamma"); }
void *address_of_other(void) { return (void *)reloc_other; }
int read_main_data(void) { return main_data; }
int write_main_data(void) { return main_data += 100; }
