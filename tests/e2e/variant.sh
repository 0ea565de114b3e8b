#!/bin/bash
# SPDX-License-Identifier: MIT
# graft variant: what comes out is loaded by real hosts, in which the runtime that was left
# out is not mapped; readelf finds nothing to complain of; what cannot be done is refused
# and leaves nothing behind.
. "$(dirname "$0")/lib/check.sh"
here=$root/tests/e2e/variant
python=/usr/bin/python3
cflags=(-std=gnu11 -O1 -fPIC -Wall -Wextra)

# Each case writes into this folder, which a refusal leaves as it was.
out=$work/out
mkdir "$out"

# left_alone WHAT: the output folder is empty.
left_alone() {
    cases=$((cases + 1))
    [ -z "$(ls -A "$out")" ] || fail "$1 left behind: $(ls -A "$out")"
    rm -rf "$out"
    mkdir "$out"
}

# sound FILE ORIGINAL DIFFERENCE...: readelf prints no warning, and its view of the dynamic
# section and of the needed versions differs by these patterns only.
sound() {
    local file=$1 original=$2 line pattern
    shift 2
    cases=$((cases + 1))
    LC_ALL=C readelf -WlhSdVrs --dyn-syms -n "$file" >/dev/null 2>"$work/readelf.err"
    [ -s "$work/readelf.err" ] && fail "readelf of $(basename "$file"): $(head -3 "$work/readelf.err")"
    view "$original" >"$work/view.1"
    view "$file" >"$work/view.2"
    diff "$work/view.1" "$work/view.2" | grep '^[<>]' >"$work/view.diff"
    while read -r line; do
        for pattern; do
            [[ $line =~ $pattern ]] && continue 2
        done
        fail "$(basename "$file") differs from the original in: $line"
    done <"$work/view.diff"
}
view() {
    readelf -Wd "$1" | grep -E '^ 0x' | grep -v '(NULL)'
    readelf -WV "$1" | sed -n '/^Version needs/,/^$/p' | sed -n 's/^ *\(0x\)\?[0-9a-f]*: *\(Version: 1\)\? *//p'
}

needs() { readelf -Wd "$1" | sed -n 's/.*Shared library: \[\(.*\)\]/\1/p' | xargs; }

# equal WHAT GOT WANTED
equal() {
    cases=$((cases + 1))
    [ "$2" = "$3" ] || fail "$1: '$2', not '$3'"
}

# ---- a runtime with versions, three linkers --------------------------------------

cd "$work" || exit
runtime() {                                 # runtime FILE SONAME WHO VERSIONED FLAGS...
    local file=$1 soname=$2 who=$3 versioned=$4
    shift 4
    gcc "${cflags[@]}" -DWHO="$who" -DVERSIONED="$versioned" -shared -Wl,-soname,"$soname" "$@" \
        -o "$file" "$here/runtime.c" || fail "building $file"
}
map=-Wl,--version-script=$here/runtime.map
runtime libgrt.so libgrt.so.2 2 1 "$map"
runtime libgh.so libgh.so 5 1 "$map"
runtime libgrt_host_of_the_host.so libgrt_host_of_the_host.so 6 1 "$map"
ln -s libgrt.so libgrt.so.2
gcc "${cflags[@]}" -shared -Wl,-soname,libside.so -o libside.so "$here/side.c"
gcc "${cflags[@]}" -DWHO=7 -DVERSIONED=0 -rdynamic -o host "$here/host.c" "$here/runtime.c"
# shellcheck disable=SC2016 # the loader expands $ORIGIN
origin='-Wl,-rpath,$ORIGIN'
gcc "${cflags[@]}" -o host-gh "$here/host.c" -L. -lgh "$origin"
gcc "${cflags[@]}" -o host-long "$here/host.c" -L. -lgrt_host_of_the_host "$origin"
loader() {                                  # loader FILE FLAGS...
    local file=$1
    shift
    gcc "${cflags[@]}" -shared -Wl,-soname,"$file" "$origin" -o "$file" "$here/loader.c" "$@" || fail "building $file"
}

for how in "bfd -Wl,-z,lazy -Wl,--hash-style=sysv" "bfd -Wl,-z,now" "lld -Wl,-z,lazy" "lld -Wl,-z,now -Wl,-z,relro" \
           "mold -Wl,-z,lazy" "mold -Wl,-z,now -Wl,--hash-style=both"; do
    read -ra flags <<<"$how"
    for order in "-lgrt -lside" "-lside -lgrt"; do
        read -ra libraries <<<"$order"
        loader libl.so -fuse-ld="${flags[0]}" "${flags[@]:1}" -Wl,--build-id=sha1 -L. "${libraries[@]}"
        chmod 640 libl.so
        cp libl.so libl.kept
        expect 0 "no longer needs libgrt.so.2. 1 version is no longer needed; 3 symbols.*opened for a check" \
            "$GRAFT" variant libl.so --drop 'libgrt*' -o libl_host.so
        sound libl_host.so libl.so 'Shared library: \[libgrt' 'VERNEEDNUM' 'File: libgrt' 'Name: RT_1'
        equal "needs of the variant ($how)" "$(needs libl_host.so)" "libside.so libc.so.6 ld-linux-x86-64.so.2"
        equal "size and mode" "$(stat -c '%s %a' libl_host.so)" "$(stat -c '%s %a' libl.so)"
        equal "build-id" "$(readelf -n libl_host.so | grep 'Build ID')" "$(readelf -n libl.so | grep 'Build ID')"
        cmp -s libl.so libl.kept || fail "the original was written"
        expect 0 '^1222, mapped' ./host ./libl.so libgrt.so
        expect 0 '^1777, not mapped' ./host ./libl_host.so libgrt.so

        expect 0 'but libgh.so \(name in-place\).*opened for a check' \
            "$GRAFT" variant libl.so --drop libgrt.so.2 --onto libgh.so -o libl_gh.so
        sound libl_gh.so libl.so 'Shared library: \[lib(grt.so.2|gh.so)\]' 'File: libg'
        expect 0 '^1555, not mapped' ./host-gh ./libl_gh.so libgrt.so

        expect 0 'but libgrt_host_of_the_host.so \(name appended\).*opened for a check' \
            "$GRAFT" variant libl.so --drop libgrt.so.2 --onto libgrt_host_of_the_host.so -o libl_long.so
        sound libl_long.so libl.so 'Shared library: \[libgrt' 'File: libgrt' '\(STRTAB\)' '\(STRSZ\)'
        expect 0 '^1666, not mapped' ./host-long ./libl_long.so libgrt.so.2
    done
done

# Stripped of all section headers, a library is the same to a loader. binutils 2.40 cannot
# do that; the header's three words tell that there are none.
$python - libl.so bare.so <<'PY'
import sys
data = bytearray(open(sys.argv[1], 'rb').read())
data[40:48] = bytes(8)
data[60:64] = bytes(4)
open(sys.argv[2], 'wb').write(data)
PY
expect 0 'opened for a check' "$GRAFT" variant bare.so --drop 'libgrt*' -o bare_host.so
expect 0 '^1777, not mapped' ./host ./bare_host.so libgrt.so
expect 0 'opened for a check' "$GRAFT" variant bare.so --drop 'libgrt*' --onto libgrt_host_of_the_host.so -o bare_long.so
expect 0 '^1666, not mapped' ./host-long ./bare_long.so libgrt.so.2

# ---- what is refused, and what is taken back ----------------------------------------

loader libpick.so -DPICK=1 -L. -lgrt -lside
loader liblate.so -DLATE=1 -L. -lgrt -lside
loader libproud.so -DPROUD=1 -L. -lgrt -lside
expect 1 'would mean another definition.*--any-version.*: rt_pick$' \
    "$GRAFT" variant libpick.so --drop 'libgrt*' -o "$out/x.so"
left_alone "a name with two versions"
expect 0 'another definition \(--any-version\): rt_pick' \
    "$GRAFT" variant libpick.so --drop 'libgrt*' --any-version -o libpick_host.so
equal "a version is kept by --onto" "$("$GRAFT" variant libpick.so --drop 'libgrt*' --onto libgh.so -o libpick_gh.so >/dev/null
    ./host-gh ./libpick_gh.so libgrt.so)" "521555, not mapped"
expect 4 'cannot be opened, the original can: .*undefined symbol: rt_late' \
    "$GRAFT" variant liblate.so --drop 'libgrt*' --any-version -o "$out/x.so"
left_alone "a variant that cannot be opened"
expect 4 'the original can: the process died of SIGABRT' \
    env LD_LIBRARY_PATH="$work" "$GRAFT" variant libproud.so --drop 'libgrt*' --onto libgh.so -o "$out/x.so"
left_alone "a variant that aborts"
expect 0 'not checked by opening it: --no-check' \
    "$GRAFT" variant libproud.so --drop 'libgrt*' --onto libgh.so --no-check -o libproud_gh.so
expect 0 'not checked by opening it: what it needs of its host' \
    "$GRAFT" variant libl.so --drop 'libgrt*' --onto libnot_here.so.1 -o libl_nowhere.so
runtime libpoor.so libpoor.so 4 0
expect 0 'libpoor.so does not define: rt_pick' \
    "$GRAFT" variant libpick.so --drop 'libgrt*' --onto libpoor.so --no-check -o libpick_poor.so

echo old >"$out/kept.so"
expect 1 "needs no library that matches 'libnone\*', but " "$GRAFT" variant libl.so --drop 'libnone*' -o "$out/kept.so"
equal "an output that was there" "$(cat "$out/kept.so")" old
rm "$out/kept.so"
expect 1 'no needed library holds a known runtime' "$GRAFT" variant libl.so -o "$out/x.so"
mv libgrt.so.2 away
expect 1 'holds a known runtime, and libgrt.so.2 was not found' "$GRAFT" variant libl.so -o "$out/x.so"
mv away libgrt.so.2
expect 2 'the loader itself' "$GRAFT" variant libl.so --drop 'libgrt*' -o ./libl.so
expect 2 'not a regular file' "$GRAFT" variant libl.so --drop 'libgrt*' -o /dev/null
expect 2 'with -o the file' "$GRAFT" variant libl.so
expect 2 'with -o the file' "$GRAFT" variant libl.so -o "$out/"
expect 2 'name one loader' "$GRAFT" variant libl.so libside.so -o "$out/x.so"
expect 2 'one library at a time' "$GRAFT" variant libl.so --drop 'lib*' --onto x -o "$out/x.so"
expect 3 'No such file' "$GRAFT" variant "$work/none" -o "$out/x.so"
expect 3 'No such file' "$GRAFT" variant libl.so --drop 'libgrt*' -o "$out/no/folder/x.so"
expect 3 'no ELF magic' "$GRAFT" variant /etc/passwd -o "$out/x.so"
expect 3 'a program' "$GRAFT" variant /usr/bin/env -o "$out/x.so"
gcc -c -o object.o "$here/side.c"
expect 3 'e_phnum|not a shared library' "$GRAFT" variant object.o -o "$out/x.so"
for size in 40 100 2000 $(($(stat -c %s libl.so) - 1)); do
    head -c "$size" libl.so >cut.so
    expect 3 'cut.so: ' "$GRAFT" variant cut.so --drop 'libgrt*' -o "$out/x.so"
done
left_alone "a refusal"

# ---- what the command says -------------------------------------------------------------

"$GRAFT" variant --json libl.so --drop 'libgrt*' -o libl_host.so >"$work/report.json" || fail "--json failed"
cat >"$work/as_json.py" <<'PY'
import json, sys
v = json.load(open(sys.argv[1]))
assert v["format"] == 1 and v["onto"] is None and v["opened"] is True and v["notes"][:0] == []
assert [d["name"] for d in v["dropped"]] == ["libgrt.so.2"] and v["dropped"][0]["runtime"] is None
assert v["versions"] == {"needs": 1, "symbols": 3}
assert (v["names"]["functions"], v["names"]["data"], v["names"]["tls"]) == (1, 1, 1)
before, after = open(v["file"], "rb").read(), open(v["output"], "rb").read()
assert v["size"] == len(after) == len(before)
assert v["changed"] == sum(a != b for a, b in zip(before, after)) > 0
print("as documented")
PY
expect 0 'as documented' $python "$work/as_json.py" "$work/report.json"

# ---- Python: a loader linked to libpython, in the program python3 -------------------------

read -r libdir soname include < <($python -I -c 'import sysconfig as s; print(*map(s.get_config_var, ("LIBDIR", "INSTSONAME", "INCLUDEPY")))')
gcc -std=gnu11 -O2 -fPIC -shared -pthread -Wl,--no-as-needed -I"$include" -I"$root/demos/consumer" -o libpyloader.so \
    "$root/demos/consumer/pyloader.c" "$libdir/$soname" || fail "building the loader of Python"
expect 0 "no longer needs $soname \(python 3[0-9.]*\).*opened for a check" "$GRAFT" variant libpyloader.so -o libpyhost.so
sound libpyhost.so libpyloader.so "Shared library: \[$soname"
expect 0 "another's" $python -I "$root/demos/01-python-deepbind/host.py" ./libpyloader.so
expect 0 'a second Python is mapped +no' $python -I "$root/demos/01-python-deepbind/host.py" ./libpyhost.so "$soname"
expect 0 'x \+ 1 in __main__ +42' $python -I "$root/demos/01-python-deepbind/host.py" ./libpyhost.so
grep -q "another's" "$work/output" && fail "the variant reaches another Python: $(cat "$work/output")"

# Two runtimes: which one is meant has to be said.
gcc -std=gnu11 -O2 -fPIC -shared -Wl,--no-as-needed -I"$include" -I"$root/demos/consumer" -o libtwo.so \
    "$root/demos/consumer/pyloader.c" "$libdir/$soname" -l:liblua5.4.so.0 || fail "building a loader of two"
expect 2 "several runtimes, $soname \(python\) and liblua5.4.so.0 \(lua\): name one with --drop" \
    "$GRAFT" variant libtwo.so -o "$out/x.so"
left_alone "several runtimes"
expect 0 'no longer needs liblua5.4.so.0 \(lua 5.4' "$GRAFT" variant libtwo.so --drop 'liblua*' -o libtwo_host.so

# ---- node: an addon linked to libnode 18, in node 20 ---------------------------------------

node_addon() {
    gcc -std=gnu11 -O2 -fPIC -shared -I"$libnode/include" -I"$root/demos/08-node-addon" -Wl,-rpath,"$libnode/lib" -o addon.node \
        "$root/demos/08-node-addon/addon.c" "$libnode/lib/libnode.so.108" || fail "building the addon"
    expect 0 'no longer needs libnode.so.108 \(node.*opened for a check' "$GRAFT" variant addon.node -o addon_host.node
    sound addon_host.node addon.node 'Shared library: \[libnode'
    cat >addon.js <<'JS'
const { constants: { dlopen: flags } } = require('node:os')
globalThis.x = 41
const mod = { exports: {} }
process.dlopen(mod, process.argv[2], process.argv[3] === 'deep' ? flags.RTLD_NOW | flags.RTLD_DEEPBIND : flags.RTLD_LAZY)
const mapped = /libnode\.so/.test(require('node:fs').readFileSync('/proc/self/maps', 'utf8'))
console.log(mod.exports.major, mod.exports.evaluate(), mapped ? 'libnode is mapped' : 'no libnode')
JS
    for flags in lazy deep; do
        expect 0 '^20 42 no libnode$' "$node" addon.js "$work/addon_host.node" $flags
        cases=$((cases + 1))
        ("$node" addon.js "$work/addon.node" $flags >"$work/output" 2>&1; :) 2>/dev/null
        grep -q '42 no libnode' "$work/output" && fail "the addon itself does without libnode: nothing is shown here"
    done
}
if libnode=$("$root/tests/install/libnode.sh"); then
    node_addon
else
    echo "left out: the addon of node (libnode could not be got)"
fi

# ---- another loader: musl's --------------------------------------------------------------

musl_hosts() {
    mkdir musl
    cd musl || return
    cflags=(-std=gnu11 -O1 -fPIC)
    musl-gcc "${cflags[@]}" -DWHO=2 -DVERSIONED=0 -shared -Wl,-soname,libgrt.so.2 -o libgrt.so.2 "$here/runtime.c"
    musl-gcc "${cflags[@]}" -DWHO=6 -DVERSIONED=0 -shared -Wl,-soname,libgrt_of_the_host.so -o libgrt_of_the_host.so "$here/runtime.c"
    musl-gcc "${cflags[@]}" -shared -Wl,-soname,libside.so -o libside.so "$here/side.c"
    musl-gcc "${cflags[@]}" -shared "$origin" -o libl.so "$here/loader.c" ./libgrt.so.2 libside.so
    musl-gcc "${cflags[@]}" -DWHO=7 -DVERSIONED=0 -rdynamic -o host "$here/host.c" "$here/runtime.c"
    musl-gcc "${cflags[@]}" "$origin" -o host-long "$here/host.c" -L. -lgrt_of_the_host
    expect 0 'no longer needs libgrt.so.2' "$GRAFT" variant libl.so --drop 'libgrt*' --no-check -o libl_host.so
    expect 0 'name appended' "$GRAFT" variant libl.so --drop 'libgrt*' --onto libgrt_of_the_host.so --no-check -o libl_long.so
    expect 0 '^1777, not mapped' ./host ./libl_host.so libgrt.so
    expect 0 '^1666, not mapped' ./host-long ./libl_long.so libgrt.so.2
    cd ..
}
if command -v musl-gcc >/dev/null; then
    musl_hosts
else
    echo "left out: musl's loader (no musl-gcc)"
fi

# ---- other machines, as lld makes their libraries -----------------------------------------

made=0
for target in aarch64-linux-gnu riscv64-linux-gnu armv7-linux-gnueabi i686-linux-gnu \
              mips-linux-gnu mips64-linux-gnuabi64 powerpc-linux-gnu powerpc64-linux-gnu; do
    compile=(clang --target="$target" -O1 -fPIC -nostdlib -shared -fuse-ld=lld -Wl,--version-script="$here/other.map")
    "${compile[@]}" -DDEP=0 -Wl,-soname,libdep.so.1 -o libdep.so "$here/other.c" || { fail "no clang for $target"; continue; }
    "${compile[@]}" -DDEP=1 -o libother.so "$here/other.c" libdep.so || { fail "no lld for $target"; continue; }
    expect 0 'for another machine' "$GRAFT" variant libother.so --drop libdep.so.1 -o libother_host.so
    sound libother_host.so libother.so 'Shared library: \[libdep' 'VERNEED' 'File: libdep' 'Name: OTHER_1'
    equal "$target: needs" "$(needs libother_host.so)" ""
    equal "$target: size" "$(stat -c %s libother_host.so)" "$(stat -c %s libother.so)"
    expect 0 'name appended' "$GRAFT" variant libother.so --drop libdep.so.1 --onto libthe_host_of_it.so.1 --no-check -o libother_long.so
    sound libother_long.so libother.so 'Shared library: \[lib' 'File: lib' '\(STRTAB\)' '\(STRSZ\)'
    equal "$target: needs another" "$(needs libother_long.so)" "libthe_host_of_it.so.1"
    made=$((made + 1))
done
equal "machines" $made 8

# ---- real libraries: a path in place of libc's name, and opened -----------------------------

libc=$(realpath -s /lib/x86_64-linux-gnu/libc.so.6)
opened=0
for library in /usr/lib/x86_64-linux-gnu/lib{z,ssl,crypto,uv,lua5.4,expat,ffi,readline,tcl8.6,sqlite3,cap,gmp,pcre2-8,stdc++,xml2,icuuc,jansson,zstd,lzma,bz2}.so.[0-9]*; do
    [ -e "$library" ] && readelf -d "$library" | grep -q 'NEEDED.*\[libc.so.6\]' || continue
    [ "$library" = "$(realpath "$library")" ] && continue      # once each, by SONAME
    expect 0 'name appended.*opened for a check' "$GRAFT" variant "$library" --drop libc.so.6 --onto "$libc" -o real.so
    sound real.so "$library" 'Shared library: \[.*libc.so.6\]' 'File: .*libc.so.6' '\(STRTAB\)' '\(STRSZ\)'
    opened=$((opened + 1))
done
cases=$((cases + 1))
[ $opened -ge 5 ] || fail "only $opened real libraries were at hand"
finish
