"""How often the best of a headline moved, at every moment, while reports arrive and are retracted.

Void reports move nothing: a retraction removes a report from the past as well, so each moment has its own past. In that
past, a report stands from its own place in the reported order to the place of the first report that replaces it. `Past`
keeps both places. After a retraction it looks only at those places where the change can affect the best.
"""

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from math import inf
from typing import NamedTuple

from app.domain.report import Report
from app.domain.report_lines import NEVER, GroupLines, Line
from app.domain.vocabulary import Victims

_Change = tuple[int, int, int]
"""(place, first, last + 1): from first to last the report of a place stands now and did not before, or vice versa."""


class Moves(NamedTuple):
    """The first best that was not null, and how many times the best moved, counting valid reports alone."""

    first: int | None
    revisions: int


class Past:
    """The best at each place of the reported order, by the reports that are valid so far."""

    def __init__(self, arriving: Sequence[Report], own: frozenset[str]) -> None:
        self._places = {report.id: place for place, report in enumerate(arriving)}
        self._own, self._arriving = own, arriving
        by_victims: dict[Victims, list[tuple[int, Report]]] = {}
        for place, report in enumerate(arriving):
            if report.id in own:
                by_victims.setdefault(report.victims, []).append((place, report))
        self._groups = {victims: GroupLines(reports) for victims, reports in by_victims.items()}
        self._has_first_tier = any(report.first_tier for report in arriving if report.id in own)
        self._last: dict[tuple[str, str], int] = {}
        """The last place of each reporter and victims group."""
        self._before: dict[int, int | None] = {}
        self._after: dict[int, int | None] = {}
        self._ends: dict[int, int] = {}
        self._named: dict[str, list[int]] = {}
        """The places of the valid reports that supersede the report of an id, in order."""
        self._moved: set[int] = set()
        self._begun: set[int] = set()
        """Places with a best after a place without one."""
        self._beginnings: list[int] = []
        self._reached = -1

    @property
    def moves(self) -> Moves:
        """The moves of the reports that are valid now."""
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
        place = self._places[report.id]
        changes: list[_Change] = []
        removed = (place, place, place)
        if report.supersedes:
            self._named[report.supersedes].remove(place)
            changes += self._renew(report.supersedes)
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
            removed = (place, place, self._ends.pop(place))
            self._groups[report.victims].line_of(report).set_end(place, 0)
            changes += self._set_ends_from(before)
        valid = {changed for changed, _, _ in changes}
        for at in {place, *(at for change in (removed, *changes) for at in self._affected(change, valid, removed))}:
            self._look(at)

    def _renew(self, report_id: str) -> list[_Change]:
        """Sets the ends that depend on what supersedes a report by name."""
        place = self._places.get(report_id)
        if place is None or place not in self._ends:
            return []
        return [*self._set_end(place), *self._set_ends_before(place)]

    def _set_ends_before(self, place: int) -> list[_Change]:
        return self._set_ends_from(self._before[place])

    def _set_ends_from(self, place: int | None) -> list[_Change]:
        """Sets the ends of a report and of those before it that it does not hide."""
        changed: list[_Change] = []
        hidden = -1
        figure = None if place is None else self._arriving[place].figures
        while place is not None and self._arriving[place].figures == figure and hidden < NEVER:
            named = self._superseded_at(place)
            if named > hidden:
                changed += self._set_end(place)
                hidden = named
            place = self._before[place]
        return changed

    def _set_end(self, place: int) -> list[_Change]:
        """Sets the end of a report. Returns the change, if any.

        A report stands until it is superseded by name, or its reporter gives another figure, or the same figure in a
        report that stands as long.
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
        self._groups[report.victims].line_of(report).set_end(place, end)
        return [(place, max(place, min(old, end)), max(old, end))]

    def _superseded_at(self, place: int) -> int:
        named = self._named.get(self._arriving[place].id)
        return named[0] if named else NEVER

    def _affected(self, change: _Change, changed: set[int], removed: _Change) -> Iterator[int]:
        """The places at which a change may affect whether the best moves.

        `removed` is the change of the retracted report, `changed` has the places of the other reports that change.
        """
        place, at, end = change
        end = min(end, self._reached + 1)
        while at < end:
            yield at
            hidden = self._hidden_until(place, at, changed)
            at = hidden or max(at + 1, min(self._steady_until(place, at, changed, removed), end))
        if at == end <= self._reached:
            yield end

    def _hidden_until(self, place: int, at: int, changed: set[int]) -> int:
        """The place up to which, from `at` on, the best is the same whether or not a report stands; 0 where it differs.

        Of a figure for `all`, a report without a best matters only because it stands. In other groups its low matters
        as well, since it is added to the sum.
        """
        report = self._arriving[place]
        group, has_best = self._groups[report.victims], report.best is not None
        given, without = group.tiers[True]
        if hidden := _beyond(at, given.end_after(place if report.first_tier and has_best else -1, at)):
            return hidden
        low = inf if report.victims is Victims.ALL else report.range[0]
        if report.first_tier:
            return 0 if has_best else _hidden_by_others(without, place, at, low, changed)
        if hidden := without.end_of_lower(at, low, -1, at):
            return hidden
        second_given, second_without = group.tiers[False]
        if hidden := _beyond(at, second_given.end_after(place if has_best else -1, at)):
            if report.victims is Victims.ALL:
                return hidden
            if without.newest(at) is None:
                return min(hidden, without.following(at))
        return 0 if has_best else _hidden_by_others(second_without, place, at, low, changed)

    def _steady_until(self, place: int, at: int, changed: set[int], removed: _Change) -> int:
        """The place up to which, after `at`, the group has one best before the change and one after it.

        Then the best moves at the same places before and after. 0 where this is not certain.
        """
        report = self._arriving[place]
        if report.best is None or (self._has_first_tier and not report.first_tier):
            return 0
        if report.victims is not Victims.ALL and Victims.ALL in self._groups:
            return 0  # a figure for `all` may begin or end, which replaces the sum
        line = self._groups[report.victims].line_of(report)
        other = line.newest(at, NEVER if place not in changed else place - 1)
        other_place = -1 if other is None else self._places[other.id]
        end = 0 if other is None else self._ends[other_place]
        if place in changed:
            removed_place, begin, removed_end = removed
            if begin <= at < removed_end and other_place < removed_place and line.has(removed_place):
                end = removed_end
            elif other_place in changed:
                end = 0
        return min(line.following(at), end)

    def _look(self, place: int) -> None:
        """Notes whether the best moves or begins at a place."""
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
        """Steps 3 and 4 of the rule, for the best alone."""
        for tier in (True, False):
            by_group: dict[Victims, int | None] = {}
            for victims, group in self._groups.items():
                given, without = group.tiers[tier]
                if giver := given.newest(at):
                    by_group[victims] = giver.best
                elif without.places and without.newest(at):
                    by_group[victims] = None
            if Victims.ALL in by_group:
                return by_group[Victims.ALL]
            if by_group:
                return sum(self._groups[v].lowest(at) if best is None else best for v, best in by_group.items())
        return None


def _beyond(at: int, end: int) -> int:
    return end if end > at else 0


def _hidden_by_others(line: Line, place: int, at: int, low: float, changed: set[int]) -> int:
    """The place up to which another report of a line, with a low of at most `low`, stands instead; 0 where none does.

    Two reports that change must not hide each other: then only the newer one counts.
    """
    hidden = line.end_of_lower(at, low, place, at)
    if not hidden and (place not in changed or len(changed) == 1):
        hidden = line.end_of_lower(at, low, -1, place - 1)
    return hidden
