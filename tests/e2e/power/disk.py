# SPDX-License-Identifier: MIT
"""A disk and what a power cut may leave of it.

A file has the bytes of its last sync and, pending, what was done to it since; a directory has the
names of its last sync and, pending, what became of names since. A power cut keeps any part of what
is pending in files, also a part of one write, and of each directory the first so many changes of
names. That is all that POSIX promises. ext4 promises more: it keeps the order of all changes of names
of all directories. So its states are among these; they are chosen on purpose too.
"""
import collections
import itertools
import os

SECTOR = 512
Write = collections.namedtuple("Write", "begin end offset data")
Truncate = collections.namedtuple("Truncate", "begin end size")
Naming = collections.namedtuple("Naming", "begin end changes")  # [(name, node or None)], at once


def apply(content, change):
    """Do a write or truncation to a bytearray."""
    if isinstance(change, Truncate):
        del content[change.size:]
        content.extend(bytes(change.size - len(content)))
        return
    content.extend(bytes(max(0, change.offset - len(content))))
    content[change.offset:change.offset + len(change.data)] = change.data


class File:
    def __init__(self, content=b""):
        self.durable = content
        self.pending = []
        self.content = bytearray(content)  # as everybody sees it
        self.digests = {}  # of what was asked for since the last sync

    def change(self, change):
        self.pending.append(change)
        apply(self.content, change)

    def sync(self, before):
        self.digests.clear()
        kept = bytearray(self.durable)
        for change in self.pending:
            if change.end < before:
                apply(kept, change)
        self.durable = bytes(kept)
        self.pending = [change for change in self.pending if change.end >= before]

    def with_kept(self, changes):
        content = bytearray(self.durable)
        for change in changes:
            apply(content, change)
        return bytes(content)

    def digest_with_kept(self, changes):
        """A number for what with_kept() returns, found fast the second time."""
        changes = tuple(changes)
        if changes not in self.digests:
            self.digests[changes] = hash(self.with_kept(changes))
        return self.digests[changes]


class Directory:
    def __init__(self):
        self.durable = {}
        self.pending = []
        self.content = {}

    def change(self, naming):
        self.pending.append(naming)
        self._apply(self.content, naming)

    @staticmethod
    def _apply(names, naming):
        for name, node in naming.changes:
            if node is None:
                names.pop(name, None)
            else:
                names[name] = node

    def sync(self, before):
        for naming in self.pending:
            if naming.end < before:
                self._apply(self.durable, naming)
        self.pending = [naming for naming in self.pending if naming.end >= before]

    def with_first(self, count):
        names = dict(self.durable)
        for naming in self.pending[:count]:
            self._apply(names, naming)
        return names


class Disk:
    """What is below one directory, which is durable with all that it holds at first."""

    def __init__(self, root):
        self.root = os.path.realpath(root)
        self.top = self._load(self.root)
        self.opened = {}  # by the call that opened it: a file or directory
        self.positions = {}  # by the same: where the next write goes, None: to the end

    def _load(self, path):
        if not os.path.isdir(path):
            with open(path, "rb") as file:
                return File(file.read())
        directory = Directory()
        for name in os.listdir(path):
            directory.content[name] = self._load(os.path.join(path, name))
        directory.durable = dict(directory.content)
        return directory

    # ---- What a program does to it ----

    def holds(self, path):
        return path == self.root or path.startswith(self.root + "/")

    def node(self, path):
        """The file or directory that has this name now."""
        node = self.top
        for name in os.path.relpath(path, self.root).split("/"):
            if name != ".":
                node = node.content[name]
        return node

    def concerns(self, call):
        """Does the call touch what is below the root?"""
        return any(path and self.holds(path) for path in call.paths())

    def do(self, call):
        """Do what a call did at its beginning."""
        getattr(self, "_" + call.name)(call)

    def sync(self, call):
        """Do what a sync has done at its end: it covers what had ended when it began."""
        self.opened[call.opening].sync(before=call.begin)

    def _name(self, call, *changes):
        """Change names in one directory: (path, node or None) each."""
        directories = {os.path.dirname(path) for path, _ in changes}
        assert len(directories) == 1, f"from directory to directory: {call}"
        named = [(os.path.basename(path), node) for path, node in changes]
        self.node(directories.pop()).change(Naming(call.begin, call.end, named))

    def _openat(self, call):
        path = call.opened
        self.positions[call] = None if "O_APPEND" in call.arguments else 0
        if "O_CREAT" in call.arguments and \
                os.path.basename(path) not in self.node(os.path.dirname(path)).content:
            self._name(call, (path, File()))
        elif "O_TRUNC" in call.arguments:
            self.node(path).change(Truncate(call.begin, call.end, 0))
        self.opened[call] = self.node(path)

    _open = _creat = _openat

    def _write(self, call):
        file = self.opened[call.opening]
        position = self.positions[call.opening]
        at = len(file.content) if position is None else position
        if position is not None:
            self.positions[call.opening] += call.result
        file.change(Write(call.begin, call.end, at, call.data))

    def _pwrite64(self, call):
        self.opened[call.opening].change(Write(call.begin, call.end, call.last_number, call.data))

    def _ftruncate(self, call):
        self.opened[call.opening].change(Truncate(call.begin, call.end, call.last_number))

    def _unlink(self, call):
        self._name(call, (call.paths()[0], None))

    _unlinkat = _unlink

    def _rename(self, call):
        old, new = call.paths()
        self._name(call, (old, None), (new, self.node(old)))

    _renameat = _renameat2 = _rename

    def _link(self, call):
        old, new = call.paths()
        self._name(call, (new, self.node(old)))

    _linkat = _link

    def _mkdir(self, call):
        self._name(call, (call.paths()[0], Directory()))

    _mkdirat = _mkdir

    def _mknod(self, call):
        self._name(call, (call.paths()[0], File()))

    _mknodat = _mknod

    def seen(self):
        """All files as everybody sees them: {path below the root: bytes}."""
        files = self._tree(self.top, "", lambda directory: directory.content)
        return {path: bytes(file.content) for path, file in files.items()}

    # ---- What a power cut leaves of it ----

    def _tree(self, directory, prefix, names_of):
        files = {}
        for name, node in names_of(directory).items():
            if isinstance(node, Directory):
                files.update(self._tree(node, prefix + name + "/", names_of))
            else:
                files[prefix + name] = node
        return files

    def _directories(self, directory):
        yield directory
        for names in (directory.durable, *(dict(n.changes) for n in directory.pending)):
            for node in names.values():
                if isinstance(node, Directory):
                    yield from self._directories(node)

    def name_choices(self):
        """Which changes of names are kept: [{directory: how many}], all and none first."""
        pending = {d: len(d.pending) for d in self._directories(self.top) if d.pending}
        none = dict.fromkeys(pending, 0)
        choices = [pending, none]
        for directory, count in pending.items():
            for kept in range(count + 1):
                choices += [{**pending, directory: kept}, {**none, directory: kept}]
        in_order = sorted(naming.begin for directory in pending for naming in directory.pending)
        choices += [{d: sum(n.begin <= last for n in d.pending) for d in pending}
                    for last in in_order]
        return [dict(choice) for choice in dict.fromkeys(tuple(c.items()) for c in choices)]

    def random_names(self, rng):
        return {d: rng.randint(0, len(d.pending)) for d in self._directories(self.top)}

    def files_after(self, names):
        """The files there are when these changes of names are kept: {path below the root: File}."""
        return self._tree(self.top, "", lambda d: d.with_first(names.get(d, 0)))


def pending_in(files):
    """What is pending in some files: [(file, change)] in the order in which it was done."""
    return sorted(((file, change) for file in set(files.values()) for change in file.pending),
                  key=lambda pair: pair[1].begin)


def parts(write, durable_size):
    """What a power cut may leave of one write: its first sector, its half, room without the data."""
    for size in (SECTOR, len(write.data) // 2):
        if size < len(write.data):
            yield write._replace(data=write.data[:size])
    if write.offset >= durable_size:
        yield write._replace(data=bytes(len(write.data)))


def data_choices(files):
    """Which changes of files are kept: all, none, the first ones, all but one, one, one in part."""
    pending = pending_in(files)
    yield pending
    yield []
    for i, (file, change) in enumerate(pending):
        yield pending[:i]
        yield pending[:i] + pending[i + 1:]
        yield [pending[i]]
        if isinstance(change, Write):
            for part in parts(change, len(file.durable)):
                yield pending[:i] + [(file, part)]


def random_data(files, rng):
    """Any of the changes, the last one perhaps in part."""
    share = rng.random()
    kept = [pair for pair in pending_in(files) if rng.random() < share]
    if kept and isinstance(kept[-1][1], Write) and rng.random() < 0.3:
        file, write = kept.pop()
        kept.append((file, write._replace(data=write.data[:rng.randrange(len(write.data))])))
    return kept


def choices(disk, rng):
    """What a power cut may leave, as ({path: file}, [(file, change that is kept)]): with all changes
    and with none, then the other choices above in any order, then random ones without end."""
    systematic = []
    for i, names in enumerate(disk.name_choices()):
        files = disk.files_after(names)
        of_data = data_choices(files)
        systematic += [(files, kept)
                       for kept in (of_data if i < 2 else itertools.islice(of_data, 2))]
    others = systematic[2:]
    rng.shuffle(others)
    yield from systematic[:2] + others
    while True:
        files = disk.files_after(disk.random_names(rng))
        yield files, random_data(files, rng)
