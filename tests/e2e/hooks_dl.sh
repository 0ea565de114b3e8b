#!/bin/bash
# SPDX-License-Identifier: MIT
# hooks/dl: a program gets the loader's own answers, every error text of dlerror too;
# what is told of opens agrees with what the loader says under LD_DEBUG=files.
. "$(dirname "$0")/lib/check.sh"
hooks=$root/tests/e2e/hooks
check="/usr/bin/python3 $hooks/dl_check.py"
flags="-std=gnu11 -D_GNU_SOURCE -O1 -g -w"
cd "$work" && mkdir libs || exit 1

# shellcheck disable=SC2086
{
    gcc $flags -nostdlib -fPIC -shared -DPART=2 -o libs/libdl_part2.so "$hooks/dl_part.c" &&
    gcc $flags -nostdlib -fPIC -shared -DPART=1 -o libs/libdl_part1.so "$hooks/dl_part.c" -Llibs -ldl_part2 -Wl,-rpath,'$ORIGIN' &&
    gcc $flags -fPIC -shared -DPART=3 -o libs/libdl_part3.so "$hooks/dl_part.c" -Wl,-rpath,'$ORIGIN' &&
    gcc $flags -o dl_known "$hooks/dl_known.c" -lpthread -Wl,-rpath,'$ORIGIN/libs'
} || exit 1

# ---- a program that asks for everything ------------------------------------------------

# same ARGUMENTS COMMAND...: the report in report, output and status as without hooks.
same() {
    local arguments=$1 plain=0 hooked=0
    shift
    cases=$((cases + 1))
    rm -f report
    "$@" >plain 2>&1 </dev/null || plain=$?
    "$GRAFT" run --hook "dl:file=report$arguments" -- "$@" >hooked 2>&1 </dev/null || hooked=$?
    [ $plain = $hooked ] || fail "$1 ends with $hooked, alone with $plain: $(tail -3 hooked)"
    cmp -s plain hooked || fail "$1 prints something else: $(diff plain hooked | head -5 | cut -c1-300)"
}

told() {                                    # told COUNT PATTERN: lines of the report
    local count
    count=$(grep -cE -- "^graft dl\[[0-9]+\]: $2\$" report)
    [ "$count" = "$1" ] || fail "'$2' is told $count times, not $1: $(cut -c1-200 report)"
}

ms=', [0-9]+\.[0-9]{3} ms'
libs=$work/libs
same "" ./dl_known
told 1 "dlopen\(\"libdl_part1.so\", RTLD_NOW\) by dl_known: $libs/libdl_part1.so, 2 new$ms"
told 2 "dlopen\(\"libdl_part[13].so\", RTLD_LAZY\|RTLD_NOLOAD\) by dl_known: not loaded, 0 new$ms"
told 1 "dlopen\(NULL, RTLD_LAZY\|RTLD_GLOBAL\) by dl_known: $work/dl_known, 0 new$ms"
told 1 "dlopen\(\"libdl_part2.so\", 0x40\) by dl_known: failed: invalid mode parameter, 0 new$ms"
told 1 "dlopen\(\"libmissing-thread.so\", RTLD_NOW\) by dl_known: failed: libmissing-thread.so: cannot open shared object file: No such file or directory, 0 new$ms"
told 6 "dlopen\(\"libforgotten.so\", RTLD_NOW\) by dl_known: failed: .*"
told 1 "dlopen\(\"/long/x{2993}\", RTLD_LAZY\) by dl_known: failed: /long/x{2993}: .*"
told 1 "dlopen\(\"libdl_part2.so\", RTLD_LAZY\) by libdl_part3.so: $libs/libdl_part2.so, 0 new$ms"
told 1 "dlopen\(\"libdl_part3.so\", RTLD_LAZY\) by dl_known: $libs/libdl_part3.so, 1 new$ms"
told 1 "dlmopen\(LM_ID_NEWLM, \"libdl_part1.so\", RTLD_NOW\) by dl_known: $libs/libdl_part1.so in namespace 1, 2 new$ms"
told 1 "dlclose\($libs/libdl_part2.so\) by libdl_part3.so: done, 0 gone$ms"
told 1 "dlclose\($libs/libdl_part3.so\) by dl_known: done, 1 gone$ms"
told 2 "dlclose\($libs/libdl_part1.so\) by dl_known: done, 2 gone$ms"
told 0 'dlv?sym.*'

same ,symbols ./dl_known
told 1 "dlsym\($libs/libdl_part1.so, \"no_such_symbol\"\) by dl_known: not found"
told 2 "dlsym\($libs/libdl_part1.so, \"part_1\"\) by dl_known: libdl_part1.so\+0x[0-9a-f]+"
told 1 'dlvsym\(RTLD_DEFAULT, "memcpy@GLIBC_2.14"\) by dl_known: libc.so.6\+0x[0-9a-f]+'
told 1 'dlsym\(RTLD_NEXT, "main"\) by dl_known: not found'
offset=$(sed -n 's/.*"part_1") by dl_known: libdl_part1.so+//p' report | head -1)
[ "$((offset))" = "$((0x$(nm libs/libdl_part1.so | sed -n 's/ T part_1$//p')))" ] || fail "part_1 is not at $offset"

same ,objects ./dl_known
told 1 "dlopen\(\"libdl_part1.so\", RTLD_NOW\) by dl_known: .* ms \+$libs/libdl_part1.so \+$libs/libdl_part2.so"

same ,failed ./dl_known
told 0 '.*(done|new.* ms \+).*'
[ "$(grep -vcE 'failed: |not loaded|not found' report)" = 0 ] || fail "failed tells of more: $(cut -c1-200 report)"

same ,json,symbols ./dl_known
/usr/bin/python3 -c 'import json, sys; [json.loads(line) for line in open("report")]' || fail "not JSON"
cases=$((cases + 1))
$check opens report libdl_part1.so dl_known dl_known libdl_part2.so libdl_part3.so >differences || fail "$(cat differences)"

expect 3 "unknown argument 'symbol'; known: symbols objects failed file= json" "$GRAFT" run --hook dl:symbol -- ./dl_known
expect 0 '^graft dl\[[0-9]+\]: dlopen\("libdl_part1.so", RTLD_NOW\)' "$GRAFT" run --hook dl -- ./dl_known

# ---- real programs, and the loader's own word ---------------------------------------------

# agree COMMAND...: and all objects that the loader brought after the start are told.
agree() {
    same ,json,objects "$@"
    rm -f debug.*
    LD_DEBUG=files LD_DEBUG_OUTPUT=debug "$@" >/dev/null 2>&1 </dev/null
    # shellcheck disable=SC2012
    $check loaded report "$(ls debug.* | head -1)" >differences || fail "$*: $(cat differences)"
}

agree /usr/bin/python3 -c 'import ctypes, ssl, sqlite3, decimal, multiprocessing, lzma; print(ctypes.CDLL(None).getppid() > 0, ssl.OPENSSL_VERSION)'
agree /usr/bin/perl -MPOSIX -MSocket -MList::Util=sum -e 'print sum(1 .. 10), " ", floor(2.5), "\n"; exit 5'
agree ruby -e 'require "json"; require "openssl"; puts JSON.generate([1, OpenSSL::Digest.hexdigest("SHA256", "x")])'
agree php -r 'echo json_encode([1, 2, hash("sha256", "x")]), "\n";'
same "" sqlite3 :memory: 'select load_extension("libnone")'
told 1 'dlopen\("libnone.so", RTLD_NOW\|RTLD_GLOBAL\) by libsqlite3.so.0: failed: libnone.so: cannot open shared object file: No such file or directory, 0 new.*'
same "" "$node" -e 'try { process.dlopen({ exports: {} }, "/none.node") } catch (error) { console.log(error.message) }'
told 1 'dlopen\("/none.node", RTLD_LAZY\) by node: failed: /none.node: .*'
git init -q repository
same "" git -C repository status --short
same ,symbols /usr/bin/python3 -c 'import ctypes
print(ctypes.CDLL("libz.so.1").crc32(0, b"x", 1))
try: ctypes.CDLL("libnone.so")
except OSError as error: print(error)'
told 1 'dlsym\(/lib/x86_64-linux-gnu/libz.so.1, "crc32"\) by _ctypes.*: libz.so.1\+0x[0-9a-f]+'

finish
