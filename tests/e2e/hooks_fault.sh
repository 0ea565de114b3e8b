#!/bin/bash
# SPDX-License-Identifier: MIT
# hooks/fault: every function that can fail does so in the way it fails by itself
# (hooks/fault_known.c looks at value, errno and what must be untouched), the n-th call is
# the n-th, and real programs report it in their own words. No program may die by a
# signal; what perl and node do when their first malloc or thread fails is theirs.
. "$(dirname "$0")/lib/check.sh"
hooks=$root/tests/e2e/hooks
python=/usr/bin/python3
cd "$work" || exit 1
gcc -std=gnu11 -D_GNU_SOURCE -O1 -g -fno-builtin -Wall -Wextra -Werror -o known "$hooks/fault_known.c" -lpthread || exit 1

# fault RULES COMMAND...
fault() {
    local rules=$1
    shift
    "$GRAFT" run --hook "fault:$rules" -- "$@"
}

# ---- every function, every second call ---------------------------------------------------

default() {     # the error a family fails with, from its README
    sed -n "s/^| \`$1\` | [^|]* | \`\?\([A-Z]*\)\`\? .*/\1/p" "$root/hooks/fault/README.md"
}

families=$(fault call=none true 2>&1 | sed 's/.*known: *//')
[ "$(wc -w <<<"$families")" -ge 40 ] || fail "known functions are: $families"
functions=0
for family in $families; do
    cases=$((cases + 1))
    every=2
    error=$(default "$family")
    if [ "$family" = exec ]; then               # one that does not fail has no second
        every=1
        printf '%s: ok ok\n' execve execv execvp execvpe >alone
    else
        ./known "$family" >alone 2>&1 || fail "$family: the program alone: $(cat alone)"
    fi
    fault "call=$family,every=$every,file=report.$family" ./known "$family" >said 2>&1 || fail "$family ended with $?"
    [ -s alone ] && [ "$(sed "s/ok [A-Za-z]*$/ok $error/" alone)" = "$(cat said)" ] ||
        fail "$family should fail with '$error' every second time: $(cat said)"
    grep -vq ': ok ok$' alone && fail "$family: fails by itself: $(cat alone)"
    count=$(wc -l <said)
    total=$((count * every))
    grep -q ": $count of $total calls failed$" "report.$family" || fail "$family: $count functions, but $(cat "report.$family")"
    functions=$((functions + count))
done
echo "$functions functions of $(wc -w <<<"$families") names fail as they do"

# ---- whose turn it is ----------------------------------------------------------------------

for n in 1 2 3 4 5 6; do echo "data $n" >"data$n"; done
cat >opens.py <<'END'
import os
for turn in range(2):
    for i in range(1, 7):
        try:
            os.close(os.open(f"data{i}", os.O_RDONLY))
        except OSError as e:
            print(turn * 6 + i, e.strerror, e.filename)
END
opens() {       # opens RULE TURNS: those opens, of twelve, fail
    cases=$((cases + 1))
    fault "call=open,path=data*,$1" $python opens.py >said 2>err || fail "$1 ended with $?"
    [ "$(cut -d' ' -f1 said | tr '\n' ' ')" = "$2" ] || fail "$1 fails $(cat said)"
}
opens nth=3 '3 '
opens every=4 '4 8 12 '
opens from=10 '10 11 12 '
opens from=3,to=5 '3 4 5 '
opens times=2 '1 2 '
opens every=3,times=2 '3 6 '
opens 'nth=2;call=open,path=data6,nth=2' '2 12 '
opens fd=7 ''
opens 'in=libc.so.6' ''
opens 'in=python3*,nth=12' '12 '
opens rate=1/1 '1 2 3 4 5 6 7 8 9 10 11 12 '
expect 0 '^3 Too many open files data3$' fault 'call=open,path=data*,nth=3,errno=EMFILE' $python opens.py
expect 0 '^3 Input/output error data3$' fault 'call=open,path=data*,nth=3,errno=5' $python opens.py

# A rate is drawn by its seed: the same one again, another one elsewhere.
for seed in 1 1 2; do
    fault "call=open,path=data*,rate=1/3,seed=$seed" $python opens.py 2>/dev/null | cut -d' ' -f1 | tr '\n' ' '
    echo
done >draws
cases=$((cases + 1))
[ "$(sed -n 1p draws)" = "$(sed -n 2p draws)" ] && [ "$(sed -n 1p draws)" != "$(sed -n 3p draws)" ] || fail "draws: $(cat draws)"
[ "$(wc -w <draws)" -gt 4 ] && [ "$(wc -w <draws)" -lt 30 ] || fail "1/3 of 12 is $(cat draws)"

# A fork's child counts its own; threads count together.
cat >counts.py <<'END'
import os, threading
def opens(n):
    failed = 0
    for _ in range(n):
        try:
            os.close(os.open("data1", os.O_RDONLY))
        except OSError:
            failed += 1
    return failed
results = []
threads = [threading.Thread(target=lambda: results.append(opens(250))) for _ in range(4)]
[t.start() for t in threads], [t.join() for t in threads]
print(sum(results), flush=True)
if os.fork() == 0:
    print(opens(10), flush=True)
    os._exit(0)
os.wait()
END
cases=$((cases + 1))
[ "$(fault 'call=open,path=data1,every=10' $python counts.py 2>/dev/null | tr '\n' ' ')" = '100 1 ' ] || fail "threads or children count wrongly"

# ---- short and late --------------------------------------------------------------------------

head -c 3000 /dev/urandom | base64 >long
cases=$((cases + 1))
fault 'call=read,short=7' $python -c 'import sys; sys.stdout.buffer.write(open("long", "rb").read())' >copy 2>err
cmp -s long copy || fail "short reads lose bytes"
grep -qE ': [0-9]{3,} of [0-9]+ calls cut short$' err || fail "short reads: $(cat err)"
cases=$((cases + 1))
fault 'call=write,short=5,fd=file' perl -e 'open F, "<", "long"; print <F>' >copy 2>err
cmp -s long copy || fail "short writes lose bytes"
grep -qE ': [0-9]{3,} of [0-9]+ calls cut short$' err || fail "short writes: $(cat err)"
cases=$((cases + 1))
took=$($python - "$GRAFT" <<'END'
import subprocess, sys, time
def run(rule):
    start = time.monotonic()
    subprocess.run([sys.argv[1], "run", "--hook", rule, "--", "cat", "data1"], check=True, capture_output=True)
    return time.monotonic() - start
print(run("fault:call=open,path=data1,delay=400") - run("fault:call=open,path=none,delay=400"))
END
)
awk "BEGIN { exit !($took > 0.39 && $took < 2) }" || fail "delay=400 took $took s"

# ---- what is not understood --------------------------------------------------------------------

expect 3 'call=: not a function that is known here; known: open fopen .* getrandom' fault call=reed true
expect 3 "unknown argument 'evry=3'; known: call= nth= every= from= to= rate= seed= times= path= fd= in= errno= short= delay= file= json" fault call=open,evry=3 true
expect 3 'errno=ENOPE: is no error such as' fault call=open,errno=ENOPE true
expect 3 'rate=2/3: is not a rate' fault call=open,rate=2/3 true
expect 3 'fd=tube: is neither a number nor one of file dir' fault call=read,fd=tube true
expect 3 'which function\? call=NAME' fault every=3 true
expect 3 'no rule' fault '' true
expect 3 'calls are counted from 1' fault call=open,nth=0 true
expect 3 'one of nth, every and rate' fault call=open,nth=1,every=2 true
expect 3 'short= is for read' fault call=open,short=1 true
expect 3 'it has no errno' fault call=read,short=1,errno=EIO true
expect 0 '"rule":"call=open,nth=1,path=no,json","calls":0,"met":0,"deed":"failed"' fault call=open,nth=1,path=no,json true

# ---- real programs -------------------------------------------------------------------------------

expect 1 "^cat: data2: Too many open files$" fault 'call=open,path=data2,errno=EMFILE' cat data1 data2
expect 1 'FileNotFoundError.*data1' fault 'call=open,path=data1' $python -c 'open("data1")'
expect 1 'OSError: .*Input/output error' fault 'call=read,path=*/data1' $python -c 'open("data1").read()'
expect 0 '^no: Resource temporarily unavailable$' fault call=fork perl -e 'defined fork or print "no: $!\n"'
expect 1 "can't start new thread" fault call=pthread_create $python -c 'import threading; threading.Thread(target=print).start()'
expect 1 'ImportError: .*_ctypes.*: cannot open shared object file' fault 'call=dlopen,path=*_ctypes*' $python -c 'import ctypes'
expect 13 'stepping, database or disk is full' fault call=pwrite sqlite3 a.db 'create table t(a)'
expect 10 'stepping, disk I/O error' fault call=fsync sqlite3 b.db 'create table t(a)'
expect 1 'error: unable to write symref for HEAD: Permission denied' fault call=rename git init -q repository
expect 0 '^ECONNREFUSED$' fault call=connect,errno=ECONNREFUSED "$node" -e 'require("net").connect(9, "127.0.0.1").on("error", e => console.log(e.code))'
expect 0 '^EMFILE$' fault 'call=open,path=data1,errno=EMFILE' "$node" -e 'try { require("fs").openSync("data1") } catch (e) { console.log(e.code) }'
expect 1 'BlockingIOError' fault call=getrandom $python -c 'import os; os.urandom(5)'

# survives NAME RULE FROM STEP TO COMMAND...: the n-th call fails, for each n until there is
# no n-th; the program ends by itself each time, and sometimes says that it failed.
survives() {
    local name=$1 rule=$2 n failed=0 runs=0 status
    local first=$3 step=$4 last=$5
    shift 5
    cases=$((cases + 1))
    for ((n = first; n <= last; n += step)); do
        rm -rf t.db report made
        status=0
        timeout 20 "$GRAFT" run --hook "fault:$rule,nth=$n,file=report" -- "$@" >said 2>err </dev/null || status=$?
        [ $status -lt 124 ] || [ $status = 128 ] || { fail "$name, $rule,nth=$n ended with $status: $(tail -2 err)"; return; }
        grep -q ': 1 of ' report || break
        runs=$((runs + 1))
        [ $status = 0 ] || failed=$((failed + 1))
    done
    echo "$name: $runs runs, each with its own failing $rule; $failed said so"
    [ $runs -gt 0 ] && [ $failed -gt 0 ] || fail "$name: no failing $rule was noticed ($runs runs)"
}
survives python call=open 1 1 60 $python -c 'print(open("data1").read())'
survives perl call=open 1 1 60 perl -e 'open F, "<", "data1" or die "no: $!"; print <F>'
survives sqlite3 call=open 1 1 60 sqlite3 t.db 'create table t(a); insert into t values(1); select * from t'
survives sqlite3 call=pwrite+write+fsync+pread+read 1 1 60 sqlite3 t.db 'create table t(a); insert into t values(1); select * from t'
survives sqlite3 'call=malloc+realloc,in=libsqlite3*' 1 17 500 sqlite3 t.db 'create table t(a); insert into t values(1),(2); select sum(a) from t'
survives git call=open 1 1 60 git init -q made
survives git call=malloc,in=git 1 7 100 git init -q made
survives node 'call=open,path=*data1' 1 1 5 "$node" -e 'console.log(require("fs").readFileSync("data1", "utf8"))'

# A server goes on: half of nginx's accepts fail, and every request is answered.
http=$(free_port)
nginx_conf "$http"
start "$GRAFT" run --hook 'fault:call=accept,every=2,file=accepts;call=write,every=5,errno=EAGAIN,fd=socket' -- nginx -c "$work/nginx.conf" -p "$work" 2>nginx.err
for _ in $(seq 200); do [ -s nginx.pid ] && $python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$http/long')" 2>/dev/null && break; sleep 0.05; done
cases=$((cases + 1))
wrk -t1 -c4 -d1s -H 'Connection: close' "http://127.0.0.1:$http/long" >wrk.log 2>&1
grep -q 'Non-2xx' wrk.log && fail "nginx answers wrongly: $(cat wrk.log)"
[ "$(sed -n 's/^ *\([0-9]*\) requests in.*/\1/p' wrk.log)" -gt 20 ] || fail "nginx serves too little: $(cat wrk.log)"
kill -QUIT "$(cat nginx.pid)"
wait "$child" || fail "nginx ended with $?: $(tail -3 nginx.err)"
grep -q 'accept4() failed (103: ' error.log || fail "nginx does not tell of failed accepts: $(head -3 error.log)"
grep -qE 'call=accept.*: [1-9][0-9]* of [0-9]+ calls failed' accepts || fail "nothing of nginx failed: $(cat accepts)"
finish
