/* SPDX-License-Identifier: MIT */
/* Writes ELF images byte by byte. Invariant: nothing here uses src/elf, so that
 * the two do not share a mistake. */

#include "elf_builder.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const char *what)
{
    fprintf(stderr, "elf_builder: %s\n", what);
    abort();
}

unsigned built_word(const struct built *b)
{
    return b->from->elf_class == ELFCLASS64 ? 8 : 4;
}

void built_put(struct built *b, size_t at, unsigned size, uint64_t value)
{
    if (at > BUILT_SIZE - size)
        fail("the image is full");
    for (unsigned i = 0; i < size; i++)
        b->bytes[at + (b->from->big_endian ? size - 1 - i : i)] = (unsigned char)(value >> 8 * i);
}

uint64_t built_get(const struct built *b, size_t at, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)b->bytes[at + (b->from->big_endian ? size - 1 - i : i)] << 8 * i;
    return value;
}

static void append(struct built *b, unsigned size, uint64_t value)
{
    built_put(b, b->size, size, value);
    b->size += size;
}

static void append_word(struct built *b, uint64_t value)
{
    append(b, built_word(b), value);
}

static size_t align(struct built *b)
{
    b->size = (b->size + 7) & ~(size_t)7;
    return b->size;
}

/* ---- strings: collected first, so that every offset is known ------------- */

static uint32_t intern(struct built *b, const char *text)
{
    size_t length = strlen(text) + 1;
    for (size_t at = b->strings; at < b->size; at += strlen((char *)b->bytes + at) + 1)
        if (!strcmp((char *)b->bytes + at, text))
            return (uint32_t)(at - b->strings);
    if (b->size + length > BUILT_SIZE)
        fail("the image is full");
    memcpy(b->bytes + b->size, text, length);
    b->size += length;
    return (uint32_t)(b->size - length - b->strings);
}

static size_t write_strings(struct built *b)
{
    const struct build *from = b->from;
    b->strings = align(b);
    append(b, 1, 0);
    if (from->soname)
        intern(b, from->soname);
    if (from->runpath)
        intern(b, from->runpath);
    for (size_t i = 0; i < BUILD_LIST_MAX; i++) {
        if (from->needed[i])
            intern(b, from->needed[i]);
        if (from->symbols[i].name)
            intern(b, from->symbols[i].name);
        if (from->versions[i].name)
            intern(b, from->versions[i].name);
        if (from->versions[i].file)
            intern(b, from->versions[i].file);
    }
    return b->size - b->strings;
}

/* ---- symbols and hashes -------------------------------------------------- */

static uint32_t gnu_hash(const char *name)
{
    uint32_t h = 5381;
    while (*name)
        h = (h << 5) + h + (unsigned char)*name++;
    return h;
}

/* The gABI's own text of it. */
static uint32_t sysv_hash(const char *name)
{
    uint32_t h = 0, g;
    while (*name) {
        h = (h << 4) + (unsigned char)*name++;
        if ((g = h & 0xf0000000))
            h ^= g >> 24;
        h &= ~g;
    }
    return h;
}

static uint32_t buckets(const struct build *from)
{
    return from->hash_buckets ? from->hash_buckets : 2;
}

/* A GNU table wants the undefined ones first and the others bucket by bucket. */
static uint32_t rank(const struct build *from, const struct build_symbol *s)
{
    return s->section == SHN_UNDEF ? 0 : 1 + gnu_hash(s->name) % buckets(from);
}

static size_t order_symbols(const struct build *from, const struct build_symbol *ordered[BUILD_LIST_MAX])
{
    size_t count = 0;
    for (; count < BUILD_LIST_MAX && from->symbols[count].name; count++) {
        size_t at = count;
        while (from->gnu_hash && at && rank(from, ordered[at - 1]) > rank(from, &from->symbols[count])) {
            ordered[at] = ordered[at - 1];
            at--;
        }
        ordered[at] = &from->symbols[count];
    }
    return count;
}

static void write_symbol(struct built *b, const struct build_symbol *s)
{
    uint32_t name = s ? intern(b, s->name) : 0;
    unsigned char info = s ? (unsigned char)(s->bind << 4 | (s->type & 15)) : 0;
    append(b, 4, name);
    if (built_word(b) == 8) {
        append(b, 1, info);
        append(b, 1, s ? s->visibility : 0);
        append(b, 2, s ? s->section : 0);
        append(b, 8, s ? s->value : 0);
        append(b, 8, s ? s->size : 0);
    } else {
        append(b, 4, s ? s->value : 0);
        append(b, 4, s ? s->size : 0);
        append(b, 1, info);
        append(b, 1, s ? s->visibility : 0);
        append(b, 2, s ? s->section : 0);
    }
}

static void write_gnu_hash(struct built *b, const struct build_symbol *const *ordered, size_t count)
{
    uint32_t first = 0, bits = built_word(b) * 8;
    uint64_t bloom = 0;
    while (first < count && ordered[first]->section == SHN_UNDEF)
        first++;
    for (size_t i = first; i < count; i++) {
        uint32_t h = gnu_hash(ordered[i]->name);
        bloom |= 1ull << h % bits | 1ull << (h >> 6) % bits;
    }
    b->gnu_hash = align(b);
    append(b, 4, buckets(b->from));
    append(b, 4, first + 1);
    append(b, 4, 1);
    append(b, 4, 6);
    append_word(b, bloom);
    for (uint32_t k = 0; k < buckets(b->from); k++) {
        size_t i = first;
        while (i < count && gnu_hash(ordered[i]->name) % buckets(b->from) != k)
            i++;
        append(b, 4, i < count ? i + 1 : 0);
    }
    for (size_t i = first; i < count; i++) {
        uint32_t h = gnu_hash(ordered[i]->name);
        bool last = i + 1 == count || gnu_hash(ordered[i + 1]->name) % buckets(b->from) != h % buckets(b->from);
        append(b, 4, (h & ~1u) | last);
    }
}

static void write_sysv_hash(struct built *b, const struct build_symbol *const *ordered, size_t count)
{
    bool wide = b->from->elf_class == ELFCLASS64
             && (b->from->machine == EM_S390 || b->from->machine == EM_ALPHA);
    unsigned size = wide ? 8 : 4;
    b->sysv_hash = align(b);
    append(b, size, buckets(b->from));
    append(b, size, count + 1);
    size_t bucket = b->size, chain = bucket + (size_t)size * buckets(b->from);
    b->size = chain + size * (count + 1);
    for (size_t i = count; i > 0; i--) {        /* the first one ends up in front */
        size_t head = bucket + size * (sysv_hash(ordered[i - 1]->name) % buckets(b->from));
        built_put(b, chain + size * i, size, built_get(b, head, size));
        built_put(b, head, size, i);
    }
}

/* ---- versions ------------------------------------------------------------ */

static void write_definition(struct built *b, const char *name, uint16_t index, uint16_t flags, bool last)
{
    append(b, 2, 1);
    append(b, 2, flags);
    append(b, 2, index);
    append(b, 2, 1);
    append(b, 4, sysv_hash(name));
    append(b, 4, 20);
    append(b, 4, last ? 0 : 28);
    append(b, 4, intern(b, name));
    append(b, 4, 0);
}

static uint32_t write_definitions(struct built *b)
{
    const struct build_version *v = b->from->versions;
    uint32_t count = 0, written = 0;
    for (size_t i = 0; i < BUILD_LIST_MAX && v[i].name; i++)
        count += !v[i].file;
    if (!count)
        return 0;
    b->verdef = align(b);
    write_definition(b, b->from->soname ? b->from->soname : "", 1, VER_FLG_BASE, false);
    for (size_t i = 0; i < BUILD_LIST_MAX && v[i].name; i++)
        if (!v[i].file)
            write_definition(b, v[i].name, v[i].index, 0, ++written == count);
    return count + 1;
}

/* Entries of one file follow each other in the list. */
static uint32_t write_needs(struct built *b)
{
    const struct build_version *v = b->from->versions;
    uint32_t files = 0;
    size_t last = 0;
    for (size_t i = 0; i < BUILD_LIST_MAX && v[i].name; ) {
        size_t n = 0;
        if (!v[i].file) {
            i++;
            continue;
        }
        while (i + n < BUILD_LIST_MAX && v[i + n].name && v[i + n].file && !strcmp(v[i].file, v[i + n].file))
            n++;
        if (!b->verneed)
            b->verneed = align(b);
        else
            built_put(b, last + 12, 4, b->size - last);
        last = b->size;
        append(b, 2, 1);
        append(b, 2, n);
        append(b, 4, intern(b, v[i].file));
        append(b, 4, 16);
        append(b, 4, 0);
        for (size_t k = 0; k < n; k++) {
            append(b, 4, sysv_hash(v[i + k].name));
            append(b, 2, 0);
            append(b, 2, v[i + k].index);
            append(b, 4, intern(b, v[i + k].name));
            append(b, 4, k + 1 < n ? 16 : 0);
        }
        i += n;
        files++;
    }
    return files;
}

/* ---- relocations --------------------------------------------------------- */

static size_t write_relocs(struct built *b, const struct build_reloc *r, size_t n, bool addend,
                           size_t slots, const struct build_symbol *const *ordered, size_t count)
{
    size_t start = align(b);
    for (size_t i = 0; i < n; i++) {
        uint64_t symbol = 0;
        for (size_t s = 0; s < count && r[i].symbol && !symbol; s++)
            if (!strcmp(ordered[s]->name, r[i].symbol))
                symbol = s + 1;
        append_word(b, b->from->base + slots + r[i].slot * built_word(b));
        append_word(b, built_word(b) == 8 ? symbol << 32 | r[i].type : symbol << 8 | r[i].type);
        if (addend)
            append_word(b, (uint64_t)r[i].addend);
    }
    return n ? start : 0;
}

/* ---- the whole ----------------------------------------------------------- */

static void dynamic(struct built *b, size_t *at, uint64_t tag, uint64_t value)
{
    unsigned word = built_word(b);
    built_put(b, *at, word, tag);
    built_put(b, *at + word, word, value);
    *at += 2 * word;
    b->dynamic_count++;
}

static void dynamic_at(struct built *b, size_t *at, uint64_t tag, size_t offset)
{
    if (offset)
        dynamic(b, at, tag, b->from->base + offset);
}

static void write_dynamic(struct built *b, size_t strings_size, uint32_t defs, uint32_t needs)
{
    const struct build *from = b->from;
    bool wide = built_word(b) == 8;
    size_t at = b->dynamic;
    for (size_t i = 0; i < BUILD_LIST_MAX && from->needed[i]; i++)
        dynamic(b, &at, DT_NEEDED, intern(b, from->needed[i]));
    if (from->soname)
        dynamic(b, &at, DT_SONAME, intern(b, from->soname));
    if (from->runpath)
        dynamic(b, &at, DT_RUNPATH, intern(b, from->runpath));
    dynamic_at(b, &at, DT_HASH, b->sysv_hash);
    dynamic_at(b, &at, DT_GNU_HASH, b->gnu_hash);
    dynamic_at(b, &at, DT_STRTAB, b->strings);
    dynamic_at(b, &at, DT_SYMTAB, b->symbols);
    dynamic(b, &at, DT_STRSZ, strings_size);
    dynamic(b, &at, DT_SYMENT, wide ? 24 : 16);
    dynamic_at(b, &at, DT_VERSYM, b->versym);
    dynamic_at(b, &at, DT_VERDEF, b->verdef);
    if (b->verdef)
        dynamic(b, &at, DT_VERDEFNUM, defs);
    dynamic_at(b, &at, DT_VERNEED, b->verneed);
    if (b->verneed)
        dynamic(b, &at, DT_VERNEEDNUM, needs);
    if (b->rela) {
        dynamic_at(b, &at, DT_RELA, b->rela);
        dynamic(b, &at, DT_RELASZ, from->rela_count * (wide ? 24 : 12));
        dynamic(b, &at, DT_RELAENT, wide ? 24 : 12);
    }
    if (b->rel) {
        dynamic_at(b, &at, DT_REL, b->rel);
        dynamic(b, &at, DT_RELSZ, from->rel_count * (wide ? 16 : 8));
        dynamic(b, &at, DT_RELENT, wide ? 16 : 8);
    }
    if (b->plt) {
        unsigned entry = (wide ? 8 : 4) * (from->plt_is_rel ? 2 : 3);
        dynamic_at(b, &at, DT_JMPREL, b->plt);
        dynamic(b, &at, DT_PLTRELSZ, from->plt_count * entry);
        if (!from->no_pltrel)
            dynamic(b, &at, DT_PLTREL, from->plt_is_rel ? DT_REL : DT_RELA);
    }
    if (b->relr) {
        dynamic(b, &at, 36, from->base + b->relr);
        dynamic(b, &at, 35, from->relr_count * built_word(b));
        dynamic(b, &at, 37, built_word(b));
    }
    dynamic(b, &at, DT_NULL, 0);
}

static void write_segment(struct built *b, size_t *at, uint32_t type, size_t offset, size_t size)
{
    unsigned word = built_word(b);
    built_put(b, *at, 4, type);
    *at += 4;
    if (word == 8) {
        built_put(b, *at, 4, PF_R | PF_W);
        *at += 4;
    }
    const uint64_t words[] = { offset, b->from->base + offset, b->from->base + offset, size, size };
    for (size_t i = 0; i < 5; i++, *at += word)
        built_put(b, *at, word, words[i]);
    if (word == 4) {
        built_put(b, *at, 4, PF_R | PF_W);
        *at += 4;
    }
    built_put(b, *at, word, 8);
    *at += word;
}

static void write_header(struct built *b, unsigned segments)
{
    const struct build *from = b->from;
    unsigned word = built_word(b);
    memcpy(b->bytes, ELFMAG, SELFMAG);
    b->bytes[EI_CLASS] = from->elf_class;
    b->bytes[EI_DATA] = from->big_endian ? ELFDATA2MSB : ELFDATA2LSB;
    b->bytes[EI_VERSION] = EV_CURRENT;
    built_put(b, 16, 2, ET_DYN);
    built_put(b, 18, 2, from->machine);
    built_put(b, 20, 4, EV_CURRENT);
    built_put(b, 24, word, from->entry);
    built_put(b, 24 + word, word, b->headers);
    size_t after = 24 + 3 * word + 4;           /* past e_flags */
    built_put(b, after, 2, word == 8 ? 64 : 52);
    built_put(b, after + 2, 2, word == 8 ? 56 : 32);
    built_put(b, after + 4, 2, segments);
}

static void write_note(struct built *b)
{
    if (!b->from->build_id)
        return;
    b->note = align(b);
    append(b, 4, 4);
    append(b, 4, b->from->build_id_size);
    append(b, 4, NT_GNU_BUILD_ID);
    memcpy(b->bytes + b->size, "GNU", 4);
    memcpy(b->bytes + b->size + 4, b->from->build_id, b->from->build_id_size);
    b->size += 4 + b->from->build_id_size;
}

enum { DYNAMIC_ROOM = 48, SEGMENTS = 3 };

void build_image(struct built *b, const struct build *from)
{
    const struct build_symbol *ordered[BUILD_LIST_MAX];
    memset(b, 0, sizeof *b);
    b->from = from;
    b->bytes = calloc(1, BUILT_SIZE);
    if (!b->bytes)
        fail("out of memory");
    unsigned word = built_word(b);
    b->headers = word == 8 ? 64 : 52;
    b->size = b->headers + SEGMENTS * (word == 8 ? 56 : 32);
    b->dynamic = align(b);
    b->size += DYNAMIC_ROOM * 2 * word;
    write_note(b);
    size_t note_size = b->note ? b->size - b->note : 0, strings_size = write_strings(b);
    size_t count = order_symbols(from, ordered);
    b->symbol_count = count + 1;
    b->symbols = align(b);
    for (size_t i = 0; i <= count; i++)
        write_symbol(b, i ? ordered[i - 1] : NULL);
    if (from->versions[0].name) {
        b->versym = align(b);
        for (size_t i = 0; i <= count; i++)
            append(b, 2, i ? ordered[i - 1]->version : 0);
    }
    uint32_t defs = write_definitions(b), needs = write_needs(b);
    if (from->gnu_hash)
        write_gnu_hash(b, ordered, count);
    if (from->sysv_hash)
        write_sysv_hash(b, ordered, count);
    b->slots = align(b);
    b->size += 2 * BUILD_LIST_MAX * word;
    b->rela = write_relocs(b, from->rela, from->rela_count, true, b->slots, ordered, count);
    b->rel = write_relocs(b, from->rel, from->rel_count, false, b->slots, ordered, count);
    b->plt = write_relocs(b, from->plt, from->plt_count, !from->plt_is_rel, b->slots, ordered, count);
    if (from->relr_count)
        b->relr = align(b);
    for (size_t i = 0; i < from->relr_count; i++)
        append_word(b, from->base + b->slots + i * word);
    write_dynamic(b, strings_size, defs, needs);
    if (b->dynamic_count > DYNAMIC_ROOM)
        fail("the dynamic section is full");
    size_t at = b->headers;
    write_segment(b, &at, PT_LOAD, 0, b->size);
    write_segment(b, &at, PT_DYNAMIC, b->dynamic, b->dynamic_count * 2 * word);
    if (b->note)
        write_segment(b, &at, PT_NOTE, b->note, note_size);
    write_header(b, b->note ? 3 : 2);
}

void built_free(struct built *b)
{
    free(b->bytes);
    b->bytes = NULL;
}

size_t built_dynamic(const struct built *b, uint64_t tag)
{
    unsigned word = built_word(b);
    for (size_t i = 0; i < b->dynamic_count; i++)
        if (built_get(b, b->dynamic + i * 2 * word, word) == tag)
            return b->dynamic + i * 2 * word + word;
    fail("no such dynamic entry");
    return 0;
}
