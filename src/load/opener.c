/* SPDX-License-Identifier: MIT */
/* Gets a word in between relocation and constructors. Invariant: the loader itself runs
 * the constructors, in its own order and with its own arguments; nothing is copied or
 * put off.
 *
 *     dlopen(opener) ─▶ maps opener, consumer and what it needs ─▶ relocates them all
 *       ─▶ DF_1_INITFIRST: the opener's init array: us ─▶ the constructors
 *       (glibc elf/dl-init.c, _dl_init; elf/dl-load.c, _dl_map_object_from_fd)
 *
 * The opener is an object without code whose one DT_NEEDED is the consumer. Once the
 * consumer has a handle of its own, the opener goes, and ld.so leaves the consumer with
 * the scope that a dlopen of its own would have given it. */

#include "load/opener.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "bind/watch.h"
#include "live/live.h"
#include "load/memory_file.h"
#include "load/stand_in.h"

#define OPENER "graft-opener"

/* What the thread that is in opener_open waits for. */
struct opening { opener_fn *fn; void *arg; int result; bool ran; unsigned space; };

static struct { pid_t process; unsigned count, started; } openings;      /* of a parent's threads, a child has none */

static __thread struct opening *under_way __attribute__((tls_model("initial-exec")));

/* ---- constructors that shall not run ------------------------------------------------------- */

static void nothing(void)
{
}

/* ld.so keeps pointers to these entries and reads them when it calls them. */
static void silence_entry(ElfW(Dyn) *d, uint64_t bias)
{
    switch (d->d_tag) {
    case DT_INIT:
    case DT_FINI:
        d->d_un.d_ptr = (ElfW(Addr))((uintptr_t)nothing - bias);
        break;
    case DT_INIT_ARRAYSZ:
    case DT_FINI_ARRAYSZ:
        d->d_un.d_val = 0;
        break;
    default:
        break;
    }
}

static void silence(const struct world_object *object)
{
    const struct elf_image *image = &object->image;
    const uintptr_t page = getauxval(AT_PAGESZ), start = image->bias + image->dynamic.vaddr;
    const uintptr_t low = start & -page, high = (start + image->dynamic.memsz + page - 1) & -page;
    const bool sealed = image->dynamic.vaddr - image->relro.vaddr < image->relro.memsz;
    if (mprotect((void *)low, high - low, PROT_READ | PROT_WRITE))
        return;
    for (ElfW(Dyn) *d = (ElfW(Dyn) *)start; d->d_tag != DT_NULL; d++)
        silence_entry(d, image->bias);
    if (sealed)
        mprotect((void *)low, high - low, PROT_READ);
}

/* What comes with this load stands behind the newest opener in its namespace. */
static int silence_all(struct world *world, const struct live_counts *counts, void *arg)
{
    const struct opening *o = arg;
    size_t n = world->objects.count, opener = n;
    (void)counts;
    for (size_t i = 0; i < n; i++) {
        const struct world_object *object = world_object(world, i);
        if (object->space == o->space && object->image.soname && !strcmp(object->image.soname, OPENER))
            opener = i;
    }
    for (size_t i = opener; i < n; i++) {
        const struct world_object *object = world_object(world, i);
        if (object->space == o->space && !object->broken && !object->is_graft)
            silence(object);
    }
    return 0;
}

static void before_constructors(int count, char **arguments, char **environment)
{
    struct opening *o = under_way;
    (void)count;
    (void)arguments;
    (void)environment;
    if (!o || o->ran)
        return;
    o->ran = true;
    under_way = NULL;               /* a constructor may load something in its turn */
    o->result = o->fn(o->arg);
    if (o->result)
        live_visit(silence_all, o, NULL);
    __atomic_sub_fetch(&openings.count, 1, __ATOMIC_SEQ_CST);
}

unsigned opener_under_way(void)
{
    return openings.process == getpid() ? __atomic_load_n(&openings.count, __ATOMIC_SEQ_CST) : 0;
}

unsigned opener_started(void)
{
    return __atomic_load_n(&openings.started, __ATOMIC_SEQ_CST);
}

/* ---- opening ---------------------------------------------------------------------------------- */

static int write_opener(struct memory_file *file, const char *real, struct graft_error *error)
{
    struct stand_in_layout layout;
    const struct stand_in wish = { .soname = OPENER, .needed = &real, .needed_count = 1,
                                   .first = before_constructors };
    if (!stand_in_measure(&wish, &layout))
        return error_set(error, GRAFT_EINVAL, "the path %s is too long", real);
    int result = memory_file_open(file, OPENER, layout.size, error);
    if (result)
        return result;
    stand_in_write(file->bytes, &wish, &layout);
    return memory_file_seal(file, error);
}

/* The handle that the program wanted; the opener's own goes. */
static int hand_over(const struct caller *caller, const char *path, const char *real, int mode, void *opener,
                     void **handle, struct graft_error *error)
{
    *handle = caller_open(caller, path, (mode & ~RTLD_DEEPBIND) | RTLD_NOLOAD);
    if (!*handle)
        *handle = caller_open(caller, real, (mode & ~RTLD_DEEPBIND) | RTLD_NOLOAD);
    int result = *handle ? 0 : caller_failed(path, error);
    caller_close(caller, opener);
    return result;
}

int opener_open(const struct caller *caller, const char *path, const char *real, int mode, opener_fn *fn, void *arg,
                void **handle, struct graft_error *error)
{
    struct memory_file file = { .file = -1 };
    struct opening opening = { .fn = fn, .arg = arg, .space = caller->space };
    struct opening *outer = under_way;
    int result = write_opener(&file, real, error);
    if (result) {
        memory_file_close(&file);
        return result;
    }
    under_way = &opening;
    if (openings.process != getpid()) {
        openings.count = 0;
        openings.process = getpid();
    }
    __atomic_add_fetch(&openings.started, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&openings.count, 1, __ATOMIC_SEQ_CST);
    void *opener = watch_open(caller, file.path, mode & ~RTLD_NODELETE);
    under_way = outer;
    if (!opening.ran)
        __atomic_sub_fetch(&openings.count, 1, __ATOMIC_SEQ_CST);
    memory_file_close(&file);
    if (!opener)
        return caller_failed(path, error);
    if (!opening.ran)
        opening.result = error_about(error, GRAFT_ESYS, path, "", "%s: the loader did not let graft in before the "
                                     "constructors", path);
    if (opening.result) {
        caller_close(caller, opener);
        return opening.result;
    }
    return hand_over(caller, path, real, mode, opener, handle, error);
}
