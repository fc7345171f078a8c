# SPDX-License-Identifier: MIT
"""A program that writes to the database without asking the service, as old ones do."""
import contextlib
import json
import sqlite3

import harness
from store_model import CREATABLE, Draft, JSONS, Junk, read_fields


class ForeignWriter:
    def __init__(self, values):
        self.values = values
        self.random = values.random

    def write(self, database, model):
        """Write in one transaction; return the statements."""
        draft = Draft(model)
        kinds = (self.insert, self.insert, self.replace, self.replace_by_id, self.upsert,
                 self.ignore, self.change, self.change, self.change_many, self.rename, self.delete,
                 self.delete_many)
        statements = [kind(draft) for kind in self.random.choices(kinds, k=self.random.choice(
            (1, 1, 1, 8)))]
        statements = [statement for statement in statements if statement]
        with contextlib.closing(sqlite3.connect(database, isolation_level=None,
                                                timeout=harness.PATIENCE_SECONDS)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            for statement in statements:
                connection.execute(*statement)
            if self.values.chance(0.2):
                connection.execute("ROLLBACK")
            else:
                connection.execute("COMMIT")
                model.apply(draft)
        return statements

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
