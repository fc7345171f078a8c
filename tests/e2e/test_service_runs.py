# SPDX-License-Identifier: MIT
"""Runs over HTTP: what is stored, what is answered, what is refused and how."""
import json
import sqlite3

import requests

import harness
from harness import ServiceTestCase, a_run

RUN_COLUMNS = """
    id event_id run_id schema_version created_at updated_at start_time end_time agent_name agent_owner
    job_type status product product_family platform subdomain website website_section item_name
    items_discovered items_succeeded items_failed items_skipped duration_ms input_summary
    output_summary source_ref target_ref error_summary error_details git_repo git_branch git_run_tag
    git_commit_hash git_commit_source git_commit_author git_commit_timestamp host environment
    trigger_type metrics_json context_json api_posted api_posted_at api_retry_count insight_id
    parent_run_id""".split()


class Creating(ServiceTestCase):
    def test_a_new_run_is_201(self):
        run = a_run()
        response = self.service.post(run)
        self.assertEqual(response.status_code, 201)
        self.assertEqual(
            response.json(),
            {"status": "created", "event_id": run["event_id"], "run_id": run["run_id"]},
        )
        self.assertEqual(response.headers["Content-Type"], "application/json")

    def test_a_known_event_id_is_a_duplicate_and_changes_nothing(self):
        run = a_run(status="success")
        self.service.post(run)
        before = self.get(run["event_id"])
        response = self.service.post(dict(run, agent_name="other", status="failure"))
        self.assertEqual(response.status_code, 200)
        self.assertEqual(response.json()["status"], "duplicate")
        self.assertEqual(response.json()["event_id"], run["event_id"])
        self.assertTrue(response.json()["message"])
        self.assertNotIn("updated", response.json())
        self.assertEqual(self.get(run["event_id"]), before)
        self.assertEqual(len(self.service.runs()), 1)

    def test_a_duplicate_that_has_ended_ends_a_running_run(self):
        run = a_run()
        self.service.post(run)
        end = dict(run, status="completed", end_time="2025-12-10T12:01:00Z", items_succeeded=7)
        response = self.service.post(end)
        self.assertEqual(response.status_code, 200)
        self.assertEqual(response.json()["status"], "duplicate")
        self.assertIs(response.json()["updated"], True)
        stored = self.get(run["event_id"])
        self.assertEqual(stored["status"], "success")
        self.assertEqual(stored["end_time"], "2025-12-10T12:01:00.000000+00:00")
        self.assertEqual(stored["items_succeeded"], 7)

    def test_every_column_comes_back(self):
        stored = self.post()
        self.assertEqual(
            sorted(stored), sorted(RUN_COLUMNS + ["commit_url", "repo_url"])
        )

    def test_what_was_not_given_has_its_default(self):
        stored = self.post()
        self.assertEqual(stored["status"], "running")
        self.assertEqual(stored["items_failed"], 0)
        self.assertEqual(stored["duration_ms"], 0)
        self.assertIs(stored["api_posted"], False)
        self.assertTrue(stored["created_at"].endswith("+00:00"))
        for name in ("host", "trigger_type", "agent_owner", "git_repo", "end_time", "metrics_json"):
            self.assertIsNone(stored[name], name)

    def test_every_field_that_may_be_given_is_stored(self):
        given = {
            "created_at": "2025-12-10T12:00:01.000000+00:00",
            "end_time": "2025-12-10T12:00:02.000000+00:00",
            "agent_owner": "owner", "status": "partial", "product": "p", "product_family": "f",
            "platform": "x", "subdomain": "s", "website": "w", "website_section": "ws",
            "item_name": "i", "items_discovered": 1, "items_succeeded": 2, "items_failed": 3,
            "items_skipped": 4, "duration_ms": 5, "input_summary": "in", "output_summary": "out",
            "source_ref": "from", "target_ref": "to", "error_summary": "e", "error_details": "d",
            "git_repo": "https://github.com/o/r", "git_branch": "main", "git_run_tag": "r/main",
            "git_commit_hash": "0123abc", "git_commit_source": "llm", "git_commit_author": "A <a@b>",
            "git_commit_timestamp": "yesterday", "host": "h", "environment": "prod",
            "trigger_type": "whatever", "metrics_json": {"b": [1, 2.5], "a": None},
            "context_json": "plain text", "api_posted": True, "api_posted_at": "then",
            "api_retry_count": 6, "insight_id": "in-1", "parent_run_id": "parent",
        }
        stored = self.post(**given)
        self.assertEqual({name: stored[name] for name in given}, given)

    def test_times_are_stored_in_utc(self):
        stored = self.post(start_time="2025-12-10 13:00:00.5+02:00", created_at="2025-12-10T12:00:00")
        self.assertEqual(stored["start_time"], "2025-12-10T11:00:00.500000+00:00")
        self.assertEqual(stored["created_at"], "2025-12-10T12:00:00.000000+00:00")

    def test_status_aliases_are_taken_in_any_case(self):
        for given, stored in ((" Failed ", "failure"), ("COMPLETED", "success"),
                              ("succeeded", "success"), ("canceled", "cancelled")):
            self.assertEqual(self.post(status=given)["status"], stored)

    def test_json_in_a_string_is_taken_as_json(self):
        self.assertEqual(self.post(metrics_json='{"n": 1}')["metrics_json"], {"n": 1})
        self.assertEqual(self.post(metrics_json="{broken")["metrics_json"], "{broken")

    def test_integers_keep_64_bits_and_text_its_bytes(self):
        text = "line\n\ttab \"quoted\" \\ ünï\u2028 😀 \u0001"
        stored = self.post(duration_ms=2**63 - 1, error_details=text,
                           context_json={"n": -(2**63), "t": text})
        self.assertEqual(stored["duration_ms"], 2**63 - 1)
        self.assertEqual(stored["error_details"], text)
        self.assertEqual(stored["context_json"], {"n": -(2**63), "t": text})

    def test_unknown_fields_and_nulls_are_ignored(self):
        stored = self.post(record_type="run", schema_version=99, updated_at="x", id=77,
                           duration_ms=None, status=None, created_at=None, metrics_json=None)
        self.assertEqual(stored["schema_version"], 8)
        self.assertEqual(stored["id"], 1)
        self.assertEqual(stored["duration_ms"], 0)
        self.assertEqual(stored["status"], "running")

    def test_the_body_is_json_whatever_its_type_says(self):
        for content_type in ("text/plain", "application/x-www-form-urlencoded", "nonsense"):
            response = self.send(json.dumps(a_run()), headers={"Content-Type": content_type})
            self.assertEqual(response.status_code, 201)

    def test_a_chunked_body_is_taken(self):
        text = json.dumps(a_run(error_details="x" * 100000)).encode()
        response = self.send(iter([text[:10], text[10:50000], text[50000:]]))
        self.assertEqual(response.status_code, 201)


class RefusingToCreate(ServiceTestCase):
    def test_all_faults_are_reported_at_once(self):
        run = a_run(event_id=5, status="done", duration_ms=-1, items_failed="1",
                    git_commit_source="me", start_time="noon", api_posted=2)
        del run["run_id"]
        run["job_type"] = ""
        self.assert_faults(
            self.service.post(run),
            *(("body", name) for name in ("event_id", "run_id", "job_type", "status", "duration_ms",
                                          "items_failed", "git_commit_source", "start_time",
                                          "api_posted")),
        )
        self.assertEqual(self.service.runs(), [])

    def test_each_wrong_type_is_422(self):
        wrong = {"run_id": [1, {}, True, 1.5], "duration_ms": ["5", 1.5, [], True],
                 "api_posted": ["true", 1.0, {}], "end_time": [5, "", "2025-13-01T00:00:00Z"],
                 "error_summary": [5, ["x"]]}
        for name, values in wrong.items():
            for value in values:
                with self.subTest(name=name, value=value):
                    self.assert_faults(self.service.post(a_run(**{name: value})), ("body", name))

    def test_a_body_that_is_no_object_is_422(self):
        for body in ("[]", '"text"', "5", "null", "true"):
            self.assert_faults(self.send(body), ("body",))

    def test_what_is_no_json_is_400(self):
        run = json.dumps(a_run())
        for body in (run[:-1], run + "x", "{'a': 1}", '{"a": NaN}', '{"a": Infinity}', "{/**/}",
                     '{"a": "\t"}', '{"a": 1,}', "\xff", "[" * 100 + "]" * 100, " "):
            with self.subTest(body=body):
                self.assert_detail(self.send(body.encode("latin-1")), 400, "JSON")

    def test_no_body_is_400(self):
        self.assert_detail(self.send(None), 400, "empty")
        self.assert_detail(self.send(""), 400, "empty")

    def test_nul_and_integers_over_64_bits_are_refused(self):
        for field in (r'"run_id":"a\u0000b"', '"duration_ms":9223372036854775808'):
            body = json.dumps(a_run())[:-1] + "," + field + "}"
            self.assertIn(self.send(body).status_code, (400, 422))
        self.assertEqual(self.service.runs(), [])

    def test_a_body_over_the_limit_is_413(self):
        service = self.start_service(base=self.base / "small", TELEMETRY_API_MAX_BODY_MB=1)
        for in_chunks in (False, True):
            def send(body):
                return service.request("POST", "/api/v1/runs", data=iter([body]) if in_chunks else body)

            fits = json.dumps(a_run()).encode().ljust(1 << 20)
            self.assertEqual(send(fits).status_code, 201)
            self.assert_detail(send(fits + b" "), 413, "1048576")
        self.assertEqual(len(service.runs()), 2)

    def test_a_body_over_the_limit_is_413_before_it_is_sent_when_asked_first(self):
        answer = harness.send_raw(
            self.service.port,
            b"POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
            b"Content-Length: 99999999999\r\n\r\n",
        )
        self.assertEqual(answer.status, 413)


class Updating(ServiceTestCase):
    def test_the_fields_named_are_changed_and_no_others(self):
        before = self.post(product="p", duration_ms=1)
        response = self.service.patch(before["event_id"], {
            "status": "failed", "unknown": 1, "end_time": "2025-12-10T12:30:00Z",
            "error_summary": "it broke", "agent_name": "never", "duration_ms": None,
            "metrics_json": {"k": [1]}, "api_posted": 1,
        })
        self.assertEqual(response.status_code, 200, response.text)
        self.assertEqual(response.json(), {
            "event_id": before["event_id"], "updated": True,
            "fields_updated": ["status", "end_time", "error_summary", "metrics_json", "api_posted"],
        })
        after = self.get(before["event_id"])
        self.assertGreater(after["updated_at"], before["updated_at"])
        expected = dict(before, status="failure", end_time="2025-12-10T12:30:00.000000+00:00",
                        error_summary="it broke", metrics_json={"k": [1]}, api_posted=True,
                        updated_at=after["updated_at"])
        self.assertEqual(after, expected)

    def test_a_run_that_has_ended_may_still_be_changed(self):
        run = self.post(status="success")
        self.service.patch(run["event_id"], {"status": "failure"})
        self.assertEqual(self.get(run["event_id"])["status"], "failure")

    def test_nothing_to_update_is_400(self):
        run = self.post()
        for fields in ({}, {"unknown": 1}, {"status": None}, {"agent_name": "x"}):
            self.assert_detail(self.service.patch(run["event_id"], fields), 400, "nothing to update")

    def test_an_unknown_run_is_404(self):
        self.assert_detail(self.service.patch("no-such", {"status": "success"}), 404, "not found")

    def test_the_body_is_checked_before_the_run_is_looked_up(self):
        self.assert_faults(self.service.patch("no-such", {"duration_ms": -1, "status": "x"}),
                           ("body", "duration_ms"), ("body", "status"))
        self.assert_faults(self.service.patch("no-such", []), ("body",))
        self.assert_detail(self.send("{", "PATCH", "/api/v1/runs/no-such"), 400)


class Reading(ServiceTestCase):
    def test_an_unknown_run_is_404(self):
        self.assert_detail(self.service.get("/api/v1/runs/no-such"), 404, "not found")

    def test_any_event_id_can_be_asked_for(self):
        for event_id in ("a/b", "a b+c", "100%", "ü\n", "?x=1", "..", 'q"uote'):
            self.service.post(a_run(event_id=event_id))
            path = "/api/v1/runs/" + requests.utils.quote(event_id, safe="").replace("..", "%2e%2e")
            answer = harness.send_raw(
                self.service.port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            self.assertEqual(answer.status, 200, path)
            self.assertEqual(json.loads(answer.body)["event_id"], event_id)

    def test_stored_text_that_is_no_json_comes_as_text_with_the_reason(self):
        run = self.post(metrics_json={})
        self.service.stop()
        self.execute("UPDATE agent_runs SET metrics_json = '{oops'")
        self.service = self.start_service()
        stored = self.get(run["event_id"])
        self.assertEqual(stored["metrics_json"], "{oops")
        self.assertTrue(stored["metrics_json_parse_error"])

    def execute(self, statement):
        connection = sqlite3.connect(self.database)
        connection.execute(statement)
        connection.commit()
        connection.close()

    def test_links_are_made_for_hosts_that_are_known(self):
        stored = self.post(git_repo="git@github.com:o/r.git", git_commit_hash="abc1234")
        self.assertEqual(stored["repo_url"], "https://github.com/o/r")
        self.assertEqual(stored["commit_url"], "https://github.com/o/r/commit/abc1234")
        stored = self.post(git_repo="https://evil.example/github.com", git_commit_hash="abc1234")
        self.assertIsNone(stored["commit_url"])


class Listing(ServiceTestCase):
    def names(self, **parameters):
        return [run["run_id"] for run in self.service.runs(**parameters)]

    def post_named(self, name, **fields):
        self.post(run_id=name, **fields)

    def test_the_newest_come_first(self):
        self.post_named("second", created_at="2025-01-02T00:00:00Z")
        self.post_named("first", created_at="2025-01-01T00:00:00Z")
        self.post_named("third", created_at="2025-01-02T00:00:00Z")
        self.assertEqual(self.names(), ["third", "second", "first"])
        self.assertEqual(self.names(limit=1, offset=1), ["second"])
        self.assertEqual(self.names(offset=3), [])

    def test_no_run_is_an_empty_array(self):
        self.assertEqual(self.service.runs(), [])

    def test_the_limit_is_100_unless_given(self):
        for _ in range(101):
            self.post()
        self.assertEqual(len(self.service.runs()), 100)
        self.assertEqual(len(self.service.runs(limit=1000)), 101)

    def test_each_filter_finds_its_value_only(self):
        for name in ("agent_name", "job_type", "run_id", "parent_run_id", "product",
                     "product_family", "platform", "subdomain", "website", "website_section",
                     "environment", "host", "trigger_type", "insight_id", "git_repo", "git_branch"):
            wanted = self.post(**{name: f"the {name}'s; 100%_"})
            self.post(**{name: f"the {name}'s; 100%_x"})
            found = self.service.runs(**{name: f"the {name}'s; 100%_"})
            self.assertEqual([run["event_id"] for run in found], [wanted["event_id"]], name)

    def test_filters_hold_together(self):
        self.post_named("a", product="p", platform="x")
        self.post_named("b", product="p", platform="y")
        self.assertEqual(self.names(product="p", platform="y"), ["b"])
        self.assertEqual(self.names(product="p", platform="z"), [])

    def test_status_may_be_an_alias_a_list_or_given_often(self):
        for status in ("running", "success", "failure", "timeout"):
            self.post_named(status, status=status)
        self.assertEqual(self.names(status="FAILED"), ["failure"])
        self.assertEqual(self.names(status="failed,completed"), ["failure", "success"])
        self.assertEqual(self.names(status=["timeout", "running", "running"]),
                         ["timeout", "running"])

    def test_times_bound_what_is_found(self):
        for hour in (1, 2, 3):
            self.post_named(str(hour), created_at=f"2025-01-01T0{hour}:00:00Z",
                            start_time=f"2025-01-02T0{hour}:00:00Z",
                            end_time=f"2025-01-03T0{hour}:00:00Z")
        for parameters, found in (
            ({"created_before": "2025-01-01T02:00:00Z"}, ["1"]),
            ({"created_after": "2025-01-01T02:00:00Z"}, ["3"]),
            ({"start_time_from": "2025-01-02T02:00:00Z"}, ["3", "2"]),
            ({"start_time_to": "2025-01-02T02:00:00Z"}, ["2", "1"]),
            ({"end_time_from": "2025-01-03T02:00:00"}, ["3", "2"]),
            ({"end_time_to": "2025-01-03 02:00:00"}, ["2", "1"]),
            ({"created_after": "2025-01-01"}, ["3", "2", "1"]),
            ({"created_before": "2025-01-01T04:00:00+02:00"}, ["1"]),
        ):
            with self.subTest(parameters=parameters):
                self.assertEqual(self.names(**parameters), found)

    def test_a_plus_that_became_a_blank_is_an_offset(self):
        self.post_named("x", created_at="2025-01-01T01:00:00Z")
        response = self.service.get("/api/v1/runs?created_before=2025-01-01T04:00:00+02:00")
        self.assertEqual([run["run_id"] for run in response.json()], ["x"])

    def test_commits_are_found_by_seven_digits(self):
        self.post_named("a", git_commit_hash="0123456789abcdef")
        self.post_named("b", git_commit_hash="012345")
        self.assertEqual(self.names(git_commit_hash="0123456"), ["a"])
        self.assertEqual(self.names(git_commit_hash="012345"), ["b"])
        self.assertEqual(self.names(git_commit_hash="%" * 8), [])

    def test_agents_are_found_by_the_beginning_of_their_name(self):
        self.post_named("a", agent_name="launch.llm.x")
        self.post_named("b", agent_name="launchXllm.x")
        self.assertEqual(self.names(agent_prefix="launch.llm."), ["a"])

    def test_roots_have_no_parent(self):
        self.post_named("a")
        self.post_named("b", parent_run_id="a")
        self.post_named("c", parent_run_id="unknown")
        self.post_named("d", parent_run_id="")
        self.assertEqual(self.names(roots="true"), ["d", "c", "a"])
        self.assertEqual(self.names(roots="false"), ["d", "c", "b", "a"])

    def test_unknown_parameters_are_ignored(self):
        self.post_named("a")
        self.assertEqual(self.names(nonsense="1", id="55"), ["a"])

    def test_a_wrong_number_is_422(self):
        for name, values in (("limit", ("0", "1001", "-1", "x", "", "1.5", "9" * 30)),
                             ("offset", ("-1", "x", "9223372036854775808"))):
            for value in values:
                self.assert_faults(self.service.get("/api/v1/runs", params={name: value}),
                                   ("query", name))
        self.assert_faults(self.service.get("/api/v1/runs?limit=0&offset=-1&status=bad&roots=x"),
                           ("query", "limit"), ("query", "offset"), ("query", "roots"))

    def test_a_wrong_status_or_time_is_400_and_named(self):
        self.assert_detail(self.service.get("/api/v1/runs?status=bad"), 400, "status")
        self.assert_detail(self.service.get("/api/v1/runs?status="), 400, "status")
        for name in ("created_before", "created_after", "start_time_from", "start_time_to",
                     "end_time_from", "end_time_to"):
            self.assert_detail(self.service.get(f"/api/v1/runs?{name}=yesterday"), 400, name)

    def test_nul_in_the_url_is_400(self):
        self.assert_detail(self.service.get("/api/v1/runs?agent_name=a%00b"), 400, "NUL")
        self.assert_detail(self.service.get("/api/v1/runs/a%00b"), 400, "NUL")


class Paging(ServiceTestCase):
    """Deep paging: the Link header of an answer leads to the next one."""

    def setUp(self):
        super().setUp()
        self.service.post([a_run(run_id=str(i), created_at="2025-01-01T00:00:00Z",
                                 product="a&b=c d+e%" if i % 2 else None, status="success")
                           for i in range(10)], "/api/v1/runs/batch")

    def follow(self, url):
        """The pages from this URL on, as lists of run_ids."""
        while url:
            response = self.service.get(url)
            self.assertEqual(response.status_code, 200, response.text)
            yield [run["run_id"] for run in response.json()]
            url = response.links.get("next", {}).get("url")

    def test_pages_follow_each_other_without_gap_or_repeat(self):
        self.assertEqual(list(self.follow("/api/v1/runs?limit=4")),
                         [["9", "8", "7", "6"], ["5", "4", "3", "2"], ["1", "0"]])

    def test_the_last_page_has_no_link(self):
        for limit in (10, 11, 1000):
            self.assertNotIn("Link", self.service.get(f"/api/v1/runs?limit={limit}").headers)
        self.assertEqual(len(list(self.follow("/api/v1/runs?limit=5"))), 2)

    def test_the_filters_stay(self):
        response = self.service.get("/api/v1/runs", params={
            "limit": 2, "product": "a&b=c d+e%", "status": ["failed", "completed"],
            "created_after": "2024-01-01T00:00:00+02:00"})
        self.assertEqual(list(self.follow(response.links["next"]["url"])), [["5", "3"], ["1"]])

    def test_what_comes_meanwhile_shifts_nothing(self):
        pages = self.follow("/api/v1/runs?limit=5")
        self.assertEqual(next(pages), ["9", "8", "7", "6", "5"])
        self.post(run_id="new")
        self.assertEqual(next(pages), ["4", "3", "2", "1", "0"])

    def test_an_offset_counts_once(self):
        self.assertEqual(list(self.follow("/api/v1/runs?limit=4&offset=3")),
                         [["6", "5", "4", "3"], ["2", "1", "0"]])

    def test_the_header_is_a_link(self):
        link = self.service.get("/api/v1/runs?limit=9").headers["Link"]
        self.assertRegex(link, r'^</api/v1/runs\?limit=9&cursor=[0-9a-f]+-[0-9]+>; rel="next"$')

    def test_a_cursor_that_is_none_of_ours_is_400(self):
        for cursor in ("", "x", "1", "32-", "32-x"):
            self.assert_detail(self.service.get(f"/api/v1/runs?cursor={cursor}"), 400, "cursor")
        self.assert_faults(self.service.get("/api/v1/runs?cursor=x&limit=0"), ("query", "limit"))

    def test_times_of_any_form_can_be_paged_over(self):
        self.service.stop()
        connection = sqlite3.connect(self.database)
        connection.execute("UPDATE agent_runs SET created_at = '2025-01-01 00:00:00' WHERE id < 5")
        connection.commit()
        connection.close()
        self.service = self.start_service()
        self.assertEqual(sum(self.follow("/api/v1/runs?limit=1"), []),
                         [str(i) for i in range(9, -1, -1)])


class Paths(ServiceTestCase):
    def test_version_and_health(self):
        version = self.service.get("/version").json()
        self.assertEqual(version["name"], "telemetryd")
        health = self.service.get("/health")
        self.assertEqual(health.status_code, 200)
        self.assertEqual(health.json(), {
            "status": "ok", "version": version["version"], "db_path": str(self.database),
            "journal_mode": "DELETE", "synchronous": "FULL"})

    def test_an_unknown_path_is_404(self):
        for path in ("/", "/nope", "/api/v1/runs/", "/api/v1/runs/a/b", "/health/", "//health",
                     "/api/v1", "/HEALTH", "/a/b/c/d/e/f/g/h/i/j/k"):
            self.assert_detail(self.service.get(path), 404)

    def test_another_method_is_405_with_what_is_allowed(self):
        for method, path, allowed in (
            ("DELETE", "/api/v1/runs", "GET, HEAD, POST, OPTIONS"),
            ("POST", "/api/v1/runs/x", "GET, HEAD, PATCH, OPTIONS"),
            ("POST", "/health", "GET, HEAD, OPTIONS"),
            ("BREW", "/version", "GET, HEAD, OPTIONS"),
        ):
            response = self.service.request(method, path, data="{}")
            self.assert_detail(response, 405)
            self.assertEqual(response.headers["Allow"], allowed)

    def test_options_is_204_with_what_is_allowed(self):
        response = self.service.request("OPTIONS", "/api/v1/runs")
        self.assertEqual(response.status_code, 204)
        self.assertEqual(response.headers["Allow"], "GET, HEAD, POST, OPTIONS")
        self.assertEqual(response.content, b"")

    def test_head_is_get_without_the_body(self):
        run = self.post()
        for path in ("/health", "/api/v1/runs", "/api/v1/runs/" + run["event_id"], "/api/v1/runs/x"):
            get = self.service.get(path)
            head = self.service.request("HEAD", path)
            self.assertEqual(head.status_code, get.status_code)
            self.assertEqual(head.headers["Content-Length"], str(len(get.content)))
            self.assertEqual(head.content, b"")

    def test_a_connection_serves_many_requests(self):
        one = b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n"
        post = (b"POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")
        answers = harness.send_raw(self.service.port, one + post + one, answers=3)
        self.assertEqual([answer.status for answer in answers], [200, 422, 200])

    def test_no_answer_has_a_cors_header(self):
        for method in ("GET", "OPTIONS", "POST"):
            response = self.service.request(method, "/api/v1/runs",
                                            headers={"Origin": "http://evil.example"})
            self.assertFalse([name for name in response.headers if "access-control" in name.lower()])


if __name__ == "__main__":
    harness.main()
