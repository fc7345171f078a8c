# SPDX-License-Identifier: MIT
"""The n-th system call, or allocation, of a service fails, alone or with all that follow, for each n: it
answers so, goes on without a restart once nothing fails any more, and has lost nothing it acknowledged.
"""
import collections
import contextlib
import os
import shutil

import requests

import faults
import harness
import ledger

RUNS_MAX = 500  # in one database: they are looked at after each point


class FaultsTest(faults.TestCase):
    def assert_refused(self, answer, without_memory):
        """It says why, and when to come back, for which there may be no memory."""
        self.assertIn(answer.status_code, (404, 500, 503), answer.text)
        self.assertTrue(answer.json()["detail"])
        if not without_memory:
            self.assertEqual("Retry-After" in answer.headers, answer.status_code == 503)

    def live(self, without_memory=False):
        """Writes and reads, each of them done or refused. Without memory a connection may be cut."""
        create, *_, together, end = ledger.ten_writes()[:6]
        for write in create, together, end:
            answer = self.ledger.write(self.service, write)
            if answer is None:
                self.assertTrue(without_memory)
            elif not answer.ok:
                self.assert_refused(answer, without_memory)
        for path, is_whole in (
                ("/api/v1/runs?limit=2",
                 lambda answer: (len(answer.json()) == 2) == ("next" in answer.links)),
                ("/metrics", lambda answer: "total_runs" in answer.json()),
                ("/health", lambda answer: answer.json()["status"] == "ok")):
            with contextlib.suppress(*[requests.ConnectionError] * without_memory):
                answer = self.service.get(path, timeout=ledger.TIMEOUT_SECONDS)
                if answer.ok:
                    self.assertTrue(is_whole(answer), answer.text)
                else:
                    self.assert_refused(answer, without_memory or path == "/health")

    def assert_healed(self):
        self.faults.heal()
        self.ledger.write_again(self.service)
        self.assertTrue(self.ledger.write(self.service, ledger.ten_writes()[0]).ok)
        self.assertTrue(self.service.get("/health").ok)
        self.ledger.assert_kept(self.database)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.service.pid}/fd"))

    def begin(self, **options):
        """A service with a new database."""
        shutil.rmtree(self.database.parent, ignore_errors=True)
        self.ledger = ledger.Ledger()
        self.blocks = self.faults.blocks
        self.service = self.start_service(**self.faults.settings, **options)

    def begin_warm(self):
        self.begin()
        self.live()  # what is made once is made
        self.open = self.descriptors()

    def left(self):
        """Blocks that a service left when it ended: some are the libraries' own."""
        return self.faults.blocks - self.blocks

    def end(self):
        """It gave back all memory; after a restart, too, all is there."""
        self.assertEqual(self.service.stop(), 0)
        self.assertLessEqual(self.left(), self.left_by_a_healthy_one)
        self.assertEqual(self.start_service().stop(), 0)
        self.ledger.assert_kept(self.database)

    def setUp(self):
        super().setUp()
        self.begin_warm()
        self.assertEqual(self.service.stop(), 0)
        self.left_by_a_healthy_one = self.left()

    def serve(self, without_memory):
        self.live(without_memory)
        self.assert_healed()
        harness.wait_until(lambda: self.descriptors() <= self.open, "it to close what it opened")
        if len(self.ledger.acknowledged) > RUNS_MAX:
            self.end()
            self.begin_warm()

    def start_and_serve(self, without_memory):
        self.begin(start=False)
        harness.wait_until(lambda: self.service.url or self.service.process.poll() is not None,
                           "it to start or to end")
        if self.service.url:
            self.live(without_memory)
            self.assert_healed()
            self.end()
        else:
            self.faults.heal()
            self.assertIn(self.service.wait(), range(1, 128))
            self.assertTrue(any(line.startswith("telemetryd: ") for line in self.service.log))
            self.assertLessEqual(self.left(), self.left_by_a_healthy_one)
            self.assertEqual(self.start_service().stop(), 0)

    def at_each_failing_call(self, live, stride):
        points = collections.Counter()
        for call, number in faults.FAILURES:
            with self.subTest(call=call, error=os.strerror(number)):
                points[call] += self.at_each_point(
                    lambda *which, call=call, number=number:
                        self.faults.fail_calls(*which, number, call),
                    stride, lambda: live(without_memory=False))
        print(points.total(), "points:", dict(points))

    def at_each_allocation(self, live, stride):
        print(self.at_each_point(self.faults.fail_allocations, stride,
                                 lambda: live(without_memory=True)), "points")

    def test_calls_that_fail_are_answered_for_and_forgotten(self):
        self.begin_warm()
        self.at_each_failing_call(self.serve, stride=11)
        self.end()

    def test_allocations_that_fail_are_answered_for_and_forgotten(self):
        self.begin_warm()
        self.at_each_allocation(self.serve, stride=41)
        self.end()

    def test_calls_that_fail_keep_it_from_starting_or_are_survived(self):
        self.at_each_failing_call(self.start_and_serve, stride=37)

    def test_allocations_that_fail_keep_it_from_starting_or_are_survived(self):
        self.at_each_allocation(self.start_and_serve, stride=461)


if __name__ == "__main__":
    harness.main()
