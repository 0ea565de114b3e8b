# SPDX-License-Identifier: MIT
# What a Python inside a plugin is asked: extension modules, which name Python's symbols
# and nothing that defines them, and how many copies of Python are mapped. `said` is
# the answer, in one line.
import os


def modules():
    try:
        import _ctypes, ctypes, decimal, ssl
    except ImportError as error:
        return f"ImportError: {str(error).replace(os.linesep, ' ')}"
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    numbers = (ctypes.c_int * 3)(3, 1, 2)
    libc = ctypes.CDLL(None)
    libc.qsort(numbers, 3, 4, compare(lambda a, b: a[0] - b[0]))
    none = ctypes.py_object(None).value is None and _ctypes.sizeof(ctypes.c_int) == 4
    return (f"{ssl.OPENSSL_VERSION.split()[0]} {ssl.create_default_context().check_hostname} {list(numbers)} "
            f"{libc.getpid() == os.getpid()} {none} {decimal.Decimal(1) / 8}")


said = modules()
with open("/proc/self/maps") as maps:
    code = [line.split(None, 5)[5].strip() for line in maps if " r-xp " in line and "libpython" in line]
said += f"; libpythons: {sum(not path.startswith('/memfd:') for path in code)}"
