#!/bin/bash
# SPDX-License-Identifier: MIT
# graft scan over Debian's packages: what it says is compared with readelf, sha256sum, nm and
# dpkg; requirements, lists, archives, damaged files.
. "$(dirname "$0")/lib/check.sh"
cd "$work" || exit 1
site=/usr/lib/python3/dist-packages
yaml=$(echo $site/yaml/_yaml.*.so)
json() { "$GRAFT" scan --json "$@" >out.json 2>err; }
ask() { /usr/bin/python3 -c "import json; d = json.load(open('out.json')); m = {x['path']: x for x in d['modules']}; print($1)"; }
same() {
    cases=$((cases + 1))
    [ "$2" = "$3" ] || fail "$1: $2, not $3"
}

json "$yaml"
same "digest" "$(ask "m['$yaml']['sha256']")" "$(sha256sum <"$yaml" | cut -d' ' -f1)"
same "build-id" "$(ask "m['$yaml']['build_id']")" "$(readelf -n "$yaml" | sed -n 's/.*Build ID: //p')"
same "needs" "$(ask "' '.join(n['name'] for n in m['$yaml']['needed'])")" \
    "$(readelf -dW "$yaml" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | tr '\n' ' ' | sed 's/ $//')"
same "its library" "$(ask "sum(x['library'] for x in d['modules'])")" 1
same "name" "$(ask "m['$yaml']['module']")" yaml._yaml
same "imports of Python are open" "$(ask "any(o['symbol'] == 'PyErr_SetString' for o in m['$yaml']['unresolved'])")" True
json --against /usr/lib/python3.11/config-3.11-*/libpython3.11.a --against /usr/lib/x86_64-linux-gnu/libc.a "$yaml"
same "not against the archives" "$(ask "len(m['$yaml']['unresolved'])")" 0
json --against /usr/lib/x86_64-linux-gnu/libm.a "$yaml"
same "the C library's names are open without it" "$(ask "any(o['symbol'] == 'memcpy' for o in m['$yaml']['unresolved'])")" True

json python3-numpy
same "modules of a package" "$(ask "sum(not x['library'] for x in d['modules'])")" "$(dpkg -L python3-numpy | grep -c '\.so$')"
json $site/numpy
same "modules of a folder" "$(ask "sum(not x['library'] for x in d['modules'])")" "$(find $site/numpy -name "*.so" | wc -l)"
same "thread-local data" "$(ask "[x['tls'] for x in d['modules'] if x['module'] == 'numpy.core._multiarray_umath'][0].split()[1]")" dynamic

printf 'pillow>=9\nPyYAML==6.0  # comment\n\n# all\nMarkupSafe[x] ; python_version > "3"\n--index-url x\nno.where~=1\n' >req.txt
expect 1 "no.where is not installed" "$GRAFT" scan req.txt
expect 1 "pillow is imported as PIL" "$GRAFT" scan req.txt
expect 1 "markupsafe._speedups .*lift" "$GRAFT" scan req.txt
printf '%s\n' '-r req2.txt' >req3.txt
printf 'markupsafe\n' >req2.txt
expect 0 "total: 1 module" "$GRAFT" scan req3.txt
printf '%s\n' '-r req4.txt' >req4.txt
expect 2 "circle" "$GRAFT" scan req4.txt
printf 'skip *\ntake yaml.*\n' >list
expect 0 "total: 1 module and" "$GRAFT" scan --list list "$yaml" $site/markupsafe
expect 1 "no such file or folder, and no installed Debian package" "$GRAFT" scan no-such-package
expect 2 "name a folder" "$GRAFT" scan

mkdir damaged
head -c 300 "$yaml" >damaged/short.so
cp "$yaml" damaged/arm.so && printf '\xb7' | dd of=damaged/arm.so bs=1 seek=18 conv=notrunc status=none
expect 1 "refuse: .*" "$GRAFT" scan damaged
expect 1 "aarch64" "$GRAFT" scan damaged
expect 1 "0 can be lifted" "$GRAFT" scan damaged
mkdir -p deb/usr/lib/python3/dist-packages deb/DEBIAN
cp "$yaml" deb/usr/lib/python3/dist-packages/
printf 'Package: one\nVersion: 1\nArchitecture: amd64\nMaintainer: a <a@b.c>\nDescription: one\n' >deb/DEBIAN/control
dpkg-deb -b deb one.deb >/dev/null
expect 0 "total: 1 module and" "$GRAFT" scan one.deb
same "nothing is left" "$(find /tmp -maxdepth 1 -name 'graft-scan.*' -newer list | wc -l)" 0
finish
