# SPDX-License-Identifier: MIT
"""Runs the tables of tests/contract against a real service, by the client of Python's standard library.

Each answer is also held against the service's own description of it.
"""
import email.message
import http.client
import importlib
import itertools
import json
import pathlib
import re
import sqlite3
import sys
import unittest

import harness
from openapi import Description

TABLES = pathlib.Path(__file__).resolve().parents[1] / "contract"
sys.path.insert(0, str(TABLES))
table = importlib.import_module("table")


class Words:
    """Puts the words of one case in the place of its <names>."""

    _cases = itertools.count()

    def __init__(self):
        self._prefix = f"c{next(self._cases)}"

    def fill(self, value):
        if isinstance(value, str):
            return re.sub(r"<(\w+)>", lambda name: f"{self._prefix}-{name.group(1)}", value)
        if isinstance(value, bytes):
            return self.fill(value.decode("latin-1")).encode("latin-1")
        if isinstance(value, re.Pattern):
            return re.compile(self.fill(value.pattern), value.flags)
        if isinstance(value, dict):
            return {self.fill(name): self.fill(member) for name, member in value.items()}
        if isinstance(value, list):
            return [self.fill(member) for member in value]
        if isinstance(value, table.Names):
            return table.Names(*self.fill(value.names))
        return value


def difference(expected, actual, place="body"):
    """What is not as expected, as a text; None when all is."""
    if expected is ...:
        return None
    if isinstance(expected, type):
        found = isinstance(actual, expected) and (expected is bool or not isinstance(actual, bool))
        return None if found else f"{place}: {actual!r} is no {expected.__name__}"
    if isinstance(expected, re.Pattern):
        found = isinstance(actual, str) and expected.search(actual)
        return None if found else f"{place}: no {expected.pattern!r} in {actual!r}"
    if isinstance(expected, dict) and isinstance(actual, dict):
        return members_difference(expected, actual, place)
    if isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            return f"{place}: {len(actual)} instead of {len(expected)}: {actual!r}"
        return next(filter(None, (difference(e, a, f"{place}[{i}]")
                                  for i, (e, a) in enumerate(zip(expected, actual)))), None)
    if callable(expected):
        return None if expected(actual) else f"{place}: not {actual!r}"
    same = expected == actual and isinstance(expected, bool) == isinstance(actual, bool)
    return None if same else f"{place}: {actual!r}, not {expected!r}"


def members_difference(expected, actual, place):
    for name in expected:
        if name is ...:
            continue
        if name not in actual:
            return f"{place}: {name} is missing"
        found = difference(expected[name], actual[name], f"{place}.{name}")
        if found:
            return found
    more = set(actual) - set(expected)
    return f"{place}: {sorted(more)} should not be there" if more and ... not in expected else None


def repeatable(headers):
    """The headers in a form in which http.client sends one of a name for each of its values."""
    message = email.message.Message()
    for name, values in headers.items():
        for value in values if isinstance(values, tuple) else (values,):
            message[name] = value
    return message


class ContractTestCase(harness.TestCase):
    """One service for all cases; each is a test of its own."""

    @classmethod
    def setUpClass(cls):
        cls.directory = harness.tempfile.mkdtemp(prefix="telemetry-test-")
        cls.addClassCleanup(harness.shutil.rmtree, cls.directory, ignore_errors=True)
        cls.service = harness.Service(pathlib.Path(cls.directory))
        cls.addClassCleanup(cls.service.release)
        cls.connection = http.client.HTTPConnection(
            "127.0.0.1", cls.service.port, timeout=harness.PATIENCE_SECONDS
        )
        cls.addClassCleanup(cls.connection.close)
        cls.description = Description(cls.service.get("/openapi.json").json())

    def perform(self, case):
        words = Words()
        for step in case.steps:
            if isinstance(step, table.Sql):
                path = pathlib.Path(self.directory) / "db" / "telemetry.sqlite"
                with sqlite3.connect(path) as connection:
                    connection.execute(words.fill(step.statement))
            else:
                self.exchange(step, words)

    def exchange(self, step, words):
        path = words.fill(step.path)
        body = words.fill(step.body)
        text = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        self.connection.request(step.method, path, text, repeatable(step.headers))
        response = self.connection.getresponse()
        answer = response.read().decode()
        about = f"\n{step.method} {path}\n{text}\nanswered {response.status} {answer[:2000]}"
        self.assertEqual(response.status, step.status, about)
        for name, value in step.expected_headers.items():
            self.assertIsNone(difference(value, response.headers[name], name), about)
        self.compare(words.fill(step.expected), step, answer, about)
        self.validate(step, path, body, response, answer, about)

    def compare(self, expected, step, answer, about):
        if isinstance(expected, table.Faults):
            found = [fault["loc"] for fault in json.loads(answer)["detail"]]
            self.assertCountEqual(found, expected.places, about)
        elif isinstance(expected, table.Names):
            found = [run["event_id"] for run in json.loads(answer)]
            self.assertEqual(found, expected.names, about)
        elif isinstance(expected, (str, re.Pattern)):
            self.assertIsNone(difference(expected, answer), about)
        elif expected is not ...:
            self.assertIsNone(difference(expected, json.loads(answer)), about)

    def validate(self, step, path, body, response, answer, about):
        """The answer, and what was taken, must be what the service says of itself."""
        try:
            self.description.validate_answer(step.method, path, response.status,
                                             response.headers["Content-Type"] or "", answer)
            if response.status < 300 and isinstance(body, (dict, list)):
                self.description.validate_request(step.method, path, body)
        except Exception as error:
            raise AssertionError(f"not as /openapi.json says: {error}{about}") from error


def cases_of(name):
    return importlib.import_module(name).CASES


def tests_of(name):
    """A test class for the table of this name: one method for each case, named after its sentence."""
    cases = cases_of(name)
    members = {"__doc__": importlib.import_module(name).__doc__}
    for number, case in enumerate(cases):
        label = re.sub(r"\W+", "_", case.says)[:100].strip("_")

        def test(self, case=case):
            self.perform(case)

        test.__doc__ = case.says
        members[f"test_{number:03}_{label}"] = test
    return type(name.capitalize(), (ContractTestCase,), members)
