"""The reports that affect one headline, in the order of their arrivals and retractions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from app.domain.dates import Instant, Moment
from app.domain.headline import LOOK_EVERY, Look, never
from app.domain.report import NEVER_VALID, Report, by_time


class Course(NamedTuple):
    """All reports that affect one set of incidents and measure, and the moments at which its headline may change."""

    own: Mapping[str, Report]
    arriving: Sequence[Report]
    """In reported order, including those of other sets that supersede some of these."""
    retracted: Sequence[Report]
    """Those with a dated retraction, in the order of their retractions."""
    moments: Sequence[Moment]


def course_of(reports: Sequence[Report], others: Iterable[Report]) -> Course:
    own = {r.id: r for r in reports}
    relevant = [*reports, *(r for r in others if r.supersedes in own)]
    dated = [r for r in relevant if r.void_from and r.void_from != NEVER_VALID]
    first = min(r.reported.instant for r in reports)
    moments = {r.reported.instant: r.reported for r in relevant}
    moments |= {r.void_from.instant: r.void_from for r in dated if r.void_from}
    return Course(
        own,
        sorted(relevant, key=by_time),
        sorted(dated, key=retraction_of),
        [moments[instant] for instant in sorted(moments) if instant >= first],
    )


def retraction_of(report: Report) -> Instant:
    assert report.void_from, "the report is retracted"
    return report.void_from.instant


def steps(
    course: Course, since: Instant, look: Look = never
) -> Iterator[tuple[Moment | None, list[Report], list[Report]]]:
    """(moment, valid reports that arrive, reports that are retracted) for each moment.

    The moment is `None` where its headline is not needed: the next moment is not after `since` either.
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
        while retraction and retraction_of(retraction) <= moment.instant:
            if not retraction.void_at(retraction.reported.instant):
                void.append(retraction)
            retraction = next(retracted, None)
        yield moment if following is None or following.instant > since else None, new, void
