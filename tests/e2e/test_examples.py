# SPDX-License-Identifier: MIT
"""Each example does what its first comment says."""
import http.server
import json
import pathlib
import re
import sqlite3
import threading

import harness

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE_MS = 1000 * harness.PATIENCE_SECONDS


class Webhook:
    """A server that takes what is posted to it."""

    def __init__(self, test):
        self.posted = []
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                hook.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        test.addCleanup(server.server_close)
        test.addCleanup(server.shutdown)


class ExamplesTest(harness.TestCase):
    def run_example(self, name, *arguments, status=0, **settings):
        """Run it to its end, with a budget that lets a slow machine reach a sound service."""
        settings.setdefault("TELEMETRY_CALL_BUDGET_MS", PATIENCE_MS)
        result = self.run_program(f"examples/{name}", *map(str, arguments), **settings)
        self.assertEqual((result.returncode, result.stderr), (status, ""))
        return result.stdout

    def record(self, name, *arguments, **options):
        """Run it with a service; return what it said, and its runs, oldest first."""
        service = self.start_service()
        said = self.run_example(name, *arguments, TELEMETRY_API_URL=service.url, **options)
        return said, service.runs()[::-1]

    def events(self):
        """The event_type and payload of each event of the audit trail."""
        [trail] = (self.base / "raw").iterdir()
        lines = [json.loads(line) for line in trail.read_text().splitlines()]
        return [(line["event_type"], json.loads(line["payload_json"])) for line in lines
                if line["record_type"] == "event"]

    def test_all_are_tested_and_listed(self):
        names = {path.stem for path in (ROOT / "examples").glob("*.c")}
        tests = pathlib.Path(__file__).read_text() + (ROOT / "tests/e2e/test_client.py").read_text()
        listed = (ROOT / "examples/README.md").read_text()
        self.assertGreater(len(names), 5)
        for name in names:
            self.assertIn(f"({name}.c)", listed)
            self.assertTrue(f'"{name}"' in tests or f'"examples/{name}"' in tests, name)

    def test_quick_start_is_the_readmes_program(self):
        shown = re.search(r"```c\n(.*?)```", (ROOT / "README.md").read_text(), re.S).group(1)
        source = (ROOT / "examples/quick_start.c").read_text()
        self.assertEqual(source[source.index("#include"):], shown)

    def test_quick_start(self):
        said, [run] = self.record("quick_start", "one", "two")
        self.assertEqual(said, "translating one\ntranslating two\n")
        self.assertEqual((run["agent_name"], run["job_type"], run["status"]),
                         ("translator", "pages", "success"))
        self.assertEqual((run["items_discovered"], run["items_succeeded"], run["items_failed"]),
                         (2, 2, 0))

    def test_start_end(self):
        file = self.base / "file"
        file.write_text("some text\n")
        said, [run] = self.record("start_end", file, self.base / "missing", status=1)
        self.assertEqual(said, "some text\n")
        self.assertEqual((run["agent_name"], run["status"], run["trigger_type"]),
                         ("copier", "failure", "manual"))
        self.assertEqual((run["items_succeeded"], run["items_failed"]), (1, 1))
        self.assertEqual(run["error_summary"], "files are missing")
        self.assertEqual(self.events(), [("file_copied", {"path": str(file), "bytes": 10}),
                                         ("file_missing", str(self.base / "missing"))])

    def test_scope(self):
        good, bad = self.base / "good", self.base / "bad"
        good.write_text("a=1\nb=2\n")
        bad.write_text("a=1\nb\nc=3\n")
        _, runs = self.record("scope", good, bad, self.base / "missing")
        self.assertEqual([(run["status"], run["error_summary"], run["items_discovered"])
                          for run in runs],
                         [("success", None, 2), ("failure", "a line without '='", 2),
                          ("failure", "cannot be opened", 0)])
        self.assertEqual(self.events(), [("bad_line", {"line": 2})])

    def test_threads(self):
        _, [run] = self.record("threads", 8, 200)
        self.assertEqual((run["status"], run["items_succeeded"]), ("success", 200))
        self.assertCountEqual(self.events(), [("item_done", {"item": i}) for i in range(200)])

    def test_nested(self):
        command = [harness.program("telemetry"), "run", "-a", "command", "--", "true"]
        said, runs = self.record("nested", *command)
        top = said.strip()
        self.assertEqual([(run["agent_name"], run["job_type"], run["status"]) for run in runs],
                         [("pipeline", "all", "success"), ("pipeline", "fetch", "success"),
                          ("pipeline", "convert", "success"), ("command", "command", "success")])
        self.assertEqual(runs[0]["run_id"], top)
        self.assertEqual([run["parent_run_id"] for run in runs], [None, top, top, top])

    def test_embedded(self):
        other = self.base / "other"
        self.assertEqual(self.run_example("embedded", other), "1 runs, 1 of them a success\n")
        self.assertEqual(self.run_example("embedded", other), "2 runs, 2 of them a success\n")
        with sqlite3.connect(other / "db" / "telemetry.sqlite") as database:
            rows = database.execute("SELECT agent_name, items_succeeded, metrics_json "
                                    "FROM agent_runs").fetchall()
        database.close()
        self.assertEqual(rows, 2 * [("hermit", 3, '{"mood": "calm"}')])
        self.assertFalse((self.base / "db").exists())

    def test_sheets(self):
        hook = Webhook(self)
        said = self.run_example("sheets", "crawler", "indexer", GOOGLE_SHEETS_API_ENABLED="true",
                                GOOGLE_SHEETS_API_URL=hook.url)
        self.assertEqual(said, "crawler: exported\nindexer: exported\n")
        self.assertEqual([(run["agent_name"], run["status"]) for run in hook.posted],
                         [("crawler", "success"), ("indexer", "success")])


if __name__ == "__main__":
    harness.main()
