# SPDX-License-Identifier: MIT
"""telemetry rebuild: the database made from the audit trail, equal to the one that was lost."""
import ctypes
import json
import os
import pty
import shutil
import sqlite3
import subprocess
import sys

import harness
import native
import trail

EMBEDDED = {"TELEMETRY_MODE": "embedded"}


# ---- What records, in a process of its own -------------------------------------------------------

def record_all_kinds():
    """Runs that end well and badly, one below another, one with a commit, one that never ends."""
    library = native.load()
    client = ctypes.c_void_p()
    assert library.tel_client_new(ctypes.byref(client), None) == 0

    def start(agent):
        run_id = ctypes.create_string_buffer(256)
        assert library.tel_client_start_run(client, run_id, agent.encode(), b"test", None) == 0
        return run_id.value

    for agent, status in (("plain", b"success"), ("Übersetzer ✓ 😀", b"failure"), ("slow", b"timeout")):
        run_id = start(agent)
        assert library.tel_client_log_event(client, run_id, b"page", b'{"n": 1}') == 0
        assert library.tel_client_end_run(client, run_id, status, None) == 0
    during = start("commits while it runs")
    after = start("commits afterwards")
    start("never ends")

    def commit(run_id, commit_hash):
        return library.tel_client_associate_commit(client, run_id, commit_hash, b"llm",
                                                   "Zoë <z@example.org>".encode(),
                                                   b"2025-12-10T12:00:00+02:00")
    assert commit(during, b"1" * 40) == 0
    for run_id in (during, after):
        assert library.tel_client_end_run(client, run_id, b"success", None) == 0
    assert commit(after, b"2" * 40) == 0
    library.tel_client_free(client)


# ---- What must become of it ----------------------------------------------------------------------

class RebuildTest(trail.TrailTestCase):
    def rebuild(self, *arguments, status=0, **options):
        """Run it with --json; return what it prints."""
        result = self.telemetry("rebuild", "--json", *arguments, **options)
        self.assertEqual(result.returncode, status, result.stderr)
        self.complaints = result.stderr.decode()
        return json.loads(result.stdout) if result.stdout else None

    def assert_counts(self, report, **counts):
        self.assertEqual({key: report[key] for key in counts}, counts, report)

    def rejects(self):
        path = self.database.with_name("telemetry.sqlite.rejected")
        return [json.loads(line) for line in path.read_text().splitlines()]

    def record_for_real(self, **settings):
        settings = {"TELEMETRY_CALL_BUDGET_MS": 60000, **settings}
        result = subprocess.run([sys.executable, __file__, "record"], capture_output=True, text=True,
                                env=self.environment(**settings, **native.settings()), check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        script = ('printf "metrics.pages=3\\nmetrics.größe=1.5\\noutput_summary=fünf\\n'
                  'items_succeeded=42\\n" > "$TELEMETRY_RUN_FILE"; echo "so \\"it\\" goes"; exit 3')
        inner = (harness.program("telemetry"), "run", "-a", "inner", "--", "sh", "-c", script)
        result = self.telemetry("run", "-a", "outer", "-t", "metrics.k=v", "--", *inner,
                                settings=settings)
        self.assertEqual(result.returncode, 3, result.stderr)

    def assert_rebuilt_equal(self):
        old = trail.rows(self.database)
        self.assertEqual(len(old), 8)
        self.assertEqual(sum(row["git_commit_hash"] is not None for row in old.values()), 2)
        report = self.rebuild("--force")
        self.assert_counts(report, runs=8, bad=0, lost_commits=0, rejected=None)
        self.assertEqual(trail.rows(self.database), old)
        self.assertEqual(trail.rows(report["kept"]), old)

    # ---- equal ----

    def test_is_equal_to_what_the_service_stored(self):
        service = self.start_service()
        self.record_for_real(TELEMETRY_API_URL=service.url)
        self.assertEqual(service.stop(), 0)
        self.assert_rebuilt_equal()

    def test_is_equal_to_what_embedded_clients_stored(self):
        self.record_for_real(**EMBEDDED)
        self.assert_rebuilt_equal()

    def test_what_waits_in_the_buffer_comes_to_nothing_new(self):
        self.record_for_real()
        self.rebuild()
        rebuilt = trail.rows(self.database)
        self.assertEqual(len(rebuilt), 8)
        self.assertEqual(self.telemetry("sync").returncode, 0)
        self.assertEqual(trail.rows(self.database), rebuilt)

    def test_reads_every_day_in_order_and_a_line_that_comes_twice_once(self):
        first = self.run_line(status="running", metrics_json={"größe": [1, None, "\n"]})
        last = dict(first, status="success", end_time="2025-12-11T00:00:01Z", items_failed=7)
        self.write_trail(last, last, day="20251211")
        self.write_trail(first, first, day="20251210")
        self.assert_counts(self.rebuild(), files=2, lines=4, runs=1, bad=0)
        row = trail.rows(self.database)[first["event_id"]]
        self.assertEqual((row["status"], row["items_failed"]), ("success", 7))
        self.assertEqual(json.loads(row["metrics_json"]), first["metrics_json"])

    def test_has_a_runs_last_commit_whole(self):
        run = self.run_line(run_id="r", git_commit_hash="1234567", git_commit_author="Zoë")
        self.write_trail(run, self.commit_line("r", "abcdef1234567", trail.now()))
        self.rebuild()
        row = trail.rows(self.database)[run["event_id"]]
        self.assertEqual((row["git_commit_hash"], row["git_commit_author"]), ("abcdef1234567", None))

    def test_dates_a_run_that_does_not_say_when_it_was_made_by_its_start(self):
        run = self.run_line(start_time="2025-12-10T12:00:00+01:00", created_at=None)
        self.write_trail(run)
        self.rebuild()
        row = trail.rows(self.database)[run["event_id"]]
        self.assertEqual(row["created_at"], "2025-12-10T11:00:00.000000+00:00")

    def test_the_service_goes_on_with_it(self):
        run = self.run_line()
        self.write_trail(run)
        self.rebuild()
        service = self.start_service()
        self.assertEqual(service.get("/api/v1/runs/" + run["event_id"]).status_code, 200)
        self.assertEqual(service.post(harness.a_run()).status_code, 201)

    # ---- bad lines ----

    def test_sets_bad_lines_aside_with_their_place(self):
        good = [self.run_line(), self.run_line()]
        bad = ["no JSON\n", "\0\xff\n", self.run_line(status="unheard of"), "[1]\n", '{"torn']
        path = self.write_trail(good[0], *bad[:2], good[1], *bad[2:])
        report = self.rebuild()
        self.assert_counts(report, runs=2, bad=5)
        rejects = self.rejects()
        self.assertEqual([reject["at"] for reject in rejects],
                         [f"{path.name}:{number}" for number in (2, 3, 5, 6, 7)])
        self.assertTrue(all(reject["reason"] for reject in rejects))
        self.assertEqual((rejects[0]["line"], rejects[4]["line"]), ("no JSON", '{"torn'))
        self.assertIn(report["rejected"], self.complaints)
        self.assertEqual(set(trail.rows(self.database)), {run["event_id"] for run in good})

    def test_does_not_keep_the_bad_lines_of_the_time_before(self):
        self.write_trail("no JSON\n")
        self.rebuild()
        self.rebuild("--force")
        self.assertEqual(len(self.rejects()), 1)

    def test_counts_a_commit_whose_run_is_nowhere(self):
        self.write_trail(self.run_line(run_id="there"), self.commit_line("away", "a" * 40, trail.now()))
        self.assert_counts(self.rebuild(), runs=1, bad=0, lost_commits=1)

    # ---- refusals ----

    def test_does_not_replace_a_database_unless_forced(self):
        self.record(settings=EMBEDDED)
        old = trail.rows(self.database)
        self.write_trail(self.run_line())
        self.rebuild(status=5)
        self.assertIn("--force", self.complaints)
        self.assertEqual(trail.rows(self.database), old)

    def test_does_nothing_while_the_service_runs(self):
        self.start_service()
        self.write_trail(self.run_line())
        link = self.base / "link"
        link.symlink_to(self.database)
        for arguments in ((), (str(link),)):
            before = sorted(self.database.parent.iterdir())
            self.rebuild("--force", *arguments, status=5)
            self.assertRegex(self.complaints, r"telemetry: .*pid \d+")
            self.assertEqual(sorted(self.database.parent.iterdir()), before)

    def test_notices_a_service_with_a_lock_elsewhere_by_that_services_settings(self):
        settings = {"TELEMETRY_DB_PATH": self.base / "other.sqlite",
                    "TELEMETRY_LOCK_FILE": self.base / "elsewhere.lock"}
        self.start_service(**settings)
        self.write_trail(self.run_line())
        for arguments in ((), (str(settings["TELEMETRY_DB_PATH"]),)):
            self.rebuild("--force", *arguments, status=5, settings=settings)
            self.assertRegex(self.complaints, r"telemetry: .*pid \d+")
        self.assertIn("TELEMETRY_LOCK_FILE", self.telemetry("rebuild", "--help").stdout.decode())

    def test_does_nothing_while_another_program_writes(self):
        self.record(settings=EMBEDDED)
        old = trail.rows(self.database)
        writer = sqlite3.connect(self.database, isolation_level=None)
        self.addCleanup(writer.close)
        writer.execute("BEGIN EXCLUSIVE")
        self.rebuild("--force", status=5)
        writer.execute("ROLLBACK")
        self.assertEqual(trail.rows(self.database), old)

    def test_without_a_trail_leaves_the_database(self):
        self.record(settings=EMBEDDED)
        shutil.rmtree(self.base / "raw")
        old = trail.rows(self.database)
        self.rebuild("--force", status=3)
        self.assertIn("no audit trail", self.complaints)
        self.assertEqual(trail.rows(self.database), old)

    def test_without_a_trail_nothing_is_made(self):
        self.rebuild(status=3)
        self.assertIn("there is no audit trail", self.complaints)
        self.assertFalse(self.database.exists())
        self.assertEqual([name for name in os.listdir(self.database.parent) if "rebuild" in name], [])

    def test_takes_one_file(self):
        self.assertEqual(self.telemetry("rebuild", "a", "b").returncode, 2)

    # ---- files ----

    def test_makes_another_file_while_the_service_runs(self):
        self.start_service()
        run = self.run_line()
        self.write_trail(run)
        other = self.base / "other.sqlite"
        self.rebuild(str(other))
        self.assertEqual(list(trail.rows(other)), [run["event_id"]])
        self.rebuild(str(other), status=5)
        self.assertEqual(other.stat().st_mode & 0o777, 0o600)

    def test_leaves_another_file_alone_while_a_service_has_it(self):
        self.record(settings=EMBEDDED)
        other = self.base / "other.sqlite"
        self.start_service(TELEMETRY_DB_PATH=other)
        file = other.stat().st_ino
        self.rebuild("--force", str(other), status=5)
        self.assertRegex(self.complaints, r"telemetry: .*pid \d+")
        self.assertEqual(other.stat().st_ino, file)
        self.assertEqual(list(self.base.glob("other.sqlite.re*")), [])

    def test_replaces_what_a_link_leads_to(self):
        self.record(settings=EMBEDDED)
        target = self.base / "target.sqlite"
        self.database.rename(target)
        self.database.symlink_to(target)
        self.rebuild("--force")
        self.assertTrue(self.database.is_symlink())
        self.assertEqual(len(trail.rows(target)), 1)

    def test_replaces_a_file_that_is_damaged(self):
        self.record(settings=EMBEDDED)
        old = trail.rows(self.database)
        self.database.write_bytes(b"no database" * 1000)
        self.rebuild("--force")
        self.assertEqual(trail.rows(self.database), old)

    def kill_a_writer(self):
        """Leave the database as a writer does that is killed: half changed, with a hot journal."""
        journal = self.database.with_name("telemetry.sqlite-journal")
        connection = sqlite3.connect(self.database, isolation_level=None)
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.execute("UPDATE agent_runs SET agent_name = 'half done'")
        connection.executemany("INSERT INTO commits (commit_hash) VALUES (?)",
                               [(f"{i:0500}",) for i in range(500)])
        files = {path: path.read_bytes() for path in (self.database, journal)}
        connection.execute("ROLLBACK")
        connection.close()
        for path, content in files.items():
            path.write_bytes(content)
        return journal

    def test_a_journal_that_was_left_is_not_rolled_back_into_the_new_database(self):
        run = self.run_line()
        self.write_trail(run)
        self.rebuild()
        journal = self.kill_a_writer()
        self.database.unlink()
        self.rebuild()
        self.assertFalse(journal.exists())
        self.assertEqual(set(trail.rows(self.database)), {run["event_id"]})

    def test_killed_over_a_hot_journal_leaves_the_old_database_whole(self):
        if not harness.can_trace():
            self.skipTest("nothing can be traced here")
        run = self.run_line(created_at="2025-12-10T12:00:00Z")
        self.write_trail(run)
        self.rebuild()
        old = trail.rows(self.database)[run["event_id"]]
        self.write_trail(self.run_line())
        for call, numbers in (("link", 1), ("rename", 4), ("fsync", 6), ("unlink", 8)):
            for number in range(1, numbers + 1):
                self.kill_a_writer()
                subprocess.run(["strace", "-f", "-o", "/dev/null", "-e",
                                f"inject={call}:signal=SIGKILL:when={number}",
                                harness.program("telemetry"), "rebuild", "--force"],
                               env=self.environment(), capture_output=True, check=False)
                with self.subTest(call=call, number=number):
                    for path in (self.database, *self.database.parent.glob("*.replaced")):
                        self.assertEqual(trail.rows(path)[run["event_id"]], old)

    def test_killed_at_any_moment_leaves_a_whole_database(self):
        if not harness.can_trace():
            self.skipTest("nothing can be traced here")
        self.record(settings=EMBEDDED)
        old = trail.rows(self.database)
        self.write_trail(self.run_line())
        for call in ("pwrite64", "fdatasync", "link", "rename", "fsync"):
            for number in (1, 2, 4):
                with self.subTest(call=call, number=number):
                    subprocess.run(["strace", "-f", "-o", "/dev/null", "-e",
                                    f"inject={call}:signal=SIGKILL:when={number}",
                                    harness.program("telemetry"), "rebuild", "--force"],
                                   env=self.environment(), capture_output=True, check=False)
                    new = trail.rows(self.database)
                    self.assertIn(len(new), (len(old), len(old) + 1))
                    self.assertLessEqual(old.items(), new.items())
        self.rebuild("--force")
        self.assertEqual(len(trail.rows(self.database)), len(old) + 1)
        self.assertFalse(self.database.with_name("telemetry.sqlite.rebuild").exists())

    # ---- what is said ----

    def test_shows_its_progress_on_a_terminal_alone(self):
        self.write_trail(*[self.run_line() for _ in range(3)])
        leader, follower = pty.openpty()
        result = self.telemetry("rebuild", stderr=follower)
        os.close(follower)
        shown = os.read(leader, 65536).decode()
        os.close(leader)
        self.assertIn("\r\x1b[K3 lines", shown)
        self.assertEqual(result.stdout, b"3 runs from 3 lines of 1 file.\n")
        self.assertEqual(self.telemetry("rebuild", "-q", "--force").stderr, b"")


if __name__ == "__main__":
    if sys.argv[1:] == ["record"]:
        record_all_kinds()
    else:
        harness.main()
