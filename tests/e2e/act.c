/* SPDX-License-Identifier: MIT */
/* What matrix.sh does between the probes of a fixture host: preloaded into it
 * (libact.so) or linked in. Checks what the answers cannot show: the words, the
 * protections, and that a refused plan wrote nothing.
 *
 *   rebind       nothing may be refused
 *   partial      something must be refused; then with GRAFT_PARTIAL
 *   undo         the words that were there
 *   roundtrip    apply and undo at once: every byte that can be written is as before
 *   static       the host is static: refused, with the error that says so
 *
 * ACT_ONTO names the host. Returns 0, or a number that says which check failed. */

#define _GNU_SOURCE
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <graft/graft.h>

int fixture_act(void *consumer, const char *what);

enum { REGIONS_MAX = 1024, BYTES_MAX = 1 << 20 };

/* Mappings of files, neighbours with one protection joined. */
struct regions { size_t count; struct { unsigned long start, end; char protection[5]; } at[REGIONS_MAX]; };

static struct graft_plan *applied;

static int failed(const char *what, const struct graft_error *error)
{
    printf("act failed: %s%s%s\n", what, error ? ": " : "", error ? error->text : "");
    return 1;
}

static void read_regions(struct regions *r)
{
    static char line[4096];
    FILE *maps = fopen("/proc/self/maps", "r");
    r->count = 0;
    while (maps && fgets(line, sizeof(line), maps)) {
        unsigned long start, end;
        char protection[5];
        if (sscanf(line, "%lx-%lx %4s", &start, &end, protection) != 3 || !strchr(line, '/'))
            continue;
        size_t last = r->count - 1;
        if (r->count && r->at[last].end == start && !strcmp(r->at[last].protection, protection))
            r->at[last].end = end;
        else if (r->count < REGIONS_MAX) {
            r->at[r->count].start = start;
            r->at[r->count].end = end;
            memcpy(r->at[r->count++].protection, protection, sizeof(protection));
        }
    }
    if (maps)
        fclose(maps);
}

static bool same_regions(const struct regions *a, const struct regions *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->at[i].start != b->at[i].start || a->at[i].end != b->at[i].end
            || strcmp(a->at[i].protection, b->at[i].protection))
            return false;
    return true;
}

struct bytes { size_t count; unsigned char at[BYTES_MAX]; };

/* The writable segments of the libraries that a plan may touch. */
static int copy_segments(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct bytes *bytes = arg;
    (void)size;
    if (!strstr(info->dlpi_name, "/libconsumer") && !strstr(info->dlpi_name, "/libmiddle"))
        return 0;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type != PT_LOAD || !(p->p_flags & PF_W) || p->p_memsz > BYTES_MAX - bytes->count)
            continue;
        memcpy(bytes->at + bytes->count, (const void *)(info->dlpi_addr + p->p_vaddr), p->p_memsz);
        bytes->count += p->p_memsz;
    }
    return 0;
}

static void copy_bytes(struct bytes *bytes)
{
    bytes->count = 0;
    dl_iterate_phdr(copy_segments, bytes);
}

static bool same_bytes(const struct bytes *a, const struct bytes *b)
{
    return a->count && a->count == b->count && !memcmp(a->at, b->at, a->count);
}

static int make_plan(void *consumer, unsigned flags, struct graft_plan **plan)
{
    struct graft_error error;
    struct graft_rebind rebind = { .size = sizeof(rebind), .handle = consumer, .from = "libfixdup*",
                                   .onto = getenv("ACT_ONTO"), .flags = GRAFT_CLOSURE | flags };
    if (graft_plan_rebind(plan, &rebind, &error))
        return failed("plan", &error);
    return graft_plan_count(*plan) ? 0 : failed("the plan is empty", NULL);
}

static uintptr_t word_at(uintptr_t address)
{
    uintptr_t word;
    memcpy(&word, (const void *)address, sizeof(word));
    return word;
}

static bool is_edit(const struct graft_edit *edit)
{
    return edit->verdict <= GRAFT_VERDICT_WEAK;
}

enum moment { PLANNED, APPLIED, UNDONE };

/* Whether every slot of the plan holds what it should. After undo, those that were
 * left alone may have been resolved by calls. */
static bool holds(const struct graft_plan *plan, enum moment moment)
{
    for (size_t i = 0; i < graft_plan_count(plan); i++) {
        const struct graft_edit *edit = graft_plan_edit(plan, i);
        uintptr_t want = moment == APPLIED && is_edit(edit) ? edit->new_value : edit->old_value;
        if (edit->kind == GRAFT_SLOT_COPY || edit->kind == GRAFT_SLOT_OTHER
            || (moment == UNDONE && !is_edit(edit)))
            continue;
        if (word_at(edit->slot) != want) {
            printf("act: %s %s holds 0x%lx, not 0x%lx\n", graft_slot_kind_name(edit->kind), edit->symbol,
                   word_at(edit->slot), want);
            return false;
        }
    }
    return true;
}

static size_t refused(const struct graft_plan *plan)
{
    size_t count = 0;
    for (size_t i = 0; i < graft_plan_count(plan); i++)
        count += graft_plan_edit(plan, i)->verdict >= GRAFT_VERDICT_MISSING;
    return count;
}

/* Applies and looks at words and protections. */
static int apply(struct graft_plan *plan)
{
    static struct regions before, after;
    struct graft_error error;
    if (!holds(plan, PLANNED))
        return failed("the plan's old values are not what is there", NULL);
    read_regions(&before);
    if (graft_plan_apply(plan, &error))
        return failed("apply", &error);
    read_regions(&after);
    if (!same_regions(&before, &after))
        return failed("apply left other protections", NULL);
    return holds(plan, APPLIED) ? 0 : failed("slots after apply", NULL);
}

static int undo(struct graft_plan *plan)
{
    static struct regions before, after;
    struct graft_error error;
    read_regions(&before);
    if (graft_plan_undo(plan, &error))
        return failed("undo", &error);
    read_regions(&after);
    if (!same_regions(&before, &after))
        return failed("undo left other protections", NULL);
    return holds(plan, UNDONE) ? 0 : failed("slots after undo", NULL);
}

/* A plan with refused slots without GRAFT_PARTIAL: named, and nothing is written. */
static int try_refused(void *consumer)
{
    static struct bytes before, after;
    struct graft_error error;
    struct graft_plan *plan;
    if (make_plan(consumer, 0, &plan))
        return 1;
    if (!refused(plan))
        return failed("nothing is refused", NULL);
    copy_bytes(&before);
    if (graft_plan_apply(plan, &error) != -GRAFT_EREFUSED || !error.symbol[0] || !error.text[0])
        return failed("a refused plan was not refused by name", NULL);
    copy_bytes(&after);
    graft_plan_free(plan);
    return same_bytes(&before, &after) ? 0 : failed("a refused plan wrote", NULL);
}

static int rebind(void *consumer, bool partial)
{
    if (partial && try_refused(consumer))
        return 2;
    if (make_plan(consumer, partial ? GRAFT_PARTIAL : 0, &applied))
        return 3;
    for (size_t i = 0; !partial && i < graft_plan_count(applied); i++)
        if (graft_plan_edit(applied, i)->verdict >= GRAFT_VERDICT_MISSING)
            printf("act: %s is refused: %s\n", graft_plan_edit(applied, i)->symbol,
                   graft_verdict_text(graft_plan_edit(applied, i)->verdict));
    return apply(applied) ? 4 : 0;
}

static int roundtrip(void *consumer)
{
    static struct bytes before, after;
    struct graft_plan *plan;
    if (make_plan(consumer, GRAFT_PARTIAL, &plan))
        return 5;
    copy_bytes(&before);
    if (apply(plan) || undo(plan))
        return 6;
    copy_bytes(&after);
    graft_plan_free(plan);
    return same_bytes(&before, &after) ? 0 : failed("a round trip left other bytes", NULL);
}

static int in_static(void)
{
    struct graft_plan *plan;
    struct graft_objects *objects;
    struct graft_error error;
    struct graft_rebind by_name = { .size = sizeof(by_name), .consumer = "*", .from = "*", .onto = "main" };
    if (graft_plan_rebind(&plan, &by_name, &error) != -GRAFT_ESTATIC || !error.text[0])
        return 7;
    if (graft_plan_isolate(&plan, "*", 0, &error) != -GRAFT_ESTATIC)
        return 8;
    return graft_objects_snapshot(&objects, &error) == -GRAFT_ESTATIC ? 0 : 9;
}

int fixture_act(void *consumer, const char *what)
{
    if (!strcmp(what, "static"))
        return in_static();
    if (!strcmp(what, "roundtrip"))
        return roundtrip(consumer);
    if (!strcmp(what, "undo")) {
        int result = undo(applied);
        graft_plan_free(applied);
        return result;
    }
    return rebind(consumer, !strcmp(what, "partial"));
}
