#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes tests/fuzz/corpus-file/, the seeds of fuzz_file.c: caches that ldconfig wrote,
# alone and behind the old format, and files with .symtab or .gnu_debuglink. Kept are
# found-* and grown-*. Nothing in the build needs this script; it wants root, for
# ldconfig -r.
# shellcheck disable=SC2086 # lists of words
set -eu
cd "$(dirname "$0")"
out=$PWD/corpus-file
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat > one.c <<'C'
static int twice(void) { return 1; }
int graft_answer(void) { return twice(); }
__thread int graft_tls; static int local_data = 3; int *graft_pointer = &local_data;
int graft_data[4]; __attribute__((weak)) int graft_weak(void) { return 2; }
C
cat > two.c <<'C'
static int twice(void) { return 2; }
int graft_other(void) { return twice(); }
__asm__(".symver v_one,graft_versioned@G_1\n.symver v_two,graft_versioned@@G_2");
int v_one(void) { return 1; } int v_two(void) { return 2; }
C
echo 'G_1 {}; G_2 {};' > map
small='-shared -nostdlib -O0 -g0 -fno-asynchronous-unwind-tables -fPIC -Wl,--version-script=map
       -Wl,-z,noseparate-code,-z,max-page-size=512,-z,common-page-size=512,--build-id=sha1'
mkdir made
gcc $small one.c two.c -o made/symtab.so
gcc -m32 $small one.c two.c -o made/symtab-i386.so
clang --target=powerpc64-linux-gnu -c -O0 -fno-asynchronous-unwind-tables one.c -o made/symtab-powerpc64.o
objcopy --only-keep-debug made/symtab.so made/symtab.debug
objcopy --strip-all --add-gnu-debuglink=made/symtab.debug made/symtab.so made/debuglink.so

mkdir -p root/etc root/lib
echo /lib > root/etc/ld.so.conf
lib() { mkdir -p "$(dirname "$1")"; gcc -shared -nostdlib -Wl,-soname,"$2" -o "$1" one.c; }
for level in 2 3 4; do
    lib root/lib/glibc-hwcaps/x86-64-v$level/libleaf.so libleaf.so
done
lib root/lib/libleaf.so libleaf.so
lib root/lib/libfive.so.9 libfive.so.9
lib root/lib/libfive.so.10 libfive.so.10
PATH=$PATH:/sbin:/usr/sbin
ldconfig -r root -c new -C /etc/cache
ldconfig -r root -c compat -C /etc/cache-compat
mv root/etc/cache root/etc/cache-compat made/

mkdir -p "$out"
find "$out" -type f ! -name 'found-*' ! -name 'grown-*' -delete
chmod 644 made/*
mv made/* "$out/"
echo "$(find "$out" -type f | wc -l) inputs, $(du -cb "$out"/* | tail -1 | cut -f1) bytes"
