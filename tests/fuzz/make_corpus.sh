#!/bin/sh
# Makes tests/fuzz/corpus/: tiny libraries of every shape that the linkers at hand
# can produce, cut behind their last segment, and the images of elf_builder for
# the byte orders and classes that no linker here writes. Kept are found-*, what a
# fuzzer found, and grown-*, the few of the thousands of inputs of a long run that
# cover most of what the seeds do not (greedy, by afl-showmap's edges). Nothing in
# the build needs this script: the corpus is in the tree.
# shellcheck disable=SC2086 # lists of words
set -eu
cd "$(dirname "$0")"
here=$PWD
out=$here/corpus
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat > lib.c <<'C'
extern int graft_import(int); extern int graft_data[4]; extern __thread int graft_tls;
__attribute__((weak)) extern int graft_weak(void);
static int local; int *graft_pointer = &local; int *graft_inner = &graft_data[2];
__thread int graft_own_tls = 7;
int graft_answer(void) { return graft_import(graft_tls) + graft_own_tls + (graft_weak ? graft_weak() : 0); }
int graft_old(void) { return graft_data[1]; }
__attribute__((visibility("protected"))) int graft_protected(void) { return 1; }
C
cat > versioned.c <<'C'
__asm__(".symver one_old,graft_answer@GRAFT_1\n.symver one_new,graft_answer@@GRAFT_2");
int one_old(void) { return 1; }
int one_new(void) { return 2; }
extern int graft_import(int);
int graft_other(void) { return graft_import(3); }
C
echo 'GRAFT_1 { global: graft_other; graft_answer; local: *; }; GRAFT_2 { graft_answer; } GRAFT_1;' > versions.map
echo 'int graft_import(int i) { return i; } int graft_data[4]; __thread int graft_tls;' > dep.c
echo 'DEP_1 { global: graft_import; }; DEP_2 { global: graft_*; } DEP_1;' > dep.map
cat > ifunc.c <<'C'
static int one(void) { return 1; }
static int (*choose(void))(void) { return one; }
__attribute__((ifunc("choose"))) int graft_ifunc(void);
int (*graft_ifunc_pointer)(void) = graft_ifunc;
int graft_answer(void) { return graft_ifunc(); }
C
cat > unique.c <<'C'
__asm__(".type graft_unique,@gnu_unique_object\n.globl graft_unique\n.data\ngraft_unique:.long 5\n"
        ".size graft_unique,0\n.text\n.globl graft_unsized\ngraft_unsized: ret\n");
C
cat > main.c <<'C'
extern int graft_import(int); extern int graft_data[4];
int (*taken)(int);
void _start(void) { taken = graft_import; graft_data[0] = taken(1); for (;;) ; }
C

gcc='gcc -O1 -nostdlib -fno-asynchronous-unwind-tables -fno-stack-protector'
small='-Wl,-z,noseparate-code,-z,max-page-size=512,-z,common-page-size=512,--build-id=sha1'
lib() {
    name=$1; shift
    if "$@" -o "$name" 2> errors; then strip -s "$name" 2>/dev/null || true
    else echo "make_corpus: $name left out: $(head -1 errors)" >&2; rm -f "$name"; fi
}
$gcc -shared -fPIC $small -Wl,-soname,libdep.so,--version-script=dep.map dep.c -o libdep.so
so="$gcc -shared -fPIC $small"
lib gnu-hash.so     $so -Wl,--hash-style=gnu,-soname,libseed.so lib.c libdep.so
lib sysv-hash.so    $so -Wl,--hash-style=sysv,-rpath,/opt/graft,--enable-new-dtags lib.c libdep.so
lib both-hash.so    $so -Wl,--hash-style=both,-rpath,/opt/graft,--disable-new-dtags lib.c libdep.so
lib now.so          $so -Wl,-z,now,-z,relro lib.c libdep.so
lib no-plt.so       $so -fno-plt lib.c libdep.so
lib relr.so         $so -Wl,-z,pack-relative-relocs lib.c libdep.so
lib tlsdesc.so      $so -mtls-dialect=gnu2 lib.c libdep.so
lib symbolic.so     $so -Wl,-Bsymbolic lib.c libdep.so
lib textrel.so      $gcc -shared -fno-pic -mcmodel=large $small -Wl,-z,notext ifunc.c
lib versions.so     $so -Wl,--version-script=versions.map versioned.c libdep.so
lib versions-sysv.so $so -Wl,--hash-style=sysv,--version-script=versions.map versioned.c libdep.so
lib ifunc.so        $so ifunc.c
lib unique.so       $so unique.c
lib pie             $gcc -pie -fPIE $small main.c libdep.so
lib copy            $gcc -no-pie -fno-pic $small main.c libdep.so
lib canonical-sysv  $gcc -no-pie -fno-pic $small -Wl,--hash-style=sysv main.c libdep.so
lib static          $gcc -static -no-pie $small unique.c
lib i386.so         $gcc -m32 -shared -fPIC $small versioned.c -Wl,--version-script=versions.map
lib i386-tls.so     $gcc -m32 -shared -fPIC $small lib.c
lib mold.so         $so -fuse-ld=mold -Wl,--no-undefined-version lib.c libdep.so
lib mold-relr.so    $so -fuse-ld=mold -Wl,--pack-dyn-relocs=relr lib.c
lld="-O1 -nostdlib -fuse-ld=lld -shared -fPIC -Wl,-z,noseparate-code,-z,max-page-size=512,-z,common-page-size=512,--build-id"
lib lld.so          clang $lld lib.c libdep.so
lib lld-android.so  clang $lld -Wl,--pack-dyn-relocs=android+relr lib.c
for arch in aarch64-linux-gnu riscv64-linux-gnu armv7-linux-gnueabi powerpc64-linux-gnu powerpc-linux-gnu \
            mips-linux-gnu mips64-linux-gnuabi64 i686-linux-gnu
do
    lib "${arch%%-*}.so" clang --target=$arch $lld versioned.c -Wl,--version-script=versions.map
done
lib aarch64-tls.so   clang --target=aarch64-linux-gnu $lld lib.c
lib powerpc64-tls.so clang --target=powerpc64-linux-gnu $lld lib.c

# Only what a loader reads: cut behind the last segment.
end_of() {
    end=0
    readelf -lW "$1" | awk '$2 ~ /^0x/ && $5 ~ /^0x/ { print $2, $5 }' > segments
    while read -r offset size; do
        [ $((offset + size)) -le "$end" ] || end=$((offset + size))
    done < segments
}
for f in *; do
    case $f in *.c|*.map|errors|segments) continue ;; esac
    end_of "$f"
    [ "$end" -eq 0 ] || truncate -s "$end" "$f"
    [ "$(stat -c %s "$f")" -lt 8192 ] || { echo "make_corpus: $f is too large" >&2; rm "$f"; }
done
gcc -D_GNU_SOURCE -I"$here/.." "$here/make_seeds.c" "$here/../unit/elf_builder.c" -o make_seeds
mkdir seeds
./make_seeds seeds
mv seeds/* .
rm -r seeds make_seeds

mkdir -p "$out"
find "$out" -type f ! -name 'found-*' ! -name 'grown-*' -delete
for f in *; do
    case $f in *.c|*.map|errors|segments) ;; *) chmod 644 "$f"; mv "$f" "$out/" ;; esac
done
echo "$(ls "$out" | wc -l) inputs, $(du -cb "$out"/* | tail -1 | cut -f1) bytes"
