/* SPDX-License-Identifier: MIT */
/* graft ls, graft verify: what modules an executable holds, and whether the files that
 * they were made of are still the same. */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/columns.h"
#include "lift/contents.h"
#include "lift/sha256.h"

static json_t *needed_json(const char *needed)
{
    json_t *list = json_array();
    for (; *needed; needed += strlen(needed) + 1)
        json_array_append_new(list, json_string(needed));
    return list;
}

static json_t *module_json(const struct contents_module *m)
{
    char digest[65], build_id[65];
    text_hex(digest, m->record.digest, 32);
    text_hex(build_id, m->record.build_id, m->record.build_id_size);
    return json_pack("{s:s, s:s, s:s, s:o, s:I, s:I, s:I, s:s, s:s, s:I, s:b}", "path", m->path, "kind",
                     m->record.flags & GRAFT_RECORD_IMAGE ? "lifted" : "packed", "soname", m->soname, "needed",
                     needed_json(m->needed), "address", (json_int_t)m->address, "size",
                     (json_int_t)(m->record.high - m->record.low), "tls", (json_int_t)m->record.tls_size, "sha256", digest,
                     "build_id", build_id, "late", (json_int_t)m->record.late_count, "lib",
                     (m->record.flags & GRAFT_RECORD_LIB) != 0);
}

static int show_json(const struct contents *contents)
{
    json_t *modules = json_array();
    for (size_t i = 0; i < contents->count; i++)
        json_array_append_new(modules, module_json(&contents->modules[i]));
    json_t *all = json_pack("{s:o, s:I}", "modules", modules, "names", (json_int_t)contents->names);
    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
    return EXIT_DONE;
}

static int show_table(const struct contents *contents)
{
    static const struct column columns[] = {
        { "MODULE", 0.5, SCOLS_FL_TRUNC }, { "SIZE", 8, SCOLS_FL_RIGHT }, { "TLS", 5, SCOLS_FL_RIGHT },
        { "LATE", 5, SCOLS_FL_RIGHT }, { "SONAME", 0.2, SCOLS_FL_TRUNC }, { "SHA256", 16, 0 },
    };
    struct libscols_table *table = columns_new(columns, sizeof columns / sizeof *columns);
    if (!table)
        return EXIT_FAILED;
    for (size_t i = 0; i < contents->count; i++) {
        const struct contents_module *m = &contents->modules[i];
        struct libscols_line *line = scols_table_new_line(table, NULL);
        char text[80];
        columns_cell(line, 0, m->path, NULL);
        snprintf(text, sizeof text, "%llu", (unsigned long long)(m->record.high - m->record.low));
        columns_cell(line, 1, text, NULL);
        snprintf(text, sizeof text, "%llu", (unsigned long long)m->record.tls_size);
        columns_cell(line, 2, m->record.tls_size ? text : "", NULL);
        snprintf(text, sizeof text, "%llu", (unsigned long long)m->record.late_count);
        columns_cell(line, 3, m->record.late_count ? text : "", NULL);
        columns_cell(line, 4, m->soname, NULL);
        text_hex(text, m->record.digest, 8);
        columns_cell(line, 5, text, NULL);
    }
    columns_print(table);
    printf("total: %zu module%s, %llu names of the program\n", contents->count, plural(contents->count),
           (unsigned long long)contents->names);
    return EXIT_DONE;
}

static bool is_known(const struct graft_record *record)
{
    static const uint8_t none[32];
    return memcmp(record->digest, none, sizeof none) != 0;
}

static int verify(const struct contents *contents)
{
    size_t same = 0, other = 0;
    for (size_t i = 0; i < contents->count; i++) {
        const struct contents_module *m = &contents->modules[i];
        struct mapping file;
        uint8_t digest[32];
        const char *what = NULL;
        if (!is_known(&m->record))
            what = "has no digest (it was packed)";
        else if (mapping_open(&file, m->path, NULL))
            what = "is not there any more";
        else {
            sha256(file.bytes, file.size, digest);
            mapping_close(&file);
            if (memcmp(digest, m->record.digest, sizeof digest))
                what = "is another file now";
        }
        if (what)
            printf("%s %s\n", m->path, what);
        same += !what;
        other += what && is_known(&m->record);
    }
    printf("%zu of %zu modules are as they were lifted\n", same, contents->count);
    return other ? EXIT_NEGATIVE : EXIT_DONE;
}

static int run(const struct command *command, int count, char **arguments, bool verifying)
{
    static const struct option options[] = {
        { "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
    };
    struct graft_error error = { 0 };
    struct contents contents;
    bool json = false;
    int option;
    while ((option = getopt_long(count, arguments, ":jh", options, NULL)) != -1)
        switch (option) {
        case 'h': return print_help(command);
        case 'j': json = true; break;
        default:  return option_error(command, arguments);
        }
    if (optind != count - 1)
        return usage_error(command, "name one executable");
    if (contents_open(&contents, arguments[optind], &error))
        return report_error(command, &error);
    int status = verifying ? verify(&contents) : json ? show_json(&contents) : show_table(&contents);
    contents_close(&contents);
    return status;
}

static int run_ls(int count, char **arguments)
{
    return run(&command_ls, count, arguments, false);
}

static int run_verify(int count, char **arguments)
{
    return run(&command_verify, count, arguments, true);
}

const struct command command_ls = {
    "ls", "[--json] EXECUTABLE",
    "list the modules that an executable holds", run_ls,
    "  --json                everything, as JSON\n"
    "  -h, --help            this text\n",
};

const struct command command_verify = {
    "verify", "EXECUTABLE",
    "compare the files that an executable was made of", run_verify,
    "  -h, --help            this text\n\n"
    "Exit status 1: a file is another one than when it was lifted, or gone.\n",
};
