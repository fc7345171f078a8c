# SPDX-License-Identifier: MIT
"""telemetry run: the command's output on its way through."""
import hashlib
import os
import pathlib
import pty
import resource
import signal
import socket
import subprocess
import sys
import time
import unittest

import cli
import harness

TELEMETRY = harness.program("telemetry")
NOBODY = 65534
LARGE_BYTES = 200 * 1000 * 1000


class Output(cli.CliTestCase):
    def test_passes_byte_for_byte(self):
        script = "import os; os.write(1, bytes(range(256)) * 3); os.write(2, b'\\xff\\0\\r')"
        result = self.telemetry("run", "--", sys.executable, "-c", script)
        self.assertEqual(result.stdout, bytes(range(256)) * 3)
        self.assertEqual(result.stderr, b"\xff\0\r")

    def test_of_any_length_passes_in_little_memory(self):
        command = ["sh", "-c", f"yes 0123456789 | head -c {LARGE_BYTES}"]
        plain = hashlib.sha256(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        process = self.start("run", "--", *command, stdout=subprocess.PIPE)
        passed = hashlib.sha256()
        peaks = []
        for size in (LARGE_BYTES // 10, LARGE_BYTES // 2):
            passed.update(process.stdout.read(size))
            peaks.append(peak_kb(process.pid))
        passed.update(process.stdout.read())
        self.assertEqual((process.wait(), passed.hexdigest()), (0, plain.hexdigest()))
        self.assertLess(peaks[1], peaks[0] + 1024)

    def test_ends_the_command_when_its_reader_goes_away(self):
        process = self.start("run", "--", "yes", stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.read(2), b"y\n")
        process.stdout.close()
        self.assertEqual(process.wait(), -signal.SIGPIPE)
        self.assertEqual(self.only_run()["error_summary"], "killed by PIPE")

    def test_tells_the_command_at_its_first_write_that_the_reader_has_gone(self):
        script = "import sys, signal; signal.signal(13, 0); sys.stdin.read(); print('x', flush=True)"
        process = self.start(
            "run", "--", sys.executable, "-c", script, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        process.stdout.close()
        harness.wait_until(lambda: not has_pipe_reader(process.pid), "the pipe to be closed")
        process.stdin.close()
        self.assertEqual(process.wait(), -signal.SIGPIPE)

    def test_arrives_at_a_slow_reader_after_the_command_ended(self):
        process = self.start("run", "--", "head", "-c", "300000", "/dev/zero", stdout=subprocess.PIPE)
        time.sleep(0.5)  # longer than a grandchild is waited for; correct without it, too
        self.assertEqual(len(process.stdout.read()), 300000)
        self.assertEqual(process.wait(), 0)

    def test_arrives_before_it_ends_without_buffering(self):
        process = self.start(
            "run", "--", "sh", "-c", "printf a; read line; printf b", stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, bufsize=0,
        )
        self.assertEqual(process.stdout.read(1), b"a")
        process.stdin.close()
        self.assertEqual(process.stdout.read(), b"b")

    def test_of_both_streams_to_one_place_keeps_its_order(self):
        script = "for i in 1 2 3 4 5 6 7 8 9; do echo out $i; echo err $i >&2; done"
        expected = b"".join(b"out %d\nerr %d\n" % (i, i) for i in range(1, 10))
        result = self.telemetry("run", "--", "sh", "-c", script, stderr=subprocess.STDOUT)
        self.assertEqual(result.stdout, expected)
        with open(self.base / "log", "wb") as log:
            self.telemetry("run", "--", "sh", "-c", script, stdout=log, stderr=log)
        self.assertEqual((self.base / "log").read_bytes(), expected)
        with open(self.base / "out", "ab") as out, open(self.base / "out", "ab") as err:
            self.telemetry("run", "--", "sh", "-c", script, stdout=out, stderr=err)
        self.assertEqual((self.base / "out").read_bytes(), expected)

    def test_to_a_file_stands_where_it_would_without_us(self):
        log = self.base / "log"
        for flags in ("r+b", "ab"):
            log.write_bytes(b"0123456789")
            with open(log, flags) as file:
                file.seek(0 if flags == "r+b" else 10)
                self.telemetry("run", "--", "printf", "abc", stdout=file)
                subprocess.run(["printf", "de"], stdout=file, check=True)
            expected = b"abcde56789" if flags == "r+b" else b"0123456789abcde"
            self.assertEqual(log.read_bytes(), expected)

    def test_to_one_file_opened_twice_overwrites_itself_as_without_us(self):
        log = self.base / "log"
        with open(log, "wb") as out, open(log, "r+b") as err:
            self.telemetry(
                "run", "--", "sh", "-c", "printf aaaa; sleep 0.2; printf bb >&2", stdout=out,
                stderr=err,
            )
        self.assertEqual(log.read_bytes(), b"bbaa")

    def test_to_a_socket(self):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            process = self.start("run", "--", "head", "-c", "1000000", "/dev/zero", stdout=theirs)
            theirs.close()
            self.assertEqual(sum(map(len, iter(lambda: ours.recv(65536), b""))), 1000000)
            self.assertEqual(process.wait(), 0)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            process = self.start("run", "--", "yes", stdout=theirs)
            theirs.close()
            ours.recv(1)
            ours.close()
            self.assertEqual(process.wait(), -signal.SIGPIPE)

    def test_to_a_pipe_that_others_made_non_blocking(self):
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        process = self.start("run", "--", "head", "-c", "1000000", "/dev/zero", stdout=writer)
        os.close(writer)
        with open(reader, "rb") as stream:
            self.assertEqual(len(stream.read()), 1000000)
        self.assertEqual(process.wait(), 0)

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_to_a_full_pipe_of_somebody_else_does_not_hold_up_the_other_stream(self):
        reader, writer = os.pipe()
        os.chown(self.base, NOBODY, NOBODY)
        process = self.start(
            "run", "--", "sh", "-c", "head -c 1000000 /dev/zero & sleep 0.5; echo here >&2; wait",
            stdout=writer, stderr=subprocess.PIPE, user=NOBODY, group=NOBODY, extra_groups=[],
        )
        os.close(writer)
        self.assertEqual(process.stderr.readline(), b"here\n")
        with open(reader, "rb") as stream:
            self.assertEqual(len(stream.read()), 1000000)
        self.assertEqual(process.wait(), 0)

    def test_that_finds_no_room_ends_the_command(self):
        with open("/dev/full", "wb") as full:
            result = self.telemetry("run", "--", "yes", stdout=full)
        self.assertEqual(result.returncode, -signal.SIGPIPE)
        self.assertEqual(
            result.stderr,
            b"telemetry: run: cannot pass on the command's output: No space left on device\n",
        )

    def test_beyond_a_limit_of_file_size_ends_the_command(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000000, resource.RLIM_INFINITY))

        with open(self.base / "log", "wb") as log:
            result = self.telemetry("run", "--", "yes", stdout=log, preexec_fn=limit)
        self.assertEqual(result.returncode, -signal.SIGPIPE)
        self.assertEqual((self.base / "log").stat().st_size, 1000000)

    def test_stays_closed_when_it_was(self):
        report = self.base / "report"
        script = (
            "open=; for fd in 0 1 2; do test -e /proc/$$/fd/$fd && open=$open$fd; done;"
            f"echo open: $open >{report}"
        )
        for closed, expected in (((0,), "12"), ((1,), "02"), ((2,), "01"), ((0, 1, 2), "")):

            def close(closed=closed):
                for fd in closed:
                    os.close(fd)

            self.telemetry("run", "--", "sh", "-c", script, preexec_fn=close)
            self.assertEqual(report.read_text().strip(), f"open: {expected}".strip())
        self.assertEqual(len(self.list_runs()), 4)


class Capture(cli.CliTestCase):
    def test_none_leaves_both_streams_alone(self):
        script = "readlink /proc/self/fd/1 /proc/$PPID/fd/1"
        result = self.telemetry("run", "--capture=none", "--", "sh", "-c", f"{script}; exit 1")
        command, recorder = result.stdout.split()
        self.assertEqual(command, recorder)
        run = self.only_run()
        self.assertEqual((run["output_summary"], run["error_summary"]), (None, "exit 1"))

    def test_keeps_the_end_of_a_long_output(self):
        script = "seq 1 10000 >&2; exit 1"
        self.telemetry("run", "--tail", "50", "--", "sh", "-c", script)
        run = self.only_run()
        self.assertEqual(run["error_summary"], "10000")
        self.assertLessEqual(len(run["error_details"]), 50)
        self.assertTrue(run["error_details"].startswith("99"))

    def test_keeps_nothing_of_size_zero(self):
        self.telemetry("run", "--tail=0", "--", "sh", "-c", "echo out; echo err >&2; exit 1")
        run = self.only_run()
        self.assertEqual((run["output_summary"], run["error_summary"]), (None, "exit 1"))

    def test_leaves_a_terminal_to_the_command(self):
        output = self.run_on_terminal("run", "--", "sh", "-c", "test -t 1 && test -t 2 && echo yes")
        self.assertIn("yes", output)

    def test_of_a_terminal_when_told(self):
        output = self.run_on_terminal("run", "--capture=pipe", "--", "sh", "-c", "test -t 1; echo $?")
        self.assertTrue(output.startswith("1\r\n"), output)
        self.assertEqual(self.only_run()["output_summary"], "1")

    def run_on_terminal(self, *arguments):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(TELEMETRY, [TELEMETRY, *arguments], self.environment())
        output = b""
        try:
            while block := os.read(terminal, 65536):
                output += block
        except OSError:  # Linux says EIO at the end
            pass
        os.close(terminal)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        return output.decode()


class Grandchild(cli.CliTestCase):
    def test_that_holds_the_output_is_not_waited_for_for_ever(self):
        result = self.telemetry(
            "run", "--", "sh", "-c", "sleep 1000 & echo $!", stderr=subprocess.DEVNULL
        )
        self.assertEqual(result.returncode, 0)
        os.kill(int(result.stdout), signal.SIGKILL)
        self.assertEqual(self.only_run()["status"], "success")

    def test_that_goes_on_writing_is_not_waited_for_for_ever(self):
        process = self.start(
            "run", "--", "sh", "-c", "yes & true", stdout=subprocess.DEVNULL
        )
        self.assertEqual(process.wait(harness.PATIENCE_SECONDS), 0)


def peak_kb(pid):
    """The most memory that a process has had."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def has_pipe_reader(pid):
    """Does the recorder still read from a pipe of its own?"""
    for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        if int(fd.name) < 3 or not os.readlink(fd).startswith("pipe:"):
            continue
        info = pathlib.Path(f"/proc/{pid}/fdinfo/{fd.name}").read_text()
        if int(info.split("flags:")[1].split()[0], 8) & os.O_ACCMODE == os.O_RDONLY:
            return True
    return False


if __name__ == "__main__":
    harness.main()
