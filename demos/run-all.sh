#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs the demos, or those named, and compares what they print with expected.
#   run-all.sh [--fast] [DEMO...]     --fast: the live demo for 5 seconds, not 60
# A line for each demo and a closing one. Fails if one failed; in CI (CI=true) a
# demo that lacks something fails instead of being skipped.
set -u
demos=$(cd "$(dirname "$0")" && pwd)
build=${BUILD:-$(dirname "$demos")/build}
results=$build/demos/results
mkdir -p "$results"

if [ "${1:-}" = --fast ]; then
    export DEMO_SECONDS=${DEMO_SECONDS:-5}
    shift
fi
[ $# -gt 0 ] || set -- "$demos"/[0-9]*/

passed=0 failed=0 skipped=0

run() {
    local name=$1 out=$results/$1.stdout err=$results/$1.stderr status=0
    timeout -k 10 600 bash "$demos/$name/run.sh" >"$out" 2>"$err" </dev/null || status=$?
    if [ $status = 77 ]; then
        cat "$out"
        skipped=$((skipped + 1))
    elif [ $status != 0 ] && grep -q '^SKIP ' "$out"; then
        echo "FAIL $name: $(cat "$out")"
        failed=$((failed + 1))
    elif [ $status = 0 ] && cmp -s "$demos/$name/expected" "$out"; then
        echo "ok $name"
        passed=$((passed + 1))
    else
        echo "FAIL $name (status $status)"
        diff -u --label expected --label actual "$demos/$name/expected" "$out"
        tail -n 20 "$err" | sed 's/^/stderr: /'
        failed=$((failed + 1))
    fi
}

for demo; do
    run "$(basename "$demo")"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
