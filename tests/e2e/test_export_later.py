# SPDX-License-Identifier: MIT
"""Runs that clients left pending on their way to a sheet: by the service, and by telemetry sync."""
import fcntl
import json
import sqlite3

import export
import harness
import sheet
from export import TOKEN


class ByTheServiceTest(export.LeftRunsTestCase):
    """The service, which exports what clients left."""

    def test_exports_what_ended_since_it_was_switched_on_and_is_five_minutes_old(self):
        self.be_on_since(self.minutes_ago(60))
        service = self.start_exporting()
        self.post(service, "before", 70)
        self.post(service, "young", 1)
        self.post(service, "running", None)
        self.post(service, "exported", 30, api_posted=True)
        pending = self.post(service, "pending", 30)
        self.wait_for("pending")
        self.post(service, "later", 20)
        self.wait_for("later")
        self.assertEqual(self.names(), ["pending", "later"])
        run = harness.wait_until(
            lambda: self.run_of(service, pending)["api_posted"] and self.run_of(service, pending),
            "the mark")
        self.assertEqual(run["api_retry_count"], 0)
        self.assertTrue(run["api_posted_at"])

    def test_notes_once_and_for_all_when_it_was_switched_on(self):
        service = self.start_exporting()
        since = harness.wait_until(lambda: self.state.exists() and self.state.read_text(), "it")
        self.assertRegex(since, r"^20\d\d-\d\d-\d\dT[\d:.]+\+00:00\n$")
        self.assertEqual(self.state.stat().st_mode & 0o777, 0o600)
        self.post(service, "before", 10)
        service.stop()
        service = self.start_exporting()
        service.stop()
        self.assertEqual(self.state.read_text(), since)
        self.assertEqual(self.stand_in.requests, [])
        self.be_on_since(self.minutes_ago(60))  # and that is what counts
        service = self.start_exporting()
        self.wait_for("before")

    def test_says_at_once_when_it_cannot_note_that(self):
        self.state.mkdir(parents=True)
        service = self.start_service(TELEMETRY_SYNC_INTERVAL_SECONDS=3600, **self.settings(
            self.stand_in.url + sheet.APPEND, METRICS_API_TOKEN=TOKEN))
        harness.wait_until(lambda: "the export failed" in "\n".join(service.log), "the warning")

    def test_leaves_a_service_without_the_export_alone(self):
        service = self.start_service(TELEMETRY_SYNC_INTERVAL_SECONDS=1)
        self.post(service, "run", 30)
        service.stop()
        self.assertFalse(self.state.exists())

    def test_counts_failures_and_goes_on_when_the_sheet_is_back(self):
        self.be_on_since(self.minutes_ago(60))
        self.stand_in.misbehaviour = [self.stand_in.status(403)] * 2
        service = self.start_exporting()
        event_id = self.post(service, "patient", 30)
        self.wait_for("patient")
        run = harness.wait_until(
            lambda: self.run_of(service, event_id)["api_posted"] and self.run_of(service, event_id),
            "the mark")
        self.assertEqual(run["api_retry_count"], 2)
        self.assertEqual(len(self.stand_in.requests), 3)
        warnings = [line for line in service.log if "the export failed" in line]
        self.assertEqual(len(warnings), 2)
        self.assertIn("answered 403", warnings[0])
        self.assertNotIn(TOKEN, "\n".join(service.log))

    def test_a_run_that_is_refused_does_not_hold_the_others_up(self):
        self.be_on_since(self.minutes_ago(60))
        service = self.start_service()
        refused = self.post(service, "refused", 30)
        self.post(service, "taken", 30)
        service.stop()
        self.stand_in.misbehaviour = [self.stand_in.status(400)]
        service = self.start_exporting()
        self.wait_for("taken")
        run = harness.wait_until(
            lambda: self.run_of(service, refused)["api_retry_count"] and self.run_of(service, refused),
            "the count")
        self.assertEqual(run["api_retry_count"], 1)

    def test_a_run_that_failed_fifty_times_is_left(self):
        self.be_on_since(self.minutes_ago(60))
        service = self.start_exporting()
        self.post(service, "hopeless", 30, api_retry_count=50)
        self.post(service, "nearly", 30, api_retry_count=49)
        self.wait_for("nearly")
        self.assertEqual(self.names(), ["nearly"])

    def test_a_silent_sheet_holds_up_neither_writes_nor_the_end(self):
        self.be_on_since(self.minutes_ago(60))
        self.stand_in.misbehaviour = [self.stand_in.stay_silent] * 10
        service = self.start_exporting()
        self.post(service, "waiting", 30)
        harness.wait_until(lambda: self.stand_in.requests, "the export to begin")
        self.post(service, "another", 1)
        self.assertEqual(service.stop(), 0)
        self.assertEqual(len(self.stand_in.requests), 1)

    def test_only_one_process_exports_at_a_time(self):
        self.be_on_since(self.minutes_ago(60))
        with open(self.state, "r+", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            service = self.start_exporting()
            self.post(service, "waiting", 30)
            harness.wait_until(lambda: any("is locked by another" in line for line in service.log),
                               "a round that finds it locked")
            self.assertEqual(self.stand_in.requests, [])
        self.wait_for("waiting")

    def test_a_damaged_note_begins_anew_and_floods_nobody(self):
        self.be_on_since("2000-01-01")
        self.state.write_bytes(b"\0\xff garbage")
        service = self.start_exporting()
        self.post(service, "run", 30)
        harness.wait_until(lambda: b"garbage" not in self.state.read_bytes(), "a new note")
        service.stop()
        self.assertEqual(self.stand_in.requests, [])

    def test_says_why_nothing_is_exported(self):
        service = self.start_service(GOOGLE_SHEETS_API_ENABLED="true")
        service.stop()
        self.assertIn("GOOGLE_SHEETS_API_URL is not set", "\n".join(service.log))


class BySyncTest(export.LeftRunsTestCase):
    """telemetry sync, when no service runs, or when everything is to be exported."""

    def sync(self, *arguments, status=0, **more):
        result = self.run_program("telemetry", "sync", "--json", *arguments, **self.settings(
            self.stand_in.url + sheet.APPEND, METRICS_API_TOKEN=TOKEN,
            **{"TELEMETRY_API_URL": "http://127.0.0.1:1", **more}))
        self.assertEqual(result.returncode, status, result.stderr)
        self.complaints = result.stderr
        report = json.loads(result.stdout)
        return report["exported"], report["export_refused"]

    def leave_runs(self):
        """Runs in the database of a service that never exported, and is gone."""
        self.be_on_since(self.minutes_ago(60))
        service = self.start_service()
        self.post(service, "before", 70)
        self.post(service, "pending", 30)
        self.post(service, "young", 1)
        self.post(service, "hopeless", 30, api_retry_count=50)
        service.stop()

    def posted(self):
        with sqlite3.connect(self.database) as connection:
            rows = connection.execute("SELECT agent_name FROM agent_runs WHERE api_posted ORDER BY 1")
            names = [name for name, in rows]
        connection.close()
        return names

    def test_exports_what_the_service_would_and_marks_it(self):
        self.leave_runs()
        self.assertEqual(self.sync(), (1, 0))
        self.assertEqual(self.names(), ["pending"])
        self.assertEqual(self.posted(), ["pending"])
        self.assertEqual(self.sync(), (0, 0))

    def test_export_all_exports_the_older_ones_too_with_and_without_a_service(self):
        self.leave_runs()
        service = self.start_service()
        self.assertEqual(self.sync("--export-all", TELEMETRY_API_URL=service.url), (3, 0))
        self.assertCountEqual(self.names(), ["before", "pending", "hopeless"])
        self.assertTrue(service.runs(agent_name="before")[0]["api_posted"])
        self.post(service, "another", 100)
        service.stop()
        self.assertEqual(self.sync("--export-all"), (1, 0))
        self.assertEqual(self.posted(), ["another", "before", "hopeless", "pending"])

    def test_leaves_the_export_to_a_service_that_runs(self):
        self.leave_runs()
        service = self.start_service()
        self.assertEqual(self.sync(TELEMETRY_API_URL=service.url), (0, 0))
        self.assertEqual(self.stand_in.requests, [])

    def test_says_what_is_wrong_and_what_was_done(self):
        self.leave_runs()
        self.stand_in.misbehaviour = [self.stand_in.status(400), self.stand_in.status(403)]
        self.assertEqual(self.sync("--export-all", status=5), (0, 1))
        self.assertIn("answered 403", self.complaints)
        self.assertNotIn(TOKEN, self.complaints)
        result = self.run_program("telemetry", "sync", "--export-all")
        self.assertIn("GOOGLE_SHEETS_API_ENABLED is off", result.stderr)
        self.assertNotEqual(result.returncode, 0)

    def test_after_twenty_refusals_it_is_not_the_runs_that_are_wrong(self):
        self.be_on_since(self.minutes_ago(60))
        service = self.start_service()
        for i in range(22):
            self.post(service, f"run-{i}", 30)
        service.stop()
        self.stand_in.misbehaviour = [self.stand_in.status(400)] * 22
        self.assertEqual(self.sync(status=5), (0, 20))
        self.assertEqual(len(self.stand_in.requests), 20)
        self.assertIn("answered 400", self.complaints)

    def test_says_in_words_how_many_were_exported(self):
        self.leave_runs()
        for arguments, words in ((), "1 run exported, 0 refused.\n"), (
                ("--export-all",), "2 runs exported, 0 refused.\n"):
            result = self.run_program("telemetry", "sync", *arguments, **self.settings(
                self.stand_in.url + sheet.APPEND, METRICS_API_TOKEN=TOKEN,
                TELEMETRY_API_URL="http://127.0.0.1:1"))
            self.assertEqual((result.returncode, result.stdout), (0, words), result.stderr)

    def test_without_the_export_nothing_is_made_of_it(self):
        result = self.run_program("telemetry", "sync", TELEMETRY_API_URL="http://127.0.0.1:1")
        self.assertEqual((result.returncode, result.stdout, result.stderr),
                         (0, "Nothing to send.\n", ""))
        self.assertFalse(self.state.exists())


if __name__ == "__main__":
    harness.main()
