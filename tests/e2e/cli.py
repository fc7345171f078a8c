# SPDX-License-Identifier: MIT
"""What the tests of the command `telemetry` share: running it, beside nobody's service."""
import json
import socket
import subprocess
import threading

import harness

NO_SERVICE = "http://127.0.0.1:1"  # nothing listens there


class CliTestCase(harness.TestCase):
    """A test with files of its own, and no service unless it starts one."""

    def environment(self, **settings):
        settings.setdefault("TELEMETRY_API_URL", NO_SERVICE)
        settings.setdefault("LANG", "C.UTF-8")
        env = harness.environment(self.base, **settings)
        return {key: value for key, value in env.items() if value != "None"}

    def telemetry(self, *arguments, settings=None, **options):
        """Run the command; the result has returncode, and stdout and stderr as bytes."""
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        if "stdin" not in options:
            options.setdefault("input", b"")
        result = subprocess.run(
            [harness.program("telemetry"), *arguments],
            env=self.environment(**(settings or {})),
            timeout=harness.PATIENCE_SECONDS,
            check=False,
            **options,
        )
        self.assertNotIn(b"Sanitizer", result.stderr or b"")
        return result

    def start(self, *arguments, settings=None, **options):
        """Start the command, and see to it that it ends with the test."""
        process = subprocess.Popen(
            [harness.program("telemetry"), *arguments],
            env=self.environment(**(settings or {})),
            **options,
        )
        self.addCleanup(self._end, process)
        return process

    @staticmethod
    def _end(process):
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()

    def list_runs(self, *arguments, **options):
        """The runs that `telemetry list --json` prints."""
        result = self.telemetry("list", "--json", *arguments, **options)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        return json.loads(result.stdout)

    def only_run(self, **options):
        """The one run that was recorded."""
        runs = self.list_runs("--all", **options)
        self.assertEqual(len(runs), 1, runs)
        return runs[0]


class Peer:
    """A server that behaves badly: `answer(connection)` is called for each connection."""

    def __init__(self, test, answer):
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._connections = []
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()
        test.addCleanup(self._close)

    def _serve(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._connections.append(connection)
            self._answer(connection)

    def _close(self):
        self._socket.close()
        for connection in self._connections:
            connection.close()


def hang(_connection):
    """Take the connection and never say a word."""


def error_500(connection):
    connection.recv(65536)
    connection.sendall(
        b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    )
    connection.close()


def error_403(connection):
    connection.recv(65536)
    connection.sendall(
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    )
    connection.close()


def another_program(connection):
    """Answer everything with a page, as what else may listen on that port."""
    connection.recv(65536)
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\nConnection: close\r\n\r\n<html></html>"
    )
    connection.close()
