#!/bin/bash
# SPDX-License-Identifier: MIT
# Hooks in the fixture hosts: executables with copy relocations and canonical PLT entries,
# with the runtime inside, PIE and not, of three linkers; consumers bound to the host's
# runtime or (deepbind) to the one they brought; slots resolved before and not. In
# libraries alone: tests/unit/test_hook_matrix.c.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$PWD/${BUILD:-build}
[[ ${BUILD:-build} != /* ]] || build=$BUILD
fixtures=$build/fixtures
out=$build/tests/e2e
mkdir -p "$out"
tests/fixtures/build.sh "$fixtures"
${CC:-gcc} -O1 -g -fPIC -shared -Iinclude -o "$out/libhookact.so" tests/e2e/hook_act.c -L"$build" -lgraft \
    -Wl,-rpath,"$build"
export LD_BIND_NOW=

# host, the runtime that it brings
hosts="host-pie libfixhost.so
host-pie-copy libfixhost.so
host-pie-unversioned libfixhost_unversioned.so
host-pie-v2only libfixhost_v2only.so
host-pie-missing libfixhost_missing.so
host-pie-sysv libfixhost_sysv.so
host-nonpie-bfd libfixhost.so
host-nonpie-lld libfixhost.so
host-nonpie-mold libfixhost.so
host-embedded main
host-embedded-nonpie main"

# run_case HOST RUNTIME CONSUMER: four processes.
run_case() {
    local log=$out/hook_matrix.$$.log how
    export ACT_RUNTIME=$2
    for how in "--what cold" "--what warm --what warm" "--deepbind --what cold" "--deepbind --now --what warm"; do
        # shellcheck disable=SC2086
        if ! LD_PRELOAD=$out/libhookact.so "$fixtures/$1" $how "$fixtures/$3" > "$log" 2>&1; then
            echo "FAIL $* $how: $(grep -aE 'failed|error|assert' "$log" | head -4 | tr '\n' ';')"
        fi
    done
    rm -f "$log"
    echo done
}
export -f run_case
export fixtures out

while read -r host runtime; do
    while read -r file _; do
        [ "$file" != "#" ] || continue
        printf '%s\0' "run_case $host $runtime $file"
    done < "$fixtures/matrix.txt"
done <<< "$hosts" | xargs -0 -P "$(nproc)" -n 1 bash -c > "$out/hook_matrix.log"
grep FAIL "$out/hook_matrix.log" | head -${LINES_MAX:-20} || true
cells=$(grep -c done "$out/hook_matrix.log")
echo "$cells cells of four, $(grep -c FAIL "$out/hook_matrix.log" || true) failures"
[ "$cells" = $((11 * $(grep -vc '^#' "$fixtures/matrix.txt"))) ] || { echo "only $cells cells ran"; exit 1; }
! grep -q FAIL "$out/hook_matrix.log"
