"""A toll report as it is read from the database."""

from typing import Any, NamedTuple

from app.domain.report import Report


class KnownReport(NamedTuple):
    """A report, with the texts that responses show of it."""

    report: Report
    set_key: int
    record: str
    source: str
    retraction: dict[str, Any] | None
