#!/bin/bash
# SPDX-License-Identifier: MIT
# Every public header compiles alone, as C and as C++, without a warning; so does a
# program that uses them, and it links.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$PWD/${BUILD:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

# compile COMPILER SUFFIX FLAGS...: what is on standard input.
compile() {
    local compiler=$1 suffix=$2
    shift 2
    command -v "$compiler" > /dev/null || return 0
    cat > "$work/one.$suffix"
    "$compiler" "$@" -Wall -Wextra -Werror -Iinclude -c -o "$work/one.o" "$work/one.$suffix" && return
    echo "$compiler $*: $(head -1 "$work/one.$suffix")"
    status=1
}

for header in include/graft/*.h; do
    name=graft/${header##*/}
    for compiler in gcc clang; do
        for flags in "-std=gnu11" "-std=c99 -pedantic" "-std=c17 -pedantic -Wc++-compat -Wmissing-prototypes"; do
            # shellcheck disable=SC2086
            compile $compiler c $flags <<< "#include <$name>
typedef int not_empty;"
        done
    done
    for compiler in g++ clang++; do
        for flags in "-std=c++11 -pedantic" "-std=c++17 -pedantic"; do
            # shellcheck disable=SC2086
            compile $compiler cc $flags <<< "#include <$name>
#include <$name>
namespace { int not_empty; } int use() { return not_empty; }"
        done
    done
done

cat > "$work/use.c" <<'C'
#include <graft/graft.h>
int main(void)
{
    struct graft_error error;
    struct graft_objects *objects;
    if (graft_objects_snapshot(&objects, &error))
        return 1;
    int found = graft_objects_count(objects) > 0;
    graft_objects_free(objects);
    return !found || graft_strerror(0)[0] == '\0' || graft_version()[0] != '0';
}
C
cp "$work/use.c" "$work/use.cc"
for way in "gcc -std=c99 -pedantic $work/use.c $build/libgraft.a" \
           "g++ -std=c++11 $work/use.cc $build/libgraft.a" \
           "gcc -std=gnu11 $work/use.c -L$build -lgraft -Wl,-rpath,$build" \
           "g++ -std=c++17 $work/use.cc -L$build -lgraft -Wl,-rpath,$build"; do
    [[ $build != *address* ]] || way+=" -fsanitize=address,undefined"
    # shellcheck disable=SC2086
    $way -Wall -Wextra -Werror -Iinclude -o "$work/use" && "$work/use" || { echo "failed: $way"; status=1; }
done
exit $status
