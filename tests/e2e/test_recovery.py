# SPDX-License-Identifier: MIT
"""What only the audit trail has after an unclean stop is brought in, by the service and by
`telemetry sync`, and nothing that the database learnt later is undone.
"""
import json
import os

import harness
import trail

OTHER_BOOT = "00000000-0000-0000-0000-000000000000"


class RecoveryTest(trail.TrailTestCase):
    def setUp(self):
        super().setUp()
        self.service = self.start_service()
        harness.wait_until(lambda: not self.state.read_text().startswith("all"), "the first round")

    @property
    def state(self):
        return self.database.with_name("telemetry.sqlite.trail")

    def assert_compared(self, service):
        harness.wait_until(lambda: any("compared the audit trail" in line for line in service.log),
                           "the comparison")

    def restart(self, kill=True):
        """Stop the service, cleanly or not, and start it anew; it has compared when this returns."""
        if kill:
            self.service.kill()
        else:
            self.assertEqual(self.service.stop(), 0)
        self.service = self.start_service()
        if kill:
            self.assert_compared(self.service)

    def get(self, event_id):
        answer = self.service.get("/api/v1/runs/" + event_id)
        return answer.json() if answer.status_code == 200 else None

    def post(self, **fields):
        run = harness.a_run(**fields)
        self.assertEqual(self.service.post(run).status_code, 201)
        return run

    # ---- what is missing ----

    def test_brings_in_runs_that_the_database_lacks(self):
        started = self.run_line(metrics_json='{"pages": 3}', items_failed=2)
        ended = dict(started, status="success", end_time="2025-12-10T12:30:00Z")
        other = self.run_line()
        self.write_trail(started, other, ended)
        self.restart()
        self.assertEqual(len(self.service.runs()), 2)
        run = self.get(started["event_id"])
        self.assertEqual((run["status"], run["metrics_json"], run["items_failed"]),
                         ("success", {"pages": 3}, 2))
        self.assertEqual(self.get(other["event_id"])["status"], "running")

    def test_ends_a_run_whose_end_was_lost(self):
        run = self.post()
        self.write_trail(dict(run, record_type="run"),
                         dict(run, record_type="run", status="failure", error_summary="why"))
        self.restart()
        self.assertEqual((self.get(run["event_id"])["status"], self.get(run["event_id"])["error_summary"]),
                         ("failure", "why"))

    def test_brings_in_a_commit_that_was_lost(self):
        run = self.post(run_id="with-commit", status="success")
        self.write_trail(dict(run, record_type="run"),
                         self.commit_line("with-commit", "abcdef1234567", trail.now()))
        self.restart()
        self.assertEqual(self.get(run["event_id"])["git_commit_hash"], "abcdef1234567")

    def test_brings_in_a_commit_of_a_run_that_was_changed_since(self):
        run = self.post(run_id="with-commit")
        self.write_trail(self.commit_line("with-commit", "abcdef1234567", trail.now()))
        self.assertEqual(self.service.patch(run["event_id"], {"items_failed": 1}).status_code, 200)
        self.restart()
        self.assertEqual(self.get(run["event_id"])["git_commit_hash"], "abcdef1234567")

    def test_brings_in_the_last_of_many_commits_however_far_apart(self):
        run = self.post(run_id="with-commits")
        others = [self.run_line(status="success") for _ in range(250)]
        hashes = [f"{number:07x}" for number in range(1, 4)]
        lines = [self.commit_line("with-commits", commit, trail.now()) for commit in hashes]
        self.write_trail(lines[0], *others[:120], lines[1], *others[120:], lines[2])
        self.assertEqual(self.service.patch(run["event_id"], {"items_failed": 1}).status_code, 200)
        self.restart()
        self.assertEqual(self.get(run["event_id"])["git_commit_hash"], hashes[-1])
        self.assertEqual(len(self.service.runs(limit=1000)), 251)

    def test_brings_in_a_commit_in_place_of_an_earlier_one(self):
        run = self.post(run_id="with-commit")
        self.assertEqual(self.service.patch(run["event_id"], {"git_commit_hash": "1234567"}).status_code, 200)
        self.write_trail(self.commit_line("with-commit", "abcdef1234567", trail.now()))
        self.restart()
        self.assertEqual(self.get(run["event_id"])["git_commit_hash"], "abcdef1234567")

    def test_brings_in_a_commit_whole(self):
        run = self.post(run_id="with-commit")
        change = {"git_commit_hash": "1234567", "git_commit_author": "Zoë"}
        self.assertEqual(self.service.patch(run["event_id"], change).status_code, 200)
        self.write_trail(self.commit_line("with-commit", "abcdef1234567", trail.now()))
        self.restart()
        self.assertIsNone(self.get(run["event_id"])["git_commit_author"])

    def test_puts_no_commit_in_place_of_a_later_one(self):
        run = self.post(run_id="with-commit")
        self.write_trail(self.commit_line("with-commit", "abcdef1234567", trail.now()))
        self.assertEqual(self.service.patch(run["event_id"], {"git_commit_hash": "1234567"}).status_code, 200)
        self.restart()
        self.assertEqual(self.get(run["event_id"])["git_commit_hash"], "1234567")

    def test_gives_a_commit_to_no_later_run_of_that_name(self):
        noted_at = trail.now()
        run = self.post(run_id="again")
        self.write_trail(self.commit_line("again", "abcdef1234567", noted_at))
        self.restart()
        self.assertIsNone(self.get(run["event_id"])["git_commit_hash"])

    def test_delivers_what_is_buffered_first(self):
        run = self.run_line(event_id="b", run_id="r")
        self.service.kill()
        self.write_trail(dict(run, status="success", items_failed=1))
        buffer = self.base / "buffer"
        buffer.mkdir(mode=0o700, exist_ok=True)
        path = buffer / "telemetry_20251210_120000-tel-1-abcdef01.jsonl.ready"
        path.write_text(json.dumps(dict(run, status="failure")) + "\n")
        path.chmod(0o600)
        self.restart()
        self.assertEqual(self.get("b")["status"], "failure")
        self.assertFalse(path.exists())

    # ---- what must stay ----

    def test_undoes_nothing_that_came_later(self):
        run = self.post(run_id="later", status="success", error_summary="typo", items_failed=3)
        line = dict(run, record_type="run")
        commit = self.commit_line("later", "abcdef1234567", trail.now())
        self.write_trail(line, commit)
        change = {"status": "partial", "error_summary": None, "items_failed": 0,
                  "git_commit_hash": "1234567", "metrics_json": {"n": 1}}
        self.assertEqual(self.service.patch(run["event_id"], change).status_code, 200)
        before = trail.rows(self.database)
        self.restart()
        self.assertEqual(trail.rows(self.database), before)

    def test_mixes_no_commit_into_that_of_a_run_that_has_ended(self):
        self.post(run_id="ended", status="success", git_commit_hash="1234567")
        self.write_trail(self.commit_line("ended", "abcdef1234567", trail.now()))
        before = trail.rows(self.database)
        self.restart()
        self.assertEqual(trail.rows(self.database), before)

    def test_may_be_done_again_and_again(self):
        run = self.run_line(status="success")
        self.write_trail(run, self.commit_line("a-run", "abcdef1234567", trail.now()))
        self.restart()
        before = trail.rows(self.database)
        self.assertEqual(before[run["event_id"]]["git_commit_hash"], "abcdef1234567")
        for _ in range(2):
            self.restart()
        self.assertEqual(trail.rows(self.database), before)

    def test_looks_only_at_what_was_written_since_the_last_clean_stop(self):
        old, late, new = self.run_line(), self.run_line(), self.run_line()
        path = self.write_trail(old, day="20251209")
        os.utime(path, (1765300000, 1765300000))
        self.write_trail(late, day="20251210")
        self.write_trail(new)
        self.restart()
        self.assertEqual({run["event_id"] for run in self.service.runs()},
                         {late["event_id"], new["event_id"]})

    def test_a_database_that_is_lost_is_made_of_all_the_trail(self):
        self.service.kill()
        old = self.run_line()
        path = self.write_trail(old, day="20251209")
        os.utime(path, (1765300000, 1765300000))
        for lost in self.database.parent.iterdir():
            lost.unlink()
        self.service = self.start_service()
        self.assert_compared(self.service)
        self.assertIsNotNone(self.get(old["event_id"]))

    def test_after_a_clean_stop_nothing_is_due(self):
        self.restart(kill=False)
        run = self.run_line()
        self.write_trail(run)
        self.restart(kill=False)
        self.assertIsNone(self.get(run["event_id"]))
        self.assertEqual(self.service.stop(), 0)
        self.assertIn(" clean ", self.state.read_text())

    def test_after_another_boot_a_clean_stop_tells_nothing_of_the_buffer(self):
        self.assertEqual(self.service.stop(), 0)
        day, how, _ = self.state.read_text().split()
        self.state.write_text(f"{day} {how} {OTHER_BOOT}\n")
        run = self.run_line()
        self.write_trail(run)
        self.service = self.start_service()
        self.assert_compared(self.service)
        self.assertIsNotNone(self.get(run["event_id"]))

    def test_a_state_that_is_torn_or_lost_counts_as_none(self):
        for damage in (lambda: self.state.unlink(), lambda: self.state.write_text("2026"),
                       lambda: self.state.write_bytes(b"\0" * 60),
                       lambda: self.state.write_text(self.state.read_text().replace("\n", "x\n"))):
            self.assertEqual(self.service.stop(), 0)
            damage()
            run = self.run_line()
            self.write_trail(run)
            self.service = self.start_service()
            self.assert_compared(self.service)
            self.assertIsNotNone(self.get(run["event_id"]))

    # ---- what is bad ----

    def test_bad_lines_are_said_and_keep_nothing_back(self):
        good = self.run_line()
        self.write_trail("no JSON\n", "\0" * 20 + "\n", self.run_line(items_failed=-1),
                         {"record_type": "run"}, "[1]\n", "\n", good, '{"torn')
        self.restart()
        self.assertIsNotNone(self.get(good["event_id"]))
        self.assertEqual(len(self.service.runs()), 1)
        log = "\n".join(self.service.log)
        for number in (1, 2, 3, 4, 5):
            self.assertIn(f"{self.trail().name}:{number} is left out", log)
        self.assertIn("6 bad lines", log)

    def test_a_trail_that_cannot_be_read_keeps_nobody_from_being_served(self):
        self.service.kill()
        self.trail().parent.mkdir(exist_ok=True)
        self.trail().mkdir()
        self.service = self.start_service()
        harness.wait_until(lambda: any("could not be compared" in line for line in self.service.log),
                           "the complaint")
        self.post()
        self.assertEqual(self.service.stop(), 0)
        self.assertIn(" open ", self.state.read_text())

    # ---- by the command ----

    def test_the_command_does_so_when_no_service_runs(self):
        run = self.run_line(status="success")
        self.service.kill()
        self.write_trail(run)
        result = self.telemetry("sync")
        self.assertEqual((result.returncode, result.stdout),
                         (0, b"1 run brought in from the audit trail.\n"), result.stderr)
        self.assertIn(run["event_id"], trail.rows(self.database))
        result = self.telemetry("sync", "--json")
        self.assertEqual(json.loads(result.stdout)["recovered"], 0)


if __name__ == "__main__":
    harness.main()
