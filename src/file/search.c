/* SPDX-License-Identifier: MIT */
/* The search for a library's file. Invariant: the order, and what ends it, are those of
 * glibc's _dl_map_object; a candidate is opened and its ELF header read, nothing is
 * mapped or kept open. Runs in other people's processes: no malloc, errno restored. */

#include "file/search.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/feature.h"
#include "base/text.h"
#include "file/expand.h"
#include "file/hwcaps.h"

struct walk {
    const struct search *search;
    const struct search_from *from;
    const char *name;
    char *path;                     /* of the candidate, PATH_MAX */
};

/* ---- one candidate ----------------------------------------------------------- */

/* Whether ld.so stops at the file: it is of the right machine, or no ELF file at all. */
static bool takes(const char *path, const struct elf_image *image)
{
    unsigned char bytes[sizeof(Elf64_Ehdr)];
    struct elf_header header;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    ssize_t size = read(file, bytes, sizeof bytes);
    close(file);
    if (elf_header_read(&header, bytes, size < 0 ? 0 : (size_t)size, NULL))
        return true;
    return header.machine == image->machine && header.elf_class == image->elf_class && header.swap == image->swap;
}

/* Joins the texts into the candidate's path and looks at it. */
static bool try_file(const struct walk *walk, const char *folder, const char *between)
{
    const char *part[] = { folder, between, walk->name };
    size_t length = 0;
    for (size_t i = 0; i < 3; i++) {
        size_t size = strlen(part[i]);
        if (size >= PATH_MAX - length)
            return false;
        memcpy(walk->path + length, part[i], size + 1);
        length += size;
    }
    return takes(walk->path, walk->from->image);
}

/* ---- folders ----------------------------------------------------------------- */

static unsigned level_for(const struct walk *walk)
{
    const struct elf_image *image = walk->from->image;
    return image->machine == EM_X86_64 && image->elf_class == ELFCLASS64 ? walk->search->level : 0;
}

/* An empty @folder is the current one. */
static bool try_folder(const struct walk *walk, char *folder)
{
    size_t length = strlen(folder);
    const char *root = *folder ? "/" : "";
    while (length && folder[length - 1] == '/')
        folder[--length] = '\0';
    for (unsigned level = level_for(walk); level > 1; level--)
        if (try_file(walk, folder, hwcaps_folder(level) + !*root))
            return true;
    return try_file(walk, folder, root);
}

/* What $LIB stands for: the first folder of the machine that is there. Which one
 * glibc was built with is written nowhere. */
static const char *lib_of(const struct elf_arch *arch, char lib[PATH_MAX])
{
    const char *list = arch ? arch->library_dirs : "";
    while (*list) {
        size_t length = strcspn(list, ":");
        memcpy(lib, list, length);
        lib[length] = '\0';
        if (strncmp(lib, "/usr/", 5) && access(lib, F_OK) == 0)
            return lib + 1;
        list += length + (list[length] == ':');
    }
    return NULL;
}

static bool expanded(const struct walk *walk, const struct search_from *owner, const char *from, size_t length,
                     char to[PATH_MAX])
{
    char lib[PATH_MAX];
    const struct elf_image *image = walk->from->image;
    bool is_here = image->machine == FEATURE_MACHINE && image->elf_class == FEATURE_CLASS;
    struct expand expand = { .object = owner->path, .platform = is_here ? walk->search->platform : NULL };
    if (memchr(from, '$', length))
        expand.lib = lib_of(image->arch, lib);
    return expand_tokens(&expand, from, length, to);
}

/* Each element of @list between the @separators; $ORIGIN is the folder of @owner. */
static bool try_list(const struct walk *walk, const struct search_from *owner, const char *list,
                     const char *separators)
{
    char folder[PATH_MAX];
    if (!list || !*list)
        return false;
    for (;; list++) {
        size_t length = strcspn(list, separators);
        /* ld.so leaves out what became empty, but not what was */
        if (expanded(walk, owner, list, length, folder) && (*folder || !length) && try_folder(walk, folder))
            return true;
        list += length;
        if (!*list)
            return false;
    }
}

/* ---- the order --------------------------------------------------------------- */

static const struct search_from *program_of(const struct walk *walk)
{
    const struct search_from *from = walk->from;
    if (walk->search->program)
        return walk->search->program;
    while (from->loader)
        from = from->loader;
    return from;
}

/* An object with a RUNPATH has no RPATH, but those of its loaders count where it needs
 * nothing itself. */
static bool try_rpath(const struct walk *walk, const struct search_from *from)
{
    return !from->image->runpath && try_list(walk, from, from->image->rpath, ":");
}

static bool try_rpaths(const struct walk *walk)
{
    const struct search_from *program = program_of(walk);
    bool did_program = false;
    if (walk->from->image->runpath)
        return false;
    for (const struct search_from *from = walk->from; from; from = from->loader) {
        if (try_rpath(walk, from))
            return true;
        did_program |= from == program;
    }
    return !did_program && try_rpath(walk, program);
}

static bool is_default(const struct elf_arch *arch, const char *path)
{
    const char *list = arch ? arch->library_dirs : "";
    while (*list) {
        size_t length = strcspn(list, ":");
        if (!strncmp(path, list, length) && path[length] == '/')
            return true;
        list += length + (list[length] == ':');
    }
    return false;
}

static bool try_cache(const struct walk *walk)
{
    const struct elf_image *image = walk->from->image;
    const char *path = cache_find(&walk->search->cache, walk->name,
                                  cache_flags(image->machine, image->elf_class), level_for(walk));
    if (!path || (image->flags_1 & DF_1_NODEFLIB && is_default(image->arch, path)))
        return false;
    text_copy(walk->path, PATH_MAX, path);
    return takes(walk->path, image);
}

static bool try_default(const struct walk *walk)
{
    const struct elf_image *image = walk->from->image;
    return image->arch && !(image->flags_1 & DF_1_NODEFLIB)
        && try_list(walk, walk->from, image->arch->library_dirs, ":");
}

bool search_find(const struct search *search, const struct search_from *from, const char *name,
                 char path[PATH_MAX])
{
    const struct walk walk = { search, from, name, path };
    int saved = errno;
    bool found;
    if (strchr(name, '/'))
        found = expanded(&walk, from, name, strlen(name), path) && takes(path, from->image);
    else
        found = *name && (try_rpaths(&walk)
            || try_list(&walk, program_of(&walk), search->library_path, ":;")
            || try_list(&walk, from, from->image->runpath, ":")
            || try_cache(&walk)
            || try_default(&walk));
    errno = saved;
    return found;
}

/* ---- what is the same for all -------------------------------------------------- */

void search_init(struct search *search, const char *library_path)
{
    *search = (struct search){ .library_path = library_path, .level = hwcaps_level() };
    search->platform = (const char *)getauxval(AT_PLATFORM);
    if (!mapping_open(&search->mapped, "/etc/ld.so.cache", NULL)
        && !cache_open(&search->cache, search->mapped.bytes, search->mapped.size))
        mapping_close(&search->mapped);
}

void search_fini(struct search *search)
{
    mapping_close(&search->mapped);
    search->cache = (struct cache){ 0 };
}

/* ---- what is loaded ------------------------------------------------------------ */

static bool is_needed_as(const struct world *world, unsigned space, const char *name)
{
    const char *needed;
    for (size_t i = 0; i < world->objects.count; i++)
        for (size_t k = 0; world_object(world, i)->space == space
             && (needed = elf_image_needed(&world_object(world, i)->image, k)); k++)
            if (!strcmp(needed, name))
                return true;
    return false;
}

bool search_means(const struct world *world, size_t i, const char *name)
{
    const struct world_object *object = world_object(world, i);
    if (!strcmp(object->path, name) || (object->image.soname && !strcmp(object->image.soname, name)))
        return true;
    return !strchr(name, '/') && !strcmp(text_basename(object->path), name)
        && is_needed_as(world, object->space, name);
}

size_t search_loaded(const struct world *world, unsigned space, const char *name)
{
    for (size_t i = 0; i < world->objects.count; i++)
        if (world_object(world, i)->space == space && search_means(world, i, name))
            return i;
    return WORLD_NONE;
}

/* ld.so compares device and inode of the files that it opened: not of the program and
 * itself, which the kernel did, and so it would map them a second time. */
static bool has_identity(const struct world_object *object)
{
    return !object->is_main && !object->is_loader && !object->is_vdso;
}

size_t search_loaded_file(const struct world *world, unsigned space, const char *path)
{
    struct stat wanted, status;
    int saved = errno;
    size_t found = WORLD_NONE;
    bool there = stat(path, &wanted) == 0;
    for (size_t i = 0; there && i < world->objects.count && found == WORLD_NONE; i++) {
        const struct world_object *object = world_object(world, i);
        if (object->space == space && has_identity(object) && stat(object->path, &status) == 0
            && status.st_dev == wanted.st_dev && status.st_ino == wanted.st_ino)
            found = i;
    }
    errno = saved;
    return found;
}
