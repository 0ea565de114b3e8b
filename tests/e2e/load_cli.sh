#!/bin/bash
# SPDX-License-Identifier: MIT
# The command line of loads: decisions for a process, for a program that does not run and
# for each dlopen of a command; graft load; graft table; what they refuse, and the exit
# statuses. The hosts are small programs with a runtime of their own.
. "$(dirname "$0")/lib/check.sh"
. "$(dirname "$0")/load/load.sh"

# A runtime in a library, a program that holds it too, a consumer, and one without.
cat >"$work/runtime.c" <<'C'
int lua_newstate(void) { return WHO; }
int lua_settop(void) { return WHO + 1; }
const char lua_ident[] = "$LuaVersion: Lua 5.4.4  Copyright (C) $";
C
cat >"$work/host.c" <<'C'
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>
int main(int count, char **arguments)
{
    for (int i = 1; i < count; i++) {
        void *handle = dlopen(arguments[i], RTLD_NOW);
        int (*ask)(void) = handle ? (int (*)(void))dlsym(handle, "ask") : NULL;
        if (ask)
            printf("asked: %d\n", ask());
        else
            printf("failed: %s\n", dlerror());
    }
    puts("main ran");
    fflush(stdout);
    if (count == 1)
        sleep(30);
    return 0;
}
C
echo 'int lua_newstate(void); int ask(void) { return lua_newstate(); }' >"$work/consumer.c"
echo 'int lua_never(void); int ask(void) { return lua_never(); }' >"$work/lacks.c"
echo 'int ask(void) { return 5; }' >"$work/plain.c"
compile -shared -DWHO=2 -Wl,-soname,librt.so.1 -o "$work/librt.so.1" "$work/runtime.c"
compile -shared -Wl,-rpath,"$work" -o "$work/consumer.so" "$work/consumer.c" "$work/librt.so.1"
compile -shared -o "$work/lacks.so" "$work/lacks.c"
compile -shared -o "$work/plain.so" "$work/plain.c"
compile -rdynamic -DWHO=1 -Wl,--build-id -o "$work/host" "$work/host.c" "$work/runtime.c" -ldl
compile -DWHO=1 -Wl,--build-id -o "$work/hidden" "$work/host.c" "$work/runtime.c" -ldl
strip -o "$work/stripped" "$work/hidden"

is_json() { "$@" | /usr/bin/python3 -c '
import json, sys
d = json.load(sys.stdin)
load = (d.get("loads") or d["plans"])[0]
assert d["format"] == 1 and load["decision"]["way"] == "provider", d
assert [o["fate"] for o in load["decision"]["objects"]][:2] == ["comes", "duplicate"], d
assert all(s["binding"] == "bound" for s in load["decision"]["symbols"]), d
print("json is right")'; }

# ---- decisions, with nothing loaded ----
expect 0 'consumer.so: provider: librt.so.1 would be a second lua beside' "$GRAFT" plan --load "$work/consumer.so" --host "$work/host"
expect 0 'librt.so.1 +duplicate +lua 5.4.4 +no ' "$GRAFT" plan --load "$work/consumer.so" --host "$work/host"
expect 0 'json is right' is_json "$GRAFT" plan --json --load "$work/consumer.so" --host "$work/host"
expect 0 'plain.so: none: ' "$GRAFT" plan --load "$work/plain.so" --host "$work/host"
expect 0 'consumer.so: isolate: ' "$GRAFT" plan --own "$work/consumer.so" --host "$work/host"
expect 0 'consumer.so: rebind: ' "$GRAFT" plan --load "$work/consumer.so" --way rebind --host "$work/host"
expect 1 'lacks.so: refuse: 1 names.*lua_never' "$GRAFT" plan --load "$work/lacks.so" --host "$work/host"
expect 1 "refuse: only the way 'provider' would do" "$GRAFT" plan --load "$work/consumer.so" --way promote --host "$work/host"
expect 0 'lua_newstate +0x[0-9a-f]+ +symtab|bound +lua_newstate +- symtab' "$GRAFT" plan --load "$work/consumer.so" --host "$work/hidden"
expect 0 'consumer.so: none: ' "$GRAFT" plan --load "$work/consumer.so" --host "$work/stripped"
start "$work/host" >/dev/null
host=$child
expect 0 'bound +lua_newstate +0x[0-9a-f]+ dynsym +host' "$GRAFT" plan --load "$work/consumer.so" "$host"
expect 0 'json is right' is_json "$GRAFT" plan --json --load "$work/consumer.so" "$host"
expect 1 'lacks.so: refuse: ' "$GRAFT" plan --load "$work/lacks.so" "$host"
expect 0 '' kill "$host"
expect 0 'consumer.so: provider: ' "$GRAFT" plan --load '*sumer.so' -- "$work/host" "$work/consumer.so"
expect 0 'json is right' is_json "$GRAFT" plan --json --load '*sumer.so' -- "$work/host" "$work/consumer.so"
expect 1 'loaded nothing that the rules match' "$GRAFT" plan --load '*sumer.so' -- "$work/host" "$work/plain.so"

# ---- loads ----
expect 0 'asked: 2' "$work/hidden" "$work/consumer.so"              # its own, without graft
expect 0 'asked: 1' "$GRAFT" run --load consumer.so -- "$work/hidden" "$work/consumer.so"
expect 0 'asked: 2' "$GRAFT" run --own consumer.so -- "$work/host" "$work/consumer.so"
expect 0 'failed: graft refuses .*lacks.so: 1 names that it needs are defined by nobody' \
    "$GRAFT" run --load lacks.so -- "$work/host" "$work/lacks.so"
expect 0 'consumer.so: provider: ' "$GRAFT" load "$work/consumer.so" --host "$work/host"
expect 0 'json is right' is_json "$GRAFT" load --json "$work/consumer.so" --host "$work/host"
"$GRAFT" load "$work/consumer.so" --host "$work/host" >"$work/said" 2>&1
expect 1 '' grep -q 'main ran' "$work/said"
expect 0 'main ran' "$GRAFT" load --run "$work/consumer.so" --host "$work/host" "$work/plain.so"
expect 1 'lacks.so: refuse: ' "$GRAFT" load "$work/lacks.so" --host "$work/host"
expect 3 'No such file' "$GRAFT" load /no/such.so --host "$work/host"
expect 4 'such.so: cannot open shared object file' "$GRAFT" load such.so --host "$work/host"
expect 2 'cannot be made to load something yet' "$GRAFT" load "$work/consumer.so" 1

# ---- a table ----
expect 0 'lua_newstate = hidden\+0x[0-9a-f]+ func' "$GRAFT" table "$work/hidden"
"$GRAFT" table --name stripped "$work/hidden" >"$work/table"
expect 0 'asked: 2' "$GRAFT" run --load consumer.so -- "$work/stripped" "$work/consumer.so"
expect 0 'asked: 1' "$GRAFT" run --load consumer.so --table "$work/table" -- "$work/stripped" "$work/consumer.so"
expect 1 'is stripped, and no debug file' "$GRAFT" table "$work/stripped"
sed -i 's/^build-id stripped ../build-id stripped 00/' "$work/table"
expect 0 'failed: graft refuses .*another build' "$GRAFT" run --load consumer.so --table "$work/table" -- "$work/stripped" "$work/consumer.so"
echo nonsense >"$work/table"
expect 0 "failed: graft refuses .*table, line 1: .*'nonsense'" \
    "$GRAFT" run --load consumer.so --table "$work/table" -- "$work/stripped" "$work/consumer.so"

# ---- what is no command line ----
expect 2 'no such way: .nothing' "$GRAFT" run --load x --way nothing -- true
expect 2 'belong to --load' "$GRAFT" run --rebind x --table /dev/null -- true
expect 2 'cannot be read' "$GRAFT" run --load x --table /no/table -- true
expect 3 'e_ident' "$GRAFT" plan --load /etc/passwd --host "$work/host"
expect 3 'no such program' "$GRAFT" plan --load "$work/consumer.so" --host /no/program
expect 1 'no such library where the loader would look' "$GRAFT" plan --load libnone.so --host "$work/host"
finish
