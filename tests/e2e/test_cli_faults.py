# SPDX-License-Identifier: MIT
"""The n-th system call, or allocation, of the command fails, alone or with all that follow, for each n:
what it says it did is done, what it prints is true or it says why not, no record is lost, and it leaves
neither memory nor files that do not belong there.
"""
import collections
import json
import os
import re
import shutil
import uuid

import faults
import harness
import ledger
import trail

RUNS_MAX = 50  # that are looked at together
# Of a command that became another, or ended as it read its options, and so freed nothing.
FREED_NOTHING = re.compile(rb"the command runs, its end will not be recorded|"
                           rb": (Cannot allocate memory|\(null\)|out of memory\nTry .*)\n$")
LIBCRYPTO_LEAVES = 25  # blocks at most, when its own start fails
JOURNAL = "db/telemetry.sqlite-journal"
BELONGS = re.compile(r"raw/events_\d+\.ndjson|buffer/telemetry_[\w-]+\.jsonl\.(active|ready|synced)|"
                     r"db/telemetry\.sqlite(\.lock|\.trail|\.\w+-\w+\.replaced)?")


class FaultsTest(faults.TestCase, trail.TrailTestCase):
    def setUp(self):
        super().setUp()
        self.prepared = self.base / "prepared"
        self.temporary = self.base / "temporary"
        self.temporary.mkdir()
        self.base = self.base / "base"
        self.failing = None  # the call
        self.left = self.left_by_a_healthy_one = None  # blocks of memory
        self.runs = {}  # those that were not looked at yet: by agent, what was said of it

    def prepare(self, runs=3, buffered=0):
        """Files to start from: runs in the database, and some that only the buffer has."""
        self.base.mkdir()
        for _ in range(runs):
            self.record()
        self.assertEqual(self.telemetry("sync").returncode, 0)
        for _ in range(buffered):
            self.record()
        self.base.rename(self.prepared)
        self.restore()

    def restore(self):
        shutil.rmtree(self.base, ignore_errors=True)
        shutil.copytree(self.prepared, self.base)

    def command(self, *arguments):
        """Run it as it may fail; it ends by itself, with a reason if it did not do what it should."""
        before = self.faults.blocks
        result = self.telemetry(*arguments, settings={**self.faults.settings, "TMPDIR": self.temporary})
        self.faults.heal()
        self.left = self.faults.blocks - before
        self.assertGreaterEqual(result.returncode, 0, result.stderr)
        if result.returncode:
            self.assertTrue(result.stderr or arguments[0] == "run", arguments)
        if self.failing and not FREED_NOTHING.search(result.stderr):
            may_leave = LIBCRYPTO_LEAVES if self.failing == "malloc" else 0
            self.assertLessEqual(self.left, self.left_by_a_healthy_one + may_leave, result.stderr)
        if self.strays():
            if self.failing != "unlink":
                self.assertEqual(self.strays(), [JOURNAL])  # what could not be rolled back
            shutil.rmtree(self.temporary)
            self.temporary.mkdir()
            again = ("rebuild", "--force") if arguments[0] == "rebuild" else ("sync",)
            self.assertEqual(self.telemetry(*again).returncode, 0)
            self.assertEqual(self.strays(), [])
        return result

    def strays(self):
        """Files that do not belong there."""
        files = {str(path.relative_to(self.base)) for path in self.base.rglob("*") if path.is_file()}
        return [*filter(lambda name: not BELONGS.fullmatch(name), files), *self.temporary.iterdir(),
                *filter(self.database.samefile, self.database.parent.glob("*.replaced"))]

    # ---- What it does ----

    def run_one(self, *options):
        """The command runs as without us; only when there is no memory for its options, it may not."""
        agent = str(uuid.uuid4())
        result = self.command("run", *options, "--agent", agent, "--", "sh", "-c", "exit 7")
        if result.returncode != 125 or not result.stderr or not self.faults.is_short_of_memory:
            self.assertEqual(result.returncode, 7, result.stderr)
        self.runs[agent] = result.stderr
        if len(self.runs) == RUNS_MAX:
            self.look_at_runs()

    def look_at_runs(self):
        """Each is in the database once at most, and unless there was a complaint, its end is there or in
        the audit trail."""
        self.assertEqual(self.telemetry("sync").returncode, 0)
        stored, traced = collections.defaultdict(list), {}
        for row in trail.rows(self.database).values():
            stored[row["agent_name"]].append(row["status"])
        for line in map(json.loads, self.trail().read_text().splitlines()):
            traced[line.get("agent_name")] = line.get("status")
        for agent, complaint in self.runs.items():
            self.assertLessEqual(len(stored[agent]), 1)
            if not complaint:
                self.assertIn("failure", (*stored[agent], traced.get(agent)))
        self.runs = {}
        self.restore()

    def sync(self):
        self.restore()
        result = self.command("sync")
        if result.returncode:
            self.assertEqual(self.telemetry("sync").returncode, 0)
            self.assertEqual(self.telemetry("verify").returncode, 0)
        self.assertEqual(len(ledger.stored(self.database)), 5, result.stderr)

    def rebuild(self):
        self.restore()
        result = self.command("rebuild", "--force")
        self.assertEqual(trail.rows(self.database), self.rows)
        if result.returncode:
            self.assertEqual(self.telemetry("rebuild", "--force").returncode, 0)
            self.assertEqual(trail.rows(self.database), self.rows)

    def read(self, *arguments):
        result = self.command(*arguments)
        if result.returncode == 0 or arguments[0] == "verify" and result.returncode == 1:
            self.assertEqual(json.loads(result.stdout), self.wanted)

    # ---- What fails ----

    def at_each(self, live, call_stride, memory_stride, failures=faults.FAILURES):
        points = collections.Counter()
        self.failing = None
        live()
        self.left_by_a_healthy_one = self.left
        for call, number in failures:
            self.failing = call
            with self.subTest(call=call, error=os.strerror(number)):
                points[call] += self.at_each_point(
                    lambda *which, call=call, number=number:
                        self.faults.fail_calls(*which, number, call), call_stride, live)
        self.failing = "malloc"
        with self.subTest(call="malloc"):
            points["malloc"] = self.at_each_point(self.faults.fail_allocations, memory_stride, live)
        print(points.total(), "points:", dict(points))

    def test_run_runs_the_command_and_records_it_or_complains(self):
        self.prepare(runs=1)
        self.at_each(self.run_one, 5, 241, faults.FAILURES + faults.PROCESS_FAILURES)
        self.look_at_runs()

    def test_run_without_a_service_runs_the_command_and_records_it_or_complains(self):
        self.prepare(runs=1)
        self.at_each(lambda: self.run_one("--base", str(self.base)), 37, 1009)
        self.look_at_runs()

    def test_sync_delivers_or_complains(self):
        self.prepare(buffered=2)
        self.at_each(self.sync, 37, 1009)

    def test_rebuild_makes_a_whole_database_or_leaves_the_old_one(self):
        self.prepare()
        self.rows = trail.rows(self.database)
        self.at_each(self.rebuild, 37, 2003)

    def test_rebuild_that_has_no_memory_to_begin_with_says_so(self):
        """So little is allocated before a database is opened that each can fail."""
        self.base.mkdir()
        for number in range(1, 300):
            self.faults.fail_allocations(number, number)
            self.command("rebuild")

    def test_what_is_read_is_whole(self):
        self.prepare()
        for arguments in ("list", "--json"), ("show", "@last", "--json"), ("verify", "--json"):
            self.wanted = json.loads(self.telemetry(*arguments).stdout)
            self.at_each(lambda arguments=arguments: self.read(*arguments), 37, 2003)


if __name__ == "__main__":
    harness.main()
