#!/bin/bash
# SPDX-License-Identifier: MIT
# graft pack: two modules out of objects with the same hidden, weak, common, COMDAT, data and
# thread-local names keep them apart in one static executable; constructors run at dlopen.
. "$(dirname "$0")/lib/check.sh"
here=$root/tests/e2e/pack
cd "$work" || exit 1
gcc -c -o host.o "$root/tests/e2e/lift/plugin_host.c"
for n in 111 222; do
    g++ -O1 -fcommon -fpermissive -DMINE=$n -c -o $n.o "$here/module.cc"
    expect 0 "names?, 2 constructors" "$GRAFT" pack --name /mods/$n.so --soname lib$n.so -o $n.packed.o $n.o
done
for kind in static static-pie; do
    expect 0 "2 modules" "$GRAFT" link 111.packed.o 222.packed.o -- g++ -$kind -o host-$kind host.o
    ./host-$kind /mods/111.so lib222.so /mods/111.so >out-$kind
done
cat >expected <<'X'
first 111
second 111
111 111 111 111 111 112 1 111 1
111
first 222
second 222
222 222 222 222 222 223 1 222 1
222
111 111 111 111 111 113 2 111 2
111
last 111
last 222
X
for kind in static static-pie; do expect 0 "" diff expected out-$kind; done
expect 0 "/mods/111.so" "$GRAFT" ls host-static
expect 0 "" test "$(nm -g --defined-only 111.packed.o | wc -l)" = 0

# One name is shared on purpose; the same input gives the same bytes; LTO code is made real.
for n in 111 222; do "$GRAFT" pack --name /mods/$n.so --share shared_counter -o $n.shared.o $n.o 2>/dev/null; done
expect 0 "2 modules" "$GRAFT" link 111.shared.o 222.shared.o -- g++ -static -o host-shared host.o
expect 0 "222 222 222 222 222 223 1 222 2" ./host-shared /mods/111.so /mods/222.so
cp 111.packed.o before.o
expect 0 "" "$GRAFT" pack --name /mods/111.so --soname lib111.so -o 111.packed.o 111.o
expect 0 "" cmp before.o 111.packed.o
g++ -O1 -flto -fcommon -DMINE=333 -c -o 333.o "$here/module.cc"
expect 0 "" "$GRAFT" pack --name /mods/333.so -o 333.packed.o 333.o
expect 0 "1 module" "$GRAFT" link 333.packed.o -- g++ -static -o host-lto host.o
expect 0 "333 333 333 333 333 334 1 333 1" ./host-lto /mods/333.so

# The exports of a finished one.
printf 'int answer(void) { return 5; } int other(void) { return 6; }' | gcc -c -o two.o -x c -
printf 'int answer(void) { return 5; }' | gcc -shared -fPIC -Wl,-soname,one.so.1 -o one.so -x c -
expect 0 "1 name" "$GRAFT" pack --like one.so -o like.o two.o
expect 0 "1 module" "$GRAFT" link like.o -- gcc -static -o host-like host.o
expect 0 "^5$" ./host-like one.so.1

# Indirect functions, versions, names longer than any buffer; hidden names and others than --like's shared.
cat >kinds.c <<'X'
static int impl(void) { return 77; }
static int (*pick(void))(void) { return impl; }
int indirect(void) __attribute__((ifunc("pick")));
int old(void) { return 1; }
int new(void) { return 2; }
__asm__(".symver old,versioned@V1\n.symver new,versioned@@V2");
__attribute__((visibility("hidden"))) int hidden(void) { return 3; }
X
long=$(printf '%05000d' 0 | tr 0 l)
printf 'int %s(void) { return 4; }\n' "$long" >>kinds.c
gcc -fPIC -c kinds.c
cat >kinds_host.c <<'X'
#include <dlfcn.h>
#include <stdio.h>
int main(int count, char **names)
{
    void *module = dlopen(names[1], RTLD_NOW);
    for (int i = 2; module && i < count; i++) {
        int (*f)(void) = (int (*)(void))dlsym(module, names[i]);
        printf("%d ", f ? f() : -1);
    }
    return 0;
}
X
gcc -c kinds_host.c
expect 0 "" "$GRAFT" pack --name /mods/kinds.so --share hidden -o kinds.packed.o kinds.o
equal() { expect 0 "" test "$1" = "$2"; }
equal "$(nm -g --defined-only kinds.packed.o | cut -d' ' -f3)" hidden
for kind in static static-pie; do
    expect 0 "1 module" "$GRAFT" link kinds.packed.o -- gcc -$kind -o kinds-$kind kinds_host.o
    expect 0 "^77 2 4 -1 $" ./kinds-$kind /mods/kinds.so indirect versioned "$long" hidden
done
expect 0 "1 name" "$GRAFT" pack --like one.so --share other -o like.o two.o
equal "$(nm -g --defined-only like.o | cut -d' ' -f3)" other

# Two modules of one path could not be told apart.
for n in 1 2; do
    printf 'int answer(void) { return %s; }' $n | gcc -c -o same$n.o -x c -
    "$GRAFT" pack --name /mods/same.so -o same$n.packed.o same$n.o 2>/dev/null
done
expect 2 "/mods/same.so: two modules have this path" "$GRAFT" link same1.packed.o same2.packed.o -- gcc -static -o host-same host.o
expect 1 "" test -e host-same

# What is refused leaves nothing.
rm -f no.o
expect 1 "no object defines it" "$GRAFT" pack --share nobody -o no.o two.o
printf 'int answer(void) { return 5; } int more(void) { return 6; }' | gcc -shared -fPIC -o more.so -x c -
expect 1 "has more, which no object defines" "$GRAFT" pack --like more.so -o no.o 111.o
expect 1 "multiple definition of .answer" "$GRAFT" pack -o no.o two.o 111.o
expect 3 "none.o: No such file" "$GRAFT" pack -o no.o none.o
: >empty.o; ar rc empty.a; echo 'INPUT(two.o)' >script.o
expect 3 "empty.o" "$GRAFT" pack -o no.o two.o empty.o
expect 1 "empty.a: an archive with nothing in it" "$GRAFT" pack -o no.o two.o empty.a
expect 3 "script.o: neither" "$GRAFT" pack -o no.o script.o
expect 3 "one.so: not a relocatable" "$GRAFT" pack -o no.o two.o one.so
head -c 40 two.o >cut.o
expect 3 "cut.o: neither" "$GRAFT" pack -o no.o cut.o
cp two.o arm.o && printf '\267' | dd of=arm.o bs=1 seek=18 conv=notrunc status=none
expect 3 "arm.o: not for x86-64" "$GRAFT" pack -o no.o two.o arm.o
printf 'static int x; int *f(void) { return &x; }' | gcc -c -fvisibility=hidden -o hidden.o -x c -
expect 1 "no name that dlsym could find" "$GRAFT" pack -o no.o hidden.o
expect 2 "-o FILE" "$GRAFT" pack two.o
expect 1 "" test -e no.o
expect 0 "^0$" sh -c 'ls -d *.graft 2>/dev/null | wc -l'
finish
