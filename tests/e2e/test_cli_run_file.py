# SPDX-License-Identifier: MIT
"""TELEMETRY_RUN_FILE: what a command says of its own run."""
import json
import os
import pathlib
import tempfile

import cli
import harness


class RunFileTest(cli.CliTestCase):
    def setUp(self):
        super().setUp()
        self.temporary = pathlib.Path(tempfile.mkdtemp(dir=self.base))

    def run_script(self, script, *options, settings=None, **more):
        """Run a shell script that writes to its run file; nothing of it may stay behind."""
        settings = {"TMPDIR": self.temporary, **(settings or {})}
        result = self.telemetry("run", *options, "--", "sh", "-c", script, settings=settings, **more)
        self.assertEqual(list(self.temporary.iterdir()), [])
        return result

    def record(self, text, *options):
        """Run a command that writes this text; return the run, and what was said on stderr."""
        source = self.base / "text"
        source.write_bytes(text if isinstance(text, bytes) else text.encode())
        result = self.run_script(f"cat {source} > $TELEMETRY_RUN_FILE", *options)
        self.assertEqual((result.returncode, result.stdout), (0, b""))
        return self.list_runs("--all")[0], result.stderr.decode()

    def events(self):
        lines = []
        for path in (self.base / "raw").iterdir():
            lines += [json.loads(line) for line in path.read_text().splitlines()]
        return [(line["event_type"], line["payload_json"]) for line in lines
                if line["record_type"] == "event"]

    def test_is_private_empty_and_gone_afterwards(self):
        result = self.run_script('stat -c "%a %s %U" "$TELEMETRY_RUN_FILE"; id -un')
        mode, user = result.stdout.decode().splitlines()
        self.assertEqual(mode, f"600 0 {user}")

    def test_sets_fields_metrics_and_context(self):
        run, said = self.record(
            "items_succeeded=42\n\nmetrics.pages=7\nmetrics.note=a=b\n"
            "context.on=true\noutput_summary=all done"
        )
        self.assertEqual(said, "")
        self.assertEqual((run["status"], run["items_succeeded"]), ("success", 42))
        self.assertEqual(run["output_summary"], "all done")
        self.assertEqual((run["metrics_json"]["pages"], run["metrics_json"]["note"]), (7, "a=b"))
        self.assertIs(run["context_json"]["on"], True)
        self.assertEqual(run["metrics_json"]["process"]["exit_code"], 0)

    def test_takes_json_objects(self):
        run, said = self.record(
            '{"items_failed": 3, "output_summary": "so \\u00fc", "product": null}\n'
            '{"metrics.rate": 0.5, "metrics.list": [1, {"a": null}]}\n'
        )
        self.assertEqual(said, "")
        self.assertEqual((run["items_failed"], run["output_summary"]), (3, "so ü"))
        self.assertEqual(run["metrics_json"]["rate"], 0.5)
        self.assertEqual(run["metrics_json"]["list"], [1, {"a": None}])

    def test_its_last_value_wins_also_over_set(self):
        run, _ = self.record("items_succeeded=1\nitems_succeeded=0\nmetrics.a=2\n",
                             "--set", "items_succeeded=9", "--set", "metrics.a=1",
                             "--set", "metrics.b=1")
        self.assertEqual(run["items_succeeded"], 0)
        self.assertEqual((run["metrics_json"]["a"], run["metrics_json"]["b"]), (2, 1))

    def test_status_partial_wins_over_success_only(self):
        run, _ = self.record("status=partial\n")
        self.assertEqual((run["status"], run["error_summary"]), ("partial", None))
        self.run_script("echo status=partial > $TELEMETRY_RUN_FILE; exit 3")
        self.assertEqual(self.list_runs()[0]["status"], "failure")
        run, said = self.record("status=success\n")
        self.assertEqual(run["status"], "success")
        self.assertIn("status can be partial only, not 'success'", said)

    def test_events_go_to_the_audit_trail(self):
        self.record('event=page_done {"url": "x"}\nevent=bare\n{"event": "by_json [1]"}\n')
        self.assertEqual(self.events(), [("page_done", '{"url": "x"}'), ("bare", None),
                                         ("by_json", "[1]")])

    def test_faulty_lines_are_said_in_one_line_and_cost_nothing_else(self):
        for line, what in (
            ("nonsense", "neither NAME=VALUE nor a JSON object"),
            ("=1", "neither NAME=VALUE nor a JSON object"),
            ("no_such_field=1", "there is no field no_such_field"),
            ("items_failed=many", "items_failed must be an integer"),
            ("items_failed=-1", "items_failed"),
            ("agent_name=other", "agent_name is settled when the run starts"),
            ("product=words", "product is settled when the run starts; give it with --set"),
            ("end_time=2025-12-10T12:00:00Z", "end_time cannot be set"),
            ("event=", "an event needs a name"),
            ('{"items_failed": ', "invalid JSON"),
            ('{"items_failed": "x", "input_summary": "kept"}', "items_failed"),
        ):
            with self.subTest(line=line):
                run, said = self.record(f"items_succeeded=1\n{line}\nitems_skipped=2\n{line}\n")
                self.assertEqual((run["items_succeeded"], run["items_skipped"]), (1, 2))
                self.assertEqual(len(said.splitlines()), 1, said)
                self.assertIn("TELEMETRY_RUN_FILE has 2 faulty lines; line 2: ", said)
                self.assertIn(what, said)
                self.assertEqual((run["agent_name"], run["status"]), ("sh", "success"))
        _, said = self.record("nonsense\n", "--quiet")
        self.assertEqual(said, "")

    def test_broken_text_does_no_harm(self):
        run, _ = self.record(b"input_summary=\xff\xfe\nitems_failed=1\0\nitems_skipped=2\r\nmetrics.x=\xff\n"
                             b"items_succeeded=5")
        self.assertEqual((run["input_summary"], run["items_succeeded"]), ("\ufffd\ufffd", 5))
        self.assertEqual(run["items_failed"], 0)

    def test_is_read_up_to_a_limit(self):
        run, said = self.record(b"items_succeeded=1\n" + b"x" * 1024 * 1024 + b"\nitems_failed=1\n")
        self.assertEqual((run["items_succeeded"], run["items_failed"]), (1, 0))
        self.assertIn("only the first MiB is read", said)
        self.record("event=e\n" * 1200)
        self.assertEqual(len(self.events()), 1000)

    def test_may_be_replaced_or_removed_but_is_no_way_elsewhere(self):
        self.run_script("echo items_failed=7 > x && mv x $TELEMETRY_RUN_FILE", cwd=self.base)
        self.assertEqual(self.list_runs()[0]["items_failed"], 7)
        result = self.run_script("rm $TELEMETRY_RUN_FILE")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        secret = self.base / "secret"
        secret.write_text("items_failed=8\n")
        for how in ("ln -sf {}", "rm $TELEMETRY_RUN_FILE; mkfifo", "rm $TELEMETRY_RUN_FILE; ln {}"):
            with self.subTest(how=how):
                script = how.format(secret) + " $TELEMETRY_RUN_FILE"
                self.assertEqual(self.run_script(script).returncode, 0)
                self.assertEqual(self.list_runs()[0]["items_failed"], 0)
        self.assertEqual(secret.read_text(), "items_failed=8\n")

    def test_of_a_nested_run_is_another(self):
        telemetry = harness.program("telemetry")
        inner = f"{telemetry} run -a inner -- sh -c 'echo items_failed=2 > $TELEMETRY_RUN_FILE'"
        self.run_script(f"echo items_failed=1 > $TELEMETRY_RUN_FILE; {inner}", "-a", "outer")
        runs = {run["agent_name"]: run["items_failed"] for run in self.list_runs("--all")}
        self.assertEqual(runs, {"outer": 1, "inner": 2})

    def test_that_cannot_be_made_is_not_promised(self):
        result = self.telemetry("run", "--", "sh", "-c", "echo ${TELEMETRY_RUN_FILE-none}",
                                settings={"TMPDIR": "/proc/none", "TELEMETRY_RUN_FILE": "/outer"})
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, b"none\n", b""))
        self.assertEqual(self.only_run()["status"], "success")

    def test_is_removed_when_the_command_cannot_be_started_or_is_killed(self):
        self.assertEqual(self.run_script("kill -9 $$").returncode, -9)
        result = self.telemetry("run", "--", "no-such-command", settings={"TMPDIR": self.temporary})
        self.assertEqual(result.returncode, 127)
        self.assertEqual(os.listdir(self.temporary), [])


if __name__ == "__main__":
    harness.main()
