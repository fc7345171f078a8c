# SPDX-License-Identifier: MIT
"""telemetry verify: do audit trail, buffer and database agree?"""
import json
import os
import sqlite3

import harness
import header
import trail

NOT_COMPARED = ("id", "event_id", "updated_at", "schema_version", "api_posted", "api_posted_at",
                "api_retry_count")
OTHER_VALUES = {"status": "failure", "metrics_json": '{"n": 2}', "context_json": "[]",
                "git_commit_source": "ci"}


class VerifyTest(trail.TrailTestCase):
    def verify(self, status=0):
        result = self.telemetry("verify", "--json")
        self.assertEqual(result.returncode, status, result.stderr)
        report = json.loads(result.stdout)
        self.assertEqual(report["agree"], status == 0)
        return report

    def change(self, sql, *values):
        with sqlite3.connect(self.database) as connection:
            connection.execute(sql, values)
        connection.close()

    def test_what_was_recorded_agrees_wherever_it_is_on_its_way(self):
        self.verify()
        service = self.start_service()
        for i in range(3):
            self.record("-t", f"items_failed={i}", settings={"TELEMETRY_API_URL": service.url})
        self.assertEqual(self.verify()["agreeing"], 3)
        self.assertEqual(service.stop(), 0)
        self.record()
        report = self.verify()
        self.assertEqual((report["agreeing"], report["database_runs"], report["buffer_lines"]),
                         (4, 3, 2))
        self.assertEqual(self.telemetry("sync").returncode, 0)
        report = self.verify()
        self.assertEqual((report["agreeing"], report["database_runs"], report["buffer_lines"]),
                         (4, 4, 0))

    def test_names_runs_that_are_missing_on_either_side_and_fields_that_differ(self):
        runs = [self.run_line(status="success", metrics_json='{"a": 1, "b": 2}') for _ in range(4)]
        self.write_trail(*runs, "no JSON\n")
        self.assertEqual(self.telemetry("rebuild").returncode, 0)
        self.verify()
        ids = [run["event_id"] for run in runs]
        self.change("DELETE FROM agent_runs WHERE event_id = ?", ids[0])
        self.change("UPDATE agent_runs SET event_id = 'stranger' WHERE event_id = ?", ids[1])
        self.change("UPDATE agent_runs SET items_failed = 3, agent_owner = 'me' WHERE event_id = ?",
                    ids[2])
        self.change("UPDATE agent_runs SET metrics_json = '{\"b\":2,\"a\":1}' WHERE event_id = ?",
                    ids[3])
        report = self.verify(status=1)
        self.assertEqual({run["event_id"] for run in report["missing_in_database"]}, set(ids[:2]))
        self.assertEqual([run["event_id"] for run in report["missing_in_trail"]], ["stranger"])
        self.assertEqual([(run["event_id"], run["fields"]) for run in report["different"]],
                         [(ids[2], {"items_failed": {"trail": 0, "database": 3},
                                    "agent_owner": {"trail": None, "database": "me"}})])
        self.assertEqual((report["agreeing"], report["trail_bad"]), (1, 1))
        result = self.telemetry("verify")
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"stranger is not in the audit trail\n", result.stdout)
        self.assertIn(b"1 runs agree; 2 only in the audit trail, 1 not in it, 1 differ", result.stdout)

    # ---- each disagreement by itself ----

    def rebuilt(self, *runs):
        """Runs that trail and database agree on."""
        self.write_trail(*runs)
        self.assertEqual(self.telemetry("rebuild").returncode, 0)

    def leave_in_the_buffer(self, *lines):
        """A file of the buffer that nobody writes to any more."""
        path = self.base / "buffer" / "telemetry_20251210_120000-tel-1-abcdef01.jsonl.ready"
        path.parent.mkdir(mode=0o700)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        path.chmod(0o600)
        os.utime(path, (1765300000, 1765300000))

    def assert_alone(self, report, kind, *event_ids):
        """This, of these runs, is all that does not agree."""
        kinds = ("missing_in_database", "missing_in_trail", "different")
        found = {each: [run["event_id"] for run in report[each]] for each in kinds}
        self.assertEqual(found, {each: list(event_ids) if each == kind else [] for each in kinds})
        self.assertEqual([report[each + "_count"] for each in kinds], [len(found[each])
                                                                      for each in kinds])

    def test_a_run_that_the_database_lacks(self):
        run, lost = self.run_line(), self.run_line()
        self.rebuilt(run, lost)
        self.change("DELETE FROM agent_runs WHERE event_id = ?", lost["event_id"])
        self.assert_alone(self.verify(1), "missing_in_database", lost["event_id"])

    def test_a_database_that_is_missing(self):
        run = self.run_line()
        self.write_trail(run)
        self.assert_alone(self.verify(1), "missing_in_database", run["event_id"])

    def test_a_run_that_the_trail_lacks(self):
        run, stranger = self.run_line(), self.run_line()
        self.rebuilt(run, stranger)
        self.trail().write_text(json.dumps(run) + "\n", encoding="utf-8")
        self.assert_alone(self.verify(1), "missing_in_trail", stranger["event_id"])

    def test_a_run_that_only_the_buffer_has(self):
        for is_there in (False, True):
            with self.subTest(database=is_there):
                if is_there:
                    self.rebuilt(self.run_line())
                else:
                    self.leave_in_the_buffer(self.run_line(event_id="waits"))
                self.assert_alone(self.verify(1), "missing_in_trail", "waits")

    def test_an_end_that_only_the_buffer_has(self):
        run = self.run_line()
        self.rebuilt(run)
        self.leave_in_the_buffer({"record_type": "update", "event_id": run["event_id"],
                                  "status": "failure"})
        report = self.verify(1)
        self.assert_alone(report, "different", run["event_id"])
        self.assertEqual(report["different"][0]["fields"],
                         {"status": {"trail": "running", "database": "failure"}})

    def test_a_commit_that_the_database_lacks(self):
        run = self.run_line(run_id="with-commit")
        self.rebuilt(run)
        self.write_trail(self.commit_line("with-commit", "abcdef1234567", trail.now()))
        report = self.verify(1)
        self.assert_alone(report, "different", run["event_id"])
        self.assertEqual(set(report["different"][0]["fields"]),
                         {"git_commit_hash", "git_commit_source"})

    def test_each_field_that_differs(self):
        fields = [name for name, _ in header.run_fields() if name not in NOT_COMPARED]
        self.rebuilt(*[self.run_line(event_id=field, created_at="2025-12-10T12:00:00Z",
                                     metrics_json='{"n": 1}')
                       for field in (*fields, *NOT_COMPARED)])
        for field, is_text in header.run_fields():
            if field in ("id", "event_id"):
                continue
            value = OTHER_VALUES.get(field, "2020-01-01T00:00:00Z" if is_text else 7)
            self.change(f"UPDATE agent_runs SET {field} = ? WHERE event_id = ?", value, field)
        report = self.verify(1)
        self.assert_alone(report, "different", *fields)
        for run in report["different"]:
            self.assertEqual(list(run["fields"]), [run["event_id"]])

    def test_many_that_do_not_agree_are_counted(self):
        self.write_trail(*[self.run_line() for _ in range(23)])
        self.assertEqual(self.verify(1)["missing_in_database_count"], 23)
        lines = self.telemetry("verify").stdout.decode().splitlines()
        self.assertEqual(sum("is in the audit trail alone" in line for line in lines), 21)
        self.assertIn("3 more: is in the audit trail alone", lines)

    def test_a_damaged_database_cannot_be_verified(self):
        self.write_trail(self.run_line())
        self.assertEqual(self.telemetry("rebuild").returncode, 0)
        with sqlite3.connect(self.database) as connection:
            (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE type = 'index'"
                                         " AND sql IS NOT NULL AND name LIKE '%status%'").fetchone()
            (size,) = connection.execute("PRAGMA page_size").fetchone()
        connection.close()
        for place, length in ((page - 1) * size, size), (0, 8000):  # the first is read by nobody else
            with open(self.database, "r+b") as file:
                file.seek(place)
                file.write(b"nonsense" * (length // 8))
            self.assertEqual(self.telemetry("verify").returncode, 4)


if __name__ == "__main__":
    harness.main()
