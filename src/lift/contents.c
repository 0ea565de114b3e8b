/* SPDX-License-Identifier: MIT */
/* Reads the records of an executable. Invariant: a record is found by its magic words
 * in a readable segment and believed only while all that it points to lies in the file, so
 * that neither section headers nor symbols are needed. */

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "elf/image.h"
#include "lift/contents.h"

struct reading {
    const char *path;
    struct contents *contents;
    struct graft_error *error;
    const Elf64_Phdr *load;         /* copies, in order */
    size_t load_count;
};

/* @size bytes at a link address, NULL unless a segment's file part holds them. */
static const unsigned char *at(const struct reading *r, uint64_t vaddr, uint64_t size)
{
    for (size_t i = 0; i < r->load_count; i++) {
        const Elf64_Phdr *p = &r->load[i];
        if (vaddr - p->p_vaddr <= p->p_filesz && size <= p->p_filesz - (vaddr - p->p_vaddr))
            return (const unsigned char *)r->contents->file.bytes + p->p_offset + (vaddr - p->p_vaddr);
    }
    return NULL;
}

static const char *text_at(const struct reading *r, uint64_t vaddr)
{
    for (size_t i = 0; i < r->load_count; i++) {
        const Elf64_Phdr *p = &r->load[i];
        if (vaddr - p->p_vaddr >= p->p_filesz)
            continue;
        const char *text = (const char *)r->contents->file.bytes + p->p_offset + (vaddr - p->p_vaddr);
        return memchr(text, 0, p->p_filesz - (vaddr - p->p_vaddr)) ? text : NULL;
    }
    return NULL;
}

#define OFFSET_OF(field) (vaddr + offsetof(struct graft_record, field) + (uint64_t)record->field)

static bool has_needed(const struct reading *r, uint64_t vaddr)
{
    const char *name;
    while ((name = text_at(r, vaddr)) && *name)
        vaddr += strlen(name) + 1;
    return name != NULL;
}

static int add_record(struct reading *r, const unsigned char *bytes, uint64_t vaddr)
{
    struct contents *c = r->contents;
    struct contents_module *more = realloc(c->modules, (c->count + 1) * sizeof *more);
    if (!more)
        return error_set(r->error, GRAFT_ENOMEM, "out of memory");
    c->modules = more;
    struct contents_module *m = &more[c->count];
    struct graft_record *record = &m->record;
    memcpy(record, bytes, sizeof *record);
    if (record->build_id_size > sizeof record->build_id)
        record->build_id_size = 0;
    m->path = record->path ? text_at(r, OFFSET_OF(path)) : NULL;
    m->soname = record->soname ? text_at(r, OFFSET_OF(soname)) : "";
    m->needed = !record->needed ? "" : has_needed(r, OFFSET_OF(needed)) ? text_at(r, OFFSET_OF(needed)) : NULL;
    m->address = record->base ? OFFSET_OF(base) : 0;
    if (!m->path || !m->soname || !m->needed)
        return error_about(r->error, GRAFT_EFORMAT, r->path, "", "%s: the record of module %zu leads outside the file",
                           r->path, c->count + 1);
    c->count++;
    return 0;
}

/* The first bytes of a page-aligned region may hold anything: a magic word alone is no
 * record, its size must fit too. */
static int find_records(struct reading *r)
{
    static const char magic[] = GRAFT_RECORD_MAGIC;
    for (size_t i = 0; i < r->load_count; i++) {
        const Elf64_Phdr *p = &r->load[i];
        const unsigned char *start = (const unsigned char *)r->contents->file.bytes + p->p_offset, *found = start;
        uint64_t left;
        while ((left = p->p_filesz - (uint64_t)(found - start)) >= sizeof(struct graft_record)
               && (found = memmem(found, left, magic, 8))) {
            uint32_t size = 0;
            if (p->p_filesz - (uint64_t)(found - start) >= sizeof(struct graft_record))
                memcpy(&size, found + offsetof(struct graft_record, size), sizeof size);
            int result = size == sizeof(struct graft_record) ? add_record(r, found, p->p_vaddr + (uint64_t)(found - start)) : 0;
            if (result)
                return result;
            found += 8;
        }
    }
    return 0;
}

static void find_table(struct reading *r)
{
    for (size_t i = 0; i < r->load_count; i++) {
        struct graft_table table;
        const unsigned char *bytes = at(r, r->load[i].p_vaddr, sizeof table);
        if (!bytes)
            continue;
        memcpy(&table, bytes, sizeof table);
        if (!memcmp(table.magic, GRAFT_TABLE_MAGIC, 8))
            r->contents->names = table.symbol_count;
    }
}

static int read_loads(struct reading *r, Elf64_Phdr *load)
{
    struct elf_header header;
    int result = elf_header_read(&header, r->contents->file.bytes, r->contents->file.size, r->error);
    if (result)
        return result;
    if (header.elf_class != ELFCLASS64 || header.swap || header.entry_size != sizeof *load)
        return error_about(r->error, GRAFT_EARCH, r->path, "", "%s: not for this machine", r->path);
    size_t size = r->contents->file.size;
    if (header.headers > size || header.count > (size - header.headers) / sizeof *load)
        return error_about(r->error, GRAFT_EFORMAT, r->path, "", "%s: its program headers lie outside the file", r->path);
    for (size_t i = 0; i < header.count && i < UINT16_MAX; i++) {
        Elf64_Phdr *p = &load[r->load_count];
        memcpy(p, (const char *)r->contents->file.bytes + header.headers + i * sizeof *p, sizeof *p);
        if (p->p_type == PT_LOAD && p->p_offset <= r->contents->file.size
            && p->p_filesz <= r->contents->file.size - p->p_offset)
            r->load_count++;
    }
    r->load = load;
    return 0;
}

int contents_open(struct contents *contents, const char *path, struct graft_error *error)
{
    struct reading r = { .path = path, .contents = contents, .error = error };
    *contents = (struct contents){ 0 };
    Elf64_Phdr *load = calloc(UINT16_MAX + 1, sizeof *load);
    int result = load ? mapping_open(&contents->file, path, error) : error_set(error, GRAFT_ENOMEM, "out of memory");
    if (!result)
        result = read_loads(&r, load);
    if (!result)
        result = find_records(&r);
    if (!result)
        find_table(&r);
    if (!result && !contents->count && !contents->names)
        result = error_about(error, GRAFT_ENOOBJ, path, "", "%s: no registry in it", path);
    free(load);
    if (result)
        contents_close(contents);
    return result ? error_of(error, result, path) : 0;
}

void contents_close(struct contents *contents)
{
    free(contents->modules);
    mapping_close(&contents->file);
    *contents = (struct contents){ 0 };
}
