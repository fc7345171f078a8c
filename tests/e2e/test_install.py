# SPDX-License-Identifier: MIT
"""What `make install` installs, used as README says: its C program, word for word, shared and static."""
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess

import harness

ROOT = pathlib.Path(__file__).resolve().parents[2]
SANITIZE = os.environ.get("TELEMETRY_SANITIZE", "")
FLAGS = ["-std=c17", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
FLAGS += [f"-fsanitize={SANITIZE}"] if SANITIZE else []
FLAGS += ["--coverage"] if os.environ.get("TELEMETRY_COVERAGE") else []


class InstallTest(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.root = self.base / "root"
        subprocess.run(["cmake", "--install", str(harness.BUILD_DIR)], check=True,
                       capture_output=True, env={**os.environ, "DESTDIR": str(self.root)})
        [self.pc] = self.root.rglob("telemetry.pc")
        self.lib = self.pc.parents[1]

    def installed(self, name):
        """The only file of that name."""
        [path] = self.root.rglob(name)
        return path

    def pkg_config(self, *arguments):
        """What pkg-config says, of a file system that begins at our root."""
        environment = {"PATH": os.environ["PATH"], "PKG_CONFIG_PATH": str(self.pc.parent),
                       "PKG_CONFIG_SYSROOT_DIR": str(self.root)}
        return subprocess.run(["pkg-config", *arguments, "telemetry"], check=True, text=True,
                              capture_output=True, env=environment).stdout.split()

    def build_readme_program(self, *libs):
        code = re.search(r"```c\n(.*?)```", (ROOT / "README.md").read_text(), re.S).group(1)
        source, executable = self.base / "translator.c", self.base / "translator"
        source.write_text(code)
        subprocess.run(["cc", *FLAGS, *self.pkg_config("--cflags"), str(source), *libs, "-o",
                        str(executable)], check=True)
        return str(executable)

    def check_readme_program(self, executable):
        environment = harness.environment(self.base, TELEMETRY_MODE="embedded",
                                          LD_LIBRARY_PATH=self.lib)
        output = subprocess.run([executable, "one", "two"], env=environment, check=True,
                                capture_output=True, text=True).stdout
        self.assertEqual(output, "translating one\ntranslating two\n")
        with sqlite3.connect(self.database) as database:
            rows = database.execute("SELECT agent_name, job_type, status, items_discovered, "
                                    "items_succeeded, items_failed FROM agent_runs").fetchall()
        database.close()
        self.assertEqual(rows, [("translator", "pages", "success", 2, 2, 0)])

    def test_the_readmes_program_records_its_run_with_the_shared_library(self):
        executable = self.build_readme_program(*self.pkg_config("--libs"))
        self.check_readme_program(executable)
        self.assertIn("libtelemetry.so.0", self.libraries_of(executable))

    def test_the_readmes_program_records_its_run_with_the_static_library(self):
        for shared in self.lib.glob("libtelemetry.so*"):
            shared.unlink()
        executable = self.build_readme_program(*self.pkg_config("--static", "--libs"))
        self.check_readme_program(executable)
        self.assertNotIn("libtelemetry", self.libraries_of(executable))

    def libraries_of(self, executable):
        return subprocess.run(["ldd", executable], check=True, capture_output=True, text=True,
                              env={**os.environ, "LD_LIBRARY_PATH": str(self.lib)}).stdout

    def test_the_manual_is_there(self):
        made = harness.BUILD_DIR / "man"
        pages = {str(path.relative_to(made)) for path in made.rglob("*.[0-9]")}
        self.assertLessEqual({"man1/telemetry.1", "man1/telemetry-run.1", "man3/telemetry.3",
                              "man3/tel_run_start.3", "man8/telemetryd.8"}, pages)
        directory = self.installed("man1").parent
        self.assertEqual(directory.parts[-2:], ("share", "man"))
        self.assertEqual({str(path.relative_to(directory)) for path in directory.rglob("*")
                          if path.is_file()}, pages)

    def test_pkg_config_knows_the_prefix(self):
        [prefix] = self.pkg_config("--variable=prefix")
        self.assertTrue(str(self.installed("telemetry")).endswith(f"{prefix}/bin/telemetry"), prefix)

    def test_the_version_is_the_same_everywhere(self):
        version = self.pkg_config("--modversion")[0]
        self.assertTrue((self.lib / f"libtelemetry.so.{version}").is_file())
        for name in ("telemetry", "telemetryd"):
            said = subprocess.run([self.installed(name), "--version"], check=True,
                                  capture_output=True, text=True).stdout
            self.assertEqual(said, f"{name} {version}\n")

    def test_the_programs_need_nothing_of_the_tree_they_were_built_in(self):
        program = shutil.copy(self.installed("telemetry"), self.base)
        environment = harness.environment(self.base, TELEMETRY_API_URL="http://127.0.0.1:1")
        subprocess.run([program, "run", "--", "true"], check=True, env=environment)
        said = subprocess.run([program, "list"], check=True, env=environment, capture_output=True,
                              text=True).stdout
        self.assertRegex(said, r"(?m)^. ok +true +command ")


if __name__ == "__main__":
    harness.main()
