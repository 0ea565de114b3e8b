#!/bin/bash
# SPDX-License-Identifier: MIT
# The in-process tests under valgrind: no bad read or write, none of uninitialised
# memory. Leaks are not looked for: arenas come from mmap.
set -uo pipefail
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
command -v valgrind > /dev/null || { echo "SKIP valgrind is not installed"; exit 77; }
[[ $build != *-* ]] || { echo "SKIP valgrind does not run over sanitizers"; exit 77; }
export GRAFT_SLOW_TOOL=1
status=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for test in ${VALGRIND_TESTS:-text arena rules json elf rebind isolate live journal runtime hook_names hook_late hook_call hook_fail}; do
    if ! timeout 250 valgrind -q --trace-children=yes --error-exitcode=9 --leak-check=no --fair-sched=yes \
        --suppressions=tests/unit/valgrind.supp "$build/tests/test_$test" > "$log" 2>&1; then
        echo "FAIL test_$test under valgrind"
        grep -av '\[ RUN \|\[       OK ' "$log" | head -40
        status=1
    fi
done
exit $status
