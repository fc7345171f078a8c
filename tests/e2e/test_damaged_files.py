# SPDX-License-Identifier: MIT
"""Damaged lines in the audit trail and in buffer files: every sound line arrives once, every bad one is
counted and set aside, and nothing ever stops.

TELEMETRY_TORTURE_SEED=N repeats a run.
"""
import json
import os
import random

import harness
import trail

SEED = int(os.environ.get("TELEMETRY_TORTURE_SEED", "20251210"))
MUTATIONS = int(os.environ.get("TELEMETRY_TORTURE_MUTATIONS", "5000"))  # of each kind of file


def cut(line, rng):
    return line[:rng.randrange(len(line))]


def flip_a_bit(line, rng):
    at = rng.randrange(len(line))
    return line[:at] + bytes([line[at] ^ 1 << rng.randrange(8)]) + line[at + 1:]


def put_nuls(line, rng):
    at = rng.randrange(len(line))
    return line[:at] + b"\0" * rng.randrange(1, 40) + line[at:]


def repeat_a_part(line, rng):
    start = rng.randrange(len(line))
    end = rng.randrange(start, len(line))
    return line[:end] + line[start:end] + line[end:]


def put_garbage(line, rng):
    at = rng.randrange(len(line))
    return line[:at] + rng.randbytes(rng.randrange(1, 20)) + line[at:]


def join_with_itself(line, _rng):
    return line + line


DAMAGES = (cut, flip_a_bit, put_nuls, repeat_a_part, put_garbage, join_with_itself)


class DamagedFilesTest(trail.TrailTestCase):
    def setUp(self):
        super().setUp()
        print(f"TELEMETRY_TORTURE_SEED={SEED}")
        self.random = random.Random(SEED)

    def damaged_lines(self):
        """Lines of which every other one is damaged, and the ids of the sound ones. What is damaged
        keeps to its own line: it may hold no newline, and none of the sound ones' ids."""
        lines, sound = [], set()
        for i in range(MUTATIONS):
            good = self.run_line(run_id=f"sound {i}", status="success")
            victim = json.dumps(self.run_line(run_id=f"damaged {i}")).encode()
            damage = DAMAGES[i % len(DAMAGES)](victim, self.random)
            lines += [damage.replace(b"\n", b" "), json.dumps(good).encode()]
            sound.add(good["event_id"])
        return lines, sound

    def write(self, path, lines):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.write_bytes(b"\n".join(lines) + b"\n")
        path.chmod(0o600)

    def assert_all_accounted_for(self, sound, lines, stored, bad):
        rows = trail.rows(self.database)
        self.assertEqual(sound - set(rows), set())
        self.assertEqual(len(rows), stored)
        full = sum(1 for line in lines if line.strip(b" \t\r"))
        self.assertLessEqual(stored + bad, full)
        self.assertGreater(bad, MUTATIONS // 2)

    def test_of_a_damaged_trail_every_sound_line_is_in_the_new_database(self):
        lines, sound = self.damaged_lines()
        self.write(self.trail(), lines)
        result = self.telemetry("rebuild", "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads(result.stdout)
        self.assert_all_accounted_for(sound, lines, report["runs"], report["bad"])
        with open(report["rejected"], encoding="utf-8") as file:
            rejected = [json.loads(line) for line in file]
        self.assertEqual(len(rejected), report["bad"])
        full = sum(1 for line in lines if line.strip(b" \t\r"))
        self.assertEqual(report["lines"] + report["events"] + report["bad"], full)

    def test_of_a_damaged_buffer_every_sound_line_is_delivered(self):
        lines, sound = self.damaged_lines()
        buffer = self.base / "buffer"
        name = "telemetry_20251210_120000-tel-1-abcdef01.jsonl"
        self.write(buffer / (name + ".ready"), lines)
        result = self.telemetry("sync", "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads(result.stdout)
        self.assert_all_accounted_for(sound, lines, report["sent"], report["rejected"])
        full = sum(1 for line in lines if line.strip(b" \t\r"))
        self.assertEqual(sum(report[key] for key in ("sent", "updated", "duplicates", "carried",
                                                     "rejected")), full)
        with open(buffer / (name + ".rejected"), encoding="utf-8") as file:
            self.assertEqual(sum(1 for line in file if json.loads(line)["reason"]),
                             report["rejected"])
        self.assertTrue((buffer / (name + ".synced")).exists())


if __name__ == "__main__":
    harness.main()
