# SPDX-License-Identifier: MIT
"""A connection to the service, and what is said when an answer is not that of the model."""
import http.client
import itertools
import json
import re
import urllib.parse

import harness
from store_model import place

RUNS = "/api/v1/runs"


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
