"""The formats that files are imported from, and the import of one file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from app.domain.written_days import DayOrder
from app.ingest.acled import AcledImport
from app.ingest.data_sets import Release
from app.ingest.files import Table, opened
from app.ingest.pipeline import Batch, Item, Result, Summary, ingest
from app.ingest.plain import PlainImport
from app.ingest.ucdp import UcdpImport
from app.query.parameters import FileFormat
from app.store.db.database import Database
from app.store.db.transaction import Transaction
from app.store.write.writer import Writer


class Importer(Protocol):
    """Reads one file of a format."""

    def begin(self, writer: Writer) -> Batch:
        """What records a batch of the file."""
        ...

    def fits(self, columns: Sequence[str]) -> bool:
        """Whether these are columns of the format."""
        ...

    def survey(self, table: Table) -> Mapping[str, DayOrder | None]:
        """Reads a file whole before anything is recorded: whether its columns of days have the day or month first.

        Raises `InvalidInput` where the file is not what it is said to be, or leaves that open.
        """
        ...

    def items(self, table: Table) -> Iterator[Item]:
        """The rows of a file."""
        ...

    def read_again(self) -> bool:
        """Whether the file has to be read again."""
        ...

    def finish(self, database: Database, summary: Summary) -> None:
        """Adds what only the whole file tells."""
        ...


IMPORTERS: dict[FileFormat, Callable[[Release], Importer]] = {
    FileFormat.UCDP_GED: UcdpImport,
    FileFormat.ACLED: AcledImport,
    FileFormat.CSV: PlainImport,
}


def importer_of(
    format: FileFormat,
    release_name: str | None = None,
    released_on: str | None = None,
    dates: DayOrder | None = None,
) -> Importer:
    """What reads a file of a format. Raises `InvalidInput` where the release is not stated as the format needs it."""
    release = Release(release_name, released_on, dates)
    release.check()
    return IMPORTERS[format](release)


def import_file(
    importer: Importer,
    path: Path,
    database: Database,
    by: str,
    *,
    told: Callable[[Result], None] = lambda result: None,
    read: Callable[[int], None] = lambda bytes_read: None,
    can_read_confidential: bool = True,
    expect_allowed: Callable[[Transaction], None] = lambda transaction: None,
) -> Summary:
    """Imports one file. Raises `InvalidInput` where it is not what it is said to be; nothing of it is recorded then.

    `told` hears what became of each row, `read` how many bytes of the file are read. Importing again changes nothing,
    and goes on where an import was broken off. `can_read_confidential`, `expect_allowed`: as in `ingest`.
    """
    summary = Summary()
    with opened(path, read, importer.fits) as table:
        day_orders = importer.survey(table)
    while True:
        with opened(path, read, importer.fits) as table:
            items = importer.items(replace(table, day_orders=day_orders))
            ingest(
                items,
                database,
                by,
                importer.begin,
                told,
                summary,
                can_read_confidential=can_read_confidential,
                expect_allowed=expect_allowed,
            )
        if not importer.read_again():
            break
    importer.finish(database, summary)
    return summary
