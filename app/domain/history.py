"""How a headline came about: the span of time that each answer holds for, and what each report did to it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from app.domain.dates import FOREVER, Instant, Moment
from app.domain.headline import NEVER_VALID, NO_NUMBERS, Headline, Numbers, Report, replay
from app.domain.vocabulary import Measure, ReportChange


class Span(NamedTuple):
    """A headline and the moment from which it holds, until the next span's."""

    start: Moment
    headline: Headline


def spans(reports: Sequence[Report], others: Sequence[Report], since: Instant = NEVER_VALID.instant) -> list[Span]:
    """Every headline of reports about the same incidents and measure that holds at or after `since`, oldest first.

    The same answers as `headline` at every instant, in one replay for each dated retraction instead of one an instant.
    """
    if not reports:
        return []
    relevant = list(reports)
    if others:
        ids = {r.id for r in reports}
        relevant += [r for r in others if r.supersedes in ids]
    moments = {r.reported.instant: r.reported for r in relevant}
    voids = {r.void_from.instant: r.void_from for r in relevant if r.void_from and r.void_from != NEVER_VALID}
    first = min([r.reported.instant for r in reports])
    moments |= voids
    in_order = sorted(moments)
    found: list[Span] = []
    for opens, closes in pairwise([NEVER_VALID.instant, *sorted(voids), FOREVER]):
        here = [moments[instant] for instant in in_order if opens <= instant < closes and instant >= first]
        if here and closes > since:
            found += _spans_between_retractions(reports, others, here, closes)
    holds_at_since = max((i for i, span in enumerate(found) if span.start.instant <= since), default=0)
    return found[holds_at_since:]


def _spans_between_retractions(
    reports: Sequence[Report], others: Sequence[Report], moments: Sequence[Moment], closes: Instant
) -> list[Span]:
    """The headlines at these moments, while no dated retraction sets in (the next does at `closes`)."""
    steps = list(replay(reports, others, closes - 1))
    arrivals = sorted([r.reported.instant for r in reports])
    first, revisions, numbers, done, known = None, 0, NO_NUMBERS, 0, 0
    found = []
    for moment in moments:
        instant = moment.instant
        while done < len(steps) and steps[done][0].reported.instant <= instant:
            after = steps[done][1]
            revisions += numbers.best is not None and after.best != numbers.best
            first = after.best if first is None else first
            numbers, done = after, done + 1
        while known < len(arrivals) and arrivals[known] <= instant:
            known += 1
        found.append(Span(moment, Headline(numbers, first, revisions, known)))
    return found


def timeline(
    measure: Measure, reports: Sequence[Report], others: Sequence[Report], at: Instant
) -> list[dict[str, object]]:
    """The headline's steps known by `at`, half-open `[from, to)`; neighbours with the same numbers are one step."""
    steps: list[tuple[str, tuple[int | None, ...]]] = []
    for span in spans(reports, others):
        numbers = span.headline.numbers
        figures = (numbers.low, numbers.best, numbers.high)
        if span.start.instant <= at and (not steps or steps[-1][1] != figures):
            steps.append((span.start.text, figures))
    ends = [start for start, _ in steps[1:]] + [None]
    return [
        {"measure": measure.value, "from": start, "to": end, "low": low, "best": best, "high": high}
        for (start, (low, best, high)), end in zip(steps, ends, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Effect:
    """What one report did to the headline: best right after it against best right before it."""

    change: ReportChange
    delta: int | None
    source_changed: bool | None


def effects(reports: Sequence[Report], others: Sequence[Report], at: Instant) -> dict[str, Effect]:
    """The effect of every report known by `at`, by its id. Void reports are `retracted`."""
    found = {
        r.id: Effect(ReportChange.RETRACTED, None, None) for r in reports if r.reported.instant <= at and r.void_at(at)
    }
    own, before = {r.id for r in reports}, Numbers()
    for report, after in replay(reports, others, at):
        if report.id in own:
            found[report.id] = _effect(report, before, after)
        before = after
    return found


def _effect(report: Report, before: Numbers, after: Numbers) -> Effect:
    behind = before.given_by
    source_changed = None if behind is None else behind.reporter != report.reporter
    if before.best is None or after.best is None:
        first = before.best is None and after.best is not None
        return Effect(ReportChange.FIRST if first else ReportChange.UNCHANGED, None, source_changed)
    delta = after.best - before.best
    if delta:
        return Effect(ReportChange.RAISED if delta > 0 else ReportChange.LOWERED, delta, source_changed)
    same = report.best == after.best
    return Effect(ReportChange.CONFIRMED if same else ReportChange.UNCHANGED, 0, source_changed)


@dataclass(frozen=True, slots=True)
class TollSet:
    """The reports that cover exactly the same incidents, by measure."""

    incidents: tuple[str, ...]
    reports: dict[Measure, list[Report]] = field(default_factory=dict)


def by_set(reports: Iterable[Report]) -> list[TollSet]:
    """Reports sorted into the sets of incidents that they cover; smaller sets first, then by their incidents."""
    sets: dict[frozenset[str], TollSet] = {}
    for report in reports:
        toll_set = sets.get(report.incidents)
        if toll_set is None:
            toll_set = sets[report.incidents] = TollSet(tuple(sorted(report.incidents)))
        toll_set.reports.setdefault(report.measure, []).append(report)
    return sorted(sets.values(), key=lambda s: (len(s.incidents), s.incidents))
