/* SPDX-License-Identifier: MIT */
/* The baseline: one pass as naive hookers make it, which hashes the name of every
 * import of every loaded benchmark library. Writes nothing; inside
 * dl_iterate_phdr it neither allocates nor locks. */

#define _GNU_SOURCE
#include <elf.h>
#include <link.h>
#include <string.h>

#include "bench.h"

struct pass {
    uint64_t sum;
    size_t relocations;
};

struct tables {
    const char *strings;
    const ElfW(Sym) *symbols;
    const ElfW(Rela) *rela, *jmprel;
    size_t rela_size, jmprel_size;
};

static uint32_t gnu_hash(const char *name)
{
    uint32_t hash = 5381;
    while (*name)
        hash = hash * 33 + (unsigned char)*name++;
    return hash;
}

/* glibc has added the load bias to what it uses itself; other loaders have not. */
static const void *address(ElfW(Addr) bias, ElfW(Addr) value)
{
    return (const void *)(value < bias ? value + bias : value);
}

static void read_dynamic(struct tables *t, ElfW(Addr) bias, const ElfW(Dyn) *entry)
{
    for (; entry->d_tag != DT_NULL; entry++) {
        switch (entry->d_tag) {
        case DT_STRTAB:   t->strings = address(bias, entry->d_un.d_ptr); break;
        case DT_SYMTAB:   t->symbols = address(bias, entry->d_un.d_ptr); break;
        case DT_RELA:     t->rela = address(bias, entry->d_un.d_ptr); break;
        case DT_RELASZ:   t->rela_size = entry->d_un.d_val; break;
        case DT_JMPREL:   t->jmprel = address(bias, entry->d_un.d_ptr); break;
        case DT_PLTRELSZ: t->jmprel_size = entry->d_un.d_val; break;
        }
    }
}

static void hash_names(struct pass *pass, const struct tables *t, const ElfW(Rela) *rela, size_t size)
{
    for (size_t i = 0; i < size / sizeof(*rela); i++) {
        size_t symbol = ELF64_R_SYM(rela[i].r_info);
        if (!symbol)
            continue;
        pass->sum += gnu_hash(t->strings + t->symbols[symbol].st_name);
        pass->relocations++;
    }
}

static int each_object(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    struct tables t = { 0 };
    if (!strstr(info->dlpi_name, "/libbench_"))
        return 0;
    for (size_t i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
            read_dynamic(&t, info->dlpi_addr,
                         (const ElfW(Dyn) *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr));
    hash_names(arg, &t, t.rela, t.rela_size);
    hash_names(arg, &t, t.jmprel, t.jmprel_size);
    return 0;
}

uint64_t baseline_pass(size_t *relocations)
{
    struct pass pass = { 0 };
    dl_iterate_phdr(each_object, &pass);
    *relocations = pass.relocations;
    return pass.sum;
}
