/* SPDX-License-Identifier: MIT */
/* Words of this process and the pages that they lie in. Invariants: one protection
 * change per region and back to what was observed; never writable and executable
 * at once; a word changes with one compare-and-swap. */

#include "bind/slots.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "base/error.h"

/* ---- sorting: libc's qsort calls malloc --------------------------------- */

static void sift(struct slot_write *w, size_t root, size_t n)
{
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && w[child].address < w[child + 1].address)
            child++;
        if (w[root].address >= w[child].address)
            return;
        struct slot_write swap = w[root];
        w[root] = w[child];
        w[child] = swap;
    }
}

static void sort(struct slot_write *w, size_t n)
{
    bool sorted = true;
    for (size_t i = 1; i < n && sorted; i++)
        sorted = w[i - 1].address < w[i].address;
    if (sorted)
        return;
    for (size_t i = n / 2; i-- > 0;)
        sift(w, i, n);
    for (size_t last = n; last-- > 1;) {
        struct slot_write swap = w[0];
        w[0] = w[last];
        w[last] = swap;
        sift(w, 0, last);
    }
}

/* ---- pages -------------------------------------------------------------- */

static void close_some(const struct slots *slots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct slot_opening *o = &slots->opening[i];
        if (!(o->protection & PROT_WRITE))
            mprotect((void *)o->start, o->end - o->start, o->protection);
    }
}

/* Finds the openings: writes are sorted, so each region's come together. */
static int find_openings(struct slots *slots, struct graft_error *error)
{
    uintptr_t page = getauxval(AT_PAGESZ);
    struct region region = { 0, 0, 0 };
    struct slot_opening *o = NULL;
    slots->opening_count = 0;
    slots->opening = arena_array(slots->arena, slots->count, sizeof *slots->opening);
    if (!slots->opening && slots->count)
        return error_set(error, GRAFT_ENOMEM, "out of memory while applying");
    for (size_t i = 0; i < slots->count; i++) {
        uintptr_t address = slots->write[i].address, end = address + sizeof(uintptr_t);
        if (!o || address >= region.end) {
            if (!protections_find(&slots->protections, address, &region) || end > region.end)
                return error_set(error, GRAFT_EGONE, "slot 0x%lx is no longer mapped", address);
            if (slots->write[i].sealed && region.protection & PROT_WRITE) {
                slots->moving = &slots->write[i];
                return error_set(error, GRAFT_EBUSY, "slot 0x%lx: its object is still being loaded", address);
            }
            if (region.protection & PROT_EXEC)
                return error_set(error, GRAFT_EPROT, "slot 0x%lx lies in an executable mapping", address);
            o = &slots->opening[slots->opening_count++];
            *o = (struct slot_opening){ address & -page, 0, region.protection };
        }
        o->end = (end + page - 1) & -page;
    }
    return 0;
}

int slots_open(struct slots *slots, struct graft_error *error)
{
    sort(slots->write, slots->count);
    int result = find_openings(slots, error);
    if (result)
        return result;
    for (size_t i = 0; i < slots->opening_count; i++) {
        struct slot_opening *o = &slots->opening[i];
        if (o->protection & PROT_WRITE
            || !mprotect((void *)o->start, o->end - o->start, o->protection | PROT_WRITE))
            continue;
        int cause = errno;
        close_some(slots, i);
        return error_set(error, GRAFT_EPROT, "mprotect of 0x%lx+0x%lx: %s", o->start,
                         o->end - o->start, strerrordesc_np(cause));
    }
    return 0;
}

void slots_close(const struct slots *slots)
{
    close_some(slots, slots->opening_count);
}

/* ---- words -------------------------------------------------------------- */

uintptr_t slot_read(uintptr_t address)
{
    uintptr_t value;
    if (address % sizeof value == 0)
        return __atomic_load_n((uintptr_t *)address, __ATOMIC_RELAXED);
    memcpy(&value, (void *)address, sizeof value);
    return value;
}

bool slot_swap(uintptr_t address, uintptr_t *expected, uintptr_t value)
{
    if (address % sizeof value == 0)
        return __atomic_compare_exchange_n((uintptr_t *)address, expected, value, false,
                                           __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    uintptr_t held = slot_read(address);
    if (held != *expected) {
        *expected = held;
        return false;
    }
    memcpy((void *)address, &value, sizeof value);
    return true;
}
