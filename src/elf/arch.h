/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_ELF_ARCH_H
#define GRAFT_ELF_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a dynamic relocation does, whatever its number is on a machine. */
enum elf_reloc_class {
    ELF_RELOC_OTHER,                /* not understood, or not for a word of data */
    ELF_RELOC_NONE,
    ELF_RELOC_RELATIVE,
    ELF_RELOC_IRELATIVE,
    ELF_RELOC_COPY,
    ELF_RELOC_SYMBOLIC,             /* word = S + A */
    ELF_RELOC_GLOB_DAT,
    ELF_RELOC_JUMP_SLOT,
    ELF_RELOC_DTPMOD,
    ELF_RELOC_DTPOFF,
    ELF_RELOC_TPOFF,
    ELF_RELOC_TLSDESC
};

/* Facts of one machine (psABI supplements; glibc sysdeps/.../dl-machine.h). */
struct elf_arch {
    const char *name;
    uint16_t machine;               /* e_machine */
    uint8_t elf_class;              /* ELFCLASS32 or ELFCLASS64 */
    uint8_t glob_dat_addend;        /* GLOB_DAT and JUMP_SLOT hold S + A, not S */
    uint16_t dtv_offset;            /* what __tls_get_addr adds to a DTPOFF word */
    uint32_t symbolic;              /* the word relocation, outside the run below */
    uint32_t first;                 /* classes[i] is that of type first + i */
    uint8_t count;
    const uint8_t *classes;
    const char *library_dirs;       /* default search path, colon separated */
};

/* The machine's facts, or NULL where graft has none. */
const struct elf_arch *elf_arch_find(uint16_t machine, uint8_t elf_class);

/* Its name even where graft has no further facts; NULL for an unknown number. */
const char *elf_machine_name(uint16_t machine);

/* Bytes of an entry of DT_HASH. */
unsigned elf_hash_entry_size(uint16_t machine, uint8_t elf_class);

static inline enum elf_reloc_class elf_reloc_class(const struct elf_arch *arch, uint32_t type)
{
    uint32_t i = type - arch->first;
    if (i < arch->count)
        return (enum elf_reloc_class)arch->classes[i];
    if (type == 0)
        return ELF_RELOC_NONE;
    return type == arch->symbolic ? ELF_RELOC_SYMBOLIC : ELF_RELOC_OTHER;
}

#endif
