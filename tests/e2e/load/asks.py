# SPDX-License-Identifier: MIT
# Imports asks.so and has it ask in one way, or has ctypes ask; `said` is the answer.
#   ASKS="FOLDER HOW SONAME" ; HOW: soname noload default own run, ctypes, ctypes-run
import os
import sys

folder, how, soname = os.environ["ASKS"].split()
x = 41
asked = None
if how.startswith("ctypes"):
    import ctypes
    library = ctypes.PyDLL(soname)
    said = "host" if id(None) == ctypes.addressof(ctypes.c_char.in_dll(library, "_Py_NoneStruct")) else "other"
    if how == "ctypes-run":
        print("asking", flush=True)             # in case it crashes
        library.PyRun_SimpleString(b"asked = x + 1")
        said = "host" if asked == 42 else "other"
else:
    sys.path.insert(0, folder)
    import asks
    said = asks.ask(how, soname, None)
    if how == "run" and said == "host" and asked != 42:
        said = "other"
with open("/proc/self/maps") as maps:
    copies = sum(" r-xp " in line and "/libpython" in line for line in maps)
said += f"; libpythons: {copies}"
if sys.argv[0]:
    print("said:", said, flush=True)
