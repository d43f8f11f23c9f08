"""Parquet, made by DuckDB: one file, or a folder of files by country and year.

A Parquet file ends with its index, so it is made whole before its first byte is sent. DuckDB is imported when it is
first needed: a service that is never asked for Parquet does not pay for it.
"""

import asyncio
import errno
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from app.domain.columns import COLUMNS, Type
from app.domain.incident import counted_day
from app.errors import TooManyExports
from app.formats.layouts.plain import incident_columns, incident_values
from app.formats.open_file import OpenFile
from app.store.db.slots import Slots
from app.store.maintenance.temporary import temporary_folder

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

TYPES = {
    Type.TEXT: "VARCHAR",
    Type.DAY: "DATE",
    Type.INSTANT: "TIMESTAMPTZ",
    Type.FLAG: "BOOLEAN",
    Type.NUMBERED: "INTEGER",
    Type.COUNT: "BIGINT",
    Type.DEGREES: "DOUBLE",
    Type.NAMES: "VARCHAR[]",
    Type.JSON: "VARCHAR",
}
FILE = "incidents.parquet"
SETTINGS: dict[str, str | int] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,  # Parquet and JSON are built in; nothing is fetched from anywhere
    "memory_limit": "256MiB",
    "threads": 1,
}
ROW_GROUP = 8192
"""Rows of a row group. DuckDB holds them until the group is whole: some kilobytes each."""
LEAST_BUFFER = 1 << 20
MOST_MADE = 2
"""Files that are made at once; each has DuckDB's memory and a thread."""
making = Slots(MOST_MADE, "files of Parquet that are being made", TooManyExports)
STOPPING_SECONDS = 0.5
"""How long the service waits at its end for files that are broken off."""
STOP_AGAIN_SECONDS = 0.05
T = TypeVar("T")


def connection(folder: Path) -> "DuckDBPyConnection":
    """DuckDB on nothing, with a folder for what it cannot hold in memory."""
    import duckdb

    return duckdb.connect(":memory:", config={**SETTINGS, "temp_directory": str(folder)})


async def chunks(slices: AsyncIterator[list[str]], fields: Sequence[str] | None) -> AsyncGenerator[bytes]:
    """The bytes of a Parquet file of incidents. Raises what `open_file` raises, before its first byte."""
    file = await open_file(slices, fields)
    async for chunk in file.chunks():
        yield chunk


async def open_file(slices: AsyncIterator[list[str]], fields: Sequence[str] | None, address: str = "") -> OpenFile:
    """A Parquet file of incidents, which has no name any more. Raises `OSError` where there is no room for it.

    Raises `TooManyExports` where `MOST_MADE` are being made, and `ShareTaken` where this client address has its share.
    """
    with making.one(address), temporary_folder() as folder:
        return OpenFile(await write(slices, fields, folder))


async def all_cleared() -> None:
    """Waits until files that were broken off are removed: a process that ends on a signal does nothing more."""
    with suppress(TimeoutError):
        async with asyncio.timeout(STOPPING_SECONDS):
            while making.taken:
                await asyncio.sleep(0.01)


async def write(
    slices: AsyncIterator[list[str]], fields: Sequence[str] | None, folder: Path, *, partitioned: bool = False
) -> Path:
    """Writes incidents as Parquet inside of a folder of its own, in their order. Returns the file, or its folder.

    Partitioned, it is `country=ML/year=2019/incidents.parquet`, as Hive has it; without incidents an empty folder.
    """
    made, longest = folder / FILE, LEAST_BUFFER
    columns = file_columns(fields, partitioned)
    if partitioned:
        made.mkdir()
    else:
        _rows_of(made).touch()
    async for items in slices:
        longest = max(longest, await _in_thread(partial(_append, made, items, columns, partitioned)))
    await _converted(folder, {name: TYPES[COLUMNS[name].type] for name in columns}, longest)
    return made


def file_columns(fields: Sequence[str] | None, partitioned: bool) -> list[str]:
    """The columns of a file. Partitioned, its folders state the country, and the year that sums count it in."""
    return [name for name in incident_columns(fields) if not (partitioned and name == "country")]


def _rows_of(file: Path) -> Path:
    """Where the rows of a Parquet file are gathered as lines of JSON."""
    return file.with_suffix(".rows")


def _append(made: Path, items: Sequence[str], columns: Sequence[str], partitioned: bool) -> int:
    """Adds incidents to the rows of their files. Returns the length of the longest line, in bytes."""
    lines: dict[Path, list[bytes]] = {}
    for item in map(orjson.loads, items):
        file = made / f"country={item['country']}" / f"year={counted_day(item).year}" / FILE if partitioned else made
        line = orjson.dumps(_row(item, columns), option=orjson.OPT_APPEND_NEWLINE)
        lines.setdefault(file, []).append(line)
    for file, told in lines.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        with _rows_of(file).open("ab") as out:
            out.writelines(told)
    return max(len(line) for told in lines.values() for line in told)


def _row(item: Mapping[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    values = incident_values(item)
    row = {name: values[name] for name in columns}
    return row | {name: orjson.dumps(row[name]).decode() for name in _JSON if name in row}


_JSON = [name for name, column in COLUMNS.items() if column.type is Type.JSON]


async def _converted(folder: Path, types: Mapping[str, str], longest: int) -> None:
    """Makes Parquet of all rows.

    DuckDB's own PARTITION_BY loses the order of the rows, and holds all partitions in memory.
    """
    import duckdb

    stopped = threading.Event()
    with connection(folder) as duck:

        def stop() -> None:
            stopped.set()
            duck.interrupt()

        try:
            await _in_thread(partial(_convert, duck, folder, types, longest, stopped), stop)
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:  # the latter where it cannot swap
            raise OSError(errno.EIO, str(error).splitlines()[0]) from error


async def _in_thread(call: Callable[[], T], stop: Callable[[], None] = lambda: None) -> T:
    """Runs a call in a worker thread.

    Where the caller is cancelled, however often, the call is told to stop and waited for: it writes to a folder that is
    removed next. It is told again and again: DuckDB forgets an interrupt that comes before its statement begins.
    """
    work = asyncio.get_running_loop().run_in_executor(None, call)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            stop()
            with suppress(asyncio.CancelledError):
                await asyncio.wait([work], timeout=STOP_AGAIN_SECONDS)
        work.exception()  # which is of no interest to anybody now
        raise


def _convert(
    duck: "DuckDBPyConnection", folder: Path, types: Mapping[str, str], longest: int, stopped: threading.Event
) -> None:
    for rows in sorted(folder.rglob("*.rows")):
        if stopped.is_set():
            return
        target = str(rows.with_suffix(".parquet")).replace("'", "''")
        duck.execute(
            "COPY (FROM read_json($rows, format = 'newline_delimited', columns = $types, "
            "maximum_object_size = $longest, hive_partitioning = false)) "
            f"TO '{target}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})",
            {"rows": str(rows), "types": types, "longest": longest},
        )
        rows.unlink()
