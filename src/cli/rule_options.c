/* SPDX-License-Identifier: MIT */
/* Options that say what to bind become rules. Invariant: the rules format is the
 * only language below this point, whether a rule came from an option or a file. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static void append(struct rule_options *options, const char *text, size_t length)
{
    char *bigger = realloc(options->text, options->length + length + 1);
    if (!bigger) {
        fputs("graft: out of memory\n", stderr);
        exit(EXIT_FAILED);
    }
    memcpy(bigger + options->length, text, length);
    options->text = bigger;
    options->length += length;
    bigger[options->length] = '\0';
}

static void append_text(struct rule_options *options, const char *text)
{
    append(options, text, strlen(text));
}

static void give_up(const char *why)
{
    fprintf(stderr, "graft: %s\n", why);
    exit(EXIT_USAGE);
}

static void read_rules(struct rule_options *options, const char *path)
{
    FILE *file = strcmp(path, "-") ? fopen(path, "r") : stdin;
    char block[4096];
    size_t got;
    if (!file) {
        fprintf(stderr, "graft: the rules %s cannot be read: %m\n", path);
        exit(EXIT_USAGE);
    }
    while ((got = fread(block, 1, sizeof block, file)) > 0)
        append(options, block, got);
    append_text(options, "\n");
    if (file != stdin)
        fclose(file);
}

static const struct { int option; enum rule_kind kind; } kinds[] = {
    { 'r', RULE_REBIND }, { 'i', RULE_ISOLATE }, { 'l', RULE_LOAD }, { 'O', RULE_OWN },
};

/* The tool reads it where it stands; what it starts may be elsewhere. */
static const char *full_path(const char *path)
{
    char *full = realpath(path, NULL);
    if (!full) {
        fprintf(stderr, "graft: the table %s cannot be read: %m\n", path);
        exit(EXIT_USAGE);
    }
    return full;
}

bool rule_option(struct rule_options *options, int option, const char *value)
{
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        if (kinds[k].option == option) {
            if (options->count == sizeof options->asked / sizeof *options->asked)
                give_up("at most 64 rules on a command line: use --rules");
            options->asked[options->count].kind = kinds[k].kind;
            options->asked[options->count++].value = value;
            return true;
        }
    switch (option) {
    case 'f': options->from = value; return true;
    case 'o': options->only = value; return true;
    case 'n': options->onto = value; return true;
    case 'w': options->ways = value; return true;
    case 't': options->table = full_path(value); return true;
    case 'p': options->partial = true; return true;
    case 'V': options->any_version = true; return true;
    case 'A': options->alone = true; return true;
    case 'R': read_rules(options, value); return true;
    default:  return false;
    }
}

static void append_key(struct rule_options *options, const char *key, const char *value)
{
    if (!value)
        return;
    append_text(options, key);
    append_text(options, value);
}

static void append_rule(struct rule_options *options, enum rule_kind kind, const char *value)
{
    const bool rebind = kind == RULE_REBIND, load = kind == RULE_LOAD;
    const char *host = rebind ? strchr(value, '=') : NULL;
    append_text(options, rule_word(kind));
    append_text(options, " ");
    append(options, value, host ? (size_t)(host - value) : strlen(value));
    append_key(options, " onto=", host ? host + 1 : load ? options->onto : NULL);
    append_key(options, " from=", rebind || load ? options->from : NULL);
    append_key(options, " only=", rebind ? options->only : NULL);
    append_key(options, " ways=", load ? options->ways : NULL);
    append_key(options, " table=", load ? options->table : NULL);
    append_text(options, options->alone && !load && kind != RULE_OWN ? " alone" : "");
    append_text(options, (rebind || load) && options->partial ? " partial" : "");
    append_text(options, (rebind || load) && options->any_version ? " any-version" : "");
    append_text(options, "\n");
}

bool rule_options_finish(struct rule_options *options)
{
    bool rebinds = false, loads = false;
    for (size_t i = 0; i < options->count; i++) {
        rebinds |= options->asked[i].kind == RULE_REBIND;
        loads |= options->asked[i].kind == RULE_LOAD;
    }
    if (!rebinds && options->only)
        give_up("--only belongs to --rebind, and there is none");
    if (!rebinds && !loads && (options->from || options->partial || options->any_version))
        give_up("--from, --partial and --any-version belong to --rebind and --load, and there is none");
    if (!loads && (options->onto || options->ways || options->table))
        give_up("--onto, --way and --table belong to --load, and there is none");
    for (size_t i = 0; i < options->count; i++)
        append_rule(options, options->asked[i].kind, options->asked[i].value);
    return options->length > 0;
}
