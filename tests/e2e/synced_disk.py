# SPDX-License-Identifier: MIT
"""Power cuts: of a directory, what may be left of it when only what was synced has to be.

Programs that run with settings() tell what they sync (preload/synced_disk.c). What they did not sync may be there,
as a whole or in part, or not: which of it, chance decides for each file, and for the names of each
directory. Files are told apart by their inodes' numbers, so it has to be on a disk that does not use one
twice, as /dev/shm.
"""
import contextlib
import fcntl
import os
import pathlib
import shutil

import harness
import native

LIBRARY = harness.BUILD_DIR / "tests" / "libsynced_disk.so"


class Disk:
    """A directory, and what of it is durable."""

    def __init__(self, base):
        self.base = base
        self.durable = base.with_name(base.name + ".durable")
        self.durable.mkdir()

    def settings(self):
        """Environment variables of a program whose syncs count."""
        settings = native.settings()
        preload = f"{settings.pop('LD_PRELOAD', '')} {LIBRARY}".strip()
        return {**settings, "LD_PRELOAD": preload, "DURABLE_DIR": self.durable}

    @contextlib.contextmanager
    def quiet(self):
        """While nobody is in the middle of saying what was synced."""
        with open(self.durable / "lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    # ---- What is kept ----------------------------------------------------------------------------

    def write_back(self):
        """As the kernel does by itself from time to time: all is durable now that stays for a while."""
        with self.quiet():
            for directory, _, files in os.walk(self.base):
                self._note(pathlib.Path(directory))
                for file in files:
                    path = pathlib.Path(directory) / file
                    with contextlib.suppress(FileNotFoundError):
                        shutil.copy2(path, self.durable / str(path.stat().st_ino))

    def _note(self, directory):
        text = "".join(f"{inode} {name}\n" for name, inode in self._names(directory).items())
        (self.durable / f"{directory.stat().st_ino}.names").write_text(text, encoding="utf-8")

    @staticmethod
    def _names(directory):
        return {entry.name: entry.inode() for entry in os.scandir(directory)}

    def _durable_names(self, inode):
        try:
            text = (self.durable / f"{inode}.names").read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        return {name: int(number) for number, name in
                (line.split(" ", 1) for line in text.splitlines())}

    # ---- What is left ----------------------------------------------------------------------------

    def cut(self, random):
        """The power is cut; nothing may be running that has the directory open."""
        left = self.base.with_name(self.base.name + ".left")
        paths = {path.stat().st_ino: path for path in [self.base, *self.base.rglob("*")]}
        self._leave_directory(self.base.stat().st_ino, paths, left, random)
        shutil.rmtree(self.base)
        left.rename(self.base)
        shutil.rmtree(self.durable)
        self.durable.mkdir()
        self.write_back()

    def _leave_directory(self, inode, paths, target, random):
        target.mkdir(mode=0o700)
        names = self._durable_names(inode)
        if inode in paths and random.random() < 0.3:
            names = self._names(paths[inode])
        for name, number in names.items():
            path = paths.get(number)
            if path and path.is_dir():
                self._leave_directory(number, paths, target / name, random)
            elif not path or path.is_file():
                self._leave_file(number, path, target / name, random)

    def _leave_file(self, inode, path, target, random):
        def read(path):
            return path.read_bytes() if path and path.exists() else b""
        kept = read(self.durable / str(inode))
        written = read(path)
        if path and random.random() < 0.3:
            kept = written
        elif written.startswith(kept) and random.random() < 0.5:
            kept = written[:random.randint(len(kept), len(written))]
        target.touch(mode=0o600)
        target.write_bytes(kept)
