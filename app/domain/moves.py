"""How often the best of a headline moved until each moment; void reports move nothing."""

from collections.abc import Iterator

from app.domain.course import Course, steps
from app.domain.dates import Instant
from app.domain.headline import Look, never
from app.domain.past import Moves, Past
from app.domain.report import Report
from app.domain.sweep import Sweep


def moves(course: Course, since: Instant, look: Look = never) -> Iterator[Moves]:
    """The moves until each moment from `since` on."""
    if _each_gives_the_best(course):
        yield from _moves_of_a_plain_course(course, since, look)
        return
    if course.retracted:
        yield from _moves_of_changing_pasts(course, since, look)
        return
    first, best, revisions = None, None, 0
    sweep = Sweep()
    for moment, new, _ in steps(course, since, look):
        for report in new:
            sweep.arrive(report, own=report.id in course.own)
            after = sweep.standing.best
            revisions += best is not None and after != best
            first, best = after if first is None else first, after
        if moment:
            yield Moves(first, revisions)


def _each_gives_the_best(course: Course) -> bool:
    """Whether the newest valid report always gives the best, as for most incidents."""
    only = next(iter(course.own.values())).victims
    return all(
        r.id in course.own and r.first_tier and r.best is not None and r.victims is only for r in course.arriving
    )


def _moves_of_a_plain_course(course: Course, since: Instant, look: Look) -> Iterator[Moves]:
    """Keeps the valid reports in a linked list; a retraction links the two neighbours."""
    earlier: dict[str, Report | None] = {}
    later: dict[str, Report | None] = {}
    first: Report | None = None
    last: Report | None = None
    revisions = 0
    for moment, new, void in steps(course, since, look):
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
            yield Moves(first.best if first else None, revisions)


def _differ(one: Report | None, other: Report | None) -> int:
    return int(one is not None and other is not None and one.best != other.best)


def _moves_of_changing_pasts(course: Course, since: Instant, look: Look) -> Iterator[Moves]:
    past = Past(course.arriving, frozenset(course.own))
    for moment, new, void in steps(course, since, look):
        for report in new:
            past.arrive(report)
        for report in void:
            past.retract(report)
        if moment:
            yield past.moves
