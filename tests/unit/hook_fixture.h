/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HOOK_FIXTURE_H
#define TESTS_HOOK_FIXTURE_H

/* What the tests of hooks share: requests that must not fail, and the bytes of the
 * process before and after. */

#include <stddef.h>
#include <graft/hook.h>

#include "fixture.h"

/* A hook of @symbol in the object @of (NULL: any) with nothing else. */
#define HOOK(name, with, next, definer) \
    { .size = sizeof(struct graft_hook), .symbol = (name), .replacement = (void *)(with), \
      .original = (void **)(next), .of = (definer) }

/* A library of tests/fixtures/hook; the test fails if it cannot be opened. */
void *hook_open(const char *file, int flags);
const char *hook_path(const char *file);
bool hook_is_loaded(const char *file);

/* The function @name of a library; the test fails if there is none. */
int (*hook_function(void *library, const char *name))(int);

/* Plans, or plans and applies; the test fails with graft's reason if that fails. */
struct graft_plan *hook_plan(const struct graft_hook *hooks, size_t count);
struct graft_plan *hook_apply(const struct graft_hook *hooks, size_t count);
/* Undoes and frees. */
void hook_remove(struct graft_plan *);

/* What a plan answers that must fail: the code; *error is filled. */
int hook_refused(const struct graft_hook *hook, struct graft_error *error);

/* Starts graft's watch over the loader, whose gates stay: what is compared later is
 * compared with this. */
void hook_warm_up(void);

/* A copy of what nobody but a loader or graft writes: of every object the segments that
 * are read-only and what RELRO covers, of the fixtures all that the file filled. Takes
 * nothing of malloc. */
struct hook_bytes *hook_bytes_take(void);
/* Fails the test unless all of it is still as it was, objects that are gone left out. */
void hook_bytes_same(struct hook_bytes *);

/* How many hooks there are. */
int hook_count(void);

#endif
