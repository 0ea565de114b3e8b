/* SPDX-License-Identifier: MIT */
/* The constructor of libgraft-preload.so. Invariant: without GRAFT_RULES
 * or GRAFT_HOOKS in the environment it does nothing at all; with them, rules and hooks
 * are in force before any other constructor runs.
 * This is the tool's arm inside another process: with GRAFT_VERBOSE, GRAFT_REPORT
 * and on failures it writes, with plain system calls.
 *
 *   GRAFT_RULES     the rules, as in graft-rules(5)
 *   GRAFT_HOOKS     hook libraries to start, PATH[:ARGUMENTS] a line; they are preloaded too
 *   GRAFT_LOAD      a file to load before main
 *   GRAFT_LOAD_ONLY "1": and then to end
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

#include "base/error.h"
#include "base/text.h"
#include "bind/journal.h"
#include "bind/late.h"
#include "bind/library.h"
#include "entry/load_first.h"
#include "load/load.h"
#include "api/share.h"

enum { REFUSED = 3 };               /* the tool's exit status for what it refuses */

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
    const char *verb = rule_word(rule->kind);
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
    snprintf(name, sizeof name, "%s %s", rule_word(rule->kind), rule->consumer);
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

/* Room for a report, which was measured, and the end of it: written as one piece. */
static bool report_begin(struct text_buffer *out, size_t size)
{
    char *text = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *out = (struct text_buffer){ text, size, 0 };
    return text != MAP_FAILED;
}

static void report_end(struct text_buffer *out, size_t size)
{
    int file = open(entry.report, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (file >= 0) {
        write_all(file, out->data, out->length);
        close(file);
    }
    munmap(out->data, size);
}

static void report(const struct rule *rule, const struct graft_plan *plan, const struct graft_error *error)
{
    struct text_buffer out = { NULL, 0, 0 };
    write_report(&out, rule, plan, error);
    size_t size = out.length + 1;
    if (!report_begin(&out, size))
        return;
    write_report(&out, rule, plan, error);
    report_end(&out, size);
}

/* ---- loads ------------------------------------------------------------------ */

static void say_load(const char *path, const struct graft_load_plan *plan, const struct graft_error *error)
{
    char text[2400];
    struct text_buffer out = { text, sizeof text, 0 };
    const struct graft_load_object *consumer = plan ? graft_load_plan_object(plan, 0) : NULL;
    text_append(&out, "graft: load %s: ", consumer && consumer->path ? consumer->path : path);
    if (plan)
        text_append(&out, "%s: %s", graft_way_name(plan->way), plan->reason);
    if (error->code && !(plan && plan->way == GRAFT_WAY_REFUSE))
        text_append(&out, "%s%s", plan ? "; failed: " : "", error->text[0] ? error->text : graft_strerror(error->code));
    text_append(&out, "\n");
    write_all(STDERR_FILENO, text, out.length < sizeof text ? out.length : sizeof text - 1);
}

/* Each name that is in the way: what a refusal is about never passes in silence. */
static void say_unbound(const struct graft_load_plan *plan)
{
    const struct graft_load_symbol *s;
    for (size_t i = 0; (s = graft_load_plan_symbol(plan, i)); i++) {
        char text[900];
        struct text_buffer out = { text, sizeof text, 0 };
        if (s->binding == GRAFT_BINDING_BOUND)
            continue;
        text_append(&out, "graft:   %s %s%s%s: %s\n", graft_binding_name(s->binding), s->name, s->version ? "@" : "",
                    s->version ? s->version : "", s->reason ? s->reason : "");
        write_all(STDERR_FILENO, text, out.length < sizeof text ? out.length : sizeof text - 1);
    }
}

static void write_load_report(struct text_buffer *out, const char *path, const struct graft_load_plan *plan,
                              const struct graft_error *error)
{
    text_append(out, "{\"pid\":%d,\"load\":", (int)getpid());
    text_append_json(out, path);
    if (error->code) {
        text_append(out, ",\"error\":");
        text_append_json(out, error->text[0] ? error->text : graft_strerror(error->code));
    }
    if (plan) {
        text_append(out, ",\"decision\":");
        load_plan_write_json(plan, out);
    }
    text_append(out, "}\n");
}

static void listen_to_loads(void *arg, const char *path, const struct graft_load_plan *plan,
                            const struct graft_error *error)
{
    (void)arg;
    if (entry.report[0]) {
        struct text_buffer out = { NULL, 0, 0 };
        write_load_report(&out, path, plan, error);
        size_t size = out.length + 1;
        if (report_begin(&out, size)) {
            write_load_report(&out, path, plan, error);
            report_end(&out, size);
        }
    }
    bool refused = error->code || (plan && plan->way == GRAFT_WAY_REFUSE);
    if (entry.verbose > 0 || (entry.verbose == 0 && refused))
        say_load(path, plan, error);
    if (plan && refused && entry.verbose >= 0)
        say_unbound(plan);
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

/* Whether a word of LD_PRELOAD is this library, or one of the hook libraries. */
static bool is_ours(const char *word, size_t length, const char *hooks)
{
    const char *mine = "libgraft-preload.so";
    if (memmem(word, length, mine, strlen(mine)))
        return true;
    for (; hooks && *hooks; hooks += strcspn(hooks, "\n"), hooks += *hooks == '\n')
        if (strcspn(hooks, ":\n") == length && !strncmp(hooks, word, length))
            return true;
    return false;
}

/* Takes them out of LD_PRELOAD, in place: the value only gets shorter. */
static void forget_preload(char **environment)
{
    char *value = value_of(environment, "LD_PRELOAD");
    const char *hooks = value_of(environment, "GRAFT_HOOKS");
    for (char *word = value; word && *word;) {
        size_t length = strcspn(word, " :");
        char *next = word + length + (word[length] ? 1 : 0);
        if (is_ours(word, length, hooks))
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
    static const char *const mine[] = { "GRAFT_RULES", "GRAFT_HOOKS", "GRAFT_INHERIT", "GRAFT_VERBOSE", "GRAFT_REPORT",
                                        "GRAFT_DRY_RUN", "GRAFT_LOAD", "GRAFT_LOAD_ONLY" };
    forget_preload(environment);
    for (size_t i = 0; i < sizeof mine / sizeof *mine; i++)
        unset(environment, mine[i]);
}

static void complain(const char *what, const struct graft_error *error)
{
    char text[700];
    struct text_buffer out = { text, sizeof text, 0 };
    text_append(&out, "graft: %s%s\n", what, error->text[0] ? error->text : graft_strerror(error->code));
    write_all(STDERR_FILENO, text, out.length < sizeof text ? out.length : sizeof text - 1);
}

static void start_rules(const char *rules)
{
    struct graft_error error;
    late_listen(listen, NULL, entry.dry_run);
    load_listen(listen_to_loads, NULL, entry.dry_run);
    if (graft_watch(&error) || graft_rules_add(rules, &error))
        complain("", &error);
}

/* ---- hook libraries ----------------------------------------------------- */

struct wanted { const char *path; size_t length; const struct graft_hook_library *library; };

/* The loader names an object as LD_PRELOAD does. */
static int find_library(struct world *world, const struct live_counts *counts, void *arg)
{
    struct wanted *wanted = arg;
    struct elf_wanted descriptor = { .name = "graft_hook_library" };
    struct elf_symbol symbol;
    (void)counts;
    for (size_t i = 0; i < world->objects.count; i++) {
        const struct world_object *object = world_object(world, i);
        if (strlen(object->path) == wanted->length && !strncmp(object->path, wanted->path, wanted->length)
            && !object->broken && elf_lookup(&object->image, &descriptor, &symbol) == ELF_FOUND)
            wanted->library = (const void *)(uintptr_t)(object->image.bias + symbol.value);
    }
    return 0;
}

/* A program that was to run with a hook does not run without it. */
static void start_hook(const char *line, size_t length, char **environment)
{
    struct graft_error error = { 0 };
    struct wanted wanted = { line, strcspn(line, ":\n"), NULL };
    size_t skip = wanted.length + (line[wanted.length] == ':');
    char *arguments = journal_keep(length - skip + 1);
    if (arguments)
        text_copy(arguments, length - skip + 1, line + skip);
    live_visit(find_library, &wanted, NULL);
    if (!wanted.library)
        error_about(&error, GRAFT_EREFUSED, "", "", "%.*s was not preloaded: is it in LD_PRELOAD?",
                    (int)wanted.length, line);
    else if (!library_start(wanted.library, arguments ? arguments : "", environment, &error))
        return;
    complain("hook ", &error);
    _exit(REFUSED);
}

static void start_hooks(const char *lines, char **environment)
{
    while (*lines) {
        size_t length = strcspn(lines, "\n");
        if (length)
            start_hook(lines, length, environment);
        lines += length + (lines[length] == '\n');
    }
}

/* glibc passes argc, argv and envp to every constructor. */
__attribute__((constructor)) static void preload(int count, char **arguments, char **environment)
{
    (void)count;
    (void)arguments;
    const char *rules = value_of(environment, "GRAFT_RULES");
    const char *hooks = value_of(environment, "GRAFT_HOOKS");
    if (!rules && !hooks)
        return;
    const char *verbose = value_of(environment, "GRAFT_VERBOSE");
    const char *dry_run = value_of(environment, "GRAFT_DRY_RUN");
    const char *inherit = value_of(environment, "GRAFT_INHERIT");
    const char *load = value_of(environment, "GRAFT_LOAD");
    entry.verbose = verbose ? atoi(verbose) : 0;
    entry.dry_run = dry_run && *dry_run == '1';
    text_copy(entry.report, sizeof entry.report, value_of(environment, "GRAFT_REPORT"));
    (void)share_leader(NULL);           /* nobody else can have acted yet */
    if (rules)
        start_rules(rules);
    if (hooks && !entry.dry_run)
        start_hooks(hooks, environment);
    if (load && load_first(load, value_of(environment, "GRAFT_LOAD_ONLY"))) {
        complain("load: ", &(struct graft_error){ .text = "the program does not start as C programs do" });
        _exit(REFUSED);
    }
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
    library_stop_all();
    if (entry.verbose > 0)
        late_unmatched(say_unmatched);
}
