/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LIFT_MODULE_H
#define GRAFT_LIFT_MODULE_H

/* A finished shared object that is to become part of a static executable. */

#include <graft/graft.h>

#include "elf/symbol.h"
#include "lift/unwind.h"

enum { LIFT_ID_SIZE = 20 };

struct lift_module {
    char *path;                     /* absolute, as it is installed; malloc'd */
    unsigned char *bytes;           /* the whole file: private, changed only in words of DTPOFF */
    size_t size;
    struct elf_image image;
    const unsigned char *headers;   /* program headers as in the file */
    size_t header_count;
    struct elf_segment eh_frame_header;
    struct unwind unwind;
    uint64_t low, high;             /* page-aligned start and the end of its segments */
    uint64_t align;                 /* that its start needs */
    uint8_t digest[32];
    char id[LIFT_ID_SIZE];          /* of path and digest; part of symbol and section names */
};

/* Opens @path and checks all that lifting rests on. What is refused is named: the machine,
 * text relocations, an executable, a relocation type, a TLS model, a damaged field.
 * -GRAFT_EFORMAT, -GRAFT_EARCH, -GRAFT_EREFUSED, -GRAFT_ESYS. */
int lift_module_open(struct lift_module *, const char *path, struct graft_error *);
void lift_module_close(struct lift_module *);

/* The word relocations of a module, from all its tables, DT_RELR's too, which come as
 * RELATIVE with the addend that the word holds. Stops at the first code other than 0. */
struct lift_reloc { uint64_t offset; uint32_t type, symbol; int64_t addend; };
typedef int lift_reloc_fn(void *arg, const struct lift_reloc *);
int lift_module_relocs(const struct lift_module *, lift_reloc_fn *each, void *arg);

/* The name of an x86-64 relocation type (psABI, table 4.9), or NULL. */
const char *lift_reloc_name(uint32_t type);

#endif
