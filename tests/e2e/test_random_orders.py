# SPDX-License-Identifier: MIT
"""Random orders of what hosts do and of what befalls them: two programs record runs; the service is up,
stopped or hung; hosts, the service and `telemetry sync` are killed, between calls and in the middle of
one; the power is cut, and takes what was not synced. In the end the service is up and all is
delivered: then the database has what was acknowledged, once, as it was acknowledged.

What fails is made short before it is shown. Short by default; TELEMETRY_LOAD_SECONDS=60 goes on for so
long, TELEMETRY_TORTURE_SEED=1 begins with that seed (`make torture`).
"""
import contextlib
import http.client
import itertools
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

import harness
import native
import synced_disk

SECONDS = float(os.environ.get("TELEMETRY_LOAD_SECONDS", "0"))
SEED = int(os.environ.get("TELEMETRY_TORTURE_SEED") or random.randrange(2**32))
ORDERS = 8  # in the short form
HOSTS = 2
BUDGET_MS = 50  # of a call to a hung service
SHORTENING_SECONDS = 120
OTHER_BOOT = "00000000-0000-0000-0000-000000000000"
COMMIT = "abcdef0123456789"


# ---- What is done --------------------------------------------------------------------------------

def make_actions(rng):
    """A random order of actions: a host's [host, what, ...], or [whose, ...]; ["kill", victim, pause,
    action] kills in the middle of an action."""
    names = (f"run {number}" for number in itertools.count())
    active = []
    actions = [["service", "up"]] if rng.random() < 0.5 else []

    def of_host():
        kind, = rng.choices(("start", "event", "set", "commit", "end", "flush", "close"),
                            (10, 3, 3, 2, 10, 2, 1))
        host = rng.randrange(HOSTS)
        if kind in ("flush", "close"):
            return [host, kind]
        if kind == "start" or not active:
            active.append((host, next(names)))
            return [host, "start", active[-1][1]]
        host, name = active.pop(rng.randrange(len(active))) if kind == "end" else rng.choice(active)
        more = {"commit": [COMMIT], "event": [f"event {rng.randrange(10**9)}"], "set": [rng.randrange(1, 99)],
                "end": [rng.randrange(1, 99)]}
        return [host, kind, name, *more.get(kind, [])]

    for _ in range(rng.randrange(5, 25)):
        action = rng.choices((of_host, lambda: ["post", next(names)], lambda: ["sync"]),
                             (12, 3, 2))[0]()
        if rng.random() < 0.2:
            victim = rng.choice(("service", "power", "power", "sync" if action == ["sync"] else "host"))
            action = ["kill", victim, rng.choice((0, 0.0005, 0.002, 0.01)), action]
        actions.append(action)
        if rng.random() < 0.3:
            actions.append(["service", rng.choice(("up", "up", "up", "killed", "stopped", "hung"))])
        if rng.random() < 0.1:
            actions.append([rng.choice(("write back", "power"))])
    return actions


class Process:
    """A host: a program that records."""

    def __init__(self, world):
        self.active = set()
        self.process = subprocess.Popen(
            [sys.executable, pathlib.Path(__file__).with_name("recording_host.py"), native.path()],
            env=world.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def tell(self, *words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()

    def answer(self):
        """None: it was killed before it answered."""
        line = self.process.stdout.readline()
        return int(line) if line.endswith("\n") else None

    def end(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait(harness.PATIENCE_SECONDS)
        self.process.stdout.close()


class Run:
    """What is known of a run; None: it was not asked for, False: in doubt, True: acknowledged."""

    def __init__(self, is_posted=False):
        self.is_posted = is_posted
        self.started = False
        self.ended = None
        self.committed = None
        self.values = {"status": "running", "items_failed": 0, "items_succeeded": 0,
                       "metrics_json": None}
        self.last_values = dict(self.values)


class World:
    """The machine: files, a service, hosts; and what was acknowledged."""

    def __init__(self, base, background):
        base.mkdir()
        self.base = base
        self.disk = synced_disk.Disk(base)
        self.socket = base.with_name(base.name + ".sock")
        self.background = background
        self.service = None
        self.state = "stopped"
        self.hosts = [None] * HOSTS
        self.runs = {}
        self.events = {}
        self.random = random.Random(0)

    def settings(self):
        return {"TELEMETRY_API_URL": f"unix:{self.socket}", "TELEMETRY_API_SOCKET": self.socket,
                "TELEMETRY_SYNC_INTERVAL_SECONDS": 1, "TELEMETRY_CALL_BUDGET_MS": BUDGET_MS,
                "TELEMETRY_BACKGROUND": self.background, **self.disk.settings()}

    def environment(self):
        return harness.environment(self.base, **self.settings())

    def close(self):
        self.kill_service()
        for host in filter(None, self.hosts):
            host.process.kill()
            host.end()

    # ---- The service -----------------------------------------------------------------------------

    def bring(self, state):
        if state == "killed":
            self.kill_service()
            return
        if not self.service:
            self.service = harness.Service(self.base, **self.settings())
        if state == "hung" and self.state != "hung":
            with self.disk.quiet():
                self.service.process.send_signal(signal.SIGSTOP)
                os.waitid(os.P_PID, self.service.pid, os.WSTOPPED | os.WNOWAIT)
        if state != "hung":
            self.service.process.send_signal(signal.SIGCONT)
        if state == "stopped":
            assert self.service.stop() == 0
            self.service = None
        self.state = state

    def kill_service(self):
        if self.service:
            self.service.kill()
            self.service = None
        self.state = "killed"

    # ---- Actions ---------------------------------------------------------------------------------

    def perform(self, action):
        kind, *rest = action
        if kind == "service":
            self.bring(*rest)
        elif kind == "write back":
            self.disk.write_back()
        elif kind == "power":
            self.kill("power", 0, None)
        elif kind == "kill":
            self.kill(*rest)
        else:
            finish, _ = self.begin(action)
            finish()

    def kill(self, victim, pause, action):
        finish, process = self.begin(action)
        time.sleep(pause)
        if victim in ("service", "power"):
            self.kill_service()
        if victim in ("host", "sync") and process:
            process.kill()
        if victim == "power":
            for other in [process, *(host.process for host in self.hosts if host)]:
                if other:
                    other.kill()
        finish()
        for number, host in enumerate(self.hosts):
            if host and (victim == "power" or victim == "host" and host.process is process):
                host.end()
                self.hosts[number] = None
        if victim == "power":
            self.disk.cut(self.random)
            self.forget_boot()

    def forget_boot(self):
        state = self.base / "db" / "telemetry.sqlite.trail"
        words = state.read_text(encoding="ascii").split() if state.exists() else []
        if len(words) == 3:
            state.write_text(f"{words[0]} {words[1]} {OTHER_BOOT}\n", encoding="ascii")

    def begin(self, action):
        """Ask for something; return how to wait for its end, and the process that does it."""
        if not action or action == ["sync"] and self.state == "hung" or (
                action[0] == "post" and self.state != "up"):
            return lambda: None, None
        if action == ["sync"]:
            return self.begin_sync()
        return self.begin_post(action[1]) if action[0] == "post" else self.begin_call(*action)

    def begin_sync(self):
        process = subprocess.Popen([harness.program("telemetry"), "sync"], env=self.environment(),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return lambda: process.wait(harness.PATIENCE_SECONDS), process

    def begin_post(self, name):
        run = self.runs[name] = Run(is_posted=True)
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port,
                                                timeout=harness.PATIENCE_SECONDS)
        connection.request("POST", "/api/v1/runs", json.dumps(harness.a_run(job_type=name)))

        def finish():
            try:
                answer = connection.getresponse()
                answer.read()
                run.started = answer.status == 201
            except (OSError, http.client.HTTPException):
                pass
            connection.close()
        return finish, None

    def begin_call(self, number, call, name=None, *values):
        host = self.hosts[number] = self.hosts[number] or Process(self)
        if name and call != "start" and name not in host.active:
            return lambda: None, host.process
        note = self.note(host, call, name, *values)
        host.tell(call, *([name, *values] if name else [BUDGET_MS] if call == "flush" else []))

        def finish():
            error = host.answer()
            assert error in (0, None), (call, name, error)
            if error == 0:
                note()
        return finish, host.process

    def note(self, host, call, name, *values):
        """Note that something was asked for; return what notes that it was acknowledged."""
        if call == "start":
            host.active.add(name)
            run = self.runs[name] = Run()
            return lambda: setattr(run, "started", True)
        if call == "event":
            self.events[values[0]] = False
            return lambda: self.events.update({values[0]: True})
        if call == "close":
            return host.active.clear
        if call == "flush":
            return lambda: None
        run = self.runs[name]
        if call == "set":
            run.last_values.update(items_failed=values[0], metrics_json={"n": values[0]})
        elif call == "commit":
            run.committed = run.committed or False
            return lambda: setattr(run, "committed", True)
        elif call == "end":
            host.active.remove(name)
            run.ended = False
            run.last_values.update(status="partial", items_succeeded=values[0])
            return lambda: setattr(run, "ended", True)
        return lambda: None

    # ---- What must have come of it -----------------------------------------------------------------

    def end_well(self):
        """All hosts end, the service is up, and what waits is delivered: by it, and without it."""
        for host in filter(None, self.hosts):
            host.end()
        self.hosts = [None] * HOSTS
        self.bring("up")
        self.sync()
        self.bring("stopped")
        self.sync()
        self.check()

    def sync(self):
        result = subprocess.run([harness.program("telemetry"), "sync"], env=self.environment(),
                                capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr

    def check(self):
        found = {}
        for row in self.stored():
            assert row["job_type"] not in found, f"{row['job_type']} is there twice"
            found[row["job_type"]] = row
        assert found.keys() <= self.runs.keys(), found.keys() - self.runs.keys()
        for name, run in self.runs.items():
            self.check_run(name, run, found.get(name))
        self.check_events()
        left = [path.name for path in self.base.glob("buffer/*") if path.suffix in
                (".active", ".ready")]
        assert not left, left

    def stored(self):
        connection = sqlite3.connect(self.base / "db" / "telemetry.sqlite")
        connection.row_factory = sqlite3.Row
        try:
            assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            return [dict(row) for row in connection.execute("SELECT * FROM agent_runs")]
        finally:
            connection.close()

    @staticmethod
    def check_run(name, run, row):
        if not row:
            assert not run.started and not run.ended and not run.committed, f"{name} is lost"
            return
        seen = {**{field: row[field] for field in run.values},
                "metrics_json": json.loads(row["metrics_json"] or "null")}
        allowed = {True: [run.last_values], False: [run.last_values, run.values],
                   None: [run.values]}[run.ended]
        assert seen in allowed, f"{name} is {seen}, not {allowed}"
        if run.committed is not False:
            wanted = COMMIT if run.committed else None
            assert row["git_commit_hash"] == wanted, f"{name} has commit {row['git_commit_hash']}"

    def check_events(self):
        seen = []
        for path in self.base.glob("raw/*.ndjson"):
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    seen.append(json.loads(line).get("event_type"))
                except ValueError:
                    pass  # torn
        for text, acknowledged in self.events.items():
            count = seen.count(text)
            assert count <= 1 and (count or not acknowledged), f"{text} is there {count} times"


# ---- The test ------------------------------------------------------------------------------------

def shorten(actions, fails):
    """Leave out what the failure does not need."""
    until = time.monotonic() + SHORTENING_SECONDS
    size = len(actions) // 2
    while size and time.monotonic() < until:
        start = len(actions) - size
        while start >= 0:
            shorter = actions[:start] + actions[start + size:]
            if fails(shorter):
                actions = shorter
            start -= size
        size //= 2
    return actions


class RandomOrdersTest(harness.TestCase):
    def setUp(self):
        super().setUp()
        native.settings()  # skips it where there can be no such process
        self.files = pathlib.Path(tempfile.mkdtemp(prefix="telemetry-test-", dir="/dev/shm"))
        self.addCleanup(shutil.rmtree, self.files, ignore_errors=True)
        self.numbers = itertools.count()

    def failure(self, actions, background):
        """Why these actions end ill, or None."""
        world = World(self.files / str(next(self.numbers)), background)
        try:
            for action in actions:
                world.perform(action)
            world.end_well()
            return None
        except Exception as error:
            return repr(error)
        finally:
            world.close()
            for path in self.files.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def test_whatever_befalls_them_what_was_acknowledged_is_there_once(self):
        print(f"TELEMETRY_TORTURE_SEED={SEED}", flush=True)
        until = time.monotonic() + SECONDS
        for number in itertools.count():
            rng = random.Random(SEED + number)
            actions = make_actions(rng)
            background = rng.random() < 0.3
            why = self.failure(actions, background)
            if why:
                actions = shorten(actions, lambda shorter: self.failure(shorter, background))
                self.fail(f"TELEMETRY_TORTURE_SEED={SEED + number}: {why}\nbackground={background}\n"
                          + "\n".join(map(str, actions)))
            if number + 1 >= ORDERS and time.monotonic() >= until:
                break
        print(f"{number + 1} orders")


if __name__ == "__main__":
    harness.main()
