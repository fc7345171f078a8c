# SPDX-License-Identifier: MIT
"""Many runs in one request: what becomes of each item, and which bodies are refused as a whole."""
import json

import harness
from harness import ServiceTestCase, a_run

BATCH = "/api/v1/runs/batch"


def without(run, *names):
    return {name: value for name, value in run.items() if name not in names}


class BatchTestCase(ServiceTestCase):
    def batch(self, items, status=200):
        response = self.service.post(items, BATCH)
        self.assertEqual(response.status_code, status, response.text)
        answer = response.json()
        counted = (answer["inserted"] + answer["duplicates"] + answer["updated"]
                   + len(answer["errors"]))
        self.assertEqual(counted, answer["total"])
        self.assertEqual([result["index"] for result in answer["results"]],
                         list(range(answer["total"])))
        return answer

    def results(self, answer):
        return [result["result"] for result in answer["results"]]


class Storing(BatchTestCase):
    def test_every_item_is_stored_and_answered(self):
        runs = [a_run(run_id=f"r{i}", items_failed=i) for i in range(3)]
        self.assertEqual(self.batch(runs), {
            "inserted": 3, "duplicates": 0, "updated": 0, "errors": [], "total": 3,
            "results": [{"index": i, "event_id": run["event_id"], "result": "created"}
                        for i, run in enumerate(runs)]})
        for run in runs:
            self.assertEqual(self.get(run["event_id"])["items_failed"], run["items_failed"])

    def test_runs_in_an_object_are_201_with_what_was_created(self):
        known, new = a_run(), a_run()
        self.service.post(known)
        answer = self.batch({"runs": [known, new], "extra": 1}, status=201)
        self.assertEqual(answer["created"], 1)
        self.assertEqual(answer["inserted"], 1)
        self.assertEqual(self.results(answer), ["duplicate", "created"])

    def test_an_array_has_no_created(self):
        self.assertNotIn("created", self.batch([a_run()]))

    def test_no_item_is_no_fault(self):
        expected = {"inserted": 0, "duplicates": 0, "updated": 0, "errors": [], "total": 0,
                    "results": []}
        self.assertEqual(self.batch([]), expected)
        self.assertEqual(self.batch({"runs": []}, status=201), dict(expected, created=0))

    def test_a_duplicate_is_stored_once_also_within_a_batch(self):
        run = a_run()
        answer = self.batch([run, dict(run, agent_name="other"), a_run()])
        self.assertEqual(self.results(answer), ["created", "duplicate", "created"])
        self.assertEqual((answer["inserted"], answer["duplicates"]), (2, 1))
        self.assertEqual(self.get(run["event_id"])["agent_name"], "tester")

    def test_a_record_that_has_ended_ends_a_running_run(self):
        run = a_run()
        answer = self.batch([run, dict(run, status="success", items_succeeded=5), run])
        self.assertEqual(self.results(answer), ["created", "updated", "duplicate"])
        stored = self.get(run["event_id"])
        self.assertEqual((stored["status"], stored["items_succeeded"]), ("success", 5))

    def test_what_older_clients_wrote_is_taken(self):
        run = a_run(record_type="run", schema_version=6, created_at=None, metrics_json='{"a": 1}',
                    updated_at="x", id=99, unknown={"deep": []})
        self.assertEqual(self.results(self.batch([run])), ["created"])
        self.assertEqual(self.get(run["event_id"])["metrics_json"], {"a": 1})

    def test_a_thousand_items_are_one_answer(self):
        answer = self.batch([a_run() for _ in range(1000)])
        self.assertEqual(answer["inserted"], 1000)
        self.assertEqual(len(self.service.runs(limit=1000)), 1000)


class Updating(BatchTestCase):
    def test_items_are_taken_in_order(self):
        run = a_run()
        end = {"record_type": "update", "event_id": run["event_id"], "status": "completed",
               "end_time": "2025-12-10T12:01:00Z"}
        answer = self.batch([end, run, end])
        self.assertEqual(self.results(answer), ["not_found", "created", "updated"])
        self.assertEqual(answer["errors"], [f"{run['event_id']}: run not found"])
        self.assertEqual(answer["results"][0]["reason"], "run not found")
        self.assertEqual(self.get(run["event_id"])["status"], "success")

    def test_late_news_fill_only_what_is_empty_in_a_run_that_has_ended(self):
        run = a_run(status="success", items_failed=1)
        self.service.post(run)
        answer = self.batch([{"record_type": "update", "event_id": run["event_id"],
                              "status": "failure", "items_failed": 9, "items_skipped": 2,
                              "error_summary": "late"}])
        self.assertEqual(self.results(answer), ["updated"])
        stored = self.get(run["event_id"])
        self.assertEqual(stored["status"], "success")
        self.assertEqual((stored["items_failed"], stored["items_skipped"]), (1, 2))
        self.assertEqual(stored["error_summary"], "late")

    def test_an_update_names_its_run_and_something_to_update(self):
        answer = self.batch([{"record_type": "update", "status": "success"},
                             {"record_type": "update", "event_id": "e"},
                             {"record_type": "update", "event_id": "e", "agent_name": "x"},
                             {"record_type": "event", "event_id": "e"},
                             {"record_type": 5, "event_id": "e"}])
        self.assertEqual(self.results(answer), ["invalid"] * 5)
        for error, part in zip(answer["errors"], ("#0: event_id", "e: update", "e: update",
                                                  "e: record_type", "e: record_type")):
            self.assertTrue(error.startswith(part), error)


class Faults(BatchTestCase):
    def test_a_faulty_item_does_not_block_the_others(self):
        good, late = a_run(), a_run()
        answer = self.batch([good, a_run(event_id="bad", duration_ms=-1, status="x"), late])
        self.assertEqual(self.results(answer), ["created", "invalid", "created"])
        self.assertEqual(len(answer["errors"]), 1)
        self.assertTrue(answer["errors"][0].startswith("bad: "))
        for reason in (answer["errors"][0], answer["results"][1]["reason"]):
            self.assertIn("duration_ms must be >= 0", reason)
            self.assertIn("status must be", reason)
        self.assertEqual(len(self.service.runs()), 2)

    def test_an_item_without_an_event_id_is_named_by_its_index(self):
        for event_id in (None, "", 5):
            answer = self.batch([a_run(), a_run(event_id=event_id), without(a_run(), "event_id")])
            self.assertEqual(self.results(answer), ["created", "invalid", "invalid"])
            self.assertEqual([error.split(":")[0] for error in answer["errors"]], ["#1", "#2"])
            self.assertIsNone(answer["results"][1]["event_id"])

    def test_nothing_but_faults_is_200_too(self):
        answer = self.batch([{}, a_run(start_time="yesterday")])
        self.assertEqual(self.results(answer), ["invalid", "invalid"])
        self.assertEqual(self.service.runs(), [])

    def test_each_field_is_checked_as_for_a_single_run(self):
        for name, value in (("run_id", ""), ("agent_name", None), ("job_type", 5),
                            ("git_commit_source", "robot"), ("api_posted", 2),
                            ("items_failed", 1.5), ("end_time", "never")):
            answer = self.batch([a_run(**{name: value})])
            self.assertIn(name, answer["results"][0]["reason"])

    def test_a_body_that_is_no_array_of_objects_is_422_and_stores_nothing(self):
        run = a_run()
        for body, location in (
            ({}, ["body", "runs"]), ({"runs": None}, ["body", "runs"]),
            ({"runs": {}}, ["body", "runs"]), (run, ["body", "runs"]), ("x", ["body"]),
            (5, ["body"]), (None, ["body"]), ([run, 5], ["body", 1]),
            ([run, [run]], ["body", 1]), ({"runs": [run, run, None]}, ["body", "runs", 2]),
        ):
            with self.subTest(body=body):
                self.assert_faults(self.send(json.dumps(body), path=BATCH), tuple(location))
        self.assert_faults(self.send("[1, {}, 2]", path=BATCH), ("body", 0), ("body", 2))
        self.assertEqual(self.service.runs(), [])

    def test_what_is_no_json_is_400_with_the_offset(self):
        body = json.dumps([a_run(), a_run()])
        self.assert_detail(self.send(body[:-1], path=BATCH), 400, f"offset {len(body) - 1}")
        self.assert_detail(self.send(body.replace("tester", "\t", 1), path=BATCH), 400, "offset")
        self.assert_detail(self.send(None, path=BATCH), 400, "empty")
        self.assertEqual(self.service.runs(), [])

    def test_too_much_is_413(self):
        service = self.start_service(base=self.base / "small", TELEMETRY_API_MAX_BODY_MB=1)
        response = service.post([a_run(error_details="x" * (1 << 20))], BATCH)
        self.assert_detail(response, 413, "1048576")
        self.assert_detail(self.send("[" + "{}," * 100000 + "{}]", path=BATCH), 413, "100000")

    def test_batch_is_no_run(self):
        for method in ("GET", "HEAD", "PATCH"):
            response = self.service.request(method, BATCH, data="{}")
            self.assertEqual(response.status_code, 405)
            self.assertEqual(response.headers["Allow"], "POST, OPTIONS")
        self.assertEqual(self.service.request("OPTIONS", BATCH).headers["Allow"], "POST, OPTIONS")


if __name__ == "__main__":
    harness.main()
