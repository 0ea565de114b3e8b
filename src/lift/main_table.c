/* SPDX-License-Identifier: MIT */
/* Writes struct graft_table into a linked executable. Invariant: the file's other
 * bytes stay where they are; of what is there, one program header and one section header
 * change. */

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "elf/section.h"
#include "file/mapping.h"
#include "lift/archive.h"
#include "lift/main_table.h"
#include "lift/object.h"
#include "registry/record.h"

enum { PAGE = 4096 };

int main_table_reserve(const char *path, struct graft_error *error)
{
    static const unsigned char page[PAGE];
    struct object object;
    object_init(&object);
    long section = object_add_section(&object, ".graft.main", SHT_PROGBITS, SHF_ALLOC, PAGE, page, sizeof page);
    object_add_symbol(&object, &(struct object_symbol){ .name = "__graft_main_table", .bind = STB_GLOBAL,
        .type = STT_OBJECT, .visibility = STV_HIDDEN, .section = (size_t)section, .size = sizeof page });
    object_add_section(&object, ".note.GNU-stack", SHT_PROGBITS, 0, 1, "", 0);
    int result = object_write(&object, path, EM_X86_64, error);
    object_free(&object);
    return result;
}

struct library_name { struct library_name *next; const char *name; };

enum { LIBRARY_BUCKETS = 4096 };

struct entry { const char *name; uint64_t value, size; uint8_t type; bool library; };

struct making {
    const char *path;
    struct mapping file;
    struct elf_symtab symtab;
    Elf64_Ehdr header;
    Elf64_Phdr load, tls;           /* the table's segment; tls.p_type 0: none */
    uint64_t load_at, section_at;   /* file offsets of their headers */
    Elf64_Shdr section;
    struct entry *entries;
    size_t count;
    struct graft_table *table;
    const char *libc;               /* NULL: not known */
    struct arena arena;
    struct library_name **library;  /* names of the C library, by GNU hash */
    bool made_local;                /* the symbols read now are hidden ones, which ld made local */
};

static int damaged(const struct making *m, struct graft_error *error, const char *what)
{
    return error_about(error, GRAFT_EFORMAT, m->path, "", "%s: %s", m->path, what);
}

static int find_place(struct making *m, struct graft_error *error)
{
    struct elf_section section;
    size_t i = 0;
    memcpy(&m->header, m->file.bytes, sizeof m->header);
    for (; elf_section_at(&m->symtab.file, i, &section) && strcmp(section.name, ".graft.main"); i++)
        ;
    if (!elf_section_at(&m->symtab.file, i, &section))
        return damaged(m, error, "no section .graft.main: it was linked without graft link");
    m->section_at = m->header.e_shoff + i * sizeof m->section;
    memcpy(&m->section, (const char *)m->file.bytes + m->section_at, sizeof m->section);
    for (i = 0; i < m->header.e_phnum; i++) {
        Elf64_Phdr p;
        uint64_t at = m->header.e_phoff + i * sizeof p;
        if (at > m->file.size - sizeof p)
            return damaged(m, error, "its program headers lie outside");
        memcpy(&p, (const char *)m->file.bytes + at, sizeof p);
        if (p.p_type == PT_TLS)
            m->tls = p;
        if (p.p_type == PT_LOAD && p.p_vaddr == m->section.sh_addr)
            m->load = p, m->load_at = at;
    }
    if (!m->load.p_type || m->load.p_filesz != m->section.sh_size || m->load.p_vaddr % PAGE)
        return damaged(m, error, "the linker gave .graft.main no segment of its own");
    return 0;
}

static bool add_library(void *arg, const char *name)
{
    struct making *m = arg;
    struct library_name **bucket = &m->library[elf_hash_gnu(name) % LIBRARY_BUCKETS];
    struct library_name *entry = arena_alloc(&m->arena, sizeof *entry);
    if (!entry || !(entry->name = arena_string(&m->arena, name)))
        return false;
    entry->next = *bucket;
    *bucket = entry;
    return true;
}

/* Debian's libm.a is a linker script that names libm-2.36.a. glibc hides most of its
 * functions in its archive (malloc, strlen), which a process with a libc.so.6 would find. */
static bool read_library(struct making *m)
{
    char pattern[4200];
    glob_t found;
    m->library = arena_array(&m->arena, LIBRARY_BUCKETS, sizeof *m->library);
    if (!m->library || !m->libc)
        return m->library != NULL;
    archive_names(m->libc, add_library, m, NULL);
    snprintf(pattern, sizeof pattern, "%.*s/libm*.a", (int)(strrchr(m->libc, '/') - m->libc), m->libc);
    if (!glob(pattern, 0, NULL, &found))
        for (size_t i = 0; i < found.gl_pathc; i++) {
            const char *rest = strrchr(found.gl_pathv[i], '/') + 5;
            if (*rest == '.' || *rest == '-')
                archive_names(found.gl_pathv[i], add_library, m, NULL);
        }
    globfree(&found);
    return true;
}

static bool is_library(const struct making *m, const char *name)
{
    const struct library_name *entry = m->library[elf_hash_gnu(name) % LIBRARY_BUCKETS];
    while (entry && strcmp(entry->name, name))
        entry = entry->next;
    return entry != NULL;
}

/* What the modules have is found through their own tables. */
static bool is_main(const struct making *m, const struct elf_symbol *s, bool library)
{
    struct elf_section section;
    if (!s->name || !*s->name || s->section == SHN_UNDEF
        || (s->visibility != STV_DEFAULT && s->visibility != STV_PROTECTED && !library))
        return false;
    if (s->bind == STB_LOCAL && !(library && m->made_local))
        return false;
    if (!strncmp(s->name, "__graft_", 8))
        return false;
    if (s->type != STT_NOTYPE && s->type != STT_OBJECT && s->type != STT_FUNC && s->type != STT_TLS && s->type != STT_GNU_IFUNC)
        return false;
    return s->section >= SHN_LORESERVE || !elf_section_at(&m->symtab.file, s->section, &section)
        || strncmp(section.name, ".graft.", 7);
}

static int by_value(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int collect(struct making *m, struct graft_error *error)
{
    struct elf_symbol s;
    m->entries = calloc(m->symtab.symbols.count + 1, sizeof *m->entries);
    if (!m->entries || !read_library(m))
        return error_set(error, GRAFT_ENOMEM, "out of memory");
    uint64_t align = m->tls.p_align ? m->tls.p_align : 1;
    uint64_t tls_end = (m->tls.p_memsz + align - 1) & ~(align - 1);
    for (size_t i = 0; i < m->symtab.symbols.count; i++) {
        if (!elf_symtab_at(&m->symtab, i, &s))
            continue;
        /* In a static-pie they stand behind the locals of all files, after a nameless file. */
        if (s.type == STT_FILE)
            m->made_local = s.name && !*s.name;
        else if (s.name && is_main(m, &s, is_library(m, s.name)))
            m->entries[m->count++] = (struct entry){ s.name, s.type == STT_TLS ? s.value - tls_end : s.value, s.size, s.type,
                                                     is_library(m, s.name) };
    }
    if (!m->count)
        return damaged(m, error, "it has no symbols: link it without -s and strip the result");
    qsort(m->entries, m->count, sizeof *m->entries, by_value);
    return 0;
}

static int build(struct making *m, struct graft_error *error)
{
    size_t strings = 1;
    uint32_t buckets = (uint32_t)(m->count / 2 + 1);
    for (size_t i = 0; i < m->count; i++)
        strings += strlen(m->entries[i].name) + 1;
    size_t symbols_at = sizeof *m->table, buckets_at = symbols_at + m->count * sizeof(struct graft_table_symbol);
    size_t chains_at = buckets_at + buckets * 4, strings_at = chains_at + m->count * 4, size = strings_at + strings;
    m->table = calloc(1, size);
    if (!m->table || m->count > UINT32_MAX || strings > UINT32_MAX)
        return error_set(error, GRAFT_ENOMEM, "out of memory");
    *m->table = (struct graft_table){ GRAFT_TABLE_MAGIC, size, (uint32_t)m->count, buckets, symbols_at, buckets_at,
                                      chains_at, strings_at };
    char *base = (char *)m->table;
    struct graft_table_symbol *symbols = (void *)(base + symbols_at);
    uint32_t *bucket = (void *)(base + buckets_at), *chain = (void *)(base + chains_at), at = 1;
    for (size_t i = 0; i < m->count; i++) {
        const struct entry *e = &m->entries[i];
        size_t length = strlen(e->name) + 1;
        uint32_t hash = elf_hash_gnu(e->name);
        symbols[i] = (struct graft_table_symbol){
            .value = (int64_t)(e->type == STT_TLS ? e->value : e->value - m->section.sh_addr), .size = e->size,
            .name = at, .hash = hash, .type = e->type, .library = e->library };
        memcpy(base + strings_at + at, e->name, length);
        at += (uint32_t)length;
        chain[i] = bucket[hash % buckets];
        bucket[hash % buckets] = (uint32_t)i + 1;
    }
    return 0;
}

static bool put(int file, const void *bytes, size_t size, uint64_t at)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = pwrite(file, (const char *)bytes + done, size - done, (off_t)(at + done));
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static int store(struct making *m, struct graft_error *error)
{
    uint64_t size = m->table->size, at = (m->file.size + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    bool grows = size > m->section.sh_size;
    int file = open(m->path, O_WRONLY | O_CLOEXEC), result = 0;
    if (grows) {
        m->load.p_offset = m->section.sh_offset = at;
        m->load.p_filesz = m->load.p_memsz = m->section.sh_size = size;
    }
    if (file < 0 || !put(file, m->table, size, m->section.sh_offset)
        || !put(file, &m->load, sizeof m->load, m->load_at) || !put(file, &m->section, sizeof m->section, m->section_at))
        result = error_about(error, GRAFT_ESYS, m->path, "", "%s: cannot be written: %s", m->path, strerror(errno));
    if (file >= 0)
        close(file);
    return result;
}

int main_table_write(const char *path, const char *libc, size_t *count, struct graft_error *error)
{
    struct making m = { .path = path, .libc = libc };
    int result = mapping_open(&m.file, path, error);
    if (!result)
        result = elf_symtab_open(&m.symtab, NULL, m.file.bytes, m.file.size, error);
    if (!result)
        result = find_place(&m, error);
    if (!result)
        result = collect(&m, error);
    if (!result)
        result = build(&m, error);
    if (!result)
        result = store(&m, error);
    if (count)
        *count = m.count;
    free(m.entries);
    free(m.table);
    arena_free(&m.arena);
    mapping_close(&m.file);
    return result;
}
