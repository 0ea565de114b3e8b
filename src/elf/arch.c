/* SPDX-License-Identifier: MIT */
/* Architecture facts as const tables, all compiled on every machine and chosen
 * by e_machine. A new machine is a row here and nothing in the engine. */

#include "elf/arch.h"

#include <elf.h>

enum { NONE = ELF_RELOC_NONE, RELATIVE = ELF_RELOC_RELATIVE, IRELATIVE = ELF_RELOC_IRELATIVE,
       COPY = ELF_RELOC_COPY, SYMBOLIC = ELF_RELOC_SYMBOLIC, GLOB_DAT = ELF_RELOC_GLOB_DAT,
       JUMP_SLOT = ELF_RELOC_JUMP_SLOT, DTPMOD = ELF_RELOC_DTPMOD, DTPOFF = ELF_RELOC_DTPOFF,
       TPOFF = ELF_RELOC_TPOFF, TLSDESC = ELF_RELOC_TLSDESC };

static const uint8_t x86_64[] = {
    [R_X86_64_NONE] = NONE, [R_X86_64_64] = SYMBOLIC, [R_X86_64_COPY] = COPY,
    [R_X86_64_GLOB_DAT] = GLOB_DAT, [R_X86_64_JUMP_SLOT] = JUMP_SLOT,
    [R_X86_64_RELATIVE] = RELATIVE, [R_X86_64_DTPMOD64] = DTPMOD,
    [R_X86_64_DTPOFF64] = DTPOFF, [R_X86_64_TPOFF64] = TPOFF,
    [R_X86_64_TLSDESC] = TLSDESC, [R_X86_64_IRELATIVE] = IRELATIVE,
};

static const uint8_t i386[] = {
    [R_386_NONE] = NONE, [R_386_32] = SYMBOLIC, [R_386_COPY] = COPY,
    [R_386_GLOB_DAT] = GLOB_DAT, [R_386_JMP_SLOT] = JUMP_SLOT, [R_386_RELATIVE] = RELATIVE,
    [R_386_TLS_TPOFF] = TPOFF, [R_386_TLS_DTPMOD32] = DTPMOD, [R_386_TLS_DTPOFF32] = DTPOFF,
    [R_386_TLS_TPOFF32] = TPOFF, [R_386_TLS_DESC] = TLSDESC, [R_386_IRELATIVE] = IRELATIVE,
};

#define A64(type) [type - R_AARCH64_COPY]
static const uint8_t aarch64[] = {
    A64(R_AARCH64_COPY) = COPY, A64(R_AARCH64_GLOB_DAT) = GLOB_DAT,
    A64(R_AARCH64_JUMP_SLOT) = JUMP_SLOT, A64(R_AARCH64_RELATIVE) = RELATIVE,
    A64(R_AARCH64_TLS_DTPMOD) = DTPMOD, A64(R_AARCH64_TLS_DTPREL) = DTPOFF,
    A64(R_AARCH64_TLS_TPREL) = TPOFF, A64(R_AARCH64_TLSDESC) = TLSDESC,
    A64(R_AARCH64_IRELATIVE) = IRELATIVE,
};
#undef A64

/* elf.h of glibc 2.36 knows no R_RISCV_TLSDESC: 12 in the psABI. */
static const uint8_t riscv[] = {
    [R_RISCV_NONE] = NONE, [R_RISCV_64] = SYMBOLIC, [R_RISCV_RELATIVE] = RELATIVE,
    [R_RISCV_COPY] = COPY, [R_RISCV_JUMP_SLOT] = JUMP_SLOT,
    [R_RISCV_TLS_DTPMOD64] = DTPMOD, [R_RISCV_TLS_DTPREL64] = DTPOFF,
    [R_RISCV_TLS_TPREL64] = TPOFF, [12] = TLSDESC, [58] = IRELATIVE,
};

#define TABLE(t) .count = sizeof t, .classes = t
static const struct elf_arch arches[] = {
    { .name = "x86-64", .machine = EM_X86_64, .elf_class = ELFCLASS64,
      .symbolic = R_X86_64_64, TABLE(x86_64),
      .library_dirs = "/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu:/lib64:/usr/lib64:/lib:/usr/lib" },
    { .name = "i386", .machine = EM_386, .elf_class = ELFCLASS32,
      .symbolic = R_386_32, TABLE(i386),
      .library_dirs = "/lib/i386-linux-gnu:/usr/lib/i386-linux-gnu:/lib32:/usr/lib32:/lib:/usr/lib" },
    { .name = "aarch64", .machine = EM_AARCH64, .elf_class = ELFCLASS64, .glob_dat_addend = 1,
      .symbolic = R_AARCH64_ABS64, .first = R_AARCH64_COPY, TABLE(aarch64),
      .library_dirs = "/lib/aarch64-linux-gnu:/usr/lib/aarch64-linux-gnu:/lib64:/usr/lib64:/lib:/usr/lib" },
    { .name = "riscv64", .machine = EM_RISCV, .elf_class = ELFCLASS64, .glob_dat_addend = 1,
      .dtv_offset = 0x800, .symbolic = R_RISCV_64, TABLE(riscv),
      .library_dirs = "/lib/riscv64-linux-gnu:/usr/lib/riscv64-linux-gnu:/lib64/lp64d:/lib:/usr/lib" },
};

const struct elf_arch *elf_arch_find(uint16_t machine, uint8_t elf_class)
{
    for (size_t i = 0; i < sizeof arches / sizeof *arches; i++)
        if (arches[i].machine == machine && arches[i].elf_class == elf_class)
            return &arches[i];
    return NULL;
}

static const struct { uint16_t machine; const char *name; } names[] = {
    { EM_X86_64, "x86-64" }, { EM_386, "i386" }, { EM_AARCH64, "aarch64" },
    { EM_RISCV, "riscv" }, { EM_ARM, "arm" }, { EM_PPC64, "ppc64" }, { EM_PPC, "ppc" },
    { EM_S390, "s390" }, { EM_MIPS, "mips" }, { EM_SPARCV9, "sparc64" },
    { EM_LOONGARCH, "loongarch" }, { EM_IA_64, "ia64" }, { EM_68K, "m68k" },
    { EM_ALPHA, "alpha" }, { EM_PARISC, "hppa" }, { EM_SH, "sh" },
};

const char *elf_machine_name(uint16_t machine)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].machine == machine)
            return names[i].name;
    return NULL;
}

/* Two psABIs took the gABI's "word" for 64 bits (glibc: bits/elfclass.h). */
unsigned elf_hash_entry_size(uint16_t machine, uint8_t elf_class)
{
    bool wide = machine == EM_S390 || machine == EM_ALPHA;
    return wide && elf_class == ELFCLASS64 ? 8 : 4;
}
