"""The day order of a file's dates, found by reading the whole file before anything is recorded."""

from collections.abc import Iterable, Iterator, Mapping

from app.domain.written_days import DayColumn, DayOrder
from app.errors import FieldError, InvalidInput
from app.ingest.files import InputTable
from app.ingest.rows import Row


class DaySurvey:
    """Whether columns of dates have the day or the month first: as stated by the importer, or as each column shows."""

    def __init__(self, columns: Iterable[str], given: DayOrder | None) -> None:
        self._given = given
        self._columns = {name: DayColumn() for name in columns}

    def watch(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yields the rows and examines their dates."""
        for row in rows:
            for name, column in self._columns.items():
                if cell := row.cells.get(name):
                    column.look(cell, row.line)
            yield row

    def orders(self, table: InputTable) -> Mapping[str, DayOrder | None]:
        """The order of each column. Raises `InvalidInput` with the columns whose order remains unclear."""
        if self._given is not None:
            return dict.fromkeys(self._columns, self._given)
        orders, faults = {}, []
        for name, column in self._columns.items():
            try:
                orders[name] = column.order
            except ValueError as error:
                why = f"column {name} {error}; pass --dates dmy or --dates mdy (over HTTP: dates=dmy)"
                faults.append(FieldError("file", why, table.name, "body"))
        if faults:
            raise InvalidInput(faults)
        return orders
