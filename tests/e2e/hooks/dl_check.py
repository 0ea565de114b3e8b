# SPDX-License-Identifier: MIT
# Judges hooks/dl by the loader's own word: LD_DEBUG=files names every object whose
# constructors run after the program itself started.
#   dl_check.py loaded REPORT DEBUG      REPORT: json,objects; DEBUG: LD_DEBUG_OUTPUT of a plain run
#   dl_check.py opens REPORT PATH...     the successful opens, in order of their ends, by last part
import json
import os
import re
import sys


def events(path):
    with open(path) as file:
        return [json.loads(line) for line in file]


def loaded(report, debug):
    with open(debug) as file:
        after = file.read().partition("transferring control: ")[2]
    wanted = re.findall(r"calling init: (\S+)", after)
    told = [name for event in events(report) for name in event.get("objects", [])]
    if sorted(wanted) != sorted(told):
        yield f"the loader says {sorted(wanted)}, the report {sorted(told)}"
    if not wanted:
        yield "the loader loaded nothing: this shows nothing"
    for event in events(report):
        if event["call"] in ("dlopen", "dlmopen") and event["new"] != len(event["objects"]):
            yield f"{event['path']}: {event['new']} new, named are {event['objects']}"
    print(f"{len(told)} objects agree")


def opens(report, *wanted):
    told = [os.path.basename(event["path"]) for event in events(report) if event["call"] == "dlopen" and event["path"]]
    if told != list(wanted):
        yield f"opened were {told}, not {list(wanted)}"


if __name__ == "__main__":
    problems = list({"loaded": loaded, "opens": opens}[sys.argv[1]](*sys.argv[2:]))
    for problem in problems:
        print(problem)
    sys.exit(bool(problems))
