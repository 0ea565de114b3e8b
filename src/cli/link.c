/* SPDX-License-Identifier: MIT */
/* graft link: modules and a link command in, a static executable out. */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/link_python.h"
#include "cli/lock.h"
#include "lift/link.h"
#include "lift/list.h"

/* What takes over a second is told on standard error. Several threads may be at it. */
static void tell_progress(void *arg, const char *what, size_t done, size_t of)
{
    const time_t *start = arg;
    if (isatty(2) && time(NULL) > *start)
        fprintf(stderr, "\r\033[K%s %zu/%zu%s", what, done, of, !strcmp(what, "linking") && done == of ? "\n" : "");
}

static void show_missing(const struct link_result *result)
{
    for (size_t i = 0; i < result->missing_count && i < LINK_NAMES_SHOWN; i++) {
        const struct link_missing *m = &result->missing[i];
        fprintf(stderr, "graft link: undefined: %s", m->name);
        if (m->wanted_by[0])
            fprintf(stderr, ", wanted by %s", m->wanted_by);
        if (m->wanting > 1)
            fprintf(stderr, " and %zu other%s", m->wanting - 1, plural(m->wanting - 1));
        if (m->archive[0])
            fprintf(stderr, "; -l%.*s has it", (int)strlen(m->archive) - 5, m->archive + 3);
        else
            fprintf(stderr, "; no archive of libc or the compiler has it");
        fputc('\n', stderr);
    }
    if (result->missing_count > LINK_NAMES_SHOWN)
        fprintf(stderr, "graft link: and %zu more undefined names\n", result->missing_count - LINK_NAMES_SHOWN);
    if (result->missing_count)
        fprintf(stderr, "graft link: add the library to the command, or the shared object that has it to the modules,\n"
                        "or leave such names to dlopen with --late\n");
    else if (result->messages)
        fprintf(stderr, "%s", result->messages);
}

/* Beside the command as it is installed, or where it was built. */
static bool find_registry(char *path, size_t size)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n > 0) {
        self[n] = 0;
        snprintf(path, size, "%.*s/libgraft-registry.a", (int)(strrchr(self, '/') - self), self);
        if (!access(path, R_OK))
            return true;
    }
    snprintf(path, size, "%s/libgraft-registry.a", GRAFT_LIBDIR);
    return !access(path, R_OK);
}

static int take_modules(struct link_job *job, char **names, size_t count, const char *list)
{
    struct module_list rules = { 0 };
    struct graft_error error = { 0 };
    struct link_module *modules = (struct link_module *)job->modules;
    if (list && module_list_read(&rules, list, &error))
        return report_error(&command_link, &error);
    for (size_t i = 0; i < count; i++)
        if (!list || module_list_takes(&rules, text_basename(names[i]), names[i]))
            modules[job->module_count++] = (struct link_module){ names[i], false };
    if (list)
        module_list_free(&rules);
    return EXIT_DONE;
}

static int link_modules(struct link_job *job, const char *lock, bool locked)
{
    uint8_t expected[32];
    struct graft_error error = { 0 };
    struct link_result result;
    if (locked && lock_check(lock, job, expected, &error))
        return report_error(&command_link, &error);
    if (locked)
        job->expected = expected;
    int code = link_run(job, &result, &error);
    int status = EXIT_DONE;
    if (code) {
        show_missing(&result);
        status = report_error(&command_link, &error);
    } else {
        fprintf(stderr, "graft link: %s: %zu module%s, %zu names of its own, %zu words left to dlopen\n", result.output,
                result.modules, plural(result.modules), result.names, result.left_open);
        if (lock && !locked && lock_write(lock, job, result.output, &error))
            status = report_error(&command_link, &error);
    }
    link_result_free(&result);
    return status;
}

static int run(int count, char **arguments)
{
    static const struct option options[] = {
        { "exe", required_argument, NULL, 'e' }, { "lib", required_argument, NULL, 'l' },
        { "list", required_argument, NULL, 'L' }, { "lock", required_argument, NULL, 'k' },
        { "locked", no_argument, NULL, 'K' }, { "late", no_argument, NULL, 'a' },
        { "keep", required_argument, NULL, 'p' }, { "registry", required_argument, NULL, 'r' },
        { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
    };
    time_t start = time(NULL);
    struct link_job job = { .progress = tell_progress, .arg = &start };
    struct link_module *modules = calloc((size_t)count + 1, sizeof *modules);
    const char *exe = NULL, *list = NULL, *lock = NULL;
    char registry[4200];
    bool locked = false;
    int option, split = 1;
    if (!modules)
        return EXIT_FAILED;
    job.modules = modules;
    while (split < count && strcmp(arguments[split], "--"))
        split++;
    while ((option = getopt_long(split, arguments, ":e:l:h", options, NULL)) != -1)
        switch (option) {
        case 'h': free(modules); return print_help(&command_link);
        case 'e': exe = optarg; break;
        case 'l': modules[job.module_count++] = (struct link_module){ optarg, true }; break;
        case 'L': list = optarg; break;
        case 'k': lock = optarg; break;
        case 'K': locked = true; break;
        case 'a': job.leave_open = true; break;
        case 'p': job.keep = optarg; break;
        case 'r': job.registry = optarg; break;
        default:  free(modules); return option_error(&command_link, arguments);
        }
    int status = EXIT_DONE;
    if (split + 1 >= count)
        status = usage_error(&command_link, "the link command is missing: -- gcc -static -o PROGRAM main.o");
    else if (locked && !lock)
        status = usage_error(&command_link, "--locked needs --lock FILE");
    else if (exe && strcmp(exe, "python"))
        status = usage_error(&command_link, "--exe knows python only, not %s", exe);
    else if (!job.registry && !find_registry(registry, sizeof registry))
        status = usage_error(&command_link, "libgraft-registry.a was not found; name it with --registry");
    else
        status = take_modules(&job, arguments + optind, (size_t)(split - optind), list);
    char **command = status ? NULL : link_python_command(arguments + split + 1, exe != NULL);
    if (command) {
        if (!job.registry)
            job.registry = registry;
        job.command = command;
        status = link_modules(&job, lock, locked);
        free(command);
    } else if (!status) {
        fprintf(stderr, "graft link: no static python was found (libpython3-dev has it)\n");
        status = EXIT_REFUSED;
    }
    free(modules);
    return status;
}

const struct command command_link = {
    "link", "[options] MODULE… -- COMPILER -static … -o PROGRAM",
    "link finished modules into a static executable", run,
    "  --lib FILE            a module whose exports the program itself binds to\n"
    "  --exe python          add the program: a static python out of libpython's archive\n"
    "  --list FILE           which modules to take and to skip, lines `take GLOB`, `skip GLOB`\n"
    "  --late                what nothing defines is looked for by dlopen, not now\n"
    "  --lock FILE           write down what went in, with digests\n"
    "  --locked              refuse unless that file still describes it\n"
    "  --keep FOLDER         keep the objects, the script and the response file there\n"
    "  --registry FILE       libgraft-registry.a (default: beside graft)\n"
    "  -h, --help            this text\n\n"
    "A MODULE is a shared object, or an object of graft lift or graft pack. Behind -- is the link\n"
    "as it would be without modules; -static-pie and musl-gcc are understood as well.\n",
};
