/* SPDX-License-Identifier: MIT */
/* Finds the definition that an object itself uses. Invariant: no answer by name
 * alone where a version, a type or the owner's own slots tell more (TRAPS 4, 8,
 * 16, 24). */

#include "plan/target.h"

#include <elf.h>

#include "elf/reloc.h"

bool reference_of(const struct elf_image *image, uint32_t index, struct reference *reference,
                  struct elf_symbol *symbol)
{
    if (!elf_symbol_at(image, index, symbol))
        return false;
    elf_symbol_version(image, symbol);
    reference->name = symbol->name;
    reference->version = symbol->version;
    reference->gnu_hash = elf_hash_gnu(symbol->name);
    reference->weak = symbol->bind == STB_WEAK && symbol->section == SHN_UNDEF;
    return true;
}

static uint8_t type_class(uint8_t type)
{
    switch (type) {
    case STT_GNU_IFUNC: return STT_FUNC;
    case STT_COMMON:    return STT_OBJECT;
    default:            return type;
    }
}

bool target_types_agree(uint8_t a, uint8_t b)
{
    a = type_class(a);
    b = type_class(b);
    return a == b || a == STT_NOTYPE || b == STT_NOTYPE;
}

static uint64_t address_of(const struct world_object *object, const struct elf_symbol *symbol)
{
    return symbol->section == SHN_ABS ? symbol->value : object->image.bias + symbol->value;
}

/* The value that one of @object's own slots holds for its symbol @index: what the
 * loader bound it to. Unresolved PLT slots tell nothing. */
static bool own_slot(const struct world_object *object, uint32_t index, uint64_t *value)
{
    const struct elf_image *image = &object->image;
    const struct elf_span *hint = NULL;
    if (!image->relocated || !image->arch)
        return false;
    for (unsigned t = 0; t < ELF_RELOC_TABLES; t++)
        for (size_t i = 0; i < image->relocs[t].count; i++) {
            struct elf_reloc reloc = elf_reloc_at(image, &image->relocs[t], i);
            if (reloc.symbol != index)
                continue;
            enum elf_reloc_class class = elf_reloc_class(image->arch, reloc.type);
            if (class != ELF_RELOC_GLOB_DAT && class != ELF_RELOC_SYMBOLIC)
                continue;
            if (class == ELF_RELOC_SYMBOLIC && (!image->relocs[t].has_addend || reloc.addend))
                continue;           /* the program may have moved it, or REL hides A */
            if (elf_slot_read(image, &hint, reloc.offset, value))
                return true;
        }
    return false;
}

/* Whether the main program holds a copy of data at link address @value. */
static bool is_copied(const struct elf_image *image, uint64_t value)
{
    for (unsigned t = 0; image->arch && t < ELF_RELOC_TABLES; t++)
        for (size_t i = 0; i < image->relocs[t].count; i++) {
            struct elf_reloc reloc = elf_reloc_at(image, &image->relocs[t], i);
            if (reloc.offset == value && elf_reloc_class(image->arch, reloc.type) == ELF_RELOC_COPY)
                return true;
        }
    return false;
}

/* Whether the PLT slot that serves the main program's canonical PLT entry of
 * symbol @index leads into @owner, or is not resolved yet. */
static bool canonical_leads_to(const struct world *world, const struct world_object *owner, uint32_t index)
{
    const struct world_object *program = world_object(world, world->main);
    const struct elf_image *image = &program->image;
    const struct elf_span *hint = NULL;
    for (size_t i = 0; image->arch && i < image->relocs[2].count; i++) {
        struct elf_reloc reloc = elf_reloc_at(image, &image->relocs[2], i);
        uint64_t value;
        if (reloc.symbol != index || !elf_slot_read(image, &hint, reloc.offset, &value))
            continue;
        return value - world_start(owner) < owner->image.high - owner->image.low
            || value - world_start(program) < image->high - image->low;
    }
    return false;
}

/* Whether the main program's definition @s (or its canonical PLT entry) is what
 * @owner's code uses for its own symbol @mine. */
static bool main_wins(const struct world *world, const struct world_object *owner,
                      const struct elf_symbol *mine, const struct elf_symbol *s)
{
    const struct world_object *program = world_object(world, world->main);
    uint64_t bound, address = address_of(program, s);
    if (s->section == SHN_UNDEF)
        return canonical_leads_to(world, owner, s->index);
    if (mine->visibility == STV_PROTECTED || owner->space != program->space)
        return false;
    if (own_slot(owner, mine->index, &bound))
        return bound == address;
    return is_copied(&program->image, s->value);
}

/* The function that an IFUNC of @owner resolved to, as far as memory tells: the
 * slot of an IRELATIVE relocation of the same resolver, or of any object that
 * refers to the name. */
static bool ifunc_choice(const struct world *world, size_t owner_index, const struct elf_symbol *mine,
                         uint64_t *value)
{
    const struct world_object *owner = world_object(world, owner_index);
    uint64_t held;
    if (own_slot(owner, mine->index, value))
        return true;
    for (size_t o = 0; o < world->objects.count; o++) {
        const struct world_object *object = world_object(world, o);
        const struct elf_image *image = &object->image;
        const struct elf_span *hint = NULL;
        if (object->broken || !image->arch || !image->relocated)
            continue;
        for (unsigned t = 0; t < ELF_RELOC_TABLES; t++)
            for (size_t i = 0; i < image->relocs[t].count; i++) {
                struct elf_reloc reloc = elf_reloc_at(image, &image->relocs[t], i);
                enum elf_reloc_class class = elf_reloc_class(image->arch, reloc.type);
                bool same = class == ELF_RELOC_IRELATIVE
                          ? o == owner_index && (uint64_t)reloc.addend == mine->value
                          : class == ELF_RELOC_GLOB_DAT || class == ELF_RELOC_JUMP_SLOT;
                if (!same || !elf_slot_read(image, &hint, reloc.offset, &held)
                    || held - world_start(owner) >= owner->image.high - owner->image.low)
                    continue;
                const char *name = class == ELF_RELOC_IRELATIVE ? NULL : elf_symbol_name(image, reloc.symbol);
                if (class != ELF_RELOC_IRELATIVE && (!name || strcmp(name, mine->name) || o == owner_index))
                    continue;
                *value = held;
                return true;
            }
    }
    return false;
}

uint64_t target_address(const struct world *world, size_t owner, const struct elf_symbol *symbol)
{
    const struct world_object *object = world_object(world, owner);
    uint64_t address = address_of(object, symbol), choice;
    if (symbol->type != STT_GNU_IFUNC || !object->image.relocated)
        return address;
    if (ifunc_choice(world, owner, symbol, &choice))
        return choice;
    return world->can.resolve_ifunc ? world->can.resolve_ifunc(address) : 0;
}

static void use_ifunc(const struct world *world, size_t owner, const struct reference *reference,
                      struct target *out)
{
    if (!reference->live)
        return;
    out->value = target_address(world, owner, &out->symbol);
    if (!out->value)
        out->verdict = GRAFT_VERDICT_IFUNC;
}

static void main_override(const struct world *world, size_t owner, const struct reference *reference,
                          struct target *out)
{
    struct elf_symbol s;
    struct elf_wanted wanted = { .name = reference->name, .version = reference->version,
                                 .gnu_hash = reference->gnu_hash,
                                 .canonical = reference->class != ELF_RELOC_JUMP_SLOT };
    const struct world_object *program = world_object(world, world->main);
    if (elf_lookup(&program->image, &wanted, &s) != ELF_FOUND
        || !main_wins(world, world_object(world, owner), &out->symbol, &s))
        return;
    out->value = address_of(program, &s);
    out->object = world->main;
}

static enum graft_verdict absence(enum elf_found found, const struct reference *reference)
{
    if (found == ELF_OTHER_VERSION)
        return GRAFT_VERDICT_VERSION;
    if (found == ELF_HIDDEN)
        return GRAFT_VERDICT_HIDDEN;
    return reference->weak ? GRAFT_VERDICT_WEAK : GRAFT_VERDICT_MISSING;
}

void target_find(const struct world *world, size_t owner_index, const struct reference *reference,
                 struct target *out)
{
    const struct world_object *owner = world_object(world, owner_index);
    struct elf_wanted wanted = { .name = reference->name, .version = reference->version,
                                 .gnu_hash = reference->gnu_hash };
    enum elf_found found = elf_lookup(&owner->image, &wanted, &out->symbol);
    if (found == ELF_OTHER_VERSION && reference->any_version)
        found = ELF_FOUND;
    out->object = owner_index;
    out->value = 0;
    if (found != ELF_FOUND) {
        out->verdict = absence(found, reference);
        return;
    }
    out->verdict = GRAFT_VERDICT_EDIT;
    out->value = address_of(owner, &out->symbol);
    if (out->symbol.type == STT_TLS)
        return;
    if (out->symbol.type == STT_GNU_IFUNC)
        use_ifunc(world, owner_index, reference, out);
    else if (out->symbol.bind == STB_GNU_UNIQUE && own_slot(owner, out->symbol.index, &out->value))
        out->object = world_find_address(world, out->value);
    if (reference->live && world->main != WORLD_NONE && world->main != owner_index)
        main_override(world, owner_index, reference, out);
}
