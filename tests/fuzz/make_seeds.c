/* SPDX-License-Identifier: MIT */
/* Writes the seeds that no linker at hand makes: built-CLASS-ORDER-MACHINE, by the
 * same builder as the unit tests. */

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit/elf_builder.h"

static const struct build sample = {
    .base = 0x1000, .entry = 0x400000, .gnu_hash = true, .sysv_hash = true,
    .soname = "libgraft_seed.so", .runpath = "$ORIGIN", .needed = { "libdep.so" },
    .build_id = "12345678", .build_id_size = 8,
    .symbols = {
        { "graft_import", 0,      0, 0, STT_FUNC, STB_GLOBAL, 0, 4 },
        { "graft_answer", 0x1100, 8, 1, STT_FUNC, STB_GLOBAL, 0, 0x8002 },
        { "graft_answer", 0x1200, 8, 1, STT_FUNC, STB_GLOBAL, 0, 3 },
        { "graft_taken",  0x1300, 0, 0, STT_FUNC, STB_GLOBAL, 0, 1 },
        { "graft_hidden", 0x1400, 0, 1, STT_OBJECT, STB_WEAK, STV_HIDDEN, 1 },
        { "graft_tls",    0,      4, 1, STT_TLS, STB_GLOBAL, 0, 0 },
    },
    .versions = { { NULL, "GRAFT_1", 2 }, { NULL, "GRAFT_2", 3 }, { "libdep.so", "DEP_1", 4 } },
    .rela = { { 0, "graft_import", 6, 0 }, { 1, "graft_tls", 16, 4 } }, .rela_count = 2,
    .rel = { { 2, "graft_answer", 1, 0 } }, .rel_count = 1,
    .plt = { { 3, "graft_import", 7, 0 } }, .plt_count = 1,
    .relr_count = 1,
};

static const struct { const char *name; uint8_t elf_class; bool big; uint16_t machine; } kinds[] = {
    { "built-64-lsb-x86-64", ELFCLASS64, false, EM_X86_64 }, { "built-32-lsb-i386", ELFCLASS32, false, EM_386 },
    { "built-64-msb-s390", ELFCLASS64, true, EM_S390 },      { "built-64-msb-sparc", ELFCLASS64, true, EM_SPARCV9 },
    { "built-32-msb-m68k", ELFCLASS32, true, EM_68K },       { "built-64-lsb-alpha", ELFCLASS64, false, EM_ALPHA },
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof kinds / sizeof *kinds; i++) {
        struct build build = sample;
        struct built built;
        char path[4096];
        build.elf_class = kinds[i].elf_class;
        build.big_endian = kinds[i].big;
        build.machine = kinds[i].machine;
        build.sysv_hash = i != 0;
        build.gnu_hash = i < 3;
        build.plt_is_rel = i & 1;
        build.no_pltrel = i == 3;
        build_image(&built, &build);
        snprintf(path, sizeof path, "%s/%s", argv[1], kinds[i].name);
        FILE *file = fopen(path, "wb");
        if (!file || fwrite(built.bytes, 1, built.size, file) != built.size || fclose(file)) {
            perror(path);
            return 1;
        }
        built_free(&built);
    }
    return argc != 2;
}
