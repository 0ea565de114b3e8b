/* SPDX-License-Identifier: MIT */
/* What io says. Invariant: it shows counts and changes none; rows come in the same
 * order for the same counts. */
#include "tell.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/io_glob.h"
#include "common/report.h"

struct tell_settings tell_settings = { .top = 20 };

static bool is_wanted(const struct account *account)
{
    return account->kind != ACCOUNT_FILE || !*tell_settings.paths || io_glob(tell_settings.paths, account->name);
}

void tell_call(const char *call, const struct account *account, long result)
{
    struct report line;
    int saved = errno;
    const char *name = account ? account->name : NULL;
    if (!tell_settings.log || (account && name && !is_wanted(account)))
        return;
    report_begin(&line);
    if (result < 0)
        report_line(&line, "%s %s = %s", call, name ? name : "?", strerrorname_np(saved));
    else
        report_line(&line, "%s %s = %ld", call, name ? name : "?", result);
    report_send(&line);
    errno = saved;
}

/* ---- the rows of one kind, the busiest first -------------------------------------------- */

/* Threads may go on counting: what is sorted by stands still. */
struct row {
    struct account *account;
    unsigned long bytes, attempts;
};

struct rows {
    enum account_kind kind;
    struct row *rows;
    size_t count, room;
};

static bool is_used(const struct account *account)
{
    static const struct counts zero;
    return memcmp(&account->counts, &zero, sizeof zero) != 0;
}

static unsigned long failures(const struct counts *counts)
{
    unsigned long sum = counts->failed_otherwise;
    for (int i = 0; i < ACCOUNT_ERRORS; i++)
        sum += counts->failed[i].count;
    return sum;
}

static struct row row_of(struct account *account)
{
    const struct counts *counts = &account->counts;
    return (struct row){
        .account = account,
        .bytes = counts->read_bytes + counts->written_bytes + counts->stdio_in + counts->stdio_out,
        .attempts = counts->opens + counts->connected + counts->accepted + failures(counts),
    };
}

static void collect(struct account *account, void *arg)
{
    struct rows *rows = arg;
    if (account->kind != rows->kind || !is_used(account) || !is_wanted(account))
        return;
    if (rows->rows && rows->count < rows->room)
        rows->rows[rows->count] = row_of(account);
    rows->count++;
}

static int descending(unsigned long one, unsigned long other)
{
    return (one < other) - (one > other);
}

static int busier(const void *one, const void *other)
{
    const struct row *a = one, *b = other;
    int order = descending(a->bytes, b->bytes);
    if (!order)
        order = descending(a->attempts, b->attempts);
    return order ? order : strcmp(a->account->name, b->account->name);
}

/* qsort may call malloc, which is allowed at exit. */
static struct rows rows_of(enum account_kind kind)
{
    struct rows rows = { .kind = kind };
    ledger_each(collect, &rows);
    rows.room = rows.count;
    void *memory = mmap(NULL, (rows.room + 1) * sizeof *rows.rows, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    rows.rows = memory == MAP_FAILED ? NULL : memory;
    rows.count = 0;
    ledger_each(collect, &rows);
    if (!rows.rows || rows.count > rows.room)
        rows.count = rows.rows ? rows.room : 0;
    qsort(rows.rows, rows.count, sizeof *rows.rows, busier);
    return rows;
}

static void rows_free(struct rows *rows)
{
    if (rows->rows)
        munmap(rows->rows, (rows->room + 1) * sizeof *rows->rows);
}

static size_t shown(const struct rows *rows)
{
    return tell_settings.top && tell_settings.top < rows->count ? tell_settings.top : rows->count;
}

/* ---- as text ------------------------------------------------------------------------------ */

static void add_failures(struct report *out, const struct counts *counts)
{
    for (int i = 0; i < ACCOUNT_ERRORS && counts->failed[i].error; i++)
        if (counts->failed[i].count)
            report_add(out, "  %lu %s", counts->failed[i].count, strerrorname_np(counts->failed[i].error));
    if (counts->failed_otherwise)
        report_add(out, "  %lu others", counts->failed_otherwise);
}

static void text_row(struct report *out, const struct account *account)
{
    const struct counts *counts = &account->counts;
    report_prefix(out);
    if (account->kind == ACCOUNT_PEER)
        report_add(out, "%9lu %8lu %7lu %8lu %11lu %8lu %11lu  %s", counts->connected, counts->accepted, failures(counts),
                   counts->writes, counts->written_bytes, counts->reads, counts->read_bytes, account->name);
    else
        report_add(out, "%7lu %7lu %8lu %11lu %8lu %11lu %6lu  %s", counts->opens, failures(counts), counts->reads,
                   counts->read_bytes, counts->writes, counts->written_bytes, counts->maps, account->name);
    if (counts->stdio_in || counts->stdio_out)
        report_add(out, "  stdio %lu in %lu out", counts->stdio_in, counts->stdio_out);
    add_failures(out, counts);
    report_add(out, "\n");
}

static void text_rows(struct report *out, const struct rows *rows, const char *title)
{
    if (!rows->count)
        return;
    if (rows->kind == ACCOUNT_PEER)
        report_line(out, "connected accepted  failed    sends       bytes receives       bytes  %s", title);
    else
        report_line(out, "  opens  failed    reads       bytes   writes       bytes   maps  %s", title);
    for (size_t i = 0; i < shown(rows); i++)
        text_row(out, rows->rows[i].account);
    if (shown(rows) < rows->count)
        report_line(out, "and %zu more (top=0 shows all)", rows->count - shown(rows));
}

/* ---- as JSON ------------------------------------------------------------------------------ */

static void json_failures(struct report *out, const struct counts *counts)
{
    const char *comma = "";
    report_add(out, ",\"failed\":{");
    for (int i = 0; i < ACCOUNT_ERRORS && counts->failed[i].error; i++)
        if (counts->failed[i].count) {
            report_add(out, "%s\"%s\":%lu", comma, strerrorname_np(counts->failed[i].error), counts->failed[i].count);
            comma = ",";
        }
    if (counts->failed_otherwise)
        report_add(out, "%s\"others\":%lu", comma, counts->failed_otherwise);
    report_add(out, "}");
}

static void json_row(struct report *out, const struct account *account)
{
    const struct counts *counts = &account->counts;
    report_add(out, "{\"name\":");
    report_json(out, account->name);
    if (account->kind == ACCOUNT_PEER)
        report_add(out, ",\"connected\":%lu,\"accepted\":%lu", counts->connected, counts->accepted);
    else
        report_add(out, ",\"opens\":%lu,\"maps\":%lu,\"mapped_bytes\":%lu", counts->opens, counts->maps, counts->mapped_bytes);
    report_add(out, ",\"reads\":%lu,\"read_bytes\":%lu,\"writes\":%lu,\"written_bytes\":%lu", counts->reads,
               counts->read_bytes, counts->writes, counts->written_bytes);
    report_add(out, ",\"stdio_in\":%lu,\"stdio_out\":%lu", counts->stdio_in, counts->stdio_out);
    json_failures(out, counts);
    report_add(out, "}");
}

static void json_rows(struct report *out, const struct rows *rows, const char *title)
{
    report_add(out, ",\"%s\":[", title);
    for (size_t i = 0; i < shown(rows); i++) {
        report_add(out, i ? "," : "");
        json_row(out, rows->rows[i].account);
    }
    report_add(out, "]");
}

/* ---- all of it ------------------------------------------------------------------------------ */

struct totals {
    unsigned long opens, failed, connected, accepted, reads, read_bytes, writes, written_bytes;
};

static void sum(struct totals *totals, const struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        const struct counts *counts = &rows->rows[i].account->counts;
        totals->opens += rows->kind == ACCOUNT_FILE ? counts->opens : 0;
        totals->failed += failures(counts);
        totals->connected += counts->connected;
        totals->accepted += counts->accepted;
        totals->reads += counts->reads;
        totals->read_bytes += counts->read_bytes;
        totals->writes += counts->writes;
        totals->written_bytes += counts->written_bytes;
    }
}

static void text_report(struct report *out, struct rows *files, struct rows *peers, struct rows *others,
                        const struct totals *totals)
{
    report_line(out, "files: %zu, peers: %zu; opened: %lu, connected: %lu, accepted: %lu, failed: %lu; "
                "read: %lu bytes by %lu, written: %lu bytes by %lu", files->count, peers->count, totals->opens,
                totals->connected, totals->accepted, totals->failed, totals->read_bytes, totals->reads,
                totals->written_bytes, totals->writes);
    text_rows(out, files, "file");
    text_rows(out, peers, "peer");
    text_rows(out, others, "neither file nor peer");
}

static void json_report(struct report *out, struct rows *files, struct rows *peers, struct rows *others,
                        const struct totals *totals)
{
    report_json_begin(out);
    report_add(out, "\"totals\":{\"opens\":%lu,\"connected\":%lu,\"accepted\":%lu,\"failed\":%lu,\"reads\":%lu,"
               "\"read_bytes\":%lu,\"writes\":%lu,\"written_bytes\":%lu}", totals->opens, totals->connected,
               totals->accepted, totals->failed, totals->reads, totals->read_bytes, totals->writes, totals->written_bytes);
    json_rows(out, files, "files");
    json_rows(out, peers, "peers");
    json_rows(out, others, "others");
    report_add(out, "}\n");
}

void tell_report(void)
{
    struct rows files = rows_of(ACCOUNT_FILE), peers = rows_of(ACCOUNT_PEER), others = rows_of(ACCOUNT_OTHER);
    struct totals totals = { 0 };
    struct report out;
    sum(&totals, &files);
    sum(&totals, &peers);
    sum(&totals, &others);
    report_begin(&out);
    (report_settings.json ? json_report : text_report)(&out, &files, &peers, &others, &totals);
    report_send(&out);
    rows_free(&files);
    rows_free(&peers);
    rows_free(&others);
}
