# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Shared by the demos' run.sh, which source it first. Knows where things are
# built, what to do when something is missing, and how to tell of a program's
# end in words that are the same on every run. Sourcing it builds nothing.
#
#   $demo   the demo's folder name       $here   the demo's folder
#   $demos  the folder of all demos      $work   where this demo builds
#   $graft  the graft command            $python $libpython $include: Debian's

export LC_ALL=C
ulimit -c 0

here=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd)
demos=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
demo=$(basename "$here")
build=${BUILD:-$(dirname "$demos")/build}
mkdir -p "$build/demos/$demo"
build=$(cd "$build" && pwd)
work=$build/demos/$demo
graft=${GRAFT:-$build/graft}

# What a demo cannot do without. In CI a demo that did not run is a failure.
skip() {
    echo "SKIP $demo: $*"
    [ "${CI:-}" = true ] && exit 1
    exit 77
}
need_command() { command -v "${1%% *}" >/dev/null || skip "no $1 (Debian: $2)"; }
need_file() { [ -e "$1" ] || skip "no $1 (Debian: $2)"; }
need_graft() { [ -x "$graft" ] || skip "no $graft: build graft first, or set GRAFT"; }

need_compiler() { need_command "${CC:-cc}" gcc; }

compile() {
    # shellcheck disable=SC2086 # CC and CFLAGS are lists of words
    ${CC:-cc} -std=gnu11 ${CFLAGS:--O2 -g} -Wall -Wextra "$@"
}

# Debian's Python, whatever "python3" on PATH may be.
need_python() {
    python=/usr/bin/python3
    need_compiler
    need_file $python python3
    local facts='import sysconfig as s; print(*map(s.get_config_var, ("LIBDIR", "INSTSONAME", "INCLUDEPY", "LIBPL")))'
    # shellcheck disable=SC2034 # libpl is for demos that link to the archive
    read -r libdir soname include libpl < <($python -I -c "$facts")
    libpython=$libdir/$soname
    need_file "$libpython" libpython3-dev
    need_file "$include/Python.h" libpython3-dev
}

# The consumer: a loader, linked to libpython in the ordinary way. Further
# arguments are more sources, or another file to link to than $libpython.
build_pyloader() {
    local out=$1 lib=${2:-$libpython}
    shift; [ $# = 0 ] || shift
    compile -fPIC -shared -pthread -Wl,-z,lazy -Wl,--no-as-needed \
        -Wl,-soname,"$(basename "$out")" \
        -I"$include" -I"$demos/consumer" -o "$out" \
        "$demos/consumer/pyloader.c" "$@" "$lib"
}

# A file without SONAME, to link with: what is linked to it asks for this very
# path, as it would for a library that has none. Put the real one there after.
build_nameless() {
    mkdir -p "$(dirname "$1")"
    rm -f "$1"
    compile -shared -x c -o "$1" /dev/null
}

before() { echo "before:"; }
after() { echo "after:"; }

# Runs a command: its output, indented, then how it ended, if that was badly.
show() {
    local status=0
    "$@" >"$work/stdout" || status=$?
    sed 's/^/  /' "$work/stdout"
    ended $status
}

# Which signal it was is on standard error: a wild pointer's end is chance.
ended() {
    if [ "$1" -gt 128 ]; then
        echo "  died of a signal"
        echo "$demo: SIG$(kill -l "$1")" >&2
    elif [ "$1" -gt 0 ]; then
        echo "  ended with status $1"
    fi
}

# A C host that has no Python of its own.
build_plugin_host() {
    compile -I"$demos/host" -o "$1" "$demos/host/plugin-host.c" "$demos/host/consumer.c"
}

# A plugin with the host's interpreter in it; further arguments are linked in.
build_plugin() {
    local out=$1
    shift
    compile -fPIC -shared -I"$include" -I"$demos/host" -o "$out" "$demos/host/interpreter.c" "$@"
}

# A C host linked to Python; further arguments tell how.
build_linked_host() {
    local out=$1
    shift
    compile -I"$include" -I"$demos/host" -o "$out" "$demos/host/linked-host.c" \
        "$demos/host/interpreter.c" "$demos/host/consumer.c" "$@"
}
