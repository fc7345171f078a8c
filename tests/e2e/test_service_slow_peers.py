# SPDX-License-Identifier: MIT
"""Peers that are slow, silent, deaf, too many, or gone: none of them holds a place for long."""
import contextlib
import json
import os
import socket
import struct
import tempfile
import time

import harness
from harness import a_run, connect

HEAD = b"POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\n"
ASK = b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n"
AT_ONCE = 256  # as many as the HTTP library's two threads hear of by one epoll_wait() each
FAR_TOO_MANY = 900  # more at once than those two threads get done with before the next ones come


def is_closed(connection):
    """Has the other side closed it? Nothing is waited for."""
    connection.setblocking(False)
    try:
        return connection.recv(65536) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def send_on(connection, data):
    """Send, and say whether the connection still took it."""
    try:
        connection.sendall(data)
    except OSError:
        return False
    return True


def count_descriptors(service):
    return len(os.listdir(f"/proc/{service.pid}/fd"))


class SlowPeers(harness.TestCase):
    """The idle limit is out of reach here: what is ended is ended for being slow."""

    def setUp(self):
        super().setUp()
        self.start()

    def start(self, **settings):
        self.service = self.start_service(TELEMETRY_API_REQUEST_TIMEOUT_SECONDS=1,
                                          TELEMETRY_API_IDLE_TIMEOUT_SECONDS=3600, **settings)

    def connect(self):
        return connect(self.service)

    def assert_trickle_ends(self, *beginning):
        """After these pieces, a byte now and then does not keep the connection open."""
        with self.connect() as connection:
            for piece in beginning:
                connection.sendall(piece)
            harness.wait_until(
                lambda: time.sleep(0.1) or is_closed(connection) or not send_on(connection, b"x"),
                "the end of a connection that trickles")
        self.assertEqual(self.service.get("/version").status_code, 200)

    def test_a_request_line_that_trickles_is_ended(self):
        self.assert_trickle_ends(b"GET /")

    def test_headers_that_trickle_are_ended(self):
        self.assert_trickle_ends(HEAD + b"X: ")

    def test_a_body_that_trickles_is_ended(self):
        self.assert_trickle_ends(HEAD + b"Content-Length: 1000000\r\n\r\n")

    def test_a_later_request_that_trickles_is_ended(self):
        with self.connect() as connection:
            self.assertEqual(harness.ask(connection, ASK).status, 200)
            connection.sendall(b"G")
            harness.wait_until(lambda: is_closed(connection), "the end of a half request line")

    def test_an_answer_that_is_not_taken_is_ended(self):
        for _ in range(20):
            self.service.post(a_run(error_details="x" * 1000000))
        self.service.get("/api/v1/runs")
        descriptors = count_descriptors(self.service)
        with self.connect() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(b"GET /api/v1/runs HTTP/1.1\r\nHost: localhost\r\n\r\n")
            harness.wait_until(lambda: count_descriptors(self.service) > descriptors, "a place")
            harness.wait_until(lambda: count_descriptors(self.service) <= descriptors,
                               "the end of a deaf connection")

    def test_an_idle_connection_is_not_slow(self):
        with self.connect() as connection:
            for _ in range(2):
                self.assertEqual(harness.ask(connection, ASK).status, 200)
                time.sleep(2.5)  # more than twice what a request may take
            self.assertEqual(harness.ask(connection, ASK).status, 200)


class SlowLocalPeers(SlowPeers):
    """The same by a Unix-domain socket, which does not count what it receives."""

    def setUp(self):
        harness.TestCase.setUp(self)
        # Its path must be short, wherever TMPDIR is.
        directory = tempfile.TemporaryDirectory(prefix="tel-", dir="/tmp")
        self.addCleanup(directory.cleanup)
        self.path = directory.name + "/s"
        self.start(TELEMETRY_API_SOCKET=self.path)

    def connect(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(harness.PATIENCE_SECONDS)
        connection.connect(self.path)
        return connection


class IdlePeers(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.service = self.start_service(TELEMETRY_API_IDLE_TIMEOUT_SECONDS=1,
                                          TELEMETRY_API_REQUEST_TIMEOUT_SECONDS=3600)

    def test_silence_is_ended(self):
        with connect(self.service) as connection:
            harness.wait_until(lambda: is_closed(connection), "the end of a silent connection")

    def test_silence_after_a_request_is_ended(self):
        with connect(self.service) as connection:
            self.assertEqual(harness.ask(connection, ASK).status, 200)
            harness.wait_until(lambda: is_closed(connection), "the end of an idle connection")

    def test_who_closes_its_side_while_being_answered_is_not_waited_for(self):
        service = self.start_service(base=self.base / "b", TELEMETRY_API_IDLE_TIMEOUT_SECONDS=3600)
        for _ in range(100):
            with connect(service) as connection:
                connection.sendall(HEAD + b"Content-Length: 0\r\n\r\n")
                connection.shutdown(socket.SHUT_WR)
                with connection.makefile("rb") as stream:
                    self.assertEqual(harness.read_answer(stream).status, 400)
                    self.assertEqual(stream.read(), b"")

    def test_who_has_sent_all_and_closes_that_side_gets_the_answer(self):
        run = json.dumps(a_run()).encode()
        for request in (ASK, HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(run), run)):
            with connect(self.service) as connection:
                connection.sendall(request)
                connection.shutdown(socket.SHUT_WR)
                with connection.makefile("rb") as stream:
                    self.assertIn(harness.read_answer(stream).status, (200, 201))
                    self.assertEqual(stream.read(), b"")


class ManyPeers(harness.TestCase):
    def test_too_many_are_told_so_and_the_others_are_served(self):
        service = self.start_service(TELEMETRY_API_MAX_CONNECTIONS=3)
        kept = [connect(service) for _ in range(3)]
        for connection in kept:
            self.addCleanup(connection.close)
            self.assertEqual(harness.ask(connection, ASK).status, 200)
        with connect(service) as surplus:
            answer = harness.ask(surplus, ASK)
            self.assertEqual(answer.status, 503)
            self.assertIn("connections", json.loads(answer.body)["detail"])
            self.assertEqual(answer.headers["retry-after"], ["1"])
            self.assertEqual(surplus.recv(1), b"")
        for connection in kept:
            self.assertEqual(harness.ask(connection, ASK).status, 200)
        kept[0].close()
        harness.wait_until(lambda: self.is_served(service), "the place of one that went")

    def test_far_too_many_at_once_are_refused_and_forgotten(self):
        service = self.start_service(TELEMETRY_API_MAX_CONNECTIONS=8)
        for _ in range(3):
            with contextlib.ExitStack() as stack:
                peers = [stack.enter_context(connect(service)) for _ in range(FAR_TOO_MANY)]
                harness.wait_until(lambda: sum(map(is_closed, peers)) >= FAR_TOO_MANY - 8 - 64,
                                   "those beyond the surplus to be closed")
            harness.wait_until(lambda: self.is_served(service), "a place")
        self.assertEqual(service.stop(), 0)

    def is_served(self, service):
        with connect(service) as connection:
            return harness.ask(connection, ASK).status == 200

    def test_too_many_of_one_address_are_told_so(self):
        service = self.start_service(TELEMETRY_API_MAX_CONNECTIONS_PER_IP=1)
        with connect(service) as first:
            self.assertEqual(harness.ask(first, ASK).status, 200)
            with connect(service) as second:
                self.assertEqual(harness.ask(second, ASK).status, 503)
            with connect(service, "127.0.0.2") as other:
                self.assertEqual(harness.ask(other, ASK).status, 200)

    def test_all_of_them_may_ask_at_the_same_moment(self):
        for answer in harness.ask_at_once(self.start_service(), [ASK] * AT_ONCE):
            self.assertEqual(answer.status, 200)

    def test_whoever_goes_leaves_nothing_behind(self):
        service = self.start_service(TELEMETRY_API_REQUEST_TIMEOUT_SECONDS=1)
        service.get("/api/v1/runs")
        descriptors = count_descriptors(service)
        for number in range(200):
            with connect(service) as connection:
                connection.sendall((ASK, ASK[:20], HEAD + b"Content-Length: 9\r\n\r\n{", b"")[number % 4])
                if number % 3 == 0:  # ... with a reset
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        harness.wait_until(lambda: count_descriptors(service) <= descriptors,
                           "the descriptors of those who went")
        self.assertEqual(service.get("/version").status_code, 200)


class BesideThem(harness.TestCase):
    """One good client among many that are not."""

    def test_a_good_client_is_served_among_slow_idle_and_deaf_ones(self):
        service = self.start_service(TELEMETRY_API_REQUEST_TIMEOUT_SECONDS=3600,
                                     TELEMETRY_API_IDLE_TIMEOUT_SECONDS=3600)
        for _ in range(10):
            service.post(a_run(error_details="x" * 1000000))
        peers = [connect(service) for _ in range(208)]
        for peer in peers:
            self.addCleanup(peer.close)
        idle, slow, deaf = peers[:150], peers[150:200], peers[200:]
        for peer in deaf:
            peer.sendall(b"GET /api/v1/runs HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for peer in slow:
            peer.sendall(HEAD + b"X: ")
        times = []
        for _ in range(100):
            for peer in slow:
                peer.sendall(b"x")
            began = time.monotonic()
            self.assertEqual(service.post(a_run()).status_code, 201)
            times.append(time.monotonic() - began)
        print(f"the slowest of {len(times)} answers took {max(times) * 1000:.0f} ms")
        self.assertFalse(any(is_closed(peer) for peer in idle))


class EarlyAnswers(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.service = self.start_service(TELEMETRY_API_MAX_BODY_MB=1)

    def test_a_body_that_is_too_large_is_refused_before_it_is_sent(self):
        answer = harness.send_raw(self.service.port, HEAD + b"Content-Length: 104857600\r\n\r\n")
        self.assertEqual(answer.status, 413)
        self.assertIn("1048576", json.loads(answer.body)["detail"])

    def test_who_sends_it_all_the_same_sees_the_answer(self):
        body = b"x" * 1500000
        with connect(self.service) as connection:
            connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            with connection.makefile("rb") as stream:
                self.assertEqual(harness.read_answer(stream).status, 413)

    def test_a_body_without_end_is_refused_when_it_is_too_much(self):
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        with connect(self.service) as connection:
            connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
            harness.wait_until(lambda: not send_on(connection, chunk), "an end to it")
            with connection.makefile("rb") as stream:
                answer = harness.read_answer(stream)
        self.assertEqual(answer.status, 413)
        self.assertIn("1048576", json.loads(answer.body)["detail"])


if __name__ == "__main__":
    harness.main()
