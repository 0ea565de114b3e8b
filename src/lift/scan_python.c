/* SPDX-License-Identifier: MIT */
/* Python distributions: from the names that requirements and pip use to the folders that
 * are imported. Invariant: the name is found in the installed metadata (dist-info,
 * egg-info), never guessed from the name of the distribution: pillow is imported as PIL. */

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/text.h"
#include "file/mapping.h"
#include "lift/scan.h"

static const char *const sites[] = { "/usr/local/lib/python3.11/dist-packages", "/usr/lib/python3/dist-packages",
                                     "/usr/lib/python3.11/site-packages" };

/* PEP 503: runs of - _ . are one -, letters are small. */
static void normalise(char *to, size_t size, const char *name, size_t length)
{
    size_t n = 0;
    for (size_t i = 0; i < length && n + 1 < size; i++) {
        bool separator = strchr("-_.", name[i]) != NULL;
        if (!separator)
            to[n++] = (char)tolower((unsigned char)name[i]);
        else if (n && to[n - 1] != '-')
            to[n++] = '-';
    }
    to[n] = 0;
}

static const char *read_text(struct scan *scan, const char *folder, const char *name)
{
    char path[4096];
    const char *text;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path
        || mapping_read_text(&text, &scan->arena, path, NULL))
        return NULL;
    return text;
}

static bool is_named(struct scan *scan, const char *info, const char *wanted)
{
    char own[256];
    const char *text = read_text(scan, info, "METADATA");
    if (!text)
        text = read_text(scan, info, "PKG-INFO");
    const char *line = text ? strstr(text, "Name: ") : NULL;
    if (!line || (line != text && line[-1] != '\n'))
        return false;
    line += 6;
    normalise(own, sizeof own, line, strcspn(line, " \r\n"));
    return !strcmp(own, wanted);
}

/* The modules of one import name: a package's folder, or one file beside the others. */
static void add_import(struct scan *scan, const char *site, const char *name, size_t length)
{
    char path[4096];
    DIR *files;
    const struct dirent *entry;
    snprintf(path, sizeof path, "%s/%.*s", site, (int)length, name);
    scan_folder(scan, path);
    files = opendir(site);
    while (files && (entry = readdir(files))) {
        const char *rest = entry->d_name + length;
        if (strncmp(entry->d_name, name, length) || *rest != '.' || strlen(rest) < 3 || strcmp(rest + strlen(rest) - 3, ".so"))
            continue;
        snprintf(path, sizeof path, "%s/%s", site, entry->d_name);
        scan_file(scan, path, NULL);
    }
    if (files)
        closedir(files);
}

static void add_line(struct scan *scan, const char *site, char *imports, size_t room, const char *name, size_t length)
{
    if (!length || memchr(name, '/', length) || *name == '.' || !strncmp(name, "__pycache__", 11))
        return;
    size_t have = strlen(imports);
    snprintf(imports + have, room - have, "%s%.*s", have ? " " : "", (int)length, name);
    add_import(scan, site, name, length);
}

/* top_level.txt has the names, or RECORD the files, whose first folders they are. */
static void add_imports(struct scan *scan, const char *site, const char *info, const char *distribution)
{
    char imports[512] = "";
    const char *text = read_text(scan, info, "top_level.txt"), *record = text ? NULL : read_text(scan, info, "RECORD");
    for (const char *line = text; line && *line; line += strcspn(line, "\n"), line += *line == '\n')
        add_line(scan, site, imports, sizeof imports, line, strcspn(line, " \r\n"));
    for (const char *line = record; line && *line; line += strcspn(line, "\n"), line += *line == '\n') {
        size_t length = strcspn(line, "/,.\n");
        char word[300];
        snprintf(word, sizeof word, " %.*s ", (int)length, line);
        char all[520];
        snprintf(all, sizeof all, " %s ", imports);
        if (!memmem(line, strcspn(line, ",\n"), "-info/", 6) && !strstr(all, word))
            add_line(scan, site, imports, sizeof imports, line, length);
    }
    struct scan_distribution *d = arena_list_push(&scan->distributions);
    if (d)
        *d = (struct scan_distribution){ distribution, arena_string(&scan->arena, imports) };
}

static bool add_from(struct scan *scan, const char *site, const char *wanted, const char *distribution)
{
    char info[4096];
    bool found = false;
    DIR *files = opendir(site);
    const struct dirent *entry;
    while (files && !found && (entry = readdir(files))) {
        const char *dot = strrchr(entry->d_name, '.');
        if (!dot || (strcmp(dot, ".dist-info") && strcmp(dot, ".egg-info")))
            continue;
        snprintf(info, sizeof info, "%s/%s", site, entry->d_name);
        if ((found = is_named(scan, info, wanted)))
            add_imports(scan, site, info, distribution);
    }
    if (files)
        closedir(files);
    return found;
}

bool scan_distribution_add(struct scan *scan, const char *name)
{
    char wanted[256];
    normalise(wanted, sizeof wanted, name, strlen(name));
    bool found = scan->site && add_from(scan, scan->site, wanted, name);
    for (size_t i = 0; !found && i < sizeof sites / sizeof *sites; i++)
        found = add_from(scan, sites[i], wanted, name);
    const char **missing = found ? NULL : arena_list_push(&scan->missing);
    if (missing)
        *missing = name;
    return found;
}

/* One requirement a line (pip's format): a name, then extras, versions or markers; options
 * but -r, and addresses, name nothing that is installed. */
static int read_requirement(struct scan *scan, const char *path, unsigned number, char *line, struct graft_error *error)
{
    char other[4096];
    line += strspn(line, " \t");
    size_t length = strcspn(line, " \t\r[<>=!~;#@(");
    if (!strncmp(line, "-r", 2)) {
        const char *name = line + 2 + strspn(line + 2, " \t");
        const char *slash = *name == '/' ? NULL : strrchr(path, '/');
        snprintf(other, sizeof other, "%.*s%.*s", slash ? (int)(slash + 1 - path) : 0, path, (int)strcspn(name, " \t\r#"), name);
        return scan_requirements(scan, other, error);
    }
    if (!length || *line == '#' || *line == '-')
        return 0;
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)line[i]) && !strchr("-_.", line[i]))
            return error_about(error, GRAFT_ESYNTAX, path, "", "%s:%u: no requirement: %.80s", path, number, line);
    line[length] = 0;
    scan_distribution_add(scan, line);
    return 0;
}

int scan_requirements(struct scan *scan, const char *path, struct graft_error *error)
{
    static __thread unsigned depth;
    const char *text;
    unsigned number = 1;
    int result = depth > 16 ? error_about(error, GRAFT_ESYNTAX, path, "", "%s: -r leads in a circle", path)
                            : mapping_read_text(&text, &scan->arena, path, error);
    depth++;
    for (char *line = result ? NULL : (char *)text; !result && line; number++) {
        char *end = strchr(line, '\n');
        if (end)
            *end++ = 0;
        result = read_requirement(scan, path, number, line, error);
        line = end;
    }
    depth--;
    return result;
}

/* numpy.core._multiarray_umath; the file's name where it lies in no such folder. */
const char *scan_import_name(struct scan *scan, const char *path)
{
    static const char *const roots[] = { "/dist-packages/", "/site-packages/", "/lib-dynload/" };
    char name[512];
    const char *inner = NULL;
    for (size_t i = 0; !inner && i < sizeof roots / sizeof *roots; i++)
        if ((inner = strstr(path, roots[i])))
            inner += strlen(roots[i]);
    text_copy(name, sizeof name, inner ? inner : text_basename(path));
    char *base = strrchr(name, '/') ? strrchr(name, '/') : name;
    if (inner && strchr(base, '.'))
        *strchr(base, '.') = 0;
    for (char *c = name; inner && *c; c++)
        if (*c == '/')
            *c = '.';
    return arena_string(&scan->arena, name);
}
