# SPDX-License-Identifier: MIT
"""telemetry verify: do audit trail, buffer and database agree?"""
import json
import sqlite3

import harness
import trail


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

    def test_a_damaged_database_cannot_be_verified(self):
        self.write_trail(self.run_line())
        self.assertEqual(self.telemetry("rebuild").returncode, 0)
        with open(self.database, "r+b") as file:
            file.write(b"nonsense" * 1000)
        self.assertEqual(self.telemetry("verify").returncode, 4)


if __name__ == "__main__":
    harness.main()
