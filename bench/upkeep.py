# SPDX-License-Identifier: MIT
"""What the service costs beside answering: starting, memory, taking buffers in, syncs, instructions."""
import json
import re
import shutil
import signal
import time
import uuid

from programs import Load, Service, medians, wrk
from report import number
from writes import raw_sqlite

SYNC_BATCH = 100  # of the service
POSTS_COUNTED = 50
MEMORY_SAMPLES = 4
CLOSING_SECONDS = 0.5  # after which each connection's own memory is gone


def measure_start(bench, base):
    """After a stop, and after being killed while it wrote."""
    clean, crashed = [], []
    for _ in range(bench.size.rounds + 2):
        with Service(bench.build, base) as service:
            clean.append(service.start_ms)
            load = Load(service.port, 16, 1, "post")
            with load:
                service.stop(signal.SIGKILL)
        with Service(bench.build, base) as service:
            crashed.append(service.start_ms)
    for how, times in (("a stop", clean), ("a crash", crashed)):
        bench.report.target(f"start to first answer after {how}, the slowest of {len(times)}",
                            f"{number(max(times))} ms", "< 50 ms", max(times) < 50)


def measure_memory(bench, base):
    size = bench.size
    with Service(bench.build, base) as service:
        time.sleep(0.2)
        resident, anonymous = (service.memory_kib(name) / 1024 for name in ("VmRSS", "RssAnon"))
        bench.report.target("memory, idle", f"{number(resident)} MB resident, {number(anonymous)} MB "
                            "anonymous", "≤ 16 and ≤ 5 MB", resident <= 16 and anonymous <= 5)
        wrk(service.port, 256, size.seconds, "post")
        peak = service.memory_kib("VmHWM") / 1024
        bench.report.target("memory, 256 connections that post: peak", f"{number(peak)} MB",
                            "< 64 MB", peak < 64)
        paths = bench.lines("gets", [f"/api/v1/runs/{one}" for one in
                                     service.some_event_ids(1000)])
        wrk(service.port, 64, 1, "get", paths)
        done, samples = 0, []
        for _ in range(MEMORY_SAMPLES):
            done += wrk(service.port, 64, size.memory_seconds / MEMORY_SAMPLES, "get",
                        paths)["requests"]
            time.sleep(CLOSING_SECONDS)
            samples.append(service.memory_kib("RssAnon"))
        growth = samples[-1] - samples[0]
        bench.report.target(f"memory, growth over {done:,.0f} requests", f"{growth} KiB",
                            "flat (≤ 512 KiB)", growth <= 512)


# ---- Taking in a buffer --------------------------------------------------------------------------

def _fill_buffer(path, size):
    """Write runs as an older client would, until the file has that many bytes; return how many."""
    count = 0
    with open(path, "w", encoding="utf-8") as file:
        while file.tell() < size:
            file.write(json.dumps({
                "record_type": "run", "event_id": str(uuid.uuid4()), "run_id": f"buffered-{count}",
                "agent_name": f"crawl.agent-{count % 30:02}", "job_type": f"job-{count % 12:02}",
                "status": "success", "start_time": "2025-12-10T12:00:00.000000+00:00",
                "end_time": "2025-12-10T12:01:00.000000+00:00", "created_at": None,
                "website": "site-1.example", "items_succeeded": 118, "duration_ms": 60000,
                "git_repo": "https://git.example/team/repo-1", "git_branch": "main",
                "host": "host-1", "trigger_type": "cli", "api_posted": 0,
                "metrics_json": json.dumps({"pages": 120, "notes": "x" * 180}),
                "output_summary": "118 pages converted"}) + "\n")
            count += 1
    return count


def _adopt(bench, base):
    """Start beside a full buffer file, and wait until all of it is in the store."""
    buffer = base / "buffer"
    buffer.mkdir(parents=True, exist_ok=True)
    name = f"telemetry_20251210_120000_{time.time_ns()}.jsonl"
    rows = _fill_buffer(buffer / f"{name}.ready", bench.size.buffer_bytes)
    began = time.monotonic()
    with Service(bench.build, base) as service:
        while not (buffer / f"{name}.synced").exists():
            if time.monotonic() - began > 120:
                raise RuntimeError("the buffer file was not taken in")
            time.sleep(0.005)
        took = time.monotonic() - began
        raw = raw_sqlite(bench, service, SYNC_BATCH, bench.size.seconds)
    return {"rate": rows / took, "raw": raw["rate"]}


def measure_adopting(bench, base):
    result = medians([_adopt(bench, base) for _ in range(bench.size.rounds)])
    ratio = result["rate"] / result["raw"]
    bench.report.target(f"adopting a buffer file of {bench.size.buffer_bytes / 1e6:.0f} MB",
                        f"{number(result['rate'])} runs/s, {number(ratio)} × raw SQLite",
                        f"≥ 0.8 × its rate at batches of {SYNC_BATCH}", ratio >= 0.8)


# ---- Counted, not timed --------------------------------------------------------------------------

def _post(service, count):
    for i in range(count):
        body = json.dumps({"event_id": str(uuid.uuid4()), "run_id": f"counted-{i}",
                           "agent_name": "crawl.agent-12", "job_type": "job-01",
                           "start_time": "2025-12-10T12:00:00Z", "metrics_json": {"pages": i}})
        if service.request("POST", "/api/v1/runs", body)[0] != 201:
            raise RuntimeError("a run was not stored")


def _count_syncs(bench, base):
    """Syncs of files and directories for each of the transactions that some POSTs take."""
    trace = bench.path("syncs")
    strace = ("strace", "-D", "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", str(trace))
    with Service(bench.build, base, under=strace) as service:
        before = len(trace.read_text().splitlines())
        _post(service, POSTS_COUNTED)
        return (len(trace.read_text().splitlines()) - before) / POSTS_COUNTED


def _count_instructions(bench, base, posts):
    log = bench.path("callgrind.log")
    with Service(bench.build, base, under=(
            "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
            f"--log-file={log}")) as service:
        _post(service, posts)
    return int(re.search(r"Collected : (\d+)", log.read_text()).group(1))


def _instructions_for_a_post(bench, base):
    try:
        few, many = (_count_instructions(bench, base, posts) for posts in (10, 10 + POSTS_COUNTED))
    except RuntimeError as fault:  # valgrind does not read every compiler's debugging information
        return f"not counted: under valgrind {fault}"
    return number((many - few) / POSTS_COUNTED)


def measure_counted(bench, base):
    with Service(bench.build, base) as service:
        database = service.metrics()
    bench.report.target("bytes a row, indexes included",
                        number(database["store_bytes"] / max(1, database["total_runs"])))
    empty = bench.directory("counted")
    if shutil.which("strace"):
        bench.report.target("syncs a transaction", number(_count_syncs(bench, empty)))
    if bench.size.counts_instructions and shutil.which("valgrind"):
        bench.report.target("instructions for a POST, with its connection",
                            _instructions_for_a_post(bench, empty))
