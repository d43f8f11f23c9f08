"""Tables in files: CSV, Excel workbooks and JSON, also compressed. Rows are read one at a time, so length is no limit.

The content decides what a file is. A row that cannot be read is returned with the reason, and reading continues.
"""

import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.domain.written_days import DayOrder
from app.errors import FieldError, InvalidInput, echo
from app.ingest.limits import BeyondLimit, Budget
from app.ingest.packed_files import DAMAGED, READ_SIZE, TableFinder, WatchedFile
from app.ingest.rows import Row
from app.ingest.text_files import Fits


@dataclass(frozen=True, slots=True)
class InputTable:
    """A file as a table: its columns, in lower case, and its rows."""

    name: str
    columns: Sequence[str]
    rows: Iterator[Row]
    day_orders: Mapping[str, DayOrder | None] = field(default_factory=dict)
    """For columns of dates: whether the day or the month comes first. Found by reading the whole file before."""


def rejected(path: Path, reason: str) -> InvalidInput:
    """The error for a file that is rejected as a whole."""
    return InvalidInput([FieldError("file", reason, path.name, "body")])


@contextmanager
def open_table(
    path: Path,
    on_progress: Callable[[int], None] = lambda bytes_read: None,
    fits: Fits = lambda columns: False,
) -> Iterator[InputTable]:
    """Opens a file as a table. `on_progress` gets the bytes read so far, at every read and while a file is unpacked.

    `fits` recognizes the wanted header, which may be below titles, on another sheet of a workbook or in one of several
    files of an archive. Raises `InvalidInput` if the file is not a table.
    """
    with ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            watched = WatchedFile(file, lambda: on_progress(file.tell()))
            finder = TableFinder(fits, Budget(path.stat().st_size, watched.on_read), stack)
            columns, rows = finder.find(io.BufferedReader(watched, READ_SIZE))
            _check_columns(columns)
        except DAMAGED as error:
            system_reason = error.strerror if isinstance(error, OSError) else None
            raise rejected(path, system_reason or f"cannot be read ({_first_line(error)})") from None
        except (ValueError, BeyondLimit) as error:
            raise rejected(path, str(error)) from None
        yield InputTable(path.name, columns, _until_damaged(path, rows))


def _first_line(error: Exception) -> str:
    return echo(next(iter(str(error).splitlines()), type(error).__name__))


def _until_damaged(path: Path, rows: Iterator[Row]) -> Iterator[Row]:
    """The rows. Damage becomes a last row that cannot be read. Raises `InvalidInput` beyond a limit."""
    line = 1
    try:
        for row in rows:
            line = row.line
            yield row
    except BeyondLimit as error:
        raise rejected(path, str(error)) from None
    except (*DAMAGED, ValueError) as error:
        reason = f"the file is damaged from this row on ({_first_line(error)}); the rest was not read"
        yield Row(line + 1, {}, fault=reason)


def _check_columns(columns: Sequence[str]) -> None:
    counts = Counter(name for name in columns if name)
    if repeated := [name for name, count in counts.items() if count > 1]:
        raise ValueError(f"has the column {echo(min(repeated))} more than once")
    if not counts:
        raise ValueError("is empty")
