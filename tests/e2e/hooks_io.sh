#!/bin/bash
# SPDX-License-Identifier: MIT
# hooks/io: a program whose every number is known; real ones, which print what they
# print without it, and whose files and peers are what strace sees of the very same run,
# exactly (hooks/io_compare.py says which system calls those are, and why).
. "$(dirname "$0")/lib/check.sh"
hooks=$root/tests/e2e/hooks
python=/usr/bin/python3
traced=open,openat,creat,read,pread64,readv,preadv,preadv2,recvfrom,recvmsg,write,pwrite64,writev,pwritev,pwritev2
traced=$traced,sendto,sendmsg,sendfile,copy_file_range,splice,connect,accept,accept4,mmap,clone,clone3,fork,vfork,execve
cd "$work" || exit 1

# ---- numbers that are known ------------------------------------------------------------

gcc -std=gnu11 -D_GNU_SOURCE -O1 -g -fno-builtin -Wall -Werror -o known "$hooks/io_known.c" -lpthread || exit 1
mkdir here
known() {
    cases=$((cases + 1))
    (cd here && "$GRAFT" run --hook io:json,top=0,file=report.%p -- ../known >said) || fail "known ended with $?"
    $python - here >differences <<'END' || fail "known: $(cat differences)"
import glob, json, os, sys
here = os.path.realpath(sys.argv[1])
ports = {line.split()[0]: line.split()[1:] for line in open(here + "/said")}
def row(**numbers):
    base = dict(opens=0, maps=0, mapped_bytes=0, reads=0, read_bytes=0, writes=0, written_bytes=0, stdio_in=0,
                stdio_out=0, failed={})
    return {**base, **numbers}
def peer(**numbers):
    r = row(connected=0, accepted=0, **numbers)
    return {key: value for key, value in r.items() if key not in ("opens", "maps", "mapped_bytes")}
files = {
    "opened": row(opens=12), "": row(opens=2), "(unnamed)": row(opens=1, writes=1, written_bytes=3),
    "missing": row(failed={"ENOENT": 3}), "opened/x": row(failed={"ENOTDIR": 1}),
    "data": row(opens=1, reads=12, read_bytes=400, writes=9, written_bytes=620),
    "from": row(opens=1, reads=3, read_bytes=600, writes=1, written_bytes=900, maps=1, mapped_bytes=900),
    "to": row(opens=1, writes=2, written_bytes=500),
    "copied": row(opens=1, writes=6, written_bytes=6), "after": row(opens=1, writes=1, written_bytes=7),
    "stream": row(opens=1, stdio_in=27, stdio_out=60),
    "kept": row(opens=1, writes=1, written_bytes=10), "said": row(stdio_out=sum(map(len, open(here + "/said")))),
    **{f"thread.{i}": row(opens=501, reads=500, read_bytes=500, writes=1, written_bytes=1) for i in range(4)},
}
def both(r, **numbers):
    return {**r, **numbers}
tcp, udp = ports["tcp"], ports["udp"]
peers = {
    f"127.0.0.1:{tcp[0]}": both(peer(reads=1, read_bytes=9, writes=3, written_bytes=20), connected=2),
    f"127.0.0.1:{tcp[1]}": both(peer(reads=2, read_bytes=16, writes=1, written_bytes=9), accepted=1),
    f"127.0.0.1:{tcp[2]}": both(peer(reads=1, read_bytes=4), accepted=1),
    f"127.0.0.1:{udp[0]}": peer(writes=3, written_bytes=21), f"127.0.0.1:{udp[1]}": peer(reads=3, read_bytes=21),
    "unix:socket": both(peer(reads=1, read_bytes=3, writes=1, written_bytes=3), connected=1, accepted=1),
    "127.0.0.1:1": peer(failed={"ECONNREFUSED": 1}),
}
others = {"pipe": row(opens=1, reads=1, read_bytes=100, writes=1, written_bytes=100),
          "socketpair": row(opens=1, reads=1, read_bytes=2, writes=1, written_bytes=2)}
reports = [json.load(open(path)) for path in glob.glob(here + "/report.*")]
main = max(reports, key=lambda report: report["totals"]["opens"])
child = [report for report in reports if report is not main]
def table(rows):
    return {row.pop("name"): row for row in rows}
wrong = 0
def same(what, got, wanted):
    global wrong
    for name in sorted(got.keys() | wanted.keys()):
        if got.get(name) != wanted.get(name):
            wrong += 1
            print(what, name, "is", got.get(name), "not", wanted.get(name))
same("file", table(main["files"]), {os.path.join(here, name).rstrip("/"): r for name, r in files.items()})
same("peer", table(main["peers"]), peers)
same("other", table(main["others"]), others)
same("the child's file", table(child[0]["files"]), {here + "/kept": row(writes=1, written_bytes=20)})
sys.exit(wrong > 0 or len(child) != 1 or child[0]["peers"] != [])
END
}
known

# ---- what it says, and what it is told ---------------------------------------------------

echo line >a.conf
expect 0 '^graft io\[[0-9]+\]: +1 +0 +2 +5 +0 +0 +0  .*/a\.conf$' "$GRAFT" run --hook io -- cat a.conf
expect 1 'and 1 more \(top=0 shows all\)$' "$GRAFT" run --hook io:top=2 -- cat a.conf nothing
expect 0 '^graft io\[[0-9]+\]: files: 1, peers: 0; opened: 1, ' "$GRAFT" run --hook 'io:paths=*.conf' -- cat a.conf
expect 1 '^graft io\[[0-9]+\]: open(64|at)? .*/nothing = ENOENT$' "$GRAFT" run --hook io:log -- cat a.conf nothing
expect 0 '^graft io\[[0-9]+\]: (read|copy_file_range) .*/a\.conf = 5$' "$GRAFT" run --hook 'io:log,paths=*.conf' -- cat a.conf
expect 3 "unknown argument 'tap=3'; known: top= paths= log file= json" "$GRAFT" run --hook io:tap=3 -- cat a.conf

# ---- real programs, with and without -----------------------------------------------------

cat >talk.py <<'END'
import mmap, os, socket, subprocess, threading
open("a.txt", "w").write("x" * 1000)
f = os.open("./a.txt", os.O_RDWR)
os.pwrite(f, b"yy", 5), os.preadv(f, [bytearray(5), bytearray(7)], 0), os.writev(f, [b"a", b"bb"])
g = os.open("b.txt", os.O_CREAT | os.O_RDWR | os.O_TRUNC, 0o640)
print(oct(os.fstat(g).st_mode), os.sendfile(g, f, 0, 500), os.copy_file_range(f, g, 200, 0))
d = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
print(len(os.read(os.open("b.txt", os.O_RDONLY, dir_fd=d), 11)), len(os.read(os.dup(f), 10)))
for name in "nope", "/nope/x", "a.txt/x":
    try:
        os.open(name, os.O_RDONLY)
    except OSError as e:
        print(e)
os.write(os.open(".", os.O_TMPFILE | os.O_RDWR, 0o600), b"tmp")
mmap.mmap(f, 0).close()
for family, host in (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"):
    server = socket.create_server((host, 0), family=family)
    client = socket.create_connection(server.getsockname()[:2])
    side, _ = server.accept()
    client.send(b"hallo"), side.sendall(b"x" * 5000)
    print(side.recv(10), len(client.recv(5)))
if os.path.exists("s"):
    os.unlink("s")
u, v = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
u.bind("s"), u.listen(), v.connect("s")
side, _ = u.accept()
v.sendmsg([b"abc", b"d"])
print(side.recvmsg(10)[0])
a, b = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in "ab")
a.bind(("127.0.0.1", 0)), b.sendto(b"udp", a.getsockname())
print(a.recvfrom(10)[0], subprocess.run(["cat", "a.txt"], capture_output=True).stdout[:5])
if os.fork() == 0:
    os.read(os.open("b.txt", os.O_RDONLY), 5)
    os._exit(0)
os.wait()
def read():
    for _ in range(30):
        open("a.txt").read()
threads = [threading.Thread(target=read) for _ in range(4)]
[t.start() for t in threads], [t.join() for t in threads]
END
cat >talk.pl <<'END'
use Socket;
open F, "<", "a.conf"; print <F>; opendir D, "."; print -d ".", "\n"; closedir D;
open G, ">", "perl.txt"; print G "hallo" x 5000; close G; print -s "perl.txt", "\n";
open N, "<", "nope" or print "$!\n";
socket S, PF_INET, SOCK_STREAM, 0; connect S, pack_sockaddr_in(1, inet_aton("127.0.0.1")) or print "$!\n";
print `cat a.conf`; exit 3;
END
cat >talk.js <<'END'
const fs = require('fs'), net = require('net');
fs.writeFileSync('n.txt', 'x'.repeat(70000)); fs.appendFileSync('n.txt', 'y');
console.log(fs.readFileSync('n.txt').length);
try { fs.openSync('nope') } catch (e) { console.log(e.code) }
fs.readFile('n.txt', (e, d) => {
    console.log(d.length);
    const server = net.createServer(c => c.on('data', d => c.end('pong' + d.length))).listen(0, '127.0.0.1', () => {
        const c = net.connect(server.address().port, '127.0.0.1');
        c.end('ping'); c.on('data', d => console.log('' + d)); c.on('close', () => server.close());
    });
});
END
cat >commit.sh <<'END'
for i in 1 2; do echo $i >f$i && git add f$i && git commit -qm "commit $i"; done
git log --format='%H %s' && git diff --stat HEAD~1 && git status --short --untracked-files=no
END

prepare() {
    rm -rf n.txt perl.txt ./*.db f1 f2 .git
    git init -q . && git config user.email a@b && git config user.name n
}
export GIT_AUTHOR_DATE=2001-01-01T00:00:00Z GIT_COMMITTER_DATE=2001-01-01T00:00:00Z GIT_CONFIG_GLOBAL=/dev/null

# compared FILES COMMAND...: prints the same without, with, and with strace watching; and
# then strace has seen what io tells, of at least so many files and peers.
compared() {
    local least=$1 plain=0 hooked=0 watched=0
    shift
    cases=$((cases + 1))
    rm -f report.* both.*
    prepare && "$@" >plain 2>plain.err </dev/null || plain=$?
    prepare && "$GRAFT" run --hook io:file=both.%p -- "$@" >hooked 2>hooked.err </dev/null || hooked=$?
    prepare && strace -f -k -yy -s 0 -e trace="$traced" -o strace.out \
        "$GRAFT" run --hook io:json,top=0,file=report.%p -- "$@" >watched 2>watched.err </dev/null || watched=$?
    [ "$plain $plain" = "$hooked $watched" ] || fail "$* ended with $plain alone, $hooked hooked, $watched watched: $(tail -3 hooked.err)"
    cmp -s plain hooked && cmp -s plain.err hooked.err && cmp -s plain watched || fail "$* prints something else: $(diff plain hooked | head -5)"
    "$hooks/io_compare.py" strace.out report.* >differences || fail "$*: $(head -20 differences)"
    echo "$1: $(tail -1 differences)"
    read -r _ _ names _ < <(tail -1 differences)
    [ "$names" -ge "$least" ] || fail "$*: compared too little"
}
compared 50 $python talk.py
compared 9 perl talk.pl
compared 4 sqlite3 x.db 'create table t(a); insert into t values(1), (2); select * from t; select count(*) from sqlite_master'
compared 60 bash commit.sh
compared 10 "$node" talk.js

# ---- servers --------------------------------------------------------------------------------

# serve COMMAND...: under strace and io; its processes report when they end.
serve() {
    rm -f report.* strace.out
    start strace -f -k -yy -s 0 -e trace="$traced" -o strace.out "$GRAFT" run --hook io:json,top=0,file=report.%p -- "$@"
}

# served NAME PROCESSES FILES: it has ended by itself, and told what strace saw.
served() {
    cases=$((cases + 1))
    wait "$child" || fail "$1 ended with $?"
    "$hooks/io_compare.py" strace.out report.* >differences || fail "$1: $(head -20 differences)"
    echo "$1: $(tail -1 differences)"
    read -r processes _ names _ < <(tail -1 differences)
    [ "$processes" -ge "$2" ] && [ "$names" -ge "$3" ] || fail "$1: compared too little"
}

redis=$(free_port)
serve redis-server --port "$redis" --bind 127.0.0.1 --save '' --appendonly yes --dir "$work" >redis.log 2>&1
for _ in $(seq 200); do redis-cli -p "$redis" ping >/dev/null 2>&1 && break; sleep 0.05; done
redis-benchmark -p "$redis" -n 60 -c 3 -t set,get -q >/dev/null || fail "redis-benchmark"
redis-cli -p "$redis" set key value >/dev/null
[ "$(redis-cli -p "$redis" get key)" = value ] || fail "redis lost a value"
redis-cli -p "$redis" bgrewriteaof >/dev/null
for _ in $(seq 100); do redis-cli -p "$redis" info persistence | grep -q 'aof_rewrite_in_progress:0' && break; sleep 0.1; done
redis-cli -p "$redis" shutdown nosave
served redis-server 2 15

http=$(free_port)
mkdir www
head -c 20000 /dev/urandom | base64 >www/big.txt
cat >nginx.conf <<END
user root; worker_processes 2; daemon off; pid $work/nginx.pid; error_log $work/error.log;
events { worker_connections 64; }
http {
    access_log $work/access.log; sendfile on; client_body_temp_path $work/t1; proxy_temp_path $work/t2;
    fastcgi_temp_path $work/t3; uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
    server { listen 127.0.0.1:$http; root $work/www; }
}
END
serve nginx -c "$work/nginx.conf" -p "$work" >nginx.log 2>&1
for _ in $(seq 200); do [ -s nginx.pid ] && cmp -s www/big.txt <($python -c "import urllib.request as u; print(u.urlopen('http://127.0.0.1:$http/big.txt').read().decode(), end='')" 2>/dev/null) && break; sleep 0.05; done
wrk -t1 -c4 -d1s "http://127.0.0.1:$http/big.txt" >wrk.log || fail "wrk: $(cat wrk.log)"
grep -q 'Non-2xx\|Socket errors' wrk.log && fail "nginx answers wrongly: $(cat wrk.log)"
kill -QUIT "$(cat nginx.pid)"
served nginx 3 8
finish
