# SPDX-License-Identifier: MIT
"""What recording costs the thread that calls: bench_client, in rounds beside a bare append and fsync."""
import collections
import contextlib
import subprocess

import world
from figures import Series, duration, size, table, verdict
from programs import Service

BUDGET_NS = 250e6
SLACK_NS = 20e6
POSTING_NS = 0.1e6  # what leaving a run to the background may cost beyond an event
ENTRY_NS = 0.2e6  # what a call may cost beyond the audit trail once the breaker is open


class Client:
    """Runs bench_client in a base directory and collects its samples by name."""

    def __init__(self, build, base):
        self._program = build / "bench" / "bench_client"
        self._base = base
        self.series = collections.defaultdict(Series)

    def measure(self, measure, count, argument=None, prefix="", **settings):
        command = [str(self._program), measure, str(count)] + ([argument] if argument else [])
        output = subprocess.run(command, env=world.environment(self._base, **settings), check=True,
                                stdout=subprocess.PIPE, text=True, timeout=600).stdout
        samples = collections.defaultdict(list)
        for line in output.splitlines():
            name, value = line.split()
            samples[prefix + name].append(int(value))
        for name, values in samples.items():
            self.series[name].add(values)


def run_rounds(build, rounds, count):
    """Every measure once a round, so that a slow minute of the machine slows them all."""
    with contextlib.ExitStack() as stack:
        base = stack.enter_context(world.base_directory())
        client = Client(build, base)
        up = stack.enter_context(Service(build, base)).port
        silent = stack.enter_context(world.silent_service())
        refused = world.refusing_port()
        away = {"refused": refused, "silent": silent}
        for _ in range(rounds):
            client.measure("log_event", count, str(base / "bare"), TELEMETRY_API_URL=url(refused))
            client.measure("buffer_append", 10 * count)
            client.measure("start_and_end", count, str(up), prefix="up ",
                           TELEMETRY_API_URL=url(up))
            for name, port in away.items():
                client.measure("start_and_end", count, prefix=name + " ",
                               TELEMETRY_API_URL=url(port))
            for name, port in {"up": up, "silent": silent}.items():
                client.measure("start_and_end", count, prefix=f"background {name} ",
                               TELEMETRY_API_URL=url(port), TELEMETRY_BACKGROUND="true")
            client.measure("idle_client", 1, TELEMETRY_API_URL=url(refused))
        return client.series


def url(port):
    return f"http://127.0.0.1:{port}"


def measure_growth(build, runs):
    """In memory (/dev/shm): the disk would take an hour for a million runs."""
    with world.base_directory("/dev/shm") as base:
        client = Client(build, base)
        client.measure("growth", runs, TELEMETRY_TEST_MODE="mock")
        return client.series["growth"].worst


def call_rows(series):
    bare, trail = series["append_and_sync"], series["log_event"]
    socket = series["up post_by_socket"]
    yield "append and fsync, bare (600 bytes)", bare, "", ""
    yield ("log_event", trail, "p50 ≤ 1.2 × bare",
           verdict(trail.p50 <= 1.2 * bare.p50))
    buffer = series["buffer_append"]
    yield "buffer append", buffer, "p99 < 100 µs", verdict(buffer.p99 < 100e3)
    yield "POST through a bare socket", socket, "", ""
    for name in ("start_run", "end_run"):
        up = series["up " + name]
        aim = 1.25 * socket.p50 + trail.p50
        yield (f"{name}, service up", up, "p50 ≤ 1.25 × socket + log_event",
               verdict(up.p50 <= aim))
    for state in ("refused", "silent"):
        for name in ("start_run", "end_run"):
            away = series[f"{state} {name}"]
            reached = away.p99 <= trail.p99 + ENTRY_NS and away.worst <= BUDGET_NS + SLACK_NS
            yield (f"{name}, service {state}", away,
                   "p99 ≤ log_event + 0.2 ms, none over 270 ms", verdict(reached))
    for state in ("up", "silent"):
        for name in ("start_run", "end_run"):
            posted = series[f"background {state} {name}"]
            yield (f"{name}, in the background, service {state}", posted,
                   "p50 ≤ log_event + 0.1 ms", verdict(posted.p50 <= trail.p50 + POSTING_NS))


def report(build, rounds, count, runs):
    series = run_rounds(build, rounds, count)
    bare = series["append_and_sync"]
    rows = [(what, duration(s.p50), duration(s.p99), duration(s.worst), f"{s.p50 / bare.p50:.2f}",
             aim, reached) for what, s, aim, reached in call_rows(series)]
    growth = measure_growth(build, runs)
    first, second = (series[name].p50 for name in ("first_client", "second_client"))
    memory = [
        ("a client, libraries set up before", size(second), "< 256 KiB",
         verdict(second < 256 * 1024)),
        ("the first client of a process, its libraries' set-up included", size(first), "", ""),
        (f"growth over {runs * 9 // 10:,} runs", size(growth), "none", verdict(growth < 256 * 1024)),
    ]
    return ("## The library, on the caller's thread\n\n"
            f"{rounds} alternating rounds of {count} calls; medians of the rounds' figures, and the "
            "worst of all calls.\n\n"
            + table(("call", "p50", "p99", "worst", "p50 / bare", "aim", ""), rows)
            + "\n" + table(("memory that no file backs", "", "aim", ""), memory))
