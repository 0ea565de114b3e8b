/* SPDX-License-Identifier: MIT */
#ifndef HOOKS_COMMON_OPTIONS_H
#define HOOKS_COMMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <graft/hook.h>

/* The words behind NAME: are separated by commas; "\," is a comma inside a word.
 * A word is a flag or KEY=VALUE. file=PATH and json are known to every library. */
enum option_kind {
    OPTION_FLAG,        /* bool */
    OPTION_NUMBER,      /* unsigned long: decimal, no sign */
    OPTION_TEXT,        /* char[size]; a value that does not fit is an error */
    OPTION_PARSED       /* read_value decides; called once per word, in order */
};

struct option {
    const char *name;
    enum option_kind kind;
    void *value;
    size_t size;                                        /* of a text's buffer */
    /* 0, or -1 with what is wrong with @text in @why ("is not a duration"). */
    int (*read_value)(const char *text, void *value, char *why, size_t size);
};

/* Sets what @arguments says, leaves the rest as it was. 0, or -GRAFT_EINVAL with an
 * error that names the word and what is known. Allocates nothing. */
int options_parse(const char *arguments, const struct option *options, size_t count, struct graft_error *error);

/* Decimal digits only, the whole of @text; false if it is no number or too large. */
bool option_number(const char *text, unsigned long *number);

#endif
