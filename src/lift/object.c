/* SPDX-License-Identifier: MIT */
/* Writes a relocatable object with libelf. Invariant: the same calls give the same
 * bytes, local symbols come before global ones as the gABI wants it, and what the sections
 * hold is never copied, so that a large module costs its relocations only. */

#include <errno.h>
#include <fcntl.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "lift/object.h"
#include "lift/output.h"

void object_init(struct object *object)
{
    memset(object, 0, sizeof *object);
    object->sections = (struct arena_list){ .arena = &object->arena, .element_size = sizeof(struct object_section) };
    object->symbols = (struct arena_list){ .arena = &object->arena, .element_size = sizeof(struct object_symbol) };
}

void object_free(struct object *object)
{
    arena_free(&object->arena);
    object_init(object);
}

long object_add_section(struct object *object, const char *name, uint32_t type, uint64_t flags, uint64_t align,
                        const void *bytes, uint64_t size)
{
    struct object_section *section = arena_list_push(&object->sections);
    if (!section)
        return -1;
    *section = (struct object_section){
        .name = arena_string(&object->arena, name), .type = type, .flags = flags, .align = align ? align : 1,
        .bytes = bytes, .size = size,
        .relocs = { .arena = &object->arena, .element_size = sizeof(struct object_reloc) },
    };
    return section->name ? (long)object->sections.count - 1 : -1;
}

long object_add_symbol(struct object *object, const struct object_symbol *from)
{
    struct object_symbol *symbol = arena_list_push(&object->symbols);
    if (!symbol)
        return -1;
    *symbol = *from;
    symbol->name = arena_string(&object->arena, from->name);
    return symbol->name ? (long)object->symbols.count - 1 : -1;
}

int object_add_reloc(struct object *object, long section, uint64_t offset, uint32_t type, long symbol, int64_t addend)
{
    if (section < 0 || symbol < 0)
        return -GRAFT_ENOMEM;
    struct object_section *s = arena_list_at(&object->sections, (size_t)section);
    struct object_reloc *reloc = arena_list_push(&s->relocs);
    if (!reloc)
        return -GRAFT_ENOMEM;
    *reloc = (struct object_reloc){ offset, type, (uint32_t)symbol, addend };
    return 0;
}

/* ---- writing -------------------------------------------------------------------- */

struct strings { char *data; size_t size, room; };

static uint32_t add_string(struct strings *strings, const char *text)
{
    size_t length = strlen(text) + 1;
    if (strings->size + length > strings->room) {
        size_t room = strings->room * 2 + length + 256;
        char *data = realloc(strings->data, room);
        if (!data)
            return 0;
        strings->data = data;
        strings->room = room;
    }
    memcpy(strings->data + strings->size, text, length);
    strings->size += length;
    return (uint32_t)(strings->size - length);
}

struct writing {
    struct object *object;
    Elf *elf;
    struct strings names, strings;
    Elf64_Sym *symbols;
    uint32_t locals;
};

static Elf_Scn *new_section(struct writing *w, const char *name, Elf64_Shdr header, const void *bytes, Elf_Type type)
{
    Elf_Scn *scn = elf_newscn(w->elf);
    Elf64_Shdr *to = scn ? elf64_getshdr(scn) : NULL;
    Elf_Data *data = to ? elf_newdata(scn) : NULL;
    if (!data)
        return NULL;
    header.sh_name = add_string(&w->names, name);
    *to = header;
    data->d_buf = (void *)bytes;
    data->d_size = header.sh_size;
    data->d_align = header.sh_addralign;
    data->d_type = type;
    data->d_version = EV_CURRENT;
    return scn;
}

static bool write_sections(struct writing *w)
{
    for (size_t i = 0; i < w->object->sections.count; i++) {
        struct object_section *s = arena_list_at(&w->object->sections, i);
        Elf64_Shdr header = { .sh_type = s->type, .sh_flags = s->flags, .sh_addralign = s->align, .sh_size = s->size };
        Elf_Scn *scn = new_section(w, s->name, header, s->bytes, ELF_T_BYTE);
        if (!scn)
            return false;
        s->index = (unsigned)elf_ndxscn(scn);
    }
    return true;
}

static void number_symbols(struct writing *w, bool local, uint32_t *next)
{
    for (size_t i = 0; i < w->object->symbols.count; i++) {
        struct object_symbol *s = arena_list_at(&w->object->symbols, i);
        if ((s->bind == STB_LOCAL) != local)
            continue;
        const struct object_section *section = s->section == (size_t)OBJECT_UNDEFINED ? NULL
            : arena_list_at(&w->object->sections, s->section);
        s->index = (*next)++;
        w->symbols[s->index] = (Elf64_Sym){
            .st_name = add_string(&w->strings, s->name), .st_info = ELF64_ST_INFO(s->bind, s->type),
            .st_other = s->visibility, .st_shndx = section ? (uint16_t)section->index : SHN_UNDEF,
            .st_value = s->value, .st_size = s->size,
        };
    }
}

/* One relocation section for each section that has some. */
static bool write_relocs(struct writing *w, size_t symtab)
{
    for (size_t i = 0; i < w->object->sections.count; i++) {
        struct object_section *s = arena_list_at(&w->object->sections, i);
        if (!s->relocs.count)
            continue;
        Elf64_Rela *rela = arena_array(&w->object->arena, s->relocs.count, sizeof *rela);
        char name[160];
        if (!rela)
            return false;
        for (size_t k = 0; k < s->relocs.count; k++) {
            const struct object_reloc *r = arena_list_at(&s->relocs, k);
            const struct object_symbol *symbol = arena_list_at(&w->object->symbols, r->symbol);
            rela[k] = (Elf64_Rela){ r->offset, ELF64_R_INFO((uint64_t)symbol->index, r->type), r->addend };
        }
        snprintf(name, sizeof name, ".rela%s", s->name);
        Elf64_Shdr header = { .sh_type = SHT_RELA, .sh_flags = SHF_INFO_LINK, .sh_addralign = 8, .sh_entsize = sizeof *rela,
                              .sh_size = s->relocs.count * sizeof *rela, .sh_link = (uint32_t)symtab, .sh_info = s->index };
        if (!new_section(w, name, header, rela, ELF_T_RELA))
            return false;
    }
    return true;
}

static bool write_tables(struct writing *w)
{
    size_t count = w->object->symbols.count + 1;
    uint32_t next = 1;
    w->symbols = arena_array(&w->object->arena, count, sizeof *w->symbols);
    add_string(&w->strings, "");
    if (!w->symbols)
        return false;
    number_symbols(w, true, &next);
    w->locals = next;
    number_symbols(w, false, &next);
    Elf64_Shdr header = { .sh_type = SHT_SYMTAB, .sh_addralign = 8, .sh_entsize = sizeof *w->symbols,
                          .sh_size = count * sizeof *w->symbols, .sh_info = w->locals };
    Elf_Scn *symtab = new_section(w, ".symtab", header, w->symbols, ELF_T_SYM);
    if (!symtab)
        return false;
    header = (Elf64_Shdr){ .sh_type = SHT_STRTAB, .sh_addralign = 1, .sh_size = w->strings.size };
    Elf_Scn *strings = new_section(w, ".strtab", header, w->strings.data, ELF_T_BYTE);
    if (!strings)
        return false;
    elf64_getshdr(symtab)->sh_link = (uint32_t)elf_ndxscn(strings);
    if (!write_relocs(w, elf_ndxscn(symtab)))
        return false;
    add_string(&w->names, ".shstrtab");
    header.sh_size = w->names.size;
    Elf_Scn *names = elf_newscn(w->elf);
    Elf64_Shdr *to = names ? elf64_getshdr(names) : NULL;
    Elf_Data *data = to ? elf_newdata(names) : NULL;
    if (!data)
        return false;
    header.sh_name = (uint32_t)(w->names.size - sizeof ".shstrtab");
    *to = header;
    *data = (Elf_Data){ .d_buf = w->names.data, .d_size = w->names.size, .d_align = 1, .d_type = ELF_T_BYTE,
                        .d_version = EV_CURRENT };
    elf64_getehdr(w->elf)->e_shstrndx = (uint16_t)elf_ndxscn(names);
    return true;
}

static int write_file(struct writing *w, int file, uint16_t machine)
{
    if (elf_version(EV_CURRENT) == EV_NONE || !(w->elf = elf_begin(file, ELF_C_WRITE, NULL)))
        return -1;
    Elf64_Ehdr *header = elf64_newehdr(w->elf);
    if (!header)
        return -1;
    header->e_ident[EI_DATA] = ELFDATA2LSB;
    header->e_type = ET_REL;
    header->e_machine = machine;
    header->e_version = EV_CURRENT;
    add_string(&w->names, "");
    return write_sections(w) && write_tables(w) && elf_update(w->elf, ELF_C_WRITE) >= 0 ? 0 : -1;
}

int object_write(struct object *object, const char *path, uint16_t machine, struct graft_error *error)
{
    struct writing w = { .object = object };
    struct output output;
    int result = output_open(&output, path, error);
    if (result)
        return result;
    if (write_file(&w, output.file, machine))
        result = error_about(error, GRAFT_ESYS, path, "", "%s: cannot be written: %s", path, elf_errmsg(-1));
    if (w.elf)
        elf_end(w.elf);
    free(w.names.data);
    free(w.strings.data);
    return output_close(&output, result, error);
}
