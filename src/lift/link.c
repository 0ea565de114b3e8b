/* SPDX-License-Identifier: MIT */
/* One link from beginning to end. Invariant: all that is made on the way lies in one
 * folder of its own, and the output appears by a rename after everything has succeeded. */

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "lift/binding.h"
#include "lift/layout.h"
#include "lift/link.h"
#include "lift/link_check.h"
#include "lift/link_run.h"
#include "lift/main_table.h"
#include "lift/parallel.h"

struct linking {
    const struct link_job *job;
    struct link_result *result;
    struct graft_error *error;
    struct arena arena;
    struct link_folder folder;
    struct lift_module *modules;    /* those of the job that are shared objects */
    struct lift_module **opened;
    size_t count, lifted;
    const char **sources;           /* the files that they are of */
    const char **objects;           /* one for each of the job's modules */
    bool *lib;                      /* of modules */
    struct binding *binding;
    struct layout layout;
    struct link_words extra;        /* what the response file holds */
    char *output;                   /* where ld writes */
};

static int no_memory(struct linking *l)
{
    return error_set(l->error, GRAFT_ENOMEM, "out of memory");
}

static void progress(struct linking *l, const char *what, size_t done, size_t of)
{
    if (l->job->progress)
        l->job->progress(l->job->arg, what, done, of);
}

static bool is_object(const char *path)
{
    unsigned char ident[20] = { 0 };
    FILE *file = fopen(path, "re");
    bool is = file && fread(ident, 1, sizeof ident, file) == sizeof ident && !memcmp(ident, ELFMAG, SELFMAG)
           && ident[16] == ET_REL;
    if (file)
        fclose(file);
    return is;
}

static int refuse_twice(struct linking *l, const struct lift_module *m)
{
    for (size_t i = 0; l->modules + i < m; i++)
        if (!strcmp(l->modules[i].path, m->path))
            return error_about(l->error, GRAFT_EAMBIG, m->path, "", "%s: named twice", m->path);
    return 0;
}

static int open_one(void *arg, size_t i, struct graft_error *error)
{
    struct linking *l = arg;
    return lift_module_open(&l->modules[i], l->sources[i], error);
}

static int name_object(struct linking *l, size_t i, size_t module)
{
    struct lift_module *m = &l->modules[module];
    int result = refuse_twice(l, m);
    l->opened[module] = m;
    l->objects[i] = link_folder_file(&l->folder, &l->arena, m->id, ".o");
    return result ? result : l->objects[i] ? 0 : no_memory(l);
}

static int open_modules(struct linking *l)
{
    size_t n = l->job->module_count, module = 0;
    l->modules = arena_array(&l->arena, n + 1, sizeof *l->modules);
    l->opened = arena_array(&l->arena, n + 1, sizeof *l->opened);
    l->sources = arena_array(&l->arena, n + 1, sizeof *l->sources);
    l->objects = arena_array(&l->arena, n + 1, sizeof *l->objects);
    l->lib = arena_array(&l->arena, n + 1, sizeof *l->lib);
    if (!l->modules || !l->opened || !l->sources || !l->objects || !l->lib)
        return no_memory(l);
    for (size_t i = 0; i < n; i++) {
        const struct link_module *from = &l->job->modules[i];
        if (is_object(from->path)) {
            l->objects[i] = from->path;
        } else {
            l->sources[l->count] = from->path;
            l->lib[l->count++] = from->lib;
        }
    }
    int result = parallel_each(l->count, open_one, l, l->error);
    for (size_t i = 0; !result && i < n; i++)
        if (!l->objects[i])
            result = name_object(l, i, module++);
    if (result)
        return result;
    return (l->binding = binding_new(l->opened, l->count)) ? 0 : no_memory(l);
}

static int lift_one(void *arg, size_t i, struct graft_error *error)
{
    struct linking *l = arg;
    struct lift_options options = { .lib = l->lib[i], .resolve = binding_resolve, .arg = l->binding };
    struct lift_counts counts;
    char path[4400];
    snprintf(path, sizeof path, "%s/%s.o", l->folder.path, l->modules[i].id);
    int result = lift_write(&l->modules[i], &options, path, &counts, error);
    __atomic_add_fetch(&l->result->left_open, counts.late, __ATOMIC_RELAXED);
    progress(l, "lifting", __atomic_add_fetch(&l->lifted, 1, __ATOMIC_RELAXED), l->count);
    return result;
}

static int lift_modules(struct linking *l)
{
    l->result->left_open = l->lifted = 0;
    return parallel_each(l->count, lift_one, l, l->error);
}

/* ---- the additions to the command ---------------------------------------------------- */

/* Weak references pull no member of an archive; in a process with a libc.so.6 they
 * would be served. */
struct weak { struct linking *l; struct arena_list found; };

static void note_weak(void *arg, const char *name)
{
    struct arena_list *list = arg;
    const char **place = arena_list_push(list);
    if (place)
        *place = name;
}

static bool match_weak(void *arg, const char *name)
{
    struct weak *w = arg;
    for (size_t i = 0; i < w->found.count; i++)
        if (!strcmp(*(const char **)arena_list_at(&w->found, i), name))
            link_words_add(&w->l->extra, "-Wl,-u,%s", name);
    return true;
}

static void force_weak(struct linking *l, const char *libc)
{
    struct weak weak = { .l = l, .found = { .arena = &l->arena, .element_size = sizeof(char *) } };
    struct arena_list all = { .arena = &l->arena, .element_size = sizeof(char *) };
    note_weak(&all, "__cxa_thread_atexit_impl");    /* the registry's own */
    binding_weak(l->binding, note_weak, &all);
    for (size_t i = 0; i < all.count; i++) {
        const char *name = *(const char **)arena_list_at(&all, i);
        bool known = false;
        for (size_t k = 0; k < weak.found.count && !known; k++)
            known = !strcmp(*(const char **)arena_list_at(&weak.found, k), name);
        if (!known)
            note_weak(&weak.found, name);
    }
    if (libc)
        archive_names(libc, match_weak, &weak, NULL);
}

static int write_additions(struct linking *l, const char *libc)
{
    const char *script = link_folder_file(&l->folder, &l->arena, "layout", ".lds");
    const char *place = link_folder_file(&l->folder, &l->arena, "main", ".o");
    if (!script || !place)
        return no_memory(l);
    int result = main_table_reserve(place, l->error);
    layout_init(&l->layout, &l->arena);
    for (size_t i = 0; !result && i < l->job->module_count; i++)
        result = layout_add_object(&l->layout, l->objects[i], l->error);
    if (!result)
        result = layout_write(&l->layout, script, l->error);
    if (result)
        return result;
    link_words_clear(&l->extra);
    link_words_add(&l->extra, "%s", place);
    for (size_t i = 0; i < l->job->module_count; i++)
        link_words_add(&l->extra, "%s", l->objects[i]);
    link_words_add(&l->extra, "-Wl,--whole-archive");
    link_words_add(&l->extra, "%s", l->job->registry);
    link_words_add(&l->extra, "-Wl,--no-whole-archive");
    /* An index of the unwind tables, which gcc leaves out of a static program: what looks
     * for a frame need not read them all. */
    link_words_add(&l->extra, "-Wl,--eh-frame-hdr,--no-demangle");
    link_words_add(&l->extra, "-Wl,-T,%s", script);
    if (layout_is_crowded(&l->layout))
        link_words_add(&l->extra, "-Wl,-z,noseparate-code");
    force_weak(l, libc);
    return link_words_failed(&l->extra) ? no_memory(l) : 0;
}

/* ---- running it ---------------------------------------------------------------------- */

/* The caller's command with the additions after the compiler's name, and the output
 * beside its place. */
static char **make_command(struct linking *l, const char *response)
{
    size_t n = 0;
    while (l->job->command[n])
        n++;
    char **command = arena_array(&l->arena, n + 3, sizeof *command);
    if (!command)
        return NULL;
    command[0] = l->job->command[0];
    command[1] = (char *)response;
    for (size_t i = 1; i < n; i++) {
        command[i + 1] = l->job->command[i];
        if (i && !strcmp(l->job->command[i - 1], "-o"))
            command[i + 1] = l->output;
    }
    return command;
}

static int find_output(struct linking *l)
{
    for (size_t i = 1; l->job->command[i]; i++)
        if (!strcmp(l->job->command[i], "-o") && l->job->command[i + 1])
            l->result->output = l->job->command[i + 1];
    if (!l->result->output)
        return error_set(l->error, GRAFT_EINVAL, "the link command has no -o FILE");
    size_t size = strlen(l->result->output) + 32;
    l->output = arena_alloc(&l->arena, size);
    if (!l->output)
        return no_memory(l);
    snprintf(l->output, size, "%s.%ld.part", l->result->output, (long)getpid());
    return 0;
}

static int run_linker(struct linking *l)
{
    char at[4200];
    const char *file = link_folder_file(&l->folder, &l->arena, "link", ".rsp");
    int result = file ? link_words_write(&l->extra, file, l->error) : no_memory(l);
    if (result)
        return result;
    snprintf(at, sizeof at, "@%s", file);
    char **command = make_command(l, arena_string(&l->arena, at));
    struct timespec start, end;
    if (!command)
        return no_memory(l);
    free(l->result->messages);
    l->result->messages = NULL;
    progress(l, "linking", 0, 1);
    clock_gettime(CLOCK_MONOTONIC, &start);
    result = link_command(command, &l->folder, &l->result->messages, l->error);
    clock_gettime(CLOCK_MONOTONIC, &end);
    l->result->seconds = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
    progress(l, "linking", 1, 1);
    if (!result) {                  /* warnings of a link that succeeded: a later failure is another matter */
        free(l->result->messages);
        l->result->messages = NULL;
    }
    return result;
}

static int link_once(struct linking *l, const char *libc)
{
    int result = lift_modules(l);
    if (!result)
        result = write_additions(l, libc);
    return result ? result : run_linker(l);
}

/* What is missing and a module wants is left to dlopen; the program's own is not. */
static bool leave_missing(struct linking *l)
{
    bool left = false;
    for (size_t i = 0; i < l->result->missing_count; i++) {
        if (!l->result->missing[i].wanting)
            return false;
        left |= !binding_leave(l->binding, l->result->missing[i].name);
    }
    return left;
}

static void explain(struct linking *l, const char *libc)
{
    link_missing_read(l->result, l->result->messages);
    for (size_t i = 0; i < l->result->missing_count; i++) {
        struct link_missing *missing = &l->result->missing[i];
        const struct lift_module *first;
        missing->wanting = binding_wanting(l->binding, missing->name, &first);
        if (first)
            snprintf(missing->wanted_by, sizeof missing->wanted_by, "%s", first->path);
    }
    char *libgcc = libc && !l->job->leave_open ? link_find_archive(l->job->command, "libgcc.a", &l->folder) : NULL;
    if (libc && !l->job->leave_open)
        link_missing_locate(l->result, libc);
    if (libgcc)
        link_missing_locate(l->result, libgcc);
    free(libgcc);
}

static int link_all(struct linking *l)
{
    char *libc = link_find_archive(l->job->command, "libc.a", &l->folder);
    int result = link_once(l, libc);
    if (result == -GRAFT_EREFUSED) {
        explain(l, libc);
        if (l->job->leave_open && leave_missing(l)) {
            error_clear(l->error);
            link_missing_free(l->result);
            result = link_once(l, libc);
            if (result == -GRAFT_EREFUSED)
                explain(l, libc);
        }
    }
    if (!result)
        result = main_table_write(l->output, libc, &l->result->names, l->error);
    if (!result)
        result = link_check(l->output, l->job, l->result->output, l->error);
    free(libc);
    if (!result && rename(l->output, l->result->output))
        result = error_about(l->error, GRAFT_ESYS, l->result->output, "", "%s: %s", l->result->output, strerror(errno));
    if (result)
        unlink(l->output);
    return result;
}

int link_run(const struct link_job *job, struct link_result *result, struct graft_error *error)
{
    struct linking l = { .job = job, .result = result, .error = error };
    *result = (struct link_result){ .modules = job->module_count };
    int code = find_output(&l);
    if (!code)
        code = link_folder_open(&l.folder, job->keep, result->output, error);
    if (!code)
        code = open_modules(&l);
    if (!code)
        code = link_all(&l);
    link_folder_close(&l.folder);
    for (size_t i = 0; i <= l.count && l.modules; i++)
        lift_module_close(&l.modules[i]);
    binding_free(l.binding);
    link_words_clear(&l.extra);
    arena_free(&l.arena);
    return code;
}

void link_result_free(struct link_result *result)
{
    link_missing_free(result);
    free(result->messages);
    *result = (struct link_result){ 0 };
}
