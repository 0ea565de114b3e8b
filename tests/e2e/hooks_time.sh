#!/bin/bash
# SPDX-License-Identifier: MIT
# hooks/time: whatever a program asks shows the same clock; a wait until a moment of that
# clock takes the time that it lies ahead, in every function that waits so
# (hooks/time_known.c, against the kernel's clock); and real programs live at that time.
. "$(dirname "$0")/lib/check.sh"
hooks=$root/tests/e2e/hooks
python=/usr/bin/python3
cd "$work" || exit 1
gcc -std=gnu11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror -o known "$hooks/time_known.c" -lpthread || exit 1

at() {          # at RULE COMMAND...
    local rule=$1
    shift
    "$GRAFT" run --hook "time:$rule" -- "$@"
}

# ---- readers: exactly --------------------------------------------------------------------

# shows RULE known-arguments...
shows() {
    cases=$((cases + 1))
    at "$1" ./known "${@:2}" >said 2>&1 || fail "$1 ended with $?"
    [ "$(cat said)" = '9 readers' ] || fail "$1: $(cat said)"
}
shows freeze=2001-02-03T04:05:06.789Z frozen 981173106 789000000
shows freeze=2001-02-03T06:05:06.789+02:00 frozen 981173106 789000000
shows 'freeze=2001-02-03 04:05' frozen 981173100 0
shows freeze=2000-02-29 frozen 951782400 0
shows freeze=1969-12-31T23:59:59Z frozen -1 0
shows freeze=@4102444800.25 frozen 4102444800 250000000
shows offset=0 offset 0
shows offset=+1d offset 86400
shows offset=-1h30m offset -5400
shows offset=-3600 offset -3600
shows offset=2w1s offset 1209601
shows offset=+400d offset 34560000

expect 0 '' at offset=+1d ./known refuses
cases=$((cases + 1))
grep -q wrong "$work/output" && fail "$(grep wrong "$work/output")"
[ "$(wc -l <"$work/output")" = 11 ] || fail "refuses: $(cat "$work/output")"

# ---- waits: 0.3 s of the shown clock ----------------------------------------------------------

# waits RULE DATED OTHER: milliseconds that waits by clocks with a date take, and by others.
# A busy machine wakes late, but never early; one that was not translated, not at all.
waits() {
    cases=$((cases + 1))
    timeout 20 "$GRAFT" run --hook "time:$1" -- ./known waits >said 2>&1 || fail "$1: waits ended with $?: $(cat said)"
    grep wrong said && fail "$1: early, or no timeout"
    [ "$(wc -l <said)" = 26 ] || fail "$1: not all came back: $(cat said)"
    awk -v dated="$2" -v other="$3" '{ wanted = /_monotonic/ ? other : dated }
        $2 < wanted || $2 > wanted + 1500 { print "wrong:", $0, "not", wanted; bad = 1 } END { exit bad }' said >late ||
        fail "$1: $(cat late)"
}
waits offset=+1d 300 300
waits offset=-400d 300 300
waits start=2001-01-01 300 300
waits start=2030-06-01,rate=2 150 300
waits rate=1/2 600 300
waits offset=+1d,rate=3,monotonic 100 100
export FROZEN=1
waits freeze=2001-01-01T00:00:00Z 300 300
waits freeze=now,monotonic 300 300
unset FROZEN

# ---- arguments that are not understood ------------------------------------------------------------

expect 3 "unknown argument 'ofset=1'; known: offset= start= freeze= rate= monotonic" at ofset=1 true
expect 3 'offset=1y: is not a duration such as' at offset=1y true
expect 3 'freeze=2001-02-29: is not a date such as' at freeze=2001-02-29 true
expect 3 'start=tomorrow: is not a date such as' at start=tomorrow true
expect 3 'rate=0: is not a rate such as' at rate=0 true
expect 3 'one of offset, start and freeze is enough' at offset=1,freeze=now true
expect 3 'cannot be set back' at offset=-1,monotonic true
expect 3 'nothing to report' at offset=1,json true

# ---- real programs ----------------------------------------------------------------------------------

# frozen TEXT COMMAND...: says just that at 2001-01-01T00:00:00Z.
frozen() {
    cases=$((cases + 1))
    said=$(TZ=UTC at freeze=2001-01-01T00:00:00Z "${@:2}" 2>&1) || fail "${*:2} ended with $?: $said"
    [ "$said" = "$1" ] || fail "${*:2} says '$said', not '$1'"
}
frozen '2001-01-01 00:00:00.000000000' date '+%F %T.%N'
frozen '978307200.0' $python -c 'import time; print(time.time())'
frozen '2001-01-01 00:00:00+00:00' $python -c 'import datetime; print(datetime.datetime.now(datetime.timezone.utc))'
frozen '978307200 2001' perl -e 'print time, " ", (localtime)[5] + 1900'
frozen '978307200 0' perl -MTime::HiRes=gettimeofday -e 'print join " ", gettimeofday'
frozen '2001-01-01 00:00:00' sqlite3 :memory: "select datetime('now')"
frozen '978307200000 2001-01-01T00:00:00.000Z' "$node" -e 'console.log(Date.now(), new Date().toISOString())'
frozen '2001-01-01' bash -c 'printf "%(%F)T\n"'
frozen $'2001-01-01\n2001-01-01' sh -c 'date +%F; exec date +%F'
git init -q repository && git -C repository config user.email a@b && git -C repository config user.name n
frozen '' git -C repository commit -q --allow-empty -m empty
cases=$((cases + 1))
[ "$(git -C repository log --format='%at %ct')" = '978307200 978307200' ] || fail "git's commit is of $(git -C repository log --format='%at %ct')"

# A shifted day, beside this one: a program's start may pass a second, no more than five.
cases=$((cases + 1))
now=$(date +%s)
for command in "date +%s" "$python -c 'import time; print(int(time.time()))'" "perl -e 'print time'" \
    "sqlite3 :memory: \"select strftime('%s', 'now')\"" "$node -p 'Date.now() / 1000 | 0'"; do
    said=$(eval "at offset=-10d $command") || fail "$command ended with $?"
    [ $((said + 864000 - now)) -ge 0 ] && [ $((said + 864000 - now)) -le 5 ] || fail "$command says $said, $((said - now)) from now"
done

# Twice as fast, from a given moment; sleeping is not.
cases=$((cases + 1))
at start=2001-01-01,rate=2 $python -c '
import time
a, m = time.time(), time.monotonic()
time.sleep(0.5)
b, n = time.time(), time.monotonic()
assert 978307200 <= a < 978307210, a
assert n - m >= 0.5 and abs((b - a) - 2 * (n - m)) < 0.1, (a, b, m, n)' || fail "rate=2"

# Waits of real programs come back in their time.
cases=$((cases + 1))
at offset=+365d $python -c '
import threading, time, queue, subprocess, select, asyncio
start = time.monotonic()
threading.Event().wait(0.1)
threading.Lock().acquire() and None
lock = threading.Lock(); lock.acquire(); lock.acquire(timeout=0.1)
try: queue.Queue().get(timeout=0.1)
except queue.Empty: pass
try: subprocess.run(["sleep", "9"], timeout=0.1)
except subprocess.TimeoutExpired: pass
select.select([], [], [], 0.1)
asyncio.run(asyncio.sleep(0.1))
took = time.monotonic() - start
assert 0.5 <= took < 5, took' || fail "python's waits"
cases=$((cases + 1))
start=$(date +%s%N)
timeout 10 "$GRAFT" run --hook time:offset=+365d -- "$node" -e 'setTimeout(() => process.exit(4), 300)'
[ $? = 4 ] || fail "node's timer does not end"
[ $((($(date +%s%N) - start) / 1000000)) -ge 300 ] || fail "node's timer was early"

# Servers: redis' clock and keys that expire, nginx's Date.
redis=$(free_port)
start at start=2001-01-01T00:00:00Z redis-server --port "$redis" --bind 127.0.0.1 --save '' >redis.log 2>&1
for _ in $(seq 200); do redis-cli -p "$redis" ping >/dev/null 2>&1 && break; sleep 0.05; done
cases=$((cases + 1))
said=$(redis-cli -p "$redis" time | head -1)
[ "$said" -ge 978307200 ] && [ "$said" -le 978307220 ] || fail "redis says $said"
[ "$(redis-cli -p "$redis" set key value px 300)$(redis-cli -p "$redis" get key)" = OKvalue ] || fail "redis: no key"
sleep 0.4
[ -z "$(redis-cli -p "$redis" get key)" ] || fail "redis keeps a key that is over"
redis-cli -p "$redis" shutdown nosave
wait "$child" || fail "redis ended with $?"

http=$(free_port)
nginx_conf "$http"
start at freeze=2001-01-01T00:00:00Z nginx -c "$work/nginx.conf" -p "$work" >nginx.log 2>&1
for _ in $(seq 200); do
    said=$($python -c "import urllib.request as u; print(u.urlopen('http://127.0.0.1:$http/known').headers['Date'])" 2>/dev/null) && break
    sleep 0.05
done
cases=$((cases + 1))
[ "$said" = 'Mon, 01 Jan 2001 00:00:00 GMT' ] || fail "nginx says it is $said"
kill -QUIT "$(cat nginx.pid)"
wait "$child" || fail "nginx ended with $?"
finish
