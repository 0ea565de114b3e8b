/* SPDX-License-Identifier: MIT */
#ifndef HOOKS_DL_EVENT_H
#define HOOKS_DL_EVENT_H

#include <dlfcn.h>
#include <stdbool.h>

#include "loaded.h"

struct event_settings { bool symbols, failed, objects; };
extern struct event_settings event_settings;

/* A call that opens or closes something, from before it to after it. */
struct event {
    const char *function;
    const void *caller;
    const char *asked;              /* NULL: the program itself */
    Lmid_t space;                   /* as asked; afterwards where it is */
    bool has_space;                 /* the call names one */
    int flags;
    struct loads loads;
    struct loaded before;
    unsigned long long started;
};

void event_begin(struct event *);

/* Tells an open; @handle is what it returned. errno stays. */
void event_opened(struct event *, void *handle);

/* Tells a close of what was called @name; @result is what it returned. errno stays. */
void event_closed(struct event *, const char *name, int result);

/* Tells what dlsym or dlvsym (@version not NULL) found. errno stays. */
void event_looked_up(const void *caller, void *handle, const char *symbol, const char *version, const void *found);

#endif
