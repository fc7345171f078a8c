# SPDX-License-Identifier: MIT
"""The endpoints as such, errors, and what the service tells about itself."""
import re

from table import Exchange, case, created, detail, faults, get, post, run

READS = ("/health", "/version", "/metrics", "/api/v1/metadata", "/api/v1/metadata/status",
         "/api/v1/runs", "/api/v1/runs/<id>", "/api/v1/runs/<id>/tree",
         "/api/v1/runs/<id>/commit-url", "/api/v1/runs/<id>/repo-url", "/openapi.json", "/docs")
ALLOWED = {
    **{path: "GET, HEAD, OPTIONS" for path in READS},
    "/api/v1/runs": "GET, HEAD, POST, OPTIONS",
    "/api/v1/runs/<id>": "GET, HEAD, PATCH, OPTIONS",
    "/api/v1/runs/batch": "POST, OPTIONS",
    "/api/v1/runs/<id>/associate-commit": "POST, OPTIONS",
}
WRITES = (("POST", "/api/v1/runs"), ("POST", "/api/v1/runs/batch"), ("PATCH", "/api/v1/runs/<id>"),
          ("POST", "/api/v1/runs/<id>/associate-commit"))
METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")
CORS = {name: None for name in ("Access-Control-Allow-Origin", "Access-Control-Allow-Methods",
                                "Access-Control-Allow-Headers")}

CASES = [
    case("GET /health: status ok, version, db_path, journal_mode DELETE, synchronous FULL",
         get("/health").gives(200, {"status": "ok", "version": str, "db_path": str,
                                    "journal_mode": "DELETE", "synchronous": "FULL"})),
    case("GET /version: name and version",
         get("/version").gives(200, {"name": "telemetryd", "version": str})),
    case("GET /metrics: total_runs, agents, recent_24h, performance",
         created(),
         get("/metrics").gives(200, {"total_runs": int, "agents": {"<agent>": 1, ...: ...},
                                     "recent_24h": int,
                                     "performance": {"db_path": str, "journal_mode": "DELETE"},
                                     ...: ...})),
    case("GET /metrics: Prometheus text when Accept asks for it",
         get("/metrics", headers={"Accept": "text/plain"}).gives(
             200, re.compile("^# HELP telemetry_"),
             {"Content-Type": re.compile("^text/plain; version=0.0.4")}),
         get("/metrics", headers={"Accept": "application/openmetrics-text"}).gives(
             200, re.compile("# EOF\n$"),
             {"Content-Type": re.compile("^application/openmetrics-text; version=1.0.0")})),
    case("GET /api/v1/metadata: agent_names, job_types, counts, cache_hit",
         created(job_type="<job>"),
         get("/api/v1/metadata").gives(
             200, lambda answer: set(answer) == {"agent_names", "job_types", "counts", "cache_hit"}
             and all(answer[name] == sorted(answer[name])
                     and answer["counts"][name] == len(answer[name])
                     for name in ("agent_names", "job_types"))
             and isinstance(answer["cache_hit"], bool))),
    *[case(f"GET /api/v1/metadata/{field}: its distinct values, sorted",
           created(**{field: "<v>"}), post(run(event_id="<b>", **{field: "<v>"})).gives(201),
           get(f"/api/v1/metadata/{field}").gives(
               200, lambda answer: answer["values"] == sorted(set(answer["values"]))
               and answer["count"] == len(answer["values"]) > 0))
      for field in ("agent_name", "job_type", "product", "platform", "website", "environment",
                    "host", "trigger_type")],
    case("GET /api/v1/metadata/status", created(),
         get("/api/v1/metadata/status").gives(200, {"field": "status", "values": list,
                                                    "count": int})),
    *[case(f"GET /api/v1/metadata/{field} is 404: it is not categorical",
           get(f"/api/v1/metadata/{field}").gives(404, detail("")))
      for field in ("event_id", "start_time", "metrics_json", "nonsense", "run_id")],
    case("GET /openapi.json is an OpenAPI 3.1 description",
         get("/openapi.json").gives(200, {"openapi": re.compile(r"^3\.1\."), ...: ...})),
    case("GET /docs is a page",
         get("/docs").gives(200, re.compile("^<!DOCTYPE html>"),
                            {"Content-Type": re.compile("^text/html")})),

    *[case(f"An unknown path is 404: {path}", Exchange("GET", path).gives(404, detail("")),
           Exchange("POST", path, {}).gives(404, detail("")))
      for path in ("/", "/api", "/api/v1", "/api/v1/runs/", "/api/v1/runs/<id>/nothing",
                   "/health/", "/api/v1/metadata/", "//health", "/HEALTH")],
    *[case(f"{method} {path} is 405 with Allow",
           Exchange(method, path, {}).gives(405, detail(""), {"Allow": allowed}))
      for path, allowed in ALLOWED.items() for method in METHODS
      if method not in allowed.split(", ")],
    *[case(f"OPTIONS {path} is 204 with Allow",
           Exchange("OPTIONS", path).gives(204, "", {"Allow": allowed}))
      for path, allowed in ALLOWED.items()],
    *[case(f"HEAD {path} works as GET does, without the body", created(),
           Exchange("HEAD", path).gives(200, "", {"Content-Length": re.compile(r"^[1-9]\d*$")}))
      for path in READS],
    case("HEAD of an unknown run is 404", Exchange("HEAD", "/api/v1/runs/<id>").gives(404, "")),
    case("GET /api/v1/runs/batch is 405, not a run called batch",
         post(run(event_id="batch")).gives(201),
         get("/api/v1/runs/batch").gives(405, detail(""), {"Allow": "POST, OPTIONS"})),

    case("Every error body is JSON",
         *[Exchange(method, path, body).gives(
             status, headers={"Content-Type": "application/json"})
           for method, path, body, status in (
               ("GET", "/nothing", None, 404), ("PUT", "/health", {}, 405),
               ("POST", "/api/v1/runs", b"{", 400), ("POST", "/api/v1/runs", {}, 422),
               ("GET", "/api/v1/runs?limit=0", None, 422),
               ("GET", "/api/v1/runs?created_after=x", None, 400),
               ("GET", "/api/v1/runs/<id>", None, 404))]),
    case("No error body carries SQL",
         get("/api/v1/runs?agent_name='%20OR%20'1'='1").gives(200, []),
         post(run(status="'; SELECT 1 --")).gives(
             422, lambda answer: "SELECT * " not in str(answer))),
    *[case(f"The detail of every 404 for a run says not found: {method} {path}",
           Exchange(method, path, body).gives(404, detail("not found")))
      for method, path, body in (
          ("GET", "/api/v1/runs/<id>", None), ("GET", "/api/v1/runs/<id>/tree", None),
          ("GET", "/api/v1/runs/<id>/commit-url", None), ("GET", "/api/v1/runs/<id>/repo-url", None),
          ("PATCH", "/api/v1/runs/<id>", {"status": "success"}),
          ("POST", "/api/v1/runs/<id>/associate-commit",
           {"commit_hash": "1234567", "commit_source": "ci"}))],
    case("A Host that is not this service is 421, on every path",
         *[Exchange(method, path, body, {"Host": "evil.example"}).gives(421, detail(""))
           for method, path, body in (("GET", "/health", None), ("GET", "/nothing", None),
                                      ("POST", "/api/v1/runs", {}))]),
    case("A write with an Origin other than its own is 403; without Origin it is taken",
         post(run(), headers={"Origin": "https://evil.example"}).gives(403, detail("")),
         post(run(), headers={"Origin": "null"}).gives(403, detail("")),
         post(run(), headers={"Sec-Fetch-Site": "cross-site"}).gives(403, detail("")),
         post(run()).gives(201)),
    *[case(f"{method} {path} from another site is 403",
           *[Exchange(method, path, {}, headers).gives(403, detail(""))
             for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"},
                             {"Sec-Fetch-Site": "cross-site"},
                             {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"})])
      for method, path in WRITES],
    *[case(f"Two {name} headers are 400, also when they are the same",
           post(run(), headers={name: (value, value)}).gives(400, detail(name)),
           post(run(), headers={name: (value, "")}).gives(400, detail(name)),
           get("/api/v1/runs/<id>").gives(404))
      for name, value in (("Host", "localhost"), ("Authorization", "Bearer x"),
                          ("Origin", "http://localhost"), ("Sec-Fetch-Site", "none"),
                          ("Content-Encoding", "identity"), ("Content-Type", "text/plain"))],
    *[case(f"{method} {path} is 400, 414 or 431 for its shape alone",
           Exchange(method, path, None, {"Host": ("localhost", "localhost")}).gives(400, detail("Host")),
           Exchange(method, path + "?x=" + "x" * 8192).gives(414, detail("URL")),
           Exchange(method, path, None, {"X": "x" * 33000}).gives(431, detail("headers")))
      for method, path in (*(("GET", path) for path in READS), *WRITES)],
    case("Two headers of which each stands for itself are no fault",
         get("/version", headers={"Accept": ("text/html", "*/*")}).gives(200)),
    *[case(f"{method} {path}: a Content-Encoding other than gzip is 415",
           *[Exchange(method, path, {}, {"Content-Encoding": encoding}).gives(
               415, detail("gzip"), {"Accept-Encoding": "gzip"})
             for encoding in ("br", "deflate", "gzip, gzip")])
      for method, path in WRITES],
    *[case(f"{method} {path}: no body is 400", Exchange(method, path).gives(400, detail("body")))
      for method, path in WRITES],
    case("No answer ever carries a CORS header",
         get("/health", headers={"Origin": "https://evil.example"}).gives(200, headers=CORS),
         Exchange("OPTIONS", "/api/v1/runs", None, {
             "Origin": "https://evil.example", "Access-Control-Request-Method": "POST",
         }).gives(204, "", CORS)),
    case("An absolute or odd query is no reason to fail: NUL in the URL is 400",
         get("/api/v1/runs?agent_name=a%00b").gives(400, detail("NUL")),
         get("/api/v1/runs/a%00b").gives(400, detail("NUL"))),
    case("A query string of nothing but separators is empty", get("/health?&&&").gives(200)),
    case("A parameter that is given twice counts as it was given last, but for status",
         created(), get("/api/v1/runs?agent_name=x&agent_name=<agent>").gives(200, [dict]),
         get("/api/v1/runs?limit=0&limit=5").gives(422, faults(("query", "limit")))),
]
