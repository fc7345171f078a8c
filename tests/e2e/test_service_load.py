# SPDX-License-Identifier: MIT
"""Many clients of several kinds at once: no error, no lost row, no duplicate, and no growing memory.

Short by default; TELEMETRY_LOAD_SECONDS=60 makes it the long form (`make load`).
"""
import asyncio
import concurrent.futures
import http.client
import json
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import threading
import time
import uuid

import requests

import harness
from harness import a_run

CONNECTIONS = 200
SECONDS = float(os.environ.get("TELEMETRY_LOAD_SECONDS", "3"))
SEED = int(os.environ.get("TELEMETRY_LOAD_SEED", random.randrange(2**32)))
RESIDENT_MB_MAX = 64
GROWTH_MB_MAX = 16  # between the middle and the end of the load
KILLS_MIN = 40


class Record:
    """What was answered, by event_id: the last status that was acknowledged."""

    def __init__(self):
        self.statuses = {}
        self.errors = []
        self.lock = threading.Lock()

    def acknowledge(self, event_id, status):
        with self.lock:
            self.statuses[event_id] = status

    def complain(self, *what):
        with self.lock:
            self.errors.append(what)


class LoadTestCase(harness.TestCase):
    def setUp(self):
        super().setUp()
        print(f"TELEMETRY_LOAD_SEED={SEED}")
        self.random = random.Random(SEED)
        self.record = Record()

    def assert_kept(self):
        """Exactly what was acknowledged is stored, and what was not, at most once."""
        connection = sqlite3.connect(self.database)
        self.addCleanup(connection.close)
        self.assertEqual(connection.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
        rows = connection.execute("SELECT event_id, status FROM agent_runs").fetchall()
        stored = dict(rows)
        self.assertEqual(len(rows), len(stored))
        for event_id, status in self.record.statuses.items():
            self.assertIn(event_id, stored)
            if status == "success":
                self.assertEqual(stored[event_id], status)
        return stored


async def ask(reader, writer, method, path, document):
    """One request over a kept connection; the status and the answer."""
    body = json.dumps(document).encode() if document is not None else b""
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n"
                 f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    return int(head.split()[1]), json.loads(await reader.readexactly(length))


class Load(LoadTestCase):
    def setUp(self):
        super().setUp()
        self.service = self.start_service()
        self.until = time.monotonic() + SECONDS

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.service.pid}/fd"))

    async def one_client(self, number):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.service.port)
        while time.monotonic() < self.until:
            run = a_run(agent_name=f"agent {number}", metrics_json={"n": number})
            path = "/api/v1/runs/" + run["event_id"]
            steps = [("POST", "/api/v1/runs", run, 201, "running"),
                     ("POST", "/api/v1/runs", run, 200, "running"),
                     ("PATCH", path, {"status": "success", "items_succeeded": 1}, 200, "success"),
                     ("GET", path, None, 200, "success")]
            for method, target, document, wanted, status in steps:
                answered, answer = await ask(reader, writer, method, target, document)
                if answered == wanted:
                    self.record.acknowledge(run["event_id"], status)
                else:
                    self.record.complain(method, answered, answer)
            batch = [a_run() for _ in range(5)]
            answered, answer = await ask(reader, writer, "POST", "/api/v1/runs/batch", batch)
            if answered != 200 or answer["inserted"] != 5:
                self.record.complain("batch", answered, answer)
            for item in batch:
                self.record.acknowledge(item["event_id"], "running")
        writer.close()
        await writer.wait_closed()

    def generate_load(self):
        async def all_clients():
            await asyncio.gather(*(self.one_client(number) for number in range(CONNECTIONS)))
        asyncio.run(all_clients())

    def keep_posting(self, post):
        while time.monotonic() < self.until:
            run = a_run(status="success")
            status = post(run)
            if status == 201:
                self.record.acknowledge(run["event_id"], "success")
            else:
                self.record.complain(post.__name__, status)

    def by_http_client(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=60)

        def http_client(run):
            connection.request("POST", "/api/v1/runs", json.dumps(run))
            answer = connection.getresponse()
            answer.read()
            return answer.status
        self.keep_posting(http_client)
        connection.close()

    def by_requests(self):
        with requests.Session() as session:
            session.trust_env = False

            def by_session(run):
                return session.post(self.service.url + "/api/v1/runs", json=run,
                                    timeout=60).status_code
            self.keep_posting(by_session)

    def by_curl(self):
        def curl(run):
            result = subprocess.run(
                ["curl", "-sS", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}",
                 "--json", json.dumps(run), self.service.url + "/api/v1/runs"],
                capture_output=True, text=True, check=False)
            return int(result.stdout or 0)
        self.keep_posting(curl)

    def test_clients_of_all_kinds_at_once_meet_no_error_and_all_is_stored_once(self):
        clients = [self.generate_load, self.by_http_client, self.by_requests]
        if shutil.which("curl"):
            clients.append(self.by_curl)
        before = self.descriptors()
        with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
            futures = [pool.submit(client) for client in clients]
            time.sleep(SECONDS / 2)
            middle = self.service.memory_mb()
            for future in futures:
                future.result()
        end = self.service.memory_mb()
        self.assertEqual(self.record.errors, [])
        harness.wait_until(lambda: self.descriptors() <= before + 8, "the connections to be closed")
        self.assertEqual(self.service.stop(), 0)
        stored = self.assert_kept()
        self.assertEqual(set(stored), set(self.record.statuses))
        self.assertGreater(len(stored), CONNECTIONS)
        print(f"{len(stored)} runs in {SECONDS:.0f} s; {middle:.1f} MB, in the end {end:.1f} MB")
        if not os.environ.get("TELEMETRY_SANITIZE"):
            self.assertLess(max(middle, end), RESIDENT_MB_MAX)
            self.assertLess(end - middle, GROWTH_MB_MAX)


class Killed(LoadTestCase):
    def keep_writing(self, url):
        with requests.Session() as session:
            session.trust_env = False
            while True:
                run = a_run(event_id=str(uuid.uuid4()))
                try:
                    answer = session.post(url + "/api/v1/runs", json=run, timeout=60)
                    if answer.status_code == 201:
                        self.record.acknowledge(run["event_id"], "running")
                    answer = session.patch(f"{url}/api/v1/runs/{run['event_id']}",
                                           json={"status": "success"}, timeout=60)
                    if answer.status_code == 200:
                        self.record.acknowledge(run["event_id"], "success")
                except requests.RequestException:
                    return

    def test_whenever_it_is_killed_what_was_answered_is_there_after_a_restart(self):
        until = time.monotonic() + SECONDS
        kills = 0
        while kills < KILLS_MIN or time.monotonic() < until:
            service = self.start_service()
            with concurrent.futures.ThreadPoolExecutor(16) as pool:
                futures = [pool.submit(self.keep_writing, service.url) for _ in range(16)]
                time.sleep(self.random.uniform(0.01, 0.2))
                service.kill()
                for future in futures:
                    future.result()
            kills += 1
        self.assertEqual(self.start_service().stop(), 0)
        self.assert_kept()
        print(f"{kills} kills, {len(self.record.statuses)} acknowledged runs")
        self.assertGreater(len(self.record.statuses), kills)


if __name__ == "__main__":
    harness.main()
