# SPDX-License-Identifier: MIT
"""Reads: one run, lists by every filter, the overviews, a tree; alone and while others write."""
import json
import re
import time
import urllib.parse

from programs import Load, Rival, Service, medians, run_json, wrk
from report import number

EVENT_IDS = 5000
TREE_RUNS = 5000
PAGES_BEFORE_CURSOR = 3


def probe(bench, server, name, paths, seconds=None):
    """One reader over one connection."""
    size = bench.size
    return run_json(bench.program("probe"), server.port, bench.lines(name, paths), size.requests,
                    seconds or size.seconds * 2)["get"]


def measure_get(bench, base):
    one, many = [], []
    with Service(bench.build, base) as service, Rival(bench.program("constant")) as constant:
        paths = [f"/api/v1/runs/{event_id}" for event_id in service.some_event_ids(EVENT_IDS)]
        for _ in range(bench.size.rounds):
            ours = probe(bench, service, "gets", paths)
            bare = probe(bench, constant, "gets", paths)
            one.append({"ours": ours["p50"], "bare": bare["p50"], "p99": ours["p99"]})
            many.append({
                "ours": wrk(service.port, 64, bench.size.seconds, "get", bench.lines("gets", paths)),
                "bare": wrk(constant.port, 64, bench.size.seconds, "get",
                            bench.lines("gets", paths))})
    single = medians(one)
    over_us = (single["ours"] - single["bare"]) * 1000
    bench.report.target("GET by event_id, 1 connection: p50", f"{number(single['ours'])} ms, "
                        f"{number(over_us)} µs over a constant answer", "≤ 100 µs over",
                        over_us <= 100)
    results = {who: medians([one_round[who] for one_round in many]) for who in ("ours", "bare")}
    rate = results["ours"]["rate"]
    bench.report.target("GET by event_id, 64 connections",
                        f"{number(rate)}/s; a constant answer {number(results['bare']['rate'])}/s",
                        "≥ 20,000/s", rate >= 20000)
    bench.report.table("GET by event_id, 64 connections (ms)",
                       ["who", "per s", "p50", "p99", "p100", "errors"],
                       [[who, *(result[name] for name in ("rate", "p50", "p99", "p100", "errors"))]
                        for who, result in results.items()])


# ---- Lists ---------------------------------------------------------------------------------------

def filters(newest, oldest, middle):
    """{name: (target in ms, query)}, with values of runs that are there, or of none."""
    fast = {
        "none": "", "agent_name": f"agent_name={newest['agent_name']}",
        "agent_prefix": "agent_prefix=launch.llm.", "status": "status=failure",
        "agent_name and status": f"agent_name={newest['agent_name']}&status=failure",
        "job_type": f"job_type={newest['job_type']}", "run_id": f"run_id={oldest['run_id']}",
        "parent_run_id": f"parent_run_id={middle['run_id']}",
        "commit prefix": f"git_commit_hash={(middle['git_commit_hash'] or '0123456')[:7]}",
        "roots": "roots=true", "created_before": f"created_before={oldest['created_at']}",
        "created_after": f"created_after={middle['created_at']}",
        "created range": f"created_after={oldest['created_at']}&created_before="
                         f"{middle['created_at']}",
        "start_time_from": f"start_time_from={newest['start_time']}",
        "start_time_to": f"start_time_to={oldest['start_time']}",
        "end_time_from": f"end_time_from={newest['end_time']}",
        "end_time_to": f"end_time_to={oldest['end_time']}",
    }
    slow = {name: f"{name}={urllib.parse.quote(str(newest[name]))}"
            for name in ("product", "platform", "host", "trigger_type")}
    slow.update({name: f"{name}=nothing-like-it" for name in (
        "agent_name", "job_type", "product", "product_family", "platform", "subdomain", "website",
        "website_section", "environment", "host", "trigger_type", "insight_id", "git_repo",
        "git_branch")} | {"status, of no run": "status=running"})
    slow["product, 1 run in a million"] = "product=rare-product"
    return {**{name: (5, query) for name, query in fast.items()},
            **{name if "=nothing" not in query else f"{name}, of no run": (50, query)
               for name, query in slow.items()}}


def list_path(query):
    path = "/api/v1/runs?limit=100" + (f"&{query}" if query else "")
    return path.replace("+", "%2B")


def _cursor_page(service, path):
    """The path of a page further on, or None when the list ends before it."""
    for _ in range(PAGES_BEFORE_CURSOR):
        link = service.request("GET", path)[1].get("Link")
        found = link and re.match(r"<([^>]+)>", link)
        if not found:
            return None
        path = urllib.parse.urlsplit(found.group(1))
        path = path.path + "?" + path.query
    return path


def some_runs(service):
    """Three runs to take the filters' values from."""
    newest = json.loads(service.request("GET", "/api/v1/runs?limit=1")[2])[0]
    ids = service.some_event_ids(200)
    runs = [json.loads(service.request("GET", f"/api/v1/runs/{one}")[2]) for one in ids]
    runs.sort(key=lambda run: run["created_at"])
    with_commit = [run for run in runs if run["git_commit_hash"]]
    return newest, runs[0], with_commit[len(with_commit) // 2]


def measure_lists(bench, base):
    rows, worst = [], {5: [], 50: []}
    with Service(bench.build, base) as service:
        for name, (limit, query) in filters(*some_runs(service)).items():
            path = list_path(query)
            pages = {"first page": path, "cursor page": _cursor_page(service, path)}
            for page, where in pages.items():
                if not where:
                    continue
                result = probe(bench, service, "list", [where], bench.size.seconds / 2)
                rows.append([f"{name}: {page}", result["p50"], result["p99"], result["p100"], limit])
                worst[limit].append((result["p99"], f"{name}: {page}"))
    for limit, results in worst.items():
        slowest = max(results)
        missed = [name for p99, name in results if p99 >= limit]
        said = f"slowest {number(slowest[0])} ms ({slowest[1]})"
        if missed:
            said += f"; {len(missed)} of {len(results)} over it: " + ", ".join(missed)
        kinds = "the filters that people use" if limit == 5 else "any other filter"
        bench.report.target(f"list of 100 by {kinds}: p99", said, f"< {limit} ms", not missed)
    bench.report.table("Lists of 100 (ms)", ["filter", "p50", "p99", "p100", "target"], rows)
    bench.report.chart("lists", "First pages of 100 by filter, p99", "ms",
                       [row[0].split(":")[0] for row in rows if "first" in row[0]],
                       {"p99": [row[2] for row in rows if "first" in row[0]]})


# ---- Overviews and trees -------------------------------------------------------------------------

def measure_overviews(bench, base):
    rows = []
    with Service(bench.build, base) as service:
        for path in ("/api/v1/metadata", "/metrics"):
            rounds = []
            for _ in range(bench.size.rounds):
                with Load(service.port, 64, bench.size.seconds + 1, "post"):
                    rounds.append(probe(bench, service, "overview", [path], bench.size.seconds))
            result = medians(rounds)
            bench.report.target(f"GET {path} while 64 connections write: p50 and p99",
                                f"{number(result['p50'])} and {number(result['p99'])} ms",
                                "p50 < 5 ms", result["p50"] < 5)
            rows.append([path, result["p50"], result["p99"], result["p100"]])
    bench.report.table("Overviews while 64 connections write (ms)", ["path", "p50", "p99", "p100"],
                       rows)


def a_tree(service):
    """Store a run with thousands below it, in three levels; return its event_id."""
    name = f"tree-{time.time_ns()}"
    runs = []
    for i in range(TREE_RUNS):
        parent = None if i == 0 else f"{name}-0" if i < 50 else f"{name}-{i % 49 + 1}"
        runs.append({"event_id": f"{name}-{i}", "run_id": f"{name}-{i}", "agent_name": "tree",
                     "job_type": "bench", "status": "success", "parent_run_id": parent,
                     "start_time": f"2025-12-10T12:{i // 100:02}:{i % 60:02}Z"})
    status, _, text = service.request("POST", "/api/v1/runs/batch", json.dumps(runs))
    if status != 200:
        raise RuntimeError(f"the tree was not stored: {text[:200]}")
    return f"{name}-0"


def measure_tree(bench, base):
    with Service(bench.build, base) as service:
        result = probe(bench, service, "tree", [f"/api/v1/runs/{a_tree(service)}/tree"])
    bench.report.target(f"tree of {TREE_RUNS:,} runs: p50 and p99",
                        f"{number(result['p50'])} and {number(result['p99'])} ms", "p50 < 50 ms",
                        result["p50"] < 50)


def measure_reads_beside_writes(bench, base):
    """Eight readers that pause for 10 ms between requests: nine of ten get one run, one a list."""
    rounds, seconds = [], bench.size.seconds
    with Service(bench.build, base) as service:
        paths = [f"/api/v1/runs/{one}" for one in service.some_event_ids(900)]
        paths += [f"/api/v1/runs?agent_name=crawl.agent-{i % 20 + 10}" for i in range(100)]
        file = bench.lines("mixed", paths)
        for _ in range(bench.size.rounds):
            alone = wrk(service.port, 64, seconds, "post")
            with Load(service.port, 64, seconds + 1, "post") as load:
                reads = wrk(service.port, 8, seconds, "get", file, pause_ms=10)
            rounds.append({"kept": load.result["rate"] / alone["rate"], **reads})
    result = medians(rounds)
    bench.report.target("reads while 64 connections write: p99",
                        f"{number(result['p99'])} ms at {number(result['rate'])} reads/s", "< 20 ms",
                        result["p99"] < 20)
    bench.report.target("and the write rate keeps", number(result["kept"]), "≥ 0.75",
                        result["kept"] >= 0.75)
