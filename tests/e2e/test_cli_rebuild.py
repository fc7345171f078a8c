# SPDX-License-Identifier: MIT
"""telemetry rebuild: the database from the audit trail, equal field by field."""
import json
import os
import sqlite3

import harness
import trail


class RebuildTest(trail.TrailTestCase):
    def rebuild(self, *arguments, status=0):
        """Run it with --json; return what it prints."""
        result = self.telemetry("rebuild", "--json", *arguments)
        self.assertEqual(result.returncode, status, result.stderr)
        self.complaints = result.stderr.decode()
        return json.loads(result.stdout) if result.stdout else None

    def test_the_new_database_equals_the_one_that_was_lost(self):
        service = self.start_service()
        settings = {"TELEMETRY_API_URL": service.url}
        for i in range(5):
            self.record("--agent", f"agent {i}", "-t", f"items_failed={i}", settings=settings)
        self.assertEqual(service.stop(), 0)
        self.record("--agent", "buffered")
        self.assertEqual(self.telemetry("sync").returncode, 0)
        before = trail.rows(self.database)
        self.assertEqual(len(before), 6)
        self.database.unlink()
        report = self.rebuild()
        self.assertEqual((report["runs"], report["files"], report["bad"], report["kept"]),
                         (6, 1, 0, None))
        self.assertEqual(trail.rows(self.database), before)
        self.assertEqual(self.database.stat().st_mode & 0o777, 0o600)

    def test_many_runs_in_one_batch_and_commits_come_out_as_they_were_written(self):
        runs = [self.run_line(run_id=f"r{i}") for i in range(6000)]
        self.write_trail(*runs[:3000], day="20251209")
        self.write_trail(*runs[3000:], *(dict(run, status="success", metrics_json='{"n":1}')
                                         for run in runs))
        self.write_trail(self.commit_line("r7", "abcdef1234567", trail.now()),
                         self.commit_line("r7", "1234567abcdef", trail.now()),
                         self.commit_line("nobody", "1234567abcdef", trail.now()),
                         {"record_type": "event", "run_id": "r1", "event_type": "step"})
        report = self.rebuild()
        self.assertEqual((report["runs"], report["lines"], report["events"], report["bad"],
                          report["lost_commits"]), (6000, 12003, 1, 0, 1))
        rows = {row["run_id"]: row for row in trail.rows(self.database).values()}
        self.assertEqual({(row["status"], row["metrics_json"]) for row in rows.values()},
                         {("success", '{"n":1}')})
        self.assertEqual(rows["r7"]["git_commit_hash"], "1234567abcdef")

    def test_bad_lines_are_set_aside_with_their_place(self):
        good = self.run_line()
        self.write_trail("no JSON\n", good, self.run_line(items_failed=-1), "\0\0\n", '{"torn')
        report = self.rebuild()
        self.assertEqual((report["runs"], report["bad"]), (1, 4))
        self.assertIn("4 lines could not be used", self.complaints)
        with open(report["rejected"], encoding="utf-8") as file:
            rejected = [json.loads(line) for line in file]
        name = self.trail().name
        self.assertEqual([line["at"] for line in rejected], [f"{name}:{n}" for n in (1, 3, 4, 5)])
        self.assertEqual((rejected[0]["line"], rejected[3]["line"]), ("no JSON", '{"torn'))
        self.assertEqual(list(trail.rows(self.database)), [good["event_id"]])

    def test_a_database_that_is_there_is_replaced_by_force_alone_and_kept(self):
        old, new = self.run_line(), self.run_line()
        self.write_trail(old)
        self.rebuild()
        self.write_trail(new)
        self.rebuild(status=5)
        self.assertIn("--force", self.complaints)
        self.assertEqual(set(trail.rows(self.database)), {old["event_id"]})
        report = self.rebuild("--force")
        self.assertEqual(set(trail.rows(self.database)), {old["event_id"], new["event_id"]})
        self.assertEqual(set(trail.rows(report["kept"])), {old["event_id"]})

    def test_a_journal_that_was_left_is_not_rolled_back_into_the_new_database(self):
        run = self.run_line()
        self.write_trail(run)
        self.rebuild()
        connection = sqlite3.connect(self.database, isolation_level=None)
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO commits (commit_hash) VALUES (?)",
                               [(f"{i:0500}",) for i in range(500)])
        journal = self.database.with_name("telemetry.sqlite-journal")
        hot = journal.read_bytes()
        connection.execute("ROLLBACK")
        connection.close()
        self.database.unlink()
        journal.write_bytes(hot)
        self.rebuild()
        self.assertFalse(journal.exists())
        self.assertEqual(set(trail.rows(self.database)), {run["event_id"]})

    def test_a_damaged_database_is_replaced(self):
        run = self.run_line()
        self.write_trail(run)
        self.rebuild()
        with open(self.database, "r+b") as file:
            file.write(b"nonsense" * 1000)
        self.rebuild("--force")
        self.assertEqual(set(trail.rows(self.database)), {run["event_id"]})

    def test_into_another_file_beside_a_service(self):
        run = self.run_line()
        self.write_trail(run)
        self.start_service()
        target = self.base / "other.sqlite"
        self.rebuild(status=5)
        self.assertRegex(self.complaints, r"pid \d+")
        self.rebuild(str(target))
        self.assertEqual(set(trail.rows(target)), {run["event_id"]})

    def test_without_a_trail_nothing_is_made(self):
        self.rebuild(status=3)
        self.assertIn("there is no audit trail", self.complaints)
        self.assertFalse(self.database.exists())
        self.assertEqual([name for name in os.listdir(self.database.parent) if "rebuild" in name], [])

    def test_says_in_words_what_it_did(self):
        self.write_trail(self.run_line())
        result = self.telemetry("rebuild")
        self.assertEqual((result.returncode, result.stdout), (0, b"1 run from 1 line of 1 file.\n"))


if __name__ == "__main__":
    harness.main()
