# SPDX-License-Identifier: MIT
"""GET /api/v1/runs, the run object, the tree, the links."""
import re

from table import batch, case, created, detail, faults, get, names, post, run, sql, stored

LIST = "/api/v1/runs?agent_name=<agent>"


def runs(*records):
    """Runs that are there for what follows, each with its name and fields, a minute apart."""
    return batch([
        run(**{"event_id": name, "created_at": f"2025-12-10T12:{minute:02}:00Z", **fields})
        for minute, (name, fields) in enumerate(records)
    ]).gives(200, {"inserted": len(records), ...: ...})


def two(**fields):
    """Two runs, <b> with these fields and <a> without."""
    return runs(("<a>", {}), ("<b>", fields))


def finds(query, *found):
    return get(f"{LIST}&{query}").gives(200, names(*found))


TIMES = runs(*[(f"<{hour}>", {"created_at": f"2025-12-{day}T{hour}:00:00Z",
                              "start_time": f"2025-12-{day}T{hour}:00:00Z",
                              "end_time": f"2025-12-{day}T{hour}:00:00Z"})
               for day, hour in ((10, "00"), (10, 11), (10, 12), (10, 13))])

EQUAL = ("job_type run_id parent_run_id product product_family platform subdomain website "
         "website_section environment host trigger_type insight_id git_repo git_branch").split()

CASES = [
    case("The answer is an array of run objects, newest first: created_at, then id, descending",
         runs(("<a>", {"created_at": "2025-01-01T00:00:00Z"}),
              ("<b>", {"created_at": "2025-01-03T00:00:00Z"}),
              ("<c>", {"created_at": "2025-01-02T00:00:00Z"}),
              ("<d>", {"created_at": "2025-01-03T00:00:00Z"})),
         get(LIST).gives(200, names("<d>", "<b>", "<c>", "<a>"))),
    case("Nothing found is an empty array", get(LIST).gives(200, [])),
    *[
        case(f"Filter {field}: the exact value, literally",
             two(**{field: "100%_ä'"}), finds(f"{field}=100%25_%C3%A4%27", "<b>"),
             finds(f"{field}=100x_", ), finds(f"{field}=100%25"))
        for field in EQUAL
    ],
    case("Filter agent_name", created(), get(LIST).gives(200, names("<id>")),
         get("/api/v1/runs?agent_name=<nobody>").gives(200, [])),
    *[
        case(f"Filter status={given}: aliases as in POST", two(status=stored_as),
             finds(f"status={given}", "<b>"))
        for given, stored_as in (("failed", "failure"), ("FAILURE", "failure"),
                                 ("completed", "success"), ("%20canceled%20", "cancelled"))
    ],
    case("status may be given several times or as a comma list",
         runs(("<a>", {"status": "failure"}), ("<b>", {"status": "success"}),
              ("<c>", {"status": "timeout"}), ("<d>", {})),
         finds("status=failed,success", "<b>", "<a>"),
         finds("status=failed&status=timeout", "<c>", "<a>"),
         finds("status=failed,%20timeout&status=running", "<d>", "<c>", "<a>"),
         finds("status=failed,failed,failure", "<a>")),
    *[case(f"An unknown status is 400 and named: {value!r}",
           get(f"{LIST}&status={value}").gives(400, detail("status")))
      for value in ("dancing", "", "failed,", "failed,dancing")],
    case("Filters are combined with AND", two(product="p", host="h"),
         finds("product=p&host=h", "<b>"), finds("product=p&host=x")),
    case("created_before is <, created_after is >", TIMES,
         finds("created_before=2025-12-10T12:00:00Z", "<11>", "<00>"),
         finds("created_after=2025-12-10T12:00:00Z", "<13>")),
    *[case(f"{field}_from is >=, {field}_to is <=", TIMES,
           finds(f"{field}_from=2025-12-10T12:00:00Z", "<13>", "<12>"),
           finds(f"{field}_to=2025-12-10T11:00:00Z", "<11>", "<00>"),
           finds(f"{field}_from=2025-12-10T11:00:00Z&{field}_to=2025-12-10T12:00:00Z",
                 "<12>", "<11>")) for field in ("start_time", "end_time")],
    case("A run that has not ended is not found by its end", created(),
         finds("end_time_from=2000-01-01"), finds("end_time_to=2100-01-01")),
    case("A time may lack its offset (UTC) or its time of day (midnight)", TIMES,
         finds("created_after=2025-12-10T12:00:00", "<13>"),
         finds("created_after=2025-12-10%2012:00:00", "<13>"),
         finds("created_after=2025-12-10", "<13>", "<12>", "<11>"),
         finds("created_before=2025-12-10")),
    case("An offset is minded", TIMES,
         finds("created_after=2025-12-10T14:00:00%2B02:00", "<13>"),
         finds("created_after=2025-12-10T07:00:00-05:00", "<13>")),
    case("+ in a query's offset arrives as a blank and is taken as +", TIMES,
         finds("created_after=2025-12-10T14:00:00+02:00", "<13>"),
         finds("created_after=2025-12-10+14:00:00+02:00", "<13>"),
         finds("created_after=2025-12-10+12:00:00", "<13>")),
    *[
        case(f"A malformed {name} is 400 and named: {value!r}",
             get(f"{LIST}&{name}={value}").gives(400, detail(f"^{name} must be")))
        for name in ("created_before", "created_after", "start_time_from", "start_time_to",
                     "end_time_from", "end_time_to")
        for value in ("yesterday", "", "2025-13-01", "2025-12-10T99:00:00Z")
    ],
    case("git_commit_hash: a prefix of 7 or more is enough, anything shorter matches exactly, "
         "wildcards are literal",
         runs(("<a>", {"git_commit_hash": "abcdef0123"}), ("<b>", {"git_commit_hash": "abcdef"}),
              ("<c>", {"git_commit_hash": "abcdef9"})),
         finds("git_commit_hash=abcdef0", "<a>"), finds("git_commit_hash=abcdef", "<b>"),
         finds("git_commit_hash=abcdef0123", "<a>"), finds("git_commit_hash=abcde"),
         finds("git_commit_hash=abcdef%25"), finds("git_commit_hash=______9"),
         finds("git_commit_hash=ABCDEF0")),
    case("agent_prefix finds every agent whose name starts so, wildcards are literal",
         batch([run(event_id="<a>", agent_name="<x>.llm.a"),
                run(event_id="<b>", agent_name="<x>.llm.b"),
                run(event_id="<c>", agent_name="<x>_llm_c"),
                run(event_id="<d>", agent_name="<x>")]).gives(200),
         get("/api/v1/runs?agent_prefix=<x>.llm.").gives(200, names("<b>", "<a>")),
         get("/api/v1/runs?agent_prefix=<x>_").gives(200, names("<c>")),
         get("/api/v1/runs?agent_prefix=<x>%25").gives(200, [])),
    case("roots=true finds only runs with no parent: null, empty or the literal unknown",
         runs(("<a>", {}), ("<b>", {"parent_run_id": ""}), ("<c>", {"parent_run_id": "unknown"}),
              ("<d>", {"parent_run_id": "<a>"})),
         finds("roots=true", "<c>", "<b>", "<a>"), finds("roots=1", "<c>", "<b>", "<a>"),
         finds("roots=false", "<d>", "<c>", "<b>", "<a>")),
    case("roots is true or false", get(f"{LIST}&roots=maybe").gives(422, faults(("query", "roots")))),
    case("Unknown parameters are ignored", created(), finds("no_such=thing", "<id>")),
    *[case(f"limit is 1 to 1000: {value!r} is 422",
           get(f"{LIST}&limit={value}").gives(422, faults(("query", "limit"))))
      for value in ("0", "-1", "1001", "x", "", "1.5", "99999999999999999999")],
    *[case(f"offset is >= 0: {value!r} is 422",
           get(f"{LIST}&offset={value}").gives(422, faults(("query", "offset"))))
      for value in ("-1", "x", "", "99999999999999999999")],
    case("limit and offset bound the answer",
         runs(*[(f"<{i}>", {}) for i in range(4)]),
         finds("limit=2", "<3>", "<2>"), finds("limit=2&offset=1", "<2>", "<1>"),
         finds("limit=1000&offset=3", "<0>"), finds("offset=4")),
    case("The default limit is 100",
         batch([run(event_id=f"<{i}>") for i in range(101)]).gives(200),
         get(LIST).gives(200, names(*[f"<{i}>" for i in range(100, 0, -1)]),
                         {"Link": re.compile('^</api/v1/runs?.*cursor=.*>; rel="next"$')}),
         get(f"{LIST}&limit=101").gives(200, headers={"Link": None})),
    *[case(f"A cursor that is none of ours is 400: {value!r}",
           get(f"{LIST}&cursor={value}").gives(400, detail("cursor")))
      for value in ("", "x", "-0", "41-0", "zz-5", "41-99999999999999999999")],
    case("Every answer with more behind it has a Link header that carries a cursor",
         runs(*[(f"<{i}>", {}) for i in range(3)]),
         get(f"{LIST}&limit=2").gives(200, names("<2>", "<1>"),
                                      {"Link": re.compile('cursor=[^>]+>; rel="next"$')}),
         get(f"{LIST}&limit=3").gives(200, headers={"Link": None}),
         get(f"{LIST}&limit=2&offset=1").gives(200, headers={"Link": None})),
    case("Several faults at once: 422 wins over 400, and all of it is named",
         get(f"{LIST}&limit=0&offset=-1&roots=x&status=dancing&cursor=x").gives(
             422, faults(("query", "limit"), ("query", "offset"), ("query", "roots")))),

    case("A run is a single object with every column, commit_url and repo_url",
         created(),
         get("/api/v1/runs/<id>").gives(200, {name: ... for name in (
             "id event_id run_id schema_version created_at updated_at start_time end_time "
             "agent_name agent_owner job_type status product product_family platform subdomain "
             "website website_section item_name items_discovered items_succeeded items_failed "
             "items_skipped duration_ms input_summary output_summary source_ref target_ref "
             "error_summary error_details git_repo git_branch git_run_tag git_commit_hash "
             "git_commit_source git_commit_author git_commit_timestamp host environment "
             "trigger_type metrics_json context_json api_posted api_posted_at api_retry_count "
             "insight_id parent_run_id commit_url repo_url").split()})),
    case("An unknown run is 404 whose detail says not found",
         get("/api/v1/runs/<id>").gives(404, detail("not found"))),
    case("Stored text that does not parse comes back as a string, with the error beside it",
         created(),
         sql("UPDATE agent_runs SET metrics_json = '{broken', context_json = 'NaN'"
             " WHERE event_id = '<id>'"),
         stored(metrics_json="{broken", metrics_json_parse_error=str, context_json="NaN",
                context_json_parse_error=str)),
    case("Stored text that parses has no error beside it", created(metrics_json={"a": 1}),
         get("/api/v1/runs/<id>").gives(200, lambda run: "metrics_json_parse_error" not in run)),
    case("Any event_id can be asked for, percent-encoded",
         post(run(event_id="<id>/ä?&%20 +")).gives(201),
         get("/api/v1/runs/<id>%2F%C3%A4%3F%26%2520%20+").gives(200, {"run_id": "<id>-run",
                                                                      ...: ...})),

    case("The tree: run, children by start_time, total with the root, truncated",
         created(start_time="2025-12-10T12:00:00Z"),
         batch([run(event_id="<b>", run_id="<b>", parent_run_id="<id>-run",
                    start_time="2025-12-10T12:02:00Z"),
                run(event_id="<c>", run_id="<c>", parent_run_id="<id>",
                    start_time="2025-12-10T12:01:00Z"),
                run(event_id="<d>", run_id="<d>", parent_run_id="<b>",
                    start_time="2025-12-10T12:03:00Z")]).gives(200),
         get("/api/v1/runs/<id>/tree").gives(200, {
             "run": {"event_id": "<id>", ...: ...}, "total": 4, "truncated": False,
             "children": [
                 {"run": {"event_id": "<c>", ...: ...}, "children": []},
                 {"run": {"event_id": "<b>", ...: ...}, "children": [
                     {"run": {"event_id": "<d>", ...: ...}, "children": []}]}]}),
         get("/api/v1/runs/<id>/tree?limit=1").gives(200, {
             "run": dict, "children": [], "total": 1, "truncated": True}),
         get("/api/v1/runs/<id>/tree?depth=0").gives(200, {
             "run": dict, "children": [], "total": 1, "truncated": True})),
    case("A cycle is cut, never followed",
         batch([run(event_id="<a>", run_id="<a>", parent_run_id="<b>"),
                run(event_id="<b>", run_id="<b>", parent_run_id="<a>")]).gives(200),
         get("/api/v1/runs/<a>/tree").gives(200, {
             "run": dict, "children": [{"run": dict, "children": []}], "total": 2,
             "truncated": False})),
    case("A run_id may repeat: a child belongs to the run with the nearest start before its own",
         batch([run(event_id="<a>", start_time="2025-12-10T12:00:00Z"),
                run(event_id="<b>", start_time="2025-12-10T13:00:00Z"),
                run(event_id="<c>", run_id="c", parent_run_id="<id>-run",
                    start_time="2025-12-10T12:59:00Z")]).gives(200),
         get("/api/v1/runs/<a>/tree").gives(200, {"total": 2, ...: ...}),
         get("/api/v1/runs/<b>/tree").gives(200, {"total": 1, ...: ...})),
    *[case(f"tree?{name}={value}: outside is 422",
           get(f"/api/v1/runs/<id>/tree?{name}={value}").gives(422, faults(("query", name))))
      for name, value in (("limit", 0), ("limit", 50001), ("limit", "x"), ("depth", -1),
                          ("depth", 1001))],
    case("A tree has 5,000 runs unless more are asked for", created(),
         batch([run(event_id=f"<{i}>", run_id="child", parent_run_id="<id>-run")
                for i in range(5000)]).gives(200),
         get("/api/v1/runs/<id>/tree").gives(200, {"total": 5000, "truncated": True, ...: ...}),
         get("/api/v1/runs/<id>/tree?limit=5001").gives(
             200, {"total": 5001, "truncated": False, ...: ...})),
    case("The tree of an unknown run is 404",
         get("/api/v1/runs/<id>/tree").gives(404, detail("not found"))),

    *[
        case(f"repo_url of {repo!r} is {repo_url!r}, commit_url {commit_url!r}",
             created(git_repo=repo, git_commit_hash="abc1234"),
             get("/api/v1/runs/<id>/repo-url").gives(200, {"repo_url": repo_url}),
             get("/api/v1/runs/<id>/commit-url").gives(200, {"commit_url": commit_url}),
             stored(repo_url=repo_url, commit_url=commit_url))
        for repo, repo_url, commit_url in (
            ("git@github.com:o/r.git", "https://github.com/o/r",
             "https://github.com/o/r/commit/abc1234"),
            ("git@github.com:o/r", "https://github.com/o/r",
             "https://github.com/o/r/commit/abc1234"),
            ("ssh://git@gitlab.com:22/o/g/r.git", "https://gitlab.com/o/g/r",
             "https://gitlab.com/o/g/r/-/commit/abc1234"),
            ("https://bitbucket.org/o/r.git/", "https://bitbucket.org/o/r",
             "https://bitbucket.org/o/r/commits/abc1234"),
            ("https://user:secret@GitHub.com/o/r", "https://github.com/o/r",
             "https://github.com/o/r/commit/abc1234"),
            ("ssh://git@GitLab.COM:2222/o/r.git/", "https://gitlab.com/o/r",
             "https://gitlab.com/o/r/-/commit/abc1234"),
            ("git@BitBucket.org:o/r.git/", "https://bitbucket.org/o/r",
             "https://bitbucket.org/o/r/commits/abc1234"),
            ("https://git.example/o/r", "https://git.example/o/r", None),
            ("https://evil.example/github.com", "https://evil.example/github.com", None),
            ("https://github.com.evil.example/o/r", "https://github.com.evil.example/o/r", None),
            ("http://github.com/o/r", None, None),
            ("/home/u/r", None, None),
            ("file:///r", None, None),
            ("javascript:alert(1)", None, None),
            (None, None, None),
        )
    ],
    case("Without a commit there is no commit_url", created(git_repo="https://github.com/o/r"),
         get("/api/v1/runs/<id>/commit-url").gives(200, {"commit_url": None})),
    *[case(f"The {link} of an unknown run is 404",
           get(f"/api/v1/runs/<id>/{link}").gives(404, detail("not found")))
      for link in ("commit-url", "repo-url")],
]
