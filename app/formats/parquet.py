"""Parquet: one file, or a folder of files by country and year.

A Parquet file ends with its index, so the file is complete before its first byte is sent. pyarrow is imported when it
is first needed: a service that never writes Parquet does not pay for it.
"""

import asyncio
import ctypes
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import closing, suppress
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from app.domain.columns import COLUMNS, Type
from app.domain.incident import counted_day
from app.errors import TooManyExports
from app.formats.layouts.plain_incidents import incident_columns, incident_values
from app.formats.open_file import OpenFile
from app.store.db.slots import Slots
from app.store.maintenance.temporary import temporary_folder

if TYPE_CHECKING:
    import pyarrow as pa

FILE = "incidents.parquet"
ROW_GROUP_BYTES = 32 * 1024 * 1024
"""A row group is held in memory until it has this many bytes."""
T = TypeVar("T")
M_ARENA_MAX = -8
"""Of glibc: how many arenas there are. Each of a thread reserves 64 MiB of address space."""
SLICE_ROWS = 500
"""Rows of a partition that are converted together."""
MAX_MADE = 2
"""Files that are written at once; each holds a row group and a thread."""
# The allocator of pyarrow reserves a gigabyte of address space, which a limited process does not have.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
making = Slots(MAX_MADE, "Parquet exports", TooManyExports)
STOPPING_SECONDS = 0.5
"""How long a stopping service waits for cancelled files to be removed."""


async def chunks(slices: AsyncIterator[list[str]], fields: Sequence[str] | None) -> AsyncGenerator[bytes]:
    """The bytes of a Parquet file of incidents. Raises what `open_file` raises, before its first byte."""
    file = await open_file(slices, fields)
    async for chunk in file.chunks():
        yield chunk


async def open_file(slices: AsyncIterator[list[str]], fields: Sequence[str] | None, address: str = "") -> OpenFile:
    """A Parquet file of incidents that is already unlinked. Raises `OSError` where there is no room for it.

    Raises `TooManyExports` where `MAX_MADE` are being written, and `ShareTaken` where this client address has its
    share.
    """
    with making.one(address), temporary_folder() as folder:
        return OpenFile(await write(slices, fields, folder))


async def all_cleared() -> None:
    """Waits until cancelled files are removed: a process that ends on a signal cleans up nothing."""
    with suppress(TimeoutError):
        async with asyncio.timeout(STOPPING_SECONDS):
            while making.taken:
                await asyncio.sleep(0.01)


async def write(
    slices: AsyncIterator[list[str]], fields: Sequence[str] | None, folder: Path, *, partitioned: bool = False
) -> Path:
    """Writes incidents as Parquet into an empty folder, in their order. Returns the file, or the folder of partitions.

    Partitions are `country=ML/year=2019/incidents.parquet`, as in Hive. Without incidents the folder is empty.
    """
    target = folder / FILE
    if not partitioned:
        await _write_file(target, slices, incident_columns(fields))
        return target
    target.mkdir()
    async for items in slices:
        await _in_thread(partial(_spool, target, items))
    columns = [name for name in incident_columns(fields) if name != "country"]  # the folder's name has it
    for spooled in sorted(target.rglob("*.rows")):
        await _write_file(spooled.with_suffix(".parquet"), _spooled(spooled), columns)
        spooled.unlink()
    return target


def _spool(target: Path, items: Sequence[str]) -> None:
    """Appends incidents to the text files of their partitions: all partitions together may not fit into memory."""
    lines: dict[Path, list[str]] = {}
    for item in items:
        incident = orjson.loads(item)
        partition = target / f"country={incident['country']}" / f"year={counted_day(incident).year}"
        lines.setdefault(partition, []).append(f"{item}\n")
    for partition, items_of_partition in lines.items():
        partition.mkdir(parents=True, exist_ok=True)
        with (partition / FILE).with_suffix(".rows").open("a", encoding="utf-8") as out:
            out.writelines(items_of_partition)


async def _spooled(file: Path) -> AsyncGenerator[list[str]]:
    """The incidents of a partition, some at a time."""
    with file.open(encoding="utf-8", newline="\n") as lines:
        while items := list(islice(lines, SLICE_ROWS)):
            yield items


async def _write_file(file: Path, slices: AsyncIterator[list[str]], columns: Sequence[str]) -> None:
    with closing(await _in_thread(partial(_ParquetFile, file, columns))) as out:
        async for items in slices:
            await _in_thread(partial(out.append, items))
        await _in_thread(out.finish)


@cache
def _limit_address_space() -> None:
    """Each thread reserves address space for a stack and an arena: pyarrow gets few threads, and all share arenas."""
    import pyarrow as pa

    with suppress(AttributeError, OSError):  # where the C library is another
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)


class _ParquetFile:
    """A Parquet file that grows by row groups."""

    def __init__(self, file: Path, columns: Sequence[str]) -> None:
        from pyarrow.parquet import ParquetWriter

        _limit_address_space()
        self._schema = _schema(columns)
        self._file = file.open("wb")
        self._writer = ParquetWriter(self._file, self._schema, compression="zstd", store_schema=False)
        self._row_group: list[pa.Table] = []
        self._size = 0

    def append(self, items: Sequence[str]) -> None:
        """Adds incidents; writes a row group once it is large enough."""
        table = _table(items, self._schema)
        self._row_group.append(table)
        self._size += table.nbytes
        if self._size >= ROW_GROUP_BYTES:
            self._write_row_group()

    def finish(self) -> None:
        """Writes the last row group and the index."""
        if self._row_group:
            self._write_row_group()
        self._writer.close()

    def close(self) -> None:
        """Closes the file, also one that is given up."""
        self._writer.is_open = False  # else its finalizer would write an index
        self._file.close()

    def _write_row_group(self) -> None:
        import pyarrow as pa

        self._writer.write_table(pa.concat_tables(self._row_group))
        self._row_group, self._size = [], 0


def _schema(columns: Sequence[str]) -> "pa.Schema":
    import pyarrow as pa

    types = {
        Type.TEXT: pa.string(),
        Type.DAY: pa.date32(),
        Type.INSTANT: pa.timestamp("us", tz="UTC"),
        Type.FLAG: pa.bool_(),
        Type.NUMBERED: pa.int32(),
        Type.COUNT: pa.int64(),
        Type.DEGREES: pa.float64(),
        Type.NAMES: pa.list_(pa.string()),
        Type.JSON: pa.string(),
    }
    return pa.schema([(name, types[COLUMNS[name].type]) for name in columns])


def _table(items: Sequence[str], schema: "pa.Schema") -> "pa.Table":
    import pyarrow as pa

    as_text = [(column.name, pa.string() if pa.types.is_temporal(column.type) else column.type) for column in schema]
    rows = [_row(orjson.loads(item)) for item in items]
    return pa.Table.from_pylist(rows, schema=pa.schema(as_text)).cast(schema)


def _row(item: Mapping[str, Any]) -> dict[str, Any]:
    values = incident_values(item)
    return values | {name: orjson.dumps(values[name]).decode() for name in _JSON}


_JSON = [name for name, column in COLUMNS.items() if column.type is Type.JSON]


async def _in_thread(call: Callable[[], T]) -> T:
    """Runs a call in a worker thread. A cancelled caller waits for its end: it writes to a folder that is removed."""
    work = asyncio.get_running_loop().run_in_executor(None, call)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([work])
        work.exception()  # nobody needs it
        raise
