/* SPDX-License-Identifier: MIT */
/* Replace: slots of a few functions, in every object, lead to other functions.
 * Invariant: the replacement's own object keeps calling the originals. */

#include <elf.h>
#include <string.h>

#include "base/error.h"
#include "plan/rebind.h"
#include "plan/retarget.h"

struct replacing {
    const struct replacement *function;
    size_t count;
};

static size_t leaves(const struct retarget *r, uint64_t address)
{
    const struct replacing *p = r->data;
    for (size_t i = 0; i < p->count; i++)
        if (p->function[i].from == address)
            return world_find_address(r->world, address);
    return WORLD_NONE;
}

static const struct replacement *by_name(const struct replacing *p, const char *name)
{
    for (size_t i = 0; i < p->count; i++)
        if (!strcmp(p->function[i].name, name))
            return &p->function[i];
    return NULL;
}

static size_t leaves_by_name(const struct retarget *r, const struct reference *reference,
                             struct elf_symbol *definition, bool *elsewhere)
{
    (void)elsewhere;
    const struct replacement *function = by_name(r->data, reference->name);
    struct elf_wanted wanted = { .name = reference->name, .version = reference->version,
                                 .gnu_hash = reference->gnu_hash };
    if (!function)
        return WORLD_NONE;
    size_t owner = world_find_address(r->world, function->from);
    if (owner == WORLD_NONE
        || elf_lookup(&world_object(r->world, owner)->image, &wanted, definition) != ELF_FOUND)
        return WORLD_NONE;
    return owner;
}

/* The slot's own name does not matter, an alias will do: the address does. */
static void arrives(const struct retarget *r, const struct reference *reference, struct target *out)
{
    const struct replacement *function = by_name(r->data, reference->name);
    out->verdict = GRAFT_VERDICT_EDIT;
    out->object = WORLD_NONE;
    if (!function)
        return;
    out->value = function->to;
    out->object = world_find_address(r->world, function->to);
    out->symbol.type = STT_FUNC;
}

static const struct retarget_policy policy = { leaves, leaves_by_name, arrives };

static bool is_new_owner(const struct replacing *p, const struct world_object *object)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->function[i].to - world_start(object) < object->image.high - object->image.low)
            return true;
    return false;
}

int plan_replace(struct graft_plan **out, const struct world *world, const unsigned char *in,
                 const struct replacement *function, size_t count, struct graft_error *error)
{
    struct replacing p = { function, count };
    uint64_t low = UINT64_MAX, high = 0;
    struct graft_plan *plan = plan_new(GRAFT_PARTIAL);
    for (size_t i = 0; i < count; i++) {
        low = function[i].from < low ? function[i].from : low;
        high = function[i].from > high ? function[i].from : high;
    }
    struct retarget r = { .world = world, .plan = plan, .policy = &policy, .data = &p,
                          .low = low, .size = high - low + 1 };
    int result = plan ? 0 : -GRAFT_ENOMEM;
    for (size_t i = 0; !result && i < world->objects.count; i++)
        if (in[i] && !is_new_owner(&p, world_object(world, i)))
            result = retarget_object(&r, i);
    if (!result) {
        *out = plan;
        return 0;
    }
    plan_free(plan);
    return error_set(error, GRAFT_ENOMEM, "out of memory while planning");
}
