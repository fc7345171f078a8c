# SPDX-License-Identifier: MIT
"""What the tests of the audit trail share: lines in it, and runs that were recorded for real."""
import datetime
import json
import sqlite3

import cli
from harness import a_run

BOOKKEEPING = ("id", "updated_at")  # the store's own, of when and where it wrote


def today():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d")


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="microseconds")


def rows(path):
    """The runs of a database by event_id, without the store's bookkeeping."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        found = [dict(row) for row in connection.execute("SELECT * FROM agent_runs")]
    finally:
        connection.close()
    for row in found:
        for column in BOOKKEEPING:
            del row[column]
    result = {row["event_id"]: row for row in found}
    assert len(result) == len(found)
    return result


class TrailTestCase(cli.CliTestCase):
    def trail(self, day=None):
        return self.base / "raw" / f"events_{day or today()}.ndjson"

    def write_trail(self, *lines, day=None):
        """Append records, or text as it is, to a day's file."""
        path = self.trail(day)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with open(path, "a", encoding="utf-8") as file:
            for line in lines:
                file.write(line if isinstance(line, str) else json.dumps(line) + "\n")
        path.chmod(0o600)
        return path

    @staticmethod
    def run_line(**fields):
        return a_run(record_type="run", **fields)

    @staticmethod
    def commit_line(run_id, commit_hash, timestamp):
        payload = {"commit_hash": commit_hash, "commit_source": "llm"}
        return {"run_id": run_id, "event_type": "associate_commit", "timestamp": timestamp,
                "payload_json": json.dumps(payload), "record_type": "event"}

    def record(self, *arguments, settings=None):
        """Record a command with the files alone."""
        result = self.telemetry("run", *arguments, "--", "true", settings=settings)
        self.assertEqual(result.returncode, 0, result.stderr)
