# SPDX-License-Identifier: MIT
"""run.sh, with the programs that are built already: what it starts, shows, says and leaves."""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess

import harness

ROOT = pathlib.Path(__file__).resolve().parents[2]


def port_of(said):
    return re.search(r"The service is at http://127\.0\.0\.1:(\d+)", said).group(1)


def as_a_shell_starts_it():
    """Whoever started the tests may ignore signals, which a shell script cannot undo."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class RunShTest(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.tree = self.base / "tree"
        (self.tree / "tools").mkdir(parents=True)
        (self.tree / "build" / "release").mkdir(parents=True)
        shutil.copy(ROOT / "run.sh", self.tree)
        setup = self.tree / "tools" / "setup"
        setup.write_text("#!/bin/sh\n")
        setup.chmod(0o755)
        (self.tree / "Makefile").write_text("release:\n")
        (self.tree / "build" / "release" / "bin").symlink_to(harness.BUILD_DIR / "bin")
        self.data = self.base / "data"

    def start(self, *arguments, **settings):
        """Start it like a shell's foreground job: in a process group of its own."""
        process = subprocess.Popen(
            [str(self.tree / "run.sh"), *arguments],
            env=harness.environment(self.data, TELEMETRY_CALL_BUDGET_MS=60000, **settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=as_a_shell_starts_it,
        )
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        return process

    def serve(self, *arguments, **settings):
        """Start it and read until it serves; return the process and what it said."""
        process = self.start(*arguments, **settings)
        said = []
        for line in process.stdout:
            said.append(line)
            if "Ctrl-C ends it" in line:
                return process, "".join(said)
        self.fail("it never served:\n" + "".join(said))

    def test_it_records_two_runs_shows_them_and_says_where_they_are(self):
        process, said = self.serve("--port=0")
        self.assertRegex(said, r"(?m)^. ok +demo +hello ")
        self.assertRegex(said, r"(?m)^. ok +example-agent +demo ")
        for path in ("db/telemetry.sqlite", "raw", "buffer"):
            self.assertIn(str(self.data / path), said)
            self.assertTrue((self.data / path).exists(), path)
        log = re.search(r"log +(\S+)", said).group(1)
        self.assertIn("listening on", pathlib.Path(log).read_text())
        self.assertEqual(list((self.data / "buffer").iterdir()), [], "the service took both")
        process.terminate()
        self.assertEqual(process.wait(harness.PATIENCE_SECONDS), 0)

    def test_what_to_type_next_works_as_it_is_printed(self):
        _, said = self.serve("--port", "0")
        block = said.split("in another terminal\n")[1].split("\n\n")[0]
        script = block.replace("make test", "true")
        result = subprocess.run(["sh", "-ec", script], env=harness.environment(self.base / "none"),
                                capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r"(?m)^. ok +true +command ")
        self.assertIn("example-agent", result.stdout)

    def test_ctrl_c_ends_it_and_its_service(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number):
                process, said = self.serve("--port", "0")
                os.killpg(process.pid, number)
                self.assertEqual(process.wait(harness.PATIENCE_SECONDS), 0)
                with self.assertRaises(ConnectionRefusedError):
                    socket.create_connection(("127.0.0.1", int(port_of(said)))).close()

    def test_a_port_that_is_taken_is_said_with_who_has_it_and_another(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            process = self.start("--port", str(port))
            said = process.stdout.read()
        self.assertEqual(process.wait(harness.PATIENCE_SECONDS), 1)
        self.assertIn(f"127.0.0.1:{port} is in use by process {os.getpid()} ", said)
        self.assertRegex(said, r"run\.sh: or start another beside it: \./run\.sh --port \d+\n$")

    def test_a_second_one_beside_the_first_says_what_would_work(self):
        _, said = self.serve("--port", "0")
        process = self.start("--port", port_of(said))
        said = process.stdout.read()
        self.assertEqual(process.wait(harness.PATIENCE_SECONDS), 1)
        self.assertRegex(said, r"is locked by pid \d+ on host ")
        self.assertRegex(said, r"\./run\.sh --base DIRECTORY --port \d+\n$")
        self.serve("--base", str(self.base / "other"), "--port", "0")

    def test_wrong_options_are_2(self):
        for arguments in (["--port"], ["--port", "many"], ["--port="], ["--frob"], ["argument"]):
            with self.subTest(arguments=arguments):
                process = self.start(*arguments)
                self.assertIn("run.sh: ", process.stdout.read())
                self.assertEqual(process.wait(harness.PATIENCE_SECONDS), 2)


if __name__ == "__main__":
    harness.main()
