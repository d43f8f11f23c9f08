"""read → validate → write → report: the one way in for seeds and for every importer."""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from app.domain.incident import IncidentDraft
from app.domain.toll import TollReportDraft
from app.domain.validation import validated
from app.errors import AppError, InvalidInput
from app.store.engine import Database
from app.store.write import Outcome, Writer, recording

BATCH = 500
"""Records written in one transaction."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was read: an incident or a report as plain data, and where it stands in its file."""

    where: str
    data: dict[str, Any]
    kind: type[IncidentDraft] | type[TollReportDraft] = IncidentDraft


@dataclass(slots=True)
class Summary:
    """What became of what was read."""

    created: int = 0
    unchanged: int = 0
    refused: list[str] = field(default_factory=list)
    """One line for each record that was not taken: where it stands, and why."""


def ingest(items: Iterable[Item], database: Database, by: str) -> Summary:
    """Writes what was read, in batches that are committed whole. What cannot be taken is refused with its reason."""
    summary = Summary()
    for batch in _batches(items):
        with _collector_paused():
            _take(batch, database, by, summary)
    return summary


def _take(batch: list[Item], database: Database, by: str, summary: Summary) -> None:
    drafts = [(item.where, draft) for item in batch if (draft := _validated(item, summary))]
    with recording(database, by) as writer:
        writer.foresee([draft for _, draft in drafts])
        for where, draft in drafts:
            _write(writer, where, draft, summary)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """No search for unreachable cycles inside.

    A batch makes many objects that live until it is written and have none: they would be walked again and again.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    for item in items:
        batch.append(item)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _validated(item: Item, summary: Summary) -> IncidentDraft | TollReportDraft | None:
    try:
        return validated(item.kind, item.data)
    except InvalidInput as error:
        summary.refused.append(f"{item.where}: {error.detail}")
        return None


def _write(writer: Writer, where: str, draft: IncidentDraft | TollReportDraft, summary: Summary) -> None:
    try:
        with writer.whole():
            if isinstance(draft, IncidentDraft):
                outcome, _ = writer.record_incident(draft)
            else:
                outcome, _ = writer.record_report(draft, [])
    except AppError as error:
        summary.refused.append(f"{where}: {error.detail}")
        return
    if outcome is Outcome.CREATED:
        summary.created += 1
    else:
        summary.unchanged += 1
