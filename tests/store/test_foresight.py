"""Looking things up at once changes how often the database is asked, and nothing else."""

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
from tests.store.recorded import incident, report

NOW = 1_700_000_000_000_000
Batch = Sequence[IncidentDraft | TollReportDraft]

FIRST: Batch = [
    incident("a", toll_reports=[report(5, id="tr-a").model_dump()]),
    incident("b", sources=[{"id": "wire", "title": "A wire"}]),
    report(9, "army", id="tr-both", incidents=["b", "a"]),
]
SECOND: Batch = [
    *FIRST,
    incident("a", title="Another title"),
    incident("c", toll_reports=[report(3, "army", id="tr-c").model_dump()]),
    report(7, id="tr-a-later", on="2019-11-02", incidents=["a"], supersedes="tr-a"),
    report(8, id="tr-new-set", on="2019-11-02", incidents=["a", "c"]),
    report(8, id="tr-nowhere", incidents=["nowhere"]),
    report(4, id="tr-c", incidents=["c"]),
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


def test_the_same_is_recorded_with_and_without_foresight(files: list[Path]) -> None:
    foreseen, _ = recorded(files[0], FIRST, SECOND, foreseen=True)
    looked_up, _ = recorded(files[1], FIRST, SECOND, foreseen=False)

    assert foreseen == looked_up
    assert sum('INSERT INTO "toll_report"' in line for line in foreseen) == 5


def test_what_was_foreseen_is_not_asked_for_again(files: list[Path]) -> None:
    _, asked = recorded(files[0], FIRST, SECOND, foreseen=True)
    _, asked_otherwise = recorded(files[1], FIRST, SECOND, foreseen=False)

    assert asked == []
    assert len(asked_otherwise) > 10
