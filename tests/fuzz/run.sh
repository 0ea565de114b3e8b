#!/bin/sh
# tests/fuzz/run.sh [SECONDS]: libFuzzer over src/elf, then AFL++ over src/elf, then
# libFuzzer over caches and sections, over the rules, and over lifting, 3 : 3 : 1 : 1 : 2 of the time
# (600 s). Exits 1 on a finding, which is left in $BUILD/fuzz/findings: minimise it, add
# it as corpus/found-WHAT, and fix it with a unit test. What is learnt on the way stays in $BUILD/fuzz for the next run.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-600}
build=${BUILD:-build}/fuzz
flags="-std=gnu11 -D_GNU_SOURCE -g -O1 -Wall -Wextra -Isrc -Iinclude -fno-sanitize-recover=all"
elf="tests/fuzz/fuzz_elf.c src/elf/*.c src/base/error.c src/base/text.c"
rules="tests/fuzz/fuzz_rules.c src/plan/*.c src/elf/*.c src/base/*.c"
lift="tests/fuzz/fuzz_lift.c src/lift/*.c src/file/*.c src/file/cpuid*.S src/plan/*.c src/elf/*.c src/base/*.c"
file="tests/fuzz/fuzz_file.c src/file/cache.c src/file/hwcaps.c src/file/cpuid*.S src/elf/*.c src/base/error.c src/base/text.c"
findings=$build/findings
mkdir -p "$build/elf" "$build/file" "$build/rules" "$build/lift" "$findings"
rm -f "$findings"/*

if ! command -v clang >/dev/null; then
    echo "SKIP clang is not installed"
    exit 77
fi
# shellcheck disable=SC2086 # lists of words
clang $flags -fsanitize=fuzzer,address,undefined $elf -o "$build/fuzz_elf"
# shellcheck disable=SC2086
clang $flags -fsanitize=fuzzer,address,undefined $rules -o "$build/fuzz_rules"
# shellcheck disable=SC2086
clang $flags -fsanitize=fuzzer,address,undefined $file -o "$build/fuzz_file"
# shellcheck disable=SC2086
clang $flags -fsanitize=fuzzer,address,undefined $lift -lelf -lnettle -lpthread -o "$build/fuzz_lift"

libfuzzer() {
    name=$1 time=$2 seeds=$3 size=$4
    echo "== libFuzzer, $name, $time s"
    "$build/fuzz_$name" -max_total_time="$time" -max_len="$size" -timeout=2 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$findings/$name-" "$build/$name" "$seeds" \
        >"$build/$name.log" 2>&1 || true
    grep -E 'DONE|stat::|ERROR|SUMMARY|ALARM' "$build/$name.log" || true
}

afl() {
    time=$1
    echo "== AFL++, elf, $time s"
    # shellcheck disable=SC2086
    AFL_QUIET=1 AFL_USE_ASAN=1 AFL_USE_UBSAN=1 afl-clang-fast $flags -fsanitize=fuzzer $elf -o "$build/afl_elf"
    rm -rf "$build/afl"
    AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_AFFINITY=1 \
        afl-fuzz -V "$time" -t 1000 -m none -i tests/fuzz/corpus -o "$build/afl" -- "$build/afl_elf" \
        >"$build/afl.log" 2>&1 || tail -20 "$build/afl.log"
    grep -E '^(run_time|execs_done|edges_found|total_edges|saved_crashes|saved_hangs|unique_crashes|unique_hangs)' \
        "$build/afl/default/fuzzer_stats"
    for found in "$build"/afl/default/crashes/id* "$build"/afl/default/hangs/id*; do
        [ ! -e "$found" ] || cp "$found" "$findings/afl-$(basename "$found" | cut -c1-9 | tr : -)"
    done
}

libfuzzer elf $((seconds * 3 / 10)) tests/fuzz/corpus 8192
if command -v afl-fuzz >/dev/null; then
    afl $((seconds * 3 / 10))
else
    echo "AFL++ is not installed: left out"
fi
libfuzzer file $((seconds / 10)) tests/fuzz/corpus-file 8192
libfuzzer rules $((seconds / 10)) tests/fuzz/corpus-rules 4096
libfuzzer lift $((seconds / 5)) tests/fuzz/corpus-lift 8192

count=$(find "$findings" -type f | wc -l)
if [ "$count" -gt 0 ]; then
    echo "$count findings in $findings" >&2
    exit 1
fi
echo "no finding"
