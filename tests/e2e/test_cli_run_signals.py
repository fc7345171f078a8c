# SPDX-License-Identifier: MIT
"""telemetry run: signals, from outside and from a terminal."""
import os
import pathlib
import pty
import signal
import subprocess
import sys
import time

import cli
import harness

TELEMETRY = harness.program("telemetry")
PASSED_ON = ("TERM", "HUP", "INT", "QUIT", "USR1", "USR2", "WINCH", "CONT")
CTRL_C = b"\x03"
CTRL_Z = b"\x1a"


def state_of(pid):
    """'S', 'T', ... or None when there is no such process any more."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return None


class WithoutTerminal(cli.CliTestCase):
    """The command is in a process group of its own; all that comes to the recorder goes to it."""

    def run_command(self, *command, **options):
        """Start it, and wait until it says something."""
        process = self.start(
            "run", "--", *command, start_new_session=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0, **options,
        )
        return process, process.stdout.readline()

    def test_each_signal_is_passed_on(self):
        script = (
            "import os, signal\n"
            "def tell(number, frame): os.write(1, signal.Signals(number).name.encode() + b'\\n')\n"
            f"for name in {PASSED_ON}: signal.signal(getattr(signal, 'SIG' + name), tell)\n"
            "print('ready', flush=True)\n"
            "while True: signal.pause()\n"
        )
        process, said = self.run_command(sys.executable, "-c", script)
        self.assertEqual(said, b"ready\n")
        for name in PASSED_ON:
            process.send_signal(getattr(signal, f"SIG{name}"))
            self.assertEqual(process.stdout.readline().decode(), f"SIG{name}\n")
        for _ in range(3):  # and again, as often as it comes
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.stdout.readline(), b"SIGTERM\n")

    def test_an_end_from_outside_is_a_cancelled_run(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            process, _ = self.run_command("sh", "-c", "echo ready; exec sleep 1000")
            process.send_signal(number)
            self.assertEqual(process.wait(), -number)
        runs = self.list_runs()
        self.assertEqual([run["status"] for run in runs], ["cancelled"] * 3)
        self.assertEqual(
            [run["error_summary"] for run in runs],
            ["cancelled by HUP", "cancelled by INT", "cancelled by TERM"],
        )

    def test_a_command_that_cleans_up_keeps_its_exit_status(self):
        script = "trap 'echo bye; exit 9' TERM; echo ready; while :; do sleep 0.01; done"
        process, _ = self.run_command("sh", "-c", script)
        process.terminate()
        self.assertEqual(process.stdout.read(), b"bye\n")
        self.assertEqual(process.wait(), 9)
        run = self.only_run()
        self.assertEqual((run["status"], run["output_summary"]), ("cancelled", "bye"))

    def test_other_signals_are_a_failure(self):
        for number in (signal.SIGQUIT, signal.SIGUSR1):
            process, _ = self.run_command("sh", "-c", "echo ready; exec sleep 1000")
            process.send_signal(number)
            self.assertEqual(process.wait(), -number)
        self.assertEqual([run["status"] for run in self.list_runs()], ["failure"] * 2)

    def test_children_of_the_command_get_them_and_nobody_else(self):
        script = "sleep 1000 & echo $!; wait"
        process, said = self.run_command("sh", "-c", script)
        grandchild = int(said)
        self.assertNotEqual(os.getpgid(grandchild), os.getpgid(process.pid))
        process.terminate()
        self.assertEqual(process.wait(), -signal.SIGTERM)
        harness.wait_until(lambda: state_of(grandchild) in (None, "Z"), "the grandchild's end")

    def test_none_is_lost_while_the_command_starts(self):
        for delay_ms in range(40):
            process = self.start("run", "--", "sleep", "1000", start_new_session=True)
            time.sleep(delay_ms / 2000)
            process.terminate()
            self.assertEqual(process.wait(harness.PATIENCE_SECONDS), -signal.SIGTERM)

    def test_what_the_caller_ignores_cancels_nothing(self):
        process, _ = self.run_command(
            "sh", "-c", "echo ready; read line; echo done",
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
        )
        process.send_signal(signal.SIGHUP)
        process.stdin.close()
        self.assertEqual(process.stdout.read(), b"done\n")
        self.assertEqual(process.wait(), 0)
        self.assertEqual(self.only_run()["status"], "success")

    def test_a_stop_is_passed_on(self):
        process, said = self.run_command("sh", "-c", "echo $$; read line; exit 5")
        command = int(said)
        process.send_signal(signal.SIGTSTP)
        harness.wait_until(lambda: state_of(command) == "T", "the command to stop")
        process.send_signal(signal.SIGCONT)
        harness.wait_until(lambda: state_of(command) == "S", "the command to go on")
        process.stdin.close()
        self.assertEqual(process.wait(), 5)

    def test_a_command_that_is_slow_to_read_does_not_hold_them_up(self):
        process = self.start(
            "run", "--", "yes", start_new_session=True, stdout=subprocess.PIPE
        )
        self.assertEqual(process.stdout.read(2), b"y\n")  # and no more: both pipes fill up
        process.terminate()
        self.assertEqual(process.wait(harness.PATIENCE_SECONDS), -signal.SIGTERM)

    def test_after_its_end_they_end_the_wait_for_a_reader_of_its_output(self):
        note = self.base / "pid"
        script = f"head -c 100000 /dev/zero; echo $$ > {note}"  # more than a pipe takes, less than two
        for number in (signal.SIGTERM, signal.SIGQUIT):
            process = self.start("run", "--", "sh", "-c", script, start_new_session=True,
                                 stdout=subprocess.PIPE)
            command = harness.wait_until(lambda: note.exists() and note.read_text(), "its output")
            harness.wait_until(lambda: state_of(int(command)) is None, "its end")
            process.send_signal(number)
            self.assertEqual(process.wait(harness.PATIENCE_SECONDS), 0)
            note.unlink()
        self.assertEqual([run["status"] for run in self.list_runs()], ["success"] * 2)

    def test_the_command_lives_on_when_the_recorder_is_killed(self):
        process = self.start(
            "run", "--capture=none", "--", "sh", "-c", "echo $$; read line; echo on",
            start_new_session=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
        )
        process.stdout.readline()
        process.kill()
        process.wait()
        process.stdin.close()
        self.assertEqual(process.stdout.read(), b"on\n")


class OnTerminal(cli.CliTestCase):
    """The command is in the recorder's process group, and the terminal's signals reach both."""

    def fork_on_terminal(self, child):
        """Run `child()` on a terminal of its own; it must not return."""
        pid, terminal = pty.fork()
        if pid == 0:
            try:
                child()
            finally:
                os._exit(99)
        stream = os.fdopen(terminal, "r+b", buffering=0)
        self.addCleanup(stream.close)
        return pid, stream

    @staticmethod
    def read_until(stream, text):
        output = b""
        while text not in output:
            try:
                output += stream.read(1)
            except OSError as error:  # Linux says EIO at the end
                raise AssertionError(f"waited in vain for {text}, after {output}") from error
        return output

    def execute(self, *arguments):
        os.execve(TELEMETRY, [TELEMETRY, *arguments], self.environment())

    def test_ctrl_c_reaches_the_command_once(self):
        script = (
            "import os, signal, sys\n"
            "count = 0\n"
            "def tell(number, frame):\n"
            "    global count; count += 1; os.write(1, b'INT %d\\n' % count)\n"
            "signal.signal(signal.SIGINT, tell)\n"
            "os.write(1, b'ready\\n')\n"
            "sys.stdin.readline()\n"
            "os.write(1, b'in all %d\\n' % count)\n"
        )
        pid, terminal = self.fork_on_terminal(
            lambda: self.execute("run", "--", sys.executable, "-c", script)
        )
        self.read_until(terminal, b"ready")
        for count in (1, 2):
            terminal.write(CTRL_C)
            self.read_until(terminal, b"INT %d" % count)
        terminal.write(b"go on\n")
        self.read_until(terminal, b"in all 2")
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        self.assertEqual(self.only_run()["status"], "success")

    def test_ctrl_c_ends_both(self):
        pid, terminal = self.fork_on_terminal(
            lambda: self.execute("run", "--", "sh", "-c", "echo ready; exec sleep 1000")
        )
        self.read_until(terminal, b"ready")
        terminal.write(CTRL_C)
        closing = self.read_until(terminal, b"telemetry show")
        self.assertIn(b"killed by INT after", closing)
        self.assertEqual(os.waitpid(pid, 0)[1], signal.SIGINT)
        run = self.only_run()
        self.assertEqual((run["status"], run["error_summary"]), ("cancelled", "cancelled by INT"))

    def test_a_signal_to_the_recorder_alone_is_passed_on(self):
        pid, terminal = self.fork_on_terminal(
            lambda: self.execute("run", "--", "sh", "-c", "echo ready; exec sleep 1000")
        )
        self.read_until(terminal, b"ready")
        os.kill(pid, signal.SIGTERM)
        self.read_until(terminal, b"telemetry show")
        self.assertEqual(os.waitpid(pid, 0)[1], signal.SIGTERM)

    def test_ctrl_z_stops_both_and_fg_goes_on(self):
        report_reader, report = os.pipe()
        go_on, go_on_writer = os.pipe()
        report_stream = os.fdopen(report_reader, "rb", buffering=0)
        self.addCleanup(report_stream.close)
        self.addCleanup(os.close, go_on_writer)

        def shell():
            """As much of a shell as job control takes."""
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            job = os.fork()
            if job == 0:
                os.setpgid(0, 0)
                os.tcsetpgrp(0, os.getpid())
                signal.signal(signal.SIGTTOU, signal.SIG_DFL)
                self.execute("run", "--", "sh", "-c", "echo pid $$; read a; echo got $a; exit 5")
            for _ in range(2):
                _, status = os.waitpid(job, os.WUNTRACED)
                os.write(report, b"%d %d\n" % (job, status))
                os.tcsetpgrp(0, os.getpgid(0))
                os.read(go_on, 1)
                os.tcsetpgrp(0, job)
                os.kill(-job, signal.SIGCONT)
            _, status = os.waitpid(job, os.WUNTRACED)
            os.write(report, b"%d %d\n" % (job, status))
            os._exit(0)

        pid, terminal = self.fork_on_terminal(shell)
        os.close(report)
        os.close(go_on)
        self.read_until(terminal, b"pid ")
        command = int(self.read_until(terminal, b"\r\n"))
        for _ in range(2):
            terminal.write(CTRL_Z)
            recorder, status = map(int, report_stream.readline().split())
            self.assertTrue(os.WIFSTOPPED(status))
            self.assertEqual(os.WSTOPSIG(status), signal.SIGTSTP)
            self.assertEqual((state_of(recorder), state_of(command)), ("T", "T"))
            os.write(go_on_writer, b"x")
            harness.wait_until(
                lambda: state_of(recorder) == "S" and state_of(command) == "S", "both to go on"
            )
        terminal.write(b"hello\n")
        self.read_until(terminal, b"got hello")
        _, status = map(int, report_stream.readline().split())
        self.assertEqual(os.waitstatus_to_exitcode(status), 5)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    harness.main()
