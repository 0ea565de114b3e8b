/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_FILE_CPUID_H
#define GRAFT_FILE_CPUID_H

/* What an x86-64 CPU says of itself. On other machines both functions are NULL. */

#include <stdint.h>

/* eax, ebx, ecx, edx of that leaf. */
__attribute__((weak)) void cpuid_words(uint32_t leaf, uint32_t part, uint32_t words[4]);

/* The low half of XCR0, the registers that the kernel saves; only if OSXSAVE is set. */
__attribute__((weak)) uint32_t cpuid_saved(void);

#endif
