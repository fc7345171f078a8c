# SPDX-License-Identifier: MIT
"""Start, update and end of a run in every order, each live or through the buffer, while the service is
up, down or hung: in the end the store has the run once, ended, with its metrics.
"""
import ctypes
import itertools
import json
import os
import signal
import subprocess
import sys
import uuid

import harness
import native
from harness import a_run

TEL_OK, TEL_E_NOT_FOUND, TEL_E_UNAVAILABLE = 0, -3, -8
BUDGET_MS = 40  # of a call to a hung service
STEPS = ("start", "update", "end")
FIELDS = {
    "update": {"metrics_json": {"pages": 3}, "items_succeeded": 5},
    "end": {"status": "success", "end_time": "2025-12-10T12:30:00Z", "duration_ms": 1800000},
}


# ---- What records, in a process of its own -------------------------------------------------------

class Sender:
    """Sends each step live or to the buffer; what cannot be sent live goes to the buffer too."""

    def __init__(self):
        self.library = native.load()
        self.http = self.make("tel_http_client", None, None, None)
        self.buffer = self.make("tel_buffer", None, None)

    def make(self, noun, *arguments, suffix="_new"):
        out = ctypes.c_void_p()
        error = getattr(self.library, noun + suffix)(ctypes.byref(out), *arguments)
        assert error == TEL_OK, (noun, error)
        return out

    def send(self, step, way, event_id):
        fields = FIELDS.get(step) or a_run(event_id=event_id)
        record = self.make("tel_record", json.dumps(fields).encode(), None, suffix="_from_json")
        name = event_id.encode()
        error = TEL_E_UNAVAILABLE
        if way == "live" and step == "start":
            error = self.library.tel_http_client_post_event(self.http, record, None, None)
        elif way == "live":
            error = self.library.tel_http_client_patch_event(self.http, name, record, None)
        assert error in (TEL_OK, TEL_E_NOT_FOUND, TEL_E_UNAVAILABLE), error
        if error == TEL_OK:
            kept = TEL_OK
        elif step == "start":
            kept = self.library.tel_buffer_append(self.buffer, record, None)
        else:
            kept = self.library.tel_buffer_append_update(self.buffer, name, record, None)
        assert kept == TEL_OK, kept
        self.library.tel_record_free(record)
        return error == TEL_OK

    def close(self):
        self.library.tel_http_client_free(self.http)
        self.library.tel_buffer_free(self.buffer)


def send_all():
    """Send what is asked for on stdin, and tell how many steps went live."""
    sender = Sender()
    print(sum(sender.send(*json.loads(line)) for line in sys.stdin), flush=True)
    sender.close()


def record_a_run():
    """A run of the client, with a word on stdout when it has started, and on stdin when it may end."""
    library = native.load()
    client = ctypes.c_void_p()
    run_id = ctypes.create_string_buffer(256)
    assert library.tel_client_new(ctypes.byref(client), None) == TEL_OK
    assert library.tel_client_start_run(client, run_id, b"tester", b"test", None) == TEL_OK
    print("started", flush=True)
    sys.stdin.readline()
    assert library.tel_client_end_run(client, run_id.value, b"success", None) == TEL_OK
    library.tel_client_free(client)


# ---- What must become of it ----------------------------------------------------------------------

class OrdersTest(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.service = None
        self.port = 0

    def start(self):
        """Start the service, on the same port each time."""
        self.service = self.start_service(TELEMETRY_SYNC_INTERVAL_SECONDS=1,
                                          TELEMETRY_API_PORT=self.port)
        self.port = self.service.port

    def bring(self, state):
        """Bring the service into a state."""
        if state == "up":
            if self.service.process.poll() is not None:
                self.start()
            os.kill(self.service.pid, signal.SIGCONT)
        elif state == "down":
            self.service.kill()
        else:
            os.kill(self.service.pid, signal.SIGSTOP)

    def process(self, role, **settings):
        settings = {"TELEMETRY_API_URL": self.service.url, **native.settings(), **settings}
        process = subprocess.Popen([sys.executable, __file__, role], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True,
                                   env=harness.environment(self.base, **settings))
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stdin.close)
        return process

    def assert_all_ended(self, count):
        def ended():
            runs = self.service.runs(limit=1000)
            return runs if len(runs) >= count and all(
                run["status"] == "success" for run in runs) else None
        runs = harness.wait_until(ended, f"{count} runs to end")
        self.assertEqual(len(runs), count)
        self.assertEqual(len({run["event_id"] for run in runs}), count)
        return runs

    def assert_every_order_ends_alike(self, state):
        self.start()
        budget_ms = BUDGET_MS if state == "hung" else 60000
        process = self.process("send", TELEMETRY_CALL_BUDGET_MS=budget_ms)
        self.bring(state)
        sequences = [(order, ways) for order in itertools.permutations(STEPS)
                     for ways in itertools.product(("live", "buffered"), repeat=3)]
        requests = []
        for order, ways in sequences:
            event_id = str(uuid.uuid4())
            requests += [json.dumps((step, way, event_id)) for step, way in zip(order, ways)]
        live, _ = process.communicate("\n".join(requests) + "\n", harness.PATIENCE_SECONDS)
        self.assertEqual(process.returncode, 0)
        # Half of the starts, and half of what comes behind these.
        self.assertEqual(int(live), 24 + 12 if state == "up" else 0)
        self.bring("up")
        for run in self.assert_all_ended(len(sequences)):
            self.assertEqual((run["metrics_json"], run["items_succeeded"]), ({"pages": 3}, 5))
            self.assertEqual(run["end_time"], "2025-12-10T12:30:00.000000+00:00")
            self.assertEqual(run["duration_ms"], 1800000)
        self.assertFalse(list((self.base / "buffer").glob("*.rejected")))

    def test_while_the_service_is_up(self):
        self.assert_every_order_ends_alike("up")

    def test_while_the_service_is_down(self):
        self.assert_every_order_ends_alike("down")

    def test_while_the_service_is_hung(self):
        self.assert_every_order_ends_alike("hung")

    def test_of_a_client_whose_service_comes_and_goes_between_start_and_end(self):
        self.start()
        states = ("up", "down", "hung")
        for count, (at_start, at_end) in enumerate(itertools.product(states, repeat=2), start=1):
            with self.subTest(at_start=at_start, at_end=at_end):
                self.bring("up")
                self.bring(at_start)
                process = self.process("record")
                self.assertEqual(process.stdout.readline(), "started\n")
                self.bring("up")
                self.bring(at_end)
                process.communicate("\n", harness.PATIENCE_SECONDS)
                self.assertEqual(process.returncode, 0)
                self.bring("up")
                self.assert_all_ended(count)


if __name__ == "__main__":
    if sys.argv[1:] == ["send"]:
        send_all()
    elif sys.argv[1:] == ["record"]:
        record_a_run()
    else:
        harness.main()
