/* SPDX-License-Identifier: MIT */
/* Dynamic symbols and their versions. Invariant: every chain that the image
 * gives is walked with a bound, so that a hostile image
 * costs time linear in its size and never a bad read. */

#include "elf/symbol.h"

#include <elf.h>

#include "elf/version.h"

static bool raw_at(const struct elf_image *image, uint32_t index, const unsigned char **p)
{
    if (index >= image->symbols.count)
        return false;
    *p = image->symbols.bytes + (size_t)index * image->symbols.entry_size;
    return true;
}

/* The value that the symbol entry at @p had before it was changed, if it was. */
static uint64_t original(const struct elf_patches *patches, const unsigned char *p, uint64_t value)
{
    size_t low = 0, high = patches->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (patches->patch[middle].at < p)
            low = middle + 1;
        else
            high = middle;
    }
    return low < patches->count && patches->patch[low].at == p ? patches->patch[low].value : value;
}

bool elf_symbol_at(const struct elf_image *image, uint32_t index, struct elf_symbol *symbol)
{
    const unsigned char *p;
    unsigned char info, other;
    if (!raw_at(image, index, &p))
        return false;
    uint32_t name = elf_get32(image, p);
    if (image->elf_class == ELFCLASS64) {
        info = p[offsetof(Elf64_Sym, st_info)];
        other = p[offsetof(Elf64_Sym, st_other)];
        symbol->section = elf_get16(image, p + offsetof(Elf64_Sym, st_shndx));
        symbol->value = elf_get64(image, p + offsetof(Elf64_Sym, st_value));
        symbol->size = elf_get64(image, p + offsetof(Elf64_Sym, st_size));
    } else {
        info = p[offsetof(Elf32_Sym, st_info)];
        other = p[offsetof(Elf32_Sym, st_other)];
        symbol->section = elf_get16(image, p + offsetof(Elf32_Sym, st_shndx));
        symbol->value = elf_get32(image, p + offsetof(Elf32_Sym, st_value));
        symbol->size = elf_get32(image, p + offsetof(Elf32_Sym, st_size));
    }
    if (image->patches && image->patches->count)
        symbol->value = original(image->patches, p, symbol->value);
    symbol->name = elf_image_string(image, name);
    symbol->version = NULL;
    symbol->version_hidden = false;
    symbol->index = index;
    symbol->type = ELF64_ST_TYPE(info);
    symbol->bind = ELF64_ST_BIND(info);
    symbol->visibility = ELF64_ST_VISIBILITY(other);
    return symbol->name != NULL;
}

const char *elf_symbol_name(const struct elf_image *image, uint32_t index)
{
    const unsigned char *p;
    return raw_at(image, index, &p) ? elf_image_string(image, elf_get32(image, p)) : NULL;
}

/* ---- versions ----------------------------------------------------------- */

static bool version_index(const struct elf_image *image, uint32_t symbol, uint16_t *index)
{
    if (symbol >= image->versym.count)
        return false;
    *index = elf_get16(image, image->versym.bytes + (size_t)symbol * 2);
    return true;
}

void elf_symbol_version(const struct elf_image *image, struct elf_symbol *symbol)
{
    uint16_t index;
    symbol->version = NULL;
    symbol->version_hidden = false;
    if (!version_index(image, symbol->index, &index))
        return;
    symbol->version_hidden = index & 0x8000;
    index &= 0x7fff;
    if (index <= VER_NDX_GLOBAL)
        return;
    symbol->version = symbol->section == SHN_UNDEF ? elf_verneed_name(image, index)
                                                   : elf_verdef_name(image, index);
    if (!symbol->version)           /* a COPY'd definition keeps its verneed entry */
        symbol->version = symbol->section == SHN_UNDEF ? elf_verdef_name(image, index)
                                                       : elf_verneed_name(image, index);
}

/* ---- lookup ------------------------------------------------------------- */

uint32_t elf_hash_gnu(const char *name)
{
    uint32_t h = 5381;
    for (const unsigned char *p = (const unsigned char *)name; *p; p++)
        h = h * 33 + *p;
    return h;
}

uint32_t elf_hash_sysv(const char *name)
{
    uint32_t h = 0;
    for (const unsigned char *p = (const unsigned char *)name; *p; p++) {
        h = (h << 4) + *p;
        h ^= (h >> 24) & 0xf0;
    }
    return h & 0x0fffffff;
}

/* What a walk over the symbols of one name has met so far. */
struct search {
    const struct elf_wanted *wanted;
    struct elf_symbol *out;
    enum elf_found best;
    unsigned defaults;              /* default versions met by an unversioned reference */
    unsigned candidates;            /* definitions of the name */
};

/* No name has as many versions: it bounds what a lookup in a hostile image costs,
 * as every version is a walk over the chains. */
enum { CANDIDATES_MAX = 64 };

static bool defines(const struct elf_wanted *wanted, const struct elf_symbol *s)
{
    const unsigned types = 1u << STT_NOTYPE | 1u << STT_OBJECT | 1u << STT_FUNC
                         | 1u << STT_COMMON | 1u << STT_TLS | 1u << STT_GNU_IFUNC;
    if (s->type > STT_GNU_IFUNC || !(types >> s->type & 1))
        return false;
    if (s->bind != STB_GLOBAL && s->bind != STB_WEAK && s->bind != STB_GNU_UNIQUE)
        return false;
    if (s->section == SHN_UNDEF)
        return wanted->canonical && s->value && s->type == STT_FUNC;
    return s->value || s->section == SHN_ABS || s->type == STT_TLS;
}

/* Keeps a candidate that only a worse answer than the wanted one can use. */
static bool keep(struct search *search, const struct elf_symbol *s, enum elf_found found)
{
    if (search->best == ELF_ABSENT || (search->best == ELF_HIDDEN && found == ELF_OTHER_VERSION)) {
        search->best = found;
        *search->out = *s;
    }
    return false;
}

static bool accept(struct search *search, const struct elf_symbol *s)
{
    search->best = ELF_FOUND;
    *search->out = *s;
    return true;
}

/* Whether the walk may end with symbol @index. */
static bool consider(const struct elf_image *image, struct search *search, uint32_t index)
{
    struct elf_symbol s;
    uint16_t version;
    if (!elf_symbol_at(image, index, &s) || strcmp(s.name, search->wanted->name)
        || !defines(search->wanted, &s))
        return false;
    if (search->candidates++ == CANDIDATES_MAX)
        return true;
    if (s.visibility == STV_HIDDEN || s.visibility == STV_INTERNAL)
        return keep(search, &s, ELF_HIDDEN);
    if (!version_index(image, index, &version))
        return accept(search, &s);
    elf_symbol_version(image, &s);
    if (search->wanted->version) {
        if (s.version ? !strcmp(s.version, search->wanted->version) : !(version & 0x8000))
            return accept(search, &s);
        return keep(search, &s, ELF_OTHER_VERSION);
    }
    if (search->wanted->newest ? !(version & 0x8000) : (version & 0x7fff) < 3)
        return accept(search, &s);  /* base, or the oldest of the object's versions */
    if (!(version & 0x8000) && search->defaults++ == 0) {
        search->best = ELF_OTHER_VERSION;
        *search->out = s;
    }
    return keep(search, &s, ELF_OTHER_VERSION);
}

size_t elf_lookup_filter(const struct elf_image *image, const uint32_t *gnu_hash, size_t count, uint32_t *passed)
{
    const unsigned char *bloom = image->gnu.bloom;
    const uint32_t mask = image->gnu.bloom_mask, shift = image->gnu.bloom_shift;
    const bool plain = image->gnu.buckets && image->elf_class == ELFCLASS64 && !image->swap;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t hash = gnu_hash[i];
        uint64_t word = ~0ull;
        if (plain)
            memcpy(&word, bloom + (size_t)(hash / 64 & mask) * 8, sizeof word);
        passed[n] = (uint32_t)i;
        n += plain ? word >> (hash % 64) & word >> ((hash >> shift) % 64) & 1 : !elf_lookup_excludes(image, hash);
    }
    return n;
}

bool elf_lookup_prefetch(const struct elf_image *image, uint32_t gnu_hash, bool chain)
{
    if (!image->gnu.buckets)
        return true;
    const unsigned char *bucket = image->gnu.bucket + (size_t)(gnu_hash % image->gnu.buckets) * 4;
    if (!chain) {
        __builtin_prefetch(bucket);
        return true;
    }
    uint32_t index = elf_get32(image, bucket);
    if (index < image->gnu.offset || index - image->gnu.offset >= image->gnu.chain_room)
        return false;
    __builtin_prefetch(image->gnu.chain + (size_t)(index - image->gnu.offset) * 4);
    return true;
}

static void gnu_walk(const struct elf_image *image, struct search *search)
{
    uint32_t hash = search->wanted->gnu_hash ? search->wanted->gnu_hash
                                             : elf_hash_gnu(search->wanted->name);
    if (elf_lookup_excludes(image, hash))
        return;
    uint32_t index = elf_get32(image, image->gnu.bucket + (size_t)(hash % image->gnu.buckets) * 4);
    if (index < image->gnu.offset)
        return;
    for (size_t i = index - image->gnu.offset; i < image->gnu.chain_room; i++, index++) {
        uint32_t value = elf_get32(image, image->gnu.chain + i * 4);
        if (((value ^ hash) >> 1) == 0 && consider(image, search, index))
            return;
        if (value & 1)
            return;
    }
}

/* Entry @i of a SysV table's array; values that do not fit are out of range. */
static uint32_t sysv_entry(const struct elf_image *image, const unsigned char *array, uint32_t i)
{
    const unsigned char *p = array + (size_t)i * image->sysv.entry_size;
    if (image->sysv.entry_size == 4)
        return elf_get32(image, p);
    uint64_t value = elf_get64(image, p);
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static void sysv_walk(const struct elf_image *image, struct search *search)
{
    uint32_t hash = elf_hash_sysv(search->wanted->name), left = image->sysv.chains;
    uint32_t index = sysv_entry(image, image->sysv.bucket, hash % image->sysv.buckets);
    while (index && index < image->sysv.chains && left--) {
        if (consider(image, search, index))
            return;
        index = sysv_entry(image, image->sysv.chain, index);
    }
}

static bool has_value(const struct elf_image *image, uint32_t index)
{
    const unsigned char *p;
    size_t value = image->elf_class == ELFCLASS64 ? offsetof(Elf64_Sym, st_value) : offsetof(Elf32_Sym, st_value);
    return raw_at(image, index, &p) && elf_get_word(image, p + value);
}

/* Canonical PLT symbols are undefined, which GNU hash tables leave out; of all
 * undefined ones only they have a value. */
static void undefined_walk(const struct elf_image *image, struct search *search)
{
    for (uint32_t i = 1; i < image->gnu.offset && i < image->symbols.count; i++)
        if (has_value(image, i) && consider(image, search, i))
            return;
}

enum elf_found elf_lookup(const struct elf_image *image, const struct elf_wanted *wanted,
                          struct elf_symbol *out)
{
    struct search search = { .wanted = wanted, .out = out, .best = ELF_ABSENT };
    if (image->gnu.buckets)
        gnu_walk(image, &search);
    else if (image->sysv.buckets)
        sysv_walk(image, &search);
    if (wanted->canonical && search.best == ELF_ABSENT && image->gnu.buckets)
        undefined_walk(image, &search);
    if (search.best == ELF_OTHER_VERSION && !wanted->version && search.defaults == 1)
        return ELF_FOUND;
    return search.best;
}

/* The GNU table has no count: the chain that starts highest ends it. */
static uint32_t gnu_count(const struct elf_image *image)
{
    uint32_t highest = 0;
    for (uint32_t i = 0; i < image->gnu.buckets; i++) {
        uint32_t first = elf_get32(image, image->gnu.bucket + (size_t)i * 4);
        if (first > highest)
            highest = first;
    }
    if (highest < image->gnu.offset)
        return image->gnu.offset;
    size_t i = highest - image->gnu.offset;
    while (i < image->gnu.chain_room && !(elf_get32(image, image->gnu.chain + i * 4) & 1))
        i++;
    return image->gnu.offset + (uint32_t)i + 1;
}

uint32_t elf_symbol_count(const struct elf_image *image)
{
    uint32_t count = image->gnu.buckets ? gnu_count(image) : image->sysv.chains;
    return count < image->symbols.count ? count : (uint32_t)image->symbols.count;
}
