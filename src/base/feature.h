/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_BASE_FEATURE_H
#define GRAFT_BASE_FEATURE_H

/* What the compiler tells about the machine that this is built for: the only
 * place besides assembly stubs that asks. */

#include <elf.h>

#if defined(__x86_64__) && defined(__LP64__)
#define FEATURE_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define FEATURE_MACHINE EM_AARCH64
#elif defined(__riscv)
#define FEATURE_MACHINE EM_RISCV
#elif defined(__i386__)
#define FEATURE_MACHINE EM_386
#else
#error "graft has no facts about this machine"
#endif

#if __SIZEOF_POINTER__ == 8
#define FEATURE_CLASS ELFCLASS64
#else
#define FEATURE_CLASS ELFCLASS32
#endif

#endif
