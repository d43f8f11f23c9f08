"""Prefetching changes the number of queries, and nothing else."""

import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from app.domain.incident import IncidentDraft
from app.domain.toll import TollReportDraft
from app.errors import AppError
from app.store.db.connections import BEGIN, write_connection
from app.store.db.database import Database
from app.store.db.transaction import Transaction
from app.store.write.writer import Writer
from tests.builders import incident_draft, report_body, report_draft

NOW = 1_700_000_000_000_000
Batch = Sequence[IncidentDraft | TollReportDraft]

FIRST: Batch = [
    incident_draft("a", toll_reports=[report_body(5, id="tr-a")]),
    incident_draft("b", sources=[{"id": "wire", "title": "A wire"}]),
    report_draft(9, "army", id="tr-both", incidents=["b", "a"]),
]
SECOND: Batch = [
    *FIRST,
    incident_draft("a", title="Another title"),
    incident_draft("c", toll_reports=[report_body(3, "army", id="tr-c")]),
    report_draft(7, id="tr-a-later", reported_on="2020-01-03", incidents=["a"], supersedes="tr-a"),
    report_draft(8, id="tr-new-set", reported_on="2020-01-03", incidents=["a", "c"]),
    report_draft(8, id="tr-nowhere", incidents=["nowhere"]),
    report_draft(4, id="tr-c", incidents=["c"]),
]


def recorded(file: Path, *batches: Batch, foreseen: bool) -> tuple[list[str], list[str]]:
    """All that is in a file after it, and the questions that were asked by the last batch while it was recorded."""
    asked: list[str] = []
    with closing(write_connection(Database(f"sqlite:///{file}").url)) as connection:
        for clock, batch in enumerate(batches, start=NOW):
            connection.execute(BEGIN)
            writer = Writer(Transaction(connection, clock), "test")
            if foreseen:
                writer.prefetch(batch)
            asked.clear()
            connection.set_trace_callback(asked.append)
            for draft in batch:
                _record(writer, draft)
            connection.set_trace_callback(None)
            writer.appender.finish()
            connection.execute("COMMIT")
        return list(connection.iterdump()), [sql for sql in asked if "max(" not in sql]


def _record(writer: Writer, draft: IncidentDraft | TollReportDraft) -> None:
    try:
        with writer.appender.savepoint():
            writer.record_incident(draft) if isinstance(draft, IncidentDraft) else writer.record_report(draft, [])
    except AppError:
        pass


@pytest.fixture
def files(migrated_file: Path, tmp_path: Path) -> list[Path]:
    return [Path(shutil.copy(migrated_file, tmp_path / name)) for name in ("foreseen.db", "looked-up.db")]


def test_prefetching_does_not_change_what_is_recorded(files: list[Path]) -> None:
    foreseen, _ = recorded(files[0], FIRST, SECOND, foreseen=True)
    looked_up, _ = recorded(files[1], FIRST, SECOND, foreseen=False)

    assert foreseen == looked_up
    assert sum('INSERT INTO "toll_report"' in line for line in foreseen) == 5


def test_prefetched_rows_are_not_queried_again(files: list[Path]) -> None:
    _, asked = recorded(files[0], FIRST, SECOND, foreseen=True)
    _, asked_otherwise = recorded(files[1], FIRST, SECOND, foreseen=False)

    assert asked == []
    assert len(asked_otherwise) > 10
