# SPDX-License-Identifier: MIT
"""What the service tells about itself and about what it keeps: /metrics and /api/v1/metadata."""
import shutil
import sqlite3
import subprocess

from prometheus_client import parser as prometheus
from prometheus_client.openmetrics import parser as openmetrics

import harness
from harness import a_run

OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"


class MetricsAsJson(harness.ServiceTestCase):
    def metrics(self):
        response = self.service.get("/metrics")
        self.assertEqual(response.status_code, 200, response.text)
        self.assertEqual(response.headers["Content-Type"], "application/json")
        return response.json()

    def test_nothing_is_counted_before_anything_came(self):
        metrics = self.metrics()
        self.assertEqual(metrics["total_runs"], 0)
        self.assertEqual(metrics["agents"], {})
        self.assertEqual(metrics["recent_24h"], 0)
        self.assertEqual(
            metrics["performance"], {"db_path": str(self.database), "journal_mode": "DELETE"}
        )

    def test_runs_are_counted_by_agent_the_busiest_first(self):
        for agent, count in ("a", 1), ("b", 3), ("c", 2):
            for _ in range(count):
                self.post(agent_name=agent)
        self.post(agent_name="a", created_at="2020-01-01T00:00:00Z")
        self.post(agent_name="a", created_at="2020-01-01T00:00:00Z", status="failed")
        metrics = self.metrics()
        self.assertEqual(metrics["total_runs"], 8)
        self.assertEqual(list(metrics["agents"].items()), [("a", 3), ("b", 3), ("c", 2)])
        self.assertEqual(metrics["recent_24h"], 6)
        self.assertEqual(metrics["statuses"]["running"], 7)
        self.assertEqual(metrics["statuses"]["failure"], 1)
        self.assertEqual(metrics["pending_exports"], 1)

    def test_what_came_in_is_counted_by_what_became_of_it(self):
        run = a_run()
        self.service.post(run)
        self.service.post(run)
        self.service.patch(run["event_id"], {"status": "success"})
        self.service.patch("nobody", {"status": "success"})
        metrics = self.metrics()
        self.assertEqual(
            metrics["writes"],
            {"created": 1, "duplicate": 1, "updated": 1, "not_found": 1, "invalid": 0},
        )
        self.assertEqual(metrics["commits"]["count"], 4)
        self.assertGreater(metrics["commits"]["seconds"], 0)

    def test_the_backlog_is_what_waits_in_the_buffer(self):
        (self.base / "buffer").mkdir(exist_ok=True)
        name = self.base / "buffer" / "telemetry_20251210_120000.jsonl.active"
        name.write_text("12345")  # an older client's, written to a moment ago
        self.assertEqual(self.metrics()["buffer"], {"files": 1, "bytes": 5})

    def test_what_other_programs_insert_is_counted_too(self):
        self.post()
        with sqlite3.connect(self.database) as connection:
            connection.execute("UPDATE agent_runs SET agent_name = 'somebody''s \"agent\"'")
        self.assertEqual(self.metrics()["agents"], {"somebody's \"agent\"": 1})


class MetricsAsText(harness.ServiceTestCase):
    def text(self, accept):
        response = self.service.get("/metrics", headers={"Accept": accept})
        self.assertEqual(response.status_code, 200, response.text)
        return response

    def samples(self, response):
        """All samples, read by the parser of Prometheus' own client."""
        parser = prometheus if "text/plain" in response.headers["Content-Type"] else openmetrics
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in parser.text_string_to_metric_families(response.text)
            for sample in family.samples
        }

    def test_the_format_follows_what_is_accepted(self):
        for accept, content_type in (
            ("text/plain", "text/plain; version=0.0.4; charset=utf-8"),
            (OPENMETRICS, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
            ("*/*", "application/json"),
            ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
            ("application/json, text/plain, */*", "application/json"),
            ("image/png", "application/json"),
        ):
            with self.subTest(accept=accept):
                response = self.text(accept)
                self.assertEqual(response.headers["Content-Type"], content_type)
                self.assertIn("Accept", response.headers["Vary"].split(", "))

    def test_both_formats_tell_the_same(self):
        self.post(agent_name="a", status="success", duration_ms=1500)
        self.post(agent_name="a")
        run = self.post(agent_name='b "\\\nä')
        self.service.patch(run["event_id"], {"status": "failed", "duration_ms": 90000000})
        self.service.patch(run["event_id"], {"status": "success"})  # it had ended
        for accept in "text/plain", OPENMETRICS:
            with self.subTest(accept=accept):
                samples = self.samples(self.text(accept))
                runs = {
                    tuple(dict(labels).values()): value
                    for (name, labels), value in samples.items()
                    if name == "telemetry_runs"
                }
                self.assertEqual(
                    runs,
                    {("a", "success"): 1, ("a", "running"): 1, ('b "\\\nä', "success"): 1},
                )
                self.assertEqual(samples["telemetry_writes_total", (("result", "created"),)], 3)
                self.assertEqual(samples["telemetry_run_duration_seconds_count", ()], 2)
                self.assertEqual(samples["telemetry_run_duration_seconds_sum", ()], 90001.5)
                bucket = "telemetry_run_duration_seconds_bucket"
                self.assertEqual(samples[bucket, (("le", "1.0"),)], 0)
                self.assertEqual(samples[bucket, (("le", "5.0"),)], 1)
                self.assertEqual(samples[bucket, (("le", "+Inf"),)], 2)
                self.assertEqual(samples["telemetry_commit_duration_seconds_count", ()], 5)
                self.assertGreater(samples["telemetry_store_bytes", ()], 0)
                self.assertGreater(samples["process_resident_memory_bytes", ()], 0)
                self.assertGreater(samples["process_open_fds", ()], 3)

    def test_agents_beyond_a_hundred_are_summed_up(self):
        runs = [a_run(agent_name=f"agent-{i}") for i in range(150)]
        runs += [a_run(agent_name="busy") for _ in range(2)] + [a_run(agent_name="(other)")]
        self.assertEqual(self.service.post(runs, "/api/v1/runs/batch").status_code, 200)
        samples = self.samples(self.text("text/plain"))
        agents = {dict(labels)["agent_name"]: value for (name, labels), value in samples.items()
                  if name == "telemetry_runs"}
        self.assertEqual(len(agents), 101)
        self.assertEqual(agents["busy"], 2)
        self.assertEqual(agents["(other)"], 52)
        self.assertEqual(sum(agents.values()), 153)

    def test_promtool_finds_nothing_to_complain_about(self):
        if not shutil.which("promtool"):
            self.skipTest("promtool is not installed (Debian package prometheus)")
        self.post(agent_name="a", status="success", duration_ms=1500)
        result = subprocess.run(
            ["promtool", "check", "metrics"],
            input=self.text("text/plain").text,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual((result.returncode, result.stdout + result.stderr), (0, ""))

    def test_no_text_has_a_token(self):
        service = self.start_service(
            base=self.base / "other",
            TELEMETRY_API_AUTH_ENABLED="true",
            TELEMETRY_API_AUTH_TOKEN="a-secret-token",
        )
        headers = {"Authorization": "Bearer a-secret-token"}
        self.assertEqual(service.get("/metrics").status_code, 401)
        for accept in "text/plain", "application/json":
            text = service.get("/metrics", headers={**headers, "Accept": accept}).text
            self.assertNotIn("a-secret-token", text)


class Metadata(harness.ServiceTestCase):
    def values(self, field):
        response = self.service.get(f"/api/v1/metadata/{field}")
        self.assertEqual(response.status_code, 200, response.text)
        answer = response.json()
        self.assertEqual(answer["field"], field)
        self.assertEqual(answer["count"], len(answer["values"]))
        return answer["values"]

    def test_agents_and_job_types_are_listed_once_and_sorted(self):
        for agent, job in ("b", "x"), ("a", "x"), ("b", "y"), ("ä", "x"):
            self.post(agent_name=agent, job_type=job)
        response = self.service.get("/api/v1/metadata")
        self.assertEqual(response.status_code, 200)
        self.assertEqual(
            response.json(),
            {
                "agent_names": ["a", "b", "ä"],
                "job_types": ["x", "y"],
                "counts": {"agent_names": 3, "job_types": 2},
                "cache_hit": False,
            },
        )

    def test_nothing_stored_is_nothing_listed(self):
        self.assertEqual(self.service.get("/api/v1/metadata").json()["agent_names"], [])
        self.assertEqual(self.values("host"), [])

    def test_each_category_is_listed(self):
        for field in ("agent_name", "job_type", "product", "product_family", "platform",
                      "subdomain", "website", "website_section", "environment", "host",
                      "trigger_type", "git_repo", "git_branch", "agent_owner"):
            with self.subTest(field=field):
                self.post(**{field: "zebra"})
                self.post(**{field: "ant"})
                self.assertEqual([v for v in self.values(field) if v in ("zebra", "ant")],
                                 ["ant", "zebra"])
        self.post(status="failed")
        self.assertEqual(self.values("status"), ["failure", "running"])

    def test_other_fields_are_404(self):
        for field in "event_id", "run_id", "start_time", "metrics_json", "nonsense", "id":
            self.assert_detail(self.service.get(f"/api/v1/metadata/{field}"), 404, "agent_name")


if __name__ == "__main__":
    harness.main()
