#!/bin/bash
# SPDX-License-Identifier: MIT
# build.sh DIR: makes the modules in DIR/mods, the program's objects in DIR/objects and
# DIR/dynamic, which ld.so serves. Prints the modules, what is needed before what needs it.
set -eu
[ $# = 1 ] || { echo "usage: build.sh DIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1/mods" "$1/objects"
dir=$(cd "$1" && pwd)
cflags=(-std=gnu11 -O1 -g -fPIC -Wall -Wextra)
cxxflags=(-std=c++17 -O1 -g -fPIC -Wall -Wextra)
cd "$dir/mods"
ldflags=(-shared "-Wl,--no-as-needed" "-Wl,-rpath,\$ORIGIN" -L.)
made=()

# module NAME SOURCE FLAGS...: libNAME.so out of modules/SOURCE.
module() {
    local name=$1 source=$here/modules/$2
    shift 2
    case $source in
    *.cc) g++ "${cxxflags[@]}" "${ldflags[@]}" -Wl,-soname,"lib$name.so" -o "lib$name.so" "$source" "$@" ;;
    *) gcc "${cflags[@]}" "${ldflags[@]}" -Wl,-soname,"lib$name.so" -o "lib$name.so" "$source" "$@" ;;
    esac
    made+=("lib$name.so")
}

module order_d order.c -DNAME=d
module order_b order.c -DNAME=b -lorder_d
module order_c order.c -DNAME=c -lorder_d
module order_a order.c -DNAME=a -lorder_b -lorder_c
module chain_3 order.c -DNAME=chain_3
module chain_2 order.c -DNAME=chain_2 -lchain_3
module chain_1 order.c -DNAME=chain_1 -lchain_2
module cycle_x order.c -DNAME=x                     # once more below: each needs the other
module cycle_y order.c -DNAME=y -lcycle_x
unset 'made[-2]'
module cycle_x order.c -DNAME=x -lcycle_y
module init init.c -Wl,-init,init_by_tag -Wl,-fini,fini_by_tag
module atexit atexit.c
module ctor_target order.c -DNAME=target
module ctor_open ctor_open.c
module ctor_close ctor_open.c -DCLOSES
module ctor_itself ctor_itself.c
module state state.c
module gone state.c
module orphan order.c -DNAME=orphan -lorder_d -lgone
rm libgone.so
unset 'made[-2]'
module soname_file state.c -Wl,-soname,libsoname.so.3
module nodelete keep.c -Wl,-z,nodelete
module delete keep.c
module global_def global_def.c
module global_use global_use.c
module bfs_ll bfs.c -DNAME=ll -DWHERE=3
module bfs_l bfs.c -DNAME=l -lbfs_ll
module bfs_r bfs.c -DNAME=r -DWHERE=2
module bfs_root bfs.c -DNAME=root -lbfs_l -lbfs_r
module deep shared.c
module symbolic shared.c -Wl,-Bsymbolic
module late next.c -DLATE
module next next.c -llate
module version version.c -Wl,--version-script="$here/modules/version.map"
module version_use version_use.c -lversion
module ifunc ifunc.c
module ifunc_use ifunc_use.c -lifunc
module bare bare.c -nostdlib
module visibility visibility.c
module sysv sysv.c -Wl,--hash-style=sysv
module undefined undefined.c -Wl,-z,lazy
module undefined_data undefined_data.c
module weak weak.c
module address address.c
module reloc_def reloc_def.c
module reloc reloc.c -lreloc_def
module align align.c
module tls_general tls.c -ftls-model=global-dynamic
module tls_local tls.c -DLOCAL -ftls-model=local-dynamic
module tls_initial tls.c -ftls-model=initial-exec
module tls_descriptor tls.c -mtls-dialect=gnu2
module tls_across tls_across.c -ltls_general
module quiet_a quiet.c -DNAME=a
module quiet_b quiet.c -DNAME=b
module cxx_throw cxx_throw.cc
module cxx_catch cxx_catch.cc -lcxx_throw
module cxx_objects cxx_objects.cc

# A hundred that one needs, and a sum over them that no file holds.
module hundred_count hundred_count.c
needed=() sum=0 declared=
for i in {00..99}; do
    module "dep_$i" dep.c -DNUMBER="$i" -lhundred_count
    needed+=("-ldep_$i")
    declared+="int dep_$i(void); "
    sum+=" + dep_$i()"
done
echo "$declared int hundred_sum(void) { return $sum; }" >"$dir/objects/hundred.c"
gcc "${cflags[@]}" "${ldflags[@]}" -Wl,-soname,libhundred.so -o libhundred.so \
    "$dir/objects/hundred.c" "${needed[@]}" -lhundred_count
made+=(libhundred.so)

cd "$dir/objects"
for source in "$here"/program.c "$here"/cases_*.c; do
    gcc -std=gnu11 -O1 -g -fPIE -Wall -Wextra -c "$source"
done
g++ -std=c++17 -O1 -g -fPIE -Wall -Wextra -c "$here/cases_cxx.cc"
# shellcheck disable=SC2016
g++ -pie -rdynamic -pthread -o "$dir/dynamic" ./*.o '-Wl,-rpath,$ORIGIN/mods'
printf '%s\n' "${made[@]}"
