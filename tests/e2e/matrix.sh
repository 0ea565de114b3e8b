#!/bin/bash
# SPDX-License-Identifier: MIT
# The fixture matrix: every consumer in every host, rebound and undone, with lazy
# slots both untouched and resolved before; then graft linked into hosts instead of
# preloaded, and static ones, which refuse.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$PWD/${BUILD:-build}
fixtures=$build/fixtures
out=$build/tests/e2e
mkdir -p "$out"
tests/fixtures/build.sh "$fixtures"
${CC:-gcc} -O1 -g -fPIC -shared -Iinclude -o "$out/libact.so" tests/e2e/act.c -L"$build" -lgraft -Wl,-rpath,"$build"
${CC:-gcc} -O1 -g -fPIC -Iinclude -c -o "$out/act.o" tests/e2e/act.c
export LD_BIND_NOW=

# host, variant, onto, options
hosts="host-pie full libfixhost.so
host-pie-copy full libfixhost.so
host-pie-unversioned unversioned libfixhost_unversioned.so
host-pie-v2only v2only libfixhost_v2only.so
host-pie-missing missing libfixhost_missing.so
host-pie-sysv full libfixhost_sysv.so
host-nonpie-bfd full libfixhost.so
host-nonpie-lld full libfixhost.so
host-nonpie-mold full libfixhost.so
host-embedded embedded main
host-embedded-nonpie embedded main
host-plain full libfixhost.so --provider=$fixtures/libfixhost.so
host-plain full libfixhost.so --provider=$fixtures/libfixhost.so --provider-local
host-plain full libfixhost_lld.so --provider=$fixtures/libfixhost_lld.so
host-plain full libfixhost_mold.so --provider=$fixtures/libfixhost_mold.so"

# run_case HOST VARIANT ONTO CONSUMER LINKER BIND VERSIONS TLS [OPTION...]: one cell.
run_case() {
    local host=$1 variant=$2 onto=$3 file=$4 linker=$5 bind=$6 versions=$7 tls=$8
    shift 8
    # A descriptor that was made for a block beside the thread pointer cannot name one
    # of a library that was loaded later: refused, as direct TLS is.
    [ "$host-$tls" != host-plain-desc ] || tls=ie
    local act=rebind common=(--deepbind --variant "$variant" --linker "$linker" --tls "$tls" "$@")
    case $linker:$variant:$versions:$tls in
        mold:* | *:missing:* | *:v2only:ver:* | *:ie) act=partial ;;
    esac
    [ "$versions" = ver ] || common+=(--unversioned)
    local path=$fixtures/$file log
    log=$(mktemp)
    export ACT_ONTO=$onto LD_PRELOAD=$PRELOAD
    if ! "$fixtures/$host" "${common[@]}" --expect before --what roundtrip --expect before --what $act \
             --expect after --what undo --expect before "$path" > "$log" 2>&1 \
        || ! "$fixtures/$host" "${common[@]}" --what roundtrip --what $act --expect after --what undo \
             --expect before "$path" > "$log" 2>&1; then
        unset LD_PRELOAD
        echo "FAIL $host $* $onto $file: $(grep -E 'mismatch|act|error' "$log" | head -6 | tr '\n' ';')"
    fi
    unset LD_PRELOAD
    rm -f "$log"
    echo done
}
export -f run_case
export fixtures PRELOAD=$out/libact.so

while read -r host variant onto options; do
    # shellcheck disable=SC2086
    while read -r file linker bind _ _ _ versions _ tls; do
        [ "$file" != "#" ] || continue
        printf '%s\0' "run_case $host $variant $onto $file $linker $bind $versions $tls $options"
    done < "$fixtures/matrix.txt"
done <<< "$hosts" | xargs -0 -P "$(nproc)" -n 1 bash -c > "$out/matrix.log"
grep FAIL "$out/matrix.log" || true
cells=$(grep -c done "$out/matrix.log")
[ "$cells" = $((15 * $(grep -vc '^#' "$fixtures/matrix.txt"))) ] || { echo "only $cells cells ran"; exit 1; }

# graft linked in: static hosts, and one of each other kind.
linked() {
    local host=$1
    shift
    local line rpath=-Wl,-rpath,$fixtures
    [[ $host != *static* ]] || rpath=       # with DT_RUNPATH a static-pie fails an assertion of glibc's
    # shellcheck disable=SC2086
    read -r -a line <<< "$(grep "^$host " "$fixtures/hosts.txt")"
    (cd "$fixtures" && ${CC:-gcc} -o "$out/$host" "${line[@]:1}" "$out/act.o" "$build/libgraft.a" $rpath) 2> "$out/link.log" || { cat "$out/link.log"; return 1; }
    "$out/$host" "$@" > "$out/linked.log" 2>&1 && return
    echo "FAIL $host with graft linked in:"
    cat "$out/linked.log"
    return 1
}
status=0
for host in host-static host-static-pie; do
    linked $host --what static || status=1
done
consumer=$fixtures/libconsumer-bfd-lazy-plt-partial-sysv-unver-norelr-gd.so
for host in host-pie host-nonpie-bfd host-embedded; do
    variant=full
    export ACT_ONTO=libfixhost.so
    [ $host != host-embedded ] || { variant=embedded; ACT_ONTO=main; }
    linked $host --deepbind --unversioned --variant $variant --what rebind --expect after --what undo \
        --expect before "$consumer" || status=1
done
echo "$cells cells"
! grep -q FAIL "$out/matrix.log" && [ $status = 0 ]
