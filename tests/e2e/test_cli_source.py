# SPDX-License-Identifier: MIT
"""Where `telemetry` finds runs, what it does when they cannot be had, and what all commands share."""
import json
import os
import sqlite3
import subprocess
import unittest

import cli
import harness


class Source(cli.CliTestCase):
    def record(self, agent="someone", **options):
        result = self.telemetry("run", "-a", agent, "--", "true", **options)
        self.assertEqual(result.returncode, 0)

    def agents(self, *arguments, **options):
        return [run["agent_name"] for run in self.list_runs(*arguments, **options)]

    @unittest.skipIf(
        any(map(os.path.isdir, ("/agent-metrics", "/opt/telemetry", "/data/telemetry"))),
        "this machine has a base directory for all users",
    )
    def test_needs_no_service_and_no_configuration(self):
        settings = {"TELEMETRY_BASE_DIR": None, "LANG": None}
        empty = self.telemetry("list", settings=settings)
        self.assertEqual((empty.returncode, empty.stdout), (0, b""))
        self.assertEqual(list(self.base.iterdir()), [])  # looking leaves no traces
        result = self.telemetry("run", "--", "ls", "/", settings=settings)
        self.assertIn(b"tmp\n", result.stdout)
        self.assertEqual(self.agents(settings=settings), ["ls"])
        self.assertTrue((self.base / ".telemetry" / "db" / "telemetry.sqlite").exists())

    def test_is_the_service_when_one_answers(self):
        self.record("in-files")
        self.assertEqual(self.agents(), ["in-files"])  # and no more in the buffer
        served = self.base / "served"
        served.mkdir()
        with harness.Service(served) as service:
            settings = {"TELEMETRY_API_URL": service.url}
            self.assertEqual(self.agents(settings=settings), [])
            self.record("in-service", settings=settings)
            self.assertEqual(self.agents(settings=settings), ["in-service"])
            self.assertEqual(self.agents("--url", service.url), ["in-service"])
        self.assertEqual(self.agents(), ["in-files"])

    def test_is_a_base_directory_that_is_named(self):
        other = str(self.base / "other")
        self.record("here")
        with harness.Service(self.base) as service:
            settings = {"TELEMETRY_API_URL": service.url}
            result = self.telemetry(
                "run", "--base", other, "-a", "there", "--", harness.program("telemetry"), "run",
                "-a", "there-inside", "--", "true", settings=settings,
            )
            self.assertEqual((result.returncode, result.stderr), (0, b""))
            self.assertEqual(self.agents("--base", other, settings=settings), ["there"])
            self.assertEqual(self.agents("--base", other, "--all", settings=settings),
                             ["there-inside", "there"])
            self.assertEqual(self.agents(settings=settings), ["here"])

    def test_is_the_files_when_something_else_answers(self):
        self.record()
        for answer in (cli.hang, cli.error_500, cli.error_403, cli.another_program):
            peer = cli.Peer(self, answer)
            self.assertEqual(self.agents(settings={"TELEMETRY_API_URL": peer.url}), ["someone"])
            result = self.telemetry("list", "--url", peer.url)
            self.assertEqual((result.returncode, result.stdout), (4, b""))
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)

    def test_that_never_ends_is_read_up_to_a_limit(self):
        """An id is looked for in 150 pages; then there is none."""
        page = json.dumps([{"created_at": "2025-12-10T12:00:00Z", "id": 7}] * 1000).encode()
        asked = []

        def answer(connection):
            path = connection.recv(65536).split()[1]
            status, body = 404, b"{}"
            if path == b"/version":
                status, body = 200, b'{"name":"telemetryd"}'
            elif path.startswith(b"/api/v1/runs?"):
                status, body = 200, b"[]"
                if b"run_id=" not in path:
                    asked.append(path)
                    body = page if len(asked) < 200 else body
            connection.sendall(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
                               % (status, len(body), body))
            connection.close()

        result = self.telemetry("show", "abcd", "--url", cli.Peer(self, answer).url)
        self.assertEqual((result.returncode, result.stdout), (3, b""), result.stderr)
        self.assertEqual(len(asked), 150)

    def test_is_the_database_alone_while_another_process_has_the_lock(self):
        self.record("first")
        self.assertEqual(self.agents(), ["first"])
        with harness.Service(self.base) as service:
            self.record("second")
            result = self.telemetry("list", "--json")
            self.assertEqual(result.returncode, 0)
            self.assertEqual([run["agent_name"] for run in json.loads(result.stdout)], ["first"])
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
            self.assertIn(str(service.pid).encode(), result.stderr)
            self.assertEqual(self.telemetry("list", "--quiet").stderr, b"")
            service.stop()
        self.assertEqual(self.agents(), ["second", "first"])

    def test_takes_the_buffer_in_once(self):
        self.record()
        self.assertEqual(self.agents(), ["someone"])
        self.assertEqual([path.suffix for path in (self.base / "buffer").iterdir()], [".synced"])
        self.assertEqual(self.agents(), ["someone"])

    def test_that_wants_a_token(self):
        settings = {"TELEMETRY_API_AUTH_TOKEN": "open-sesame"}
        with harness.Service(self.base, TELEMETRY_API_AUTH_ENABLED="true", **settings) as service:
            url = {"TELEMETRY_API_URL": service.url}
            result = self.telemetry("list", settings=url)
            self.assertEqual((result.returncode, result.stdout), (5, b""))
            self.assertIn(b"TELEMETRY_API_AUTH_TOKEN", result.stderr)
            self.record(settings={**url, **settings})
            self.assertEqual(self.agents(settings={**url, **settings}), ["someone"])


class UnusableDatabase(cli.CliTestCase):
    @property
    def database(self):
        return self.base / "db" / "telemetry.sqlite"

    def assert_refused(self, status, words):
        before = self.database.read_bytes()
        for arguments in (["list"], ["list", "--json"], ["show", "@last"]):
            result = self.telemetry(*arguments)
            self.assertEqual((result.returncode, result.stdout), (status, b""), result.stderr)
            lines = result.stderr.decode().splitlines()
            self.assertEqual(len(lines), 1, lines)
            self.assertIn(str(self.database), lines[0])
            self.assertIn(words, lines[0])
        self.assertEqual(self.database.read_bytes(), before)

    def make(self):
        self.telemetry("run", "--", "true")
        self.assertEqual(self.telemetry("list").returncode, 0)

    def test_that_is_none(self):
        self.database.parent.mkdir()
        self.database.write_bytes(b"This is not a database, whatever its name says.\n" * 100)
        self.assert_refused(4, "database")
        self.telemetry("run", "--", "true")  # so that the buffer has something for it
        self.assert_refused(4, "database")

    def test_that_was_cut_off(self):
        self.make()
        size = self.database.stat().st_size
        os.truncate(self.database, size - size // 2)
        self.assert_refused(4, "")

    def test_that_is_from_the_future(self):
        self.make()
        with sqlite3.connect(self.database) as connection:
            connection.execute(
                "INSERT INTO schema_migrations (version, applied_at, description)"
                " VALUES (99, '2030-01-01T00:00:00Z', 'from the future')"
            )
        connection.close()
        self.assert_refused(5, "99")
        self.telemetry("run", "--", "true")
        self.assert_refused(5, "99")

    def test_does_not_stop_a_command_from_running(self):
        self.database.parent.mkdir()
        self.database.write_bytes(b"no database\n")
        for settings in ({}, {"TELEMETRY_MODE": "embedded"}):
            result = self.telemetry("run", "--", "echo", "ran", settings=settings)
            self.assertEqual((result.returncode, result.stdout), (0, b"ran\n"))
        self.assertEqual(self.database.read_bytes(), b"no database\n")


class Commands(cli.CliTestCase):
    NAMES = ("run", "list", "show", "schema")

    def test_all_have_help_and_version(self):
        for arguments in (["--help"], ["-h"], ["help"]):
            result = self.telemetry(*arguments)
            self.assertEqual((result.returncode, result.stderr), (0, b""))
            for name in self.NAMES:
                self.assertIn(f"  {name}".encode(), result.stdout)
        version = self.telemetry("--version").stdout
        self.assertRegex(version, rb"^telemetry \d+\.\d+\.\d+\n$")
        for name in (*self.NAMES, "ls"):
            helps = [
                self.telemetry(name, "--help"), self.telemetry(name, "-h"), self.telemetry("help", name)
            ]
            for result in helps:
                self.assertEqual((result.returncode, result.stderr), (0, b""))
                self.assertTrue(result.stdout.startswith(b"Usage: telemetry "), result.stdout)
                self.assertEqual(result.stdout, helps[0].stdout)
            self.assertEqual(self.telemetry(name, "--version").stdout, version)

    def test_of_wrong_use_are_2_and_say_where_help_is(self):
        wrong = (
            [],
            ["no-such-command"],
            ["help", "no-such-command"],
            ["list", "--no-such-flag"],
            ["list", "an-argument"],
            ["list", "--status", "done"],
            ["list", "--since", "soon"],
            ["list", "-n", "0"],
            ["list", "-n", "100001"],
            ["list", "--format", "xml"],
            ["list", "--color", "red"],
            ["show"],
            ["show", "one", "two"],
            ["schema", "one"],
        )
        for arguments in wrong:
            result = self.telemetry(*arguments)
            self.assertEqual((arguments, result.returncode), (arguments, 2))
            self.assertEqual(result.stdout, b"")
            self.assertIn(b"--help", result.stderr)

    def test_say_when_the_output_cannot_be_written(self):
        for arguments in (["--help"], ["--version"], ["schema"], ["list", "--json"]):
            with open("/dev/full", "wb") as full:
                result = self.telemetry(*arguments, stdout=full)
            self.assertEqual((arguments, result.returncode), (arguments, 4))
            self.assertEqual(
                result.stderr, b"telemetry: cannot write the output: No space left on device\n"
            )

    def test_write_nothing_into_files_through_closed_descriptors(self):
        def close_all():
            for fd in (0, 1, 2):
                os.close(fd)

        self.telemetry("run", "--", "true", preexec_fn=close_all)
        self.telemetry("list", preexec_fn=close_all)
        with sqlite3.connect(self.database) as connection:
            self.assertEqual(connection.execute("PRAGMA integrity_check").fetchone(), ("ok",))
        connection.close()
        for path in (self.base / "raw").iterdir():
            for line in path.read_text().splitlines():
                self.assertIn("record_type", json.loads(line))

    def test_schema_has_every_field_of_a_run(self):
        self.telemetry("run", "--", "true")
        fields = [name for name in self.list_runs()[0] if name not in ("commit_url", "repo_url")]
        schema = json.loads(self.telemetry("schema", "--json").stdout)
        self.assertEqual([field["name"] for field in schema["fields"]], fields)
        by_name = {field["name"]: field for field in schema["fields"]}
        self.assertEqual(by_name["agent_name"]["access"], ["create", "required", "filter"])
        self.assertEqual(by_name["items_failed"]["initial"], 0)
        self.assertEqual(by_name["status"]["initial"], "running")
        self.assertIsNone(by_name["product"]["initial"])
        rows = self.telemetry("schema", "--markdown").stdout.decode().splitlines()[2:]
        self.assertEqual([row.split()[1] for row in rows], fields)
        lines = self.telemetry("schema").stdout.decode().splitlines()[1:]
        self.assertEqual([line.split()[0] for line in lines], fields)

    def test_schema_as_sql_makes_a_database(self):
        sql = self.telemetry("schema", "--sql").stdout.decode()
        fields = json.loads(self.telemetry("schema", "--json").stdout)["fields"]
        with sqlite3.connect(":memory:") as connection:
            connection.executescript(sql)
            columns = connection.execute("PRAGMA table_info(agent_runs)").fetchall()
        connection.close()
        self.assertEqual({column[1] for column in columns}, {field["name"] for field in fields})

    def test_end_quietly_when_the_reader_goes_away(self):
        process = self.start("schema", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.close()
        self.assertEqual(process.stderr.read(), b"")


if __name__ == "__main__":
    harness.main()
