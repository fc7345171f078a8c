# SPDX-License-Identifier: MIT
"""What the tables of the contract are written with.

A case is a sentence of the contract and the exchanges that prove it: requests with the answers they
must get, in order. "<name>" in any text stands for a word that no other case has, so that all cases
can share one service.

What an answer's body must be is written as it is in JSON, with these exceptions: a type stands for
any value of that type, a compiled pattern for a text in which it is found, `...` for anything. An
object with `...: ...` may have more members than those written down.
"""
import re


class Exchange:
    def __init__(self, method, path, body=None, headers=None):
        self.method = method
        self.path = path
        self.body = body  # bytes: as they are; None: none; anything else: as JSON
        self.headers = headers or {}  # a tuple of values: one header for each
        self.status = None

    def gives(self, status, body=..., headers=None):
        """What the answer must be; a header that is None must not be there."""
        self.status = status
        self.expected = body
        self.expected_headers = headers or {}
        return self


class Sql:
    """What another program does to the database."""

    def __init__(self, statement):
        self.statement = statement


class Case:
    def __init__(self, says, *steps):
        self.says = says
        self.steps = steps


case = Case
sql = Sql


def get(path, **options):
    return Exchange("GET", path, **options)


def post(body, path="/api/v1/runs", **options):
    return Exchange("POST", path, body, **options)


def patch(body, path="/api/v1/runs/<id>", **options):
    return Exchange("PATCH", path, body, **options)


def batch(body, **options):
    return Exchange("POST", "/api/v1/runs/batch", body, **options)


def run(**fields):
    """The smallest run that is taken, called <id>, and these fields; ... leaves one out."""
    record = {
        "event_id": "<id>",
        "run_id": "<id>-run",
        "agent_name": "<agent>",
        "job_type": "test",
        "start_time": "2025-12-10T12:00:00Z",
        **fields,
    }
    return {name: value for name, value in record.items() if value is not ...}


def created(**fields):
    """A run that is there for what follows."""
    return post(run(**fields)).gives(201)


def stored(name="<id>", **fields):
    """The run as it comes back has these values."""
    return get(f"/api/v1/runs/{name}").gives(200, {**fields, ...: ...})


def detail(pattern):
    return {"detail": re.compile(pattern)}


class Faults:
    """The body of a 422 with exactly these places, in any order."""

    def __init__(self, *places):
        self.places = [list(place) for place in places]


faults = Faults


class Names:
    """A list of runs, these and no others, in this order."""

    def __init__(self, *names):
        self.names = list(names)


names = Names
