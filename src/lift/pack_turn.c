/* SPDX-License-Identifier: MIT */
/* Changes an object in its bytes so that packing can make it a module. Invariant: nothing
 * moves and no size changes; what is not understood is refused. */

#include <elf.h>
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "lift/pack_turn.h"

static bool is_array(const char *name, const char *kind)
{
    size_t length = strlen(kind);
    return !strncmp(name, kind, length) && (!name[length] || name[length] == '.');
}

/* The arrays of functions become offsets from their own words, which registry/record.h
 * wants: one relocation type for another. */
static int turn_array(unsigned char *bytes, const struct elf_sections *sections,
                      const struct elf_section *array, size_t index, struct graft_error *error)
{
    struct elf_section relocs;
    uint64_t turned = 0;
    for (size_t i = 1; elf_section_at(sections, i, &relocs); i++) {
        if (relocs.type != SHT_RELA || relocs.info != index || !relocs.bytes)
            continue;
        for (uint64_t at = 0; at + sizeof(Elf64_Rela) <= relocs.size; at += sizeof(Elf64_Rela)) {
            Elf64_Rela rela;
            unsigned char *place = bytes + relocs.offset + at;
            memcpy(&rela, place, sizeof rela);
            if (ELF64_R_TYPE(rela.r_info) != R_X86_64_64)
                return error_set(error, GRAFT_EREFUSED, "%s: an entry that is no address", array->name);
            rela.r_info = ELF64_R_INFO(ELF64_R_SYM(rela.r_info), R_X86_64_PC64);
            memcpy(place, &rela, sizeof rela);
            turned += 8;
        }
    }
    return turned == array->size ? 0 : error_set(error, GRAFT_EREFUSED, "%s: entries without a function", array->name);
}

static int turn_arrays(unsigned char *bytes, const struct elf_sections *sections, size_t *init_count, size_t *fini_count,
                       struct graft_error *error)
{
    struct elf_section s;
    int result = 0;
    for (size_t i = 1; !result && elf_section_at(sections, i, &s); i++) {
        if (s.type == SHT_RELA || !s.size)
            continue;
        if (is_array(s.name, ".ctors") || is_array(s.name, ".dtors") || is_array(s.name, ".preinit_array"))
            result = error_set(error, GRAFT_EREFUSED, "a section %s, which is not understood", s.name);
        else if (is_array(s.name, ".init_array") || is_array(s.name, ".fini_array")) {
            uint32_t type = SHT_PROGBITS;
            Elf64_Ehdr header;
            memcpy(&header, bytes, sizeof header);
            memcpy(bytes + header.e_shoff + i * sizeof(Elf64_Shdr) + offsetof(Elf64_Shdr, sh_type), &type, sizeof type);
            *(s.name[1] == 'i' ? init_count : fini_count) += s.size / 8;
            result = turn_array(bytes, sections, &s, i, error);
        }
    }
    return result;
}

/* objcopy leaves unique symbols what they are, so that two modules would share them. */
static void turn_unique(unsigned char *bytes, const struct elf_sections *sections)
{
    struct elf_section s;
    for (size_t i = 1; elf_section_at(sections, i, &s); i++)
        for (uint64_t at = 0; s.type == SHT_SYMTAB && s.bytes && at + sizeof(Elf64_Sym) <= s.size; at += sizeof(Elf64_Sym)) {
            unsigned char *info = bytes + s.offset + at + offsetof(Elf64_Sym, st_info);
            if (ELF64_ST_BIND(*info) == STB_GNU_UNIQUE)
                *info = ELF64_ST_INFO(STB_GLOBAL, ELF64_ST_TYPE(*info));
        }
}

int pack_turn(unsigned char *bytes, const struct elf_sections *sections, size_t *init_count, size_t *fini_count,
              struct graft_error *error)
{
    turn_unique(bytes, sections);
    return turn_arrays(bytes, sections, init_count, fini_count, error);
}
