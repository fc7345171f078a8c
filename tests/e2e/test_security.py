# SPDX-License-Identifier: MIT
"""Threats from outside that concern several programs at once: whose files these are, what stands in
their place, and hostile text in paths, filters and ids.
"""
import os
import pathlib
import stat
import urllib.parse

import cli
import harness
import trail
from harness import a_run

FILTERS = ("agent_name", "job_type", "status", "run_id", "event_id_prefix", "agent_name_prefix",
           "parent_run_id", "git_commit_hash", "product", "host", "start_time_from", "created_after",
           "limit", "offset", "cursor", "sort", "fields", "x'; DROP TABLE agent_runs; --")
SQL = ("'", "' OR '1'='1", "'; DROP TABLE agent_runs; --", "%", "_", "\\", '"', "1 UNION SELECT 1",
       "x') OR 1=1 --")
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

    def plant(self, path):
        """Each thing that may stand at the place of a file, one after the other."""
        target = self.base / "target"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.write_text("untouched")
        path.symlink_to(target)
        yield "link"
        self.assertEqual(target.read_text(), "untouched")
        path.unlink()
        os.mkfifo(path, 0o600)
        yield "FIFO"
        self.assertTrue(path.is_fifo())
        path.unlink()
        path.mkdir()
        yield "directory"
        self.assertEqual(list(path.iterdir()), [])
        path.rmdir()

    def test_what_stands_in_the_place_of_the_trail_is_left_alone_and_the_run_is_recorded(self):
        for number, what in enumerate(self.plant(self.base / "raw" / f"events_{trail.today()}.ndjson")):
            with self.subTest(what):
                self.assertEqual(self.record().returncode, 0)
                self.assertEqual(len(self.list_runs("--all")), number + 1)

    def test_what_stands_in_the_place_of_the_lock_is_left_alone_and_named(self):
        lock = self.database.with_name(self.database.name + ".lock")
        self.start_service().stop()
        self.assertTrue(lock.is_file())
        lock.unlink()
        for what in self.plant(lock):
            with self.subTest(what):
                result = self.run_program("telemetryd", TELEMETRY_API_PORT=0)
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertIn(lock.name, result.stderr)

    def test_what_stands_in_the_buffer_is_passed_over(self):
        buffer = self.base / "buffer" / "telemetry_20251210_120000.jsonl.ready"
        for what in self.plant(buffer):
            with self.subTest(what):
                self.telemetry("sync")
                self.assertTrue(buffer.is_symlink() or buffer.exists())


class HostileTextTest(harness.ServiceTestCase):
    def test_in_a_filter_is_no_sql(self):
        before = self.post()["event_id"]
        for name in FILTERS:
            for value in SQL:
                answer = self.service.get("/api/v1/runs", params={name: value})
                self.assertIn(answer.status_code, (200, 400, 422), (name, value, answer.text))
        self.assertEqual([run["event_id"] for run in self.service.runs()], [before])
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
