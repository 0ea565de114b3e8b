/* SPDX-License-Identifier: MIT */
/* Where the program lies. Invariant: the kernel's word is taken for its headers
 * (getauxval), the linker's for its first byte, so that neither libc is asked. */

#include <sys/auxv.h>

#include "registry/program.h"

extern const char __ehdr_start[] __attribute__((weak, visibility("hidden")));

const void *program_start(void)
{
    return __ehdr_start;
}

/* A static-pie lies where the kernel put it; its first byte has link address 0. */
uintptr_t program_load(void)
{
    const Elf64_Ehdr *header = (const void *)__ehdr_start;
    return header && header->e_type == ET_DYN ? (uintptr_t)header : 0;
}

const Elf64_Phdr *program_headers(size_t *count)
{
    const Elf64_Phdr *headers = (const void *)getauxval(AT_PHDR);
    *count = headers ? getauxval(AT_PHNUM) : 0;
    return headers;
}

bool program_holds(const void *address)
{
    size_t count;
    const Elf64_Phdr *headers = program_headers(&count);
    for (size_t i = 0; i < count; i++)
        if (headers[i].p_type == PT_LOAD
            && (uintptr_t)address - (program_load() + headers[i].p_vaddr) < headers[i].p_memsz)
            return true;
    return false;
}
