"""read → validate → write → report: the one way in for seeds and for every importer."""

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
"""Characters of a batch, which is held in memory some times over."""
MOST_REASONS = 100
"""Refusals that a summary repeats."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was read: plain data of a kind of record, and where it stands in its file."""

    where: str
    data: Any
    kind: type[BaseModel] = IncidentDraft
    line: int = 0
    cells: Mapping[str, str] = field(default_factory=dict)
    """The row as it stands in its file, where it is one of a table."""
    repairs: Sequence[str] = ()
    """What was put right."""
    fault: str | None = None
    """Why it cannot be read."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an item: recorded as an incident or report of this id, or refused for a reason."""

    item: Item
    outcome: Outcome
    id: str | None = None
    reason: str | None = None


@dataclass(slots=True)
class Summary:
    """What became of what was read."""

    created: int = 0
    revised: int = 0
    unchanged: int = 0
    withdrawn: int = 0
    repaired: int = 0
    """Of those that were taken."""
    refused: int = 0
    reasons: list[str] = field(default_factory=list)
    """One line for each of the first that were not taken: where it stands, and why."""
    absent: list[str] = field(default_factory=list)
    """Incidents of the same years that an earlier release listed and this one does not."""

    def count(self, result: Result) -> None:
        """Adds a result, unless it is counted at another time."""
        if result.outcome is Outcome.DEFERRED:
            return
        name = result.outcome.value
        setattr(self, name, getattr(self, name) + 1)
        if result.outcome is Outcome.REFUSED:
            if len(self.reasons) < MOST_REASONS:
                self.reasons.append(f"{result.item.where}: {result.reason}")
        elif result.item.repairs:
            self.repaired += 1


class Batch(Protocol):
    """What records the drafts of one transaction."""

    def prefetch(self, drafts: Sequence[Any]) -> None:
        """Reads what recording these will look up."""
        ...

    def record(self, draft: Any) -> tuple[Outcome, str]:
        """Records one. Raises an `AppError` for what cannot be recorded."""
        ...

    def finish(self) -> None:
        """Called once the transaction is committed."""
        ...


class Records:
    """Incidents and toll reports, which are recorded where they are not there yet."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def prefetch(self, drafts: Sequence[IncidentDraft | TollReportDraft]) -> None:
        """Reads what recording these will look up."""
        self._writer.prefetch(drafts)

    def record(self, draft: IncidentDraft | TollReportDraft) -> tuple[Outcome, str]:
        """One that is there must be the same, else `Conflict`."""
        if isinstance(draft, IncidentDraft):
            return self._writer.record_incident(draft)
        return self._writer.record_report(draft, [])

    def finish(self) -> None:
        """Nothing: all of it is the writer's."""


def ingest(
    items: Iterable[Item],
    database: Database,
    by: str,
    begin: Callable[[Writer], Batch] = Records,
    told: Callable[[Result], None] = lambda result: None,
    summary: Summary | None = None,
    *,
    can_read_confidential: bool = True,
    expect_allowed: Callable[[Transaction], None] = lambda transaction: None,
) -> Summary:
    """Writes what was read, in batches that are committed whole. What cannot be taken is refused with its reason.

    Where a batch is refused at its end because of something in it, each of its items is recorded in a transaction
    of its own, or refused.
    `told` hears each result once it is committed. Killed and begun again, nothing is lost or doubled.
    `can_read_confidential`: as in `Writer`. `expect_allowed` is called in each batch's transaction; what it raises ends
    the import before that batch.
    """
    summary = Summary() if summary is None else summary
    take = partial(
        _take,
        database=database,
        by=by,
        begin=begin,
        can_read_confidential=can_read_confidential,
        expect_allowed=expect_allowed,
    )
    for items_of_batch in _batches(items):
        for results in _taken(items_of_batch, take):
            for result in results:
                summary.count(result)
                told(result)
    return summary


def _taken(items: list[Item], take: Callable[[list[Item]], list[Result]]) -> Iterator[list[Result]]:
    """What became of a batch, or of each item of it where one of them is refused at the end of the batch only."""
    try:
        results = take(items)
    except HistoryTooLong as error:
        if len(items) > 1:
            for item in items:
                yield from _taken([item], take)
            return
        results = [Result(items[0], Outcome.REFUSED, reason=error.reason)]
    yield results


@paused_collector()
def _take(
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
            draft if isinstance(draft, Result) else _recorded(writer, batch, item, draft) for item, draft in drafts
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


def _recorded(writer: Writer, batch: Batch, item: Item, draft: BaseModel) -> Result:
    try:
        with writer.appender.savepoint():
            return Result(item, *batch.record(draft))
    except AppError as error:
        return Result(item, Outcome.REFUSED, reason=error.reason)
