/* SPDX-License-Identifier: MIT */
/* Lists the slots of one object of this process. Invariant: one visit, under the
 * loader's lock; nothing is written and nothing allocated but the protections'
 * own table, before the visit. */

#include <errno.h>

#include <graft/plan.h>

#include "base/error.h"
#include "elf/reloc.h"
#include "live/live.h"
#include "live/protection.h"
#include "plan/retarget.h"

struct listing {
    uint64_t address;
    int (*each)(const struct graft_slot *, void *arg);
    void *arg;
    struct protections protections;
    struct graft_error *error;
};

static int list_reloc(const struct listing *l, const struct elf_image *image, const struct elf_reloc *reloc)
{
    enum graft_slot_kind kind = retarget_kind(elf_reloc_class(image->arch, reloc->type));
    struct reference reference;
    struct elf_symbol symbol;
    struct region region = { 0 };
    if ((kind != GRAFT_SLOT_JUMP_SLOT && kind != GRAFT_SLOT_GLOB_DAT && kind != GRAFT_SLOT_SYMBOLIC) || !reloc->symbol || !reference_of(image, reloc->symbol, &reference, &symbol))
        return 0;
    uint64_t address = image->bias + reloc->offset;
    if (!protections_find(&l->protections, address, &region))
        return 0;
    struct graft_slot slot = {
        .size = sizeof slot, .symbol = reference.name, .version = reference.version, .kind = kind,
        .address = (uintptr_t)address, .addend = (intptr_t)reloc->addend,
        .protection = region.protection, .is_weak = reference.weak };
    return l->each(&slot, l->arg);
}

/* The PLT's own table is the last one, and comes first here. */
static int list_visit(struct world *world, const struct live_counts *counts, void *arg)
{
    const struct listing *l = arg;
    size_t i = world_find_address(world, l->address);
    int result = 0;
    (void)counts;
    if (i == WORLD_NONE)
        return error_set(l->error, GRAFT_ENOOBJ, "no loaded object covers this address");
    const struct elf_image *image = &world_object(world, i)->image;
    if (world_object(world, i)->broken)
        return error_about(l->error, GRAFT_EFORMAT, world_object(world, i)->path, "", "%s: %s",
                           world_object(world, i)->path, world_object(world, i)->broken);
    for (unsigned t = ELF_RELOC_TABLES; t-- > 0 && !result;)
        for (size_t k = 0; k < image->relocs[t].count && !result; k++) {
            struct elf_reloc reloc = elf_reloc_at(image, &image->relocs[t], k);
            result = list_reloc(l, image, &reloc);
        }
    return result;
}

int graft_slots_each(const void *address, int (*each)(const struct graft_slot *, void *arg), void *arg,
                     struct graft_error *error)
{
    struct arena arena = { 0 };
    struct listing listing = { .address = (uintptr_t)address, .each = each, .arg = arg, .error = error };
    int saved = errno;
    error_clear(error);
    int result = protections_open(&listing.protections, &arena);
    if (result)
        error_set(error, -result, "/proc/self/maps cannot be read");
    else
        result = live_visit(list_visit, &listing, error);
    protections_close(&listing.protections);
    arena_free(&arena);
    errno = saved;
    return result;
}
