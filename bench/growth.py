# SPDX-License-Identifier: MIT
"""How each operation grows with what is stored: the same questions to databases of 10^4 runs and more."""
import dataclasses
import math

import reads
from programs import Service, wrk

KEPT_FROM = 1_000_000  # what takes minutes to fill is filled once


def _ask(bench, service):
    """{operation: median in ms}, after a while of writing, so that all have runs of just now."""
    took = {"POST, 64 connections: ms a run": 1000 / wrk(service.port, 64, bench.size.seconds,
                                                        "post")["rate"]}
    newest, oldest, middle = reads.some_runs(service)
    paths = {"one run": f"/api/v1/runs/{middle['event_id']}"}
    paths.update({f"list: {name}": reads.list_path(query) for name, (_, query)
                  in reads.filters(newest, oldest, middle).items()})
    paths.update({"metadata": "/api/v1/metadata", "metrics": "/metrics",
                  "tree": f"/api/v1/runs/{reads.a_tree(service)}/tree"})
    took.update({name: reads.probe(bench, service, "growth", [path])["p50"]
                 for name, path in paths.items()})
    return took


def _at(bench, rows):
    size = dataclasses.replace(bench.size, rows=rows, keeps_data=rows >= KEPT_FROM)
    at = bench.of_size(size)
    base = at.filled()
    with Service(at.build, base) as service:
        took = _ask(at, service)
        took["bytes in the file for each run"] = (service.database.stat().st_size /
                                                  service.metrics()["total_runs"])
    return took


def measure(bench):
    sizes = [10 ** power for power in range(4, 1 + round(math.log10(bench.size.rows)))]
    took = {rows: _at(bench, rows) for rows in sizes}
    tens = math.log10(sizes[-1] / sizes[0]) or 1
    rows = [[name, *(took[size][name] for size in sizes),
             f"× {(took[sizes[-1]][name] / took[sizes[0]][name]) ** (1 / tens):.2f}"]
            for name in took[sizes[0]]]
    bench.report.table("Growth (ms, medians over one connection)",
                       ["operation", *(f"{size:,} runs" for size in sizes), "for ten times the runs"],
                       rows)
