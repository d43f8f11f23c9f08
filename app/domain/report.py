"""A toll report as the headline rule needs it, and the numbers that several reports make together."""

from collections.abc import Mapping
from math import ceil, floor, inf
from operator import attrgetter
from typing import Any, NamedTuple

from app.domain.dates import Instant, Moment, parse_moment
from app.domain.vocabulary import (
    BOUNDS,
    MEASURES,
    REPORTER_KINDS,
    SECOND_TIER,
    VICTIMS,
    Bound,
    Measure,
    ReporterKind,
    Victims,
)

NEVER_VALID = Moment("", -(2**63))
"""`void_from` of a report retracted without a date."""
_OPEN_ENDED = frozenset({Bound.AT_LEAST, Bound.MORE_THAN})
by_time = attrgetter("when")
"""Sort key: the reported order."""


class Report(NamedTuple):
    """A toll report as the rule sees it. Numbers are persons; `order` is the order of recording."""

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
    """The moment from which a retraction applies; `None` where there is none."""

    @property
    def when(self) -> tuple[Instant, int]:
        """Reported order; equal instants are ordered by recording."""
        return self.reported.instant, self.order

    @property
    def first_tier(self) -> bool:
        """Whether the figure may become the best: all kinds of reporters except armed groups and anonymous ones."""
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
        """The most specific number: its best, else its low, else its high."""
        figure = self.best if self.best is not None else self.low if self.low is not None else self.high
        assert figure is not None, "a report has at least one number"
        return figure

    @property
    def figures(self) -> tuple[int | None, int | None, int | None]:
        """(low, best, high) as reported."""
        return self.low, self.best, self.high

    @property
    def open_ended(self) -> bool:
        """Whether the figure has no upper bound."""
        return self.bound in _OPEN_ENDED

    @property
    def reach(self) -> tuple[float, float]:
        """The range for disputes: an open end is unbounded, `about` n is ± 10 % rounded outward."""
        low, high = self.range
        if self.bound is Bound.ABOUT:
            return floor(low * 9 / 10), ceil(high * 11 / 10)
        return low, inf if self.open_ended else high

    def void_at(self, instant: Instant) -> bool:
        """Whether the report is retracted at this instant of reported time."""
        return self.void_from is not None and self.void_from.instant <= instant


def report_of(record: Mapping[str, Any], order: int) -> Report:
    """The report of a record (`TollReportRecord`) that is not retracted."""
    reporter = record["reported_by"]
    return Report(
        id=record["id"],
        order=order,
        measure=MEASURES[record["measure"]],
        victims=VICTIMS[record["victims"]],
        low=record["low"],
        best=record["best"],
        high=record["high"],
        bound=BOUNDS[record["bound"]],
        reporter=reporter["id"],
        reporter_kind=REPORTER_KINDS[reporter["kind"]],
        reported=parse_moment(record["reported_on"]),
        incidents=frozenset(record["incidents"]),
        supersedes=record["supersedes"],
    )


class Numbers(NamedTuple):
    """The headline at one moment, without its past."""

    low: int | None = None
    best: int | None = None
    high: int | None = None
    open_ended: bool = False
    disputed: bool = False
    from_reports: tuple[Report, ...] = ()
    """The reports that gave `best`, one for each summed group."""

    @property
    def given_by(self) -> Report | None:
        """The report that gave `best`, the newest where groups are summed; `None` where there is no best."""
        if self.best is None:
            return None
        return self.from_reports[0] if len(self.from_reports) == 1 else max(self.from_reports, key=by_time)


NO_NUMBERS = Numbers()
"""The headline where no report stands."""
