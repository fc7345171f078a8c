# SPDX-License-Identifier: MIT
"""Writes to a service in whose way something comes, and what the database must hold by its answers."""
import sqlite3

import requests

import harness
from harness import a_run

TIMEOUT_SECONDS = 20  # an answer that comes later is none


def _create(run):
    return "POST", "/api/v1/runs", run, {run["event_id"]: "running"}


def _end(run):
    return ("PATCH", "/api/v1/runs/" + run["event_id"], {"status": "success"},
            {run["event_id"]: "success"})


def _create_together(runs):
    return "POST", "/api/v1/runs/batch", runs, {run["event_id"]: "running" for run in runs}


def ten_writes():
    """Ten commits: method, path and body of each, and the status by event_id that it leaves."""
    runs = [a_run() for _ in range(4)]
    return [*map(_create, runs), _create_together([a_run() for _ in range(5)]), *map(_end, runs),
            _create(a_run(error_details="x" * 30000))]


def stored(path):
    """Status by event_id of a database that is sound and has each once."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = connection.execute("SELECT event_id, status FROM agent_runs").fetchall()
    finally:
        connection.close()
    assert len(dict(rows)) == len(rows), "a run is there twice"
    return dict(rows)


class Ledger:
    """What was acknowledged, and what may or may not have been done."""

    def __init__(self):
        self.acknowledged = {}  # the last status by event_id
        self.unsure = []        # writes without an answer, or with one that is no success

    def write(self, service, write):
        """Ask the service for one write; return the answer, or None if there came none."""
        method, path, body, effect = write
        try:
            answer = service.request(method, path, json=body, timeout=TIMEOUT_SECONDS)
        except requests.ConnectionError:
            answer = None
        if answer is not None and answer.status_code in (200, 201):
            answered = answer.json()
            assert not answered.get("errors") and answered.get("total", len(effect)) == len(effect), \
                answer.text
            for event_id, status in effect.items():
                if self.acknowledged.get(event_id) != "success":  # created twice, it stays ended
                    self.acknowledged[event_id] = status
        else:
            self.unsure.append(write)
        return answer

    def write_again(self, service):
        """What is not sure is asked for once more, and must be done now."""
        again, self.unsure = self.unsure, []
        for write in again:
            answer = self.write(service, write)
            assert not self.unsure, answer.text if answer is not None else "no answer"

    def assert_kept(self, path):
        """The database is sound, has what was acknowledged, and what is not sure whole or not at all."""
        rows = stored(path)
        possible = {event_id: {status} for event_id, status in self.acknowledged.items()}
        for write in self.unsure:
            effect = write[-1]
            there = [event_id in rows for event_id in effect]
            assert all(there) or not any(there), f"half of {write}"
            for event_id, status in effect.items():
                possible.setdefault(event_id, {None}).add(status)
        for event_id, statuses in possible.items():
            assert rows.get(event_id) in statuses, (event_id, rows.get(event_id), statuses)
        assert rows.keys() <= possible.keys(), "a run that nobody sent"
