# SPDX-License-Identifier: MIT
"""Malformed requests: each has its answer, nothing behind it is served, and the service lives on."""
import contextlib
import json
import os
import socket

import harness
import malformed_requests

BEHIND = b"GET /version HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: behind\r\n\r\n"


class Malformed(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.service = self.start_service(TELEMETRY_API_REQUEST_TIMEOUT_SECONDS=1)

    def answer_to(self, data):
        """Everything that the service sends until it closes, also before it has read all."""
        received = b""
        with harness.connect(self.service) as connection:
            with contextlib.suppress(OSError):
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                while piece := connection.recv(65536):
                    received += piece
        return received

    def test_there_are_enough_of_them(self):
        names = [name for name, _, _ in malformed_requests.requests()]
        self.assertGreaterEqual(len(names), 130)
        self.assertEqual(len(names), len(set(names)))

    def test_each_has_its_answer(self):
        for name, data, expected in malformed_requests.requests():
            with self.subTest(name):
                received = self.answer_to(data)
                status = int(received.split()[1]) if received else None
                self.assertIn(status, expected)
                if received:
                    self.assert_is_ours(received)
        self.assertEqual(self.service.get("/api/v1/runs").json(), [])

    def assert_is_ours(self, received):
        """One answer, and not one of those that libmicrohttpd gives by itself."""
        head, _, body = received.partition(b"\r\n\r\n")
        self.assertIn(b"\r\nContent-Type: application/json", head)
        self.assertIn(b"\r\nX-Request-ID: ", head)
        self.assertNotIn(b"Access-Control-", head)
        self.assertEqual(list(json.loads(body)), ["detail"])

    def test_nothing_behind_what_cannot_be_told_apart_is_served(self):
        for name, data, expected in malformed_requests.requests():
            if 400 in expected and not name.startswith(("body", "target")):
                with self.subTest(name):
                    self.assertNotIn(b"X-Request-ID: behind", self.answer_to(data + BEHIND))

    def test_it_is_none_the_worse_for_them(self):
        self.service.get("/api/v1/runs")
        descriptors = self.count_descriptors()
        for _, data, _ in malformed_requests.requests():
            with harness.connect(self.service) as connection:
                try:
                    connection.sendall(data)
                except ConnectionError:
                    pass
        harness.wait_until(lambda: self.count_descriptors() <= descriptors, "the last connections")
        self.assertEqual(self.service.get("/health").status_code, 200)
        self.assertEqual(self.service.stop(), 0)

    def count_descriptors(self):
        return len(os.listdir(f"/proc/{self.service.pid}/fd"))


if __name__ == "__main__":
    harness.main()
