/* SPDX-License-Identifier: MIT */
/* Arguments of a hook library. Runs inside start(), before libc's constructor:
 * no stdio, no allocation, no getenv. Invariant: a word that is not understood is
 * an error that lists what would have been. */

#include "common/options.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/report.h"

enum { WORD_LONGEST = 4096 };

static const struct option common_options[] = {
    { "file", OPTION_TEXT, report_settings.file, sizeof report_settings.file, NULL },
    { "json", OPTION_FLAG, &report_settings.json, 0, NULL },
};

bool option_number(const char *text, unsigned long *number)
{
    unsigned long value = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10UL, &value) ||
            __builtin_add_overflow(value, (unsigned long)(*text - '0'), &value))
            return false;
    }
    *number = value;
    return true;
}

/* The next word of *@rest in @word, without its backslashes; false if it is too long. */
static bool next_word(const char **rest, char *word, size_t size)
{
    const char *at = *rest;
    size_t length = 0;
    for (; *at && *at != ','; at++) {
        if (at[0] == '\\' && at[1] == ',')
            at++;
        if (length + 1 >= size)
            return false;
        word[length++] = *at;
    }
    word[length] = '\0';
    *rest = *at ? at + 1 : at;
    return true;
}

static const struct option *find(const struct option *options, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(options[i].name, name))
            return &options[i];
    }
    return NULL;
}

static size_t list_known(char *text, size_t size, size_t length, const struct option *options, size_t count)
{
    for (size_t i = 0; i < count && length < size; i++)
        length += (size_t)snprintf(text + length, size - length, "%s%s ", options[i].name,
                                   options[i].kind == OPTION_FLAG ? "" : "=");
    return length;
}

static int unknown(const char *word, const struct option *options, size_t count, struct graft_error *error)
{
    size_t size = sizeof error->text;
    size_t length = (size_t)snprintf(error->text, size, "unknown argument '%.100s'; known: ", word);
    length = list_known(error->text, size, length, options, count);
    length = list_known(error->text, size, length, common_options, sizeof common_options / sizeof *common_options);
    if (length < size)
        error->text[length - 1] = '\0';
    return -GRAFT_EINVAL;
}

static int wrong(const char *name, const char *value, const char *why, struct graft_error *error)
{
    snprintf(error->text, sizeof error->text, "%s=%.200s: %.200s", name, value, why);
    return -GRAFT_EINVAL;
}

static int set(const struct option *option, const char *value, struct graft_error *error)
{
    char why[200] = "is not understood";
    if (option->kind == OPTION_NUMBER && !option_number(value, option->value))
        return wrong(option->name, value, "is not a number", error);
    if (option->kind == OPTION_TEXT) {
        if (!*value || strlen(value) >= option->size)
            return wrong(option->name, value, *value ? "is too long" : "needs a value", error);
        strcpy(option->value, value);
    }
    if (option->kind == OPTION_PARSED && option->read_value(value, option->value, why, sizeof why))
        return wrong(option->name, value, why, error);
    return 0;
}

static int set_word(char *word, const struct option *options, size_t count, struct graft_error *error)
{
    char *equals = strchr(word, '=');
    if (equals)
        *equals = '\0';
    const struct option *option = find(options, count, word);
    if (!option)
        option = find(common_options, sizeof common_options / sizeof *common_options, word);
    if (!option) {
        if (equals)
            *equals = '=';
        return unknown(word, options, count, error);
    }
    if (option->kind == OPTION_FLAG) {
        *(bool *)option->value = true;
        return equals ? wrong(option->name, equals + 1, "takes no value", error) : 0;
    }
    return equals ? set(option, equals + 1, error) : wrong(option->name, "", "needs a value", error);
}

int options_parse(const char *arguments, const struct option *options, size_t count, struct graft_error *error)
{
    char word[WORD_LONGEST];
    struct graft_error unused;
    if (!error)
        error = &unused;
    for (const char *rest = arguments ? arguments : ""; *rest;) {
        if (!next_word(&rest, word, sizeof word))
            return wrong("argument", rest, "is too long", error);
        int code = *word ? set_word(word, options, count, error) : 0;
        if (code)
            return error->code = code;
    }
    return 0;
}
