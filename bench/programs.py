# SPDX-License-Identifier: MIT
"""The programs that the bench runs: the service, its rivals, and what puts load on them."""
import http.client
import json
import os
import pathlib
import random
import re
import signal
import sqlite3
import statistics
import subprocess
import time

import world

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE_SECONDS = 300  # nothing waits longer than this, save filling a large database
TICKS = os.sysconf("SC_CLK_TCK")


def run_json(*arguments, timeout=PATIENCE_SECONDS, **options):
    """Run a program to its end and read the JSON that it prints last."""
    done = subprocess.run([str(argument) for argument in arguments], stdout=subprocess.PIPE,
                          timeout=timeout, check=True, text=True, **options)
    return json.loads(done.stdout.strip().splitlines()[-1])


def medians(rounds):
    """Of several results of one measure, the median of each figure."""
    return {name: statistics.median(result[name] for result in rounds) for name in rounds[0]}


class Process:
    """A server of the bench's own, ended with the `with` block."""

    def __init__(self, arguments, **options):
        self.process = subprocess.Popen([str(argument) for argument in arguments],
                                        stdin=subprocess.PIPE, text=True, **options)
        self.port = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                stream.close()

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2]
        return sum(int(ticks) for ticks in fields.split()[11:13]) / TICKS

    def memory_kib(self, name):
        """VmRSS, VmHWM (its peak) or RssAnon."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{name}:\s+(\d+)", status, re.MULTILINE).group(1))

    def request(self, method, path, body=None):
        """Send one request; the answer's status, headers and text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()


class Service(Process):
    """telemetryd on a base directory; `under` is a command that runs it."""

    def __init__(self, build, base, under=(), **settings):
        port = world.refusing_port()
        environment = world.environment(base, TELEMETRY_API_PORT=str(port), **settings)
        self.database = base / "db" / "telemetry.sqlite"
        began = time.monotonic()
        super().__init__([*under, build / "bin" / "telemetryd"], env=environment,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.port = port
        self._wait_for_answer(began)
        self.start_ms = (time.monotonic() - began) * 1000

    def _wait_for_answer(self, began):
        while time.monotonic() - began < PATIENCE_SECONDS and self.process.poll() is None:
            try:
                if self.request("GET", "/health")[0] == 200:
                    return
            except OSError:
                time.sleep(0.001)
        self.stop()
        raise RuntimeError(f"telemetryd does not answer; was it started on {self.database}?")

    def metrics(self):
        return json.loads(self.request("GET", "/metrics")[2])

    def some_event_ids(self, count):
        """The event_ids of runs that are drawn at random."""
        database = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)
        last = database.execute("SELECT max(id) FROM agent_runs").fetchone()[0]
        draw = [(random.randint(1, last),) for _ in range(count)]
        found = [database.execute("SELECT event_id FROM agent_runs WHERE id = ?", one).fetchone()
                 for one in draw]
        database.close()
        return [row[0] for row in found if row]


class Rival(Process):
    """A server that prints its port first."""

    def __init__(self, *arguments):
        super().__init__(arguments, stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())


def wrk_command(port, connections, seconds, kind, argument="-", pause_ms=0):
    return ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "60s",
            "-s", str(HERE / "load.lua"), f"http://127.0.0.1:{port}", "--", kind, str(argument),
            str(random.randint(1, 2**31)), str(pause_ms)]


def wrk(port, *arguments, **options):
    """Put load on a server; see load.lua. Adds the rate to what it prints."""
    return with_rate(run_json(*wrk_command(port, *arguments, **options)))


def with_rate(result):
    result["rate"] = result["requests"] / result["seconds"]
    return result


class Load:
    """The same beside what the `with` block does; `result` is there afterwards."""

    def __init__(self, port, *arguments, **options):
        self.command = wrk_command(port, *arguments, **options)
        self.process = None
        self.result = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        time.sleep(0.2)  # until its connections are there
        return self

    def __exit__(self, *_):
        output, _ = self.process.communicate(timeout=PATIENCE_SECONDS)
        self.result = with_rate(json.loads(output.strip().splitlines()[-1]))
