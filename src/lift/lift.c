/* SPDX-License-Identifier: MIT */
/* Turns a module into a relocatable object. Invariant: nothing is decided here that
 * the module does not say itself but by the caller's resolve: each dynamic relocation
 * becomes one static relocation of the same meaning, or is left to dlopen as it is. */

#include <elf.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "lift/lift.h"
#include "lift/names.h"
#include "lift/object.h"
#include "lift/record.h"

/* What another module is called by in this object. */
struct foreign { const struct lift_module *module; long base, tls; };

struct lifting {
    struct lift_module *module;
    const struct lift_options *options;
    struct graft_error *error;
    struct object object;
    struct lift_counts counts;
    long section[ELF_SPANS_MAX];    /* of the segments */
    long section_symbol[ELF_SPANS_MAX];
    long bss[ELF_SPANS_MAX];        /* -1: none */
    long tdata, eh_frame;           /* -1: none */
    char *template;                 /* tdata's bytes */
    long base, tls;                 /* symbols; tls -1: none */
    long tlsdesc;                   /* symbol, -1: not needed yet */
    long *open;                     /* symbol number in the module → symbol, 0: not made yet, else + 1 */
    struct arena_list foreign;
    struct arena_list late;         /* Elf64_Rela */
};

static int short_of_memory(struct lifting *l)
{
    return error_about(l->error, GRAFT_ENOMEM, l->module->path, "", "%s: out of memory", l->module->path);
}

static long global_symbol(struct lifting *l, const char *prefix, const char *name, uint8_t type, long section)
{
    char text[64];
    snprintf(text, sizeof text, "%s%s", prefix, name);
    return object_add_symbol(&l->object, &(struct object_symbol){
        .name = text, .bind = STB_GLOBAL, .type = type, .visibility = STV_HIDDEN, .section = (size_t)section });
}

/* ---- sections --------------------------------------------------------------------- */

static long add_bss(struct lifting *l, const char *id, const struct elf_segment *s, bool last)
{
    char name[64];
    uint64_t start = s->vaddr + s->filesz, size = s->memsz - s->filesz;
    /* A byte that is not in the file ends the segment for ld: what follows, read-only,
     * would become writable otherwise. */
    if (!size && !last)
        return -1;
    snprintf(name, sizeof name, ".graft.%s.%llx", id, (unsigned long long)(start - l->module->low));
    return object_add_section(&l->object, name, SHT_NOBITS, SHF_ALLOC | SHF_WRITE, 1, NULL, size ? size : 1);
}

static void add_segments(struct lifting *l)
{
    const struct lift_module *m = l->module;
    for (unsigned i = 0; i < m->image.segment_count; i++) {
        const struct elf_segment *s = &m->image.segment[i];
        uint64_t flags = SHF_ALLOC | (s->flags & PF_W ? SHF_WRITE : 0) | (s->flags & PF_X ? SHF_EXECINSTR : 0);
        char name[64];
        snprintf(name, sizeof name, ".graft.%s.%llx", m->id, (unsigned long long)(s->vaddr - m->low));
        l->section[i] = object_add_section(&l->object, name, SHT_PROGBITS, flags, i ? 1 : m->align,
                                           m->bytes + s->offset, s->filesz);
        l->section_symbol[i] = object_add_symbol(&l->object, &(struct object_symbol){
            .name = "", .type = STT_SECTION, .section = (size_t)l->section[i] });
        l->bss[i] = add_bss(l, m->id, s, i + 1 == m->image.segment_count);
    }
    l->base = object_add_symbol(&l->object, &(struct object_symbol){
        .name = record_base_name(m->id).text, .bind = STB_GLOBAL, .visibility = STV_HIDDEN,
        .section = (size_t)l->section[0] });
}

/* Its first segment need not start at low, when it is not page-aligned: then the base
 * symbol is that many bytes into it. */
static int64_t from_base(const struct lifting *l, uint64_t vaddr)
{
    return (int64_t)(vaddr - l->module->image.segment[0].vaddr);
}

static int add_tls(struct lifting *l)
{
    const struct elf_segment *tls = &l->module->image.tls;
    char name[64];
    l->tdata = l->tls = -1;
    if (!tls->type)
        return 0;
    char *bytes = l->template = arena_alloc(&l->object.arena, tls->memsz ? tls->memsz : 1);
    if (!bytes)
        return short_of_memory(l);
    snprintf(name, sizeof name, ".tdata.graft.%s", l->module->id);
    l->tdata = object_add_section(&l->object, name, SHT_PROGBITS, SHF_ALLOC | SHF_WRITE | SHF_TLS, tls->align, bytes,
                                  tls->memsz);
    l->tls = object_add_symbol(&l->object, &(struct object_symbol){
        .name = record_tls_name(l->module->id).text, .bind = STB_GLOBAL, .type = STT_TLS, .visibility = STV_HIDDEN,
        .section = (size_t)l->tdata });
    return 0;
}

/* ---- what relocations lead to ------------------------------------------------------- */

/* What the registry has instead of the C library (registry/record.h), or NULL. */
static const char *own_name(const char *name)
{
    static const char *const names[][2] = {
        { "__tls_get_addr", "__graft_tls_get_addr" },
        { "__cxa_thread_atexit", "__graft_thread_atexit" },
        { "__cxa_thread_atexit_impl", "__graft_thread_atexit" },
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i][0]))
            return names[i][1];
    return NULL;
}

static long open_symbol(struct lifting *l, const struct elf_symbol *s)
{
    /* A weak __cxa_finalize would pull no member of libc.a, and a module's destructors
     * would never run. */
    if (!l->open[s->index]) {
        const char *own = own_name(s->name);
        bool weak = s->bind == STB_WEAK && !own && strcmp(s->name, "__cxa_finalize");
        long symbol = object_add_symbol(&l->object, &(struct object_symbol){
            .name = own ? own : s->name, .bind = weak ? STB_WEAK : STB_GLOBAL,
            .type = s->type == STT_TLS ? STT_TLS : STT_NOTYPE, .section = (size_t)OBJECT_UNDEFINED });
        l->open[s->index] = symbol + 1;
        l->counts.imports++;
    }
    return l->open[s->index] - 1;
}

static struct foreign *foreign_module(struct lifting *l, const struct lift_module *module)
{
    for (size_t i = 0; i < l->foreign.count; i++) {
        struct foreign *f = arena_list_at(&l->foreign, i);
        if (f->module == module)
            return f;
    }
    struct foreign *f = arena_list_push(&l->foreign);
    if (f)
        *f = (struct foreign){ module, global_symbol(l, "", record_base_name(module->id).text, STT_NOTYPE, OBJECT_UNDEFINED),
                               -1 };
    return f;
}

static bool in_template(const struct lifting *l, uint64_t vaddr)
{
    return l->tdata >= 0 && vaddr - l->module->image.tls.vaddr < l->module->image.tls.filesz;
}

/* One static relocation for a word, in the TLS template too if the word lies in it. */
static int place(struct lifting *l, uint64_t vaddr, uint32_t type, long symbol, int64_t addend)
{
    const struct lift_module *m = l->module;
    unsigned i = 0;
    while (i + 1 < m->image.segment_count && vaddr >= m->image.segment[i + 1].vaddr)
        i++;
    int result = object_add_reloc(&l->object, l->section[i], vaddr - m->image.segment[i].vaddr, type, symbol, addend);
    if (!result && in_template(l, vaddr))
        result = object_add_reloc(&l->object, l->tdata, vaddr - m->image.tls.vaddr, type, symbol, addend);
    l->counts.relocations++;
    return result ? short_of_memory(l) : 0;
}

/* The template of thread-local data is the program's: threads have copies of it before
 * dlopen could write there. */
static int leave_late(struct lifting *l, const struct lift_reloc *r)
{
    struct elf_symbol s = { .name = "" };
    if (in_template(l, r->offset)) {
        if (r->symbol)
            elf_symbol_at(&l->module->image, r->symbol, &s);
        return error_about(l->error, GRAFT_EREFUSED, l->module->path, s.name, "%s: %s%sR_X86_64_%s at 0x%llx, which only dlopen "
                           "can carry out, lies in the template of thread-local data", l->module->path, s.name, *s.name ? ": " : "",
                           lift_reloc_name(r->type), (unsigned long long)r->offset);
    }
    Elf64_Rela *rela = arena_list_push(&l->late);
    if (!rela)
        return short_of_memory(l);
    *rela = (Elf64_Rela){ r->offset, ELF64_R_INFO((uint64_t)r->symbol, r->type), r->addend };
    l->counts.late++;
    return 0;
}

/* Words that are known now are written into our own copy of the file. */
static int store(struct lifting *l, uint64_t vaddr, uint64_t value)
{
    memcpy((unsigned char *)elf_image_at(&l->module->image, vaddr, 8), &value, 8);
    return 0;
}

static enum lift_where resolve(struct lifting *l, const struct elf_symbol *s, struct lift_binding *binding)
{
    if (l->options->resolve)
        return l->options->resolve(l->options->arg, l->module, s, binding);
    return s->section ? LIFT_OWN : LIFT_OPEN;
}

static int place_word(struct lifting *l, const struct lift_reloc *r, const struct elf_symbol *s)
{
    struct lift_binding to = { 0 };
    int64_t addend = r->type == R_X86_64_64 ? r->addend : 0;
    switch (resolve(l, s, &to)) {
    case LIFT_OPEN:
        return place(l, r->offset, R_X86_64_64, open_symbol(l, s), addend);
    case LIFT_OWN:
        if (s->type == STT_GNU_IFUNC)
            return leave_late(l, r);
        if (s->section == SHN_ABS)
            return store(l, r->offset, s->value + (uint64_t)addend);
        return place(l, r->offset, R_X86_64_64, l->base, from_base(l, s->value) + addend);
    case LIFT_OTHER:
        if (to.symbol.type != STT_GNU_IFUNC && to.symbol.section != SHN_ABS) {
            struct foreign *f = foreign_module(l, to.module);
            return f ? place(l, r->offset, R_X86_64_64, f->base,
                             (int64_t)(to.symbol.value - to.module->image.segment[0].vaddr) + addend) : short_of_memory(l);
        }
        return leave_late(l, r);
    case LIFT_LATE:
        break;
    }
    return leave_late(l, r);
}

/* The symbol and the addend whose offset from the thread pointer is that of the variable;
 * -1: memory is short. */
static long tls_symbol(struct lifting *l, const struct elf_symbol *s, int64_t *addend)
{
    struct lift_binding to = { 0 };
    if (s->section || !s->index) {
        *addend += (int64_t)s->value;
        return l->tls;
    }
    if (resolve(l, s, &to) != LIFT_OTHER)
        return open_symbol(l, s);
    struct foreign *f = foreign_module(l, to.module);
    if (f && f->tls < 0)
        f->tls = global_symbol(l, "", record_tls_name(to.module->id).text, STT_TLS, OBJECT_UNDEFINED);
    *addend += (int64_t)to.symbol.value;
    return f ? f->tls : -1;
}

static int place_tls(struct lifting *l, const struct lift_reloc *r, const struct elf_symbol *s)
{
    int64_t addend = 0;
    bool own = s->section || !s->index;
    switch (r->type) {
    case R_X86_64_DTPOFF64:         /* of another's variable: all of it is in the DTPMOD word */
        return store(l, r->offset, own ? s->value + (uint64_t)r->addend : (uint64_t)r->addend);
    case R_X86_64_DTPMOD64:
        if (own)
            return place(l, r->offset, R_X86_64_TPOFF64, l->tls, 0);
        break;
    case R_X86_64_TLSDESC: {
        if (l->tlsdesc < 0)
            l->tlsdesc = object_add_symbol(&l->object, &(struct object_symbol){
                .name = "__graft_tlsdesc", .bind = STB_GLOBAL, .section = (size_t)OBJECT_UNDEFINED });
        int result = place(l, r->offset, R_X86_64_64, l->tlsdesc, 0);
        if (result)
            return result;
        addend = r->addend;
        long symbol = tls_symbol(l, s, &addend);
        return place(l, r->offset + 8, R_X86_64_TPOFF64, symbol, addend);
    }
    default:
        addend = r->addend;
    }
    long symbol = tls_symbol(l, s, &addend);
    return place(l, r->offset, R_X86_64_TPOFF64, symbol, addend);
}

static int lift_reloc(void *arg, const struct lift_reloc *r)
{
    struct lifting *l = arg;
    struct elf_symbol s = { .name = "" };
    if (r->symbol) {
        elf_symbol_at(&l->module->image, r->symbol, &s);
        elf_symbol_version(&l->module->image, &s);
    }
    switch (r->type) {
    case R_X86_64_NONE:      return 0;
    case R_X86_64_RELATIVE:  return place(l, r->offset, R_X86_64_64, l->base, from_base(l, (uint64_t)r->addend));
    case R_X86_64_IRELATIVE: return leave_late(l, r);
    case R_X86_64_64: case R_X86_64_GLOB_DAT: case R_X86_64_JUMP_SLOT:
        if (!r->symbol)
            return store(l, r->offset, (uint64_t)r->addend);
        return place_word(l, r, &s);
    default:                 return place_tls(l, r, &s);
    }
}

/* What ld.so makes addresses of in the dynamic section itself (glibc
 * elf/get-dynamic-info.h), for those who read it through a link_map. */
static int place_dynamic(struct lifting *l)
{
    const struct elf_image *image = &l->module->image;
    if (!elf_image_covers(image, image->dynamic.vaddr, PF_W))
        return 0;
    for (size_t i = 0; i < image->dyn.count; i++) {
        const unsigned char *entry = image->dyn.bytes + i * image->dyn.entry_size;
        switch (elf_get64(image, entry)) {
        case DT_HASH: case DT_GNU_HASH: case DT_STRTAB: case DT_SYMTAB: case DT_RELA: case DT_JMPREL: case DT_PLTGOT:
        case DT_VERSYM: {
            uint64_t vaddr = image->dynamic.vaddr + i * image->dyn.entry_size + 8;
            int result = place(l, vaddr, R_X86_64_64, l->base, from_base(l, elf_get64(image, entry + 8)));
            if (result)
                return result;
        }
        }
    }
    return 0;
}

/* ---- the rest -------------------------------------------------------------------------- */

static int unwind_pointer(void *arg, uint64_t offset, uint64_t target)
{
    struct lifting *l = arg;
    return object_add_reloc(&l->object, l->eh_frame, offset, R_X86_64_PC32, l->base, from_base(l, target))
         ? short_of_memory(l) : 0;
}

static int add_unwind(struct lifting *l)
{
    const struct unwind *u = &l->module->unwind;
    if (!u->size)
        return 0;
    l->eh_frame = object_add_section(&l->object, ".eh_frame", SHT_X86_64_UNWIND, SHF_ALLOC, 8, u->bytes, u->size);
    return unwind_pointers(u, unwind_pointer, l, l->error);
}

static int lift_all(struct lifting *l, const char *path)
{
    struct lift_module *m = l->module;
    uint32_t count = m->image.symbols.count < UINT32_MAX ? (uint32_t)m->image.symbols.count : UINT32_MAX;
    l->open = arena_array(&l->object.arena, count + 1, sizeof *l->open);
    if (!l->open)
        return short_of_memory(l);
    add_segments(l);
    int result = add_tls(l);
    if (!result)
        result = lift_module_relocs(m, lift_reloc, l);
    if (!result && l->tdata >= 0 && m->image.tls.filesz)      /* now that known words are stored */
        memcpy(l->template, elf_image_at(&m->image, m->image.tls.vaddr, m->image.tls.filesz), m->image.tls.filesz);
    if (!result)
        result = place_dynamic(l);
    if (!result)
        result = add_unwind(l);
    if (result)
        return result;
    struct names_found found = names_add(&l->object, m, &(struct names_places){
        .section = l->section, .bss = l->bss, .tdata = l->tdata, .lib = l->options->lib });
    l->counts.exports = found.exports;
    struct record_parts parts = {
        .module = m, .base = l->base, .tls = l->tls, .segments = l->section_symbol, .late = &l->late,
        .lib = l->options->lib, .unique = found.unique,
    };
    if (record_add(&l->object, &parts))
        return short_of_memory(l);
    object_add_section(&l->object, ".note.GNU-stack", SHT_PROGBITS, 0, 1, "", 0);
    return object_write(&l->object, path, EM_X86_64, l->error);
}

int lift_write(struct lift_module *module, const struct lift_options *options, const char *path,
               struct lift_counts *counts, struct graft_error *error)
{
    struct lifting l = { .module = module, .options = options, .error = error, .tlsdesc = -1, .eh_frame = -1 };
    object_init(&l.object);
    l.foreign = (struct arena_list){ .arena = &l.object.arena, .element_size = sizeof(struct foreign) };
    l.late = (struct arena_list){ .arena = &l.object.arena, .element_size = sizeof(Elf64_Rela) };
    int result = lift_all(&l, path);
    if (counts)
        *counts = l.counts;
    object_free(&l.object);
    return result ? error_of(error, result, module->path) : 0;
}
