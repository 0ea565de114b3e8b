/* SPDX-License-Identifier: MIT */
/* What may be packed. Invariant: an input that ld would take without a word, though
 * nothing of it gets into the module (an empty file is a linker script to it), is
 * refused by name before anything is written. */

#include <ar.h>
#include <elf.h>
#include <string.h>

#include "base/error.h"
#include "file/mapping.h"
#include "lift/pack_input.h"

int pack_check_input(const char *path, struct graft_error *error)
{
    struct mapping m = { 0 };
    int result = mapping_open(&m, path, error);
    const Elf64_Ehdr *header = m.bytes;
    if (result)
        return error_in(error, result, path);
    if (m.size >= SARMAG && (!memcmp(m.bytes, ARMAG, SARMAG) || !memcmp(m.bytes, "!<thin>\n", SARMAG))) {
        if (m.size == SARMAG)
            result = error_about(error, GRAFT_EREFUSED, path, "", "%s: an archive with nothing in it", path);
    } else if (m.size < sizeof *header || memcmp(header->e_ident, ELFMAG, SELFMAG)) {
        result = error_about(error, GRAFT_EFORMAT, path, "", "%s: neither an object nor an archive", path);
    } else if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_X86_64) {
        result = error_about(error, GRAFT_EARCH, path, "", "%s: not for x86-64", path);
    } else if (header->e_type != ET_REL) {
        result = error_about(error, GRAFT_EFORMAT, path, "", "%s: not a relocatable object", path);
    }
    mapping_close(&m);
    return result;
}
