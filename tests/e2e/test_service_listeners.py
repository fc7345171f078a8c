# SPDX-License-Identifier: MIT
"""Where the service listens: Unix-domain sockets, both of localhost's addresses, inherited sockets."""
import os
import pathlib
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import unittest

import harness
from harness import a_run

# Does what systemd does: the sockets are descriptors 3 and up, and the environment says so.
HAND_OVER = """
import os, sys
count = int(sys.argv[1])
os.environ["LISTEN_PID"], os.environ["LISTEN_FDS"] = str(os.getpid()), str(count)
os.execv(sys.argv[2], sys.argv[2:])
"""


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


class UnixSocket(harness.TestCase):
    def setUp(self):
        super().setUp()
        # Its path must be short, wherever TMPDIR is.
        self.directory = tempfile.TemporaryDirectory(prefix="tel-", dir="/tmp")
        self.addCleanup(self.directory.cleanup)
        self.path = pathlib.Path(self.directory.name) / "s"

    def start(self, **settings):
        service = self.start_service(TELEMETRY_API_SOCKET=self.path, **settings)
        harness.wait_until(lambda: f"telemetryd: listening on unix:{self.path}" in service.log,
                           "the line about the socket")
        return service

    def ask(self, request=b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(harness.PATIENCE_SECONDS)
            connection.connect(str(self.path))
            return harness.ask(connection, request)

    def assert_does_not_start(self, *words):
        result = self.run_program("telemetryd", "--port", "0", TELEMETRY_API_SOCKET=self.path)
        self.assertEqual(result.returncode, 1, result.stderr)
        for word in (str(self.path), *words):
            self.assertIn(word, result.stderr)

    def test_it_serves_there_as_well_as_by_tcp(self):
        service = self.start()
        self.assertEqual(self.ask().status, 200)
        self.assertEqual(self.ask(b"GET /version HTTP/1.1\r\nHost: evil\r\n\r\n").status, 421)
        self.assertEqual(service.get("/version").status_code, 200)

    def test_only_its_owner_may_connect(self):
        self.start()
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)

    def test_or_its_group_when_that_is_asked_for(self):
        self.start(TELEMETRY_GROUP_ACCESS="true")
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o660)

    def test_it_is_gone_at_the_end(self):
        self.assertEqual(self.start().stop(), 0)
        self.assertFalse(self.path.exists())

    def test_what_a_killed_service_left_is_replaced(self):
        self.start().kill()
        self.assertTrue(self.path.is_socket())
        self.start()
        self.assertEqual(self.ask().status, 200)

    def test_one_that_is_in_use_is_left_alone(self):
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(self.path))
            other.listen()
            self.assert_does_not_start("in use", "TELEMETRY_API_SOCKET")
        self.assertTrue(self.path.is_socket())

    def test_what_is_no_socket_is_left_alone(self):
        self.path.write_text("mine")
        self.assert_does_not_start("something else is there", "TELEMETRY_API_SOCKET")
        self.assertEqual(self.path.read_text(), "mine")
        self.path.unlink()
        self.path.symlink_to("elsewhere")
        self.assert_does_not_start("something else is there")
        self.assertTrue(self.path.is_symlink())

    def test_a_place_that_cannot_be_is_named(self):
        self.path = self.path / "no" / "such" / "directory"
        self.assert_does_not_start("No such file or directory")
        self.path = pathlib.Path(self.directory.name) / ("x" * 200)
        result = self.run_program("telemetryd", "--port", "0", TELEMETRY_API_SOCKET=self.path)
        self.assertEqual(result.returncode, 1)
        self.assertIn("must be shorter than", result.stderr)

    def test_the_token_is_wanted_there_too(self):
        self.start(TELEMETRY_API_AUTH_ENABLED="true", TELEMETRY_API_AUTH_TOKEN="secret")
        self.assertEqual(self.ask().status, 401)


WITHOUT_IPV6 = ["unshare", "-n", "sh", "-c", "ip link set lo up && "
                'sysctl -qw net.ipv6.conf.lo.disable_ipv6=1 && exec "$@"', "sh"]


def can_be_without_ipv6():
    return shutil.which("unshare") and subprocess.run([*WITHOUT_IPV6, "true"], capture_output=True,
                                                      check=False).returncode == 0


class Localhost(harness.TestCase):
    @unittest.skipUnless(can_be_without_ipv6(), "there is always IPv6 here")
    def test_it_is_one_address_where_there_is_no_other(self):
        service = self.start_service(TELEMETRY_API_HOST="localhost", TELEMETRY_API_PORT=8765,
                                     under=WITHOUT_IPV6)
        self.assertEqual(service.url, "http://127.0.0.1:8765")
        self.assertEqual(service.stop(), 0)
        self.assertEqual(service.log[1], f"telemetryd: database {self.database}")

    def test_it_is_both_addresses(self):
        if not has_ipv6():
            self.skipTest("this machine has no IPv6")
        service = self.start_service(TELEMETRY_API_HOST="localhost")
        self.assertEqual(service.get("/version").status_code, 200)
        with socket.create_connection(("::1", service.port), harness.PATIENCE_SECONDS) as connection:
            answer = harness.ask(connection, b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertEqual(answer.status, 200)

    def test_half_of_it_is_not_enough(self):
        if not has_ipv6():
            self.skipTest("this machine has no IPv6")
        with socket.socket(socket.AF_INET6) as other:
            other.bind(("::1", 0))
            other.listen()
            result = self.run_program("telemetryd", "--host", "localhost", "--port",
                                      str(other.getsockname()[1]))
        self.assertEqual(result.returncode, 1)
        self.assertIn("in use", result.stderr)


class Inherited(harness.TestCase):
    def start(self, *sockets, **settings):
        """Start a service that finds these sockets open."""
        for number, given in enumerate(sockets, 3):
            os.dup2(given.fileno(), 100 + number)

        def place():
            for number in range(3, 3 + len(sockets)):
                os.dup2(100 + number, number)

        settings.setdefault("TELEMETRY_API_PORT", 1)  # must not be tried
        process = subprocess.Popen(
            [sys.executable, "-c", HAND_OVER, str(len(sockets)), harness.program("telemetryd")],
            env=harness.environment(self.base, **settings), stderr=subprocess.PIPE, text=True,
            preexec_fn=place, close_fds=False)
        for number in range(3, 3 + len(sockets)):
            os.close(100 + number)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def listen(self, host="127.0.0.1"):
        listener = socket.create_server((host, 0))
        self.addCleanup(listener.close)
        return listener

    def ask(self, listener):
        with socket.create_connection(listener.getsockname(), harness.PATIENCE_SECONDS) as connection:
            return harness.ask(connection, b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n")

    def test_sockets_that_were_handed_over_are_served(self):
        listeners = [self.listen(), self.listen()]
        process = self.start(*listeners)
        for listener in listeners:
            self.assertEqual(self.ask(listener).status, 200)
        process.terminate()
        self.assertEqual(process.wait(harness.PATIENCE_SECONDS), 0)

    def test_they_can_be_served_by_the_next_one(self):
        listener = self.listen()
        for _ in range(2):
            process = self.start(listener)
            self.assertEqual(self.ask(listener).status, 200)
            process.terminate()
            self.assertEqual(process.wait(harness.PATIENCE_SECONDS), 0)

    def test_for_others_they_need_a_token_too(self):
        process = self.start(self.listen("0.0.0.0"))
        self.assertEqual(process.wait(harness.PATIENCE_SECONDS), 1)
        self.assertIn("TELEMETRY_API_AUTH_ENABLED", process.stderr.read())

    def test_there_may_be_seven_of_them_beside_a_socket_of_our_own(self):
        path = pathlib.Path(tempfile.mkdtemp(prefix="tel-", dir="/tmp")) / "s"
        self.addCleanup(shutil.rmtree, path.parent)
        listeners = [self.listen() for _ in range(7)]
        self.start(*listeners, TELEMETRY_API_SOCKET=path)
        for listener in listeners:
            self.assertEqual(self.ask(listener).status, 200)
        harness.wait_until(path.is_socket, "the socket of its own")

    def test_more_are_refused(self):
        process = self.start(*[self.listen() for _ in range(8)])
        self.assertEqual(process.wait(harness.PATIENCE_SECONDS), 1)
        self.assertIn("8 sockets were handed over, but at most 7", process.stderr.read())

    def test_what_does_not_listen_is_named(self):
        with socket.socket() as other:
            process = self.start(other)
            self.assertEqual(process.wait(harness.PATIENCE_SECONDS), 1)
        self.assertIn("descriptor 3", process.stderr.read())


if __name__ == "__main__":
    harness.main()
