# SPDX-License-Identifier: MIT
"""What was acknowledged is kept, once, whatever happens to the service meanwhile."""
import concurrent.futures
import contextlib
import pathlib
import resource
import signal
import socket
import sqlite3
import threading

import requests

import harness
from harness import a_run

SENDERS = 32


def new_session():
    session = requests.Session()
    session.trust_env = False
    return session


class Senders:
    """Threads that post new runs one after the other until they are stopped or fail, and remember
    which of them were acknowledged."""

    def __init__(self, url, count=SENDERS):
        self.url = url
        self.acknowledged = []  # (event_id, status) of runs whose last write was answered
        self.statuses = set()
        self.enough = threading.Event()
        self.pool = concurrent.futures.ThreadPoolExecutor(count)
        self.futures = [self.pool.submit(self._send) for _ in range(count)]

    def _send(self):
        with new_session() as session:
            while not self.enough.is_set():
                run = a_run()
                try:
                    answer = session.post(self.url + "/api/v1/runs", json=run, timeout=60)
                    self.statuses.add(answer.status_code)
                    if answer.status_code != 201:
                        return
                    self.acknowledged.append((run["event_id"], "running"))
                    answer = session.patch(f"{self.url}/api/v1/runs/{run['event_id']}",
                                           json={"status": "success"}, timeout=60)
                    self.statuses.add(answer.status_code)
                    if answer.status_code == 200:
                        self.acknowledged.append((run["event_id"], "success"))
                except requests.ConnectionError:
                    return

    def wait_for(self, count):
        harness.wait_until(lambda: len(self.acknowledged) >= count, f"{count} writes")

    def join(self):
        self.enough.set()
        for future in self.futures:
            future.result(harness.PATIENCE_SECONDS)
        self.pool.shutdown()


class DurabilityTestCase(harness.TestCase):
    def stored(self):
        """Status by event_id, as another program finds it in the file."""
        connection = sqlite3.connect(self.database)
        try:
            self.assertEqual(connection.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            rows = connection.execute("SELECT event_id, status FROM agent_runs").fetchall()
        finally:
            connection.close()
        self.assertEqual(len(rows), len({row[0] for row in rows}))
        return dict(rows)

    def assert_kept(self, acknowledged):
        stored = self.stored()
        for event_id, status in acknowledged:
            self.assertIn(event_id, stored)
            if status == "success":
                self.assertEqual(stored[event_id], "success")


class Durability(DurabilityTestCase):
    def test_a_run_that_was_acknowledged_survives_a_kill(self):
        service = self.start_service()
        run = a_run()
        self.assertEqual(service.post(run).status_code, 201)
        service.kill()
        service = self.start_service()
        self.assertEqual(service.get("/api/v1/runs/" + run["event_id"]).status_code, 200)

    def test_nothing_acknowledged_is_lost_when_it_is_killed_under_load(self):
        acknowledged = []
        for _ in range(4):
            service = self.start_service()
            senders = Senders(service.url)
            senders.wait_for(100)
            service.kill()
            senders.join()
            acknowledged += senders.acknowledged
            self.assertLessEqual(senders.statuses, {200, 201})
        self.start_service().stop()
        self.assert_kept(acknowledged)

    def test_nothing_acknowledged_is_lost_when_it_is_told_to_end_under_load(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            service = self.start_service()
            senders = Senders(service.url)
            senders.wait_for(100)
            self.assertEqual(service.stop(number), 0)
            senders.join()
            self.assertLessEqual(senders.statuses, {200, 201, 503})
            self.assert_kept(senders.acknowledged)

    def test_what_was_accepted_is_finished_and_answered_before_it_ends(self):
        service = self.start_service()
        connection = sqlite3.connect(self.database, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        runs = [a_run() for _ in range(SENDERS)]
        with concurrent.futures.ThreadPoolExecutor(SENDERS) as pool:
            answers = [pool.submit(requests.post, service.url + "/api/v1/runs", json=run,
                                   timeout=60) for run in runs]
            self.wait_for_connections(service, SENDERS)
            service.process.send_signal(signal.SIGTERM)
            self.wait_for_refusal(service)
            connection.execute("ROLLBACK")
            statuses = [answer.result().status_code for answer in answers]
        connection.close()
        self.assertEqual(service.wait(), 0)
        self.assertEqual(statuses, [201] * SENDERS)
        self.assertEqual(len(self.stored()), SENDERS)

    def wait_for_connections(self, service, count):
        """Wait until the service has taken in what `count` connections sent."""
        def taken():
            rows = pathlib.Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
            ours = [row.split() for row in rows if row.split()[1].endswith(f":{service.port:04X}")]
            open_ones = [row for row in ours if row[3] == "01"]
            return len(open_ones) >= count and all(row[4].endswith(":00000000")
                                                   for row in open_ones)
        harness.wait_until(taken, "the requests to arrive")

    def wait_for_refusal(self, service):
        def refused():
            try:
                socket.create_connection(("127.0.0.1", service.port)).close()
                return False
            except ConnectionRefusedError:
                return True
        harness.wait_until(refused, "new connections to be refused")

    def test_many_connections_at_once_are_all_stored(self):
        service = self.start_service()
        senders = Senders(service.url, count=100)
        senders.wait_for(1000)
        senders.join()
        self.assertEqual(senders.statuses, {200, 201})
        self.assert_kept(senders.acknowledged)

    def test_writes_that_wait_together_are_committed_together(self):
        service = self.start_service()
        connection = sqlite3.connect(self.database, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")  # the first write waits for this one's end
        with concurrent.futures.ThreadPoolExecutor(SENDERS) as pool:
            answers = [pool.submit(requests.post, service.url + "/api/v1/runs", json=a_run(),
                                   timeout=60) for _ in range(SENDERS)]
            self.wait_for_connections(service, SENDERS)
            before = self.changes()
            connection.execute("ROLLBACK")
            for answer in answers:
                self.assertEqual(answer.result().status_code, 201)
        connection.close()
        commits = self.changes() - before
        self.assertLess(commits, SENDERS / 2)
        self.assertEqual(len(self.stored()), SENDERS)

    def changes(self):
        """The counter in the file's header that goes up with each commit."""
        return int.from_bytes(self.database.read_bytes()[24:28], "big")

    def test_one_event_id_sent_often_at_once_is_created_once(self):
        service = self.start_service()
        for _ in range(5):
            run = a_run()
            barrier = threading.Barrier(64)

            def send(run=run, barrier=barrier):
                with new_session() as session:
                    session.get(service.url + "/health", timeout=60)
                    barrier.wait()
                    return session.post(service.url + "/api/v1/runs", json=run, timeout=60)

            with concurrent.futures.ThreadPoolExecutor(64) as pool:
                answers = [pool.submit(send) for _ in range(64)]
                statuses = sorted(answer.result().status_code for answer in answers)
            self.assertEqual(statuses, [200] * 63 + [201])
        self.assertEqual(len(self.stored()), 5)

    def test_another_programs_lock_is_waited_for(self):
        service = self.start_service()
        connection = sqlite3.connect(self.database, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            answer = pool.submit(service.post, a_run())
            self.assertFalse(concurrent.futures.wait([answer], timeout=0.3).done)
            connection.execute("ROLLBACK")
            self.assertEqual(answer.result().status_code, 201)
        connection.close()

    def test_a_lock_that_stays_is_503_in_the_end(self):
        service = self.start_service(TELEMETRY_DB_BUSY_TIMEOUT_MS=50, TELEMETRY_DB_MAX_RETRIES=1)
        connection = sqlite3.connect(self.database, isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        answer = service.post(a_run())
        self.assertEqual(answer.status_code, 503)
        self.assertEqual(answer.headers["Retry-After"], "1")
        self.assertIn("locked", answer.json()["detail"])
        connection.execute("ROLLBACK")
        connection.close()
        self.assertEqual(service.post(a_run()).status_code, 201)

    def test_when_too_much_waits_more_is_refused_and_all_is_taken_when_sent_again(self):
        service = self.start_service()
        batches = [[a_run() for _ in range(4000)] for _ in range(6)]

        def send(batch):
            return requests.post(service.url + "/api/v1/runs/batch", json=batch,
                                 timeout=harness.PATIENCE_SECONDS)

        # Whatever the writer takes at once, at most two batches, no more than two can wait for it.
        with contextlib.closing(sqlite3.connect(self.database, isolation_level=None)) as other, \
                concurrent.futures.ThreadPoolExecutor(len(batches)) as pool:
            other.execute("BEGIN IMMEDIATE")
            sent = {pool.submit(send, batch): batch for batch in batches}
            refused = next(concurrent.futures.as_completed(sent))
            self.assertEqual(refused.result().status_code, 503)
            self.assertEqual(refused.result().headers["Retry-After"], "1")
            self.assertIn("waiting", refused.result().json()["detail"])
            self.assertEqual(service.get("/health").status_code, 200)  # the store is not at fault
            self.assertGreater(service.get("/metrics").json()["queued_writes"], 0)
            other.execute("ROLLBACK")
        for answer, batch in sent.items():
            if answer.result().status_code == 503:
                self.assertEqual(send(batch).json()["inserted"], len(batch))
            else:
                self.assertEqual(answer.result().json()["inserted"], len(batch))
        self.assertEqual(len(self.stored()), 6 * 4000)


class FullDisk(DurabilityTestCase):
    def limit(self, service, size):
        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def test_a_disk_that_takes_no_more_is_503_until_it_does(self):
        service = self.start_service()
        kept = [(a_run()["event_id"], "running")]
        service.post(a_run(event_id=kept[0][0]))
        self.limit(service, self.database.stat().st_size)
        large = a_run(error_details="x" * 200000)

        answer = service.post(large)
        self.assertEqual(answer.status_code, 503)
        self.assertTrue(answer.json()["detail"])
        self.assertEqual(answer.headers["Retry-After"], "1")
        health = service.get("/health")
        self.assertEqual(health.status_code, 503)
        self.assertEqual(health.json()["status"], "error")
        self.assertTrue(health.json()["detail"])
        self.assertEqual(health.json()["db_path"], str(self.database))
        self.assertEqual([run["event_id"] for run in service.runs()], [kept[0][0]])

        self.limit(service, resource.RLIM_INFINITY)
        answer = service.post(large)
        self.assertEqual(answer.status_code, 201, answer.text)
        self.assertEqual(service.get("/health").status_code, 200)
        kept.append((large["event_id"], "running"))
        self.assertEqual(service.stop(), 0)
        self.assert_kept(kept)
        self.assertEqual(len(self.stored()), 2)
        self.assertTrue(any("writing failed" in line for line in service.log))
        self.assertTrue(any("writing works again" in line for line in service.log))

    def test_everyone_who_waits_for_a_failed_write_is_told(self):
        service = self.start_service()
        service.post(a_run())
        self.limit(service, 1)
        senders = Senders(service.url)
        senders.join()
        self.assertEqual(senders.statuses, {503})
        self.limit(service, resource.RLIM_INFINITY)
        self.assertEqual(service.post(a_run()).status_code, 201)
        service.stop()
        self.assertEqual(len(self.stored()), 2)


if __name__ == "__main__":
    harness.main()
