#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds what loads are measured with, into OUTDIR:
#   load_host_N            a program that exports a made-up Lua's N functions: the host
#   libload_dup_N.so       a library that does as well: the duplicate
#   load_linked_N.so       a consumer that imports N of them and needs that library
#   load_unlinked_N.so     the same without the need
#   load_addon.node        an addon of Node linked to Debian's libnode
#   load_node_host         a program that exports what that addon imports
#   load_hidden_N          as load_host_N, with the names in .symtab only
# A host's function returns 1, a duplicate's 2; load_sum calls every import once and adds
# up. Half of the imports are JUMP_SLOT, half GLOB_DAT. N: 1000, 4000, 16000.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
build=$1 out=$2
: "${CC:=gcc}"
mkdir -p "$out"
out=$(cd "$out" && pwd)
libnode=$("$root/tests/install/libnode.sh") || { echo "load_gen.sh: no libnode" >&2; exit 1; }

names() { # N: those of a runtime, its anchors first
    awk -v n="$1" 'BEGIN {
        split("buffer stream parser config module object thread handle", s); split("init free read write find append", v)
        print "lua_newstate"; print "lua_settop"
        for (i = 2; i < n; i++) printf "lua_%s_%s_%05d\n", s[i % 8 + 1], v[int(i / 8) % 6 + 1], i }'
}
functions() { # RESULT < names
    echo '.text'
    awk -v r="$1" '{ printf ".globl %s\n.type %s, @function\n%s: mov $%d, %%eax\nret\n.size %s, .-%s\n", $1, $1, $1, r, $1, $1 }'
    printf '.section .note.GNU-stack, "", @progbits\n'
}
lua() { # the same, and which version of Lua that is
    functions "$1"
    printf '.section .rodata\n.globl lua_ident\n.type lua_ident, @object\n.size lua_ident, 32\n'
    printf 'lua_ident: .asciz "$LuaVersion: Lua 5.4.4  (no Lua)"\n'
}
calls() { # < names
    printf '.text\n.globl load_sum\n.type load_sum, @function\nload_sum: push %%rbx\nxor %%ebx, %%ebx\n'
    awk '{ if (NR % 2) printf "call %s@PLT\n", $1; else printf "mov %s@GOTPCREL(%%rip), %%rax\ncall *%%rax\n", $1
           print "add %eax, %ebx" }'
    printf 'mov %%ebx, %%eax\npop %%rbx\nret\n.size load_sum, .-load_sum\n.section .note.GNU-stack, "", @progbits\n'
}
host() { # NAME.s NAME
    $CC -std=gnu11 -O2 -g -Wall -Wextra -I"$root/include" -rdynamic -o "$out/$2" "$here/load_host.c" "$1" "$build/libgraft.a"
}
library() { # NAME SOURCE [LIBRARY]
    $CC -shared -nostdlib -Wl,-z,now -Wl,--hash-style=gnu -Wl,-soname,"$1" -Wl,-rpath,'$ORIGIN' -Wl,--no-as-needed \
        -o "$out/$1" "$out/$2" ${3:+"$out/$3"}
}

for n in 1000 4000 16000; do
    names $n | lua 1 >"$out/load_host_$n.s"
    host "$out/load_host_$n.s" load_host_$n
    sed 's/^\.globl \(.*\)/&\n.hidden \1/' "$out/load_host_$n.s" >"$out/load_hidden_$n.s"
    host "$out/load_hidden_$n.s" load_hidden_$n
    names $n | lua 2 >"$out/load_dup_$n.s"
    library libload_dup_$n.so load_dup_$n.s
    names $n | calls >"$out/load_consumer_$n.s"
    library load_linked_$n.so load_consumer_$n.s libload_dup_$n.so
    library load_unlinked_$n.so load_consumer_$n.s
done

$CC -O2 -fPIC -shared -I"$libnode/include" -Wl,-rpath,"$(readlink -f "$libnode/lib")" -o "$out/load_addon.node" \
    "$here/load_addon.c" "$libnode/lib/libnode.so.108"
{
    { nm -D --undefined-only "$out/load_addon.node" | awk '$2 ~ /^napi_/ { print $2 }'; echo _ZN4node5StartEiPPc; } | sort -u | functions 1
    v8=_ZN4node11per_process14v8_initializedE
    printf '.data\n.globl %s\n.type %s, @object\n.size %s, 1\n%s: .byte 1\n' $v8 $v8 $v8 $v8
} >"$out/load_node_host.s"
host "$out/load_node_host.s" load_node_host
