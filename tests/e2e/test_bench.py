# SPDX-License-Identifier: MIT
"""The benchmarks run, whatever they measure here: what nobody runs rots."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest
import xml.etree.ElementTree

import harness

RUN = pathlib.Path(__file__).resolve().parents[2] / "bench" / "run"


class Bench(harness.TestCase):
    def run_bench(self, *arguments):
        return subprocess.run(
            [sys.executable, str(RUN), "--build", str(harness.BUILD_DIR), "--data",
             str(self.base / "data"), "--results", str(self.base / "results"), *arguments],
            check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=550)

    def report_of(self, *arguments):
        done = self.run_bench("--size", "smoke", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return (self.base / "results" / "REPORT.md").read_text(encoding="utf-8")

    def test_it_reports_every_measure_of_the_library(self):
        text = self.report_of("--part", "client")
        for measure in ("log_event", "buffer append", "start_run, service up",
                        "end_run, service silent", "start_run, in the background, service up",
                        "growth over 18 runs"):
            self.assertIn(measure, text)

    @unittest.skipUnless(shutil.which("wrk"), "needs wrk")
    @unittest.skipIf(os.environ.get("TELEMETRY_SANITIZE"), "it would take too long")
    def test_it_reports_every_measure_of_the_service(self):
        text = self.report_of("--part", "service")
        for measure in ("durable POST, 1 connection", "batch of 1000", "PATCH", "GET by event_id",
                        "list of 100", "tree of", "adopting", "start to first answer", "memory"):
            self.assertIn(f"| {measure}", text)
        figures = json.loads((self.base / "results" / "figures.json").read_text(encoding="utf-8"))
        for row in figures["Updates, 64 connections (ms)"]:
            self.assertEqual(row["errors"], 0, row)
        charts = list((self.base / "results").glob("*.svg"))
        self.assertEqual(len(charts), 3)
        for chart in charts:
            xml.etree.ElementTree.parse(chart)
        self.assertEqual(list((self.base / "data").iterdir()), [], "left behind")

    @unittest.skipUnless(shutil.which("wrk"), "needs wrk")
    def test_it_says_first_when_the_disk_is_too_small(self):
        done = self.run_bench("--size", "scale", "--rows", str(10**12), "--part", "service")
        self.assertEqual(done.returncode, 1)
        self.assertIn("GB", done.stderr)


if __name__ == "__main__":
    unittest.main()
