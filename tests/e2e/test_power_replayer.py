# SPDX-License-Identifier: MIT
"""The replayer of power cuts finds what is wrong with programs that do not sync what they should, and
nothing with one that does.
"""
import os
import sqlite3
import sys

from power import case, disk, replay, trace

COMMITS = 12
ROWS = 3  # of each commit
STATES = 400


def commit_and_tell(path, synchronous, syncs_directory):
    """Commit again and again, and say so each time."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("PRAGMA synchronous = " + synchronous)
    connection.execute("CREATE TABLE agent_runs (event_id, run_id, agent_name,"
                       " job_type, start_time)")
    directory = os.open(os.path.dirname(path), os.O_RDONLY)
    for number in range(COMMITS):
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO agent_runs (run_id, agent_name) VALUES (?, ?)",
                               [(number, "x" * 900)] * ROWS)
        connection.execute("COMMIT")
        if syncs_directory == "yes":
            os.fsync(directory)
        os.write(sys.stdout.fileno(), b"committed\n")


def quoted(value):
    """Text as strace writes it when it is asked for hexadecimal digits."""
    return "".join(f"\\x{byte:02x}" for byte in str(value).encode())


def tells(call):
    return True if call.name == "write" and call.data == b"committed\n" else None


class ReplayerTest(case.PowerTestCase):
    def commits(self, synchronous, syncs_directory="no"):
        """What is found to be wrong, by its first word, with how often."""
        (self.base / "db").mkdir()
        self.run_traced(sys.executable, __file__, str(self.database), synchronous, syncs_directory)
        replayed = self.cut_power(tells, self.check, STATES)
        found = {}
        for failure in replayed.failures:
            kind = failure.problem.partition(":")[0]
            found[kind] = found.get(kind, 0) + 1
        return found

    def check(self, state):
        numbers = [number for number, in self.rows(state, "SELECT run_id FROM agent_runs")]
        commits = len(set(numbers))
        if numbers != [number for number in range(commits) for _ in range(ROWS)]:
            raise replay.Problem("half: a commit is there in part")
        if commits not in (len(state.told), len(state.told) + 1):
            raise replay.Problem(f"lost: {len(state.told)} were told, {commits} are there")

    def test_without_any_sync_databases_are_damaged_and_commits_are_lost(self):
        found = self.commits("OFF")
        self.assertGreater(found.get("damaged", 0), 10)
        self.assertGreater(found.get("lost", 0), 10)

    def test_without_the_sync_of_the_directory_commits_are_lost(self):
        self.assertEqual(self.commits("FULL"), {"lost": COMMITS})

    def test_with_the_sync_of_the_directory_nothing_is_wrong(self):
        self.assertEqual(self.commits("FULL", "yes"), {})

    def test_a_sync_of_a_directory_covers_each_name_that_was_there_when_it_began(self):
        directory = disk.Directory()
        for begin, end, name in (0, 3, "slow"), (1, 1, "quick"), (4, 4, "late"):
            directory.change(disk.Naming(begin, end, [(name, disk.File())]))
        directory.sync(before=2)
        self.assertEqual(list(directory.with_first(0)), ["quick"])
        self.assertEqual(sorted(directory.with_first(1)), ["quick", "slow"])
        directory.sync(before=4)
        self.assertEqual(sorted(directory.with_first(0)), ["quick", "slow"])
        self.assertEqual(sorted(directory.with_first(1)), ["late", "quick", "slow"])

    def test_what_is_written_goes_to_what_the_descriptor_had_opened_when_the_call_began(self):
        there, file = quoted(self.base), quoted(self.base / "file")
        path = self.records / "trace"
        path.write_text(
            f'1 openat(AT_FDCWD<{there}>, "{file}", O_WRONLY|O_CREAT|O_APPEND, 0600) = 3<{file}>\n'
            f'1 write(3<{file}>, "{quoted("one")}", 3) = 3\n'
            f'2 openat(AT_FDCWD<{there}>, "{there}", O_RDONLY <unfinished ...>\n'
            f'1 write(3<{file}>, "{quoted("two")}", 3) = 3\n'
            f'2 <... openat resumed>) = 3<{there}>\n'
            f'2 fsync(3<{there}>) = 0\n')
        replayed = disk.Disk(self.base)
        calls = trace.read_all([path])
        for call in calls[:-1]:
            replayed.do(call)
        self.assertEqual(replayed.seen(), {"file": b"onetwo"})
        replayed.sync(calls[-1])
        self.assertEqual(list(replayed.top.durable), ["file"])

    def test_what_is_opened_may_have_been_made_after_the_call_began(self):
        there, file = quoted(self.base), quoted(self.base / "file")
        opened = f'openat(AT_FDCWD<{there}>, "{file}", O_WRONLY|O_APPEND'
        path = self.records / "trace"
        path.write_text(
            f'1 {opened} <unfinished ...>\n'
            f'2 {opened}|O_CREAT|O_EXCL, 0600) = 3<{file}>\n'
            f'1 <... openat resumed>) = 4<{file}>\n'
            f'1 write(4<{file}>, "{quoted("one")}", 3) = 3\n')
        replayed = replay.Replay(disk.Disk(self.base), trace.read_all([path]), tells,
                                 lambda state: None, case.SEED)
        replayed.run(STATES)
        self.assertEqual(replayed.disk.seen(), {"file": b"one"})

    def test_with_sqlites_own_sync_of_the_directory_nothing_is_wrong(self):
        self.assertEqual(self.commits("EXTRA"), {})


if __name__ == "__main__":
    if len(sys.argv) == 4:
        commit_and_tell(*sys.argv[1:])
    else:
        case.main()
