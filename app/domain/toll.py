"""A toll report: one figure that a reporter gave at some time, about one or several incidents."""

from collections.abc import Callable
from typing import Annotated, Self

from pydantic import Field, model_validator

from app.domain.source import (
    Commitment,
    Id,
    InstantText,
    MomentText,
    Record,
    ReporterRecord,
    SentReporter,
    SentSource,
    SourceRecord,
    Text,
    Whole,
)
from app.domain.vocabulary import Bound, Measure, Victims

REDACTED_IN_REPORTS = ("locator", "note")
"""Members of a report that are redacted where its reporter or source is confidential."""
_FIXED: dict[Bound, Callable[[int], tuple[int | None, ...]]] = {
    Bound.EXACT: lambda n: (n, n, n),
    Bound.AT_LEAST: lambda n: (n, n, None),
    Bound.MORE_THAN: lambda n: (n + 1, None, None),
    Bound.AT_MOST: lambda n: (0, n, n),
    Bound.ABOUT: lambda n: (None, n, None),
}


def numbers_of(bound: Bound, low: int | None, best: int | None, high: int | None) -> tuple[int | None, ...]:
    """The (low, best, high) that a bound fixes. Raises `ValueError` where the given numbers do not fit the bound.

    exact n → n/n/n · at_least n → n/n/null · more_than n → n+1/null/null · at_most n → 0/n/n ·
    about n → null/n/null · range → low and high given, best optional.
    A full triple that agrees with the bound is accepted as well.
    """
    if bound is Bound.RANGE:
        if low is None or high is None:
            raise ValueError("a range needs low and high")
        if not low <= (low if best is None else best) <= high:
            raise ValueError("a range needs low ≤ best ≤ high")
        return low, best, high
    given = low - 1 if bound is Bound.MORE_THAN and best is None and low else best
    if given is None:
        raise ValueError(f"{bound} needs best")
    fixed = _FIXED[bound](given)
    if (low is not None and low != fixed[0]) or (high is not None and high != fixed[2]):
        raise ValueError(f"{bound} {given} means low {fixed[0]}, best {fixed[1]}, high {fixed[2]}; send best alone")
    return fixed


class Breakdown(Record):
    """The same figure by side, as a data set gives it."""

    side_a: Whole | None = None
    side_b: Whole | None = None
    civilian: Whole | None = None
    unknown: Whole | None = None


class TollReportRecord(Record):
    """A toll report as it is recorded: every member in its order, null where nothing is reported.

    `low`, `best` and `high` are complete. The table, the response and the columns of files follow these members.
    """

    id: Id = Field(description="Its id.")
    incidents: list[Id] = Field(description="The incidents that the figure covers together.")
    measure: Measure
    victims: Victims
    low: Whole | None = Field(description="At least this many.")
    best: Whole | None = Field(description="The number that was reported.")
    high: Whole | None = Field(description="At most this many.")
    bound: Bound
    reported_by: ReporterRecord
    reported_on: MomentText = Field(description="When the reporter gave the figure.")
    source: SourceRecord
    breakdown: Breakdown | None
    locator: str | None = Field(description="Where in the source: a page, a paragraph.")
    note: str | None = Field(description="A remark on the figure.")
    supersedes: Id | None = Field(description="The report that this one explicitly replaces.")
    commitment: Commitment = None
    recorded_at: InstantText = Field(description="When this service recorded it.")


class TollReportDraft(Record):
    """A toll report as it is sent, before it is recorded."""

    id: Id | None = Field(None, description="Generated when absent.")
    incidents: Annotated[list[Id], Field(min_length=1, max_length=1000)] | None = Field(
        None, description="The incidents that the figure covers together. Default: the incident it is sent with."
    )
    measure: Measure
    victims: Victims
    bound: Bound
    low: Whole | None = None
    best: Whole | None = None
    high: Whole | None = None
    reported_by: SentReporter
    reported_on: MomentText = Field(
        description="When it was reported: not in the future, and no earlier than the day before `date_start` of each "
        "incident that it covers (time zones)."
    )
    source: SentSource
    breakdown: Breakdown | None = None
    locator: Text | None = Field(
        None, description="Where in the source: a page, a paragraph.", examples=["paragraph 4"]
    )
    note: Text | None = Field(None, description="A remark on the figure, in your own words.")
    supersedes: Id | None = Field(None, description="The report that this one explicitly replaces.")

    @model_validator(mode="after")
    def _numbers_fit_the_bound(self) -> Self:
        try:
            numbers_of(self.bound, self.low, self.best, self.high)
        except ValueError as error:
            raise ValueError(f"bound: {error}") from None
        return self

    @property
    def numbers(self) -> tuple[int | None, ...]:
        """(low, best, high), completed from the bound."""
        return numbers_of(self.bound, self.low, self.best, self.high)


class RetractionDraft(Record):
    """The retraction of a report."""

    reason: Text
    reported_on: MomentText | None = Field(
        None,
        description="From when the report is void: not before the report, nor in the future. When absent, the report "
        "is void at every `as_of`.",
    )
    source: SentSource | None = Field(None, description="The publication of the retraction.")
