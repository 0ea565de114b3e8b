# SPDX-License-Identifier: MIT
# The host: Debian's Python, with the interpreter in its executable. Opens the
# consumer with RTLD_DEEPBIND and lets it describe what it reaches.
#   host.py CONSUMER [DUPLICATE]: also tells whether this file is mapped
import ctypes
import os
import sys

x = 41

consumer = ctypes.CDLL(sys.argv[1], mode=os.RTLD_NOW | os.RTLD_DEEPBIND)
consumer.loader_describe.restype = ctypes.c_char_p
consumer.loader_describe.argtypes = [ctypes.c_void_p] * 3

if len(sys.argv) > 2:
    with open("/proc/self/maps") as maps:
        mapped = any(line.rstrip().endswith(sys.argv[2]) for line in maps)
    print("%-26s%s" % ("a second Python is mapped", "yes" if mapped else "no"))

add = ctypes.cast(ctypes.pythonapi.PyNumber_Add, ctypes.c_void_p)
print(consumer.loader_describe(id(None), id(int), add).decode(), end="")
