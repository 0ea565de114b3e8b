/* SPDX-License-Identifier: MIT */
#ifndef TESTS_LOAD_FIXTURE_H
#define TESTS_LOAD_FIXTURE_H

/* What the tests of loading share: the libraries of tests/fixtures/load, what their
 * constructors note, and what the process holds. */

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <graft/load.h>

#include "fixture.h"

/* A wish with these fields set. */
#define WISH(...) (&(const struct graft_load){ .size = sizeof(struct graft_load), __VA_ARGS__ })
#define ONLY(way) WISH(.ways = GRAFT_WAY_BIT(GRAFT_WAY_##way))

enum { HOST = 1, COPY = 2, OTHER_VERSION = 3 };     /* whose answer it is */

/* Path of a file of tests/fixtures/load. */
const char *loads_path(const char *file);

/* dlopen; the test fails if that fails. */
void *loads_plainly(const char *file, int mode);

/* The host's runtime, in an RTLD_LOCAL library. */
void *loads_host(void);

/* graft_load, which must succeed, or must fail and leave a NULL handle: its code. */
void *loads_well(const char *file, int mode, const struct graft_load *);
int loads_badly(const char *file, int mode, const struct graft_load *, struct graft_error *);

/* The way that would be taken; the test fails if there is no plan. */
enum graft_way loads_way(const char *file, int mode, const struct graft_load *);

/* What a function without parameters answers. */
int loads_ask(void *library, const char *function);

/* How often constructors and destructors have noted @what; their notes in order, as
 * "what value, what value". Room for 256. */
size_t loads_noted(const char *what);
const char *loads_notes(void);

/* Whether a file with @part in its path is mapped, or in the loader's list. */
bool loads_is_mapped(const char *part);
size_t loads_is_listed(const char *part);

/* Mappings, bytes of address space, and open descriptors of this process. */
size_t loads_mappings(void);
size_t loads_memory(void);
size_t loads_descriptors(void);

/* What a load that fails must leave as it was, notes and mapped files; and that it did. */
void loads_note_state(void);
void loads_expect_nothing_left(void);

/* Runs @function in a child, which must end well. Asserts work there. */
void loads_in_a_child(void (*function)(void *), void *arg);

#endif
