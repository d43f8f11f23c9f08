"""Which reports of a set stand while time goes by: each arrives, replaces others, and may be retracted later."""

from dataclasses import dataclass, field
from heapq import heappop, heappush

from app.domain.report import Report
from app.domain.standing import Standing, first_of

Figure = tuple[int | None, int | None, int | None]


@dataclass(slots=True, eq=False)
class _Run:
    """Reports of one reporter about the same victims that follow each other and give the same figure.

    Of those that stand the newest says all: the others have its numbers and its bound.
    """

    figure: Figure
    before: "_Run | None" = None
    after: "_Run | None" = None
    members: dict[str, Report] = field(default_factory=dict)
    newest: list[tuple[int, int, str]] = field(default_factory=list)
    """A heap of the members that no report supersedes by name, and of some that are gone."""
    shown: Report | None = None
    """The newest of those that stand."""

    def offer(self, report: Report) -> None:
        """A member that no report supersedes by name, or none any more."""
        heappush(self.newest, (-report.reported.instant, -report.order, report.id))


class Sweep:
    """Step 1 of the rule. Reports arrive in their reported order; those of other sets only replace what they supersede.

    A report stands while its reporter has given no other figure for the same victims after it, and none supersedes it.
    Each arrival and retraction costs the logarithm of the number of reports, taken over all of them.
    """

    def __init__(self) -> None:
        self.standing = Standing()
        """Of each reporter and victims group the newest report that stands."""
        self._superseding: dict[str, int] = {}
        """How many reports that hold supersede the report of an id."""
        self._runs: dict[str, _Run] = {}
        self._last: dict[tuple[str, str], _Run] = {}
        """The last run of each reporter and victims group: what of it is not superseded stands."""

    def arrive(self, report: Report, *, own: bool = True) -> None:
        """A report that is not void. `own`: it is about the incidents that the headline is about."""
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
        """A report that arrived is void from now on, as if it had never been given."""
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
        """Takes out a run that is empty. Its neighbours may be one run then, and the last one stands again."""
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
        """Two neighbours of the same figure as one run; the smaller goes into the larger."""
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
        """The newest of the last run that no report supersedes stands for it."""
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
