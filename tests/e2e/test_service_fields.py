# SPDX-License-Identifier: MIT
"""Each field of a run with each wrong value: the answer is the one that the field's kind allows."""
import json

import harness
from harness import a_run

VALUES = {"null": "null", "number": "5", "negative": "-1", "fraction": "1.5", "array": "[]", "object": "{}",
          "empty": '""', "true": "true", "nul": r'"a\u0000b"', "million": '"' + "x" * 10**6 + '"',
          "over 64 bits": str(2**63), "over a double": "1e400"}
NO_JSON_OF_OURS = {"nul", "over 64 bits", "over a double"}
TAKEN = {
    "text": {"null", "empty", "million"},
    "time": {"null"},
    "status": {"null"},
    "source": {"null"},
    "json": set(VALUES),
    "count": {"null", "number"},
    "number": {"null", "number", "negative"},
    "bool": {"null", "true"},
}


class EveryFieldTest(harness.ServiceTestCase):
    def setUp(self):
        super().setUp()
        schema = self.run_program("telemetry", "schema", "--json")
        self.fields = json.loads(schema.stdout)["fields"]
        self.assertGreater(len(self.fields), 40)

    def expected(self, field, value, may_give, created):
        if value in NO_JSON_OF_OURS:
            return 400
        if may_give not in field["access"]:
            return created  # as an unknown one
        if "required" in field["access"]:
            return created if value == "million" and field["kind"] == "text" else 422
        return created if value in TAKEN[field["kind"]] else 422

    def check(self, answer, field, value, status):
        self.assertEqual(answer.status_code, status, (field["name"], value, answer.text))
        if status == 422:
            self.assert_faults(answer, ("body", field["name"]))
        elif status == 400:
            self.assertIn("JSON", answer.json()["detail"])

    def test_at_creation(self):
        counted = len(self.service.runs(limit=1000))
        for field in self.fields:
            for value, text in VALUES.items():
                run = a_run()
                run.pop(field["name"], None)
                answer = self.send(f'{json.dumps(run)[:-1]}, "{field["name"]}": {text}}}'.encode())
                status = self.expected(field, value, "create", 201)
                self.check(answer, field, value, status)
                counted += status == 201
        self.assertEqual(len(self.service.runs(limit=1000, fields="event_id")), counted)
        self.assertEqual(self.service.get("/health").json()["status"], "ok")

    def test_in_a_change(self):
        event_id = self.post()["event_id"]
        for field in self.fields:
            for value, text in VALUES.items():
                body = f'{{"error_summary": "x", "error_details": "x", "{field["name"]}": {text}}}'
                answer = self.send(body.encode(), "PATCH", f"/api/v1/runs/{event_id}")
                self.check(answer, field, value, self.expected(field, value, "patch", 200))
        self.assertEqual(self.service.get("/health").json()["status"], "ok")


if __name__ == "__main__":
    harness.main()
