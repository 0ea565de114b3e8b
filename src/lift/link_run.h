/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LIFT_LINK_RUN_H
#define GRAFT_LIFT_LINK_RUN_H

/* What a link needs of the system: a folder, a response file, the compiler as a child,
 * and what the linker's words mean. */

#include <graft/graft.h>

#include "base/arena.h"
#include "lift/archive.h"
#include "lift/link.h"

struct link_folder { char path[4096]; bool keep; };

/* @keep, or one beside @output that goes with close. -GRAFT_ESYS. */
int link_folder_open(struct link_folder *, const char *keep, const char *output, struct graft_error *);
void link_folder_close(struct link_folder *);

/* The path of a file in it, in @arena; NULL: out of memory. */
const char *link_folder_file(const struct link_folder *, struct arena *, const char *name, const char *suffix);

/* Words for a response file (GCC, "@file"). */
struct link_words { char *text; size_t length, room; bool failed; };
void link_words_add(struct link_words *, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool link_words_failed(const struct link_words *);
void link_words_clear(struct link_words *);
int link_words_write(const struct link_words *, const char *path, struct graft_error *);

/* Runs the command with LC_ALL=C; what it says comes back in *@messages, malloc'd.
 * -GRAFT_ESYS: it cannot be run; -GRAFT_EREFUSED: it failed. */
int link_command(char **command, const struct link_folder *, char **messages, struct graft_error *);

/* Where the linker would find the archive @name for this command, malloc'd; NULL: nowhere. Nothing is
 * linked: the compiler says what it would run. (-print-file-name names glibc's libc.a for
 * musl-gcc as well.) */
char *link_find_archive(char *const *command, const char *name, const struct link_folder *);

/* The undefined references in the linker's words, each once. */
void link_missing_read(struct link_result *, const char *messages);

/* Looks for them in the archives of the folder that @file lies in. */
void link_missing_locate(struct link_result *, const char *file);
void link_missing_free(struct link_result *);

#endif
