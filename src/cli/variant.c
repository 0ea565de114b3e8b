/* SPDX-License-Identifier: MIT */
/* graft variant: a loader's "unlinked" version as a file. Invariant: the output appears
 * under its name only when it was read back, compared and, where this machine can, opened;
 * what was there under that name stays until then. */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/feature.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/variant_check.h"
#include "cli/variant_report.h"
#include "file/files.h"

/* ---- files ------------------------------------------------------------------- */

/* All bytes of @path, malloc'd. */
static int read_all(const char *path, unsigned char **bytes, size_t *size, mode_t *mode, struct graft_error *error)
{
    struct stat status;
    int result = -1, file = open(path, O_RDONLY | O_CLOEXEC);
    size_t got = 0;
    *bytes = NULL;
    if (file >= 0 && !fstat(file, &status) && (*bytes = malloc((size_t)status.st_size + 1))) {
        ssize_t n;
        while ((n = read(file, *bytes + got, (size_t)status.st_size + 1 - got)) > 0)
            got += (size_t)n;
        result = n < 0 ? -1 : 0;
        *size = got;
        *mode = status.st_mode;
    }
    if (result)
        result = error_set(error, GRAFT_ESYS, "%s: %s", path, strerror(errno));
    if (file >= 0)
        close(file);
    return result;
}

static int output_error(const struct variant_job *job, struct graft_error *error)
{
    return error_set(error, GRAFT_ESYS, "%s: %s", job->output, strerror(errno));
}

/* Beside the output, so that renaming is one step and $ORIGIN means the same folder. */
static int write_temporary(struct variant_job *job, struct graft_error *error)
{
    const char *base = text_basename(job->output);
    size_t done = 0;
    int length = snprintf(job->temporary, sizeof job->temporary, "%.*s.%s.XXXXXX", (int)(base - job->output),
                          job->output, base);
    if (length >= (int)sizeof job->temporary) {
        job->temporary[0] = '\0';
        return error_set(error, GRAFT_EINVAL, "-o: the path is too long");
    }
    int file = mkostemp(job->temporary, O_CLOEXEC);
    if (file < 0) {
        job->temporary[0] = '\0';
        return output_error(job, error);
    }
    ssize_t n = 1;
    while (done < job->made.size && (n = write(file, job->made.bytes + done, job->made.size - done)) > 0)
        done += (size_t)n;
    bool good = done == job->made.size && !fchmod(file, job->mode & 0777) && !fsync(file);
    int result = good ? 0 : output_error(job, error);
    close(file);
    return result;
}

static int read_back(const struct variant_job *job, const struct variant_wish *wish, struct graft_error *error)
{
    unsigned char *bytes;
    size_t size = 0;
    mode_t mode;
    int result = read_all(job->temporary, &bytes, &size, &mode, error);
    if (!result)
        result = variant_verify(job->bytes, job->size, bytes, size, wish, error);
    free(bytes);
    return result;
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int output_check(const struct variant_job *job, struct graft_error *error)
{
    struct stat status;
    if (same_file(job->input, job->output))
        return error_set(error, GRAFT_EINVAL, "-o: %s is the loader itself, which is still needed outside a host",
                         job->output);
    if (!stat(job->output, &status) && !S_ISREG(status.st_mode))
        return error_set(error, GRAFT_EINVAL, "-o: %s is not a regular file", job->output);
    return 0;
}

/* ---- opening it ----------------------------------------------------------------- */

static bool is_ours(const struct elf_image *image)
{
    return image->machine == FEATURE_MACHINE && image->elf_class == FEATURE_CLASS && !image->swap;
}

__attribute__((format(printf, 2, 3)))
static void not_checked(struct variant_job *job, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(job->unchecked, sizeof job->unchecked, format, arguments);
    va_end(arguments);
}

static void company_add(const struct variant_job *job, struct variant_company *company, const char *name, bool global)
{
    size_t object = variant_find(&job->world, job->loader, name);
    if (company->count == sizeof company->library / sizeof *company->library)
        return;
    if (object == WORLD_NONE && !global)
        return;                     /* ld.so may know better where it is */
    company->library[company->count++] = object == WORLD_NONE ? name : world_object(&job->world, object)->path;
    company->global += global;
}

/* What a host would have, for all; then what stays needed, which $ORIGIN may not find
 * from where the output is written. */
static void company_find(const struct variant_job *job, struct variant_company *company)
{
    const struct elf_image *image = &world_object(&job->world, job->loader)->image;
    const char *name;
    *company = (struct variant_company){ .count = 0 };
    for (size_t i = 0; i < job->variant.count && !job->onto; i++)
        company_add(job, company, job->variant.library[i].name, true);
    for (size_t i = 0; (name = elf_image_needed(image, i)); i++)
        if (!variant_drops(&job->variant, name))
            company_add(job, company, name, false);
}

/* A failure counts only where the original does better. False: the variant cannot be
 * opened, @why says why. */
static bool opens(struct variant_job *job, bool onto_found, char why[512])
{
    struct variant_company company;
    char path[PATH_MAX + 2], original[512];
    company_find(job, &company);
    snprintf(path, sizeof path, "%s%s", strchr(job->temporary, '/') ? "" : "./", job->temporary);
    enum variant_opened opened = variant_check_open(path, &company, why, 512);
    job->checked = opened == VARIANT_OPENS;
    if (opened == VARIANT_OPENS)
        return true;
    if (opened == VARIANT_COMPANY_MISSING || (job->onto && !onto_found)) {
        not_checked(job, "what it needs of its host cannot be opened here: %s", why);
        return true;
    }
    if (variant_check_open(world_object(&job->world, job->loader)->path, NULL, original, sizeof original)
        == VARIANT_OPENS)
        return false;
    not_checked(job, "the original cannot be opened here either: %s", original);
    return true;
}

static bool load_check(struct variant_job *job, bool onto_found, char why[512])
{
    const struct elf_image *image = &world_object(&job->world, job->loader)->image;
    const char *machine = elf_machine_name(image->machine);
    if (job->no_check)
        not_checked(job, "--no-check");
    else if (!is_ours(image))
        not_checked(job, "it is for another machine (%s, %d bits)", machine ? machine : "unknown",
                    image->elf_class == ELFCLASS64 ? 64 : 32);
    else
        return opens(job, onto_found, why);
    return true;
}

/* ---- the work ------------------------------------------------------------------------ */

static int choose(struct variant_job *job, struct variant_wish *wish, const char **names, struct graft_error *error)
{
    size_t missing = 0;
    int result = files_add(&job->world, job->input, &job->loader, error);
    if (result)
        return result;
    files_add_needed(&job->world, 0, job->library_path, &missing);
    if ((result = variant_choose(&job->variant, &job->world, job->loader, job->drop, job->drops, error)))
        return result;
    for (size_t i = 0; i < job->variant.count; i++)
        names[i] = job->variant.library[i].name;
    *wish = (struct variant_wish){ .names = names, .count = job->variant.count, .onto = job->onto };
    return 0;
}

/* Where the new library is found, the names are looked up in it. */
static int examine(struct variant_job *job, bool *onto_found, struct graft_error *error)
{
    size_t index, missing, onto = WORLD_NONE;
    if (job->onto && !files_add(&job->world, job->temporary, &index, NULL)) {
        files_add_needed(&job->world, index, job->library_path, &missing);
        onto = variant_find(&job->world, index, job->onto);
    }
    *onto_found = onto != WORLD_NONE;
    return variant_examine(&job->variant, &job->world, job->loader, onto, error);
}

/* A name that silently means another definition is a defect that nobody would find. */
static int versions_check(const struct variant_job *job, struct graft_error *error)
{
    char names[VARIANT_NAMES_TEXT];
    if (!job->variant.other_version.count || job->onto || job->any_version)
        return 0;
    return error_set(error, GRAFT_EREFUSED, "without their versions these would mean another definition, of which "
                     "the library has several (--any-version allows it): %s",
                     variant_names_text(&job->variant.other_version, names));
}

static int make(struct variant_job *job, bool *onto_found, struct graft_error *error)
{
    struct variant_wish wish;
    const char *names[VARIANT_LIBRARIES_MAX];
    int result;
    if ((result = output_check(job, error)) || (result = choose(job, &wish, names, error))
        || (result = read_all(job->input, &job->bytes, &job->size, &job->mode, error))
        || (result = variant_write(&job->made, job->bytes, job->size, &wish, error))
        || (result = write_temporary(job, error)) || (result = read_back(job, &wish, error))
        || (result = examine(job, onto_found, error)))
        return result;
    return versions_check(job, error);
}

/* Every refusal names the loader. */
static int refuse(const struct variant_job *job, const struct graft_error *error)
{
    struct graft_error named = { .code = error->code };
    if (strstr(error->text, job->input))
        return report_error(&command_variant, error);
    snprintf(named.text, sizeof named.text, "%s: %.400s", job->input,
             error->text[0] ? error->text : graft_strerror(error->code));
    return report_error(&command_variant, &named);
}

static int work(struct variant_job *job)
{
    struct graft_error error = { 0 };
    bool onto_found = false;
    char why[512];
    if (make(job, &onto_found, &error))
        return refuse(job, &error);
    if (!load_check(job, onto_found, why)) {
        fprintf(stderr, "graft variant: %s: the variant cannot be opened, the original can: %s\n", job->input, why);
        return EXIT_FAILED;
    }
    if (rename(job->temporary, job->output)) {
        fprintf(stderr, "graft variant: %s: %s\n", job->output, strerror(errno));
        return EXIT_REFUSED;
    }
    job->temporary[0] = '\0';
    variant_report(job);
    return EXIT_DONE;
}

static int run(int count, char **arguments)
{
    static const struct option options[] = {
        { "output", required_argument, NULL, 'o' }, { "drop", required_argument, NULL, 'd' },
        { "onto", required_argument, NULL, 'O' }, { "any-version", no_argument, NULL, 'V' },
        { "library-path", required_argument, NULL, 'L' }, { "no-check", no_argument, NULL, 'n' },
        { "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
    };
    struct variant_job job = { .library_path = getenv("LD_LIBRARY_PATH") };
    int option;
    while ((option = getopt_long(count, arguments, ":o:h", options, NULL)) != -1)
        switch (option) {
        case 'h': return print_help(&command_variant);
        case 'o': job.output = optarg; break;
        case 'O': job.onto = optarg; break;
        case 'V': job.any_version = true; break;
        case 'L': job.library_path = optarg; break;
        case 'n': job.no_check = true; break;
        case 'j': job.json = true; break;
        case 'd':
            if (job.drops == VARIANT_LIBRARIES_MAX)
                return usage_error(&command_variant, "--drop can be given %d times", VARIANT_LIBRARIES_MAX);
            job.drop[job.drops++] = optarg;
            break;
        default: return option_error(&command_variant, arguments);
        }
    if (optind + 1 != count || !job.output || !*text_basename(job.output))
        return usage_error(&command_variant, "name one loader, and with -o the file to write");
    if (job.onto && !*job.onto)
        return usage_error(&command_variant, "--onto: name a library");
    job.input = arguments[optind];
    world_init(&job.world);
    int status = work(&job);
    if (job.temporary[0])
        unlink(job.temporary);
    free(job.made.bytes);
    free(job.bytes);
    world_free(&job.world);
    return status;
}

const struct command command_variant = {
    "variant", "[options] LOADER -o FILE",
    "write a loader's version for inside a host: without the runtime that it is linked to", run,
    "  -o, --output FILE     where to write it\n"
    "  --drop GLOB           leave these needed libraries out (default: the runtime, found)\n"
    "  --onto SONAME         need this library in place of the runtime\n"
    "  --any-version         a symbol of another version will do\n"
    "  --library-path DIRS   where to look for what the loader needs\n"
    "  --no-check            do not open the result for a check\n"
    "  --json                as JSON\n"
    "  -h, --help            this text\n\n"
    "The loader may be of any architecture. For the check it is opened, so that its\n"
    "constructors run, in a child process that has the runtime.\n",
};
