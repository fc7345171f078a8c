#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""python_service.py DATABASE - a service as one would write it with Python's standard library alone.

It stands for the predecessor: its fourteen indexes, one transaction a request, handlers that hold up
the event loop. It leaves out what else that one did (checks of every field, a web framework), so it
is the faster of the two. Prints its port, and ends with its standard input.
"""
import asyncio
import json
import sqlite3
import sys

TEXTS = """run_id created_at updated_at start_time end_time agent_name agent_owner job_type status
    product product_family platform subdomain website website_section item_name input_summary
    output_summary source_ref target_ref error_summary error_details git_repo git_branch git_run_tag
    git_commit_hash git_commit_source git_commit_author git_commit_timestamp host environment
    trigger_type metrics_json context_json api_posted_at insight_id parent_run_id""".split()
NUMBERS = """items_discovered items_succeeded items_failed items_skipped duration_ms api_posted
    api_retry_count""".split()
INDEXES = """event_id; agent_name; status; start_time; created_at DESC;
    agent_name, status, created_at DESC; agent_name, created_at DESC; job_type; parent_run_id;
    api_posted; insight_id; git_commit_hash; website; website, website_section""".split(";")
COLUMNS = ["event_id", *TEXTS, *NUMBERS]


def open_database(path):
    """A connection with the predecessor's settings, and the table if it is not there yet."""
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;")
    if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'agent_runs'").fetchone():
        columns = [f"{name} TEXT" for name in TEXTS] + [f"{name} INTEGER" for name in NUMBERS]
        database.execute("CREATE TABLE agent_runs (id INTEGER PRIMARY KEY AUTOINCREMENT,"
                         " event_id TEXT NOT NULL UNIQUE, " + ", ".join(columns) + ")")
        for number, index in enumerate(INDEXES):
            database.execute(f"CREATE INDEX idx_{number} ON agent_runs ({index})")
    return database


class Store:
    """The runs; each method is one transaction."""

    INSERT = (f"INSERT INTO agent_runs ({', '.join(COLUMNS)})"
              f" VALUES ({', '.join('?' * len(COLUMNS))})")

    def __init__(self, path):
        self.database = open_database(path)

    def insert(self, run):
        if isinstance(run.get("metrics_json"), dict):
            run["metrics_json"] = json.dumps(run["metrics_json"])
        run.setdefault("created_at", run["start_time"])
        self.database.execute("BEGIN IMMEDIATE")
        self.database.execute(self.INSERT, [run.get(name) for name in COLUMNS])
        self.database.execute("COMMIT")
        return {"status": "created", "event_id": run["event_id"], "run_id": run["run_id"]}

    def get(self, event_id):
        found = self.database.execute("SELECT * FROM agent_runs WHERE event_id = ?", (event_id,))
        row = found.fetchone()
        return row and dict(zip((column[0] for column in found.description), row))


class Connection(asyncio.Protocol):
    """HTTP/1.1 as far as the bench speaks it: keep-alive, bodies with a Content-Length."""

    def __init__(self, store):
        self.store = store
        self.received = b""
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.received += data
        while b"\r\n\r\n" in self.received:
            head, _, rest = self.received.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in
                       (line.partition(": ") for line in lines[1:])}
            length = int(headers.get("content-length", 0))
            if len(rest) < length:
                return
            self.received = rest[length:]
            self.answer(*lines[0].split(" ")[:2], rest[:length])

    def answer(self, method, path, body):
        if method == "POST":
            status, answer = "201 Created", self.store.insert(json.loads(body))
        else:
            answer = self.store.get(path.rpartition("/")[2])
            status = "200 OK" if answer else "404 Not Found"
        text = json.dumps(answer).encode()
        self.transport.write(f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
                             f"Content-Length: {len(text)}\r\n\r\n".encode() + text)


async def main(path):
    store = Store(path)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(store), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
