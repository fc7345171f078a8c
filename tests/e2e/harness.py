# SPDX-License-Identifier: MIT
"""What the end-to-end tests share: the built programs, a service of one's own, requests of any kind.

Each test has its own directory, which is also its HOME and its base directory, and each service its
own port, so that tests run beside each other and never touch what belongs to the user.
"""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import uuid

import requests

BUILD_DIR = pathlib.Path(
    os.environ.get("TELEMETRY_BUILD_DIR")
    or pathlib.Path(__file__).resolve().parents[2] / "build" / "dev"
)
SANITIZE = os.environ.get("TELEMETRY_SANITIZE", "")  # which sanitizers watch the programs
PATIENCE_SECONDS = 60  # nothing waits longer than this; nothing needs it on a sound machine
KEPT_VARIABLES = ("PATH", "LANG", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS",
                  "GCOV_ERROR_FILE")


def program(name):
    """The path of a built program."""
    return str(BUILD_DIR / "bin" / name)


def environment(base, **settings):
    """A clean environment with `base` as HOME and as base directory, and these settings."""
    env = {key: os.environ[key] for key in KEPT_VARIABLES if key in os.environ}
    env.update(HOME=str(base), TELEMETRY_BASE_DIR=str(base))
    env.update({key: str(value) for key, value in settings.items()})
    return env


def a_run(**fields):
    """The smallest run that the service takes, with a new event_id, and these fields."""
    run = {
        "event_id": str(uuid.uuid4()),
        "run_id": "a-run",
        "agent_name": "tester",
        "job_type": "test",
        "start_time": "2025-12-10T12:00:00Z",
    }
    run.update(fields)
    return run


def wait_until(condition, what):
    """Wait until `condition()` is true and return what it gave; fail, naming `what`, if it never is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.01)
    raise AssertionError(f"waited {PATIENCE_SECONDS} s in vain for {what}")


def can_trace():
    """Is there an strace that may trace? The sanitizers mind one."""
    if SANITIZE or not shutil.which("strace"):
        return False
    return subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True,
                          check=False).returncode == 0


AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] * (os.geteuid() == 0)


def can_run_as_nobody():
    """Root may do everything, so that some programs have to be somebody else. Where coverage is measured
    they complain that they may not write their counts."""
    tried = subprocess.run([*AS_NOBODY, program("telemetryd"), "--version"], capture_output=True,
                           check=False)
    return tried.returncode == 0 and not tried.stderr


class Service:
    """A telemetryd of one's own, on a free port, with `base` as its base directory.

    `under`: a command that runs it, and whose process becomes it.
    """

    def __init__(self, base, *arguments, start=True, under=(), **settings):
        settings.setdefault("TELEMETRY_API_PORT", 0)
        self.log = []  # lines of stderr
        self.url = None
        self._session = None
        self._listening = threading.Event()
        self.process = subprocess.Popen(
            [*under, program("telemetryd"), *arguments],
            env=environment(base, **settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        if start:
            self.wait_for_listening()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()

    def _read_log(self):
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))
            found = re.match(r"telemetryd: listening on (http://\S+)$", self.log[-1])
            if found and not self.url:
                self.url = found.group(1)
                self._listening.set()
        self._listening.set()

    def wait_for_listening(self):
        if not self._listening.wait(PATIENCE_SECONDS) or not self.url:
            self.kill()
            raise AssertionError("telemetryd did not start:\n" + "\n".join(self.log))

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    @property
    def pid(self):
        return self.process.pid

    def memory_mb(self, which="VmRSS"):
        """How much memory it holds, or (VmHWM) has held at most."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(status.split(which + ":")[1].split()[0]) / 1024

    def request(self, method, path, **options):
        """Send a request over a kept connection; one thread only."""
        if self._session is None:
            self._session = requests.Session()
            self._session.trust_env = False
        options.setdefault("timeout", PATIENCE_SECONDS)
        return self._session.request(method, self.url + path, **options)

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, run, path="/api/v1/runs", **options):
        return self.request("POST", path, json=run, **options)

    def patch(self, event_id, fields, **options):
        return self.request("PATCH", f"/api/v1/runs/{event_id}", json=fields, **options)

    def runs(self, **parameters):
        response = self.get("/api/v1/runs", params=parameters)
        assert response.status_code == 200, response.text
        return response.json()

    def wait(self):
        """Wait for the end; return the exit status (-9: killed by signal 9)."""
        status = self.process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        self.process.stderr.close()
        if self._session is not None:
            self._session.close()
            self._session = None
        assert not any("Sanitizer" in line for line in self.log), "\n".join(self.log)
        return status

    def stop(self, signal_number=signal.SIGTERM):
        """Ask it to end, and return its exit status."""
        self.process.send_signal(signal_number)
        return self.wait()

    def kill(self):
        """End it at once, whatever it is doing. Already ended: nothing happens."""
        if self.process.poll() is None:
            self.process.kill()
        if not self.process.stderr.closed:
            self.wait()

    def release(self):
        """Let it end when nobody looks any more; what it counted would be lost if it were killed."""
        if os.environ.get("TELEMETRY_COVERAGE") and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                pass
        self.kill()


class Answer:
    """The answer to a raw request."""

    def __init__(self, status, headers, body):
        self.status = status  # None: the connection was closed without one
        self.headers = headers  # lists of values by lower-case name
        self.body = body


def read_answer(stream):
    line = stream.readline()
    if not line:
        return Answer(None, {}, b"")
    headers = {}
    for header in iter(stream.readline, b"\r\n"):
        if not header:
            break
        name, _, value = header.decode("latin-1").partition(":")
        headers.setdefault(name.lower(), []).append(value.strip())
    body = stream.read(int(headers.get("content-length", ["0"])[0]))
    return Answer(int(line.split()[1]), headers, body)


def connect(service, source="127.0.0.1"):
    """Open a connection to a service, from an address of this machine."""
    return socket.create_connection(("127.0.0.1", service.port), PATIENCE_SECONDS, (source, 0))


def ask(connection, data):
    """Send bytes as they are over an open connection, and return the answer."""
    connection.sendall(data)
    with connection.makefile("rb") as stream:
        return read_answer(stream)


def ask_at_once(service, requests):
    """Send each of these over a connection of its own that is in use already, all to be met at the same
    moment, and return the answers."""
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(connect(service)) for _ in requests]
        for peer in peers:
            assert ask(peer, b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 200
        service.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, service.pid, os.WSTOPPED)
        for peer, request in zip(peers, requests):
            peer.sendall(request)
        service.process.send_signal(signal.SIGCONT)
        return [read_answer(stack.enter_context(peer.makefile("rb"))) for peer in peers]


def send_raw(port, data, answers=1):
    """Send bytes as they are over a new connection, and return the first answer, or a list."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
        if answers == 1:
            return ask(connection, data)
        connection.sendall(data)
        with connection.makefile("rb") as stream:
            return [read_answer(stream) for _ in range(answers)]


class TestCase(unittest.TestCase):
    """A test with a directory of its own: self.base."""

    def setUp(self):
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="telemetry-test-"))
        self.addCleanup(shutil.rmtree, self.base, ignore_errors=True)

    @property
    def database(self):
        return self.base / "db" / "telemetry.sqlite"

    def start_service(self, *arguments, base=None, **options):
        """Start a service; it ends with the test if it still runs then."""
        service = Service(base or self.base, *arguments, **options)
        self.addCleanup(service.release)
        return service

    def run_program(self, name, *arguments, stdin=None, cwd=None, timeout=PATIENCE_SECONDS,
                    **settings):
        """Run a program to its end; the result has returncode, stdout and stderr as text."""
        return subprocess.run(
            [program(name), *arguments],
            env=environment(self.base, **settings),
            input=stdin or "",
            cwd=cwd,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )


class ServiceTestCase(TestCase):
    """A test with a service of its own: self.service."""

    def setUp(self):
        super().setUp()
        self.service = self.start_service()

    def post(self, **fields):
        """Post a run that must be created; return it as the service then shows it."""
        run = a_run(**fields)
        response = self.service.post(run)
        self.assertEqual(response.status_code, 201, response.text)
        return self.get(run["event_id"])

    def get(self, event_id):
        response = self.service.get(f"/api/v1/runs/{event_id}")
        self.assertEqual(response.status_code, 200, response.text)
        return response.json()

    def send(self, body, method="POST", path="/api/v1/runs", **options):
        return self.service.request(method, path, data=body, **options)

    def assert_faults(self, response, *locations):
        """The answer is 422 with exactly these locations."""
        self.assertEqual(response.status_code, 422, response.text)
        faults = response.json()["detail"]
        self.assertCountEqual([tuple(fault["loc"]) for fault in faults], locations)
        for fault in faults:
            self.assertTrue(fault["msg"])
            self.assertTrue(fault["type"])

    def assert_detail(self, response, status, text=""):
        self.assertEqual(response.status_code, status, response.text)
        self.assertEqual(response.headers["Content-Type"], "application/json")
        self.assertIn(text, response.json()["detail"])


def main():
    unittest.main(verbosity=2)
