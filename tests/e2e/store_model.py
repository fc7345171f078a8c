# SPDX-License-Identifier: MIT
"""A model of the store: what the contract says must become of each request, in the simplest code that
says it. It knows nothing of SQL, indexes or how the service goes about it.
"""
import collections
import datetime
import itertools
import json

STATUSES = ("running", "success", "failure", "partial", "timeout", "cancelled")
ALIASES = {"failed": "failure", "completed": "success", "succeeded": "success",
           "canceled": "cancelled"}
REQUIRED = ("event_id", "run_id", "agent_name", "job_type", "start_time")
TIMES = ("created_at", "updated_at", "start_time", "end_time")
COUNTS = ("items_discovered", "items_succeeded", "items_failed", "items_skipped", "duration_ms",
          "api_retry_count")
JSONS = ("metrics_json", "context_json")
COMMIT = ("git_commit_hash", "git_commit_source", "git_commit_author", "git_commit_timestamp")
CATEGORIES = ("product", "product_family", "platform", "subdomain", "website", "website_section",
              "git_repo", "git_branch", "host", "environment", "trigger_type")
LISTED = CATEGORIES + ("agent_name", "agent_owner", "job_type", "status", "git_commit_source")
CHANGEABLE = ("status", "end_time", "error_summary", "error_details", "input_summary",
              "output_summary", *COUNTS, *JSONS, *COMMIT, "api_posted", "api_posted_at")
CREATABLE = CHANGEABLE + REQUIRED + CATEGORIES + (
    "created_at", "agent_owner", "item_name", "source_ref", "target_ref", "git_run_tag",
    "insight_id", "parent_run_id")
COLUMNS = ("id", "schema_version", "updated_at") + CREATABLE
EQUAL = CATEGORIES + ("agent_name", "job_type", "run_id", "parent_run_id", "insight_id")

REPOSITORIES = {  # as it is stored: repo_url, and what a commit_url begins with
    "https://github.com/o/r.git": ("https://github.com/o/r", "https://github.com/o/r/commit/"),
    "git@gitlab.com:o/r": ("https://gitlab.com/o/r", "https://gitlab.com/o/r/-/commit/"),
    "ssh://git@example.org/o/r": ("https://example.org/o/r", None),
    "elsewhere": (None, None),
}


class Junk(str):
    """Text in a column for JSON that is none."""


class Moment:
    """When something was asked for, and when it was answered."""

    def __init__(self):
        self.begin = now()
        self.end = None

    def holds(self, text):
        return self.begin <= text <= (self.end or now())


class Anything:
    @staticmethod
    def holds(value):
        return value is not None


def now():
    return stored_time(datetime.datetime.now(datetime.timezone.utc))


def stored_time(time):
    if time.tzinfo is None:
        time = time.replace(tzinfo=datetime.timezone.utc)
    return time.astimezone(datetime.timezone.utc).isoformat(timespec="microseconds")


def read_time(text):
    return stored_time(datetime.datetime.fromisoformat(text))


def read_status(text):
    word = text.strip().lower()
    return ALIASES.get(word, word)


def read_json(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


def read_value(field, value):
    """A value as it was sent, in the form in which it is stored."""
    if field in TIMES:
        return read_time(value)
    if field == "status":
        return read_status(value)
    if field == "api_posted":
        return bool(value)
    if field in JSONS and isinstance(value, str):
        parsed = read_json(value)
        return value if parsed is None else parsed
    return value


def read_fields(body, fields):
    return {field: read_value(field, body[field]) for field in fields if body.get(field) is not None}


def merged(value, patch):
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    result = dict(value) if isinstance(value, dict) else {}
    for key, member in patch.items():
        if member is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), member)
    return result


class Row:
    """A run as it is stored and shown. What only the service knows is learned when it is first seen.

    `order` is that of the ids; rows are never changed, only replaced.
    """

    def __init__(self, columns, order, unknown):
        repo, commits = REPOSITORIES.get(columns["git_repo"], (None, None))
        commit = columns["git_commit_hash"]
        self.order = order
        self.columns = columns
        self.unknown = dict(unknown)
        self.shown = {**columns, "repo_url": repo,
                      "commit_url": commits + commit if commits and commit else None}
        for field in JSONS:
            if isinstance(columns[field], Junk):
                self.unknown[field + "_parse_error"] = Anything

    def __getitem__(self, field):
        return self.shown[field]

    def fits(self, seen):
        known = {field: seen.get(field) for field, of in self.unknown.items()
                 if of.holds(seen.get(field))}
        return len(known) == len(self.unknown) and {**self.shown, **known} == seen

    def learn(self, seen):
        """Is this run what was seen?"""
        if not self.unknown:
            return self.shown == seen
        fits = self.fits(seen)
        if fits:
            self.columns.update((field, seen[field]) for field in self.unknown if field in COLUMNS)
            self.shown.update((field, seen[field]) for field in self.unknown)
            self.unknown = {}
        return fits

    def difference(self, seen):
        expected = {**self.shown, **self.unknown}
        return {field: (seen.get(field, "nothing"), "instead of", expected.get(field, "nothing"))
                for field in expected.keys() | seen.keys()
                if field not in expected or field not in seen
                or not (expected[field].holds(seen[field]) if field in self.unknown
                        else expected[field] == seen[field])}


class Draft:
    """What a request makes of the rows, when it is carried out."""

    def __init__(self, model):
        self.model = model
        self.moment = Moment()
        self.changes = {}  # rows by event_id; None: gone
        self.rows = collections.ChainMap(self.changes, model.rows)

    def put(self, given, order=None, times=("created_at", "updated_at")):
        """A new row with these columns; the service says `times` when they are not given."""
        columns = {**dict.fromkeys(COLUMNS), **dict.fromkeys(COUNTS, 0), "status": "running",
                   "api_posted": False, **given}
        unknown = {field: self.moment for field in times if field not in given}
        if columns["schema_version"] is None and times:
            unknown["schema_version"] = Anything
        if columns["id"] is None:
            unknown["id"] = Anything
        self.rows[given["event_id"]] = Row(
            columns, next(self.model.orders) if order is None else order, unknown)

    def change(self, row, given, by_service=True):
        """Other values for some columns."""
        unknown = {field: of for field, of in row.unknown.items()
                   if field in COLUMNS and field not in given}
        if by_service:
            unknown["updated_at"] = self.moment
        new = Row({**row.columns, **given}, row.order, unknown)
        if new["event_id"] != row["event_id"]:
            self.rows[row["event_id"]] = None
        self.rows[new["event_id"]] = new

    def create(self, body):
        given = read_fields(body, CREATABLE)
        row = self.rows.get(body["event_id"])
        if not row:
            self.put(given)
            return "created"
        if row["status"] != "running" or given.get("status", "running") == "running":
            return "duplicate"
        self.change(row, {field: given[field] for field in CHANGEABLE if field in given})
        return "updated"

    def update(self, event_id, body, merges=False):
        row = self.rows.get(event_id)
        given = read_fields(body, CHANGEABLE)
        if not row:
            return "not_found"
        for field in JSONS if merges else ():
            if field in given:
                given[field] = merged(row.columns[field], given[field])
        self.change(row, given)
        return "updated"

    def late_update(self, body):
        row = self.rows.get(body["event_id"])
        given = read_fields(body, CHANGEABLE)
        if not row:
            return "not_found"
        if row["status"] != "running":
            given = {field: value for field, value in given.items()
                     if row.columns[field] is None
                     or field in COUNTS + ("api_posted",) and not row.columns[field]}
        if given:
            self.change(row, given)
        return "updated"

    def commit(self, event_ids, body):
        names = dict(zip(("commit_hash", "commit_source", "commit_author", "commit_timestamp"),
                         COMMIT))
        given = {field: body.get(name) for name, field in names.items()}
        for event_id in event_ids:
            self.change(self.rows[event_id], given)


class Model:
    def __init__(self):
        self.rows = {}
        self.orders = itertools.count()

    def apply(self, draft):
        for event_id, row in draft.changes.items():
            if row:
                self.rows[event_id] = row
            else:
                self.rows.pop(event_id, None)

    # ---- Reads -----------------------------------------------------------------------------------

    def find(self, parameters):
        """The rows that meet all conditions, newest first."""
        statuses = [value for name, value in parameters if name == "status"]
        conditions = [condition(name, value) for name, value in parameters if name != "status"]
        if statuses:
            conditions.append(condition("status", ",".join(statuses)))
        found = self.rows.values()
        for holds in conditions:
            found = [row for row in found if holds(row)]
        return sorted(found, key=place, reverse=True)

    def values(self, field):
        return sorted({row[field] for row in self.rows.values()} - {None})

    def counts(self):
        rows = self.rows.values()
        statuses = collections.Counter(row["status"] for row in rows)
        return {
            "total_runs": len(rows),
            "agents": dict(collections.Counter(row["agent_name"] for row in rows)),
            "statuses": {status: statuses[status] for status in STATUSES},
            "pending_exports": sum(row["api_posted"] is False and row["status"] != "running"
                                   for row in rows),
        }

    def recent(self, since):
        return sum(row["created_at"] >= since for row in self.rows.values())

    def tree(self, event_id, limit=5000, depth=1000):
        """The answer to a request for a tree, with rows in the place of runs."""
        below = Families(self.rows.values())
        root = {"run": self.rows[event_id], "children": []}
        seen = {event_id}
        level = [root]
        truncated = False
        for number in itertools.count():
            parents, level = level, []
            for node, child in ((node, child) for node in parents
                                for child in below.children(node["run"])):
                if child["event_id"] in seen:
                    continue
                if number == depth or len(seen) == limit:
                    truncated = True
                    break
                seen.add(child["event_id"])
                level.append({"run": child, "children": []})
                node["children"].append(level[-1])
            if truncated or not level:
                break
        return {**root, "total": len(seen), "truncated": truncated}, seen


class Families:
    """Who is below whom: a child names its parent by run_id or event_id, and of several runs of one
    run_id, its parent is the one with the nearest start before its own."""

    def __init__(self, rows):
        self.named = collections.defaultdict(list)  # by the name of the parent
        self.namesakes = collections.defaultdict(list)
        for row in sorted(rows, key=lambda row: (row["start_time"], row.order)):
            self.named[row["parent_run_id"]].append(row)
            self.namesakes[row["run_id"]].append(row)

    def parent(self, child):
        namesakes = self.namesakes[child["parent_run_id"]]
        before = [row for row in namesakes
                  if row["start_time"] <= child["start_time"] and row is not child]
        return before[-1] if before else next(iter(namesakes), None)

    def children(self, row):
        found = [child for child in self.named[row["run_id"]]
                 if child is not row and self.parent(child) is row]
        if row["event_id"] != row["run_id"]:
            found += [child for child in self.named[row["event_id"]] if child is not row]
        return sorted(found, key=lambda child: (child["start_time"], child.order))


def place(row):
    return row["created_at"], row.order


# ---- Filters -------------------------------------------------------------------------------------

BOUNDS = {
    "created_before": ("created_at", lambda run, bound: run < bound),
    "created_after": ("created_at", lambda run, bound: run > bound),
    "start_time_from": ("start_time", lambda run, bound: run >= bound),
    "start_time_to": ("start_time", lambda run, bound: run <= bound),
    "end_time_from": ("end_time", lambda run, bound: run >= bound),
    "end_time_to": ("end_time", lambda run, bound: run <= bound),
}
FILTERS = EQUAL + tuple(BOUNDS) + ("status", "agent_prefix", "git_commit_hash", "roots")


def condition(name, value):
    """What a parameter of the list asks of a row."""
    if name in EQUAL:
        return lambda row: row[name] == value
    if name in BOUNDS:
        field, holds = BOUNDS[name]
        bound = read_time(value)
        return lambda row: row[field] is not None and holds(row[field], bound)
    if name == "status":
        wanted = {read_status(word) for word in value.split(",")}
        return lambda row: row["status"] in wanted
    if name == "agent_prefix":
        return lambda row: row["agent_name"].startswith(value)
    if name == "git_commit_hash" and len(value) >= 7:
        return lambda row: (row[name] or "").startswith(value)
    if name == "git_commit_hash":
        return lambda row: row[name] == value
    assert name == "roots", name
    return lambda row: value != "true" or row["parent_run_id"] in (None, "", "unknown")
