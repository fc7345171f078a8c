# SPDX-License-Identifier: MIT
"""What counts as JSON, by RFC 8259: in a body, in its fields, and in strings that hold JSON."""
import json
import os

import harness
from harness import a_run

DEPTH = 64


def nested(levels):
    return "[" * levels + "]" * levels


class Bodies(harness.ServiceTestCase):
    def create(self, **texts):
        """Post a run with fields given as they shall be in the body; return the answer and its id."""
        run = a_run()
        members = [f"{json.dumps(name)}:{json.dumps(value)}" for name, value in run.items()]
        members += [f'"{name}":{text}' for name, text in texts.items()]
        body = ("{" + ",".join(members) + "}").encode("utf-8", "surrogateescape")
        return self.send(body), run["event_id"]

    def stored(self, **texts):
        response, event_id = self.create(**texts)
        self.assertEqual(response.status_code, 201, response.text)
        return self.get(event_id)

    def test_what_is_no_json_is_400_with_the_offset(self):
        for body in ("{'a':1}", '{"a":1,}', '{"a":1}x', "{a:1}", "[1,]", '{"a":NaN}', '{"a":-Infinity}',
                     '{"a":01}', '{"a":+1}', '{"a":.5}', '{"a":1.}', '{"a":0x10}', '{"a":tru}',
                     '{"a":"\t"}', '{"a":"\n"}', '{"a":"\x00"}', r'{"a":"\x41"}', r'{"a":"\u12"}',
                     '{"a":"', '{"a" 1}', "/* */{}", "{}//", "{}{}", '"', "\ufeff{}", "\v{}", "{\u00a0}"):
            self.assert_detail(self.send(body.encode()), 400, "offset")
        for body in (b'{"a":"\xff"}', b'{"a":"\xc0\xaf"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\xf4\x90\x80\x80"}',
                     b'{"\xe9":1}', b'{"a":"\xe2\x82"}'):
            self.assert_detail(self.send(body), 400, "offset")
        self.assertEqual(self.service.runs(), [])

    def test_of_duplicate_keys_the_last_wins(self):
        stored = self.stored(product='"first","product":"second"', metrics_json='{"a":1,"b":2,"a":3}')
        self.assertEqual(stored["product"], "second")
        self.assertEqual(stored["metrics_json"], {"a": 3, "b": 2})

    def test_64_levels_are_taken_and_no_more(self):
        fits = nested(DEPTH - 1)  # the run is the first level
        self.assertEqual(self.stored(metrics_json=fits)["metrics_json"], json.loads(fits))
        for levels in (DEPTH, DEPTH + 1, 1000, 100000):
            for opening in ("[", '{"a":'):
                response, _ = self.create(metrics_json=opening * levels)
                self.assert_detail(response, 400, "64 levels")

    def test_brackets_in_strings_are_no_levels(self):
        text = "[{" * 1000 + '\\"' + "[" * 1000
        self.assertEqual(self.stored(error_summary=json.dumps(text))["error_summary"], text)

    def test_integers_are_exact_and_have_64_bits(self):
        for number in (0, -1, 2**53 + 1, 2**63 - 1, -(2**63)):
            self.assertEqual(self.stored(metrics_json=f'{{"n":{number}}}')["metrics_json"], {"n": number})
        for number in (2**63, -(2**63) - 1, 10**30):
            response, _ = self.create(metrics_json=f'{{"n":{number}}}')
            self.assertIn(response.status_code, (400, 422))
            response, _ = self.create(duration_ms=str(number))
            self.assertIn(response.status_code, (400, 422))

    def test_other_numbers_are_doubles(self):
        stored = self.stored(metrics_json='{"a":1.1,"b":1e-7,"c":-0.5,"d":1E2,"e":1.7976931348623157e308}')
        self.assertEqual(stored["metrics_json"],
                         {"a": 1.1, "b": 1e-7, "c": -0.5, "d": 100.0, "e": 1.7976931348623157e308})
        response, _ = self.create(metrics_json='{"n":1e400}')
        self.assert_detail(response, 400)

    def test_surrogates_come_in_pairs(self):
        self.assertEqual(self.stored(product=r'"\ud83d\ude00"')["product"], "\U0001f600")
        for text in (r'"\ud83d"', r'"\ude00"', r'"\ude00\ud83d"', r'"\ud83dx"'):
            response, _ = self.create(product=text)
            self.assert_detail(response, 400)

    def test_nul_is_refused_in_text(self):
        for field in ("product", "metrics_json"):
            response, _ = self.create(**{field: r'"a\u0000b"'})
            self.assertIn(response.status_code, (400, 422))

    def test_text_comes_back_byte_for_byte(self):
        text = "\u0001\u001f\x7f \u0080\u009b é e\u0301 \u2028\u2029 \ufeff \ufffd \uffff \U0010ffff \\ / \" '"
        self.assertEqual(self.stored(error_details=json.dumps(text))["error_details"], text)
        raw = json.dumps(text, ensure_ascii=False)
        self.assertEqual(self.stored(error_details=raw)["error_details"], text)

    def test_a_string_that_holds_json_is_that_json(self):
        for text, value in (('{"a":[1,2.5,null,true]}', {"a": [1, 2.5, None, True]}), ("[]", []),
                            ('{"a":1,"a":2}', {"a": 2}), ("12", 12), ('"x"', "x"),
                            (nested(DEPTH), json.loads(nested(DEPTH)))):
            stored = self.stored(metrics_json=json.dumps(text), context_json=json.dumps(text))
            self.assertEqual(stored["metrics_json"], value)
            self.assertEqual(stored["context_json"], value)

    def test_a_string_that_does_not_is_a_string(self):
        for text in ("{", "NaN", "{'a':1}", "1e400", str(2**63), nested(DEPTH + 1), nested(100000),
                     r'"\ud800"', r'"\u0000"', '{"a":1}x', "text", " "):
            stored = self.stored(metrics_json=json.dumps(text))
            self.assertEqual(stored["metrics_json"], text)
            self.assertNotIn("metrics_json_parse_error", stored)

    def test_many_keys_are_no_burden(self):
        keys = {f"k{i}": i for i in range(100000)}
        self.assertEqual(self.stored(metrics_json=json.dumps(keys))["metrics_json"], keys)

    def test_null_is_not_given(self):
        stored = self.stored(product="null", metrics_json="null", duration_ms="null", status="null")
        self.assertIsNone(stored["product"])
        self.assertIsNone(stored["metrics_json"])
        self.assertEqual((stored["duration_ms"], stored["status"]), (0, "running"))


class BombsTest(harness.ServiceTestCase):
    """What is small to send and large to hold costs no more memory than any body of its size."""

    def test_of_depth_keys_and_size_are_refused_or_small(self):
        run = json.dumps(a_run())[:-1]
        deep = 100000
        keys = ",".join(f'"k{i}":{i}' for i in range(deep))
        for body, status in (("[" * deep, 400), (nested(deep), 400), ('{"a":' * deep, 400),
                             ('{"a":' * deep + "1" + "}" * deep, 400),
                             (f'{run},"metrics_json":{nested(deep)}}}', 400),
                             (f"{{{keys}}}", 422), (f"{run},{keys}}}", 201),
                             ("{" + '"a":1,' * deep + '"a":1}', 422), ("[" + "{}," * deep + "{}]", 422),
                             ('"' + r"\ud83d\ude00" * deep + '"', 422)):
            self.assertEqual(self.send(body).status_code, status, body[:60])
        self.assert_little_memory()

    def test_of_128_mb_is_refused_unread(self):
        head = b"POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\n"
        piece = b"[" * (1 << 20)
        for framing, part in ((b"Content-Length: 134217728", piece),
                              (b"Transfer-Encoding: chunked", b"100000\r\n" + piece + b"\r\n")):
            with harness.connect(self.service) as connection:
                try:
                    connection.sendall(head + framing + b"\r\n\r\n")
                    for _ in range(128):
                        connection.sendall(part)
                    refused = connection.recv(16).startswith(b"HTTP/1.1 413")
                except ConnectionError:
                    refused = True
                self.assertTrue(refused)
        self.assert_little_memory()

    def assert_little_memory(self):
        self.assertEqual(self.service.get("/health").status_code, 200)
        if not os.environ.get("TELEMETRY_SANITIZE"):
            self.assertLess(self.service.memory_mb("VmHWM"), 50)


if __name__ == "__main__":
    harness.main()
