# SPDX-License-Identifier: MIT
"""Who may ask: the token, the Host and Origin of a request, and requests of an odd shape."""
import json
import os
import socket

import requests

import harness
from harness import a_run, send_raw

TOKEN = "s3cret-Token"


class Authentication(harness.TestCase):
    def start(self, **settings):
        return self.start_service(TELEMETRY_API_AUTH_ENABLED="true", **settings)

    def bearer(self, token, scheme="Bearer"):
        return {"Authorization": f"{scheme} {token}"}

    def assert_401(self, response):
        self.assertEqual(response.status_code, 401, response.text)
        self.assertEqual(response.headers["WWW-Authenticate"], "Bearer")
        self.assertIn("token", response.json()["detail"])
        self.assertNotIn(TOKEN, response.text)

    def test_the_token_opens_everything(self):
        service = self.start(TELEMETRY_API_AUTH_TOKEN=TOKEN)
        run = a_run()
        for scheme in ("Bearer", "bearer", "BEARER"):
            headers = self.bearer(TOKEN, scheme)
            self.assertIn(service.post(run, headers=headers).status_code, (200, 201))
            self.assertEqual(service.get("/api/v1/runs", headers=headers).status_code, 200)
        self.assertEqual(service.get("/nope", headers=self.bearer(TOKEN)).status_code, 404)

    def test_without_it_nothing_but_health_answers(self):
        service = self.start(TELEMETRY_API_AUTH_TOKEN=TOKEN)
        self.assertEqual(service.get("/health").status_code, 200)
        self.assertEqual(service.request("HEAD", "/health").status_code, 200)
        for path in ("/version", "/api/v1/runs", "/api/v1/runs/x", "/nope", "/health/", "//health",
                     "/health/x", "/Health", "/health%2f.."):
            for method in ("GET", "POST", "PATCH", "DELETE", "OPTIONS"):
                self.assert_401(service.request(method, path))

    def test_no_spelling_of_a_path_gets_around_it(self):
        service = self.start(TELEMETRY_API_AUTH_TOKEN=TOKEN)
        forms = ["GET " + path for path in (
            "/version", "/metrics", "/api/v1/runs", "//health", "/health/", "/./health", "/health/.",
            "/health/..", "/health/../api/v1/runs", "/Health", "/HEALTH", "/%68ealth", "/health%2f",
            "/health%2f..%2fversion", "/%2fhealth", "/health;x", "/health%3f", "/health%23", "/health%20",
            "/health.json", "/x/../health", "/openapi.json", "/docs", "/nope")]
        forms += ["POST /health", "OPTIONS /health", "HEAD /version", "PATCH /api/v1/runs/x"]
        tokens = ["", "Bearer", "Bearer ", "Bearer x", f"Basic {TOKEN}", TOKEN, f"Bearer{TOKEN}",
                  f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN.lower()}",
                  f"Bearer {TOKEN} x", f'Bearer "{TOKEN}"', f"Bearer {TOKEN},x", f"Token {TOKEN}"]
        self.assertGreaterEqual(len(forms), 26)
        for form in forms:
            for token in [None, *tokens]:
                header = "" if token is None else f"Authorization: {token}\r\n"
                answer = send_raw(service.port, f"{form} HTTP/1.1\r\nHost: localhost\r\n{header}"
                                                f"Connection: close\r\n\r\n".encode())
                self.assertEqual(answer.status, 401, (form, token))
                self.assertEqual(answer.headers["www-authenticate"], ["Bearer"])

    def test_a_wrong_token_is_401(self):
        service = self.start(TELEMETRY_API_AUTH_TOKEN=TOKEN)
        for value in ("", "Bearer", "Bearer ", "Basic " + TOKEN, TOKEN, "Bearer" + TOKEN,
                      "Bearer " + TOKEN[:-1], "Bearer " + TOKEN + "x", "Bearer " + TOKEN.upper(),
                      "Bearer " + TOKEN + TOKEN, "Bearer x" + TOKEN, "Bearer " + TOKEN + " x"):
            self.assert_401(service.get("/api/v1/runs", headers={"Authorization": value}))

    def test_reads_can_be_opened(self):
        service = self.start(TELEMETRY_API_AUTH_TOKEN=TOKEN, TELEMETRY_API_AUTH_READS="false")
        self.assertEqual(service.get("/api/v1/runs").status_code, 200)
        self.assertEqual(service.request("HEAD", "/api/v1/runs").status_code, 200)
        self.assert_401(service.post(a_run()))
        self.assert_401(service.patch("x", {"status": "success"}))
        self.assertEqual(service.get("/api/v1/runs").json(), [])

    def test_the_token_may_be_in_a_file(self):
        path = self.base / "token"
        path.write_text(TOKEN + "\n")
        path.chmod(0o600)
        service = self.start(TELEMETRY_API_AUTH_TOKEN_FILE=path)
        self.assertEqual(service.get("/version").status_code, 401)
        self.assertEqual(service.get("/version", headers=self.bearer(TOKEN)).status_code, 200)
        for arguments in (["run", "--", "true"], ["list"]):  # and clients take it from there too
            result = self.run_program("telemetry", *arguments, TELEMETRY_API_URL=service.url,
                                      TELEMETRY_API_AUTH_TOKEN_FILE=path)
            self.assertEqual((result.returncode, result.stderr.count("token")), (0, 0), result.stderr)
        self.assertEqual(len(service.get("/api/v1/runs", headers=self.bearer(TOKEN)).json()), 1)

    def test_the_token_is_nowhere_to_be_seen(self):
        service = self.start(TELEMETRY_API_AUTH_TOKEN=TOKEN, TELEMETRY_LOG_LEVEL="DEBUG")
        service.get("/version", headers=self.bearer(TOKEN))
        service.get("/version", headers=self.bearer(TOKEN + "x"))
        with open(f"/proc/{service.pid}/cmdline", encoding="utf-8") as cmdline:
            self.assertNotIn(TOKEN, cmdline.read())
        self.assertEqual(service.stop(), 0)
        self.assertIn("request", "\n".join(service.log))
        self.assertNotIn(TOKEN, "\n".join(service.log))

    def assert_does_not_start(self, *words, **settings):
        result = self.run_program("telemetryd", "--port", "0", **settings)
        self.assertEqual(result.returncode, 1, result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)
        self.assertFalse((self.base / "db").exists())

    def test_authentication_without_a_token_does_not_start(self):
        self.assert_does_not_start("TELEMETRY_API_AUTH_TOKEN", TELEMETRY_API_AUTH_ENABLED="true")
        self.assert_does_not_start("TELEMETRY_API_AUTH_TOKEN", TELEMETRY_API_AUTH_ENABLED="true",
                                   TELEMETRY_API_AUTH_TOKEN="")
        self.assert_does_not_start("/nowhere/token", TELEMETRY_API_AUTH_ENABLED="true",
                                   TELEMETRY_API_AUTH_TOKEN_FILE="/nowhere/token")

    def test_a_token_that_no_header_can_hold_does_not_start(self):
        self.assert_does_not_start("TELEMETRY_API_AUTH_TOKEN", TELEMETRY_API_AUTH_ENABLED="true",
                                   TELEMETRY_API_AUTH_TOKEN="two words")

    def test_an_address_for_others_without_a_token_does_not_start(self):
        for host in ("0.0.0.0", "::", "[::]"):
            self.assert_does_not_start("TELEMETRY_API_AUTH_ENABLED", "TELEMETRY_API_ALLOW_INSECURE",
                                       TELEMETRY_API_HOST=host)

    def test_it_starts_when_that_is_meant(self):
        service = self.start_service(TELEMETRY_API_HOST="0.0.0.0",
                                     TELEMETRY_API_ALLOW_INSECURE="true")
        self.assertEqual(service.url, f"http://0.0.0.0:{service.port}")
        for host in ("localhost", "192.0.2.1", "[2001:db8::1]:99", socket.gethostname()):
            self.assertEqual(requests.get(f"http://127.0.0.1:{service.port}/health",
                                          headers={"Host": host}, timeout=60).status_code, 200)
        self.assertEqual(requests.get(f"http://127.0.0.1:{service.port}/health",
                                      headers={"Host": "evil.example"}, timeout=60).status_code, 421)


class Visitors(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.service = self.start_service(TELEMETRY_API_ALLOWED_HOSTS="box.example, other.example")

    def status_for(self, method="GET", path="/version", body="", **headers):
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        answer = send_raw(
            self.service.port,
            f"{method} {path} HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n{body}".encode(),
        )
        if answer.status not in (200, 201, 204):
            self.assertIn("detail", json.loads(answer.body))
        return answer.status

    def test_its_own_names_are_answered(self):
        for host in ("localhost", "LocalHost:8765", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:80",
                     "box.example", "other.example:8765"):
            self.assertEqual(self.status_for(Host=host), 200, host)

    def test_foreign_names_are_421_on_every_path(self):
        for host in ("evil.example", "localhost.evil.example", "evil.localhost", "127.0.0.1.nip.io",
                     "0.0.0.0", "192.168.0.1", "[::]", "localhost:80:80", "localhost:x", "[::1",
                     "user@localhost", "localhost/", "box.example.", ""):
            for path in ("/health", "/version", "/api/v1/runs", "/nope"):
                self.assertEqual(self.status_for(Host=host, path=path), 421, host)
        self.assertEqual(self.status_for("POST", "/api/v1/runs", json.dumps(a_run()), Host="evil"), 421)
        self.assertEqual(self.service.runs(), [])

    def test_a_write_from_a_page_of_another_site_is_403(self):
        host = f"localhost:{self.service.port}"
        for origin in ("http://evil.example", "null", f"https://{host}", "http://localhost",
                       "http://localhost:1", f"http://127.0.0.1:{self.service.port}", ""):
            self.assertEqual(self.status_for("POST", "/api/v1/runs", json.dumps(a_run()),
                                             Host=host, Origin=origin), 403, origin)
        self.assertEqual(self.status_for("POST", "/api/v1/runs", json.dumps(a_run()), Host=host,
                                         Sec_Fetch_Site="cross-site"), 403)
        self.assertEqual(self.service.runs(), [])

    def test_whatever_a_page_of_another_site_says_its_body_is_nothing_is_stored(self):
        run = a_run()
        for origin in ("http://evil.example", "https://localhost.evil.example", "null", "file://",
                       "http://localhost:1"):
            for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                         "application/json", "application/octet-stream", ""):
                for method, path, body in (("POST", "/api/v1/runs", run), ("POST", "/api/v1/runs/batch", [run]),
                                           ("PATCH", "/api/v1/runs/x", {"status": "success"})):
                    self.assertEqual(self.status_for(method, path, json.dumps(body), Host="localhost",
                                                     Origin=origin, Content_Type=kind), 403, (origin, kind))
        self.assertEqual(self.service.runs(), [])

    def test_no_answer_lets_another_site_read_it(self):
        host = f"localhost:{self.service.port}"
        for method, path in (("GET", "/health"), ("GET", "/api/v1/runs"), ("OPTIONS", "/api/v1/runs"),
                             ("POST", "/api/v1/runs"), ("GET", "/docs"), ("GET", "/nope")):
            response = self.service.request(
                method, path, headers={"Host": host, "Origin": "http://evil.example",
                                       "Access-Control-Request-Method": "POST",
                                       "Access-Control-Request-Headers": "content-type",
                                       "Access-Control-Request-Private-Network": "true"})
            self.assertEqual([name for name in response.headers if name.lower().startswith("access-control")],
                             [], path)

    def test_a_write_from_its_own_page_or_from_no_page_is_taken(self):
        host = f"localhost:{self.service.port}"
        for headers in ({}, {"Origin": f"http://{host}"}, {"Sec_Fetch_Site": "same-origin"}):
            self.assertEqual(self.status_for("POST", "/api/v1/runs", json.dumps(a_run()),
                                             Host=host, **headers), 201)


class OddRequests(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.service = self.start_service(TELEMETRY_API_MAX_HEADER_KB=8)

    def assert_refused(self, data, *statuses):
        """Answered by one of the statuses and closed, so that nothing behind it is served."""
        with socket.create_connection(("127.0.0.1", self.service.port), timeout=60) as connection:
            connection.sendall(data + b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n")
            received = b""
            try:
                while piece := connection.recv(65536):
                    received += piece
            except ConnectionResetError:
                pass
        self.assertEqual(received.count(b"HTTP/1.1"), 1, received)
        status, _, rest = received.partition(b"\r\n")
        self.assertIn(int(status.split()[1]), statuses)
        self.assertIn("detail", json.loads(rest.partition(b"\r\n\r\n")[2]))

    def test_the_host_is_given_exactly_once(self):
        self.assert_refused(b"GET /health HTTP/1.1\r\n\r\n", 400)
        self.assert_refused(b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400)
        self.assert_refused(b"GET /health HTTP/1.1\r\nHost: localhost\r\nhost: evil\r\n\r\n", 400)

    def test_the_length_is_given_exactly_once(self):
        post = b"POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\n"
        self.assert_refused(post + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400)
        self.assert_refused(post + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400)
        self.assert_refused(
            post + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400)
        self.assert_refused(post + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400)
        self.assertEqual(self.service.runs(), [])

    def test_the_target_is_a_path(self):
        for target in (b"http://localhost/health", b"http://evil/health", b"localhost:80", b"health"):
            self.assert_refused(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 400)

    def test_nothing_hides_behind_a_nul(self):
        for data in (b"GET /health HTTP/1.1\r\nHost: localhost\0evil\r\n\r\n",
                     b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\nY: c\r\n\r\n",
                     b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\0\r\n\r\n",
                     b"GET /health\0x HTTP/1.1\r\nHost: localhost\r\n\r\n"):
            self.assert_refused(data, 400)

    def test_a_line_is_a_header_and_a_header_is_a_line(self):
        start = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
        for data in (start + b"X: a\r\n b\r\nY: c\r\n\r\n", start + b"X : a\r\n\r\n",
                     start + b"Content-Length : 5\r\n\r\n", b"GET  /health  HTTP/1.1\r\nHost: localhost\r\n\r\n",
                     b"GET /health HTTP/1.1\r\n Host: localhost\r\n\r\n"):
            self.assert_refused(data, 400)

    def test_plain_line_ends_and_empty_values_are_taken(self):
        for data in (b"GET /health HTTP/1.1\nHost: localhost\n\n",
                     b"GET /health?a=%20b&c HTTP/1.1\r\nHost: localhost\r\nX:\r\nY:  \r\nZ: a \t\r\n\r\n",
                     b"GET /health HTTP/1.1\r\nHost: localhost\r\nX:\r\n\r\n"):
            self.assertEqual(send_raw(self.service.port, data).status, 200, data)

    def test_large_headers_are_431(self):
        self.assert_refused(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 9000 +
                            b"\r\n\r\n", 431)

    def test_a_long_url_is_414(self):
        self.assert_refused(b"GET /health?" + b"x" * 8192 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
                            414)
        response = self.service.get("/health?" + "x" * (8192 - len("/health?")))
        self.assertEqual(response.status_code, 431)  # this service's headers are 8 KiB at most
        service = self.start_service(base=self.base / "b")
        response = service.get("/health?" + "x" * (8192 - len("/health?")))
        self.assertEqual(response.status_code, 200)

    def test_the_longest_query_still_has_a_link(self):
        default = self.start_service(base=self.base / "b")
        for service, headers_max in (default, 32768), (self.service, 8192):
            service.post([a_run(), a_run()], "/api/v1/runs/batch")
            path = b"/api/v1/runs?limit=1&x="
            path += b"\xff" * (min(headers_max - 100, 8192) - len(path))
            request = b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n"
            request += b"X: " + b"x" * (headers_max - len(request) - len(b"X: \r\n\r\n")) + b"\r\n\r\n"
            answer = send_raw(service.port, request)
            self.assertEqual(answer.status, 200)
            self.assertIn("cursor=", answer.headers["link"][0])

    def test_too_many_parameters_are_400(self):
        response = self.service.get("/api/v1/runs?" + "&".join(f"a{i}=1" for i in range(100)))
        self.assertEqual(response.status_code, 400)

    def test_noise_does_it_no_harm(self):
        for data in (b"\r\n\r\n", b"\x00" * 100, os.urandom(1000), b"GET\r\n\r\n", b"GET / HTTP/9\r\n\r\n",
                     b"POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
                     b"POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9x\r\n\r\n",
                     b"GET /health HTTP/1.1\r\nHost: localhost\r\n: x\r\n\r\n",
                     b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"):
            with socket.create_connection(("127.0.0.1", self.service.port), timeout=60) as connection:
                connection.sendall(data)
        with socket.create_connection(("127.0.0.1", self.service.port)) as connection:
            connection.sendall(b"POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\n"
                               b"Content-Length: 50\r\n\r\n{")
        self.assertEqual(self.service.get("/health").status_code, 200)


if __name__ == "__main__":
    harness.main()
