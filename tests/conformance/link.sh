#!/bin/bash
# SPDX-License-Identifier: MIT
# link.sh DIR [static|static-pie|musl]: makes DIR/static (or as the word says) out of what
# build.sh has left in DIR: the same objects and the same modules, lifted. musl-gcc makes
# no C++; there the program is compiled once more, and C++'s modules stay out.
set -eu
kind=${2:-static}
case $#,$kind in
[12],static | [12],static-pie | [12],musl) ;;
*)
    echo "usage: link.sh DIR [static|static-pie|musl]" >&2
    exit 2
    ;;
esac
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
BUILD=${BUILD:-$root/build}
GRAFT=${GRAFT:-$BUILD/graft}
dir=$(cd "$1" && pwd)
modules=("$dir"/mods/*.so)
objects=("$dir"/objects/*.o)
if [ "$kind" = musl ]; then
    mkdir -p "$dir/objects-musl"
    cd "$dir/objects-musl"
    for source in "$here"/program.c "$here"/cases_*.c; do
        musl-gcc -std=gnu11 -O1 -g -fPIE -Wall -Wextra -DNO_CXX -c "$source"
    done
    objects=("$PWD"/*.o)
    mapfile -t modules < <(printf '%s\n' "${modules[@]}" | grep -v libcxx_)
    compiler=(musl-gcc -static)
else
    compiler=(g++ "-$kind" -pthread)
fi
# --late: two modules want what nobody has, which is dlopen's to say.
exec "$GRAFT" link --late --registry "$BUILD/libgraft-registry.a" "${modules[@]}" -- \
    "${compiler[@]}" -o "$dir/$kind" "${objects[@]}"
