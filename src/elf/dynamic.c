/* SPDX-License-Identifier: MIT */
/* The dynamic section: where an image's tables are. Invariant: a table is stored
 * only after all of it was found to lie inside one span; what contradicts is an
 * error that names the tag. */

#include <elf.h>
#include <inttypes.h>

#include "base/error.h"
#include "elf/image.h"
#include "elf/version.h"

#define BAD(error, ...) error_set(error, GRAFT_EFORMAT, __VA_ARGS__)

/* Which value of the dynamic section goes where. */
struct dynamic {
    uint64_t strtab, strsz, symtab, syment, hash, gnu_hash, versym;
    uint64_t rela, relasz, relaent, rel, relsz, relent, jmprel, pltrelsz, pltrel;
    uint64_t relr, relrsz;
    uint64_t soname, runpath, rpath;
    bool has_soname, has_runpath, has_rpath, has_pltrel;
};

/* glibc rewrites some addresses in a loaded dynamic section (elf/get-dynamic-info.h),
 * musl, the vdso and a file keep link addresses: whichever lies inside the image is
 * meant. Where both do, as the image is large and lies low, what dynamic_moved says. */
static uint64_t link_address(const struct elf_image *image, uint64_t value, bool moved)
{
    uint64_t back = value - image->bias;
    if (image->elf_class == ELFCLASS32)
        back &= UINT32_MAX;
    if (moved && back - image->low < image->high - image->low)
        return back;
    return value - image->low < image->high - image->low ? value : back;
}

static void dynamic_take(struct elf_image *image, struct dynamic *d, uint64_t tag, uint64_t value, bool moved)
{
    switch (tag) {
    case DT_STRTAB:     d->strtab = link_address(image, value, moved); break;
    case DT_STRSZ:      d->strsz = value; break;
    case DT_SYMTAB:     d->symtab = link_address(image, value, moved); break;
    case DT_SYMENT:     d->syment = value; break;
    case DT_HASH:       d->hash = link_address(image, value, moved); break;
    case DT_GNU_HASH:   d->gnu_hash = link_address(image, value, moved); break;
    case DT_VERSYM:     d->versym = link_address(image, value, moved); break;
    case DT_VERDEF:     image->verdef = link_address(image, value, false); break;
    case DT_VERDEFNUM:  image->verdef_count = (uint32_t)value; break;
    case DT_VERNEED:    image->verneed = link_address(image, value, false); break;
    case DT_VERNEEDNUM: image->verneed_count = (uint32_t)value; break;
    case DT_RELA:       d->rela = link_address(image, value, moved); break;
    case DT_RELASZ:     d->relasz = value; break;
    case DT_RELAENT:    d->relaent = value; break;
    case DT_REL:        d->rel = link_address(image, value, moved); break;
    case DT_RELSZ:      d->relsz = value; break;
    case DT_RELENT:     d->relent = value; break;
    case DT_JMPREL:     d->jmprel = link_address(image, value, moved); break;
    case DT_PLTRELSZ:   d->pltrelsz = value; break;
    case DT_PLTREL:     d->pltrel = value; d->has_pltrel = true; break;
    case 36 /* DT_RELR */:   d->relr = link_address(image, value, moved); break;
    case 35 /* DT_RELRSZ */: d->relrsz = value; break;
    case DT_SONAME:     d->soname = value; d->has_soname = true; break;
    case DT_RUNPATH:    d->runpath = value; d->has_runpath = true; break;
    case DT_RPATH:      d->rpath = value; d->has_rpath = true; break;
    case DT_FLAGS:      image->flags = value; break;
    case DT_FLAGS_1:    image->flags_1 = value; break;
    case DT_BIND_NOW:   image->flags |= DF_BIND_NOW; break;
    case DT_DEBUG:      image->debug = value; break;
    case DT_SYMBOLIC:   image->symbolic = true; break;
    case DT_TEXTREL:    image->textrel = true; break;
    default: break;
    }
}

static void dynamic_entry(const struct elf_image *image, size_t i, uint64_t *tag, uint64_t *value)
{
    unsigned word = elf_word_size(image);
    const unsigned char *p = image->dyn.bytes + i * 2 * word;
    *tag = elf_get_word(image, p);
    *value = elf_get_word(image, p + word);
}

/* Whether addresses were rewritten: then all of those that glibc rewrites lie behind the
 * load address, which the first tables of an image, near its start, otherwise do not. */
static bool dynamic_moved(const struct elf_image *image)
{
    bool any = false;
    for (size_t i = 0; image->bias && i < image->dyn.count; i++) {
        uint64_t tag, value;
        dynamic_entry(image, i, &tag, &value);
        if (tag != DT_STRTAB && tag != DT_SYMTAB && tag != DT_HASH && tag != DT_GNU_HASH)
            continue;
        if (value < image->bias + image->low)
            return false;
        any = true;
    }
    return any;
}

static int dynamic_bound(struct elf_image *image, struct graft_error *error)
{
    unsigned entry = 2 * elf_word_size(image);
    const unsigned char *p = elf_image_at(image, image->dynamic.vaddr, image->dynamic.filesz);
    if (!p)
        return BAD(error, "PT_DYNAMIC: 0x%" PRIx64 "+0x%" PRIx64 " lies outside the image",
                   image->dynamic.vaddr, image->dynamic.filesz);
    image->dyn = (struct elf_table){ .bytes = p, .entry_size = entry,
                                     .count = image->dynamic.filesz / entry };
    for (size_t i = 0; i < image->dyn.count; i++) {
        uint64_t tag, value;
        dynamic_entry(image, i, &tag, &value);
        if (tag == DT_NULL) {
            image->dyn.count = i;
            return 0;
        }
    }
    return BAD(error, "PT_DYNAMIC: no DT_NULL ends the dynamic section");
}

static int strings_open(struct elf_image *image, const struct dynamic *d, struct graft_error *error)
{
    if (!d->strtab && !d->strsz)
        return 0;
    image->strings = (const char *)elf_image_at(image, d->strtab, d->strsz);
    if (!image->strings || d->strsz == 0)
        return BAD(error, "DT_STRTAB/DT_STRSZ: 0x%" PRIx64 "+0x%" PRIx64 " lies outside the image",
                   d->strtab, d->strsz);
    if (image->strings[d->strsz - 1])
        return BAD(error, "DT_STRSZ: the string table is not ended by a zero byte");
    image->strings_size = d->strsz;
    return 0;
}

static int string_take(struct elf_image *image, bool has, uint64_t offset, const char *field,
                       const char **to, struct graft_error *error)
{
    if (!has)
        return 0;
    *to = elf_image_string(image, offset);
    return *to ? 0 : BAD(error, "%s: offset 0x%" PRIx64 " lies outside the string table",
                         field, offset);
}

static int symbols_open(struct elf_image *image, const struct dynamic *d, struct graft_error *error)
{
    if (!d->symtab)
        return 0;
    unsigned entry = image->elf_class == ELFCLASS64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
    if (d->syment && d->syment != entry)
        return BAD(error, "DT_SYMENT: %" PRIu64 ", expected %u", d->syment, entry);
    uint64_t room = elf_image_room(image, d->symtab);
    if (room < entry)
        return BAD(error, "DT_SYMTAB: 0x%" PRIx64 " lies outside the image", d->symtab);
    image->symbols = (struct elf_table){ .bytes = elf_image_at(image, d->symtab, room),
                                         .count = room / entry, .entry_size = entry };
    image->symbols_vaddr = d->symtab;
    if (d->versym) {
        room = elf_image_room(image, d->versym);
        if (room < 2)
            return BAD(error, "DT_VERSYM: 0x%" PRIx64 " lies outside the image", d->versym);
        image->versym = (struct elf_table){ .bytes = elf_image_at(image, d->versym, room),
                                            .count = room / 2, .entry_size = 2 };
    }
    return 0;
}

static int relocs_open(struct elf_image *image, unsigned which, uint64_t vaddr, uint64_t size,
                       uint64_t entry, bool has_addend, const char *field,
                       struct graft_error *error)
{
    bool wide = image->elf_class == ELFCLASS64;
    unsigned expected = wide ? (has_addend ? sizeof(Elf64_Rela) : sizeof(Elf64_Rel))
                             : (has_addend ? sizeof(Elf32_Rela) : sizeof(Elf32_Rel));
    if (size == 0)
        return 0;
    if (entry && entry != expected)
        return BAD(error, "%s: entries of %" PRIu64 " bytes, expected %u", field, entry, expected);
    if (size % expected)
        return BAD(error, "%s: size 0x%" PRIx64 " is not a multiple of %u", field, size, expected);
    const unsigned char *p = elf_image_at(image, vaddr, size);
    if (!p)
        return BAD(error, "%s: 0x%" PRIx64 "+0x%" PRIx64 " lies outside the image",
                   field, vaddr, size);
    image->relocs[which] = (struct elf_table){ .bytes = p, .count = size / expected,
                                               .entry_size = expected, .has_addend = has_addend };
    return 0;
}

/* RELA and REL are found by their own tags: a library without a PLT has no
 * DT_PLTREL at all. Some linkers let DT_RELASZ include the PLT's part, which
 * then is not read twice (glibc elf/dynamic-link.h does the same). */
static int all_relocs_open(struct elf_image *image, struct dynamic *d, struct graft_error *error)
{
    bool plt_rela = !d->has_pltrel ? d->rela != 0 : d->pltrel == DT_RELA;
    if (d->has_pltrel && d->pltrel != DT_RELA && d->pltrel != DT_REL)
        return BAD(error, "DT_PLTREL: %" PRIu64 " is neither DT_RELA nor DT_REL", d->pltrel);
    uint64_t *size = plt_rela ? &d->relasz : &d->relsz;
    uint64_t start = plt_rela ? d->rela : d->rel;
    if (d->pltrelsz && *size >= d->pltrelsz && start + (*size - d->pltrelsz) == d->jmprel)
        *size -= d->pltrelsz;
    int result = relocs_open(image, 0, d->rela, d->relasz, d->relaent, true, "DT_RELA", error);
    if (!result)
        result = relocs_open(image, 1, d->rel, d->relsz, d->relent, false, "DT_REL", error);
    if (!result)
        result = relocs_open(image, 2, d->jmprel, d->pltrelsz, 0, plt_rela, "DT_JMPREL", error);
    image->relr_size = d->relr ? d->relrsz : 0;
    return result;
}

static int gnu_hash_open(struct elf_image *image, uint64_t vaddr, struct graft_error *error)
{
    const unsigned char *p = vaddr ? elf_image_at(image, vaddr, 16) : NULL;
    if (!vaddr)
        return 0;
    if (!p)
        return BAD(error, "DT_GNU_HASH: 0x%" PRIx64 " lies outside the image", vaddr);
    uint32_t buckets = elf_get32(image, p), bloom = elf_get32(image, p + 8);
    uint64_t bloom_size = (uint64_t)bloom * elf_word_size(image);
    uint64_t fixed = 16 + bloom_size + (uint64_t)buckets * 4, room = elf_image_room(image, vaddr);
    if (!buckets || !bloom || (bloom & (bloom - 1)))
        return BAD(error, "DT_GNU_HASH: %u buckets and %u bloom words are impossible",
                   buckets, bloom);
    if (room < fixed)
        return BAD(error, "DT_GNU_HASH: the table ends outside the image");
    image->gnu.buckets = buckets;
    image->gnu.offset = elf_get32(image, p + 4);
    image->gnu.bloom_mask = bloom - 1;
    image->gnu.bloom_shift = elf_get32(image, p + 12) & 31;
    image->gnu.bloom = p + 16;
    image->gnu.bucket = p + 16 + bloom_size;
    image->gnu.chain = p + fixed;
    image->gnu.chain_room = (room - fixed) / 4;
    return 0;
}

static int sysv_hash_open(struct elf_image *image, uint64_t vaddr, struct graft_error *error)
{
    unsigned entry = elf_hash_entry_size(image->machine, image->elf_class);
    const unsigned char *p = vaddr ? elf_image_at(image, vaddr, 2 * entry) : NULL;
    if (!vaddr)
        return 0;
    if (!p)
        return BAD(error, "DT_HASH: 0x%" PRIx64 " lies outside the image", vaddr);
    uint64_t buckets = entry == 8 ? elf_get64(image, p) : elf_get32(image, p);
    uint64_t chains = entry == 8 ? elf_get64(image, p + 8) : elf_get32(image, p + 4);
    if (buckets > UINT32_MAX || chains > UINT32_MAX
        || !elf_image_at(image, vaddr, (2 + buckets + chains) * entry))
        return BAD(error, "DT_HASH: %" PRIu64 " buckets and %" PRIu64 " chains end outside the image",
                   buckets, chains);
    image->sysv.buckets = (uint32_t)buckets;
    image->sysv.chains = (uint32_t)chains;
    image->sysv.entry_size = entry;
    image->sysv.bucket = p + 2 * entry;
    image->sysv.chain = image->sysv.bucket + buckets * entry;
    return 0;
}

static void dynamic_read(struct elf_image *image, struct dynamic *d)
{
    const bool moved = dynamic_moved(image);
    memset(d, 0, sizeof *d);
    for (size_t i = 0; i < image->dyn.count; i++) {
        uint64_t tag, value;
        dynamic_entry(image, i, &tag, &value);
        dynamic_take(image, d, tag, value, moved);
    }
}

int elf_image_decode(struct elf_image *image, struct graft_error *error)
{
    struct dynamic d;
    int result;
    elf_image_scan_notes(image);
    if (image->dynamic.type != PT_DYNAMIC || image->dynamic.filesz == 0)
        return 0;
    if ((result = dynamic_bound(image, error)))
        return result;
    dynamic_read(image, &d);
    if ((result = strings_open(image, &d, error))
        || (result = string_take(image, d.has_soname, d.soname, "DT_SONAME", &image->soname, error))
        || (result = string_take(image, d.has_runpath, d.runpath, "DT_RUNPATH", &image->runpath, error))
        || (result = string_take(image, d.has_rpath, d.rpath, "DT_RPATH", &image->rpath, error))
        || (result = symbols_open(image, &d, error))
        || (result = elf_versions_check(image, error))
        || (result = all_relocs_open(image, &d, error))
        || (result = gnu_hash_open(image, d.gnu_hash, error))
        || (result = sysv_hash_open(image, d.hash, error)))
        return result;
    return 0;
}

/* Bit i of the result: segment i holds a table, or slots. */
uint32_t elf_image_needs(const struct elf_image *image)
{
    struct elf_image scratch = *image;
    struct dynamic d;
    if (dynamic_bound(&scratch, NULL))
        return 0;
    dynamic_read(&scratch, &d);
    const uint64_t tables[] = { d.strtab, d.symtab, d.hash, d.gnu_hash, d.versym, d.rela, d.rel,
                                d.jmprel, scratch.verdef, scratch.verneed };
    uint32_t needed = 0;
    for (unsigned s = 0; s < image->segment_count; s++) {
        if (image->segment[s].flags & PF_W)
            needed |= 1u << s;
        for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
            if (tables[t] && tables[t] - image->segment[s].vaddr < image->segment[s].memsz)
                needed |= 1u << s;
        for (unsigned n = 0; n < image->note_count; n++)
            if (image->note[n].vaddr - image->segment[s].vaddr < image->segment[s].memsz)
                needed |= 1u << s;
    }
    return needed;
}

const char *elf_image_needed(const struct elf_image *image, size_t i)
{
    for (size_t k = 0; k < image->dyn.count; k++) {
        uint64_t tag, value;
        dynamic_entry(image, k, &tag, &value);
        if (tag == DT_NEEDED && i-- == 0) {
            const char *name = elf_image_string(image, value);
            return name ? name : "";
        }
    }
    return NULL;
}
