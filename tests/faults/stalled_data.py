"""The database that the service is attacked on: made-up incidents, and the few that are long or large."""

import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from app.domain.toll import TollReportDraft
from app.store.db.database import Database
from app.store.write.writer import recording
from tests.benchmarks.dataset import database_file, url_of
from tests.builders import incident_draft, report_draft
from tests.faults.serving import number

INCIDENTS = number("INCIDENTS", 105_000)
"""`FAULTS_INCIDENTS=20000 make test-faults` makes a short run."""
LARGE = 200
LARGE_BYTES = 1024 * 1024
LARGE_COUNTRY = "IS"
RETRACTED, PLAIN = "long-retracted", "long-plain"
REPORTS = {RETRACTED: 400, PLAIN: number("REPORTS", 4_000)}
"""Incidents with a long history, and how many reports each has."""
_FIRST_DAY = date(2020, 1, 2)


def make_database(path: Path) -> None:
    """A database of `INCIDENTS` incidents, which are kept for the next run, and of those with much in them."""
    shutil.copy(database_file(INCIDENTS), path)
    database = Database(url_of(path))
    for first in range(0, LARGE, 20):
        with recording(database, "tests") as writer:
            for n in range(first, first + 20):
                writer.record_incident(_large(n))
    with recording(database, "tests") as writer:
        for incident, count in REPORTS.items():
            writer.record_incident(incident_draft(incident))
            for report in _reports(incident, count):
                writer.record_report(report, [incident])
        for n in range(0, REPORTS[RETRACTED], 2):
            writer.retract_report(f"{RETRACTED}-{n}", "a mistake", _day(REPORTS[RETRACTED] + n))
    database.close()


def _large(number: int) -> Any:
    text = f"{number} ".ljust(LARGE_BYTES, "x")
    return incident_draft(f"large-{number}", country=LARGE_COUNTRY, attributes={"text": text})


def _reports(incident: str, count: int) -> Iterator[TollReportDraft]:
    """Each by a reporter of its own, a day after the one before."""
    for n in range(count):
        reporter = {"id": f"{incident}-{n}", "name": f"Reporter {n}", "kind": "ngo"}
        yield report_draft(n % 97, id=f"{incident}-{n}", reported_by=reporter, reported_on=_day(n % 2_000))


def _day(number: int) -> str:
    return f"{_FIRST_DAY + timedelta(days=number)}"
