"""A toll report as it is read from its row."""

from typing import Any, NamedTuple

from app.domain.report import Report


class KnownReport(NamedTuple):
    """A report, with what is answered of it."""

    report: Report
    set_key: int
    record: str
    source: str
    retraction: dict[str, Any] | None
