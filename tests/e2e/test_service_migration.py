# SPDX-License-Identifier: MIT
"""Databases of older versions are brought up without losing anything, and kept as they were."""
import concurrent.futures
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import unittest
import uuid

import harness
import old_databases
from harness import a_run

NEW_INDEXES = {
    "created_at, id, agent_name, status, job_type, api_posted", "status, created_at, id, agent_name, job_type",
    "created_at WHERE parent_run_id IS NULL OR parent_run_id IN ('', 'unknown')",
    "run_id, created_at",
    "parent_run_id, created_at WHERE parent_run_id IS NOT NULL",
    "git_commit_hash, created_at WHERE git_commit_hash IS NOT NULL",
    "insight_id, created_at WHERE insight_id IS NOT NULL",
    "api_posted WHERE api_posted = 0 AND status != 'running'",
}


class MigrationTestCase(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.root = self.base

    def use_new_base(self, name):
        self.base = self.root / re.sub(r"\W+", "-", name)

    def ask(self, sql, path=None):
        connection = sqlite3.connect(path or self.database)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def copies(self):
        return [path for path in self.database.parent.iterdir() if path.name.endswith(".copy")]

    def columns(self, path=None):
        return [row[1] for row in self.ask("PRAGMA table_info(agent_runs)", path)]

    def assert_brought_up(self, old):
        """Everything of the rows `old` is in the database, and nothing else but defaults."""
        self.assertEqual(self.ask("PRAGMA integrity_check"), [("ok",)])
        new = old_databases.dump(self.database)
        self.assertEqual(list(new), list(old))
        for number, row in old.items():
            for column, value in old_databases.expected(row).items():
                if value is uuid.UUID:
                    self.assertEqual(str(uuid.UUID(new[number][column], version=4)),
                                     new[number][column])
                else:
                    self.assertEqual(new[number][column], value, f"{column} of row {number}")
            for column in set(new[number]) - set(old_databases.expected(row)):
                self.assertEqual(new[number][column], number if column == "id" else None, column)
        self.assertEqual(max(row[0] for row in self.ask("SELECT version FROM schema_migrations")),
                         8)


class Migration(MigrationTestCase):
    def test_every_old_version_is_brought_up_field_by_field(self):
        for name in old_databases.OLD_DATABASES:
            with self.subTest(name):
                self.use_new_base(name)
                old_databases.make(self.database, name)
                old = old_databases.dump(self.database)
                service = self.start_service()
                service.stop()
                self.assert_brought_up(old)

    def kill_at(self, call, number):
        """Have the command bring it up, killed before the call of that number. Was it reached?"""
        killed = subprocess.run(
            ["strace", "-f", "-o", "/dev/null", "-e", f"inject={call}:signal=SIGKILL:when={number}",
             harness.program("telemetry"), "list"],
            env=harness.environment(self.base), capture_output=True, check=False)
        return killed.returncode == -signal.SIGKILL

    @unittest.skipUnless(harness.can_trace(), "no strace that may trace")
    def test_every_old_version_survives_being_killed_meanwhile(self):
        """More places of two of them are tried in tests/store/test_migrate.c."""
        for name in old_databases.OLD_DATABASES:
            for call, factor in (("pwrite64", 5), ("fdatasync", 3)):
                number, was_reached = 1, True
                while was_reached:
                    with self.subTest(name, call=call, number=number):
                        self.use_new_base(f"{name} {call} {number}")
                        old_databases.make(self.database, name)
                        old = old_databases.dump(self.database)
                        was_reached = self.kill_at(call, number)
                        self.assertTrue(was_reached or number > 1)
                        self.assertEqual(self.run_program("telemetry", "list").returncode, 0)
                        self.assert_brought_up(old)
                    number *= factor

    def test_a_copy_of_the_file_is_kept_and_named_in_the_log(self):
        for name, (version, _) in old_databases.OLD_DATABASES.items():
            with self.subTest(name):
                self.use_new_base(name)
                old_databases.make(self.database, name)
                old = old_databases.dump(self.database)
                columns = self.columns()
                service = self.start_service()
                service.stop()
                (copy,) = self.copies()
                self.assertRegex(copy.name,
                                 rf"^telemetry\.sqlite\.v{version}-\d{{8}}T\d{{6}}Z\.copy$")
                self.assertTrue(any(str(copy) in line and f"from schema version {version}" in line
                                    for line in service.log), service.log)
                self.assertEqual(stat.S_IMODE(copy.stat().st_mode), 0o600)
                self.assertEqual(self.ask("PRAGMA integrity_check", copy), [("ok",)])
                self.assertEqual(old_databases.dump(copy), old)
                self.assertEqual(self.columns(copy), columns)

    def test_it_is_done_once(self):
        old_databases.make(self.database, "library 4")
        self.start_service().stop()
        rows = old_databases.dump(self.database)
        service = self.start_service()
        service.stop()
        self.assertEqual(len(self.copies()), 1)
        self.assertEqual(old_databases.dump(self.database), rows)
        self.assertFalse(any("schema version" in line for line in service.log))

    def test_the_table_is_that_of_a_new_database(self):
        new = self.base / "new"
        self.start_service(base=new).stop()
        path = new / "db" / "telemetry.sqlite"
        for name in ("library 1", "library 6", "service 6, three columns short"):
            with self.subTest(name):
                self.use_new_base(name)
                old_databases.make(self.database, name)
                self.start_service().stop()
                table = "SELECT name, sql FROM sqlite_schema WHERE name IN ('agent_runs', 'commits')"
                made = {row[0]: " ".join(row[1].replace('"', "").split())
                        .replace(", signed INTEGER", "") for row in self.ask(table)}
                wanted = {row[0]: " ".join(row[1].split()) for row in self.ask(table, path)}
                self.assertEqual(made["agent_runs"], wanted["agent_runs"])
                self.assertEqual(made["commits"], wanted["commits"])

    def test_the_indexes_are_there_once_whatever_they_are_called(self):
        for name in ("library 4", "service 6"):
            with self.subTest(name):
                self.use_new_base(name)
                old_databases.make(self.database, name)
                self.start_service().stop()
                found = [re.sub(r"^[^(]*\(([^)]*)\)", r"\1", " ".join(row[0].split())) for row in self.ask(
                    "SELECT sql FROM sqlite_schema WHERE tbl_name = 'agent_runs' AND type = 'index'"
                    " AND sql IS NOT NULL AND name <> 'their_owner'")]
                self.assertEqual(sorted(found), sorted(NEW_INDEXES))

    def test_what_others_keep_in_the_file_goes_on_working(self):
        for name in ("library 1", "library 6", "service 6"):
            with self.subTest(name):
                self.use_new_base(name)
                old_databases.make(self.database, name)
                self.start_service().stop()
                self.assertEqual(self.ask("SELECT * FROM notes"), [("mine", "run 1")])
                self.assertEqual(len(self.ask("SELECT * FROM failures")), 1)
                self.assertEqual(len(self.ask("SELECT 1 FROM agent_runs INDEXED BY their_owner"
                                              " WHERE host <> '' AND agent_owner = 'x'")), 0)
                connection = sqlite3.connect(self.database)
                self.assertEqual(connection.execute("SELECT * FROM audit").fetchall(), [])
                connection.execute("UPDATE agent_runs SET status = 'cancelled' WHERE id = 3")
                self.assertEqual(len(connection.execute("SELECT * FROM audit").fetchall()), 1)
                connection.execute("UPDATE agent_runs SET run_id = 'run 1' WHERE id = 3")
                connection.execute("DELETE FROM notes")
                self.assertGreaterEqual(connection.execute(
                    "SELECT count(*) FROM agent_runs WHERE host = 'noted'").fetchone()[0], 1)
                connection.close()

    def test_events_and_commits_no_longer_refer_to_a_key_that_is_none(self):
        for name in ("library 1", "library 4", "service 6, nothing recorded"):
            with self.subTest(name):
                self.use_new_base(name)
                old_databases.make(self.database, name)
                old = {table: old_databases.dump(self.database, table)
                       for table in ("run_events", "commits")}
                self.start_service().stop()
                for table, rows in old.items():
                    self.assertEqual(old_databases.dump(self.database, table), rows)
                connection = sqlite3.connect(self.database)
                connection.execute("PRAGMA foreign_keys = ON")
                connection.execute("INSERT INTO run_events (run_id, event_type, timestamp)"
                                   " VALUES ('new', 'page', 'now')")
                self.assertEqual(connection.execute("SELECT max(id) FROM run_events").fetchone()[0],
                                 10)
                connection.execute("INSERT INTO commits (commit_hash, run_id) VALUES ('x', 'new')")
                connection.execute("DROP TABLE IF EXISTS notes")
                connection.execute("DELETE FROM agent_runs")
                connection.close()

    def test_row_numbers_go_on_where_they_were(self):
        old_databases.make(self.database, "service 6")
        service = self.start_service()
        self.assertEqual(service.post(a_run()).status_code, 201)
        service.stop()
        self.assertEqual(self.ask("SELECT max(id) FROM agent_runs"), [(901,)])

    def test_existing_readers_and_writers_go_on(self):
        old_databases.make(self.database, "library 6")
        service = self.start_service()
        service.post(a_run(status="success"))
        service.stop()
        for sql in ("SELECT DISTINCT agent_name FROM agent_runs",
                    "SELECT run_id FROM agent_runs WHERE api_posted = 0 AND status != 'running'",
                    "SELECT status, count(*) FROM agent_runs GROUP BY status",
                    "SELECT * FROM agent_runs WHERE created_at >= datetime('now', '-1 day')"):
            self.assertTrue(self.ask(sql), sql)
        connection = sqlite3.connect(self.database)
        connection.execute("INSERT INTO agent_runs (event_id, run_id, agent_name, job_type,"
                           " start_time, trigger_type) VALUES ('x', 'y', 'z', 'j', 't', 'dream')")
        connection.close()

    def test_a_journal_of_another_kind_is_taken(self):
        old_databases.make(self.database, "library 3")
        connection = sqlite3.connect(self.database, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("UPDATE agent_runs SET host = 'in the journal'")
        for suffix in ("", "-wal", "-shm"):  # as a writer that was killed leaves them
            shutil.copy(f"{self.database}{suffix}", f"{self.base}/left{suffix}")
        connection.close()
        for suffix in ("", "-wal", "-shm"):
            shutil.copy(f"{self.base}/left{suffix}", f"{self.database}{suffix}")
        service = self.start_service()
        self.assertEqual(service.get("/health").json()["journal_mode"], "DELETE")
        service.stop()
        hosts = {row["host"] for row in old_databases.dump(self.database).values()}
        self.assertEqual(hosts, {"in the journal"})
        (copy,) = self.copies()
        hosts = {row["host"] for row in old_databases.dump(copy).values()}
        self.assertEqual(hosts, {"in the journal"})

    def test_metrics_that_are_no_json_are_shown_as_the_contract_says(self):
        old_databases.make(self.database, "library 6")
        service = self.start_service()
        run = service.get("/api/v1/runs/event 1").json()
        self.assertEqual(run["metrics_json"], "no json {")
        self.assertIn("metrics_json_parse_error", run)

    def test_a_row_that_breaks_todays_rules_stops_it_and_nothing_is_changed(self):
        old_databases.make(self.database, "library 2")
        self.break_a_rule()
        content = self.database.read_bytes()
        result = self.run_program("telemetryd", TELEMETRY_API_PORT=0)
        self.assertEqual(result.returncode, 1)
        self.assertIn(str(self.database), result.stderr)
        self.assertIn("CHECK constraint failed: status", result.stderr)
        self.assertIn("mend that row", result.stderr)
        self.assertEqual(self.database.read_bytes(), content)
        self.assertEqual(self.copies(), [])

    def test_rows_without_what_must_be_there_are_kept(self):
        self.database.parent.mkdir(parents=True)
        connection = sqlite3.connect(self.database)
        connection.executescript("CREATE TABLE agent_runs (run_id TEXT PRIMARY KEY, agent_name,"
                                 " start_time); INSERT INTO agent_runs VALUES (NULL, NULL, NULL),"
                                 " ('b', 'c', 'd');")
        connection.close()
        self.start_service().stop()
        self.assertEqual(self.ask("SELECT run_id, agent_name, start_time, created_at, job_type,"
                                  " status FROM agent_runs WHERE id = 1"),
                         [("unknown", "unknown") + ("1970-01-01T00:00:00.000000+00:00",) * 2 +
                          ("unknown", "running")])
        self.assertEqual(self.ask("SELECT count(*) FROM agent_runs"), [(2,)])

    def break_a_rule(self):
        connection = sqlite3.connect(self.database, isolation_level=None)
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE agent_runs SET status = 'sleeping' WHERE run_id = 'run 1'")
        connection.close()


class Commands(MigrationTestCase):
    def test_the_command_brings_up_what_it_reads(self):
        old_databases.make(self.database, "library 5")
        old = old_databases.dump(self.database)
        result = self.run_program("telemetry", "list", "--base", str(self.base))
        self.assertEqual(result.returncode, 0, result.stderr)
        (copy,) = self.copies()
        self.assertIn(str(copy), result.stderr)
        self.assert_brought_up(old)

    def test_two_at_once_bring_it_up_once(self):
        old_databases.make(self.database, "library 5")
        old = old_databases.dump(self.database)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            results = list(pool.map(lambda _: self.run_program("telemetry", "list", "--base",
                                                               str(self.base)), range(4)))
        self.assertIn(0, [result.returncode for result in results])
        self.assertEqual(len(self.copies()), 1)
        self.assert_brought_up(old)


if __name__ == "__main__":
    harness.main()
