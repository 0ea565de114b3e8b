# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154
# Sourced after load.sh: builds the plugin with Python in it. Python is Debian's: what
# /usr/bin/python3 says, not the first one on PATH.

read -r python_headers python_archives < <(/usr/bin/python3 -I -c \
    'import sysconfig as s; print(*map(s.get_config_var, ("INCLUDEPY", "LIBPL")))')
export EMBED_PROGRAM=$load/embed.py
perl_headers=$(/usr/bin/perl -MConfig -e 'print $Config{archlibexp}')/CORE

compile -fvisibility=hidden -I"$python_headers" -c -o "$work/pyplugin.o" "$load/pyplugin.c"
compile -fvisibility=hidden -fwrapv -D_GNU_SOURCE -D_REENTRANT -D_FILE_OFFSET_BITS=64 -I"$perl_headers" \
    -Wno-unused-parameter -c -o "$work/pyplugin_perl.o" "$load/pyplugin_perl.c"

# plugin FILE: linked to libpython.
plugin() {
    compile -shared -o "$1" "$work"/pyplugin.o "$work"/pyplugin_perl.o -lpython3.11
}

# static_plugin FILE ARGUMENT...: a Python of its own inside, of which nothing is exported.
static_plugin() {
    compile -shared -Wl,--build-id -o "$1" "$work"/pyplugin.o "$work"/pyplugin_perl.o -Wl,--exclude-libs,ALL \
        -Wl,--whole-archive "$python_archives/libpython3.11-pic.a" -Wl,--no-whole-archive -lz -lexpat -lm "${@:2}"
}
