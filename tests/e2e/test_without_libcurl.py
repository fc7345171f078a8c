# SPDX-License-Identifier: MIT
"""A build without libcurl: what needs HTTP says so, all else works."""
import os
import pathlib
import subprocess
import unittest

import harness

ROOT = pathlib.Path(__file__).resolve().parents[2]


@unittest.skipIf(os.environ.get("TELEMETRY_SANITIZE"), "one more build under sanitizers proves no more")
class WithoutLibcurlTest(harness.TestCase):
    def test_a_build_without_libcurl_says_so_and_goes_on(self):
        build = self.base / "build"
        for command in (
            ["cmake", "-S", str(ROOT), "-B", str(build), "-DTEL_HTTP=OFF", "-DTEL_WERROR=ON",
             "-DCMAKE_BUILD_TYPE=Debug"],
            ["cmake", "--build", str(build), "-j2", "--target", "telemetry", "example_sheets",
             "example_agent"],
        ):
            result = subprocess.run(command, capture_output=True, text=True, check=False)
            self.assertEqual(result.returncode, 0, result.stdout[-2000:] + result.stderr[-2000:])
        library = build / "lib" / "libtelemetry.so"
        self.assertNotIn("curl", subprocess.check_output(["nm", "-D", library], text=True))

        export = {"GOOGLE_SHEETS_API_ENABLED": "true",
                  "GOOGLE_SHEETS_API_URL": "https://example.invalid/hook"}
        output = self.run_built(build, "examples/sheets", "crawler", "indexer", **export)
        skipped = "not exported: this library was built without libcurl"
        self.assertEqual(output, f"crawler: {skipped}\nindexer: {skipped}\n")

        words = self.base / "words"
        words.write_text("one two three\n")
        for mode in ("service", "embedded"):
            self.assertIn("3 words", self.run_built(build, "examples/agent", str(words),
                                                    TELEMETRY_MODE=mode, **export))
        listed = self.run_built(build, "telemetry", "list", "--json")
        self.assertEqual(listed.count('"example-agent"'), 2, listed)

    def run_built(self, build, name, *arguments, **settings):
        result = subprocess.run([str(build / "bin" / name), *arguments], capture_output=True,
                                text=True, check=False,
                                env=harness.environment(self.base, **settings))
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout


if __name__ == "__main__":
    harness.main()
