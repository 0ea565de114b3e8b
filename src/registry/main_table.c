/* SPDX-License-Identifier: MIT */
/* The main program's own names, as graft link wrote them. Invariant: a table that was
 * never written finds nothing; its values count from where it lies, so it needs no
 * relocation. */

#include <string.h>

#include "registry/names.h"
#include "registry/state.h"

extern const struct graft_table __graft_main_table __attribute__((weak, visibility("hidden")));

static const struct graft_table *table(void)
{
    const struct graft_table *t = &__graft_main_table;
    return t && !memcmp(t->magic, GRAFT_TABLE_MAGIC, 8) ? t : NULL;
}

#define PART(t, part) ((const void *)((const char *)(t) + (t)->part))

static void *address_of(const struct graft_table *t, const struct graft_table_symbol *s)
{
    if (s->type == STT_TLS)
        return (char *)__builtin_thread_pointer() + s->value;
    void *address = (char *)t + s->value;
    return s->type == STT_GNU_IFUNC ? module_resolve(address) : address;
}

bool main_lookup(const char *name, bool library, void **address)
{
    const struct graft_table *t = table();
    uint32_t hash = name_hash(name);
    if (!t)
        return false;
    const struct graft_table_symbol *symbols = PART(t, symbols);
    const uint32_t *bucket = PART(t, buckets), *chain = PART(t, chains);
    for (uint32_t i = bucket[hash % t->bucket_count]; i; i = chain[i - 1]) {
        const struct graft_table_symbol *s = &symbols[i - 1];
        if (s->hash == hash && (!library || s->library) && !strcmp((const char *)PART(t, strings) + s->name, name)) {
            *address = address_of(t, s);
            return true;
        }
    }
    return false;
}

/* The last symbol that starts at or before the address and holds it, or has no size. */
bool main_nearest(const void *address, const char **name, void **start)
{
    const struct graft_table *t = table();
    if (!t)
        return false;
    const struct graft_table_symbol *symbols = PART(t, symbols);
    int64_t value = (const char *)address - (const char *)t;
    size_t low = 0, high = t->symbol_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        /* TLS offsets are sorted as unsigned link addresses were: they are at neither end. */
        if (symbols[middle].type != STT_TLS && symbols[middle].value <= value)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i--;) {
        const struct graft_table_symbol *s = &symbols[i];
        if (s->type == STT_TLS)
            continue;
        if (s->size ? (uint64_t)(value - s->value) < s->size : value == s->value) {
            *name = (const char *)PART(t, strings) + s->name;
            *start = (char *)t + s->value;
            return true;
        }
        if (low - i > 64)
            return false;
    }
    return false;
}
