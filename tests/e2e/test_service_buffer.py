# SPDX-License-Identifier: MIT
"""The service brings what clients left in the buffer directory into the database."""
import json
import os
import resource
import time

import harness
from harness import a_run


class Adoption(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.buffer = self.base / "buffer"
        self.buffer.mkdir(mode=0o700)

    def leave(self, name, *lines):
        """Leave a buffer file behind, as its writer would."""
        writing = self.buffer / "writing"
        writing.write_text("".join(line if isinstance(line, str) else json.dumps(line) + "\n"
                                   for line in lines))
        writing.chmod(0o600)
        return writing.rename(self.buffer / name)

    def wait_for_run(self, service, event_id, **fields):
        def found():
            answer = service.get(f"/api/v1/runs/{event_id}")
            if answer.status_code != 200:
                return None
            run = answer.json()
            return run if all(run[name] == value for name, value in fields.items()) else None
        return harness.wait_until(found, f"run {event_id} with {fields}")

    def wait_for_name(self, name):
        harness.wait_until((self.buffer / name).exists, name)

    def old_run(self, **fields):
        """A line as the older Python clients write it."""
        run = a_run(record_type="run", schema_version=6, created_at=None, updated_at=None,
                    end_time=None, status="running", metrics_json=json.dumps({"pages": 3}),
                    context_json=None, api_posted=False, host=None, duration_ms=0)
        run.update(fields)
        return run

    def test_a_ready_file_of_an_older_client_is_adopted_at_start(self):
        run = self.old_run()
        ended = self.old_run(status="completed", end_time="2025-12-10T12:30:00+00:00",
                             items_succeeded=5)
        self.leave("telemetry_20251210_120000.jsonl.ready", run, ended)
        service = self.start_service()
        stored = self.wait_for_run(service, ended["event_id"], status="success", items_succeeded=5)
        self.assertEqual(stored["metrics_json"], {"pages": 3})
        self.assertTrue(stored["created_at"])
        self.wait_for_run(service, run["event_id"], status="running")
        self.wait_for_name("telemetry_20251210_120000.jsonl.synced")

    def test_a_whole_record_where_an_update_was_meant_ends_the_run(self):
        live, buffered, done = self.old_run(), self.old_run(), self.old_run(status="failure")
        service = self.start_service(TELEMETRY_SYNC_INTERVAL_SECONDS=1)
        self.assertEqual(service.post(live).status_code, 201)
        self.assertEqual(service.post(done).status_code, 201)
        end = {"status": "success", "end_time": "2025-12-10T12:30:00+00:00", "items_failed": 2,
               "duration_ms": 1800000, "metrics_json": json.dumps({"pages": 9})}
        self.leave("telemetry_20251210_120000.jsonl.ready", buffered, dict(live, **end),
                   dict(buffered, **end), dict(done, **end), dict(live, status="timeout"))
        for run in (live, buffered):
            self.wait_for_run(service, run["event_id"], status="success", items_failed=2,
                              duration_ms=1800000, metrics_json={"pages": 9})
        self.wait_for_name("telemetry_20251210_120000.jsonl.synced")
        self.wait_for_run(service, live["event_id"], status="success")
        self.wait_for_run(service, done["event_id"], status="failure", items_failed=0)
        self.assertEqual(len(service.runs()), 3)

    def test_what_older_clients_write_is_understood_field_by_field(self):
        odd = self.old_run(created_at=None, metrics_json="no json {", context_json='{"a": [1]}',
                           duration_ms=None, items_failed=None, trigger_type="web", host="box",
                           start_time="2025-12-10 13:00:00+01:00", insight_id="i", extra={"x": 1})
        self.leave("telemetry_20251210_120000.jsonl.ready", odd)
        run = self.wait_for_run(self.start_service(), odd["event_id"], duration_ms=0, items_failed=0,
                                metrics_json="no json {", context_json={"a": [1]}, insight_id="i",
                                trigger_type="web", host="box",
                                start_time="2025-12-10T12:00:00.000000+00:00")
        self.assertTrue(run["created_at"])

    def test_files_are_taken_oldest_first(self):
        run = a_run()
        self.leave("telemetry_20251210_130000.jsonl.ready",
                   {"record_type": "update", "event_id": run["event_id"], "status": "running",
                    "input_summary": "second"},
                   {"record_type": "update", "event_id": run["event_id"], "status": "success"})
        self.leave("telemetry_20251210_120000.jsonl.ready", run,
                   {"record_type": "update", "event_id": run["event_id"],
                    "input_summary": "first", "output_summary": "first"})
        service = self.start_service()
        self.wait_for_run(service, run["event_id"], status="success", input_summary="second",
                          output_summary="first")

    def test_an_update_whose_run_comes_later_waits_for_it(self):
        run = a_run()
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.leave("telemetry_20251210_120000-tel-1-abcdef01.jsonl.ready",
                   {"record_type": "update", "event_id": run["event_id"], "status": "success",
                    "buffered_at": now})
        service = self.start_service(TELEMETRY_SYNC_INTERVAL_SECONDS=1)
        self.wait_for_name("telemetry_20251210_120000-tel-1-abcdef01.jsonl.synced")
        self.assertEqual(service.post(run).status_code, 201)
        self.wait_for_run(service, run["event_id"], status="success")

    def test_a_full_disk_keeps_the_buffer_until_there_is_room(self):
        service = self.start_service(TELEMETRY_SYNC_INTERVAL_SECONDS=1)
        limit = (self.database.stat().st_size, resource.RLIM_INFINITY)
        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, limit)
        runs = [a_run(error_details="x" * 3000) for _ in range(200)]
        self.leave("telemetry_20251210_120000.jsonl.ready", *runs)
        harness.wait_until(lambda: service.get("/health").status_code == 503, "the full disk")
        self.assertTrue((self.buffer / "telemetry_20251210_120000.jsonl.ready").exists())
        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        self.wait_for_name("telemetry_20251210_120000.jsonl.synced")
        self.assertEqual(len(service.runs(limit=1000)), 200)

    def test_our_updates_end_the_runs_they_name(self):
        run = a_run()
        self.leave("telemetry_20251210_120000-tel-1-abcdef01.jsonl.ready",
                   dict(run, record_type="run"),
                   {"record_type": "update", "event_id": run["event_id"], "status": "failure",
                    "buffered_at": "2025-12-10T12:00:01.000000+00:00", "error_summary": "it broke"})
        service = self.start_service()
        self.wait_for_run(service, run["event_id"], status="failure", error_summary="it broke")

    def test_our_active_file_without_its_writer_is_taken_over(self):
        run = a_run()
        self.leave("telemetry_20251210_120000-tel-1-abcdef01.jsonl.active", run)
        service = self.start_service()
        self.wait_for_run(service, run["event_id"])

    def test_an_older_clients_active_file_is_taken_over_when_it_has_rested(self):
        rested, busy = a_run(), a_run()
        path = self.leave("telemetry_20251210_120000.jsonl.active", rested)
        os.utime(path, (time.time() - 300, time.time() - 300))
        fresh = self.leave("telemetry_20251210_130000.jsonl.active", busy)
        service = self.start_service()
        self.wait_for_run(service, rested["event_id"])
        self.assertTrue(fresh.exists())
        self.assertEqual(service.get("/api/v1/runs/" + busy["event_id"]).status_code, 404)

    def test_files_are_adopted_on_an_interval_too(self):
        service = self.start_service(TELEMETRY_SYNC_INTERVAL_SECONDS=1)
        self.assertEqual(service.runs(), [])
        run = a_run()
        self.leave("telemetry_20251210_120000.jsonl.ready", run)
        self.wait_for_run(service, run["event_id"])

    def test_what_is_adopted_again_is_stored_once(self):
        run = a_run(status="success")
        self.leave("telemetry_20251210_120000.jsonl.ready", run, run)
        self.leave("telemetry_20251210_120001.jsonl.ready", run)
        service = self.start_service()
        self.wait_for_name("telemetry_20251210_120001.jsonl.synced")
        self.assertEqual(len(service.runs()), 1)

    def test_a_faulty_line_is_set_aside_and_holds_nothing_up(self):
        run = a_run()
        self.leave("telemetry_20251210_120000.jsonl.ready", "{no json\n",
                   a_run(duration_ms=-5), run, '{"torn":')
        service = self.start_service()
        self.wait_for_run(service, run["event_id"])
        self.wait_for_name("telemetry_20251210_120000.jsonl.synced")
        self.assertEqual(len(service.runs()), 1)
        rejected = [json.loads(line) for path in self.buffer.glob("*.rejected*")
                    for line in path.read_text().splitlines()]
        self.assertEqual(len(rejected), 3)
        self.assertIn("{no json", [line["line"] for line in rejected])
        harness.wait_until(lambda: [line for line in service.log if "rejected=3" in line],
                           "a word in the log")

    def test_requests_that_another_client_wrote_down_are_taken(self):
        run = a_run()
        self.leave("telemetry_20251210_120000.jsonl.ready",
                   {"endpoint": "/api/v1/runs", "method": "POST", "payload": run},
                   {"endpoint": f"/api/v1/runs/{run['event_id']}", "method": "PATCH",
                    "payload": {"status": "completed", "items_succeeded": 4}})
        service = self.start_service()
        self.wait_for_run(service, run["event_id"], status="success", items_succeeded=4)

    def test_a_large_buffer_does_not_hold_up_the_start(self):
        runs = [a_run() for _ in range(5000)]
        self.leave("telemetry_20251210_120000.jsonl.ready", *runs)
        service = self.start_service()
        self.assertEqual(service.get("/health").status_code, 200)
        self.assertEqual(service.post(a_run()).status_code, 201)
        self.wait_for_name("telemetry_20251210_120000.jsonl.synced")
        self.wait_for_run(service, runs[-1]["event_id"])

    def test_a_buffer_directory_that_cannot_be_read_is_no_reason_to_stop(self):
        self.buffer.rmdir()
        self.buffer.write_text("in the way")
        service = self.start_service()
        self.assertEqual(service.post(a_run()).status_code, 201)
        self.assertEqual(service.stop(), 0)

    def test_what_was_buffered_while_it_was_away_is_there_after_a_restart(self):
        service = self.start_service()
        run = a_run()
        service.post(run)
        self.assertEqual(service.stop(), 0)
        self.leave("telemetry_20251210_120000-tel-9-00000000.jsonl.ready",
                   {"record_type": "update", "event_id": run["event_id"], "status": "success"})
        service = self.start_service()
        self.wait_for_run(service, run["event_id"], status="success")


if __name__ == "__main__":
    harness.main()
