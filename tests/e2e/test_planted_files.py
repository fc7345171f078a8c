# SPDX-License-Identifier: MIT
"""What may stand in the place of a file of ours in a directory that others can write to: nothing is
followed, written to or waited for.

Root makes the device and somebody else's file, and runs the programs as another user, who would be
let down by what root may use.
"""
import os
import socket
import stat
import unittest

import cli
import harness
import trail
from harness import a_run

IS_ROOT = os.geteuid() == 0
USER, SOMEBODY_ELSE = 65534, 65533
TEXT = "untouched"


def link(path, target):
    path.symlink_to(target)


def second_name(path, target):
    os.link(target, path)


def fifo(path, _target):
    os.mkfifo(path, 0o600)


def directory(path, _target):
    path.mkdir()


def unix_socket(path, _target):
    here = os.open(path.parent, os.O_PATH)  # the name of a socket may be no longer than 107 bytes
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"/proc/self/fd/{here}/{path.name}")
    os.close(here)


def device(path, _target):
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))  # /dev/zero


def somebody_elses(path, _target):
    path.write_text(TEXT)
    path.chmod(0o666)
    os.chown(path, SOMEBODY_ELSE, SOMEBODY_ELSE)


THINGS = [link, second_name, fifo, directory, unix_socket] + [device, somebody_elses] * IS_ROOT


class PlantedTestCase(cli.CliTestCase):
    def setUp(self):
        super().setUp()
        self.own(self.base)

    @staticmethod
    def own(path):
        if IS_ROOT:
            os.lchown(path, USER, USER)

    def telemetry(self, *arguments, **options):
        if IS_ROOT:
            options.update(user=USER, group=USER, extra_groups=[])
        return super().telemetry(*arguments, **options)

    def start_service(self, *arguments, **options):
        return super().start_service(*arguments, under=harness.AS_NOBODY, **options)

    def record(self, **settings):
        return self.telemetry("run", "--", "true", settings=settings)

    def plant(self, path):
        """Put each thing at this place, one after the other. It must still be there, as it was."""
        target = self.base / "target"
        target.write_text(TEXT)
        self.own(target)
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700)
            self.own(path.parent)
        for thing in THINGS:
            thing(path, target)
            if thing is not somebody_elses:
                self.own(path)
            before = path.lstat()
            with self.subTest(thing.__name__):
                yield
                after = path.lstat()
                for what in ("st_ino", "st_mode", "st_uid", "st_nlink", "st_size"):
                    self.assertEqual(getattr(after, what), getattr(before, what), what)
                self.assertEqual(target.read_text(), TEXT)
                if thing is somebody_elses:
                    self.assertEqual(path.read_text(), TEXT)
            if thing is directory:
                path.rmdir()
            else:
                path.unlink()

    def assert_does_not_start(self, name):
        service = self.start_service(start=False)
        self.assertEqual(service.wait(), 1)
        self.assertIn(name, "\n".join(service.log))


@unittest.skipUnless(harness.can_run_as_nobody(), "only root can run the programs here")
class PlantedTest(PlantedTestCase):
    def test_what_stands_in_the_place_of_the_trail_is_left_alone_and_the_run_is_recorded(self):
        number = 0
        for _ in self.plant(self.base / "raw" / f"events_{trail.today()}.ndjson"):
            self.assertEqual(self.record().returncode, 0)
            number += 1
            self.assertEqual(len(self.list_runs("--all")), number)
        self.assertEqual(number, len(THINGS))

    def test_what_stands_in_the_place_of_the_lock_is_left_alone_and_named(self):
        lock = self.database.with_name(self.database.name + ".lock")
        for _ in self.plant(lock):
            self.assert_does_not_start(lock.name)

    def test_what_stands_in_the_place_of_the_database_is_left_alone_and_named(self):
        for _ in self.plant(self.database):
            self.assertEqual(self.record().returncode, 0)
            self.assert_does_not_start(self.database.name)

    def test_what_stands_in_the_place_of_the_journal_is_left_alone_and_holds_nobody_up(self):
        self.start_service().stop()
        for _ in self.plant(self.database.with_name(self.database.name + "-journal")):
            self.assertEqual(self.record().returncode, 0)
        self.assertEqual(self.telemetry("sync").returncode, 0)
        self.assertEqual(len(self.list_runs("--all")), len(THINGS))

    @unittest.skipUnless(IS_ROOT, "only root can make files of others")
    def test_a_database_of_somebody_else_gets_no_records(self):
        self.start_service().stop()
        self.database.chmod(0o666)
        os.chown(self.database, SOMEBODY_ELSE, SOMEBODY_ELSE)
        before = self.database.read_bytes()
        self.assertEqual(self.record().returncode, 0)
        self.assert_does_not_start(f"belongs to user {SOMEBODY_ELSE}")
        self.assertEqual(self.database.read_bytes(), before)

    def test_what_stands_in_the_place_of_the_note_of_a_stop_is_left_alone(self):
        note = self.database.with_name(self.database.name + ".trail")
        for _ in self.plant(note):
            with self.start_service() as service:
                self.assertEqual(service.post(a_run()).status_code, 201)
                self.assertEqual(service.stop(), 0)

    def test_what_stands_in_the_buffer_is_passed_over(self):
        for name in (".ready", ""):
            for _ in self.plant(self.base / "buffer" / f"telemetry_20251210_120000.jsonl{name}"):
                self.telemetry("sync")


if __name__ == "__main__":
    harness.main()
