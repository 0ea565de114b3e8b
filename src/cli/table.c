/* SPDX-License-Identifier: MIT */
/* graft table: writes the addresses of an object's symbols down, for a host that will
 * run stripped. Invariant: what is written is what --table reads (plan/table.h), with the
 * build-id that binds it to this very build. */

#include <elf.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "elf/section.h"
#include "file/debug.h"
#include "file/files.h"

struct writing { const struct world_object *object; const char *only, *name; size_t written, ambiguous; };

static bool is_wanted(const struct writing *w, const struct elf_symbol *s)
{
    return s->section != SHN_UNDEF && s->section != SHN_ABS && s->name[0] && !strchr(s->name, '@')
        && (s->type == STT_FUNC || s->type == STT_OBJECT) && s->value >= w->object->image.low
        && s->value < w->object->image.high && !strpbrk(s->name, " \t#") && (!w->only || text_glob_list(w->only, s->name));
}

/* A name that means several things in the file is left out: which one is not known. */
static int write_symbols(struct writing *w, const struct elf_symtab *symbols)
{
    struct elf_symtab_wanted *wanted = calloc(symbols->symbols.count + 1, sizeof *wanted);
    struct elf_symbol s;
    size_t count = 0;
    if (!wanted)
        return EXIT_FAILED;
    for (size_t i = 0; i < symbols->symbols.count; i++)
        if (elf_symtab_at(symbols, i, &s) && is_wanted(w, &s))
            wanted[count++].name = s.name;
    elf_symtab_find(symbols, wanted, count);
    for (size_t i = 0; i < count; i++) {
        const struct elf_symbol *found = &wanted[i].symbol;
        if (wanted[i].found != 1) {
            w->ambiguous++;
            continue;
        }
        printf("%s = %s+0x%" PRIx64 " %s %" PRIu64 "\n", found->name, w->name, found->value,
               found->type == STT_OBJECT ? "object" : "func", found->size);
        w->written++;
    }
    free(wanted);
    return EXIT_DONE;
}

/* The file's own symbols, or those of its debug file. */
static int write_table(struct writing *w)
{
    const struct world_object *o = w->object;
    struct graft_error error = { 0 };
    struct elf_symtab symbols;
    struct debug_file debug = { .path = "" };
    if (!o->image.build_id_size) {
        fprintf(stderr, "graft table: %s has no build-id, so nothing would tell that a table is of it (link it with "
                "-Wl,--build-id)\n", o->path);
        return EXIT_REFUSED;
    }
    int result = elf_symtab_open(&symbols, &o->image, o->file, o->file_size, &error);
    if (!result && !symbols.symbols.count && !debug_open(&debug, "", o->path, &o->image, o->file, o->file_size, NULL))
        result = elf_symtab_open(&symbols, &o->image, debug.mapping.bytes, debug.mapping.size, &error);
    int status = result ? report_error(&command_table, &error) : EXIT_DONE;
    if (!status && !symbols.symbols.count) {
        fprintf(stderr, "graft table: %s is stripped, and no debug file of it was found\n", o->path);
        status = EXIT_NEGATIVE;
    }
    if (!status) {
        printf("# graft table of %s%s%s\nbuild-id %s ", o->path, debug.path[0] ? ", symbols from " : "", debug.path, w->name);
        for (size_t i = 0; i < o->image.build_id_size; i++)
            printf("%02x", o->image.build_id[i]);
        putchar('\n');
        status = write_symbols(w, &symbols);
    }
    debug_close(&debug);
    return status;
}

static int run(int count, char **arguments)
{
    static const struct option options[] = {
        { "only", required_argument, NULL, 'o' }, { "name", required_argument, NULL, 'n' },
        { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
    };
    struct writing writing = { .only = NULL };
    struct graft_error error = { 0 };
    struct world world;
    size_t index;
    int option;
    while ((option = getopt_long(count, arguments, ":o:n:h", options, NULL)) != -1)
        switch (option) {
        case 'h': return print_help(&command_table);
        case 'o': writing.only = optarg; break;
        case 'n': writing.name = optarg; break;
        default:  return option_error(&command_table, arguments);
        }
    if (optind != count - 1)
        return usage_error(&command_table, "name one file");
    world_init(&world);
    int status = files_add(&world, arguments[optind], &index, &error) ? report_error(&command_table, &error) : EXIT_DONE;
    if (!status) {
        writing.object = world_object(&world, index);
        if (!writing.name)
            writing.name = text_basename(arguments[optind]);
        status = write_table(&writing);
    }
    if (!status && writing.ambiguous)
        fprintf(stderr, "graft table: %zu names stand for several addresses and were left out\n", writing.ambiguous);
    if (!status && !writing.written) {
        fprintf(stderr, "graft table: no symbol of %s matches\n", arguments[optind]);
        status = EXIT_NEGATIVE;
    }
    files_close(&world);
    return status;
}

const struct command command_table = {
    "table", "[options] FILE",
    "write down an object's addresses, for --table", run,
    "  --only NAMES          only these symbols, comma separated globs\n"
    "  --name OBJECT         what the object is called where it runs (default: FILE's name)\n"
    "  -h, --help            this text\n\n"
    "FILE is the object before it is stripped, or one whose debug file is installed.\n",
};
