# SPDX-License-Identifier: MIT
"""POST /api/v1/runs"""
import re

from table import batch, case, created, detail, faults, get, patch, post, run, stored

STORED = "2025-12-10T12:00:00.000000+00:00"
DUPLICATE = {"status": "duplicate", "event_id": "<id>", "message": str}


def is_422(says, fields, *names):
    return case(says, post(run(**fields)).gives(422, faults(*[("body", n) for n in names])))


CASES = [
    case(
        "New: 201 with status created, event_id and run_id",
        post(run()).gives(201, {"status": "created", "event_id": "<id>", "run_id": "<id>-run"}),
        stored(event_id="<id>", agent_name="<agent>"),
    ),
    case(
        "Known event_id: 200 with status duplicate and a message, and nothing stored twice",
        created(),
        post(run(agent_name="<other>")).gives(200, DUPLICATE),
        stored(agent_name="<agent>", updated_at=str),
        get("/api/v1/runs?agent_name=<other>").gives(200, []),
    ),
    case(
        "A duplicate that is terminal ends a run that is running: it takes every updatable field, "
        "and the answer has updated: true",
        created(product="<before>"),
        post(
            run(status="failed", end_time="2025-12-10T13:00:00Z", duration_ms=5, product="<after>",
                error_summary="no", metrics_json={"a": 1})
        ).gives(200, {**DUPLICATE, "updated": True}),
        stored(status="failure", end_time="2025-12-10T13:00:00.000000+00:00", duration_ms=5,
               product="<before>", error_summary="no", metrics_json={"a": 1}),
    ),
    case(
        "The exception is for runs that are still running: one that has ended stays as it is",
        created(status="success"),
        post(run(status="failure", error_summary="late")).gives(200, DUPLICATE),
        stored(status="success", error_summary=None),
    ),
    case(
        "The exception is for terminal duplicates: a running one changes nothing",
        created(),
        post(run(status="running", error_summary="x")).gives(200, DUPLICATE),
        stored(status="running", error_summary=None),
    ),
    case(
        "A replay of the end of a run is a duplicate",
        created(),
        post(run(status="success")).gives(200, {**DUPLICATE, "updated": True}),
        post(run(status="success")).gives(200, DUPLICATE),
    ),
    case(
        "A late start after a full record that has ended: the full record stands",
        created(status="success", end_time="2025-12-10T12:01:00Z", duration_ms=7),
        post(run()).gives(200, DUPLICATE),
        stored(status="success", duration_ms=7),
    ),
    case(
        "A PATCH that arrives before its run is 404, and the full record that follows is taken",
        patch({"status": "success"}).gives(404, detail("not found")),
        created(status="success"),
        stored(status="success"),
    ),
    *[
        is_422(f"Required: {field}", {field: value}, field)
        for field in ("event_id", "run_id", "agent_name", "job_type", "start_time")
        for value in (..., None, "", 5, ["x"])
    ],
    case(
        "A validation error lists every fault at once, with loc, msg and type",
        post({"event_id": 1, "run_id": "", "status": "dancing", "duration_ms": -1}).gives(
            422,
            faults(("body", "event_id"), ("body", "run_id"), ("body", "agent_name"),
                   ("body", "job_type"), ("body", "start_time"), ("body", "status"),
                   ("body", "duration_ms")),
        ),
    ),
    case(
        "Negative numbers are named as in the contract's example",
        post(run(duration_ms=-1)).gives(
            422,
            {"detail": [{"loc": ["body", "duration_ms"], "msg": "must be >= 0",
                         "type": "value_error"}]},
        ),
    ),
    case("status defaults to running", created(), stored(status="running")),
    *[
        case(f"status {given!r} is {taken}", created(status=given), stored(status=taken))
        for given, taken in (
            ("failed", "failure"), ("FAILED", "failure"), ("completed", "success"),
            ("Completed", "success"), ("succeeded", "success"), ("canceled", "cancelled"),
            (" failed ", "failure"), ("\tCanceled\n", "cancelled"), ("running", "running"),
            ("Success", "success"), ("FAILURE", "failure"), ("partial", "partial"),
            (" Timeout", "timeout"), ("cancelled", "cancelled"),
        )
    ],
    *[is_422(f"status {given!r} is 422", {"status": given}, "status")
      for given in ("", " ", "done", "fail ed", "success!", 1, True, [], {})],
    *[
        is_422(f"{field} is an integer >= 0, not {value!r}", {field: value}, field)
        for field in ("items_discovered", "items_succeeded", "items_failed", "items_skipped",
                      "duration_ms", "api_retry_count")
        for value in (-1, 1.5, 1.0, "5", True, [])
    ],
    case(
        "Integers are kept to 64 bits",
        created(items_discovered=2**63 - 1, duration_ms=2**53 + 1),
        stored(items_discovered=2**63 - 1, duration_ms=2**53 + 1),
    ),
    case("duration_ms: null means 0", created(duration_ms=None), stored(duration_ms=0)),
    case(
        "What was not given is 0 or null",
        created(),
        stored(items_discovered=0, items_succeeded=0, items_failed=0, items_skipped=0,
               duration_ms=0, api_posted=False, api_retry_count=0, end_time=None,
               metrics_json=None),
    ),
    *[
        case(f"metrics_json may be {value!r}",
             created(metrics_json=value, context_json=value),
             stored(metrics_json=value, context_json=value))
        for value in ({"a": [1, {"b": None}]}, [], {}, [1, 2], 5, -1.5, True, False, 1e300)
    ],
    *[
        case(f"A string that holds JSON is taken as that JSON: {text!r}",
             created(metrics_json=text, context_json=text),
             stored(metrics_json=value, context_json=value))
        for text, value in (('{"a": 1}', {"a": 1}), ("[1]", [1]), ("5", 5), ("true", True),
                            ("null", None), ('"x"', "x"))
    ],
    *[
        case(f"A string that does not parse is kept as a JSON string: {text[:40]!r}",
             created(metrics_json=text, context_json=text),
             stored(metrics_json=text, context_json=text))
        for text in ("hello", "", "{broken", "{'a': 1}", "NaN", "1 2", r'"\ud800"', r'{"a": "\u0000"}',
                     "99999999999999999999", "1e999", "[" * 65 + "]" * 65)
    ],
    case("Of duplicate keys in such a string the last wins as well",
         created(metrics_json='{"a": 1, "a": 2}'),
         get("/api/v1/runs/<id>").gives(200, lambda run: run["metrics_json"] == {"a": 2})),
    case("A stored null is null", created(metrics_json="null", context_json=None),
         stored(metrics_json=None, context_json=None)),
    *[case(f"git_commit_source may be {source}", created(git_commit_source=source),
           stored(git_commit_source=source)) for source in ("manual", "llm", "ci")],
    *[is_422(f"git_commit_source {source!r} is 422", {"git_commit_source": source},
             "git_commit_source") for source in ("human", "", "CI", 1)],
    case(
        "git_commit_source, git_commit_author and git_commit_timestamp are stored",
        created(git_commit_source="llm", git_commit_author="A <a@b>",
                git_commit_timestamp="last tuesday"),
        stored(git_commit_source="llm", git_commit_author="A <a@b>",
               git_commit_timestamp="last tuesday"),
    ),
    *[case(f"api_posted {given!r} is {taken}", created(api_posted=given), stored(api_posted=taken))
      for given, taken in ((True, True), (False, False), (1, True), (0, False), (None, False))],
    *[is_422(f"api_posted {given!r} is 422", {"api_posted": given}, "api_posted")
      for given in (2, -1, "true", "1", 1.0, [])],
    *[
        case(f"{field} {given!r} is RFC 3339",
             created(**{field: given}), stored(**{field: taken}))
        for field in ("created_at", "start_time", "end_time")
        for given, taken in (
            ("2025-12-10T12:00:00Z", STORED), ("2025-12-10T12:00:00+00:00", STORED),
            ("2025-12-10t12:00:00z", STORED), ("2025-12-10 12:00:00", STORED),
            ("2025-12-10T12:00:00", STORED), ("2025-12-10T14:00:00+02:00", STORED),
            ("2025-12-10T06:30:00-05:30", STORED),
            ("2025-12-10T12:00:00.5Z", "2025-12-10T12:00:00.500000+00:00"),
            ("2025-12-10T12:00:00.123456789Z", "2025-12-10T12:00:00.123456+00:00"),
        )
    ],
    *[
        is_422(f"{field} {given!r} is 422", {field: given}, field)
        for field in ("created_at", "start_time", "end_time")
        for given in ("yesterday", "2025-13-01T00:00:00Z", "2025-02-30T00:00:00Z",
                      "2025-12-10T25:00:00Z", "2025-12-10T12:00:00Zebra", 1765368000)
    ],
    case(
        "git_commit_timestamp and api_posted_at are any string",
        created(git_commit_timestamp="2025-13-99", api_posted_at=""),
        stored(git_commit_timestamp="2025-13-99", api_posted_at=""),
    ),
    case("created_at defaults to now", created(),
         stored(created_at=re.compile(r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$"))),
    case(
        "The service invents nothing else: what a client did not give is null",
        created(),
        stored(host=None, trigger_type=None, agent_owner=None, git_repo=None, git_branch=None,
               git_run_tag=None, git_commit_hash=None, environment=None, parent_run_id=None),
    ),
    case(
        "Unknown request fields are ignored, never an error",
        post(run(record_type="run", schema_version=7, updated_at="1999-01-01T00:00:00Z", id=5,
                 no_such_field={"a": 1})).gives(201),
        stored(updated_at=re.compile("^20[2-9]")),
    ),
    case(
        "null for any optional field means not given",
        post({**run(), **{name: None for name in (
            "created_at end_time status product metrics_json context_json api_posted items_failed "
            "git_commit_source api_retry_count parent_run_id").split()}}).gives(201),
        stored(status="running", product=None, api_posted=False, items_failed=0),
    ),
    case(
        "Strings are kept exactly",
        created(product="ä\u2028\U0001f600 \"\\/\b\f\n\r\t'; DROP TABLE agent_runs; --",
                item_name=" blanks "),
        stored(product="ä\u2028\U0001f600 \"\\/\b\f\n\r\t'; DROP TABLE agent_runs; --",
               item_name=" blanks "),
    ),
    case(
        "Integers in JSON are kept to 64 bits, other numbers as doubles, the order of keys stays",
        created(metrics_json={"z": 2**63 - 1, "a": -(2**63), "m": 0.1}),
        get("/api/v1/runs/<id>").gives(
            200, re.compile(r'"metrics_json":\{"z": ?9223372036854775807, ?'
                            r'"a": ?-9223372036854775808, ?"m": ?0\.1')),
    ),
    *[
        case(f"An integer outside 64 bits is refused: {number}",
             post(f'{{"event_id":"<id>","run_id":"r","agent_name":"a","job_type":"j","start_time":'
                  f'"2025-12-10T12:00:00Z","{field}":{number}}}'.encode()).gives(400, detail("")))
        for field in ("duration_ms", "metrics_json")
        for number in (2**63, -(2**63) - 1, 10**30)
    ],
    case("A number that no double can hold is 400",
         post(b'{"metrics_json":1e999}').gives(400, detail("offset"))),
    case("Text in metrics_json comes back as it was sent",
         created(metrics_json={"k\u00e9y": "\u2028\U0001f600\"\\/\b\t", "": " "}),
         stored(metrics_json={"k\u00e9y": "\u2028\U0001f600\"\\/\b\t", "": " "})),
    case("A lone surrogate escape is 400",
         post(b'{"event_id":"\\ud800"}').gives(400, detail("offset"))),
    case("A pair of surrogates is one character",
         post(b'{"event_id":"<id>","run_id":"r","agent_name":"a","job_type":"j",'
              b'"start_time":"2025-12-10T12:00:00Z","product":"\\ud83d\\ude00"}').gives(201),
         stored(product="\U0001f600")),
    case("Duplicate keys: the last wins",
         post(b'{"event_id":"x","event_id":"<id>","run_id":"r","agent_name":"a","job_type":"j",'
              b'"start_time":"2025-12-10T12:00:00Z"}').gives(201),
         stored()),
    case("NUL in a typed field is refused",
         post(b'{"event_id":"a\\u0000b"}').gives(400, detail(""))),
    case("64 levels are taken",
         post(b'{"event_id":"<id>","run_id":"r","agent_name":"a","job_type":"j","start_time":'
              b'"2025-12-10T12:00:00Z","metrics_json":' + b"[" * 63 + b"]" * 63 + b"}").gives(201)),
    case("Deeper than 64 levels: 400",
         post(b'{"metrics_json":' + b"[" * 64 + b"]" * 64 + b"}").gives(400, detail("64"))),
    case("Brackets inside of strings are no levels",
         created(product="[" * 100), stored(product="[" * 100)),
    *[
        case(f"What RFC 8259 does not know is 400: {text!r}",
             post(text).gives(400, detail("offset")))
        for text in (b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b"{'a':1}",
                     b'{"a":"\n"}', b'{"a":1}//', b'{"a":1,}', b"{a:1}", b'{"a":01}', b'{"a":.5}',
                     b'{"a":1}{}', b"", b" ", b"{", b'{"a"}', b'"\xff"', b'{"a":"\xc0\xaf"}',
                     b'{"a":True}', b'{"a":/**/1}', b"\xef\xbb\xbf{}")
        if text
    ],
    case("No body where one is due is 400", post(None).gives(400, detail("body"))),
    *[case(f"A body that is no object is 422: {body!r}", post(body).gives(422, faults(("body",))))
      for body in ([], [run()], 5, "x", None and 0 or True)],
    case("The body is read as JSON whatever its Content-Type says",
         post(run(), headers={"Content-Type": "text/csv; charset=latin-1"}).gives(201)),
    case("What was stored by one way is known by the other: batch and single share event_ids",
         batch([run()]).gives(200, {"inserted": 1, ...: ...}),
         post(run()).gives(200, DUPLICATE),
         batch([run()]).gives(200, {"duplicates": 1, ...: ...})),
]
