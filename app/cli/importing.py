"""The command `import`."""

import csv
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Annotated, BinaryIO

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli.base import app, migrated
from app.domain.written_days import DayOrder
from app.errors import FieldError, InvalidInput
from app.ingest.formats import import_file, importer_of
from app.ingest.pipeline import Result, Summary
from app.ingest.rows import REJECT_COLUMNS
from app.query.code_lists import FileFormat
from app.settings import Settings
from app.store.db.database import Database
from app.store.maintenance import sqlite_files
from app.store.maintenance.temporary import temporary_folder
from app.store.write.writer import Outcome
from app.terminal import summary_lines


@app.command("import")
def import_files(
    format: Annotated[FileFormat, typer.Argument(help="Format of the files.")],
    files: Annotated[list[Path], typer.Argument(help="CSV or JSON, also as .gz or .zip, or .xlsx.")],
    release: Annotated[str | None, typer.Option(help="Name of the release (26.0.2); required for ucdp-ged.")] = None,
    released_on: Annotated[str | None, typer.Option(help="Date of the release; required for ucdp-ged.")] = None,
    dates: Annotated[
        DayOrder | None,
        typer.Option(help="Whether 05/06/2001 has the day or the month first, if the file does not show it."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Import into a temporary copy; change nothing.")] = False,
    keep_going: Annotated[bool, typer.Option("--keep-going", help="Exit with 0 even if rows are refused.")] = False,
    rejects: Annotated[Path | None, typer.Option(help="CSV file for refused rows, with the reasons.")] = None,
) -> None:
    """Import files row by row. Safe to repeat: an interrupted import continues."""
    total, rejected_files = Summary(), []
    with _database(dry_run) as database, _Rejects(rejects) as rejected:
        for path in files:
            try:
                summary = _import(format, path, (release, released_on, dates), database, rejected)
            except InvalidInput as error:
                if not (keep_going and len(files) > 1 and all(f.name == "file" for f in error.faults)):
                    raise
                rejected_files.append(error)
                typer.echo(f"incidents: {path}: {error.faults[0].message}", err=True)
                continue
            total.refused += summary.refused
            for line in summary_lines(path.name, summary, dry_run=dry_run):
                typer.echo(line, err=True)
    if not keep_going and total.refused:
        raise typer.Exit(1)


def _import(
    format: FileFormat,
    path: Path,
    release: tuple[str | None, str | None, DayOrder | None],
    database: Database,
    rejects: "_Rejects",
) -> Summary:
    by = " ".join(filter(None, (f"import: {format}", release[0])))
    importer = importer_of(format, *release)
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TextColumn("{task.fields[rows]:,} rows"),
        TextColumn("{task.fields[speed]:,.0f} rows/s"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        size = path.stat().st_size if path.is_file() else None
        task = bar.add_task(path.name, total=size, rows=0, speed=0.0)
        rows = 0

        def on_result(result: Result) -> None:
            nonlocal rows
            rows += 1
            rejects.add(result)
            if rows % 500 == 0:
                bar.update(task, rows=rows, speed=rows / max(bar.tasks[task].elapsed or 0, 0.001))

        return import_file(
            importer,
            path,
            database,
            by,
            on_result=on_result,
            on_progress=lambda count: bar.update(task, completed=count),
        )


@contextmanager
def _database(dry_run: bool) -> Iterator[Database]:
    """The database, or a temporary copy."""
    database = migrated(Settings())
    if not dry_run:
        yield database
        return
    with temporary_folder() as folder:
        copied = folder / "copy.db"
        sqlite_files.copy(database.url, copied)
        copy = Database(f"sqlite:///{copied}", max_ahead_seconds=database.max_ahead_seconds)
        yield copy
        copy.close()


class _Rejects:
    """The refused rows, as a CSV file with every column that any of them has."""

    def __init__(self, path: Path | None) -> None:
        self._path, self._columns = path, dict.fromkeys(REJECT_COLUMNS)
        self._rows: BinaryIO | None = None

    def add(self, result: Result) -> None:
        """Keeps a row if it was refused."""
        if self._rows is None or result.outcome is not Outcome.REFUSED:
            return
        row = dict(zip(REJECT_COLUMNS, (result.item.where, result.reason), strict=True)) | dict(result.item.cells)
        self._columns |= dict.fromkeys(row)
        self._rows.write(json.dumps(row).encode() + b"\n")  # JSON keeps bytes that are no text

    def __enter__(self) -> "_Rejects":
        if self._path:
            try:
                self._path.open("a").close()
            except OSError as error:
                why = f"cannot be written: {error.strerror}"
                raise InvalidInput([FieldError("rejects", why, str(self._path), "argument")]) from None
            self._rows = tempfile.TemporaryFile()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        """Writes the file, also if the import was interrupted."""
        if self._path and self._rows:
            self._rows.seek(0)
            with self._path.open("w", newline="", encoding="utf-8", errors="surrogatepass") as out:
                writer = csv.DictWriter(out, list(self._columns))
                writer.writeheader()
                writer.writerows(map(json.loads, self._rows))
            self._rows.close()
