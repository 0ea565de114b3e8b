/* SPDX-License-Identifier: MIT */
/* The constructor of libgraft-preload.so. Invariant: without GRAFT_RULES in the
 * environment it does nothing at all; with it, rules are in force before main.
 * This is the tool's arm inside another process: with GRAFT_VERBOSE, GRAFT_REPORT
 * and on failures it writes, with plain system calls.
 *
 *   GRAFT_RULES     the rules, as in graft-rules(5)
 *   GRAFT_INHERIT   "0": children do not get any of this
 *   GRAFT_VERBOSE   "1": tell what was done on standard error, "-1": not even failures
 *   GRAFT_REPORT    a file that receives each plan as JSON
 *   GRAFT_DRY_RUN   "1": plan only */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/text.h"
#include "bind/late.h"

static struct {
    int verbose;
    bool dry_run;
    char report[4096];
} entry;

static void write_all(int file, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t wrote = write(file, text, length);
        if (wrote <= 0)
            return;
        text += wrote;
        length -= (size_t)wrote;
    }
}

static void say(const struct rule *rule, const struct graft_plan *plan, const struct graft_error *error)
{
    char text[1400];
    struct text_buffer out = { text, sizeof text, 0 };
    const char *verb = rule->kind == RULE_REBIND ? "rebind" : "isolate";
    if (error->code)
        text_append(&out, "graft: %s %s: %s", verb, rule->consumer,
                    error->text[0] ? error->text : graft_strerror(error->code));
    else
        text_append(&out, "graft: %s %s: %zu slots %s, %zu left", verb, rule->consumer, plan_edits(plan),
                    entry.dry_run ? "would be edited" : "edited", graft_plan_count(plan) - plan_edits(plan));
    text_append(&out, "\n");
    write_all(STDERR_FILENO, text, out.length < sizeof text ? out.length : sizeof text - 1);
}

/* Every refused slot by name: what is left undone never passes in silence. */
static void say_refused(const struct graft_plan *plan)
{
    for (size_t i = 0; i < graft_plan_count(plan); i++) {
        const struct graft_edit *edit = graft_plan_edit(plan, i);
        char text[900];
        struct text_buffer out = { text, sizeof text, 0 };
        if (!verdict_refuses(edit->verdict))
            continue;
        text_append(&out, "graft:   %s %s%s%s: %s\n", graft_slot_kind_name(edit->kind), edit->symbol,
                    edit->version ? "@" : "", edit->version ? edit->version : "",
                    graft_verdict_text(edit->verdict));
        write_all(STDERR_FILENO, text, out.length < sizeof text ? out.length : sizeof text - 1);
    }
}

static void write_report(struct text_buffer *out, const struct rule *rule, const struct graft_plan *plan,
                         const struct graft_error *error)
{
    char name[600];
    snprintf(name, sizeof name, "%s %s", rule->kind == RULE_REBIND ? "rebind" : "isolate", rule->consumer);
    text_append(out, "{\"pid\":%d,\"rule\":", (int)getpid());
    text_append_json(out, name);
    if (error->code) {
        text_append(out, ",\"error\":");
        text_append_json(out, error->text[0] ? error->text : graft_strerror(error->code));
    }
    if (plan) {
        text_append(out, ",\"plan\":");
        plan_write_json(plan, out);
    }
    text_append(out, "}\n");
}

/* Measures, then writes the report as one piece. */
static void report(const struct rule *rule, const struct graft_plan *plan, const struct graft_error *error)
{
    struct text_buffer out = { NULL, 0, 0 };
    write_report(&out, rule, plan, error);
    size_t size = out.length + 1;
    char *text = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (text == MAP_FAILED)
        return;
    out = (struct text_buffer){ text, size, 0 };
    write_report(&out, rule, plan, error);
    int file = open(entry.report, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (file >= 0) {
        write_all(file, text, out.length);
        close(file);
    }
    munmap(text, size);
}

/* A consumer that is bound to the host already, or to nothing yet. */
static bool is_harmless(const struct graft_plan *plan, const struct graft_error *error)
{
    return plan && error->code == -GRAFT_ENODUP;
}

static void listen(void *arg, const struct rule *rule, const char *consumer, const struct graft_plan *plan,
                   const struct graft_error *error)
{
    (void)arg;
    (void)consumer;
    if (entry.report[0])
        report(rule, plan, error);
    if (entry.verbose > 0 || (entry.verbose == 0 && error->code && !is_harmless(plan, error)))
        say(rule, plan, error);
    if (plan && entry.verbose >= 0 && !(plan->flags & GRAFT_PARTIAL && entry.verbose == 0))
        say_refused(plan);
}

/* The environment as the kernel laid it out: this constructor runs before libc's
 * own, so that getenv and unsetenv have nothing to look at yet. */
static char **find(char **environment, const char *name)
{
    size_t length = strlen(name);
    while (*environment && (strncmp(*environment, name, length) || (*environment)[length] != '='))
        environment++;
    return environment;
}

static char *value_of(char **environment, const char *name)
{
    char **variable = find(environment, name);
    return *variable ? *variable + strlen(name) + 1 : NULL;
}

static void unset(char **environment, const char *name)
{
    for (char **variable = find(environment, name); *variable; variable++)
        *variable = variable[1];
}

/* Takes this library out of LD_PRELOAD, in place: the value only gets shorter. */
static void forget_preload(char **environment)
{
    char *value = value_of(environment, "LD_PRELOAD");
    const char *mine = "libgraft-preload.so";
    for (char *word = value; word && *word;) {
        size_t length = strcspn(word, " :");
        char *next = word + length + (word[length] ? 1 : 0);
        if (memmem(word, length, mine, strlen(mine)))
            memmove(word, next, strlen(next) + 1);
        else
            word = next;
    }
    size_t length = value ? strlen(value) : 0;
    while (length && strchr(" :", value[length - 1]))
        value[--length] = '\0';
    if (value && !*value)
        unset(environment, "LD_PRELOAD");
}

static void stop_inheriting(char **environment)
{
    static const char *const mine[] = { "GRAFT_RULES", "GRAFT_INHERIT", "GRAFT_VERBOSE", "GRAFT_REPORT",
                                        "GRAFT_DRY_RUN" };
    forget_preload(environment);
    for (size_t i = 0; i < sizeof mine / sizeof *mine; i++)
        unset(environment, mine[i]);
}

static void start(const char *rules)
{
    struct graft_error error;
    char text[700];
    struct text_buffer out = { text, sizeof text, 0 };
    late_listen(listen, NULL, entry.dry_run);
    if (!graft_watch(&error) && !graft_rules_add(rules, &error))
        return;
    text_append(&out, "graft: %s\n", error.text);
    write_all(STDERR_FILENO, text, out.length < sizeof text ? out.length : sizeof text - 1);
}

/* glibc passes argc, argv and envp to every constructor. */
__attribute__((constructor)) static void preload(int count, char **arguments, char **environment)
{
    (void)count;
    (void)arguments;
    const char *rules = value_of(environment, "GRAFT_RULES");
    if (!rules)
        return;
    const char *verbose = value_of(environment, "GRAFT_VERBOSE");
    const char *dry_run = value_of(environment, "GRAFT_DRY_RUN");
    const char *inherit = value_of(environment, "GRAFT_INHERIT");
    entry.verbose = verbose ? atoi(verbose) : 0;
    entry.dry_run = dry_run && *dry_run == '1';
    text_copy(entry.report, sizeof entry.report, value_of(environment, "GRAFT_REPORT"));
    start(rules);
    if (inherit && *inherit == '0')
        stop_inheriting(environment);
}

static void say_unmatched(const struct rule *rule)
{
    struct graft_error error = { .code = -GRAFT_ENOOBJ };
    text_copy(error.text, sizeof error.text, "nothing of that name was ever loaded");
    say(rule, NULL, &error);
}

__attribute__((destructor)) static void unload(void)
{
    if (entry.verbose > 0)
        late_unmatched(say_unmatched);
}
