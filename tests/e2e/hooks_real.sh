#!/bin/bash
# SPDX-License-Identifier: MIT
# Real programs under malloc, io and dl, each alone and all three at once, print and answer
# what they do without; servers under load among them. With every n-th open failing they say
# so in their own words, and none is killed by a signal.
. "$(dirname "$0")/lib/check.sh"
cd "$work" || exit 1
export GIT_AUTHOR_DATE=2001-01-01T00:00:00Z GIT_COMMITTER_DATE=2001-01-01T00:00:00Z GIT_CONFIG_GLOBAL=/dev/null
python=/usr/bin/python3
sets=("--hook malloc:file=$work/report.%p" "--hook io:file=$work/report.%p" "--hook dl:file=$work/report.%p"
    "--hook malloc:file=$work/report.%p --hook io:file=$work/report.%p --hook dl:file=$work/report.%p")

prepare() {
    rm -rf repository x.db report.*
    git init -q repository && git -C repository config user.email a@b && git -C repository config user.name n
}

# same REPORTS COMMAND...: status and both outputs, and at least so many reports.
same() {
    local least=$1 plain=0 hooked
    shift
    prepare && "$@" >plain 2>plain.err </dev/null || plain=$?
    for set in "${sets[@]}"; do
        cases=$((cases + 1)) hooked=0
        # shellcheck disable=SC2086 # a list of words
        prepare && "$GRAFT" run $set -- "$@" >hooked 2>hooked.err </dev/null || hooked=$?
        [ $plain = $hooked ] || fail "$set: $1 ended with $hooked, alone with $plain: $(tail -3 hooked.err)"
        cmp -s plain hooked && cmp -s plain.err hooked.err \
            || fail "$set: $1 prints something else: $(diff plain hooked | head -5) $(diff plain.err hooked.err | head -5)"
        [[ $set == *dl:* && $set != *malloc* ]] || [ "$(cat report.* | wc -l)" -ge "$least" ] || fail "$set: $1: no report"
    done
}

cat >work.py <<'END'
import ctypes, decimal, hashlib, json, lzma, multiprocessing, sqlite3, ssl, subprocess, threading
print(json.dumps({"a": [1, 2.5]}), hashlib.sha256(b"x").hexdigest(), decimal.Decimal(1) / 7)
print(lzma.decompress(lzma.compress(b"abc" * 1000))[:6], ssl.create_default_context().verify_mode)
db = sqlite3.connect("x.db"); db.execute("create table t(a)")
db.executemany("insert into t values(?)", [(i,) for i in range(500)]); db.commit()
print(db.execute("select sum(a) from t").fetchone(), ctypes.CDLL("libm.so.6").floor is not None)
out = []
ts = [threading.Thread(target=lambda i=i: out.append(i * i)) for i in range(20)]
[t.start() for t in ts]; [t.join() for t in ts]
print(sorted(out)[-1], subprocess.run(["cat", "work.py"], capture_output=True).stdout[:6])
if __name__ == "__main__":
    with multiprocessing.Pool(2) as pool:
        print(pool.map(abs, range(-5, 5)))
END
cat >work.js <<'END'
const { Worker, isMainThread, parentPort } = require('worker_threads'), zlib = require('zlib'), crypto = require('crypto');
if (!isMainThread) parentPort.postMessage(crypto.createHash('md5').update('x'.repeat(1e5)).digest('hex'));
else {
    console.log(zlib.gunzipSync(zlib.gzipSync('abc'.repeat(1000))).length, require('fs').readFileSync(__filename).length > 100);
    const workers = [1, 2, 3].map(() => new Promise(done => new Worker(__filename).on('message', done)));
    Promise.all(workers).then(all => console.log(all.join(' '), require('child_process').execFileSync('echo', ['child']) + ''));
}
END
cat >work.sh <<'END'
cd repository && for i in 1 2 3; do echo $i >f$i && git add f$i && git commit -qm "commit $i" || exit; done
git log --format=%H && git diff HEAD~2 --stat && git gc -q && git fsck --strict && git clone -q . ../clone.$$ && git -C ../clone.$$ log --oneline
END
same 6 $python work.py
same 6 "$node" work.js
same 6 perl -MPOSIX -MList::Util=sum -MSocket -e 'print sum(map { length } map { "x" x $_ } 1 .. 2000), "\n", `echo child`; fork or exit 3; wait; print $? >> 8, "\n"; exit 2'
same 6 sqlite3 x.db 'create table t(a, b); with recursive c(x) as (values(1) union all select x + 1 from c where x < 3000) insert into t select x, hex(x) from c; create index i on t(b); select count(*), sum(a), max(b) from t; pragma integrity_check'
same 20 bash work.sh

# ---- servers --------------------------------------------------------------------------------

redis_answers() {
    timeout 30 redis-benchmark -p "$1" -n 3000 -c 8 -P 4 -t set,get,incr,lpush,lrange_100,hset -q 2>&1 | grep -ac 'requests per second'
    timeout 10 redis-cli -p "$1" eval 'local s = 0; for i = 1, 1000 do s = s + i end; return s' 0
    timeout 10 redis-cli -p "$1" set key value
    timeout 10 redis-cli -p "$1" get key
    timeout 10 redis-cli -p "$1" save
    timeout 10 redis-cli -p "$1" dbsize
    timeout 10 redis-cli -p "$1" shutdown nosave
}

# redis SET...: what clients are told by a server under these hooks (none: without).
redis() {
    local number
    number=$(free_port)
    rm -f dump.rdb
    "$@" redis-server --port "$number" --bind 127.0.0.1 --save '' --dir "$work" >redis.log 2>&1 &
    child=$!
    for _ in $(seq 200); do redis-cli -p "$number" ping >/dev/null 2>&1 && break; sleep 0.05; done
    redis_answers "$number"
    wait "$child"
    echo "ended with $?"
}

nginx_answers() {
    timeout 30 wrk -t1 -c8 -d1s "http://127.0.0.1:$1/big.txt" | grep -E 'Non-2xx|Socket errors'
    $python - "$1" <<'END'
import hashlib, sys, urllib.request, urllib.error
base = "http://127.0.0.1:" + sys.argv[1]
for path in "/big.txt", "/", "/none", "/auto/":
    try:
        answer = urllib.request.urlopen(base + path)
        print(path, answer.status, hashlib.md5(answer.read()).hexdigest())
    except urllib.error.HTTPError as error:
        print(path, error.code)
END
}

nginx() {
    local number
    number=$(free_port)
    sed "s|PORT|$number|; s|WORK|$work|g" nginx.in >nginx.conf
    rm -f nginx.pid
    "$@" nginx -c "$work/nginx.conf" -p "$work" >nginx.log 2>&1 &
    child=$!
    for _ in $(seq 200); do
        $python -c "import socket; socket.create_connection(('127.0.0.1', $number)).close()" 2>/dev/null && break
        sleep 0.05
    done
    nginx_answers "$number"
    kill -QUIT "$child"
    wait "$child"
    echo "ended with $?"
}

mkdir -p www/auto && seq 5000 >www/big.txt && echo index >www/index.html && touch -d 2001-01-01 www/* www/auto
cat >nginx.in <<'END'
user root; worker_processes 2; daemon off; pid WORK/nginx.pid; error_log WORK/error.log;
events { worker_connections 64; }
http {
    access_log WORK/access.log; sendfile on; gzip on; client_body_temp_path WORK/t1; proxy_temp_path WORK/t2;
    fastcgi_temp_path WORK/t3; uwsgi_temp_path WORK/t4; scgi_temp_path WORK/t5;
    server { listen 127.0.0.1:PORT; root WORK/www; location /auto/ { autoindex on; } }
}
END
for server in redis nginx; do
    $server env >plain
    grep -q 'ended with 0' plain || fail "$server alone: $(cat plain)"
    for set in "${sets[@]}"; do
        cases=$((cases + 1))
        rm -f report.*
        # shellcheck disable=SC2086
        $server "$GRAFT" run $set -- >hooked
        cmp -s plain hooked || fail "$set: $server answers otherwise: $(diff plain hooked | head -8) $(tail -3 $server.log)"
        [[ $set == *dl:* && $set != *malloc* ]] || [ "$(cat report.* | wc -l)" -gt 3 ] || fail "$set: $server: no report"
    done
done

# ---- each n-th open fails ----------------------------------------------------------------------

# survives PATTERN COMMAND...: some of them it cannot do without, and says so; no signal ever.
survives() {
    local pattern=$1 told=0 status
    shift
    for every in 1 2 3 5 8; do
        cases=$((cases + 1)) status=0
        prepare
        timeout 20 "$GRAFT" run --hook "fault:call=open+fopen,every=$every,errno=EMFILE,file=$work/report.%p" -- "$@" >printed 2>&1 </dev/null || status=$?
        [ $status -lt 124 ] || [ $status = 128 ] || fail "every ${every}th open fails: $1 ended with $status: $(tail -3 printed)"
        grep -qaE "$pattern" printed && told=1
    done
    [ $told = 1 ] || fail "$1 never said that an open failed"
}
survives 'Too many open files|EMFILE|\[Errno 24\]' $python -c 'print(open("work.py").read()[:6]); print(open("work.sh").read()[:2])'
survives 'EMFILE' "$node" -e 'for (const f of ["work.js", "work.sh"]) try { console.log(require("fs").readFileSync(f).length) } catch (e) { console.log(e.code) }'
survives 'Too many open files' perl -e 'for (1 .. 6) { open my $f, "<", "work.sh" or print "$!\n"; }'
survives 'unable to open|Error' sqlite3 x.db 'create table t(a); insert into t values(1); select * from t'
survives 'Too many open files|fatal|error' git -C repository status
survives 'Too many open files|open\(\)' timeout --preserve-status -s QUIT 2 nginx -c "$work/nginx.conf" -p "$work"
survives 'Too many open files|Fatal' timeout --preserve-status -s INT 2 redis-server "$work/redis.conf"
finish
