# SPDX-License-Identifier: MIT
"""The power goes at any moment of the real service under a mixed load: whatever is left of the disk,
the database is sound and has what was answered, whole and once.

TELEMETRY_TORTURE_SEED=N repeats the choice of states; TELEMETRY_TORTURE_POWER=10: ten times as many.
"""
import concurrent.futures
import http.client
import itertools
import json
import random
import re

import harness
from power import case, replay

SENDERS = 4
REQUESTS = 10
STATES = 5000
STATES_OF_A_MODE = 300
STATES_WITHOUT = 300  # one of the syncs
LOOKED_AT_BY_THE_SERVICE = 20
COLUMNS = ("status", "items_succeeded", "git_commit_hash")
QUERY = f"SELECT agent_name, event_id, {', '.join(COLUMNS)} FROM agent_runs"


class Sender:
    """A connection with runs of its own, and what is stored of them after each of its requests."""

    def __init__(self, number):
        self.name = f"sender {number}"
        self.random = random.Random(case.SEED + number)
        self.after = [{}]  # so many requests: {event_id: values of COLUMNS}

    def _runs(self, count):
        runs = [harness.a_run(agent_name=self.name, items_succeeded=i) for i in range(count)]
        return runs, {run["event_id"]: {"status": "running", **run} for run in runs}

    def _next(self):
        """A request, and what it changes: {event_id: {field: value}}."""
        kind = self.random.choice(["post", "batch", "patch", "patch", "commit"])
        if kind == "batch":
            runs, changes = self._runs(4)
            return "POST", "/api/v1/runs/batch", runs, changes
        if kind == "post" or not self.after[-1]:
            runs, changes = self._runs(1)
            return "POST", "/api/v1/runs", runs[0], changes
        event_id = self.random.choice(list(self.after[-1]))
        path = "/api/v1/runs/" + event_id
        if kind == "patch":
            change = {"status": self.random.choice(["success", "failure"]),
                      "items_succeeded": self.random.randrange(10**6)}
            return "PATCH", path, change, {event_id: change}
        change = {"git_commit_hash": f"{self.random.getrandbits(160):040x}"}
        body = {"commit_hash": change["git_commit_hash"], "commit_source": "ci"}
        return "POST", path + "/associate-commit", body, {event_id: change}

    def send(self, port, requests):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=harness.PATIENCE_SECONDS)
        for _ in range(requests):
            method, path, body, changes = self._next()
            connection.request(method, path, json.dumps(body), {"X-Sender": self.name})
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status in (200, 201), text
            rows = dict(self.after[-1])
            for event_id, change in changes.items():
                old = rows.get(event_id, (None,) * len(COLUMNS))
                rows[event_id] = tuple(map(change.get, COLUMNS, old))
            self.after.append(rows)
        connection.close()

    def check(self, rows, answered):
        """All is as after the last request that was answered, or as after the next."""
        mine = [(row[1], row[2:]) for row in rows if row[0] == self.name]
        if len(dict(mine)) < len(mine):
            raise replay.Problem("a run is stored twice")
        if dict(mine) not in self.after[answered:answered + 2]:
            raise replay.Problem(f"lost: what {self.name} has is not as after {answered} answers")


def answers():
    """For Replay: to whom a call of the service sends an answer."""
    asking = {}

    def tells(call):
        asked = call.name == "recvfrom" and re.search(rb"X-Sender: (.*)\r\n", call.data)
        if asked:
            asking[call.path] = asked.group(1).decode()
        if call.name.startswith("send") and call.data.startswith(b"HTTP/1.1 20"):
            return asking.get(call.path)
        return None
    return tells


class PowerTest(case.PowerTestCase):
    def load(self, requests, journal_mode="DELETE"):
        """Have some senders send so many requests each to a traced service."""
        service = self.start_service(under=self.under(), TELEMETRY_DB_JOURNAL_MODE=journal_mode)
        self.assertEqual(service.get("/health").json()["journal_mode"], journal_mode)
        self.senders = [Sender(i) for i in range(SENDERS)]
        with concurrent.futures.ThreadPoolExecutor(SENDERS) as pool:
            list(pool.map(lambda sender: sender.send(service.port, requests), self.senders))
        self.assertEqual(service.stop(), 0)

    def check_rows(self, rows, told):
        for sender in self.senders:
            sender.check(rows, told.count(sender.name))

    def check(self, state):
        self.check_rows(self.rows(state, QUERY), state.told)

    def test_whatever_a_power_cut_leaves_has_what_the_service_answered(self):
        self.load(int(REQUESTS * case.LENGTH))
        directory = self.directory()
        checked = itertools.count(1)

        def check(state):
            self.check(state)
            if next(checked) % (STATES // LOOKED_AT_BY_THE_SERVICE) == 0:
                self.fill(directory, state.files)
                with harness.Service(directory) as another:
                    self.assertEqual(another.post(harness.a_run()).status_code, 201)
                    self.assertEqual(another.stop(), 0, another.log)
                self.check_rows(case.look(directory / "db/telemetry.sqlite", QUERY), state.told)

        self.assert_survives(answers(), check, STATES)

    def assert_survives_in(self, journal_mode):
        self.load(int(REQUESTS * case.LENGTH) // 2, journal_mode)
        self.assert_survives(answers(), self.check, STATES_OF_A_MODE)

    def test_the_same_with_a_journal_that_is_truncated(self):
        self.assert_survives_in("TRUNCATE")

    def test_the_same_with_a_journal_that_persists(self):
        self.assert_survives_in("PERSIST")

    def test_the_same_with_a_write_ahead_log(self):
        self.assert_survives_in("WAL")

    def test_without_any_one_of_its_syncs_something_would_be_lost(self):
        self.load(requests=3)
        for name, of in (("fdatasync", "/db/telemetry.sqlite-journal"),
                         ("fdatasync", "/db/telemetry.sqlite"), ("fdatasync", "/db"), ("fsync", "/db")):
            with self.subTest(call=name, of=of):
                replayed = self.cut_power(answers(), self.check, STATES_WITHOUT, lambda call: not (
                    call.name == name and call.path.endswith(of)))
                self.assertTrue(replayed.failures)


if __name__ == "__main__":
    case.main()
