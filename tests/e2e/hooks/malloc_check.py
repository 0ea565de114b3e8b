# SPDX-License-Identifier: MIT
# Judges reports of hooks/malloc. Exact, or it says what differs.
#   malloc_check.py numbers FILE KEY=VALUE...   KEY: FUNCTION, FUNCTION.bytes, peak_bytes, live_blocks...
#       VALUE: a number, a key, a sum of such
#   malloc_check.py counts FOLDER [FUNCTION=DIFFERENCE...]
#       each process's hook.PID holds the calls that its count.PID holds, and both exist
#   malloc_check.py whole FILE    the places' sums are the functions' totals
import collections
import glob
import json
import sys


def load(path):
    with open(path) as file:
        lines = file.read().splitlines()
    assert len(lines) == 1, f"{path}: {len(lines)} reports, not one"
    return json.loads(lines[0])


def value(report, key):
    if key.isdigit():
        return int(key)
    if "+" in key:
        return sum(value(report, part) for part in key.split("+"))
    if key in report:
        return report[key]
    function, _, field = key.partition(".")
    return report["functions"][function][field or "calls"]


def numbers(path, *wanted):
    report = load(path)
    for item in wanted:
        key, _, wanted_value = item.partition("=")
        if value(report, key) != value(report, wanted_value):
            yield f"{key} is {value(report, key)}, not {value(report, wanted_value)}"


def counts(folder, *explained):
    differences = collections.Counter({k: int(v) for k, _, v in (item.partition("=") for item in explained)})
    hooks = {path.rsplit(".", 1)[1]: path for path in glob.glob(folder + "/hook.*")}
    judges = {path.rsplit(".", 1)[1]: path for path in glob.glob(folder + "/count.*")}
    if not hooks or hooks.keys() != judges.keys():
        yield f"reports of {sorted(hooks)}, counts of {sorted(judges)}"
        return
    total = 0
    for pid, path in hooks.items():
        report = load(path)["functions"]
        with open(judges[pid]) as file:
            judged = dict(line.split() for line in file)
        if report.keys() != judged.keys():
            yield f"{pid}: other functions: {report.keys() ^ judged.keys()}"
        for function, calls in judged.items():
            total += int(calls)
            if report[function]["calls"] - int(calls) != differences[function]:
                yield f"{pid}: {function}: {report[function]['calls']} calls reported, {calls} counted"
    print(f"{len(hooks)} processes, {total} calls agree")


def whole(path):
    report = load(path)
    sums = collections.defaultdict(lambda: [0, 0])
    for place in report["top"]:
        sums[place["function"]][0] += place["calls"]
        sums[place["function"]][1] += place["bytes"]
    for function, total in report["functions"].items():
        if function != "free" and [total["calls"], total["bytes"]] != sums[function]:
            yield f"{function}: {total} in all, {sums[function]} by place"
    held = [sum(place[key] for place in report["leaks"]) for key in ("live_blocks", "live_bytes")]
    if held != [report["live_blocks"], report["live_bytes"]]:
        yield f"held by place: {held}, in all: {report['live_blocks']}, {report['live_bytes']}"


if __name__ == "__main__":
    problems = list({"numbers": numbers, "counts": counts, "whole": whole}[sys.argv[1]](*sys.argv[2:]))
    for problem in problems:
        print(problem)
    sys.exit(bool(problems))
