/* SPDX-License-Identifier: MIT */
/* Slots of thread-local references. Invariant: a pair of words moves together or
 * not at all, and only where the new owner's block can be reached the same way.
 *
 *   general dynamic   [ module id ][ offset in the block ]      DTPMOD, DTPOFF
 *   descriptor        [ function  ][ its argument        ]      TLSDESC
 *   direct            [ offset from the thread pointer   ]      TPOFF
 *
 * The direct one is refused: the compiler may have used the same offset in code
 * without a slot. Sources: Drepper, "ELF Handling For Thread-Local Storage";
 * glibc sysdeps/x86_64/dl-tlsdesc.S for the argument of a descriptor. */

#include <elf.h>
#include <limits.h>

#include "plan/retarget.h"

/* The module id that the loader wrote into one of @object's slots for its own
 * block; 0 if no slot tells. */
static uint64_t own_module(const struct world_object *object)
{
    const struct elf_image *image = &object->image;
    const struct elf_span *hint = NULL;
    struct elf_symbol symbol;
    uint64_t id;
    for (unsigned t = 0; image->arch && t < ELF_RELOC_TABLES; t++)
        for (size_t i = 0; i < image->relocs[t].count; i++) {
            struct elf_reloc reloc = elf_reloc_at(image, &image->relocs[t], i);
            if (elf_reloc_class(image->arch, reloc.type) != ELF_RELOC_DTPMOD)
                continue;
            if (reloc.symbol && (!elf_symbol_at(image, reloc.symbol, &symbol)
                                 || (symbol.section == SHN_UNDEF || symbol.bind != STB_LOCAL)))
                continue;
            if (elf_slot_read(image, &hint, reloc.offset, &id) && id)
                return id;
        }
    return 0;
}

/* The id that any other object's slot holds for a thread-local symbol which only
 * @owner defines. */
static uint64_t foreign_module(const struct world *world, size_t owner)
{
    const struct world_object *object = world_object(world, owner);
    for (size_t o = 0; o < world->objects.count; o++) {
        const struct elf_image *image = &world_object(world, o)->image;
        const struct elf_span *hint = NULL;
        if (world_object(world, o)->broken || !image->arch || world_object(world, o)->space != object->space)
            continue;
        for (unsigned t = 0; t < ELF_RELOC_TABLES; t++)
            for (size_t i = 0; i < image->relocs[t].count; i++) {
                struct elf_reloc reloc = elf_reloc_at(image, &image->relocs[t], i);
                struct reference reference;
                struct elf_symbol symbol, definition;
                uint64_t id;
                if (elf_reloc_class(image->arch, reloc.type) != ELF_RELOC_DTPMOD || !reloc.symbol
                    || !reference_of(image, reloc.symbol, &reference, &symbol))
                    continue;
                size_t definers = 0, last = WORLD_NONE;
                struct elf_wanted wanted = { .name = reference.name, .version = reference.version };
                for (size_t d = 0; d < world->objects.count; d++)
                    if (elf_lookup(&world_object(world, d)->image, &wanted, &definition) == ELF_FOUND) {
                        definers++;
                        last = d;
                    }
                if (definers == 1 && last == owner
                    && elf_slot_read(image, &hint, reloc.offset, &id) && id)
                    return id;
            }
    }
    return 0;
}

static uint64_t module_of(const struct world *world, size_t owner)
{
    const struct world_object *object = world_object(world, owner);
    if (object->tls_module)
        return object->tls_module;
    uint64_t id = own_module(object);
    return id ? id : foreign_module(world, owner);
}

/* What the dynamic descriptor function of glibc takes: its tls_index and the
 * generation it was made for. The greatest generation sends every call through
 * __tls_get_addr, which is always right. */
struct descriptor_argument { uint64_t module, offset, generation; };

static enum graft_verdict descriptor(const struct retarget *r, const struct target *target,
                                     int64_t addend, uint64_t old_argument, uint64_t *new_argument)
{
    const struct world_object *owner = world_object(r->world, target->object);
    uint64_t offset = target->symbol.value + (uint64_t)addend;
    if ((int64_t)old_argument < 0 && (int64_t)old_argument > INT_MIN) {
        *new_argument = (uint64_t)owner->tls_offset + offset;
        return owner->tls_static ? GRAFT_VERDICT_EDIT : GRAFT_VERDICT_TLS;
    }
    uint64_t module = module_of(r->world, target->object);
    struct descriptor_argument *argument = NULL;
    if (module && r->world->can.keep)
        argument = r->world->can.keep(sizeof *argument);
    if (!argument)
        return GRAFT_VERDICT_TLS;
    *argument = (struct descriptor_argument){ module, offset, UINT64_MAX };
    *new_argument = (uint64_t)(uintptr_t)argument;
    return GRAFT_VERDICT_EDIT;
}

/* One word of a thread-local reference, with its new value if there is one. */
static int add_word(struct retarget *r, const struct reference *reference, const struct elf_reloc *reloc,
                    unsigned skip, enum graft_slot_kind kind, const struct target *target, size_t owner,
                    uint64_t old, uint64_t value, enum graft_verdict verdict)
{
    struct plan_entry entry = { .target = PLAN_NO_MEMBER, .edit = {
        .symbol = reference->name, .version = reference->version, .kind = kind,
        .old_value = (uintptr_t)old, .new_value = (uintptr_t)value, .verdict = verdict,
        .old_object = world_object(r->world, owner)->path } };
    if (target->object != WORLD_NONE && target->verdict == GRAFT_VERDICT_EDIT)
        entry.target = plan_member_of(r->plan, r->world, target->object);
    if (verdict == GRAFT_VERDICT_EDIT && old == value && reference->live)
        entry.edit.verdict = GRAFT_VERDICT_SAME;
    return retarget_add(r, &entry, reloc->offset + skip);
}

static int plan_descriptor(struct retarget *r, const struct reference *reference,
                           const struct elf_reloc *reloc, const struct target *target, size_t owner,
                           enum graft_verdict verdict)
{
    const struct elf_image *image = &world_object(r->world, r->consumer)->image;
    const struct elf_span *hint = NULL;
    unsigned word = elf_word_size(image);
    uint64_t function = 0, old = 0, value = 0;
    if (!elf_slot_read(image, &hint, reloc->offset, &function)
        || !elf_slot_read(image, &hint, reloc->offset + word, &old))
        return 0;
    if (verdict == GRAFT_VERDICT_EDIT && !reference->live)
        return add_word(r, reference, reloc, 0, GRAFT_SLOT_TLSDESC, target, owner, function, 0, verdict);
    if (verdict == GRAFT_VERDICT_EDIT)
        verdict = descriptor(r, target, reloc->addend, old, &value);
    /* The function stays: only its argument names the block. */
    return add_word(r, reference, reloc, word, GRAFT_SLOT_TLSDESC_ARG, target, owner, old, value, verdict);
}

int retarget_tls(struct retarget *r, const struct elf_reloc *reloc, enum elf_reloc_class class)
{
    const struct elf_image *image = &world_object(r->world, r->consumer)->image;
    const struct elf_span *hint = NULL;
    struct reference reference;
    struct elf_symbol symbol, old_symbol;
    struct target target = { .object = WORLD_NONE };
    uint64_t old = 0, value = 0;
    if (!retarget_reference(r, reloc, class, &reference, &symbol))
        return 0;
    size_t owner = retarget_owner(r, &reference, &old_symbol);
    if (owner == WORLD_NONE)
        return 0;
    r->policy->arrives(r, &reference, &target);
    enum graft_verdict verdict = target.verdict;
    if (verdict == GRAFT_VERDICT_EDIT && target.object == WORLD_NONE)
        return 0;
    if (verdict == GRAFT_VERDICT_EDIT && target.symbol.type != STT_TLS)
        verdict = GRAFT_VERDICT_TYPE;
    if (verdict == GRAFT_VERDICT_WEAK)
        verdict = GRAFT_VERDICT_TLS;
    if (class == ELF_RELOC_TPOFF && verdict == GRAFT_VERDICT_EDIT)
        verdict = GRAFT_VERDICT_TPOFF;
    if (!retarget_asked(r, reference.name))
        verdict = GRAFT_VERDICT_NOT_ASKED;
    if (class == ELF_RELOC_TLSDESC)
        return plan_descriptor(r, &reference, reloc, &target, owner, verdict);

    uint64_t module = reference.live && verdict == GRAFT_VERDICT_EDIT
                    ? module_of(r->world, target.object) : 0;
    if (reference.live && verdict == GRAFT_VERDICT_EDIT && !module)
        verdict = GRAFT_VERDICT_TLS;
    if (!elf_slot_read(image, &hint, reloc->offset, &old) && reference.live)
        return 0;
    enum graft_slot_kind kind = class == ELF_RELOC_DTPMOD ? GRAFT_SLOT_DTPMOD
                              : class == ELF_RELOC_DTPOFF ? GRAFT_SLOT_DTPOFF : GRAFT_SLOT_TPOFF;
    if (class == ELF_RELOC_DTPMOD)
        value = module;
    else if (class == ELF_RELOC_DTPOFF)
        value = target.symbol.value + (uint64_t)reloc->addend - image->arch->dtv_offset;
    return add_word(r, &reference, reloc, 0, kind, &target, owner, old, value, verdict);
}
