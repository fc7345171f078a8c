# SPDX-License-Identifier: MIT
"""What the service is told while it runs, and what it tells whoever looks after it."""
import os
import pathlib
import re
import signal
import socket
import subprocess

import harness
from harness import a_run

TOKEN = "canary-d41d8cd98f00b204"


def bearer(token):
    return {"Authorization": "Bearer " + token}


class Reload(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.file = self.base / "telemetry.conf"
        self.token = self.base / "token"
        self.write_token(TOKEN)
        self.write("")

    def write_token(self, text):
        self.token.write_text(text)
        self.token.chmod(0o600)

    def write(self, text):
        self.file.write_text(f"TELEMETRY_API_AUTH_ENABLED=yes\n"
                             f"TELEMETRY_API_AUTH_TOKEN_FILE={self.token}\n{text}")

    def reload(self, service, *words):
        before = len(service.log)
        service.process.send_signal(signal.SIGHUP)
        harness.wait_until(lambda: any("read again" in line for line in service.log[before:]),
                           "the configuration to be read")
        for word in words:
            self.assertTrue(any(word in line for line in service.log[before:]), service.log)

    def test_the_token_and_the_level_change_and_the_rest_waits(self):
        service = self.start_service("--config", str(self.file))
        self.assertEqual(service.get("/version", headers=bearer(TOKEN)).status_code, 200)
        self.write_token("another")
        self.write("TELEMETRY_LOG_LEVEL=DEBUG\nTELEMETRY_API_MAX_BODY_MB=3\n")
        self.reload(service, "setting=TELEMETRY_API_MAX_BODY_MB")
        self.assertEqual(service.get("/version", headers=bearer(TOKEN)).status_code, 401)
        self.assertEqual(service.get("/version", headers=bearer("another")).status_code, 200)
        harness.wait_until(lambda: any("level=debug" in line for line in service.log), "more lines")
        self.write("")
        self.reload(service)
        service.stop()
        self.assertNotIn(TOKEN, "\n".join(service.log))
        self.assertNotIn("another", "\n".join(service.log))

    def test_with_a_fault_everything_stays_as_it_is(self):
        service = self.start_service("--config", str(self.file))
        self.write("TELEMETRY_API_MAX_BODY_MB=many\nTELEMETRY_LOG_LEVEL=DEBUG\n")
        self.write_token("another")
        self.reload(service, "TELEMETRY_API_MAX_BODY_MB must be", "was not read again")
        self.assertEqual(service.get("/version", headers=bearer(TOKEN)).status_code, 200)
        self.token.unlink()
        self.write("")
        self.reload(service, str(self.token))
        self.assertEqual(service.get("/version", headers=bearer(TOKEN)).status_code, 200)
        self.assertEqual(service.get("/version").status_code, 401)
        self.assertFalse(any("level=debug" in line for line in service.log))

    def test_requests_under_way_do_not_notice(self):
        service = self.start_service("--config", str(self.file))
        for _ in range(20):
            service.process.send_signal(signal.SIGHUP)
            self.assertEqual(service.post(a_run(), headers=bearer(TOKEN)).status_code, 201)
        self.assertEqual(service.stop(), 0)


class LogFile(harness.TestCase):
    def test_the_log_goes_to_the_file_and_to_a_new_one_when_that_was_moved(self):
        log = self.base / "telemetryd.log"
        old = self.base / "telemetryd.log.1"
        service = self.start_service(start=False, TELEMETRY_LOG_FILE=log, TELEMETRY_LOG_LEVEL="DEBUG")
        harness.wait_until(lambda: log.exists() and "database " in log.read_text(), "the log")
        self.assertEqual(log.stat().st_mode & 0o777, 0o600)
        log.rename(old)
        service.process.send_signal(signal.SIGHUP)
        harness.wait_until(lambda: log.exists() and "read again" in log.read_text(), "a new log")
        self.assertNotIn("read again", old.read_text())
        self.assertEqual(service.stop(), 0)
        self.assertEqual(service.log, [])

    def test_a_file_that_cannot_be_is_named_at_the_start(self):
        result = self.run_program("telemetryd", TELEMETRY_API_PORT=0,
                                  TELEMETRY_LOG_FILE="/nowhere/log")
        self.assertEqual(result.returncode, 1)
        self.assertIn("/nowhere/log", result.stderr)
        (self.base / "link").symlink_to(self.base / "target")
        result = self.run_program("telemetryd", TELEMETRY_API_PORT=0,
                                  TELEMETRY_LOG_FILE=self.base / "link")
        self.assertEqual(result.returncode, 1)
        self.assertFalse((self.base / "target").exists())


class Notified(harness.TestCase):
    """With somebody who listens as systemd does."""

    def listen(self, address):
        supervisor = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(supervisor.close)
        supervisor.bind(address)
        supervisor.settimeout(harness.PATIENCE_SECONDS)
        return supervisor

    def receive_until(self, supervisor, line):
        """All messages up to the one that has this line."""
        messages = []
        while not messages or line not in messages[-1].splitlines():
            messages.append(supervisor.recv(4096).decode())
        return messages

    def test_it_tells_when_it_is_ready_reloads_and_ends(self):
        for name in (str(self.base / "notify"), "\0telemetry-test-" + self.base.name):
            supervisor = self.listen(name)
            service = self.start_service(NOTIFY_SOCKET=name.replace("\0", "@"))
            (opening, ready) = self.receive_until(supervisor, "READY=1")
            self.assertIn("EXTEND_TIMEOUT_USEC=", opening)
            self.assertIn("STATUS=", ready)
            self.assertEqual(service.get("/health").status_code, 200)
            service.process.send_signal(signal.SIGHUP)
            self.assertIn("MONOTONIC_USEC=", self.receive_until(supervisor, "RELOADING=1")[-1])
            self.receive_until(supervisor, "READY=1")
            self.assertEqual(service.stop(), 0)
            self.assertEqual([message.split("\n")[0] for message in
                              self.receive_until(supervisor, "STOPPING=1")][-1], "STOPPING=1")

    def test_it_shows_that_it_is_alive(self):
        supervisor = self.listen(str(self.base / "notify"))
        self.start_service(NOTIFY_SOCKET=self.base / "notify", WATCHDOG_USEC=200000)
        for _ in range(3):
            self.receive_until(supervisor, "WATCHDOG=1")

    def test_a_watchdog_for_another_process_is_not_fed(self):
        supervisor = self.listen(str(self.base / "notify"))
        service = self.start_service(NOTIFY_SOCKET=self.base / "notify", WATCHDOG_USEC=20000,
                                     WATCHDOG_PID=os.getpid())
        self.receive_until(supervisor, "READY=1")
        self.assertEqual(service.stop(), 0)
        self.assertEqual(len(self.receive_until(supervisor, "STOPPING=1")), 1)

    def test_a_socket_that_nobody_reads_is_no_matter(self):
        for name in ("/nowhere/notify", "relative", "", "@", "/" + 200 * "x"):
            self.start_service(NOTIFY_SOCKET=name, WATCHDOG_USEC="soon").stop()

    def test_the_units_are_sound(self):
        packaging = pathlib.Path(__file__).resolve().parents[2] / "packaging"
        units = [str(packaging / name) for name in ("telemetryd.service", "telemetryd.socket")]
        try:
            result = subprocess.run(["systemd-analyze", "verify", "--man=no", *units],
                                    capture_output=True, text=True, check=False)
        except FileNotFoundError:
            self.skipTest("systemd-analyze is not installed")
        complaints = [line for line in result.stderr.splitlines()
                      if re.search(r"telemetryd\.(service|socket)", line)
                      and "is not executable" not in line]
        self.assertEqual(complaints, [])


class Secrets(harness.TestCase):
    def test_the_token_is_in_no_answer_log_or_file_and_nowhere_in_proc(self):
        log = self.base / "service.log"
        service = self.start_service(TELEMETRY_API_AUTH_ENABLED="true", TELEMETRY_LOG_LEVEL="DEBUG",
                                     TELEMETRY_API_AUTH_TOKEN=TOKEN, METRICS_API_TOKEN="x" + TOKEN)
        answers = []
        for token in (TOKEN, TOKEN + "x", ""):
            for path in ("/health", "/version", "/metrics", "/api/v1/runs", "/openapi.json",
                         "/nope", "/docs"):
                answer = service.get(path, headers=bearer(token) if token else {})
                answers.append(answer.text + str(answer.headers))
            answers.append(service.post(a_run(), headers=bearer(token)).text)
            answers.append(service.post({}, headers=bearer(token)).text)
        proc = pathlib.Path(f"/proc/{service.pid}")
        self.assertNotIn(TOKEN, (proc / "cmdline").read_text())
        try:
            self.assertNotIn(TOKEN.encode(), (proc / "environ").read_bytes())
        except PermissionError:
            pass  # nobody but root may look, which is as good
        self.assertEqual((proc / "mem").stat().st_uid, 0)  # what cannot be dumped is root's
        service.process.send_signal(signal.SIGHUP)
        harness.wait_until(lambda: any("read again" in line for line in service.log), "the reload")
        self.assertEqual(service.stop(), 0)
        log.write_text("\n".join(service.log))
        self.assertNotIn(TOKEN, "\n".join(answers))
        for path in self.base.rglob("*"):
            if path.is_file():
                self.assertNotIn(TOKEN.encode(), path.read_bytes(), path)

    def test_without_a_secret_it_can_be_debugged(self):
        service = self.start_service()
        self.assertEqual(pathlib.Path(f"/proc/{service.pid}/mem").stat().st_uid, os.geteuid())


if __name__ == "__main__":
    harness.main()
