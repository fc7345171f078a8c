# SPDX-License-Identifier: MIT
"""A program that records runs as it is told on stdin, with the shared library that is its argument."""
import ctypes
import json
import sys

import header


class Fields(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t)] + [
        (name, ctypes.c_char_p if is_text else ctypes.c_int64)
        for name, is_text in header.run_fields()]

    def __init__(self, **fields):
        super().__init__(size=ctypes.sizeof(Fields), **{
            name: value.encode() if isinstance(value, str) else value
            for name, value in fields.items()})


class Host:
    """Does what it is told on stdin; each answer is what the library's call gave."""

    def __init__(self, library):
        self.library = ctypes.CDLL(library)
        self.runs = {}
        self.open()

    def open(self):
        self.client = ctypes.c_void_p()
        assert self.library.tel_client_new(ctypes.byref(self.client), None) == 0

    def start(self, name):
        self.runs[name] = ctypes.c_void_p()
        return self.library.tel_run_start(ctypes.byref(self.runs[name]), self.client, ctypes.byref(
            Fields(agent_name="host", job_type=name)))

    def event(self, name, text):
        return self.library.tel_run_log_event(self.runs[name], text.encode(), None)

    def set(self, name, number):
        fields = Fields(metrics_json=json.dumps({"n": number}), items_failed=number)
        return self.library.tel_run_set_metrics(self.runs[name], ctypes.byref(fields))

    def commit(self, name, commit):
        return self.library.tel_run_associate_commit(self.runs[name], commit.encode(), b"ci",
                                                     None, None)

    def end(self, name, number):
        return self.library.tel_run_end(ctypes.byref(self.runs.pop(name)), b"partial", ctypes.byref(
            Fields(items_succeeded=number)))

    def flush(self, timeout_ms):
        self.library.tel_client_flush(self.client, timeout_ms, None)
        return 0

    def close(self):
        """Runs that are still active go on for ever."""
        self.library.tel_client_free(self.client)
        for run in self.runs.values():
            self.library.tel_run_end(ctypes.byref(run), None, None)
        self.runs = {}
        self.open()
        return 0

    def serve(self):
        print("ready", flush=True)
        for line in sys.stdin:
            action, *arguments = json.loads(line)
            print(getattr(self, action)(*arguments), flush=True)
        self.library.tel_client_free(self.client)


if __name__ == "__main__":
    Host(sys.argv[1]).serve()
