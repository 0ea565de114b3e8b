/* SPDX-License-Identifier: MIT */
/* Looks at what could be lifted. Invariant: the verdict of a module is lift_module_open's
 * own answer, so that a scan never promises what a lift refuses; damaged files are listed
 * with their reason. */

#include <elf.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "file/files.h"
#include "file/search.h"
#include "lift/archive.h"
#include "lift/link_run.h"
#include "lift/scan.h"

enum { BUCKETS = 16384 };

struct known { struct known *next; const char *name; };

void scan_init(struct scan *scan)
{
    *scan = (struct scan){ 0 };
    world_init(&scan->world);
    scan->modules = (struct arena_list){ .arena = &scan->arena, .element_size = sizeof(struct scan_module) };
    scan->missing = (struct arena_list){ .arena = &scan->arena, .element_size = sizeof(char *) };
    scan->distributions = (struct arena_list){ .arena = &scan->arena, .element_size = sizeof(struct scan_distribution) };
}

void scan_close(struct scan *scan)
{
    for (size_t i = 0; i < scan->modules.count; i++) {
        struct scan_module *m = arena_list_at(&scan->modules, i);
        if (m->can_lift)
            lift_module_close(&m->module);
    }
    files_close(&scan->world);
    arena_free(&scan->arena);
}

/* ---- what is scanned ------------------------------------------------------------------ */

static int no_memory(struct graft_error *error)
{
    return error_set(error, GRAFT_ENOMEM, "out of memory");
}

int scan_file(struct scan *scan, const char *path, struct graft_error *error)
{
    const char *name = scan_import_name(scan, path);
    if (scan->list && !module_list_takes(scan->list, name, path))
        return 0;
    for (size_t i = 0; i < scan->modules.count; i++)
        if (!strcmp(((struct scan_module *)arena_list_at(&scan->modules, i))->path, path))
            return 0;
    struct scan_module *m = arena_list_push(&scan->modules);
    if (!m || !(m->path = arena_string(&scan->arena, path)))
        return no_memory(error);
    m->name = name;
    return 0;
}

static bool is_shared_object(const char *path)
{
    unsigned char ident[20] = { 0 };
    FILE *file = fopen(path, "re");
    bool is = file && fread(ident, 1, sizeof ident, file) == sizeof ident && !memcmp(ident, ELFMAG, SELFMAG);
    if (file)
        fclose(file);
    return is;
}

/* nftw has no argument for its function. */
static __thread struct scan *walking;

static int visit(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)where;
    const char *so = strstr(text_basename(path), ".so");
    if (type == FTW_F && S_ISREG(status->st_mode) && so && (!so[3] || so[3] == '.') && is_shared_object(path))
        return scan_file(walking, path, NULL) ? -1 : 0;
    return 0;
}

int scan_folder(struct scan *scan, const char *path)
{
    walking = scan;
    return nftw(path, visit, 32, FTW_PHYS) ? -GRAFT_ENOMEM : 0;
}

static int add_package(struct scan *scan, const char *name, struct graft_error *error)
{
    struct link_folder folder;
    char *files = NULL, *rest = NULL;
    char *command[] = { (char *)"dpkg-query", (char *)"-L", (char *)name, NULL };
    int result = link_folder_open(&folder, NULL, scan->temporary, error);
    if (!result && link_command(command, &folder, &files, NULL))
        result = error_about(error, GRAFT_ENOOBJ, name, "", "%s: no such file or folder, and no installed Debian package", name);
    for (char *line = result || !files ? NULL : strtok_r(files, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        struct stat status;
        const char *so = strstr(text_basename(line), ".so");
        if (so && (!so[3] || so[3] == '.') && !lstat(line, &status) && S_ISREG(status.st_mode) && is_shared_object(line))
            scan_file(scan, line, error);
    }
    free(files);
    link_folder_close(&folder);
    return result;
}

static int add_deb(struct scan *scan, const char *path, struct graft_error *error)
{
    struct link_folder folder;
    char *messages = NULL;
    char *command[] = { (char *)"dpkg-deb", (char *)"-x", (char *)path, (char *)scan->temporary, NULL };
    int result = link_folder_open(&folder, NULL, scan->temporary, error);
    if (!result && link_command(command, &folder, &messages, NULL))
        result = error_about(error, GRAFT_EFORMAT, path, "", "%s: %s", path, messages && *messages ? messages : "dpkg-deb failed");
    free(messages);
    link_folder_close(&folder);
    return result ? result : scan_folder(scan, scan->temporary);
}

int scan_add(struct scan *scan, const char *what, struct graft_error *error)
{
    struct stat status;
    size_t length = strlen(what);
    if (stat(what, &status))
        return add_package(scan, what, error);
    if (S_ISDIR(status.st_mode))
        return scan_folder(scan, what) ? no_memory(error) : 0;
    if (is_shared_object(what))
        return scan_file(scan, what, error);
    if (length > 4 && !strcmp(what + length - 4, ".deb"))
        return add_deb(scan, what, error);
    return scan_requirements(scan, what, error);
}

static bool know(void *arg, const char *name)
{
    struct scan *scan = arg;
    struct known **bucket = (struct known **)scan->against + elf_hash_gnu(name) % BUCKETS;
    struct known *k = arena_alloc(&scan->arena, sizeof *k);
    if (!k || !(k->name = arena_string(&scan->arena, name)))
        return false;
    k->next = *bucket;
    *bucket = k;
    return true;
}

int scan_add_archive(struct scan *scan, const char *path, struct graft_error *error)
{
    if (!scan->against && !(scan->against = arena_array(&scan->arena, BUCKETS, sizeof(struct known *))))
        return no_memory(error);
    return archive_names(path, know, scan, error);
}

static bool is_known(const struct scan *scan, const char *name)
{
    const struct known *k = scan->against ? ((struct known **)scan->against)[elf_hash_gnu(name) % BUCKETS] : NULL;
    while (k && strcmp(k->name, name))
        k = k->next;
    return k != NULL;
}

/* ---- judging -------------------------------------------------------------------------- */

static bool is_c_library(const char *path)
{
    static const char *const names[] = { "libc.so", "libm.so", "libpthread.so", "libdl.so", "librt.so", "libutil.so",
                                         "libresolv.so", "libmvec.so", "ld-linux" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strncmp(text_basename(path), names[i], strlen(names[i])))
            return true;
    return false;
}


/* Breadth first, as ld.so would look. */
static const struct world_object *find_definition(struct scan *scan, const struct elf_image *image, const struct elf_symbol *s)
{
    struct elf_wanted wanted = { .name = s->name, .version = s->version, .gnu_hash = elf_hash_gnu(s->name) };
    size_t total = scan->world.objects.count, *queue = calloc(total + 1, sizeof *queue), count = 0;
    bool *seen = calloc(total + 1, sizeof *seen);
    const struct world_object *found = NULL;
    for (size_t next = 0; queue && seen && !found && next <= count; next++) {
        const char *name;
        for (size_t k = 0; (name = elf_image_needed(image, k)); k++) {
            size_t i = search_loaded(&scan->world, 0, name);
            if (i < total && !seen[i])
                seen[i] = true, queue[count++] = i;
        }
        if (next == count)
            break;
        const struct world_object *o = world_object(&scan->world, queue[next]);
        struct elf_symbol symbol;
        image = &o->image;
        if (!o->broken && elf_lookup(&o->image, &wanted, &symbol) == ELF_FOUND)
            found = o;
    }
    free(queue);
    free(seen);
    return found;
}

static int note_tls(void *arg, const struct lift_reloc *r)
{
    struct scan_module *m = arg;
    m->tls_kinds |= r->type == R_X86_64_DTPMOD64 ? SCAN_TLS_DYNAMIC : r->type == R_X86_64_TPOFF64 ? SCAN_TLS_INITIAL
                  : r->type == R_X86_64_TLSDESC ? SCAN_TLS_DESCRIPTOR : 0;
    return 0;
}

static void note_glibc(struct scan_module *m, const char *version)
{
    if (version && !strncmp(version, "GLIBC_2", 7) && strverscmp(version, m->glibc) > 0)
        text_copy(m->glibc, sizeof m->glibc, version);
}

static int highest(void *arg, const struct lift_reloc *r)
{
    uint32_t *count = arg;
    if (r->symbol >= *count)
        *count = r->symbol + 1;
    return 0;
}

static void judge_names(struct scan *scan, struct scan_module *m, const struct elf_image *image)
{
    uint32_t count = elf_symbol_count(image);
    lift_module_relocs(&m->module, highest, &count);
    m->open = (struct arena_list){ .arena = &scan->arena, .element_size = sizeof(struct scan_open) };
    for (uint32_t i = 1; i < count; i++) {
        struct elf_symbol s;
        if (!elf_symbol_at(image, i, &s) || !s.name || !*s.name)
            continue;
        elf_symbol_version(image, &s);
        if (s.section != SHN_UNDEF) {
            m->exports++;
            continue;
        }
        m->imports++;
        note_glibc(m, s.version);
        const struct world_object *in = find_definition(scan, image, &s);
        bool served = is_known(scan, s.name) || s.bind == STB_WEAK || !strcmp(s.name, "__tls_get_addr")
            || (in && (!is_c_library(in->path) || !scan->against));
        struct scan_open *open = served ? NULL : arena_list_push(&m->open);
        if (open)
            *open = (struct scan_open){ arena_string(&scan->arena, s.name), in ? in->path : NULL };
    }
}

static void judge(struct scan *scan, struct scan_module *m)
{
    struct graft_error error = { 0 };
    const char *name;
    m->can_lift = !lift_module_open(&m->module, m->path, &error);
    if (!m->can_lift) {
        const char *text = error.text[0] ? error.text : graft_strerror(error.code);
        size_t length = strlen(m->path);
        text_copy(m->why, sizeof m->why, !strncmp(text, m->path, length) && text[length] == ':' ? text + length + 2 : text);
        return;
    }
    const struct elf_image *image = &m->module.image;
    m->size = m->module.size;
    m->tls_size = image->tls.type ? image->tls.memsz : 0;
    while (elf_image_needed(image, m->needed_count))
        m->needed_count++;
    m->needed = arena_array(&scan->arena, m->needed_count + 1, sizeof *m->needed);
    m->found = arena_array(&scan->arena, m->needed_count + 1, sizeof *m->found);
    for (size_t i = 0; m->needed && m->found && (name = elf_image_needed(image, i)); i++) {
        size_t at = search_loaded(&scan->world, 0, name);
        m->needed[i] = name;
        m->found[i] = at < scan->world.objects.count ? world_object(&scan->world, at)->path : NULL;
    }
    lift_module_relocs(&m->module, note_tls, m);
    judge_names(scan, m, image);
}

int scan_finish(struct scan *scan, struct graft_error *error)
{
    size_t missing, index, own = scan->modules.count;
    for (size_t i = 0; i < own; i++)
        files_add(&scan->world, ((struct scan_module *)arena_list_at(&scan->modules, i))->path, &index, NULL);
    size_t named = scan->world.objects.count;
    files_add_needed(&scan->world, 0, getenv("LD_LIBRARY_PATH"), &missing);
    for (size_t i = named; i < scan->world.objects.count; i++) {
        const struct world_object *o = world_object(&scan->world, i);
        if (o->broken || is_c_library(o->path))
            continue;
        size_t before = scan->modules.count;
        int result = scan_file(scan, o->path, error);
        if (result)
            return result;
        if (scan->modules.count > before)
            ((struct scan_module *)arena_list_at(&scan->modules, before))->is_library = true;
    }
    for (size_t i = 0; i < scan->modules.count; i++)
        judge(scan, arena_list_at(&scan->modules, i));
    return 0;
}
