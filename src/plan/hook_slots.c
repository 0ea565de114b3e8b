/* SPDX-License-Identifier: MIT */
/* The slots that lead to hooked functions. Invariant: a slot belongs to a function if
 * it holds the function's address (or that of its replacement) under the function's
 * name, or will resolve to it; nothing is looked up by name that an address or the
 * first eight bytes rule out. */

#include <elf.h>
#include <stddef.h>
#include <string.h>

#include "plan/hook.h"
#include "plan/retarget.h"

/* The first eight bytes of a name and its length: what a comparison begins with. */
struct key { uint64_t head; size_t length; };

enum { UNKNOWN = -2 };

struct hooking {
    const struct hook_function *function;
    size_t count, buckets;
    uint32_t *by_address;           /* number of a function, open addressing; 0: free */
    uint32_t *by_name;              /* the same, of first ones of a definition */
    struct key *key;
    int *holder;                    /* member that holds the replacement, by function */
    struct scan_filter filter;
    bool *calls;                    /* whether the walked object is a caller, by function */
    bool choosy;                    /* not every object is one for all */
};

static struct key key_of(const char *name)
{
    struct key key = { 0, strlen(name) };
    memcpy(&key.head, name, key.length < sizeof key.head ? key.length : sizeof key.head);
    return key;
}

static bool same_key(const struct key *a, const struct key *b)
{
    return a->head == b->head && a->length == b->length;
}

static size_t bucket_of(const struct hooking *h, uint64_t value)
{
    return (size_t)(value * 0x9e3779b97f4a7c15ull >> 32) & (h->buckets - 1);
}

static bool same_definition(const struct hook_function *a, const struct hook_function *b)
{
    return a->from == b->from && !strcmp(a->symbol, b->symbol);
}

static bool is_first(const struct hooking *h, size_t i)
{
    return i == 0 || !same_definition(&h->function[i - 1], &h->function[i]);
}

static void note_address(struct hooking *h, uint64_t address, uint32_t number)
{
    size_t b = bucket_of(h, address);
    while (h->by_address[b])
        b = (b + 1) & (h->buckets - 1);
    h->by_address[b] = number;
    scan_filter_add(&h->filter, address);
}

static int index_functions(struct hooking *h, struct arena *arena)
{
    for (h->buckets = 64; h->buckets < 6 * h->count; h->buckets *= 2)
        ;
    h->by_address = arena_array(arena, h->buckets, sizeof *h->by_address);
    h->by_name = arena_array(arena, h->buckets, sizeof *h->by_name);
    h->key = arena_array(arena, h->count, sizeof *h->key);
    h->calls = arena_array(arena, h->count, sizeof *h->calls);
    h->holder = arena_array(arena, h->count, sizeof *h->holder);
    if (!h->by_address || !h->by_name || !h->key || !h->calls || !h->holder)
        return -GRAFT_ENOMEM;
    for (size_t i = 0; i < h->count; i++) {
        h->holder[i] = UNKNOWN;
        h->calls[i] = true;
        h->choosy |= !hook_callers_all(&h->function[i].callers);
        const struct hook_function *f = &h->function[i];
        h->key[i] = key_of(f->symbol);
        if (f->now && f->now != f->from)
            note_address(h, f->now, (uint32_t)i + 1);
        if (!is_first(h, i))
            continue;
        note_address(h, f->from, (uint32_t)i + 1);
        size_t b = bucket_of(h, h->key[i].head + h->key[i].length);
        while (h->by_name[b])
            b = (b + 1) & (h->buckets - 1);
        h->by_name[b] = (uint32_t)i + 1;
    }
    return 0;
}

/* ---- one slot ------------------------------------------------------------- */

static size_t first_of(const struct hooking *h, size_t i)
{
    while (!is_first(h, i))
        i--;
    return i;
}

static int holder_of(const struct retarget *r, const struct hooking *h, size_t i)
{
    if (h->holder[i] == UNKNOWN) {
        size_t object = world_find_address(r->world, h->function[i].to);
        h->holder[i] = object == WORLD_NONE ? PLAN_NO_MEMBER : plan_member_of(r->plan, r->world, object);
    }
    return h->holder[i];
}

static int add(struct retarget *r, const struct hooking *h, const struct retarget_slot *slot, size_t i,
               enum graft_verdict verdict)
{
    const struct hook_function *f = &h->function[i];
    uint64_t value = f->to + (uint64_t)slot->addend;
    struct plan_entry entry = { .target = holder_of(r, h, i), .function = (int)i + 1, .addend = (uint64_t)slot->addend };
    if (verdict == GRAFT_VERDICT_EDIT && value == slot->value)
        verdict = GRAFT_VERDICT_SAME;
    entry.edit = (struct graft_edit){
        .symbol = f->symbol, .kind = retarget_kind(slot->class), .verdict = verdict,
        .old_value = (uintptr_t)slot->value, .new_value = (uintptr_t)value,
        .old_object = world_object(r->world, f->owner)->path };
    return retarget_add(r, &entry, slot->reloc->offset);
}

/* Function @i is the first of its definition: the one for the walked object's calls
 * takes the slot, others that were asked for tell why not. */
static int take(struct retarget *r, const struct hooking *h, const struct retarget_slot *slot, size_t i, bool lazy)
{
    bool taken = false;
    int result = 0;
    for (size_t k = i; !result && k < h->count && (k == i || !is_first(h, k)); k++) {
        if (!h->calls[k])
            continue;
        if (!taken)
            result = add(r, h, slot, k, lazy ? GRAFT_VERDICT_LAZY : GRAFT_VERDICT_EDIT);
        else if (h->function[k].asked && !hook_callers_all(&h->function[k].callers))
            result = add(r, h, slot, k, GRAFT_VERDICT_OVERLAP);
        taken = true;
    }
    return result;
}

static int resolved(struct retarget *r, const struct retarget_slot *slot)
{
    const struct hooking *h = r->data;
    uint64_t address = slot->value - (uint64_t)slot->addend;
    const char *name = NULL;
    for (size_t b = bucket_of(h, address); h->by_address[b]; b = (b + 1) & (h->buckets - 1)) {
        size_t i = h->by_address[b] - 1;
        const struct hook_function *f = &h->function[i];
        if (f->from != address && f->now != address)
            continue;
        if (!name && !(name = elf_symbol_name(&world_object(r->world, r->consumer)->image, slot->reloc->symbol)))
            return 0;
        if (!strcmp(f->symbol, name)) {
            int result = take(r, h, slot, first_of(h, i), false);
            return result ? result : 1;
        }
    }
    return 0;
}

/* Where a name resolves to for the walked object, as far as images tell. For what was
 * there at start the first definition counts. For what was opened later no image tells
 * whose turn it is (RTLD_GLOBAL, RTLD_DEEPBIND): several definitions leave it @open. */
static uint64_t resolves_to(const struct retarget *r, const struct reference *reference, bool *open)
{
    const struct world *world = r->world;
    const struct world_object *consumer = world_object(world, r->consumer);
    struct elf_wanted wanted = { .name = reference->name, .version = reference->version,
                                 .gnu_hash = reference->gnu_hash };
    struct elf_symbol symbol;
    uint64_t address = 0;
    *open = false;
    if (consumer->image.symbolic && elf_lookup(&consumer->image, &wanted, &symbol) == ELF_FOUND)
        return target_address(world, r->consumer, &symbol);
    for (size_t i = 0; i < world->objects.count; i++) {
        const struct world_object *o = world_object(world, i);
        if (o->space != consumer->space || o->is_vdso || o->broken
            || elf_lookup(&o->image, &wanted, &symbol) != ELF_FOUND)
            continue;
        uint64_t one = target_address(world, i, &symbol);
        *open |= address && one != address;
        address = address ? address : one;
        if (consumer->permanent)
            break;
    }
    return address;
}

static int leave_open(struct retarget *r, const struct hooking *h, const struct retarget_slot *slot, size_t i,
                      const char *version)
{
    struct plan_entry entry = { .target = PLAN_NO_MEMBER, .function = (int)i + 1, .edit = {
        .symbol = h->function[i].symbol, .version = version, .kind = retarget_kind(slot->class), .verdict = GRAFT_VERDICT_OPEN,
        .old_value = (uintptr_t)slot->value } };
    return retarget_add(r, &entry, slot->reloc->offset);
}

static int unresolved(struct retarget *r, const struct retarget_slot *slot)
{
    const struct hooking *h = r->data;
    const char *name = elf_symbol_name(&world_object(r->world, r->consumer)->image, slot->reloc->symbol);
    struct key key = name ? key_of(name) : (struct key){ 0, 0 };
    struct reference reference;
    struct elf_symbol symbol;
    uint64_t address = 0;
    bool open = false;
    for (size_t b = bucket_of(h, key.head + key.length); name && h->by_name[b]; b = (b + 1) & (h->buckets - 1)) {
        size_t i = h->by_name[b] - 1;
        if (!same_key(&h->key[i], &key) || strcmp(h->function[i].symbol, name))
            continue;
        if (!address && (!retarget_reference(r, slot->reloc, slot->class, &reference, &symbol)
                         || !(address = resolves_to(r, &reference, &open))))
            return 0;
        if (open)
            return leave_open(r, h, slot, i, reference.version);
        if (h->function[i].from == address)
            return take(r, h, slot, i, true);
    }
    return 0;
}

static const struct retarget_policy policy = { .resolved = resolved, .unresolved = unresolved };

/* ---- slots that no relocation fills ------------------------------------------ */

/* The value in the symbol table: an IFUNC's is its resolver, and another page than
 * data may be executable. */
static int add_export(struct retarget *r, const struct hooking *h, size_t i)
{
    const struct hook_function *f = &h->function[i];
    const struct elf_image *image = &world_object(r->world, f->owner)->image;
    uint64_t offset = image->symbols_vaddr + (uint64_t)f->index * sizeof(Elf64_Sym) + offsetof(Elf64_Sym, st_value);
    const struct elf_span *hint = NULL;
    struct elf_reloc reloc = { .offset = offset };
    struct retarget_slot slot = { &reloc, ELF_RELOC_OTHER, f->from - image->bias, -(int64_t)image->bias };
    struct elf_symbol symbol;
    (void)elf_slot_read(image, &hint, offset, &slot.value);    /* what the loader reads there now */
    bool can = image->elf_class == ELFCLASS64 && elf_symbol_at(image, f->index, &symbol)
            && symbol.type == STT_FUNC && symbol.section != SHN_ABS && !elf_image_covers(image, offset, PF_X);
    r->consumer = f->owner;
    r->member = PLAN_NO_MEMBER;
    int result = add(r, h, &slot, i, can ? GRAFT_VERDICT_EDIT : GRAFT_VERDICT_LATE);
    if (!result)
        plan_entry(r->plan, r->plan->entries.count - 1)->edit.kind = GRAFT_SLOT_EXPORT;
    return result;
}

static bool kept_by_loader(const char *symbol)
{
    return !strcmp(symbol, "malloc") || !strcmp(symbol, "calloc") || !strcmp(symbol, "realloc")
        || !strcmp(symbol, "free");
}

/* ld.so looks these four up itself and keeps their addresses in its RELRO data
 * (glibc elf/dl-minimal.c, __rtld_malloc_init_real). */
static int add_loader(struct retarget *r, const struct hooking *h, size_t loader)
{
    const struct world_object *object = world_object(r->world, loader);
    const struct elf_image *image = &object->image;
    const struct elf_span *hint = NULL;
    uint64_t value;
    int result = 0;
    r->consumer = loader;
    r->member = PLAN_NO_MEMBER;
    for (uint64_t offset = image->relro.vaddr; !result && offset + 8 <= image->relro.vaddr + image->relro.memsz; offset += 8) {
        if (!elf_slot_read(image, &hint, offset, &value) || !value || !scan_filter_has(&h->filter, value))
            continue;               /* 0 is what a function that is not hooked leads to now */
        for (size_t i = 0; i < h->count && !result; i++) {
            struct elf_reloc reloc = { .offset = offset };
            struct retarget_slot slot = { &reloc, ELF_RELOC_OTHER, value, 0 };
            if (!is_first(h, i) || !kept_by_loader(h->function[i].symbol)
                || (value != h->function[i].from && value != h->function[i].now))
                continue;
            result = take(r, h, &slot, i, false);
            if (!result && plan_entry(r->plan, r->plan->entries.count - 1)->edit.slot == image->bias + offset)
                plan_entry(r->plan, r->plan->entries.count - 1)->edit.kind = GRAFT_SLOT_LOADER;
        }
    }
    return result;
}

/* ---- the walk ------------------------------------------------------------------ */

/* Callers repeat in runs: each run is matched once. */
static void match_callers(const struct world *world, struct hooking *h, size_t object)
{
    for (size_t i = 0; h->choosy && i < h->count; i++) {
        const struct hook_callers *callers = &h->function[i].callers;
        bool same = i && hook_callers_same(callers, &h->function[i - 1].callers);
        h->calls[i] = same ? h->calls[i - 1] : hook_callers_have(callers, world, object);
    }
}

static void find_range(const struct hooking *h, uint64_t *low, uint64_t *high)
{
    *low = UINT64_MAX;
    *high = 0;
    for (size_t i = 0; i < h->count; i++) {
        const uint64_t value[] = { h->function[i].from, h->function[i].now };
        for (unsigned k = 0; k < 2; k++)
            if (value[k]) {
                *low = value[k] < *low ? value[k] : *low;
                *high = value[k] > *high ? value[k] : *high;
            }
    }
}

int hook_slots(struct graft_plan *plan, const struct world *world, const unsigned char *set,
               const struct hook_function *functions, size_t count)
{
    struct arena scratch = { 0 };
    struct hooking *h = arena_alloc(&scratch, sizeof *h);
    uint64_t low, high;
    int result = h ? 0 : -GRAFT_ENOMEM;
    if (!count)
        return 0;
    if (!result) {
        h->function = functions;
        h->count = count;
        result = index_functions(h, &scratch);
    }
    if (!result) {
        find_range(h, &low, &high);
        struct retarget r = { .world = world, .plan = plan, .policy = &policy, .data = h, .filter = &h->filter,
                              .low = low, .size = high - low + 1 };
        for (size_t i = 0; !result && i < count; i++)
            if (functions[i].exported && set[functions[i].owner])
                result = add_export(&r, h, i);
        for (size_t i = 0; !result && i < world->objects.count; i++) {
            if (!set[i] || world_object(world, i)->broken)
                continue;
            match_callers(world, h, i);
            result = retarget_object(&r, i);
            if (!result && world_object(world, i)->is_loader)
                result = add_loader(&r, h, i);
        }
    }
    arena_free(&scratch);
    return result;
}
