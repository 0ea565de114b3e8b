#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs test programs and scripts one after another, shows the output of those that
# fail, and ends with "N passed, N failed, N skipped". A skip says why, and what a
# program leaves out is named; with CI=true both are failures.
#   tests/run.sh PROGRAM|SCRIPT...
set -u
cd "$(dirname "$0")/.."
export BUILD=${BUILD:-build}
export GRAFT=${GRAFT:-$PWD/$BUILD/graft}
passed=0 failed=0 skipped=0
log=$(mktemp)
left_out='^\[  SKIPPED \] [a-z]|^left out: '        # a test of a program, a part of a script
trap 'rm -f "$log"' EXIT

for test in "$@"; do
    start=$(date +%s.%N)
    timeout "${TEST_TIMEOUT:-300}" "$test" >"$log" 2>&1 </dev/null
    status=$?
    seconds=$(printf '%.1f' "$(awk "BEGIN { print $(date +%s.%N) - $start }")")
    name=${test#"$BUILD"/tests/}
    if [ $status = 77 ] && [ "${CI:-}" != true ]; then
        skipped=$((skipped + 1))
        echo "SKIP $name: $(grep -m1 SKIP "$log" | sed 's/.*SKIP *//')"
    elif [ $status = 0 ] && [ "${CI:-}" = true ] && grep -aqE "$left_out" "$log"; then
        failed=$((failed + 1))
        echo "FAIL $name: in CI nothing is left out"
        grep -aE "$left_out" "$log" | sort -u | sed 's/^/     /'
    elif [ $status = 0 ]; then
        grep -aE "$left_out" "$log" | sort -u | sed 's/^/     /'
        passed=$((passed + 1))
        echo "ok   $name (${seconds} s$(sed -n 's/^\[  PASSED  \] \([0-9]* test\).*/, \1s/p' "$log"))"
    else
        failed=$((failed + 1))
        echo "FAIL $name (status $status, ${seconds} s)"
        grep -av '^\[ RUN \|^\[       OK ' "$log" | tail -60 | sed 's/^/     /'
    fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
