/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_ATTACH_WORDS_H
#define GRAFT_ATTACH_WORDS_H

/* Words of a target that are written together while it stands still. */

#include "attach/process.h"
#include "attach/witness.h"
#include "base/arena.h"

struct word {
    uint64_t address, expected, value;
    uint64_t found;                 /* what it held when it was looked at */
    uint64_t start, end;            /* the object that it lies in */
    bool lazy;                      /* may have been resolved since: then not inside that object */
    bool skip;                      /* not to be written after all */
    size_t user;                    /* the caller's */
};

/* Neighbours that are read with one piece. */
struct words_extent { uint64_t address; size_t first, count, at; };

struct words {
    struct arena *arena;            /* the caller's */
    struct word *word;
    size_t count;
    struct process_bytes *wanted;
    struct words_extent *extent;
    size_t extent_count, size;
    unsigned char *buffer;
};

/* Room for @count words, to be filled by the caller. 0 or -GRAFT_ENOMEM. */
int words_new(struct words *, struct arena *, size_t count);

/* Sorts and allocates, so that the rest allocates nothing. -GRAFT_ENOMEM; -GRAFT_EINVAL
 * for a word that is there twice or outside its object. */
int words_prepare(struct words *, struct graft_error *);

/* Reads every word into found; false if one cannot be read. */
bool words_read(struct words *, const struct process *);

/* The first word that is neither to be skipped nor holds what is expected; NULL: none. */
const struct word *words_unexpected(const struct words *);

/* Writes the values and reads them back; on failure what was found is put back.
 * @thread: one that stands still. -GRAFT_EPROT. */
int words_write(struct words *, const struct process *, pid_t thread, struct graft_error *);

#endif
