# SPDX-License-Identifier: MIT
"""The benchmarks run, whatever they measure here: what nobody runs rots."""
import pathlib
import subprocess
import sys
import unittest

import harness

RUN = pathlib.Path(__file__).resolve().parents[2] / "bench" / "run"


class Bench(harness.TestCase):
    def test_it_reports_every_measure(self):
        report = self.base / "report.md"
        subprocess.run([sys.executable, str(RUN), "--build", str(harness.BUILD_DIR), "--rounds", "1",
                        "--calls", "2", "--runs", "20", "--output", str(report)],
                       check=True, stdout=subprocess.DEVNULL, timeout=110)
        text = report.read_text(encoding="utf-8")
        for measure in ("log_event", "buffer append", "start_run, service up",
                        "end_run, service silent", "growth over 18 runs"):
            self.assertIn(measure, text)


if __name__ == "__main__":
    unittest.main()
