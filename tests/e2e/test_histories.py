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
import functools
import http.client
import itertools
import json
import os
import random
import re
import sqlite3
import time
import urllib.parse

import harness
import store_model
from contract import difference
from store_model import (CATEGORIES, CHANGEABLE, COUNTS, CREATABLE, FILTERS, JSONS, LISTED,
                         REQUIRED, STATUSES, Draft, Junk, Model, now, place, read_fields)

SECONDS = float(os.environ.get("TELEMETRY_LOAD_SECONDS", "0"))
SEED = int(os.environ.get("TELEMETRY_TORTURE_SEED") or random.randrange(2**32))
CONNECTIONS = 6
ROUNDS = ((1, 100), (CONNECTIONS, 30), (1, 60), (CONNECTIONS, 60))  # connections, steps of each
ROUNDS = ROUNDS if SECONDS else ROUNDS[:2]
RUNS = "/api/v1/runs"
SIZES = (0, 700, 2000) if SECONDS else (700,)  # runs to begin with: summaries are of 512 of them

WORDS = ("a", "A", "ab", "abc", "a b", "a%", "a_b", "x'y", "é", "日本", "100")
OTHER_TIMES = ("{:%Y-%m-%dT%H:%M:%S.%fZ}", "{:%Y-%m-%d %H:%M:%S}", "{:%Y-%m-%dT%H:%M:%S.%f}")
ZONES = tuple(datetime.timezone(datetime.timedelta(hours=hours)) for hours in (0, 2, -7))
COMMITS = ("0123456789abcdef0123456789abcdef01234567", "0123456f" + "0" * 32, "abcdef0" * 5)
DOCUMENTS = ({"pages": 3}, {"a": {"b": 1, "c": None}, "é": [1, 2.5, None]}, [], "text", 5, True,
             '{"a": {"d": "in a string"}}', "no {json", 2**63 - 1)
PATCHES = ({"a": None}, {"a": {"b": None, "e": {"f": None}}}, {"pages": [1]}, 7)
FAULTY = {  # what fields do not take; those that are JSON take anything
    **{field: (5, True, [], {}) for field in CREATABLE if field not in JSONS},
    **dict.fromkeys(("created_at", "start_time", "end_time"), ("yesterday", "", 7)),
    **dict.fromkeys(COUNTS, (-1, "5", 1.5, True)),
    "status": ("dancing", "", 3), "git_commit_source": ("robot", "CI"), "api_posted": (2, "yes"),
}
SHARED = {"run_id": "shared", "agent_name": "shared", "job_type": "shared",
          "start_time": "2025-01-01T00:00:00Z", "created_at": "2025-01-01T00:00:00Z"}
END = {"status": "success", "end_time": "2025-01-02T00:00:00Z", "items_succeeded": 7}


def check(holds, *what):
    if not holds:
        raise AssertionError(" ".join(str(part() if callable(part) else part) for part in what))


def check_run(row, run):
    """The run is what the row says; either may be None."""
    if row and run:
        check(row.learn(run), run["event_id"], lambda: row.difference(run))
    else:
        check(not row and not run, run, "instead of", row and row.shown)


def check_rows(rows, runs, what):
    expected, seen = [row["event_id"] for row in rows], [run["event_id"] for run in runs]
    check(expected == seen, what, "gave", seen, "instead of", expected)
    for row, run in zip(rows, runs):
        check_run(row, run)


def check_tree(expected, node):
    check_rows([expected["run"]], [node["run"]], "tree")
    check_rows([child["run"] for child in expected["children"]],
               [child["run"] for child in node["children"]], "tree")
    for child, seen in zip(expected["children"], node["children"]):
        check_tree(child, seen)


def url(path, parameters):
    """Some clients send a '+' as it is, which means a blank."""
    return path + "?" + "&".join(
        f"{name}={urllib.parse.quote(str(value), safe=':+' if 'time' in name else '')}"
        for name, value in parameters)


class Fuse:
    """Counts requests; the service is killed while the last one is on its way."""

    def __init__(self, requests):
        self.counter = itertools.count(1)
        self.requests = requests
        self.is_burnt = False

    def burn(self, service):
        if next(self.counter) == self.requests:
            self.is_burnt = True
            service.kill()


class Connection:
    """One connection to the service."""

    def __init__(self, service, fuse):
        self.service = service
        self.fuse = fuse
        self.connection = http.client.HTTPConnection("127.0.0.1", service.port,
                                                     timeout=harness.PATIENCE_SECONDS)

    def ask(self, method, path, body=None):
        self.connection.request(method, path, None if body is None else json.dumps(body))
        self.fuse.burn(self.service)
        answer = self.connection.getresponse()
        return answer.status, answer.headers, json.loads(answer.read())

    def get(self, path):
        status, _, answer = self.ask("GET", path)
        check(status == 200, "GET", path, status, answer)
        return answer

    def look(self, event_id):
        """The run, or None."""
        status, _, answer = self.ask("GET", f"{RUNS}/{urllib.parse.quote(event_id, safe='')}")
        check(status in (200, 404), event_id, status, answer)
        return answer if status == 200 else None

    def page_through(self, find, parameters, limit, offset=0, between=None):
        """Follow a list to its end, on 20 pages at most; `find` says what is in it, and `between`,
        done between pages, whether that is to be asked anew."""
        rest = find(parameters)[offset:]
        limit = max(limit, len(rest) // 20)
        path = url(RUNS, [*parameters, ("limit", limit), *([("offset", offset)] if offset else [])])
        while path:
            status, headers, runs = self.ask("GET", path)
            check(status == 200, path, status, runs)
            check_rows(rest[:limit], runs, path)
            link = headers["Link"]
            check(bool(link) == (len(rest) > limit), path, link, len(rest))
            if link and between and between():
                last = place(rest[limit - 1])
                rest = [row for row in find(parameters) if place(row) < last]
            else:
                rest = rest[limit:]
            path = link and re.fullmatch('<(.*)>; rel="next"', link).group(1)

    def close(self):
        self.connection.close()


class Values:
    """Random values of fields; names begin with the name of whom they belong to."""

    def __init__(self, name, seed):
        self.name = name
        self.random = random.Random(f"{seed} {name}")
        self.numbers = itertools.count()

    def chance(self, probability):
        return self.random.random() < probability

    def word(self):
        """Most words are those of many runs, some of a single one."""
        return f"w{next(self.numbers)}" if self.chance(0.05) else self.random.choice(WORDS)

    def time(self):
        time = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(
            days=self.random.randrange(400),
            microseconds=self.random.choice((0, 0, self.random.randrange(86400 * 10**6))))
        if self.chance(0.5):
            return time.astimezone(self.random.choice(ZONES)).isoformat()
        return self.random.choice(OTHER_TIMES).format(time)

    def status(self):
        status = self.random.choice(STATUSES + tuple(store_model.ALIASES))
        return self.random.choice((status, status.upper(), f" {status}\t"))

    def commit(self):
        return self.random.choice(COMMITS)[:self.random.choice((3, 7, 8, 12, 40))]

    def value(self, field):
        if field in ("agent_name", "run_id", "insight_id"):
            return f"{self.name}.{self.word()}"
        if field == "parent_run_id":
            return self.random.choice(("", "unknown", f"{self.name}.{self.word()}",
                                       f"{self.name}/é {self.random.randrange(20)}"))
        if field in COUNTS:
            return self.random.choice((0, 0, 1, 5, 2**53 + 1, 2**63 - 1))
        if field in JSONS:
            return self.random.choice(DOCUMENTS)
        if field in store_model.TIMES:
            return self.time()
        choices = {"status": self.status, "git_commit_hash": self.commit,
                   "git_repo": lambda: self.random.choice(list(store_model.REPOSITORIES)),
                   "git_commit_source": lambda: self.random.choice(("manual", "llm", "ci")),
                   "api_posted": lambda: self.random.choice((True, False, 0, 1))}
        return choices.get(field, self.word)()

    def some(self, fields, share):
        """These fields, each with a probability, in any order; null means that it is not given."""
        chosen = [field for field in fields if self.chance(share)]
        self.random.shuffle(chosen)
        return {field: None if self.chance(0.1) else self.value(field) for field in chosen}

    def event_id(self):
        return f"{self.name}/é {next(self.numbers)}"

    def run(self, event_id):
        optional = [field for field in CREATABLE if field not in REQUIRED]
        body = {**{field: self.value(field) for field in REQUIRED},
                **self.some(optional, self.random.choice((0.05, 0.3, 0.8))), "event_id": event_id}
        if self.chance(0.8):
            body["created_at"] = self.time()
        if body.get("parent_run_id") == body["run_id"]:  # whose is it, when two start at once?
            body["start_time"] = f"2024-06-01T00:00:00.{next(self.numbers):06}Z"
        if self.chance(0.3):
            body.update(record_type="run", updated_at="never", nonsense=[1])
        return body

    def faulty(self, body, fields):
        """Make some of the fields faulty, and tell which."""
        body = dict(body)
        chosen = self.random.sample([field for field in fields if field in FAULTY],
                                    self.random.choice((1, 1, 2)))
        for field in chosen:
            if field in REQUIRED and self.chance(0.5):
                body[field] = self.random.choice(("", None))
            else:
                body[field] = self.random.choice(FAULTY[field])
        return body, chosen


class Session:
    """Who asks over one connection, and what it knows of its runs."""

    def __init__(self, history, name):
        self.history = history
        self.values = Values(name, history.seed)
        self.random = self.values.random
        self.model = Model()
        self.doubt = None  # what may or may not have happened
        self.connection = None
        self.log = collections.deque(maxlen=8)
        actions = {
            self.post: 30, self.post_again: 12, self.post_faulty: 4, self.batch: 8,
            self.patch: 20, self.patch_faulty: 4, self.commit: 6, self.commit_faulty: 2,
            self.look: 8, self.list: 10, self.list_faulty: 1, self.tree: 4, self.foreign: 12,
            self.post_shared: 8, self.list_shared: 3,
        }
        self.choose = functools.partial(self.random.choices, list(actions), actions.values())

    def act(self, steps):
        try:
            for action in self.choose(k=steps):
                action()
        except (OSError, http.client.HTTPException):
            if not self.connection.fuse.is_burnt:
                raise
        except AssertionError as error:
            raise AssertionError("\n".join([*self.log, str(error)])) from error

    def ask(self, method, path, body=None):
        self.log.append(f"{method} {path} {'' if body is None else json.dumps(body)}"[:4000])
        return self.connection.ask(method, path, body)

    def resolve(self):
        """Find out what became of what was asked last: all of it, or nothing."""
        draft, self.doubt = self.doubt, None
        if not draft:
            return
        draft.moment.end = now()
        seen = {event_id: self.connection.look(event_id) for event_id in draft.changes}

        def is_as(rows):
            return all(rows.get(event_id).fits(run) if run and rows.get(event_id) else
                       not run and not rows.get(event_id) for event_id, run in seen.items())
        if is_as(draft.rows):
            self.model.apply(draft)
        else:
            check(is_as(self.model.rows), "half of it:", list(seen.values()))

    def settle(self):
        """Learn the times of new runs: lists are in the order of these."""
        for row in list(self.model.rows.values()):
            if "created_at" in row.unknown:
                check_run(row, self.connection.look(row["event_id"]))

    # ---- Writes ----------------------------------------------------------------------------------

    def write(self, draft, method, path, body, status, expected):
        self.doubt = draft
        answered, _, answer = self.ask(method, path, body)
        draft.moment.end = now()
        self.doubt = None
        found = None if answered == status else f"{answered} instead of {status}, {expected}"
        found = found or difference(expected, answer)
        check(not found, found, answered, answer)
        self.model.apply(draft)

    def some_id(self):
        if self.model.rows and self.values.chance(0.95):
            return self.random.choice(list(self.model.rows))
        return self.values.event_id()

    def path(self, event_id, ending=""):
        return f"{RUNS}/{urllib.parse.quote(event_id, safe='')}{ending}"

    def post(self, event_id=None):
        body = self.values.run(event_id or self.values.event_id())
        draft = Draft(self.model)
        result = draft.create(body)
        answer = {"status": "duplicate", "event_id": body["event_id"], "message": str}
        if result == "created":
            answer = {"status": result, "event_id": body["event_id"], "run_id": body["run_id"]}
        elif result == "updated":
            answer["updated"] = True
        self.write(draft, "POST", RUNS, body, 201 if result == "created" else 200, answer)

    def post_again(self):
        self.post(self.some_id())

    def refused(self, method, path, body, fields):
        def names_all(answer):
            return sorted(fault["loc"] for fault in answer["detail"]) == sorted(
                ["body", field] for field in fields)
        self.write(Draft(self.model), method, path, body, 422, names_all)

    def post_faulty(self):
        self.refused("POST", RUNS, *self.values.faulty(self.values.run(self.some_id()), CREATABLE))

    def patch(self):
        event_id = self.some_id()
        merges = self.values.chance(0.4)
        body = self.values.some(CHANGEABLE, self.random.choice((0.02, 0.15, 0.6)))
        for field in body.keys() & set(JSONS) if merges else ():
            body[field] = self.random.choice(DOCUMENTS + PATCHES)
        if self.values.chance(0.2):
            body.update(agent_name=5, event_id="other", nonsense=None)
        draft = Draft(self.model)
        names = [field for field in body if field in CHANGEABLE and body[field] is not None]
        path = self.path(event_id, "?merge=true" if merges else "")
        if not names:
            self.write(draft, "PATCH", path, body, 400, {"detail": str})
        elif draft.update(event_id, body, merges) == "not_found":
            self.write(draft, "PATCH", path, body, 404, {"detail": re.compile("not found")})
        else:
            self.write(draft, "PATCH", path, body, 200, {
                "event_id": event_id, "updated": True, "fields_updated": names})

    def patch_faulty(self):
        body = self.values.some(CHANGEABLE, 0.2)
        self.refused("PATCH", self.path(self.some_id()), *self.values.faulty(body, CHANGEABLE))

    def item(self, draft, size):
        """An item of a batch, and its result."""
        kinds = {"new": max(3, size // 10), "again": 1, "update": 2, "faulty": 1}
        kind, = self.random.choices(list(kinds), kinds.values())
        event_id = self.values.event_id() if kind == "new" else self.some_id()
        if kind == "faulty":
            body, _ = self.values.faulty(self.values.run(event_id), CREATABLE)
            body.pop("record_type", None)
            return body, "invalid"
        if kind != "update":
            body = self.values.run(event_id)
            return body, draft.create(body)
        body = {"record_type": "update", "event_id": event_id, "nonsense": 1,
                **self.values.some(CHANGEABLE, 0.2)}
        if not read_fields(body, CHANGEABLE):
            return body, "invalid"
        return body, draft.late_update(body)

    def batch(self, size=None):
        draft = Draft(self.model)
        size = self.random.choice((0, 1, 5, 20, 300)) if size is None else size
        bodies, results = zip(*(self.item(draft, size) for _ in range(size))) if size else ((), ())
        names = [body["event_id"] if isinstance(body["event_id"], str) and body["event_id"] else
                 None for body in bodies]
        bad = [index for index, result in enumerate(results) if result in ("invalid", "not_found")]
        counts = collections.Counter(results)
        expected = {
            "results": [{"index": index, "event_id": name, "result": result,
                         **({"reason": str} if index in bad else {})}
                        for index, (name, result) in enumerate(zip(names, results))],
            "errors": [re.compile("^" + re.escape(names[index] or f"#{index}") + ": ")
                       for index in bad],
            "inserted": counts["created"], "duplicates": counts["duplicate"],
            "updated": counts["updated"], "total": size,
        }
        body, status = list(bodies), 200
        if self.values.chance(0.5):
            body, status, expected["created"] = {"runs": body}, 201, counts["created"]
        self.write(draft, "POST", RUNS + "/batch", body, status, expected)

    def commit(self):
        event_id = self.some_id()
        body = {"commit_hash": self.random.choice(COMMITS)[:self.random.choice((7, 40))],
                "commit_source": self.values.value("git_commit_source"),
                **({"commit_author": self.values.word()} if self.values.chance(0.5) else {}),
                **({"commit_timestamp": self.values.word()} if self.values.chance(0.5) else {})}
        draft = Draft(self.model)
        row = self.model.rows.get(event_id)
        path = self.path(event_id, "/associate-commit")
        if not row:
            self.write(draft, "POST", path, body, 404, {"detail": re.compile("not found")})
            return
        answer = {"status": "success", "event_id": event_id, "run_id": row["run_id"],
                  "commit_hash": body["commit_hash"]}
        targets = {event_id}
        if self.values.chance(0.3):
            path += "?children=true"
            targets = self.model.tree(event_id)[1]
            answer["children"] = len(targets) - 1
        draft.commit(targets, body)
        self.write(draft, "POST", path, body, 200, answer)

    def commit_faulty(self):
        body = {"commit_hash": "0123456", "commit_source": "ci"}
        field, value = self.random.choice((
            ("commit_hash", "123456"), ("commit_hash", "0" * 41), ("commit_hash", None),
            ("commit_source", "robot"), ("commit_source", None), ("commit_author", 5)))
        self.refused("POST", self.path(self.some_id(), "/associate-commit"), {**body, field: value},
                     [field])

    # ---- Another program -------------------------------------------------------------------------

    def foreign(self):
        """Write to the database without asking the service, in one transaction, as old programs do."""
        draft = Draft(self.model)
        kinds = (self.insert, self.insert, self.replace, self.replace_by_id, self.upsert,
                 self.ignore, self.change, self.change, self.change_many, self.rename, self.delete,
                 self.delete_many)
        statements = [kind(draft) for kind in self.random.choices(kinds, k=self.random.choice(
            (1, 1, 1, 8)))]
        statements = [statement for statement in statements if statement]
        self.log.append(str(statements))
        with contextlib.closing(sqlite3.connect(self.history.database, isolation_level=None,
                                                timeout=harness.PATIENCE_SECONDS)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            for statement in statements:
                connection.execute(*statement)
            if self.values.chance(0.2):
                connection.execute("ROLLBACK")
            else:
                connection.execute("COMMIT")
                self.model.apply(draft)

    def row(self, draft):
        """Some row that is there, or None."""
        rows = [row for row in draft.rows.values() if row]
        return self.random.choice(rows) if rows else None

    def columns(self, event_id, **more):
        columns = {"created_at": "2024-02-03 04:05:06",
                   **read_fields(self.values.run(event_id), CREATABLE),
                   "updated_at": "2024-02-03 04:05:06", **more}
        if self.values.chance(0.1):
            columns.update(metrics_json=Junk('{"a":'), duration_ms=None)
        return columns

    def assignments(self, columns):
        return ", ".join(f"{column} = ?" for column in columns), self.bound(columns)

    @staticmethod
    def bound(columns):
        return [json.dumps(value) if column in JSONS and value is not None
                and not isinstance(value, Junk) else value for column, value in columns.items()]

    def insertion(self, words, columns, ending=""):
        places = ", ".join("?" * len(columns))
        return (f"{words} INTO agent_runs ({', '.join(columns)}) VALUES ({places}){ending}",
                self.bound(columns))

    def insert(self, draft):
        columns = self.columns(self.values.event_id())
        draft.put(columns, times=())
        return self.insertion("INSERT", columns)

    def replace(self, draft):
        row = self.row(draft)
        columns = self.columns(row["event_id"] if row else self.values.event_id())
        draft.put(columns, times=())
        return self.insertion(self.random.choice(("REPLACE", "INSERT OR REPLACE")), columns)

    def replace_by_id(self, draft):
        row = self.row(draft)
        if not row or "id" in row.unknown:
            return None
        other = self.row(draft)["event_id"] if self.values.chance(0.5) else self.values.event_id()
        columns = self.columns(other, id=row["id"])
        draft.rows[row["event_id"]] = None
        draft.put(columns, order=row.order, times=())
        return self.insertion("INSERT OR REPLACE", columns)

    def upsert(self, draft):
        row = self.row(draft)
        if not row:
            return None
        columns = self.columns(row["event_id"])
        given = {field: columns.get(field) for field in ("agent_name", "host", "end_time",
                                                         "created_at")}
        draft.change(row, given, by_service=False)
        return self.insertion("INSERT", columns, " ON CONFLICT (event_id) DO UPDATE SET " + ", ".join(
            f"{field} = excluded.{field}" for field in given))

    def ignore(self, draft):
        row = self.row(draft)
        return row and self.insertion("INSERT OR IGNORE", self.columns(row["event_id"]))

    def given(self):
        """Some columns, and none of those that decide who is whose parent."""
        fields = ("agent_name", "job_type", "status", "created_at", "end_time", "host", "product",
                  "agent_owner", "insight_id", "git_commit_hash", "api_posted", "metrics_json")
        given = {field: self.values.value(field)
                 for field in self.random.sample(fields, self.random.choice((1, 2, 6)))}
        given = read_fields(given, fields)
        if "end_time" in given and self.values.chance(0.3):
            given["end_time"] = None
        return given

    def change(self, draft):
        row = self.row(draft)
        if not row:
            return None
        given = self.given()
        draft.change(row, given, by_service=False)
        assignments, values = self.assignments(given)
        return f"UPDATE agent_runs SET {assignments} WHERE event_id = ?", [*values, row["event_id"]]

    def change_many(self, draft):
        agent = self.values.value("agent_name")
        given = self.given()
        for row in list(draft.rows.values()):
            if row and row["agent_name"] == agent:
                draft.change(row, given, by_service=False)
        assignments, values = self.assignments(given)
        return f"UPDATE agent_runs SET {assignments} WHERE agent_name = ?", [*values, agent]

    def rename(self, draft):
        row, other = self.row(draft), self.row(draft)
        if not row or row is other:
            return None
        draft.change(row, {"event_id": other["event_id"]}, by_service=False)
        return ("UPDATE OR REPLACE agent_runs SET event_id = ? WHERE event_id = ?",
                [other["event_id"], row["event_id"]])

    def delete(self, draft):
        row = self.row(draft)
        if not row:
            return None
        draft.rows[row["event_id"]] = None
        return "DELETE FROM agent_runs WHERE event_id = ?", [row["event_id"]]

    def delete_many(self, draft):
        agent, job = self.values.value("agent_name"), self.values.value("job_type")
        for row in list(draft.rows.values()):
            if row and (row["agent_name"], row["job_type"]) == (agent, job):
                draft.rows[row["event_id"]] = None
        return "DELETE FROM agent_runs WHERE agent_name = ? AND job_type = ?", [agent, job]

    # ---- Reads -----------------------------------------------------------------------------------

    def look(self):
        event_id = self.some_id()
        self.log.append(event_id)
        check_run(self.model.rows.get(event_id), self.connection.look(event_id))

    def find(self, parameters):
        self.settle()
        return self.model.find(parameters)

    def list(self):
        names = self.random.sample(FILTERS, self.random.choice((0, 1, 1, 2, 3)))
        parameters = some_parameters(self.random, names, list(self.model.rows.values()))
        parameters = [(name, value) for name, value in parameters if name != "agent_prefix"]
        parameters.insert(0, ("agent_prefix", self.values.name + "."))
        limit = self.random.choice((7, 50, 400, 1000))
        self.log.append(f"list {parameters} {limit}")
        self.connection.page_through(
            self.find, parameters, limit, self.random.choice((0, 0, 1, 60)),
            lambda: self.values.chance(0.1) and (self.post() or True))

    def list_faulty(self):
        parameter, status = self.random.choice((
            ("limit=0", 422), ("limit=1001", 422), ("offset=-1", 422), ("status=dancing", 400),
            ("created_after=yesterday", 400), ("cursor=mine", 400)))
        self.write(Draft(self.model), "GET", f"{RUNS}?{parameter}", None, status, {"detail": ...})

    def tree(self):
        event_id = self.some_id()
        self.settle()
        limit, depth = self.random.choice(((5000, 1000), (3, 1000), (5000, 1), (5000, 0), (1, 1)))
        path = self.path(event_id, f"/tree?limit={limit}&depth={depth}")
        status, _, answer = self.ask("GET", path)
        if event_id not in self.model.rows:
            check(status == 404, path, status)
            return
        expected, _ = self.model.tree(event_id, limit, depth)
        check((answer["total"], answer["truncated"]) == (expected["total"], expected["truncated"]),
              path, answer, expected["total"], expected["truncated"])
        check_tree(expected, answer)

    # ---- What belongs to all ---------------------------------------------------------------------

    def post_shared(self):
        shared = self.history.shared
        event_id = f"shared-{len(shared) + self.random.randrange(-4, 2)}"
        ends = self.values.chance(0.5)
        body = {**SHARED, "event_id": event_id, **(END if ends else {})}
        attempt = {"ends": ends, "result": None}
        shared[event_id].append(attempt)
        if self.values.chance(0.5):
            status, _, answer = self.ask("POST", RUNS + "/batch", [body])
            attempt["result"] = answer["results"][0]["result"]
        else:
            status, _, answer = self.ask("POST", RUNS, body)
            attempt["result"] = "updated" if "updated" in answer else answer["status"]
        check(status in (200, 201), status, answer)

    def list_shared(self):
        shared = self.history.shared
        known = {event_id for event_id, attempts in list(shared.items())
                 if any(attempt["result"] for attempt in list(attempts))}
        runs = self.connection.get(f"{RUNS}?agent_name=shared&limit=1000")
        seen = [run["event_id"] for run in runs]
        check(len(seen) == len(set(seen)) and known <= set(seen) <= set(shared), seen, known)


def some_parameters(rng, names, rows):
    """Filters with values, most of which are those of some row."""
    return [(name, some_value(rng, name, rng.choice(rows) if rows else None)) for name in names]


def some_value(rng, name, row):
    if name == "roots":
        return rng.choice(("true", "true", "false"))
    if name == "status":
        return ",".join(rng.sample(STATUSES + ("failed", "COMPLETED"), rng.choice((1, 1, 2, 4))))
    field = store_model.BOUNDS[name][0] if name in store_model.BOUNDS else name
    value = row and row["agent_name" if name == "agent_prefix" else field]
    if name in store_model.BOUNDS and (value is None or rng.random() < 0.5):
        return Values("", rng.random()).time()[:rng.choice((10, 99))]
    if value is None:
        return "nobody"
    if name == "agent_prefix":
        return value[:rng.randrange(1, len(value) + 1)]
    if name == "git_commit_hash":
        return value[:rng.choice((3, 7, 8, 40))]
    return value if name in store_model.BOUNDS or rng.random() < 0.8 else value[:-1] + "%"


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
