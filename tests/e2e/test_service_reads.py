# SPDX-License-Identifier: MIT
"""Reads of a database that cannot be read: the reason is told, and nothing is made up."""
import harness
from harness import a_run


def all_reads(event_id):
    run = f"/api/v1/runs/{event_id}"
    return ("/metrics", "/api/v1/metadata", "/api/v1/metadata/agent_name", "/api/v1/runs?limit=1000",
            run, f"{run}/tree", f"{run}/commit-url", f"{run}/repo-url")


class Unreadable(harness.ServiceTestCase):
    def assert_all_fail(self, event_id, status, reason):
        for path in all_reads(event_id):
            with self.subTest(path):
                answer = self.service.get(path)
                self.assert_detail(answer, status, reason)
                self.assertNotIn("SELECT", answer.text)
        self.assertEqual(self.service.get("/version").status_code, 200)

    def test_what_is_damaged_is_500_with_the_reason(self):
        run = a_run(error_details="x" * 1_000_000)
        self.service.post([run, *(a_run() for _ in range(2000))], "/api/v1/runs/batch")
        schema = 65536  # is on the pages before
        with open(self.database, "r+b") as file:
            file.seek(schema)
            file.write(b"x" * (self.database.stat().st_size - schema))
        self.assert_all_fail(run["event_id"], 500, "damaged")

    def test_what_is_gone_is_503_until_it_is_there_again(self):
        run = self.service.post(a_run()).json()
        aside = self.database.rename(self.base / "aside")
        self.assert_all_fail(run["event_id"], 503, "there is no database")
        aside.rename(self.database)
        for path in all_reads(run["event_id"]):
            self.assertEqual(self.service.get(path).status_code, 200, path)


if __name__ == "__main__":
    harness.main()
