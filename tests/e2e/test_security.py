# SPDX-License-Identifier: MIT
"""Threats from outside that concern several programs at once: whose files these are, and hostile text
in paths, filters and ids.
"""
import os
import pathlib
import stat
import urllib.parse

import cli
import harness
from harness import a_run

FILTERS = ("agent_name", "job_type", "status", "run_id", "event_id_prefix", "agent_name_prefix",
           "parent_run_id", "git_commit_hash", "product", "host", "start_time_from", "created_after",
           "limit", "offset", "cursor", "sort", "fields", "x'; DROP TABLE agent_runs; --")
SQL = ("'", "' OR '1'='1", "'; DROP TABLE agent_runs; --", "%", "_", "\\", '"', "1 UNION SELECT 1",
       "x') OR 1=1 --", "x\0' OR 1=1 --")
ESCAPES = ("../../../../escaped", "..%2f..%2fescaped", "%2e%2e/%2e%2e/escaped", "/escaped",
           "....//escaped")


class FilesTest(cli.CliTestCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(os.umask, os.umask(0))

    def record(self, **settings):
        return self.telemetry("run", "--", "true", settings=settings)

    def test_all_are_their_owners_whatever_the_umask_is(self):
        self.base.chmod(0o755)
        self.record()
        self.record(TELEMETRY_API_URL=cli.NO_SERVICE, TELEMETRY_MODE="http")
        service = self.start_service(TELEMETRY_API_SOCKET=self.base / "socket")
        service.post(a_run())
        names = {path.name for path in self.base.rglob("*")}
        for kind in ("sqlite", ".lock", ".ndjson", ".jsonl"):
            self.assertTrue(any(kind in name for name in names), (kind, names))
        for path in self.base.rglob("*"):
            mode = stat.S_IMODE(path.lstat().st_mode)
            self.assertEqual(mode & 0o077, 0, f"{path} {mode:o}")


class HostileTextTest(harness.ServiceTestCase):
    def test_in_a_filter_is_no_sql(self):
        before = self.post()["event_id"]
        for value in SQL:
            for name in FILTERS:
                answer = self.service.get("/api/v1/runs", params={name: value})
                self.assertIn(answer.status_code, (200, 400, 422), (name, value, answer.text))
            for path in ("runs/{}", "runs/{}/tree", "runs/{}/commit-url", "metadata/{}"):
                answer = self.service.get("/api/v1/" + path.format(urllib.parse.quote(value, safe="")))
                self.assertIn(answer.status_code, (400, 404, 422), (path, value, answer.text))
            self.assertIn(self.service.patch(urllib.parse.quote(value, safe=""), {"status": "success"})
                          .status_code, (400, 404), value)
        self.assertEqual([(run["event_id"], run["status"]) for run in self.service.runs()],
                         [(before, "running")])
        self.assertEqual(self.service.runs(agent_name="' OR '1'='1"), [])

    def test_in_a_path_names_no_file(self):
        for path in ("/docs/", "/", "/api/v1/runs/", "/docs/../"):
            for name in ("../../../../etc/passwd", "..%2f..%2f..%2f..%2fetc/passwd",
                         "%2e%2e/%2e%2e/%2e%2e/etc/passwd", "%00/etc/passwd", "//etc/passwd"):
                target = f"GET {path}{name} HTTP/1.1\r\nHost: localhost\r\n\r\n"
                answer = harness.send_raw(self.service.port, target.encode())
                self.assertIn(answer.status, (400, 404), target)
                self.assertNotIn(b"root:", answer.body)

    def test_in_an_id_leads_to_no_file_elsewhere(self):
        for escape in ESCAPES:
            run = a_run(event_id=escape, run_id=escape, parent_run_id=escape)
            self.assertIn(self.service.post(run).status_code, (201, 422))
            self.service.get("/api/v1/runs/" + urllib.parse.quote(escape, safe=""))
            self.run_program("telemetry", "show", escape)
            self.run_program("telemetry", "run", "--run-id", escape, "--", "true")
        names = [path.name for path in self.base.rglob("*")]
        self.assertFalse([name for name in names if "escaped" in name])
        for place in (self.base.parent, self.base.parent.parent, pathlib.Path("/")):
            self.assertFalse((place / "escaped").exists())


class ListeningTest(harness.ServiceTestCase):
    def test_nobody_elsewhere_can_connect(self):
        port = f":{self.service.port:04X} "
        found = [line.split()[1] for table in ("tcp", "tcp6")
                 for line in pathlib.Path(f"/proc/net/{table}").read_text().splitlines()
                 if port in line and " 0A " in line]
        self.assertEqual(found, [f"0100007F{port.strip()}"])


if __name__ == "__main__":
    harness.main()
