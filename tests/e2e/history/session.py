# SPDX-License-Identifier: MIT
"""Who asks over one connection, at random, and holds each answer against a model of the store."""
import collections
import functools
import http.client
import json
import re
import urllib.parse

from contract import difference
from history.connection import RUNS, check, check_run, check_tree
from history.foreign import ForeignWriter
from history.values import COMMITS, DOCUMENTS, PATCHES, Values, some_parameters
from store_model import CHANGEABLE, CREATABLE, Draft, FILTERS, JSONS, Model, now, read_fields

SHARED = {"run_id": "shared", "agent_name": "shared", "job_type": "shared",
          "start_time": "2025-01-01T00:00:00Z", "created_at": "2025-01-01T00:00:00Z"}
END = {"status": "success", "end_time": "2025-01-02T00:00:00Z", "items_succeeded": 7}


class Session:
    """Who asks over one connection, and what it knows of its runs."""

    def __init__(self, history, name):
        self.history = history
        self.values = Values(name, history.seed)
        self.random = self.values.random
        self.model = Model()
        self.foreign_writer = ForeignWriter(self.values)
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

    def foreign(self):
        self.log.append(str(self.foreign_writer.write(self.history.database, self.model)))

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
