# SPDX-License-Identifier: MIT
"""Reads that come many at a time share a transaction, and let go of the database when it is over."""
import json
import sqlite3

import harness
from harness import a_run

AT_ONCE = 100


class Bursts(harness.TestCase):
    @staticmethod
    def request(event_id):
        return f"GET /api/v1/runs/{event_id} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()

    def make_runs(self, service):
        runs = [a_run(error_details=f"of {number}") for number in range(AT_ONCE)]
        self.assertEqual(service.post(runs, "/api/v1/runs/batch").status_code, 200)
        return runs

    def assert_answers(self, answers, runs):
        for answer, run in zip(answers, runs):
            self.assertEqual(answer.status, 200)
            stored = json.loads(answer.body)
            for name in ("event_id", "error_details"):
                self.assertEqual(stored[name], run[name])

    def may_commit(self):
        connection = sqlite3.connect(self.database, timeout=0, isolation_level=None)
        try:
            connection.execute("BEGIN EXCLUSIVE")
            return True
        except sqlite3.OperationalError:
            return False
        finally:
            connection.close()

    def test_each_has_its_answer_and_others_can_write_when_all_are_answered(self):
        service = self.start_service()
        runs = self.make_runs(service)
        self.assertEqual(service.get("/api/v1/runs/absent").status_code, 404)
        for _ in range(3):
            requests = [self.request(run["event_id"]) for run in runs]
            self.assert_answers(harness.ask_at_once(service, requests), runs)
            harness.wait_until(self.may_commit, "the end of the lock")
            self.assertEqual(service.post(a_run()).status_code, 201)


if __name__ == "__main__":
    harness.main()
