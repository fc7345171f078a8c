# SPDX-License-Identifier: MIT
"""telemetry sync: the buffer delivered now, and what other clients left elsewhere taken in."""
import fcntl
import json
import os
import pty
import subprocess
import time
import uuid

import cli
import harness
from harness import a_run

OURS = "telemetry_20251210_120000-tel-1-abcdef01.jsonl"
THEIRS = "telemetry_20251210_120000.jsonl"


def lines_of(*records):
    """Records as lines; what is text already is left alone."""
    return "".join(r if isinstance(r, str) else json.dumps(r) + "\n" for r in records)


def an_old_run(**fields):
    """A line as the older Python clients write it: nulls, extra keys, JSON in a string."""
    return a_run(record_type="run", schema_version=6, created_at=None, updated_at=None, end_time=None,
                 metrics_json=json.dumps({"pages": 3}), api_posted=False, extra={"x": 1}, **fields)


def a_request(method, endpoint, payload):
    """A line of another client's outbox."""
    return {"endpoint": endpoint, "method": method, "payload": payload}


class SyncTest(cli.CliTestCase):
    def setUp(self):
        super().setUp()
        self.buffer = self.base / "buffer"
        self.buffer.mkdir(mode=0o700)

    def leave(self, path, *records, age_seconds=300):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.write_text(lines_of(*records))
        path.chmod(0o600)
        os.utime(path, (time.time() - age_seconds,) * 2)
        return path

    def sync(self, *arguments, status=0, **options):
        """Run it with --json; return what it prints."""
        result = self.telemetry("sync", "--json", *arguments, **options)
        self.assertEqual(result.returncode, status, result.stderr)
        self.complaints = result.stderr.decode()
        return json.loads(result.stdout) if result.stdout else None

    def stored(self, event_id, **options):
        result = self.telemetry("show", "--json", event_id, **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)

    def assert_counts(self, report, **counts):
        self.assertEqual({key: report[key] for key in counts}, counts, report)

    # ---- where to ----

    def test_empties_the_buffer_into_the_database_when_no_service_runs(self):
        run = a_run()
        self.leave(self.buffer / (OURS + ".ready"), run,
                   {"record_type": "update", "event_id": run["event_id"], "status": "success"})
        self.assert_counts(self.sync(), files=1, sent=1, updated=1, duplicates=0, rejected=0)
        self.assertEqual(self.stored(run["event_id"])["status"], "success")
        self.assertTrue((self.buffer / (OURS + ".synced")).exists())
        self.assert_counts(self.sync(), files=0)

    def test_delivers_to_the_service_when_it_runs(self):
        elsewhere = self.base / "elsewhere"
        elsewhere.mkdir()
        service = self.start_service(base=elsewhere)
        run, settings = a_run(), {"TELEMETRY_API_URL": service.url}
        self.leave(self.buffer / (OURS + ".ready"), run, run)
        self.assert_counts(self.sync(settings=settings), files=1, sent=1, duplicates=1)
        self.assertEqual(service.get("/api/v1/runs/" + run["event_id"]).status_code, 200)
        self.assertFalse((self.base / "db").exists())

    def test_beside_the_services_own_adoption_delivers_everything_once(self):
        runs = [a_run() for _ in range(200)]
        for i, run in enumerate(runs):
            self.leave(self.buffer / f"telemetry_20251210_{i:06}-tel-1-abcdef01.jsonl.ready", run)
        service = self.start_service(TELEMETRY_SYNC_INTERVAL_SECONDS=1)
        syncs = [self.start("sync", "-q", settings={"TELEMETRY_API_URL": service.url},
                            stdout=subprocess.DEVNULL) for _ in range(4)]
        for process in syncs:
            self.assertEqual(process.wait(harness.PATIENCE_SECONDS), 0)
        harness.wait_until(lambda: not list(self.buffer.glob("*.ready")), "the end of all syncs")
        self.assertEqual(len(service.runs(limit=1000)), len(runs))

    def test_says_who_has_the_lock(self):
        self.start_service()
        path = self.leave(self.base / "outbox.jsonl", a_run())
        self.sync("--base", str(self.base), str(path), status=5)
        self.assertRegex(self.complaints, r"telemetry: .*pid \d+")
        self.assertTrue(path.exists())

    def test_says_that_the_service_that_was_named_is_away(self):
        path = self.leave(self.buffer / (OURS + ".ready"), a_run())
        self.sync("--url", "http://127.0.0.1:1", status=4)
        self.assertIn("cannot reach http://127.0.0.1:1", self.complaints)
        self.assertTrue(path.exists())

    def test_does_not_give_its_records_to_another_program(self):
        peer = cli.Peer(self, cli.another_program)
        path = self.leave(self.buffer / (OURS + ".ready"), a_run())
        self.sync("--url", peer.url, status=4)
        self.assertIn("is not telemetryd", self.complaints)
        self.assertTrue(path.exists())

    def test_with_nothing_to_do_leaves_no_traces(self):
        self.buffer.rmdir()
        result = self.telemetry("sync")
        self.assertEqual((result.returncode, result.stdout), (0, b"Nothing to send.\n"))
        self.assertEqual(list(self.base.iterdir()), [])

    # ---- what others left ----

    def test_takes_in_the_directory_of_an_older_client(self):
        directory = self.base / "telemetry_buffer"
        run, ended = an_old_run(), an_old_run()
        whole = dict(ended, status="completed", end_time="2025-12-10T12:30:00+00:00", items_succeeded=5)
        self.leave(directory / (THEIRS + ".ready"), run, ended)
        self.leave(directory / "telemetry_20251211_120000.jsonl.active", whole)
        report = self.sync(str(directory))
        self.assert_counts(report, files=2, sent=2, updated=1, rejected=0)
        stored = self.stored(ended["event_id"])
        self.assertEqual((stored["status"], stored["items_succeeded"]), ("success", 5))
        self.assertEqual(stored["metrics_json"], {"pages": 3})
        self.assertTrue(stored["created_at"])
        self.assertEqual({path.suffix for path in directory.iterdir()}, {".synced"})

    def test_leaves_alone_what_an_older_client_may_still_write(self):
        directory = self.base / "telemetry_buffer"
        fresh = self.leave(directory / (THEIRS + ".active"), an_old_run(), age_seconds=0)
        outbox = self.leave(directory / "outbox.jsonl", an_old_run(), age_seconds=0)
        self.assert_counts(self.sync(str(directory)), files=0, busy=2)
        self.assertIn("2 files are left for later", self.complaints)
        self.assertTrue(fresh.exists() and outbox.exists())

    def test_takes_a_file_that_is_named_however_new_it_is(self):
        run = an_old_run()
        path = self.leave(self.base / "old" / (THEIRS + ".active"), run, age_seconds=0)
        self.assert_counts(self.sync(str(path)), files=1, sent=1)
        self.stored(run["event_id"])
        self.assertEqual([p.name for p in path.parent.iterdir()], [THEIRS + ".synced"])

    def test_takes_in_an_outbox_of_requests(self):
        run, other, batched = a_run(), a_run(), a_run()
        path = self.leave(
            self.base / "outbox.jsonl",
            a_request("POST", "/api/v1/runs", run),
            a_request("POST", "http://localhost:8765/api/v1/runs/batch", [batched, other]),
            a_request("PATCH", f"/api/v1/runs/{run['event_id']}",
                      {"status": "completed", "items_succeeded": 7}),
            a_request("POST", f"/api/v1/runs/{other['event_id']}/associate-commit",
                      {"commit_hash": "0123abcdef", "commit_source": "llm"}),
            age_seconds=0)
        self.assert_counts(self.sync(str(path)), files=1, sent=3, updated=2, rejected=0)
        stored = self.stored(run["event_id"])
        self.assertEqual((stored["status"], stored["items_succeeded"]), ("success", 7))
        self.assertEqual(self.stored(other["event_id"])["git_commit_hash"], "0123abcdef")
        self.assertFalse(path.exists())
        self.assertTrue((self.base / "outbox.jsonl.synced").exists())

    def test_finds_outboxes_in_a_directory(self):
        run = a_run()
        self.leave(self.base / "boxes" / "pending.jsonl", a_request("POST", "/api/v1/runs", run))
        self.assert_counts(self.sync(str(self.base / "boxes")), files=1, sent=1)
        self.assertEqual(self.stored(run["event_id"])["agent_name"], "tester")

    def test_keeps_an_update_until_its_run_comes(self):
        run = a_run()
        path = self.leave(self.base / "outbox.jsonl",
                          a_request("PATCH", f"/api/v1/runs/{run['event_id']}", {"status": "failed"}))
        self.assert_counts(self.sync(str(path)), files=1, carried=1, rejected=0)
        self.assertEqual(len(list(self.buffer.glob("*.ready"))), 1)  # in the own buffer
        self.leave(self.base / "late.jsonl", run)
        self.assert_counts(self.sync(str(self.base / "late.jsonl")), sent=1)
        self.assert_counts(self.sync(), updated=1, carried=0)
        self.assertEqual(self.stored(run["event_id"])["status"], "failure")

    def test_taken_in_again_stores_nothing_twice(self):
        run = a_run()
        path = self.leave(self.base / "outbox.jsonl", a_request("POST", "/api/v1/runs", run))
        self.sync(str(path))
        (self.base / "outbox.jsonl.synced").rename(path)
        self.assert_counts(self.sync(str(path)), sent=0, duplicates=1)

    # ---- rejected ----

    def test_says_what_was_rejected_and_why(self):
        run = a_run()
        path = self.leave(self.base / "outbox.jsonl", "{no json\n", a_run(duration_ms=-5),
                          a_run(duration_ms=-6), a_request("DELETE", "/api/v1/runs/x", {}), run,
                          '{"torn":')
        report = self.sync(str(path))
        self.assert_counts(report, files=1, sent=1, rejected=5)
        reasons = {reason["reason"]: reason["count"] for reason in report["reasons"]}
        self.assertEqual(sum(reasons.values()), 5)
        self.assertEqual(reasons["duration_ms must be >= 0"], 2)
        self.assertIn("the line is torn: the file ends in the middle of it", reasons)
        kept = [json.loads(line) for line in
                (self.base / "outbox.jsonl.rejected").read_text().splitlines()]
        self.assertEqual([line["line"] for line in kept][0], "{no json")
        self.assertIn("outbox.jsonl.rejected", self.complaints)

    def test_says_it_to_people_as_well(self):
        path = self.leave(self.base / "outbox.jsonl", a_run(), a_run(items_failed="x\x1b[31m"))
        result = self.telemetry("sync", str(path))
        self.assertEqual(result.returncode, 0)
        text = result.stdout.decode()
        self.assertIn("1 file: 1 sent, 0 updated, 0 duplicate, 1 rejected.\n", text)
        self.assertIn("  1 rejected: items_failed ", text)
        self.assertNotIn("\x1b", text)

    def test_shows_progress_on_a_terminal_only(self):
        path = self.leave(self.base / "outbox.jsonl", *[a_run() for _ in range(250)])
        leader, follower = pty.openpty()
        self.telemetry("sync", str(path), stderr=follower)
        os.close(follower)
        shown = os.read(leader, 65536).decode()
        os.close(leader)
        self.assertIn("\r\x1b[K200 records", shown)
        self.leave(path, a_run())
        self.assertEqual(self.telemetry("sync", str(path)).stderr, b"")

    # ---- what cannot be used ----

    def test_says_that_a_file_is_not_there_before_it_does_anything(self):
        path = self.leave(self.base / "outbox.jsonl", a_run())
        self.sync(str(path), str(self.base / "missing.jsonl"), status=3)
        self.assertIn("cannot find", self.complaints)
        self.assertTrue(path.exists())

    def test_goes_on_behind_a_file_that_cannot_be_used(self):
        run = a_run()
        link = self.base / "link.jsonl"
        link.symlink_to(self.leave(self.base / "target.jsonl", a_run()))
        path = self.leave(self.base / "outbox.jsonl", run)
        report = self.sync(str(link), str(path), status=4)
        self.assertIn("is a symbolic link", self.complaints)
        self.assertEqual(self.complaints.count("\n"), 1)
        self.assert_counts(report, files=1, sent=1)
        self.stored(run["event_id"])

    def test_refuses_what_was_delivered(self):
        path = self.leave(self.base / (THEIRS + ".synced"), a_run())
        self.sync(str(path), status=2)
        self.assertIn("was delivered before", self.complaints)

    def test_leaves_a_file_that_its_writer_holds(self):
        path = self.leave(self.base / (OURS + ".active"), a_run())
        with open(path, "rb") as writer:
            fcntl.flock(writer, fcntl.LOCK_EX)
            self.assert_counts(self.sync(str(path)), files=0, busy=1)
        self.assertTrue(path.exists())
        self.assert_counts(self.sync(str(path)), files=1, sent=1)

    def test_takes_files_of_any_content(self):
        junk = self.base / "junk.jsonl"
        junk.write_bytes(b"\0\xff\n" + b"[" * 100000 + b"\n" + b'{"a":1}\n' + b"x" * 100000)
        junk.chmod(0o600)
        self.assert_counts(self.sync(str(junk)), files=1, sent=0, rejected=4)
        empty = self.base / f"{uuid.uuid4()}.jsonl"
        empty.touch(mode=0o600)
        self.assert_counts(self.sync(str(empty)), files=1, sent=0)


if __name__ == "__main__":
    harness.main()
