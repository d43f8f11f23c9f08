"""How a headline came about: the span of each headline, and the effect of each report."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from app.domain.course import Course, course_of, retraction_of, steps
from app.domain.dates import FOREVER, Instant, Moment
from app.domain.headline import Headline, Look, never, replay
from app.domain.moves import moves
from app.domain.report import NEVER_VALID, Numbers, Report
from app.domain.standing import Standing
from app.domain.sweep import Sweep
from app.domain.vocabulary import Measure, ReportChange


class Span(NamedTuple):
    """A headline and the moment from which it holds, until that of the next span."""

    start: Moment
    headline: Headline


def _standing(
    course: Course, since: Instant, until: Instant = FOREVER, look: Look = never
) -> Iterator[tuple[Moment, Standing]]:
    """The standing reports at each moment from `since` to `until`, including those that stand at `since`."""
    sweep = Sweep()
    for moment, new, void in steps(course, since, look):
        if moment and moment.instant > until:
            break
        for report in new:
            sweep.arrive(report, own=report.id in course.own)
        for report in void:
            sweep.retract(report)
        if moment:
            yield moment, sweep.standing


def spans(
    reports: Sequence[Report], others: Iterable[Report], since: Instant = NEVER_VALID.instant, look: Look = never
) -> list[Span]:
    """Every headline of reports about the same incidents and measure that holds at or after `since`, oldest first.

    They equal `headline` at every instant.
    """
    if not reports:
        return []
    course = course_of(reports, others)
    arrivals = sorted(r.reported.instant for r in reports)
    standing_and_moves = zip(_standing(course, since, look=look), moves(course, since, look), strict=True)
    return [
        Span(moment, Headline(standing.numbers, first, revisions, bisect_right(arrivals, moment.instant)))
        for (moment, standing), (first, revisions) in standing_and_moves
    ]


class Effect(NamedTuple):
    """The effect of a report on the headline: the best right after it compared with that right before it."""

    change: ReportChange
    delta: int | None
    source_changed: bool | None


RETRACTED = Effect(ReportChange.RETRACTED, None, None)


class Account(NamedTuple):
    """How a headline came about: the effect of each report by id, and the steps of the timeline."""

    effects: dict[str, Effect]
    timeline: list[dict[str, object]]


def account(
    measure: Measure, reports: Sequence[Report], others: Iterable[Report], at: Instant, look: Look = never
) -> Account:
    """The effect of every report given by `at`, and the steps of the headline until then.

    Void reports are `retracted`. Steps are half-open, `[from, to)`; neighbours with the same numbers are one step.
    """
    if not reports:
        return Account({}, [])
    others = list(others)
    course = course_of(reports, others)
    replayed = [(report, standing.undisputed) for report, standing in replay(reports, others, at, look)]
    if any(retraction_of(r) <= at for r in course.retracted):
        standing = _standing(course, NEVER_VALID.instant, at, look)
        headlines: Iterable[tuple[Moment, Numbers]] = ((moment, s.undisputed) for moment, s in standing)
    else:
        headlines = _as_it_went(course, replayed)
    return Account(_effects(course, replayed, at), _timeline(measure, headlines, at))


def effects(reports: Sequence[Report], others: Iterable[Report], at: Instant) -> dict[str, Effect]:
    """The effect of every report given by `at`, by id. Void reports are `retracted`."""
    return account(Measure.KILLED, reports, others, at).effects


def timeline(
    measure: Measure, reports: Sequence[Report], others: Iterable[Report], at: Instant
) -> list[dict[str, object]]:
    """The steps of the headline until `at`, half-open, `[from, to)`; neighbours with the same numbers are one step."""
    return account(measure, reports, others, at).timeline


def _as_it_went(course: Course, replayed: Iterable[tuple[Report, Numbers]]) -> Iterator[tuple[Moment, Numbers]]:
    """The headline at each moment, from the replay of a course without dated retractions."""
    by_instant = {report.reported.instant: numbers for report, numbers in replayed}
    numbers = Numbers()
    for moment in course.moments:
        numbers = by_instant.get(moment.instant, numbers)
        yield moment, numbers


def _timeline(measure: Measure, headlines: Iterable[tuple[Moment, Numbers]], at: Instant) -> list[dict[str, object]]:
    steps: list[dict[str, object]] = []
    last: tuple[int | None, ...] | None = None
    for start, (low, best, high, *_) in headlines:
        if start.instant > at:
            break
        if (low, best, high) == last:
            continue
        last = low, best, high
        if steps:
            steps[-1]["to"] = start.text
        steps.append({"measure": measure.value, "from": start.text, "to": None, "low": low, "best": best, "high": high})
    return steps


def _effects(course: Course, replayed: Iterable[tuple[Report, Numbers]], at: Instant) -> dict[str, Effect]:
    found = {r.id: RETRACTED for r in course.own.values() if r.reported.instant <= at and r.void_at(at)}
    best: int | None = None
    behind: Report | None = None
    for report, after in replayed:
        if report.id in course.own:
            source_changed = None if behind is None else behind.reporter != report.reporter
            found[report.id] = _effect(report, best, after.best, source_changed)
        best, behind = after.best, after.given_by
    return found


def _effect(report: Report, before: int | None, after: int | None, source_changed: bool | None) -> Effect:
    if before is None or after is None:
        first = before is None and after is not None
        return Effect(ReportChange.FIRST if first else ReportChange.UNCHANGED, None, source_changed)
    if delta := after - before:
        return Effect(ReportChange.RAISED if delta > 0 else ReportChange.LOWERED, delta, source_changed)
    return Effect(ReportChange.CONFIRMED if report.best == after else ReportChange.UNCHANGED, 0, source_changed)


@dataclass(frozen=True, slots=True)
class TollSet:
    """The reports that cover exactly the same incidents, by measure."""

    incidents: tuple[str, ...]
    reports: dict[Measure, list[Report]] = field(default_factory=dict)


def superseding(reports: Iterable[Report]) -> dict[frozenset[str], list[Report]]:
    """The reports that supersede a report of another set of incidents, by that set."""
    reports = list(reports)
    sets = {report.id: report.incidents for report in reports}
    found: dict[frozenset[str], list[Report]] = {}
    for report in reports:
        of = sets.get(report.supersedes) if report.supersedes else None
        if of is not None and of != report.incidents:
            found.setdefault(of, []).append(report)
    return found


def by_set(reports: Iterable[Report]) -> list[TollSet]:
    """Reports grouped by the set of incidents that they cover; smaller sets first, then by incidents."""
    sets: dict[frozenset[str], TollSet] = {}
    for report in reports:
        toll_set = sets.get(report.incidents)
        if toll_set is None:
            toll_set = sets[report.incidents] = TollSet(tuple(sorted(report.incidents)))
        toll_set.reports.setdefault(report.measure, []).append(report)
    return sorted(sets.values(), key=lambda s: (len(s.incidents), s.incidents))
