# SPDX-License-Identifier: MIT
# Opens a library whose constructors take pointers, and says whose they are. With a
# second library, which has graft in it, it is asked to load the first once more.
#   early.py LIBRARY [AGAIN]
import ctypes
import os
import sys


def whose(value, right):
    return "host" if value == right else "other"


def answers(library):
    for name in ("early_none", "object_none", "object_type", "now_none"):
        getattr(library, name).restype = ctypes.c_size_t
    print("C:", whose(library.early_none(), id(None)), library.early_initialized())
    print("C++:", whose(library.object_none(), id(None)), whose(library.object_type(), id(int)),
          library.object_initialized())
    print("now:", whose(library.now_none(), id(None)), flush=True)


library = ctypes.PyDLL(sys.argv[1], os.RTLD_NOW | os.RTLD_DEEPBIND)
answers(library)
if len(sys.argv) > 2:
    again = ctypes.PyDLL(sys.argv[2]).load_again
    again.restype = ctypes.c_char_p
    print("again:", again(sys.argv[1].encode()).decode(), flush=True)
    answers(library)
