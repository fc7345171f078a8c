# SPDX-License-Identifier: MIT
"""Runs below runs: the tree, and commits for all of it."""
import sqlite3

import harness
from harness import a_run


class TreeTestCase(harness.ServiceTestCase):
    """Runs are called by one letter, which is their event_id; their run_id is "r-" and the letter."""

    def put(self, name, parent=None, minute=0, **fields):
        fields.setdefault("run_id", f"r-{name}")
        run = a_run(event_id=name, parent_run_id=parent,
                    start_time=f"2025-12-10T12:{minute:02}:00Z", **fields)
        response = self.service.post(run)
        self.assertEqual(response.status_code, 201, response.text)

    def tree(self, name, **parameters):
        response = self.service.get(f"/api/v1/runs/{name}/tree", params=parameters)
        self.assertEqual(response.status_code, 200, response.text)
        return response.json()

    def shape(self, name, **parameters):
        """The tree as text: a(b(c) d)."""

        def write(node):
            children = " ".join(write(child) for child in node["children"])
            return node["run"]["event_id"] + (f"({children})" if children else "")

        return write(self.tree(name, **parameters))


class Tree(TreeTestCase):
    def test_a_run_without_children_is_a_tree(self):
        self.put("a")
        tree = self.tree("a")
        self.assertEqual(set(tree), {"run", "children", "total", "truncated"})
        self.assertEqual(tree["run"], self.get("a"))
        self.assertEqual((tree["children"], tree["total"], tree["truncated"]), ([], 1, False))

    def test_children_name_their_parent_by_run_id_or_event_id(self):
        self.put("a")
        self.put("b", "r-a", 1)
        self.put("c", "a", 2)
        self.put("d", "r-b", 3)
        self.put("e", "r-unrelated", 4)
        tree = self.tree("a")
        self.assertEqual(self.shape("a"), "a(b(d) c)")
        self.assertEqual(tree["total"], 4)
        self.assertEqual(tree["children"][0]["run"], self.get("b"))
        self.assertEqual(set(tree["children"][0]), {"run", "children"})
        self.assertEqual(self.shape("b"), "b(d)")

    def test_a_run_whose_two_ids_are_the_same_has_its_children_once(self):
        self.put("a", run_id="a")
        self.put("b", "a", 1)
        self.assertEqual(self.shape("a"), "a(b)")

    def test_children_come_by_start_time(self):
        self.put("a")
        for name, minute in ("b", 3), ("c", 1), ("d", 2), ("e", 1):
            self.put(name, "r-a", minute)
        self.assertEqual(self.shape("a"), "a(c e d b)")

    def test_a_child_belongs_to_the_nearest_start_before_its_own(self):
        self.put("1", minute=10, run_id="job")
        self.put("2", minute=20, run_id="job")
        self.put("3", minute=30, run_id="job")
        for name, minute in ("early", 5), ("x", 10), ("y", 19), ("z", 20), ("w", 59):
            self.put(name, "job", minute)
        self.assertEqual(self.shape("1"), "1(early x y)")
        self.assertEqual(self.shape("2"), "2(z)")
        self.assertEqual(self.shape("3"), "3(w)")

    def test_an_event_id_names_its_run_whatever_its_start(self):
        self.put("1", minute=10, run_id="job")
        self.put("2", minute=20, run_id="job")
        self.put("x", "1", 30)
        self.put("y", "2", 5)
        self.assertEqual(self.shape("1"), "1(x)")
        self.assertEqual(self.shape("2"), "2(y)")

    def test_of_equal_starts_the_later_row_has_the_children(self):
        self.put("1", minute=10, run_id="job")
        self.put("2", minute=10, run_id="job")
        self.put("x", "job", 11)
        self.assertEqual(self.shape("1"), "1")
        self.assertEqual(self.shape("2"), "2(x)")

    def test_a_retry_may_be_below_the_run_it_repeats(self):
        self.put("1", minute=10, run_id="job")
        self.put("2", "job", 20, run_id="job")
        self.put("3", "job", 30, run_id="job")
        self.put("x", "job", 35)
        self.assertEqual(self.shape("1"), "1(2(3(x)))")

    def test_cycles_are_cut(self):
        self.put("a", "r-c", 1)
        self.put("b", "r-a", 2)
        self.put("c", "r-b", 3)
        self.put("self", "r-self", 4)
        self.put("own", "own", 5)
        self.assertEqual(self.shape("a"), "a(b(c))")
        self.assertEqual(self.shape("b"), "b(c(a))")
        self.assertEqual(self.shape("self"), "self")
        self.assertEqual(self.shape("own"), "own")

    def test_the_limit_bounds_the_runs_and_keeps_those_near_the_root(self):
        self.put("a")
        self.put("b", "r-a", 1)
        self.put("c", "r-b", 2)
        self.put("d", "r-a", 3)
        for limit, shape, truncated in ((1, "a", True), (2, "a(b)", True), (3, "a(b d)", True),
                                        (4, "a(b(c) d)", False), (50000, "a(b(c) d)", False)):
            with self.subTest(limit=limit):
                self.assertEqual(self.shape("a", limit=limit), shape)
                tree = self.tree("a", limit=limit)
                self.assertEqual((tree["total"], tree["truncated"]), (min(limit, 4), truncated))

    def test_the_depth_bounds_the_levels_below_the_root(self):
        self.put("a")
        self.put("b", "r-a", 1)
        self.put("c", "r-b", 2)
        for depth, shape, truncated in ((0, "a", True), (1, "a(b)", True), (2, "a(b(c))", False),
                                        (1000, "a(b(c))", False)):
            with self.subTest(depth=depth):
                self.assertEqual(self.shape("a", depth=depth), shape)
                self.assertEqual(self.tree("a", depth=depth)["truncated"], truncated)
        self.assertEqual(self.tree("c", depth=0)["truncated"], False)

    def test_bounds_that_are_none_are_422(self):
        self.put("a")
        for name, values in (("limit", ("0", "50001", "x", "-1", "")),
                             ("depth", ("-1", "1001", "1.5"))):
            for value in values:
                response = self.service.get("/api/v1/runs/a/tree", params={name: value})
                self.assert_faults(response, ("query", name))
        response = self.service.get("/api/v1/runs/nobody/tree", params={"limit": 0, "depth": -1})
        self.assert_faults(response, ("query", "limit"), ("query", "depth"))

    def test_an_unknown_run_is_404(self):
        self.assert_detail(self.service.get("/api/v1/runs/nobody/tree"), 404, "not found")

    def test_a_thousand_levels_are_shown(self):
        runs = [a_run(event_id="e0", run_id="r0")]
        runs += [a_run(event_id=f"e{i}", run_id=f"r{i}", parent_run_id=f"r{i - 1}")
                 for i in range(1, 1003)]
        self.assertEqual(self.service.post(runs, "/api/v1/runs/batch").status_code, 200)
        response = self.service.get("/api/v1/runs/e0/tree")
        self.assertTrue(response.text.endswith(',"total":1001,"truncated":true}'))
        self.assertEqual(response.text.count('{"run":'), 1001)
        self.assertEqual(self.service.get("/api/v1/runs/e0/tree?depth=999").text.count('"run":'),
                         1000)

    def test_rows_that_older_writers_left_do_it_no_harm(self):
        self.put("a")
        with sqlite3.connect(self.database) as connection:
            connection.execute("INSERT INTO agent_runs (event_id, run_id, agent_name, job_type,"
                               " start_time, parent_run_id) VALUES ('b', 'r-a', x'ff', 1, 'soon',"
                               " 'r-a')")
        self.assertEqual(self.shape("a"), "a(b)")


class CommitsOfTrees(TreeTestCase):
    COMMIT = {"commit_hash": "0123456789abcdef", "commit_source": "ci"}

    def associate(self, name, query=""):
        return self.service.post(self.COMMIT, f"/api/v1/runs/{name}/associate-commit{query}")

    def test_children_get_the_commit_too(self):
        self.put("a")
        self.put("b", "r-a", 1, git_commit_author="somebody")
        self.put("c", "b", 2)
        self.put("other")
        response = self.associate("a", "?children=true")
        self.assertEqual(response.status_code, 200, response.text)
        self.assertEqual(response.json(), {"status": "success", "event_id": "a", "run_id": "r-a",
                                           "commit_hash": self.COMMIT["commit_hash"],
                                           "children": 2})
        for name in "a", "b", "c":
            run = self.get(name)
            self.assertEqual(run["git_commit_hash"], self.COMMIT["commit_hash"])
            self.assertEqual(run["git_commit_source"], "ci")
            self.assertIsNone(run["git_commit_author"])
            self.assertGreaterEqual(run["updated_at"], run["created_at"])
        self.assertIsNone(self.get("other")["git_commit_hash"])

    def test_without_it_they_do_not(self):
        self.put("a")
        self.put("b", "r-a", 1)
        for query in "", "?children=false", "?children=0":
            self.assertNotIn("children", self.associate("a", query).json())
        self.assertIsNone(self.get("b")["git_commit_hash"])

    def test_a_run_without_children_has_none(self):
        self.put("a")
        self.assertEqual(self.associate("a", "?children=1").json()["children"], 0)

    def test_children_is_true_or_false_and_named_with_all_other_faults(self):
        self.put("a")
        response = self.service.post({"commit_hash": "1"},
                                     "/api/v1/runs/a/associate-commit?children=perhaps")
        self.assert_faults(response, ("query", "children"), ("body", "commit_hash"),
                           ("body", "commit_source"))

    def test_an_unknown_run_is_404(self):
        self.assert_detail(self.associate("nobody", "?children=true"), 404, "not found")


if __name__ == "__main__":
    harness.main()
