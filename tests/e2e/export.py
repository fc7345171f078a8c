# SPDX-License-Identifier: MIT
"""What the tests of the export share: the settings that switch it on, and runs that clients left."""
import datetime
import uuid

import harness
import sheet

TOKEN = "c4nary-t0ken"
PATIENCE_MS = 1000 * harness.PATIENCE_SECONDS


class ExportTestCase(harness.TestCase):
    key = sheet.new_key()

    def start_sheet(self, **options):
        stand_in = sheet.Sheet(**options)
        self.addCleanup(stand_in.stop)
        self.addCleanup(lambda: self.assertEqual(stand_in.faults, []))
        return stand_in

    def write_key(self, stand_in, key=None, **changes):
        path = self.base / "key.json"
        self.pem = sheet.write_key_file(path, key or self.key, stand_in.token_uri, **changes)
        return path

    def settings(self, url, **more):
        """The environment that switches the export on."""
        return {"GOOGLE_SHEETS_API_ENABLED": "true", "GOOGLE_SHEETS_API_URL": url,
                "TELEMETRY_CALL_BUDGET_MS": PATIENCE_MS, **more}


class LeftRunsTestCase(ExportTestCase):
    """A sheet, and runs that clients left."""

    def setUp(self):
        super().setUp()
        self.stand_in = self.start_sheet(token=TOKEN)
        self.state = self.base / "db" / "telemetry.sqlite.export"

    def start_exporting(self, **more):
        return self.start_service(TELEMETRY_SYNC_INTERVAL_SECONDS=1, **self.settings(
            self.stand_in.url + sheet.APPEND, METRICS_API_TOKEN=TOKEN, **more))

    def be_on_since(self, when):
        self.state.parent.mkdir(exist_ok=True)
        self.state.write_text(when + "\n")

    @staticmethod
    def minutes_ago(minutes):
        moment = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=minutes)
        return moment.isoformat(timespec="microseconds")

    def post(self, service, name, ended_minutes_ago, **fields):
        """Post a run that ended so long ago, or (None) is still running."""
        if ended_minutes_ago is not None:
            fields = {"status": "success", "end_time": self.minutes_ago(ended_minutes_ago), **fields}
        run = harness.a_run(event_id=str(uuid.uuid4()), agent_name=name,
                            start_time=self.minutes_ago(1000), **fields)
        self.assertEqual(service.post(run).status_code, 201)
        return run["event_id"]

    def names(self):
        return [row["agent_name"] for row in self.stand_in.rows]

    def wait_for(self, *names):
        harness.wait_until(lambda: set(names) <= set(self.names()), f"rows of {names}")

    def run_of(self, service, event_id):
        return service.get(f"/api/v1/runs/{event_id}").json()
