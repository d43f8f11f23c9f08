"""The changes of a recording at the end of the histories of sets of incidents, computed from the kept ends."""

from functools import cached_property

from sqlalchemy import bindparam, case, func, literal_column, select
from sqlmodel import col

from app.domain.dates import Instant
from app.domain.report import NEVER_VALID
from app.store.db.collector import paused_collector
from app.store.db.history_ends import SetEnding, Step, Void
from app.store.db.statements import Row
from app.store.db.transaction import Transaction
from app.store.read.report_rows import build_reports_about_set, known_report, report_rows
from app.store.tables import Retraction, TollReport
from app.store.tables.known_report import KnownReport

MAX_BEHIND = 1000
"""Reports of all sets that are scanned for those of one set. After more new reports, the end is loaded instead."""

_ALL = build_reports_about_set(sources=True).add_columns(col(TollReport.recorded_at))
_may_bear = case(
    (col(TollReport.incident_set) == bindparam("set"), literal_column("1")),
    (col(TollReport.supersedes).is_not(None), literal_column("1")),
    else_=literal_column("0"),
)
"""Whether a report may affect a set. There is no index for this, since few keys are scanned."""
_LATER = (
    report_rows(sources=True)
    .add_columns(col(TollReport.recorded_at))
    .where(col(TollReport.key) > bindparam("after"), _may_bear == literal_column("1"))
    .order_by(None)
)
_LATER_VOIDS = (
    select(col(TollReport.id), col(Retraction.reported_at), col(Retraction.recorded_at))
    .join(Retraction, col(Retraction.toll_report) == TollReport.key)
    .where(col(Retraction.key) > bindparam("after"))
)
"""Without a condition on the reports: with one, SQLite would scan the reports instead of the few retractions."""
_HIGHEST = select(
    select(func.max(TollReport.key)).scalar_subquery(), select(func.max(Retraction.key)).scalar_subquery()
)


class Steps:
    """The steps of one recording, whose facts are written."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._found: dict[int, list[Step] | None] = {}

    def of(self, set_key: int) -> list[Step] | None:
        """The moments at which this recording changes the headlines of a set, all at the end of its history.

        `None` where rebuilding the whole history is faster.
        """
        if set_key not in self._found:
            ending = self._transaction.endings.take(set_key)
            steps = self._later(ending) if ending else None
            if ending is None or steps is None:
                ending = SetEnding(set_key)
                steps = self._all(ending)
            if steps is not None:
                ending.report_key, ending.retraction_key = self._highest
                self._transaction.endings.keep(ending)
            self._found[set_key] = steps
        return self._found[set_key]

    @cached_property
    def _highest(self) -> tuple[int, int]:
        row = self._transaction.first(_HIGHEST)
        assert row is not None, "an aggregate gives a row"
        return row[0] or 0, row[1] or 0

    @paused_collector()
    def _all(self, ending: SetEnding) -> list[Step] | None:
        """The steps computed from the whole history."""
        rows = self._transaction.rows(_ALL, {"set": ending.set_key, "recorded": self._transaction.now})
        arriving = [_recorded(row) for row in rows]
        return ending.advance(arriving, _voids(arriving), self._now)

    def _later(self, ending: SetEnding) -> list[Step] | None:
        """The steps after the kept end; `None` where a report is older than this end, or as in `advance`."""
        highest_report, highest_retraction = self._highest
        if highest_report - ending.report_key > MAX_BEHIND:
            return None
        arriving: list[tuple[KnownReport, Instant]] = []
        if highest_report > ending.report_key:
            values = {"after": ending.report_key, "set": ending.set_key, "recorded": self._now}
            later = [_recorded(row) for row in self._transaction.rows(_LATER, values)]
            arriving = sorted(_of_set(ending, later), key=lambda one: one[0].report.when)
        if not ending.follows(arriving):
            return None
        voids = _voids(arriving)
        if highest_retraction > ending.retraction_key:
            values = {"after": ending.retraction_key}
            for report, reported_at, recorded_at in self._transaction.rows(_LATER_VOIDS, values):
                if report in ending.measures:
                    at = NEVER_VALID.instant if reported_at is None else reported_at
                    voids.append(Void(at, recorded_at, report))
        return ending.advance(arriving, voids, self._now)

    @property
    def _now(self) -> Instant:
        return self._transaction.now


def _recorded(row: Row) -> tuple[KnownReport, Instant]:
    return known_report(row[:-1]), row[-1]


def _voids(arriving: list[tuple[KnownReport, Instant]]) -> list[Void]:
    """The retractions of these reports."""
    return [
        Void(known.report.void_from.instant, known.retraction["recorded_at"], known.report.id)
        for known, _ in arriving
        if known.report.void_from and known.retraction
    ]


def _of_set(ending: SetEnding, arriving: list[tuple[KnownReport, Instant]]) -> list[tuple[KnownReport, Instant]]:
    """Reports about the incidents of the set, and those of other sets that supersede one of them."""
    own = ending.own | {known.report.id for known, _ in arriving if known.set_key == ending.set_key}
    return [
        (known, recorded_at)
        for known, recorded_at in arriving
        if known.set_key == ending.set_key or known.report.supersedes in own
    ]
