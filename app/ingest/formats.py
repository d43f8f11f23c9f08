"""The formats of input files, and the import of one file."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from app.domain.written_days import DayOrder
from app.ingest.acled import AcledImport
from app.ingest.data_sets import Release
from app.ingest.files import open_table
from app.ingest.importer import Importer
from app.ingest.pipeline import Result, Summary, ingest
from app.ingest.plain import PlainImport
from app.ingest.ucdp import UcdpImport
from app.query.code_lists import FileFormat
from app.store.db.database import Database
from app.store.db.transaction import Transaction

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
    """The importer of a format. Raises `InvalidInput` if the format needs another statement of the release."""
    release = Release(release_name, released_on, dates)
    release.check()
    return IMPORTERS[format](release)


def import_file(
    importer: Importer,
    path: Path,
    database: Database,
    by: str,
    *,
    on_result: Callable[[Result], None] = lambda result: None,
    on_progress: Callable[[int], None] = lambda bytes_read: None,
    can_read_confidential: bool = True,
    expect_allowed: Callable[[Transaction], None] = lambda transaction: None,
) -> Summary:
    """Imports one file. Raises `InvalidInput`, and records nothing, if the file has another format.

    `on_result` gets the result of each row, `on_progress` the bytes read so far. A repeated import changes nothing, and
    an interrupted one continues. `can_read_confidential` and `expect_allowed` are as in `ingest`.
    """
    summary = Summary()
    with open_table(path, on_progress, importer.fits) as table:
        day_orders = importer.survey(table)
    while True:
        with open_table(path, on_progress, importer.fits) as table:
            items = importer.items(replace(table, day_orders=day_orders))
            ingest(
                items,
                database,
                by,
                importer.begin,
                on_result,
                summary,
                can_read_confidential=can_read_confidential,
                expect_allowed=expect_allowed,
            )
        if not importer.read_again():
            break
    importer.finish(database, summary)
    return summary
