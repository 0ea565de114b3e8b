/* SPDX-License-Identifier: MIT */
/* Which glibc-hwcaps subfolders this CPU gets. Invariant: a level counts only with all
 * below it, and with the registers that the kernel saves (glibc sysdeps/x86/
 * get-isa-level.h); GLIBC_TUNABLES that mask features are not looked at. */

#include "file/hwcaps.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "file/cpuid.h"

enum { LEAF_1_ECX, LEAF_7_EBX, EXTENDED_1_ECX, XCR0, WORDS };

/* Which bits of which word a level needs. */
static const struct { unsigned level; uint32_t word, bits; } needs[] = {
    { 2, LEAF_1_ECX, 1u << 0 | 1u << 9 | 1u << 13 | 1u << 19 | 1u << 20 | 1u << 23 },
    { 2, EXTENDED_1_ECX, 1u << 0 },
    { 3, LEAF_1_ECX, 1u << 12 | 1u << 22 | 1u << 27 | 1u << 28 | 1u << 29 },
    { 3, LEAF_7_EBX, 1u << 3 | 1u << 5 | 1u << 8 },
    { 3, EXTENDED_1_ECX, 1u << 5 },
    { 3, XCR0, 0x06 },
    { 4, LEAF_7_EBX, 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31 },
    { 4, XCR0, 0xe6 },
};

/* Register @i of a leaf, 0 where the CPU does not have it. A virtual machine takes
 * microseconds for each question. */
static uint32_t leaf_word(uint32_t leaf, unsigned i)
{
    uint32_t registers[4];
    cpuid_words(leaf & 0x80000000, 0, registers);
    if (leaf > registers[0])
        return 0;
    cpuid_words(leaf, 0, registers);
    return registers[i];
}

unsigned hwcaps_level(void)
{
    if (!cpuid_words || !cpuid_saved)
        return 0;
    uint32_t words[WORDS] = { leaf_word(1, 2), leaf_word(7, 1), leaf_word(0x80000001, 2), 0 };
    if (words[LEAF_1_ECX] >> 27 & 1)
        words[XCR0] = cpuid_saved();
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        if ((words[needs[i].word] & needs[i].bits) != needs[i].bits)
            return needs[i].level - 1;
    return HWCAPS_LEVEL_MAX;
}

unsigned hwcaps_level_of(const char *name)
{
    static const char start[] = "x86-64-v";
    if (strncmp(name, start, sizeof start - 1))
        return 0;
    name += sizeof start - 1;
    return name[0] >= '2' && name[0] <= '0' + HWCAPS_LEVEL_MAX && !name[1] ? (unsigned)(name[0] - '0') : 0;
}

const char *hwcaps_folder(unsigned level)
{
    switch (level) {
    case 2:  return "/glibc-hwcaps/x86-64-v2/";
    case 3:  return "/glibc-hwcaps/x86-64-v3/";
    case 4:  return "/glibc-hwcaps/x86-64-v4/";
    default: return "/";
    }
}
