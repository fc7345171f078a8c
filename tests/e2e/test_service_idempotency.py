# SPDX-License-Identifier: MIT
"""Once is once, whatever is sent again, at the same time or in another order; and an end stays."""
import concurrent.futures
import itertools
import json
import socket
import sqlite3
import threading

import harness
from harness import a_run

AT_ONCE = 200


def raw_post(path, body):
    body = json.dumps(body).encode()
    return (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


class AtOnce(harness.ServiceTestCase):
    """Requests that all lie ready before the first of them is answered."""

    def send_at_once(self, requests):
        """Send each over a connection of its own, all but its last byte first; return the bodies."""
        connections = [socket.create_connection(("127.0.0.1", self.service.port), 60)
                       for _ in requests]
        for connection, request in zip(connections, requests):
            connection.sendall(request[:-1])
        barrier = threading.Barrier(len(requests))

        def finish(connection, request):
            barrier.wait()
            with connection, connection.makefile("rb") as stream:
                connection.sendall(request[-1:])
                head, _, body = stream.read().partition(b"\r\n\r\n")
                return int(head.split()[1]), json.loads(body)

        with concurrent.futures.ThreadPoolExecutor(len(requests)) as pool:
            return list(pool.map(finish, connections, requests))

    def rows(self):
        with sqlite3.connect(self.database) as connection:
            return connection.execute("SELECT event_id FROM agent_runs").fetchall()

    def test_the_same_event_id_200_times_is_created_once_and_199_times_a_duplicate(self):
        run = a_run()
        answers = self.send_at_once([raw_post("/api/v1/runs", run)] * AT_ONCE)
        outcomes = sorted((status, body["status"]) for status, body in answers)
        self.assertEqual(outcomes,
                         [(200, "duplicate")] * (AT_ONCE - 1) + [(201, "created")])
        self.assertEqual(self.rows(), [(run["event_id"],)])

    def test_single_runs_and_batches_with_the_same_event_ids_create_each_once(self):
        runs = [a_run() for _ in range(20)]
        requests = [raw_post("/api/v1/runs", run) for run in runs for _ in range(3)]
        requests += [raw_post("/api/v1/runs/batch", runs) for _ in range(20)]
        created = duplicates = 0
        for _, body in self.send_at_once(requests):
            if "inserted" in body:
                self.assertEqual(body["errors"], [])
                created += body["inserted"]
                duplicates += body["duplicates"]
            else:
                created += body["status"] == "created"
                duplicates += body["status"] == "duplicate"
        self.assertEqual((created, duplicates), (20, 20 * 3 + 20 * 20 - 20))
        self.assertEqual(len(self.rows()), 20)

    def test_an_end_among_starts_is_applied_once_and_stays(self):
        runs = [a_run() for _ in range(20)]
        requests = []
        for run in runs:
            end = {**run, "status": "success", "duration_ms": 5}
            requests += [raw_post("/api/v1/runs", body) for body in (run, end, run, end, run)]
        answers = self.send_at_once(requests)
        for i, run in enumerate(runs):
            mine = [body for _, body in answers[5 * i:5 * i + 5]]
            self.assertEqual(sum(body["status"] == "created" for body in mine), 1)
            self.assertLessEqual(sum(body.get("updated", False) for body in mine), 1)
            stored = self.get(run["event_id"])
            self.assertEqual((stored["status"], stored["duration_ms"]), ("success", 5))


class InAnyOrder(harness.ServiceTestCase):
    """What one run's client, its buffer and a replay may send."""

    END = {"status": "success", "duration_ms": 5, "metrics_json": {"a": 1}}

    def deliver(self, what, run):
        """Send one thing. False: it has to be brought again, as the buffer does."""
        event_id = run["event_id"]
        if what == "start":
            return self.service.post(run).status_code in (200, 201)
        if what == "record":
            return self.service.post({**run, **self.END}).status_code in (200, 201)
        if what == "patch":
            return self.service.patch(event_id, self.END).status_code == 200
        item = ({**run, **self.END} if what == "buffered record"
                else {"record_type": "update", "event_id": event_id, **self.END})
        answer = self.service.post([item], "/api/v1/runs/batch").json()
        return answer["results"][0]["result"] != "not_found"

    def assert_ends(self, order):
        run = a_run()
        pending = list(order)
        while pending:
            again = [what for what in pending if not self.deliver(what, run)]
            self.assertLess(len(again), len(pending), "nothing gets on")
            pending = again
        for what in order:  # a replay of everything changes nothing
            self.assertTrue(self.deliver(what, run))
        stored = self.get(run["event_id"])
        for name, value in self.END.items():
            self.assertEqual(stored[name], value, order)
        self.assertEqual(len(self.service.runs(run_id="a-run")), self.count)

    def test_the_end_stays_whatever_comes_first(self):
        kinds = ("record", "patch", "update", "buffered record")
        orders = [("start", end) for end in kinds] + [(end, "start") for end in kinds]
        orders += list(itertools.permutations(("start", "patch", "update")))
        orders += [("update", "record", "start", "patch"), ("patch", "update", "start", "record")]
        for self.count, order in enumerate(orders, 1):
            with self.subTest(order=order):
                self.assert_ends(order)


if __name__ == "__main__":
    harness.main()
