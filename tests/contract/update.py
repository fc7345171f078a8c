# SPDX-License-Identifier: MIT
"""PATCH /api/v1/runs/{event_id}, and the commit of a run."""
import re

from table import case, created, detail, faults, get, patch, post, stored

COMMIT = "/api/v1/runs/<id>/associate-commit"


def updated(*fields):
    return {"event_id": "<id>", "updated": True, "fields_updated": list(fields)}


CASES = [
    *[
        case(f"PATCH takes {field}", created(), patch({field: value}).gives(200, updated(field)),
             stored(**{field: value}))
        for field, value in {
            "status": "timeout", "end_time": "2025-12-10T13:00:00.000000+00:00",
            "duration_ms": 7, "error_summary": "e", "error_details": "d", "input_summary": "i",
            "output_summary": "o", "items_discovered": 1, "items_succeeded": 2, "items_failed": 3,
            "items_skipped": 4, "metrics_json": {"a": 1}, "context_json": [1],
            "git_commit_hash": "abcdef0", "git_commit_source": "ci", "git_commit_author": "A",
            "git_commit_timestamp": "t", "api_posted": True, "api_posted_at": "t",
            "api_retry_count": 9,
        }.items()
    ],
    *[
        case(f"PATCH checks {field} as POST does: {value!r} is 422", created(),
             patch({field: value, "items_failed": 1}).gives(422, faults(("body", field))),
             stored(items_failed=0))
        for field, value in (
            ("status", "dancing"), ("end_time", "soon"), ("duration_ms", -1),
            ("items_discovered", "5"), ("git_commit_source", "human"), ("api_posted", "yes"),
            ("api_retry_count", 1.5), ("error_summary", 5), ("output_summary", ["x"]))
    ],
    *[case(f"api_posted {value!r} is taken as a boolean", created(),
           patch({"api_posted": value}).gives(200), stored(api_posted=bool(value)))
      for value in (0, 1, True, False)],
    *[
        case(f"PATCH does not take {field}", created(), patch({field: "x"}).gives(400, detail("")))
        for field in ("event_id", "run_id", "agent_name", "job_type", "start_time", "created_at",
                      "updated_at", "id", "product", "host", "parent_run_id", "insight_id")
    ],
    case("Aliases are taken in PATCH", created(), patch({"status": " Completed "}).gives(200),
         stored(status="success")),
    case("fields_updated has the names in the order of the request",
         created(),
         patch({"output_summary": "o", "status": "failed", "duration_ms": 1, "unknown": 2}).gives(
             200, updated("output_summary", "status", "duration_ms"))),
    case("null leaves a field alone",
         created(error_summary="e", metrics_json={"a": 1}),
         patch({"error_summary": None, "metrics_json": None, "duration_ms": 3}).gives(
             200, updated("duration_ms")),
         stored(error_summary="e", metrics_json={"a": 1}, duration_ms=3)),
    case("updated_at is set", created(created_at="2020-01-01T00:00:00Z"),
         patch({"duration_ms": 1}).gives(200), stored(updated_at=re.compile("^20(2[1-9]|[3-9])"))),
    *[case(f"Nothing to update is 400: {body!r}", created(), patch(body).gives(400, detail("")))
      for body in ({}, {"status": None}, {"unknown": 1})],
    case("An unknown run is 404 whose detail says not found",
         patch({"status": "success"}).gives(404, detail("not found"))),
    case("The body is checked before its run is looked up",
         patch({"status": "dancing", "duration_ms": "1"}).gives(
             422, faults(("body", "status"), ("body", "duration_ms")))),
    case("A run that has ended may still be changed: a live PATCH always applies",
         created(status="success"), patch({"status": "failed", "duration_ms": 1}).gives(200),
         stored(status="failure", duration_ms=1)),
    case("metrics_json and context_json are replaced",
         created(metrics_json={"a": 1}, context_json={"a": 1}),
         patch({"metrics_json": {"b": 2}, "context_json": '{"c": 3}'}).gives(200),
         stored(metrics_json={"b": 2}, context_json={"c": 3})),
    case("with ?merge=true the keys of a given object are merged into the stored one (RFC 7396)",
         created(metrics_json={"a": 1, "b": {"c": 2, "d": 3}, "e": [1]}),
         patch({"metrics_json": {"a": None, "b": {"c": 4}, "e": [2], "f": None}},
               "/api/v1/runs/<id>?merge=true").gives(200, updated("metrics_json")),
         stored(metrics_json={"b": {"c": 4, "d": 3}, "e": [2]})),
    case("?merge=false replaces", created(metrics_json={"a": 1}),
         patch({"metrics_json": {"b": 1}}, "/api/v1/runs/<id>?merge=false").gives(200),
         stored(metrics_json={"b": 1})),
    case("A merge that is neither true nor false is 422, and wins over JSON that is none",
         patch({"status": "x"}, "/api/v1/runs/<id>?merge=perhaps").gives(
             422, faults(("query", "merge"), ("body", "status"))),
         patch(b"{", "/api/v1/runs/<id>?merge=perhaps").gives(422, faults(("query", "merge"))),
         patch(None, "/api/v1/runs/<id>?merge=perhaps").gives(422, faults(("query", "merge")))),
    case("Text that is no JSON is 400", patch(b"{").gives(400, detail("offset"))),
    case("A body that is no object is 422", patch([1]).gives(422, faults(("body",)))),

    case("associate-commit answers with status, event_id, run_id and commit_hash",
         created(),
         post({"commit_hash": "abcdef0123", "commit_source": "llm", "commit_author": "A",
               "commit_timestamp": "t"}, COMMIT).gives(
             200, {"status": "success", "event_id": "<id>", "run_id": "<id>-run",
                   "commit_hash": "abcdef0123"}),
         stored(git_commit_hash="abcdef0123", git_commit_source="llm", git_commit_author="A",
                git_commit_timestamp="t")),
    case("associate-commit replaces all four columns: what is not given becomes null",
         created(git_commit_hash="1111111", git_commit_source="ci", git_commit_author="A",
                 git_commit_timestamp="t", created_at="2020-01-01T00:00:00Z"),
         post({"commit_hash": "2222222", "commit_source": "manual", "commit_author": None},
              COMMIT).gives(200),
         stored(git_commit_hash="2222222", git_commit_source="manual", git_commit_author=None,
                git_commit_timestamp=None, updated_at=re.compile("^20(2[1-9]|[3-9])"))),
    *[case(f"commit_hash has 7 to 40 characters, not {len(value)}",
           post({"commit_hash": value, "commit_source": "ci"}, COMMIT).gives(
               422, faults(("body", "commit_hash")))) for value in ("", "123456", "1" * 41)],
    *[case(f"commit_hash may have {len(value)} characters", created(),
           post({"commit_hash": value, "commit_source": "ci"}, COMMIT).gives(200))
      for value in ("1234567", "1" * 40)],
    case("commit_hash and commit_source are required",
         post({}, COMMIT).gives(422, faults(("body", "commit_hash"), ("body", "commit_source")))),
    case("commit_source is manual, llm or ci",
         post({"commit_hash": "1234567", "commit_source": "x"}, COMMIT).gives(
             422, faults(("body", "commit_source")))),
    case("associate-commit: null is not given, and unknown fields are ignored", created(),
         post({"commit_hash": None, "commit_source": None, "status": "success"}, COMMIT).gives(
             422, faults(("body", "commit_hash"), ("body", "commit_source"))),
         post({"commit_hash": "1234567", "commit_source": "ci", "commit_timestamp": None,
               "status": "success", "children": 5}, COMMIT).gives(200),
         stored(git_commit_hash="1234567", git_commit_timestamp=None, status="running")),
    *[case(f"{name} of a commit is a string, not {value!r}",
           post({"commit_hash": "1234567", "commit_source": "ci", name: value}, COMMIT).gives(
               422, faults(("body", name))))
      for name in ("commit_hash", "commit_source", "commit_author", "commit_timestamp")
      for value in (5, True, ["x"], {})],
    case("The body of a commit is checked before its run is looked up",
         post({"commit_hash": "1"}, COMMIT).gives(
             422, faults(("body", "commit_hash"), ("body", "commit_source")))),
    case("associate-commit of an unknown run is 404",
         post({"commit_hash": "1234567", "commit_source": "ci"}, COMMIT).gives(
             404, detail("not found"))),
    case("?children=true gives the commit to every run below this one and counts them",
         created(),
         post({"event_id": "<a>", "run_id": "<a>", "agent_name": "a", "job_type": "j",
               "start_time": "2025-12-10T12:01:00Z", "parent_run_id": "<id>-run"}).gives(201),
         post({"event_id": "<b>", "run_id": "<b>", "agent_name": "a", "job_type": "j",
               "start_time": "2025-12-10T12:02:00Z", "parent_run_id": "<a>"}).gives(201),
         post({"commit_hash": "1234567", "commit_source": "ci"}, COMMIT + "?children=true").gives(
             200, {"status": "success", "event_id": "<id>", "run_id": "<id>-run",
                   "commit_hash": "1234567", "children": 2}),
         stored("<b>", git_commit_hash="1234567")),
    case("A query that is 422 wins over a body that is no JSON",
         post(b"{", COMMIT + "?children=x").gives(422, faults(("query", "children")))),
]
