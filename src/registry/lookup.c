/* SPDX-License-Identifier: MIT */
/* Looks a name up in one module. Invariant: an image is asked through its own hash
 * table, in which the same symbols are found as by ld.so (glibc elf/dl-lookup.c, check_match,
 * with the flags of dlsym); nothing is copied out of it. */

#include <stdlib.h>
#include <string.h>

#include "registry/names.h"
#include "registry/state.h"

static void *at(const struct module *m, uint64_t vaddr)
{
    return (void *)(m->map.l_addr + vaddr);
}

/* graft lift makes addresses of a writable dynamic section's pointers, as ld.so does. */
static void *pointer(const struct module *m, uint64_t value)
{
    return module_holds(m, (const void *)value) ? (void *)value : at(m, value);
}

void module_decode(struct module *m)
{
    if (m->decoded || !m->map.l_ld)
        return;
    for (const Elf64_Dyn *d = m->map.l_ld; d->d_tag != DT_NULL; d++)
        switch (d->d_tag) {
        case DT_SYMTAB:   m->symbols = pointer(m, d->d_un.d_ptr); break;
        case DT_STRTAB:   m->strings = pointer(m, d->d_un.d_ptr); break;
        case DT_GNU_HASH: m->gnu = pointer(m, d->d_un.d_ptr); break;
        case DT_HASH:     m->sysv = pointer(m, d->d_un.d_ptr); break;
        case DT_VERSYM:   m->versym = pointer(m, d->d_un.d_ptr); break;
        case DT_VERDEF:   m->verdef = at(m, d->d_un.d_ptr); break;
        case DT_FLAGS_1:  m->nodelete |= (d->d_un.d_val & DF_1_NODELETE) != 0; break;
        case DT_SYMBOLIC: m->symbolic = true; break;
        case DT_FLAGS:    m->symbolic |= (d->d_un.d_val & DF_SYMBOLIC) != 0; break;
        default:          break;
        }
    m->decoded = true;
}

const char *module_base(const struct module *m)
{
    return m->record && m->record->base ? graft_offset_at(&m->record->base) : NULL;
}

bool module_holds(const struct module *m, const void *address)
{
    const char *base = module_base(m);
    return base && (uintptr_t)address - (uintptr_t)base < m->record->high - m->record->low;
}

void *module_resolve(void *resolver)
{
    return ((void *(*)(void))resolver)();
}

static const char *version_name(const struct module *m, unsigned index)
{
    const Elf64_Verdef *d = m->verdef;
    while (d) {
        if (d->vd_ndx == index)
            return m->strings + ((const Elf64_Verdaux *)((const char *)d + d->vd_aux))->vda_name;
        d = d->vd_next ? (const Elf64_Verdef *)((const char *)d + d->vd_next) : NULL;
    }
    return "";
}

/* @fallback keeps the only default version of an unversioned question. */
static const Elf64_Sym *match(const struct module *m, uint32_t i, const char *name, const char *version,
                              const Elf64_Sym **fallback)
{
    const Elf64_Sym *s = &m->symbols[i];
    unsigned type = ELF64_ST_TYPE(s->st_info), bind = ELF64_ST_BIND(s->st_info);
    if (s->st_shndx == SHN_UNDEF || (!s->st_value && s->st_shndx != SHN_ABS && type != STT_TLS)
        || (type > STT_FUNC && type != STT_COMMON && type != STT_TLS && type != STT_GNU_IFUNC)
        || (bind != STB_GLOBAL && bind != STB_WEAK && bind != STB_GNU_UNIQUE) || strcmp(m->strings + s->st_name, name))
        return NULL;
    if (!m->versym)
        return s;
    unsigned index = m->versym[i];
    if (version)
        return (index & 0x7fff) > 1 && !strcmp(version_name(m, index & 0x7fff), version) ? s : NULL;
    if ((index & 0x7fff) < 2)
        return s;
    if (!(index & 0x8000) && !*fallback)
        *fallback = s;
    return NULL;
}

static const Elf64_Sym *look_gnu(const struct module *m, const char *name, const char *version)
{
    const Elf64_Sym *fallback = NULL, *s;
    uint32_t h = name_hash(name);
    const uint32_t *g = m->gnu, count = g[0], first = g[1], words = g[2], shift = g[3];
    const uint64_t *bloom = (const uint64_t *)(g + 4), word = bloom[h / 64 & (words - 1)];
    const uint32_t *bucket = (const uint32_t *)(bloom + words), *chain = bucket + count;
    if (!(word >> h % 64 & word >> (h >> shift) % 64 & 1))
        return NULL;
    uint32_t i = bucket[h % count];
    if (!i)
        return NULL;
    for (;; i++) {
        if ((chain[i - first] ^ h) >> 1 == 0 && (s = match(m, i, name, version, &fallback)))
            return s;
        if (chain[i - first] & 1)
            return fallback;
    }
}

static const Elf64_Sym *look_sysv(const struct module *m, const char *name, const char *version)
{
    const Elf64_Sym *fallback = NULL, *s;
    uint32_t h = 0, count = m->sysv[0];
    for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
        h = (h << 4) + *c;
        h = (h ^ (h >> 24 & 0xf0)) & 0x0fffffff;
    }
    for (uint32_t i = m->sysv[2 + h % count]; i; i = m->sysv[2 + count + i])
        if ((s = match(m, i, name, version, &fallback)))
            return s;
    return fallback;
}

static char *thread_pointer(void)
{
    return __builtin_thread_pointer();
}

static bool look_image(struct module *m, const char *name, const char *version, struct found *found)
{
    module_decode(m);
    const Elf64_Sym *s = !m->symbols ? NULL : m->gnu ? look_gnu(m, name, version) : m->sysv ? look_sysv(m, name, version) : NULL;
    if (!s)
        return false;
    void *address = at(m, s->st_value);
    if (s->st_shndx == SHN_ABS)
        address = (void *)s->st_value;
    else if (ELF64_ST_TYPE(s->st_info) == STT_TLS)
        address = thread_pointer() + m->record->tls_offset + s->st_value;
    else if (ELF64_ST_TYPE(s->st_info) == STT_GNU_IFUNC)
        address = module_resolve(address);
    *found = (struct found){ m, address, s };
    return true;
}

static bool look_packed(struct module *m, const char *name, struct found *found)
{
    const struct graft_record_symbol *all = graft_offset_at(&m->record->symbols);
    size_t low = 0, high = m->record->symbol_count;
    while (low < high) {
        const struct graft_record_symbol *s = &all[(low + high) / 2];
        int order = strcmp(name, graft_offset_at(&s->name));
        if (!order) {
            void *address = s->type == STT_TLS ? thread_pointer() + s->value : (void *)graft_offset_at(&s->value);
            *found = (struct found){ m, s->type == STT_GNU_IFUNC ? module_resolve(address) : address, NULL };
            return true;
        }
        if (order < 0)
            high = (low + high) / 2;
        else
            low = (low + high) / 2 + 1;
    }
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct graft_registry_symbol *const *)a)->name, (*(const struct graft_registry_symbol *const *)b)->name);
}

static bool look_hand(struct module *m, const char *name, struct found *found)
{
    size_t count = m->hand->symbol_count;
    struct graft_registry_symbol key = { .name = name }, *wanted = &key;
    if (!m->sorted && count) {
        const struct graft_registry_symbol **sorted = registry_alloc(count * sizeof *sorted);
        if (!sorted)
            return false;
        for (size_t i = 0; i < count; i++)
            sorted[i] = &m->hand->symbols[i];
        qsort(sorted, count, sizeof *sorted, by_name);
        m->sorted = sorted;
    }
    const struct graft_registry_symbol **s = count ? bsearch(&wanted, m->sorted, count, sizeof *m->sorted, by_name) : NULL;
    if (!s)
        return false;
    *found = (struct found){ m, (*s)->address, NULL };
    return true;
}

bool module_lookup(struct module *m, const char *name, const char *version, struct found *found)
{
    if (m->hand)
        return look_hand(m, name, found);
    if (m->record)
        return m->record->flags & GRAFT_RECORD_IMAGE ? look_image(m, name, version, found) : look_packed(m, name, found);
    *found = (struct found){ m, NULL, NULL };
    return main_lookup(name, false, &found->address);
}
