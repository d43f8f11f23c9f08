"""Which reports of a set stand while time goes by: each arrives, replaces others, and may be retracted later."""

from collections import Counter
from dataclasses import dataclass, field

from app.domain.report import Report
from app.domain.standing import Standing

Figure = tuple[int | None, int | None, int | None]


@dataclass(slots=True, eq=False)
class _Run:
    """Reports of one reporter about the same victims that follow each other and give the same figure."""

    figure: Figure
    before: "_Run | None" = None
    after: "_Run | None" = None
    members: dict[str, Report] = field(default_factory=dict)


class Sweep:
    """Step 1 of the rule. Reports arrive in their reported order; those of other sets only replace what they supersede.

    A report stands while its reporter has given no other figure for the same victims after it, and none supersedes it.
    """

    def __init__(self) -> None:
        self.standing = Standing()
        self._upright: dict[str, Report] = {}
        self._superseding: Counter[str] = Counter()
        """How many reports that hold supersede the report of an id."""
        self._runs: dict[str, _Run] = {}
        self._last: dict[tuple[str, str], _Run] = {}
        """The last run of each reporter and victims group: what of it is not superseded stands."""

    def arrive(self, report: Report, *, own: bool = True) -> None:
        """A report that is not void. `own`: it is about the incidents that the headline is about."""
        if report.supersedes:
            self._superseding[report.supersedes] += 1
            self._fall(report.supersedes)
        if not own:
            return
        chain, figure = (report.reporter, report.victims), report.figures
        run = self._last.get(chain)
        if run is None or run.figure != figure:
            for earlier in run.members if run else ():
                self._fall(earlier)
            self._last[chain] = new = _Run(figure, before=run)
            if run:
                run.after = new
            run = new
        run.members[report.id] = report
        self._runs[report.id] = run
        self._rise(report)

    def retract(self, report: Report) -> None:
        """A report that arrived is void from now on, as if it had never been given."""
        if report.supersedes:
            self._superseding[report.supersedes] -= 1
            run = self._runs.get(report.supersedes)
            if run and run.after is None:
                self._rise(run.members[report.supersedes])
        own = self._runs.pop(report.id, None)
        if own is None:
            return
        self._fall(report.id)
        del own.members[report.id]
        if not own.members:
            self._close(own, (report.reporter, report.victims))

    def _close(self, run: _Run, chain: tuple[str, str]) -> None:
        """Takes out a run that is empty. Its neighbours may be one run then, and the last one stands again."""
        before, after = run.before, run.after
        if before:
            before.after = after
        if after:
            after.before = before
        if before and after and before.figure == after.figure:
            small, large = sorted((before, after), key=lambda r: len(r.members))
            large.members |= small.members
            self._runs |= dict.fromkeys(small.members, large)
            large.before, large.after = before.before, after.after
            if large.before:
                large.before.after = large
            if large.after:
                large.after.before = large
            before, after = large, large.after
        if after:
            return
        if before is None:
            del self._last[chain]
            return
        self._last[chain] = before
        for report in before.members.values():
            self._rise(report)

    def _rise(self, report: Report) -> None:
        if report.id not in self._upright and not self._superseding[report.id]:
            self._upright[report.id] = report
            self.standing.add(report)

    def _fall(self, report_id: str) -> None:
        if report := self._upright.pop(report_id, None):
            self.standing.remove(report)
