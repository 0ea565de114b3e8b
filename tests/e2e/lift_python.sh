#!/bin/bash
# SPDX-License-Identifier: MIT
# A static python, and a static-pie one, out of Debian's libpython and the unmodified
# extension modules of its packages with their libraries: what a user does with each module,
# and CPython's own tests of them, compared with the ordinary python in the same run. Not
# one shared object is mapped. With SOAK=1 also its slow tests and numpy's.
. "$(dirname "$0")/lib/check.sh"
here=$root/tests/e2e/lift
python=/usr/bin/python3.11
config=$(echo /usr/lib/python3.11/config-3.11-*)
mapfile -t modules < <("$here/python_modules.sh")
fast="test_struct test_zlib test_hashlib test_array test_math test_binascii test_json test_heapq test_csv test_ctypes
      test_decimal test_audioop test_mmap test_curses test_readline test_dbm test_xml_etree_c test_pyexpat test_uuid
      test_zoneinfo test_sqlite3.test_dbapi test_sqlite3.test_types test_cmath test_contextlib test_unicodedata
      test_codecencodings_cn test_statistics test_random test_operator test_resource test_termios test_fcntl"
slow="test_bz2 test_lzma test_datetime test_ssl test_select test_crypt test_asyncio test_multiprocessing_fork test_socket"

cases=$((cases + 1))
[ ${#modules[@]} -ge 190 ] || fail "only ${#modules[@]} modules were found"
expect 0 "${#modules[@]} modules, " "$GRAFT" link --lock "$work/lock" --exe python "${modules[@]}" -- \
    gcc -static -o "$work/python" -lresolv -Wl,-u,qsort
expect 0 "" "$GRAFT" link "${modules[@]}" -- gcc -static-pie -o "$work/python-pie" "$config/python.o" \
    "$config/libpython3.11-pic.a" -lexpat -lz -lm -lresolv -Wl,-u,qsort
expect 0 "^total: ${#modules[@]} modules" "$GRAFT" ls "$work/python"
expect 0 "^${#modules[@]} of ${#modules[@]} modules are as" "$GRAFT" verify "$work/python"

# The same input gives the same bytes, and another one is refused.
cp "$work/python" "$work/first"
expect 0 "" "$GRAFT" link --lock "$work/lock" --locked --exe python "${modules[@]}" -- \
    gcc -static -o "$work/python" -lresolv -Wl,-u,qsort
expect 0 "" cmp "$work/first" "$work/python"
expect 3 "files went in then" "$GRAFT" link --lock "$work/lock" --locked --exe python "${modules[0]}" -- \
    gcc -static -o "$work/python" -lresolv -Wl,-u,qsort
strip -o "$work/python-stripped" "$work/python"
expect 0 "^total: ${#modules[@]} modules" "$GRAFT" ls "$work/python-stripped"

"$python" "$here/imports.py" >"$work/ordinary" 2>"$work/ordinary.err"
expect 0 "^0 failed" cat "$work/ordinary"
for kind in python python-pie python-stripped; do
    "$work/$kind" "$here/imports.py" maps >"$work/$kind.txt" 2>"$work/$kind.err"
    expect 0 "^0 shared objects mapped" cat "$work/$kind.txt"
    expect 0 "" diff "$work/ordinary" <(grep -v 'objects mapped' "$work/$kind.txt")
done

# compare NAMES: no test that passes on the ordinary python does otherwise on the static one.
# Left out where a machine has it: libGL, which ctypes' test opens and which is no module here.
compare() {
    local program tests=$1
    for program in "$python" "$work/python"; do
        # shellcheck disable=SC2086
        (mkdir -p "$work/run.${program##*/}" && cd "$work/run.${program##*/}" \
            && "$program" "$here/compare_tests.py" $tests 2>/dev/null </dev/null \
            | grep -v "Test_OpenGL_libs" | sort >"$work/tests.${program##*/}")
    done
    cases=$((cases + 1))
    local ok worse
    ok=$(grep -c ' ok$' "$work/tests.python3.11")
    worse=$(comm -23 <(grep ' ok$' "$work/tests.python3.11") <(grep ' ok$' "$work/tests.python"))
    echo "$ok of CPython's tests pass on the ordinary python, $(grep -c ' ok$' "$work/tests.python") on the static one"
    [ -z "$worse" ] || fail "these pass on the ordinary python only:" $'\n'"$worse"
    [ "$ok" -ge "$2" ] || fail "only $ok tests ran"
}
compare "$fast" 1500

if [ "${SOAK:-}" = 1 ]; then
    compare "$slow" 1500
    numpy=/usr/lib/python3/dist-packages/numpy
    # Left out: tests that compile an extension while they run and open it.
    for program in "$python" "$work/python"; do
        OPENBLAS_NUM_THREADS=1 "$program" -m pytest -q -p no:cacheprovider -rA --no-header "$numpy"/{linalg,fft,random,core} \
            2>/dev/null | sed -n 's/^PASSED //p' | grep -vE 'test_mem_policy|test_array_interface' | sort >"$work/numpy.${program##*/}"
    done
    cases=$((cases + 1))
    echo "numpy: $(wc -l <"$work/numpy.python3.11") tests pass on the ordinary python, $(wc -l <"$work/numpy.python") here"
    worse=$(comm -23 "$work/numpy.python3.11" "$work/numpy.python")
    [ -z "$worse" ] || fail "these of numpy's pass on the ordinary python only:" $'\n'"$worse"
    [ "$(wc -l <"$work/numpy.python3.11")" -ge 10000 ] || fail "numpy's tests did not run"
fi
finish
