# SPDX-License-Identifier: MIT
# The host: Python, with the consumer opened RTLD_DEEPBIND and four threads of
# it at work. Obeys standard input, a line each:
#   watch SECONDS   tells which answers the threads got meanwhile, and x + 1
#   stop            ends the threads and the program
import ctypes
import os
import sys
import time

x = 41

# Not by ctypes.CDLL, which always adds RTLD_NOW.
dlopen = ctypes.CDLL(None).dlopen
dlopen.restype = ctypes.c_void_p
handle = dlopen(sys.argv[1].encode(), os.RTLD_LAZY | os.RTLD_DEEPBIND)
if not handle:
    sys.exit("cannot open " + sys.argv[1])
consumer = ctypes.CDLL(sys.argv[1], handle=handle)


def counts():
    no, yes = ctypes.c_ulong(), ctypes.c_ulong()
    consumer.hammer_count(ctypes.byref(no), ctypes.byref(yes))
    return no.value, yes.value


def evaluate():
    value = ctypes.c_long()
    if consumer.loader_eval(b"x + 1", ctypes.byref(value)) == 1:
        return "interpreter not initialised"
    return value.value


def watch(seconds):
    # A call that was under way when the slots were written answers late.
    time.sleep(0.1)
    before = counts()
    time.sleep(seconds)
    no, yes = (now - then for now, then in zip(counts(), before))
    print("%d no, %d yes" % (no, yes), file=sys.stderr)
    answers = [word for word, times in (("no", no), ("yes", yes)) if times]
    print("is it initialised?        %s" % (" and ".join(answers) or "no answers"))
    print("x + 1 in __main__         %s" % evaluate())
    print(flush=True)


if consumer.hammer_start():
    sys.exit("no threads")
for line in sys.stdin:
    if line.startswith("watch"):
        watch(float(line.split()[1]))
    else:
        break
consumer.hammer_stop()
