#!/bin/bash
# SPDX-License-Identifier: MIT
# What the libraries export and need: libgraft.so.0 just what its map lists, all
# of it graft_*; the preload nothing; libgraft.a no other global name; libc alone.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${BUILD:-build}
status=0

bad() {
    echo "$*"
    status=1
}

# names_of MAP: the names in its global section, patterns included.
names_of() { sed -n '/global:/,/local:/s/^ *\([a-z_0-9*]*\);.*/\1/p' "$1" | sort; }
exported() { nm -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort; }
needed() { readelf -dW "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort | tr '\n' ' '; }

same() {
    diff <(echo "$2") <(echo "$3") || bad "$1 differs"
}

same "libgraft.so.0's exports from libgraft.map" "$(exported "$build/libgraft.so.0")" "$(names_of src/libgraft.map)"
exported "$build/libgraft.so.0" | grep -v '^graft_' && bad "libgraft.so.0 exports a name without graft_"
same "libgraft-preload.so's exports" "$(exported "$build/libgraft-preload.so")" ""

# The registry takes no name from the program but its own and those of the dl* family.
same "libgraft-registry.a's names" "$(nm -g --defined-only "$build/libgraft-registry.a" | awk 'NF == 3 { print $3 }' | sort)" \
    "$(printf '%s\n' __graft_thread_atexit __graft_tls_get_addr __graft_tlsdesc dl_iterate_phdr dladdr dladdr1 dlclose dlerror dlinfo dlopen dlsym \
        dlvsym graft_registry_add graft_registry_each graft_registry_set_fallback)"

# Every function of the headers is exported, and every export is declared.
declared=$(cat include/graft/{graft,hook,load,object,plan}.h | tr '\n' ' ' | grep -oE 'GRAFT_API[^;]*\(' \
    | grep -oE 'graft_[a-z_]+\(' | tr -d '(' | sort -u)
same "what the headers declare from what is exported" "$declared" "$(exported "$build/libgraft.so.0")"

archive=$(nm --defined-only --extern-only "$build/libgraft.a" | awk 'NF == 3 { print $3 }' | sort)
same "libgraft.a's global names" "$archive" "$(names_of src/libgraft.map)"

if [ -e "$build/libgraft-attach.so.0" ]; then
    exported "$build/libgraft-attach.so.0" | grep -v '^graft_' && bad "libgraft-attach.so.0 exports a name without graft_"
    patterns=$(names_of src/libgraft-attach.map | sed 's/\*/.*/; s/.*/^&$/')
    exported "$build/libgraft-attach.so.0" | grep -vE "$patterns" && bad "libgraft-attach.so.0 exports what its map does not list"
fi

for library in libgraft.so.0 libgraft-preload.so; do
    case "$(needed "$build/$library")" in
        "libc.so.6 " | "ld-linux-x86-64.so.2 libc.so.6 ") ;;
        *) [[ $build == *+* || $build == *sanit* || $build == *address* ]] \
            || bad "$library needs $(needed "$build/$library")" ;;
    esac
    readelf -dW "$build/$library" | grep -q TEXTREL && bad "$library has text relocations"
    readelf -lW "$build/$library" | grep -qE 'GNU_STACK.*RWE' && bad "$library wants an executable stack"
    readelf -dW "$build/$library" | grep -qE 'BIND_NOW|FLAGS.*NOW' || bad "$library is not bound at once"
done
exit $status
