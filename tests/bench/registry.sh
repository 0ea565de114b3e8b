#!/bin/bash
# SPDX-License-Identifier: MIT
# The registry against ld.so, lifting and linking against what they stand beside: medians
# of runs in turns, as ratios. Exit 1 where a limit is not met.
#   dlopen of 100 modules at most 0.15 of ld.so's, dlsym at most 0.8 of glibc's, graft link
#   at most 1.3 of the plain link of the same objects, graft lift of numpy's largest module
#   under 0.5 s and under three times its size in memory.
set -eu
cd "$(dirname "$0")/../.."
root=$PWD build=${BUILD:-build}
case $build in /*) ;; *) build=$root/$build ;; esac
graft=${GRAFT:-$build/graft}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for m in $(seq 100); do
    {
        echo '#include <stdio.h>'
        echo '#include <stdlib.h>'
        echo '#include <string.h>'
        for f in $(seq 0 39); do
            echo "int data_$f = $f; int function_$f(char *a) { return data_$f + (int)strlen(a) + $m; }"
        done
        echo 'void *table[] = {'
        for f in $(seq 0 39); do echo "(void *)function_$f, &data_$f,"; done
        echo '(void *)printf, (void *)malloc, (void *)free, (void *)qsort, (void *)memcpy, (void *)strtol };'
    } >m$m.c
    gcc -shared -fPIC -O1 -o "m$m.so" "m$m.c" &
    [ $((m % 4)) != 0 ] || wait
done
wait
ls "$PWD"/m*.so >list
gcc -O2 -o dynamic "$root/tests/bench/registry.c"
gcc -O2 -c -o main.o "$root/tests/bench/registry.c"
mkdir objects
"$graft" link --keep objects m*.so -- gcc -static -o static main.o 2>/dev/null

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
for i in $(seq 15); do
    ./dynamic <list >>ldso.txt
    ./static <list >>registry.txt
done
seconds() { local s; s=$(date +%s.%N); "$@" >/dev/null 2>&1; awk "BEGIN { print $(date +%s.%N) - $s }"; }
plain() { gcc -static -o plain @objects/link.rsp main.o; }
for i in $(seq 5); do
    seconds "$graft" link m*.so -- gcc -static -o static2 main.o >>link.txt
    seconds plain >>plain.txt
done
largest=$(find /usr/lib/python3/dist-packages/numpy -name '*.so' -printf '%s %p\n' | sort -n | tail -1)
for i in $(seq 5); do seconds "$graft" lift "${largest#* }" -o big.o >>lift.txt; done
peak=$(python3 -c "
import resource, subprocess
subprocess.run(['$graft', 'lift', '${largest#* }', '-o', 'big.o'])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)")
awk -v open="$(cut -d' ' -f1 registry.txt | median)" -v open0="$(cut -d' ' -f1 ldso.txt | median)" \
    -v sym="$(cut -d' ' -f2 registry.txt | median)" -v sym0="$(cut -d' ' -f2 ldso.txt | median)" \
    -v first="$(cut -d' ' -f3 registry.txt | median)" -v link="$(median <link.txt)" -v plain="$(median <plain.txt)" \
    -v lift="$(median <lift.txt)" -v size="${largest%% *}" -v peak="$peak" '
function row(what, value, limit) {
    bad += (value > limit)
    printf("%-44s %8.3f  (limit %s)%s\n", what, value, limit, (value > limit) ? "  NOT MET" : "")
}
BEGIN {
    row("dlopen of 100 modules, of ld.so'\''s", open / open0, 0.15)
    row("dlsym, of glibc'\''s", sym / sym0, 0.8)
    row("graft link of 100, of the plain link", link / plain, 1.3)
    row("graft lift of numpy'\''s largest, seconds", lift, 0.5)
    row("its memory, of the module'\''s size", peak / size, 3)
    printf "link %.3f s, plain %.3f s, lift peak %d KiB of %d\n", link, plain, peak / 1024, size / 1024
    printf "registry of 100 modules set up in %.0f us; dlopen %.0f us against %.0f us\n", first, open, open0
    exit bad > 0
}'
