/* SPDX-License-Identifier: MIT */
/* Rebind: the consumer's references leave the duplicate for the host. This file
 * chooses who is consumer, duplicate and host; retarget.c does the slots.
 * Invariant: a choice that is not certain is an error that names the candidates. */

#include "plan/rebind.h"

#include <string.h>

#include "base/error.h"
#include "plan/retarget.h"
#include "plan/runtime.h"

struct rebinding {
    struct arena arena;             /* sets and orders, freed at the end */
    world_set consumers, from;
    size_t *order;                  /* of consumers, breadth first below each root */
    size_t *root;                   /* for each in order: where its root is in there */
    size_t count;
    size_t *from_list, from_count;
    size_t onto;
    size_t *scope, scope_count;     /* the main program's closure: the global scope */
};

/* ---- the policy --------------------------------------------------------- */

static size_t leaves(const struct retarget *r, uint64_t address)
{
    const struct rebinding *b = r->data;
    for (size_t i = 0; i < b->from_count; i++) {
        const struct world_object *o = world_object(r->world, b->from_list[i]);
        if (address - world_start(o) < o->image.high - o->image.low)
            return b->from_list[i];
    }
    return WORLD_NONE;
}

/* What comes before the duplicate in the walked object's local scope, which starts
 * with its root: the consumer's own definition above all. */
static bool is_defined_before(const struct retarget *r, const struct elf_wanted *wanted)
{
    const struct rebinding *b = r->data;
    struct elf_symbol definition;
    size_t k = 0, end;
    while (k < b->count && b->order[k] != r->consumer)
        k++;
    if (k == b->count)
        return false;
    for (end = k; end < b->count && b->root[end] == b->root[k]; end++)
        ;
    size_t first = world_lookup(r->world, b->order + b->root[k], end - b->root[k], wanted, &definition);
    return first != WORLD_NONE && !b->from[first];
}

/* An unresolved reference goes to the duplicate if that defines it, unless a
 * third object of the local or the global scope comes first. */
static size_t leaves_by_name(const struct retarget *r, const struct reference *reference,
                             struct elf_symbol *definition, bool *elsewhere)
{
    const struct rebinding *b = r->data;
    struct elf_symbol other;
    struct elf_wanted wanted = { .name = reference->name, .version = reference->version,
                                 .gnu_hash = reference->gnu_hash };
    size_t owner = world_lookup(r->world, b->from_list, b->from_count, &wanted, definition);
    if (owner == WORLD_NONE)
        return WORLD_NONE;
    size_t first = world_lookup(r->world, b->scope, b->scope_count, &wanted, &other);
    *elsewhere = is_defined_before(r, &wanted)
              || (first != WORLD_NONE && first != b->onto && !b->from[first]);
    return owner;
}

static void arrives(const struct retarget *r, const struct reference *reference, struct target *out)
{
    const struct rebinding *b = r->data;
    target_find(r->world, b->onto, reference, out);
}

static const struct retarget_policy policy = { .leaves = leaves, .leaves_by_name = leaves_by_name, .arrives = arrives };

/* ---- who is who --------------------------------------------------------- */

static int no_memory(struct graft_error *error)
{
    return error_set(error, GRAFT_ENOMEM, "out of memory while planning");
}

/* Adds the consumer and, if asked, what it brought along. */
static int add_consumer(const struct world *world, struct rebinding *b, size_t i, bool closure)
{
    size_t n = world->objects.count, found = 0;
    world_set mine = world_set_new(world, &b->arena);
    size_t *order = arena_array(&b->arena, n, sizeof *order);
    if (!mine || !order)
        return -GRAFT_ENOMEM;
    if (!closure) {
        order[0] = i;
        found = 1;
    } else if (world_brought(world, &b->arena, i, mine, order, &found))
        return -GRAFT_ENOMEM;
    for (size_t k = 0, root = b->count; k < found; k++)
        if (!b->consumers[order[k]]) {
            b->consumers[order[k]] = 1;
            b->root[b->count] = root;
            b->order[b->count++] = order[k];
        }
    return 0;
}

static int choose_consumers(const struct world *world, struct rebinding *b, size_t consumer,
                            const struct graft_rebind *request, struct graft_error *error)
{
    bool closure = request->flags & GRAFT_CLOSURE;
    if (consumer != WORLD_NONE)
        return add_consumer(world, b, consumer, closure) ? no_memory(error) : 0;
    for (size_t i = 0; i < world->objects.count; i++)
        if (world_matches(world, i, request->consumer) && add_consumer(world, b, i, closure))
            return no_memory(error);
    if (!b->count)
        return error_about(error, GRAFT_ENOOBJ, request->consumer, "",
                           "no loaded object matches the consumer '%s'", request->consumer);
    return 0;
}

/* All that the consumers can reach: where a duplicate may be. */
static int reach(const struct world *world, struct rebinding *b, world_set set)
{
    size_t *order = arena_array(&b->arena, world->objects.count, sizeof *order), count;
    if (!order)
        return -GRAFT_ENOMEM;
    for (size_t i = 0; i < b->count; i++)
        world_closure(world, b->order[i], set, order, &count);
    return 0;
}

static int add_from(struct rebinding *b, size_t i)
{
    if (!b->from[i]) {
        b->from[i] = 1;
        b->from_list[b->from_count++] = i;
    }
    return 0;
}

static int choose_onto(const struct world *world, struct rebinding *b, const char *onto,
                       struct graft_error *error)
{
    size_t count = 0;
    b->onto = WORLD_NONE;
    for (size_t i = 0; i < world->objects.count; i++) {
        if (b->from[i] || b->consumers[i] || !world_matches(world, i, onto))
            continue;
        if (count++ == 0)
            b->onto = i;
    }
    if (count == 0)
        return error_about(error, GRAFT_ENOHOST, onto, "", "no loaded object matches the host '%s'", onto);
    if (count > 1)
        return error_about(error, GRAFT_EAMBIG, onto, "",
                           "%zu objects match the host '%s': name one by its path", count, onto);
    return 0;
}

static int host_of(const struct world *world, const char *tag, const unsigned char *except,
                   size_t *host, struct graft_error *error)
{
    size_t count;
    *host = runtime_host(world, tag, except, &count);
    if (count == 0)
        return error_set(error, GRAFT_ENOHOST, "no other object holds a %s to rebind onto", tag);
    if (count > 1)
        return error_set(error, GRAFT_EAMBIG,
                         "%zu objects are a %s: say which is the host (onto)", count, tag);
    return 0;
}

static bool is_root(const struct rebinding *b, size_t i)
{
    for (size_t k = 0; k < b->count; k++)
        if (b->order[k] == i)
            return b->root[k] == k;
    return false;
}

static int embedded(const struct world *world, size_t i, const char *tag, struct graft_error *error)
{
    return error_about(error, GRAFT_EREFUSED, world_object(world, i)->path, "",
                       "%s holds a %s of its own: its references are bound inside it, no slot leads out",
                       world_object(world, i)->path, tag);
}

/* Finds the duplicate: a runtime that the consumers reach, of which another
 * object outside their closure is the host; or which the given host is too. */
static int find_from(const struct world *world, struct rebinding *b, const char *onto,
                     struct graft_error *error)
{
    world_set reached = world_set_new(world, &b->arena);
    struct graft_runtime found[GRAFT_RUNTIMES_MAX], other;
    size_t runtimes = 0;
    struct graft_error failure = { 0 };
    if (!reached || reach(world, b, reached))
        return no_memory(error);
    for (size_t i = 0; i < world->objects.count; i++) {
        size_t n = reached[i] ? runtime_scan(world, i, found) : 0;
        for (size_t k = 0; k < n; k++) {
            size_t host = b->onto;
            runtimes++;
            if (onto ? (host == i || !runtime_find(world, host, found[k].tag, &other))
                     : host_of(world, found[k].tag, reached, &host, &failure) != 0)
                continue;
            if (b->from_count && host != b->onto)
                return error_set(error, GRAFT_EAMBIG,
                                 "the consumer brought duplicates of several hosts: say from which");
            if (is_root(b, i))
                return embedded(world, i, found[k].tag, error);
            b->onto = host;
            add_from(b, i);
        }
    }
    if (b->from_count)
        return 0;
    if (failure.code == -GRAFT_EAMBIG)
        return error_set(error, GRAFT_EAMBIG, "%s", failure.text);
    if (runtimes && !onto && failure.code)
        return error_set(error, GRAFT_ENOHOST, "the consumer's runtime is the only one here: %s",
                         failure.text);
    return error_set(error, GRAFT_ENODUP, "the consumer reaches no known runtime%s: "
                     "say which object it should leave (from)", onto ? " that the host is too" : "");
}

static int given_from(const struct world *world, struct rebinding *b, const char *from,
                      struct graft_error *error)
{
    for (size_t i = 0; i < world->objects.count; i++)
        if (world_matches(world, i, from))
            add_from(b, i);
    if (!b->from_count)
        return error_about(error, GRAFT_ENODUP, from, "", "no loaded object matches the duplicate '%s'", from);
    return 0;
}

/* The host of the runtime that the given duplicate is. */
static int host_for_from(const struct world *world, struct rebinding *b, struct graft_error *error)
{
    struct graft_runtime found[GRAFT_RUNTIMES_MAX];
    for (size_t i = 0; i < b->from_count; i++)
        if (runtime_scan(world, b->from_list[i], found))
            return host_of(world, found[0].tag, b->from, &b->onto, error);
    return error_set(error, GRAFT_ENOHOST, "the duplicate is no known runtime: say which is the host (onto)");
}

static int choose_sides(const struct world *world, struct rebinding *b,
                        const struct graft_rebind *request, struct graft_error *error)
{
    int result = 0;
    b->onto = WORLD_NONE;
    if (request->from)
        result = given_from(world, b, request->from, error);
    if (!result && request->onto)
        result = choose_onto(world, b, request->onto, error);
    if (!result && request->from && !request->onto)
        result = host_for_from(world, b, error);
    if (!result && !request->from)
        result = find_from(world, b, request->onto, error);
    return result;
}

/* ---- the plan ----------------------------------------------------------- */

static int walk(const struct world *world, struct rebinding *b, struct graft_plan *plan,
                const struct graft_rebind *request)
{
    uint64_t low = UINT64_MAX, high = 0;
    for (size_t i = 0; i < b->from_count; i++) {
        const struct world_object *o = world_object(world, b->from_list[i]);
        low = world_start(o) < low ? world_start(o) : low;
        high = world_end(o) > high ? world_end(o) : high;
    }
    struct retarget r = { .world = world, .plan = plan, .policy = &policy, .data = b,
                          .only = request->only, .flags = request->flags, .low = low, .size = high - low };
    for (size_t i = 0; i < b->count; i++)
        if (!b->from[b->order[i]] && b->order[i] != b->onto && retarget_object(&r, b->order[i]))
            return -GRAFT_ENOMEM;
    return 0;
}

static int prepare(const struct world *world, struct rebinding *b, struct graft_error *error)
{
    size_t n = world->objects.count;
    b->consumers = world_set_new(world, &b->arena);
    b->from = world_set_new(world, &b->arena);
    b->order = arena_array(&b->arena, n, sizeof *b->order);
    b->root = arena_array(&b->arena, n, sizeof *b->root);
    b->from_list = arena_array(&b->arena, n, sizeof *b->from_list);
    b->scope = arena_array(&b->arena, n, sizeof *b->scope);
    world_set seen = world_set_new(world, &b->arena);
    if (!b->consumers || !b->from || !b->order || !b->root || !b->from_list || !b->scope || !seen)
        return no_memory(error);
    if (world->main != WORLD_NONE)
        world_closure(world, world->main, seen, b->scope, &b->scope_count);
    return 0;
}

int plan_rebind(struct graft_plan **out, const struct world *world, size_t consumer,
                const struct graft_rebind *request, struct graft_error *error)
{
    struct rebinding b = { 0 };
    struct graft_plan *plan = NULL;
    int result = prepare(world, &b, error);
    if (!result)
        result = choose_consumers(world, &b, consumer, request, error);
    if (!result)
        result = choose_sides(world, &b, request, error);
    if (!result && !(plan = plan_new(request->flags)))
        result = no_memory(error);
    if (!result && walk(world, &b, plan, request))
        result = no_memory(error);
    arena_free(&b.arena);
    if (result)
        plan_free(plan);
    else
        *out = plan;
    return result;
}
