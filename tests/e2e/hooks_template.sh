#!/bin/bash
# SPDX-License-Identifier: MIT
# hooks/template and the guide: the code that docs/guide/hooks.md shows is compiled, with
# the commands that it shows, and does what it says; the template is quoted word for word.
. "$(dirname "$0")/lib/check.sh"
guide=$root/docs/guide/hooks.md
cd "$work" || exit 1

# The indented block behind the comment that names a file.
block() {
    awk -v mark="<!-- $1" 'index($0, mark) { on = 1; next }
        on && /^[^ ]/ { exit }
        on && /^    \$ / { exit }
        on { sub(/^    /, ""); print }' "$guide" | sed -e '1{/^$/d}' -e '${/^$/d}'
}

# shared SOURCE RESULT COMPILER...: as the guide builds a hook library; a warning is an error.
shared() {
    local source=$1 result=$2
    shift 2
    cases=$((cases + 1))
    "$@" -Wall -Wextra -Werror -I"$root/include" -shared -fPIC -fvisibility=hidden -Wl,-z,now -Wl,-z,defs \
        -o "$result" "$source" >output 2>&1 || fail "$source: $(head -c 600 output)"
}

# says COMMAND...: its standard error is what is on ours.
says() {
    cases=$((cases + 1))
    "$@" >out 2>err </dev/null || fail "$* ends with $?"
    diff - err >differences || fail "$*: $(head -10 differences)"
}

# ---- the template -----------------------------------------------------------------------

sed '1,/^$/d' "$root/hooks/template/template.c" | diff - <(block template.c) >differences ||
    fail "the guide does not quote the template: $(head -5 differences)"
cp "$root/hooks/template/template.c" .
for compiler in "gcc -std=gnu11" "gcc -std=c99" clang; do
    # shellcheck disable=SC2086
    shared template.c template.so $compiler
done
[ "$(nm -D --defined-only template.so | awk '{ print $3 }')" = graft_hook_library ] || fail "it exports more: $(nm -D --defined-only template.so)"
for text in "$guide" "$root/hooks/template/README.md"; do
    sed -n 's/^    \(getenv(.*\)/\1/p' "$text" | says env -i PATH="$PATH" "$GRAFT" run --hook ./template.so -- sort /dev/null
done
expect 0 '^template +tell which environment variables are read' "$GRAFT" hooks ./template.so

# Of two, the newer is called first.
sed 's/"getenv(/"second(/; s/"template"/"second"/' template.c >second.c
shared second.c second.so gcc
cases=$((cases + 1))
env -i PATH="$PATH" "$GRAFT" run --hook ./template.so --hook ./second.so -- sort /dev/null 2>err
[ "$(head -2 err)" = 'getenv("POSIXLY_CORRECT"): not set
second("POSIXLY_CORRECT"): not set' ] || fail "a chain: $(head -4 err)"      # it tells after its next has answered

# ---- the other code of the guide -----------------------------------------------------------

for name in filters.c guard.c; do
    block $name >$name
    shared $name ${name%.c}.so gcc
done
cat >large.c <<'C'
#include <stdio.h>
#include <stdlib.h>
int compress(char *to, unsigned long *length, const char *from, unsigned long size);
int main(void)
{
    static char from[4 << 20], to[8 << 20];
    unsigned long length = sizeof to;
    void *volatile own = malloc(3 << 20);
    printf("%s\n", own ? "main has 3 MiB" : "main has none");
    return compress(to, &length, from, sizeof from) != 0;
}
C
gcc -w -o large large.c -l:libz.so.1 || fail "large.c"
expect 0 '^main has 3 MiB$' "$GRAFT" run --hook ./filters.so -- ./large
expect 0 '^malloc\(3145728\) = 0x' "$GRAFT" run --hook ./guard.so -- ./large
[ "$(grep -c '^malloc' "$work/output")" = 1 ] || fail "the guard lets through: $(cat "$work/output")"

block own.c >own.c
gcc -Wall -Wextra -Werror -I"$root/include" -o own own.c -L"$BUILD" -lgraft -Wl,-rpath,"$BUILD" || fail "own.c"
cases=$((cases + 1))
./own >out || fail "own ends with $?"
sed -n '/pkg-config --cflags --libs graft) &&/,/^$/{s/^    \([a-z]*: [0-9]*\)$/\1/p}' "$guide" | diff - out >differences || fail "own: $(cat differences)"

block count.cc >count.cc
for compiler in g++ clang++; do
    shared count.cc count.so $compiler -std=c++20 -Wno-missing-field-initializers
    printf '#include <new>\nint main() { for (int i = 0; i < 5; i++) delete new int; try { (void)operator new(1ul << 62); } catch (const std::bad_alloc &) {} }\n' >five.cc
    $compiler -w -O0 -o five five.cc || fail "five.cc"
    expect 0 '^operator new: 6 calls$' "$GRAFT" run --hook ./count.so -- ./five
done

finish
