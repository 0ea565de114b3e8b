/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_REGISTRY_PROGRAM_H
#define GRAFT_REGISTRY_PROGRAM_H

/* The static program itself, as it lies in memory. */

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Its first byte; NULL where the linker gave no symbol for it. */
const void *program_start(void);

/* What is added to its link addresses: 0 unless it is a static-pie. */
uintptr_t program_load(void);

const Elf64_Phdr *program_headers(size_t *count);
bool program_holds(const void *address);

#endif
