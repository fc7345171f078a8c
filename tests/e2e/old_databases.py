# SPDX-License-Identifier: MIT
"""Databases as older versions left them, and what must be in them once they were brought up."""
import sqlite3
import uuid

STATUSES = "'running', 'success', 'failure', 'partial', 'timeout', 'cancelled'"

LIBRARY_COLUMNS = {  # by the version that brought them
    1: f"""run_id TEXT PRIMARY KEY, schema_version INTEGER, agent_name TEXT NOT NULL,
        agent_owner TEXT, job_type TEXT,
        trigger_type TEXT CHECK (trigger_type IN ('cli','web','scheduler','mcp','manual')),
        start_time TEXT NOT NULL, end_time TEXT, status TEXT CHECK (status IN ({STATUSES})),
        items_discovered INTEGER DEFAULT 0, items_succeeded INTEGER DEFAULT 0,
        items_failed INTEGER DEFAULT 0, duration_ms INTEGER, input_summary TEXT,
        output_summary TEXT, error_summary TEXT, metrics_json TEXT, product TEXT, platform TEXT,
        git_repo TEXT, git_branch TEXT, git_run_tag TEXT, host TEXT, api_posted INTEGER DEFAULT 0,
        api_posted_at TEXT, api_retry_count INTEGER DEFAULT 0,
        created_at TEXT DEFAULT (datetime('now')), updated_at TEXT DEFAULT (datetime('now'))""",
    2: "insight_id TEXT",
    3: "product_family TEXT, subdomain TEXT",
    4: "git_commit_hash TEXT, git_commit_source TEXT, git_commit_author TEXT, "
       "git_commit_timestamp TEXT",
    5: "website TEXT, website_section TEXT, item_name TEXT",
    6: "event_id TEXT NOT NULL UNIQUE",
}
LIBRARY_INDEXES = {
    1: ["agent_name", "status", "start_time", "api_posted"],
    2: ["insight_id", "created_at DESC"],
    3: [],
    4: ["git_commit_hash", "agent_name, status, created_at DESC", "agent_name, created_at DESC"],
    5: ["website", "website, website_section"],
    6: ["event_id"],
}
COMMIT_COLUMNS = "git_commit_source TEXT, git_commit_author TEXT, git_commit_timestamp TEXT, "
SERVICE_COLUMNS = f"""id INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE,
    run_id TEXT NOT NULL, created_at TEXT NOT NULL DEFAULT (datetime('now')),
    updated_at TEXT DEFAULT (datetime('now')), start_time TEXT NOT NULL, end_time TEXT,
    agent_name TEXT NOT NULL, job_type TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'running' CHECK (status IN ({STATUSES})),
    schema_version INTEGER, agent_owner TEXT, product TEXT, product_family TEXT, platform TEXT,
    subdomain TEXT, website TEXT, website_section TEXT, item_name TEXT,
    items_discovered INTEGER DEFAULT 0, items_succeeded INTEGER DEFAULT 0,
    items_failed INTEGER DEFAULT 0, items_skipped INTEGER DEFAULT 0, duration_ms INTEGER DEFAULT 0,
    input_summary TEXT, output_summary TEXT, source_ref TEXT, target_ref TEXT, error_summary TEXT,
    error_details TEXT, git_repo TEXT, git_branch TEXT, git_run_tag TEXT, git_commit_hash TEXT,
    {COMMIT_COLUMNS} host TEXT, environment TEXT, trigger_type TEXT, metrics_json TEXT,
    context_json TEXT, api_posted INTEGER DEFAULT 0, api_posted_at TEXT,
    api_retry_count INTEGER DEFAULT 0, insight_id TEXT, parent_run_id TEXT"""

RECORDED = ("CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, applied_at TEXT, "
            "description TEXT);")
FOREIGN_KEYS = """
    CREATE TABLE run_events (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL,
        event_type TEXT NOT NULL, timestamp TEXT NOT NULL, payload_json TEXT,
        FOREIGN KEY (run_id) REFERENCES agent_runs(run_id));
    INSERT INTO run_events VALUES (5, 'run 1', 'page', '2024-01-01 10:00:01', '{"a": 1}'),
        (9, 'gone', 'page', 'then', NULL);
    CREATE TABLE commits (commit_hash TEXT PRIMARY KEY, run_id TEXT REFERENCES agent_runs(run_id),
        agent_name TEXT, repo TEXT, branch TEXT, commit_date TEXT, author TEXT, message TEXT,
        files_changed INTEGER, insertions INTEGER, deletions INTEGER,
        created_at TEXT DEFAULT (datetime('now')), signed INTEGER);
    INSERT INTO commits VALUES ('abc', 'run 1', 'a', 'r', 'b', '2024', 'me', 'why', 1, 2, 3,
        '2024-01-01 00:00:00', 1);
"""
FOREIGN_OBJECTS = """
    CREATE TABLE notes (text TEXT, run TEXT REFERENCES agent_runs(run_id));
    INSERT INTO notes VALUES ('mine', 'run 1');
    CREATE VIEW failures AS SELECT run_id, agent_name FROM agent_runs WHERE status = 'failure';
    CREATE TABLE audit (run_id TEXT, status TEXT);
    CREATE TRIGGER watch AFTER UPDATE OF status ON agent_runs
        BEGIN INSERT INTO audit VALUES (new.run_id, new.status); END;
    CREATE TRIGGER note_gone AFTER DELETE ON notes
        BEGIN UPDATE agent_runs SET host = 'noted' WHERE run_id = old.run; END;
    CREATE INDEX their_owner ON agent_runs (agent_owner, lower(host)) WHERE host <> '';
"""

TIMES = {  # as old programs wrote them, and as they are stored
    "2024-01-01 10:00:00": "2024-01-01T10:00:00.000000+00:00",
    "2024-01-01T10:00:00Z": "2024-01-01T10:00:00.000000+00:00",
    "2024-01-01T12:30:00.5+02:00": "2024-01-01T10:30:00.500000+00:00",
    "2024-01-01 05:00:00.123456789-05:00": "2024-01-01T10:00:00.123456+00:00",
    "2024-02-29T23:59:59": "2024-02-29T23:59:59.000000+00:00",
    "yesterday, at noon": "yesterday, at noon",
}
COUNTERS = ("items_discovered", "items_succeeded", "items_failed", "items_skipped", "duration_ms",
            "api_posted", "api_retry_count")
STORED_TIMES = ("created_at", "updated_at", "start_time", "end_time")
ALL_STATUSES = [word.strip("' ") for word in STATUSES.split(",")]


def _rows(columns, lineage):
    """Rows with all that is met. A column that is not named here gets a text of its own."""
    for number, (time, status) in enumerate(zip(TIMES, [None, *ALL_STATUSES])):
        row = {column: f"{column} {number} 'é\"" for column in columns}
        row.update({column: (7, None, -5, 0, 2**63 - 1, 1)[number] for column in COUNTERS})
        row.update({column: time for column in STORED_TIMES})
        row.update(run_id=f"run {number}" if lineage == "library" else "same", status=status,
                   job_type=None if number == 1 else "nightly", trigger_type="web",
                   metrics_json=('{"a": 1.10}', "no json {", None, "", "[1]", "5")[number],
                   schema_version=number or None, event_id=f"event {number}")
        if lineage == "service":
            row.update(status=status or "running", job_type="nightly", trigger_type="by hand",
                       id=(3, 1, 4, 90, 7, 8)[number])
        elif number == 2:
            row["created_at"] = None
        yield {column: row[column] for column in columns}


def _fill(connection, lineage):
    columns = [row[1] for row in connection.execute("PRAGMA table_info(agent_runs)")]
    for row in _rows(columns, lineage):
        names = ", ".join('"' + name.replace('"', '""') + '"' for name in row)
        marks = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO agent_runs ({names}) VALUES ({marks})",
                           list(row.values()))


def _library(version, *more):
    table = ", ".join(LIBRARY_COLUMNS[number] for number in range(1, version + 1))
    indexes = [columns for number in range(1, version + 1) for columns in LIBRARY_INDEXES[number]]

    def make(connection):
        connection.execute(f"CREATE TABLE agent_runs ({table})")
        for number, columns in enumerate(indexes):
            connection.execute(f"CREATE INDEX by_{number} ON agent_runs ({columns})")
        _fill(connection, "library")
        connection.execute("DELETE FROM agent_runs WHERE run_id = 'run 4'")  # a gap in the rowids
        connection.executescript("".join(more))
    return make


def _library_with_event_ids_added(connection):
    _library(5)(connection)
    connection.executescript("ALTER TABLE agent_runs ADD COLUMN event_id TEXT;"
                             "UPDATE agent_runs SET event_id = '' WHERE run_id = 'run 1';"
                             "UPDATE agent_runs SET event_id = 'mine' WHERE run_id = 'run 2';")


def _service(columns, *more):
    def make(connection):
        connection.execute(f"CREATE TABLE agent_runs ({columns})")
        _fill(connection, "service")
        connection.executescript("UPDATE sqlite_sequence SET seq = 900;" + "".join(more))
    return make


def _recorded(*versions):
    return RECORDED + "".join(f"INSERT INTO schema_migrations VALUES ({version}, '2024', 'old');"
                              for version in versions)


OLD_DATABASES = {  # name: (version, what makes it)
    "library 1": (1, _library(1, FOREIGN_KEYS, FOREIGN_OBJECTS)),
    "library 2": (2, _library(2, _recorded(1))),
    "library 3": (3, _library(3, _recorded(), FOREIGN_OBJECTS)),
    "library 4": (4, _library(4, _recorded(3, 4), FOREIGN_KEYS)),
    "library 5": (5, _library(5, FOREIGN_OBJECTS)),
    "library 6": (6, _library(6, _recorded(6), FOREIGN_KEYS, FOREIGN_OBJECTS)),
    "library 6, recorded as 7": (6, _library(6, _recorded(7))),
    "library 6, event ids added": (6, _library_with_event_ids_added),
    "service 6": (6, _service(SERVICE_COLUMNS, _recorded(6), FOREIGN_OBJECTS)),
    "service 6, nothing recorded": (6, _service(SERVICE_COLUMNS, FOREIGN_KEYS)),
    "service 6, three columns short": (6, _service(SERVICE_COLUMNS.replace(COMMIT_COLUMNS, ""),
                                                   _recorded(5, 6))),
    "service 6, with others' columns": (6, _service(
        SERVICE_COLUMNS + ', theirs VARCHAR(10), "odd "" one" BLOB')),
}


def make(path, name):
    """Make the old database of this name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    OLD_DATABASES[name][1](connection)
    connection.close()


def dump(path, table="agent_runs"):
    """All rows of a table as dictionaries, by their row number; an id is a column like others."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    try:
        return {row["_row"]: {key: row[key] for key in row.keys() if key != "_row"}
                for row in connection.execute(f"SELECT rowid AS _row, * FROM {table}")}
    finally:
        connection.close()


def expected(old):
    """What a row of the old table has to have become; of an event_id that was missing, any UUID."""
    row = dict(old)
    for column in COUNTERS:
        row[column] = max(row.get(column) or 0, 0)
    row["created_at"] = row["created_at"] or row["start_time"]
    for column in STORED_TIMES:
        row[column] = TIMES.get(row[column], row[column])
    row["status"] = row["status"] or "running"
    row["job_type"] = row["job_type"] or "unknown"
    row["event_id"] = row.get("event_id") or uuid.UUID
    return row
