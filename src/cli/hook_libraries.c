/* SPDX-License-Identifier: MIT */
/* Where hook libraries are. Invariant: the first folder that has a name wins, for
 * finding and for listing alike. */

#include "cli/hook_libraries.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"

enum { FOLDERS = 16, NAMES = 256 };

struct folders { char path[FOLDERS][PATH_MAX]; size_t count; };

static void add(struct folders *folders, const char *format, const char *path, int length)
{
    if (folders->count < FOLDERS && length)
        snprintf(folders->path[folders->count++], PATH_MAX, format, length, path);
}

static void list_folders(struct folders *folders)
{
    char own[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    own[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(own, '/');
    int folder = slash ? (int)(slash - own) : 0;
    for (const char *p = getenv("GRAFT_HOOK_PATH"); p && *p; p += strcspn(p, ":"), p += *p == ':')
        add(folders, "%.*s", p, (int)strcspn(p, ":"));
    add(folders, "%.*s/hooks", own, folder);
    add(folders, "%.*s/../lib/graft/hooks", own, folder);
    add(folders, "%.*s/graft/hooks", GRAFT_LIBDIR, (int)strlen(GRAFT_LIBDIR));
}

/* ---- listing ---------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(text_basename(a), text_basename(b));
}

static bool is_listed(char (*paths)[PATH_MAX], size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(text_basename(paths[i]), name))
            return true;
    return false;
}

static size_t list_paths(const struct folders *folders, char (*paths)[PATH_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < folders->count; i++) {
        DIR *folder = opendir(folders->path[i]);
        for (struct dirent *entry; folder && (entry = readdir(folder));) {
            size_t length = strlen(entry->d_name);
            if (count < NAMES && length > 3 && !strcmp(entry->d_name + length - 3, ".so")
                && !is_listed(paths, count, entry->d_name)
                && snprintf(paths[count], PATH_MAX, "%s/%s", folders->path[i], entry->d_name) < PATH_MAX)
                count++;
        }
        if (folder)
            closedir(folder);
    }
    qsort(paths, count, sizeof *paths, by_name);
    return count;
}

void hook_libraries_each(void (*each)(const struct hook_library *, const struct graft_error *, void *arg), void *arg)
{
    struct folders *folders = calloc(1, sizeof *folders);
    char (*paths)[PATH_MAX] = calloc(NAMES, sizeof *paths);
    size_t count = 0;
    if (folders && paths) {
        list_folders(folders);
        count = list_paths(folders, paths);
    }
    for (size_t i = 0; i < count; i++) {
        struct hook_library library = { .path = "" };
        struct graft_error error = { 0 };
        hook_library_read(&library, paths[i], &error);
        each(&library, &error, arg);
    }
    free(paths);
    free(folders);
}

/* ---- finding ------------------------------------------------------------------ */

static void append_name(const struct hook_library *library, const struct graft_error *error, void *arg)
{
    if (!error->code)
        text_append(arg, " %s", library->name);
}

static int not_found(const char *name, struct graft_error *error)
{
    char names[300] = "";
    struct text_buffer text = { names, sizeof names, 0 };
    hook_libraries_each(append_name, &text);
    return error_about(error, GRAFT_ENOOBJ, name, "", "there is no hook library '%s'; there are:%s", name,
                       text.length ? names : " none");
}

int hook_libraries_find(struct hook_library *library, const char *name, struct graft_error *error)
{
    struct folders *folders = calloc(1, sizeof *folders);
    char path[PATH_MAX + 300];
    bool found = false;
    if (strchr(name, '/')) {
        free(folders);
        return hook_library_read(library, name, error);
    }
    if (folders)
        list_folders(folders);
    for (size_t i = 0; folders && i < folders->count && !found; i++) {
        snprintf(path, sizeof path, "%s/%.200s.so", folders->path[i], name);
        found = access(path, R_OK) == 0;
    }
    free(folders);
    return found ? hook_library_read(library, path, error) : not_found(name, error);
}
