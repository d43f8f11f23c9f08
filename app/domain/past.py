"""How often the best of a headline moved, at every moment, while reports come and are retracted.

Void reports move nothing: a retraction takes a report out of the past as well, so that each moment has a past of its
own. In that of one moment a report stands from its own place in the reported order to that of the first which replaces
it. `Past` keeps these two places, and after a retraction looks again only at those places of the order at which what
it changed can be seen.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from math import inf
from typing import NamedTuple

from app.domain.report import Report
from app.domain.vocabulary import Victims

NEVER = 1 << 60
"""The place of what does not come."""


class Moves(NamedTuple):
    """The first best that was not null, and how many times the best moved, counting valid reports alone."""

    first: int | None
    revisions: int


class _Line:
    """Reports of one group and tier, with or without a best: places in the order, and the places where they end."""

    def __init__(self, reports: Sequence[tuple[int, Report]]) -> None:
        self.reports = reports
        self.places = [place for place, _ in reports]
        self.size = 1 << len(reports).bit_length()
        self._ends = [0] * (2 * self.size)
        """A tree of the greatest ends. 0 is of one that is not valid."""
        self._lows: list[float] = [inf] * (2 * self.size)
        for n, (_, report) in enumerate(reports):
            self._lows[self.size + n] = report.range[0]
        for n in range(self.size - 1, 0, -1):
            self._lows[n] = min(self._lows[2 * n], self._lows[2 * n + 1])

    def set(self, place: int, end: int) -> None:
        """The report of a place stands until `end`."""
        ends, n = self._ends, self.size + bisect_right(self.places, place) - 1
        ends[n] = end
        while n > 1:
            n >>= 1
            greatest = max(ends[2 * n], ends[2 * n + 1])
            if ends[n] == greatest:
                return
            ends[n] = greatest

    def newest(self, at: int) -> Report | None:
        """The newest that stands at a place."""
        ends, n = self._ends, self.size + bisect_right(self.places, at)
        while n > 1:
            if n & 1 and ends[n - 1] > at:
                n -= 1
                while n < self.size:
                    n = 2 * n + 1 if ends[2 * n + 1] > at else 2 * n
                return self.reports[n - self.size][1]
            n >>= 1
        return None

    def until(self, after: int, at: int) -> int:
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

    def following(self, at: int) -> int:
        """The next place after this one."""
        n = bisect_right(self.places, at)
        return self.places[n] if n < len(self.places) else NEVER

    def low(self, at: int, least: float) -> float:
        """The least low of those that stand at a place, or `least` where none is below."""
        before, waiting = bisect_right(self.places, at), [(1, 0, self.size)]
        while waiting:
            n, begin, length = waiting.pop()
            if begin >= before or self._ends[n] <= at or self._lows[n] >= least:
                continue
            if length == 1:
                least = self._lows[n]
            else:
                half = length // 2
                waiting += ((2 * n, begin, half), (2 * n + 1, begin + half, half))
        return least


class _Group:
    """The lines of one victims group: first tier with and without a best, second tier with and without."""

    def __init__(self, reports: Sequence[tuple[int, Report]]) -> None:
        kinds = [(True, True), (True, False), (False, True), (False, False)]
        self.lines = {
            kind: _Line([(p, r) for p, r in reports if (r.first_tier, r.best is not None) == kind]) for kind in kinds
        }
        self.tiers = {tier: (self.lines[tier, True], self.lines[tier, False]) for tier in (True, False)}

    def line(self, report: Report) -> _Line:
        return self.lines[report.first_tier, report.best is not None]

    def low(self, at: int) -> int:
        """The least low of all that stand."""
        least = inf
        for line in self.lines.values():
            least = line.low(at, least)
        return int(least)


class Past:
    """The best at each place of the reported order, as it stands with the reports that are valid so far."""

    def __init__(self, arriving: Sequence[Report], own: frozenset[str]) -> None:
        self._places = {report.id: place for place, report in enumerate(arriving)}
        self._own, self._arriving = own, arriving
        by_victims: dict[Victims, list[tuple[int, Report]]] = {}
        for place, report in enumerate(arriving):
            if report.id in own:
                by_victims.setdefault(report.victims, []).append((place, report))
        self._groups = {victims: _Group(reports) for victims, reports in by_victims.items()}
        self._last: dict[tuple[str, str], int] = {}
        """The last place of each reporter and victims group."""
        self._before: dict[int, int | None] = {}
        self._after: dict[int, int | None] = {}
        self._ends: dict[int, int] = {}
        self._named: dict[str, list[int]] = {}
        """The places of the valid reports that supersede the report of an id, in order."""
        self._moved: set[int] = set()
        self._begun: set[int] = set()
        """Places at which a best comes where there was none."""
        self._beginnings: list[int] = []
        self._reached = -1

    @property
    def moves(self) -> Moves:
        """The moves with what is valid now."""
        while self._beginnings and self._beginnings[0] not in self._begun:
            heappop(self._beginnings)
        first = self._best(self._beginnings[0]) if self._beginnings else None
        return Moves(first, len(self._moved))

    def arrive(self, report: Report) -> None:
        """The next valid report of the order."""
        place = self._reached = self._places[report.id]
        if report.supersedes:
            self._named.setdefault(report.supersedes, []).append(place)
            self._renew(report.supersedes)
        if report.id in self._own:
            chain = (report.reporter, report.victims)
            before = self._before[place] = self._last.get(chain)
            self._after[place] = None
            self._last[chain] = place
            if before is not None:
                self._after[before] = place
            self._set_end(place)
            self._set_ends_before(place)
        self._look(place)

    def retract(self, report: Report) -> None:
        """A report that arrived is void, now and in the past."""
        place, changed = self._places[report.id], []
        if report.supersedes:
            self._named[report.supersedes].remove(place)
            changed += self._renew(report.supersedes)
        if report.id in self._own:
            before, after = self._before.pop(place), self._after.pop(place)
            if before is not None:
                self._after[before] = after
            if after is not None:
                self._before[after] = before
            elif before is not None:
                self._last[report.reporter, report.victims] = before
            else:
                del self._last[report.reporter, report.victims]
            changed.append((place, place, self._ends.pop(place)))
            self._groups[report.victims].line(report).set(place, 0)
            changed += self._set_ends_from(before)
        places = {at for of, begin, end in changed for at in self._seen(self._arriving[of], begin, end)}
        for at in places | {place}:
            self._look(at)

    def _renew(self, report_id: str) -> list[tuple[int, int, int]]:
        """Sets the ends that depend on what supersedes a report by name."""
        place = self._places.get(report_id)
        if place is None or place not in self._ends:
            return []
        return [*self._set_end(place), *self._set_ends_before(place)]

    def _set_ends_before(self, place: int) -> list[tuple[int, int, int]]:
        return self._set_ends_from(self._before[place])

    def _set_ends_from(self, place: int | None) -> list[tuple[int, int, int]]:
        """Sets the ends of a report and of those before it that it does not hide."""
        changed: list[tuple[int, int, int]] = []
        hidden = -1
        figure = None if place is None else self._arriving[place].figures
        while place is not None and self._arriving[place].figures == figure and hidden < NEVER:
            named = self._superseded_at(place)
            if named > hidden:
                changed += self._set_end(place)
                hidden = named
            place = self._before[place]
        return changed

    def _set_end(self, place: int) -> list[tuple[int, int, int]]:
        """(place, first, last + 1) of the places at which a report stands now and did not before, or the reverse.

        It stands until it is superseded by name, or its reporter gives another figure, or the same again in a report
        that stands as long.
        """
        report, named, following = self._arriving[place], self._superseded_at(place), self._after[place]
        while (
            following is not None
            and self._arriving[following].figures == report.figures
            and self._superseded_at(following) < named
        ):
            following = self._after[following]
        end = min(named, NEVER if following is None else following)
        old = self._ends.get(place, place)
        if end == old:
            return []
        self._ends[place] = end
        self._groups[report.victims].line(report).set(place, end)
        return [(place, max(place, min(old, end)), max(old, end))]

    def _superseded_at(self, place: int) -> int:
        named = self._named.get(self._arriving[place].id)
        return named[0] if named else NEVER

    def _seen(self, report: Report, begin: int, end: int) -> Iterator[int]:
        """The places from `begin` to `end` at which it may matter to the best whether a report stands."""
        group, end = self._groups[report.victims], min(end, self._reached + 1)
        given, open_ended = group.tiers[True]
        place = self._places[report.id]
        at = begin
        while at < end:
            hidden = given.until(place if report.first_tier and report.best is not None else -1, at)
            if hidden <= at and not report.first_tier and report.best is not None and not open_ended.places:
                hidden = group.lines[False, True].until(place, at)
            if hidden > at:
                yield at
                at = hidden
                continue
            following = min(given.following(at), end)
            yield from range(at, following)
            at = following
        if at <= self._reached:
            yield at

    def _look(self, place: int) -> None:
        """Whether the best moves or begins at a place."""
        before, after = self._best(place - 1), self._best(place)
        if before is not None and before != after:
            self._moved.add(place)
        else:
            self._moved.discard(place)
        if before is None and after is not None:
            if place not in self._begun:
                self._begun.add(place)
                heappush(self._beginnings, place)
        else:
            self._begun.discard(place)

    def _best(self, at: int) -> int | None:
        """Steps 3 and 4 of the rule, of the best alone."""
        for tier in (True, False):
            answering: dict[Victims, int | None] = {}
            for victims, group in self._groups.items():
                given, without = group.tiers[tier]
                if giver := given.newest(at):
                    answering[victims] = giver.best
                elif without.places and without.newest(at):
                    answering[victims] = None
            if Victims.ALL in answering:
                return answering[Victims.ALL]
            if answering:
                return sum(self._groups[v].low(at) if best is None else best for v, best in answering.items())
        return None
