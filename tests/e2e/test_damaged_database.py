# SPDX-License-Identifier: MIT
"""A database of damaged pages is used or refused, never a crash, and no record that waits for it is lost.

TELEMETRY_TORTURE_SEED=N repeats a run.
"""
import json
import os
import random
import shutil

import harness
import trail
from harness import a_run

SEED = int(os.environ.get("TELEMETRY_TORTURE_SEED", "20251210"))
MUTATIONS = int(os.environ.get("TELEMETRY_TORTURE_DATABASES", "100"))
EXIT_STATUSES = range(6)  # those that the command has; a signal's is none of them


def flip_a_bit(data, rng):
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:]


def cut(data, rng):
    return data[:rng.randrange(1, len(data))]


def lose_the_middle(data, rng):
    start, end = sorted(rng.sample(range(1, len(data)), 2))
    return data[:start] + data[end:]


def zero_a_block(data, rng):
    start = rng.randrange(len(data))
    length = min(rng.choice((1, 16, 512, 4096)), len(data) - start)
    return data[:start] + bytes(length) + data[start + length:]


def put_garbage(data, rng):
    start = rng.randrange(len(data))
    length = min(rng.choice((2, 40, 600)), len(data) - start)
    return data[:start] + rng.randbytes(length) + data[start + length:]


DAMAGES = (flip_a_bit, cut, lose_the_middle, zero_a_block, put_garbage)


class DamagedDatabaseTest(trail.TrailTestCase):
    def setUp(self):
        super().setUp()
        print(f"TELEMETRY_TORTURE_SEED={SEED}")
        self.random = random.Random(SEED)

    def a_whole_database(self):
        self.write_trail(*(self.run_line(error_details="x" * 700) for _ in range(100)))
        self.assertEqual(self.telemetry("rebuild").returncode, 0)
        return self.database.read_bytes()

    def leave_in_the_buffer(self, run):
        path = self.base / "buffer" / "telemetry_20251210_120000.jsonl.ready"
        path.parent.mkdir(mode=0o700)
        path.write_text(json.dumps(run) + "\n", encoding="utf-8")
        path.chmod(0o600)
        return path

    def status(self, *arguments):
        """Run the command, which must end by itself and say why it failed; its exit status."""
        result = self.telemetry(*arguments)
        self.assertIn(result.returncode, EXIT_STATUSES, result.stderr)
        self.assertNotIn(b"Sanitizer", result.stderr)
        if result.returncode:
            self.assertTrue(result.stderr)
        return result.returncode

    def deliver_again(self, buffer):
        """The database was found damaged after it took the record; whoever moves it away has the record still."""
        self.database.unlink()
        buffer.with_suffix(".synced").rename(buffer)
        self.assertEqual(self.status("sync"), 0)

    def test_of_damaged_pages_is_used_or_refused_and_costs_no_record(self):
        whole = self.a_whole_database()
        refused = 0
        for number in range(MUTATIONS):
            shutil.rmtree(self.base)
            self.database.parent.mkdir(parents=True, mode=0o700)
            self.database.write_bytes(DAMAGES[number % len(DAMAGES)](whole, self.random))
            self.database.chmod(0o600)
            run = a_run(record_type="run")
            buffer = self.leave_in_the_buffer(run)
            self.status("list", "--json")
            if self.status("sync"):
                refused += 1
                self.assertTrue(buffer.exists())
                continue
            if self.status("show", "--json", run["event_id"]):
                self.deliver_again(buffer)
                self.assertEqual(self.status("show", "--json", run["event_id"]), 0)
        self.assertGreater(refused, MUTATIONS // 3)
        self.assertLess(refused, MUTATIONS)


if __name__ == "__main__":
    harness.main()
