/* SPDX-License-Identifier: MIT */
/* Which function a hook's name means. Invariant: no answer by name alone where a
 * version or a defining object tells more; what cannot be hooked is answered with
 * the reason. */

#include <elf.h>
#include <string.h>

#include "base/error.h"
#include "plan/hook.h"
#include "plan/target.h"

static enum elf_found look(const struct elf_image *image, const struct hook_wanted *w, struct elf_symbol *out)
{
    struct elf_wanted wanted = { .name = w->symbol, .version = w->version, .gnu_hash = w->gnu_hash,
                                 .newest = true };
    return elf_lookup(image, &wanted, out);
}

static bool is_function(const struct elf_symbol *symbol)
{
    return symbol->type == STT_FUNC || symbol->type == STT_GNU_IFUNC || symbol->type == STT_NOTYPE;
}

static bool may_define(const struct world *world, size_t object, const struct hook_wanted *wanted)
{
    return !wanted->of || world_matches_list(world, object, wanted->of);
}

static int found(struct hook_wanted *wanted, const struct hook_definition *definition, struct arena *arena)
{
    struct hook_definition *kept = arena_alloc(arena, sizeof *kept);
    if (!kept)
        return -GRAFT_ENOMEM;
    *kept = *definition;
    if (wanted->last)
        wanted->last->next = kept;
    else
        wanted->first = kept;
    wanted->last = kept;
    return 0;
}

static int find_in(const struct world *world, size_t i, struct hook_wanted *wanted, struct arena *arena)
{
    struct hook_definition definition = { .object = i };
    if (look(&world_object(world, i)->image, wanted, &definition.symbol) != ELF_FOUND
        || !is_function(&definition.symbol) || !may_define(world, i, wanted))
        return 0;
    definition.address = target_address(world, i, &definition.symbol);
    return definition.address ? found(wanted, &definition, arena) : 0;
}

/* Many names touch all of an object's filter: it comes to the cache while the object
 * before is looked through. */
static void prefetch_filter(const struct world *world, size_t object, size_t names)
{
    enum { LINE = 64, MANY = 32, MOST = 16 * 1024 };
    const struct elf_image *image = object < world->objects.count ? &world_object(world, object)->image : NULL;
    size_t size = image && image->gnu.buckets ? ((size_t)image->gnu.bloom_mask + 1) * elf_word_size(image) : 0;
    for (size_t at = 0; names >= MANY && at < size && at < MOST; at += LINE)
        __builtin_prefetch(image->gnu.bloom + at);
}

/* Names that the object's filter lets through, with what their lookup reads on its way
 * to the cache: most names are in few objects, and most objects are not in it. */
static size_t list_candidates(const struct elf_image *image, const uint32_t *hash, size_t count, uint32_t *candidate)
{
    size_t passed = elf_lookup_filter(image, hash, count, candidate), n = 0;
    for (size_t k = 0; k < passed; k++)
        elf_lookup_prefetch(image, hash[candidate[k]], false);
    for (size_t k = 0; k < passed; k++)
        if (elf_lookup_prefetch(image, hash[candidate[k]], true))
            candidate[n++] = candidate[k];
    return n;
}

int hook_find(const struct world *world, const unsigned char *set, struct hook_wanted *wanted, size_t count,
              struct arena *arena)
{
    int result = 0;
    uint32_t *hash = arena_array(arena, count, sizeof *hash), *candidate = arena_array(arena, count, sizeof *candidate);
    for (size_t w = 0; hash && w < count; w++)
        hash[w] = wanted[w].gnu_hash;
    for (size_t i = 0; hash && candidate && !result && i < world->objects.count; i++) {
        const struct world_object *object = world_object(world, i);
        const struct elf_image *image = &object->image;
        prefetch_filter(world, i + 1, count);
        if (object->broken || object->is_vdso || (set && !set[i]))
            continue;
        size_t n = list_candidates(image, hash, count, candidate);
        for (size_t k = 0; k < n && !result; k++)
            result = find_in(world, i, &wanted[candidate[k]], arena);
    }
    return hash && candidate ? result : -GRAFT_ENOMEM;
}

const struct hook_definition *hook_choose(const struct world *world, const struct hook_wanted *wanted,
                                          bool *ambiguous)
{
    *ambiguous = false;
    for (const struct hook_definition *d = wanted->first; d; d = d->next) {
        if (world_object(world, d->object)->permanent)
            return d;
        *ambiguous |= d->address != wanted->first->address;
    }
    return *ambiguous ? NULL : wanted->first;
}

int hook_explain(const struct world *world, const struct hook_wanted *wanted, struct graft_error *error)
{
    const char *of = wanted->of ? wanted->of : "any object";
    for (size_t i = 0; i < world->objects.count; i++) {
        const struct world_object *object = world_object(world, i);
        struct elf_symbol symbol;
        if (object->broken || object->is_vdso || !may_define(world, i, wanted))
            continue;
        switch (look(&object->image, wanted, &symbol)) {
        case ELF_FOUND:
            if (is_function(&symbol))
                continue;
            return error_about(error, GRAFT_ETYPE, object->path, wanted->symbol,
                               "%s in %s is data, not a function", wanted->symbol, object->path);
        case ELF_HIDDEN:
            return error_about(error, GRAFT_ENOFUNC, object->path, wanted->symbol,
                               "%s is hidden in %s: its callers go there without a slot", wanted->symbol, object->path);
        case ELF_OTHER_VERSION:
            return error_about(error, GRAFT_ENOFUNC, object->path, wanted->symbol, "%s has no %s%s%s", object->path,
                               wanted->symbol, wanted->version ? "@" : " in a default version",
                               wanted->version ? wanted->version : "");
        default:
            continue;
        }
    }
    return error_about(error, GRAFT_ENOFUNC, wanted->of, wanted->symbol,
                       "%s is exported by no loaded object (of %s): a static or hidden function has no slots, "
                       "one of a library that comes later needs GRAFT_HOOK_LATE", wanted->symbol, of);
}

bool hook_callers_have(const struct hook_callers *callers, const struct world *world, size_t object)
{
    return (!callers->in || world_matches_list(world, object, callers->in))
        && (!callers->takes
            || callers->takes((const struct link_map *)(uintptr_t)world_object(world, object)->link_map, callers->arg));
}
