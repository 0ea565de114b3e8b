/* SPDX-License-Identifier: MIT */
/* Packs objects into a module. Invariant: every definition becomes local, hidden, weak,
 * common and COMDAT ones as well, but for the names that the caller shares; what was
 * undefined stays so, and constructors run when dlopen says. */

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "base/text.h"
#include "elf/section.h"
#include "file/mapping.h"
#include "lift/link_run.h"
#include "lift/module.h"
#include "lift/object.h"
#include "lift/pack.h"
#include "lift/pack_input.h"
#include "lift/pack_turn.h"
#include "lift/sha256.h"
#include "registry/record.h"

struct export { const char *name, *symbol; uint64_t size; uint8_t type; };      /* symbol: with its version, foo@@V */

struct packing {
    const struct pack_job *job;
    struct pack_result *result;
    struct graft_error *error;
    struct arena arena;
    struct link_folder folder;
    char id[LIFT_ID_SIZE];
    const char *joined, *record, *whole, *script, *names, *final;     /* files on the way */
    struct lift_module like;
    struct mapping file;            /* of joined */
    struct export *exports;
    size_t count, init_count, fini_count;
};

static int no_memory(struct packing *p)
{
    return error_set(p->error, GRAFT_ENOMEM, "out of memory");
}

static int run(struct packing *p, char **command)
{
    free(p->result->messages);
    p->result->messages = NULL;
    return link_command(command, &p->folder, &p->result->messages, p->error);
}

static int check_inputs(struct packing *p)
{
    int result = 0;
    for (size_t i = 0; !result && i < p->job->input_count; i++)
        result = pack_check_input(p->job->inputs[i], p->error);
    return result;
}

/* One object of all: commons get their place, groups are dissolved, LTO code is made. */
static int join(struct packing *p)
{
    size_t n = 0;
    char **command = arena_array(&p->arena, p->job->input_count + 16, sizeof *command);
    if (!command)
        return no_memory(p);
    command[n++] = (char *)p->job->compiler;
    command[n++] = (char *)"-r";
    command[n++] = (char *)"-nostdlib";
    command[n++] = (char *)"-flinker-output=nolto-rel";
    command[n++] = (char *)"-Wl,-d,--force-group-allocation,--whole-archive";
    for (size_t i = 0; i < p->job->input_count; i++)
        command[n++] = (char *)p->job->inputs[i];
    command[n++] = (char *)"-o";
    command[n++] = (char *)p->joined;
    return run(p, command);
}

/* ---- exports --------------------------------------------------------------------------- */

/* What dlsym is asked for: a default version foo@@V goes by foo, another one, foo@V, by nothing. */
static const char *plain_name(struct packing *p, const char *symbol)
{
    const char *at = strchr(symbol, '@');
    if (!at)
        return symbol;
    char *name = at[1] == '@' ? arena_alloc(&p->arena, (size_t)(at - symbol) + 1) : NULL;
    return name ? memcpy(name, symbol, (size_t)(at - symbol)) : NULL;
}

static bool is_export(const struct packing *p, const struct elf_symbol *s, const char *name)
{
    struct elf_wanted wanted = { .name = name };
    struct elf_symbol found;
    if (!name || !*name || s->bind == STB_LOCAL || s->section == SHN_UNDEF
        || (s->visibility != STV_DEFAULT && s->visibility != STV_PROTECTED))
        return false;
    return !p->like.bytes || elf_lookup(&p->like.image, &wanted, &found) == ELF_FOUND;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct export *)a)->name, ((const struct export *)b)->name);
}

/* A hidden name, or one that --like does not export, may be shared as well. */
static bool is_defined(const struct elf_symtab *symtab, const char *name)
{
    struct elf_symbol s;
    for (size_t i = 0; i < symtab->symbols.count; i++)
        if (elf_symtab_at(symtab, i, &s) && s.bind != STB_LOCAL && s.section != SHN_UNDEF && !strcmp(s.name, name))
            return true;
    return false;
}

static int check_names(struct packing *p, const struct elf_symtab *symtab)
{
    struct export key = { 0 };
    for (size_t i = 0; i < p->job->shared_count; i++)
        if (!is_defined(symtab, p->job->shared[i]))
            return error_about(p->error, GRAFT_EREFUSED, "", p->job->shared[i], "--share %s: no object defines it",
                               p->job->shared[i]);
    struct elf_symbol s;
    uint32_t count = p->like.bytes ? elf_symbol_count(&p->like.image) : 0;
    for (uint32_t i = 1; i < count; i++) {
        if (!elf_symbol_at(&p->like.image, i, &s) || s.section == SHN_UNDEF || s.section == SHN_ABS)
            continue;
        key.name = s.name;
        if (!bsearch(&key, p->exports, p->count, sizeof key, by_name))
            return error_about(p->error, GRAFT_EREFUSED, p->job->like, s.name, "%s has %s, which no object defines",
                               p->job->like, s.name);
    }
    return p->count ? 0 : error_set(p->error, GRAFT_EREFUSED, "the objects define no name that dlsym could find");
}

static int read_exports(struct packing *p, const struct elf_symtab *symtab)
{
    struct elf_symbol s;
    p->exports = arena_array(&p->arena, symtab->symbols.count + 1, sizeof *p->exports);
    if (!p->exports)
        return no_memory(p);
    for (size_t i = 0; i < symtab->symbols.count; i++) {
        const char *name = elf_symtab_at(symtab, i, &s) && s.name ? plain_name(p, s.name) : NULL;
        /* ld binds the record's word to an IFUNC's PLT entry, never to its resolver: for dlsym it is a function. */
        uint8_t type = s.type == STT_GNU_IFUNC ? STT_FUNC : s.type;
        if (name && is_export(p, &s, name))
            p->exports[p->count++] = (struct export){ name, s.name, type == s.type ? s.size : 0, type };
    }
    qsort(p->exports, p->count, sizeof *p->exports, by_name);
    return check_names(p, symtab);
}

/* The joined object, as it was made by a linker of ours, is changed in its place. */
static int prepare(struct packing *p)
{
    struct elf_symtab symtab;
    int result = mapping_open(&p->file, p->joined, p->error);
    if (!result)
        result = elf_symtab_open(&symtab, NULL, p->file.bytes, p->file.size, p->error);
    if (!result && symtab.file.reader.machine != 0 && symtab.file.reader.machine != EM_X86_64)
        result = error_set(p->error, GRAFT_EARCH, "the objects are not for x86-64");
    if (!result)
        result = read_exports(p, &symtab);
    if (result)
        return result;
    unsigned char *copy = arena_alloc(&p->arena, p->file.size);
    FILE *file = copy ? fopen(p->joined, "r+e") : NULL;
    if (!file)
        return copy ? error_about(p->error, GRAFT_ESYS, p->joined, "", "%s: %s", p->joined, strerror(errno)) : no_memory(p);
    memcpy(copy, p->file.bytes, p->file.size);
    result = pack_turn(copy, &symtab.file, &p->init_count, &p->fini_count, p->error);
    if (!result && fwrite(copy, 1, p->file.size, file) != p->file.size)
        result = error_about(p->error, GRAFT_ESYS, p->joined, "", "%s: cannot be written", p->joined);
    return fclose(file) && !result ? error_about(p->error, GRAFT_ESYS, p->joined, "", "%s: cannot be written", p->joined) : result;
}

/* ---- the record --------------------------------------------------------------------------- */

struct texts { char *bytes; size_t size; };

static int64_t text(struct texts *texts, const char *string)
{
    size_t at = texts->size, length = strlen(string) + 1;
    if (texts->bytes)
        memcpy(texts->bytes + at, string, length);
    texts->size += length;
    return (int64_t)at;
}

static void fill_texts(struct packing *p, struct texts *texts, int64_t *path, int64_t *soname, int64_t *needed, int64_t *names)
{
    const char *own = p->job->soname ? p->job->soname : p->like.bytes ? p->like.image.soname : NULL, *need;
    texts->size = 0;
    *path = text(texts, p->job->path);
    *soname = own ? text(texts, own) : -1;
    *needed = (int64_t)texts->size;
    for (size_t i = 0; p->like.bytes && (need = elf_image_needed(&p->like.image, i)); i++)
        text(texts, need);
    text(texts, "");
    for (size_t i = 0; i < p->count; i++)
        names[i] = text(texts, p->exports[i].name);
}

#define AT(field) offsetof(struct graft_record, field)

static long undefined(struct object *object, const char *prefix, const char *name, uint8_t type)
{
    char whole[64];
    if (*prefix)
        snprintf(whole, sizeof whole, "%s%s", prefix, name);
    return object_add_symbol(object, &(struct object_symbol){ .name = *prefix ? whole : name, .bind = STB_GLOBAL, .type = type,
                                                              .section = (size_t)OBJECT_UNDEFINED });
}

static int add_record(struct packing *p, struct object *object)
{
    struct graft_record *record = arena_alloc(&p->arena, sizeof *record);
    struct graft_record_symbol *symbols = arena_array(&p->arena, p->count + 1, sizeof *symbols);
    int64_t *names = arena_array(&p->arena, p->count + 1, sizeof *names), path, soname, needed;
    struct texts texts = { NULL, 0 };
    if (!record || !symbols || !names)
        return no_memory(p);
    fill_texts(p, &texts, &path, &soname, &needed, names);
    if (!(texts.bytes = arena_alloc(&p->arena, texts.size)))
        return no_memory(p);
    fill_texts(p, &texts, &path, &soname, &needed, names);
    *record = (struct graft_record){ .magic = GRAFT_RECORD_MAGIC, .size = sizeof *record, .flags = GRAFT_RECORD_SYMBOLS,
        .symbol_count = p->count, .init_count = p->init_count, .fini_count = p->fini_count };
    for (size_t i = 0; i < p->count; i++)
        symbols[i] = (struct graft_record_symbol){ .size = p->exports[i].size, .type = p->exports[i].type };
    long strings = object_add_section(object, ".rodata.graft", SHT_PROGBITS, SHF_ALLOC, 8, texts.bytes, texts.size);
    long table = object_add_section(object, ".rodata.graft.symbols", SHT_PROGBITS, SHF_ALLOC, 8, symbols, p->count * sizeof *symbols);
    long section = object_add_section(object, "graft_modules", SHT_PROGBITS, SHF_ALLOC, 8, record, sizeof *record);
    long text_symbol = object_add_symbol(object, &(struct object_symbol){ .name = "", .type = STT_SECTION, .section = (size_t)strings });
    long table_symbol = object_add_symbol(object, &(struct object_symbol){ .name = "", .type = STT_SECTION, .section = (size_t)table });
    int result = object_add_reloc(object, section, AT(path), R_X86_64_PC64, text_symbol, path);
    if (soname >= 0)
        result |= object_add_reloc(object, section, AT(soname), R_X86_64_PC64, text_symbol, soname);
    result |= object_add_reloc(object, section, AT(needed), R_X86_64_PC64, text_symbol, needed);
    result |= object_add_reloc(object, section, AT(symbols), R_X86_64_PC64, table_symbol, 0);
    if (p->init_count)
        result |= object_add_reloc(object, section, AT(init), R_X86_64_PC64, undefined(object, "__graft_init_", p->id, STT_NOTYPE), 0);
    if (p->fini_count)
        result |= object_add_reloc(object, section, AT(fini), R_X86_64_PC64, undefined(object, "__graft_fini_", p->id, STT_NOTYPE), 0);
    for (size_t i = 0; i < p->count; i++) {
        bool is_tls = p->exports[i].type == STT_TLS;
        uint64_t at = i * sizeof *symbols;
        result |= object_add_reloc(object, table, at + offsetof(struct graft_record_symbol, name), R_X86_64_PC64, text_symbol, names[i]);
        result |= object_add_reloc(object, table, at + offsetof(struct graft_record_symbol, value),
                                   is_tls ? R_X86_64_TPOFF64 : R_X86_64_PC64,
                                   undefined(object, "", p->exports[i].symbol, is_tls ? STT_TLS : STT_NOTYPE), 0);
    }
    object_add_section(object, ".note.GNU-stack", SHT_PROGBITS, 0, 1, "", 0);
    return result ? no_memory(p) : object_write(object, p->record, EM_X86_64, p->error);
}

/* ---- the rest ------------------------------------------------------------------------------ */

static int write_file(struct packing *p, const char *path, const char *start, const char *const *lines, size_t count)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return error_about(p->error, GRAFT_ESYS, path, "", "%s: %s", path, strerror(errno));
    fputs(start, file);
    for (size_t i = 0; i < count; i++)
        fprintf(file, "%s\n", lines[i]);
    return fclose(file) ? error_about(p->error, GRAFT_ESYS, path, "", "%s: cannot be written", path) : 0;
}

/* The arrays get names that no start-up code looks for, in order of their priorities. */
static int join_record(struct packing *p)
{
    char script[1024];
    snprintf(script, sizeof script,
             "SECTIONS {\n"
             "  .graft.init.%s 0 : { __graft_init_%s = .; KEEP(*(SORT_BY_INIT_PRIORITY(.init_array.*))) KEEP(*(.init_array)) }\n"
             "  .graft.fini.%s 0 : { __graft_fini_%s = .; KEEP(*(SORT_BY_INIT_PRIORITY(.fini_array.*))) KEEP(*(.fini_array)) }\n"
             "}\n", p->id, p->id, p->id, p->id);
    int result = write_file(p, p->script, script, NULL, 0);
    char *command[] = { (char *)p->job->compiler, (char *)"-r", (char *)"-nostdlib", (char *)"-Wl,-T", (char *)p->script,
                        (char *)p->joined, (char *)p->record, (char *)"-o", (char *)p->whole, NULL };
    return result ? result : run(p, command);
}

static int make_local(struct packing *p)
{
    char option[4400];
    int result = write_file(p, p->names, "__graft_none\n", p->job->shared, p->job->shared_count);
    snprintf(option, sizeof option, "--keep-global-symbols=%s", p->names);
    char *command[] = { (char *)"objcopy", option, (char *)p->whole, (char *)p->final, NULL };
    if (!result)
        result = run(p, command);
    if (!result && rename(p->final, p->job->output))
        result = error_about(p->error, GRAFT_ESYS, p->job->output, "", "%s: %s", p->job->output, strerror(errno));
    return result;
}

static int name_files(struct packing *p)
{
    uint8_t digest[32];
    sha256(p->job->path, strlen(p->job->path), digest);
    p->id[0] = 'p';
    text_hex(p->id + 1, digest, 8);
    const struct { const char **to, *name; } files[] = {
        { &p->joined, "joined.o" }, { &p->record, "record.o" }, { &p->whole, "whole.o" }, { &p->script, "pack.lds" },
        { &p->names, "names" }, { &p->final, "final.o" },
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (!(*files[i].to = link_folder_file(&p->folder, &p->arena, files[i].name, "")))
            return no_memory(p);
    return 0;
}

int pack_run(const struct pack_job *job, struct pack_result *result, struct graft_error *error)
{
    struct packing p = { .job = job, .result = result, .error = error };
    struct object object;
    *result = (struct pack_result){ 0 };
    object_init(&object);
    int code = link_folder_open(&p.folder, NULL, job->output, error);
    if (!code)
        code = name_files(&p);
    if (!code && job->like)
        code = lift_module_open(&p.like, job->like, error);
    if (!code)
        code = check_inputs(&p);
    if (!code)
        code = join(&p);
    if (!code)
        code = prepare(&p);
    if (!code)
        code = add_record(&p, &object);
    if (!code)
        code = join_record(&p);
    if (!code)
        code = make_local(&p);
    result->exports = p.count;
    result->constructors = p.init_count;
    object_free(&object);
    mapping_close(&p.file);
    if (p.like.bytes)
        lift_module_close(&p.like);
    link_folder_close(&p.folder);
    arena_free(&p.arena);
    return code;
}
