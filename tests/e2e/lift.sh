#!/bin/bash
# SPDX-License-Identifier: MIT
# graft lift, link, ls, verify and stubs: hosts that are not Python, what is refused and
# how that is said, that nothing half-done is left behind, damaged input.
. "$(dirname "$0")/lib/check.sh"
here=$root/tests/e2e/lift
cd "$work" || exit 1
link() { "$GRAFT" link "$@"; }

# ---- a plain host, and musl's -------------------------------------------------------
gcc -c -o host.o "$here/plugin_host.c"
musl-gcc -c -o host-musl.o "$here/plugin_host.c"
mkdir one two
for n in one two; do
    gcc -shared -fPIC -o $n/plugin.so -x c - <<C
extern int host_adds(int, int);
static int calls;
int helper(void) { return ${#n} + $([ $n = one ] && echo 100 || echo 200); }
int answer(void) { return host_adds(helper(), calls++); }
C
done
for kind in static static-pie; do
    expect 0 "2 modules" link one/plugin.so two/plugin.so -- gcc -$kind -o host-$kind host.o
    expect 0 "^103$" ./host-$kind "$PWD/one/plugin.so"
    expect 0 "^203$" ./host-$kind two/plugin.so
    expect 1 "plugin.so: cannot open shared object file: both .*one/plugin.so and .*two/plugin.so fit" ./host-$kind plugin.so
done
expect 0 "2 modules" link one/plugin.so two/plugin.so -- musl-gcc -static -o host-musl host-musl.o
expect 0 "^203$" ./host-musl two/plugin.so
expect 1 "none.so: cannot open shared object file: No such file or directory" ./host-musl none.so

# Objects that were lifted before, and the names of a library for the program itself.
expect 0 "4 segments.*2 exports" "$GRAFT" lift -v one/plugin.so -o plugin.o
expect 0 "1 module" link plugin.o -- gcc -static -o host-object host.o
expect 0 "^103$" ./host-object one/plugin.so
gcc -shared -fPIC -o libside.so -x c - <<< 'int side(void) { return 7; }'
gcc -c -o uses.o -x c - <<< 'int side(void); int main(void) { return side(); }'
expect 0 "" link --lib libside.so -- gcc -static -o uses uses.o
expect 7 "" ./uses
# A plain link loses the distances between segments: it is refused at dlopen, not run.
gcc -static -o plain host.o plugin.o -Wl,--whole-archive "$BUILD/libgraft-registry.a" -Wl,--no-whole-archive
expect 1 "its segments are not where they belong; link with graft link" ./plain one/plugin.so

# ---- large: more modules than a kernel reads program headers for, more bytes than usual ----
gcc -shared -fPIC -o many.so -x c - <<< 'static int calls; int answer(void) { return ++calls; }'
for i in $(seq 300); do mkdir "many$i" && cp many.so "many$i/plugin$i.so"; done
for kind in static static-pie; do
    expect 0 "300 modules" link many*/*.so -- gcc -$kind -o host-many host.o
    expect 0 "" ./host-many many*/*.so
    cases=$((cases + 1))
    [ "$(sort -u "$work/output")" = 1 ] && [ "$(wc -l <"$work/output")" = 300 ] || fail "300 modules do not keep their data apart"
    cases=$((cases + 1))
    [ "$(readelf -lW host-many | grep -c ' RWE ')" = 0 ] || fail "a segment is writable and executable"
done
for i in $(seq 301 600); do mkdir "many$i" && cp many.so "many$i/plugin$i.so"; done
expect 1 "host-more: 600 modules make [0-9]+ program headers, more than a kernel reads" link many*/*.so -- gcc -static -o host-more host.o
expect 1 "" test -e host-more
rm -rf many*
printf '.data\n.local big\nbig: .long 7\n.zero 104857600,1\n.text\n.globl answer\n.type answer,@function\nanswer: mov big(%%rip),%%eax
ret\n.section .note.GNU-stack,"",@progbits\n' | gcc -shared -x assembler -o big.so -
expect 0 "1 module" link big.so -- gcc -static -o host-big host.o
expect 0 "^7$" ./host-big big.so
rm -f big.so host-big

# ---- musl: libraries that were built for glibc ------------------------------------------
libraries=() refused=0
for library in brotlicommon.so.1 deflate.so.0 ffi.so.8 jbig.so.0 lzma.so.5 lz4.so.1 attr.so.1 acl.so.1 atomic.so.1 itm.so.1 \
               gif.so.7 argon2.so.1 datrie.so.1 stemmer.so.0d z.so.1 png16.so.16 sqlite3.so.0; do
    file=$(echo /usr/lib/x86_64-linux-gnu/lib$library)
    [ -e "$file" ] || continue
    if "$GRAFT" link "${libraries[@]}" "$file" -- musl-gcc -static -o musl-try host-musl.o >musl.log 2>&1; then
        libraries+=("$file")
    else
        refused=$((refused + 1))
        grep -q "undefined: .*wanted by $file" musl.log || fail "$file is refused without a name: $(cat musl.log)"
    fi
done
cases=$((cases + 1))
echo "musl: ${#libraries[@]} of glibc's libraries lifted, $refused refused by name"
[ ${#libraries[@]} -ge 12 ] && [ $refused -ge 2 ] || fail "only ${#libraries[@]} libraries fit musl"
gcc -x c -o musl.o -c - <<'C'
#include <dlfcn.h>
#include <stdio.h>
int main(void)
{
    void *lz4 = dlopen("liblz4.so.1", RTLD_NOW), *lzma = dlopen("liblzma.so.5", RTLD_NOW), *acl = dlopen("libacl.so.1", RTLD_NOW);
    int (*version)(void) = lz4 ? dlsym(lz4, "LZ4_versionNumber") : NULL;
    unsigned (*crc)(const char *, unsigned long, unsigned) = lzma ? dlsym(lzma, "lzma_crc32") : NULL;
    int (*init)(void) = acl ? dlsym(acl, "acl_init") : NULL;
    if (!version || !crc || !init)
        return puts(dlerror()), 1;
    return printf("%d %x\n", version() > 10000, crc("123456789", 9, 0)) < 0;
}
C
expect 0 "" link "${libraries[@]}" -- musl-gcc -static -o musl musl.o
expect 0 "^1 cbf43926$" ./musl

# ---- Lua -------------------------------------------------------------------------------
lua=/usr/lib/x86_64-linux-gnu/lua/5.4
expect 0 "" gcc -I/usr/include/lua5.4 -c -o lua.o "$here/lua_host.c"
expect 0 "2 modules" link $lua/lpeg.so $lua/cjson.so -- gcc -static -o lua lua.o -llua5.4 -lm
LUA_CPATH="$lua/?.so" lua5.4 "$here/lua_script.lua" >ordinary
LUA_CPATH="$lua/?.so" ./lua "$here/lua_script.lua" >static
expect 0 "" diff ordinary static
expect 0 "one two three" cat static

# ---- reading, comparing, placeholders -----------------------------------------------------
expect 0 '"path": ".*/one/plugin.so"' "$GRAFT" ls --json host-static
expect 0 "total: 2 modules" "$GRAFT" ls host-static
expect 1 "no registry in it" "$GRAFT" ls /bin/true
expect 3 "" "$GRAFT" ls "$here/lua_script.lua"
expect 0 "2 of 2" "$GRAFT" verify host-static
cp one/plugin.so saved; echo >>one/plugin.so
expect 1 "one/plugin.so is another file now" "$GRAFT" verify host-static
mv saved one/plugin.so
expect 0 "placeholders? made" "$GRAFT" stubs lua stubs
expect 0 "" test -e stubs/lpeg.so
expect 0 "0 placeholders made" "$GRAFT" stubs lua stubs

# ---- what is refused ------------------------------------------------------------------------
expect 1 "an executable, not a shared object" "$GRAFT" lift /bin/true -o out.o
expect 3 "lua_host.c: .*this is not an ELF file" "$GRAFT" lift "$here/lua_host.c" -o out.o
expect 3 "No such file" "$GRAFT" lift none.so -o out.o
expect 1 "an object" "$GRAFT" lift host.o -o out.o
printf 'int x; int *f(void) { return &x; }' | gcc -shared -mcmodel=large -fno-pic -Wl,-z,notext -o textrel.so -x c - 2>/dev/null
expect 1 "text relocation" "$GRAFT" lift textrel.so -o out.o
cp one/plugin.so arm.so && printf '\xb7' | dd of=arm.so bs=1 seek=18 conv=notrunc status=none
expect 3 "for aarch64" "$GRAFT" lift arm.so -o out.o
expect 2 "the link command is missing" link one/plugin.so
expect 2 "no -o FILE" link one/plugin.so -- gcc -static host.o
expect 2 "named twice" link one/plugin.so one/plugin.so -- gcc -static -o out host.o
gcc -c -o empty.o -x c - <<< 'int main(void) { return 0; }'
expect 1 "undefined: host_adds, wanted by .*plugin.so" link one/plugin.so -- gcc -static -o out empty.o
printf 'double cos(double); double answer(double x) { return cos(x); }' | gcc -shared -fPIC -O1 -fno-builtin -o cosine.so -x c -
expect 1 "undefined: cos, wanted by .*cosine.so; -lm.* has it" link cosine.so -- gcc -static -o out empty.o
expect 0 "1 words left to dlopen" link --late cosine.so -- gcc -static -o out-late empty.o
cases=$((cases + 1))
left=$(find . -name '*.part' -o -name '*.graft' -o -name out -o -name out.o)
[ -z "$left" ] || fail "left behind: $left"
printf 'take *\nskip one/*\n' >list
expect 0 "1 module," link --list list one/plugin.so two/plugin.so -- gcc -static -o out-list host.o
echo 'drop x' >list
expect 2 "list:1: neither" link --list list one/plugin.so -- gcc -static -o out-list host.o

# A thread-local variable that starts with the address of an indirect function: its template is
# copied to each thread long before dlopen knows the address.
gcc -shared -fPIC -o template.so -x c - <<'C'
static int impl(void) { return 1; }
static int (*pick(void))(void) { return impl; }
int indirect(void) __attribute__((ifunc("pick")));
__thread int (*pointer)(void) = indirect;
int answer(void) { return pointer(); }
C
expect 1 "indirect.*in the template of thread-local data" "$GRAFT" lift template.so -o out.o

# What the command finds by -l is in the lock as well: by what comes out.
for n in 1 2; do
    printf 'int number(void) { return %s; }' $n | gcc -c -o number.o -x c -
    rm -f libnumber.a && ar rcD libnumber.a number.o
    [ $n = 2 ] || expect 0 "" link --lock number.lock one/plugin.so -- gcc -static -o out-number host.o -u number -L. -lnumber
done
cp out-number before
expect 3 "out-number would be another one than the locked one" link --lock number.lock --locked one/plugin.so -- \
    gcc -static -o out-number host.o -u number -L. -lnumber
expect 0 "" cmp before out-number

# An alignment that no thread's memory could have: it would be written out as zeroes.
printf 'extern __thread int x; __thread int x = 3; int answer(void) { return x; }' | gcc -shared -fPIC -o align.so -x c -
at=$(readelf -lW align.so | awk '/^Program Headers/ { on = 1 } on && /0x/ { n++ } on && / TLS / { print 64 + (n - 1) * 56 + 48; exit }')
printf '\x00\x00\x00\x00\x04\x00\x00\x00' | dd of=align.so bs=1 seek="$at" conv=notrunc status=none
expect 0 "TLS .*0x400000000" readelf -lW align.so
expect 1 "align.so: .*an alignment of thread-local data" timeout 20 "$GRAFT" lift align.so -o out.o

# Unwind tables without crtend's terminator, as -nostdlib leaves them: what follows is not read as one.
cat >throw.cc <<'C'
extern "C" int answer() { try { throw 4; } catch (int thrown) { return thrown; } }
C
g++ -shared -nostdlib -fPIC -O1 -Wl,-z,noseparate-code -o throw.so throw.cc
expect 0 "" "$GRAFT" lift throw.so -o throw.o
expect 0 "1 module" link throw.so -- g++ -static -o host-throw host.o -Wl,-u,__gxx_personality_v0
expect 0 "^4$" ./host-throw throw.so

# ---- damaged input: an answer, never a signal ---------------------------------------------------
size=$(stat -c %s two/plugin.so)
signals=0 tries=0
RANDOM=7
for i in $(seq 1 300); do
    cp two/plugin.so damaged.so
    if [ $((i % 10)) = 0 ]; then
        truncate -s $((RANDOM % size)) damaged.so
    else
        for _ in 1 2 3; do
            # most of them where headers, the dynamic section and relocations are
            at=$(((i % 3) ? RANDOM % 1500 : (RANDOM * 32768 + RANDOM) % size))
            printf "\\x$(printf %x $((RANDOM % 256)))" | dd of=damaged.so bs=1 seek=$at conv=notrunc status=none
        done
    fi
    status=0
    timeout 20 "$GRAFT" lift damaged.so -o damaged.o >/dev/null 2>&1 || status=$?
    [ $status -gt 4 ] || timeout 20 "$GRAFT" ls damaged.so >/dev/null 2>&1 || status=$?
    tries=$((tries + 1))
    [ $status -le 4 ] || { signals=$((signals + 1)); cp damaged.so "/tmp/graft-damaged-$i.so"; echo "status $status: try $i"; }
done
cases=$((cases + 1))
[ $signals = 0 ] || fail "$signals of $tries damaged files ended graft lift or ls by a signal"
finish
