# SPDX-License-Identifier: MIT
"""Random values: of fields, of runs, of a list's parameters."""
import datetime
import itertools
import random

import store_model
from store_model import COUNTS, CREATABLE, JSONS, REQUIRED, STATUSES

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
