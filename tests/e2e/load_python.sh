#!/bin/bash
# SPDX-License-Identifier: MIT
# Consumers of Python in Debian's python3, whose interpreter is in the executable, and
# in Lua with Python in a plugin: every set of dlopen's flags, linked to libpython or to
# nothing; what a consumer gets that asks the loader for its runtime; and what its
# constructors take. Each is shown to be wrong first, where it is.
. "$(dirname "$0")/lib/check.sh"
. "$(dirname "$0")/load/load.sh"
. "$(dirname "$0")/load/pyplugin.sh"
read -r library soname < <(/usr/bin/python3 -I -c \
    'import sysconfig as s; f = s.get_config_var; print(f("LIBDIR") + "/" + f("INSTSONAME"), f("INSTSONAME"))')
mkdir "$work/linked" "$work/unlinked" "$work/local" "$work/hidden"
for name in probe asks; do
    compile -shared -I"$python_headers" -o "$work/unlinked/$name.so" "$load/$name.c"
    compile -shared -I"$python_headers" -o "$work/linked/$name.so" "$load/$name.c" -lpython3.11
done
plugin "$work/local/pyplugin.so"
static_plugin "$work/hidden/pyplugin.so"

# Three hosts; $EMBED_PROGRAM is the program. The plugins are opened RTLD_LOCAL.
export EMBED_PROGRAM PROBE ASKS
in_python() { host=(/usr/bin/python3 "$EMBED_PROGRAM"); }
in_plugin() { host=(lua5.4 -e "package.cpath = '$work/$1/?.so'; require 'pyplugin'"); }

# ---- the matrix of flags ----
EMBED_PROGRAM=$load/probe.py
for flags in {lazy,now}\ {local,global}{,\ deepbind}; do
    in_python
    PROBE="$work/linked $flags"
    # Flat, all binds to the executable, and yet the duplicate is mapped.
    case $flags in
    *deepbind) outcome "$crash" "${host[@]}" ;;
    *) outcome 0 "${host[@]}" && says 'said: right; libpythons: 1' ;;
    esac
    outcome 0 "${run[@]}" '*/probe.so' -- "${host[@]}"
    says "graft: load $work/linked/probe.so: (provider|promote): .+" 'said: right; libpythons: 0'
    for way in provider:0 rebind:1; do
        outcome 0 "${run[@]}" '*/probe.so' --way ${way%:*} -- "${host[@]}"
        says "graft: load $work/linked/probe.so: ${way%:*}: .+" "said: right; libpythons: ${way#*:}"
    done
    PROBE="$work/unlinked $flags"
    outcome 0 "${run[@]}" '*/probe.so' -- "${host[@]}"
    says "graft: load $work/unlinked/probe.so: none: .+" 'said: right; libpythons: 0'

    in_plugin local
    outcome 0 "${host[@]}"
    says 'ImportError: .*/probe.so: undefined symbol: .*Py.*'
    for way in promote provider; do
        outcome 0 "${run[@]}" '*/probe.so' --way $way -- "${host[@]}"
        says "graft: load $work/unlinked/probe.so: $way: .+" 'said: right; libpythons: 1'
    done
    in_plugin hidden
    PROBE="$work/linked $flags"
    outcome "$crash" "${host[@]}"
    outcome 0 "${run[@]}" '*/probe.so' -- "${host[@]}"
    says "graft: load $work/linked/probe.so: provider: .+" 'said: right; libpythons: 0'
done

# What stands in for libpython is an object like others, to whoever looks.
outcome 0 "${run[@]}" '*/probe.so' --way provider -- /usr/bin/python3 -c 'import os, subprocess, sys
sys.path.insert(0, sys.argv[1])
import probe
subprocess.run([sys.argv[2], "objects", str(os.getpid())], check=True)' "$work/linked" "$GRAFT"
says ".*$work/linked/probe.so.*" ".*graft-provider:$soname.*"

# ---- asking the loader for the runtime ----
EMBED_PROGRAM=$load/asks.py
# asking LINKAGE HOW NAME WITHOUT WITH: answers of "HOST RESULT" without graft and with it.
asking() {
    ASKS="$work/$1 $2 $3"
    if [ "$4" = crash ]; then
        outcome "$crash" "${host[@]}"
    else
        outcome 0 "${host[@]}"
        says "said: $4; libpythons: [01]"
    fi
    outcome 0 "${run[@]}" "$glob" -- "${host[@]}"
    says "said: $5; libpythons: 0"
}
in_python
glob='*/asks.so'
for name in "$soname" "$library"; do
    for linkage in linked unlinked; do
        asking $linkage soname "$name" other host
        asking $linkage run "$name" crash host
    done
    asking linked noload "$name" other host
    asking unlinked noload "$name" nothing host
done
asking linked default - host host
asking unlinked default - host host
asking linked own - other host
asking unlinked own - nothing '(nothing|host)'      # it needs nobody, so its handle leads nowhere
glob='*libpython*'
for name in "$soname" "$library"; do
    asking - ctypes "$name" other host
    asking - ctypes-run "$name" crash host
done

# The host hides everything: without graft the consumer's own Python crashes at once.
in_plugin hidden
glob='*/asks.so'
for how in soname run noload default own; do
    asking linked $how "$soname" crash host
done
glob='*libpython*,*.cpython-*'
ASKS="- ctypes-run $soname"
outcome 0 "${host[@]}"
says 'ImportError: .*_ctypes.*: undefined symbol: Py.*'
outcome 0 "${run[@]}" "$glob" -- "${host[@]}"
says 'said: host; libpythons: 0'

# ---- what constructors take ----
compile -c -I"$python_headers" -o "$work/early.o" "$load/early.c"
g++ -O2 -Wall -Werror -fPIC -c -I"$python_headers" -o "$work/early_object.o" "$load/early_object.cc" || fail "C++"
compile -shared -o "$work/libearly.so" "$work/early.o" "$work/early_object.o" -lpython3.11 -lstdc++
cached=(/usr/bin/python3 "$load/early.py" "$work/libearly.so")
outcome 0 "${cached[@]}"
says 'C: other 0' 'C\+\+: other other 0' 'now: other'
for way in provider rebind; do
    outcome 0 "${run[@]}" 'libearly.so' --way $way -- "${cached[@]}"
    says "graft: load $work/libearly.so: $way: .+" 'C: host 1' 'C\+\+: host host 1' 'now: host'
done

# Behind graft's back: the constructors have run. It is told, and nothing is changed.
compile -shared -I"$root/include" -o "$work/libagain.so" "$load/early_again.c" -L"$BUILD" -lgraft -Wl,-rpath,"$BUILD"
outcome 0 "${cached[@]}" "$work/libagain.so"
says 'again: refused without a handle: .*loaded before.*_Py_NoneStruct.*PyLong_Type.*'
cases=$((cases + 1))
[ "$(grep -c 'C: other 0\|C++: other other 0\|now: other' "$work/output")" = 6 ] ||
    fail "something changed: $(cat "$work/output")"
finish
