"""A report is not older than its incidents: checked where a report is recorded, and where a record changes.

Only new facts are checked. Facts from before this rule stay as they are.
"""

from collections.abc import Iterator

import orjson
from sqlalchemy import bindparam, select
from sqlmodel import col

from app.domain.dates import Moment, earliest_report, is_before_event, parse_day
from app.errors import FieldError, InvalidInput
from app.store.tables import Incident, IncidentSetMember, IncidentVersion, Retraction, TollReport
from app.store.write.appender import Appender

_STORED = (
    select(col(TollReport.key), col(TollReport.id), col(TollReport.reported_on))
    .join(IncidentSetMember, col(IncidentSetMember.incident_set) == TollReport.incident_set)
    .where(
        col(IncidentSetMember.incident) == bindparam("incident"),
        col(TollReport.reported_at) < bindparam("before"),
    )
    .order_by(col(TollReport.reported_at), col(TollReport.key))
)


class EventDates:
    """The days from which reports of the incidents of a transaction are possible."""

    def __init__(self, appender: Appender) -> None:
        self._appender = appender
        self._starts: dict[int, str] = {}
        """`date_start` by the key of a version."""

    def expect_after(self, incidents: list[str], reported: Moment) -> None:
        """Raises `InvalidInput` for a report from earlier than the day before one of these incidents."""
        for incident_id in incidents:
            incident = self._appender.find(Incident, incident_id)
            if incident is None:
                continue  # rejected elsewhere
            start = self._start_of(incident["key"])
            if is_before_event(reported.instant, parse_day(start)):
                why = f"is earlier than the day before {incident_id}, whose date_start is {start}"
                raise InvalidInput([FieldError("reported_on", why, reported.text, "body")])

    def expect_before_reports(self, incident: int, start: str) -> None:
        """Raises `InvalidInput` for a start later than the day after a report that is not retracted."""
        for report_id, reported_on in self._reports_before(incident, start):
            why = f"is later than the day after the report {report_id}, whose reported_on is {reported_on}"
            raise InvalidInput([FieldError("date_start", f"{why}; retract that report first", start, "body")])

    def _start_of(self, incident: int) -> str:
        version = self._appender.get(IncidentVersion, incident)
        start = self._starts.get(version["key"])
        if start is None:
            start = self._starts[version["key"]] = orjson.loads(version["record"])["date_start"]
        return start

    def _reports_before(self, incident: int, start: str) -> Iterator[tuple[str, str]]:
        """(id, `reported_on`) of reports that are not retracted and would precede the incident."""
        before = earliest_report(parse_day(start))
        stored = self._appender.transaction.rows(_STORED, {"incident": incident, "before": before})
        pending = [
            (row["key"], row["id"], row["reported_on"])
            for row in self._appender.pending(TollReport)
            if row["reported_at"] < before and incident in self._appender.members_of(row["incident_set"])
        ]
        for key, report_id, reported_on in [*stored, *pending]:
            if self._appender.find(Retraction, key) is None:
                yield report_id, reported_on
