#!/bin/sh
# SPDX-License-Identifier: MIT
# build.sh OUTDIR: small libraries and programs for the tests of libgraft-attach.
#
#   libattachhost.so, libattachdup.so, libattachthird.so   1,000 functions each: 1, 2, 3
#   libattachN-now.so, -lazy.so         a consumer of the first N, linked to the duplicate
#   target, target-nonpie, target-static, target-static-pie
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"
exec 9>.lock
flock 9
[ -e .done ] && [ .done -nt "$here/build.sh" ] && [ .done -nt "$here/target.c" ] && [ .done -nt "$here/shared.h" ] && exit 0
CC=${CC:-gcc}
functions() { # identity
    awk -v id="$1" 'BEGIN { for (i = 0; i < 1000; i++) printf "int attach_function_%d(void) { return %d; }\n", i, id }'
}
consumer() { # slots
    awk -v n="$1" 'BEGIN {
        for (i = 0; i < n; i++) printf "extern int attach_function_%d(void);\n", i
        print "unsigned consumer_sum(void) { unsigned s = 0;"
        for (i = 0; i < n; i++) printf "s += attach_function_%d();\n", i
        print "return s; }" }'
}
functions 1 | $CC -O1 -shared -fPIC -Wl,-soname,libattachhost.so -o libattachhost.so -xc -
functions 3 | $CC -O1 -shared -fPIC -Wl,-soname,libattachthird.so -o libattachthird.so -xc -
# The duplicate's functions lie elsewhere: no address is right by chance.
{ echo 'int attach_padding(int i) { return i * 3 + 1; }'; functions 2; } |
    $CC -O1 -shared -fPIC -Wl,-soname,libattachdup.so -o libattachdup.so -xc -
for n in 10 100 1000; do
    for bind in now lazy; do
        consumer $n | $CC -O1 -shared -fPIC -fplt -Wl,-z,$bind -Wl,-z,relro -Wl,-soname,libattach$n-$bind.so \
            -o libattach$n-$bind.so -xc - -L. -lattachdup -Wl,-rpath,'$ORIGIN'
    done
done
flags="-std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -I$here"
$CC $flags -fPIE -pie -o target "$here/target.c" -ldl -lpthread
$CC $flags -fno-pie -no-pie -o target-nonpie "$here/target.c" -ldl -lpthread
$CC $flags -static -o target-static "$here/static_target.c"
$CC $flags -static-pie -fPIE -o target-static-pie "$here/static_target.c"
# 32 bits, without a libc: waits for ever. Not every machine's binutils can.
printf '.globl _start\n_start: mov $29, %%eax\nint $0x80\njmp _start\n' >target-32.s
rm -f target-32
as --32 -o target-32.o target-32.s 2>/dev/null && ld -m elf_i386 -o target-32 target-32.o 2>/dev/null || true
touch .done
