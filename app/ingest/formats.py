"""The formats that files are imported from, and the import of one file."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from app.ingest.acled import AcledImport
from app.ingest.data_sets import Release
from app.ingest.files import Table, opened
from app.ingest.pipeline import Batch, Item, Result, Summary, ingest
from app.ingest.plain import PlainImport
from app.ingest.ucdp import UcdpImport
from app.store.engine import Database
from app.store.write import Writer


class Format(StrEnum):
    """What a file is said to be."""

    UCDP_GED = "ucdp-ged"
    ACLED = "acled"
    CSV = "csv"


class Importer(Protocol):
    """Reads one file of a format."""

    def begin(self, writer: Writer) -> Batch:
        """What records a batch of the file."""
        ...

    def items(self, table: Table) -> Iterator[Item]:
        """The rows of a file. Raises `InvalidInput` where it is not what it is said to be."""
        ...

    def read_again(self) -> bool:
        """Whether the file has to be read again."""
        ...

    def finish(self, database: Database, summary: Summary) -> None:
        """Adds what only the whole file tells."""
        ...


IMPORTERS: dict[Format, Callable[[Release], Importer]] = {
    Format.UCDP_GED: UcdpImport,
    Format.ACLED: AcledImport,
    Format.CSV: PlainImport,
}


def import_file(
    format: Format,
    path: Path,
    release: Release,
    database: Database,
    by: str,
    *,
    told: Callable[[Result], None] = lambda result: None,
    read: Callable[[int], None] = lambda bytes_read: None,
    insider: bool = True,
) -> Summary:
    """Imports one file. Raises `InvalidInput` where it is not what it is said to be; nothing of it is recorded then.

    `told` hears what became of each row, `read` how many bytes of the file are read. Importing again changes nothing,
    and goes on where an import was broken off.
    """
    release.check()
    importer, summary = IMPORTERS[format](release), Summary()
    while True:
        with opened(path, read) as table:
            ingest(importer.items(table), database, by, importer.begin, told, summary, insider=insider)
        if not importer.read_again():
            break
    importer.finish(database, summary)
    return summary
