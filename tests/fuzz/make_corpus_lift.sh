#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes tests/fuzz/corpus-lift/, the seeds of fuzz_lift.c: small shared objects with what
# lifting knows. Kept are found-* and grown-*.
# Nothing in the build needs this script.
set -eu
cd "$(dirname "$0")"
out=$PWD/corpus-lift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
small='-shared -nostdlib -O1 -g0 -fPIC -Wl,-z,noseparate-code,-z,norelro,--build-id=none -s'
cat > words.c <<'C'
extern int host(int); static int data = 3; int array[4]; int *words[] = { &data, array + 1 };
int answer(void) { return host(*words[0]); }
C
cat > tls.c <<'C'
extern __thread int other; __thread int own = 4; static __thread int *pointer = 0;
int answer(void) { pointer = &own; return own + other + (pointer != 0); }
C
cat > ifunc.c <<'C'
static int impl(void) { return 1; } static int (*pick(void))(void) { return impl; }
int indirect(void) __attribute__((ifunc("pick"))); int (*pointer)(void) = indirect;
int other_answer(void) { return indirect(); }
C
cat > throw.cc <<'C'
extern "C" int answer(int x) { try { if (x) throw x; return 1; } catch (int) { return 2; } }
C
mkdir -p "$out"
find "$out" -type f ! -name 'found-*' ! -name 'grown-*' -delete
# shellcheck disable=SC2086 # a list of words
{
    gcc $small -Wl,-z,pack-relative-relocs -o "$out/words.so" words.c ifunc.c
    gcc $small -o "$out/tls.so" tls.c
    gcc $small -mtls-dialect=gnu2 -o "$out/tlsdesc.so" tls.c
    g++ $small -o "$out/throw.so" throw.cc
}
ls -l "$out"
