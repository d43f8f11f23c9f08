"""What an importer is: a reader of one format."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from app.domain.written_days import DayOrder
from app.ingest.files import InputTable
from app.ingest.pipeline import Batch, Item, Summary
from app.store.db.database import Database
from app.store.write.writer import Writer


class Importer(Protocol):
    """Reads one file of a format."""

    def begin(self, writer: Writer) -> Batch:
        """The recorder of one batch of the file."""

    def fits(self, columns: Sequence[str]) -> bool:
        """Whether these are columns of the format."""

    def survey(self, table: InputTable) -> Mapping[str, DayOrder | None]:
        """Reads the whole file before anything is recorded, and finds the day order of its columns of dates.

        Raises `InvalidInput` if the file has another format, or if the order remains unclear.
        """

    def items(self, table: InputTable) -> Iterator[Item]:
        """The rows of a file."""

    def read_again(self) -> bool:
        """Whether the file has to be read again."""
        return False

    def finish(self, database: Database, summary: Summary) -> None:
        """Adds to the summary what only the whole file shows."""
        return
