# SPDX-License-Identifier: MIT
"""Runs of host programs, told by the example agent: through the service, without it, around its death."""
import json
import os
import signal
import sqlite3
import subprocess
import threading

import harness

AGENT = "examples/agent"
NOBODY = "http://127.0.0.1:1"
PATIENCE_MS = 1000 * harness.PATIENCE_SECONDS


def ended(service, **parameters):
    """All runs, once every one of them has ended; None before."""
    runs = service.runs(**parameters)
    return runs if runs and all(run["status"] != "running" for run in runs) else None


class AgentTest(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.words = self.base / "words.txt"
        self.words.write_text("one two\nthree\n")
        self.missing = self.base / "missing.txt"

    def run_agent(self, *files, **settings):
        """Run an agent to its end, with a budget that lets a slow machine reach a sound service."""
        settings.setdefault("TELEMETRY_CALL_BUDGET_MS", PATIENCE_MS)
        return self.run_program(AGENT, *map(str, files), **settings)

    def start_agent(self, *files, **settings):
        settings.setdefault("TELEMETRY_CALL_BUDGET_MS", PATIENCE_MS)
        agent = subprocess.Popen(
            [harness.program(AGENT), *map(str, files)],
            env=harness.environment(self.base, **settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(agent.stderr.close)
        self.addCleanup(agent.stdout.close)
        self.addCleanup(agent.wait)
        self.addCleanup(agent.kill)
        return agent

    def start_blocked_agent(self, **settings):
        """Start an agent that is in the middle of its run until the function returned is called."""
        fifo = self.base / "fifo"
        os.mkfifo(fifo)
        agent = self.start_agent(fifo, **settings)

        def open_fifo():
            try:
                return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:  # the agent has not come to reading yet
                return None

        writer = os.fdopen(harness.wait_until(open_fifo, "the agent to read"), "w")
        self.addCleanup(writer.close)

        def go_on():
            writer.write("one two three\n")
            writer.close()
            self.assertEqual(agent.wait(harness.PATIENCE_SECONDS), 0)

        return agent, go_on

    def trail(self):
        lines = []
        for path in sorted((self.base / "raw").glob("events_*.ndjson")):
            lines += [json.loads(line) for line in path.read_text().splitlines()]
        return lines

    def buffer_files(self, state):
        return sorted((self.base / "buffer").glob("*" + state))

    def assert_whole(self, run, words=3):
        """The run has ended, and all that its agent said of it has arrived."""
        self.assertEqual(run["agent_name"], "example-agent")
        self.assertEqual(run["status"], "success")
        self.assertEqual(run["items_discovered"], 1)
        self.assertEqual(run["items_succeeded"], 1)
        self.assertEqual(run["items_failed"], 0)
        self.assertEqual(run["metrics_json"], {"words": words})
        self.assertEqual(run["output_summary"], f"{words} words in 1 files")
        self.assertGreaterEqual(run["end_time"], run["start_time"])
        self.assertIsNone(run["error_summary"])

    # ---- with the service ----

    def test_a_run_arrives_once_ended_and_whole(self):
        service = self.start_service()
        result = self.run_agent(self.words, TELEMETRY_API_URL=service.url)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr, "")
        [run] = service.runs()
        self.assert_whole(run)
        self.assertIn(f"run {run['run_id']}\n", result.stdout)
        self.assertEqual([line["record_type"] for line in self.trail()], ["run", "event", "run"])
        self.assertEqual(self.buffer_files(""), [])

    def test_an_agent_that_fails_says_so_in_its_run(self):
        service = self.start_service()
        result = self.run_agent(self.words, self.missing, TELEMETRY_API_URL=service.url)
        self.assertEqual(result.returncode, 1)
        result = self.run_agent(self.missing, TELEMETRY_API_URL=service.url)
        self.assertEqual(result.returncode, 1)
        failure, partial = service.runs()
        self.assertEqual((failure["status"], failure["items_failed"]), ("failure", 1))
        self.assertEqual((partial["status"], partial["items_succeeded"]), ("partial", 1))
        self.assertEqual(partial["error_summary"], "some files could not be read")

    def test_many_agents_at_once(self):
        service = self.start_service()
        agents = [self.start_agent(self.words, TELEMETRY_API_URL=service.url) for _ in range(20)]
        for agent in agents:
            self.assertEqual(agent.wait(harness.PATIENCE_SECONDS), 0)
        runs = service.runs()
        self.assertEqual(len(runs), 20)
        for run in runs:
            self.assert_whole(run)

    def test_a_token_opens_the_service(self):
        settings = {"TELEMETRY_API_AUTH_ENABLED": "true", "TELEMETRY_API_AUTH_TOKEN": "s3cret"}
        service = self.start_service(**settings)
        headers = {"Authorization": "Bearer s3cret"}
        self.run_agent(self.words, TELEMETRY_API_URL=service.url, TELEMETRY_API_AUTH_TOKEN="s3cret")
        [run] = service.get("/api/v1/runs", headers=headers).json()
        self.assert_whole(run)
        result = self.run_agent(
            self.words, TELEMETRY_API_URL=service.url, TELEMETRY_API_AUTH_TOKEN="wrong"
        )
        self.assertEqual(result.returncode, 0)
        self.assertEqual(len(service.get("/api/v1/runs", headers=headers).json()), 1)
        service.stop()
        service = self.start_service(**settings)  # takes the buffer in
        runs = harness.wait_until(
            lambda: len(service.get("/api/v1/runs", headers=headers).json()) == 2, "the second run"
        )
        self.assertTrue(runs)

    # ---- without it ----

    def test_a_run_recorded_while_the_service_is_away_arrives_when_it_is_back(self):
        result = self.run_agent(self.words, TELEMETRY_API_URL=NOBODY)
        self.assertEqual(result.returncode, 0)
        [ready] = self.buffer_files(".ready")
        kinds = [json.loads(line)["record_type"] for line in ready.read_text().splitlines()]
        self.assertEqual(kinds, ["run", "update"])
        service = self.start_service()
        [run] = harness.wait_until(lambda: ended(service), "the run to end")
        self.assert_whole(run)

    def test_a_service_killed_in_the_middle_of_a_run_still_learns_its_end(self):
        service = self.start_service()
        agent, go_on = self.start_blocked_agent(TELEMETRY_API_URL=service.url)
        self.assertEqual([run["status"] for run in service.runs()], ["running"])
        service.kill()
        go_on()
        self.assertEqual(agent.stderr.read(), "")
        service = self.start_service()
        [run] = harness.wait_until(lambda: ended(service), "the run to end")
        self.assert_whole(run)

    def test_a_service_started_in_the_middle_of_a_run_learns_all_of_it(self):
        _, go_on = self.start_blocked_agent(TELEMETRY_API_URL=NOBODY)
        service = self.start_service(TELEMETRY_SYNC_INTERVAL_SECONDS=1)
        go_on()
        [run] = harness.wait_until(lambda: ended(service), "the run to end")
        self.assert_whole(run)

    def test_a_hung_service_holds_nobody_up_and_gets_the_run_once(self):
        service = self.start_service(TELEMETRY_SYNC_INTERVAL_SECONDS=1)
        os.kill(service.pid, signal.SIGSTOP)
        waker = threading.Timer(harness.PATIENCE_SECONDS / 2, os.kill, (service.pid, signal.SIGCONT))
        waker.start()
        try:
            result = self.run_agent(
                self.words, TELEMETRY_API_URL=service.url, TELEMETRY_CALL_BUDGET_MS=250
            )
            self.assertTrue(waker.is_alive(), "the agent waited for the hung service")
        finally:
            waker.cancel()
            os.kill(service.pid, signal.SIGCONT)
        self.assertEqual(result.returncode, 0)
        [run] = harness.wait_until(lambda: ended(service), "the run to end")
        self.assert_whole(run)

    def test_a_killed_agents_run_is_not_lost(self):
        agent, _ = self.start_blocked_agent(TELEMETRY_API_URL=NOBODY)
        agent.kill()
        agent.wait()
        self.assertEqual(len(self.buffer_files(".active")), 1)
        service = self.start_service()
        [run] = harness.wait_until(service.runs, "the run to arrive")
        self.assertEqual(run["status"], "running")

    def test_an_agent_works_whatever_becomes_of_its_telemetry(self):
        file = self.base / "file"
        file.write_text("")
        for settings in (
            {"TELEMETRY_BASE_DIR": file},
            {"TELEMETRY_BASE_DIR": "/proc/none"},
            {"TELEMETRY_API_URL": "nonsense"},
            {"TELEMETRY_MODE": "embedded", "TELEMETRY_DB_PATH": "/dev/full"},
            {"TELEMETRY_MODE": "neither", "TELEMETRY_CALL_BUDGET_MS": "soon"},
        ):
            with self.subTest(**{key: str(value) for key, value in settings.items()}):
                settings.setdefault("TELEMETRY_API_URL", NOBODY)
                result = self.run_agent(self.words, **settings)
                self.assertEqual(result.returncode, 0)
                self.assertIn("3 words in", result.stdout)
                self.assertEqual(result.stderr, "")

    # ---- embedded ----

    def test_an_embedded_agent_writes_the_database_itself(self):
        result = self.run_agent(self.words, TELEMETRY_MODE="embedded")
        self.assertEqual(result.returncode, 0)
        with sqlite3.connect(self.database) as connection:
            rows = connection.execute("SELECT status, metrics_json FROM agent_runs").fetchall()
        connection.close()
        self.assertEqual(rows, [("success", '{"words": 3}')])
        self.assertEqual(self.buffer_files(""), [])
        service = self.start_service()
        [run] = service.runs()
        self.assert_whole(run)

    def test_many_embedded_agents_at_once(self):
        agents = [self.start_agent(self.words, TELEMETRY_MODE="embedded") for _ in range(10)]
        for agent in agents:
            self.assertEqual(agent.wait(harness.PATIENCE_SECONDS), 0)
        service = self.start_service()
        runs = service.runs()
        self.assertEqual(len(runs), 10)
        for run in runs:
            self.assert_whole(run)

    def test_an_embedded_agent_waits_for_no_one_who_holds_the_database(self):
        self.run_agent(self.words, TELEMETRY_MODE="embedded")
        connection = sqlite3.connect(self.database, isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        result = self.run_agent(
            self.words, TELEMETRY_MODE="embedded", TELEMETRY_CALL_BUDGET_MS=250
        )
        connection.execute("ROLLBACK")
        connection.close()
        self.assertEqual(result.returncode, 0)
        [ready] = self.buffer_files(".ready")
        self.assertEqual(len(ready.read_text().splitlines()), 2)
        service = self.start_service()
        runs = harness.wait_until(lambda: len(service.runs()) == 2 and ended(service), "both runs")
        for run in runs:
            self.assert_whole(run)


if __name__ == "__main__":
    harness.main()
