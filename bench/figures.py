# SPDX-License-Identifier: MIT
"""Samples, what of them is reported, and the report's tables."""
import math
import statistics


def percentile(samples, share):
    """The smallest sample that `share` (0 to 1) of all do not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


class Series:
    """One thing that was measured, in rounds; a figure is the median of the rounds' figures."""

    def __init__(self):
        self.rounds = []

    def add(self, samples):
        self.rounds.append(samples)

    def at(self, share):
        return statistics.median(percentile(samples, share) for samples in self.rounds)

    @property
    def p50(self):
        return self.at(0.5)

    @property
    def p99(self):
        return self.at(0.99)

    @property
    def worst(self):
        return max(max(samples) for samples in self.rounds)


def duration(ns):
    """Nanoseconds for people."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns:.0f} ns"


def size(count):
    """Bytes for people."""
    return f"{count / 1024:.0f} KiB"


def table(head, rows):
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def verdict(reached):
    return "met" if reached else "**not met**"
