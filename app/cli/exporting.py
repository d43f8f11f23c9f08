"""export: incidents as a file, or as a folder of Parquet."""

import fcntl
import os
import shutil
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from app.cli.reading import command, encoded, run
from app.errors import FieldError, InvalidInput
from app.formats import encoding, parquet
from app.query.code_lists import Format
from app.query.parameters import ExportQuery, IncidentQuery
from app.store.read import incidents as read_incidents
from app.store.read.session import ReadSession

SUFFIXES = {
    ".json": Format.JSON,
    ".geojson": Format.GEOJSON,
    ".csv": Format.CSV,
    ".ndjson": Format.NDJSON,
    ".parquet": Format.PARQUET,
}


def export(
    query: ExportQuery,
    file: Annotated[Path, typer.Argument(help="A file; with --partition a folder.")],
    partition: Annotated[
        bool, typer.Option("--partition", help="Write a folder of Parquet by country and year.")
    ] = False,
) -> None:
    """Write all matching incidents to a file. Its suffix selects the format: .csv .geojson .ndjson .json .parquet."""
    format = _format_of(file, query.format, partition)
    encoding.expect_fitting(format, query)
    run(query, lambda session: _export(session, query.converted(IncidentQuery, {"format": format}), file, partition))
    typer.echo(f"wrote {file}", err=True)


async def _export(session: ReadSession, query: IncidentQuery, file: Path, partition: bool) -> None:
    reports = encoding.needs_reports(query.format, query.fields)
    try:
        with _folder_beside(file) as folder:
            async with aclosing(read_incidents.every_incident(session, query, reports=reports)) as slices:
                written = await _write(slices, query, folder, partition)
            if partition and file.exists():
                file.rmdir()
            written.replace(file)
    except OSError as error:
        raise _unfit(file, f"cannot be written: {error.strerror}") from None


@contextmanager
def _folder_beside(file: Path) -> Iterator[Path]:
    """A temporary folder beside the file. It first removes what a killed export left behind.

    Raises `InvalidInput` if another export of the same file is running.
    """
    folder = file.with_name(f".{file.name}.part")
    folder.mkdir(exist_ok=True)
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _unfit(file, "is being written by another export; wait until it ends") from None
        for left in folder.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


async def _write(slices: AsyncGenerator[list[str]], query: IncidentQuery, folder: Path, partition: bool) -> Path:
    """Writes the whole export into the folder."""
    if query.format is Format.PARQUET:
        return await parquet.write(slices, query.fields, folder, partitioned=partition)
    path = folder / "export"
    with path.open("wb") as out:
        async for chunk in encoded(slices, query):
            out.write(chunk)
    return path


def _format_of(file: Path, layout: Format | None, partition: bool) -> Format:
    """The format that a file's suffix stands for. Raises `InvalidInput` for an option that does not go with it."""
    format = SUFFIXES.get(file.suffix.lower(), Format.PARQUET if partition else None)
    if format is None:
        raise _unfit(file, f"has an unknown suffix; use one of {', '.join(SUFFIXES)}")
    if partition:
        _expect_folder(file, format)
    if layout is None:
        return format
    if format is not Format.CSV:
        raise InvalidInput([FieldError("f", "is only for a .csv file", layout)])
    return layout


def _expect_folder(folder: Path, format: Format) -> None:
    if format is not Format.PARQUET:
        raise InvalidInput([FieldError("partition", f"writes a folder of Parquet, not a {folder.suffix} file")])
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise _unfit(folder, "already exists and is not an empty folder")


def _unfit(file: Path, why: str) -> InvalidInput:
    return InvalidInput([FieldError("file", why, str(file), "argument")])


command(export, ExportQuery)
