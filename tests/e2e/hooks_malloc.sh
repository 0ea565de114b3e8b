#!/bin/bash
# SPDX-License-Identifier: MIT
# hooks/malloc: small programs with numbers that are known beforehand, to the byte; and
# real ones, which print what they print without it, and whose calls, counted by
# interposition in the same process (hooks/count_malloc.c), agree exactly.
. "$(dirname "$0")/lib/check.sh"
hooks=$root/tests/e2e/hooks
check="/usr/bin/python3 $hooks/malloc_check.py"
flags="-std=gnu11 -D_GNU_SOURCE -O1 -g -fno-builtin -w"
cd "$work" || exit 1

# shellcheck disable=SC2086
{
    gcc $flags -o known "$hooks/malloc_known.c" -lpthread &&
    gcc $flags -fPIC -shared -DPART=1 -o libjump.so "$hooks/malloc_jump.c" &&
    gcc $flags -o jump "$hooks/malloc_jump.c" -L. -ljump -Wl,-rpath,"$work" &&
    gcc $flags -fPIC -shared -fvisibility=hidden -I"$root/include" -Wl,-z,now,-z,defs -o count.so "$hooks/count_malloc.c" &&
    gcc $flags -fPIC -shared -DPART=1 -o libfirst.so "$hooks/malloc_reopen.c" && cp libfirst.so libsecond.so &&
    gcc $flags -o reopen "$hooks/malloc_reopen.c" &&
    g++ -std=c++17 -O1 -g -fno-builtin -o new "$hooks/malloc_new.cc"
} || exit 1

# ---- numbers that are known ----------------------------------------------------------

# run CASE STATUS: the program's report in report.PROCESS, its number in $process.
run() {
    rm -f report.*
    cases=$((cases + 1))
    "$GRAFT" run --hook "malloc:json,leaks,top=1000000,file=report.%p" -- ./known "$1" >out 2>&1 &
    child=$!
    wait $child
    [ $? = "$2" ] || fail "$1 does not end with $2: $(head -c 600 out)"
    [ -s out ] && fail "$1 says $(head -c 600 out)"
}

# known CASE KEY=NUMBER...
known() {
    local name=$1
    shift
    run "$name" 0
    $check numbers "report.$child" "$@" >differences || fail "$name: $(cat differences)"
    $check whole "report.$child" >differences || fail "$name: $(cat differences)"
}

known functions malloc=2 malloc.bytes=107 calloc=1 calloc.bytes=150 reallocarray=1 reallocarray.bytes=36 \
    realloc=2 realloc.bytes=11 posix_memalign=1 posix_memalign.bytes=200 aligned_alloc=1 aligned_alloc.bytes=320 \
    memalign=1 memalign.bytes=33 valloc=1 valloc.bytes=500 pvalloc=1 pvalloc.bytes=600 free=10 \
    peak_bytes=607 live_blocks=1 live_bytes=7 failed=0 unknown=0 vanished=0 untracked=0
place=$(/usr/bin/python3 -c 'import json, sys; l = json.load(open(sys.argv[1]))["leaks"]; print(hex(l[0]["offset"] - 1))' "report.$child")
line=$(addr2line -e known "$place" | sed 's/.*:\([0-9]*\).*/\1/')
sed -n "${line}p" "$hooks/malloc_known.c" | grep -q 'malloc(7)' || fail "the leak is put down to line $line"

known chain malloc=2 malloc.bytes=11 realloc=18 realloc.bytes=131070+9223372036854775807 reallocarray=1 \
    reallocarray.bytes=0 free=0 peak_bytes=65546 live_blocks=1 live_bytes=65536 failed=2 unknown=0
known large malloc=8 free=6 peak_bytes=17180131320 live_blocks=2 live_bytes=4295032833 vanished=0
# ld.so takes a table for each thread's stack by calloc, and keeps both for the next one.
known threads malloc=4000 malloc.bytes=96000 calloc=4 peak_bytes=96000+calloc.bytes live_blocks=4 \
    live_bytes=calloc.bytes unknown=0 vanished=0
known exchange malloc=400000 calloc=4 live_blocks=4 live_bytes=calloc.bytes unknown=0 vanished=0 untracked=0
known in_handler malloc=200 malloc.bytes=10000 free=100 peak_bytes=4060 live_blocks=100 live_bytes=4000
for way in quick at_once capital closed; do
    known $way malloc=1 malloc.bytes=9 live_bytes=9
done
known vforked malloc=2 malloc.bytes=30 live_bytes=30
[ "$(ls report.* | wc -l)" = 1 ] || fail "vfork's child reports: $(ls report.*)"

# The child tells of itself alone; what its parent gave it is freed out of its sight.
known forked malloc=2 malloc.bytes=30 free=0 live_blocks=2 live_bytes=30
rm "report.$child"
$check numbers report.* malloc=3 malloc.bytes=7 free=2 live_blocks=2 live_bytes=6 peak_bytes=6 unknown=1 >differences ||
    fail "fork's child: $(cat differences)"
known _forked malloc=1 malloc.bytes=10
rm "report.$child"
$check numbers report.* malloc=1 malloc.bytes=5 live_bytes=5 unknown=0 >differences || fail "_Fork's child: $(cat differences)"

# The program's data is not written to, whatever numbers it gives its files; a report
# that has a name finds it again.
known taken malloc=1 malloc.bytes=9
[ -e data ] && [ ! -s data ] || fail "the program's file holds $(head -c 300 data)"
"$GRAFT" run --hook malloc -- ./known taken >out 2>&1
[ -s data ] && fail "without file= the program's file holds $(head -c 300 data)"

# Ends while three threads allocate: one report, whose sums are right in themselves.
for _ in 1 2 3; do
    known while_running realloc=0 vanished=0
done

# The function that leaves by longjmp is the program's: the hook calls it, libc's own is
# never reached, and the next realloc is followed.
"$GRAFT" run --hook "malloc:json,leaks,file=jump.json" -- ./jump >out 2>&1 || fail "jump: $(head -c 600 out)"
$check numbers jump.json reallocarray=1 realloc=1 realloc.bytes=1000 live_blocks=1 live_bytes=1000 >differences ||
    fail "longjmp: $(cat differences)"

# Libraries that take each other's place are told apart.
expect 0 '^the same address$' "$GRAFT" run --hook "malloc:json,top=1000,file=reopen.json" -- ./reopen
/usr/bin/python3 - reopen.json <<'PY' || fail "reopened: places"
import json, sys
top = json.load(open(sys.argv[1]))["top"]
told = sorted((p["object"].rsplit("/", 1)[1], p["calls"], p["bytes"]) for p in top if p["object"].startswith("./lib"))
assert told == [("libfirst.so", 1, 1111), ("libfirst.so", 1, 3333), ("libsecond.so", 1, 2222), ("libsecond.so", 1, 4444)], told
PY

# operator new: put down to its caller, not to libstdc++; freed by delete.
"$GRAFT" run --hook "malloc:json,leaks,top=100,file=new.json" -- ./new >out 2>&1 || fail "new: $(head -c 600 out)"
$check numbers new.json aligned_alloc=10 aligned_alloc.bytes=2560 failed=1 unknown=0 >differences || fail "new: $(cat differences)"
/usr/bin/python3 - new.json <<'PY' || fail "new: places"
import json, sys
report = json.load(open(sys.argv[1]))
mine = sorted((p["function"], p["calls"], p["bytes"]) for p in report["top"] if p["object"].endswith("/new"))
assert ("malloc", 300, 14400) in mine and ("aligned_alloc", 10, 2560) in mine and ("malloc", 1, 1000) in mine, mine
assert [p["live_bytes"] for p in report["leaks"] if p["object"].endswith("/new")] == [1000], report["leaks"]
PY

# ---- what it says, and to whom ---------------------------------------------------------

expect 0 '^graft malloc\[[0-9]+\]: malloc: 2 calls, 107 bytes asked$' "$GRAFT" run --hook malloc -- ./known functions
expect 0 '^graft malloc\[[0-9]+\]:   7 bytes in 1 block of malloc, known\+0x[0-9a-f]+$' "$GRAFT" run --hook malloc:leaks -- ./known functions
expect 0 'most bytes asked, 1 of 11 places:$' "$GRAFT" run --hook malloc:top=1 -- ./known functions
expect 0 '^graft malloc\[[0-9]+\]: malloc: 1 call, 9 bytes asked$' "$GRAFT" run --hook malloc -- ./known closed
expect 3 "unknown argument 'tap=3'; known: top= leaks file= json" "$GRAFT" run --hook malloc:tap=3 -- ./known functions
expect 3 "top=ten: is not a number" "$GRAFT" run --hook malloc:top=ten -- ./known functions
expect 3 "cannot open $work/none/report: No such file" "$GRAFT" run --hook malloc:file=none/report -- ./known functions

# A standard error that does not block, and a reader who is slow: the report is whole.
cases=$((cases + 1))
/usr/bin/python3 - "$GRAFT" <<'PY' || fail "a report through a full pipe is not whole"
import fcntl, os, re, subprocess, sys, time
reader, writer = os.pipe()
fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
os.set_blocking(writer, False)
program = subprocess.Popen([sys.argv[1], "run", "--hook", "malloc:top=1000,leaks", "--", "perl", "-MPOSIX", "-e", "1"], stderr=writer)
os.close(writer)
time.sleep(0.2)
text = open(reader).read()
places = re.findall(r" in \d+ calls? of ", text)
assert program.wait() == 0 and len(text) > 4096, len(text)
assert text.endswith("\n") and f"{len(places)} of {len(places)} places" in text, text[-300:]
PY

# Nobody reads the report: the program ends as it would.
cases=$((cases + 1))
{ sleep 0.2; "$GRAFT" run --hook malloc -- ./known functions 2>&1; echo $? >status; } | true
[ "$(cat status)" = 0 ] || fail "with nobody to read the report it ends with $(cat status)"

# ---- real programs -----------------------------------------------------------------------

# agree COMMAND...: prints the same, ends the same, and each of its processes counts alike.
agree() {
    local plain=0 hooked=0
    cases=$((cases + 1))
    rm -rf both && mkdir both
    "$@" >plain 2>&1 </dev/null || plain=$?
    "$GRAFT" run --hook "malloc:json,file=both/hook.%p" --hook ./count.so:both/count -- "$@" >hooked 2>&1 </dev/null || hooked=$?
    [ $plain = $hooked ] || fail "$1 ends with $hooked, alone with $plain: $(head -c 600 hooked)"
    cmp -s plain hooked || fail "$1 prints something else: $(diff plain hooked | head -5)"
    $check counts both >differences || fail "$*: $(cat differences)"
}

agree ./known functions
agree ./known chain
agree ./known exchange
agree ./known forked
agree ./known _forked
agree ./new
agree /usr/bin/python3 -c 'import ssl, sqlite3, ctypes, decimal, lzma, json; print(decimal.Decimal(1) / 3, json.dumps([ssl.OPENSSL_VERSION]))'
agree /usr/bin/python3 -c 'import subprocess, os
print(subprocess.run(["/bin/sh", "-c", "echo child; exit 3"], capture_output=True), flush=True)
if not os.fork(): os._exit(len([bytearray(1000) for _ in range(10)]))
print(os.wait()[1])'
agree /usr/bin/python3 -c 'import threading, json
threads = [threading.Thread(target=json.dumps, args=(list(range(3000)),)) for _ in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]; print(len(threads))'
agree /usr/bin/perl -MPOSIX -MSocket -MList::Util=sum -e 'print sum(map { $_ * 2 } 1 .. 1000), " ", floor(2.5), "\n"; exit 5'
agree sqlite3 :memory: 'create table t(a); with recursive c(x) as (select 1 union all select x+1 from c where x<2000) insert into t select x from c; select sum(a), count(*) from t;'
git init -q repository && (cd repository && echo one >file && git add file)
agree git -C repository status --short
agree git -C repository diff --cached --stat
agree "$node" -e 'const c = require("crypto"); console.log(c.createHash("sha256").update("x").digest("hex"), process.arch)'
cat >workers.js <<'JS'
const { Worker, isMainThread, parentPort } = require("worker_threads");
let sum = 0, ended = 0;
if (!isMainThread) parentPort.postMessage(JSON.stringify({ list: [..."abcdefg"] }).length);
for (let i = 0; isMainThread && i < 3; i++)
    new Worker(__filename).on("message", (n) => { sum += n; }).on("exit", () => { if (++ended == 3) console.log(sum); });
JS
agree "$node" workers.js
agree ruby -e 'require "json"; puts JSON.generate([1, "a" * 3])'
agree perl -e 'for (1..3) { if (!fork) { exit $_ } wait; print $? >> 8, "\n" } print `echo sub`'
agree java -Xshare:auto -version
agree gcc -O1 -w -o /dev/null "$hooks/malloc_reopen.c"
agree ls -l "$hooks"
agree sh -c 'ls / | sort | head -3; (echo sub); echo done'

# Debian's redis-server takes jemalloc's malloc_usable_size of what malloc gives, so the
# judge, whose malloc is glibc's, cannot stand in for jemalloc's; the hooks lead there.
LC_ALL=C redis-server --version >plain
"$GRAFT" run --hook malloc:json,file=redis.json -- redis-server --version >hooked 2>&1 || fail "redis-server: $(head -c 600 hooked)"
cmp -s plain hooked || fail "redis-server prints $(head -c 600 hooked)"
$check numbers redis.json vanished=0 untracked=0 >differences || fail "redis-server: $(cat differences)"

finish
