"""The standing reports, while reports arrive and are retracted, and their headline.

Steps 2 to 5 of the rule. Each arrival, retraction and headline takes logarithmic time at most, so that a long history
costs little more than reading it.
"""

from collections.abc import Collection, Iterable, Mapping
from heapq import heappop, heappush
from math import inf
from typing import Any

from app.domain.report import NO_NUMBERS, Numbers, Report
from app.domain.vocabulary import Victims


def first_of(heap: list[Any], members: Mapping[Any, object]) -> Any:
    """The first entry whose last item is among the members; `None` without one. Entries before it are dropped."""
    while heap:
        if heap[0][-1] in members:
            return heap[0]
        heappop(heap)
    return None


class _Tier:
    """The standing reports of one victims group whose reporters are of one tier.

    The entries of the heaps are a key and the `order` of a report. Entries of removed reports are dropped at the top.
    """

    __slots__ = ("_begins", "_ends", "_highs", "_lows", "_unsorted", "_with_best", "_without", "members", "open_ended")

    def __init__(self) -> None:
        self.members: dict[int, Report] = {}
        self.open_ended = 0
        self._with_best: list[tuple[int, int, int]] = []
        """The newest first, as in `_without`."""
        self._without: list[tuple[int, int, int]] = []
        self._lows: list[tuple[int, int]] = []
        self._highs: list[tuple[int, int]] = []
        self._begins: list[tuple[float, int]] = []
        self._ends: list[tuple[float, int]] = []
        self._unsorted: list[Report] = []
        """Reports that are not in `_begins` and `_ends` yet, since many headlines do not need disputes."""

    def add(self, report: Report) -> None:
        order = report.order
        self.members[order] = report
        self.open_ended += report.open_ended
        self._unsorted.append(report)
        low, high = report.range
        heappush(self._lows, (low, order))
        heappush(self._highs, (-high, order))
        newest = self._without if report.best is None else self._with_best
        heappush(newest, (-report.reported.instant, -order, order))

    def remove(self, report: Report) -> None:
        del self.members[report.order]
        self.open_ended -= report.open_ended

    @property
    def giver(self) -> Report | None:
        """The newest with a best."""
        found = first_of(self._with_best, self.members)
        return self.members[found[-1]] if found else None

    @property
    def newest_without(self) -> Report:
        """The newest, in a tier in which no report has a best."""
        return self.members[first_of(self._without, self.members)[-1]]

    @property
    def range(self) -> tuple[int, int]:
        """(low, high) of all, in a tier with reports. `reach` needs one as well."""
        return first_of(self._lows, self.members)[0], -first_of(self._highs, self.members)[0]

    @property
    def reach(self) -> tuple[float, float]:
        """The greatest lower bound and the least upper bound of all, for disputes."""
        for report in self._unsorted:
            if report.order in self.members:
                begin, end = report.reach
                heappush(self._begins, (-begin, report.order))
                heappush(self._ends, (end, report.order))
        self._unsorted.clear()
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
        """Step 3: the newest of the first tier gives the best, of the second tier where no first-tier report stands."""
        return (self.first if self.first.members else self.second).giver

    @property
    def numbers(self) -> Numbers:
        """The headline of this group alone, without disputes."""
        if self._numbers is None:
            self._numbers = self._made()
        return self._numbers

    def _made(self) -> Numbers:
        tier, other = self.first, self.second
        if not tier.members:
            tier, other = other, tier
        giver = tier.giver
        low, high = tier.range
        if other.members:
            other_low, other_high = other.range
            low, high = min(low, other_low), max(high, other_high)
        best = giver.best if giver else None
        open_ended = tier.open_ended + other.open_ended > 0
        return Numbers(low, best, high, open_ended, False, (giver or tier.newest_without,))

    @property
    def disputed(self) -> bool:
        """Whether two reporters cannot both be right: one range begins above the end of another.

        The standing reports of one reporter about the same victims give the same figure, so they do not contradict
        each other.
        """
        reaches = [tier.reach for tier in (self.first, self.second) if tier.members]
        return max(begin for begin, _ in reaches) > min(end for _, end in reaches)


class Standing:
    """The standing reports by victims group, and their headline: steps 2 to 4 of the rule.

    Those of one reporter about the same victims give the same figure, since another figure replaces it.
    """

    def __init__(self, reports: Iterable[Report] = ()) -> None:
        self._groups: dict[Victims, _Group] = {}
        self._counted: Collection[Victims] = ()
        """The groups that make the headline: `all`, or those with a first-tier report, which are summed."""
        self._outside: dict[Victims, _Tier] = {}
        """The second-tier reports of the other groups: they only widen the headline, and may dispute it."""
        for report in reports:
            self.add(report)

    def add(self, report: Report) -> None:
        """A report stands from now on."""
        group = self._groups.get(report.victims)
        if group is None:
            group = self._groups[report.victims] = _Group()
        tier = group.tier(report)
        is_first = not tier.members
        tier.add(report)
        if is_first:
            self._choose()

    def remove(self, report: Report) -> None:
        """A report stands no longer."""
        group = self._groups[report.victims]
        tier = group.tier(report)
        tier.remove(report)
        if tier.members:
            return
        if not group.first.members and not group.second.members:
            del self._groups[report.victims]
        self._choose()

    def _choose(self) -> None:
        """Decides which groups count and which stand outside, after a group or tier came or went."""
        groups = self._groups
        first_tier = [victims for victims, group in groups.items() if group.first.members]
        if Victims.ALL in first_tier or (not first_tier and Victims.ALL in groups):
            self._counted = (Victims.ALL,)
        else:
            self._counted = first_tier or tuple(groups)
        self._outside = {v: g.second for v, g in groups.items() if v not in self._counted and g.second.members}

    @property
    def numbers(self) -> Numbers:
        """The headline, and whether it is disputed."""
        undisputed = self.undisputed
        return undisputed._replace(disputed=True) if self._disputed else undisputed

    @property
    def undisputed(self) -> Numbers:
        """The headline without disputes."""
        if len(self._groups) == 1:
            ((victims, group),) = self._groups.items()
            if victims is Victims.ALL or group.numbers.best is not None:
                return group.numbers
        if not self._groups:
            return NO_NUMBERS
        total, outside = self._total, self._outside
        if not outside:
            return total
        as_whole = outside.get(Victims.ALL)
        return total._replace(
            low=min(total.low or 0, as_whole.range[0]) if as_whole else total.low,
            high=max(total.high or 0, *(tier.range[1] for tier in outside.values())),
            open_ended=total.open_ended or any(tier.open_ended for tier in outside.values()),
        )

    @property
    def _total(self) -> Numbers:
        """The numbers of the groups that make the headline."""
        if Victims.ALL in self._counted:
            return self._groups[Victims.ALL].numbers
        return _sum([self._groups[victims].numbers for victims in self._counted])

    @property
    def _disputed(self) -> bool:
        if any(group.disputed for group in self._groups.values()):
            return True
        if not self._outside:
            return False
        total = self._total
        whole = (total.low or 0, inf if total.open_ended else total.high or 0)
        return any(_contradicts(victims, tier, whole, self._counted) for victims, tier in self._outside.items())

    @property
    def best(self) -> int | None:
        """The best of the headline."""
        if not self._groups:
            return None
        if Victims.ALL in self._counted:
            giver = self._groups[Victims.ALL].giver
            return giver.best if giver else None
        best = 0
        for victims in self._counted:
            group = self._groups[victims]
            giver = group.giver
            best += (giver.best if giver else group.numbers.low) or 0
        return best


def _sum(groups: Iterable[Numbers]) -> Numbers:
    """The sum of groups: a null best counts as its low, a null low as 0."""
    low = best = high = 0
    open_ended = False
    from_reports: list[Report] = []
    for group in groups:
        group_low = group.low or 0
        low += group_low
        best += group_low if group.best is None else group.best
        high += group.high or 0
        open_ended = open_ended or group.open_ended
        from_reports += group.from_reports
    return Numbers(low, best, high, open_ended, False, tuple(from_reports))


def _contradicts(victims: Victims, outside: _Tier, whole: tuple[float, float], counted: Collection[Victims]) -> bool:
    """Whether a second-tier figure of another group contradicts the headline.

    A figure for `all` contradicts a sum that it does not meet; a figure for a part contradicts a whole that is
    smaller than the part, and never a sum of other parts.
    """
    begins, ends = outside.reach
    if victims is Victims.ALL:
        return ends < whole[0] or whole[1] < begins
    return Victims.ALL in counted and begins > whole[1]
