/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_BIND_SLOTS_H
#define GRAFT_BIND_SLOTS_H

/* Slots of this process that are about to be written: their pages are opened
 * together, each word is swapped, the pages are closed together. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <graft/graft.h>

#include "base/arena.h"
#include "live/protection.h"

/* One word to write. */
struct slot_write {
    uintptr_t address, expected, value;
    int member;
    bool lazy, holds_address;
    bool sealed;                    /* its page is read-only once its object is loaded */
    uintptr_t found;                /* what it held when it was written */
    void *note;                     /* the caller's */
};

/* Adjacent pages of one mapping that are opened and closed together. */
struct slot_opening { uintptr_t start, end; int protection; };

struct slots {
    struct arena *arena;
    struct slot_write *write;
    size_t count;
    struct slot_opening *opening;
    size_t opening_count;
    const struct slot_write *moving;
    struct protections protections;
};

/* Sorts the writes by address and makes their pages writable. -GRAFT_EGONE,
 * -GRAFT_EPROT, -GRAFT_ENOMEM, and then nothing is left open. -GRAFT_EBUSY: slots->moving
 * is a write to a page that ld.so has not sealed yet, and will under our hands. */
int slots_open(struct slots *, struct graft_error *);

/* Gives every page the protection back that it had. */
void slots_close(const struct slots *);

uintptr_t slot_read(uintptr_t address);

/* Writes @value while the word holds *expected; else *expected is what it holds.
 * A slot that is not aligned cannot be swapped atomically on every machine. */
bool slot_swap(uintptr_t address, uintptr_t *expected, uintptr_t value);

#endif
