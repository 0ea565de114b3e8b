/* SPDX-License-Identifier: MIT */
/* Writes records. Invariant: what a record points to is reached by PC-relative
 * relocations only, so that neither the record nor its texts need a writable page. */

#include <elf.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "lift/record.h"
#include "registry/record.h"

struct record_name record_base_name(const char *id)
{
    struct record_name name;
    snprintf(name.text, sizeof name.text, "__graft_%s", id);
    return name;
}

struct record_name record_tls_name(const char *id)
{
    struct record_name name;
    snprintf(name.text, sizeof name.text, "__graft_tls_%s", id);
    return name;
}

/* Texts and tables in one read-only section, filled in two passes: sizes, then bytes. */
struct side { unsigned char *bytes; size_t size; };

static size_t put(struct side *side, const void *bytes, size_t size)
{
    size_t at = (side->size + 7) & ~(size_t)7;
    if (side->bytes && size)
        memcpy(side->bytes + at, bytes, size);
    side->size = at + size;
    return at;
}

struct places { size_t path, soname, needed, headers, segments, late; };

static void put_needed(struct side *side, const struct elf_image *image)
{
    const char *name;
    for (size_t i = 0; (name = elf_image_needed(image, i)); i++) {
        if (side->bytes)
            memcpy(side->bytes + side->size, name, strlen(name) + 1);
        side->size += strlen(name) + 1;
    }
    if (side->bytes)
        side->bytes[side->size] = 0;
    side->size++;
}

static struct places fill(struct side *side, const struct record_parts *parts)
{
    const struct lift_module *m = parts->module;
    struct places at;
    at.segments = put(side, (graft_offset[ELF_SPANS_MAX]){ 0 }, m->image.segment_count * sizeof(graft_offset));
    at.headers = put(side, m->headers, m->header_count * sizeof(Elf64_Phdr));
    at.late = put(side, NULL, 0);
    for (size_t i = 0; i < parts->late->count; i++)
        put(side, arena_list_at(parts->late, i), sizeof(Elf64_Rela));
    at.path = put(side, m->path, strlen(m->path) + 1);
    at.soname = m->image.soname ? put(side, m->image.soname, strlen(m->image.soname) + 1) : 0;
    at.needed = put(side, NULL, 0);
    put_needed(side, &m->image);
    return at;
}

static void describe(struct graft_record *record, const struct record_parts *parts)
{
    const struct lift_module *m = parts->module;
    *record = (struct graft_record){
        .magic = GRAFT_RECORD_MAGIC, .size = sizeof *record,
        .flags = GRAFT_RECORD_IMAGE | (parts->lib ? GRAFT_RECORD_LIB : 0) | (parts->unique ? GRAFT_RECORD_UNIQUE : 0),
        .low = m->low, .high = m->high, .dynamic = m->image.dynamic.vaddr, .header_count = m->header_count,
        .tls_size = m->image.tls.type ? m->image.tls.memsz : 0, .late_count = parts->late->count,
        .file_size = m->size, .build_id_size = m->image.build_id_size,
    };
    memcpy(record->digest, m->digest, sizeof record->digest);
    memcpy(record->build_id, m->image.build_id, m->image.build_id_size);
}

#define PUT_OFFSET(field, symbol, addend) \
    object_add_reloc(object, section, offsetof(struct graft_record, field), R_X86_64_PC64, symbol, (int64_t)(addend))

int record_add(struct object *object, const struct record_parts *parts)
{
    const struct lift_module *m = parts->module;
    struct graft_record *record = arena_alloc(&object->arena, sizeof *record);
    struct side side = { NULL, 0 };
    char name[64];
    fill(&side, parts);
    side = (struct side){ arena_alloc(&object->arena, side.size), 0 };
    if (!record || !side.bytes)
        return -GRAFT_ENOMEM;
    struct places at = fill(&side, parts);
    describe(record, parts);
    snprintf(name, sizeof name, ".rodata.graft.%s", m->id);
    long texts = object_add_section(object, name, SHT_PROGBITS, SHF_ALLOC, 8, side.bytes, side.size);
    long section = object_add_section(object, "graft_modules", SHT_PROGBITS, SHF_ALLOC, 8, record, sizeof *record);
    long symbol = object_add_symbol(object, &(struct object_symbol){ .name = "", .type = STT_SECTION, .section = (size_t)texts });
    uint64_t first = m->image.segment[0].vaddr;
    int result = 0;
    for (unsigned i = 0; i < m->image.segment_count; i++)
        result |= object_add_reloc(object, texts, at.segments + i * sizeof(graft_offset), R_X86_64_PC64,
                                   parts->segments[i], 0);
    result |= PUT_OFFSET(path, symbol, at.path);
    if (m->image.soname)
        result |= PUT_OFFSET(soname, symbol, at.soname);
    result |= PUT_OFFSET(needed, symbol, at.needed);
    result |= PUT_OFFSET(base, parts->base, (int64_t)(m->low - first));
    result |= PUT_OFFSET(headers, symbol, at.headers);
    result |= PUT_OFFSET(segments, symbol, at.segments);
    if (parts->late->count)
        result |= PUT_OFFSET(late, symbol, at.late);
    if (record->tls_size)
        result |= object_add_reloc(object, section, offsetof(struct graft_record, tls_offset), R_X86_64_TPOFF64, parts->tls, 0);
    return result ? -GRAFT_ENOMEM : 0;
}
