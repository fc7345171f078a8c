# SPDX-License-Identifier: MIT
"""What the service logs about requests, and the names by which they are found there."""
import contextlib
import re
import sqlite3
import uuid

import harness
from harness import a_run, send_raw

TOKEN = "c4nary-Token"
LINE = re.compile(r'^time=\S+ level=[a-z]+ msg=".*?"( [a-z_]+=("([^"\\]|\\.)*"|[^\s"]+))*$')


class RequestLog(harness.TestCase):
    def start(self, level="DEBUG", **settings):
        return self.start_service(TELEMETRY_LOG_LEVEL=level, **settings)

    def stop(self, service):
        """End the service and return the lines it logged about requests, as dictionaries."""
        self.assertEqual(service.stop(), 0)
        logged = [line for line in service.log if line.startswith("time=")]
        for line in logged:
            self.assertRegex(line, LINE)
        return [dict(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)', line)) for line in logged
                if " id=" in line]

    def test_each_request_is_one_line(self):
        service = self.start()
        service.get("/version?limit=secret")
        run = a_run(agent_name="the payload")
        service.post(run)
        service.get("/nope")
        lines = self.stop(service)
        self.assertEqual([(line["method"], line["path"], line["status"], line["level"])
                          for line in lines],
                         [("GET", "/version", "200", "debug"), ("POST", "/api/v1/runs", "201", "debug"),
                          ("GET", "/nope", "404", "debug")])
        for line in lines:
            self.assertEqual(line["client"], "127.0.0.1")
            self.assertGreaterEqual(int(line["ms"]), 0)
        self.assertNotIn("secret", "\n".join(service.log))
        self.assertNotIn("payload", "\n".join(service.log))

    def test_only_refusals_are_said_aloud(self):
        service = self.start("WARNING", TELEMETRY_API_AUTH_ENABLED="true", TELEMETRY_API_AUTH_TOKEN=TOKEN,
                             TELEMETRY_API_MAX_BODY_MB=1)
        token = {"Authorization": f"Bearer {TOKEN}"}
        service.get("/version", headers=token)
        service.get("/nope", headers=token)
        service.post(a_run(), headers=token)
        service.post({}, headers=token)
        service.get("/version", headers={"Authorization": f"Bearer {TOKEN}x"})
        service.get("/version", headers={"Host": "evil"})
        service.request("POST", "/api/v1/runs", data="x" * 1100000, headers=token)
        send_raw(service.port, b"GET /version HTTP/1.1\r\n\r\n")
        lines = self.stop(service)
        self.assertCountEqual([line["status"] for line in lines], ["401", "421", "413", "400"])
        self.assertEqual({line["level"] for line in lines}, {"warning"})
        self.assertNotIn(TOKEN, "\n".join(service.log))

    def test_a_peer_that_is_too_slow_is_said_aloud(self):
        service = self.start("WARNING", TELEMETRY_API_REQUEST_TIMEOUT_SECONDS=1)
        with harness.connect(service) as connection:
            connection.sendall(b"POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\n"
                               b"Content-Length: 9\r\n\r\n{")
            self.assertEqual(connection.recv(1), b"")
        lines = self.stop(service)
        self.assertEqual([line["status"] for line in lines], ["none"])

    def test_a_slow_query_is_said_aloud_with_what_it_asked_and_without_secrets(self):
        service = self.start("WARNING")
        with contextlib.closing(sqlite3.connect(self.database, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")  # which a read waits for longer than a second
            answer = service.get("/api/v1/runs?agent_name=a%20b&token=canary-1&limit=5"
                                 "&git_repo=https%3A%2F%2Fme%3Acanary-2%40host%2Fr")
            self.assertEqual(answer.status_code, 503)
        lines = self.stop(service)
        self.assertEqual([(line["msg"], line["path"]) for line in lines],
                         [('"slow request"', "/api/v1/runs")])
        self.assertEqual(lines[0]["query"], '"agent_name=a b&token=***&limit=5'
                                            '&git_repo=https://***@host/r"')
        self.assertGreaterEqual(int(lines[0]["ms"]), 1000)
        self.assertNotIn("canary", "\n".join(service.log))

    def test_a_request_keeps_its_name(self):
        service = self.start()
        for name in ("abc", "x" * 64, str(uuid.uuid4()), "a.b:c_d-e"):
            self.assertEqual(service.get("/version", headers={"X-Request-ID": name})
                             .headers["X-Request-ID"], name)
        self.assertIn("abc", [line["id"] for line in self.stop(service)])

    def test_a_name_that_is_none_is_replaced(self):
        service = self.start()
        names = []
        for name in (b"", b"x" * 65, b"a b", b"a\tb", b"\x1b[31m", b'"', b"a=b", b"\xc3\xa9"):
            answer = send_raw(service.port, b"GET /version HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: " +
                              name + b"\r\n\r\n")
            names += answer.headers["x-request-id"]
        names.append(service.get("/version").headers["X-Request-ID"])
        for name in names:
            self.assertEqual(str(uuid.UUID(name)), name)
        self.assertEqual(len(set(names)), 9)
        self.assertCountEqual([line["id"] for line in self.stop(service)], names)

    def test_every_answer_has_one(self):
        service = self.start(TELEMETRY_API_MAX_BODY_MB=1)
        host = b" HTTP/1.1\r\nHost: localhost\r\n"
        for request in (b"GET /version HTTP/1.1\r\n\r\n", b"GET /nope" + host + b"\r\n",
                        b"GET /version HTTP/1.1\r\nHost: evil\r\n\r\n", b"PUT /version" + host + b"\r\n",
                        b"OPTIONS /version" + host + b"\r\n",
                        b"POST /api/v1/runs" + host + b"Content-Length: 99999999\r\n\r\n",
                        b"POST /api/v1/runs" + host + b"Transfer-Encoding: chunked\r\n\r\n" +
                        b"110000\r\n" + b"x" * 0x110000 + b"\r\n"):
            answer = send_raw(service.port, request)
            self.assertEqual(len(answer.headers["x-request-id"]), 1, request[:60])

    def test_nobody_writes_lines_of_their_own(self):
        service = self.start()
        path = b"/a\x1b[31m\x0btime=x%0alevel=error\x7f\xc2\x9b31m\"x\\" + b"z" * 3000
        send_raw(service.port, b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
        lines = self.stop(service)
        self.assertEqual(len(lines), 1)
        logged = "\n".join(service.log)
        for text in ("\x1b", "\x0b", "\x7f", "\x9b"):
            self.assertNotIn(text, logged)
        for text in ("\\u001b", "\\u000b", "\\u007f", "\\u009b", "zzz..."):
            self.assertIn(text, logged)
        self.assertLess(len(logged), 8000)


if __name__ == "__main__":
    harness.main()
