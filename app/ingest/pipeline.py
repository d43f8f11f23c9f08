"""read → validate → write → report: the pipeline of seeds and of all importers."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from pydantic import BaseModel

from app.domain.incident import IncidentDraft
from app.domain.toll import TollReportDraft
from app.domain.validation import validated
from app.errors import AppError, HistoryTooLong, InvalidInput
from app.store.db.collector import paused_collector
from app.store.db.database import Database
from app.store.db.transaction import Transaction
from app.store.write.writer import Outcome, Writer, recording

BATCH = 500
"""Records written in one transaction."""
MAX_BATCH_LENGTH = 4 * 1024 * 1024
"""Characters of a batch; memory holds a few copies."""
MAX_REASONS = 100
"""Refused rows whose reasons are in the summary."""


@dataclass(frozen=True, slots=True)
class Item:
    """One record that was read: plain data, its kind, and its place in the file."""

    where: str
    data: Any
    kind: type[BaseModel] = IncidentDraft
    line: int = 0
    cells: Mapping[str, str] = field(default_factory=dict)
    """The original row, if it is from a table."""
    repairs: Sequence[str] = ()
    """Notes on repaired values."""
    fault: str | None = None
    """Why it cannot be read."""


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of an item: the id of the recorded incident or report, or the reason for refusing it."""

    item: Item
    outcome: Outcome
    id: str | None = None
    reason: str | None = None


@dataclass(slots=True)
class Summary:
    """The outcome of an import."""

    created: int = 0
    revised: int = 0
    unchanged: int = 0
    withdrawn: int = 0
    repaired: int = 0
    """Recorded items with repaired values."""
    refused: int = 0
    reasons: list[str] = field(default_factory=list)
    """Place and reason of the first refused items, one line each."""
    absent: list[str] = field(default_factory=list)
    """Incidents of the covered days that an earlier release lists and this one does not."""

    def count(self, result: Result) -> None:
        """Counts a result, unless it is deferred."""
        if result.outcome is Outcome.DEFERRED:
            return
        name = result.outcome.value
        setattr(self, name, getattr(self, name) + 1)
        if result.outcome is Outcome.REFUSED:
            if len(self.reasons) < MAX_REASONS:
                self.reasons.append(f"{result.item.where}: {result.reason}")
        elif result.item.repairs:
            self.repaired += 1


class Batch(Protocol):
    """Records the drafts of one transaction."""

    def prefetch(self, drafts: Sequence[Any]) -> None:
        """Looks up at once what recording these drafts will need."""

    def record(self, draft: Any) -> tuple[Outcome, str]:
        """Records one draft. Raises an `AppError` if it cannot be recorded."""

    def finish(self) -> None:
        """Called once the transaction is committed."""
        return


class Records(Batch):
    """Records incidents and toll reports that do not exist yet."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def prefetch(self, drafts: Sequence[IncidentDraft | TollReportDraft]) -> None:
        """Looks up at once what recording these drafts will need."""
        self._writer.prefetch(drafts)

    def record(self, draft: IncidentDraft | TollReportDraft) -> tuple[Outcome, str]:
        """Records one draft. Raises `Conflict` if a different record has its id."""
        if isinstance(draft, IncidentDraft):
            return self._writer.record_incident(draft)
        return self._writer.record_report(draft, [])


def ingest(
    items: Iterable[Item],
    database: Database,
    by: str,
    begin: Callable[[Writer], Batch] = Records,
    on_result: Callable[[Result], None] = lambda result: None,
    summary: Summary | None = None,
    *,
    can_read_confidential: bool = True,
    expect_allowed: Callable[[Transaction], None] = lambda transaction: None,
) -> Summary:
    """Records items in batches of one transaction each. Items that cannot be recorded are refused with a reason.

    If a whole batch is refused at its end, each of its items is recorded or refused in its own transaction.
    `on_result` gets each result after its commit. An import can be killed and repeated: nothing is lost or doubled.
    `can_read_confidential` is as in `Writer`. `expect_allowed` is called in the transaction of each batch; its error
    ends the import before that batch.
    """
    summary = Summary() if summary is None else summary
    record = partial(
        _record_batch,
        database=database,
        by=by,
        begin=begin,
        can_read_confidential=can_read_confidential,
        expect_allowed=expect_allowed,
    )
    for batch in _batches(items):
        for results in _recorded(batch, record):
            for result in results:
                summary.count(result)
                on_result(result)
    return summary


def _recorded(items: list[Item], record: Callable[[list[Item]], list[Result]]) -> Iterator[list[Result]]:
    """The results of a batch; of each item alone if an item makes the whole batch fail at its end."""
    try:
        results = record(items)
    except HistoryTooLong as error:
        if len(items) > 1:
            for item in items:
                yield from _recorded([item], record)
            return
        results = [Result(items[0], Outcome.REFUSED, reason=error.reason)]
    yield results


@paused_collector()
def _record_batch(
    items: list[Item],
    database: Database,
    by: str,
    begin: Callable[[Writer], Batch],
    can_read_confidential: bool,
    expect_allowed: Callable[[Transaction], None],
) -> list[Result]:
    drafts = [_validated(item) for item in items]
    with recording(database, by, can_read_confidential=can_read_confidential) as writer:
        expect_allowed(writer.appender.transaction)
        batch = begin(writer)
        batch.prefetch([draft for _, draft in drafts if not isinstance(draft, Result)])
        results = [
            draft if isinstance(draft, Result) else _record_item(writer, batch, item, draft) for item, draft in drafts
        ]
    batch.finish()
    return results


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    length = 0
    for item in items:
        batch.append(item)
        length += sum(map(len, item.cells.values()))
        if len(batch) == BATCH or length > MAX_BATCH_LENGTH:
            yield batch
            batch, length = [], 0
    if batch:
        yield batch


def _validated(item: Item) -> tuple[Item, BaseModel | Result]:
    if item.fault is not None:
        return item, Result(item, Outcome.REFUSED, reason=item.fault)
    try:
        return item, validated(item.kind, item.data)
    except InvalidInput as error:
        return item, Result(item, Outcome.REFUSED, reason=error.reason)


def _record_item(writer: Writer, batch: Batch, item: Item, draft: BaseModel) -> Result:
    try:
        with writer.appender.savepoint():
            return Result(item, *batch.record(draft))
    except AppError as error:
        return Result(item, Outcome.REFUSED, reason=error.reason)
