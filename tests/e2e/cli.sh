#!/bin/bash
# SPDX-License-Identifier: MIT
# The command line: help, usage errors, files of every kind, exit statuses.
. "$(dirname "$0")/lib/check.sh"
libc=/lib/x86_64-linux-gnu/libc.so.6

expect 0 'usage: graft' "$GRAFT" --help
expect 0 '^graft [0-9]+\.[0-9]+\.[0-9]+$' "$GRAFT" --version
expect 2 'unknown command .frobnicate' "$GRAFT" frobnicate
expect 2 'usage: graft' "$GRAFT"
for command in objects plan run attach undo; do
    expect 0 "usage: graft $command" "$GRAFT" $command --help
    expect 2 'Try: graft' "$GRAFT" $command
    expect 2 '' "$GRAFT" $command --no-such-option
done

# objects FILE: any file is answered, never a crash
expect 0 'libc\.so\.6' "$GRAFT" objects $libc
expect 0 '"soname": "libc.so.6"' "$GRAFT" objects --json $libc
expect 3 'no ELF magic' "$GRAFT" objects /etc/passwd
expect 3 'No such file' "$GRAFT" objects "$work/none"
expect 3 'not a regular file' "$GRAFT" objects /tmp
: >"$work/empty"
expect 3 'the file is empty' "$GRAFT" objects "$work/empty"
head -c 1000 $libc >"$work/cut"
expect 3 'outside the file' "$GRAFT" objects "$work/cut"
expect 3 'no process 4194303|no such process' "$GRAFT" objects 4194303
expect 2 'one process at a time' "$GRAFT" objects 1 2

# plan FILE: what a consumer needs, and from whom
cat >"$work/a.c" <<'C'
int answer(void) { return 1; }
int number = 1;
C
cat >"$work/c.c" <<'C'
int answer(void); extern int number;
int *where = &number;
int ask(void) { return answer() + number; }
C
cat >"$work/h.c" <<'C'
int answer(void) { return 2; }
C
gcc -shared -fPIC -Wl,-soname,libanswer.so -o "$work/libanswer.so" "$work/a.c"
gcc -shared -fPIC -Wl,-soname,libhost.so -o "$work/libhost.so" "$work/a.c"
gcc -shared -fPIC -Wl,-soname,libpoor.so -o "$work/libpoor.so" "$work/h.c"
gcc -shared -fPIC -Wl,--no-as-needed -o "$work/libconsumer.so" "$work/c.c" -L"$work" -lanswer -Wl,-rpath,'$ORIGIN'
expect 0 'JUMP_SLOT.*answer' "$GRAFT" plan --rebind 'libconsumer.so=libhost.so' --from libanswer.so "$work/libconsumer.so" "$work/libhost.so"
expect 0 ' 3 slots to edit' "$GRAFT" plan --rebind 'libconsumer.so=libhost.so' --from libanswer.so "$work/libconsumer.so" "$work/libhost.so"
expect 1 'does not define this symbol' "$GRAFT" plan --rebind 'libconsumer.so=libpoor.so' --from libanswer.so "$work/libconsumer.so" "$work/libpoor.so"
expect 0 'stay as they are' "$GRAFT" plan --partial --rebind 'libconsumer.so=libpoor.so' --from libanswer.so "$work/libconsumer.so" "$work/libpoor.so"
expect 1 'no loaded object matches the consumer' "$GRAFT" plan --rebind 'nobody.so' "$work/libconsumer.so"
expect 1 'reaches no known runtime' "$GRAFT" plan --rebind libconsumer.so "$work/libconsumer.so"
expect 1 'matches the host' "$GRAFT" plan --rebind libconsumer.so=nobody --from libanswer.so "$work/libconsumer.so"
expect 2 'several|2 objects match' "$GRAFT" plan --rebind 'libconsumer.so=lib[hp]o*.so' --from libanswer.so "$work/libconsumer.so" "$work/libhost.so" "$work/libpoor.so"
expect 2 'say what to plan' "$GRAFT" plan "$work/libconsumer.so"
echo 'rebind libconsumer.so colour=red' >"$work/rules"
expect 2 "line 1: unknown word 'colour=red'" "$GRAFT" plan --rules "$work/rules" "$work/libconsumer.so"
printf '# ours\nrebind libconsumer.so onto=libhost.so from=libanswer.so only=ans*\n' >"$work/rules"
expect 0 '1 slot to edit, 2 not-asked' "$GRAFT" plan --rules "$work/rules" "$work/libconsumer.so" "$work/libhost.so"
"$GRAFT" plan --json --rules "$work/rules" "$work/libconsumer.so" "$work/libhost.so" >"$work/json"
expect 0 '^3$' /usr/bin/python3 -c 'import json, sys; print(len(json.load(open(sys.argv[1]))["plans"][0]["plan"]["slots"]))' "$work/json"

# run: what cannot work is said before it starts
cat >"$work/m.c" <<'C'
int main(void) { return 7; }
C
gcc -static -o "$work/static" "$work/m.c"
gcc -static-pie -o "$work/static-pie" "$work/m.c"
gcc -o "$work/setuid" "$work/m.c"
cp "$work/setuid" "$work/plain"
expect 3 'statically linked' "$GRAFT" run --rebind x -- "$work/static"
expect 3 'statically linked' "$GRAFT" run --rebind x -- "$work/static-pie"
expect 7 '' "$GRAFT" run --rebind x -- "$work/plain"
expect 3 'no such program' "$GRAFT" run --rebind x -- "$work/nothing"
expect 2 'unknown word' "$GRAFT" run --rebind 'x y' -- "$work/plain"
expect 2 'a rule starts with' "$GRAFT" run --rules <(echo 'bind x') -- "$work/plain"
if [ "$(id -u)" = 0 ]; then
    chown nobody "$work/setuid" && chmod u+s "$work/setuid"
    expect 3 'setuid' "$GRAFT" run --rebind x -- "$work/setuid"
else
    echo 'left out: a setuid program, which only root can make'
fi
printf '#!%s\n' "$work/static" >"$work/script" && chmod +x "$work/script"
expect 3 'statically linked' "$GRAFT" run --rebind x -- "$work/script"
# hook libraries
for name in malloc io dl fault time; do
    expect 0 "^$name +[a-z]" "$GRAFT" hooks
    expect 0 "/$name\.so$" "$GRAFT" hooks "$name"
done
expect 0 '"name": "malloc"' "$GRAFT" hooks --json
expect 0 '^[0-9]+$' sh -c "'$GRAFT' hooks --json | /usr/bin/python3 -c 'import json, sys; d = json.load(sys.stdin); print(d[\"format\"]); [l[\"hooks\"] + 1 for l in d[\"libraries\"]]'"
expect 1 "no hook library 'none'; there are:.* malloc" "$GRAFT" hooks none
expect 1 "no hook library 'none'; there are:.* malloc" "$GRAFT" run --hook none -- true
expect 1 'libgraft.so.*exports no graft_hook_library' "$GRAFT" run --hook "$BUILD/libgraft.so.0" -- true
expect 3 'ELF' "$GRAFT" run --hook ./README.md -- true
expect 3 "malloc: unknown argument 'colour'; known: top=" "$GRAFT" run --hook malloc:colour -- true
expect 2 'say what to do' "$GRAFT" run -- true
expect 2 'the option --hook' "$GRAFT" run --hook
expect 0 '2001' "$GRAFT" run --hook time:freeze=2001-01-01T00:00:00Z -- sh -c 'date +%Y; sh -c "date +%Y"'
# the child of --no-inherit is not hooked, and sees nothing of graft
expect 0 '^20[2-9].*' "$GRAFT" run --no-inherit --hook time:freeze=2001-01-01T00:00:00Z -- sh -c 'env | grep -c "GRAFT\|hooks/time"; date +%Y'
cp "$BUILD/hooks/time.so" "$work/clock.so"
expect 0 '^clock +' env GRAFT_HOOK_PATH="$work" sh -c "'$GRAFT' hooks | sed 's/^time /clock /'"
expect 0 '^2001$' env GRAFT_HOOK_PATH="$work" "$GRAFT" run --hook clock:freeze=2001-01-01T00:00:00Z -- date +%Y
head -c 5000 "$BUILD/hooks/time.so" >"$work/short.so"
expect 3 'short.so' "$GRAFT" run --hook "$work/short.so" -- true
finish
