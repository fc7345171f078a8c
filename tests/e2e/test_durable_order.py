# SPDX-License-Identifier: MIT
"""What is on the disk before anybody is told, as the kernel saw it: the system calls of the real programs.

SQLite commits by removing its journal. Only a sync of the directory keeps that removal over a power
cut, so it has to come between the removal and the answer.
"""
import re
import subprocess
import sys

import harness

SKIPPED = 77
CALLS = "trace=unlink,write,sendto,sendmsg,fsync,fdatasync"


class DurableOrder(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.trace = self.base / "trace"
        self.under = ["strace", "-D", "-f", "-y", "-e", CALLS, "-o", str(self.trace)]

    def calls(self):
        """What matters of the trace, in order: (what, of which file or with which text)."""
        return [call[1:] for call in self.calls_of_threads()]

    def threads(self):
        """The same: (thread, what)."""
        return [call[:2] for call in self.calls_of_threads()]

    def calls_of_threads(self):
        kinds = {
            "commit": r'unlink\("([^"]*-journal)"\)',
            "sync": r"f(?:data)?sync\(\d+<([^>]*)>",
            "line": r"write\(\d+<([^>]*\.ndjson)>",
            "answer": r'send(?:to|msg)\(.*"HTTP/1\.1 (\d+)',
            "post": r'send(?:to|msg)\(.*"(POST|PATCH) ',
        }
        found = []
        for line in self.trace.read_text(errors="replace").splitlines():
            for kind, pattern in kinds.items():
                match = re.search(pattern, line)
                if match:
                    found.append((line.split()[0], kind, match.group(1)))
        return found

    def commits(self):
        """How many commits there were; each must be followed by the directory's sync at once."""
        calls = self.calls()
        commits = [i for i, (kind, _) in enumerate(calls) if kind == "commit"]
        for i in commits:
            self.assertEqual(calls[i + 1], ("sync", str(self.database.parent)), calls[i:i + 3])
        return len(commits)

    def test_the_service_answers_after_commit_and_sync_of_the_directory(self):
        service = self.start_service(under=self.under)
        run = harness.a_run()
        self.assertEqual(service.post(run).status_code, 201)
        self.assertEqual(service.patch(run["event_id"], {"status": "success"}).status_code, 200)
        self.assertEqual(service.post([harness.a_run()], "/api/v1/runs/batch").status_code, 200)
        self.assertEqual(service.stop(), 0)
        self.assertEqual(self.commits(), 1 + 3)  # the schema, and each of the writes
        calls = [call for call in self.calls() if call[0] in ("commit", "answer")]
        self.assertEqual([kind for kind, _ in calls], ["commit"] + 3 * ["commit", "answer"])

    def threads_of_a_post(self, service):
        """How many threads commit and answer."""
        before = len(self.threads())
        self.assertEqual(service.post(harness.a_run()).status_code, 201)
        return len({thread for thread, kind in self.threads()[before:]
                    if kind in ("commit", "answer")})

    def test_who_is_alone_has_its_run_written_by_the_thread_that_answers(self):
        service = self.start_service(under=self.under)
        harness.wait_until(lambda: self.threads_of_a_post(service) == 1,
                           "a post after the other connections have gone, and a quick commit")
        with harness.connect(service) as other:
            harness.ask(other, b"GET /docs HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertEqual(self.threads_of_a_post(service), 2)
        self.assertEqual(service.stop(), 0)

    def test_a_disk_that_takes_its_time_is_not_waited_for_by_the_thread_that_answers(self):
        service = self.start_service(under=[*self.under, "-e", "inject=fdatasync:delay_enter=30000"])
        self.threads_of_a_post(service)
        for _ in range(3):
            self.assertEqual(self.threads_of_a_post(service), 2)

    def test_an_embedded_client_syncs_the_directory_after_each_commit(self):
        self.run_traced("telemetry", "run", "--base", str(self.base), "--", "true")
        self.assertEqual(self.commits(), 1 + 2)

    def test_the_audit_trail_is_on_the_disk_before_the_service_is_asked(self):
        service = self.start_service()
        self.run_traced("telemetry", "run", "--", "true", TELEMETRY_API_URL=service.url)
        self.assertEqual([run["status"] for run in service.runs()], ["success"])
        calls = self.calls()
        lines = [i for i, (kind, _) in enumerate(calls) if kind == "line"]
        posts = [i for i, (kind, _) in enumerate(calls) if kind == "post"]
        self.assertEqual(len(lines), 2, calls)
        for line, post in zip(lines, posts):
            self.assertIn(("sync", calls[line][1]), calls[line:post])
        self.assertIn(("sync", str(self.base / "raw")), calls[:posts[0]], "the new file's name")

    def run_traced(self, name, *arguments, **settings):
        settings.setdefault("TELEMETRY_CALL_BUDGET_MS", 60000)
        under = [word for word in self.under if word != "-D"]
        result = subprocess.run([*under, harness.program(name), *arguments],
                                env=harness.environment(self.base, **settings),
                                capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)


if __name__ == "__main__":
    if not harness.can_trace():
        print("skipped: strace is not installed, may not trace, or meets a sanitizer")
        sys.exit(SKIPPED)
    harness.main()
