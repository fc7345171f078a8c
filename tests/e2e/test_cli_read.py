# SPDX-License-Identifier: MIT
"""telemetry list and show: which runs, in which form, read from the service and from the files."""
import json
import os
import pty
import re
import uuid

import cli
import harness

MINUTE = 60


def a_run(number, **fields):
    """Run number 1 is older than number 2; all are of one day in the past."""
    time = f"2025-12-10T{number // 60:02}:{number % 60:02}:00.000000+00:00"
    run = {
        "event_id": str(uuid.uuid5(uuid.NAMESPACE_OID, str(number))),
        "run_id": f"run-{number}",
        "agent_name": "crawler",
        "job_type": "crawl",
        "status": "success",
        "created_at": time,
        "start_time": time,
        "end_time": time,
        "duration_ms": 1000,
    }
    run.update(fields)
    return run


class Reading:
    """The tests; the classes below say where the runs are."""

    def ids(self, *arguments):
        return [run["run_id"] for run in self.list_runs(*arguments)]

    def shown(self, *arguments):
        result = self.telemetry("show", "--json", *arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)

    def test_list_is_newest_first_and_limited(self):
        self.store(*(a_run(number) for number in (2, 1, 30, 4, *range(5, 29))))
        self.assertEqual(self.ids("-n", "3"), ["run-30", "run-28", "run-27"])
        self.assertEqual(len(self.ids()), 20)
        self.assertEqual(self.ids("--limit=100")[-2:], ["run-2", "run-1"])

    def test_list_reads_more_than_one_page(self):
        self.store(*(a_run(number) for number in range(1100)))
        self.assertEqual(len(set(self.ids("-n", "1050"))), 1050)
        self.assertEqual(len(set(self.ids("-n", "5000"))), 1100)

    def test_list_chooses_by_field(self):
        self.store(
            a_run(1, agent_name="launch.llm.a", host="alpha"),
            a_run(2, agent_name="launch.llm.b", product="words"),
            a_run(3, agent_name="launch", job_type="nightly"),
            a_run(4, agent_name="launch.*", host="beta"),
        )
        self.assertEqual(self.ids("--agent", "launch"), ["run-3"])
        self.assertEqual(self.ids("--agent", "launch.llm.*"), ["run-2", "run-1"])
        self.assertEqual(self.ids("--agent", "launch*"), ["run-4", "run-3", "run-2", "run-1"])
        self.assertEqual(self.ids("--host", "alpha"), ["run-1"])
        self.assertEqual(self.ids("--product", "words"), ["run-2"])
        self.assertEqual(self.ids("--job-type", "nightly"), ["run-3"])
        self.assertEqual(self.ids("--job-type", "night%&x=y"), [])

    def test_list_chooses_by_status(self):
        statuses = ("running", "success", "failure", "partial", "timeout", "cancelled")
        self.store(*(a_run(i, status=status) for i, status in enumerate(statuses, 1)))
        self.assertEqual(self.ids("--status", "success,cancelled"), ["run-6", "run-2"])
        self.assertEqual(self.ids("--status", "Failed"), ["run-3"])
        self.assertEqual(self.ids("--failed"), ["run-5", "run-4", "run-3"])
        self.assertEqual(self.ids("--running"), ["run-1"])
        self.assertEqual(self.ids("--running", "--failed", "-n", "2"), ["run-5", "run-4"])

    def test_list_chooses_by_end_and_counts_what_runs_as_now(self):
        self.store(
            a_run(1, end_time="2025-12-10T20:00:00Z"),
            a_run(2, end_time="2025-12-10T10:00:00Z"),
            a_run(3, end_time=None, status="running"),
        )
        self.assertEqual(self.ids("--utc", "--since", "2025-12-10T10:00:01"), ["run-3", "run-1"])
        self.assertEqual(self.ids("--utc", "--since=2025-12-10T10:00:00"), ["run-3", "run-2", "run-1"])
        self.assertEqual(self.ids("--until", "2025-12-10T12:00:00+02:00"), ["run-2"])
        self.assertEqual(self.ids("--until", "now"), ["run-3", "run-2", "run-1"])
        self.assertEqual(self.ids("--since", "-1h"), ["run-3"])
        self.assertEqual(self.ids("--since", "-1h", "--failed"), [])
        self.assertEqual(
            self.ids("--utc", "--since", "2025-12-10", "--status", "success", "-n", "1"), ["run-2"]
        )

    def test_list_shows_roots_with_their_children_counted(self):
        root = a_run(1, run_id="root", agent_name="launch")
        self.store(
            root,
            a_run(2, run_id="child", parent_run_id="root"),
            a_run(3, run_id="old-child", parent_run_id=root["event_id"]),
            a_run(4, run_id="other", parent_run_id="unknown"),
            a_run(5, run_id="grandchild", parent_run_id="child"),
        )
        self.assertEqual(self.ids(), ["other", "root"])
        self.assertEqual(len(self.ids("--all")), 5)
        self.assertEqual(self.ids("--parent", "root"), ["old-child", "child"])
        self.assertEqual(self.ids("--parent", root["event_id"][:8]), ["old-child", "child"])
        self.assertEqual(self.ids("--parent", "other"), [])
        self.assertEqual(self.telemetry("list", "--parent", "none-such").returncode, 3)
        lines = self.telemetry("list").stdout.decode().splitlines()
        self.assertRegex(lines[2], r"launch \(\+2\) +crawl .* root$")
        self.assertNotIn("(+", lines[1])
        self.assertIn("telemetry list --parent root", self.telemetry("show", "root").stdout.decode())

    def test_list_prints_a_table(self):
        self.store(
            a_run(1, status="failure", duration_ms=41 * MINUTE * 1000, items_succeeded=812,
                  items_failed=3, run_id="20251210T000100Z-crawler-1f2e3d4c"),
            a_run(2, status="running", end_time=None, duration_ms=0),
        )
        result = self.telemetry("list", "--utc", "--format=wide")
        self.assertEqual(result.stderr, b"")
        title, running, failed = result.stdout.decode().splitlines()
        self.assertEqual(
            re.split(r"  +", title), ["STATUS", "AGENT", "JOB", "STARTED", "TOOK", "ITEMS", "RUN"]
        )
        self.assertEqual(
            re.split(r"  +", failed),
            ["✗ fail", "crawler", "crawl", "2025-12-10 00:01:00Z", "41m", "812/3/0",
             "20251210T000100Z-crawler-1f2e3d4c"],
        )
        self.assertRegex(running, r"^● run +crawler +crawl +2025-12-10 00:02:00Z +\S+d\S+… +– +run-2$")

    def test_list_does_without_utf8(self):
        self.store(a_run(1, agent_name="café"), a_run(2, status="failure"), a_run(3, status="running"))
        output = self.telemetry("list", settings={"LANG": "C"}).stdout.decode()
        self.assertRegex(output, r"(?m)^R run .*\nF fail .*\nS ok +café")

    def test_list_fits_the_terminal_and_keeps_ids_whole(self):
        run_id = "20251210T000100Z-" + "crawler" * 5 + "-1f2e3d4c"
        self.store(a_run(1, agent_name="crawler" * 5, job_type="job" * 9, run_id=run_id))
        output = self.on_terminal("list", COLUMNS="120", TERM="dumb")
        lines = output.splitlines()
        self.assertEqual(len(lines), 3, output)
        self.assertTrue(lines[1].endswith(run_id))
        self.assertIn("…", lines[1])
        self.assertLessEqual(len(lines[1]), 120)
        self.assertEqual(lines[2], "1 run")
        self.assertNotIn("…", self.on_terminal("list", COLUMNS="300", TERM="dumb"))
        self.assertEqual(self.on_terminal("list", COLUMNS="3", TERM="dumb"),
                         self.on_terminal("list", COLUMNS="20", TERM="dumb"))

    def test_a_very_long_text_does_not_make_the_table_useless(self):
        self.store(a_run(1, agent_name="x" * 3000000, run_id="r" * 250), a_run(2))
        lines = self.telemetry("list").stdout.decode().splitlines()
        self.assertEqual(len(lines), 3)
        self.assertTrue(lines[2].endswith(" " + "r" * 250))
        self.assertLess(max(map(len, lines)), 600)

    def test_colour_is_for_terminals_and_for_who_asks(self):
        self.store(a_run(1, status="failure"))
        self.assertNotIn(b"\x1b", self.telemetry("list").stdout)
        self.assertIn(b"\x1b[31m", self.telemetry("list", "--color=always").stdout)
        self.assertIn("\x1b[31m", self.on_terminal("list", TERM="xterm"))
        self.assertNotIn("\x1b", self.on_terminal("list", TERM="dumb"))
        self.assertNotIn("\x1b", self.on_terminal("list", TERM="xterm", NO_COLOR="1"))
        self.assertNotIn("\x1b", self.on_terminal("list", "--color=never", TERM="xterm"))
        self.assertNotIn("\x1b", self.on_terminal("list", "--json", TERM="xterm"))

    def test_nothing_of_a_record_reaches_the_terminal_as_a_command(self):
        evil = "\x1b[2J\x1b]52;c;aGk=\x07\r\b\u009b31m\u202egnp\x7f\nnext"
        texts = ("agent_name", "job_type", "run_id", "product", "item_name", "input_summary",
                 "error_summary", "error_details", "host", "git_repo")
        self.store(a_run(1, **{name: f"{name} {evil}" for name in texts}, context_json={"k": evil}))
        shown = self.telemetry("show", "@last").stdout.decode()
        listed = self.telemetry("list", "--all").stdout.decode()
        for output in (shown, listed):
            for character in "\x1b\x07\r\b\u009b\u202e\x7f":
                self.assertNotIn(character, output)
        self.assertEqual(len(listed.splitlines()), 2)
        self.assertIn("\\x1b[2J", shown)
        self.assertIn("agent_name \\x1b[2J\\x1b]52;c;aGk=\\x07\\x0d\\x08\\x9b31m\\u202egnp\\x7f", listed)
        self.assertEqual(self.shown("@last")["error_details"], f"error_details {evil}")

    def test_an_empty_list_says_so_and_is_no_error(self):
        result = self.telemetry("list")
        self.assertEqual((result.returncode, result.stdout), (0, b""))
        self.assertEqual(result.stderr, b"telemetry: no run to list\n")
        self.assertEqual(self.telemetry("list", "--quiet").stderr, b"")
        self.assertEqual(self.telemetry("list", "--json").stdout, b"[]\n")
        self.assertEqual(self.telemetry("list", "--format=ndjson").stdout, b"")

    def test_json_has_the_values_and_ndjson_has_lines(self):
        self.store(a_run(1, metrics_json={"pages": 1}), a_run(2, api_posted=True))
        runs = self.list_runs()
        self.assertEqual(runs[1]["metrics_json"], {"pages": 1})
        self.assertIs(runs[0]["api_posted"], True)
        lines = self.telemetry("list", "--format=ndjson").stdout.splitlines()
        self.assertEqual([json.loads(line) for line in lines], runs)
        self.assertEqual(self.shown("run-1"), runs[1])

    def test_json_has_the_links(self):
        self.store(a_run(1, git_repo="git@github.com:o/r.git", git_commit_hash="0123abc"))
        run = self.shown("@last")
        self.assertEqual(run["repo_url"], "https://github.com/o/r")
        self.assertEqual(run["commit_url"], "https://github.com/o/r/commit/0123abc")

    def test_show_prints_what_is_there(self):
        self.store(
            a_run(1, status="failure", error_summary="it broke", error_details="line one\nline two",
                  items_failed=3, product="words", metrics_json={"pages": 7}, duration_ms=192000)
        )
        lines = self.telemetry("show", "run-1", "--utc").stdout.decode().splitlines()
        self.assertEqual(lines[0], "✗ fail  crawler / crawl  3m12s")
        self.assertIn("product               words", lines)
        self.assertIn("error_summary         it broke", lines)
        self.assertIn("items                 0 succeeded, 3 failed, 0 skipped", lines)
        self.assertIn("start_time            2025-12-10 00:01:00Z (", "\n".join(lines))
        at = lines.index("error_details")
        self.assertEqual(lines[at + 1:at + 3], ["    line one", "    line two"])
        self.assertIn('      "pages": 7', lines)
        self.assertFalse([line for line in lines if line.startswith("website")])

    def test_show_gives_a_text_of_more_than_100_characters_lines_of_its_own(self):
        self.store(a_run(1, input_summary="i" * 100, output_summary="o" * 101))
        lines = self.telemetry("show", "run-1").stdout.decode().splitlines()
        self.assertIn("input_summary         " + "i" * 100, lines)
        self.assertEqual(lines[lines.index("output_summary") + 1], "    " + "o" * 101)

    def test_show_takes_ids_and_their_beginnings(self):
        run = a_run(1, run_id="20251210T000100Z-crawler-1f2e3d4c")
        self.store(run, a_run(2, run_id="20251210T000200Z-crawler-aaaa0000"))
        for id_ in (
            run["event_id"], run["event_id"][:4], run["run_id"], run["run_id"][:13], "1f2e3d4c", "1f2e",
        ):
            self.assertEqual(self.shown(id_)["event_id"], run["event_id"], id_)

    def test_show_takes_positions(self):
        self.store(
            a_run(1, agent_name="a"),
            a_run(2, agent_name="a", status="failure"),
            a_run(3, agent_name="b"),
            a_run(4, agent_name="b", status="timeout"),
            a_run(5, agent_name="c", parent_run_id="run-1"),
        )
        expected = {
            "@last": "run-4", "@last~0": "run-4", "@last~1": "run-3", "@last~3": "run-1",
            "@last:a": "run-2", "@last:a~1": "run-1", "@last:c": "run-5", "@fail": "run-4",
            "@fail~1": "run-2", "@fail:a": "run-2", "@good": "run-3", "@good:b": "run-3",
        }
        self.assertEqual({id_: self.shown(id_)["run_id"] for id_ in expected}, expected)

    def test_show_of_nothing_is_3_and_says_what_to_do(self):
        self.store(a_run(1, run_id="same-1"), a_run(2, run_id="same-2"))
        for id_, words in (
            ("none-such", "no run has an id that begins with none-such"),
            ("sam", "needs 4 characters or more"),
            ("same", "same is ambiguous; give more of it"),
            ("@last~2", "there is no run @last~2"),
            ("@last:nobody", "there is no run @last:nobody"),
            ("@first", "@first is no position"),
            ("@last~x", "@last~x is no position"),
            ("@last:", "@last: is no position"),
            ("@last:" + "a" * 300, "is no position"),
            ("@last~99999", "there is no run @last~99999"),
            ("@last~100000", "@last~100000 is no position"),
            ("", "needs 4 characters or more"),
        ):
            result = self.telemetry("show", id_)
            self.assertEqual((id_, result.returncode, result.stdout), (id_, 3, b""))
            self.assertIn(words, result.stderr.decode())
        candidates = self.telemetry("show", "same").stderr.decode()
        self.assertIn("same-1", candidates)
        self.assertIn("same-2", candidates)

    def test_show_of_a_name_that_repeats_is_the_newest_and_names_the_others(self):
        self.store(a_run(1, run_id="nightly"), a_run(2, run_id="nightly"), a_run(3, run_id="nightly-2"))
        result = self.telemetry("show", "--json", "nightly")
        self.assertEqual(result.returncode, 0)
        self.assertEqual(json.loads(result.stdout)["event_id"], a_run(2)["event_id"])
        self.assertIn(a_run(1)["event_id"], result.stderr.decode())
        self.assertNotIn(a_run(2)["event_id"], result.stderr.decode())

    def on_terminal(self, *arguments, **settings):
        """Run on a terminal, and return what is seen there."""
        pid, terminal = pty.fork()
        if pid == 0:
            program = harness.program("telemetry")
            os.execve(program, [program, *arguments], self.environment(**settings))
        output = b""
        try:
            while block := os.read(terminal, 65536):
                output += block
        except OSError:  # Linux says EIO at the end
            pass
        os.close(terminal)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        return output.decode().replace("\r\n", "\n")


class FromFiles(Reading, cli.CliTestCase):
    def store(self, *runs):
        directory = self.base / "buffer"
        directory.mkdir(mode=0o700)
        with open(directory / "telemetry_20251210_120000.jsonl.ready", "w", encoding="utf-8") as file:
            for run in runs:
                file.write(json.dumps({"record_type": "run", **run}) + "\n")


class FromService(Reading, cli.CliTestCase):
    def setUp(self):
        super().setUp()
        served = self.base / "served"
        served.mkdir()
        self.service = self.start_service(base=served)

    def environment(self, **settings):
        settings.setdefault("TELEMETRY_API_URL", self.service.url)
        return super().environment(**settings)

    def store(self, *runs):
        for run in runs:
            self.assertEqual(self.service.post(run).status_code, 201)

    def test_json_is_what_the_service_says(self):
        run = a_run(1, metrics_json={"b": [1.5, None], "a": "ü"}, git_repo="https://github.com/o/r")
        self.store(run)
        answer = self.service.get(f"/api/v1/runs/{run['event_id']}").json()
        self.assertEqual(self.shown("@last"), answer)
        self.assertEqual(list(self.shown("@last")), list(answer))


if __name__ == "__main__":
    harness.main()
