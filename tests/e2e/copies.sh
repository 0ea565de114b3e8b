#!/bin/bash
# SPDX-License-Identifier: MIT
# Several copies of graft in one process: preloaded, linked to the program, linked into two
# plugins, one of them in another namespace. One journal serves them all; a copy of another
# layout stands aside and says whom for.
. "$(dirname "$0")/lib/check.sh"

cat >"$work/tool.c" <<'C'
/* A tool with graft in it: hooks getppid and counts. */
#include <graft/graft.h>
static int (*next)(void);
int calls;
static int counted(void) { calls++; return next() + STEP; }
int tool_start(struct graft_error *error)
{
    struct graft_hook hook = { .size = sizeof hook, .symbol = "getppid", .replacement = (void *)counted,
                               .original = (void **)&next, .owner = "tool", .in = FILTER };
    struct graft_plan *plan = NULL;
    int result = graft_plan_hook(&plan, &hook, 1, error);
    if (!result)
        result = graft_plan_apply(plan, error);
    graft_plan_free(plan);
    return result;
}
int tool_stop(void) { return graft_unhook("getppid", (void *)counted); }
C
cat >"$work/program.c" <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <graft/graft.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int ours;
static int (*next)(void);
static int counted(void) { ours++; return next() + 1000; }

static int count(const struct graft_hook_info *info, void *arg)
{
    *(int *)arg += !strcmp(info->symbol, "getppid");
    return 0;
}

static int hooks(void)
{
    int n = 0;
    graft_hooks_each(count, &n);
    return n;
}

struct tool { int (*start)(struct graft_error *), (*stop)(void), *calls; };

static struct tool load(const char *path, int apart)
{
    void *handle = apart ? dlmopen(LM_ID_NEWLM, path, RTLD_NOW) : dlopen(path, RTLD_NOW);
    if (!handle) {
        puts(dlerror());
        return (struct tool){ 0 };
    }
    return (struct tool){ (int (*)(struct graft_error *))dlsym(handle, "tool_start"),
                          (int (*)(void))dlsym(handle, "tool_stop"), (int *)dlsym(handle, "calls") };
}

int main(int argc, char **argv)
{
    struct graft_error error = { 0 };
    int real = getppid(), first = argc > 4 && !strcmp(argv[4], "tool-first");
    struct tool one = load(argv[1], 0), two = load(argv[2], argv[3][0] == 'a');
    if (!one.start || !two.start)
        return 2;
    printf("hooks at first: %d\n", hooks());
    if (first && one.start(&error))
        return printf("one: %s\n", error.text), 1;
    if (graft_hook("getppid", (void *)counted, (void **)&next))
        return puts("ours: failed"), 1;
    if (!first && one.start(&error))
        return printf("one: %s\n", error.text), 1;
    if (two.start(&error))
        return printf("two: %s\n", error.text), 1;
    printf("with all: %d, hooks %d\n", getppid() - real, hooks());
    printf("one stops: %d, ", one.stop());
    printf("%d\n", getppid() - real);
    printf("ours stops: %d, ", graft_unhook("getppid", (void *)counted));
    printf("%d\n", getppid() - real);
    printf("two stops: %d, ", two.stop());
    printf("%d, hooks %d\n", getppid() - real, hooks());
    printf("calls: ours %d, one %d, two %d\n", ours, *one.calls, *two.calls);
    return 0;
}
C
# tool NAME STEP FILTER LIBRARY...: a plugin with that copy of graft.
tool() {
    gcc -shared -fPIC -fvisibility=default -DSTEP="$2" -DFILTER="$3" -Iinclude -o "$work/$1" "$work/tool.c" "${@:4}" \
        -Wl,--exclude-libs,ALL || fail "cannot build $1"
}
cd "$root" || exit 1
tool one.so 1 NULL "$BUILD/libgraft.a"
tool two.so 20 NULL "$BUILD/libgraft.a"
tool shared.so 20 NULL -L"$BUILD" -lgraft -Wl,-rpath,"$BUILD"
gcc -Iinclude -o "$work/linked" "$work/program.c" -L"$BUILD" -lgraft -Wl,-rpath,"$BUILD" || fail "cannot build"
gcc -Iinclude -o "$work/static" "$work/program.c" "$BUILD/libgraft.a" || fail "cannot build"

all='hooks at first: 0
with all: 1021, hooks 3
one stops: 0, 1020
ours stops: 0, 20
two stops: 0, 0, hooks 0
calls: ours 2, one 1, two 3'
# same TEXT COMMAND...: prints exactly that.
same() {
    cases=$((cases + 1))
    "${@:2}" >"$work/printed" 2>&1 </dev/null
    [ "$(cat "$work/printed")" = "$1" ] || fail "${*:2}: $(diff <(echo "$1") "$work/printed")"
}
for program in linked static; do
    for order in ours-first tool-first; do
        for second in two.so:here two.so:apart shared.so:here; do
            same "$all" "$work/$program" "$work/one.so" "$work/${second%:*}" "${second#*:}" $order
            same "$all" "$GRAFT" run --rebind 'no-such-*' -- \
                "$work/$program" "$work/one.so" "$work/${second%:*}" "${second#*:}" $order
        done
    done
done

# With a hook library of the preloaded copy under them: its hooks are in the same chains.
"$GRAFT" run --hook malloc:file="$work/report" -- "$work/static" "$work/one.so" "$work/two.so" here >"$work/printed" 2>&1
cases=$((cases + 1))
[ "$(cat "$work/printed")" = "$all" ] || fail "under a hook library: $(cat "$work/printed")"
expect 0 'malloc: [1-9]' cat "$work/report"

# Another layout: it stands aside, whoever came first, and nothing of it is in the slots.
gcc -std=gnu11 -D_GNU_SOURCE -O1 -fPIC -fvisibility=hidden -Isrc -Iinclude -DGRAFT_LIBDIR='""' -DSHARE_LAYOUT=999 -c \
    -o "$work/share.o" src/api/share.c || fail "cannot build another layout"
mkdir "$work/other"
for layer in base elf plan file live bind load api; do       # names repeat between layers
    for source in "src/$layer"/*.[cS]; do
        object=$(basename "${source%.?}").o
        [ "$object" = share.o ] || cp "$BUILD/src/$layer/$object" "$work/other/$layer-$object"
    done
done
tool alien.so 300 NULL "$work/share.o" "$work"/other/*.o
same "hooks at first: 0
two: graft 0.1.0 in $(readlink -f "$work/static") is at work in this process: this one, 0.1.0, stands aside" \
    "$work/static" "$work/one.so" "$work/alien.so" here
same "hooks at first: 0
one: graft 0.1.0 in $(readlink -f "$work/static") is at work in this process: this one, 0.1.0, stands aside" \
    "$work/static" "$work/alien.so" "$work/one.so" here tool-first
finish
