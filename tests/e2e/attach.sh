#!/bin/bash
# SPDX-License-Identifier: MIT
# graft attach and undo on processes that are awkward: each failure has its own
# message and exit status, and the target goes on as before.
. "$(dirname "$0")/lib/check.sh"
export XDG_RUNTIME_DIR=$work/run
mkdir -m 700 "$XDG_RUNTIME_DIR"

# Objects that pass for a Python: its anchors, and the flag at _PyRuntime + 16.
runtime() {                                 # runtime NAME STATE
    cat >"$work/$1.c" <<C
int _PyRuntime[8] = { [4] = $2 };
const unsigned long Py_Version = 0x030b02f0;
int Py_IsInitialized(void) { return _PyRuntime[4]; }
void Py_InitializeEx(int signals) { (void)signals; }
C
    gcc -shared -fPIC -Wl,-soname,"$1.so" -o "$work/$1.so" "$work/$1.c"
}
runtime libhost 1
runtime libother 1
runtime libdup 0
cat >"$work/consumer.c" <<'C'
int Py_IsInitialized(void);
int ask(void) { return Py_IsInitialized(); }
C
gcc -shared -fPIC -Wl,--no-as-needed -Wl,-soname,libconsumer.so -o "$work/libconsumer.so" "$work/consumer.c" -L"$work" -ldup -Wl,-rpath,"$work"
cat >"$work/program.c" <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
/* program CONSUMER [OBJECT…]: opens all, then says what ask() answers whenever it
 * changes; "secret" makes the process non-dumpable. */
int main(int count, char **arguments)
{
    int last = -1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    void *consumer = dlopen(arguments[1], RTLD_NOW | RTLD_DEEPBIND);
    int (*ask)(void) = consumer ? (int (*)(void))dlsym(consumer, "ask") : NULL;
    for (int i = 2; i < count; i++)
        if (!strcmp(arguments[i], "secret"))
            prctl(PR_SET_DUMPABLE, 0);
        else if (!dlopen(arguments[i], RTLD_NOW | RTLD_LOCAL))
            puts(dlerror());
    for (int rounds = 0; rounds < 3000; rounds++) {
        int now = ask ? ask() : -2;
        if (now != last)
            printf("%d\n", last = now);
        usleep(10000);
    }
    return 0;
}
C
gcc -o "$work/program" "$work/program.c"

launch() {                                  # launch ARGUMENT…: $child runs, log in $log
    log=$work/log.$RANDOM$RANDOM
    start "$work/program" "$@" >"$log"
}
alive() { kill -0 "$child" 2>/dev/null || fail "the target died: $1"; }

launch "$work/libconsumer.so" "$work/libhost.so"
wait_for "$log" 0
expect 0 'libdup.so' "$GRAFT" objects "$child"
expect 0 'python 3.11.2, uninitialised, DUPLICATE' "$GRAFT" objects "$child"
expect 0 '1 slots? to edit' "$GRAFT" plan --rebind libconsumer.so "$child"
expect 1 "no loaded object matches the consumer 'nobody" "$GRAFT" attach --rebind nobody.so "$child"
expect 1 'matches the host' "$GRAFT" attach --rebind libconsumer.so=nobody.so "$child"
expect 1 'matches the duplicate' "$GRAFT" attach --rebind libconsumer.so --from nobody.so "$child"
expect 1 'nothing is applied' "$GRAFT" undo --list "$child"
expect 1 'no plan of this user is applied' "$GRAFT" undo "$child"
expect 0 'plan 1: rebind libconsumer.so: 1 slots? written' "$GRAFT" attach --rebind libconsumer.so "$child"
wait_for "$log" 1
expect 0 'plan 1' "$GRAFT" undo --list "$child"
expect 0 '1 slots? put back' "$GRAFT" undo "$child"
sleep 0.1
[ "$(tail -1 "$log")" = 0 ] || fail "undo did not bring the duplicate back"
alive 'after undo'

# stopped, traced, then well again
kill -STOP "$child"
sleep 0.1
expect 3 'stopped' "$GRAFT" attach --rebind libconsumer.so "$child"
grep -q '^State:.T' "/proc/$child/status" || fail 'the target was started again'
expect 0 'libdup' "$GRAFT" objects "$child"
kill -CONT "$child"
strace -qq -o /dev/null -p "$child" &
tracer=$!
for _ in $(seq 100); do grep -q "^TracerPid:.$tracer" "/proc/$child/status" && break; sleep 0.05; done
expect 3 'trace' "$GRAFT" attach --rebind libconsumer.so "$child"
kill "$tracer"; wait "$tracer" 2>/dev/null
for _ in $(seq 100); do grep -q '^TracerPid:.0' "/proc/$child/status" && break; sleep 0.05; done
expect 0 'written' "$GRAFT" attach --rebind libconsumer.so "$child"

# the remembered plan is of that process only: another start time, another build-id
state=$(ls "$XDG_RUNTIME_DIR"/graft/*.json)
cp "$state" "$work/state.json"
sed 's/"build_id": *"[0-9a-f]*"/"build_id":"00112233445566778899aabbccddeeff00112233"/g' "$work/state.json" >"$state"
"$GRAFT" undo "$child" >"$work/output" 2>&1 && fail "an undo with another build-id said yes: $(cat "$work/output")"
[ "$(tail -1 "$log")" = 1 ] || fail 'a slot was written in spite of another build-id'
cp "$work/state.json" "$state"
echo '{"format": 1' >"$state"
expect 3 'damaged|not|JSON|cannot' "$GRAFT" undo "$child"
cp "$work/state.json" "$state"
expect 0 'put back' "$GRAFT" undo "$child"
alive 'after damaged state files'
kill -KILL "$child"; wait "$child" 2>/dev/null
expect 3 'no process|gone' "$GRAFT" attach --rebind libconsumer.so "$child"

launch "$work/libconsumer.so" "$work/libhost.so" "$work/libother.so"
wait_for "$log" 0
expect 2 '2 objects are a python' "$GRAFT" attach --rebind libconsumer.so "$child"
expect 0 'written' "$GRAFT" attach --rebind libconsumer.so=libother.so "$child"
launch "$work/libconsumer.so"
wait_for "$log" 0
expect 1 'only one here' "$GRAFT" attach --rebind libconsumer.so "$child"
alive 'after refusals'

# rights: another user's process, and one that may not be looked at
if [ "$(id -u)" = 0 ]; then
    chmod 755 "$work"
    nobody=(setpriv --reuid=nobody --regid=nogroup --clear-groups --inh-caps=-all)
    cp "$GRAFT" "$work/graft" && chmod 755 "$work/graft"
    expect 3 'belongs to user 0' "${nobody[@]}" env XDG_RUNTIME_DIR= "$work/graft" attach --rebind libconsumer.so "$child"
    log=$work/log.secret
    start "${nobody[@]}" "$work/program" "$work/libconsumer.so" "$work/libhost.so" secret >"$log"
    wait_for "$log" 0
    expect 3 'dumpable|not permitted|permission|denied' "${nobody[@]}" env XDG_RUNTIME_DIR= "$work/graft" attach --rebind libconsumer.so "$child"
    alive 'non-dumpable'
else
    echo 'left out: rights, which only root can try out'
fi

# static programs have no loader
cat >"$work/s.c" <<'C'
#include <unistd.h>
int main(void) { sleep(30); return 0; }
C
for kind in -static -static-pie; do
    gcc $kind -o "$work/s" "$work/s.c"
    start "$work/s"
    sleep 0.1
    expect 3 'static' "$GRAFT" attach --rebind x "$child"
    expect 3 'static' "$GRAFT" objects "$child"
    alive "$kind"
    kill "$child"; wait "$child" 2>/dev/null
done
finish
