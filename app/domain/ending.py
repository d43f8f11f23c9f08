"""The headline at the end of a history, to which later reports are added without a replay."""

from app.domain.headline import Headline
from app.domain.report import Report
from app.domain.sweep import Sweep
from app.domain.vocabulary import Victims


class Ending:
    """The newest headline of one set of incidents and measure, the same as the last of `history.spans`.

    Reports arrive in their reported order; a retraction may come at any time. After a retraction the headline is
    `stale` unless each report gave the best in its turn, as for most incidents. A stale headline costs a replay.
    """

    def __init__(self) -> None:
        self.reports = 0
        """Reports about exactly these incidents, void ones included."""
        self._sweep = Sweep()
        self._valid: dict[str, tuple[Report, bool]] = {}
        """Valid reports in reported order, and whether each is about exactly these incidents."""
        self.stale = False
        """Whether the past of the headline must be recounted."""
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
        """Adds a valid report. `own`: it is about exactly these incidents; otherwise it supersedes such a report."""
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
        """Removes a report, as if it had never been given. Does nothing where it is void already."""
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
        """Replays the valid reports."""
        self.stale = False
        self._first, self._best, self._revisions = None, None, 0
        sweep = Sweep()
        for valid, own in self._valid.values():
            sweep.arrive(valid, own=own)
            self._move(sweep.standing.best)

    def _take_out(self, report: Report) -> None:
        """Links the neighbours of a report that is removed."""
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
