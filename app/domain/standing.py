"""The reports that stand, while reports arrive and are retracted, and the headline that they make together.

Steps 2 to 4 of the rule. Each arrival, retraction and headline costs the logarithm of the number of reports at most, so
that a long history costs little more than reading it.
"""

from collections.abc import Collection, Iterable, Mapping
from heapq import heappop, heappush
from math import inf
from typing import Any

from app.domain.report import NO_NUMBERS, Numbers, Report
from app.domain.vocabulary import Victims


def first_of(heap: list[Any], members: Mapping[Any, object]) -> Any:
    """The first entry whose last item is among the members, else `None`. Those before it are forgotten."""
    while heap:
        if heap[0][-1] in members:
            return heap[0]
        heappop(heap)
    return None


class _Tier:
    """The standing reports of one victims group whose reporters are of one tier.

    The heaps hold a key and then `order` of the report. Entries of reports that left go when they come to the top.
    """

    __slots__ = ("_begins", "_ends", "_highs", "_lows", "_with_best", "_without", "members", "open_ended")

    def __init__(self) -> None:
        self.members: dict[int, Report] = {}
        self.open_ended = 0
        self._with_best: list[tuple[int, int, int]] = []
        """The newest first, as in the next."""
        self._without: list[tuple[int, int, int]] = []
        self._lows: list[tuple[int, int]] = []
        self._highs: list[tuple[int, int]] = []
        self._begins: list[tuple[float, int]] = []
        self._ends: list[tuple[float, int]] = []

    def add(self, report: Report) -> None:
        order = report.order
        self.members[order] = report
        self.open_ended += report.open_ended
        low, high = report.range
        begin, end = report.reach
        heappush(self._lows, (low, order))
        heappush(self._highs, (-high, order))
        heappush(self._begins, (-begin, order))
        heappush(self._ends, (end, order))
        newest = self._without if report.best is None else self._with_best
        heappush(newest, (-report.reported.instant, -order, order))

    def remove(self, report: Report) -> None:
        del self.members[report.order]
        self.open_ended -= report.open_ended

    @property
    def giver(self) -> Report | None:
        """The newest that has a best."""
        found = first_of(self._with_best, self.members)
        return self.members[found[-1]] if found else None

    @property
    def newest_without(self) -> Report:
        """The newest that has none. Asked where no report of the tier has a best."""
        return self.members[first_of(self._without, self.members)[-1]]

    @property
    def range(self) -> tuple[int, int]:
        """(low, high) of all. Asked of a tier with reports, as in the next."""
        return first_of(self._lows, self.members)[0], -first_of(self._highs, self.members)[0]

    @property
    def reach(self) -> tuple[float, float]:
        """The greatest lower bound and the least upper bound of all, as disputes see them."""
        return -first_of(self._begins, self.members)[0], first_of(self._ends, self.members)[0]


class _Group:
    """The standing reports about one group of victims."""

    __slots__ = ("_numbers", "first", "second")

    def __init__(self) -> None:
        self.first, self.second = _Tier(), _Tier()
        self._numbers: Numbers | None = None

    def tier(self, report: Report) -> _Tier:
        """The tier of a report that is about to be added or removed."""
        self._numbers = None
        return self.first if report.first_tier else self.second

    @property
    def giver(self) -> Report | None:
        """Step 3: best is that of the newest of the first tier, of the second where no first-tier report stands."""
        return (self.first if self.first.members else self.second).giver

    @property
    def numbers(self) -> Numbers:
        """The headline of this group alone."""
        if self._numbers is None:
            self._numbers = self._made()
        return self._numbers

    def _made(self) -> Numbers:
        """Two reporters contradict each other where one begins above the other's end.

        What stands of one reporter about the same victims is the same figure, so that it contradicts nothing of itself.
        """
        tier, other = self.first, self.second
        if not tier.members:
            tier, other = other, tier
        giver = tier.giver
        low, high = tier.range
        begin, end = tier.reach
        if other.members:
            (other_low, other_high), (other_begin, other_end) = other.range, other.reach
            low, high = min(low, other_low), max(high, other_high)
            begin, end = max(begin, other_begin), min(end, other_end)
        return Numbers(
            low,
            giver.best if giver else None,
            high,
            tier.open_ended + other.open_ended > 0,
            begin > end,
            (giver or tier.newest_without,),
        )


class Standing:
    """Reports that stand, in their victims groups, and the headline that they make: steps 2 to 4 of the rule.

    Those of one reporter about the same victims give the same figure, since another one replaces it.
    """

    def __init__(self, reports: Iterable[Report] = ()) -> None:
        self._groups: dict[Victims, _Group] = {}
        for report in reports:
            self.add(report)

    def add(self, report: Report) -> None:
        """A report stands from now on."""
        group = self._groups.get(report.victims)
        if group is None:
            group = self._groups[report.victims] = _Group()
        group.tier(report).add(report)

    def remove(self, report: Report) -> None:
        """A report stands no longer."""
        group = self._groups[report.victims]
        group.tier(report).remove(report)
        if not group.first.members and not group.second.members:
            del self._groups[report.victims]

    @property
    def numbers(self) -> Numbers:
        """The headline of those that stand, and whether it is disputed."""
        if not self._groups:
            return NO_NUMBERS
        if len(self._groups) == 1:
            ((victims, group),) = self._groups.items()
            if victims is Victims.ALL or group.numbers.best is not None:
                return group.numbers
        answering = self._answering
        chosen = [self._groups[victims].numbers for victims in answering]
        total = chosen[0] if len(chosen) == 1 and Victims.ALL in answering else _sum(chosen)
        outside = {v: g.second for v, g in self._groups.items() if v not in answering and g.second.members}
        whole = (total.low or 0, inf if total.open_ended else total.high or 0)
        as_whole = outside.get(Victims.ALL)
        return Numbers(
            low=min(total.low or 0, as_whole.range[0]) if as_whole else total.low or 0,
            best=total.best,
            high=max([total.high or 0, *(tier.range[1] for tier in outside.values())]),
            open_ended=total.open_ended or any(tier.open_ended for tier in outside.values()),
            disputed=any(g.numbers.disputed for g in self._groups.values())
            or any(_contradicts(victims, tier, whole, answering) for victims, tier in outside.items()),
            from_reports=total.from_reports,
        )

    @property
    def best(self) -> int | None:
        """The best of the headline alone."""
        answering = self._answering
        if Victims.ALL in answering and len(answering) == 1:
            giver = self._groups[Victims.ALL].giver
            return giver.best if giver else None
        parts = [self._groups[victims] for victims in answering]
        return (
            sum(giver.best or 0 if (giver := part.giver) else part.numbers.low or 0 for part in parts)
            if parts
            else None
        )

    @property
    def _answering(self) -> Collection[Victims]:
        """The groups that give the headline: `all`, or those with a first-tier report, which are summed."""
        if len(self._groups) <= 1:
            return self._groups.keys()
        first_tier = {victims for victims, group in self._groups.items() if group.first.members}
        if Victims.ALL in first_tier:
            return {Victims.ALL}
        if first_tier:
            return first_tier
        return {Victims.ALL} if Victims.ALL in self._groups else self._groups.keys()


def _sum(groups: list[Numbers]) -> Numbers:
    """Groups told apart, added up: a null best counts as its low, a null low as 0."""
    return Numbers(
        low=sum(g.low or 0 for g in groups),
        best=sum(g.best if g.best is not None else g.low or 0 for g in groups),
        high=sum(g.high or 0 for g in groups),
        open_ended=any(g.open_ended for g in groups),
        from_reports=tuple(r for g in groups for r in g.from_reports),
    )


def _contradicts(victims: Victims, outside: _Tier, whole: tuple[float, float], answering: Collection[Victims]) -> bool:
    """Whether a second-tier figure of another group contradicts the headline.

    A figure for `all` contradicts a sum that it does not meet; a figure for a part contradicts a whole that is
    smaller than the part, and never a sum of other parts.
    """
    begins, ends = outside.reach
    if victims is Victims.ALL:
        return ends < whole[0] or whole[1] < begins
    return Victims.ALL in answering and begins > whole[1]
