# SPDX-License-Identifier: MIT
"""How often one client may ask. The window itself is tested with a clock of its own, in C."""
import harness
from harness import a_run, send_raw

TOKEN = "s3cret-Token"


class RateLimit(harness.TestCase):
    def start(self, rpm, **settings):
        return self.start_service(TELEMETRY_RATE_LIMIT_ENABLED="true", TELEMETRY_RATE_LIMIT_RPM=rpm,
                                  **settings)

    def assert_quota(self, response, limit, remaining):
        self.assertEqual(response.headers["X-RateLimit-Limit"], str(limit))
        self.assertEqual(response.headers["X-RateLimit-Remaining"], str(remaining))

    def test_it_is_off_by_default(self):
        response = self.start_service(TELEMETRY_RATE_LIMIT_RPM=1).get("/version")
        self.assertNotIn("X-RateLimit-Limit", response.headers)

    def test_what_is_too_much_is_429_with_the_time_to_wait(self):
        service = self.start(3)
        for remaining in (2, 1, 0):
            response = service.get("/version")
            self.assertEqual(response.status_code, 200)
            self.assert_quota(response, 3, remaining)
        for request in (lambda: service.get("/version"), lambda: service.post(a_run()),
                        lambda: service.get("/nope")):
            response = request()
            self.assertEqual(response.status_code, 429)
            self.assertIn("3 requests", response.json()["detail"])
            self.assertIn(int(response.headers["Retry-After"]), range(1, 61))
            self.assert_quota(response, 3, 0)

    def test_every_answer_tells_what_is_left(self):
        service = self.start(100, TELEMETRY_API_MAX_BODY_MB=1)
        host = {"Host": "localhost"}
        left = 100
        for status, request in (
            (200, lambda: service.get("/version")),
            (201, lambda: service.post(a_run())),
            (404, lambda: service.get("/nope")),
            (405, lambda: service.request("DELETE", "/version")),
            (204, lambda: service.request("OPTIONS", "/version")),
            (400, lambda: service.request("POST", "/api/v1/runs", data="{")),
            (422, lambda: service.post({})),
            (413, lambda: service.request("POST", "/api/v1/runs", data="x" * (1024 * 1024 + 1))),
            (403, lambda: service.post(a_run(), headers={"Origin": "null"})),
        ):
            left -= 1
            response = request()
            self.assertEqual(response.status_code, status)
            self.assert_quota(response, 100, left)
        # These are not counted.
        for status, path, headers in ((200, "/health", host), (421, "/version", {"Host": "evil"}),
                                      (414, "/" + "x" * 9000, host)):
            response = service.get(path, headers=headers)
            self.assertEqual(response.status_code, status)
            self.assert_quota(response, 100, left)

    def test_so_do_answers_in_the_middle_of_a_request(self):
        service = self.start(100, TELEMETRY_API_MAX_BODY_MB=1)
        head = b"POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\n"
        for status, left, request in (
            (413, "99", b"Transfer-Encoding: chunked\r\n\r\n110000\r\n" + b"x" * 0x110000),
            (400, "98", b"Transfer-Encoding: chunked\r\n\r\nx\r\n"),
            (400, "98", b"Content-Length: 9x\r\n\r\n"),  # neither admitted nor counted
        ):
            answer = send_raw(service.port, head + request)
            self.assertEqual(answer.status, status)
            self.assertEqual(answer.headers["x-ratelimit-limit"], ["100"])
            self.assertEqual(answer.headers["x-ratelimit-remaining"], [left])

    def test_the_limit_is_60_unless_given(self):
        service = self.start_service(TELEMETRY_RATE_LIMIT_ENABLED="true")
        self.assert_quota(service.get("/version"), 60, 59)

    def test_health_is_never_refused_nor_counted(self):
        service = self.start(1)
        self.assertEqual(service.get("/version").status_code, 200)
        for _ in range(5):
            self.assertEqual(service.get("/health").status_code, 200)
        self.assertEqual(service.get("/version").status_code, 429)
        for path in (b"/health/", b"//health", b"/health/x", b"/Health", b"/%68ealth"):
            answer = send_raw(service.port,
                                      b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertEqual(answer.status, 429, path)

    def test_it_comes_before_the_token_and_counts_wrong_ones(self):
        service = self.start(2, TELEMETRY_API_AUTH_ENABLED="true", TELEMETRY_API_AUTH_TOKEN=TOKEN)
        for _ in range(2):
            self.assertEqual(service.get("/version").status_code, 401)
        response = service.get("/version", headers={"Authorization": "Bearer " + TOKEN})
        self.assertEqual(response.status_code, 429)
        self.assertNotIn("WWW-Authenticate", response.headers)

    def test_nobody_is_believed_to_speak_for_another(self):
        service = self.start(1)
        for status, address in ((200, "192.0.2.1"), (429, "192.0.2.2")):
            response = service.get("/version", headers={"X-Forwarded-For": address,
                                                        "Forwarded": f"for={address}"})
            self.assertEqual(response.status_code, status)

    def test_each_address_counts_by_itself(self):
        service = self.start(1)
        ask = b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for status in (200, 429):
            for address in ("127.0.0.2", "127.0.0.3"):
                with harness.connect(service, address) as connection:
                    self.assertEqual(harness.ask(connection, ask).status, status)

    def test_a_limit_that_is_none_does_not_start(self):
        for rpm in ("0", "-1", "many"):
            result = self.run_program("telemetryd", "--port", "0", TELEMETRY_RATE_LIMIT_RPM=rpm)
            self.assertEqual(result.returncode, 1)
            self.assertIn("TELEMETRY_RATE_LIMIT_RPM", result.stderr)


if __name__ == "__main__":
    harness.main()
