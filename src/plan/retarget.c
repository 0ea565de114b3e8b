/* SPDX-License-Identifier: MIT */
/* Walks relocations and turns slots into plan entries. Invariant: the quick test
 * (one read, one range comparison) comes before any look at a name, and a slot
 * that belongs to the plan is never dropped: it becomes an edit or a reason. */

#include "plan/retarget.h"

#include <elf.h>
#include <string.h>

enum graft_slot_kind retarget_kind(enum elf_reloc_class class)
{
    switch (class) {
    case ELF_RELOC_JUMP_SLOT: return GRAFT_SLOT_JUMP_SLOT;
    case ELF_RELOC_GLOB_DAT:  return GRAFT_SLOT_GLOB_DAT;
    case ELF_RELOC_SYMBOLIC:  return GRAFT_SLOT_SYMBOLIC;
    case ELF_RELOC_COPY:      return GRAFT_SLOT_COPY;
    default:                  return GRAFT_SLOT_OTHER;
    }
}

bool retarget_asked(const struct retarget *r, const char *symbol)
{
    return !r->only || text_glob_list(r->only, symbol);
}

int retarget_add(struct retarget *r, const struct plan_entry *entry, uint64_t offset)
{
    const struct world_object *object = world_object(r->world, r->consumer);
    struct plan_entry copy = *entry;
    if (r->member < 0)
        r->member = plan_member_of(r->plan, r->world, r->consumer);
    if (r->member < 0)
        return -GRAFT_ENOMEM;
    copy.member = r->member;
    copy.edit.slot = (uintptr_t)(object->image.bias + offset);
    if (verdict_edits(copy.edit.verdict) && elf_image_covers(&object->image, offset, PF_X))
        copy.edit.verdict = GRAFT_VERDICT_PROTECTED;
    return plan_add(r->plan, &copy);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

static bool same_reference(const struct reference *a, const struct reference *b)
{
    return a->name && a->gnu_hash == b->gnu_hash && a->class == b->class && a->weak == b->weak
        && a->live == b->live && same_text(a->name, b->name) && same_text(a->version, b->version);
}

static void ask(const struct retarget *r, const struct reference *reference, size_t owner,
                struct retarget_answer *answer)
{
    struct elf_wanted wanted = { .name = reference->name, .version = reference->version,
                                 .gnu_hash = reference->gnu_hash, .canonical = true };
    *answer = (struct retarget_answer){ .reference = *reference, .owner = owner, .target.object = WORLD_NONE };
    answer->found = elf_lookup(&world_object(r->world, owner)->image, &wanted, &answer->definition);
    r->policy->arrives(r, reference, &answer->target);
}

/* The definition in @owner and the new one, looked up or known already. */
static const struct retarget_answer *answer_for(const struct retarget *r, const struct reference *reference,
                                                size_t owner)
{
    struct retarget_answer *answer = &r->answers[reference->gnu_hash % RETARGET_ANSWERS];
    if (answer->owner != owner || !same_reference(&answer->reference, reference))
        ask(r, reference, owner, answer);
    return answer;
}

/* Whether @value is the address at which the owner defines the name: if not, the
 * program has put another address of that object there itself. */
static bool still_bound(const struct retarget *r, const struct retarget_answer *answer, uint64_t value)
{
    if (answer->found == ELF_ABSENT)
        return false;
    return answer->definition.type == STT_GNU_IFUNC
        || world_object(r->world, answer->owner)->image.bias + answer->definition.value == value;
}

size_t retarget_owner(const struct retarget *r, const struct reference *reference, struct elf_symbol *definition)
{
    bool elsewhere = false;
    size_t owner = r->policy->leaves_by_name(r, reference, definition, &elsewhere);
    return elsewhere ? WORLD_NONE : owner;
}

/* A slot whose present owner is known: finds the new one and the verdict. */
static int plan_move(struct retarget *r, const struct retarget_slot *slot, const struct reference *reference,
                     const struct retarget_answer *answer, bool unresolved)
{
    struct target target = answer->target;
    struct plan_entry entry = { .target = PLAN_NO_MEMBER };
    const char *old_path = world_object(r->world, answer->owner)->path;
    if (target.verdict == GRAFT_VERDICT_EDIT && target.object == WORLD_NONE)
        return 0;
    enum graft_verdict verdict = target.verdict;
    uint64_t value = target.value + (uint64_t)slot->addend;
    if (verdict == GRAFT_VERDICT_WEAK)
        value = 0;
    else if (verdict == GRAFT_VERDICT_EDIT) {
        if (!target_types_agree(answer->definition.type, target.symbol.type))
            verdict = GRAFT_VERDICT_TYPE;
        else if (value == slot->value && reference->live)
            verdict = GRAFT_VERDICT_SAME;
        else if (unresolved)
            verdict = GRAFT_VERDICT_LAZY;
        if (target.object != WORLD_NONE)
            entry.target = plan_member_of(r->plan, r->world, target.object);
    }
    if (!retarget_asked(r, reference->name))
        verdict = GRAFT_VERDICT_NOT_ASKED;
    entry.edit = (struct graft_edit){
        .symbol = reference->name, .version = reference->version, .kind = retarget_kind(reference->class),
        .old_value = (uintptr_t)slot->value, .new_value = (uintptr_t)value, .old_object = old_path,
        .verdict = verdict };
    return retarget_add(r, &entry, slot->reloc->offset);
}

static int plan_skip(struct retarget *r, const struct elf_reloc *reloc, const struct reference *reference,
                     size_t owner, uint64_t slot_value, enum graft_verdict verdict)
{
    struct plan_entry entry = { .target = PLAN_NO_MEMBER, .edit = {
        .symbol = reference->name, .version = reference->version, .kind = retarget_kind(reference->class),
        .old_value = (uintptr_t)slot_value, .verdict = verdict,
        .old_object = owner == WORLD_NONE ? NULL : world_object(r->world, owner)->path } };
    if (!retarget_asked(r, reference->name))
        entry.edit.verdict = GRAFT_VERDICT_NOT_ASKED;
    return retarget_add(r, &entry, reloc->offset);
}

bool retarget_reference(const struct retarget *r, const struct elf_reloc *reloc,
                        enum elf_reloc_class class, struct reference *reference, struct elf_symbol *symbol)
{
    const struct elf_image *image = &world_object(r->world, r->consumer)->image;
    reference->class = class;
    reference->any_version = r->flags & GRAFT_ANY_VERSION;
    reference->live = image->relocated;
    return reloc->symbol && reference_of(image, reloc->symbol, reference, symbol);
}

/* A slot that holds an address of an object which slots must leave. */
static int plan_resolved(struct retarget *r, const struct retarget_slot *slot)
{
    struct reference reference;
    struct elf_symbol symbol;
    uint64_t address = slot->value - (uint64_t)slot->addend;
    if (r->policy->resolved)
        return r->policy->resolved(r, slot);
    size_t owner = r->policy->leaves(r, address);
    if (owner == WORLD_NONE || !retarget_reference(r, slot->reloc, slot->class, &reference, &symbol))
        return 0;
    const struct retarget_answer *answer = answer_for(r, &reference, owner);
    if (!still_bound(r, answer, address))
        return plan_skip(r, slot->reloc, &reference, owner, slot->value, GRAFT_VERDICT_CHANGED);
    return plan_move(r, slot, &reference, answer, false);
}

/* A slot that holds no address yet: the name tells where it would go. */
static int plan_unresolved(struct retarget *r, const struct retarget_slot *slot)
{
    struct reference reference;
    struct elf_symbol symbol, old;
    if (r->policy->unresolved)
        return r->policy->unresolved(r, slot);
    if (!retarget_reference(r, slot->reloc, slot->class, &reference, &symbol))
        return 0;
    bool elsewhere = false;
    size_t owner = r->policy->leaves_by_name(r, &reference, &old, &elsewhere);
    if (owner == WORLD_NONE)
        return 0;
    if (elsewhere)
        return plan_skip(r, slot->reloc, &reference, owner, slot->value, GRAFT_VERDICT_ELSEWHERE);
    return plan_move(r, slot, &reference, answer_for(r, &reference, owner), reference.live);
}

/* Whether a PLT slot still holds the address of its own stub: it points into the
 * object's code, and not at the object's own definition of the symbol. */
static bool is_stub(const struct world_object *object, const struct elf_reloc *reloc, uint64_t value)
{
    struct elf_symbol symbol;
    uint64_t vaddr = value - object->image.bias;
    if (vaddr - object->image.low >= object->image.high - object->image.low)
        return false;
    if (!elf_symbol_at(&object->image, reloc->symbol, &symbol))
        return false;
    if (symbol.section == SHN_UNDEF)
        return true;
    bool now = object->image.flags & DF_BIND_NOW || object->image.flags_1 & DF_1_NOW;
    return !now && symbol.type != STT_GNU_IFUNC && symbol.value != vaddr;
}

static int64_t addend_of(const struct elf_image *image, const struct elf_table *table,
                         const struct elf_reloc *reloc, enum elf_reloc_class class)
{
    if (class != ELF_RELOC_SYMBOLIC && !image->arch->glob_dat_addend)
        return 0;
    if (table->has_addend)
        return reloc->addend;
    /* REL: A is what the slot holds beyond the symbol, which only the bound
     * definition can tell; a data slot of such a table is treated as A = 0. */
    return 0;
}

/* The words that hold addresses. */
static int plan_word(struct retarget *r, const struct retarget_slot *slot)
{
    const struct world_object *object = world_object(r->world, r->consumer);
    if (!object->image.relocated)
        return plan_unresolved(r, slot);
    if (slot->value - (uint64_t)slot->addend - r->low < r->size) {
        int result = plan_resolved(r, slot);
        if (result)
            return result < 0 ? result : 0;
    }
    if (slot->class == ELF_RELOC_JUMP_SLOT && is_stub(object, slot->reloc, slot->value))
        return plan_unresolved(r, slot);
    return 0;
}

/* A relocation that cannot be moved, against a symbol that must. */
static int plan_fixed(struct retarget *r, const struct elf_reloc *reloc, enum elf_reloc_class class,
                      enum graft_verdict verdict)
{
    struct reference reference;
    struct elf_symbol symbol, old;
    if (!r->policy->leaves_by_name || !retarget_reference(r, reloc, class, &reference, &symbol))
        return 0;
    size_t owner = retarget_owner(r, &reference, &old);
    return owner == WORLD_NONE ? 0 : plan_skip(r, reloc, &reference, owner, 0, verdict);
}

static int plan_reloc(struct retarget *r, const struct elf_table *table, const struct elf_reloc *reloc,
                      struct scan *scan)
{
    const struct elf_image *image = scan->image;
    enum elf_reloc_class class = elf_reloc_class(image->arch, reloc->type);
    uint64_t value;
    switch (class) {
    case ELF_RELOC_JUMP_SLOT:
    case ELF_RELOC_GLOB_DAT:
    case ELF_RELOC_SYMBOLIC:
        if (!elf_slot_read(image, &scan->span, reloc->offset, &value)) {
            if (image->relocated)
                return 0;
            value = 0;              /* a slot in a file's .bss cannot be, but do no harm */
        }
        if (image->relocated && scan_is_foreign(scan, class, value, reloc->addend))
            return 0;
        return plan_word(r, &(struct retarget_slot){ reloc, class, value, addend_of(image, table, reloc, class) });
    case ELF_RELOC_DTPMOD:
    case ELF_RELOC_DTPOFF:
    case ELF_RELOC_TPOFF:
    case ELF_RELOC_TLSDESC:
        return reloc->symbol && r->policy->leaves_by_name ? retarget_tls(r, reloc, class) : 0;
    case ELF_RELOC_COPY:
        return plan_fixed(r, reloc, class, GRAFT_VERDICT_COPY);
    case ELF_RELOC_OTHER:
        return plan_fixed(r, reloc, class, GRAFT_VERDICT_RELOC);
    default:
        return 0;
    }
}

/* Relocations that need a closer look, put off until there is a batch of them: by
 * then their symbols and names have come into the cache. */
struct batch {
    size_t index[32];
    size_t count;
};

static void batch_add(const struct elf_image *image, const struct elf_table *table, struct batch *batch, size_t i)
{
    uint32_t symbol = elf_reloc_at(image, table, i).symbol;
    batch->index[batch->count++] = i;
    if (symbol < image->symbols.count)
        __builtin_prefetch(image->symbols.bytes + (size_t)symbol * image->symbols.entry_size);
    if (symbol < image->versym.count)
        __builtin_prefetch(image->versym.bytes + (size_t)symbol * 2);
}

static int batch_plan(struct retarget *r, const struct elf_table *table, struct batch *batch, struct scan *scan)
{
    int result = 0;
    for (size_t k = 0; k < batch->count; k++)
        __builtin_prefetch(elf_symbol_name(scan->image,
                                           elf_reloc_at(scan->image, table, batch->index[k]).symbol));
    for (size_t k = 0; k < batch->count && !result; k++) {
        struct elf_reloc reloc = elf_reloc_at(scan->image, table, batch->index[k]);
        result = plan_reloc(r, table, &reloc, scan);
    }
    batch->count = 0;
    return result;
}

static int plan_table(struct retarget *r, const struct elf_table *table, struct scan *scan)
{
    struct batch batch = { .count = 0 };
    uint64_t value;
    int result = 0;
    if (!table->count)
        return 0;
    /* finds the span of the first slot */
    (void)elf_slot_read(scan->image, &scan->span, elf_reloc_at(scan->image, table, 0).offset, &value);
    for (size_t i = scan_foreign(scan, table, 0); i < table->count && !result; i = scan_foreign(scan, table, i + 1)) {
        batch_add(scan->image, table, &batch, i);
        if (batch.count == sizeof batch.index / sizeof *batch.index)
            result = batch_plan(r, table, &batch, scan);
    }
    return result ? result : batch_plan(r, table, &batch, scan);
}

int retarget_object(struct retarget *r, size_t consumer)
{
    const struct world_object *object = world_object(r->world, consumer);
    const struct elf_image *image = &object->image;
    struct scan scan = { .image = image, .low = r->low, .size = r->size, .filter = r->filter,
                         .own_low = world_start(object), .own_size = image->high - image->low };
    if (object->broken || !image->arch)
        return 0;
    if (!r->answers && !(r->answers = arena_array(&r->plan->arena, RETARGET_ANSWERS, sizeof *r->answers)))
        return -GRAFT_ENOMEM;
    r->consumer = consumer;
    r->member = PLAN_NO_MEMBER;
    r->plan->word_size = elf_word_size(image);
    int result = 0;
    for (unsigned t = 0; t < ELF_RELOC_TABLES && !result; t++) {
        r->plan->relocations += image->relocs[t].count;
        result = plan_table(r, &image->relocs[t], &scan);
    }
    return result;
}
