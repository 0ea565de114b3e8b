# SPDX-License-Identifier: MIT
# Imports the probe with the flags of dlopen that it is told, and says what in the probe
# was another copy's: `said`.
#   PROBE="FOLDER FLAG..."       of: lazy now local global deepbind
import os
import sys

flags = {"lazy": os.RTLD_LAZY, "now": os.RTLD_NOW, "local": os.RTLD_LOCAL, "global": os.RTLD_GLOBAL,
         "deepbind": os.RTLD_DEEPBIND}
folder, *names = os.environ["PROBE"].split()
sys.path.insert(0, folder)
sys.setdlopenflags(sum(flags[name] for name in names))
import probe

wrong = []


def check(what, right):
    if not right:
        wrong.append(what)
    print(what, right, flush=True)          # in case the next one crashes


def thrown():
    try:
        probe.throw()
    except ValueError as error:
        return str(error) == "on purpose"


check("type", probe.type_is(object))
check("none", probe.none() is None)
check("power", probe.power() == 2 ** 100)
check("exception", thrown())


class Derived(probe.Box):
    pass


check("instance", isinstance(Derived(), object) and Derived.__mro__ == (Derived, probe.Box, object))
with open("/proc/self/maps") as maps:
    copies = sum(" r-xp " in line and "/libpython" in line for line in maps)
said = f"{' '.join(wrong) or 'right'}; libpythons: {copies}"
if sys.argv[0]:
    print("said:", said, flush=True)
