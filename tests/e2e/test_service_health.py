# SPDX-License-Identifier: MIT
"""/health says what the last write met, and that is over once it is over, without anybody's help."""
import os
import pathlib
import re
import resource
import shutil
import sqlite3
import subprocess
import time
import unittest

import harness
from harness import a_run

GET_HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
PROBES_SECONDS = 2.5  # in which the service has tried a few times
LARGE = "x" * 200000


class HealthTestCase(harness.TestCase):
    def assert_unhealthy(self, service, *words):
        answer = service.get("/health")
        self.assertEqual(answer.status_code, 503, answer.text)
        health = answer.json()
        self.assertEqual(health["status"], "error")
        self.assertEqual(health["db_path"], str(service.database))
        self.assertEqual(answer.headers["Retry-After"], "1")
        for word in words:
            self.assertIn(word, health["detail"])

    def assert_heals(self, service):
        """It becomes healthy although nobody writes, and then it is true."""
        harness.wait_until(lambda: service.get("/health").status_code == 200, "health")
        self.assertEqual(service.post(a_run(error_details=LARGE)).status_code, 201)

    def stored(self, path):
        connection = sqlite3.connect(path)
        try:
            self.assertEqual(connection.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            return {row[0] for row in connection.execute("SELECT event_id FROM agent_runs")}
        finally:
            connection.close()


class FileSizeLimit(HealthTestCase):
    def setUp(self):
        super().setUp()
        self.service = self.start_service()
        self.service.database = self.database
        self.known = a_run()
        self.service.post(self.known)

    def limit(self, room):
        size = self.database.stat().st_size + room if room is not None else resource.RLIM_INFINITY
        resource.prlimit(self.service.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def fill(self):
        answer = self.service.post(a_run(error_details=LARGE))
        self.assertEqual(answer.status_code, 503)
        self.assert_unhealthy(self.service, str(self.database), "File too large")

    def test_it_heals_when_there_is_room_again(self):
        self.limit(0)
        self.fill()
        self.limit(None)
        self.assert_heals(self.service)

    def test_a_little_room_is_not_enough_to_be_healthy(self):
        self.limit(8192)
        self.fill()
        time.sleep(PROBES_SECONDS)
        self.assert_unhealthy(self.service, "File too large")
        self.limit(None)
        self.assert_heals(self.service)

    def test_a_duplicate_that_needs_no_room_does_not_make_it_healthy(self):
        self.limit(0)
        self.fill()
        self.assertEqual(self.service.post(self.known).json()["status"], "duplicate")
        self.assert_unhealthy(self.service)

    def test_nothing_is_left_beside_the_database(self):
        before = {path.name for path in self.database.parent.iterdir()}
        self.limit(0)
        self.fill()
        time.sleep(PROBES_SECONDS)
        self.limit(None)
        self.assert_heals(self.service)
        self.assertEqual({path.name for path in self.database.parent.iterdir()}, before)

    def test_the_log_says_it_once(self):
        self.limit(0)
        self.fill()
        self.fill()
        self.limit(None)
        self.assert_heals(self.service)
        self.service.stop()
        self.assertEqual(len([line for line in self.service.log if "writing failed" in line]), 1)
        self.assertEqual(len([line for line in self.service.log if "works again" in line]), 1)


class Locked(HealthTestCase):
    def test_it_heals_when_the_lock_is_given_back(self):
        service = self.start_service(TELEMETRY_DB_BUSY_TIMEOUT_MS=50, TELEMETRY_DB_MAX_RETRIES=0)
        service.database = self.database
        connection = sqlite3.connect(self.database, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        self.assertEqual(service.post(a_run()).status_code, 503)
        self.assert_unhealthy(service, "locked")
        time.sleep(PROBES_SECONDS)
        self.assert_unhealthy(service, "locked")
        connection.execute("ROLLBACK")
        connection.close()
        self.assert_heals(service)


def can_mount():
    """May we mount a file system of our own?"""
    return subprocess.run(["unshare", "-Urm", "mount", "-t", "tmpfs", "none", "/tmp"],
                          capture_output=True, check=False).returncode == 0


@unittest.skipUnless(can_mount(), "no file system may be mounted here")
class FullDisk(HealthTestCase):
    """On a small disk of its own, which nobody outside sees but by /proc."""

    def setUp(self):
        super().setUp()
        disk = self.base / "disk"
        disk.mkdir()
        script = f'mount -t tmpfs -o size=3m none {disk} && exec "$@"'
        self.service = self.start_service("--base", str(disk),
                                          under=["unshare", "-Urm", "sh", "-c", script, "sh"])
        self.service.database = disk / "db" / "telemetry.sqlite"
        self.disk = pathlib.Path(f"/proc/{self.service.pid}/root{disk}")

    def fill(self):
        with open(self.disk / "filler", "ab", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(4096))
            except OSError:
                pass

    def test_a_full_disk_is_503_until_there_is_room_and_nothing_is_lost(self):
        kept = a_run()
        self.assertEqual(self.service.post(kept).status_code, 201)
        self.fill()
        refused = a_run(error_details=LARGE)
        answer = self.service.post(refused)
        self.assertEqual(answer.status_code, 503)
        self.assertIn("full", answer.json()["detail"])
        time.sleep(PROBES_SECONDS)
        self.assert_unhealthy(self.service, "full")
        self.assertEqual(self.service.get("/api/v1/runs/" + kept["event_id"]).status_code, 200)
        (self.disk / "filler").unlink()
        self.assert_heals(self.service)
        self.assertEqual(self.service.post(refused).status_code, 201)
        stored = self.stored(shutil.copy(self.disk / "db" / "telemetry.sqlite", self.base))
        self.assertLessEqual({kept["event_id"], refused["event_id"]}, stored)
        self.assertEqual(len(stored), 3)


@unittest.skipUnless(harness.can_run_as_nobody(), "only root can run the service here")
class ReadOnly(HealthTestCase):
    def test_a_directory_that_became_read_only_is_503_until_it_can_be_written(self):
        if harness.AS_NOBODY:
            os.chown(self.base, 65534, 65534)
        service = self.start_service(under=harness.AS_NOBODY)
        service.database = self.database
        self.assertEqual(service.post(a_run()).status_code, 201)
        self.database.parent.chmod(0o500)
        self.assertEqual(service.post(a_run()).status_code, 503)
        time.sleep(PROBES_SECONDS)
        self.assert_unhealthy(service)
        self.database.parent.chmod(0o700)
        self.assert_heals(service)


@unittest.skipUnless(harness.can_trace(), "no strace that may trace")
class FailedSync(HealthTestCase):
    def start_with_failing(self, call, number):
        """Let the `number`-th such call of each thread fail."""
        service = self.start_service(
            under=["strace", "-D", "-f", "-qq", "-o", str(self.base / "trace"), "-e",
                   f"trace={call}", "-e", f"inject={call}:error=EIO:when={number}", "-y"])
        service.database = self.database
        return service

    def test_what_waited_is_refused_and_what_was_answered_201_is_stored(self):
        self.start_service().stop()
        for call, numbers in (("fdatasync", range(1, 9)), ("fsync", range(3, 5))):
            for number in numbers:  # the first two fsyncs are those of the start
                with self.subTest(call=call, number=number), \
                        self.start_with_failing(call, number) as service, \
                        harness.connect(service) as other:
                    harness.ask(other, GET_HEALTH)  # who is not alone has all written by one thread
                    self.post_past_the_failure(service)

    def test_who_is_alone_is_refused_and_stored_when_asked_again(self):
        self.start_service().stop()
        with self.start_with_failing("fdatasync", 3) as service:
            runs = [a_run() for _ in range(4)]
            self.assertEqual(service.post(runs[0]).status_code, 503)
            for run in runs:
                harness.wait_until(lambda: service.post(run).status_code in (200, 201), "an answer")
            service.kill()
        self.assertLessEqual({run["event_id"] for run in runs}, self.stored(self.database))

    def was_a_new_journals_name(self):
        """SQLite goes on when it cannot sync its new journal's name. Ours is another call."""
        trace = (self.base / "trace").read_text(errors="replace")
        return re.search(rf"fdatasync\(\d+<{re.escape(str(self.database.parent))}>\).*INJECTED",
                         trace)

    def post_past_the_failure(self, service):
        answers = {}
        for _ in range(4):
            run = a_run()
            answers[run["event_id"]] = service.post(run).status_code
        refused = list(answers.values()).count(503)
        self.assertEqual(list(answers.values()).count(201), 4 - refused)
        self.assertEqual(refused, 0 if self.was_a_new_journals_name() else 1)
        harness.wait_until(lambda: service.get("/health").status_code == 200, "health")
        for event_id, status in answers.items():
            again = service.post(a_run(event_id=event_id))
            self.assertIn(again.status_code, (200, 201))
            if status == 201:
                self.assertEqual(again.json()["status"], "duplicate")
        service.kill()
        self.assertLessEqual(set(answers), self.stored(self.database))


if __name__ == "__main__":
    harness.main()
