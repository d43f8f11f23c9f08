"""The headline rule, `latest-standing`: what a set of toll reports says together.

Pure functions over lists of reports. All reports given to `replay` cover exactly the same incidents and have the
same measure; `superseding` also looks at reports of other sets, since a split by incident may replace a shared figure.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from heapq import nlargest, nsmallest
from math import ceil, floor, inf
from operator import attrgetter
from typing import NamedTuple

from app.domain.dates import Instant, Moment
from app.domain.vocabulary import (
    SECOND_TIER,
    Bound,
    Measure,
    Movement,
    ReporterKind,
    Victims,
)

RULE = "latest-standing"
NEVER_VALID = Moment("", -(2**63))
"""`void_from` of a report retracted without a date."""
_OPEN_ENDED = frozenset({Bound.AT_LEAST, Bound.MORE_THAN})
_when = attrgetter("when")


class Report(NamedTuple):
    """What the rule needs of a toll report. Numbers are persons; `order` is the order of recording."""

    id: str
    order: int
    measure: Measure
    victims: Victims
    low: int | None
    best: int | None
    high: int | None
    bound: Bound
    reporter: str
    reporter_kind: ReporterKind
    reported: Moment
    incidents: frozenset[str]
    supersedes: str | None = None
    void_from: Moment | None = None
    """The moment from which a retraction holds; `None` where there is none."""

    @property
    def when(self) -> tuple[Instant, int]:
        """Reported order; equal instants are ordered by recording."""
        return self.reported.instant, self.order

    @property
    def first_tier(self) -> bool:
        """Whether the figure may become the best: all kinds of reporter but armed groups and the nameless."""
        return self.reporter_kind not in SECOND_TIER

    @property
    def range(self) -> tuple[int, int]:
        """(low, high): low = its low, else best; high = its high, else best, else low."""
        low = self.low if self.low is not None else self.best
        high = self.high if self.high is not None else self.best if self.best is not None else low
        assert low is not None and high is not None, "a report has at least one number"
        return low, high

    @property
    def figure(self) -> int:
        """The one number that tells most: its best, else its low, else its high."""
        figure = self.best if self.best is not None else self.low if self.low is not None else self.high
        assert figure is not None, "a report has at least one number"
        return figure

    @property
    def open_ended(self) -> bool:
        """Whether the figure has no upper bound."""
        return self.bound in _OPEN_ENDED

    @property
    def reach(self) -> tuple[float, float]:
        """The range as disputes see it: an open end is unbounded, `about` n is ± 10 % rounded outward."""
        low, high = self.range
        if self.bound is Bound.ABOUT:
            return floor(low * 9 / 10), ceil(high * 11 / 10)
        return low, inf if self.open_ended else high

    def void_at(self, instant: Instant) -> bool:
        """Whether the report is retracted at this instant of reported time."""
        return self.void_from is not None and self.void_from.instant <= instant


class Numbers(NamedTuple):
    """The headline at one moment, before its past is looked at."""

    low: int | None = None
    best: int | None = None
    high: int | None = None
    open_ended: bool = False
    disputed: bool = False
    from_reports: tuple[Report, ...] = ()
    """The reports that gave `best`, one a summed group."""

    @property
    def given_by(self) -> Report | None:
        """The report that gave `best`, the newest where groups are summed; `None` where there is no best."""
        if self.best is None:
            return None
        return self.from_reports[0] if len(self.from_reports) == 1 else max(self.from_reports, key=_when)


NO_NUMBERS = Numbers()
"""Of no report."""


class Headline(NamedTuple):
    """The headline of one measure at two clocks, as the `toll` member shows it."""

    numbers: Numbers
    first: int | None
    revisions: int
    reports: int

    @property
    def change(self) -> Movement:
        """Best now against the first best."""
        best = self.numbers.best
        if best is None or self.first is None or best == self.first:
            return Movement.NONE
        return Movement.RAISED if best > self.first else Movement.LOWERED

    @property
    def spread(self) -> int | None:
        """high − low, or `None` where either is."""
        low, high = self.numbers.low, self.numbers.high
        return None if low is None or high is None else high - low

    def as_json(self) -> dict[str, object]:
        """The members in the order of the contract."""
        given_by = self.numbers.given_by
        return {
            "low": self.numbers.low,
            "best": self.numbers.best,
            "high": self.numbers.high,
            "open_ended": self.numbers.open_ended,
            "first": self.first,
            "change": self.change.value,
            "revisions": self.revisions,
            "spread": self.spread,
            "disputed": self.numbers.disputed,
            "reports": self.reports,
            "reported_on": given_by.reported.text if given_by else None,
        }


def headline(reports: Iterable[Report], others: Iterable[Report], at: Instant) -> Headline | None:
    """The headline of reports about the same incidents and measure at `at`, or `None` where none is known by then.

    `others` are the reports of other sets of incidents that may supersede some of these explicitly.
    """
    known = [r for r in reports if r.reported.instant <= at]
    if not known:
        return None
    first, revisions, numbers = None, 0, NO_NUMBERS
    for _, after in replay(known, others, at):
        if after.best != numbers.best and numbers.best is not None:
            revisions += 1
        first = after.best if first is None else first
        numbers = after
    return Headline(numbers, first, revisions, len(known))


def replay(reports: Iterable[Report], others: Iterable[Report], at: Instant) -> Iterator[tuple[Report, Numbers]]:
    """Each report that is valid at `at`, in reported order, with the headline right after it.

    A report of another set that supersedes one of these takes effect at its own place in that order, and is
    yielded with the headline that it leaves.
    """
    own = [r for r in reports if r.reported.instant <= at and not r.void_at(at)]
    foreign: dict[str, Report] = {}
    if others := list(others):
        ids = {r.id for r in own}
        foreign = {r.id: r for r in others if r.supersedes in ids and r.reported.instant <= at and not r.void_at(at)}
    standing: dict[str, Report] = {}
    for report in sorted([*own, *foreign.values()], key=_when):
        if report.supersedes:
            standing.pop(report.supersedes, None)
        if report.id not in foreign:
            for old in [s for s in standing.values() if succeeds(report, s)]:
                del standing[old.id]
            standing[report.id] = report
        yield report, combine(standing.values())


def succeeds(later: Report, earlier: Report) -> bool:
    """Whether a report replaces an earlier one of its set: its reporter gave another figure for the same victims."""
    return (
        later.reporter == earlier.reporter
        and later.victims == earlier.victims
        and (later.low, later.best, later.high) != (earlier.low, earlier.best, earlier.high)
        and later.when > earlier.when
    )


def superseding(report: Report, known: Iterable[Report], at: Instant) -> Report | None:
    """The report that replaced this one by `at`: the first that did, among all reports known, or `None`."""
    replacing = (
        r
        for r in known
        if r.id != report.id
        and r.reported.instant <= at
        and not r.void_at(at)
        and (
            r.supersedes == report.id
            or (r.measure == report.measure and r.incidents == report.incidents and succeeds(r, report))
        )
    )
    return min(replacing, key=_when, default=None)


def combine(standing: Iterable[Report]) -> Numbers:
    """The headline of the reports that stand: steps 2 to 4 of the rule, and whether it is disputed."""
    groups: dict[Victims, list[Report]] = {}
    for report in standing:
        groups.setdefault(report.victims, []).append(report)
    if not groups:
        return NO_NUMBERS
    answering = _answering(groups)
    chosen = [_group(groups[victims]) for victims in answering]
    total = chosen[0] if len(chosen) == 1 and Victims.ALL in answering else _sum(chosen)
    disputed = any(map(_disputed, groups.values()))
    if len(answering) == len(groups):
        return Numbers(total.low or 0, total.best, total.high or 0, total.open_ended, disputed, total.from_reports)
    outside = [r for victims, rs in groups.items() if victims not in answering for r in rs if not r.first_tier]
    return Numbers(
        low=min([total.low or 0, *(r.range[0] for r in outside)]),
        best=total.best,
        high=max([total.high or 0, *(r.range[1] for r in outside)]),
        open_ended=total.open_ended or any(r.open_ended for r in outside),
        disputed=disputed or _disputed_from_outside(total, outside),
        from_reports=total.from_reports,
    )


def _answering(groups: Mapping[Victims, list[Report]]) -> Collection[Victims]:
    """The groups that give the headline: `all`, or those with a first-tier report, which are summed."""
    if len(groups) == 1:
        return groups.keys()
    first_tier = {victims for victims, reports in groups.items() if any(r.first_tier for r in reports)}
    if Victims.ALL in first_tier:
        return {Victims.ALL}
    if first_tier:
        return first_tier
    return {Victims.ALL} if Victims.ALL in groups else set(groups)


def _group(reports: list[Report]) -> Numbers:
    """One victims group: the newest first-tier best, else the newest second-tier best; the widest range."""
    if len(reports) == 1:
        (only,) = reports
        low, high = only.range
        return Numbers(low, only.best, high, only.open_ended, from_reports=(only,))
    with_best = [r for r in reports if r.best is not None]
    candidates = [r for r in with_best if r.first_tier] or with_best
    giver = max(candidates, key=_when, default=None)
    return Numbers(
        low=min(r.range[0] for r in reports),
        best=giver.best if giver else None,
        high=max(r.range[1] for r in reports),
        open_ended=any(r.open_ended for r in reports),
        from_reports=(giver,) if giver else (max(reports, key=lambda r: (r.first_tier, *r.when)),),
    )


def _sum(groups: list[Numbers]) -> Numbers:
    """Groups told apart, added up: a null best counts as its low, a null low as 0."""
    return Numbers(
        low=sum(g.low or 0 for g in groups),
        best=sum(g.best if g.best is not None else g.low or 0 for g in groups),
        high=sum(g.high or 0 for g in groups),
        open_ended=any(g.open_ended for g in groups),
        from_reports=tuple(r for g in groups for r in g.from_reports),
    )


def _apart(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[1] < other[0] or other[1] < one[0]


def _disputed(reports: list[Report]) -> bool:
    """Whether two reports of different reporters about the same victims cannot both be right."""
    if len(reports) == 1:
        return False
    lows: dict[str, float] = {}
    highs: dict[str, float] = {}
    for r in reports:
        low, high = r.reach
        lows[r.reporter] = max(low, lows.get(r.reporter, low))
        highs[r.reporter] = min(high, highs.get(r.reporter, high))
    most = nlargest(2, lows.items(), key=lambda told: told[1])
    least = nsmallest(2, highs.items(), key=lambda told: told[1])
    return any(one != other and low > high for one, low in most for other, high in least)


def _disputed_from_outside(total: Numbers, outside: Iterable[Report]) -> bool:
    """Whether a second-tier figure of another group contradicts the whole.

    A figure for `all` contradicts a sum that it does not meet; a figure for a part contradicts a whole that is
    smaller than the part, and never a sum of other parts.
    """
    whole = (total.low or 0, inf if total.open_ended else total.high or 0)
    told_as_all = any(r.victims is Victims.ALL for r in total.from_reports)
    return any(
        _apart(r.reach, whole) if r.victims is Victims.ALL else told_as_all and r.reach[0] > whole[1] for r in outside
    )
