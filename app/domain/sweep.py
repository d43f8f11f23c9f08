"""The standing reports of a set over time: each arrives, replaces others, and may be retracted later."""

from dataclasses import dataclass, field
from heapq import heappop, heappush

from app.domain.report import Report
from app.domain.standing import Standing, first_of

Figure = tuple[int | None, int | None, int | None]


@dataclass(slots=True, eq=False)
class _Run:
    """Consecutive reports of one reporter about the same victims with the same figure.

    The newest standing one represents the others, which have its numbers and its bound.
    """

    figure: Figure
    before: "_Run | None" = None
    after: "_Run | None" = None
    members: dict[str, Report] = field(default_factory=dict)
    newest: list[tuple[int, int, str]] = field(default_factory=list)
    """A heap of the members that no report supersedes by name, and of some removed ones."""
    shown: Report | None = None
    """The newest standing member."""

    def offer(self, report: Report) -> None:
        """Adds a member that no report supersedes by name, or no longer does."""
        heappush(self.newest, (-report.reported.instant, -report.order, report.id))


class Sweep:
    """Step 1 of the rule. Reports arrive in their reported order; those of other sets only replace what they supersede.

    A report stands until its reporter gives another figure for the same victims, or a report supersedes it. Each
    arrival and retraction takes amortized logarithmic time.
    """

    def __init__(self) -> None:
        self.standing = Standing()
        """The newest standing report of each reporter and victims group."""
        self._superseding: dict[str, int] = {}
        """The number of valid reports that supersede a report, by its id."""
        self._runs: dict[str, _Run] = {}
        self._last: dict[tuple[str, str], _Run] = {}
        """The last run of each reporter and victims group. Its members stand unless they are superseded."""

    def arrive(self, report: Report, *, own: bool = True) -> None:
        """Adds a valid report. `own`: it covers exactly the incidents of the headline."""
        if report.supersedes:
            self._supersede(report.supersedes)
        if not own:
            return
        chain, figure = (report.reporter, report.victims), report.figures
        run = self._last.get(chain)
        if run is None or run.figure != figure:
            self._last[chain] = new = _Run(figure, run)
            if run:
                run.after = new
                self._show(run, None)
            run = new
        run.members[report.id] = report
        self._runs[report.id] = run
        if report.id not in self._superseding:
            run.offer(report)
            self._show_newest(run)

    def retract(self, report: Report) -> None:
        """Removes a report, as if it had never been given."""
        if report.supersedes:
            self._release(report.supersedes)
        run = self._runs.pop(report.id, None)
        if run is None:
            return
        del run.members[report.id]
        if run.members:
            self._show_newest(run)
        else:
            self._close(run, (report.reporter, report.victims))

    def _supersede(self, report_id: str) -> None:
        self._superseding[report_id] = self._superseding.get(report_id, 0) + 1
        if run := self._runs.get(report_id):
            self._show_newest(run)

    def _release(self, report_id: str) -> None:
        self._superseding[report_id] -= 1
        if self._superseding[report_id]:
            return
        del self._superseding[report_id]
        if run := self._runs.get(report_id):
            run.offer(run.members[report_id])
            self._show_newest(run)

    def _close(self, run: _Run, chain: tuple[str, str]) -> None:
        """Removes an empty run. Its neighbours may become one run, and the last one stands again."""
        self._show(run, None)
        before, after = run.before, run.after
        if before:
            before.after = after
        if after:
            after.before = before
        if before and after and before.figure == after.figure:
            before = self._joined(before, after)
            after = before.after
        if after:
            return
        if before is None:
            del self._last[chain]
            return
        self._last[chain] = before
        self._show_newest(before)

    def _joined(self, before: _Run, after: _Run) -> _Run:
        """Joins two neighbours of the same figure, the smaller into the larger."""
        self._show(after, None)
        small, large = sorted((before, after), key=lambda r: len(r.members))
        large.members |= small.members
        for report in small.members.values():
            self._runs[report.id] = large
            if report.id not in self._superseding:
                large.offer(report)
        large.before, large.after = before.before, after.after
        if large.before:
            large.before.after = large
        if large.after:
            large.after.before = large
        return large

    def _show_newest(self, run: _Run) -> None:
        """The newest member of the last run that no report supersedes represents it."""
        if run.after:
            return
        while (found := first_of(run.newest, run.members)) and found[-1] in self._superseding:
            heappop(run.newest)
        self._show(run, run.members[found[-1]] if found else None)

    def _show(self, run: _Run, report: Report | None) -> None:
        if run.shown is report:
            return
        if run.shown:
            self.standing.remove(run.shown)
        if report:
            self.standing.add(report)
        run.shown = report
