/* SPDX-License-Identifier: MIT */
/* Opens a shared object for lifting. Invariant: a module that was opened has nothing
 * that lifting does not know; each thing that is refused is refused here, by its name. */

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "elf/reloc.h"
#include "lift/module.h"
#include "lift/sha256.h"

enum {
    PAGE = 4096,                    /* x86-64: all that ld's layout knows */
    TLS_ALIGN_MAX = 65536
};

static const char *const reloc_names[] = {
    [R_X86_64_NONE] = "NONE", [R_X86_64_64] = "64", [R_X86_64_PC32] = "PC32", [R_X86_64_GOT32] = "GOT32",
    [R_X86_64_PLT32] = "PLT32", [R_X86_64_COPY] = "COPY", [R_X86_64_GLOB_DAT] = "GLOB_DAT",
    [R_X86_64_JUMP_SLOT] = "JUMP_SLOT", [R_X86_64_RELATIVE] = "RELATIVE", [R_X86_64_GOTPCREL] = "GOTPCREL",
    [R_X86_64_32] = "32", [R_X86_64_32S] = "32S", [R_X86_64_16] = "16", [R_X86_64_PC16] = "PC16",
    [R_X86_64_8] = "8", [R_X86_64_PC8] = "PC8", [R_X86_64_DTPMOD64] = "DTPMOD64", [R_X86_64_DTPOFF64] = "DTPOFF64",
    [R_X86_64_TPOFF64] = "TPOFF64", [R_X86_64_TLSGD] = "TLSGD", [R_X86_64_TLSLD] = "TLSLD",
    [R_X86_64_DTPOFF32] = "DTPOFF32", [R_X86_64_GOTTPOFF] = "GOTTPOFF", [R_X86_64_TPOFF32] = "TPOFF32",
    [R_X86_64_PC64] = "PC64", [R_X86_64_SIZE32] = "SIZE32", [R_X86_64_SIZE64] = "SIZE64",
    [R_X86_64_TLSDESC] = "TLSDESC", [R_X86_64_IRELATIVE] = "IRELATIVE", [R_X86_64_RELATIVE64] = "RELATIVE64",
};

const char *lift_reloc_name(uint32_t type)
{
    return type < sizeof reloc_names / sizeof *reloc_names ? reloc_names[type] : NULL;
}

static int refuse(const struct lift_module *m, struct graft_error *error, const char *why)
{
    return error_about(error, GRAFT_EREFUSED, m->path, "", "%s: %s", m->path, why);
}

/* ---- relocations ------------------------------------------------------------------ */

static uint64_t dynamic_value(const struct elf_image *image, uint64_t tag)
{
    for (size_t i = 0; i < image->dyn.count; i++) {
        const unsigned char *p = image->dyn.bytes + i * image->dyn.entry_size;
        if (elf_get64(image, p) == tag)
            return elf_get64(image, p + 8);
    }
    return 0;
}

enum { RELR_SIZE = 35, RELR = 36 };

/* An even word is an address; an odd one has a bit for each of the 63 words that follow
 * (gABI, "Relative Relocation Table"). */
static int relr_relocs(const struct lift_module *m, lift_reloc_fn *each, void *arg)
{
    const struct elf_image *image = &m->image;
    uint64_t size = dynamic_value(image, RELR_SIZE) & ~(uint64_t)7, vaddr = dynamic_value(image, RELR), where = 0;
    const unsigned char *at = size ? elf_image_at(image, vaddr, size) : NULL;
    if (size && !at)
        return -GRAFT_EFORMAT;
    for (uint64_t i = 0; i < size / 8; i++) {
        uint64_t word = elf_get64(image, at + i * 8), bits = word & 1 ? word >> 1 : 1;
        if (!(word & 1))
            where = word;
        for (unsigned k = 0; k < 63 && bits >> k; k++) {
            const unsigned char *slot = elf_image_at(image, where + k * 8, 8);
            if (!(bits >> k & 1))
                continue;
            if (!slot)
                return -GRAFT_EFORMAT;
            struct lift_reloc reloc = { where + k * 8, R_X86_64_RELATIVE, 0, (int64_t)elf_get64(image, slot) };
            int result = each(arg, &reloc);
            if (result)
                return result;
        }
        where += word & 1 ? 63 * 8 : 8;
    }
    return 0;
}

int lift_module_relocs(const struct lift_module *m, lift_reloc_fn *each, void *arg)
{
    for (unsigned t = 0; t < ELF_RELOC_TABLES; t++) {
        const struct elf_table *table = &m->image.relocs[t];
        for (size_t i = 0; i < table->count; i++) {
            struct elf_reloc r = elf_reloc_at(&m->image, table, i);
            struct lift_reloc reloc = { r.offset, r.type, r.symbol, r.addend };
            int result = each(arg, &reloc);
            if (result)
                return result;
        }
    }
    return relr_relocs(m, each, arg);
}

struct checking { const struct lift_module *module; struct graft_error *error; };

static int refuse_reloc(const struct checking *c, const struct lift_reloc *r, const char *why)
{
    const char *name = lift_reloc_name(r->type);
    struct elf_symbol symbol = { .name = "" };
    if (r->symbol)
        elf_symbol_at(&c->module->image, r->symbol, &symbol);
    return error_about(c->error, GRAFT_EREFUSED, c->module->path, symbol.name ? symbol.name : "",
                       "%s: relocation R_X86_64_%s (%u) at 0x%llx%s%s: %s", c->module->path, name ? name : "?", r->type,
                       (unsigned long long)r->offset, symbol.name && *symbol.name ? " by " : "",
                       symbol.name ? symbol.name : "", why);
}

static int check_reloc(void *arg, const struct lift_reloc *r)
{
    const struct checking *c = arg;
    const struct elf_image *image = &c->module->image;
    struct elf_symbol symbol = { .name = "" };
    unsigned words = r->type == R_X86_64_TLSDESC ? 2 : 1;
    switch (r->type) {
    case R_X86_64_NONE: return 0;
    case R_X86_64_64: case R_X86_64_GLOB_DAT: case R_X86_64_JUMP_SLOT: case R_X86_64_RELATIVE:
    case R_X86_64_IRELATIVE: case R_X86_64_DTPMOD64: case R_X86_64_DTPOFF64: case R_X86_64_TPOFF64:
    case R_X86_64_TLSDESC: break;
    default: return refuse_reloc(c, r, "not understood");
    }
    if (r->offset > UINT64_MAX - 16 || !elf_image_at(image, r->offset, words * 8))
        return refuse_reloc(c, r, "the word lies outside the file");
    if (!elf_image_covers(image, r->offset, PF_W))
        return refuse_reloc(c, r, "the word is read-only (a text relocation)");
    if (r->symbol && (!elf_symbol_at(image, r->symbol, &symbol) || !symbol.name))
        return refuse_reloc(c, r, "its symbol lies outside the table");
    bool is_tls = r->type == R_X86_64_DTPMOD64 || r->type == R_X86_64_DTPOFF64 || r->type == R_X86_64_TPOFF64
        || r->type == R_X86_64_TLSDESC;
    if (is_tls && !image->tls.type && (!r->symbol || symbol.section))
        return refuse_reloc(c, r, "the module has no TLS segment");
    if (!is_tls && r->symbol && symbol.type == STT_TLS)
        return refuse_reloc(c, r, "the address of a thread-local variable");
    return 0;
}

/* ---- the file --------------------------------------------------------------------- */

static int map(struct lift_module *m, struct graft_error *error)
{
    struct stat status;
    int file = open(m->path, O_RDONLY | O_CLOEXEC), number = 0;
    if (file < 0 || fstat(file, &status))
        number = errno;
    else if (!S_ISREG(status.st_mode) || status.st_size < (off_t)sizeof(Elf64_Ehdr))
        number = ENOEXEC;
    else {
        void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
        if (bytes == MAP_FAILED)
            number = errno;
        else
            m->bytes = bytes, m->size = (size_t)status.st_size;
    }
    if (file >= 0)
        close(file);
    if (number == ENOEXEC)
        return error_about(error, GRAFT_EFORMAT, m->path, "", "%s: no ELF file", m->path);
    return number ? error_about(error, GRAFT_ESYS, m->path, "", "%s: %s", m->path, strerror(number)) : 0;
}

static int check_segments(struct lift_module *m, struct graft_error *error)
{
    const struct elf_image *image = &m->image;
    uint64_t end = 0;
    m->align = PAGE;
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct elf_segment *s = &image->segment[i];
        if (i && s->vaddr < end)
            return refuse(m, error, "its segments overlap, or are not in order");
        if (s->filesz > s->memsz || s->offset > m->size || s->filesz > m->size - s->offset)
            return refuse(m, error, "a segment lies outside the file");
        if (s->memsz > s->filesz && !(s->flags & PF_W))
            return refuse(m, error, "a read-only segment has more memory than file");
        if ((s->flags & PF_W) && (s->flags & PF_X))
            return refuse(m, error, "a segment is writable and executable");
        if (i && (s->vaddr & ~(uint64_t)(PAGE - 1)) < end && (s->flags & (PF_W | PF_X)) != (image->segment[i - 1].flags & (PF_W | PF_X)))
            return refuse(m, error, "two segments with different protections share a page");
        if (s->memsz > (uint64_t)1 << 31 || s->vaddr > (uint64_t)1 << 31)
            return refuse(m, error, "it spans more than 2 GiB");
        if (s->align > m->align)
            m->align = s->align;
        end = s->vaddr + s->memsz;
    }
    if (!image->segment_count || m->align > 1 << 21 || m->align & (m->align - 1))
        return refuse(m, error, image->segment_count ? "an alignment that is too large, or no power of two" : "no segments");
    m->low = image->segment[0].vaddr & ~(uint64_t)(PAGE - 1);
    m->high = end;
    return 0;
}

static int check_image(struct lift_module *m, struct graft_error *error)
{
    const struct elf_image *image = &m->image;
    if (image->machine != EM_X86_64 || image->elf_class != ELFCLASS64 || image->swap)
        return error_about(error, GRAFT_EARCH, m->path, "", "%s: for %s%s; modules of x86-64 can be lifted", m->path,
                           elf_machine_name(image->machine) ? elf_machine_name(image->machine) : "an unknown machine",
                           image->elf_class == 1 ? ", 32 bit" : "");
    if (image->type != ET_DYN || image->flags_1 & DF_1_PIE)
        return refuse(m, error, "an executable, not a shared object");
    if (!image->dynamic.type)
        return refuse(m, error, "no dynamic section: nothing says what it has");
    if (image->textrel)
        return refuse(m, error, "it has text relocations (DT_TEXTREL): build it with -fPIC");
    if (!image->symbols.bytes || (!image->gnu.buckets && !image->sysv.buckets && elf_symbol_count(image)))
        return refuse(m, error, "no dynamic symbol table with a hash table");
    if (image->tls.type && (image->tls.filesz > image->tls.memsz || image->tls.memsz > 1 << 26
                            || (image->tls.filesz && !elf_image_at(image, image->tls.vaddr, image->tls.filesz))))
        return refuse(m, error, "its TLS segment lies outside the file, or is larger than 64 MiB");
    if (image->tls.type && (image->tls.align & (image->tls.align - 1) || image->tls.align > TLS_ALIGN_MAX))
        return refuse(m, error, "an alignment of thread-local data that is no power of two, or larger than 64 KiB");
    return check_segments(m, error);
}

static void read_headers(struct lift_module *m, const struct elf_header *header)
{
    m->headers = m->bytes + header->headers;
    m->header_count = header->count;
    for (size_t i = 0; i < header->count; i++) {
        Elf64_Phdr p;
        memcpy(&p, m->headers + i * sizeof p, sizeof p);
        if (p.p_type == PT_GNU_EH_FRAME)
            m->eh_frame_header = (struct elf_segment){ p.p_type, p.p_flags, p.p_offset, p.p_vaddr, p.p_filesz, p.p_memsz, p.p_align };
    }
}

/* The same file under the same path has the same id everywhere, so that builds repeat. */
static void name_module(struct lift_module *m)
{
    unsigned char seed[32 + 4096], digest[32];
    size_t length = strlen(m->path);
    sha256(m->bytes, m->size, m->digest);
    memcpy(seed, m->digest, 32);
    memcpy(seed + 32, m->path, length < 4096 ? length : 4096);
    sha256(seed, 32 + (length < 4096 ? length : 4096), digest);
    m->id[0] = 'm';
    text_hex(m->id + 1, digest, 8);
}

static int open_image(struct lift_module *m, struct graft_error *error)
{
    struct elf_header header;
    struct checking checking = { m, error };
    int result = map(m, error);
    if (!result)
        result = elf_header_read(&header, m->bytes, m->size, error);
    if (!result && header.type == ET_REL)
        return refuse(m, error, "an object; lift finished shared objects, graft link takes objects as they are");
    if (!result)
        result = elf_image_open_file(&m->image, m->bytes, m->size, error);
    if (!result)
        result = check_image(m, error);
    if (result)
        return error_of(error, result, m->path);
    if (header.entry_size != sizeof(Elf64_Phdr))
        return refuse(m, error, "program headers of another size");
    read_headers(m, &header);
    result = unwind_find(&m->unwind, &m->image, &m->eh_frame_header, error);
    if (result)
        return error_of(error, result, m->path);
    result = lift_module_relocs(m, check_reloc, &checking);
    if (result)
        return error_about(error, -result, m->path, "", "%s: a relocation table leads outside the file", m->path);
    name_module(m);
    return 0;
}

/* The path by which dlopen will be asked for it: absolute, but a link stays one, since it
 * is the link that an interpreter finds (lua/5.4/lpeg.so leads to a library's file). */
static char *installed_path(const char *path)
{
    char folder[4096], *real, *whole = NULL;
    const char *slash = strrchr(path, '/');
    if (*path == '/')
        return access(path, F_OK) ? NULL : strdup(path);
    if ((size_t)snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".") >= sizeof folder)
        return NULL;
    real = access(path, F_OK) ? NULL : realpath(folder, NULL);
    if (real && asprintf(&whole, "%s/%s", strcmp(real, "/") ? real : "", slash ? slash + 1 : path) < 0)
        whole = NULL;
    free(real);
    return whole;
}

int lift_module_open(struct lift_module *m, const char *path, struct graft_error *error)
{
    *m = (struct lift_module){ .path = installed_path(path) };
    if (!m->path)
        return error_about(error, GRAFT_ESYS, path, "", "%s: %s", path, strerror(errno));
    int result = open_image(m, error);
    if (result)
        lift_module_close(m);
    return result;
}

void lift_module_close(struct lift_module *m)
{
    if (m->bytes)
        munmap(m->bytes, m->size);
    free(m->path);
    *m = (struct lift_module){ 0 };
}
