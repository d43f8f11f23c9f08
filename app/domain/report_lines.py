"""Reports with the intervals of the reported order in which they stand, in trees that find the newest at a place.

A place is the index of a report in the reported order. A report stands from its own place to its end.
"""

from bisect import bisect_right
from collections.abc import Sequence
from math import inf

from app.domain.report import Report

NEVER = 1 << 60
"""A place after all others."""


class Line:
    """Reports of one victims group and tier, with or without a best."""

    def __init__(self, reports: Sequence[tuple[int, Report]]) -> None:
        self.reports = reports
        self.places = [place for place, _ in reports]
        self.size = 1 << len(reports).bit_length()
        self._ends = [0] * (2 * self.size)
        """A tree of the greatest ends. The end of a report that is not valid is 0."""
        self._lows: list[float] = [inf] * (2 * self.size)
        for n, (_, report) in enumerate(reports):
            self._lows[self.size + n] = report.range[0]
        for n in range(self.size - 1, 0, -1):
            self._lows[n] = min(self._lows[2 * n], self._lows[2 * n + 1])

    def set_end(self, place: int, end: int) -> None:
        """The report at a place stands until `end`."""
        ends, n = self._ends, self.size + bisect_right(self.places, place) - 1
        ends[n] = end
        while n > 1:
            n >>= 1
            greatest = max(ends[2 * n], ends[2 * n + 1])
            if ends[n] == greatest:
                return
            ends[n] = greatest

    def newest(self, at: int, upto: int = NEVER) -> Report | None:
        """The newest that stands at a place, of those whose own place is not after `upto`."""
        ends, n = self._ends, self.size + bisect_right(self.places, min(at, upto))
        while n > 1:
            if n & 1 and ends[n - 1] > at:
                n -= 1
                while n < self.size:
                    n = 2 * n + 1 if ends[2 * n + 1] > at else 2 * n
                return self.reports[n - self.size][1]
            n >>= 1
        return None

    def end_after(self, after: int, at: int) -> int:
        """The greatest end of those whose place is after `after` and not after `at`."""
        low, high = self.size + bisect_right(self.places, after), self.size + bisect_right(self.places, at)
        greatest = 0
        while low < high:
            if low & 1:
                greatest = max(greatest, self._ends[low])
                low += 1
            if high & 1:
                high -= 1
                greatest = max(greatest, self._ends[high])
            low, high = low >> 1, high >> 1
        return greatest

    def end_of_lower(self, at: int, low: float, after: int, upto: int) -> int:
        """The greatest end, if after `at`, of those with a low of at most `low` and a place in (`after`, `upto`]."""
        begin, end = bisect_right(self.places, after), bisect_right(self.places, upto)
        greatest, waiting = at, [(1, 0, self.size)]
        while waiting:
            n, start, length = waiting.pop()
            if start >= end or start + length <= begin or self._ends[n] <= greatest or self._lows[n] > low:
                continue
            if length == 1:
                greatest = self._ends[n]
            else:
                half = length // 2
                waiting += ((2 * n, start, half), (2 * n + 1, start + half, half))
        return greatest if greatest > at else 0

    def has(self, place: int) -> bool:
        """Whether the report of a place is one of these."""
        n = bisect_right(self.places, place)
        return n > 0 and self.places[n - 1] == place

    def following(self, at: int) -> int:
        """The next place after this one."""
        n = bisect_right(self.places, at)
        return self.places[n] if n < len(self.places) else NEVER

    def lowest(self, at: int, bound: float) -> float:
        """The least low of those that stand at a place, or `bound` where none is lower."""
        before, waiting = bisect_right(self.places, at), [(1, 0, self.size)]
        while waiting:
            n, start, length = waiting.pop()
            if start >= before or self._ends[n] <= at or self._lows[n] >= bound:
                continue
            if length == 1:
                bound = self._lows[n]
            else:
                half = length // 2
                waiting += ((2 * n, start, half), (2 * n + 1, start + half, half))
        return bound


class GroupLines:
    """The lines of one victims group: each tier with and without a best."""

    def __init__(self, reports: Sequence[tuple[int, Report]]) -> None:
        kinds = [(True, True), (True, False), (False, True), (False, False)]
        self._lines = {
            kind: Line([(p, r) for p, r in reports if (r.first_tier, r.best is not None) == kind]) for kind in kinds
        }
        self.tiers = {tier: (self._lines[tier, True], self._lines[tier, False]) for tier in (True, False)}

    def line_of(self, report: Report) -> Line:
        """The line of a report."""
        return self._lines[report.first_tier, report.best is not None]

    def lowest(self, at: int) -> int:
        """The least low of all that stand at a place."""
        least = inf
        for line in self._lines.values():
            least = line.lowest(at, least)
        return int(least)
