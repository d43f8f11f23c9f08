"""The headline rule, `latest-standing`: the figure of a set of toll reports.

Pure functions over lists of reports. All reports of `replay` cover the same incidents and have the same measure.
`successors` also considers reports of other sets, since figures by incident may replace a shared figure.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from app.domain.dates import Instant
from app.domain.report import NO_NUMBERS, Numbers, Report, by_time
from app.domain.standing import Standing
from app.domain.sweep import Sweep
from app.domain.vocabulary import Movement

RULE = "latest-standing"
LOOK_EVERY = 256
"""Reports between two checks whether a long computation is still wanted: some milliseconds."""

Look = Callable[[], None]
"""Called at intervals during a long computation. An exception ends the computation."""


def never() -> None:
    """Checks nothing."""


def watched(reports: Sequence[Report], look: Look) -> Iterator[Report]:
    """The reports, with a check before each `LOOK_EVERY` of them."""
    for n in range(0, len(reports), LOOK_EVERY):
        look()
        yield from reports[n : n + LOOK_EVERY]


class Headline(NamedTuple):
    """The headline of one measure at both clocks, as in the member `toll`."""

    numbers: Numbers
    first: int | None
    revisions: int
    reports: int

    @property
    def change(self) -> Movement:
        """The best compared with the first best."""
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
        """The members in the order of the response."""
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
    """The headline of reports about the same incidents and measure at `at`; `None` where none is given by then.

    `others` are reports of other sets of incidents that may supersede some of these explicitly.
    """
    known = [r for r in reports if r.reported.instant <= at]
    if not known:
        return None
    first, revisions, best = None, 0, None
    standing: Standing | None = None
    for _, standing in replay(known, others, at):
        after = standing.best
        revisions += best is not None and after != best
        first, best = after if first is None else first, after
    return Headline(standing.numbers if standing else NO_NUMBERS, first, revisions, len(known))


def replay(
    reports: Iterable[Report], others: Iterable[Report], at: Instant, look: Look = never
) -> Iterator[tuple[Report, Standing]]:
    """Each report that is valid at `at`, in reported order, with the standing reports after it.

    A report of another set that supersedes one of these takes effect at its own place in that order.
    """
    own = {r.id: r for r in reports if r.reported.instant <= at and not r.void_at(at)}
    foreign = [r for r in others if r.supersedes in own and r.reported.instant <= at and not r.void_at(at)]
    sweep = Sweep()
    for report in watched(sorted([*own.values(), *foreign], key=by_time), look):
        sweep.arrive(report, own=report.id in own)
        yield report, sweep.standing


def successors(known: Iterable[Report], at: Instant, look: Look = never) -> Mapping[str, Report]:
    """The first report that replaced each one by `at`, by the id of the replaced one.

    A report replaces the one that it names, and earlier ones of its reporter with the same measure, victims and
    incidents and another figure.
    """
    by_then = sorted((r for r in known if r.reported.instant <= at), key=by_time)
    found: dict[str, Report] = {}
    explicit: dict[str, Report] = {}
    nearest: dict[tuple[object, ...], tuple[Report, Report | None]] = {}
    """By reporter, measure, victims and incidents: the next valid report, and the next that differs from it."""
    by_then.reverse()
    for report in watched(by_then, look):
        valid = not report.void_at(at)
        if valid and report.supersedes:
            explicit[report.supersedes] = report
        chain = (report.reporter, report.measure, report.victims, report.incidents)
        following, other = nearest.get(chain, (None, None))
        implicit = following if following is None or following.figures != report.figures else other
        if implicit:
            found[report.id] = implicit
        if valid:
            differs = following is not None and following.figures != report.figures
            nearest[chain] = (report, following if differs else other)
    for replaced, by in explicit.items():
        found[replaced] = min((r for r in (found.get(replaced), by) if r), key=by_time)
    return found
