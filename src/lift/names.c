/* SPDX-License-Identifier: MIT */
/* Gives an object the names of its module. Invariant: a global name is made only of what
 * the module exports by its default version, and only where the caller wants it. */

#include <elf.h>

#include "elf/section.h"
#include "lift/names.h"

/* Where a link address lies among the object's sections; false: in none. */
static bool locate(const struct lift_module *m, const struct names_places *places, uint64_t value,
                   struct object_symbol *symbol)
{
    unsigned i = m->image.segment_count;
    while (i && value < m->image.segment[i - 1].vaddr)
        i--;
    if (!i || value - m->image.segment[i - 1].vaddr > m->image.segment[i - 1].memsz)
        return false;
    const struct elf_segment *in = &m->image.segment[--i];
    bool in_bss = value - in->vaddr >= in->filesz && places->bss[i] >= 0;
    symbol->section = (size_t)(in_bss ? places->bss[i] : places->section[i]);
    symbol->value = value - in->vaddr - (in_bss ? in->filesz : 0);
    return true;
}

static void add(struct object *object, const struct lift_module *m, const struct names_places *places,
                const struct elf_symbol *s, uint8_t bind)
{
    struct object_symbol symbol = { .name = s->name, .bind = bind, .type = s->type, .size = s->size };
    if (!s->name || !*s->name || s->section == SHN_UNDEF || s->section >= SHN_LORESERVE)
        return;
    if (s->type == STT_TLS) {
        if (places->tdata < 0 || bind == STB_LOCAL)
            return;
        symbol.section = (size_t)places->tdata;
        symbol.value = s->value;
    } else if (!locate(m, places, s->value, &symbol)) {
        return;
    }
    if (bind == STB_LOCAL && symbol.type != STT_FUNC && symbol.type != STT_OBJECT)
        symbol.type = s->type == STT_GNU_IFUNC ? STT_FUNC : STT_NOTYPE;
    object_add_symbol(object, &symbol);
}

static bool add_symtab(struct object *object, const struct lift_module *m, const struct names_places *places)
{
    struct elf_symtab table;
    struct elf_symbol s;
    if (elf_symtab_open(&table, &m->image, m->bytes, m->size, NULL) || !table.symbols.count)
        return false;
    for (size_t i = 0; i < table.symbols.count; i++)
        if (elf_symtab_at(&table, i, &s) && (s.type == STT_FUNC || s.type == STT_OBJECT))
            add(object, m, places, &s, STB_LOCAL);
    return true;
}

struct names_found names_add(struct object *object, const struct lift_module *m, const struct names_places *places)
{
    struct names_found found = { 0 };
    struct elf_symbol s;
    uint32_t count = elf_symbol_count(&m->image);
    bool has_symtab = add_symtab(object, m, places);
    for (uint32_t i = 1; i < count; i++) {
        if (!elf_symbol_at(&m->image, i, &s) || s.section == SHN_UNDEF)
            continue;
        elf_symbol_version(&m->image, &s);
        found.exports++;
        found.unique |= s.bind == STB_GNU_UNIQUE;
        if (!has_symtab)
            add(object, m, places, &s, STB_LOCAL);
        if (places->lib && !s.version_hidden && s.bind != STB_LOCAL)
            add(object, m, places, &s, s.bind == STB_WEAK ? STB_WEAK : STB_GLOBAL);
    }
    return found;
}
