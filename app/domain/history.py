"""How a headline came about: the span of time that each answer holds for, and what each report did to it."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from app.domain.dates import FOREVER, Instant, Moment
from app.domain.headline import LOOK_EVERY, Headline, Look, never, replay
from app.domain.report import NEVER_VALID, Numbers, Report, by_time
from app.domain.standing import Standing
from app.domain.sweep import Sweep
from app.domain.vocabulary import Measure, ReportChange


class Span(NamedTuple):
    """A headline and the moment from which it holds, until the next span's."""

    start: Moment
    headline: Headline


class _Course(NamedTuple):
    """All reports that bear on one set of incidents and measure, and the moments at which its headline may change."""

    own: Mapping[str, Report]
    arriving: Sequence[Report]
    """In reported order, those of other sets that supersede some of these among them."""
    retracted: Sequence[Report]
    """Those with a dated retraction, in the order of their retractions."""
    moments: Sequence[Moment]


def _course(reports: Sequence[Report], others: Iterable[Report]) -> _Course:
    own = {r.id: r for r in reports}
    relevant = [*reports, *(r for r in others if r.supersedes in own)]
    dated = [r for r in relevant if r.void_from and r.void_from != NEVER_VALID]
    first = min(r.reported.instant for r in reports)
    moments = {r.reported.instant: r.reported for r in relevant}
    moments |= {r.void_from.instant: r.void_from for r in dated if r.void_from}
    return _Course(
        own,
        sorted(relevant, key=by_time),
        sorted(dated, key=_retraction),
        [moments[instant] for instant in sorted(moments) if instant >= first],
    )


def _retraction(report: Report) -> Instant:
    assert report.void_from, "asked of a retracted report"
    return report.void_from.instant


def _steps(
    course: _Course, since: Instant, look: Look = never
) -> Iterator[tuple[Moment | None, list[Report], list[Report]]]:
    """(moment, valid reports that arrive, reports that are retracted) for each moment.

    The moment is `None` where no answer is needed: another one comes that is not after `since`.
    """
    arriving, retracted = iter(course.arriving), iter(course.retracted)
    arrival, retraction = next(arriving, None), next(retracted, None)
    for n, (moment, following) in enumerate(pairwise([*course.moments, None])):
        assert moment is not None
        if n % LOOK_EVERY == 0:
            look()
        new, void = [], []
        while arrival and arrival.reported.instant <= moment.instant:
            if not arrival.void_at(arrival.reported.instant):
                new.append(arrival)
            arrival = next(arriving, None)
        while retraction and _retraction(retraction) <= moment.instant:
            if not retraction.void_at(retraction.reported.instant):
                void.append(retraction)
            retraction = next(retracted, None)
        yield moment if following is None or following.instant > since else None, new, void


def _standing(
    course: _Course, since: Instant, until: Instant = FOREVER, look: Look = never
) -> Iterator[tuple[Moment, Standing]]:
    """What stands at each moment from `since` to `until`, that which holds at `since` included."""
    sweep = Sweep()
    for moment, new, void in _steps(course, since, look):
        if moment and moment.instant > until:
            break
        for report in new:
            sweep.arrive(report, own=report.id in course.own)
        for report in void:
            sweep.retract(report)
        if moment:
            yield moment, sweep.standing


class _Moves(NamedTuple):
    """The first best that was not null, and how many times the best moved, counting valid reports alone."""

    first: int | None
    revisions: int


def _moves(course: _Course, since: Instant) -> Iterator[_Moves]:
    """The moves up to each moment from `since` on."""
    if _each_gives_the_best(course):
        yield from _moves_of_a_plain_course(course, since)
        return
    needed = [moment.instant for moment, _, _ in _steps(course, since) if moment]
    bounds = [NEVER_VALID.instant, *sorted({_retraction(r) for r in course.retracted}), FOREVER]
    for opens, closes in pairwise(bounds):
        if here := [instant for instant in needed if opens <= instant < closes]:
            yield from _moves_between_retractions(course, here, closes)


def _each_gives_the_best(course: _Course) -> bool:
    """Whether the newest valid report is the headline's best at any time: the course of most incidents."""
    only = next(iter(course.own.values())).victims
    return all(
        r.id in course.own and r.first_tier and r.best is not None and r.victims is only for r in course.arriving
    )


def _moves_of_a_plain_course(course: _Course, since: Instant) -> Iterator[_Moves]:
    """Keeps the valid reports in a list, in which a retraction makes neighbours of two others."""
    earlier: dict[str, Report | None] = {}
    later: dict[str, Report | None] = {}
    first: Report | None = None
    last: Report | None = None
    revisions = 0
    for moment, new, void in _steps(course, since):
        for report in new:
            earlier[report.id], later[report.id] = last, None
            if last:
                later[last.id] = report
            revisions += _differ(last, report)
            first, last = first or report, report
        for report in void:
            one, other = earlier[report.id], later[report.id]
            revisions += _differ(one, other) - _differ(one, report) - _differ(report, other)
            if one:
                later[one.id] = other
            if other:
                earlier[other.id] = one
            first, last = first if one else other, last if other else one
        if moment:
            yield _Moves(first.best if first else None, revisions)


def _differ(one: Report | None, other: Report | None) -> int:
    return int(one is not None and other is not None and one.best != other.best)


def _moves_between_retractions(course: _Course, instants: Sequence[Instant], closes: Instant) -> Iterator[_Moves]:
    """The moves at these instants, while no dated retraction sets in (the next does at `closes`)."""
    valid = iter([r for r in course.arriving if not r.void_at(closes - 1)])
    sweep, report = Sweep(), next(valid, None)
    first, best, revisions = None, None, 0
    for instant in instants:
        while report and report.reported.instant <= instant:
            sweep.arrive(report, own=report.id in course.own)
            after = sweep.standing.best
            revisions += best is not None and after != best
            first, best, report = after if first is None else first, after, next(valid, None)
        yield _Moves(first, revisions)


def spans(reports: Sequence[Report], others: Sequence[Report], since: Instant = NEVER_VALID.instant) -> list[Span]:
    """Every headline of reports about the same incidents and measure that holds at or after `since`, oldest first.

    The same answers as `headline` at every instant.
    """
    if not reports:
        return []
    course = _course(reports, others)
    arrivals = sorted(r.reported.instant for r in reports)
    return [
        Span(moment, Headline(standing.numbers, moves.first, moves.revisions, bisect_right(arrivals, moment.instant)))
        for (moment, standing), moves in zip(_standing(course, since), _moves(course, since), strict=True)
    ]


class Effect(NamedTuple):
    """What one report did to the headline: best right after it against best right before it."""

    change: ReportChange
    delta: int | None
    source_changed: bool | None


RETRACTED = Effect(ReportChange.RETRACTED, None, None)


class Account(NamedTuple):
    """How a headline came about: the effect of each report by its id, and the steps of the timeline."""

    effects: dict[str, Effect]
    timeline: list[dict[str, object]]


def account(
    measure: Measure, reports: Sequence[Report], others: Iterable[Report], at: Instant, look: Look = never
) -> Account:
    """The effect of every report known by `at`, and the headline's steps known by then.

    Void reports are `retracted`. Steps are half-open `[from, to)`; neighbours with the same numbers are one step.
    """
    if not reports:
        return Account({}, [])
    others = list(others)
    course = _course(reports, others)
    replayed = [(report, standing.undisputed) for report, standing in replay(reports, others, at, look)]
    if any(_retraction(r) <= at for r in course.retracted):
        standing = _standing(course, NEVER_VALID.instant, at, look)
        steps: Iterable[tuple[Moment, Numbers]] = ((moment, s.undisputed) for moment, s in standing)
    else:
        steps = _as_it_went(course, replayed)
    return Account(_effects(course, replayed, at), _timeline(measure, steps, at))


def effects(reports: Sequence[Report], others: Iterable[Report], at: Instant) -> dict[str, Effect]:
    """The effect of every report known by `at`, by its id. Void reports are `retracted`."""
    return account(Measure.KILLED, reports, others, at).effects


def timeline(
    measure: Measure, reports: Sequence[Report], others: Iterable[Report], at: Instant
) -> list[dict[str, object]]:
    """The headline's steps known by `at`, half-open `[from, to)`; neighbours with the same numbers are one step."""
    return account(measure, reports, others, at).timeline


def _as_it_went(course: _Course, replayed: Iterable[tuple[Report, Numbers]]) -> Iterator[tuple[Moment, Numbers]]:
    """The headline at each moment, from the replay of a course in which no retraction sets in."""
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


def _effects(course: _Course, replayed: Iterable[tuple[Report, Numbers]], at: Instant) -> dict[str, Effect]:
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
    """Those that supersede one of these of another set of incidents, by that set."""
    reports = list(reports)
    sets = {report.id: report.incidents for report in reports}
    found: dict[frozenset[str], list[Report]] = {}
    for report in reports:
        of = sets.get(report.supersedes) if report.supersedes else None
        if of is not None and of != report.incidents:
            found.setdefault(of, []).append(report)
    return found


def by_set(reports: Iterable[Report]) -> list[TollSet]:
    """Reports sorted into the sets of incidents that they cover; smaller sets first, then by their incidents."""
    sets: dict[frozenset[str], TollSet] = {}
    for report in reports:
        toll_set = sets.get(report.incidents)
        if toll_set is None:
            toll_set = sets[report.incidents] = TollSet(tuple(sorted(report.incidents)))
        toll_set.reports.setdefault(report.measure, []).append(report)
    return sorted(sets.values(), key=lambda s: (len(s.incidents), s.incidents))
