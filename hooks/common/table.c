/* SPDX-License-Identifier: MIT */
/* A table of segments, each twice as large as the one before; a key lives in a
 * window of a few entries of one of them. Invariant: entries only ever go from
 * empty to taken, by one compare-and-swap of the key, in the order in which a
 * lookup visits them; so an empty entry ends a lookup. */

#include "common/table.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

enum { FIRST = 256, WINDOW = 8, TEXT_PAGE = 64 * 1024 };

/* A text of a key, in a page that is never given back. */
struct table_text {
    uint64_t hash;
    char text[];
};

struct table_text_page {
    size_t size;
    _Atomic size_t used;
    max_align_t data[];
};

static void *map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static uint64_t mix(uint64_t key)
{
    key *= 0x9e3779b97f4a7c15u;
    return key ^ key >> 32;
}

static uint64_t hash_text(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return mix(hash);
}

static size_t entry_size(const struct table *table)
{
    size_t align = sizeof(uintptr_t);
    return sizeof(uintptr_t) + (table->value_size + align - 1) / align * align;
}

static size_t capacity(int segment)
{
    return (size_t)FIRST << segment;
}

static size_t segment_bytes(const struct table *table, int segment)
{
    return (capacity(segment) + WINDOW) * entry_size(table);
}

static char *segment_get(struct table *table, int segment, bool make)
{
    char *memory = atomic_load_explicit(&table->segments[segment], memory_order_acquire);
    if (memory || !make)
        return memory;
    char *mine = map(segment_bytes(table, segment));
    if (!mine)
        return NULL;
    if (atomic_compare_exchange_strong(&table->segments[segment], &memory, mine))
        return mine;
    munmap(mine, segment_bytes(table, segment));
    return memory;
}

/* What is looked for: an address, or a text that is kept once it is needed. */
struct sought {
    uint64_t hash;
    uintptr_t key;
    const char *text;
};

static bool matches(uintptr_t key, const struct sought *sought)
{
    if (!sought->text)
        return key == sought->key;
    const struct table_text *kept = (const struct table_text *)key;
    return kept->hash == sought->hash && !strcmp(kept->text, sought->text);
}

static struct table_text_page *text_page(struct table *table, size_t need)
{
    struct table_text_page *page = atomic_load_explicit(&table->texts, memory_order_acquire);
    if (page && atomic_load(&page->used) + need <= page->size)
        return page;
    size_t size = need > TEXT_PAGE / 4 ? need : TEXT_PAGE;
    struct table_text_page *fresh = map(sizeof *fresh + size);
    if (!fresh)
        return NULL;
    fresh->size = size;
    if (atomic_compare_exchange_strong(&table->texts, &page, fresh))
        return fresh;
    munmap(fresh, sizeof *fresh + size);
    return page;
}

/* Copies the text once it must outlive its caller's. */
static uintptr_t keep(struct table *table, const struct sought *sought)
{
    if (!sought->text)
        return sought->key;
    size_t length = strlen(sought->text) + 1, align = _Alignof(max_align_t);
    size_t need = (sizeof(struct table_text) + length + align - 1) / align * align;
    struct table_text_page *page;
    size_t at;
    do {
        page = text_page(table, need);
        if (!page)
            return 0;
        at = atomic_fetch_add(&page->used, need);
    } while (at + need > page->size);
    struct table_text *kept = (struct table_text *)((char *)page->data + at);
    kept->hash = sought->hash;
    memcpy(kept->text, sought->text, length);
    return (uintptr_t)kept;
}

static void *look(struct table *table, struct sought *sought, bool make, bool *is_new)
{
    size_t step = entry_size(table);
    for (int segment = 0; segment < TABLE_SEGMENTS; segment++) {
        char *memory = segment_get(table, segment, make);
        if (!memory)
            return NULL;
        char *entry = memory + (sought->hash & (capacity(segment) - 1)) * step;
        for (int i = 0; i < WINDOW; i++, entry += step) {
            _Atomic uintptr_t *place = (_Atomic uintptr_t *)entry;
            uintptr_t key = atomic_load_explicit(place, memory_order_acquire);
            if (!key && !make)
                return NULL;
            if (!key) {
                uintptr_t mine = keep(table, sought);
                if (!mine)
                    return NULL;
                if (atomic_compare_exchange_strong(place, &key, mine)) {
                    if (is_new)
                        *is_new = true;
                    return entry + sizeof(uintptr_t);
                }
            }
            if (matches(key, sought))
                return entry + sizeof(uintptr_t);
        }
    }
    return NULL;
}

void *table_at(struct table *table, uintptr_t key, bool *is_new)
{
    struct sought sought = { mix(key), key, NULL };
    if (is_new)
        *is_new = false;
    return key ? look(table, &sought, true, is_new) : NULL;
}

void *table_at_text(struct table *table, const char *text, bool *is_new)
{
    struct sought sought = { hash_text(text), 0, text };
    if (is_new)
        *is_new = false;
    return look(table, &sought, true, is_new);
}

const char *table_text(const void *value)
{
    const uintptr_t *key = (const uintptr_t *)((const char *)value - sizeof *key);
    return ((const struct table_text *)*key)->text;
}

void *table_find(struct table *table, uintptr_t key)
{
    struct sought sought = { mix(key), key, NULL };
    return key ? look(table, &sought, false, NULL) : NULL;
}

int table_each(struct table *table, int (*each)(uintptr_t key, void *value, void *arg), void *arg)
{
    size_t step = entry_size(table);
    for (int segment = 0; segment < TABLE_SEGMENTS; segment++) {
        char *memory = segment_get(table, segment, false);
        for (size_t i = 0; memory && i < capacity(segment) + WINDOW; i++) {
            uintptr_t key = atomic_load((_Atomic uintptr_t *)(memory + i * step));
            if (key && table->by_text)
                key = (uintptr_t)((struct table_text *)key)->text;
            int result = key ? each(key, memory + i * step + sizeof(uintptr_t), arg) : 0;
            if (result)
                return result;
        }
    }
    return 0;
}

static int zero(uintptr_t key, void *value, void *arg)
{
    (void)key;
    memset(value, 0, ((struct table *)arg)->value_size);
    return 0;
}

void table_zero(struct table *table)
{
    table_each(table, zero, table);
}
