/* SPDX-License-Identifier: MIT */
/* graft scan: what could be lifted, what it needs, and what a static link would lack. */

#include <ftw.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/columns.h"
#include "lift/scan.h"

static void tls_text(const struct scan_module *m, char text[64])
{
    text[0] = 0;
    if (m->tls_size || m->tls_kinds)
        snprintf(text, 64, "%llu%s%s%s", (unsigned long long)m->tls_size, m->tls_kinds & SCAN_TLS_DYNAMIC ? " dynamic" : "",
                 m->tls_kinds & SCAN_TLS_INITIAL ? " initial" : "", m->tls_kinds & SCAN_TLS_DESCRIPTOR ? " descriptor" : "");
}

static json_t *module_json(const struct scan_module *m)
{
    char digest[65] = "", build_id[65] = "", tls[64];
    json_t *needed = json_array(), *open = json_array();
    if (m->can_lift) {
        text_hex(digest, m->module.digest, 32);
        text_hex(build_id, m->module.image.build_id, m->module.image.build_id_size);
    }
    tls_text(m, tls);
    for (size_t i = 0; i < m->needed_count; i++)
        json_array_append_new(needed, json_pack("{s:s, s:s?}", "name", m->needed[i], "file", m->found[i]));
    for (size_t i = 0; i < m->open.count; i++) {
        const struct scan_open *o = arena_list_at(&m->open, i);
        json_array_append_new(open, json_pack("{s:s, s:s?}", "symbol", o->name, "library", o->library));
    }
    return json_pack("{s:s, s:s, s:b, s:s, s:s, s:s?, s:I, s:o, s:I, s:I, s:o, s:s, s:s, s:s, s:s}", "path", m->path, "module", m->name,
                     "library", m->is_library, "verdict", m->can_lift ? "lift" : "refuse", "why", m->why, "soname",
                     m->can_lift ? m->module.image.soname : NULL, "size", (json_int_t)m->size, "needed", needed, "imports",
                     (json_int_t)m->imports, "exports", (json_int_t)m->exports, "unresolved", open, "tls", tls, "glibc", m->glibc,
                     "sha256", digest, "build_id", build_id);
}

static void show_json(const struct scan *scan)
{
    json_t *modules = json_array(), *missing = json_array(), *distributions = json_object();
    for (size_t i = 0; i < scan->modules.count; i++)
        json_array_append_new(modules, module_json(arena_list_at(&scan->modules, i)));
    for (size_t i = 0; i < scan->missing.count; i++)
        json_array_append_new(missing, json_string(*(const char **)arena_list_at(&scan->missing, i)));
    for (size_t i = 0; i < scan->distributions.count; i++) {
        const struct scan_distribution *d = arena_list_at(&scan->distributions, i);
        json_object_set_new(distributions, d->name, json_string(d->imports));
    }
    json_t *all = json_pack("{s:o, s:o, s:o}", "modules", modules, "distributions", distributions, "missing", missing);
    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
}

static void show_table(const struct scan *scan)
{
    static const struct column columns[] = {
        { "MODULE", 0.35, SCOLS_FL_TRUNC }, { "SIZE", 9, SCOLS_FL_RIGHT }, { "NEEDED", 0.25, SCOLS_FL_TRUNC },
        { "TLS", 10, 0 }, { "OPEN", 5, SCOLS_FL_RIGHT }, { "VERDICT", 0.2, 0 },
    };
    struct libscols_table *table = columns_new(columns, sizeof columns / sizeof *columns);
    size_t lifted = 0, libraries = 0;
    for (size_t i = 0; table && i < scan->modules.count; i++) {
        const struct scan_module *m = arena_list_at(&scan->modules, i);
        struct libscols_line *line = scols_table_new_line(table, NULL);
        char text[64], needed[512] = "", verdict[440];
        for (size_t k = 0; k < m->needed_count; k++) {
            size_t have = strlen(needed);
            snprintf(needed + have, sizeof needed - have, "%s%s%s", k ? " " : "", m->needed[k], m->found[k] ? "" : " (not found)");
        }
        columns_cell(line, 0, m->name, NULL);
        snprintf(text, sizeof text, "%llu", (unsigned long long)m->size);
        columns_cell(line, 1, m->can_lift ? text : "", NULL);
        columns_cell(line, 2, needed, NULL);
        tls_text(m, text);
        columns_cell(line, 3, text, NULL);
        snprintf(text, sizeof text, "%zu", m->open.count);
        columns_cell(line, 4, m->can_lift ? text : "", NULL);
        snprintf(verdict, sizeof verdict, "%s%s", m->can_lift ? "lift" : "refuse: ", m->why);
        columns_cell(line, 5, verdict, m->can_lift ? "green" : "red");
        lifted += m->can_lift;
        libraries += m->is_library;
    }
    if (table)
        columns_print(table);
    for (size_t i = 0; i < scan->distributions.count; i++) {
        const struct scan_distribution *d = arena_list_at(&scan->distributions, i);
        printf("%s is imported as %s\n", d->name, *d->imports ? d->imports : "nothing");
    }
    printf("total: %zu module%s and %zu of their libraries, %zu can be lifted\n", scan->modules.count - libraries,
           plural(scan->modules.count - libraries), libraries, lifted);
}

static int finish(struct scan *scan, bool json)
{
    struct graft_error error = { 0 };
    if (scan_finish(scan, &error))
        return report_error(&command_scan, &error);
    if (json)
        show_json(scan);
    else
        show_table(scan);
    for (size_t i = 0; i < scan->missing.count; i++)
        fprintf(stderr, "graft scan: %s is not installed\n", *(const char **)arena_list_at(&scan->missing, i));
    int status = scan->missing.count ? EXIT_NEGATIVE : EXIT_DONE;
    for (size_t i = 0; i < scan->modules.count; i++)
        if (!((const struct scan_module *)arena_list_at(&scan->modules, i))->can_lift)
            status = EXIT_NEGATIVE;
    return status;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status, (void)type, (void)where;
    return remove(path);
}

/* What was unpacked there is ours. */
static void remove_folder(const char *path)
{
    if (nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS))
        fprintf(stderr, "graft scan: %s is left\n", path);
}

static int run(int count, char **arguments)
{
    static const struct option options[] = {
        { "json", no_argument, NULL, 'j' }, { "against", required_argument, NULL, 'a' }, { "list", required_argument, NULL, 'L' },
        { "site", required_argument, NULL, 's' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
    };
    char temporary[] = "/tmp/graft-scan.XXXXXX";
    struct graft_error error = { 0 };
    struct module_list list = { 0 };
    struct scan scan;
    bool json = false;
    int option, failed = 0;
    scan_init(&scan);
    while (!failed && (option = getopt_long(count, arguments, ":jh", options, NULL)) != -1)
        switch (option) {
        case 'h': scan_close(&scan); return print_help(&command_scan);
        case 'j': json = true; break;
        case 'a': failed = scan_add_archive(&scan, optarg, &error); break;
        case 'L': failed = module_list_read(&list, optarg, &error); scan.list = &list; break;
        case 's': scan.site = optarg; break;
        default:  scan_close(&scan); return option_error(&command_scan, arguments);
        }
    if (!failed && optind == count) {
        scan_close(&scan);
        return usage_error(&command_scan, "name a folder, a file, a package or a list of requirements");
    }
    if (!failed && !(scan.temporary = mkdtemp(temporary)))
        failed = error.code = -GRAFT_ESYS;
    for (int i = optind; !failed && i < count; i++)
        failed = scan_add(&scan, arguments[i], &error);
    int status = failed ? report_error(&command_scan, &error) : finish(&scan, json);
    if (scan.temporary)
        remove_folder(scan.temporary);
    scan_close(&scan);
    module_list_free(&list);
    return status;
}

const struct command command_scan = {
    "scan", "[options] WHAT…",
    "see what could be lifted, and what it needs", run,
    "  --json                everything, as JSON\n"
    "  --against ARCHIVE     names that the static link will have; then those of libc count only if one has them\n"
    "  --list FILE           which modules to take and to skip, as for graft link\n"
    "  --site FOLDER         where Python distributions are, before Debian's folders\n"
    "  -h, --help            this text\n\n"
    "WHAT is a folder, a shared object or a program, a .deb file, a Debian package's name, or a\n"
    "requirements.txt (what pip freeze prints is one).\n",
};
