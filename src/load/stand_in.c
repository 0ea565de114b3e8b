/* SPDX-License-Identifier: MIT */
/* Makes shared objects without code (gABI ch. 5; GNU hash: glibc elf/dl-lookup.c,
 * do_lookup_x). Invariants: linear in its symbols; an object that is loaded only ever
 * grows, so that a look-up beside it sees a whole chain, the old one or the new.
 *
 *   adding to a bucket:   bucket ─▶ [a b|]                a chain is never changed:
 *                         bucket ─▶ [a b c|]  at the end   a longer copy takes its place */

#include "load/stand_in.h"

#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/feature.h"
#include "elf/symbol.h"

/* glibc and binutils name it nowhere public: the sign of foo@V. */
enum { VERSYM_HIDDEN = 0x8000 };

enum { HEADERS = 5, DYN_MAX = 18, BLOOM_SHIFT = 6, WORD_BITS = 8 * sizeof(ElfW(Addr)) };

struct hash_head { uint32_t buckets, offset, bloom_words, bloom_shift; };

static uint32_t align_up(uint64_t value, uint64_t to)
{
    return (uint32_t)((value + to - 1) & ~(to - 1));
}

static uint32_t power_above(size_t value)
{
    uint32_t power = 1;
    while (power < value)
        power *= 2;
    return power;
}

static size_t string_bytes(const struct stand_in *wish)
{
    size_t bytes = 1 + strlen(wish->soname) + 1;
    for (size_t i = 0; i < wish->needed_count; i++)
        bytes += strlen(wish->needed[i]) + 1;
    for (size_t i = 0; i < wish->version_count; i++)
        bytes += strlen(wish->versions[i]) + 1;
    for (size_t i = 0; i < wish->symbol_count; i++)
        bytes += strlen(wish->symbols[i].name) + 1;
    return bytes;
}

bool stand_in_measure(const struct stand_in *wish, struct stand_in_layout *l)
{
    size_t strings = string_bytes(wish);
    if (wish->symbol_count > 1 << 22 || wish->more > 1 << 22 || strings > 1 << 28 || wish->more_strings > 1 << 28 || wish->version_count > 4096)
        return false;
    *l = (struct stand_in_layout){ .room = (uint32_t)(1 + wish->symbol_count + wish->more) };
    l->buckets = power_above((wish->symbol_count + wish->more) / 2 + 1);
    l->bloom_words = power_above(l->room / (WORD_BITS / 8) + 1);
    l->strings_room = (uint32_t)(strings + wish->more_strings);
    l->dynamic = align_up(sizeof(ElfW(Ehdr)) + HEADERS * sizeof(ElfW(Phdr)), 16);
    l->init = (uint32_t)(l->dynamic + (DYN_MAX + wish->needed_count) * sizeof(ElfW(Dyn)));
    l->note = align_up(l->init + sizeof(void *), 4);
    l->verdef = align_up(l->note + sizeof(ElfW(Nhdr)) + 8, 8);
    l->hash = align_up(l->verdef + (wish->version_count + 1) * (sizeof(ElfW(Verdef)) + sizeof(ElfW(Verdaux))), 8);
    l->symtab = align_up(l->hash + sizeof(struct hash_head) + l->bloom_words * sizeof(ElfW(Addr))
                         + 4ull * (l->buckets + l->room), 8);
    l->versym = (uint32_t)(l->symtab + l->room * sizeof(ElfW(Sym)));
    l->strings = align_up(l->versym + 2ull * l->room, 8);
    l->size = align_up((uint64_t)l->strings + l->strings_room, getauxval(AT_PAGESZ));
    return true;
}

/* ---- strings and headers ------------------------------------------------------------ */

static uint32_t add_string(unsigned char *bytes, struct stand_in_layout *l, const char *text)
{
    uint32_t at = l->strings_used;
    size_t length = strlen(text) + 1;
    memcpy(bytes + l->strings + at, text, length);
    l->strings_used += (uint32_t)length;
    return at;
}

static void write_headers(unsigned char *bytes, const struct stand_in_layout *l, uint32_t dynamic_size)
{
    ElfW(Ehdr) *header = (ElfW(Ehdr) *)bytes;
    ElfW(Phdr) *segment = (ElfW(Phdr) *)(header + 1);
    memcpy(header->e_ident, ELFMAG, SELFMAG);
    header->e_ident[EI_CLASS] = FEATURE_CLASS;
    header->e_ident[EI_DATA] = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
    header->e_ident[EI_VERSION] = EV_CURRENT;
    header->e_type = ET_DYN;
    header->e_machine = FEATURE_MACHINE;
    header->e_version = EV_CURRENT;
    header->e_phoff = sizeof *header;
    header->e_ehsize = sizeof *header;
    header->e_phentsize = sizeof *segment;
    header->e_phnum = HEADERS;
    header->e_shentsize = sizeof(ElfW(Shdr));
    const struct { uint32_t type, flags, start, size, align; } rows[HEADERS] = {
        { PT_LOAD, PF_R | PF_W, 0, l->size, (uint32_t)getauxval(AT_PAGESZ) },
        { PT_DYNAMIC, PF_R | PF_W, l->dynamic, dynamic_size, sizeof(void *) },
        { PT_NOTE, PF_R, l->note, sizeof(ElfW(Nhdr)) + 8, 4 },
        { PT_GNU_RELRO, PF_R, 0, l->size, 1 },
        { PT_GNU_STACK, PF_R | PF_W, 0, 0, 16 },
    };
    for (size_t i = 0; i < HEADERS; i++)
        segment[i] = (ElfW(Phdr)){ .p_type = rows[i].type, .p_flags = rows[i].flags, .p_offset = rows[i].start,
                                   .p_vaddr = rows[i].start, .p_paddr = rows[i].start, .p_filesz = rows[i].size,
                                   .p_memsz = rows[i].size, .p_align = rows[i].align };
}

static void write_note(unsigned char *at)
{
    *(ElfW(Nhdr) *)at = (ElfW(Nhdr)){ .n_namesz = 6, .n_descsz = 0, .n_type = STAND_IN_NOTE };
    memcpy(at + sizeof(ElfW(Nhdr)), "graft", 6);
}

/* The base version is the object itself (gABI: vd_ndx 1, VER_FLG_BASE). */
static void write_versions(unsigned char *bytes, struct stand_in_layout *l, const struct stand_in *wish,
                           uint32_t soname)
{
    unsigned char *at = bytes + l->verdef;
    const uint32_t step = sizeof(ElfW(Verdef)) + sizeof(ElfW(Verdaux));
    for (size_t i = 0; i <= wish->version_count; i++, at += step) {
        const char *name = i ? wish->versions[i - 1] : wish->soname;
        *(ElfW(Verdef) *)at = (ElfW(Verdef)){
            .vd_version = VER_DEF_CURRENT, .vd_flags = i ? 0 : VER_FLG_BASE, .vd_ndx = (ElfW(Half))(i + 1), .vd_cnt = 1,
            .vd_hash = elf_hash_sysv(name), .vd_aux = sizeof(ElfW(Verdef)), .vd_next = i < wish->version_count ? step : 0 };
        *(ElfW(Verdaux) *)(at + sizeof(ElfW(Verdef))) = (ElfW(Verdaux)){
            .vda_name = i ? add_string(bytes, l, name) : soname };
    }
}

static uint32_t write_dynamic(unsigned char *bytes, struct stand_in_layout *l, const struct stand_in *wish,
                              uint32_t soname)
{
    ElfW(Dyn) *first = (ElfW(Dyn) *)(bytes + l->dynamic), *d = first;
    *d++ = (ElfW(Dyn)){ DT_SONAME, { soname } };
    for (size_t i = 0; i < wish->needed_count; i++)
        *d++ = (ElfW(Dyn)){ DT_NEEDED, { add_string(bytes, l, wish->needed[i]) } };
    *d++ = (ElfW(Dyn)){ DT_GNU_HASH, { l->hash } };
    *d++ = (ElfW(Dyn)){ DT_SYMTAB, { l->symtab } };
    *d++ = (ElfW(Dyn)){ DT_SYMENT, { sizeof(ElfW(Sym)) } };
    *d++ = (ElfW(Dyn)){ DT_STRTAB, { l->strings } };
    *d++ = (ElfW(Dyn)){ DT_STRSZ, { l->strings_room } };
    if (wish->version_count) {
        *d++ = (ElfW(Dyn)){ DT_VERSYM, { l->versym } };
        *d++ = (ElfW(Dyn)){ DT_VERDEF, { l->verdef } };
        *d++ = (ElfW(Dyn)){ DT_VERDEFNUM, { wish->version_count + 1 } };
    }
    if (wish->first) {
        *(uintptr_t *)(bytes + l->init) = (uintptr_t)wish->first;
        *d++ = (ElfW(Dyn)){ DT_INIT_ARRAY, { l->init } };
        *d++ = (ElfW(Dyn)){ DT_INIT_ARRAYSZ, { sizeof(void *) } };
    }
    *d++ = (ElfW(Dyn)){ DT_FLAGS, { DF_BIND_NOW } };
    *d++ = (ElfW(Dyn)){ DT_FLAGS_1, { DF_1_NOW | (wish->first ? DF_1_INITFIRST : 0) } };
    *d++ = (ElfW(Dyn)){ DT_NULL, { 0 } };
    return (uint32_t)((char *)d - (char *)first);
}

/* ---- symbols ------------------------------------------------------------------------ */

struct table {
    struct hash_head *head;
    ElfW(Addr) *bloom;
    uint32_t *bucket, *chain;       /* chain: one word a symbol, the null one left out */
    ElfW(Sym) *symbol;
    ElfW(Half) *version;
};

static struct table table_of(unsigned char *bytes, const struct stand_in_layout *l)
{
    struct table t = { .head = (struct hash_head *)(bytes + l->hash), .symbol = (ElfW(Sym) *)(bytes + l->symtab),
                       .version = (ElfW(Half) *)(bytes + l->versym) };
    t.bloom = (ElfW(Addr) *)(t.head + 1);
    t.bucket = (uint32_t *)(t.bloom + l->bloom_words);
    t.chain = t.bucket + l->buckets;
    return t;
}

static void let_through(const struct table *t, const struct stand_in_layout *l, uint32_t hash)
{
    ElfW(Addr) bits = (ElfW(Addr))1 << hash % WORD_BITS | (ElfW(Addr))1 << (hash >> BLOOM_SHIFT) % WORD_BITS;
    __atomic_fetch_or(&t->bloom[hash / WORD_BITS & (l->bloom_words - 1)], bits, __ATOMIC_RELAXED);
}

static int version_index(const struct stand_in *wish, const char *version, size_t *hint)
{
    for (size_t k = 0; version && k < wish->version_count; k++) {
        size_t i = (*hint + k) % wish->version_count;
        if (!strcmp(wish->versions[i], version))
            return (int)(*hint = i);
    }
    return -1;
}

static void fill(unsigned char *bytes, struct stand_in_layout *l, const struct table *t, uint32_t at,
                 const struct stand_in_symbol *s, int version)
{
    t->symbol[at] = (ElfW(Sym)){ .st_name = add_string(bytes, l, s->name), .st_info = (unsigned char)(STB_GLOBAL << 4 | (s->type & 15)),
                                 .st_shndx = SHN_ABS, .st_value = (ElfW(Addr))s->address,
                                 .st_size = (ElfW(Word))s->size };
    t->version[at] = (ElfW(Half))(version < 0 ? VER_NDX_GLOBAL : (version + 2) | (s->hidden ? VERSYM_HIDDEN : 0));
}

/* Two passes, as a counting sort by bucket: how many each has, then their places. */
static void write_symbols(unsigned char *bytes, struct stand_in_layout *l, const struct stand_in *wish)
{
    struct table t = table_of(bytes, l);
    size_t hint = 0;
    *t.head = (struct hash_head){ l->buckets, 1, l->bloom_words, BLOOM_SHIFT };
    for (size_t i = 0; i < wish->symbol_count; i++) {
        uint32_t hash = elf_hash_gnu(wish->symbols[i].name);
        t.bucket[hash & (l->buckets - 1)]++;
        let_through(&t, l, hash);
    }
    uint32_t next = 1;
    for (uint32_t b = 0; b < l->buckets; b++) {
        uint32_t count = t.bucket[b];
        if (!count)
            continue;               /* pages that nobody writes cost nothing */
        t.bucket[b] = next + count; /* one past its last, for now */
        next += count;
        t.chain[next - 2] = 1;
    }
    for (size_t i = 0; i < wish->symbol_count; i++) {
        const struct stand_in_symbol *s = &wish->symbols[i];
        uint32_t hash = elf_hash_gnu(s->name), at = --t.bucket[hash & (l->buckets - 1)];
        fill(bytes, l, &t, at, s, version_index(wish, s->version, &hint));
        t.chain[at - 1] = (hash & ~1u) | (t.chain[at - 1] & 1);
    }
    l->used = next;
}

void stand_in_write(unsigned char *bytes, const struct stand_in *wish, struct stand_in_layout *l)
{
    l->strings_used = 1;
    uint32_t soname = add_string(bytes, l, wish->soname);
    uint32_t dynamic = write_dynamic(bytes, l, wish, soname);
    write_headers(bytes, l, dynamic);
    write_note(bytes + l->note);
    if (wish->version_count)
        write_versions(bytes, l, wish, soname);
    write_symbols(bytes, l, wish);
}

bool stand_in_add(unsigned char *bytes, struct stand_in_layout *l, const struct stand_in_symbol *s, int version)
{
    struct table t = table_of(bytes, l);
    uint32_t hash = elf_hash_gnu(s->name), *bucket = &t.bucket[hash & (l->buckets - 1)];
    uint32_t count = 0, start = l->used;
    for (uint32_t i = *bucket; i && (count++, !(t.chain[i - 1] & 1)); i++)
        ;
    if (l->room - l->used < count + 1 || l->strings_room - l->strings_used < strlen(s->name) + 1)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        t.symbol[start + i] = t.symbol[*bucket + i];
        t.version[start + i] = t.version[*bucket + i];
        t.chain[start + i - 1] = t.chain[*bucket + i - 1] & ~1u;
    }
    fill(bytes, l, &t, start + count, s, version);
    t.chain[start + count - 1] = hash | 1;
    l->used += count + 1;
    let_through(&t, l, hash);
    __atomic_store_n(bucket, start, __ATOMIC_RELEASE);
    return true;
}

bool stand_in_has(unsigned char *bytes, const struct stand_in_layout *l, const char *name, int version)
{
    struct table t = table_of(bytes, l);
    uint32_t hash = elf_hash_gnu(name);
    ElfW(Half) wanted = (ElfW(Half))(version < 0 ? VER_NDX_GLOBAL : version + 2);
    for (uint32_t i = t.bucket[hash & (l->buckets - 1)]; i; i++) {
        if (((t.chain[i - 1] ^ hash) >> 1) == 0 && (t.version[i] & ~VERSYM_HIDDEN) == wanted
            && !strcmp((const char *)bytes + l->strings + t.symbol[i].st_name, name))
            return true;
        if (t.chain[i - 1] & 1)
            break;
    }
    return false;
}
