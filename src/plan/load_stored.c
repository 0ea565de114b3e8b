/* SPDX-License-Identifier: MIT */
/* Pointers into a loaded duplicate that code has stored in data of its own: what a
 * constructor has cached before graft came. Invariant: a guess that can only be wrong on
 * the safe side: a number that looks like such an address is taken for one. */

#include "plan/loading.h"

#include <elf.h>
#include <string.h>

#include "elf/reloc.h"

enum { TOLD_MAX = 64 };

static bool is_slot(const struct elf_image *image, uint64_t vaddr)
{
    for (unsigned t = 0; t < ELF_RELOC_TABLES; t++)
        for (size_t i = 0; i < image->relocs[t].count; i++)
            if (elf_reloc_at(image, &image->relocs[t], i).offset == vaddr)
                return true;
    return false;
}

/* Its PLT's own words lead to the loader, not to the duplicate; what is left of the
 * dynamic section and of RELRO was written by ld.so. */
static bool is_loaders(const struct elf_image *image, uint64_t vaddr)
{
    return vaddr - image->dynamic.vaddr < image->dynamic.memsz || vaddr - image->relro.vaddr < image->relro.memsz;
}

static const char *name_at(const struct elf_image *image, uint64_t vaddr)
{
    struct elf_symbol symbol;
    uint32_t count = elf_symbol_count(image);
    for (uint32_t i = 1; i < count; i++)
        if (elf_symbol_at(image, i, &symbol) && symbol.section != SHN_UNDEF && symbol.value == vaddr)
            return symbol.name;
    return NULL;
}

static int tell(struct loading *l, const struct load_member *m, const struct load_member *duplicate, uint64_t vaddr,
                uint64_t value)
{
    struct graft_load_plan *plan = l->plan;
    char text[600];
    struct text_buffer out = { text, sizeof text, 0 };
    const char *name = name_at(load_image(duplicate), value - load_image(duplicate)->bias);
    text_append(&out, "%s at %s+0x%llx", name ? name : "(inside an object or a function)", text_basename(load_path(m)),
                (unsigned long long)vaddr);
    struct graft_load_symbol *s = l->stored++ < TOLD_MAX ? arena_list_push(&plan->symbols) : NULL;
    plan->incurable++;
    if (!s)
        return l->stored > TOLD_MAX ? 0 : -GRAFT_ENOMEM;
    *s = (struct graft_load_symbol){ .size = sizeof *s, .object = arena_string(&plan->arena, load_path(m)),
        .name = arena_string(&plan->arena, text), .binding = GRAFT_BINDING_NOT_CURABLE,
        .address = (uintptr_t)value, .without = arena_string(&plan->arena, load_path(duplicate)),
        .reason = "a pointer into the duplicate that code has stored (a constructor's work)" };
    return s->object && s->name && s->without ? 0 : -GRAFT_ENOMEM;
}

static const struct load_member *duplicate_at(const struct loading *l, uint64_t address)
{
    for (size_t i = 0; i < l->members.count; i++) {
        const struct load_member *m = load_member(l, i);
        if (m->fate == GRAFT_FATE_DUPLICATE && load_is_here(l, m)
            && address - world_start(world_object(m->world, m->index)) < load_image(m)->high - load_image(m)->low)
            return m;
    }
    return NULL;
}

static int scan(struct loading *l, const struct load_member *m)
{
    const struct elf_image *image = load_image(m);
    const unsigned word = elf_word_size(image);
    int result = 0;
    for (unsigned s = 0; s < image->segment_count; s++) {
        const struct elf_segment *segment = &image->segment[s];
        const unsigned char *bytes = segment->flags & PF_W ? elf_image_at(image, segment->vaddr, segment->memsz) : NULL;
        for (uint64_t at = -segment->vaddr % word; bytes && at + word <= segment->memsz && !result; at += word) {
            uint64_t value = elf_get_word(image, bytes + at), vaddr = segment->vaddr + at;
            const struct load_member *d = value ? duplicate_at(l, value) : NULL;
            if (d && !is_loaders(image, vaddr) && !is_slot(image, vaddr))
                result = tell(l, m, d, vaddr, value);
        }
    }
    return result;
}

int load_stored_pointers(struct loading *l)
{
    int result = 0;
    for (size_t i = 0; i < l->members.count && !result; i++) {
        const struct load_member *m = load_member(l, i);
        if (m->world && load_is_here(l, m) && !load_is_replaced(m) && m->fate != GRAFT_FATE_HOST
            && !world_object(m->world, m->index)->permanent && !world_object(m->world, m->index)->broken)
            result = scan(l, m);
    }
    return result;
}
