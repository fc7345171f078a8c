# SPDX-License-Identifier: MIT
"""Replays a trace up to each moment at which the power may go, and has checked what is left of the disk.

Until something is synced, what a power cut may leave only grows. So the states are chosen just before
each sync is done, and when something was told: from then on it must be there.
"""
import random

from power import disk, trace

TRIES_PER_STATE = 4


class Problem(Exception):
    """What is wrong with a state."""


class State:
    """What a power cut left, and what had been told before it."""

    def __init__(self, files, told):
        self.files = files  # {path below the root: bytes}
        self.told = told


class Failure:
    """A state with a problem, and how it came to be."""

    def __init__(self, problem, state, call, kept, pending):
        self.problem = str(problem)
        self.state = state
        self.story = (f"the power went before {call}, after {len(state.told)} answers;"
                      f" {kept} of {pending} changes of files were kept")

    def __repr__(self):
        return f"{self.problem}: {self.story}"


class Replay:
    """`calls`: what was traced of programs that worked on a disk which was at first as `start`.
    `tells(call)`: what the call told to others, or None. `check(state)` raises Problem.
    """

    def __init__(self, start, calls, tells, check, seed):
        self.disk = start
        self.check = check
        self.random = random.Random(seed)
        self.told = []
        self.seen = {}  # by content: how much had been told when it was checked
        self.failures = []
        self.events = sorted(self._events(calls, tells), key=lambda event: event[:2])

    def _events(self, calls, tells):
        """(when, is it a sync, call, what it told), of all calls that matter."""
        for call in calls:
            told = tells(call)
            if told is not None:
                yield call.begin, False, call, told
            elif self.disk.concerns(call):
                assert call.name not in trace.UNKNOWN, f"cannot be replayed: {call}"
                yield call.moment, call.name in trace.SYNCING, call, None

    def run(self, wanted):
        """Check about so many states, as many at each moment if there are; `seen` has them."""
        moments = sum(is_sync or told is not None for _, is_sync, _, told in self.events)
        for _, is_sync, call, told in self.events:
            if not is_sync and told is None:
                self.disk.do(call)
                continue
            if told is not None:
                self.told.append(told)
            self._cut_power(call, max(2, (wanted - len(self.seen)) // moments))
            moments -= 1
            if is_sync:
                self.disk.sync(call)
        self._cut_power("the end", 2)

    def _cut_power(self, call, wanted):
        before = len(self.seen)
        for tries, (files, kept) in enumerate(disk.choices(self.disk, self.random)):
            if len(self.seen) - before >= wanted or tries >= wanted * TRIES_PER_STATE:
                return
            self._look(call, files, kept)

    def _look(self, call, files, kept):
        by_file = {}
        for file, change in kept:
            by_file.setdefault(file, []).append(change)
        key = hash(tuple((path, file.digest_with_kept(by_file.get(file, ())))
                         for path, file in sorted(files.items())))
        if self.seen.get(key) == len(self.told):
            return
        self.seen[key] = len(self.told)
        state = State({path: file.with_kept(by_file.get(file, ())) for path, file in files.items()},
                      self.told)
        try:
            self.check(state)
        except Problem as problem:
            state.told = list(self.told)
            pending = sum(len(file.pending) for file in set(files.values()))
            self.failures.append(Failure(problem, state, call, len(kept), pending))
