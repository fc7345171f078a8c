# SPDX-License-Identifier: MIT
"""The power goes at any moment of clients that write the database themselves, or find no service and
keep what they record in the buffer until it is delivered: nothing that a call took is lost.
"""
import collections
import contextlib
import ctypes
import functools
import itertools
import json
import os
import sys
import threading

import harness
import native
import trail
from power import case, replay

STATES = 3000
STATES_WITHOUT = 100  # one of the syncs
LOOKED_AT_BY_THE_COMMAND = 12
THREADS = 2
RUNS = int(4 * case.LENGTH)  # of each thread
COMMIT = "0123456789abcdef0123456789abcdef01234567"
ORPHAN = "of no run yet"
BAD = "no record"
DAMAGED = b"no database"
QUERY = "SELECT run_id, event_id, status, git_commit_hash FROM agent_runs"
# What a call did: the status or type of its line in the audit trail, and the field that it changed.
LINES = {"started": "running", "logged": "checkpoint", "committed": "associate_commit",
         "ended": "success"}
FIELDS = {"committed": "git_commit_hash", "ended": "end_time"}


# ---- What records, in a process of its own -------------------------------------------------------

def tell(*words):
    os.write(sys.stdout.fileno(), (" ".join(words) + "\n").encode())


def record(client, library, runs, how):
    """Record some runs, and say after each call that it took something."""
    for _ in range(runs):
        run_id = ctypes.create_string_buffer(256)
        assert library.tel_client_start_run(client, run_id, b"agent", b"test", None) == 0
        name = run_id.value.decode()
        tell("started", name)
        if "no trail" not in how:
            assert library.tel_client_log_event(client, run_id, b"checkpoint", None) == 0
            tell("logged", name)
        if "flush" in how:  # which makes the buffer's file ready
            library.tel_client_flush(client, ctypes.c_int64(0), None)
        assert library.tel_client_associate_commit(client, run_id, COMMIT.encode(), b"ci", None,
                                                   None) == 0
        tell("committed", name)
        assert library.tel_client_end_run(client, run_id, b"success", None) == 0
        tell("ended", name)


def record_in_threads(runs, *how):
    library = native.load()
    client = ctypes.c_void_p()
    assert library.tel_client_new(ctypes.byref(client), None) == 0
    threads = [threading.Thread(target=record, args=(client, library, int(runs), how))
               for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    library.tel_client_free(client)


# ---- What must become of it ----------------------------------------------------------------------

def tells(call):
    """For Replay: what record() said, as words."""
    if call.name == "write" and call.path and call.path.startswith("pipe:"):
        words = tuple(call.data.decode().split())
        if words and words[0] in LINES:
            return words
    return None


def says_rebuilt(call):
    """For Replay: that a rebuild said it is done."""
    return call.name == "write" and call.path and call.path.startswith("pipe:") and \
        b" lines of " in call.data or None


@functools.lru_cache(maxsize=1000)
def json_lines(content):
    """The objects of a file of JSON lines; what is torn is left out."""
    found = []
    for line in content.split(b"\n"):
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return [value for value in found if isinstance(value, dict)]


class PowerTest(case.PowerTestCase):
    def setUp(self):
        super().setUp()
        self.another = self.directory()
        self.checked = itertools.count(1)

    def record(self, *how, **settings):
        settings.setdefault("TELEMETRY_CALL_BUDGET_MS", 60000)
        self.run_traced(sys.executable, __file__, "record", str(RUNS), *how, **settings,
                        **native.settings())

    def assert_kept(self, check, calls_told, wanted=STATES):
        replayed = self.assert_survives(tells, check, wanted)
        self.assertEqual(len(replayed.told), calls_told * RUNS * THREADS)

    # ---- The audit trail and the database ----

    @staticmethod
    def check_trail(state):
        """Every line that a call had written is in the audit trail, once."""
        lines = collections.Counter(
            (line.get("event_type") or line["status"], line["run_id"])
            for path, content in state.files.items() if path.startswith("raw/")
            for line in json_lines(content))
        for what, run_id in state.told:
            if lines[LINES[what], run_id] != 1:
                raise replay.Problem(f"lost: {run_id} had {what}, which is not in the trail")

    @staticmethod
    def check_rows(rows, told):
        """Every run is in the database once, with all that a call had taken."""
        if len({row[1] for row in rows}) < len(rows):
            raise replay.Problem("a run is stored twice")
        runs = {row[0]: row for row in rows}
        for what, run_id in told:
            _, _, status, commit = runs.get(run_id, (None,) * 4)
            if not status or what == "ended" and status != "success" or \
                    what == "committed" and commit != COMMIT:
                raise replay.Problem(f"lost: {run_id} had {what}, which is not in the database")

    def look_closely(self, state):
        """Now and then: have the command bring in what the database lacks, and record one more run."""
        if next(self.checked) % (STATES // LOOKED_AT_BY_THE_COMMAND):
            return []
        self.fill(self.another, state.files)
        for arguments in (["sync"], ["run", "--", "true"], ["sync"]):  # also what was carried on
            result = self.telemetry(*arguments, settings={"TELEMETRY_BASE_DIR": self.another})
            self.assertEqual(result.returncode, 0, result.stderr)
        rows = case.look(self.another / "db/telemetry.sqlite", QUERY)
        self.check_rows(rows, state.told)
        return rows

    def check_embedded(self, state):
        self.check_trail(state)
        self.check_rows(self.rows(state, QUERY), state.told)
        self.look_closely(state)

    def test_whatever_a_power_cut_leaves_has_what_an_embedded_client_recorded(self):
        self.record(TELEMETRY_MODE="embedded")
        self.assert_kept(self.check_embedded, calls_told=4)

    # ---- The buffer ----

    @staticmethod
    def buffered(state, *suffixes):
        """The lines of the buffer's files in some states."""
        return [line for path, content in state.files.items()
                if path.startswith("buffer/") and path.endswith(suffixes)
                for line in json_lines(content)]

    def leave_in_the_buffer(self):
        """What another client left, which is in no audit trail: runs, an update of none of them, and
        what is no record."""
        self.others = [harness.a_run() for _ in range(3)]
        update = {"record_type": "update", "event_id": ORPHAN, "items_failed": 3,
                  "buffered_at": trail.now()}
        lines = [*map(json.dumps, [self.others[0], update, *self.others[1:]]), BAD]
        path = self.base / "buffer" / "telemetry_20251210_120000-tel-1-abcdef01.jsonl.ready"
        path.parent.mkdir(mode=0o700)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        path.chmod(0o600)

    def check_others(self, rows, state):
        """What the other client left is delivered or still waits, or was set aside."""
        stored = {row[1] for row in rows}
        waiting = {line["event_id"] for line in self.buffered(state, ".ready", ".active")}
        for run in self.others:
            if run["event_id"] not in stored | waiting:
                raise replay.Problem("lost: a run of another client")
        if ORPHAN not in waiting:
            raise replay.Problem("lost: an update that waits for its run")
        if not any(BAD.encode() in content for path, content in state.files.items()
                   if path.endswith((".ready", ".rejected"))):
            raise replay.Problem("lost: a line that is no record")
        for line in self.buffered(state, ".synced"):
            if line["event_id"] not in stored | waiting:
                raise replay.Problem(f"lost: {line}, which counts as delivered")

    def check_commits(self, rows, state):
        """A commit is in the database or the buffer: the trail's word counts only for a run without."""
        there = {row[0] for row in rows if row[3] == COMMIT}
        event_ids = {line["event_id"] for line in self.buffered(state, ".ready", ".active")
                     if "git_commit_hash" in line}
        for path, content in state.files.items():
            if path.startswith("raw/"):
                there |= {line["run_id"] for line in json_lines(content)
                          if line.get("event_id") in event_ids}
        for what, run_id in state.told:
            if what == "committed" and run_id not in there:
                raise replay.Problem(f"lost: the commit of {run_id}")

    def check_buffered(self, state):
        self.check_trail(state)
        rows = self.rows(state, QUERY)
        self.check_others(rows, state)
        self.check_commits(rows, state)
        rows = self.look_closely(state)
        if rows and not {run["event_id"] for run in self.others} <= {row[1] for row in rows}:
            raise replay.Problem("lost: a run of another client, by sync")

    def test_whatever_a_power_cut_leaves_has_what_was_buffered_and_delivered(self):
        self.leave_in_the_buffer()
        for _ in range(2):
            self.record("flush")
            self.run_traced(harness.program("telemetry"), "sync")
        self.assert_kept(self.check_buffered, calls_told=2 * 4)

    def test_without_any_one_of_its_syncs_something_buffered_would_be_lost(self):
        self.leave_in_the_buffer()
        self.record()
        self.run_traced(harness.program("telemetry"), "sync")
        for of in (".ndjson", "/raw", f"/{self.base.name}", ".active", ".rejected", "/buffer"):
            with self.subTest(of=of):
                replayed = self.cut_power(
                    tells, self.check_buffered, STATES_WITHOUT,
                    lambda call: not (call.name == "fsync" and call.path.endswith(of)))
                self.assertTrue(replayed.failures)

    def check_without_a_trail(self, state):
        waiting = self.buffered(state, ".ready", ".active")
        started = {line["run_id"]: line["event_id"] for line in waiting
                   if line["record_type"] == "run"}
        updates = {(line["event_id"], key) for line in waiting for key in line}
        for what, run_id in state.told:
            event_id = started.get(run_id)
            if not event_id or (event_id, FIELDS.get(what, "event_id")) not in updates:
                raise replay.Problem(f"lost: {run_id} had {what}, which is not in the buffer")

    def test_whatever_a_power_cut_leaves_has_what_was_buffered_without_an_audit_trail(self):
        (self.base / "raw").write_bytes(b"no directory")
        self.record("flush", "no trail")
        self.assert_kept(self.check_without_a_trail, calls_told=3, wanted=STATES // 10)

    # ---- A lost database ----

    def rebuild(self):
        """Have a damaged database made anew."""
        for _ in range(RUNS):
            result = self.telemetry("run", "--", "true", settings={"TELEMETRY_MODE": "embedded"})
            self.assertEqual(result.returncode, 0, result.stderr)
        database = self.base / "db" / "telemetry.sqlite"
        self.runs = case.look(database, QUERY)
        self.assertEqual(len(self.runs), RUNS)
        database.write_bytes(DAMAGED)
        database.with_name("telemetry.sqlite-journal").write_bytes(DAMAGED)
        self.run_traced(harness.program("telemetry"), "rebuild", "--force")

    def check_rebuilt(self, state):
        """The old file is there until the new one is, and that has all runs."""
        if state.files.get("db/telemetry.sqlite") == DAMAGED and not state.told:
            return
        if sorted(self.rows(state, QUERY)) != sorted(self.runs):
            raise replay.Problem("lost: runs, or the database")

    def test_whatever_a_power_cut_leaves_of_a_rebuild_is_the_old_or_the_whole_new_database(self):
        self.rebuild()
        self.assert_survives(says_rebuilt, self.check_rebuilt, STATES // 10)

    def test_without_its_sync_a_rebuild_that_is_done_would_be_lost(self):
        self.rebuild()
        replayed = self.cut_power(
            says_rebuilt, self.check_rebuilt, STATES_WITHOUT,
            lambda call: not (call.name == "fsync" and call.path.endswith("/db")))
        self.assertTrue(replayed.failures)


if __name__ == "__main__":
    if sys.argv[1:2] == ["record"]:
        record_in_threads(*sys.argv[2:])
    else:
        case.main()
