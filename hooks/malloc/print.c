/* SPDX-License-Identifier: MIT */
/* The report of what was counted. Runs once, at exit, while other threads may go on
 * allocating: each number is right for a moment of the report. Sorts by itself:
 * libc's qsort may call malloc. */

#include <string.h>
#include <sys/mman.h>

#include "blocks.h"
#include "callers.h"
#include "common/place.h"
#include "common/report.h"
#include "numbers.h"

struct total {
    const char *name;
    bool gives;
    size_t calls, bytes;
};

static struct total totals[FUNCTION_COUNT] = {
#define X(name, gives) { #name, gives, 0, 0 },
    MALLOC_FUNCTIONS(X)
#undef X
};

static size_t live_blocks, live_bytes;

/* Other threads go on counting: what is told is read once. */
static void add_call(struct caller *caller, void *arg)
{
    size_t *places = arg;
    struct total *total = &totals[caller->function];
    memset(&caller->told, 0, sizeof caller->told);
    for (int i = 0; i < STRIPES; i++) {
        caller->told.calls += atomic_load(&caller->stripes[i].calls);
        caller->told.bytes += atomic_load(&caller->stripes[i].bytes);
    }
    total->calls += caller->told.calls;
    total->bytes += caller->told.bytes;
    (*places)++;
}

static void add_block(struct block block, void *arg)
{
    (void)arg;
    block.caller->told.live_blocks++;
    block.caller->told.live_bytes += block.size;
    live_blocks++;
    live_bytes += block.size;
}

/* ---- the places, sorted ------------------------------------------------------ */

struct ranking {
    struct caller **callers;
    size_t count, room;
    size_t (*weight)(const struct caller *);
    size_t (*tie)(const struct caller *);
};

static size_t asked_bytes(const struct caller *caller)
{
    return caller->told.bytes;
}

static size_t asked_calls(const struct caller *caller)
{
    return totals[caller->function].gives ? caller->told.calls : 0;
}

static size_t held_bytes(const struct caller *caller)
{
    return caller->told.live_bytes;
}

static size_t held_blocks(const struct caller *caller)
{
    return caller->told.live_blocks;
}

static void collect(struct caller *caller, void *arg)
{
    struct ranking *ranking = arg;
    if (ranking->count < ranking->room && (ranking->weight(caller) || ranking->tie(caller)))
        ranking->callers[ranking->count++] = caller;
}

/* More bytes first, then more blocks, then by place: the same run, the same report. */
static bool comes_before(const struct ranking *ranking, const struct caller *a, const struct caller *b)
{
    if (ranking->weight(a) != ranking->weight(b))
        return ranking->weight(a) > ranking->weight(b);
    if (ranking->tie(a) != ranking->tie(b))
        return ranking->tie(a) > ranking->tie(b);
    if (a->offset != b->offset)
        return a->offset < b->offset;
    return a->function < b->function;
}

static void sort(struct ranking *ranking)
{
    struct caller **at = ranking->callers;
    for (size_t gap = ranking->count / 2; gap > 0; gap = gap == 2 ? 1 : gap * 5 / 11) {
        for (size_t i = gap; i < ranking->count; i++) {
            struct caller *moving = at[i];
            size_t k = i;
            for (; k >= gap && comes_before(ranking, moving, at[k - gap]); k -= gap)
                at[k] = at[k - gap];
            at[k] = moving;
        }
    }
}

static void rank(struct ranking *ranking)
{
    ranking->count = 0;
    callers_each(collect, ranking);
    sort(ranking);
}

/* ---- as lines ------------------------------------------------------------------ */

static const char *object_of(const struct caller *caller)
{
    const char *object = atomic_load(&caller->object);
    return object ? object : "?";
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static void print_place(struct report *out, size_t count, const char *noun, size_t bytes, const struct caller *caller)
{
    report_prefix(out);
    report_add(out, "  %zu bytes in %zu %s%s of %s, %s+0x%zx\n", bytes, count, noun, plural(count), totals[caller->function].name,
               place_base(object_of(caller)), caller->offset);
}

static void print_totals(struct report *out)
{
    for (int i = 0; i < FUNCTION_COUNT; i++) {
        if (totals[i].calls && totals[i].gives)
            report_line(out, "%s: %zu call%s, %zu bytes asked", totals[i].name, totals[i].calls,
                        plural(totals[i].calls), totals[i].bytes);
        else if (totals[i].calls)
            report_line(out, "%s: %zu call%s", totals[i].name, totals[i].calls, plural(totals[i].calls));
    }
    report_line(out, "peak: %zu bytes; at the end: %zu bytes in %zu block%s", atomic_load(&numbers.peak), live_bytes,
                live_blocks, plural(live_blocks));
    if (atomic_load(&numbers.failed))
        report_line(out, "calls that gave no memory: %zu", atomic_load(&numbers.failed));
    if (atomic_load(&numbers.unknown))
        report_line(out, "freed, though allocated before or out of sight: %zu", atomic_load(&numbers.unknown));
    if (atomic_load(&numbers.vanished))
        report_line(out, "freed out of sight: %zu", atomic_load(&numbers.vanished));
    if (atomic_load(&numbers.untracked))
        report_line(out, "not followed for want of memory: %zu", atomic_load(&numbers.untracked));
}

static void print_ranking(struct report *out, struct ranking *ranking, size_t top, const char *title, const char *noun)
{
    rank(ranking);
    if (!ranking->count || !top)
        return;
    report_line(out, "%s, %zu of %zu places:", title, top < ranking->count ? top : ranking->count, ranking->count);
    for (size_t i = 0; i < ranking->count && i < top; i++)
        print_place(out, ranking->tie(ranking->callers[i]), noun, ranking->weight(ranking->callers[i]),
                    ranking->callers[i]);
}

/* ---- as JSON ------------------------------------------------------------------- */

static void json_place(struct report *out, const struct caller *caller)
{
    report_add(out, "{\"function\":\"%s\",\"object\":", totals[caller->function].name);
    report_json(out, object_of(caller));
    report_add(out, ",\"offset\":%zu,\"calls\":%zu,\"bytes\":%zu,\"live_blocks\":%zu,\"live_bytes\":%zu}",
               caller->offset, caller->told.calls, caller->told.bytes, caller->told.live_blocks,
               caller->told.live_bytes);
}

static void json_ranking(struct report *out, struct ranking *ranking, size_t top, const char *key)
{
    rank(ranking);
    report_add(out, ",\"%s\":[", key);
    for (size_t i = 0; i < ranking->count && i < top; i++) {
        report_add(out, i ? "," : "");
        json_place(out, ranking->callers[i]);
    }
    report_add(out, "]");
}

static void json_totals(struct report *out)
{
    report_add(out, "\"functions\":{");
    for (int i = 0; i < FUNCTION_COUNT; i++)
        report_add(out, "%s\"%s\":{\"calls\":%zu,\"bytes\":%zu}", i ? "," : "", totals[i].name, totals[i].calls,
                   totals[i].bytes);
    report_add(out, "},\"peak_bytes\":%zu,\"live_blocks\":%zu,\"live_bytes\":%zu", atomic_load(&numbers.peak),
               live_blocks, live_bytes);
    report_add(out, ",\"failed\":%zu,\"unknown\":%zu,\"vanished\":%zu,\"untracked\":%zu",
               atomic_load(&numbers.failed), atomic_load(&numbers.unknown), atomic_load(&numbers.vanished),
               atomic_load(&numbers.untracked));
}

static void print(struct report *out, struct ranking *asked, struct ranking *held, size_t top, bool leaks)
{
    if (report_settings.json) {
        report_json_begin(out);
        json_totals(out);
        json_ranking(out, asked, top, "top");
        if (leaks)
            json_ranking(out, held, top, "leaks");
        report_add(out, "}\n");
        return;
    }
    print_totals(out);
    print_ranking(out, asked, top, "most bytes asked", "call");
    if (leaks)
        print_ranking(out, held, top, "still allocated", "block");
}

void print_report(size_t top, bool leaks)
{
    size_t places = 0;
    for (int i = 0; i < FUNCTION_COUNT; i++)
        totals[i].calls = totals[i].bytes = 0;
    live_blocks = live_bytes = 0;
    callers_each(add_call, &places);
    blocks_each(add_block, NULL);
    size_t size = (places + 1) * sizeof(struct caller *);
    struct caller **sorted = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (sorted == MAP_FAILED)
        return;
    struct ranking asked = { sorted, 0, places, asked_bytes, asked_calls };
    struct ranking held = { sorted, 0, places, held_bytes, held_blocks };
    struct report out;
    report_begin(&out);
    print(&out, &asked, &held, top, leaks);
    report_send(&out);
    munmap(sorted, size);
}
