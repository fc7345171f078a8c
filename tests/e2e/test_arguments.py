# SPDX-License-Identifier: MIT
"""Every function of telemetry.h with every kind of argument that makes no sense, one at a time.

The functions come from the header itself, so that none is forgotten. A type that is new there needs
a line in Values below: what is given for it, the sound value first.
"""
import ctypes
import struct
import subprocess
import sys

import harness
import header
import native

TEL_OK, TEL_E_INVALID = 0, -1
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
ERRNO = 4711  # must be the same behind every call
POISON = 0x5A5A5A5A
HANDLES = ("tel_client *", "tel_run *", "tel_record *", "tel_event *", "tel_api_payload *",
           "tel_ndjson *", "tel_database *", "tel_http_client *", "tel_buffer *",
           "tel_api_client *")
NONSENSE = [None, b"", b" ", b"\xff\xfe\x80", b"x" * 300_000, b"../../..", b"%s%n", b"{", b"[" * 50_000,
            b"-9999999999999999999999"]
SOUND_TEXTS = {
    "json": b'{"agent_name": "a", "job_type": "j", "run_id": "r", "event_type": "e",'
            b' "timestamp": "2025-12-10T12:05:30Z"}',
    "payload_json": b"{}",
    "name": b"agent_name",
    "key": b"TELEMETRY_MODE",
    "status": b"success",
    "start": b"2025-12-10T12:05:30Z",
    "end": b"2025-12-10T12:05:31Z",
    "date": b"20251210",
    "commit_hash": b"0123456789abcdef",
    "commit_source": b"ci",
    "url": b"http://127.0.0.1:1",
}


class Library:
    """The shared library, its functions callable by name with the header's types."""

    def __init__(self):
        self._library = native.load()

    def __getattr__(self, name):
        return getattr(self._library, name)

    def function(self, function):
        results = {"void": None, "const char *": ctypes.c_char_p, "int64_t": ctypes.c_int64,
                   "size_t": ctypes.c_size_t, "int": ctypes.c_int, "tel_error": ctypes.c_int}
        call = getattr(self._library, function.name)
        call.restype = results.get(function.result, ctypes.c_void_p)
        return call


class Values:
    """What is given for one type of parameter. Handles are made anew for each function, and freed."""

    def __init__(self, library):
        self._library = library
        self._made = []  # (free function, handle)
        self._shared = {}  # handle by type

    def of(self, parameter):
        """Functions that make the values to be given, the sound one first."""
        kind, name = parameter.type, parameter.name
        if kind == "char *":
            sound = SOUND_TEXTS.get(name, name.encode())
            return [lambda v=v: ctypes.c_char_p(v) for v in [sound, *NONSENSE]]
        if kind in HANDLES or kind == "tel_config *":
            return [lambda: self.handle(kind), lambda: None]
        if kind == "tel_run **" and name == "run":
            return [lambda: ctypes.pointer(self.make("tel_run *")),
                    lambda: ctypes.pointer(ctypes.c_void_p()), lambda: None]
        if name == "records":
            return [lambda: (ctypes.c_void_p * 1)(self.handle("tel_record *")),
                    lambda: (ctypes.c_void_p * 1)(), lambda: None]
        if kind.endswith("**"):
            return [lambda: ctypes.pointer(ctypes.c_void_p(POISON)), lambda: None]
        if kind == "tel_run_fields *":
            return [lambda f=f: f for f in self.run_fields()] + [lambda: None]
        if kind == "tel_pair *":
            return [lambda p=p: p for p in self.pairs()] + [lambda: None]
        if kind == "tel_client_stats *":
            return [lambda s=s: ctypes.create_string_buffer(struct.pack("Q", s), 4096)
                    for s in (256, 0, 13, 2**64 - 1)] + [lambda: None]
        if kind.endswith("_fn *"):
            return [lambda: self.callback(0), lambda: self.callback(1), lambda: None]
        if kind in ("tel_fault *", "size_t *", "int64_t *", "int *", "tel_file_info *", "tel_run_stats *",
                    "tel_sync_report *",
                    "char[TEL_RUN_ID_SIZE]", "char[TEL_TIMESTAMP_SIZE]"):
            return [lambda: ctypes.create_string_buffer(4096), lambda: None]
        integers = {
            "int64_t": (ctypes.c_int64, [1, 0, -1, INT64_MIN, INT64_MAX]),
            "size_t": (ctypes.c_size_t, [1, 0, 2**64 - 1]),
            "int": (ctypes.c_int, [1, 0, -1, -(2**31)]),
            "tel_error": (ctypes.c_int, [-1, 0, 1, -99999, 2**31 - 1]),
        }
        if kind in integers:
            make, numbers = integers[kind]
            return [lambda n=n: make(n) for n in numbers]
        if kind == "void *":
            return [lambda: None]
        raise LookupError(f"tests/e2e/test_arguments.py: what should be given for {kind} {name}?")

    @staticmethod
    def run_fields():
        """Structs of fields: sound, with sizes of other callers, and with every value absurd."""
        members = header.run_fields()
        kept = []

        def build(size, text, number):
            texts = {"agent_name": b"a", "job_type": b"j"} if text is None else {}
            words = [size]
            for name, is_text in members:
                value = texts.get(name, text)
                buffer = ctypes.create_string_buffer(value) if value is not None else None
                kept.append(buffer)
                address = ctypes.addressof(buffer) if buffer else 0
                words.append(address if is_text else number & (2**64 - 1))
            fields = ctypes.create_string_buffer(struct.pack(f"{len(words)}Q", *words))
            fields.kept = kept
            return fields

        whole = 8 * (1 + len(members))
        return [build(whole, None, 0), build(0, None, 0), build(13, None, 0),
                build(2**64 - 1, None, 0), build(whole, b"", INT64_MIN),
                build(whole, b"\xff{", INT64_MAX), build(whole, b"x" * 300_000, -1)]

    @staticmethod
    def pairs():
        """Lists of pairs: sound, empty, of kinds that there are not, with texts that are none."""
        kept = []

        def build(*pairs):
            words = []
            for key, kind, text in pairs:
                buffers = [ctypes.create_string_buffer(t) if t is not None else None
                           for t in (key, text)]
                kept.extend(buffers)
                key, text = (ctypes.addressof(b) if b else 0 for b in buffers)
                words += [key, kind & (2**64 - 1), text, 2**63, 0x7FF0000000000000]
            array = ctypes.create_string_buffer(struct.pack(f"{len(words) + 5}Q", *words, *[0] * 5))
            array.kept = kept
            return array

        return [build((b"url", 1, b"x"), (b"n", 3, None), (b"r", 5, None)), build(),
                build((b"a", 0, b"x"), (b"b", 99, None), (b"c", INT64_MIN, b"x")),
                build((b"", 2, b"{"), (b"\xff", 2, b"\xfe"), (b"a", 1, None)),
                build((b"x" * 300_000, 1, b"x" * 300_000))]

    @staticmethod
    def callback(result):
        callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(
            lambda *_: result)
        return callback

    def handle(self, kind):
        """An object of an opaque type; all calls of a function get the same."""
        if kind not in self._shared:
            self._shared[kind] = self.make(kind)
        return self._shared[kind]

    def make(self, kind):
        """A new object of an opaque type."""
        library = self._library
        out = ctypes.c_void_p()
        noun = kind.removesuffix(" *")
        if kind == "tel_run *":
            assert library.tel_run_start(ctypes.byref(out), self.handle("tel_client *"),
                                         self.run_fields()[0]) == TEL_OK
            self._made.append((lambda run: library.tel_run_end(ctypes.byref(run), None, None), out))
            return out
        makers = {
            "tel_client": lambda: library.tel_client_new(ctypes.byref(out), None),
            "tel_config": lambda: library.tel_config_new(ctypes.byref(out)),
            "tel_record": lambda: library.tel_record_new(ctypes.byref(out), self.run_fields()[0], None),
            "tel_event": lambda: library.tel_event_new(ctypes.byref(out), b"r", b"e", None, None),
            "tel_api_payload": lambda: library.tel_api_payload_from_run_record(
                ctypes.byref(out), self.handle("tel_record *")),
            "tel_ndjson": lambda: library.tel_ndjson_new(ctypes.byref(out), None, None),
            "tel_api_client": lambda: library.tel_api_client_new(ctypes.byref(out), None),
            "tel_database": lambda: library.tel_database_open(ctypes.byref(out), None, None, None),
            "tel_http_client": lambda: library.tel_http_client_new(
                ctypes.byref(out), SOUND_TEXTS["url"], None, None),
            "tel_buffer": lambda: library.tel_buffer_new(ctypes.byref(out), None, None),
        }
        assert makers[noun]() == TEL_OK, kind
        self._made.append((getattr(library, noun + "_free"), out))
        return out

    def took(self, handle):
        """The call has freed this object."""
        self._made = [entry for entry in self._made if entry[1] is not handle]
        self._shared = {kind: h for kind, h in self._shared.items() if h is not handle}

    def free(self):
        for free, handle in reversed(self._made):
            free(handle)
        self._made = []
        self._shared = {}


class Walk:
    """Calls every function, and collects what was not as the header says."""

    def __init__(self):
        self.library = Library()
        self.library.tel_strerror.restype = ctypes.c_char_p
        self.values = Values(self.library)
        self.faults = []

    def all_functions(self):
        for function in header.functions():
            choices = [self.values.of(parameter) for parameter in function.parameters]
            self.call(function, [values[0] for values in choices])
            self.call(function, [values[-1] for values in choices], all_absurd=True)
            for i, values in enumerate(choices):
                for value in values[1:]:
                    self.call(function, [v[0] if j != i else value for j, v in enumerate(choices)])
            self.values.free()

    def call(self, function, makers, all_absurd=False):
        values = [make() for make in makers]
        text = f"{function}({', '.join(repr(getattr(v, 'value', v))[:40] for v in values)})"
        print(text, flush=True)
        ctypes.set_errno(ERRNO)
        result = self.library.function(function)(*values)
        if ctypes.get_errno() != ERRNO:
            self.faults.append(f"{text} left errno {ctypes.get_errno()}")
        if function.name.endswith("_free") and values[0] is not None:
            self.values.took(values[0])
        if function.result == "tel_error":
            self.check_error(function, values, result, text)
            if all_absurd and values and result == TEL_OK:
                self.faults.append(f"{text} is content with nothing")
        self.release(function, values)

    def check_error(self, function, values, result, text):
        if self.library.tel_strerror(result) == self.library.tel_strerror(-99999):
            self.faults.append(f"{text} gave {result}, which is no tel_error")
        for parameter, value in zip(function.parameters, values):
            is_needed = parameter.type in HANDLES or parameter.name == "out"
            if is_needed and value is None and result != TEL_E_INVALID:
                self.faults.append(f"{text} gave {result} though {parameter.name} is NULL")
            if parameter.name == "out" and parameter.type.endswith("**") and value is not None \
                    and (result == TEL_OK) != (value.contents.value is not None):
                self.faults.append(f"{text} gave {result} and *out {value.contents.value}")
            if parameter.type == "tel_fault *" and value is not None and result != TEL_OK:
                code = struct.unpack_from("i", value)[0]
                if code != result or not value.raw[4:504].strip(b"\0"):
                    self.faults.append(f"{text} gave {result}, its fault {code} {value.raw[4:80]}")

    def release(self, function, values):
        for parameter, value in zip(function.parameters, values):
            if parameter.name != "out" or not parameter.type.endswith("**") or value is None:
                continue
            made = ctypes.c_void_p(value.contents.value)
            if parameter.type == "tel_run **":
                self.library.tel_run_end(ctypes.byref(made), None, None)
            elif parameter.type == "char **":
                self.library.tel_free(made)
            else:
                getattr(self.library, parameter.type.removesuffix(" **") + "_free")(made)


class ArgumentsTest(harness.TestCase):
    def test_every_function_answers_whatever_it_is_given(self):
        settings = {"TELEMETRY_API_URL": "http://127.0.0.1:1", **native.settings()}
        deep = self.base / "where" / "nobody" / "minds"
        deep.mkdir(parents=True)
        result = subprocess.run([sys.executable, __file__, "walk"], cwd=deep, capture_output=True,
                                text=True, errors="replace", check=False,
                                env=harness.environment(self.base, **settings))
        calls = result.stdout.splitlines()
        self.assertEqual(result.stderr, "", f"behind {calls[-1:]}")
        self.assertEqual(result.returncode, 0, f"in {calls[-1:]}")
        names = {call.split("(")[0] for call in calls}
        self.assertEqual(names, {function.name for function in header.functions()})
        self.assertGreater(len(calls), 5 * len(names))


if __name__ == "__main__":
    if sys.argv[1:] == ["walk"]:
        walk = Walk()
        walk.all_functions()
        sys.exit("\n".join(walk.faults) or 0)
    harness.main()
