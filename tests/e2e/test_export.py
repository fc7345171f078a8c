# SPDX-License-Identifier: MIT
"""Runs on their way to a sheet: by hand, by the agent that ends them, and by the service later."""
import datetime
import fcntl
import json
import os
import signal
import socket
import sqlite3
import ssl
import subprocess
import threading
import uuid

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

import harness
import sheet

TOKEN = "c4nary-t0ken"
PATIENCE_MS = 1000 * harness.PATIENCE_SECONDS
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1+1", "'=1"]


class ExportTestCase(harness.TestCase):
    key = sheet.new_key()

    def start_sheet(self, **options):
        stand_in = sheet.Sheet(**options)
        self.addCleanup(stand_in.stop)
        self.addCleanup(lambda: self.assertEqual(stand_in.faults, []))
        return stand_in

    def write_key(self, stand_in, key=None, **changes):
        path = self.base / "key.json"
        self.pem = sheet.write_key_file(path, key or self.key, stand_in.token_uri, **changes)
        return path

    def settings(self, url, **more):
        """The environment that switches the export on."""
        return {"GOOGLE_SHEETS_API_ENABLED": "true", "GOOGLE_SHEETS_API_URL": url,
                "TELEMETRY_CALL_BUDGET_MS": PATIENCE_MS, **more}


class ByHandTest(ExportTestCase):
    """The example program that exports runs."""

    def export(self, *agents, **settings):
        result = self.run_program("examples/sheets", *agents, **settings)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def test_a_service_accounts_key_becomes_rows_of_a_sheet(self):
        stand_in = self.start_sheet(key=self.key)
        settings = self.settings(stand_in.url + sheet.APPEND,
                                 GOOGLE_APPLICATION_CREDENTIALS=self.write_key(stand_in))
        self.assertEqual(self.export(**settings), "connected\n")
        self.assertEqual(stand_in.rows, [])
        output = self.export("crawler", "indexer", "reporter", **settings)
        self.assertEqual(output, "crawler: exported\nindexer: exported\nreporter: exported\n")
        self.assertEqual([row["agent_name"] for row in stand_in.rows],
                         ["crawler", "indexer", "reporter"])
        self.assertEqual(stand_in.rows[0]["status"], "success")
        self.assertEqual(stand_in.rows[0]["product"], "")
        # One for the connection; one for the call that waits, one for the thread.
        self.assertEqual(stand_in.issued, 3)

    def test_a_token_that_runs_out_is_renewed_before(self):
        stand_in = self.start_sheet(key=self.key, expires_in=60)
        settings = self.settings(stand_in.url + sheet.APPEND,
                                 GOOGLE_APPLICATION_CREDENTIALS=self.write_key(stand_in))
        self.export("first", "second", "third", **settings)
        self.assertEqual(len(stand_in.rows), 3)
        self.assertEqual(stand_in.issued, 3)

    def test_a_key_that_is_not_the_accounts_gets_no_token_and_the_reason_is_told(self):
        stand_in = self.start_sheet(key=self.key)
        key_file = self.write_key(stand_in, key=sheet.new_key())
        output = self.export("crawler", **self.settings(
            stand_in.url + sheet.APPEND, GOOGLE_APPLICATION_CREDENTIALS=key_file))
        self.assertEqual(output, f"crawler: no token for the export: {stand_in.url} answered 401: "
                                 "invalid signature\n")
        self.assertEqual([request[1] for request in stand_in.requests], ["/token"])

    def test_a_key_file_that_is_none_is_told_and_nothing_waits_for_it(self):
        stand_in = self.start_sheet(key=self.key)
        fifo = self.base / "fifo"
        os.mkfifo(fifo)
        text = self.base / "text"
        text.write_text("-----BEGIN PRIVATE KEY-----")
        other = self.write_key(stand_in, private_key="-----BEGIN PRIVATE KEY-----\nAAAA\n")
        for path, reason in ((self.base / "none", "No such file"), (fifo, "no regular file"),
                             (text, "no JSON object"), (other, "must be an RSA key")):
            output = self.export("crawler", **self.settings(
                stand_in.url + sheet.APPEND, GOOGLE_APPLICATION_CREDENTIALS=path))
            self.assertRegex(output, f"^crawler: no token for the export: .*{reason}")
        self.assertEqual(stand_in.requests, [])

    def test_a_webhook_gets_a_flat_object_and_the_token_given(self):
        stand_in = self.start_sheet(token=TOKEN)
        output = self.export("crawler", **self.settings(stand_in.url + "/hook",
                                                        METRICS_API_TOKEN=TOKEN))
        self.assertEqual(output, "crawler: exported\n")
        [row] = stand_in.rows
        self.assertEqual(sorted(row), sorted("run_id agent_name job_type status start_time end_time"
                                             .split()))

    def test_what_begins_like_a_formula_stays_text(self):
        stand_in = self.start_sheet(token=TOKEN)
        address = stand_in.url + sheet.APPEND + "?valueInputOption=USER_ENTERED"
        self.export(*FORMULAS, **self.settings(address, METRICS_API_TOKEN=TOKEN))
        self.assertEqual([row["agent_name"] for row in stand_in.rows], FORMULAS)

    def test_no_redirect_takes_the_token_elsewhere(self):
        elsewhere = self.start_sheet()
        stand_in = self.start_sheet(token=TOKEN)
        for status in (301, 302, 303, 307, 308):
            stand_in.misbehaviour = [stand_in.status(status, Location=elsewhere.url + "/hook")]
            output = self.export("crawler", **self.settings(stand_in.url + sheet.APPEND,
                                                            METRICS_API_TOKEN=TOKEN))
            self.assertEqual(output, f"crawler: {stand_in.url} answered {status}\n")
        self.assertEqual(elsewhere.requests, [])

    def test_an_attempt_that_fails_is_followed_by_others(self):
        stand_in = self.start_sheet(token=TOKEN)
        stand_in.misbehaviour = [stand_in.status(503), stand_in.raw(b"garbage\r\n\r\n")]
        output = self.export("crawler", **self.settings(stand_in.url + sheet.APPEND,
                                                        METRICS_API_TOKEN=TOKEN))
        self.assertEqual(output, "crawler: exported\n")
        self.assertEqual(len(stand_in.rows), 1)
        self.assertEqual(len(stand_in.requests), 3)

    def test_a_huge_answer_is_not_read_to_its_end(self):
        stand_in = self.start_sheet(token=TOKEN)
        head = b"HTTP/1.1 %d X\r\nContent-Length: 1000000000\r\n\r\n"
        for status, outcome in ((200, "exported"),
                                (403, f"the answer of {stand_in.url} is larger than 65536 bytes")):
            stand_in.misbehaviour = [stand_in.raw(head % status + b" " * 1000000)]
            output = self.export("crawler", **self.settings(stand_in.url + sheet.APPEND,
                                                            METRICS_API_TOKEN=TOKEN))
            self.assertEqual(output, f"crawler: {outcome}\n")

    def test_a_proxy_is_asked_for_others_but_not_for_this_machine(self):
        proxy = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(proxy.close)
        asked = []

        def serve():
            connection, _ = proxy.accept()
            with connection:
                asked.append(connection.recv(65536).decode())
                connection.sendall(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        proxies = {"http_proxy": address, "https_proxy": address, "METRICS_API_TOKEN": TOKEN}
        stand_in = self.start_sheet(token=TOKEN)
        self.assertEqual(
            self.export("crawler", **self.settings(stand_in.url + "/hook", **proxies)),
            "crawler: exported\n")
        self.assertEqual(asked, [])
        self.export(**self.settings("https://sheets.googleapis.invalid/hook", **proxies))
        thread.join()
        self.assertRegex(asked[0], r"^CONNECT sheets\.googleapis\.invalid:443 ")
        self.assertNotIn(TOKEN, asked[0])

    def test_a_server_that_cannot_prove_who_it_is_gets_nothing(self):
        certificate = self.base / "certificate.pem"
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
        now = datetime.datetime.utcnow()
        signed = (x509.CertificateBuilder().subject_name(name).issuer_name(name)
                  .public_key(self.key.public_key()).serial_number(1)
                  .not_valid_before(now - datetime.timedelta(days=1))
                  .not_valid_after(now + datetime.timedelta(days=1))
                  .sign(self.key, hashes.SHA256()))
        key = self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption())
        certificate.write_bytes(key + signed.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        heard = []

        def serve():
            connection, _ = listener.accept()
            try:
                with context.wrap_socket(connection, server_side=True) as stream:
                    heard.append(stream.recv(65536))
            except OSError:
                heard.append(b"")

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/hook"
        output = self.export(**self.settings(url, METRICS_API_TOKEN=TOKEN))
        thread.join()
        self.assertRegex(output, "^cannot reach https://127.0.0.1:.* certificate")
        self.assertEqual(heard, [b""])


class ByTheAgentTest(ExportTestCase):
    """The example agent, whose client exports the run that it ends."""

    def run_agent(self, **settings):
        words = self.base / "words"
        words.write_text("one two three\n")
        result = self.run_program("examples/agent", str(words), **settings)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("3 words", result.stdout)

    def test_a_run_is_exported_when_it_ends_and_the_service_knows(self):
        stand_in = self.start_sheet(key=self.key)
        service = self.start_service()
        self.run_agent(TELEMETRY_API_URL=service.url, **self.settings(
            stand_in.url + sheet.APPEND, GOOGLE_APPLICATION_CREDENTIALS=self.write_key(stand_in)))
        [run] = service.runs()
        [row] = stand_in.rows
        self.assertEqual((run["status"], run["api_posted"], run["api_retry_count"]),
                         ("success", True, 0))
        self.assertRegex(run["api_posted_at"], r"^20\d\d-.*\+00:00$")
        for name, value in row.items():
            self.assertEqual(value, run[name] if run[name] is not None else "", name)

    def test_a_run_that_is_refused_stays_pending_and_counts_the_attempt(self):
        stand_in = self.start_sheet(token=TOKEN)
        service = self.start_service()
        self.run_agent(TELEMETRY_API_URL=service.url, **self.settings(
            stand_in.url + sheet.APPEND, METRICS_API_TOKEN="wr0ng"))
        [run] = service.runs()
        self.assertEqual((run["api_posted"], run["api_retry_count"]), (False, 1))
        self.assertEqual(len(stand_in.requests), 1)

    def test_an_agent_that_ends_does_not_wait_for_a_silent_sheet(self):
        stand_in = self.start_sheet(token=TOKEN)
        stand_in.misbehaviour = [stand_in.stay_silent]
        service = self.start_service()
        self.run_agent(TELEMETRY_API_URL=service.url, **self.settings(
            stand_in.url + sheet.APPEND, METRICS_API_TOKEN=TOKEN, TELEMETRY_CALL_BUDGET_MS=2000))
        self.assertLessEqual(len(stand_in.requests), 1)  # not yet given up, and tried again
        runs = harness.wait_until(
            lambda: [run for run in service.runs() if run["status"] != "running"], "its end")
        self.assertFalse(runs[0]["api_posted"])

    def test_mock_sends_nothing(self):
        stand_in = self.start_sheet()
        self.run_agent(TELEMETRY_TEST_MODE="mock", **self.settings(stand_in.url + "/hook"))
        self.assertEqual(stand_in.requests, [])

    def test_no_secret_is_written_anywhere(self):
        stand_in = self.start_sheet(key=self.key)
        stand_in.misbehaviour = [stand_in.status(403, b'{"error":{"message":"' + TOKEN.encode() +
                                                 b' may not"}}')] * 2
        key_file = self.write_key(stand_in)
        service = self.start_service(**self.settings(stand_in.url + "/hook?secret=" + TOKEN,
                                                     METRICS_API_TOKEN=TOKEN))
        for more in ({"METRICS_API_TOKEN": TOKEN}, {"GOOGLE_APPLICATION_CREDENTIALS": key_file}):
            self.run_agent(TELEMETRY_API_URL=service.url,
                           **self.settings(stand_in.url + "/hook?secret=" + TOKEN, **more))
        service.stop()
        key_file.unlink()
        secrets = [TOKEN, self.pem.splitlines()[5], "issued."]
        texts = {str(path): path.read_bytes() for path in self.base.rglob("*") if path.is_file()}
        texts["log"] = "\n".join(service.log).encode()
        for where, text in texts.items():
            for secret in secrets:
                self.assertNotIn(secret.encode(), text, where)


class LeftRunsTestCase(ExportTestCase):
    """A sheet, and runs that clients left."""

    def setUp(self):
        super().setUp()
        self.stand_in = self.start_sheet(token=TOKEN)
        self.state = self.base / "db" / "telemetry.sqlite.export"

    def start_exporting(self, **more):
        return self.start_service(TELEMETRY_SYNC_INTERVAL_SECONDS=1, **self.settings(
            self.stand_in.url + sheet.APPEND, METRICS_API_TOKEN=TOKEN, **more))

    def be_on_since(self, when):
        self.state.parent.mkdir(exist_ok=True)
        self.state.write_text(when + "\n")

    @staticmethod
    def minutes_ago(minutes):
        moment = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=minutes)
        return moment.isoformat(timespec="microseconds")

    def post(self, service, name, ended_minutes_ago, **fields):
        """Post a run that ended so long ago, or (None) is still running."""
        if ended_minutes_ago is not None:
            fields = {"status": "success", "end_time": self.minutes_ago(ended_minutes_ago), **fields}
        run = harness.a_run(event_id=str(uuid.uuid4()), agent_name=name,
                            start_time=self.minutes_ago(1000), **fields)
        self.assertEqual(service.post(run).status_code, 201)
        return run["event_id"]

    def names(self):
        return [row["agent_name"] for row in self.stand_in.rows]

    def wait_for(self, *names):
        harness.wait_until(lambda: set(names) <= set(self.names()), f"rows of {names}")

    def run_of(self, service, event_id):
        return service.get(f"/api/v1/runs/{event_id}").json()


class ByTheServiceTest(LeftRunsTestCase):
    """The service, which exports what clients left."""

    def test_exports_what_ended_since_it_was_switched_on_and_is_five_minutes_old(self):
        self.be_on_since(self.minutes_ago(60))
        service = self.start_exporting()
        self.post(service, "before", 70)
        self.post(service, "young", 1)
        self.post(service, "running", None)
        self.post(service, "exported", 30, api_posted=True)
        pending = self.post(service, "pending", 30)
        self.wait_for("pending")
        self.post(service, "later", 20)
        self.wait_for("later")
        self.assertEqual(self.names(), ["pending", "later"])
        run = harness.wait_until(
            lambda: self.run_of(service, pending)["api_posted"] and self.run_of(service, pending),
            "the mark")
        self.assertEqual(run["api_retry_count"], 0)
        self.assertTrue(run["api_posted_at"])

    def test_notes_once_and_for_all_when_it_was_switched_on(self):
        service = self.start_exporting()
        since = harness.wait_until(lambda: self.state.exists() and self.state.read_text(), "it")
        self.assertRegex(since, r"^20\d\d-\d\d-\d\dT[\d:.]+\+00:00\n$")
        self.assertEqual(self.state.stat().st_mode & 0o777, 0o600)
        self.post(service, "before", 10)
        service.stop()
        service = self.start_exporting()
        service.stop()
        self.assertEqual(self.state.read_text(), since)
        self.assertEqual(self.stand_in.requests, [])
        self.be_on_since(self.minutes_ago(60))  # and that is what counts
        service = self.start_exporting()
        self.wait_for("before")

    def test_leaves_a_service_without_the_export_alone(self):
        service = self.start_service(TELEMETRY_SYNC_INTERVAL_SECONDS=1)
        self.post(service, "run", 30)
        service.stop()
        self.assertFalse(self.state.exists())

    def test_counts_failures_and_goes_on_when_the_sheet_is_back(self):
        self.be_on_since(self.minutes_ago(60))
        self.stand_in.misbehaviour = [self.stand_in.status(403)] * 2
        service = self.start_exporting()
        event_id = self.post(service, "patient", 30)
        self.wait_for("patient")
        run = harness.wait_until(
            lambda: self.run_of(service, event_id)["api_posted"] and self.run_of(service, event_id),
            "the mark")
        self.assertEqual(run["api_retry_count"], 2)
        self.assertEqual(len(self.stand_in.requests), 3)
        warnings = [line for line in service.log if "the export failed" in line]
        self.assertEqual(len(warnings), 2)
        self.assertIn("answered 403", warnings[0])
        self.assertNotIn(TOKEN, "\n".join(service.log))

    def test_a_run_that_is_refused_does_not_hold_the_others_up(self):
        self.be_on_since(self.minutes_ago(60))
        service = self.start_service()
        refused = self.post(service, "refused", 30)
        self.post(service, "taken", 30)
        service.stop()
        self.stand_in.misbehaviour = [self.stand_in.status(400)]
        service = self.start_exporting()
        self.wait_for("taken")
        run = harness.wait_until(
            lambda: self.run_of(service, refused)["api_retry_count"] and self.run_of(service, refused),
            "the count")
        self.assertEqual(run["api_retry_count"], 1)

    def test_a_run_that_failed_fifty_times_is_left(self):
        self.be_on_since(self.minutes_ago(60))
        service = self.start_exporting()
        self.post(service, "hopeless", 30, api_retry_count=50)
        self.post(service, "nearly", 30, api_retry_count=49)
        self.wait_for("nearly")
        self.assertEqual(self.names(), ["nearly"])

    def test_a_silent_sheet_holds_up_neither_writes_nor_the_end(self):
        self.be_on_since(self.minutes_ago(60))
        self.stand_in.misbehaviour = [self.stand_in.stay_silent] * 10
        service = self.start_exporting()
        self.post(service, "waiting", 30)
        harness.wait_until(lambda: self.stand_in.requests, "the export to begin")
        self.post(service, "another", 1)
        self.assertEqual(service.stop(), 0)
        self.assertEqual(len(self.stand_in.requests), 1)

    def test_only_one_process_exports_at_a_time(self):
        self.be_on_since(self.minutes_ago(60))
        with open(self.state, "r+", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            service = self.start_exporting()
            self.post(service, "waiting", 30)
            harness.wait_until(lambda: any("is locked by another" in line for line in service.log),
                               "a round that finds it locked")
            self.assertEqual(self.stand_in.requests, [])
        self.wait_for("waiting")

    def test_a_damaged_note_begins_anew_and_floods_nobody(self):
        self.be_on_since("2000-01-01")
        self.state.write_bytes(b"\0\xff garbage")
        service = self.start_exporting()
        self.post(service, "run", 30)
        harness.wait_until(lambda: b"garbage" not in self.state.read_bytes(), "a new note")
        service.stop()
        self.assertEqual(self.stand_in.requests, [])

    def test_says_why_nothing_is_exported(self):
        service = self.start_service(GOOGLE_SHEETS_API_ENABLED="true")
        service.stop()
        self.assertIn("GOOGLE_SHEETS_API_URL is not set", "\n".join(service.log))


class BySyncTest(LeftRunsTestCase):
    """telemetry sync, when no service runs, or when everything is to be exported."""

    def sync(self, *arguments, status=0, **more):
        result = self.run_program("telemetry", "sync", "--json", *arguments, **self.settings(
            self.stand_in.url + sheet.APPEND, METRICS_API_TOKEN=TOKEN,
            **{"TELEMETRY_API_URL": "http://127.0.0.1:1", **more}))
        self.assertEqual(result.returncode, status, result.stderr)
        self.complaints = result.stderr
        report = json.loads(result.stdout)
        return report["exported"], report["export_refused"]

    def leave_runs(self):
        """Runs in the database of a service that never exported, and is gone."""
        self.be_on_since(self.minutes_ago(60))
        service = self.start_service()
        self.post(service, "before", 70)
        self.post(service, "pending", 30)
        self.post(service, "young", 1)
        self.post(service, "hopeless", 30, api_retry_count=50)
        service.stop()

    def posted(self):
        with sqlite3.connect(self.database) as connection:
            rows = connection.execute("SELECT agent_name FROM agent_runs WHERE api_posted ORDER BY 1")
            names = [name for name, in rows]
        connection.close()
        return names

    def test_exports_what_the_service_would_and_marks_it(self):
        self.leave_runs()
        self.assertEqual(self.sync(), (1, 0))
        self.assertEqual(self.names(), ["pending"])
        self.assertEqual(self.posted(), ["pending"])
        self.assertEqual(self.sync(), (0, 0))

    def test_export_all_exports_the_older_ones_too_with_and_without_a_service(self):
        self.leave_runs()
        service = self.start_service()
        self.assertEqual(self.sync("--export-all", TELEMETRY_API_URL=service.url), (3, 0))
        self.assertCountEqual(self.names(), ["before", "pending", "hopeless"])
        self.assertTrue(service.runs(agent_name="before")[0]["api_posted"])
        self.post(service, "another", 100)
        service.stop()
        self.assertEqual(self.sync("--export-all"), (1, 0))
        self.assertEqual(self.posted(), ["another", "before", "hopeless", "pending"])

    def test_leaves_the_export_to_a_service_that_runs(self):
        self.leave_runs()
        service = self.start_service()
        self.assertEqual(self.sync(TELEMETRY_API_URL=service.url), (0, 0))
        self.assertEqual(self.stand_in.requests, [])

    def test_says_what_is_wrong_and_what_was_done(self):
        self.leave_runs()
        self.stand_in.misbehaviour = [self.stand_in.status(400), self.stand_in.status(403)]
        self.assertEqual(self.sync("--export-all", status=5), (0, 1))
        self.assertIn("answered 403", self.complaints)
        self.assertNotIn(TOKEN, self.complaints)
        result = self.run_program("telemetry", "sync", "--export-all")
        self.assertIn("GOOGLE_SHEETS_API_ENABLED is off", result.stderr)
        self.assertNotEqual(result.returncode, 0)

    def test_without_the_export_nothing_is_made_of_it(self):
        result = self.run_program("telemetry", "sync", TELEMETRY_API_URL="http://127.0.0.1:1")
        self.assertEqual((result.returncode, result.stdout, result.stderr),
                         (0, "Nothing to send.\n", ""))
        self.assertFalse(self.state.exists())


if __name__ == "__main__":
    harness.main()
