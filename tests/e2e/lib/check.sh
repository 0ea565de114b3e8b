# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Sourced by the end-to-end scripts: a case runs a command and looks at its exit
# status and its output. The script fails at the end if a case failed.

set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$root/$BUILD ;; esac
GRAFT=${GRAFT:-$BUILD/graft}
work=$(mktemp -d)
failures=0 cases=0
node=$("$root/tests/install/node.sh")
export LC_ALL=C
ulimit -c 0

cleanup() {
    for child in $(jobs -p); do         # only what still is ours
        kill -KILL "$child" 2>/dev/null
    done
    wait 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT

skip() {
    echo "SKIP $(basename "$0"): $*"
    exit 77
}

fail() {
    echo "not ok: $*"
    failures=$((failures + 1))
}

# expect STATUS PATTERN COMMAND...: the status, and an extended regular expression
# that standard output and error together must match (empty: anything).
expect() {
    local wanted=$1 pattern=$2 status=0
    shift 2
    cases=$((cases + 1))
    "$@" >"$work/output" 2>&1 </dev/null || status=$?
    if [ $status != "$wanted" ]; then
        fail "$* ended with $status, not $wanted: $(head -c 600 "$work/output")"
    elif [ -n "$pattern" ] && ! grep -qE -- "$pattern" "$work/output"; then
        fail "$* does not say '$pattern' but: $(head -c 600 "$work/output")"
    fi
}

finish() {
    echo "$((cases - failures)) of $cases cases passed"
    [ $failures = 0 ]
    exit $?
}

# Starts "$@" in the background, ended at the latest by cleanup; its pid in $child.
start() {
    "$@" &
    child=$!
}

# Waits until file $1 holds the line $2.
wait_for() {
    for _ in $(seq 500); do
        grep -qx -- "$2" "$1" 2>/dev/null && return 0
        sleep 0.02
    done
    fail "$1 never said $2"
}

# A port of 127.0.0.1 that nobody listens on.
free_port() {
    /usr/bin/python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Writes $work/nginx.conf: one process in the foreground serves the files of $work on port $1.
nginx_conf() {
    cat >"$work/nginx.conf" <<END
user root; worker_processes 1; daemon off; pid $work/nginx.pid; error_log $work/error.log;
events { }
http {
    access_log off; client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3;
    uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
    server { listen 127.0.0.1:$1; root $work; }
}
END
}
