"""A report is not older than its incidents: what is checked where one of them is recorded or a record changes.

Asked of what is sent alone. What was recorded before there was this rule stays as it is.
"""

from collections.abc import Iterator

import orjson
from sqlalchemy import bindparam, select
from sqlmodel import col

from app.domain.dates import Moment, earliest_report, is_before_event, parse_day
from app.errors import FieldError, InvalidInput
from app.store.tables import Incident, IncidentSetMember, Retraction, TollReport
from app.store.write.appender import Appender

_STORED = (
    select(TollReport.key, TollReport.id, TollReport.reported_on)
    .join(IncidentSetMember, col(IncidentSetMember.incident_set) == TollReport.incident_set)
    .where(
        col(IncidentSetMember.incident) == bindparam("incident"),
        col(TollReport.reported_at) < bindparam("before"),
    )
    .order_by(col(TollReport.reported_at), col(TollReport.key))
)


class EventDates:
    """The days from which on there can be reports of the incidents of a transaction."""

    def __init__(self, append: Appender) -> None:
        self._append, self._gathered = append, append.gathered
        self._starts: dict[int, str] = {}
        """`date_start` by the key of a version."""

    def expect_after(self, incidents: list[str], reported: Moment) -> None:
        """Raises `InvalidInput` where a report came earlier than the day before one of these incidents."""
        for incident_id in incidents:
            incident = self._append.find(Incident, incident_id)
            if incident is None:
                continue  # refused elsewhere
            start = self._start_of(incident["key"])
            if is_before_event(reported.instant, parse_day(start)):
                why = f"is earlier than the day before {incident_id}, whose date_start is {start}"
                raise InvalidInput([FieldError("reported_on", why, reported.text, "body")])

    def expect_before_reports(self, incident: int, start: str) -> None:
        """Raises `InvalidInput` where an incident is to begin later than the day after a report of it that holds."""
        for report_id, reported_on in self._reports_before(incident, start):
            why = f"is later than the day after the report {report_id}, whose reported_on is {reported_on}"
            raise InvalidInput([FieldError("date_start", f"{why}; retract that report first", start, "body")])

    def _start_of(self, incident: int) -> str:
        version = self._gathered.newest_version(incident)
        start = self._starts.get(version["key"])
        if start is None:
            start = self._starts[version["key"]] = orjson.loads(version["record"])["date_start"]
        return start

    def _reports_before(self, incident: int, start: str) -> Iterator[tuple[str, str]]:
        """(id, `reported_on`) of reports that are not retracted and would come before the incident."""
        before = earliest_report(parse_day(start))
        stored = self._append.transaction.rows(_STORED, {"incident": incident, "before": before})
        here = [
            (row["key"], row["id"], row["reported_on"])
            for row in self._gathered.unwritten(TollReport)
            if row["reported_at"] < before and incident in self._append.members_of(row["incident_set"])
        ]
        for key, report_id, reported_on in [*stored, *here]:
            if self._append.find(Retraction, key) is None:
                yield report_id, reported_on
