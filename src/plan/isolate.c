/* SPDX-License-Identifier: MIT */
/* Isolate: references of a closure that another object captured go back to the
 * closure's own definitions. Invariant: only names that the closure itself defines move,
 * and of those neither the allocator's nor unique ones, which are one for all. */

#include <elf.h>
#include <string.h>

#include "base/error.h"
#include "plan/rebind.h"
#include "plan/retarget.h"

struct isolation {
    struct arena arena;
    world_set mine;
    size_t *order, count;           /* the closure, breadth first: its local scope */
    size_t *scope, scope_count;
};

static size_t leaves(const struct retarget *r, uint64_t address)
{
    const struct isolation *s = r->data;
    for (size_t i = 0; i < s->count; i++) {
        const struct world_object *o = world_object(r->world, s->order[i]);
        if (address - world_start(o) < o->image.high - o->image.low)
            return WORLD_NONE;
    }
    return world_find_address(r->world, address);
}

/* A library opened RTLD_GLOBAL captures too, which no image tells: where moving a
 * slot that was not captured does no harm, any other definition will do. */
static size_t find_captor(const struct retarget *r, const struct elf_wanted *wanted, struct elf_symbol *definition)
{
    const struct isolation *s = r->data;
    for (size_t i = 0; i < r->world->objects.count; i++)
        if (!s->mine[i] && world_object(r->world, i)->space == world_object(r->world, r->consumer)->space
            && elf_lookup(&world_object(r->world, i)->image, wanted, definition) == ELF_FOUND)
            return i;
    return WORLD_NONE;
}

static size_t leaves_by_name(const struct retarget *r, const struct reference *reference,
                             struct elf_symbol *definition, bool *elsewhere)
{
    (void)elsewhere;
    const struct isolation *s = r->data;
    struct elf_wanted wanted = { .name = reference->name, .version = reference->version,
                                 .gnu_hash = reference->gnu_hash };
    size_t owner = world_lookup(r->world, s->scope, s->scope_count, &wanted, definition);
    if (owner == WORLD_NONE && reference->live
        && (reference->class == ELF_RELOC_JUMP_SLOT || reference->class == ELF_RELOC_DTPMOD
            || reference->class == ELF_RELOC_DTPOFF))
        owner = find_captor(r, &wanted, definition);
    return owner == WORLD_NONE || s->mine[owner] ? WORLD_NONE : owner;
}

/* One allocator for all, whoever brings another: what one frees, another has got. */
static bool is_allocators(const char *name)
{
    static const char names[][20] = { "malloc", "calloc", "realloc", "reallocarray", "free", "cfree", "memalign",
                                      "aligned_alloc", "posix_memalign", "valloc", "pvalloc", "malloc_usable_size" };
    if (!strncmp(name, "_Znw", 4) || !strncmp(name, "_Zna", 4) || !strncmp(name, "_Zdl", 4) || !strncmp(name, "_Zda", 4))
        return true;                /* operator new, new[], delete, delete[] */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

static void arrives(const struct retarget *r, const struct reference *reference, struct target *out)
{
    const struct isolation *s = r->data;
    struct elf_wanted wanted = { .name = reference->name, .version = reference->version,
                                 .gnu_hash = reference->gnu_hash };
    out->verdict = GRAFT_VERDICT_EDIT;
    out->object = WORLD_NONE;
    size_t owner = world_lookup(r->world, s->order, s->count, &wanted, &out->symbol);
    if (owner == WORLD_NONE)
        return;
    target_find(r->world, owner, reference, out);
    if (out->symbol.bind == STB_GNU_UNIQUE || is_allocators(reference->name))
        out->verdict = GRAFT_VERDICT_SHARED;
    else if (out->object != WORLD_NONE && !s->mine[out->object]) {
        /* the main program captured the owner's own use too: undo that as well */
        out->object = owner;
        out->value = world_object(r->world, owner)->image.bias + out->symbol.value;
    }
}

static const struct retarget_policy policy = { .leaves = leaves, .leaves_by_name = leaves_by_name, .arrives = arrives };

static int choose(const struct world *world, struct isolation *s, size_t object, const char *glob,
                  unsigned flags, struct graft_error *error)
{
    size_t *found = arena_array(&s->arena, world->objects.count, sizeof *found), n;
    if (!found)
        return -GRAFT_ENOMEM;
    for (size_t i = 0; i < world->objects.count; i++) {
        if (object != WORLD_NONE ? i != object : !world_matches(world, i, glob))
            continue;
        world_set seen = world_set_new(world, &s->arena);
        found[0] = i;
        n = 1;
        if (!seen || (flags & GRAFT_CLOSURE && world_brought(world, &s->arena, i, seen, found, &n)))
            return -GRAFT_ENOMEM;
        for (size_t k = 0; k < n; k++)
            if (!s->mine[found[k]]) {
                s->mine[found[k]] = 1;
                s->order[s->count++] = found[k];
            }
    }
    if (!s->count)
        return error_about(error, GRAFT_ENOOBJ, glob ? glob : "", "",
                           "no loaded object matches '%s'", glob ? glob : "");
    return 0;
}

static int build(const struct world *world, struct isolation *s, size_t object, const char *glob,
                 unsigned flags, struct graft_plan *plan, struct graft_error *error)
{
    size_t n = world->objects.count;
    s->mine = world_set_new(world, &s->arena);
    s->order = arena_array(&s->arena, n, sizeof *s->order);
    s->scope = arena_array(&s->arena, n, sizeof *s->scope);
    world_set seen = world_set_new(world, &s->arena);
    if (!plan || !s->mine || !s->order || !s->scope || !seen)
        return -GRAFT_ENOMEM;
    if (world->main != WORLD_NONE)
        world_closure(world, world->main, seen, s->scope, &s->scope_count);
    int result = choose(world, s, object, glob, flags, error);
    struct retarget r = { .world = world, .plan = plan, .policy = &policy, .data = s,
                          .flags = flags, .low = 0, .size = UINT64_MAX };
    for (size_t i = 0; !result && i < s->count; i++)
        result = retarget_object(&r, s->order[i]);
    return result;
}

int plan_isolate(struct graft_plan **out, const struct world *world, size_t object, const char *glob,
                 unsigned flags, struct graft_error *error)
{
    struct isolation s = { 0 };
    struct graft_plan *plan = plan_new(flags);
    int result = build(world, &s, object, glob, flags, plan, error);
    arena_free(&s.arena);
    if (!result) {
        *out = plan;
        return 0;
    }
    plan_free(plan);
    return result == -GRAFT_ENOMEM ? error_set(error, GRAFT_ENOMEM, "out of memory while planning") : result;
}
