# SPDX-License-Identifier: MIT
"""Starting and ending: what is said, what is refused, what is left alone."""
import os
import pathlib
import re
import signal
import socket
import sqlite3
import stat
import unittest

import harness
from harness import a_run


class Starting(harness.TestCase):
    def test_it_says_where_it_listens_and_what_it_keeps(self):
        service = self.start_service()
        self.assertRegex(service.log[0], r"^telemetryd: listening on http://127\.0\.0\.1:\d+$")
        harness.wait_until(lambda: len(service.log) > 1, "the second line")
        self.assertEqual(service.log[1], f"telemetryd: database {self.database}")
        self.assertEqual(service.get("/health").status_code, 200)

    def test_options_win_over_the_environment(self):
        other = self.base / "other" / "my.sqlite"
        service = self.start_service("--port", "0", "--host", "127.0.0.2", "--db", str(other),
                                     TELEMETRY_API_PORT=1, TELEMETRY_API_HOST="192.0.2.1",
                                     TELEMETRY_DB_PATH="/nowhere/x")
        self.assertIn("127.0.0.2", service.url)
        self.assertEqual(service.get("/health").json()["db_path"], str(other))
        service = self.start_service("--base", str(self.base / "third"), TELEMETRY_BASE_DIR="/nope")
        self.assertTrue((self.base / "third" / "db" / "telemetry.sqlite").is_file())

    def test_names_and_ipv6_addresses_can_be_listened_on(self):
        service = self.start_service(TELEMETRY_API_HOST="localhost")
        self.assertEqual(service.url, f"http://127.0.0.1:{service.port}")
        self.assertEqual(service.get("/health").status_code, 200)
        if not self.has_ipv6():
            self.skipTest("this machine has no IPv6")
        for host in ("::1", "[::1]"):
            service = self.start_service(base=self.base / host, TELEMETRY_API_HOST=host)
            self.assertEqual(service.url, f"http://[::1]:{service.port}")
            self.assertEqual(service.get("/health").status_code, 200)

    def has_ipv6(self):
        try:
            with socket.socket(socket.AF_INET6) as probe:
                probe.bind(("::1", 0))
        except OSError:
            return False
        return True

    @unittest.skipUnless(harness.can_run_as_nobody(), "only root can run the service here")
    def test_it_may_have_as_many_files_open_as_the_machine_lets_it(self):
        if harness.AS_NOBODY:
            os.chown(self.base, 65534, 65534)
        service = self.start_service(under=["prlimit", "--nofile=64:512", *harness.AS_NOBODY])
        figures = service.get("/metrics", headers={"Accept": "text/plain"}).text
        self.assertIn("\nprocess_max_fds 512\n", figures)

    def test_its_files_are_private(self):
        self.start_service().post(a_run())
        for path in [self.base / "db", *(self.base / "db").iterdir()]:
            mode = stat.S_IMODE(path.stat().st_mode)
            self.assertEqual(mode & 0o077, 0, f"{path} {mode:o}")

    def test_help_and_version(self):
        result = self.run_program("telemetryd", "--help")
        self.assertEqual(result.returncode, 0)
        for option in ("--port", "--host", "--base", "--db", "--version"):
            self.assertIn(option, result.stdout)
        result = self.run_program("telemetryd", "--version")
        self.assertRegex(result.stdout, r"^telemetryd \d+\.\d+\.\d+\n$")


class RefusingToStart(harness.TestCase):
    def refuse(self, *arguments, status=1, **settings):
        """Start, expect the exit status and no traces of listening, return what was said."""
        settings.setdefault("TELEMETRY_API_PORT", 0)
        result = self.run_program("telemetryd", *arguments, **settings)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertNotIn("listening on http", result.stderr)
        self.assertTrue(result.stderr.startswith("telemetryd: "), result.stderr)
        return result.stderr

    def test_usage_errors_exit_2(self):
        for arguments in (["--nonsense"], ["argument"], ["--port"], ["--port", "x"],
                          ["--port", "65536"], ["--port", ""]):
            with self.subTest(arguments=arguments):
                result = self.run_program("telemetryd", *arguments)
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertTrue(result.stderr)
        result = self.run_program("telemetryd", "--port", "65536")
        self.assertIn('must be an integer from 0 to 65535, not "65536"', result.stderr)

    def test_every_faulty_setting_is_named(self):
        said = self.refuse(TELEMETRY_API_PORT="many", TELEMETRY_API_AUTH_ENABLED="perhaps",
                           TELEMETRY_DB_SYNCHRONOUS="OFF", TELEMETRY_API_WORKERS=4,
                           TELEMETRY_CALL_BUDGET_MS="not ours")
        self.assertEqual(len(said.splitlines()), 4, said)
        for key in ("TELEMETRY_API_PORT", "TELEMETRY_API_AUTH_ENABLED", "TELEMETRY_DB_SYNCHRONOUS",
                    "TELEMETRY_API_WORKERS"):
            self.assertIn(key, said)
        self.assertEqual(list(self.base.iterdir()), [])

    def test_a_second_service_on_the_database_names_the_first(self):
        first = self.start_service()
        said = self.refuse()
        self.assertIn(f"is locked by pid {first.pid} on host ", said)
        self.assertIn("stop that process, or set TELEMETRY_BASE_DIR", said)
        self.assertEqual(len(said.splitlines()), 1)
        self.assertEqual(first.get("/health").status_code, 200)

    def test_the_next_service_starts_when_the_first_is_gone(self):
        self.start_service().kill()
        self.assertEqual(self.start_service().stop(), 0)

    def test_it_waits_a_little_for_the_lock(self):
        first = self.start_service()
        second = self.start_service(start=False)
        first.kill()
        second.wait_for_listening()

    def test_a_port_in_use_names_who_has_it(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            said = self.refuse("--port", str(port))
        program = pathlib.Path("/proc/self/comm").read_text(encoding="utf-8").strip()
        self.assertIn(f"127.0.0.1:{port} is in use by process {os.getpid()} ({program})", said)
        self.assertIn("--port", said)
        self.assertEqual(len(said.splitlines()), 1)

    def test_an_address_that_is_not_here_is_named(self):
        self.assertIn("192.0.2.1", self.refuse(TELEMETRY_API_HOST="192.0.2.1",
                                               TELEMETRY_API_ALLOW_INSECURE="true"))

    def test_a_file_that_is_no_database_is_left_alone(self):
        self.database.parent.mkdir(parents=True)
        for content in (b"this is not a database\n" * 100, b"SQLite format 3\0" + b"\xff" * 5000):
            self.database.write_bytes(content)
            said = self.refuse()
            self.assertIn(str(self.database), said)
            self.assertEqual(len(said.splitlines()), 1, said)
            self.assertEqual(self.database.read_bytes(), content)

    def test_a_damaged_database_is_left_alone(self):
        service = self.start_service()
        for _ in range(300):
            service.post(a_run(error_details="x" * 500))
        service.stop()
        content = bytearray(self.database.read_bytes())
        content[4096:40960] = b"\xa5" * (40960 - 4096)
        self.database.write_bytes(content)
        said = self.refuse()
        self.assertIn(str(self.database), said)
        self.assertEqual(self.database.read_bytes(), content)

    def test_what_is_large_is_not_read_first_to_find_damage(self):
        service = self.start_service()
        for _ in range(2):
            service.post(a_run(error_details="x" * 9_000_000))
        service.stop()
        content = bytearray(self.database.read_bytes())
        self.assertGreater(len(content), 16 << 20)
        content[10_000_000:10_004_096] = b"\xa5" * 4096
        self.database.write_bytes(content)
        self.assertEqual(self.start_service().get("/health").status_code, 200)

    def test_a_database_from_the_future_is_left_alone(self):
        self.start_service().stop()
        connection = sqlite3.connect(self.database)
        connection.execute("INSERT INTO schema_migrations (version, applied_at, description) "
                           "VALUES (999, '2099-01-01', 'flying cars')")
        connection.commit()
        connection.close()
        content = self.database.read_bytes()
        said = self.refuse()
        self.assertIn("999", said)
        self.assertIn(str(self.database), said)
        self.assertEqual(self.database.read_bytes(), content)

    def test_a_place_that_cannot_be_written_is_named(self):
        (self.base / "file").write_text("in the way")
        path = self.base / "file" / "db" / "x.sqlite"
        said = self.refuse("--db", str(path))
        self.assertIn(str(self.base / "file"), said)
        self.assertIn("set TELEMETRY_BASE_DIR to a directory that can be written", said)


class Ending(harness.TestCase):
    def test_both_signals_end_it_with_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            service = self.start_service()
            service.post(a_run())
            self.assertEqual(service.stop(number), 0)
            self.assertTrue(all(re.match("telemetryd: (listening|database)", line)
                                for line in service.log), service.log)

    def test_idle_and_half_done_connections_do_not_hold_it_up(self):
        service = self.start_service()
        with socket.create_connection(("127.0.0.1", service.port)) as idle, \
                socket.create_connection(("127.0.0.1", service.port)) as half:
            half.sendall(b"GET /health HTTP/1.1\r\nHo")
            idle.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertTrue(idle.recv(10))
            self.assertEqual(service.stop(), 0)

    def test_a_request_whose_body_never_comes_does_not_hold_it_up_for_ever(self):
        service = self.start_service()
        with socket.create_connection(("127.0.0.1", service.port)) as half:
            half.sendall(b"POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\n"
                         b"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n")
            self.assertIn(b"100", half.recv(100))
            self.assertEqual(service.stop(), 0)

    def test_ignored_signals_do_not_end_it(self):
        service = self.start_service()
        os.kill(service.pid, signal.SIGPIPE)
        os.kill(service.pid, signal.SIGXFSZ)
        self.assertEqual(service.get("/health").status_code, 200)


if __name__ == "__main__":
    harness.main()
