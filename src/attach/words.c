/* SPDX-License-Identifier: MIT */
/* Reads and writes words of a stopped target. Invariant: between words_prepare and
 * the target's release nothing is allocated, and only the words themselves are
 * written, each at once, so that being killed between two leaves both valid.
 *
 * /proc/PID/mem reaches pages that are read-only in the target (RELRO). A kernel
 * may forbid that (proc_mem.force_override=never): then ptrace writes. */

#include "attach/words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include "base/error.h"

enum { WORD = sizeof(uint64_t), GAP = 256, RUN = 512 };

int words_new(struct words *words, struct arena *arena, size_t count)
{
    *words = (struct words){ .arena = arena, .word = arena_array(arena, count + 1, sizeof(struct word)),
                             .count = count };
    return words->word ? 0 : -GRAFT_ENOMEM;
}

static int by_address(const void *a, const void *b)
{
    const struct word *x = a, *y = b;
    return (x->address > y->address) - (x->address < y->address);
}

static int check_places(const struct words *words, struct graft_error *error)
{
    for (size_t i = 0; i < words->count; i++) {
        const struct word *w = &words->word[i];
        if (w->end - w->start < WORD || w->address - w->start > w->end - w->start - WORD)
            return error_set(error, GRAFT_EINVAL, "slot 0x%" PRIx64 " lies outside its object", w->address);
        if (i && w->address - w[-1].address < WORD)
            return error_set(error, GRAFT_EINVAL, "slot 0x%" PRIx64 " is in the plan twice", w->address);
    }
    return 0;
}

/* Neighbours in one object make one extent: the bytes between are read too. */
static void find_extents(struct words *words)
{
    struct words_extent *e = NULL;
    for (size_t i = 0; i < words->count; i++) {
        const struct word *w = &words->word[i];
        if (!e || w->start != w[-1].start || w->address - w[-1].address > GAP) {
            e = &words->extent[words->extent_count++];
            *e = (struct words_extent){ .address = w->address, .first = i, .at = words->size };
            words->wanted[words->extent_count - 1] = (struct process_bytes){ .address = w->address };
        }
        e->count++;
        words->size = e->at + (w->address - e->address) + WORD;
        words->wanted[words->extent_count - 1].size = words->size - e->at;
    }
}

int words_prepare(struct words *words, struct graft_error *error)
{
    qsort(words->word, words->count, sizeof *words->word, by_address);
    int result = check_places(words, error);
    words->extent = arena_array(words->arena, words->count + 1, sizeof *words->extent);
    words->wanted = arena_array(words->arena, words->count + 1, sizeof *words->wanted);
    if (result || !words->extent || !words->wanted)
        return result ? result : error_set(error, GRAFT_ENOMEM, "out of memory for the slots");
    find_extents(words);
    words->buffer = arena_alloc(words->arena, words->size + WORD);
    if (!words->buffer)
        return error_set(error, GRAFT_ENOMEM, "out of memory for the slots");
    memset(words->buffer, 1, words->size + WORD);           /* no page fault later */
    for (size_t i = 0; i < words->extent_count; i++)
        words->wanted[i].to = words->buffer + words->extent[i].at;
    return 0;
}

static uint64_t held(const struct words *words, const struct words_extent *e, size_t i)
{
    uint64_t value;
    memcpy(&value, words->buffer + e->at + (words->word[i].address - e->address), WORD);
    return value;
}

bool words_read(struct words *words, const struct process *process)
{
    if (!process_read_all(process, words->wanted, words->extent_count))
        return false;
    for (size_t k = 0; k < words->extent_count; k++)
        for (size_t i = 0; i < words->extent[k].count; i++)
            words->word[words->extent[k].first + i].found = held(words, &words->extent[k],
                                                                 words->extent[k].first + i);
    return true;
}

/* A lazy slot may have been resolved since the plan saw it: then it holds an
 * address outside its own object, where the resolver put it. */
const struct word *words_unexpected(const struct words *words)
{
    for (size_t i = 0; i < words->count; i++) {
        const struct word *w = &words->word[i];
        bool resolved = w->lazy && w->found && w->found - w->start >= w->end - w->start;
        if (!w->skip && w->found != w->expected && !resolved)
            return w;
    }
    return NULL;
}

/* ---- writing ------------------------------------------------------------ */

static bool poke(pid_t thread, uint64_t address, const uint64_t *value, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ptrace(PTRACE_POKEDATA, thread, (void *)(uintptr_t)(address + i * WORD),
                   (void *)(uintptr_t)value[i]))
            return false;
    return true;
}

static bool write_run(const struct process *process, pid_t thread, uint64_t address, const uint64_t *value,
                      size_t count)
{
    if (pwrite(process->memory, value, count * WORD, (off_t)address) == (ssize_t)(count * WORD))
        return true;
    return poke(thread, address, value, count);
}

/* Writes words [0, @count), neighbours together; returns how many were written. */
static size_t write_values(const struct words *words, const struct process *process, pid_t thread,
                           size_t count, bool back)
{
    uint64_t run[RUN];
    size_t done = 0;
    while (done < count) {
        const struct word *w = &words->word[done];
        size_t n = 0;
        while (done + n < count && n < RUN && !w[n].skip && w[n].address == w->address + n * WORD) {
            run[n] = back ? w[n].found : w[n].value;
            n++;
        }
        if (n && !write_run(process, thread, w->address, run, n))
            return done;
        done += n ? n : 1;
    }
    return done;
}

static bool arrived(const struct words *words, const struct process *process)
{
    if (!process_read_all(process, words->wanted, words->extent_count))
        return false;
    for (size_t k = 0; k < words->extent_count; k++)
        for (size_t i = words->extent[k].first; i < words->extent[k].first + words->extent[k].count; i++)
            if (!words->word[i].skip && held(words, &words->extent[k], i) != words->word[i].value)
                return false;
    return true;
}

int words_write(struct words *words, const struct process *process, pid_t thread, struct graft_error *error)
{
    size_t written = write_values(words, process, thread, words->count, false);
    if (written == words->count && arrived(words, process))
        return 0;
    int cause = errno;
    size_t tried = written == words->count ? written : written + RUN;
    write_values(words, process, thread, tried < words->count ? tried : words->count, true);
    return error_set(error, GRAFT_EPROT, "slot 0x%" PRIx64 " cannot be written: %s; the target is as it was",
                     words->word[written == words->count ? 0 : written].address, strerrordesc_np(cause));
}
