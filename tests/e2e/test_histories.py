# SPDX-License-Identifier: MIT
"""Random histories of requests from many connections, kills of the service, and another program that
writes to the database: each answer is what a model of the store says.

Every connection has runs of its own, whose names begin with its own name: what it asks of these has
one right answer whatever the others do. Some runs are for all, and created once.

Short by default, with a fixed and a random seed; TELEMETRY_LOAD_SECONDS=60 goes on for so long,
TELEMETRY_TORTURE_SEED=1 begins with that seed (`make torture`).
"""
import collections
import concurrent.futures
import contextlib
import datetime
import itertools
import os
import random
import sqlite3
import time
import urllib.parse

import harness
import store_model
from contract import difference
from history.connection import RUNS, Connection, Fuse, check, check_tree
from history.session import END, SHARED, Session
from history.values import some_parameters
from store_model import Draft, FILTERS, LISTED, Model

SECONDS = float(os.environ.get("TELEMETRY_LOAD_SECONDS", "0"))
SEED = int(os.environ.get("TELEMETRY_TORTURE_SEED") or random.randrange(2**32))
CONNECTIONS = 6
ROUNDS = ((1, 100), (CONNECTIONS, 30), (1, 60), (CONNECTIONS, 60))  # connections, steps of each
ROUNDS = ROUNDS if SECONDS else ROUNDS[:2]
SIZES = (0, 700, 2000) if SECONDS else (700,)  # runs to begin with: summaries are of 512 of them


class History:
    """One history, from an empty database on."""

    def __init__(self, test, seed):
        self.seed = seed
        self.random = random.Random(seed)
        self.test = test
        self.base = test.base / str(seed)
        self.base.mkdir()
        self.database = self.base / "db" / "telemetry.sqlite"
        self.shared = collections.defaultdict(list)  # attempts to create the run, by event_id
        self.sessions = [Session(self, f"s{number}") for number in range(CONNECTIONS)]
        self.all = Model()
        self.kills = 0

    def play(self):
        for connections, steps in ROUNDS:
            service = self.test.start_service(base=self.base)
            fuse = Fuse(self.random.randrange(5 * connections * steps))
            self.connect(service, fuse)
            if not self.all.rows:
                self.sessions[0].batch(self.random.choice(SIZES))
            with concurrent.futures.ThreadPoolExecutor(connections) as pool:
                futures = [pool.submit(session.act, steps)
                           for session in self.random.sample(self.sessions, connections)]
                for future in futures:
                    future.result()
            if fuse.is_burnt:
                self.kills += 1
                service = self.test.start_service(base=self.base)
            self.connect(service, Fuse(0))
            for session in self.sessions:
                session.resolve()
                session.settle()
            self.check_all(self.sessions[0].connection)
            if self.random.random() < 0.5:
                self.test.assertEqual(service.stop(), 0)
            service.kill()
        for session in self.sessions:
            session.connection.close()
        return self

    def connect(self, service, fuse):
        for session in self.sessions:
            if session.connection:
                session.connection.close()
            session.connection = Connection(service, fuse)

    # ---- While nobody writes ---------------------------------------------------------------------

    def check_all(self, connection):
        self.all.rows = dict(self.check_shared(connection))
        for session in self.sessions:
            self.all.rows.update(session.model.rows)
        self.learn_ids()
        self.check_counts(connection)
        self.check_values(connection)
        self.check_lists(connection)
        for event_id in self.random.choices(list(self.all.rows), k=3):
            expected, _ = self.all.tree(event_id)
            check_tree(expected, connection.get(
                f"{RUNS}/{urllib.parse.quote(event_id, safe='')}/tree"))

    def check_shared(self, connection):
        """Each was created once, and ended once; what was in flight when it was killed is open."""
        for event_id, attempts in self.shared.items():
            results = collections.Counter(attempt["result"] for attempt in attempts)
            ends = [attempt["result"] for attempt in attempts if attempt["ends"]]
            check(results["created"] == 1 or results["created"] == 0 and results[None], attempts)
            check(results["updated"] == 0 or results["updated"] == 1 and
                  "created" not in ends, attempts)
            run = connection.look(event_id)
            if not run:
                check(set(results) == {None}, event_id, attempts)
                continue
            has_ended = run["status"] != "running"
            check(has_ended or not any(ends), event_id, attempts)
            check(ends or not has_ended, event_id, attempts)
            draft = Draft(self.all)
            draft.create({**SHARED, "event_id": event_id, **(END if has_ended else {})})
            row = draft.rows[event_id]
            row.unknown["updated_at"] = store_model.Anything
            yield event_id, row

    def learn_ids(self):
        """The file says which ids the runs got: those of later ones are greater."""
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            check(connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)])
            ids = dict(connection.execute("SELECT event_id, id FROM agent_runs"))
        check(ids.keys() == self.all.rows.keys(), ids.keys() ^ self.all.rows.keys())
        for session in self.sessions:
            in_order = sorted(session.model.rows.values(), key=lambda row: row.order)
            check([row["event_id"] for row in in_order] ==
                  sorted(session.model.rows, key=ids.get), "ids are not in the order of creation")
            session.model.orders = itertools.count(max(ids.values(), default=0) + 1)
        for event_id, row in self.all.rows.items():
            row.order = row.columns["id"] = row.shown["id"] = ids[event_id]
            row.unknown.pop("id", None)

    def check_counts(self, connection):
        metrics = connection.get("/metrics")
        expected = {**self.all.counts(), "recent_24h": self.all.recent(store_model.stored_time(
            datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)))}
        found = difference({**expected, ...: ...}, metrics)
        check(not found, found)
        counts = list(metrics["agents"].values())
        check(counts == sorted(counts, reverse=True), counts)

    def check_values(self, connection):
        agents, jobs = self.all.values("agent_name"), self.all.values("job_type")
        found = difference({"agent_names": agents, "job_types": jobs, "cache_hit": bool, "counts": {
            "agent_names": len(agents), "job_types": len(jobs)}}, connection.get("/api/v1/metadata"))
        check(not found, found)
        for field in LISTED:
            values = self.all.values(field)
            found = difference({"field": field, "values": values, "count": len(values)},
                               connection.get(f"/api/v1/metadata/{field}"))
            check(not found, field, found)

    def check_lists(self, connection):
        rows = list(self.all.rows.values())
        asked = [some_parameters(self.random, [name], rows) for name in FILTERS * 2]
        asked += [some_parameters(self.random, self.random.sample(FILTERS, count), rows)
                  for count in (2, 2, 2, 3, 3, 4)]
        asked += [[("status", "failed"), ("status", "running,SUCCESS")], []]
        for parameters in asked:
            connection.page_through(self.all.find, parameters, self.random.choice((13, 200, 1000)),
                                    self.random.choice((0, 0, 0, 1, 700)))


class HistoriesTest(harness.TestCase):
    def play(self, seed):
        try:
            return History(self, seed).play()
        except Exception:
            print(f"TELEMETRY_TORTURE_SEED={seed}")
            raise

    def test_of_one_seed_has_the_answers_of_the_model(self):
        self.play(1)

    def test_of_random_seeds_have_the_answers_of_the_model(self):
        until = time.monotonic() + SECONDS
        kills = runs = 0
        for seed in itertools.count(SEED):
            history = self.play(seed)
            kills, runs = kills + history.kills, runs + len(history.all.rows)
            if time.monotonic() >= until:
                break
        print(f"TELEMETRY_TORTURE_SEED={SEED}: {seed - SEED + 1} histories, {kills} kills, "
              f"{runs} runs at their ends")


if __name__ == "__main__":
    harness.main()
