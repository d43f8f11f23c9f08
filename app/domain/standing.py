"""The reports that stand, while reports arrive and are retracted, and the headline that they make together.

Steps 1 to 4 of the rule. Each arrival, retraction and headline costs the logarithm of the number of reports at most, so
that a long history costs little more than reading it.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from heapq import heappop, heappush
from math import inf
from typing import Any

from app.domain.report import NO_NUMBERS, Numbers, Report
from app.domain.vocabulary import Victims


class _Extreme:
    """The report of some that is the first by a key. Those that left are forgotten when they come to the top."""

    def __init__(self, key: Callable[[Report], Any], members: Collection[str]) -> None:
        self._key, self._members = key, members
        self._heap: list[tuple[Any, int, Report]] = []

    def add(self, report: Report) -> None:
        heappush(self._heap, (self._key(report), report.order, report))

    @property
    def top(self) -> Report | None:
        while self._heap and self._heap[0][2].id not in self._members:
            heappop(self._heap)
        return self._heap[0][2] if self._heap else None


def _newest(report: Report) -> tuple[int, int]:
    at, order = report.when
    return -at, -order


class _Tier:
    """The standing reports of one victims group whose reporters are of one tier."""

    def __init__(self) -> None:
        self.members: dict[str, Report] = {}
        self.open_ended = 0
        self.newest = _Extreme(_newest, self.members)
        self.newest_best = _Extreme(_newest, self.members)
        self.lowest = _Extreme(lambda r: r.range[0], self.members)
        self.highest = _Extreme(lambda r: -r.range[1], self.members)
        self.latest_to_begin = _Extreme(lambda r: -r.reach[0], self.members)
        self.first_to_end = _Extreme(lambda r: r.reach[1], self.members)
        self._extremes = (self.newest, self.lowest, self.highest, self.latest_to_begin, self.first_to_end)

    def add(self, report: Report) -> None:
        self.members[report.id] = report
        self.open_ended += report.open_ended
        for extreme in self._extremes:
            extreme.add(report)
        if report.best is not None:
            self.newest_best.add(report)

    def remove(self, report: Report) -> None:
        del self.members[report.id]
        self.open_ended -= report.open_ended

    @property
    def range(self) -> tuple[int, int]:
        """(low, high) of all."""
        lowest, highest = self.lowest.top, self.highest.top
        assert lowest and highest, "asked of a tier with reports"
        return lowest.range[0], highest.range[1]

    @property
    def reach(self) -> tuple[float, float]:
        """The greatest lower bound and the least upper bound of all, as disputes see them."""
        begin, end = self.latest_to_begin.top, self.first_to_end.top
        assert begin and end, "asked of a tier with reports"
        return begin.reach[0], end.reach[1]


class _Claims:
    """What each reporter of a group says, as disputes see it: (greatest lower bound, least upper bound)."""

    def __init__(self) -> None:
        self._reaches: dict[str, Counter[tuple[float, float]]] = {}
        self._lows: list[tuple[float, str]] = []
        self._highs: list[tuple[float, str]] = []

    def change(self, report: Report, by: int) -> None:
        """Counts what a report says, or takes it back."""
        of_reporter = self._reaches.setdefault(report.reporter, Counter())
        of_reporter[report.reach] += by
        if not of_reporter[report.reach]:
            del of_reporter[report.reach]
        if of_reporter:
            heappush(self._lows, (-max(low for low, _ in of_reporter), report.reporter))
            heappush(self._highs, (min(high for _, high in of_reporter), report.reporter))
        else:
            del self._reaches[report.reporter]

    @property
    def disputed(self) -> bool:
        """Whether two reporters cannot both be right."""
        if len(self._reaches) < 2:
            return False
        lows, highs = _two(self._lows, self._low_of), _two(self._highs, self._high_of)
        return any(one != other and -low > high for low, one in lows for high, other in highs)

    def _low_of(self, reporter: str) -> float | None:
        of_reporter = self._reaches.get(reporter)
        return -max(low for low, _ in of_reporter) if of_reporter else None

    def _high_of(self, reporter: str) -> float | None:
        of_reporter = self._reaches.get(reporter)
        return min(high for _, high in of_reporter) if of_reporter else None


def _two(heap: list[tuple[float, str]], now: Callable[[str], float | None]) -> list[tuple[float, str]]:
    """The first two entries of different reporters that still hold; those that do not are forgotten."""
    found: list[tuple[float, str]] = []
    while heap and len(found) < 2:
        entry = heappop(heap)
        if now(entry[1]) == entry[0] and entry not in found:
            found.append(entry)
    for entry in found:
        heappush(heap, entry)
    return found


class _Group:
    """The standing reports about one group of victims."""

    def __init__(self) -> None:
        self.first, self.second = _Tier(), _Tier()
        self.claims = _Claims()

    def tier(self, report: Report) -> _Tier:
        return self.first if report.first_tier else self.second

    @property
    def giver(self) -> Report | None:
        """Step 3: best is that of the newest of the first tier, of the second where no first-tier report stands."""
        return (self.first if self.first.members else self.second).newest_best.top

    @property
    def numbers(self) -> Numbers:
        """The headline of this group alone."""
        tiers = [tier for tier in (self.first, self.second) if tier.members]
        giver = self.giver
        newest = tiers[0].newest.top
        assert newest, "a group has reports"
        ranges = [tier.range for tier in tiers]
        return Numbers(
            low=min(low for low, _ in ranges),
            best=giver.best if giver else None,
            high=max(high for _, high in ranges),
            open_ended=any(tier.open_ended for tier in tiers),
            from_reports=(giver or newest,),
        )


class Standing:
    """Reports that stand, in their victims groups, and the headline that they make: steps 2 to 4 of the rule."""

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
        group.claims.change(report, 1)

    def remove(self, report: Report) -> None:
        """A report stands no longer."""
        group = self._groups[report.victims]
        group.tier(report).remove(report)
        group.claims.change(report, -1)
        if not group.first.members and not group.second.members:
            del self._groups[report.victims]

    @property
    def numbers(self) -> Numbers:
        """The headline of those that stand, and whether it is disputed."""
        if not self._groups:
            return NO_NUMBERS
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
            disputed=any(g.claims.disputed for g in self._groups.values())
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
