#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Compares what the hook library io reported with what strace saw of the same run:
#   io_compare.py STRACE REPORT...      (strace -f -k -yy -s 0, reports of io:json)
# Invariant: no tolerance. Per process, and since its last exec: every file's opens,
# failed opens by errno, reads, writes, maps and their bytes, and every peer's
# connections, sends, receives and bytes are equal.
#
# Of the system calls, those count that the program made through a function of libc: the
# innermost frame is libc's, and the next one is not. That leaves out, and nothing else:
#   - ld.so's own calls (its frames are its own), and those of a vdso or of no libc;
#   - calls inside libc's other functions (getpwnam's, stdio's reads and writes, the
#     files of locales and of time zones): more than one frame is libc's. But fopen,
#     opendir and mkstemp open for the program, and count;
#   - what graft itself does: calls by libgraft-preload.so, and syscall(), by which
#     alone the hook library asks the kernel.
# A descriptor's name is the kernel's (-yy); io's is the path as it was opened. Both are
# resolved here (realpath), because the kernel's is.
import collections, json, os, re, sys

LIBC = "libc.so.6"
READS = {"read", "pread64", "readv", "preadv", "preadv2", "recvfrom", "recvmsg"}
WRITES = {"write", "pwrite64", "writev", "pwritev", "pwritev2", "sendto", "sendmsg"}
BOTH = {"sendfile": (1, 0), "copy_file_range": (0, 2), "splice": (0, 2)}    # from, to
OPENERS = re.compile(r"opendir|__opendir|mkstemp|mkostemp|__gen_tempfd|try_tempname")
COUNTS = ("opens", "maps", "mapped_bytes", "connected", "accepted", "reads", "read_bytes", "writes", "written_bytes")


unix_peers = {}     # whom a socket, by its inode, was connected to: -yy tells its own name only


def calls(path):
    """(tid, text, [(object, function)]) of each completed call, in order."""
    pending, last = {}, None
    for line in open(path, errors="surrogateescape"):
        line = line.rstrip("\n")
        if line.startswith(" > "):
            frame = re.match(r" > (\S*?)\(([^)+]*)", line)
            last[2].append((os.path.basename(frame[1]), frame[2]) if frame else ("?", "?"))
            continue
        match = re.match(r"(\d+) +(.*)", line)
        if last:
            yield last
        last = None
        if not match:
            continue
        tid, text = int(match[1]), match[2]
        if text.endswith("<unfinished ...>"):
            pending[tid] = text[:-len("<unfinished ...>")]
            continue
        resumed = re.match(r"<\.\.\. \S+ resumed>(.*)", text)
        if resumed:
            text = pending.pop(tid, "") + resumed[1]
        last = (tid, text, [])
    if last:
        yield last


def split(text):
    """Name, arguments and result of a call; commas in strings and brackets do not part."""
    name, _, rest = text.partition("(")
    arguments, depth, start, quoted, at = [], 0, 0, False, 0
    while at < len(rest):
        c = rest[at]
        if quoted:
            at += c == "\\"
            quoted = c != '"'
        elif c == '"':
            quoted = True
        elif c in "([{<":
            depth += not (c == "<" and rest[at + 1:at + 2] == "<")
        elif c == ">" and rest[at - 1] in "-=":
            pass
        elif c in ")]}>":
            if depth == 0:
                break
            depth -= 1
        elif c == "," and depth == 0:
            arguments.append(rest[start:at].strip())
            start = at + 1
        at += 1
    arguments.append(rest[start:at].strip())
    result = re.match(r"\) += (.*)", rest[at:])
    return name, arguments, result[1] if result else ""


def number(result):
    match = re.match(r"-?(?:0x[0-9a-f]+|\d+)", result)
    return int(match[0], 0) if match else -1


def text_of(quoted):
    match = re.match(r'"((?:[^"\\]|\\.)*)"', quoted)
    return match[1].encode().decode("unicode_escape").encode("latin-1").decode("utf-8", "surrogateescape") if match else ""


def file(path, pid):
    path = re.sub(r"^/proc/self/", f"/proc/{pid}/", path)
    if path.endswith("/(unnamed)") or re.search(r"/#\d+$", path):
        path = os.path.dirname(path) + "/(unnamed)"
    return "file " + os.path.realpath(path)


def address(text):
    for family, pattern in (("v4", r'sin_port=htons\((\d+)\), sin_addr=inet_addr\("([^"]*)"\)'),
                            ("v6", r'sin6_port=htons\((\d+)\).*inet_pton\(AF_INET6, "([^"]*)"')):
        match = re.search(pattern, text)
        if match:
            return "peer " + (f"{match[2]}:{match[1]}" if family == "v4" else f"[{match[2]}]:{match[1]}")
    match = re.search(r'sun_path=(@?)"([^"]*)"', text)
    return f"peer unix:{match[1]}{match[2]}" if match else None


def descriptor(argument, pid):
    """The name of 3</path> or 3<TCP:[a->b]>: None for what is neither file nor peer."""
    match = re.match(r"\d+<(.*)>(?:\(deleted\))?$", argument, re.S)
    if not match:
        return None
    inside = re.sub(r"<[^<]*>$", "", match[1])                       # of devices: </dev/null<char 1:3>>
    if inside.startswith("/"):
        return file(inside, pid)
    peer = re.match(r"(?:TCP|UDP|TCPv6|UDPv6):\[.*->(.*)\]$", inside)
    if peer:
        return "peer " + peer[1]
    own = re.match(r'UNIX[^:]*:\[(\d+)(?:->\d+(?:,"([^"]*)")?)?\]$', inside)
    if own and own[1] in unix_peers:
        return unix_peers[own[1]]
    return "peer unix:" + own[2] if own and own[2] else None


def is_visible(name, frames):
    inside = 0
    while inside < len(frames) and frames[inside][0] == LIBC:
        inside += 1
    if inside == 0 or inside == len(frames) or frames[0][1] == "syscall" or frames[inside][0] == "libgraft-preload.so":
        return False
    if inside == 1 or frames[inside - 1][1].endswith("_chk"):
        return True
    if name in ("openat", "open"):
        return frames[inside - 2][1] in ("_IO_file_fopen", "_IO_new_file_fopen") or bool(OPENERS.match(frames[inside - 1][1]))
    return False


class Process:
    def __init__(self, pid):
        self.pid = pid
        self.rows = collections.defaultdict(collections.Counter)

    def opened(self, name, arguments, result):
        at, path = (arguments[0], arguments[1]) if name == "openat" else ("AT_FDCWD", arguments[0])
        if number(result) >= 0:
            self.rows[file(re.search(r"<(.*?)(?:<char [\d:]+>)?>(?:\(deleted\))?$", result)[1], self.pid)]["opens"] += 1
            return
        directory = re.search(r"<(.*)>$", at)
        path = os.path.join(directory[1] if directory else "/", text_of(path))
        self.rows[file(path, self.pid)]["failed " + result.split()[1]] += 1

    def moved(self, where, kind, size):
        if where and size >= 0:
            self.rows[where][kind + "s"] += 1
            self.rows[where]["written_bytes" if kind == "write" else "read_bytes"] += size

    def add(self, name, arguments, result):
        size = number(result)
        if name in ("open", "openat", "creat"):
            self.opened(name, arguments, result)
        elif name in READS | WRITES:
            told = address(text_of_address(name, arguments))
            self.moved(told or descriptor(arguments[0], self.pid), "read" if name in READS else "write", size)
        elif name in BOTH:
            source, target = BOTH[name]
            self.moved(descriptor(arguments[source], self.pid), "read", size)
            self.moved(descriptor(arguments[target], self.pid), "write", size)
        elif name == "connect" and (size == 0 or "EINPROGRESS" in result):
            self.rows[address(arguments[1])]["connected"] += 1
            unix = re.match(r"\d+<UNIX[^:]*:\[(\d+)", arguments[0])
            if unix:
                unix_peers[unix[1]] = address(arguments[1])
        elif name == "connect" and address(arguments[1]):
            self.rows[address(arguments[1])]["failed " + result.split()[1]] += 1
        elif name in ("accept", "accept4") and size >= 0:
            self.rows[descriptor(re.match(r"(\d+<.*>)", result)[1], self.pid) or descriptor_own(result)]["accepted"] += 1
        elif name == "mmap" and "MAP_ANONYMOUS" not in arguments[3] and "MAP_FAILED" not in result and size != -1:
            where = descriptor(arguments[4], self.pid)
            if where:
                self.rows[where]["maps"] += 1
                self.rows[where]["mapped_bytes"] += number(arguments[1])


def descriptor_own(result):
    """A client without a name is known by our own side of the connection."""
    own = re.search(r'UNIX[^:]*:\[\d+(?:->\d+)?,"([^"]*)"\]', result)
    return "peer unix:" + own[1] if own else "peer ?"


def text_of_address(name, arguments):
    return arguments[4] if name in ("sendto", "recvfrom") and len(arguments) > 4 else \
        (re.search(r"msg_name=\{[^}]*\}", arguments[1]) or [""])[0] if name in ("sendmsg", "recvmsg") else ""


def traced(path):
    """{pid: Process} since each one's last exec."""
    group, processes = {}, {}
    for tid, text, frames in calls(path):
        name, arguments, result = split(text)
        pid = group.setdefault(tid, tid)
        if name in ("clone", "clone3") and number(result) > 0:
            group[number(result)] = pid if "CLONE_THREAD" in text else number(result)
        elif name == "execve" and number(result) == 0:
            group[tid] = tid
            processes[tid] = Process(tid)
        elif is_visible(name, frames):
            processes.setdefault(pid, Process(pid)).add(name, arguments, result)
    return processes


def reported(paths):
    processes = {}
    for path in paths:
        for line in open(path, errors="surrogateescape"):
            report = json.loads(line)
            rows = collections.defaultdict(collections.Counter)
            for table in ("files", "peers"):
                for row in report[table]:
                    name = file(row["name"], report["pid"]) if table == "files" else "peer " + row["name"]
                    for key in COUNTS:
                        rows[name][key] += row.get(key, 0)
                    for error, count in row["failed"].items():
                        rows[name]["failed " + error] += count
            processes[report["pid"]] = rows
    return processes


def main():
    seen, told = traced(sys.argv[1]), reported(sys.argv[2:])
    wrong, names, total = 0, 0, collections.Counter()
    for pid, rows in told.items():
        kernel = {name: +counts for name, counts in seen[pid].rows.items() if name and +counts}
        ours = {name: +counts for name, counts in rows.items() if +counts}
        for name in sorted(kernel.keys() | ours.keys()):
            names += 1
            total.update(ours.get(name, {}))
            if kernel.get(name) != ours.get(name):
                wrong += 1
                print(f"{pid} {name}: strace {dict(kernel.get(name, {}))}, io {dict(ours.get(name, {}))}")
    print(f"{len(told)} processes, {names} files and peers, {wrong} differ;",
          ", ".join(f"{total[key]} {key}" for key in COUNTS if total[key]))
    sys.exit(1 if wrong or not names else 0)


main()
