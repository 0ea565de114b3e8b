/* SPDX-License-Identifier: MIT */
/* The system's side of a link. Invariant: no shell is involved, so that no name in a
 * path means anything to one; a folder of ours is emptied of what we made, by name. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "lift/link_run.h"

extern char **environ;

static int failed(const char *path, struct graft_error *error)
{
    return error_about(error, GRAFT_ESYS, path, "", "%s: %s", path, strerror(errno));
}

/* ---- folder ---------------------------------------------------------------------- */

int link_folder_open(struct link_folder *folder, const char *keep, const char *output, struct graft_error *error)
{
    *folder = (struct link_folder){ .keep = keep };
    int length = keep ? snprintf(folder->path, sizeof folder->path, "%s", keep)
                      : snprintf(folder->path, sizeof folder->path, "%s.%ld.graft", output, (long)getpid());
    if (length < 0 || (size_t)length >= sizeof folder->path - 64)
        return error_set(error, GRAFT_EINVAL, "the path of the output is too long");
    if (mkdir(folder->path, 0777) && !(keep && errno == EEXIST))
        return failed(folder->path, error);
    return 0;
}

void link_folder_close(struct link_folder *folder)
{
    DIR *files = folder->keep || !folder->path[0] ? NULL : opendir(folder->path);
    const struct dirent *entry;
    while (files && (entry = readdir(files)))
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(files), entry->d_name, 0);
    if (files) {
        closedir(files);
        rmdir(folder->path);
    }
}

const char *link_folder_file(const struct link_folder *folder, struct arena *arena, const char *name, const char *suffix)
{
    char path[4300];
    snprintf(path, sizeof path, "%s/%s%s", folder->path, name, suffix);
    return arena_string(arena, path);
}

/* ---- words ------------------------------------------------------------------------ */

void link_words_add(struct link_words *words, const char *format, ...)
{
    char word[8192];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(word, sizeof word, format, arguments);
    va_end(arguments);
    size_t needed = words->length + 2 * (size_t)length + 4;
    if (length < 0 || (size_t)length >= sizeof word) {
        words->failed = true;
        return;
    }
    if (needed > words->room) {
        char *text = realloc(words->text, needed * 2);
        if (!text) {
            words->failed = true;
            return;
        }
        words->text = text;
        words->room = needed * 2;
    }
    for (const char *c = word; *c; c++) {
        if (strchr(" \t\n\"'\\", *c))
            words->text[words->length++] = '\\';
        words->text[words->length++] = *c;
    }
    words->text[words->length++] = '\n';
}

bool link_words_failed(const struct link_words *words)
{
    return words->failed;
}

void link_words_clear(struct link_words *words)
{
    free(words->text);
    *words = (struct link_words){ 0 };
}

int link_words_write(const struct link_words *words, const char *path, struct graft_error *error)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return failed(path, error);
    bool short_write = fwrite(words->text, 1, words->length, file) != words->length;
    return fclose(file) || short_write ? failed(path, error) : 0;
}

/* ---- the child --------------------------------------------------------------------- */

static char *read_all(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t length = 0, room = 0;
    while (file) {
        if (room - length < 4096) {
            char *more = realloc(text, room += 65536);
            if (!more)
                break;
            text = more;
        }
        size_t n = fread(text + length, 1, room - length - 1, file);
        length += n;
        text[length] = 0;
        if (!n)
            break;
    }
    if (file)
        fclose(file);
    return text;
}

static char **plain_language(void)
{
    size_t n = 0, out = 0;
    while (environ[n])
        n++;
    char **copy = calloc(n + 2, sizeof *copy);
    for (size_t i = 0; copy && i < n; i++)
        if (strncmp(environ[i], "LC_ALL=", 7) && strncmp(environ[i], "LANGUAGE=", 9))
            copy[out++] = environ[i];
    if (copy)
        copy[out] = (char *)"LC_ALL=C";
    return copy;
}

static int run(char **command, const char *out, int *status)
{
    posix_spawn_file_actions_t actions;
    pid_t child;
    char **environment = plain_language();
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    int number = environment ? posix_spawnp(&child, command[0], &actions, NULL, command, environment) : ENOMEM;
    posix_spawn_file_actions_destroy(&actions);
    free(environment);
    if (number)
        return number;
    while (waitpid(child, status, 0) < 0)
        if (errno != EINTR)
            return errno;
    return 0;
}

int link_command(char **command, const struct link_folder *folder, char **messages, struct graft_error *error)
{
    char path[4200];
    int status = 0;
    snprintf(path, sizeof path, "%s/messages", folder->path);
    int number = run(command, path, &status);
    if (number)
        return error_about(error, GRAFT_ESYS, command[0], "", "%s cannot be run: %s", command[0], strerror(number));
    *messages = read_all(path);
    return status ? error_set(error, GRAFT_EREFUSED, "the link failed") : 0;
}

static char *find_in(char *linker_command, const char *name)
{
    char path[4400], *rest = NULL;
    for (char *word = strtok_r(linker_command, " \"\n", &rest); word; word = strtok_r(NULL, " \"\n", &rest))
        if (!strncmp(word, "-L", 2) && (size_t)snprintf(path, sizeof path, "%s/%s", word + 2, name) < sizeof path
            && !access(path, R_OK))
            return strdup(path);
    return NULL;
}

char *link_find_archive(char *const *command, const char *name, const struct link_folder *folder)
{
    size_t n = 0;
    char *messages = NULL, *found = NULL;
    while (command[n])
        n++;
    char **asking = calloc(n + 2, sizeof *asking);
    if (!asking)
        return NULL;
    memcpy(asking, command, n * sizeof *asking);
    asking[n] = (char *)"-###";
    if (!link_command(asking, folder, &messages, NULL) && messages)
        found = find_in(messages, name);
    free(messages);
    free(asking);
    return found;
}

/* ---- what is missing ---------------------------------------------------------------- */

static void add_missing(struct link_result *result, const char *name, size_t length)
{
    for (size_t i = 0; i < result->missing_count; i++)
        if (strlen(result->missing[i].name) == length && !memcmp(result->missing[i].name, name, length))
            return;
    struct link_missing *more = realloc(result->missing, (result->missing_count + 1) * sizeof *more);
    char *copy = more ? strndup(name, length) : NULL;
    if (more)
        result->missing = more;
    if (copy)
        more[result->missing_count++] = (struct link_missing){ .name = copy };
}

void link_missing_read(struct link_result *result, const char *messages)
{
    static const char words[] = "undefined reference to `";
    for (const char *at = messages; at && (at = strstr(at, words));) {
        at += sizeof words - 1;
        add_missing(result, at, strcspn(at, "'\n"));
    }
}

struct locating { struct link_result *result; const char *archive; };

static bool locate(void *arg, const char *name)
{
    struct locating *l = arg;
    for (size_t i = 0; i < l->result->missing_count; i++) {
        struct link_missing *missing = &l->result->missing[i];
        if (!missing->archive[0] && !strcmp(missing->name, name))
            snprintf(missing->archive, sizeof missing->archive, "%s", l->archive);
    }
    return true;
}

void link_missing_locate(struct link_result *result, const char *file)
{
    char folder[4096], path[4400];
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(file, '/') - file), file);
    DIR *files = opendir(folder);
    const struct dirent *entry;
    while (files && (entry = readdir(files))) {
        size_t length = strlen(entry->d_name);
        if (length < 3 || strcmp(entry->d_name + length - 2, ".a"))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        archive_names(path, locate, &(struct locating){ result, entry->d_name }, NULL);
    }
    if (files)
        closedir(files);
}

void link_missing_free(struct link_result *result)
{
    for (size_t i = 0; i < result->missing_count; i++)
        free(result->missing[i].name);
    free(result->missing);
    result->missing = NULL;
    result->missing_count = 0;
}
