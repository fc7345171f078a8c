# SPDX-License-Identifier: MIT
"""Writes: the service beside raw SQLite, the Python service and its own WAL mode."""
import contextlib
import pathlib
import tempfile

from programs import Load, Rival, Service, HERE, medians, run_json, wrk
from report import number
from world import drop_from_memory

PYTHON_TIMES = {16: 7, 64: 13, 256: 16}
EVENT_IDS = 5000


def _batch_reached(service, work):
    """Do `work`; its result, and how many writes each transaction of the service had on average."""
    before = service.metrics()
    result = work()
    after = service.metrics()
    writes = sum(after["writes"].values()) - sum(before["writes"].values())
    commits = after["commits"]["count"] - before["commits"]["count"]
    return result, max(1, round(writes / max(1, commits)))


def raw_sqlite(bench, service, rows, seconds):
    """Rows a second of SQLite itself, in the service's own file while that has nothing to do."""
    result = run_json(bench.program("raw_sqlite"), service.database, rows, seconds)
    result.update(result.pop("transaction"))
    result["rate"] = result["count"] * rows / result["seconds"]
    return result


def _one_round(bench, servers, connections):
    """The same load on each, one after the other."""
    seconds, service = bench.size.seconds, servers["service"]
    cpu = service.cpu_seconds()
    ours, batch = _batch_reached(service, lambda: wrk(service.port, connections, seconds, "post"))
    ours["batch"] = batch
    ours["cpu"] = (service.cpu_seconds() - cpu) * 1000 / max(1, ours["requests"])
    results = {"service": ours,
               "raw SQLite": raw_sqlite(bench, service, batch, seconds / 2)}
    for name in ("Python", "WAL"):
        if name in servers:
            results[name] = wrk(servers[name].port, connections, seconds, "post")
    return results


@contextlib.contextmanager
def _all_servers(bench, base):
    """The service and, where all begin with a new database, its rivals."""
    with contextlib.ExitStack() as stack:
        if bench.size.keeps_data:
            yield {"service": stack.enter_context(Service(bench.build, base))}
            return
        ours, wal, python = (
            pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(dir=bench.work)))
            for _ in range(3))
        yield {"service": stack.enter_context(Service(bench.build, ours)),
               "Python": stack.enter_context(
                   Rival("python3", HERE / "python_service.py", python / "db")),
               "WAL": stack.enter_context(
                   Service(bench.build, wal, TELEMETRY_DB_JOURNAL_MODE="WAL"))}


def _measure_posts(bench, base):
    """{connections: {who: medians}}. Each round begins anew: who is fast stores more, and would be
    slowed by it in the next."""
    rounds = {connections: [] for connections in bench.size.connections}
    for _ in range(bench.size.rounds):
        with _all_servers(bench, base) as servers:
            for connections in bench.size.connections:
                rounds[connections].append(_one_round(bench, servers, connections))
    return {connections: {who: medians([one[who] for one in results]) for who in results[0]}
            for connections, results in rounds.items()}


def _tell_posts(bench, posts):
    report = bench.report
    one = posts[1]
    ratio = one["service"]["p50"] / one["raw SQLite"]["p50"]
    report.target("durable POST, 1 connection: p50", f"{number(one['service']['p50'])} ms, "
                  f"{number(ratio)} × raw SQLite", "≤ 1.25 × raw SQLite's one-row transaction",
                  ratio <= 1.25)
    for connections in list(posts)[1:]:
        results = posts[connections]
        rate = results["service"]["rate"]
        raw = rate / results["raw SQLite"]["rate"]
        figure, target, met = (f"{number(rate)}/s, {number(raw)} × raw SQLite at batches of "
                               f"{results['service']['batch']:.0f}"), "≥ 0.8 ×", raw >= 0.8
        if "Python" in results:
            times = rate / results["Python"]["rate"]
            figure += f", {number(times)} × Python"
            target += f", ≥ {PYTHON_TIMES[connections]} ×"
            met = met and times >= PYTHON_TIMES[connections]
        report.target(f"durable POSTs, {connections} connections", figure, target, met)
    if "Python" in posts[64]:
        part = posts[64]["service"]["p99"] / posts[64]["Python"]["p99"]
        report.target("durable POST, 64 connections: p99", f"{number(posts[64]['service']['p99'])} "
                      f"ms, 1/{number(1 / part)} of Python's", "≤ 1/7", part <= 1 / 7)
    report.target("CPU of the service for 1,000 runs, 64 connections",
                  f"{number(posts[64]['service']['cpu'])} s")
    report.table("Durable POST (ms; raw SQLite: of a transaction)",
                 ["who, connections", "runs/s", "p50", "p99", "p100", "errors", "batch"],
                 [[f"{who}, {connections}", result["rate"], result["p50"], result["p99"],
                   result["p100"], result.get("errors", 0), result.get("batch",
                                                                      result.get("rows", 1))]
                  for connections, results in posts.items() for who, result in results.items()])
    who = list(posts[1])
    report.chart("post-rate", "Durable POST by connections", "runs/s", list(posts),
                 {name: [results[name]["rate"] for results in posts.values()] for name in who})
    report.chart("post-p99", "Durable POST by connections, p99", "ms", list(posts),
                 {name: [results[name]["p99"] for results in posts.values()]
                  for name in who if name != "raw SQLite"})


def measure_posts(bench, base):
    _tell_posts(bench, _measure_posts(bench, base))


def measure_batches(bench, base):
    rows, size = [], bench.size
    with Service(bench.build, base) as service:
        for count in (100, 1000):
            rounds = []
            for _ in range(size.rounds):
                ours = wrk(service.port, 1, size.seconds, "batch", count)
                raw = raw_sqlite(bench, service, count, size.seconds)
                rounds.append({"ours": ours["rate"] * count, "raw": raw["rate"], **{
                    name: ours[name] for name in ("p50", "p99", "p100", "errors")}})
            result = medians(rounds)
            ratio = result["ours"] / result["raw"]
            bench.report.target(f"batch of {count}", f"{number(result['ours'])} runs/s, "
                                f"{number(ratio)} × raw SQLite", "≥ 0.85 ×", ratio >= 0.85)
            rows.append([f"{count}", *(result[name] for name in
                                       ("ours", "raw", "p50", "p99", "p100", "errors"))])
    bench.report.table("Batches, 1 connection (ms)", ["runs in it", "runs/s", "raw SQLite rows/s",
                                                      "p50", "p99", "p100", "errors"], rows)


def measure_updates(bench, base):
    """PATCH and associate-commit beside POST, in the same group commit."""
    rounds, size = [], bench.size
    with Service(bench.build, base) as service:
        wrk(service.port, 1, 1, "batch", 100)  # some to be updated
        ids = bench.lines("event_ids", service.some_event_ids(EVENT_IDS))
        for _ in range(size.rounds):
            rounds.append({
                "POST": wrk(service.port, 64, size.seconds, "post"),
                "PATCH": wrk(service.port, 64, size.seconds, "patch", ids),
                "associate-commit": wrk(service.port, 64, size.seconds, "commit", ids)})
    results = {kind: medians([one[kind] for one in rounds]) for kind in rounds[0]}
    for kind in ("PATCH", "associate-commit"):
        ratio = results[kind]["rate"] / results["POST"]["rate"]
        bench.report.target(f"{kind}, 64 connections", f"{number(results[kind]['rate'])}/s, "
                            f"{number(ratio)} × POST", "≥ 0.8 ×", ratio >= 0.8)
    bench.report.table("Updates, 64 connections (ms)", ["what", "per s", "p50", "p99", "p100",
                                                        "errors"],
                       [[kind, *(result[name] for name in ("rate", "p50", "p99", "p100", "errors"))]
                        for kind, result in results.items()])


def measure_forgotten(bench, base):
    """POST and PATCH in the first second when nothing of the database is in memory."""
    with Service(bench.build, base) as service:
        ids = bench.lines("event_ids", service.some_event_ids(EVENT_IDS))
        for kind, argument in (("post", "-"), ("patch", ids)):
            rounds = []
            for _ in range(bench.size.rounds):
                drop_from_memory(service.database)
                rounds.append(wrk(service.port, 64, 1, kind, argument))
            result = medians(rounds)
            bench.report.target(f"{kind.upper()}, 64 connections, the first second when nothing of "
                                "the file is in memory", f"{number(result['rate'])}/s, p99 "
                                f"{number(result['p99'])} ms")


FOUNDING_MS = {"post": 50, "patch": 30, "batch": 200}


def measure_founding(bench, base):
    """The founding document's promises, alone and beside 64 connections that post."""
    seconds, rows = bench.size.seconds, []
    with Service(bench.build, base) as service:
        ids = bench.lines("event_ids", service.some_event_ids(EVENT_IDS))
        for kind, argument in (("post", "-"), ("patch", ids), ("batch", 100)):
            rounds = []
            for _ in range(bench.size.rounds):
                alone = wrk(service.port, 1, seconds, kind, argument)
                with Load(service.port, 64, seconds + 1, "post"):
                    rounds.append((alone, wrk(service.port, 1, seconds, kind, argument)))
            alone, beside = map(medians, zip(*rounds))
            limit = FOUNDING_MS[kind]
            name = f"{kind} of 100" if kind == "batch" else kind.upper()
            bench.report.target(f"{name}: p99, alone and beside 64 connections",
                                f"{number(alone['p99'])} and {number(beside['p99'])} ms",
                                f"< {limit} ms", max(alone["p99"], beside["p99"]) < limit)
            rows += [[f"{name}, {how}", result["p50"], result["p99"], result["p100"]]
                     for how, result in (("alone", alone), ("beside 64", beside))]
    bench.report.table("One connection, alone and beside 64 (ms)", ["what", "p50", "p99", "p100"],
                       rows)
