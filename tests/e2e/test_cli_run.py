# SPDX-License-Identifier: MIT
"""telemetry run: what the command gets and gives, and what is recorded of it."""
import json
import os
import re
import resource
import signal
import subprocess
import sys
import unittest

import cli
import harness

CATCHABLE = [
    int(number)
    for number in signal.valid_signals()
    if number not in (signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT)
]
STOPPING = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
IGNORED_BY_DEFAULT = (signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH)


class ExitStatus(cli.CliTestCase):
    def test_is_the_commands(self):
        for status in (0, 1, 2, 3, 42, 124, 125, 126, 127, 128, 130, 254, 255):
            result = self.telemetry("run", "--", "sh", "-c", f"exit {status}")
            self.assertEqual(result.returncode, status)
        recorded = [run["metrics_json"]["process"]["exit_code"] for run in self.list_runs()]
        self.assertEqual(
            sorted(recorded), [0, 1, 2, 3, 42, 124, 125, 126, 127, 128, 130, 254, 255]
        )

    def test_dies_of_the_signal_that_killed_the_command(self):
        for number in [*CATCHABLE, 9]:
            if number in STOPPING or number in IGNORED_BY_DEFAULT:
                continue
            command = (
                "import os, signal;"
                f"{number} == 9 or signal.signal({number}, signal.SIG_DFL);"
                f"os.kill(os.getpid(), {number})"
            )
            result = self.telemetry("run", "--", sys.executable, "-c", command)
            self.assertEqual(result.returncode, -number)
        runs = self.list_runs("-n", "100")
        self.assertTrue(all(run["status"] == "failure" for run in runs))
        killed = [run for run in runs if run["metrics_json"]["process"]["signal"] == signal.SIGKILL]
        self.assertEqual([run["error_summary"] for run in killed], ["killed by KILL"])

    def test_tells_of_a_command_that_is_not_found_or_no_program(self):
        result = self.telemetry("run", "--", "no-such-command-here")
        self.assertEqual(result.returncode, 127)
        self.assertEqual(result.stderr, b"telemetry: run: no-such-command-here: not found\n")
        result = self.telemetry("run", "--", "/etc")
        self.assertEqual(result.returncode, 126)
        self.assertEqual(result.stderr, b"telemetry: run: /etc: Permission denied\n")
        failed, missing = self.list_runs()
        self.assertEqual(missing["status"], "failure")
        self.assertEqual(missing["error_summary"], "no-such-command-here: not found")
        self.assertEqual(failed["error_summary"], "/etc: cannot be executed: Permission denied")

    @unittest.skipIf(os.geteuid() == 0, "for root every directory can be searched")
    def test_of_a_missing_command_minds_no_locked_directory(self):
        locked = self.base / "locked"
        locked.mkdir(mode=0)
        result = self.telemetry("run", "--", "no-such", settings={"PATH": f"{locked}:/bin"})
        self.assertEqual(result.returncode, 127)

    def test_of_wrong_options_is_125_and_nothing_is_started(self):
        marker = self.base / "started"
        wrong = (
            ["--no-such-option"],
            ["--tail=much"],
            ["--tail=17m"],
            ["--capture=all"],
            ["--ok-status=256"],
            ["--ok-status=x"],
            ["-t", "no_such_field=1"],
            ["-t", "items_failed=-1"],
            ["-t", "event_id=mine"],
            ["-t", "nothing"],
        )
        for options in wrong:
            result = self.telemetry("run", *options, "--", "touch", str(marker))
            self.assertEqual((options, result.returncode), (options, 125))
            self.assertTrue(result.stderr.startswith(b"telemetry run: "), result.stderr)
            self.assertEqual(result.stdout, b"")
        self.assertFalse(marker.exists())
        self.assertEqual(self.telemetry("run", "--agent").returncode, 125)
        self.assertEqual(self.telemetry("run").returncode, 125)
        self.assertEqual(self.telemetry("run", "--").returncode, 125)
        self.assertEqual(self.list_runs(), [])


class Command(cli.CliTestCase):
    def test_begins_at_the_first_word_or_behind_two_dashes(self):
        result = self.telemetry("run", "echo", "--agent", "x", "--", "y")
        self.assertEqual(result.stdout, b"--agent x -- y\n")
        result = self.telemetry("run", "--", "--agent")
        self.assertEqual(result.returncode, 127)
        result = self.telemetry("run", "-q", "--", "echo", "-n", "a b")
        self.assertEqual(result.stdout, b"a b")

    def test_has_the_callers_directory_umask_niceness_and_limits(self):
        script = 'pwd; umask; nice; ulimit -n; ulimit -c; echo "$FOO"'

        def prepare():
            os.umask(0o027)
            os.nice(3)
            resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))

        for settings in ({}, {"FOO": "bar baz"}):
            plain = subprocess.run(
                ["sh", "-c", script], cwd="/usr", preexec_fn=prepare, stdout=subprocess.PIPE,
                env=self.environment(**settings), check=True,
            )
            recorded = self.telemetry(
                "run", "--", "sh", "-c", script, cwd="/usr", preexec_fn=prepare, settings=settings
            )
            self.assertEqual((recorded.stdout, recorded.stderr), (plain.stdout, b""))

    def test_inherits_descriptors_and_gets_none_of_ours(self):
        kept = os.open("/dev/null", os.O_RDONLY)
        self.addCleanup(os.close, kept)
        script = "import os; print(sorted(int(n) for n in os.listdir('/proc/self/fd')))"
        command = [sys.executable, "-c", script]
        with harness.Service(self.base) as service:
            for url in (cli.NO_SERVICE, service.url):
                env = self.environment(TELEMETRY_API_URL=url)
                plain = subprocess.run(
                    command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                    pass_fds=[kept], check=True,
                )
                recorded = self.telemetry(
                    "run", "--", *command, stdin=subprocess.DEVNULL, pass_fds=[kept],
                    settings={"TELEMETRY_API_URL": url},
                )
                self.assertEqual(recorded.stdout, plain.stdout)

    def test_has_the_callers_signal_mask_and_dispositions(self):
        command = ["grep", "^Sig[BI]", "/proc/self/status"]

        def prepare():
            signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGUSR2, signal.SIGTERM})
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGCHLD, signal.SIGPIPE):
                signal.signal(number, signal.SIG_IGN)
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)

        plain = subprocess.run(
            command, preexec_fn=prepare, restore_signals=False, stdout=subprocess.PIPE, check=True
        )
        recorded = self.telemetry("run", "--", *command, preexec_fn=prepare, restore_signals=False)
        self.assertEqual(recorded.stdout, plain.stdout)
        self.assertEqual(recorded.returncode, 0)  # though SIGCHLD was ignored

    def test_reads_the_callers_stdin(self):
        result = self.telemetry("run", "--", "sh", "-c", "read line; echo got $line", input=b"a\nb\n")
        self.assertEqual(result.stdout, b"got a\n")
        with open(self.base / "input", "wb+") as file:
            file.write(b"one\ntwo\n")
            file.seek(0)
            self.telemetry("run", "--", "head", "-c", "4", stdin=file)
            self.assertEqual(file.read(), b"two\n")  # nothing was read ahead

    def test_is_told_who_it_is(self):
        script = "env | grep -E '^(TELEMETRY_(RUN_ID|EVENT_ID|RUN_FILE|API_URL)|TRACEPARENT)=' | sort"
        result = self.telemetry("run", "--", "sh", "-c", script)
        given = dict(line.split("=", 1) for line in result.stdout.decode().splitlines())
        run = self.only_run()
        self.assertEqual(given["TELEMETRY_RUN_ID"], run["run_id"])
        self.assertEqual(given["TELEMETRY_EVENT_ID"], run["event_id"])
        self.assertEqual(given["TELEMETRY_API_URL"], cli.NO_SERVICE)
        self.assertTrue(given["TELEMETRY_RUN_FILE"].startswith("/"))
        trace = run["event_id"].replace("-", "")
        self.assertRegex(given["TRACEPARENT"], rf"^00-{trace}-[0-9a-f]{{16}}-01$")

    def test_stays_in_the_trace_of_its_caller(self):
        parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        result = self.telemetry(
            "run", "--", "sh", "-c", "echo $TRACEPARENT", settings={"TRACEPARENT": parent}
        )
        made = result.stdout.decode().strip()
        self.assertRegex(made, r"^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$")
        self.assertNotEqual(made, parent)


class Record(cli.CliTestCase):
    def test_has_what_the_command_was_and_did(self):
        script = "echo first; echo last line; echo to stderr >&2"
        self.telemetry(
            "run", "-a", "demo", "-j", "hello", "--trigger", "scheduler", "--", "sh", "-c", script,
            cwd="/usr",
        )
        run = self.only_run()
        self.assertEqual(run["agent_name"], "demo")
        self.assertEqual(run["job_type"], "hello")
        self.assertEqual(run["trigger_type"], "scheduler")
        self.assertEqual(run["status"], "success")
        self.assertEqual(run["input_summary"], f"sh -c '{script}'")
        self.assertEqual(run["output_summary"], "last line")
        self.assertIsNone(run["error_summary"])
        self.assertIsNone(run["error_details"])
        self.assertGreaterEqual(run["end_time"], run["start_time"])
        process = run["context_json"]["process"]
        self.assertEqual((process["argv"], process["cwd"]), (["sh", "-c", script], "/usr"))
        self.assertGreater(process["pid"], 0)
        metrics = run["metrics_json"]["process"]
        self.assertEqual(metrics["exit_code"], 0)
        self.assertGreaterEqual(metrics["cpu_user_ms"], 0)
        self.assertGreaterEqual(metrics["cpu_system_ms"], 0)
        self.assertGreater(metrics["max_rss_kb"], 0)

    def test_is_named_for_the_program_when_nothing_is_said(self):
        self.telemetry("run", "--", "/bin/true")
        run = self.only_run()
        self.assertEqual((run["agent_name"], run["job_type"]), ("true", "command"))
        self.assertRegex(run["run_id"], r"^\d{8}T\d{6}Z-true-[0-9a-f]{8}$")

    def test_does_without_options_that_are_empty(self):
        result = self.telemetry("run", "-a", "", "-j", "", "--trigger=", "--parent=", "--", "true")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        run = self.only_run()
        self.assertEqual((run["agent_name"], run["job_type"]), ("true", "command"))
        self.assertEqual((run["trigger_type"], run["parent_run_id"]), ("cli", None))

    def test_has_the_beginning_of_a_very_long_command_line(self):
        self.telemetry("run", "--", "true", *(f"{number:099}" for number in range(1000)))
        run = self.only_run()
        self.assertLess(len(run["input_summary"]), 2100)
        argv = run["context_json"]["process"]["argv"]
        self.assertEqual((argv[0], argv[-1]), ("true", "..."))
        self.assertLess(len(json.dumps(argv)), 40000)

    def test_of_a_failure_has_the_last_words(self):
        script = "printf '\\033[31mbad things\\033[0m\\nvery bad\\n\\n' >&2; exit 3"
        self.telemetry("run", "--", "sh", "-c", script)
        run = self.only_run()
        self.assertEqual(run["status"], "failure")
        self.assertEqual(run["error_summary"], "very bad")
        self.assertEqual(run["error_details"], "bad things\nvery bad\n\n")

    def test_of_a_silent_failure_has_the_exit_status(self):
        self.telemetry("run", "--", "sh", "-c", "exit 3")
        self.assertEqual(self.only_run()["error_summary"], "exit 3")

    def test_counts_other_exit_statuses_as_success_when_told(self):
        for status in (0, 1, 3):
            self.telemetry("run", "--ok-status", "0,3", "--", "sh", "-c", f"exit {status}")
        self.assertEqual(
            [run["status"] for run in self.list_runs()], ["success", "failure", "success"]
        )

    def test_holds_no_secrets(self):
        secret = "s3cr3t0123456789abcdef"
        self.telemetry(
            "run", "--", "true", f"--token={secret}", "--password", secret, f"API_KEY={secret}",
            f"https://me:{secret}@host/", f"ghp_{secret}", "plain",
        )
        run = self.only_run()
        self.assertNotIn(secret, json.dumps(run))
        self.assertEqual(run["context_json"]["process"]["argv"][-1], "plain")
        for path in self.base.rglob("*"):
            if path.is_file():
                self.assertNotIn(secret.encode(), path.read_bytes(), path)

    def test_holds_no_arguments_when_told(self):
        self.telemetry("run", "--no-argv", "--", "true", "private")
        run = self.only_run()
        self.assertEqual(run["input_summary"], "true")
        self.assertNotIn("private", json.dumps(run))

    def test_takes_fields_metrics_and_context(self):
        self.telemetry(
            "run", "-t", "items_succeeded=42", "--set", "product=words", "-t", "metrics.pages=7",
            "-t", "metrics.note=a=b", "-t", "context.on=true", "-t", "output_summary=mine",
            "--", "echo", "other",
        )
        run = self.only_run()
        self.assertEqual((run["items_succeeded"], run["product"]), (42, "words"))
        self.assertEqual(run["output_summary"], "mine")
        self.assertEqual(run["metrics_json"]["pages"], 7)
        self.assertEqual(run["metrics_json"]["note"], "a=b")
        self.assertIs(run["context_json"]["on"], True)
        self.assertEqual(run["metrics_json"]["process"]["exit_code"], 0)

    def test_is_there_while_the_command_runs(self):
        with harness.Service(self.base) as service:
            settings = {"TELEMETRY_API_URL": service.url}
            process = self.start(
                "run", "--", "cat", settings=settings, stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
            )
            run = harness.wait_until(lambda: service.runs(), "the start of the run")[0]
            self.assertEqual(run["status"], "running")
            process.stdin.close()
            self.assertEqual(process.wait(), 0)
            self.assertEqual(service.runs()[0]["status"], "success")


class Nested(cli.CliTestCase):
    def test_runs_know_their_parent(self):
        telemetry = harness.program("telemetry")
        self.telemetry(
            "run", "-a", "outer", "--", telemetry, "run", "-a", "middle", "--",
            telemetry, "run", "-a", "inner", "--", "true",
        )
        runs = {run["agent_name"]: run for run in self.list_runs("--all")}
        self.assertIsNone(runs["outer"]["parent_run_id"])
        self.assertEqual(runs["middle"]["parent_run_id"], runs["outer"]["run_id"])
        self.assertEqual(runs["inner"]["parent_run_id"], runs["middle"]["run_id"])
        self.assertEqual([run["agent_name"] for run in self.list_runs()], ["outer"])

    def test_runs_have_the_parent_that_was_named(self):
        self.telemetry(
            "run", "--parent", "someone", "--", "true", settings={"TELEMETRY_RUN_ID": "other"}
        )
        self.assertEqual(self.only_run()["parent_run_id"], "someone")


class Trouble(cli.CliTestCase):
    """Whatever becomes of the recording, the command runs and does not notice."""

    def assert_runs(self, *options, lines, settings=None, **more):
        result = self.telemetry(
            "run", *options, "--", "sh", "-c", "echo out; exit 7", settings=settings, **more
        )
        self.assertEqual((result.returncode, result.stdout), (7, b"out\n"))
        self.assertEqual(len(result.stderr.splitlines()), lines, result.stderr)
        return result

    def test_no_service(self):
        self.assert_runs(lines=0)
        self.assertEqual(self.only_run()["status"], "failure")

    def test_a_service_that_hangs_fails_or_is_none(self):
        for answer in (cli.hang, cli.error_500, cli.another_program):
            peer = cli.Peer(self, answer)
            self.assert_runs(lines=0, settings={"TELEMETRY_API_URL": peer.url})
        self.assertEqual(len(self.list_runs()), 3)

    def test_a_service_that_goes_away_meanwhile(self):
        service = harness.Service(self.base)
        process = self.start(
            "run", "--", "sh", "-c", "read line; exit 7", stdin=subprocess.PIPE,
            settings={"TELEMETRY_API_URL": service.url},
        )
        harness.wait_until(lambda: service.runs(), "the start of the run")
        service.kill()
        process.stdin.close()
        self.assertEqual(process.wait(), 7)
        run = self.only_run()
        self.assertEqual((run["status"], run["error_summary"]), ("failure", "exit 7"))

    def test_a_base_directory_that_cannot_be(self):
        (self.base / "file").write_text("")
        result = self.assert_runs(
            lines=1, settings={"TELEMETRY_BASE_DIR": str(self.base / "file" / "base")}
        )
        self.assertTrue(result.stderr.startswith(b"telemetry: run: "))
        self.assert_runs(
            "--quiet", lines=0, settings={"TELEMETRY_BASE_DIR": str(self.base / "file" / "base")}
        )

    def test_a_full_disk(self):
        def no_room():
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

        self.assert_runs(lines=1, preexec_fn=no_room)

    def test_a_setting_that_makes_no_sense(self):
        result = self.assert_runs(lines=1, settings={"TELEMETRY_CALL_BUDGET_MS": "soon"})
        self.assertIn(b"TELEMETRY_CALL_BUDGET_MS", result.stderr)
        self.assert_runs(lines=1, settings={"TELEMETRY_API_URL": "nonsense"})
        self.assertEqual(len(self.list_runs()), 2)

    def test_no_descriptors_left_for_watching(self):
        def no_descriptors():
            resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))

        result = self.telemetry(
            "run", "--", "/bin/true", stdout=subprocess.DEVNULL, preexec_fn=no_descriptors
        )
        self.assertEqual(result.returncode, 0, result.stderr)


class ClosingLine(cli.CliTestCase):
    def test_comes_when_asked_for_and_names_the_run(self):
        result = self.telemetry("run", "-v", "--", "sh", "-c", "exit 3")
        last = result.stderr.decode().splitlines()[-1]
        found = re.match(
            r"^✗ exit 3 after \S+ · cpu \S+ · peak \d+ MiB · telemetry show ([0-9a-f]{8})$", last
        )
        self.assertTrue(found, last)
        shown = self.telemetry("show", "--json", found.group(1))
        self.assertEqual(json.loads(shown.stdout)["event_id"], self.only_run()["event_id"])
        self.assertTrue(self.only_run()["run_id"].endswith("-" + found.group(1)))

    def test_does_not_come_otherwise(self):
        result = self.telemetry("run", "--", "true")
        self.assertEqual(result.stderr, b"")


if __name__ == "__main__":
    harness.main()
