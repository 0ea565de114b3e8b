/* SPDX-License-Identifier: MIT */
/* Version chains (gABI's GNU extensions: .gnu.version_d, .gnu.version_r).
 * Invariant: each step leads forward by at least an entry's size, and all steps
 * together are at most ELF_VERSIONS_MAX, so that a name costs bounded time
 * whatever the image says. The layout is the same in both classes. */

#include "elf/version.h"

#include <elf.h>
#include <inttypes.h>

#include "base/error.h"

#define BAD(error, ...) error_set(error, GRAFT_EFORMAT, __VA_ARGS__)
#define DEF16(p, field) elf_get16(image, (p) + offsetof(Elf64_Verdef, field))
#define DEF32(p, field) elf_get32(image, (p) + offsetof(Elf64_Verdef, field))
#define NEED16(p, field) elf_get16(image, (p) + offsetof(Elf64_Verneed, field))
#define NEED32(p, field) elf_get32(image, (p) + offsetof(Elf64_Verneed, field))
#define AUX16(p, field) elf_get16(image, (p) + offsetof(Elf64_Vernaux, field))
#define AUX32(p, field) elf_get32(image, (p) + offsetof(Elf64_Vernaux, field))

enum { INDEX_MASK = 0x7fff };       /* the bit above says "hidden" */

/* ---- the check ---------------------------------------------------------- */

static int definitions_check(struct elf_image *image, struct graft_error *error)
{
    uint64_t at = image->verdef;
    uint32_t count = 0, next;
    if (!at || !image->verdef_count)
        return 0;
    do {
        const unsigned char *p = elf_image_at(image, at, sizeof(Elf64_Verdef));
        if (!p)
            return BAD(error, "DT_VERDEF: entry %u at 0x%" PRIx64 " lies outside the image", count, at);
        const unsigned char *a = elf_image_at(image, at + DEF32(p, vd_aux), sizeof(Elf64_Verdaux));
        if (!a)
            return BAD(error, "DT_VERDEF: vd_aux of entry %u leads outside the image", count);
        if (!elf_image_string(image, elf_get32(image, a)))
            return BAD(error, "DT_VERDEF: vda_name of entry %u lies outside the string table", count);
        next = DEF32(p, vd_next);
        if (next && next < sizeof(Elf64_Verdef))
            return BAD(error, "DT_VERDEF: vd_next of entry %u is %u, less than an entry", count, next);
        if (++count > ELF_VERSIONS_MAX)
            return BAD(error, "DT_VERDEF: more than %d entries", ELF_VERSIONS_MAX);
        at += next;
    } while (next && count < image->verdef_count);
    image->verdef_count = count;
    return 0;
}

/* One file's references; @total counts those of all files. */
static int aux_check(const struct elf_image *image, uint64_t at, unsigned count, uint32_t *total,
                     struct graft_error *error)
{
    uint32_t next = 1;
    for (unsigned i = 0; i < count && next; i++) {
        const unsigned char *a = elf_image_at(image, at, sizeof(Elf64_Vernaux));
        if (!a)
            return BAD(error, "DT_VERNEED: vn_aux/vna_next leads to 0x%" PRIx64 " outside the image", at);
        if (!elf_image_string(image, AUX32(a, vna_name)))
            return BAD(error, "DT_VERNEED: vna_name 0x%x lies outside the string table",
                       AUX32(a, vna_name));
        next = AUX32(a, vna_next);
        if (next && next < sizeof(Elf64_Vernaux))
            return BAD(error, "DT_VERNEED: vna_next %u is less than an entry", next);
        if (++*total > ELF_VERSIONS_MAX)
            return BAD(error, "DT_VERNEED: more than %d versions", ELF_VERSIONS_MAX);
        at += next;
    }
    return 0;
}

static int needs_check(struct elf_image *image, struct graft_error *error)
{
    uint64_t at = image->verneed;
    uint32_t count = 0, total = 0, next;
    if (!at || !image->verneed_count)
        return 0;
    do {
        const unsigned char *p = elf_image_at(image, at, sizeof(Elf64_Verneed));
        if (!p)
            return BAD(error, "DT_VERNEED: entry %u at 0x%" PRIx64 " lies outside the image", count, at);
        int result = aux_check(image, at + NEED32(p, vn_aux), NEED16(p, vn_cnt), &total, error);
        if (result)
            return result;
        next = NEED32(p, vn_next);
        if (next && next < sizeof(Elf64_Verneed))
            return BAD(error, "DT_VERNEED: vn_next of entry %u is %u, less than an entry", count, next);
        if (++count > ELF_VERSIONS_MAX)
            return BAD(error, "DT_VERNEED: more than %d entries", ELF_VERSIONS_MAX);
        at += next;
    } while (next && count < image->verneed_count);
    image->verneed_count = count;
    return 0;
}

int elf_versions_check(struct elf_image *image, struct graft_error *error)
{
    int result = definitions_check(image, error);
    return result ? result : needs_check(image, error);
}

/* ---- names -------------------------------------------------------------- */

/* The bytes were checked; those of a live process may have changed since, so
 * that reads stay bounded, and so do the counts. */
const char *elf_verdef_name(const struct elf_image *image, uint16_t index)
{
    uint64_t at = image->verdef;
    for (uint32_t i = 0; at && i < image->verdef_count; i++) {
        const unsigned char *p = elf_image_at(image, at, sizeof(Elf64_Verdef));
        if (!p)
            return NULL;
        if ((DEF16(p, vd_ndx) & INDEX_MASK) == index) {
            const unsigned char *a = elf_image_at(image, at + DEF32(p, vd_aux), sizeof(Elf64_Verdaux));
            return a ? elf_image_string(image, elf_get32(image, a)) : NULL;
        }
        at += DEF32(p, vd_next);
    }
    return NULL;
}

const char *elf_verneed_name(const struct elf_image *image, uint16_t index)
{
    uint64_t at = image->verneed;
    for (uint32_t i = 0; at && i < image->verneed_count; i++) {
        const unsigned char *p = elf_image_at(image, at, sizeof(Elf64_Verneed));
        if (!p)
            return NULL;
        uint64_t aux = at + NEED32(p, vn_aux);
        uint32_t next = 1;
        for (unsigned left = NEED16(p, vn_cnt); left && next; left--) {
            const unsigned char *a = elf_image_at(image, aux, sizeof(Elf64_Vernaux));
            if (!a)
                return NULL;
            if ((AUX16(a, vna_other) & INDEX_MASK) == index)
                return elf_image_string(image, AUX32(a, vna_name));
            next = AUX32(a, vna_next);
            aux += next;
        }
        at += NEED32(p, vn_next);
    }
    return NULL;
}
