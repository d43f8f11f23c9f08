"""The headline at the end of a history, kept so that what comes later is added to it and nothing is replayed."""

from app.domain.headline import Headline
from app.domain.report import Report
from app.domain.sweep import Sweep
from app.domain.vocabulary import Victims


class Ending:
    """The headline of one set of incidents and measure after all that is known: the same as `history.spans` ends with.

    Reports arrive in their reported order. A retraction may come at any time. Unless every report gives the best in its
    turn, which is the course of most incidents, the headline is `stale` after it: the next one that is asked for costs
    a replay in memory.
    """

    def __init__(self) -> None:
        self.reports = 0
        """Those about these very incidents, void ones included."""
        self._sweep = Sweep()
        self._valid: dict[str, tuple[Report, bool]] = {}
        """What arrived and was not retracted, and whether it is about these very incidents, in reported order."""
        self.stale = False
        """Whether the headline's past must be counted again before it is told."""
        self._plain: Victims | None = None
        self._was_plain = True
        self._earlier: dict[str, Report | None] = {}
        self._later: dict[str, Report | None] = {}
        self._last: Report | None = None
        self._first: int | None = None
        self._best: int | None = None
        self._revisions = 0

    @property
    def headline(self) -> Headline:
        """The headline with its past."""
        if self.stale:
            self._recount()
        return Headline(self._sweep.standing.numbers, self._first, self._revisions, self.reports)

    def arrive(self, report: Report, *, own: bool) -> None:
        """A report that is not void. `own`: it is about these very incidents, else it supersedes one that is."""
        self._valid[report.id] = report, own
        self._sweep.arrive(report, own=own)
        if not self.stale:
            self._move(self._sweep.standing.best)
        plain = own and report.first_tier and report.best is not None and self._plain in (None, report.victims)
        self._was_plain = self._was_plain and plain
        if not self._was_plain:
            self._earlier, self._later = {}, {}
            return
        self._plain = report.victims
        self._earlier[report.id], self._later[report.id] = self._last, None
        if self._last:
            self._later[self._last.id] = report
        self._last = report

    def _move(self, best: int | None) -> None:
        self._revisions += self._best is not None and best != self._best
        self._first, self._best = best if self._first is None else self._first, best

    def retract(self, report_id: str) -> None:
        """A report counts no longer, as if it had never been given. Nothing happens where it was void before."""
        arrived = self._valid.pop(report_id, None)
        if arrived is None:
            return
        report, _ = arrived
        self._sweep.retract(report)
        if self._was_plain:
            self._take_out(report)
        else:
            self.stale = True

    def _recount(self) -> None:
        """Replays what is valid."""
        self.stale = False
        self._first, self._best, self._revisions = None, None, 0
        sweep = Sweep()
        for valid, own in self._valid.values():
            sweep.arrive(valid, own=own)
            self._move(sweep.standing.best)

    def _take_out(self, report: Report) -> None:
        """Its neighbours follow each other now."""
        one, other = self._earlier.pop(report.id), self._later.pop(report.id)
        self._revisions += _differ(one, other) - _differ(one, report) - _differ(report, other)
        if one:
            self._later[one.id] = other
        if other:
            self._earlier[other.id] = one
        else:
            self._last, self._best = one, one.best if one else None
        if one is None:
            self._first = other.best if other else None


def _differ(one: Report | None, other: Report | None) -> int:
    return int(one is not None and other is not None and one.best != other.best)
