# SPDX-License-Identifier: MIT
"""What a program did to files and told to others, read from strace's output.

Threads run between the beginning and the end of each other's calls, so a call has both, as positions
in the trace: what it writes may be on the disk from its beginning, what it syncs is there at its end,
and what it opens was there by its end.
"""
import os
import re

CHANGING = ("open", "openat", "creat", "write", "pwrite64", "ftruncate", "unlink", "unlinkat",
            "rename", "renameat", "renameat2", "link", "linkat", "mkdir", "mkdirat", "mknod", "mknodat")
SYNCING = ("fsync", "fdatasync")
TELLING = ("recvfrom", "sendto", "sendmsg")
# Nothing of ours makes these; a trace with one of them in our directory cannot be replayed.
UNKNOWN = ("writev", "pwritev", "pwritev2", "truncate", "fallocate", "copy_file_range", "sendfile",
           "symlink", "symlinkat", "rmdir", "sync_file_range")
OPENING = ("open", "openat", "creat")
NAMING = ("unlink", "unlinkat", "rename", "renameat", "renameat2", "mkdir", "mkdirat", "mknod",
          "mknodat", "truncate", "link", "linkat", "symlink", "symlinkat", "rmdir")


def command(path):
    """What to put before a command that is to be traced into the file `path`."""
    calls = ",".join("?" + name for name in CHANGING + SYNCING + TELLING + UNKNOWN)
    return ["strace", "-D", "-f", "--seccomp-bpf", "-y", "-xx", "-s", "1000000",
            "-e", "trace=" + calls, "-e", "signal=none", "-o", str(path)]


class Call:
    """One system call that succeeded."""

    def __init__(self, name, arguments, result, opened, begin, end, opening):
        self.name = name
        self.arguments = arguments  # as strace writes them
        self.result = int(result)
        self.opened = _text(opened) if opened else None
        self.begin = begin
        self.end = end
        self.opening = opening  # the call that had opened its first argument, a descriptor
        self.strings = [_bytes(text) for text in re.findall(r'"([^"]*)"', arguments)]
        described = re.match(r"(?:-?\d+|AT_FDCWD)<([^>]*)>", arguments)
        self.path = _text(described.group(1)) if described else None  # of the first argument

    def __repr__(self):
        return f"{self.name}({self.path or self.strings[:1]}) at {self.begin}"

    @property
    def data(self):
        """The bytes that went through it."""
        return b"".join(self.strings)[:self.result]

    @property
    def last_number(self):
        return int(self.arguments.rsplit(",", 1)[1])

    @property
    def moment(self):
        """When it is taken as done: at its beginning, but what takes from others at its end. An open
        that makes no file may have begun before another thread has made it."""
        takes = self.name in SYNCING or self.name in OPENING and "O_CREAT" not in self.arguments
        return self.end if takes else self.begin

    def paths(self):
        """What it concerns: the absolute paths of files or directories."""
        if self.name in OPENING:
            return [self.opened]
        if self.name not in NAMING:
            return [self.path]
        directories = re.findall(r"(?:AT_FDCWD|\d+)<([^>]*)>, \"", self.arguments)
        names = [name.decode() for name in self.strings]
        return [os.path.join(_text(directory), name)
                for directory, name in zip(directories or [""] * len(names), names)]


def _bytes(text):
    return bytes.fromhex(text.replace("\\x", ""))


def _text(text):
    return _bytes(text).decode()


def is_whole(path):
    """Has the process that is traced into this file, and was there first, come to its end in it?"""
    lines = path.read_text(encoding="ascii").splitlines()
    return bool(lines) and lines[-1].endswith("+++") and lines[0].split()[0] == lines[-1].split()[0]


def read_all(paths):
    """The calls of some traces that succeeded, in the order of their beginnings."""
    calls = []
    for path in paths:
        calls += _read(path, at=max((call.end for call in calls), default=-1) + 1)
    return calls


def _read(path, at):
    unfinished = {}
    openings = {}  # by descriptor, which one thread may get while another's last use of it is not done
    calls = []
    with open(path, encoding="ascii") as lines:
        for position, line in enumerate(lines, at):
            pid, text = line.rstrip("\n").split(maxsplit=1)
            resumed = re.match(r"<\.\.\. \w+ resumed>", text)
            if resumed:
                begin, opening, beginning = unfinished.pop(pid)
                text = beginning + text[resumed.end():]
            else:
                begin = position
                descriptor = re.match(r"\w+\((\d+)<", text)
                opening = openings.get(int(descriptor.group(1))) if descriptor else None
            if text.endswith(" <unfinished ...>"):
                unfinished[pid] = (begin, opening, text.removesuffix(" <unfinished ...>"))
                continue
            whole = re.match(r"(\w+)\((.*)\) += (\d+)(?:<([^>]*)>)?", text)
            if whole:
                call = Call(*whole.groups(), begin, position, opening)
                calls.append(call)
                if call.name in OPENING:
                    openings[call.result] = call
    return sorted(calls, key=lambda call: call.begin)
