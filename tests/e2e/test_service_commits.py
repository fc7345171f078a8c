# SPDX-License-Identifier: MIT
"""The commit that came out of a run, links, and updates that merge."""
import concurrent.futures
import json

import requests

import harness
from harness import ServiceTestCase, a_run

COMMIT_COLUMNS = ("git_commit_hash", "git_commit_source", "git_commit_author", "git_commit_timestamp")


class CommitTestCase(ServiceTestCase):
    def associate(self, event_id, **fields):
        return self.service.post(fields, f"/api/v1/runs/{event_id}/associate-commit")


class Associating(CommitTestCase):
    def test_the_commit_is_stored_and_answered(self):
        before = self.post(run_id="the run")
        response = self.associate(before["event_id"], commit_hash="0123abcdef", commit_source="llm",
                                  commit_author="A <a@b>", commit_timestamp="yesterday", extra=1)
        self.assertEqual(response.status_code, 200, response.text)
        self.assertEqual(response.json(), {"status": "success", "event_id": before["event_id"],
                                           "run_id": "the run", "commit_hash": "0123abcdef"})
        after = self.get(before["event_id"])
        self.assertGreater(after["updated_at"], before["updated_at"])
        self.assertEqual(after, dict(before, git_commit_hash="0123abcdef", git_commit_source="llm",
                                     git_commit_author="A <a@b>", git_commit_timestamp="yesterday",
                                     updated_at=after["updated_at"]))

    def test_a_run_id_of_any_length_is_answered_whole(self):
        run = self.post(run_id="ü" * 1000)
        response = self.associate(run["event_id"], commit_hash="0123abc", commit_source="ci")
        self.assertEqual(response.json()["run_id"], "ü" * 1000)

    def test_what_is_not_given_becomes_null(self):
        run = self.post(git_commit_author="A", git_commit_timestamp="T")
        self.associate(run["event_id"], commit_hash="0123abc", commit_source="ci",
                       commit_author=None)
        after = self.get(run["event_id"])
        self.assertEqual([after[name] for name in COMMIT_COLUMNS], ["0123abc", "ci", None, None])

    def test_a_hash_has_7_to_40_characters(self):
        run = self.post()
        for commit_hash in ("0" * 7, "0" * 40, "ü" * 40):
            response = self.associate(run["event_id"], commit_hash=commit_hash,
                                      commit_source="manual")
            self.assertEqual(response.status_code, 200, commit_hash)
        for commit_hash in ("0" * 6, "0" * 41, "ü" * 6, "", 1234567):
            self.assert_faults(self.associate(run["event_id"], commit_hash=commit_hash,
                                              commit_source="manual"), ("body", "commit_hash"))

    def test_every_fault_is_named_as_it_was_sent(self):
        run = self.post()
        for fields, faulty in (
            ({}, ("commit_hash", "commit_source")),
            ({"commit_hash": None, "commit_source": None}, ("commit_hash", "commit_source")),
            ({"commit_hash": "0123abc", "commit_source": "robot"}, ("commit_source",)),
            ({"commit_hash": "0", "commit_source": "LLM", "commit_author": 5,
              "commit_timestamp": []},
             ("commit_hash", "commit_source", "commit_author", "commit_timestamp")),
            ({"git_commit_hash": "0123abc", "git_commit_source": "ci"},
             ("commit_hash", "commit_source")),
        ):
            self.assert_faults(self.associate(run["event_id"], **fields),
                               *(("body", name) for name in faulty))

    def test_the_body_is_checked_before_the_run_is_looked_up(self):
        path = "/api/v1/runs/no-such/associate-commit"
        self.assert_faults(self.send("[]", path=path), ("body",))
        self.assert_detail(self.send("{", path=path), 400)
        self.assert_detail(self.send(None, path=path), 400)
        self.assert_detail(self.associate("no-such", commit_hash="0123abc", commit_source="ci"),
                           404, "not found")

    def test_it_is_post_only(self):
        response = self.service.get("/api/v1/runs/x/associate-commit")
        self.assert_detail(response, 405)
        self.assertEqual(response.headers["Allow"], "POST, OPTIONS")


class Links(CommitTestCase):
    def test_links_follow_from_the_run(self):
        for repo, commit_url, repo_url in (
            ("git@github.com:o/r.git", "https://github.com/o/r/commit/0123abc", "https://github.com/o/r"),
            ("https://gitlab.com/o/r", "https://gitlab.com/o/r/-/commit/0123abc", "https://gitlab.com/o/r"),
            ("https://u:p@bitbucket.org/o/r/", "https://bitbucket.org/o/r/commits/0123abc",
             "https://bitbucket.org/o/r"),
            ("https://evil.example/github.com", None, "https://evil.example/github.com"),
            ("/srv/git", None, None),
            (None, None, None),
        ):
            run = self.post(git_repo=repo, git_commit_hash="0123abc")
            path = "/api/v1/runs/" + run["event_id"]
            self.assertEqual(self.service.get(path + "/commit-url").json(), {"commit_url": commit_url})
            self.assertEqual(self.service.get(path + "/repo-url").json(), {"repo_url": repo_url})
            self.assertEqual((run["commit_url"], run["repo_url"]), (commit_url, repo_url))

    def test_a_run_without_a_commit_has_no_link_to_one(self):
        run = self.post(git_repo="git@github.com:o/r.git")
        response = self.service.get(f"/api/v1/runs/{run['event_id']}/commit-url")
        self.assertEqual((response.status_code, response.json()), (200, {"commit_url": None}))

    def test_an_unknown_run_is_404(self):
        for name in ("commit-url", "repo-url"):
            self.assert_detail(self.service.get(f"/api/v1/runs/x/{name}"), 404, "not found")

    def test_they_are_get_only(self):
        for name in ("commit-url", "repo-url"):
            response = self.service.post({}, f"/api/v1/runs/x/{name}")
            self.assert_detail(response, 405)
            self.assertEqual(response.headers["Allow"], "GET, HEAD, OPTIONS")


class Merging(CommitTestCase):
    def patch(self, event_id, fields, merge="true"):
        return self.service.request("PATCH", f"/api/v1/runs/{event_id}?merge={merge}", json=fields)

    def test_keys_are_merged_and_null_removes(self):
        run = self.post(metrics_json={"a": 1, "b": {"c": 2, "d": 3}}, context_json={"x": [1]})
        response = self.patch(run["event_id"], {"metrics_json": {"a": None, "b": {"c": 9}, "e": [4]},
                                                "context_json": {"x": [2]}, "items_failed": 1})
        self.assertEqual(response.json()["fields_updated"],
                         ["metrics_json", "context_json", "items_failed"])
        stored = self.get(run["event_id"])
        self.assertEqual(stored["metrics_json"], {"b": {"c": 9, "d": 3}, "e": [4]})
        self.assertEqual(stored["context_json"], {"x": [2]})
        self.assertEqual(stored["items_failed"], 1)

    def test_what_is_no_object_replaces(self):
        run = self.post(metrics_json={"a": 1})
        self.patch(run["event_id"], {"metrics_json": [1]})
        self.assertEqual(self.get(run["event_id"])["metrics_json"], [1])
        self.patch(run["event_id"], {"metrics_json": '{"b": 1, "c": null}'})
        self.assertEqual(self.get(run["event_id"])["metrics_json"], {"b": 1})

    def test_null_leaves_the_field_alone(self):
        run = self.post(metrics_json={"a": 1})
        self.patch(run["event_id"], {"metrics_json": None, "items_failed": 1})
        self.assertEqual(self.get(run["event_id"])["metrics_json"], {"a": 1})

    def test_without_it_the_value_is_replaced(self):
        run = self.post(metrics_json={"a": 1})
        self.patch(run["event_id"], {"metrics_json": {"b": None}}, merge="false")
        self.assertEqual(self.get(run["event_id"])["metrics_json"], {"b": None})

    def test_merge_is_true_or_false(self):
        response = self.patch("no-such", {"duration_ms": -1}, merge="maybe")
        self.assert_faults(response, ("query", "merge"), ("body", "duration_ms"))
        self.assert_faults(self.send("{", "PATCH", "/api/v1/runs/x?merge=5"), ("query", "merge"))
        self.assert_faults(self.patch("no-such", {}, merge=""), ("query", "merge"))
        self.assert_detail(self.patch("no-such", {"items_failed": 1}), 404, "not found")

    def test_many_that_merge_at_once_lose_nothing(self):
        run = self.post(metrics_json={})

        def merge(number):
            return requests.patch(f"{self.service.url}/api/v1/runs/{run['event_id']}?merge=true",
                                  data=json.dumps({"metrics_json": {f"k{number}": number}}),
                                  timeout=harness.PATIENCE_SECONDS).status_code

        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            self.assertEqual(set(pool.map(merge, range(200))), {200})
        self.assertEqual(self.get(run["event_id"])["metrics_json"],
                         {f"k{number}": number for number in range(200)})


if __name__ == "__main__":
    harness.main()
