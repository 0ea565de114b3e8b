/* SPDX-License-Identifier: MIT */
/* PURE: a name in the bytes of ld.so.cache. Invariant: an offset out of the bytes is
 * compared with their size before it is followed, and a string is used only if it ends
 * inside. Entries are sorted the way of ldconfig, so the search must be ld.so's own
 * (glibc elf/dl-cache.c) to find the same one of several. */

#include "file/cache.h"

#include <elf.h>
#include <limits.h>
#include <string.h>

#include "file/hwcaps.h"

/* Offsets of struct file_entry_new, cache_file_new, cache_extension; sizes in bytes. */
enum { OLD_HEADER = 16, OLD_ENTRY = 12,
       HEADER = 48, NLIBS = 20, FLAGS = 28, EXTENSION = 32,
       ENTRY = 24, ENTRY_KEY = 4, ENTRY_VALUE = 8, ENTRY_HWCAP = 16,
       SECTIONS = 8, SECTION = 16, SECTIONS_MAX = 64, SECTION_HWCAPS = 1 };

static const char old_magic[] = "ld.so-1.7.0", magic[] = "glibc-ld.so.cache1.1";
static const uint32_t extension_magic = 0xeaa42174;

static uint32_t get32(const unsigned char *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint64_t get64(const unsigned char *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* ---- the parts ------------------------------------------------------------- */

/* Bytes before the header of format 1.1: an old cache, then padding. */
static bool prefix_size(const unsigned char *bytes, size_t size, size_t *prefix)
{
    *prefix = 0;
    if (size < OLD_HEADER || memcmp(bytes, old_magic, sizeof old_magic - 1))
        return true;
    uint64_t end = OLD_HEADER + (uint64_t)get32(bytes + 12) * OLD_ENTRY;
    *prefix = (end + 7) & ~7ull;
    return *prefix < size;
}

/* The section of the extensions that names glibc-hwcaps subfolders. Offsets count from
 * the start of the file here, unlike those of strings. */
static void find_hwcaps(struct cache *cache, const unsigned char *file, size_t size)
{
    uint64_t at = get32(cache->bytes + EXTENSION);
    if (at == 0 || at % 4 || at > size || size - at < SECTIONS || get32(file + at) != extension_magic)
        return;
    uint32_t count = get32(file + at + 4);
    uint64_t room = (size - at - SECTIONS) / SECTION;
    for (uint32_t i = 0; i < count && i < room && i < SECTIONS_MAX; i++) {
        const unsigned char *section = file + at + SECTIONS + (size_t)i * SECTION;
        uint64_t offset = get32(section + 8), length = get32(section + 12);
        if (get32(section) != SECTION_HWCAPS || offset % 4 || length % 4 || offset > size || length > size - offset)
            continue;
        cache->hwcaps = file + offset;
        cache->hwcaps_count = (uint32_t)(length / 4);
    }
}

bool cache_open(struct cache *cache, const void *bytes, size_t size)
{
    static const unsigned char order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 2 : 3;
    size_t prefix;
    *cache = (struct cache){ 0 };
    if (!prefix_size(bytes, size, &prefix))
        return false;
    const unsigned char *start = (const unsigned char *)bytes + prefix;
    size_t rest = size - prefix;
    if (rest < HEADER || memcmp(start, magic, sizeof magic - 1))
        return false;
    uint32_t count = get32(start + NLIBS);
    unsigned char said = start[FLAGS] & 3;
    if (count > (rest - HEADER) / ENTRY || (said && said != order))
        return false;
    *cache = (struct cache){ .bytes = start, .size = rest, .count = count };
    if (said)                       /* glibc < 2.32 left these words unset */
        find_hwcaps(cache, bytes, size);
    return true;
}

/* FLAG_ELF_LIBC6, 3, and the ABI in the second byte (and the float ABI of riscv). */
uint32_t cache_flags(uint16_t machine, uint8_t elf_class)
{
    static const struct { uint16_t machine; uint8_t elf_class; uint32_t flags; } known[] = {
        { EM_X86_64, ELFCLASS64, 0x0303 }, { EM_X86_64, ELFCLASS32, 0x0803 }, { EM_386, ELFCLASS32, 0x0003 },
        { EM_AARCH64, ELFCLASS64, 0x0a03 }, { EM_RISCV, ELFCLASS64, 0x1003 },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].machine == machine && known[i].elf_class == elf_class)
            return known[i].flags;
    return 0;
}

/* ---- a name ---------------------------------------------------------------- */

/* No path is longer, and so no look at one costs more. */
static const char *string_at(const struct cache *cache, uint32_t offset)
{
    size_t room = offset < cache->size ? cache->size - offset : 0;
    if (!room || !memchr(cache->bytes + offset, 0, room < PATH_MAX ? room : PATH_MAX))
        return NULL;
    return (const char *)cache->bytes + offset;
}

static const unsigned char *entry_at(const struct cache *cache, uint32_t i)
{
    return cache->bytes + HEADER + (size_t)i * ENTRY;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static uint32_t number(const char **p)
{
    uint32_t value = 0;
    while (is_digit(**p))
        value = value * 10 + (uint32_t)(*(*p)++ - '0');
    return value;
}

/* The order of ldconfig (_dl_cache_libcmp): numbers by value, and after other text. */
static int compare(const char *a, const char *b)
{
    while (*a) {
        if (is_digit(*a) && is_digit(*b)) {
            int difference = (int)(number(&a) - number(&b));
            if (difference)
                return difference;
        } else if (is_digit(*a) || is_digit(*b))
            return is_digit(*a) ? 1 : -1;
        else if (*a++ != *b++)
            return a[-1] - b[-1];
    }
    return *a - *b;
}

static bool has_name(const struct cache *cache, uint32_t i, const char *name)
{
    const char *key = string_at(cache, get32(entry_at(cache, i) + ENTRY_KEY));
    return key && !compare(name, key);
}

/* The first entry with that name; false if there is none. */
static bool first_named(const struct cache *cache, const char *name, uint32_t *found)
{
    uint32_t low = 0, high = cache->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const char *key = string_at(cache, get32(entry_at(cache, middle) + ENTRY_KEY));
        if (!key)
            return false;
        int order = compare(name, key);
        if (order == 0) {
            while (middle > low && has_name(cache, middle - 1, name))
                middle--;
            *found = middle;
            return true;
        }
        if (order < 0)              /* the greatest name comes first */
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* The x86-64 level that an entry's subfolder is for, 1 for none; 0: not for this CPU.
 * Bit 62 says that the low half is an index into the subfolders, bits 32 to 41 which
 * level the file itself wants. */
static unsigned entry_level(const struct cache *cache, uint64_t hwcap, unsigned level)
{
    if (hwcap == 0)
        return 1;
    if ((hwcap >> 42) != 1u << 20 || (uint32_t)hwcap >= cache->hwcaps_count)
        return 0;                   /* the subfolders of glibc < 2.37, or none of ours */
    const char *name = string_at(cache, get32(cache->hwcaps + (size_t)(uint32_t)hwcap * 4));
    unsigned wanted = name ? hwcaps_level_of(name) : 0;
    return (hwcap >> 32 & 0x3ff) < level && wanted <= level ? wanted : 0;
}

const char *cache_find(const struct cache *cache, const char *name, uint32_t flags, unsigned level)
{
    uint32_t i;
    unsigned best = 0;
    const char *path = NULL;
    if (flags == 0 || !first_named(cache, name, &i))
        return NULL;
    for (; i < cache->count && has_name(cache, i, name); i++) {
        const unsigned char *entry = entry_at(cache, i);
        const char *value = string_at(cache, get32(entry + ENTRY_VALUE));
        if (get32(entry) != flags || !value)
            continue;
        unsigned rank = entry_level(cache, get64(entry + ENTRY_HWCAP), level);
        if (rank > best) {
            best = rank;
            path = value;
        }
    }
    return path;
}
