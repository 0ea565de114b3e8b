#!/bin/bash
# SPDX-License-Identifier: MIT
# Real interpreters, recognised from outside while they run, and their libraries
# as files.
. "$(dirname "$0")/lib/check.sh"

# recognise TAG STATE VERSION COMMAND...: starts it, looks, ends it.
recognise() {
    local tag=$1 state=$2 version=$3
    shift 3
    start "$@" >/dev/null 2>&1 </dev/null
    for _ in $(seq 100); do
        "$GRAFT" objects "$child" 2>/dev/null | grep -qE "$tag.*, $state" && break
        sleep 0.05
    done
    expect 0 " $tag${version:+ }$version[0-9.]*, $state" "$GRAFT" objects "$child"
    kill -KILL "$child" 2>/dev/null     # a JVM that is starting loses a SIGTERM
    wait "$child" 2>/dev/null
}

recognise python initialised 3.11 /usr/bin/python3 -c 'import time; time.sleep(30)'
recognise perl initialised 5.36 /usr/bin/perl -e 'sleep 30'
recognise ruby initialised 3.1 ruby -e 'sleep 30'
recognise tcl unknown 8.6 tclsh <(echo 'after 30000')
recognise php initialised 8.2 php -r 'sleep(30);'
recognise lua stateless 5.4 lua5.4 -e 'while true do end'

# A class whose main sleeps: a JRE has no compiler, so its bytes are written here.
/usr/bin/python3 - "$work/W.class" <<'PY'
import struct, sys
def text(s): return b'\x01' + struct.pack('>H', len(s)) + s.encode()
pool = [text('W'), b'\x07\x00\x01', text('java/lang/Object'), b'\x07\x00\x03',
        text('java/lang/Thread'), b'\x07\x00\x05', text('sleep'), text('(J)V'),
        b'\x0c\x00\x07\x00\x08', b'\x0a\x00\x06\x00\x09',
        b'\x05' + struct.pack('>q', 30000), None, text('main'), text('([Ljava/lang/String;)V'), text('Code')]
code = b'\x14\x00\x0b\xb8\x00\x0a\xb1'                # ldc2_w, invokestatic, return
body = struct.pack('>HHI', 2, 1, len(code)) + code + struct.pack('>HH', 0, 0)
method = struct.pack('>HHHH', 9, 13, 14, 1) + struct.pack('>HI', 15, len(body)) + body
open(sys.argv[1], 'wb').write(
    b'\xca\xfe\xba\xbe' + struct.pack('>HHH', 0, 52, len(pool) + 1) + b''.join(p for p in pool if p)
    + struct.pack('>HHHHHH', 0x21, 2, 4, 0, 0, 1) + method + struct.pack('>H', 0))
PY
recognise java initialised '' java -cp "$work" W

node=$(command -v node)
if "$node" --version | grep -q '^v20'; then
    recognise node initialised 20 "$node" -e 'setTimeout(() => 0, 30000)'
fi
finish
