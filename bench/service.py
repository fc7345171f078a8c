# SPDX-License-Identifier: MIT
"""The service's half of the bench: how much is done, on which data, and in which order."""
import copy
import dataclasses
import os
import shutil
import subprocess
import sys
import time

import reads
import upkeep
import writes
from programs import Service
from world import read_into_memory

ROW_BYTES = 2500  # of disk for a row, while its indexes are built


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is done."""
    rounds: int = 5
    seconds: float = 1.5  # of one load
    rows: int = 100_000  # in the database that is read
    requests: int = 2000  # of one reader, at most
    calls: int = 1000  # of the library, in a round
    runs: int = 200_000  # that the library must bear without growing
    memory_seconds: float = 45
    buffer_bytes: int = 10_000_000
    connections: tuple = (1, 16, 64, 256)
    counts_instructions: bool = True  # which takes callgrind some time
    keeps_data: bool = False  # and writes into it too


class Bench:
    """What every measure needs: sizes, programs, files, and where to say what came out."""

    def __init__(self, size, options, work, report):
        self.size = size
        self.build = options.build
        self.data = options.data.resolve()
        self.work = work
        self.report = report

    def of_size(self, size):
        """The same for data of another size, in a directory of its own."""
        other = copy.copy(self)
        other.size, other.work = size, self.directory(f"of-{size.rows}")
        return other

    def program(self, name):
        return self.build / "bench" / f"bench_{name}"

    def path(self, name):
        return self.work / name

    def directory(self, name):
        self.path(name).mkdir(exist_ok=True)
        return self.path(name)

    def lines(self, name, lines):
        """Write a file of lines and return its path."""
        self.path(name).write_text("\n".join(lines) + "\n")
        return self.path(name)

    def filled(self):
        """A base directory whose database holds as many runs as it should."""
        if self.size.keeps_data:
            base = self.data / f"rows-{self.size.rows}"
            base.mkdir(exist_ok=True)
        else:
            base = self.directory("filled")
        with Service(self.build, base) as service:
            missing = self.size.rows - service.metrics()["total_runs"]
        free = shutil.disk_usage(base).free
        if missing > 0 and free < missing * ROW_BYTES:
            sys.exit(f"bench: {missing:,} rows need up to {missing * ROW_BYTES / 1e9:.1f} GB below "
                     f"{base}, and there are {free / 1e9:.1f} GB; set ROWS, or --data to another "
                     "directory")
        if missing > 0:
            say(f"filling {base} with {self.size.rows:,} rows")
            subprocess.run([self.program("generate"), service.database, str(self.size.rows)],
                           check=True)
            os.sync()  # or the first commits wait for all of it
        if self.size.keeps_data:
            say(f"reading {service.database}")
            read_into_memory(service.database)
        return base


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def measure(bench):
    """What only writes has a new database, unless it is the large one that counts."""
    base = bench.filled()
    new = base if bench.size.keeps_data else bench.directory("new")
    steps = [(writes.measure_posts, new), (writes.measure_batches, new),
             (writes.measure_updates, new), (writes.measure_founding, new),
             (reads.measure_get, base), (reads.measure_lists, base),
             (reads.measure_overviews, base), (reads.measure_tree, base),
             (reads.measure_reads_beside_writes, base), (upkeep.measure_adopting, new),
             (upkeep.measure_start, base), (upkeep.measure_memory, base),
             (upkeep.measure_counted, base)]
    if bench.size.keeps_data:
        steps.append((writes.measure_forgotten, base))
    for step, where in steps:
        began = time.monotonic()
        step(bench, where)
        say(f"{step.__module__}.{step.__name__}: {time.monotonic() - began:.0f} s")
