# SPDX-License-Identifier: MIT
"""A client and what hosts do with processes: fork beside runs, prefork, exec."""
import ctypes
import os
import pathlib
import subprocess
import sys
import unittest

import harness
import native

HOST = pathlib.Path(__file__).with_name("recording_host.py")
CHILDREN = 4
MAKE_DESCRIPTORS = "open,openat,socket,socketpair,eventfd,eventfd2,dup,dup2,dup3"


# ---- What records, in a process of its own -------------------------------------------------------

def make_client(library):
    client = ctypes.c_void_p()
    assert library.tel_client_new(ctypes.byref(client), None) == 0
    return client


def start(library, client, agent):
    run_id = ctypes.create_string_buffer(256)
    assert library.tel_client_start_run(client, run_id, agent, b"test", None) == 0
    return run_id.value


def fork_and_record():
    """A prefork server: one client, a run before the fork, and runs on both sides of it."""
    library = native.load()
    client = make_client(library)
    parents = start(library, client, b"parent")
    children = []
    for _ in range(CHILDREN):
        child = os.fork()
        if child == 0:
            run_id = start(library, client, b"child")
            ended = library.tel_client_end_run(client, run_id, b"success", None)
            library.tel_client_free(client)
            os._exit(0 if ended == 0 else 1)
        children.append(child)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    assert library.tel_client_end_run(client, parents, b"success", None) == 0
    library.tel_client_free(client)


def list_what_exec_inherits():
    """Print the descriptors that a program finds open, before and beside a client that is at work."""
    def inherited():
        listing = subprocess.run(["ls", "/proc/self/fd"], stdout=subprocess.PIPE, close_fds=False,
                                 check=True, text=True)
        return sorted(map(int, listing.stdout.split()))

    library = native.load()
    before = inherited()
    client = make_client(library)
    start(library, client, b"agent")
    after = inherited()
    print(before == after)
    library.tel_client_free(client)


# ---- What must become of it ----------------------------------------------------------------------

class ProcessTest(harness.TestCase):
    def act(self, role, url):
        settings = {"TELEMETRY_API_URL": url, "TELEMETRY_CALL_BUDGET_MS": 60000, **native.settings()}
        result = subprocess.run([sys.executable, __file__, role], capture_output=True, text=True,
                                env=harness.environment(self.base, **settings), check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def assert_all_are_there_once(self, service):
        def all_there():
            runs = service.runs()
            return runs if len(runs) >= 1 + CHILDREN and all(
                run["status"] == "success" for run in runs) else None
        runs = harness.wait_until(all_there, "all runs to end")
        agents = sorted(run["agent_name"] for run in runs)
        self.assertEqual(agents, CHILDREN * ["child"] + ["parent"])

    def test_parent_and_children_record_to_the_service(self):
        service = self.start_service()
        self.act("fork", service.url)
        self.assert_all_are_there_once(service)
        self.assertEqual(list((self.base / "buffer").glob("*")), [])

    def test_parent_and_children_record_while_it_is_away(self):
        self.act("fork", "http://127.0.0.1:1")
        self.assertEqual(len(list((self.base / "buffer").glob("*.ready"))), 1 + CHILDREN)
        self.assert_all_are_there_once(self.start_service())

    def test_no_descriptor_outlives_an_exec(self):
        for url in (self.start_service().url, "http://127.0.0.1:1"):
            with self.subTest(url=url):
                self.assertEqual(self.act("exec", url), "True\n")

    @unittest.skipUnless(harness.can_trace(), "no strace that may trace")
    def test_no_thread_opens_what_an_exec_would_inherit(self):
        """Whenever the host's own thread executes another program."""
        for url, mode in ((self.start_service().url, "service"), ("http://127.0.0.1:1", "service"),
                          ("http://127.0.0.1:1", "embedded")):
            with self.subTest(url=url, mode=mode):
                calls = self.openings_beside_the_host(TELEMETRY_API_URL=url, TELEMETRY_MODE=mode)
                self.assertEqual([call for call in calls if "CLOEXEC" not in call], [])

    def openings_beside_the_host(self, **settings):
        """The calls by which threads of a client make descriptors, while it delivers a run."""
        trace = self.base / "trace"
        trace.write_text("")

        def calls_of_others():
            lines = [line.split(maxsplit=1) for line in trace.read_text().split("\n")[:-1]
                     if "resumed>" not in line]
            return [call for thread, call in lines if thread != lines[0][0]]

        environment = harness.environment(self.base, **settings, TELEMETRY_BACKGROUND="true",
                                          TELEMETRY_CALL_BUDGET_MS=60000, **native.settings())
        with subprocess.Popen(["strace", "-f", "-qq", "-e", f"trace={MAKE_DESCRIPTORS}", "-o", trace,
                               sys.executable, HOST, native.path()], stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, env=environment, text=True) as host:
            print('["start", "job"]', file=host.stdin, flush=True)
            harness.wait_until(calls_of_others, "a thread to open something")
            print('["end", "job", 1]', file=host.stdin, flush=True)
        self.assertEqual(host.returncode, 0)
        return calls_of_others()


if __name__ == "__main__":
    if sys.argv[1:] == ["fork"]:
        fork_and_record()
    elif sys.argv[1:] == ["exec"]:
        list_what_exec_inherits()
    else:
        harness.main()
