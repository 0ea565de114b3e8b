/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_PLAN_RULES_H
#define GRAFT_PLAN_RULES_H

/* Rules: what to do with objects that are loaded later. The text format is
 * graft-rules(5):
 *
 *     rebind CONSUMER [onto=HOST] [from=DUPLICATE] [only=SYMBOLS] [alone] [partial] [any-version]
 *     isolate OBJECTS [alone]
 *
 * one a line (or separated by semicolons), `#` to the end of the line a comment. */

#include <graft/plan.h>

#include "base/arena.h"

enum rule_kind { RULE_REBIND, RULE_ISOLATE };

struct rule {
    enum rule_kind kind;
    const char *consumer;           /* glob */
    const char *from, *onto, *only; /* NULL: not given */
    unsigned flags;                 /* GRAFT_CLOSURE and so on */
    unsigned line;
};

/* Parses @text and appends to @rules (elements struct rule), strings in the list's
 * arena. -GRAFT_ESYNTAX names the line and the word; nothing is appended then. */
int rules_parse(struct arena_list *rules, const char *text, struct graft_error *);

#endif
