# SPDX-License-Identifier: MIT
"""The service is killed before each system call that changes something: in the course of ten commits, while
it starts, and while it recovers. What it had answered is there after the next start, once, and the database is
sound; what it had to recover is there as if nobody had killed it.
"""
import json
import os
import shutil
import unittest

import faults
import harness
import ledger
import trail
from harness import a_run

OLD = 1765360800  # the tenth of December 2025


def path(base):
    return base / "db" / "telemetry.sqlite"


def trail_state(base):
    """The file that says from which day on the audit trail is not accounted for, or "all"."""
    return base / "db" / "telemetry.sqlite.trail"


@unittest.skipIf(harness.SANITIZE, "the sanitizers learn nothing from who is killed")
class KilledTest(faults.TestCase):
    def setUp(self):
        super().setUp()
        self.ledger = ledger.Ledger()

    def kill_before(self, call, only=""):
        self.faults.fail_calls(call, faults.ALL, faults.KILL, only)

    # ---- In the course of ten commits ----

    def kill_in_the_course_of_ten_commits(self, stride, **settings):
        """Kill it before every `stride`-th call. Returns how often it was killed."""
        service = self.start_service(**self.faults.settings, **settings)
        for kills, point in enumerate(faults.points(stride)):
            self.kill_before(point)
            if all(self.ledger.write(service, write) for write in ledger.ten_writes()):
                break
            self.assertEqual(service.wait(), -9)
            self.faults.heal()
            service = self.start_service(**self.faults.settings, **settings)
            self.ledger.assert_kept(self.database)
            self.ledger.write_again(service)
        self.faults.heal()
        self.assertEqual(service.stop(), 0)
        self.ledger.assert_kept(self.database)
        print(f"{kills} kills, {len(self.ledger.acknowledged)} acknowledged runs")
        return kills

    def test_in_the_course_of_ten_commits(self):
        self.assertGreater(self.kill_in_the_course_of_ten_commits(stride=2), 100)

    def test_in_the_course_of_ten_commits_to_a_write_ahead_log(self):
        kills = self.kill_in_the_course_of_ten_commits(stride=8, TELEMETRY_DB_JOURNAL_MODE="WAL")
        self.assertGreater(kills, 20)

    # ---- From start to end ----

    def leave_much_to_do(self, base):
        """Leave a commit half done, a run that only the audit trail has, and a buffer."""
        service = self.start_service(base=base, **self.faults.settings)
        self.kill_before(faults.ALL, "pwrite64")
        self.assertEqual(self.ledger.write(service, ledger.ten_writes()[0]).status_code, 201)
        self.faults.heal()
        self.kill_before(self.faults.made, "pwrite64")
        self.assertIsNone(self.ledger.write(service, ledger.ten_writes()[0]))
        self.assertEqual(service.wait(), -9)
        self.faults.heal()
        self.assertTrue((base / "db" / "telemetry.sqlite-journal").stat().st_size)
        state = trail_state(base)
        state.write_text("all" + state.read_text()[8:])  # as before its first round
        runs = [a_run(record_type="run", status="success") for _ in range(3)]
        for name, lines in (("raw/events_20251210.ndjson", runs[:1]),
                            ("buffer/telemetry_20251210_120000.jsonl.ready", runs[1:])):
            file = base / name
            file.parent.mkdir(mode=0o700, exist_ok=True)
            file.write_text("".join(json.dumps(line) + "\n" for line in lines))
            file.chmod(0o600)
            os.utime(file, (OLD, OLD))
        self.ledger.acknowledged.update({run["event_id"]: run["status"] for run in runs})

    def live(self, base):
        """A service starts, does what there is to do, and ends; returns its exit status."""
        service = self.start_service(base=base, start=False, **self.faults.settings)
        harness.wait_until(
            lambda: service.process.poll() is not None
            or (service.url and any(base.glob("buffer/*.synced"))
                and trail_state(base).read_text()[:8].isdigit()),
            "the service to do what there is to do")
        return service.stop()

    def test_from_start_to_end_with_much_to_do(self):
        left, base = self.base / "left", self.base / "copy"
        left.mkdir()
        self.leave_much_to_do(left)
        for kills, point in enumerate(faults.points(stride=3, each_up_to=10)):
            shutil.copytree(left, base)
            self.kill_before(point)
            status = self.live(base)
            self.faults.heal()
            if status == -9:
                self.assertEqual(self.live(base), 0)
            self.ledger.assert_kept(path(base))
            shutil.rmtree(base)
            if status != -9:
                break
        self.assertEqual(status, 0)
        print(f"{kills} kills")
        self.assertGreater(kills, 30)

    # ---- In the course of a recovery ----

    def leave_much_to_recover(self, base):
        """Leave a running run that has a commit, and a trail with its later ones and all of others, so
        that each batch of three lines ends elsewhere."""
        lines = trail.TrailTestCase
        service = self.start_service(base=base, **self.faults.settings)
        known = a_run(run_id="known", git_commit_hash="0000000")
        self.assertEqual(service.post(known).status_code, 201)
        service.kill()
        others = [lines.run_line(run_id=f"other-{number}", created_at=trail.now(), **fields)
                  for number, fields in enumerate(({}, {"git_commit_hash": "9999999"}, {}))]
        del others[2]["created_at"]  # as older clients do
        written = list(others)
        for number in range(1, 6):
            for run_id in ("known", "other-0", "other-1", "other-2"):
                written.append(lines.commit_line(run_id, f"{number:07}", trail.now()))
            if number == 2:  # and back to the first
                written.append(lines.commit_line("known", "0000001", trail.now()))
            if number == 4:
                written.append(dict(others[0], status="success", end_time=trail.now()))
        file = base / "raw" / f"events_{trail.today()}.ndjson"
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.write_text("".join(json.dumps(line) + "\n" for line in written))
        file.chmod(0o600)

    def recover(self, base):
        """A service starts, compares, and ends; returns its exit status."""
        service = self.start_service(base=base, start=False, TELEMETRY_SYNC_BATCH_SIZE=3,
                                     **self.faults.settings)
        harness.wait_until(
            lambda: service.process.poll() is not None
            or any("compared the audit trail" in line for line in service.log), "the comparison")
        return service.stop()

    def test_in_the_course_of_a_recovery(self):
        left, base = self.base / "left", self.base / "copy"
        left.mkdir()
        self.leave_much_to_recover(left)
        shutil.copytree(left, base)
        self.assertEqual(self.recover(base), 0)
        undisturbed = trail.rows(path(base))
        self.assertEqual({run["run_id"]: run["git_commit_hash"] for run in undisturbed.values()},
                         {"known": "0000005", "other-0": "0000004", "other-1": "0000005",
                          "other-2": "0000005"})
        for kills, point in enumerate(faults.points(stride=2)):
            shutil.rmtree(base)
            shutil.copytree(left, base)
            self.kill_before(point)
            status = self.recover(base)
            self.faults.heal()
            if status != -9:
                break
            if " open " in trail_state(base).read_text():
                self.assertEqual(self.recover(base), 0)
            self.assertEqual(trail.rows(path(base)), undisturbed, f"killed before {point}")
        self.assertEqual(status, 0)
        print(f"{kills} kills")
        self.assertGreater(kills, 50)


if __name__ == "__main__":
    harness.main()
