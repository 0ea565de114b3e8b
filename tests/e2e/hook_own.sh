#!/bin/bash
# SPDX-License-Identifier: MIT
# Every function of libc that libgraft.so calls is hooked for the whole process, by
# replacements that ask graft: graft's own calls pass them by, and nothing deadlocks
# (hook_own.c). The loader's own five have gates and are left out.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$PWD/${BUILD:-build}
[[ ${BUILD:-build} != /* ]] || build=$BUILD
out=$build/tests/e2e
mkdir -p "$out"
tests/fixtures/hook/build.sh "$build/fixtures/hook"
${CC:-gcc} -std=gnu11 -O1 -g -Wall -Wextra -Iinclude -o "$out/hook_own" tests/e2e/hook_own.c -L"$build" -lgraft \
    -Wl,-rpath,"$build" -lpthread
# Variables, and names of the toolchain that nobody defines, are no functions.
names=$(nm -D --undefined-only "$build/libgraft.so" | awk '{ print $2 }' | sed 's/@.*//' |
    grep -vE '^(_ITM|__gmon|__cxa|_?_?environ|__libc_single|program_|__progname|dl(open|mopen|close|sym|vsym)$)')
# shellcheck disable=SC2086
"$out/hook_own" "$build/fixtures/hook/libuser_lazy.so" "$build/fixtures/hook/libuser_now.so" \
    $names malloc calloc realloc free
