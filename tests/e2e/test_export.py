# SPDX-License-Identifier: MIT
"""Runs on their way to a sheet: by hand, and by the agent that ends them."""
import os
import socket
import threading

import certificates
import export
import harness
import sheet
from export import TOKEN

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1+1", "'=1"]


class ByHandTest(export.ExportTestCase):
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

    def test_https_trusts_an_authority_that_is_named(self):
        authority = certificates.Authority(self.base)
        stand_in = self.start_sheet(key=self.key, tls=authority.server_context())
        output = self.export("crawler", **self.settings(
            stand_in.url + sheet.APPEND, SSL_CERT_FILE=authority.path,
            GOOGLE_APPLICATION_CREDENTIALS=self.write_key(stand_in)))
        self.assertEqual(output, "crawler: exported\n")
        self.assertEqual([row["agent_name"] for row in stand_in.rows], ["crawler"])
        self.assertEqual(stand_in.issued, 1)  # by the same authority's word

    def test_a_server_that_cannot_prove_who_it_is_gets_nothing(self):
        authority = certificates.Authority(self.base)
        stranger = certificates.Authority(self.base, "stranger")
        for context, trusted in ((authority.server_context(), None),
                                 (authority.server_context(), stranger.path),
                                 (authority.server_context("127.0.0.2"), authority.path)):
            stand_in = self.start_sheet(token=TOKEN, tls=context)
            more = {"SSL_CERT_FILE": trusted} if trusted else {}
            output = self.export(**self.settings(stand_in.url + "/hook", METRICS_API_TOKEN=TOKEN,
                                                 **more))
            self.assertRegex(output, "^cannot reach https://127.0.0.1:.* certificate")
            self.assertEqual(stand_in.requests, [])


class ByTheAgentTest(export.ExportTestCase):
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


if __name__ == "__main__":
    harness.main()
