# SPDX-License-Identifier: MIT
"""Calls of the built programs that fail, or kill them, where a test says so: tests/preload/faults.c.

A test takes some of the points where a call can fail, the same ones each time. With TELEMETRY_TEST_LONG it
takes all, but of many allocations some: TELEMETRY_TORTURE_SEED says which.
"""
import ctypes
import errno
import mmap
import os
import unittest

import harness
import native

LIBRARY = harness.BUILD_DIR / "tests" / "libfaults.so"
IS_LONG = bool(os.environ.get("TELEMETRY_TEST_LONG"))
SEED = int(os.environ.get("TELEMETRY_TORTURE_SEED") or 0)
COUNTS_LINES = bool(os.environ.get("TELEMETRY_COVERAGE"))
LONG_POINTS = 30  # in place of one of the short form
ALL = 2**62
KILL = -1  # in place of an errno

# What each call may fail with; in the short form, the first of it.
def _failures(errors):
    return [(call, number) for call, numbers in errors.items()
            for number in (numbers if IS_LONG else numbers[:1])]


FAILURES = _failures({
    "open": (errno.EMFILE, errno.EROFS, errno.ENOSPC, errno.EIO),
    "write": (errno.EIO, errno.ENOSPC, errno.EFBIG),
    "pwrite64": (errno.ENOSPC, errno.EIO, errno.EFBIG),
    "fsync": (errno.EIO, errno.ENOSPC),
    "fdatasync": (errno.EIO, errno.ENOSPC),
    "ftruncate": (errno.EIO, errno.EFBIG),
    "rename": (errno.EIO, errno.ENOSPC, errno.EROFS),
    "renameat2": (errno.EIO, errno.ENOSPC, errno.EROFS),
    "link": (errno.EIO, errno.ENOSPC, errno.EROFS),
    "unlink": (errno.EIO, errno.EROFS),
    "mkdir": (errno.EROFS, errno.ENOSPC),
})
# Those without which no program can be watched.
PROCESS_FAILURES = _failures({
    "pipe2": (errno.EMFILE, errno.ENFILE),
    "signalfd4": (errno.EMFILE, errno.ENOMEM),
    "fork": (errno.EAGAIN, errno.ENOMEM),
})


def points(stride, each_up_to=0):
    """Numbers of calls: each up to `each_up_to`, then every `stride`-th."""
    if IS_LONG:
        stride = max(1, stride // LONG_POINTS)
    point = 1 + SEED % stride
    while True:
        yield point
        point += 1 if point < each_up_to else stride


class _Shared(ctypes.Structure):
    """struct faults"""
    _fields_ = [(name, ctypes.c_long) for name in ("calls_made", "calls_from", "calls_to")]
    _fields_ += [("calls_error", ctypes.c_int), ("calls_only", ctypes.c_char * 12)]
    _fields_ += [(name, ctypes.c_long) for name in ("memory_made", "memory_from", "memory_to",
                                                    "blocks")]


class Faults:
    """What fails in the programs that are started with `settings`."""

    def __init__(self, path):
        path.write_bytes(bytes(mmap.PAGESIZE))
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        self._shared = _Shared.from_buffer(self._map)
        self.made = 0  # calls, or allocations, until it healed
        self.is_short_of_memory = False  # allocations fail, or failed last
        self.settings = {"LD_PRELOAD": f"{native.address_sanitizer()} {LIBRARY}", "FAULTS_FILE": path}

    def fail_calls(self, first, last, error, only=""):
        """The calls first..last, counted from now, fail with `error`; those named `only`, or all."""
        self.is_short_of_memory = False
        self._shared.calls_from = 0
        self._shared.calls_made = 0
        self._shared.calls_to = last
        self._shared.calls_error = error
        self._shared.calls_only = only.encode()
        self._shared.calls_from = first

    def fail_allocations(self, first, last):
        if COUNTS_LINES:
            raise unittest.SkipTest("what counts lines crashes without memory")
        if harness.SANITIZE:
            raise unittest.SkipTest("the sanitizers have an allocator of their own")
        self.is_short_of_memory = True
        self._shared.memory_from = 0
        self._shared.memory_made = 0
        self._shared.memory_to = last
        self._shared.memory_from = first

    def heal(self):
        """Nothing fails any more."""
        if self._shared.calls_from:
            self.made = self._shared.calls_made
        elif self._shared.memory_from:
            self.made = self._shared.memory_made
        self._shared.calls_from = 0
        self._shared.memory_from = 0

    @property
    def blocks(self):
        """Of memory, in use by the programs, those that have ended included: what these left."""
        return self._shared.blocks


@unittest.skipIf("thread" in harness.SANITIZE, "the thread sanitizer has calls of its own")
class TestCase(harness.TestCase):
    """A test with self.faults."""

    def setUp(self):
        super().setUp()
        self.faults = Faults(self.base / "faults")

    def at_each_point(self, fail, stride, live):
        """Let live() go on after fail(n, n), then after fail(n, ALL), for each n up to the number of calls
        it made. Returns how many points that were."""
        count = 0
        for all_that_follow in False, True:
            for point in points(stride):
                fail(point, ALL if all_that_follow else point)
                try:
                    live()
                except Exception as error:
                    raise AssertionError(f"from {point} on" if all_that_follow else
                                         f"at {point}") from error
                finally:
                    self.faults.heal()
                if self.faults.made < point:
                    break
                count += 1
        return count
