/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FIXTURE_H
#define TESTS_FIXTURE_H

/* The fixtures inside a test's process: the provider is opened RTLD_LOCAL, so that
 * consumers bind to the duplicate that they brought (probes.h: "before"), or
 * RTLD_GLOBAL, which captures them ("flat"). */

#include <stdbool.h>
#include <stdint.h>

#include <graft/graft.h>

#include "fixtures/probes.h"

/* One line of matrix.txt. */
struct consumer {
    char file[128], linker[8], bind[8], plt[8], relro[8], hash[8], versions[8], relr[8], tls[8];
};

/* Path of a file of the fixtures, in one of a few static buffers. */
const char *fixture_path(const char *file);

/* Opens a file of the fixtures; the test fails if that fails. */
void *fixture_open(const char *file, int flags);

/* Opens a provider and writes PROBE_LIVE into its fix_live. */
void *fixture_provider(const char *file, int flags);

/* All consumers; returns how many. */
size_t fixture_consumers(struct consumer *consumers, size_t room);

/* The answer of consumer_NAME. */
int fixture_ask(void *consumer, const char *probe);

enum fixture_column { BEFORE, AFTER, FLAT };

/* Fails the test unless every probe answers as @column says. */
void fixture_expect(void *consumer, enum fixture_column column, const struct probe_setting *setting);

/* Plans the closure of @consumer from the duplicate onto @onto; the test fails if
 * that fails. */
struct graft_plan *fixture_plan(void *consumer, const char *onto, unsigned flags, const char *only);

/* Apply and undo that must not fail. */
void fixture_apply(struct graft_plan *);
void fixture_undo(struct graft_plan *);

/* The entry of @symbol (and @kind, if it is not negative); the test fails if there
 * is none. */
const struct graft_edit *fixture_edit(const struct graft_plan *, const char *symbol, int kind);

uintptr_t fixture_word(uintptr_t address);

#endif
