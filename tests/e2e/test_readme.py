"""The README's C program, word for word: it compiles against the built library and records its run."""

import os
import pathlib
import re
import sqlite3
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["TELEMETRY_BUILD_DIR"])
SANITIZE = os.environ.get("TELEMETRY_SANITIZE", "")


class ReadmeTest(unittest.TestCase):
    def test_the_c_program_records_its_run(self):
        code = re.search(r"```c\n(.*?)```", (ROOT / "README.md").read_text(), re.S).group(1)
        with tempfile.TemporaryDirectory() as directory:
            base = pathlib.Path(directory)
            source, program = base / "translator.c", base / "translator"
            source.write_text(code)
            subprocess.run(
                ["cc", "-std=c17", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
                + ([f"-fsanitize={SANITIZE}"] if SANITIZE else [])
                + [f"-I{ROOT}/include", str(source), "-o", str(program)]
                + [f"-L{BUILD}/lib", f"-Wl,-rpath,{BUILD}/lib", "-ltelemetry"],
                check=True)
            environment = dict(os.environ, HOME=directory, TELEMETRY_BASE_DIR=directory,
                               TELEMETRY_MODE="embedded")
            output = subprocess.run([program, "one", "two"], env=environment, check=True,
                                    capture_output=True, text=True).stdout
            self.assertEqual(output, "translating one\ntranslating two\n")
            with sqlite3.connect(base / "db" / "telemetry.sqlite") as database:
                rows = database.execute("SELECT agent_name, job_type, status, items_discovered, "
                                        "items_succeeded, items_failed FROM agent_runs").fetchall()
            database.close()
            self.assertEqual(rows, [("translator", "pages", "success", 2, 2, 0)])


if __name__ == "__main__":
    unittest.main()
