#!/bin/sh
# Every input of the corpus once through its fuzz target, with any compiler and the
# sanitizers; and the corpus stays small.
set -eu
cd "$(dirname "$0")/../.."
build=${BUILD:-build}/fuzz
flags="-std=gnu11 -D_GNU_SOURCE -g -O1 -Wall -Wextra -Werror -Isrc -Iinclude
       -fsanitize=address,undefined -fno-sanitize-recover=all"
mkdir -p "$build"
# shellcheck disable=SC2086
${CC:-cc} $flags tests/fuzz/standalone.c tests/fuzz/fuzz_elf.c src/elf/*.c src/base/error.c src/base/text.c \
    -o "$build/replay_elf"
# shellcheck disable=SC2086
${CC:-cc} $flags tests/fuzz/standalone.c tests/fuzz/fuzz_rules.c src/plan/*.c \
    src/elf/*.c src/base/*.c -o "$build/replay_rules"
# shellcheck disable=SC2086
${CC:-cc} $flags tests/fuzz/standalone.c tests/fuzz/fuzz_file.c src/file/cache.c src/file/hwcaps.c src/file/cpuid*.S \
    src/elf/*.c src/base/error.c src/base/text.c -o "$build/replay_file"
# shellcheck disable=SC2086
${CC:-cc} $flags tests/fuzz/standalone.c tests/fuzz/fuzz_lift.c src/lift/*.c src/file/*.c src/file/cpuid*.S src/plan/*.c src/elf/*.c \
    src/base/*.c -lelf -lnettle -lpthread -o "$build/replay_lift"
"$build/replay_lift" tests/fuzz/corpus-lift
"$build/replay_lift" tests/fuzz/corpus
"$build/replay_elf" tests/fuzz/corpus
"$build/replay_file" tests/fuzz/corpus-file
"$build/replay_file" tests/fuzz/corpus
"$build/replay_rules" tests/fuzz/corpus-rules

large=$(find tests/fuzz/corpus* -type f -size +8191c)
files=$(find tests/fuzz/corpus* -type f | wc -l)
bytes=$(cat tests/fuzz/corpus*/* | wc -c)
[ -z "$large" ] || { echo "larger than 8 KiB: $large" >&2; exit 1; }
[ "$files" -lt 70 ] || { echo "$files files, 70 is too many" >&2; exit 1; }
[ "$bytes" -lt 204800 ] || { echo "$bytes bytes, 200 KiB is too many" >&2; exit 1; }
