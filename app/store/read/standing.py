"""Whether toll reports stand, or which later report replaced them."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, bindparam, tuple_
from sqlmodel import col

from app.domain.dates import Instant, instant_text
from app.domain.headline import successors
from app.domain.json_text import extend_object, json_of
from app.domain.report import Report, by_time
from app.domain.vocabulary import Status
from app.errors import DatabaseUnusable
from app.store.db.sql_text import AnySelect, among, at_index, json_rows
from app.store.db.statements import Row, Statement
from app.store.read.cursor import LARGEST
from app.store.read.report_rows import OWN, build_reports
from app.store.tables.known_report import KnownReport

LONG_TAIL = 20
"""Reports of a set of incidents from which on an export keeps what they may replace. Fewer are sooner read again."""
MAX_CHAINS = 10_000
"""Chains of reports that an export keeps, about 1 KB each. The sets of incidents read last are kept."""
Place = tuple[Instant, int]
"""A place in the reported order: reported instant and key."""


def standing_of(one: KnownReport, replaced_by: Mapping[str, Report], at: Instant) -> dict[str, Any]:
    """The status of a report at the clocks, with the reason. `replaced_by` are the `successors` at the clocks."""
    void = one.report.void_at(at)
    by = replaced_by.get(one.report.id)
    status = Status.RETRACTED if void else Status.SUPERSEDED if by else Status.STANDING
    retraction = one.retraction if void else None
    if retraction:
        retraction = retraction | {"recorded_at": instant_text(retraction["recorded_at"])}
    return {"status": status.value, "superseded_by": by.id if by else None, "retraction": retraction}


Chain = tuple[object, ...]
"""Reporter, measure, victims and incidents. In a chain the next report that gives other figures replaces a report."""


def _chain(report: Report) -> Chain:
    return report.reporter, report.measure, report.victims, report.incidents


@dataclass(slots=True)
class _Passed:
    """What the reports of a set of incidents after a place in the reported order may replace before it."""

    place: Place
    by_chain: dict[Chain, list[Report]] = field(default_factory=dict)
    """The first valid report of each chain, and the first valid one with other figures than that."""

    def add(self, place: Place, reports: Iterable[Report], at: Instant) -> None:
        """Adds the reports between an earlier place and this one."""
        self.place = place
        found: dict[Chain, dict[str, Report]] = {}
        for report in reports:
            if report.when >= place and report.reported.instant <= at and not report.void_at(at):
                found.setdefault(_chain(report), {})[report.id] = report
        for chain, by_id in found.items():
            first, *others = sorted([*by_id.values(), *self.by_chain.get(chain, ())], key=by_time)
            other = next((report for report in others if report.figures != first.figures), None)
            self.by_chain[chain] = [first, other] if other else [first]


class StandingReports:
    """Adds to toll reports whether they stand: to a page, or to an export from the newest report to the oldest.

    An export reads each report of a long history once, since it keeps what the reports it has passed may replace.
    """

    def __init__(self, at: Instant, recorded: Instant, *, exports: bool = False) -> None:
        self._at, self._recorded, self._exports = at, recorded, exports
        self._passed: OrderedDict[int, _Passed] = OrderedDict()
        """Of sets of incidents by key. The last one used is at the end."""
        self._chains = 0
        """Chains in all of them."""

    def select_related(self, rows: Sequence[Row]) -> Statement:
        """The reports that decide whether those of `rows` stand: later ones on the same incidents, superseding ones.

        `rows` are rows of `select_toll_reports`, all before those of earlier calls in the reported order.
        """
        sets = dict.fromkeys(key for key, _, _, _, _ in rows)
        begin_at, begin_key = _place(rows[-1])
        values: dict[str, Any] = {"begin_at": begin_at, "begin_key": begin_key, "recorded": self._recorded}
        if not self._passed:
            return Statement.of(_build_reports_since, sets=json_of(list(sets)), **values)
        passed, end = self._passed, (self._at, LARGEST)
        spans = [(key, *(passed[key].place if key in passed else end)) for key in sets]
        return Statement.of(_build_reports_in_spans, spans=json_of(spans), **values)

    def texts(self, rows: Sequence[Row], related: Iterable[KnownReport]) -> list[str]:
        """The JSON texts of reports, each with whether it stands. `related` are from `select_related`."""
        by_id = {known.report.id: known for known in related}
        missing = {report_id for _, report_id, _, _, _ in rows} - by_id.keys()
        if missing:  # a row that a report is joined with is gone: the database is damaged
            raise DatabaseUnusable(f"{min(missing)} points to no row; `incidents verify` names the first place")
        reports = [known.report for known in by_id.values()]
        if self._exports:
            sets = {key for key, _, _, _, _ in rows}
            passed = [report for key in sets for report in self._passed_of(key, reports)]
            replaced_by = successors([*reports, *passed], self._at)
            self._pass(rows, by_id.values())
        else:
            replaced_by = successors(reports, self._at)
        return [
            extend_object(record, json_of(standing_of(by_id[report_id], replaced_by, self._at)))
            for _, report_id, record, _, _ in rows
        ]

    def _passed_of(self, key: int, reports: Iterable[Report]) -> list[Report]:
        """Passed reports of a set that may replace some of these."""
        passed = self._passed.get(key)
        return [r for chain in set(map(_chain, reports)) for r in passed.by_chain.get(chain, ())] if passed else []

    def _pass(self, rows: Sequence[Row], related: Iterable[KnownReport]) -> None:
        place = _place(rows[-1])
        by_set: dict[int, list[Report]] = {key: [] for key, _, _, _, _ in rows}
        for known in related:
            if known.set_key in by_set:
                by_set[known.set_key].append(known.report)
        for key, reports in by_set.items():
            passed = self._passed.pop(key, None)
            if passed is None and len(reports) < LONG_TAIL:
                continue
            passed = passed or _Passed(place)
            self._chains -= len(passed.by_chain)
            passed.add(place, reports, self._at)
            self._chains += len(passed.by_chain)
            self._passed[key] = passed
        while self._chains > MAX_CHAINS and len(self._passed) > 1:
            _, oldest = self._passed.popitem(last=False)
            self._chains -= len(oldest.by_chain)


def _place(row: Row) -> Place:
    *_, reported_at, key = row
    return reported_at, key


def _build_reports_since() -> AnySelect:
    """`build_reports` of the sets of incidents `:sets`, from the place `:begin_at`, `:begin_key` on."""
    return build_reports(among(col(OWN.incident_set), "sets"), _since_begin())


def _build_reports_in_spans() -> AnySelect:
    """The same, for each set only up to a place: `:spans` is a JSON list of [set, reported_at, key]."""
    span = json_rows("spans").c.value
    return build_reports(
        col(OWN.incident_set) == at_index(span, 0),
        _since_begin(),
        tuple_(col(OWN.reported_at), col(OWN.key)) < tuple_(at_index(span, 1), at_index(span, 2)),
    )


def _since_begin() -> ColumnElement[bool]:
    return tuple_(col(OWN.reported_at), col(OWN.key)) >= tuple_(bindparam("begin_at"), bindparam("begin_key"))
