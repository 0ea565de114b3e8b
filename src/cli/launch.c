/* SPDX-License-Identifier: MIT */
/* Starts a program with the preload library and its rules in the environment.
 * Invariant: the program is examined first, because ld.so says nothing when it
 * ignores LD_PRELOAD. */

#include "cli/launch.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/feature.h"
#include "base/text.h"
#include "cli/hook_libraries.h"
#include "elf/image.h"
#include "file/files.h"

#define PRELOAD "libgraft-preload.so"

static int refuse(const struct command *command, const char *program, const char *why)
{
    fprintf(stderr, "graft %s: %s: %s\n", command->name, program, why);
    return EXIT_REFUSED;
}

/* The path that execvp would take. */
static bool find_program(const char *name, char path[PATH_MAX])
{
    const char *folders = getenv("PATH");
    if (strchr(name, '/')) {
        snprintf(path, PATH_MAX, "%s", name);
        return access(path, X_OK) == 0;
    }
    for (const char *p = folders ? folders : "/bin:/usr/bin"; ; ) {
        size_t length = strcspn(p, ":");
        struct stat status;
        snprintf(path, PATH_MAX, "%.*s%s%s", (int)length, p, length ? "/" : "", name);
        if (access(path, X_OK) == 0 && !stat(path, &status) && S_ISREG(status.st_mode))
            return true;
        if (!p[length])
            return false;
        p += length + 1;
    }
}

/* For a script, the interpreter that its first line names. */
static bool find_interpreter(char path[PATH_MAX])
{
    char line[PATH_MAX] = "";
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = file < 0 ? -1 : read(file, line, sizeof line - 1);
    if (file >= 0)
        close(file);
    if (got < 3 || line[0] != '#' || line[1] != '!')
        return false;
    char *word = line + 2 + strspn(line + 2, " \t");
    word[strcspn(word, " \t\r\n")] = '\0';
    snprintf(path, PATH_MAX, "%s", word);
    return true;
}

bool launch_find(const char *name, char path[PATH_MAX])
{
    bool found = find_program(name, path);
    for (int depth = 0; found && depth < 4 && find_interpreter(path); depth++)
        ;
    return found;
}

static bool gains_rights(const char *path)
{
    struct stat status;
    if (!stat(path, &status) && ((status.st_mode & S_ISUID && status.st_uid != getuid())
                                 || (status.st_mode & S_ISGID && status.st_gid != getgid())))
        return true;
    return getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0;
}

static bool is_dynamic(const struct elf_image *image)
{
    return image->dynamic.type == PT_DYNAMIC && elf_image_needed(image, 0);
}

static int examine(const struct command *command, char path[PATH_MAX])
{
    struct world world;
    struct graft_error error = { 0 };
    size_t index;
    for (int depth = 0; depth < 4 && find_interpreter(path); depth++)
        ;
    if (gains_rights(path))
        return refuse(command, path, "it runs with other rights than yours (setuid, setgid or file "
                      "capabilities): ld.so ignores LD_PRELOAD for it, so graft cannot act inside it");
    world_init(&world);
    int status = EXIT_DONE;
    if (files_add(&world, path, &index, &error))
        status = report_error(command, &error);
    else if (!is_dynamic(&world_object(&world, index)->image))
        status = refuse(command, path, "it is statically linked: there is no dynamic loader in it, no "
                        "library can be loaded and there is nothing to rebind");
    else if (world_object(&world, index)->image.elf_class != FEATURE_CLASS
             || world_object(&world, index)->image.machine != FEATURE_MACHINE)
        status = refuse(command, path, "it is of another architecture than this graft");
    world_free(&world);
    return status;
}

/* Beside the tool (a build), or where it was installed. */
static bool find_preload(char path[PATH_MAX])
{
    char own[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    own[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(own, '/');
    if (slash)
        *slash = '\0';
    static const char *const places[] = { "%s/" PRELOAD, "%s/../lib/" PRELOAD };
    for (size_t i = 0; i < 2; i++) {
        char candidate[PATH_MAX + 64];
        snprintf(candidate, sizeof candidate, i ? places[1] : places[0], own);
        if (realpath(candidate, path))
            return true;
    }
    return realpath(GRAFT_LIBDIR "/" PRELOAD, path) != NULL;
}

static void set_or_unset(const char *name, const char *value)
{
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

static int append(struct text_buffer *text, const struct command *command, const char *path)
{
    if (strpbrk(path, " :\n"))
        return refuse(command, path, "LD_PRELOAD cannot hold a path with a space or a colon");
    text_append(text, "%s%s", text->length ? ":" : "", path);
    return text->length < text->size ? EXIT_DONE : refuse(command, path, "too much for LD_PRELOAD");
}

/* Finds a hook library, adds it to what is preloaded and to what is started. */
static int add_hook(const struct command *command, const char *given, struct text_buffer *preload,
                    struct text_buffer *hooks)
{
    struct hook_library library = { .path = "" };
    struct graft_error error = { 0 };
    const char *arguments = strchr(given, ':');      /* LD_PRELOAD cannot hold a path with one */
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%.*s", (int)(arguments ? arguments - given : (long)strlen(given)), given);
    if (strchr(given, '\n'))
        return usage_error(command, "a hook's arguments are one line");
    if (hook_libraries_find(&library, name, &error))
        return report_error(command, &error);
    text_append(hooks, "%s%s%s", hooks->length ? "\n" : "", library.path, arguments ? arguments : "");
    return hooks->length < hooks->size ? append(preload, command, library.path)
                                       : usage_error(command, "the hooks' arguments are too long");
}

/* Ours first, then hook libraries, then what was there: LD_PRELOAD takes spaces and
 * colons. */
static int set_preload(const struct command *command, const struct launch *launch)
{
    static char preload_text[128 * 1024], hooks_text[64 * 1024];
    struct text_buffer preload = { preload_text, sizeof preload_text, 0 }, hooks = { hooks_text, sizeof hooks_text, 0 };
    char path[PATH_MAX];
    const char *before = getenv("LD_PRELOAD");
    if (!find_preload(path))
        return refuse(command, PRELOAD, "not found beside the tool nor in " GRAFT_LIBDIR);
    int status = append(&preload, command, path);
    for (size_t i = 0; i < launch->hook_count && !status; i++)
        status = add_hook(command, launch->hooks[i], &preload, &hooks);
    if (before && *before)
        text_append(&preload, ":%s", before);
    if (!status) {
        setenv("LD_PRELOAD", preload_text, 1);
        set_or_unset("GRAFT_HOOKS", hooks.length ? hooks_text : NULL);
    }
    return status;
}

static int set_environment(const struct command *command, const struct launch *launch)
{
    char report[PATH_MAX];
    if (launch->report) {
        int file = open(launch->report, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (file < 0 || !realpath(launch->report, report))
            return refuse(command, launch->report, strerror(errno));
        close(file);
    }
    set_or_unset("GRAFT_RULES", launch->rules);
    set_or_unset("GRAFT_LOAD", launch->load);
    set_or_unset("GRAFT_LOAD_ONLY", launch->load && !launch->go_on ? "1" : NULL);
    set_or_unset("GRAFT_REPORT", launch->report ? report : NULL);
    set_or_unset("GRAFT_VERBOSE", launch->verbose > 0 ? "1" : launch->verbose < 0 ? "-1" : NULL);
    set_or_unset("GRAFT_INHERIT", launch->inherit ? NULL : "0");
    set_or_unset("GRAFT_DRY_RUN", launch->dry_run ? "1" : NULL);
    return set_preload(command, launch);
}

static int check_rules(const struct command *command, const char *text)
{
    struct arena arena = { 0 };
    struct arena_list rules = { .arena = &arena, .element_size = sizeof(struct rule) };
    struct graft_error error = { 0 };
    int result = rules_parse(&rules, text, &error);
    size_t count = rules.count;
    arena_free(&arena);
    if (result)
        return report_error(command, &error);
    return count ? EXIT_DONE : usage_error(command, "the rules are empty");
}

int launch_check(const struct command *command, const struct launch *launch, char **arguments)
{
    char path[PATH_MAX];
    int status = launch->rules ? check_rules(command, launch->rules) : EXIT_DONE;
    if (status)
        return status;
    if (!find_program(arguments[0], path))
        return refuse(command, arguments[0], access(path, F_OK) ? "no such program" : "it is not executable");
    return examine(command, path);
}

int launch_exec(const struct command *command, const struct launch *launch, char **arguments)
{
    int status = launch_check(command, launch, arguments);
    if (status || (status = set_environment(command, launch)))
        return status;
    execvp(arguments[0], arguments);
    return refuse(command, arguments[0], strerror(errno));
}

json_t *launch_read_report(const char *path)
{
    json_t *entries = json_array(), *entry;
    FILE *file = fopen(path, "r");
    while (file && (entry = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL)))
        json_array_append_new(entries, entry);
    if (file)
        fclose(file);
    return entries;
}

int launch_wait(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
