# SPDX-License-Identifier: MIT
"""Packed requests and answers."""
import gzip
import json
import zlib

import harness
from harness import a_run

MIB = 1024 * 1024


class PackedRequests(harness.ServiceTestCase):
    def setUp(self):
        harness.TestCase.setUp(self)
        self.service = self.start_service(TELEMETRY_API_MAX_BODY_MB=1)

    def send_packed(self, body, encoding="gzip", path="/api/v1/runs"):
        return self.service.request("POST", path, data=body, headers={"Content-Encoding": encoding})

    def test_a_packed_run_is_taken(self):
        for encoding in ("gzip", "GZIP", "x-gzip"):
            run = a_run(error_summary="Zürich \u2713")
            response = self.send_packed(gzip.compress(json.dumps(run).encode()), encoding)
            self.assertEqual(response.status_code, 201, response.text)
            self.assertEqual(self.get(run["event_id"])["error_summary"], "Zürich \u2713")

    def test_so_is_a_packed_batch_in_pieces(self):
        runs = [a_run() for _ in range(300)]
        packed = gzip.compress(json.dumps(runs).encode())
        response = self.send_packed(iter([packed[:1000], packed[1000:]]), path="/api/v1/runs/batch")
        self.assertEqual(response.json()["inserted"], 300)

    def test_plain_may_be_called_so(self):
        self.assertEqual(self.send_packed(json.dumps(a_run()), "identity").status_code, 201)

    def test_the_limit_holds_for_what_is_in_it_too(self):
        fits = json.dumps(a_run(error_details="x" * (MIB - 1000))).encode()
        self.assertEqual(self.send_packed(gzip.compress(fits)).status_code, 201)
        self.assert_detail(self.send_packed(gzip.compress(fits + b" " * 1000)), 413, str(MIB))

    def test_a_bomb_is_not_unpacked(self):
        packer = zlib.compressobj(1, wbits=31)
        piece = b"\0" * MIB
        bomb = b"".join(packer.compress(piece) for _ in range(128)) + packer.flush()
        before = self.peak_kib()
        for _ in range(3):
            self.assert_detail(self.send_packed(bomb), 413, str(MIB))
        self.assertLess(self.peak_kib() - before, 32 * 1024)

    def peak_kib(self):
        with open(f"/proc/{self.service.pid}/status", encoding="ascii") as status:
            return int(next(line for line in status if line.startswith("VmHWM")).split()[1])

    def test_what_is_broken_cut_off_or_followed_by_more_is_400(self):
        packed = gzip.compress(json.dumps(a_run()).encode())
        for body in (packed[:-1], packed[:20], packed + b"x", packed + packed, b"\x1f\x8b", b"{}",
                     zlib.compress(b"{}"), packed[:30] + b"\0\0\0\0" + packed[34:]):
            self.assert_detail(self.send_packed(body), 400, "gzip")
        self.assert_detail(self.send_packed(gzip.compress(b"{")), 400, "JSON")
        self.assert_detail(self.send_packed(b""), 400)
        self.assertEqual(self.service.runs(), [])

    def test_other_encodings_are_415(self):
        for encoding in ("deflate", "br", "gzip, gzip", "zstd", "nonsense"):
            response = self.send_packed(zlib.compress(b"{}"), encoding)
            self.assert_detail(response, 415, "gzip")
            self.assertEqual(response.headers["Accept-Encoding"], "gzip")


class PackedAnswers(harness.ServiceTestCase):
    def setUp(self):
        super().setUp()
        self.post(error_details="x" * 5000)

    def ask(self, accepted, path="/api/v1/runs", method="GET"):
        header = f"Accept-Encoding: {accepted}\r\n" if accepted is not None else ""
        return harness.send_raw(
            self.service.port,
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{header}Connection: close\r\n\r\n".encode())

    def test_an_answer_is_packed_for_who_asks_so(self):
        plain = self.ask(None)
        packed = self.ask("gzip, deflate")
        self.assertNotIn("content-encoding", plain.headers)
        self.assertEqual(packed.headers["content-encoding"], ["gzip"])
        self.assertLess(len(packed.body), len(plain.body))
        self.assertEqual(gzip.decompress(packed.body), plain.body)
        for answer in (plain, packed):
            self.assertEqual(answer.headers["vary"], ["Accept-Encoding"])
            self.assertEqual(answer.headers["content-type"], ["application/json"])

    def test_and_for_nobody_else(self):
        for accepted in ("identity", "br", "gzip;q=0", "*;q=0, br"):
            self.assertNotIn("content-encoding", self.ask(accepted).headers, accepted)

    def test_what_is_short_is_not_packed(self):
        answer = self.ask("gzip", "/version")
        self.assertNotIn("content-encoding", answer.headers)
        self.assertNotIn("vary", answer.headers)

    def test_nor_what_would_hold_up_others_for_long(self):
        for _ in range(5):  # 70 MB
            self.post(error_details="x" * 14_000_000)
        self.assertNotIn("content-encoding", self.ask("gzip").headers)

    def test_head_tells_what_get_would(self):
        got = self.ask("gzip")
        request = (b"HEAD /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n"
                   b"Connection: close\r\n\r\n")
        with harness.connect(self.service) as connection:
            connection.sendall(request)
            with connection.makefile("rb") as stream:
                text = stream.read()
        head, _, body = text.partition(b"\r\n\r\n")
        self.assertEqual(body, b"")
        self.assertIn(b"Content-Encoding: gzip", head)
        self.assertIn(b"Content-Length: %d" % len(got.body), head)

    def test_links_and_faults_are_there_as_ever(self):
        self.post(error_details="y" * 5000)
        answer = self.ask("gzip", "/api/v1/runs?limit=1")
        self.assertIn('rel="next"', answer.headers["link"][0])
        self.assertEqual(self.ask("gzip", "/nope").status, 404)


if __name__ == "__main__":
    harness.main()
