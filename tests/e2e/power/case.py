# SPDX-License-Identifier: MIT
"""What the tests of power cuts share: tracing programs, looking at states, saying what was found."""
import contextlib
import copy
import functools
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile

import cli
import harness
from power import disk, replay, trace

SEED = int(os.environ.get("TELEMETRY_TORTURE_SEED") or random.randrange(2**32))
FACTOR = float(os.environ.get("TELEMETRY_TORTURE_POWER", "1"))  # so many times the states,
LENGTH = FACTOR**0.5  # of so many times as much that is done
BOOT_ID = pathlib.Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
SKIPPED = 77
FAILURES_SHOWN = 5
ONE_MORE = ("INSERT INTO agent_runs (event_id, run_id, agent_name, job_type, start_time)"
            " VALUES ('more', 'more', 'more', 'more', '2025-12-10T12:00:00Z')")


class PowerTestCase(cli.CliTestCase):
    """Programs are run traced, one after the other; then the power goes at every moment of them."""

    def setUp(self):
        super().setUp()
        self.traces = []
        self.known = {}  # databases, by their content: what the query finds
        self.scratch = self.directory()
        self.records = self.directory()
        self.start = None

    def directory(self):
        """A new directory, in memory if possible: it need not survive any power cut."""
        where = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        path = pathlib.Path(tempfile.mkdtemp(prefix="telemetry-power-", dir=where))
        self.addCleanup(shutil.rmtree, path, ignore_errors=True)
        return path

    # ---- What is done ----

    def under(self):
        """What to put before a command to have it traced. What is there by then is durable."""
        if not self.traces:
            self.start = disk.Disk(self.base)
        self.traces.append(self.records / f"trace.{len(self.traces)}")
        return trace.command(self.traces[-1])

    def run_traced(self, *command, **settings):
        result = subprocess.run([*self.under(), *command], env=self.environment(**settings),
                                capture_output=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)

    # ---- What is left ----

    def cut_power(self, tells, check, wanted, was_made=lambda call: True):
        """Check about `wanted` states that the power may leave, and return the replay. `was_made(call)`:
        leaves out calls, as if the programs had not made them."""
        for path in self.traces:  # the tracer may still be writing
            harness.wait_until(functools.partial(trace.is_whole, path), "the end of the trace")
        calls = filter(was_made, trace.read_all(self.traces))
        replayed = replay.Replay(copy.deepcopy(self.start), calls, tells, check, SEED)
        replayed.run(int(wanted * FACTOR))
        print(f"{len(replayed.seen)} states, {len(replayed.failures)} bad,"
              f" TELEMETRY_TORTURE_SEED={SEED}", flush=True)
        left = {str(path.relative_to(self.base)): path.read_bytes()
                for path in self.base.rglob("*") if path.is_file()}
        seen = replayed.disk.seen()
        self.assertEqual({path for path in seen.keys() | left.keys()
                          if seen.get(path) != left.get(path)}, set(), "what the trace lacks")
        return replayed

    def assert_survives(self, tells, check, wanted):
        replayed = self.cut_power(tells, check, wanted)
        if replayed.failures:
            kept = pathlib.Path(tempfile.mkdtemp(prefix="telemetry-power-failed-"))
            self.fill(kept, replayed.failures[0].state.files)
            self.fail("\n".join([*map(repr, replayed.failures[:FAILURES_SHOWN]),
                                 f"the first of {len(replayed.failures)} is in {kept}"]))
        return replayed

    @staticmethod
    def fill(directory, files):
        """Have these files in a directory, and no others, after another boot."""
        for path in directory.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        for name, content in files.items():
            path = directory / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_bytes(content.replace(BOOT_ID, b"0" * len(BOOT_ID)))
            path.chmod(0o600)

    def rows(self, state, query):
        """What the query finds in a state's database, which must be sound and take one more write. Many
        states have the same one, at once or when SQLite has recovered it: it is looked at once."""
        files = {path.removeprefix("db/"): content for path, content in state.files.items()
                 if path.startswith("db/telemetry.sqlite") and
                 path.endswith(("sqlite", "-journal", "-wal"))}
        before = hash(tuple(sorted(files.items())))
        if not files:
            return []
        if before not in self.known:
            self.fill(self.scratch, files)
            database = self.scratch / "telemetry.sqlite"
            recover(database)
            after = hash(tuple(sorted((path.name, path.read_bytes())
                                      for path in self.scratch.iterdir())))
            if after not in self.known:
                self.known[after] = look(database, query, one_more=True)
            self.known[before] = self.known[after]
        return self.known[before]


@contextlib.contextmanager
def opened(path):
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            yield connection
    except sqlite3.DatabaseError as error:
        raise replay.Problem(f"damaged: {error}") from error


def recover(path):
    """Have SQLite do its own recovery, by reading what needs no schema."""
    with opened(path) as connection:
        connection.execute("PRAGMA user_version").fetchone()


def look(path, query, one_more=False):
    """What a query finds in a database that must be sound; nothing in one that is still empty."""
    with opened(path) as connection:
        sound = connection.execute("PRAGMA integrity_check").fetchone()[0]
        if sound != "ok":
            raise replay.Problem(f"damaged: {sound}")
        if not connection.execute("SELECT 1 FROM sqlite_schema").fetchone():
            return []
        rows = connection.execute(query).fetchall()
        if one_more:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(ONE_MORE)
        return rows


def main():
    if not harness.can_trace():
        print("skipped: strace is not installed, may not trace, or meets a sanitizer")
        sys.exit(SKIPPED)
    harness.main()
