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

bool rule_option(struct rule_options *options, int option, const char *value)
{
    switch (option) {
    case 'r': case 'i':
        if (options->count == sizeof options->asked / sizeof *options->asked)
            give_up("at most 64 rules on a command line: use --rules");
        options->asked[options->count].isolate = option == 'i';
        options->asked[options->count++].value = value;
        return true;
    case 'f': options->from = value; return true;
    case 'o': options->only = value; return true;
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

static void append_rule(struct rule_options *options, bool isolate, const char *value)
{
    const char *host = isolate ? NULL : strchr(value, '=');
    append_text(options, isolate ? "isolate " : "rebind ");
    append(options, value, host ? (size_t)(host - value) : strlen(value));
    append_key(options, " onto=", host ? host + 1 : NULL);
    append_key(options, " from=", isolate ? NULL : options->from);
    append_key(options, " only=", isolate ? NULL : options->only);
    append_text(options, options->alone ? " alone" : "");
    append_text(options, !isolate && options->partial ? " partial" : "");
    append_text(options, !isolate && options->any_version ? " any-version" : "");
    append_text(options, "\n");
}

bool rule_options_finish(struct rule_options *options)
{
    bool rebinds = false;
    for (size_t i = 0; i < options->count; i++)
        rebinds |= !options->asked[i].isolate;
    if (!rebinds && (options->from || options->only || options->partial || options->any_version))
        give_up("--from, --only, --partial and --any-version belong to --rebind, and there is none");
    for (size_t i = 0; i < options->count; i++)
        append_rule(options, options->asked[i].isolate, options->asked[i].value);
    return options->length > 0;
}
