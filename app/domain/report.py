"""A toll report as the headline rule needs it, and the numbers that several make together."""

from math import ceil, floor, inf
from operator import attrgetter
from typing import NamedTuple

from app.domain.dates import Instant, Moment
from app.domain.vocabulary import SECOND_TIER, Bound, Measure, ReporterKind, Victims

NEVER_VALID = Moment("", -(2**63))
"""`void_from` of a report retracted without a date."""
_OPEN_ENDED = frozenset({Bound.AT_LEAST, Bound.MORE_THAN})
by_time = attrgetter("when")
"""Sorts reports by their reported order."""


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
    def figures(self) -> tuple[int | None, int | None, int | None]:
        """(low, best, high), as they were given."""
        return self.low, self.best, self.high

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
        return self.from_reports[0] if len(self.from_reports) == 1 else max(self.from_reports, key=by_time)


NO_NUMBERS = Numbers()
"""Of no report."""
