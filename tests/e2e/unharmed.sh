#!/bin/bash
# SPDX-License-Identifier: MIT
# Real programs that load libraries themselves print the same under `graft run`, with
# rules that match nothing and with one that matches everything.
. "$(dirname "$0")/lib/check.sh"

same() {                                    # same COMMAND...
    local plain=0 run=0
    cases=$((cases + 1))
    "$@" >"$work/plain" 2>"$work/plain.err" </dev/null || plain=$?
    for rule in 'no-such-*.so' '*'; do
        "$GRAFT" run -q --rebind "$rule" -- "$@" >"$work/run" 2>"$work/run.err" </dev/null || run=$?
        [ $plain = $run ] || fail "$1 ended with $run under --rebind '$rule', with $plain alone: $(tail -3 "$work/run.err")"
        cmp -s "$work/plain" "$work/run" || fail "$1 prints something else under --rebind '$rule': $(diff "$work/plain" "$work/run" | head -5)"
    done
}

same /usr/bin/python3 -c 'import ctypes, ssl, sqlite3, decimal, json, multiprocessing, lzma; print(ctypes.CDLL(None).getppid() > 0, ssl.OPENSSL_VERSION, decimal.Decimal(1) / 3)'
same /usr/bin/python3 -c 'import subprocess; print(subprocess.run(["/bin/sh", "-c", "echo child; exit 3"], capture_output=True))'
same /usr/bin/perl -MPOSIX -MSocket -MList::Util=sum -e 'print sum(1 .. 10), " ", floor(2.5), "\n"; exit 5'
same ruby -e 'require "json"; require "openssl"; require "socket"; puts JSON.generate([1, OpenSSL::Digest.hexdigest("SHA256", "x")])'
same php -r 'echo json_encode([1, 2, hash("sha256", "x")]), "\n";'
echo 'puts [expr {6 * 7}]; exit 2' >"$work/program.tcl"
same tclsh "$work/program.tcl"
same lua5.4 -e 'print(7 // 2, _VERSION)'
same redis-server --version
same git --version
same "$node" -e 'const c = require("crypto"); console.log(c.createHash("sha256").update("x").digest("hex"), process.arch)'
same java -version
finish
