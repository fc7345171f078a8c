# SPDX-License-Identifier: MIT
"""The service's description of itself, for programs and for people."""
import base64
import hashlib
import html.parser
import os
import re
import shutil
import subprocess
import unittest

import harness
from openapi import Description


class OpenApi(harness.ServiceTestCase):
    def description(self):
        response = self.service.get("/openapi.json")
        self.assertEqual(response.status_code, 200)
        self.assertEqual(response.headers["Content-Type"], "application/json")
        return Description(response.json())

    def test_it_is_a_valid_description(self):
        description = self.description()
        description.check()
        self.assertEqual(description.document["info"]["version"],
                         self.service.get("/version").json()["version"])

    def test_everything_described_is_there(self):
        for path, method, _ in self.description().operations():
            response = self.service.request("OPTIONS", path.replace("{field}", "status"))
            self.assertIn(method.upper(), response.headers["Allow"].split(", "), path)

    def test_runs_are_described_by_their_fields(self):
        schemas = self.description().schemas
        run = self.post()
        self.assertEqual(set(schemas["Run"]["required"]), set(run))
        self.assertEqual(
            set(schemas["Run"]["properties"]),
            set(run) | {"metrics_json_parse_error", "context_json_parse_error"},
        )
        self.assertEqual(
            set(schemas["NewRun"]["required"]),
            {"event_id", "run_id", "agent_name", "job_type", "start_time"},
        )
        self.assertNotIn("id", schemas["NewRun"]["properties"])
        self.assertNotIn("run_id", schemas["RunUpdate"]["properties"])
        self.assertIn("end_time", schemas["RunUpdate"]["properties"])

    def test_every_parameter_of_lists_is_described(self):
        operation = self.description().operation("GET", "/api/v1/runs")
        described = {parameter["name"] for parameter in operation["parameters"]}
        self.assertEqual(
            described,
            set("""agent_name status job_type created_before created_after start_time_from
                start_time_to run_id parent_run_id product product_family platform subdomain website
                website_section environment host trigger_type insight_id git_repo git_branch
                git_commit_hash agent_prefix end_time_from end_time_to roots limit offset
                cursor""".split()),
        )

    def test_answers_are_what_is_described(self):
        description = self.description()
        run = self.post()
        for path in (f"/api/v1/runs/{run['event_id']}", "/api/v1/runs", "/metrics", "/health",
                     "/version", "/api/v1/metadata", "/api/v1/metadata/status", "/docs",
                     f"/api/v1/runs/{run['event_id']}/tree", "/api/v1/runs/none/tree",
                     "/api/v1/runs?limit=0", "/api/v1/runs?cursor=x", "/nothing"):
            response = self.service.get(path)
            description.validate_answer("GET", path, response.status_code,
                                        response.headers["Content-Type"], response.text)


class PageReader(html.parser.HTMLParser):
    """What a page consists of."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.ids = set()
        self.links = []
        self.text = {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        for name, value in attrs:
            if name == "id":
                assert value not in self.ids, value
                self.ids.add(value)
            if name == "href":
                self.links.append(value)

    def handle_data(self, data):
        if self.tags:
            self.text.setdefault(self.tags[-1][0], []).append(data)


class Docs(harness.ServiceTestCase):
    def setUp(self):
        super().setUp()
        self.response = self.service.get("/docs")
        self.page = PageReader(self.response.text)

    def test_the_page_is_html_that_nothing_can_run_in(self):
        self.assertEqual(self.response.status_code, 200)
        self.assertEqual(self.response.headers["Content-Type"], "text/html; charset=utf-8")
        self.assertEqual(self.response.headers["X-Content-Type-Options"], "nosniff")
        policy = self.response.headers["Content-Security-Policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        self.assertNotIn("script-src", policy)
        self.assertNotIn("script", {tag for tag, _ in self.page.tags})
        for _, attributes in self.page.tags:
            for name in attributes:
                self.assertNotRegex(name, "^(on|style$|src$)")

    def test_its_style_is_the_one_that_the_policy_lets_in(self):
        style = re.search("<style>(.*?)</style>", self.response.text, re.DOTALL).group(1)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        self.assertIn(f"style-src 'sha256-{digest}'",
                      self.response.headers["Content-Security-Policy"])

    def test_its_links_lead_to_the_page_itself_or_the_description(self):
        self.assertIn("/openapi.json", self.page.links)
        for link in set(self.page.links) - {"/openapi.json", "data:,"}:
            self.assertTrue(link.startswith("#"), link)
            self.assertIn(link[1:], self.page.ids)

    def test_it_shows_all_that_is_described(self):
        description = Description(self.service.get("/openapi.json").json())
        for path, method, operation in description.operations():
            self.assertIn(f"{method.upper()} {path}", self.page.text["code"])
            self.assertIn(operation["operationId"], self.page.ids)
            for parameter in operation["parameters"]:
                self.assertIn(parameter["name"], self.page.text["code"])
        for name, schema in description.schemas.items():
            self.assertIn(f"schema-{name}", self.page.ids)
            for member in schema.get("properties", {}):
                self.assertIn(member, self.page.text["code"])


@unittest.skipUnless(shutil.which("chromium"), "chromium is not installed")
class DocsInABrowser(harness.ServiceTestCase):
    def browse(self, url):
        """What a browser makes of a page, and the lines it wrote to its console meanwhile."""
        result = subprocess.run(
            ["chromium", "--headless=new", "--disable-gpu", "--disable-dev-shm-usage",
             "--disable-background-networking", f"--user-data-dir={self.base / 'browser'}",
             *["--no-sandbox"] * (os.geteuid() == 0), "--enable-logging=stderr", "--dump-dom", url],
            env=harness.environment(self.base), capture_output=True, text=True, check=False,
            timeout=harness.PATIENCE_SECONDS)
        if result.returncode:
            self.skipTest("chromium does not run here: " + result.stderr[-300:])
        console = [line for line in result.stderr.splitlines() if ":CONSOLE" in line]
        return result.stdout, console

    def test_it_shows_every_route_and_has_nothing_to_complain_about(self):
        _, console = self.browse("data:text/html,<script src=http://127.0.0.1:1/></script>"
                                 "<script>console.error('bad')</script>")
        self.assertTrue(console, "a complaint would not be seen")
        page, console = self.browse(self.service.url + "/docs")
        self.assertEqual(console, [])
        shown = PageReader(page).text["code"]
        description = Description(self.service.get("/openapi.json").json())
        for path, method, _ in description.operations():
            self.assertIn(f"{method.upper()} {path}", shown)


if __name__ == "__main__":
    harness.main()
