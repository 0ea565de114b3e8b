#!/bin/bash
# SPDX-License-Identifier: MIT
# Prints what goes into the static python of the tests, unmodified from Debian's
# packages: all of lib-dynload, the extension modules of the packages that the tests
# name, OpenSSL's own module, and the libraries that they need, one a line.
set -eu
dynload=$(echo /usr/lib/python3.*/lib-dynload)
site=/usr/lib/python3/dist-packages
modules=$(find "$dynload" "$site"/{markupsafe,simplejson,falcon,numpy,yaml,_yaml,msgpack,greenlet,kiwisolver} \
               "$site"/{cryptography,lxml,PIL} -name '*.so' | sort)
modules+=$'\n'$(ls "$site"/{ujson,rapidjson,_cffi_backend,kiwisolver}*.so 2>/dev/null || :)
modules+=$'\n'$(find /usr/lib/*/ossl-modules -name legacy.so)
# What the C library itself is made of stays the program's.
libraries=$(echo "$modules" | xargs -n1 ldd 2>/dev/null | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p' | sort -u \
    | grep -vE '/lib(c|m|pthread|dl|rt|util|resolv|python3\.[0-9]+)\.so')
echo "$modules"
echo "$libraries"
