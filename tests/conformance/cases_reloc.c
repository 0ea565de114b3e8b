/* SPDX-License-Identifier: MIT */
/* Words that a loader fills in, and where it puts what wants to lie aligned. */
#include "conformance.h"

void case_reloc_addend(void)
{
    void *handle = open_module("libreloc.so", RTLD_NOW), *definer = open_module("libreloc_def.so", RTLD_NOW);
    if (!handle || !definer)
        return;
    int **into = get(handle, "into_array"), *array = get(definer, "reloc_array");
    for (int i = 0; i < 3; i++)
        say("  element %d: %d\n", (int)(into[i] - array), *into[i]);
    const char **middle = get(handle, "into_string");
    say("  own string: %s\n", *middle);
    say("  behind its end: %d\n", (int)(*(int **)get(handle, "behind_array") - array));
}

void case_reloc_function_table(void)
{
    void *handle = open_module("libreloc.so", RTLD_NOW), *definer = open_module("libreloc_def.so", RTLD_NOW);
    if (!handle || !definer)
        return;
    void **table = get(handle, "function_table");
    say("  own: %d, another's: %d, main's: %d, libc's: %d\n", table[0] == dlsym(handle, "reloc_own"),
        table[1] == dlsym(definer, "reloc_other"), table[2] == (void *)main_value, table[3] == dlsym(RTLD_DEFAULT, "strlen"));
    say("  main's by its own view: %d, as taken in code: %d\n", table[2] == dlsym(RTLD_DEFAULT, "main_value"),
        ((void *(*)(void))get(handle, "address_of_other"))() == table[1]);
    say("  called: %d %d %d\n", ((int (*)(void))table[0])(), ((int (*)(void))table[1])(), ((int (*)(void))table[2])());
}

void case_reloc_relro(void)
{
    void *handle = open_module("libreloc.so", RTLD_NOW);
    if (!handle)
        return;
    const char *const *names = get(handle, "constant_names");
    for (; *names; names++)
        say("  %s\n", *names);
    say("  a table of tables: %s\n", call(handle, "table_of_tables") == 0 ? "whole" : "broken");
}

void case_reloc_main_data(void)
{
    void *handle = open_module("libreloc.so", RTLD_NOW);
    if (!handle)
        return;
    main_data = 5;
    say("  reads %d\n", call(handle, "read_main_data"));
    call(handle, "write_main_data");
    say("  wrote %d, by a pointer %d\n", main_data, **(int **)get(handle, "main_data_pointer") == main_data);
    FILE ***out = get(handle, "pointer_to_stderr");
    say("  libc's stderr: %d\n", out && **out == stderr);
}

void case_reloc_alignment(void)
{
    void *handle = open_module("libalign.so", RTLD_NOW);
    if (!handle)
        return;
    static const char *const names[] = { "aligned_64", "aligned_bss_256", "aligned_page", "aligned_constant" };
    static const size_t alignments[] = { 64, 256, 4096, 128 };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        say("  %s: %d\n", names[i], (uintptr_t)get(handle, names[i]) % alignments[i] == 0);
    say("  values: %d\n", call(handle, "aligned_sum"));
}

void case_reloc_big_bss(void)
{
    for (int i = 0; i < 2; i++) {
        void *handle = open_module("libalign.so", RTLD_NOW);
        if (!handle)
            return;
        say("  %d bytes are not 0\n", call(handle, "big_used"));
        call(handle, "big_fill");
        say("  %d bytes are not 0\n", call(handle, "big_used"));
        say_close(handle);
    }
}
