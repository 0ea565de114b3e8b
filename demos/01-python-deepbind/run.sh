#!/bin/bash
# SPDX-License-Identifier: MIT
# A consumer linked to libpython, opened RTLD_DEEPBIND inside /usr/bin/python3.
set -eu
. "$(dirname "$0")/../common.sh"
need_python
need_graft

consumer=$work/libpyloader.so
build_pyloader "$consumer"

before
show $python -I "$here/host.py" "$consumer" "$libpython"
after
show "$graft" run --rebind libpyloader.so -- $python -I "$here/host.py" "$consumer"
